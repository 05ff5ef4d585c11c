//! The names that this server answers to, if they are given.

use std::str::FromStr;
use std::sync::Arc;

use hyper::header::{HOST, HeaderValue};
use hyper::http::request::Parts;

use super::framing;

/// The names, each with or without a port. None are all: then nothing is looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hosts(Option<Arc<[Box<str>]>>);

impl FromStr for Hosts {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let host = |name: &str| match name.trim() {
            "" => Err("holds an empty name".to_owned()),
            name if name.bytes().all(framing::may_be_in_host) && !name.contains(',') => Ok(name.into()),
            name => Err(format!("holds {name:?}, which is not the name of a host")),
        };
        Ok(Self(Some(text.split(',').map(host).collect::<Result<_, _>>()?)))
    }
}

impl Hosts {
    /// Whether a request is for one of them. What a target in absolute form says counts more than its Host (RFC 9112 §3.2.2).
    pub(super) fn include(&self, head: &Parts) -> bool {
        let Some(hosts) = &self.0 else { return true };
        let by_target = head.uri.authority().map(|authority| authority.as_str().as_bytes());
        let Some(asked) = by_target.or_else(|| head.headers.get(HOST).map(HeaderValue::as_bytes)) else {
            return false;
        };
        let bare = without_port(asked);
        hosts.iter().any(|host| {
            let host = host.as_bytes();
            host.eq_ignore_ascii_case(asked) || host.eq_ignore_ascii_case(bare)
        })
    }
}

/// A host without its port; the colons of an IPv6 address are within brackets.
fn without_port(host: &[u8]) -> &[u8] {
    match host.iter().rposition(|byte| *byte == b':') {
        Some(colon) if host[colon + 1..].iter().all(u8::is_ascii_digit) && !host[colon..].contains(&b']') => {
            &host[..colon]
        }
        Some(_) | None => host,
    }
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    #[test]
    fn a_request_is_for_one_of_the_names_or_not() {
        let names: Hosts = "shop.example, api.example:8443,[::1]".parse().unwrap();
        let includes = |hosts: &Hosts, target: &str, host: Option<&str>| {
            let mut request = Request::builder().uri(target);
            if let Some(host) = host {
                request = request.header(HOST, host);
            }
            hosts.include(&request.body(()).unwrap().into_parts().0)
        };
        for host in ["shop.example", "SHOP.example", "shop.example:80", "api.example:8443", "[::1]", "[::1]:8080"] {
            assert!(includes(&names, "/", Some(host)), "{host}");
        }
        for host in ["", "example", "a.shop.example", "shop.example.", "api.example", "api.example:80", "[::2]", "::1"]
        {
            assert!(!includes(&names, "/", Some(host)), "{host}");
            assert!(includes(&Hosts::default(), "/", Some(host)), "{host}");
        }
        assert!(!includes(&names, "/", None));
        assert!(includes(&names, "http://shop.example:81/", Some("evil")));
        assert!(!includes(&names, "http://evil/", Some("shop.example")));
        assert!(!includes(&names, "http://shop.example@evil/", Some("shop.example")));
    }

    #[test]
    fn what_is_no_list_of_names_is_refused() {
        for text in ["", "a,", ",", "a b", "http://a", "a/b", "a,,b"] {
            assert!(text.parse::<Hosts>().is_err(), "{text:?}");
        }
    }
}
