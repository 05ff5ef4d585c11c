//! One connection, from accept to close.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tracing::debug;

use super::stall::Patient;
use super::{Drain, Limits, trouble};
use crate::cause::Causes;

/// The most bytes of requests that are read ahead. hyper's own limit is about 400 KiB for each connection.
const READ_AHEAD: usize = 32 << 10;

/// Serves requests until the client closes, something is wrong with the connection, or a drain ends it. `asked` says whether
/// a request has come on it so far; `brief` is how long it may be idle if it came during a drain.
pub(super) async fn serve<B, S>(
    stream: TcpStream,
    service: S,
    limits: &watch::Receiver<Limits>,
    drain: &Drain,
    asked: &AtomicBool,
    brief: Option<Duration>,
) where
    B: hyper::body::Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
{
    let (head_time, head_size, write_stall) = {
        let limits = limits.borrow();
        (limits.head_time, limits.head_size, limits.write_stall)
    };
    let stream = Patient::new(stream, write_stall);
    let mut builder = http1::Builder::new();
    // Without a timer hyper enforces no timeout at all.
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(head_time)
        .max_header_size(head_size)
        .max_buf_size(READ_AHEAD.max(head_size))
        .half_close(true);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));

    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = idle_end(drain, limits, brief) => {
            // hyper would go on waiting for a first request, until the head's time is up.
            if !asked.load(Ordering::Relaxed) {
                return;
            }
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        trouble::count(&error);
        debug!(error = %Causes(&error), "a connection ended with an error");
    }
}

/// When a drain has been under way for so long that idle connections are closed from here. Closing them at once would race
/// with requests that their clients have just sent; until then every answer tells the client to close.
async fn idle_end(drain: &Drain, limits: &watch::Receiver<Limits>, brief: Option<Duration>) {
    drain.begun().await;
    let idle = limits.borrow().drain_idle;
    let idle = brief.map_or(idle, |brief| brief.min(idle));
    tokio::select! {
        () = tokio::time::sleep(idle) => {}
        () = drain.hurried() => {}
    }
}
