//! Where an answer came from, and how `Cache-Status` says so (RFC 9211).

use std::fmt;

use hyper::header::HeaderValue;

/// Where an answer came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Stored in this process, and proved.
    HitL1,
    /// Stored in Redis, and proved.
    HitL2,
    /// Known without looking: nothing can be there.
    HitFilter,
    /// Nothing was stored: asked of the origin, and stored.
    Miss,
    /// Something outdated or expired was stored: asked of the origin, and stored.
    Refetched,
    /// Answered by a fetch that another request had begun.
    Collapsed,
    /// Asked of the origin for this request alone.
    Unstored,
    /// Never stored.
    Bypass,
    /// Stored, and last proved so many seconds ago: the origin could not be asked in time.
    StaleOrigin(u64),
    /// Stored, and last proved so many seconds ago: in grace after a soft purge.
    StalePurge(u64),
}

impl Outcome {
    /// Whether it is one of the two that are told to whoever gets them: the label.
    pub const fn is_stale(self) -> bool {
        matches!(self, Self::StaleOrigin(_) | Self::StalePurge(_))
    }

    /// The value of `Cache-Status`, ready to send.
    pub fn cache_status(self) -> HeaderValue {
        let constant = match self {
            Self::HitL1 => "atelier-edge; hit; detail=l1",
            Self::HitL2 => "atelier-edge; hit; detail=l2",
            Self::HitFilter => "atelier-edge; hit; detail=filter",
            Self::Miss => "atelier-edge; fwd=uri-miss; stored",
            Self::Refetched => "atelier-edge; fwd=stale; stored",
            Self::Collapsed => "atelier-edge; fwd=uri-miss; collapsed",
            Self::Unstored => "atelier-edge; fwd=uri-miss",
            Self::Bypass => "atelier-edge; fwd=bypass",
            Self::StaleOrigin(seconds) => return label(seconds, "stale-origin"),
            Self::StalePurge(seconds) => return label(seconds, "stale-purge"),
        };
        HeaderValue::from_static(constant)
    }
}

/// The label. What is stale has been so for some time, so it says at least one second.
fn label(seconds: u64, detail: &str) -> HeaderValue {
    let text = format!("atelier-edge; hit; ttl=-{}; detail={detail}", seconds.max(1));
    // Digits and constants are always valid in a header.
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("atelier-edge; hit; ttl=-1; detail=stale-origin"))
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(self.cache_status().as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Outcome; 10] = [
        Outcome::HitL1,
        Outcome::HitL2,
        Outcome::HitFilter,
        Outcome::Miss,
        Outcome::Refetched,
        Outcome::Collapsed,
        Outcome::Unstored,
        Outcome::Bypass,
        Outcome::StaleOrigin(3600),
        Outcome::StalePurge(0),
    ];

    /// The value of a parameter of a structured field, as far as Cache-Status has any (RFC 9651).
    #[derive(Debug, PartialEq, Eq)]
    enum Item {
        True,
        Integer(i64),
        Token(String),
    }

    /// The one member of a list of tokens with parameters.
    fn parsed(text: &str) -> (String, Vec<(String, Item)>) {
        let is_token = |text: &str| {
            let mut bytes = text.bytes();
            bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'*')
                && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~:/".contains(&byte))
        };
        assert!(!text.contains(','), "one member: {text}");
        let mut parts = text.split(';');
        let name = parts.next().unwrap();
        assert!(is_token(name), "{text}");
        let parameter = |part: &str| {
            let (key, value) =
                part.trim_start_matches(' ').split_once('=').map_or((part.trim(), None), |(k, v)| (k, Some(v)));
            assert!(key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{text}");
            let item = match value {
                None => Item::True,
                Some(value) if is_token(value) => Item::Token(value.to_owned()),
                Some(value) => Item::Integer(value.parse().unwrap_or_else(|_| panic!("{text}"))),
            };
            (key.to_owned(), item)
        };
        (name.to_owned(), parts.map(parameter).collect())
    }

    #[test]
    fn cache_status_is_one_member_that_was_hit_or_went_forward() {
        let token = |text: &str| Item::Token(text.to_owned());
        for outcome in ALL {
            let text = outcome.to_string();
            let (name, parameters) = parsed(&text);
            assert_eq!(name, "atelier-edge");
            let of = |key: &str| {
                let mut values = parameters.iter().filter(|(found, _)| found == key).map(|(_, value)| value);
                let value = values.next();
                assert_eq!(values.next(), None, "{text}: {key} twice");
                value
            };
            let (hit, forward) = (of("hit") == Some(&Item::True), of("fwd"));
            assert!(hit != forward.is_some(), "{text}");
            let reasons = ["bypass", "method", "uri-miss", "vary-miss", "miss", "request", "stale", "partial"];
            assert!(forward.is_none_or(|why| reasons.map(token).contains(why)), "{text}");
            assert!(!hit || of("stored").or(of("collapsed")).is_none(), "{text}");
            let late = matches!(of("ttl"), Some(Item::Integer(..=-1)));
            assert_eq!(late, outcome.is_stale(), "{text}");
            let label = [token("stale-origin"), token("stale-purge")];
            assert_eq!(of("detail").is_some_and(|detail| label.contains(detail)), outcome.is_stale(), "{text}");
            let known = ["hit", "fwd", "stored", "collapsed", "ttl", "detail"];
            assert!(parameters.iter().all(|(key, _)| known.contains(&key.as_str())), "{text}");
        }
    }

    #[test]
    fn the_label_says_for_how_long() {
        assert_eq!(Outcome::StaleOrigin(0).to_string(), "atelier-edge; hit; ttl=-1; detail=stale-origin");
        assert_eq!(Outcome::StalePurge(73).to_string(), "atelier-edge; hit; ttl=-73; detail=stale-purge");
        assert!(Outcome::StalePurge(1).is_stale() && !Outcome::HitL1.is_stale() && !Outcome::Bypass.is_stale());
    }
}
