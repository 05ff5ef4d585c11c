//! Sockets: bind, accept, limit, drain. What a request means is not known here.

mod complaint;
mod connection;
mod descriptors;
mod drain;
mod head_timer;
mod service;
mod socket;
mod stall;
mod trouble;

use std::net::SocketAddr;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tracing::{error, info, warn};

use self::complaint::Complaint;
use self::service::Handed;
use crate::answering::Answering;
use crate::metrics::{Place, metrics};

pub use self::descriptors::raise as raise_descriptors;
pub use self::drain::Drain;
pub use self::socket::bind;

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

/// How long accepting pauses when the process or the machine is out of descriptors or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long requests have that are under way when a drain is hurried: what is nearly done is done, and who waits for more is not waited
/// for.
const HURRY: Duration = Duration::from_secs(1);

/// Serves `listener` until `drain` begins, then lets the connections end; returns when all have, or at the drain's limit. With
/// each request `handle` is told the address that it came from.
pub async fn run<B, H>(listener: TcpListener, handle: H, mut limits: watch::Receiver<Limits>, drain: Drain)
where
    B: hyper::body::Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    H: Fn(Request<Incoming>, SocketAddr) -> Answering<B> + Clone + Send + Sync + 'static,
{
    let mut connections = tokio::task::JoinSet::new();
    let (mut failures, mut shortages) = (Complaint::default(), Complaint::default());
    socket::prepare(&listener, &limits.borrow());
    loop {
        while let Some(ended) = connections.try_join_next() {
            note(&ended);
        }
        if limits.has_changed().unwrap_or(false) {
            socket::prepare(&listener, &limits.borrow_and_update());
        }
        // Room is looked for first, so that connections above the limit wait in the backlog and cost nothing here.
        let (name, most, is_first) = {
            let limits = limits.borrow();
            (limits.name, limits.connections, limits.is_first)
        };
        metrics().open(name, connections.len(), most);
        if connections.len() >= most {
            tokio::select! {
                Some(ended) = connections.join_next() => note(&ended),
                () = another(&mut limits) => {}
                () = drain.begun() => break,
            }
            continue;
        }
        if !is_first && !descriptors::are_left(&listener) {
            metrics().descriptor_waits.inc();
            if let Some(so_far) = shortages.again() {
                let open = connections.len();
                warn!(listener = name, open, so_far, "connections wait for descriptors; open: {open}");
            }
            tokio::select! {
                Some(ended) = connections.join_next() => note(&ended),
                () = tokio::time::sleep(ACCEPT_PAUSE) => {}
                () = drain.begun() => break,
            }
            continue;
        }
        let accepted = tokio::select! {
            // In this order: a limit that was lowered counts for whoever comes next.
            biased;
            () = drain.begun() => break,
            () = another(&mut limits) => continue,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                metrics().accepted_at(name);
                connections.spawn(serve(stream, peer, handle.clone(), limits.clone(), drain.clone()));
            }
            Err(error) => {
                metrics().accept_errors.inc();
                if let Some(so_far) = failures.again() {
                    warn!(listener = name, %error, so_far, "a connection could not be accepted: {error}");
                }
                if trouble::will_last(&error) {
                    tokio::select! {
                        () = tokio::time::sleep(ACCEPT_PAUSE) => {}
                        () = drain.begun() => break,
                    }
                }
            }
        }
    }

    drop(listener);
    // Tasks that have ended are no connections any more.
    while connections.try_join_next().is_some() {}
    let limits = limits.borrow().clone();
    let (name, open) = (limits.name, connections.len());
    info!(listener = name, open, "draining: the {name} listener is closed, connections still open: {open}");
    let ended = async { while connections.join_next().await.is_some() {} };
    let hurried = async {
        drain.hurried().await;
        tokio::time::sleep(HURRY).await;
    };
    let ended = tokio::select! {
        () = ended => true,
        () = tokio::time::sleep(limits.drain_max) => false,
        () = hurried => false,
    };
    if !ended {
        let open = connections.len();
        warn!(listener = name, open, "closing connections that did not end within the drain: {open}");
        connections.shutdown().await;
    }
}

/// Counts a connection whose task panicked: what answers on it has its own net, so that is a fault of a library or of this module.
fn note(ended: &Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        metrics().panicked(Place::Connection);
        error!(%error, "a connection ended with a panic");
    }
}

/// Waits until the limits are others, and leaves that to be seen. When nobody can change them any more, for ever.
async fn another(limits: &mut watch::Receiver<Limits>) {
    if limits.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
    limits.mark_changed();
}

async fn serve<B, H>(stream: TcpStream, peer: SocketAddr, handle: H, limits: watch::Receiver<Limits>, drain: Drain)
where
    B: hyper::body::Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    H: Fn(Request<Incoming>, SocketAddr) -> Answering<B> + Send + Sync + 'static,
{
    let handed = Handed { handle, peer, drain, asked: AtomicBool::new(false) };
    connection::serve(stream, &handed, &limits).await;
}
