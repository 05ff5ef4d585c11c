//! Request bodies: read to a limit, within a time, before anything is answered, so that no answer leaves bytes of the
//! last request on a connection that stays open.

use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};

use super::respond::Problem;

/// Limits of a request's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes.
    pub size: u64,
    /// How long it may take from its first byte to its last.
    pub time: Duration,
}

/// Reads a body and throws it away.
pub(super) async fn discard(mut body: Incoming, limits: Limits) -> Result<(), Problem> {
    if body.is_end_stream() {
        return Ok(());
    }
    // An announced length above the limit is refused unread.
    if body.size_hint().lower() > limits.size {
        return Err(Problem::BodyTooLarge);
    }
    let read = async {
        let mut left = limits.size;
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| Problem::BodyBroken)?;
            let length = frame.data_ref().map_or(0, |data| data.len() as u64);
            left = left.checked_sub(length).ok_or(Problem::BodyTooLarge)?;
        }
        Ok(())
    };
    tokio::time::timeout(limits.time, read).await.unwrap_or(Err(Problem::BodyTimeout))
}
