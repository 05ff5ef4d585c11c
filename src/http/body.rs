//! Request bodies: read to a limit, within a time, before anything is answered, so that no answer leaves bytes of the
//! last request on a connection that stays open.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Body;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::problem::Problem;

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
pub(super) async fn discard<B>(body: B, limits: Limits) -> Result<(), Problem>
where
    B: Body<Data = Bytes> + Unpin,
{
    each(body, limits, drop).await
}

/// Reads a body and keeps it. Room is taken for the bytes that came, not for those that were announced, so that nobody can
/// take it by announcing alone. Without room the rest is read all the same, and thrown away.
pub(super) async fn keep<B>(body: B, limits: Limits, room: &Room) -> Result<Kept, Problem>
where
    B: Body<Data = Bytes> + Unpin,
{
    let mut kept = room.take(0).map(|room| Kept { bytes: Vec::new(), room });
    each(body, limits, |data| kept = kept.take().and_then(|kept| kept.with(&data, room))).await?;
    kept.ok_or(Problem::Unavailable)
}

async fn each<B>(mut body: B, limits: Limits, mut take: impl FnMut(Bytes)) -> Result<(), Problem>
where
    B: Body<Data = Bytes> + Unpin,
{
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

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use hyper::body::{Frame, SizeHint};

    use super::*;

    const LIMITS: Limits = Limits { size: 10, time: Duration::from_secs(5) };

    /// What a client does next.
    #[derive(Clone, Copy)]
    enum Step {
        Sends(&'static str),
        Breaks,
        Waits,
    }
    use Step::{Breaks, Sends, Waits};

    struct Script {
        steps: VecDeque<Step>,
        announced: u64,
    }

    fn script(steps: &[Step]) -> Script {
        Script { steps: steps.iter().copied().collect(), announced: 0 }
    }

    impl Body for Script {
        type Data = Bytes;
        type Error = &'static str;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
            match self.steps.pop_front() {
                None => Poll::Ready(None),
                Some(Sends(text)) => Poll::Ready(Some(Ok(Frame::data(text.into())))),
                Some(Breaks) => Poll::Ready(Some(Err("broken"))),
                Some(Waits) => {
                    self.steps.push_front(Waits);
                    Poll::Pending
                }
            }
        }

        fn size_hint(&self) -> SizeHint {
            let mut hint = SizeHint::new();
            hint.set_lower(self.announced);
            hint
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_has_its_limits_whether_it_is_kept_or_not() {
        let table: [(&[Step], Result<&str, Problem>); 8] = [
            (&[], Ok("")),
            (&[Sends("01234"), Sends(""), Sends("56789")], Ok("0123456789")),
            (&[Sends("0123456789"), Sends("x")], Err(Problem::BodyTooLarge)),
            (&[Sends("0123456789x"), Waits], Err(Problem::BodyTooLarge)),
            (&[Sends("0123"), Breaks], Err(Problem::BodyBroken)),
            (&[Breaks], Err(Problem::BodyBroken)),
            (&[Sends("0123"), Waits], Err(Problem::BodyTimeout)),
            (&[Waits], Err(Problem::BodyTimeout)),
        ];
        let room = Room::new(100);
        for (place, (steps, expected)) in table.into_iter().enumerate() {
            let kept = keep(script(steps), LIMITS, &room).await.map(|kept| kept.bytes);
            assert_eq!(kept, expected.map(|text| text.as_bytes().to_vec()), "{place}");
            assert_eq!(discard(script(steps), LIMITS).await, expected.map(drop), "{place}");
            assert_eq!(room.0.available_permits(), 100, "{place}");
        }
        let announced = Script { steps: [Breaks].into(), announced: 11 };
        assert_eq!(discard(announced, LIMITS).await, Err(Problem::BodyTooLarge), "unread");
    }

    #[tokio::test(start_paused = true)]
    async fn bodies_are_kept_while_there_is_room_and_read_to_their_end_without() {
        let room = Room::new(15);
        let ten = || script(&[Sends("01234"), Sends("56789")]);
        let first = keep(ten(), LIMITS, &room).await.unwrap();
        assert_eq!(room.0.available_permits(), 5);
        assert_eq!(keep(ten(), LIMITS, &room).await.err(), Some(Problem::Unavailable));
        assert_eq!(room.0.available_permits(), 5, "what did not fit takes no room");
        let five = keep(script(&[Sends("01234")]), LIMITS, &room).await.unwrap();
        assert_eq!(room.0.available_permits(), 0);
        assert!(keep(script(&[]), LIMITS, &room).await.is_ok(), "nothing needs no room");
        assert_eq!(keep(script(&[Sends("0")]), LIMITS, &room).await.err(), Some(Problem::Unavailable));
        // What is wrong with a body is said even when it would not have been kept.
        let long = script(&[Sends("0123456789"), Sends("x")]);
        assert_eq!(keep(long, LIMITS, &room).await.err(), Some(Problem::BodyTooLarge));
        drop(first);
        drop(five);
        assert!(keep(ten(), LIMITS, &room).await.is_ok());
    }
}
