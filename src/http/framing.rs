//! What hyper lets through in a request's head although two servers in a row could read it in two ways.

use hyper::HeaderMap;
use hyper::header::{HeaderValue, TRANSFER_ENCODING};

/// Whether this can be a host. HTTP/1.1 has exactly one (RFC 9112 §3.2), and older versions may have none: `Fields::is_sound`.
#[inline]
pub(super) fn can_be_host(host: &HeaderValue) -> bool {
    host.as_bytes().iter().all(|byte| IN_HOST[usize::from(*byte)])
}

/// The bytes of `reg-name / IP-literal [":" port]` (RFC 3986 §3.2.2).
pub(super) fn may_be_in_host(byte: u8) -> bool {
    IN_HOST[usize::from(byte)]
}

/// A table, because it is looked into for every byte of every `Host`.
const IN_HOST: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        let marks = b"-._~%!$&'()*+,;=:[]";
        let mut mark = 0;
        while mark < marks.len() {
            if marks[mark] == byte {
                table[byte as usize] = true;
            }
            mark += 1;
        }
        if byte.is_ascii_alphanumeric() {
            table[byte as usize] = true;
        }
        byte += 1;
    }
    table
};

/// The only transfer coding is chunked, said once. Of other codings nothing here could tell where the body ends.
pub(super) fn ends_plainly(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => true,
        (Some(coding), None) => HeaderValue::as_bytes(coding).eq_ignore_ascii_case(b"chunked"),
        (Some(_), Some(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use hyper::Version;
    use hyper::header::HOST;

    use super::*;
    use crate::http::fields::Fields;

    fn sound(version: Version, name: &hyper::header::HeaderName, values: &[&'static str]) -> bool {
        let mut headers: HeaderMap =
            values.iter().map(|value| (name.clone(), HeaderValue::from_static(value))).collect();
        if *name != HOST {
            headers.insert(HOST, HeaderValue::from_static("a"));
        }
        Fields::of(&headers).is_sound(version)
    }

    #[test]
    fn a_request_has_one_host_that_can_be_one() {
        let one = |values: &[&'static str]| sound(Version::HTTP_11, &HOST, values);
        for host in ["shop.example", "shop.example:8080", "127.0.0.1", "[::1]:80", "a_b-c.d~", ""] {
            assert!(one(&[host]), "{host:?}");
        }
        for host in ["a b", "a/c", "u@a", "a,b\tc", "\"a\"", "a?b", "a#b", "a\\b"] {
            assert!(!one(&[host]), "{host:?}");
        }
        assert!(!one(&[]) && !one(&["a", "a"]) && !one(&["a", "b", "c"]));
        assert!(sound(Version::HTTP_10, &HOST, &[]));
        assert!(!sound(Version::HTTP_10, &HOST, &["a", "b"]));
    }

    #[test]
    fn a_body_ends_by_length_or_by_one_plain_chunked() {
        let plain = |values: &[&'static str]| sound(Version::HTTP_11, &TRANSFER_ENCODING, values);
        assert!(plain(&[]) && plain(&["chunked"]) && plain(&["Chunked"]));
        for values in [&["gzip, chunked"][..], &["chunked, identity"], &["chunked", "chunked"], &["identity"], &[""]] {
            assert!(!plain(values), "{values:?}");
        }
    }
}
