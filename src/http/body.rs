//! Request bodies: read to a limit, within a time, before anything is answered, so that no answer leaves bytes of the
//! last request on a connection that stays open.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::respond::Problem;

/// Limits of a request's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes.
    pub size: u64,
    /// How long it may take from its first byte to its last.
    pub time: Duration,
}

/// The room that all bodies share which are kept until their write is done.
#[derive(Clone, Debug)]
pub(super) struct Room(Arc<Semaphore>);

impl Room {
    /// Room for 64 MiB: 256 bodies of the default limit, and a quarter of what L1 takes by default.
    pub(super) const BYTES: usize = 64 << 20;

    /// Room for so many bytes.
    pub(super) fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes.min(Semaphore::MAX_PERMITS))))
    }

    fn take(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.0).try_acquire_many_owned(u32::try_from(bytes).ok()?).ok()
    }
}

/// A body that was kept, and the room it takes.
#[derive(Debug)]
pub(super) struct Kept {
    /// Its bytes.
    pub(super) bytes: Vec<u8>,
    /// The room, until this is dropped.
    pub(super) room: OwnedSemaphorePermit,
}

impl Kept {
    /// The same with more bytes behind it; `None` when there is no room for them.
    fn with(mut self, more: &[u8], room: &Room) -> Option<Self> {
        self.room.merge(room.take(more.len())?);
        self.bytes.extend_from_slice(more);
        Some(self)
    }
}

/// Reads a body and throws it away.
pub(super) async fn discard(body: Incoming, limits: Limits) -> Result<(), Problem> {
    each(body, limits, drop).await
}

/// Reads a body and keeps it. Room is taken for the bytes that came, not for those that were announced, so that nobody can
/// take it by announcing alone. Without room the rest is read all the same, and thrown away.
pub(super) async fn keep(body: Incoming, limits: Limits, room: &Room) -> Result<Kept, Problem> {
    let mut kept = room.take(0).map(|room| Kept { bytes: Vec::new(), room });
    each(body, limits, |data| kept = kept.take().and_then(|kept| kept.with(&data, room))).await?;
    kept.ok_or(Problem::Unavailable)
}

async fn each(mut body: Incoming, limits: Limits, mut take: impl FnMut(Bytes)) -> Result<(), Problem> {
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
            if let Ok(data) = frame.map_err(|_| Problem::BodyBroken)?.into_data() {
                left = left.checked_sub(data.len() as u64).ok_or(Problem::BodyTooLarge)?;
                take(data);
            }
        }
        Ok(())
    };
    tokio::time::timeout(limits.time, read).await.unwrap_or(Err(Problem::BodyTimeout))
}
