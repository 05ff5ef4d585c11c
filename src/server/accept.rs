//! Takes connections from a listener, as many as there may be, and has each served by a task of its own.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tracing::{error, warn};

use super::complaint::Complaint;
use super::service::Handed;
use super::{Crowded, Drain, Limits, Listener, connection, descriptors, socket, trouble};
use crate::answering::Answering;
use crate::metrics::{Place, metrics};

/// How long accepting pauses when the process or the machine is out of descriptors or memory.
const PAUSE: Duration = Duration::from_millis(100);

/// How long a connection may be idle that is accepted during a drain: who comes now comes to ask.
const BRIEF: Duration = Duration::from_millis(500);

/// A listener that is being served.
pub(super) struct Acceptor<H> {
    socket: TcpListener,
    crowded: Crowded,
    handle: H,
    limits: watch::Receiver<Limits>,
    drain: Drain,
    connections: JoinSet<()>,
    /// Those from before the drain, once they are told apart.
    earlier: JoinSet<()>,
    /// How long those may be idle that come now, if that is another time than for others.
    brief: Option<Duration>,
    failures: Complaint,
    shortages: Complaint,
}

impl<B, H> Acceptor<H>
where
    B: hyper::body::Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    H: Fn(Request<Incoming>, SocketAddr) -> Answering<B> + Clone + Send + Sync + 'static,
{
    pub(super) fn new(listener: Listener, handle: H, limits: watch::Receiver<Limits>, drain: Drain) -> Self {
        let Listener { socket, crowded, outlives: _ } = listener;
        socket::prepare(&socket, &limits.borrow());
        let (connections, earlier) = Default::default();
        let (failures, shortages) = Default::default();
        Self { socket, crowded, handle, limits, drain, connections, earlier, brief: None, failures, shortages }
    }

    /// Accepts until `end`.
    pub(super) async fn accept_until(&mut self, end: impl Future<Output = ()>) {
        let mut end = pin!(end);
        loop {
            while let Some(ended) = self.connections.try_join_next() {
                note(&ended);
            }
            if self.limits.has_changed().unwrap_or(false) {
                socket::prepare(&self.socket, &self.limits.borrow_and_update());
            }
            // Room is looked for first, so that connections above the limit wait in the backlog and cost nothing here.
            let (name, most, is_first) = {
                let limits = self.limits.borrow();
                (limits.name, limits.connections, limits.is_first)
            };
            metrics().room(name, most);
            if self.connections.len() >= most {
                self.crowded.set(true);
                tokio::select! {
                    Some(ended) = self.connections.join_next() => note(&ended),
                    () = another(&mut self.limits) => {}
                    () = end.as_mut() => break,
                }
                continue;
            }
            if !is_first && !descriptors::are_left(&self.socket) {
                self.crowded.set(true);
                metrics().descriptor_waits.inc();
                if let Some(so_far) = self.shortages.again() {
                    let open = self.connections.len();
                    warn!(listener = name, open, so_far, "connections wait for descriptors; open: {open}");
                }
                tokio::select! {
                    Some(ended) = self.connections.join_next() => note(&ended),
                    () = tokio::time::sleep(PAUSE) => {}
                    () = end.as_mut() => break,
                }
                continue;
            }
            self.crowded.set(false);
            let accepted = tokio::select! {
                // In this order: a limit that was lowered counts for whoever comes next.
                biased;
                () = end.as_mut() => break,
                () = another(&mut self.limits) => continue,
                accepted = self.socket.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => self.begin(stream, peer),
                Err(error) => {
                    metrics().accept_errors.inc();
                    if let Some(so_far) = self.failures.again() {
                        warn!(listener = name, %error, so_far, "a connection could not be accepted: {error}");
                    }
                    if trouble::will_last(&error) {
                        tokio::select! {
                            () = end.as_mut() => break,
                            () = tokio::time::sleep(PAUSE) => {}
                        }
                    }
                }
            }
        }
    }

    /// Goes on accepting, for one request each, until the connections that are there have ended, or have been idle for so long that they
    /// are closed.
    pub(super) async fn hand_over(&mut self, idle: Duration) {
        self.brief = Some(BRIEF);
        let mut earlier = std::mem::take(&mut self.connections);
        let drain = self.drain.clone();
        let end = async {
            tokio::select! {
                () = ended(&mut earlier) => {}
                () = tokio::time::sleep(idle) => {}
                () = drain.hurried() => {}
            }
        };
        self.accept_until(end).await;
        self.earlier = earlier;
    }

    /// Accepts nothing more.
    pub(super) fn close(self) -> Connections {
        Connections([self.connections, self.earlier])
    }

    fn begin(&mut self, stream: TcpStream, peer: SocketAddr) {
        let (handle, limits, drain, brief) = (self.handle.clone(), self.limits.clone(), self.drain.clone(), self.brief);
        let open = metrics().accept(self.limits.borrow().name);
        let handed = Handed { handle, peer, drain, asked: AtomicBool::new(false) };
        self.connections.spawn(async move {
            let _open = open;
            connection::serve(stream, &handed, &limits, brief).await;
        });
    }
}

/// Connections that are left to end.
pub(super) struct Connections([JoinSet<()>; 2]);

impl Connections {
    /// How many there are. Tasks that have ended are no connections any more.
    pub(super) fn open(&mut self) -> usize {
        self.0
            .iter_mut()
            .map(|connections| {
                while connections.try_join_next().is_some() {}
                connections.len()
            })
            .sum()
    }

    /// Waits until there are none.
    pub(super) async fn ended(&mut self) {
        for connections in &mut self.0 {
            ended(connections).await;
        }
    }

    /// Ends them.
    pub(super) async fn shutdown(&mut self) {
        for connections in &mut self.0 {
            connections.shutdown().await;
        }
    }
}

async fn ended(connections: &mut JoinSet<()>) {
    while let Some(ended) = connections.join_next().await {
        note(&ended);
    }
}

/// Counts a connection whose task panicked: what answers on it has its own net, so that is a fault of a library or of this module.
fn note(ended: &Result<(), JoinError>) {
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
