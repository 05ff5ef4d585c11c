//! Whether a server is on this machine, so that no network lies between.

use std::net::{IpAddr, Ipv6Addr};

/// Whether a host, by name or address, is this machine's loopback. Names other than `localhost` are not looked up: what a resolver
/// says may change, and be somebody else's word.
pub fn is_loopback(host: &str) -> bool {
    match host.parse::<IpAddr>() {
        Ok(address) => is_loopback_address(address),
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    }
}

/// Whether an address is one of loopback, also in the form of IPv6 for one of IPv4.
pub fn is_loopback_address(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_loopback(),
        IpAddr::V6(address) => {
            address == Ipv6Addr::LOCALHOST || address.to_ipv4_mapped().is_some_and(|address| address.is_loopback())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_loopback;

    #[test]
    fn loopback_is_known_by_its_addresses_and_one_name() {
        for host in ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1", "localhost", "LocalHost"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["0.0.0.0", "::", "10.0.0.1", "fe80::1", "::ffff:10.0.0.1", "localhost.example", "db", "", "127.1"]
        {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
