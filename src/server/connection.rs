//! One connection, from accept to close.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tracing::debug;

use super::head_timer::{HeadAlarm, HeadTimer};
use super::service::Handed;
use super::stall::Patient;
use super::{Drain, Limits, trouble};
use crate::answering::Answering;
use crate::cause::Causes;

/// The most bytes of requests that are read ahead. hyper's own limit is about 400 KiB for each connection.
const READ_AHEAD: usize = 32 << 10;

/// Serves requests until the client closes, something is wrong with the connection, or a drain ends it. `brief` is
/// how long it may be idle if it came during a drain.
pub(super) async fn serve<B, H>(
    stream: TcpStream,
    handed: &Handed<H>,
    limits: &watch::Receiver<Limits>,
    brief: Option<Duration>,
) where
    B: hyper::body::Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    H: Fn(Request<Incoming>, SocketAddr) -> Answering<B>,
{
    let drain = &handed.drain;
    let (head_time, head_size, write_stall) = {
        let limits = limits.borrow();
        (limits.head_time, limits.head_size, limits.write_stall)
    };
    let stream = Patient::new(stream, write_stall);
    let mut builder = http1::Builder::new();
    // Without a timer hyper enforces no timeout at all.
    builder
        .timer(HeadTimer)
        .header_read_timeout(head_time)
        .max_header_size(head_size)
        .max_buf_size(READ_AHEAD.max(head_size))
        .half_close(true);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), handed));
    let mut alarm = HeadAlarm::default();
    let mut idle_end = pin!(idle_end(drain, limits, brief));
    // The drain wakes who has asked for its begin once, so that it needs no look at each request.
    let (mut waits, mut is_ending) = (false, false);

    let ended = poll_fn(|cx| {
        loop {
            if let Poll::Ready(ended) = alarm.around(|| connection.as_mut().poll(cx)) {
                return Poll::Ready(ended);
            }
            if alarm.rings(cx) {
                continue;
            }
            if is_ending || (waits && !drain.has_begun()) {
                return Poll::Pending;
            }
            waits = true;
            if idle_end.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            // hyper would go on waiting for a first request, until the head's time is up.
            if !handed.asked.load(Ordering::Relaxed) {
                return Poll::Ready(Ok(()));
            }
            is_ending = true;
            alarm.around(|| connection.as_mut().graceful_shutdown());
        }
    })
    .await;
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
