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

    #[test]
    fn the_label_says_for_how_long() {
        assert_eq!(Outcome::StaleOrigin(0).to_string(), "atelier-edge; hit; ttl=-1; detail=stale-origin");
        assert_eq!(Outcome::StalePurge(73).to_string(), "atelier-edge; hit; ttl=-73; detail=stale-purge");
        assert!(Outcome::StalePurge(1).is_stale() && !Outcome::HitL1.is_stale() && !Outcome::Bypass.is_stale());
    }
}
