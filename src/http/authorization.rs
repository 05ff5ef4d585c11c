//! What `Authorization` is good for: a token that is demanded, and whose cart it is. Its value is a stranger's credential; it
//! is never kept or shown.

use std::sync::Arc;

use hyper::HeaderMap;
use hyper::header::{AUTHORIZATION, HeaderValue};
use sha2::{Digest, Sha256};

use crate::command::Owner;

/// A demanded token. Its text is never shown.
#[derive(Clone)]
pub struct Token(Arc<[u8]>);

impl Token {
    /// A token of these bytes.
    pub fn new(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }

    /// Whether the request brings it. Takes as long for a wrong byte at the beginning as for one at the end.
    pub(super) fn is_in(&self, headers: &HeaderMap) -> bool {
        let given = value(headers);
        let differs = given.iter().zip(&*self.0).fold(0, |differs, (given, wanted)| differs | (given ^ wanted));
        differs == 0 && given.len() == self.0.len()
    }
}

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
    fn neither_a_token_nor_an_owner_is_shown() {
        let shown = format!("{:?} {:?}", Token::new(b"letmein"), owner(&with(&["letmein"])));
        assert_eq!(shown, "Token(…) Owner(…)");
    }
}
