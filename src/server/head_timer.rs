//! The time limit of heads, with one alarm for a connection.
//!
//! hyper asks its timer for a sleep at every head and drops it when the head is there. With tokio's that is a registration with
//! the timer wheel, and its end, for each request; here it is two stores. The alarm that wakes the connection stays where it
//! is and, when it goes off too early, is set again.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};
use rustix::time::{ClockId, clock_gettime};

/// When the head that a connection waits for is overdue. Clones are one.
#[derive(Clone, Debug, Default)]
pub(super) struct HeadTimer(Arc<Awaited>);

/// All of it is used by one task; the atomics are there because hyper demands `Sync`.
#[derive(Debug, Default)]
struct Awaited {
    /// In nanoseconds after [`ORIGIN`]; zero when no head is awaited.
    deadline: AtomicU64,
    is_overdue: AtomicBool,
}

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
        let after = deadline.saturating_duration_since(ORIGIN.0);
        self.0.deadline.store(u64::try_from(after.as_nanos()).unwrap_or(u64::MAX).max(1), Ordering::Relaxed);
        self.0.is_overdue.store(false, Ordering::Relaxed);
        Box::pin(Head(Arc::clone(&self.0)))
    }

    fn now(&self) -> Instant {
        let (instant, coarse_then) = *ORIGIN;
        instant + coarse().saturating_sub(coarse_then)
    }
}

/// The wait for one head, as hyper sees it.
struct Head(Arc<Awaited>);

impl Future for Head {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        // The alarm wakes the task.
        if self.0.is_overdue.load(Ordering::Relaxed) { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Sleep for Head {}

impl Drop for Head {
    fn drop(&mut self) {
        self.0.deadline.store(0, Ordering::Relaxed);
    }
}

impl HeadTimer {
    /// When the head is overdue that is awaited now.
    fn deadline(&self) -> Option<Instant> {
        let nanos = self.0.deadline.load(Ordering::Relaxed);
        (nanos > 0).then(|| ORIGIN.0 + Duration::from_nanos(nanos))
    }
}

/// What wakes the connection's task when a head is overdue.
#[derive(Debug)]
pub(super) struct HeadAlarm {
    timer: HeadTimer,
    set: Option<Pin<Box<tokio::time::Sleep>>>,
}

impl HeadAlarm {
    /// The alarm of the connection that has this timer.
    pub(super) fn of(timer: HeadTimer) -> Self {
        Self { timer, set: None }
    }

    /// Whether a head has just become overdue, so that hyper is to be asked what it makes of that. Otherwise the task is woken when
    /// that may be so. To be called behind each poll of the connection.
    pub(super) fn rings(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(set) = &mut self.set else { return self.renew(cx) };
        // Nothing awaited is left for the next head: the alarm is then set from there.
        set.is_elapsed() && self.renew(cx)
    }

    #[cold]
    fn renew(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(deadline) = self.timer.deadline() else { return false };
        let set = self.set.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline.into())));
        if set.is_elapsed() {
            if self.timer.0.is_overdue.load(Ordering::Relaxed) {
                return false;
            }
            set.as_mut().reset(deadline.into());
        }
        let rings = set.as_mut().poll(cx).is_ready();
        if rings {
            self.timer.0.is_overdue.store(true, Ordering::Relaxed);
        }
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
        let timer = HeadTimer::default();
        let mut alarm = HeadAlarm::of(timer.clone());
        let begun = Instant::now();
        // A head comes again and again, each in time, for longer than one may take.
        while begun.elapsed() < LIMIT * 3 {
            let head = timer.sleep_until(timer.now() + LIMIT);
            tokio::select! {
                () = poll_fn(|cx| if alarm.rings(cx) { Poll::Ready(()) } else { Poll::Pending }) => panic!("too early"),
                () = tokio::time::sleep(LIMIT / 4) => {}
            }
            drop(head);
        }
        // While an answer is made, no head is awaited.
        assert!(timer.deadline().is_none());
        tokio::time::sleep(LIMIT * 2).await;
        let last = Instant::now();
        let mut head = timer.sleep_until(timer.now() + LIMIT);
        poll_fn(|cx| if alarm.rings(cx) { Poll::Ready(()) } else { Poll::Pending }).await;
        assert!(last.elapsed() >= LIMIT - Duration::from_millis(50), "{:?}", last.elapsed());
        assert!(poll_fn(|cx| Poll::Ready(head.as_mut().poll(cx).is_ready())).await);
        assert!(poll_fn(|cx| Poll::Ready(!alarm.rings(cx))).await, "it rings once");
    }
}
