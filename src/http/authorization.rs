//! What `Authorization` is good for: a token that is demanded, and whose cart it is. Its value is a stranger's credential; it
//! is never kept or shown.

use std::sync::Arc;

use hyper::HeaderMap;
use hyper::header::{AUTHORIZATION, HeaderValue};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::command::Owner;

/// A demanded token. Its text is never shown.
#[derive(Clone)]
pub struct Token(Arc<[u8]>);

impl Token {
    /// A token of these bytes.
    pub fn new(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }

    /// Whether the request brings it.
    pub(super) fn is_in(&self, headers: &HeaderMap) -> bool {
        self.is(value(headers))
    }

    /// Whether the request brings it, by itself or as a bearer token (RFC 6750 §2.1).
    pub(super) fn is_borne_in(&self, headers: &HeaderMap) -> bool {
        const SCHEME: &[u8] = b"Bearer ";
        let given = value(headers);
        let named = given.split_at_checked(SCHEME.len()).filter(|(scheme, _)| scheme.eq_ignore_ascii_case(SCHEME));
        self.is(named.map_or(given, |(_, token)| token.trim_ascii_start()))
    }

    /// Whether it is these bytes. Takes as long for a wrong byte at the beginning as for one at the end, and the compiler is kept from
    /// finding a shorter way. Of the token only its length can be learnt by measuring.
    fn is(&self, given: &[u8]) -> bool {
        given.ct_eq(&self.0).into()
    }
}

impl PartialEq for Token {
    fn eq(&self, other: &Self) -> bool {
        self.is(&other.0)
    }
}

impl Eq for Token {}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

/// Whose cart a request is about. Requests without a value, or with an empty one, share one cart; where a token is demanded
/// all bring the same value, and so do all.
pub(super) fn owner(headers: &HeaderMap) -> Owner {
    Owner(Sha256::digest(value(headers)).into())
}

/// The value, of several the first, as it was sent; empty if there is none.
fn value(headers: &HeaderMap) -> &[u8] {
    headers.get(AUTHORIZATION).map(HeaderValue::as_bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(values: &[&'static str]) -> HeaderMap {
        values.iter().map(|value| (AUTHORIZATION, HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn every_value_has_a_cart_and_no_value_has_one_too() {
        let nobody = owner(&HeaderMap::new());
        assert_eq!(owner(&with(&[""])), nobody);
        let values = ["a", "A", "a ", "Bearer a", "b", "e3b0c44298fc1c149afbf4c8996fb924"];
        let owners: std::collections::BTreeSet<_> = values.iter().map(|value| owner(&with(&[value]))).collect();
        assert_eq!(owners.len(), values.len());
        assert!(!owners.contains(&nobody));
        assert_eq!(owner(&with(&["a", "b"])), owner(&with(&["a"])));
    }

    #[test]
    fn an_owner_is_the_sha_256_of_the_value() {
        // The digest of "abc" as FIPS 180-4 gives it.
        let Owner(digest) = owner(&with(&["abc"]));
        assert_eq!(digest[..4], [0xba, 0x78, 0x16, 0xbf]);
        assert_eq!(digest[28..], [0xf2, 0x00, 0x15, 0xad]);
    }

    #[test]
    fn a_token_is_borne_by_itself_or_behind_its_scheme() {
        let token = Token::new(b"letmein");
        for value in ["letmein", "Bearer letmein", "bearer letmein", "Bearer  letmein"] {
            assert!(token.is_borne_in(&with(&[value])), "{value:?}");
        }
        for value in ["", "Bearer", "Bearer ", "letmeix", "Bearer letmeix", "letmein2", "letmei", "Basic letmein"] {
            assert!(!token.is_borne_in(&with(&[value])), "{value:?}");
        }
        assert!(!token.is_borne_in(&HeaderMap::new()) && !token.is_in(&with(&["Bearer letmein"])));
        assert!(token == Token::new(b"letmein") && token != Token::new(b"letmeout"));
    }

    #[test]
    fn neither_a_token_nor_an_owner_is_shown() {
        let shown = format!("{:?} {:?}", Token::new(b"letmein"), owner(&with(&["letmein"])));
        assert_eq!(shown, "Token(…) Owner(…)");
    }
}
