//! Which encoding a client gets (RFC 9110 §12.5.3).

use hyper::HeaderMap;
use hyper::header::{ACCEPT_ENCODING, HeaderValue};

use crate::entry::{Document, Encoding, Variant};

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

    /// The variant the client likes best of those there are. When it accepts none of them it gets the body as it is.
    pub(super) fn choose(self, document: &Document) -> (Encoding, &Variant) {
        let brotli = document.brotli.as_deref().filter(|_| self.brotli > 0 && self.brotli >= self.identity);
        let gzip = document.gzip.as_deref().filter(|_| self.gzip > 0 && self.gzip >= self.identity);
        match (brotli, gzip) {
            (Some(brotli), Some(_)) if self.brotli >= self.gzip => (Encoding::Brotli, brotli),
            (_, Some(gzip)) => (Encoding::Gzip, gzip),
            (Some(brotli), None) => (Encoding::Brotli, brotli),
            (None, None) => (Encoding::Identity, &document.identity),
        }
    }
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
        let document = Document::new("0123456789".repeat(500).into());
        assert!(document.gzip.is_some() && document.brotli.is_some());
        Accepted::of(&headers).choose(&document).0
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
        let document = Document::new("[]".into());
        let accepted = Accepted { brotli: 1000, gzip: 1000, identity: 0 };
        assert_eq!(accepted.choose(&document).0, Encoding::Identity);
    }
}
