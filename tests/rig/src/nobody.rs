//! An address where nobody listens, and nobody will: its port is taken.

use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::OwnedFd;

use rustix::net::{AddressFamily, SocketType, bind, getsockname, socket};

/// A port of loopback at which connections are refused as long as this is held.
#[derive(Debug)]
pub struct Nobody {
    address: SocketAddr,
    _socket: OwnedFd,
}

impl Nobody {
    /// Takes a port without listening there. One that is only free would soon be some other server's.
    #[expect(clippy::new_without_default, reason = "it takes a port")]
    pub fn new() -> Self {
        let socket = socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket can be made");
        bind(&socket, &SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).expect("loopback has a free port");
        let address = getsockname(&socket).expect("a bound socket has an address");
        Self { address: address.try_into().expect("it is an address of IPv4"), _socket: socket }
    }

    /// Where nobody is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}
