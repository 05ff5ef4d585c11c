//! What hyper lets through in a request's head although two servers in a row could read it in two ways.

use hyper::header::{HOST, HeaderValue, TRANSFER_ENCODING};
use hyper::http::request::Parts;
use hyper::{HeaderMap, Version};

/// Whether the head says one thing only: where it is meant for, and where its body ends.
pub(super) fn is_sound(head: &Parts) -> bool {
    has_one_host(head.version, &head.headers) && ends_plainly(&head.headers)
}

/// HTTP/1.1 has exactly one Host (RFC 9112 §3.2), and older versions may have none.
fn has_one_host(version: Version, headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.as_bytes().iter().all(|byte| may_be_in_host(*byte)),
        (None, _) => version < Version::HTTP_11,
        (Some(_), Some(_)) => false,
    }
}

/// The bytes of `reg-name / IP-literal [":" port]` (RFC 3986 §3.2.2).
pub(super) fn may_be_in_host(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=:[]".contains(&byte)
}

/// The only transfer coding is chunked, said once. Of other codings nothing here could tell where the body ends.
fn ends_plainly(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => true,
        (Some(coding), None) => HeaderValue::as_bytes(coding).eq_ignore_ascii_case(b"chunked"),
        (Some(_), Some(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &hyper::header::HeaderName, values: &[&'static str]) -> HeaderMap {
        values.iter().map(|value| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn a_request_has_one_host_that_can_be_one() {
        let sound = |values: &[&'static str]| has_one_host(Version::HTTP_11, &headers(&HOST, values));
        for host in ["shop.example", "shop.example:8080", "127.0.0.1", "[::1]:80", "a_b-c.d~", ""] {
            assert!(sound(&[host]), "{host:?}");
        }
        for host in ["a b", "a/c", "u@a", "a,b\tc", "\"a\"", "a?b", "a#b", "a\\b"] {
            assert!(!sound(&[host]), "{host:?}");
        }
        assert!(!sound(&[]) && !sound(&["a", "a"]));
        assert!(has_one_host(Version::HTTP_10, &headers(&HOST, &[])));
        assert!(!has_one_host(Version::HTTP_10, &headers(&HOST, &["a", "b"])));
    }

    #[test]
    fn a_body_ends_by_length_or_by_one_plain_chunked() {
        let plain = |values: &[&'static str]| ends_plainly(&headers(&TRANSFER_ENCODING, values));
        assert!(plain(&[]) && plain(&["chunked"]) && plain(&["Chunked"]));
        for values in [&["gzip, chunked"][..], &["chunked, identity"], &["chunked", "chunked"], &["identity"], &[""]] {
            assert!(!plain(values), "{values:?}");
        }
    }
}
