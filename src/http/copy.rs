//! Bodies that are made from an entry's, for one request.

use bytes::Bytes;

/// The body with another `count`. In our own documents the first `"count":` is the key: texts come later, and a quote
/// within a text is escaped.
pub(super) fn with_count(body: &[u8], count: u64) -> Option<Bytes> {
    const NAME: &[u8] = b"\"count\":";
    let begin = body.windows(NAME.len()).position(|part| part == NAME)? + NAME.len();
    let length = body[begin..].iter().position(|byte| !byte.is_ascii_digit())?;
    Some([&body[..begin], count.to_string().as_bytes(), &body[begin + length..]].concat().into())
}

/// The `features` of a product's body: its last member.
pub(super) fn features(body: &Bytes) -> Option<Bytes> {
    const NAME: &[u8] = b",\"features\":";
    let begin = body.windows(NAME.len()).position(|part| part == NAME)? + NAME.len();
    Some(body.slice(begin..body.len().checked_sub(1)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_written_over_the_first_one_of_the_document() {
        let body = br#"{"product":"2","page":0,"count":10000,"results":[{"body":"\"count\":7","count":7}]}"#;
        let expected =
            r#"{"product":"2","page":0,"count":9007199254740991,"results":[{"body":"\"count\":7","count":7}]}"#;
        assert_eq!(with_count(body, 9_007_199_254_740_991).unwrap(), expected);
        assert_eq!(with_count(br#"{"count":5}"#, 50_000).unwrap(), r#"{"count":50000}"#);
        assert!(with_count(br#"{"product_id":"2","results":[]}"#, 1).is_none());
        assert!(with_count(br#"{"count":"#, 1).is_none());
    }

    #[test]
    fn features_are_the_last_member_of_a_product() {
        let product = |name: &str, features: &str| {
            Bytes::from(format!(r#"{{"id":1,"name":"{name}","default_price":"1.00","features":{features}}}"#))
        };
        for list in ["[]", r#"[{"feature":"Frame","value":null}]"#] {
            assert_eq!(features(&product("n", list)).unwrap(), list);
            // Within a text every quote has a backslash, so the name of the member cannot be found there.
            assert_eq!(features(&product(r#"n,\"features\":[]"#, list)).unwrap(), list);
        }
        assert!(features(&Bytes::from_static(br#"{"id":1}"#)).is_none());
        assert!(features(&Bytes::new()).is_none());
    }
}
