//! Sockets: bind, accept, limit, drain. What a request means is not known here.

mod connection;
mod drain;

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::{Request, Response};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tracing::{info, warn};

pub use self::drain::Drain;

/// Limits of one listener. They may change while it serves: a connection obeys those for heads that were in force when it was
/// accepted, everything else those that are.
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
    /// How long idle connections are left to their clients to close, once a drain has begun.
    pub drain_idle: Duration,
    /// When a drain ends, whatever is still open.
    pub drain_max: Duration,
}

impl Limits {
    /// The limits of the admin listener beside this one: it has few connections, and waits for none of them.
    pub fn of_admin(&self) -> Self {
        Self { name: "admin", connections: 64, drain_idle: Duration::ZERO, ..self.clone() }
    }
}

/// How many connections wait to be accepted. The kernel caps it at `net.core.somaxconn`.
const BACKLOG: u32 = 4096;

/// How long accepting pauses when the process or the machine is out of descriptors or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long requests have that are under way when a drain is hurried: what is nearly done is done, and who waits for more is not waited
/// for.
const HURRY: Duration = Duration::from_secs(1);

/// Log lines about failed accepts come no faster than this.
const ACCEPT_COMPLAINT: Duration = Duration::from_secs(10);

/// Binds `address`.
///
/// # Errors
/// When the address is taken or not this machine's.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { tokio::net::TcpSocket::new_v4()? } else { tokio::net::TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves `listener` until `drain` begins, then lets the connections end; returns when all have, or at the drain's limit. With
/// each request `handle` is told the address that it came from.
pub async fn run<B, H, F>(listener: TcpListener, handle: H, mut limits: watch::Receiver<Limits>, drain: Drain)
where
    B: hyper::body::Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    H: Fn(Request<Incoming>, SocketAddr) -> F + Clone + Send + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
{
    let mut connections = tokio::task::JoinSet::new();
    let mut complained: Option<tokio::time::Instant> = None;
    loop {
        while connections.try_join_next().is_some() {}
        // Room is looked for first, so that connections above the limit wait in the backlog and cost nothing here.
        if connections.len() >= limits.borrow_and_update().connections {
            tokio::select! {
                _ended = connections.join_next() => {}
                () = another(&mut limits) => {}
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
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => continue,
            Err(error) => {
                if complained.is_none_or(|last| last.elapsed() >= ACCEPT_COMPLAINT) {
                    warn!(%error, "a connection could not be accepted");
                    complained = Some(tokio::time::Instant::now());
                }
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        connections.spawn(serve(stream, peer, handle.clone(), limits.clone(), drain.clone()));
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

/// Waits until the limits are others. When nobody can change them any more, for ever.
async fn another(limits: &mut watch::Receiver<Limits>) {
    if limits.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}

async fn serve<B, H, F>(stream: TcpStream, peer: SocketAddr, handle: H, limits: watch::Receiver<Limits>, drain: Drain)
where
    B: hyper::body::Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    H: Fn(Request<Incoming>, SocketAddr) -> F + Clone + Send + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
{
    // Answers are written whole; waiting to fill a packet would only delay the last one.
    let _ = stream.set_nodelay(true);
    let draining = drain.clone();
    let asked = Arc::new(AtomicBool::new(false));
    let asks = Arc::clone(&asked);
    let service = hyper::service::service_fn(move |request| {
        asks.store(true, Ordering::Relaxed);
        let answer = handle(request, peer);
        let draining = draining.clone();
        async move {
            let mut response = answer.await;
            if draining.has_begun() {
                let close = hyper::header::HeaderValue::from_static("close");
                response.headers_mut().insert(hyper::header::CONNECTION, close);
            }
            Ok::<_, Infallible>(response)
        }
    });
    connection::serve(stream, service, &limits, &drain, &asked).await;
}
