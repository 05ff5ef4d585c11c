//! `If-None-Match` (RFC 9110 §13.1.2).

use hyper::HeaderMap;
use hyper::header::{HeaderValue, IF_NONE_MATCH};

/// Whether the client already has what would be sent. Validators compare weakly; a list that cannot be read matches
/// nothing.
pub(super) fn unchanged(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    headers.get_all(IF_NONE_MATCH).iter().any(|value| matches(value.as_bytes(), etag.as_bytes()))
}

fn matches(mut list: &[u8], etag: &[u8]) -> bool {
    if list.trim_ascii() == b"*" {
        return true;
    }
    let mut found = false;
    loop {
        list = list.trim_ascii_start();
        if let Some(rest) = list.strip_prefix(b",") {
            list = rest;
            continue;
        }
        if list.is_empty() {
            return found;
        }
        // A validator may hold commas, so the list is read from quote to quote.
        let tag = list.strip_prefix(b"W/").unwrap_or(list);
        let Some(inner) = tag.strip_prefix(b"\"") else {
            return false;
        };
        let Some(length) = inner.iter().position(|byte| *byte == b'"') else {
            return false;
        };
        found |= &tag[..length + 2] == etag;
        list = inner[length + 1..].trim_ascii_start();
        if !list.is_empty() && !list.starts_with(b",") {
            return false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn validators_compare_weakly_in_lists_that_can_be_read() {
        let table: [(&[u8], bool); 16] = [
            (b"\"a\"", true),
            (b"W/\"a\"", true),
            (b"*", true),
            (b" * ", true),
            (b"\"x\", \"a\"", true),
            (b"\"x\" ,, W/\"a\" ,", true),
            (b"\"x,\\\", \"a\"", true),
            (b"\"x\"", false),
            (b"a", false),
            (b"\"a", false),
            (b"w/\"a\"", false),
            (b"\"a\" \"b\"", false),
            (b"\"a\", b", false),
            (b"", false),
            (b"\"\"", false),
            (b"*, \"x\"", false),
        ];
        for (list, expected) in table {
            assert_eq!(matches(list, b"\"a\""), expected, "{}", String::from_utf8_lossy(list));
        }
    }
}
