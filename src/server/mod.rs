//! Sockets: bind, accept, limit, drain. What a request means is not known here.

mod accept;
mod complaint;
mod connection;
mod crowded;
mod descriptors;
mod drain;
mod head_timer;
mod inherited;
mod service;
mod socket;
mod stall;
mod trouble;

use std::net::SocketAddr;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use tokio::sync::watch;
use tracing::{info, warn};

use self::accept::Acceptor;
use crate::answering::Answering;

pub use self::crowded::Crowded;
pub use self::descriptors::raise as raise_descriptors;
pub use self::drain::Drain;
pub use self::inherited::Inherited;
pub use self::socket::Listener;

/// Limits of one listener. They may change while it serves: a connection obeys those for heads, writes and buffers that were in force
/// when it was accepted, everything else those that are.
#[derive(Clone, Debug)]
pub struct Limits {
    /// What the listener is called in logs.
    pub name: &'static str,
    /// How many connections are served at once. The others wait in the backlog.
    pub connections: usize,
    /// How long a request's head may take; also how long a connection may be idle.
    pub head_time: Duration,
    /// The most bytes of a request's head.
    pub head_size: usize,
    /// How long a client may take nothing of an answer that waits for it.
    pub write_stall: Duration,
    /// How much memory the kernel may take for what a client has not taken yet.
    pub send_buffer: usize,
    /// Whether it may have the last descriptors of the process.
    pub is_first: bool,
    /// How long idle connections are left to their clients to close, once a drain has begun.
    pub drain_idle: Duration,
    /// When a drain ends, whatever is still open.
    pub drain_max: Duration,
}

impl Limits {
    /// The limits of the admin listener beside this one: it has few connections, and waits for none of them.
    pub fn of_admin(&self) -> Self {
        Self { name: "admin", connections: 64, drain_idle: Duration::ZERO, is_first: true, ..self.clone() }
    }

    /// Limits for a test that is about one of them.
    #[cfg(test)]
    fn example() -> Self {
        Self {
            name: "public",
            connections: 10,
            head_time: Duration::from_secs(15),
            head_size: 16 << 10,
            write_stall: Duration::from_secs(10),
            send_buffer: 256 << 10,
            is_first: false,
            drain_idle: Duration::from_secs(11),
            drain_max: Duration::from_secs(15),
        }
    }
}

/// How long requests have that are under way when a drain is hurried: what is nearly done is done, and who waits for more is not waited
/// for.
const HURRY: Duration = Duration::from_secs(1);

/// Serves `listener` until `drain` begins, then lets the connections end; returns when all have, or at the drain's limit. With
/// each request `handle` is told the address that it came from.
///
/// A listener that outlives this process is served for somewhat longer: until the connections that were there have ended, or their
/// clients have had their time to end them. So between this process and the next there are only requests that are just being answered.
pub async fn run<B, H>(listener: Listener, handle: H, limits: watch::Receiver<Limits>, drain: Drain)
where
    B: hyper::body::Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    H: Fn(Request<Incoming>, SocketAddr) -> Answering<B> + Clone + Send + Sync + 'static,
{
    let outlives = listener.outlives;
    let mut acceptor = Acceptor::new(listener, handle, limits.clone(), drain.clone());
    acceptor.accept_until(drain.begun()).await;
    let limits = limits.borrow().clone();
    let deadline = tokio::time::Instant::now() + limits.drain_max;
    if outlives {
        acceptor.hand_over(limits.drain_idle).await;
    }

    let mut connections = acceptor.close();
    let (name, open) = (limits.name, connections.open());
    let what = if outlives { "left to the next process" } else { "closed" };
    info!(listener = name, open, "draining: the {name} listener is {what}, connections still open: {open}");
    let hurried = async {
        drain.hurried().await;
        tokio::time::sleep(HURRY).await;
    };
    let ended = tokio::select! {
        () = connections.ended() => true,
        () = tokio::time::sleep_until(deadline) => false,
        () = hurried => false,
    };
    if !ended {
        let open = connections.open();
        warn!(listener = name, open, "closing connections that did not end within the drain: {open}");
        connections.shutdown().await;
    }
}
