//! `Atelier-Min-Ord`: the token of a write that a read is to see.

use hyper::HeaderMap;
use hyper::header::HeaderName;

use crate::stamp::OrdToken;

pub(super) const ATELIER_MIN_ORD: HeaderName = HeaderName::from_static("atelier-min-ord");

/// The token that a request brings. One that cannot be read is none, and so are several: of a strange header nothing is asked.
pub fn of(headers: &HeaderMap) -> Option<OrdToken> {
    let mut values = headers.get_all(ATELIER_MIN_ORD).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok()?.parse().ok(),
        (None, _) | (Some(_), Some(_)) => None,
    }
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;
    use crate::stamp::Stamp;

    #[test]
    fn one_token_that_can_be_read_is_taken() {
        let token = OrdToken { epoch: 0x0a1b_2c3d, stamp: Stamp::new(48_318_382_079) };
        let table: [(&[&'static [u8]], Option<OrdToken>); 7] = [
            (&[], None),
            (&[b"0a1b2c3d.48318382079"], Some(token)),
            (&[b"0a1b2c3d.48318382079", b"0a1b2c3d.48318382079"], None),
            (&[b""], None),
            (&[b"0a1b2c3d"], None),
            (&[b"0a1b2c3d.48318382079, 0a1b2c3d.1"], None),
            (&[b"\xff"], None),
        ];
        for (values, expected) in table {
            let value = |value: &&'static [u8]| HeaderValue::from_bytes(value).unwrap();
            let headers = values.iter().map(|text| (ATELIER_MIN_ORD, value(text))).collect();
            assert_eq!(of(&headers), expected, "{values:?}");
        }
    }
}
