//! Which encoding a client gets (RFC 9110 §12.5.3).

use hyper::HeaderMap;
use hyper::header::{ACCEPT_ENCODING, HeaderValue};

use crate::entry::{Document, Encoding, State, Variant};

/// What a client accepts, in thousandths: 0 is "not acceptable".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Accepted {
    brotli: u16,
    gzip: u16,
    identity: u16,
}

impl Accepted {
    /// What a client is sent who names none.
    pub(super) const IDENTITY: Self = Self { brotli: 0, gzip: 0, identity: 1 };

    /// What the only value of `Accept-Encoding` says, if it is one of those that nearly all clients send: browsers, nginx, programs.
    #[inline]
    pub(super) fn usual(value: &HeaderValue) -> Option<Self> {
        let both = Self { brotli: 1000, gzip: 1000, identity: 1 };
        match value.as_bytes() {
            b"gzip, deflate, br, zstd" | b"gzip, deflate, br" => Some(both),
            b"gzip" | b"gzip, deflate" => Some(Self { brotli: 0, ..both }),
            b"br" => Some(Self { gzip: 0, ..both }),
            b"identity" => Some(Self { brotli: 0, gzip: 0, identity: 1000 }),
            _ => None,
        }
    }

    /// Reads every `Accept-Encoding` of the request. Without one, or with nothing readable in it, the body goes as it is.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let mut values = headers.get_all(ACCEPT_ENCODING).iter().peekable();
        if values.peek().is_none() {
            return Self::IDENTITY;
        }
        let (mut brotli, mut gzip, mut identity, mut others) = (None, None, None, None);
        for member in values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')) {
            let Some((coding, quality)) = weighted(member) else {
                continue;
            };
            let slot = if coding.eq_ignore_ascii_case("br") {
                &mut brotli
            } else if coding.eq_ignore_ascii_case("gzip") || coding.eq_ignore_ascii_case("x-gzip") {
                &mut gzip
            } else if coding.eq_ignore_ascii_case("identity") {
                &mut identity
            } else if coding == "*" {
                &mut others
            } else {
                continue;
            };
            slot.get_or_insert(quality);
        }
        let encoded = |asked: Option<u16>| asked.or(others).unwrap_or(0);
        // Identity is acceptable unless excluded, and least wanted unless named.
        let identity = identity.unwrap_or(if others == Some(0) { 0 } else { 1 });
        Self { brotli: encoded(brotli), gzip: encoded(gzip), identity }
    }

    /// The variant the client likes best of those there can be, or which one has to be made before that is known. When it accepts none
    /// of them it gets the body as it is.
    #[inline]
    pub(super) fn choose(self, document: &Document) -> Choice<'_> {
        let mut likes = [(Encoding::Brotli, self.brotli), (Encoding::Gzip, self.gzip)];
        if self.gzip > self.brotli {
            likes.reverse();
        }
        for (encoding, quality) in likes {
            if quality == 0 || quality < self.identity {
                continue;
            }
            match document.state(encoding) {
                State::Made(variant) => return Choice::Is(encoding, variant),
                State::ToMake => return Choice::ToMake(encoding),
                State::Useless => {}
            }
        }
        Choice::Is(Encoding::Identity, &document.identity)
    }

    /// The same, made here where it has to be.
    pub(super) fn choose_now(self, document: &Document) -> (Encoding, &Variant) {
        loop {
            match self.choose(document) {
                Choice::Is(encoding, variant) => return (encoding, variant),
                Choice::ToMake(encoding) => document.make(encoding),
            }
        }
    }
}

/// What a client gets.
#[derive(Clone, Copy, Debug)]
pub(super) enum Choice<'d> {
    /// This.
    Is(Encoding, &'d Variant),
    /// This, if it pays, once it is made.
    ToMake(Encoding),
}

/// A coding with its weight; `None` when the member is not one.
fn weighted(member: &str) -> Option<(&str, u16)> {
    let (coding, weight) = match member.split_once(';') {
        Some((coding, weight)) => (coding.trim_ascii(), Some(weight.trim_ascii())),
        None => (member.trim_ascii(), None),
    };
    let quality = match weight {
        None => 1000,
        Some(weight) => quality(weight.strip_prefix("q=").or_else(|| weight.strip_prefix("Q="))?)?,
    };
    (!coding.is_empty()).then_some((coding, quality))
}

/// A weight in thousandths: 0 or 1, and up to three decimals.
fn quality(text: &str) -> Option<u16> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    if decimals.len() > 3 || !decimals.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let thousandths =
        decimals.bytes().chain([b'0'; 3]).take(3).fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'));
    match (whole, thousandths) {
        ("0", thousandths) => Some(thousandths),
        ("1", 0) => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(accept: &[&'static str]) -> Encoding {
        let mut headers = HeaderMap::new();
        for value in accept {
            headers.append(ACCEPT_ENCODING, HeaderValue::from_static(value));
        }
        let document = Document::new("0123456789".repeat(500).as_bytes());
        let (chosen, _) = Accepted::of(&headers).choose_now(&document);
        let made: Vec<_> = document.variants().map(|(encoding, _)| encoding).collect();
        assert!(made == [Encoding::Identity, chosen] || made == [chosen], "no more than was asked for: {made:?}");
        chosen
    }

    #[test]
    fn the_best_that_is_accepted_is_chosen() {
        use Encoding::{Brotli, Gzip, Identity};
        let table: [(&[&'static str], Encoding); 23] = [
            (&[], Identity),
            (&[""], Identity),
            (&["gzip"], Gzip),
            (&["GZIP"], Gzip),
            (&["x-gzip"], Gzip),
            (&["br"], Brotli),
            (&["gzip, deflate, br, zstd"], Brotli),
            (&["gzip", "br"], Brotli),
            (&["br;q=0.5, gzip"], Gzip),
            (&["br;q=0.5, gzip;q=0.499"], Brotli),
            (&["br;q=0, gzip"], Gzip),
            (&["br;q=0"], Identity),
            (&["gzip;q=0"], Identity),
            (&["*"], Brotli),
            (&["*;q=0"], Identity),
            (&["*;q=0, gzip"], Gzip),
            (&["br;q=0, *"], Gzip),
            (&["identity;q=0"], Identity),
            (&["identity;q=0, gzip;q=0.001"], Gzip),
            (&["identity, gzip;q=0.5"], Identity),
            (&["gzip;q=0.5"], Gzip),
            (&["gzip;q=1.5, br;q=x, ;q=1, deflate"], Identity),
            (&["gzip ; q=0.8 , br;level=3"], Gzip),
        ];
        for (accept, expected) in table {
            assert_eq!(chosen(accept), expected, "{accept:?}");
        }
        for usual in ["gzip, deflate, br, zstd", "gzip, deflate, br", "gzip", "gzip, deflate", "br", "identity"] {
            let value = HeaderValue::from_static(usual);
            let headers = [(ACCEPT_ENCODING, value.clone())].into_iter().collect();
            assert_eq!(Accepted::usual(&value), Some(Accepted::of(&headers)), "{usual}");
        }
        assert_eq!(Accepted::usual(&HeaderValue::from_static("br;q=0")), None);
    }

    #[test]
    fn a_short_body_goes_as_it_is() {
        let document = Document::new(b"[]");
        let accepted = Accepted { brotli: 1000, gzip: 1000, identity: 0 };
        assert_eq!(accepted.choose_now(&document).0, Encoding::Identity);
    }

    #[test]
    fn what_does_not_pay_in_one_encoding_is_sent_in_the_next() {
        let accepted = Accepted { brotli: 1000, gzip: 500, identity: 1 };
        let document = Document::new("0123456789".repeat(500).as_bytes());
        assert!(matches!(accepted.choose(&document), Choice::ToMake(Encoding::Brotli)));
        document.give_up(Encoding::Brotli);
        assert!(matches!(accepted.choose(&document), Choice::ToMake(Encoding::Gzip)));
        assert_eq!(accepted.choose_now(&document).0, Encoding::Gzip);
        document.make(Encoding::Gzip);
        assert!(matches!(accepted.choose(&document), Choice::Is(Encoding::Gzip, _)));
    }
}
