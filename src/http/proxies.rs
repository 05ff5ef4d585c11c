//! What a proxy in front says of the client and of the request: believed only of proxies that are named in the settings.

use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};
use ipnet::IpNet;

const X_REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");

/// The name by which a request is found in the logs of proxy and node.
pub(super) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What the request is a part of (W3C Trace Context).
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Networks whose requests come from a proxy of ours. None: nobody is believed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies(Option<Arc<[IpNet]>>);

impl FromStr for Proxies {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let network = |text: &str| {
            let text = text.trim();
            let network = text.parse().or_else(|_| text.parse().map(|address: IpAddr| IpNet::from(address)));
            network.map_err(|_| format!("holds {text:?}, which is no address or network such as 10.0.0.0/8"))
        };
        Ok(Self(Some(text.split(',').map(network).collect::<Result<_, _>>()?)))
    }
}

impl Proxies {
    /// Who asks: what a trusted proxy says in one `X-Real-IP`, else the other end of the connection.
    pub fn client(&self, headers: &HeaderMap, peer: IpAddr) -> IpAddr {
        let peer = peer.to_canonical();
        if !self.trust(peer) {
            return peer;
        }
        let said = only(headers, &X_REAL_IP).and_then(|value| value.to_str().ok()?.trim().parse().ok());
        said.map_or(peer, |client: IpAddr| client.to_canonical())
    }

    /// The name that a trusted proxy gave the request.
    pub(super) fn request_id(&self, headers: &HeaderMap, peer: IpAddr) -> Option<HeaderValue> {
        if !self.trust(peer.to_canonical()) {
            return None;
        }
        let id = only(headers, &X_REQUEST_ID)?;
        let is_one = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-';
        ((8..=64).contains(&id.len()) && id.as_bytes().iter().all(is_one)).then(|| id.clone())
    }

    /// What the request is called elsewhere, to be looked for when somebody wants to know.
    #[inline]
    pub(super) fn traced<'h>(&'h self, headers: &'h HeaderMap, peer: IpAddr) -> Traced<'h> {
        Traced { proxies: self, headers, peer }
    }

    fn trust(&self, peer: IpAddr) -> bool {
        self.0.as_ref().is_some_and(|networks| networks.iter().any(|network| network.contains(&peer)))
    }
}

/// Where the name of a trace may be found. Most requests are never asked for it, and pay nothing.
#[derive(Clone, Copy)]
pub(super) struct Traced<'h> {
    proxies: &'h Proxies,
    headers: &'h HeaderMap,
    peer: IpAddr,
}

impl<'h> Traced<'h> {
    /// The trace that a trusted proxy says the request is a part of.
    pub(super) fn trace_id(self) -> Option<&'h str> {
        if !self.proxies.trust(self.peer.to_canonical()) {
            return None;
        }
        trace_id(only(self.headers, &TRACEPARENT)?.to_str().ok()?)
    }
}

/// The trace of a `traceparent`: version, trace, parent and flags in lower hexadecimal. Versions to come may have more behind them; ff is
/// none, and neither is a trace or parent of zeros.
fn trace_id(value: &str) -> Option<&str> {
    let mut parts = value.split('-');
    let mut part = |digits: usize| {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        parts.next().filter(|part| part.len() == digits && part.bytes().all(is_digit))
    };
    let (version, trace, parent, _flags) = (part(2)?, part(32)?, part(16)?, part(2)?);
    let is_zero = |digits: &str| digits.bytes().all(|byte| byte == b'0');
    let ends = parts.next().is_none() || version != "00";
    (version != "ff" && ends && !is_zero(trace) && !is_zero(parent)).then_some(trace)
}

/// The value of a header that came once.
fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}

/// A name for a request that has none and went wrong.
pub(super) fn new_id() -> Option<HeaderValue> {
    HeaderValue::try_from(format!("{:016x}", fastrand::u64(..))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&HeaderName, &'static str)]) -> HeaderMap {
        lines.iter().map(|(name, value)| ((*name).clone(), HeaderValue::from_static(value))).collect()
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_client_is_whom_a_trusted_proxy_names_and_else_the_peer() {
        let proxies: Proxies = "10.0.0.0/8, 192.0.2.7,fd00::/8".parse().unwrap();
        let said = headers(&[(&X_REAL_IP, "203.0.113.9")]);
        for peer in ["10.1.2.3", "192.0.2.7", "::ffff:10.1.2.3", "fd00::1"] {
            assert_eq!(proxies.client(&said, address(peer)), address("203.0.113.9"), "{peer}");
        }
        for peer in ["11.0.0.1", "192.0.2.8", "fe80::1", "127.0.0.1"] {
            assert_eq!(proxies.client(&said, address(peer)), address(peer));
            assert_eq!(Proxies::default().client(&said, address(peer)), address(peer));
        }
        let peer = address("10.1.2.3");
        for lines in [
            &[][..],
            &[(&X_REAL_IP, "")],
            &[(&X_REAL_IP, "203.0.113.9, 1.1.1.1")],
            &[(&X_REAL_IP, "203.0.113.9:80")],
            &[(&X_REAL_IP, "203.0.113.9"), (&X_REAL_IP, "203.0.113.9")],
        ] {
            assert_eq!(proxies.client(&headers(lines), peer), peer, "{lines:?}");
        }
        assert_eq!(Proxies::default().client(&said, address("::ffff:1.2.3.4")), address("1.2.3.4"));
    }

    #[test]
    fn a_request_has_the_name_that_a_trusted_proxy_gave_it_if_it_is_one() {
        let proxies: Proxies = "10.0.0.1".parse().unwrap();
        let id = |value: &'static str| proxies.request_id(&headers(&[(&X_REQUEST_ID, value)]), address("10.0.0.1"));
        for name in ["0123abcd", "A-b-C-d-9", "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"] {
            assert_eq!(id(name).unwrap(), name);
        }
        for none in ["", "0123abc", "0123 abcd", "0123abcd\"", "0123_abcd", "0123abcd,0123abcd"] {
            assert_eq!(id(none), None, "{none:?}");
        }
        assert_eq!(id("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0"), None);
        let named = headers(&[(&X_REQUEST_ID, "0123abcd")]);
        assert_eq!(proxies.request_id(&named, address("10.0.0.2")), None);
        assert_eq!(Proxies::default().request_id(&named, address("10.0.0.1")), None);
        let twice = headers(&[(&X_REQUEST_ID, "0123abcd"), (&X_REQUEST_ID, "0123abcd")]);
        assert_eq!(proxies.request_id(&twice, address("10.0.0.1")), None);
        let made = new_id().unwrap();
        let again = proxies.request_id(&[(X_REQUEST_ID, made.clone())].into_iter().collect(), address("10.0.0.1"));
        assert_eq!(again, Some(made));
    }

    #[test]
    fn a_trace_is_what_a_trusted_proxy_says_if_it_is_one() {
        const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
        for value in [
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
            "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-the-future-brings",
        ] {
            assert_eq!(trace_id(value), Some(TRACE), "{value}");
        }
        for value in [
            "",
            "00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0\"",
        ] {
            assert_eq!(trace_id(value), None, "{value}");
        }
        let proxies: Proxies = "10.0.0.1".parse().unwrap();
        let said = headers(&[(&TRACEPARENT, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")]);
        assert_eq!(proxies.traced(&said, address("10.0.0.1")).trace_id(), Some(TRACE));
        assert_eq!(proxies.traced(&said, address("10.0.0.2")).trace_id(), None);
        assert_eq!(Proxies::default().traced(&said, address("10.0.0.1")).trace_id(), None);
    }

    #[test]
    fn what_is_no_list_of_networks_is_refused() {
        for text in ["", "10.0.0.0/33", "10.0.0", "localhost", "10.0.0.1,", "fd00::/129", "10.0.0.0/8 10.1.0.0/16"] {
            assert!(text.parse::<Proxies>().is_err(), "{text:?}");
        }
    }
}
