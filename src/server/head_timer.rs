//! The time limit of heads, with one alarm for a connection.
//!
//! hyper asks its timer for a sleep at every head and drops it when the head is there. With tokio's that is a registration with
//! the timer wheel, and its end, for each request; here it is two stores. The alarm that wakes the connection stays where it
//! is and, when it goes off too early, is set again.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::sync::LazyLock;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};
use rustix::time::{ClockId, clock_gettime};

/// What one connection knows of the head that it waits for.
#[derive(Clone, Copy, Debug, Default)]
struct Awaited {
    /// In nanoseconds after [`ORIGIN`]; zero when no head is awaited.
    deadline: u64,
    is_overdue: bool,
}

thread_local! {
    /// Of the connection that this thread is busy with. hyper's side and ours meet here, so that a head costs no allocation and no counting
    /// of references.
    static AWAITED: Cell<Awaited> = const { Cell::new(Awaited { deadline: 0, is_overdue: false }) };
}

/// The timer that hyper is given. What it is told is of use within [`HeadAlarm::around`].
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct HeadTimer;

/// One moment on both clocks: the one that hyper counts in, and the coarse one, which is read in a fifth of the time and lags by a few
/// milliseconds. For a limit of seconds that will do.
static ORIGIN: LazyLock<(Instant, Duration)> = LazyLock::new(|| (Instant::now(), coarse()));

fn coarse() -> Duration {
    let time = clock_gettime(ClockId::MonotonicCoarse);
    // Neither part is negative, and the second is below a thousand million.
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

impl Timer for HeadTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(self.now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        await_until(deadline);
        // Of no size, so that nothing is allocated.
        Box::pin(Head)
    }

    fn reset(&self, _: &mut Pin<Box<dyn Sleep>>, deadline: Instant) {
        await_until(deadline);
    }

    fn now(&self) -> Instant {
        let (instant, coarse_then) = *ORIGIN;
        instant + coarse().saturating_sub(coarse_then)
    }
}

fn await_until(deadline: Instant) {
    let after = deadline.saturating_duration_since(ORIGIN.0);
    let deadline = u64::try_from(after.as_nanos()).unwrap_or(u64::MAX).max(1);
    AWAITED.set(Awaited { deadline, is_overdue: false });
}

/// The wait for one head, as hyper sees it.
struct Head;

impl Future for Head {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        // The alarm wakes the task.
        if AWAITED.get().is_overdue { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Sleep for Head {}

impl Drop for Head {
    fn drop(&mut self) {
        AWAITED.set(Awaited { deadline: 0, ..AWAITED.get() });
    }
}

/// What wakes the connection's task when a head is overdue.
#[derive(Debug, Default)]
pub(super) struct HeadAlarm {
    awaited: Awaited,
    set: Option<Pin<Box<tokio::time::Sleep>>>,
}

impl HeadAlarm {
    /// Has hyper go on with this alarm's connection.
    #[inline]
    pub(super) fn around<T>(&mut self, goes_on: impl FnOnce() -> T) -> T {
        AWAITED.set(self.awaited);
        let gone = goes_on();
        self.awaited = AWAITED.get();
        gone
    }

    /// Whether a head has just become overdue, so that hyper is to be asked what it makes of that. Otherwise the task is woken when
    /// that may be so. To be called behind each poll of the connection.
    #[inline]
    pub(super) fn rings(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(set) = &mut self.set else { return self.renew(cx) };
        // Nothing awaited is left for the next head: the alarm is then set from there.
        set.is_elapsed() && self.renew(cx)
    }

    /// When the head is overdue that is awaited now.
    fn deadline(&self) -> Option<Instant> {
        let nanos = self.awaited.deadline;
        (nanos > 0).then(|| ORIGIN.0 + Duration::from_nanos(nanos))
    }

    #[cold]
    fn renew(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(deadline) = self.deadline() else { return false };
        let set = self.set.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline.into())));
        if set.is_elapsed() {
            if self.awaited.is_overdue {
                return false;
            }
            set.as_mut().reset(deadline.into());
        }
        let rings = set.as_mut().poll(cx).is_ready();
        self.awaited.is_overdue |= rings;
        rings
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    const LIMIT: Duration = Duration::from_millis(200);

    #[tokio::test]
    async fn the_alarm_rings_when_the_last_head_is_overdue_and_not_for_those_before() {
        let (timer, mut alarm, mut other) = (HeadTimer, HeadAlarm::default(), HeadAlarm::default());
        let begun = Instant::now();
        // A head comes again and again, each in time, for longer than one may take. Another connection never gets one.
        let mut never = other.around(|| timer.sleep_until(timer.now() + LIMIT));
        while begun.elapsed() < LIMIT * 3 {
            let head = alarm.around(|| timer.sleep_until(timer.now() + LIMIT));
            tokio::select! {
                () = poll_fn(|cx| if alarm.rings(cx) { Poll::Ready(()) } else { Poll::Pending }) => panic!("too early"),
                () = tokio::time::sleep(LIMIT / 4) => {}
            }
            alarm.around(|| drop(head));
        }
        assert!(poll_fn(|cx| Poll::Ready(other.rings(cx))).await);
        assert!(poll_fn(|cx| Poll::Ready(other.around(|| never.as_mut().poll(cx)).is_ready())).await);
        // While an answer is made, no head is awaited.
        assert!(alarm.deadline().is_none());
        tokio::time::sleep(LIMIT * 2).await;
        let last = Instant::now();
        let mut head = alarm.around(|| timer.sleep_until(timer.now() + LIMIT));
        poll_fn(|cx| if alarm.rings(cx) { Poll::Ready(()) } else { Poll::Pending }).await;
        assert!(last.elapsed() >= LIMIT - Duration::from_millis(50), "{:?}", last.elapsed());
        assert!(poll_fn(|cx| Poll::Ready(alarm.around(|| head.as_mut().poll(cx)).is_ready())).await);
        assert!(poll_fn(|cx| Poll::Ready(!alarm.rings(cx))).await, "it rings once");
        // A wait that is moved is the same wait.
        let mut head = alarm.around(|| timer.sleep_until(timer.now() + LIMIT));
        let moved = timer.now() + LIMIT * 2;
        alarm.around(|| timer.reset(&mut head, moved));
        assert!(alarm.deadline().is_some_and(|deadline| deadline >= moved - Duration::from_micros(1)));
    }
}
