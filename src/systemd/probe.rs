//! A request of a node to itself, the way that clients take.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// A page of the list costs the database one statement each `ATELIER_TTL_LIST`, whatever is sold.
const REQUEST: &[u8] =
    b"HEAD /products?count=1 HTTP/1.1\r\nHost: localhost\r\nUser-Agent: atelier-edge-watchdog\r\nConnection: close\r\n\r\n";

/// How every answer begins.
const BEGIN: &[u8] = b"HTTP/1.1 ";

/// Whether whoever listens at `address` answers within `patience`. That it is an answer is enough: a node without a database has
/// none but 503, one for certain hosts none but 421, and both are alive.
pub(super) async fn answers(address: SocketAddr, patience: Duration) -> bool {
    timeout(patience, ask(reachable(address))).await.unwrap_or(false)
}

async fn ask(address: SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect(address).await else { return false };
    let mut answer = [0; BEGIN.len()];
    stream.write_all(REQUEST).await.is_ok() && stream.read_exact(&mut answer).await.is_ok() && answer == BEGIN
}

/// Where this machine reaches a socket that listens at `address`.
fn reachable(address: SocketAddr) -> SocketAddr {
    let loopback = if address.is_ipv4() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { IpAddr::V6(Ipv6Addr::LOCALHOST) };
    let ip = if address.ip().is_unspecified() { loopback } else { address.ip() };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    const PATIENCE: Duration = Duration::from_millis(300);

    #[test]
    fn a_socket_for_all_addresses_is_reached_over_loopback() {
        for (address, reached) in [
            ("0.0.0.0:80", "127.0.0.1:80"),
            ("[::]:80", "[::1]:80"),
            ("192.0.2.7:80", "192.0.2.7:80"),
            ("127.0.0.1:80", "127.0.0.1:80"),
        ] {
            assert_eq!(reachable(address.parse().unwrap()), reached.parse().unwrap());
        }
    }

    #[tokio::test]
    async fn only_an_answer_in_time_is_one() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        // The backlog takes the connection, and nobody answers.
        assert!(!answers(address, PATIENCE).await);
        let (answered, ()) = tokio::join!(answers(address, PATIENCE * 10), async {
            let (_left, _) = listener.accept().await.unwrap();
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(b"HTTP/1.1 503 Service Unavailable\r\n").await.unwrap();
        });
        assert!(answered);
        let (answered, ()) = tokio::join!(answers(address, PATIENCE * 10), async {
            listener.accept().await.unwrap().0.write_all(b"SSH-2.0-else\r\n").await.unwrap();
        });
        assert!(!answered);
        drop(listener);
        assert!(!answers(address, PATIENCE).await);
    }
}
