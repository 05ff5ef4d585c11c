//! The listening socket, and what accepted ones inherit from it.

use std::io;
use std::net::SocketAddr;

use rustix::net::sockopt;
use tokio::net::{TcpListener, TcpSocket};
use tracing::warn;

use super::{Crowded, Limits};

/// How many connections wait to be accepted. The kernel caps it at `net.core.somaxconn`.
const BACKLOG: u32 = 4096;

/// A socket that listens.
#[derive(Debug)]
pub struct Listener {
    pub(super) socket: TcpListener,
    /// Whether somebody else holds it, too, so that connections which are not accepted here wait for the next process.
    pub(super) outlives: bool,
    pub(super) crowded: Crowded,
}

impl Listener {
    /// Binds `address`.
    ///
    /// # Errors
    /// When the address is taken or not this machine's.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.set_reuseaddr(true)?;
        // From the beginning: what has come before anybody accepts has the options that the listener had then.
        socket.set_nodelay(true)?;
        socket.bind(address)?;
        Ok(Self { socket: socket.listen(BACKLOG)?, outlives: false, crowded: Crowded::default() })
    }

    /// A socket that systemd listens on, too.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub fn inherited(socket: std::net::TcpListener) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(Self { socket: TcpListener::from_std(socket)?, outlives: true, crowded: Crowded::default() })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// When the kernel does not say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Whether it is there without this process, too.
    pub fn outlives(&self) -> bool {
        self.outlives
    }

    /// Whether connections wait for others to end.
    pub fn crowded(&self) -> Crowded {
        self.crowded.clone()
    }
}

/// Sets what every socket has that is accepted from now on. Linux copies it from the one that listens, so it costs nothing for
/// each connection.
pub(super) fn prepare(listener: &TcpListener, limits: &Limits) {
    // Answers are written whole; waiting to fill a packet would only delay the last one.
    let nodelay = sockopt::set_tcp_nodelay(listener, true);
    // What the kernel holds for a client that does not read; the rest waits here as a reference to the entry. The kernel takes twice
    // as much as is set, for what packets cost besides their bytes.
    let buffer = sockopt::set_socket_send_buffer_size(listener, limits.send_buffer / 2);
    // A client that acknowledges nothing is gone. Without this the kernel goes on sending for a quarter of an hour.
    let patience = u32::try_from(limits.write_stall.as_millis()).unwrap_or(u32::MAX);
    let stall = sockopt::set_tcp_user_timeout(listener, patience);
    for (option, set) in [("TCP_NODELAY", nodelay), ("SO_SNDBUF", buffer), ("TCP_USER_TIMEOUT", stall)] {
        if let Err(error) = set {
            warn!(listener = limits.name, option, %error, "connections go without {option}: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn what_came_before_anybody_accepts_waits_for_no_packet_to_fill() {
        let listener = Listener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap().socket;
        let client = tokio::net::TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        prepare(&listener, &Limits::example());
        let (accepted, _) = listener.accept().await.unwrap();
        assert!(sockopt::tcp_nodelay(&accepted).unwrap());
        drop(client);
    }

    #[tokio::test]
    async fn what_is_accepted_has_what_was_set_on_the_listener_last() {
        let listener = Listener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap().socket;
        for (send_buffer, write_stall) in [(64 << 10, Duration::from_secs(3)), (128 << 10, Duration::from_millis(1500))]
        {
            prepare(&listener, &Limits { send_buffer, write_stall, ..Limits::example() });
            let client = tokio::net::TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            let (accepted, _) = listener.accept().await.unwrap();
            assert!(sockopt::tcp_nodelay(&accepted).unwrap());
            assert_eq!(u128::from(sockopt::tcp_user_timeout(&accepted).unwrap()), write_stall.as_millis());
            assert_eq!(sockopt::socket_send_buffer_size(&accepted).unwrap(), send_buffer);
            drop(client);
        }
    }
}
