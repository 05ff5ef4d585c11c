//! Whether whoever comes is to be turned away because everybody waits too long.
//!
//! A queue that absorbs a burst is good, one that never empties only adds its length to every wait (Nichols and Jacobson, "Controlling
//! queue delay", 2012). The two are told apart by the shortest wait over a while: in a burst somebody soon waits for little. From
//! then on the queue is kept as short as the target asks for, until somebody has not had to wait at all.
//! Everything here is arithmetic on times, which count from any moment that stays the same.

use std::time::Duration;

/// Over how long the shortest wait is taken.
const WINDOW: Duration = Duration::from_millis(100);

/// The waits of the present window, and what the last ones said.
#[derive(Debug, Default)]
pub(super) struct Shed {
    begun: Duration,
    shortest: Option<Duration>,
    /// How many got what they waited for in this window.
    served: u32,
    /// How long one of them took in the last.
    pace: Option<Duration>,
    /// Since when nobody has left the queue, or it has been empty until then: whoever stands first has come before, or then.
    unmoved: Duration,
    on: bool,
}

impl Shed {
    /// Somebody comes who would have to wait, behind `waiting` others. Whether they are to be turned away.
    pub(super) fn turns_away(&mut self, waiting: usize, target: Duration, now: Duration) -> bool {
        if waiting == 0 {
            self.unmoved = now;
        }
        self.turn(waiting, target, now);
        let place = u32::try_from(waiting).unwrap_or(u32::MAX).saturating_add(1);
        self.on && self.pace.is_none_or(|pace| pace.saturating_mul(place) > target)
    }

    /// Somebody has waited so long, for something if they were `served`; `waiting` others still do.
    pub(super) fn waited(&mut self, wait: Duration, served: bool, waiting: usize, target: Duration, now: Duration) {
        self.turn(waiting, target, now);
        self.unmoved = now;
        self.served += u32::from(served);
        self.shortest = Some(self.shortest.map_or(wait, |shortest| shortest.min(wait)));
        if served && wait.is_zero() {
            self.on = false;
        }
    }

    /// Whether waits are too long, as far as is known.
    pub(super) fn is_on(&self) -> bool {
        self.on
    }

    /// Begins another window when this one is over.
    fn turn(&mut self, waiting: usize, target: Duration, now: Duration) {
        let passed = now.saturating_sub(self.begun);
        if passed < WINDOW {
            return;
        }
        // When nobody has got anywhere, the one who stands first waits for as long as that has been so.
        let standing = (waiting > 0).then(|| now.saturating_sub(self.unmoved));
        let shortest = self.shortest.take().or(standing).unwrap_or_default();
        self.on |= shortest > target;
        self.pace = passed.checked_div(std::mem::take(&mut self.served));
        self.begun = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);
    const TARGET: Duration = Duration::from_millis(50);

    /// One is served each millisecond of the window that begins so late, and has waited so long.
    fn serve(shed: &mut Shed, from: u32, wait: Duration) {
        (0..100).for_each(|n| shed.waited(wait, true, 100, TARGET, (from + n) * MS));
    }

    /// Until 100 ms nobody had to wait.
    fn quiet() -> Shed {
        let mut shed = Shed::default();
        shed.waited(Duration::ZERO, true, 0, TARGET, 99 * MS);
        shed
    }

    #[test]
    fn a_window_in_which_everybody_waits_too_long_shortens_the_queue_to_what_is_served_in_time() {
        let mut shed = quiet();
        serve(&mut shed, 100, 51 * MS);
        assert!(!shed.turns_away(100, TARGET, 199 * MS), "the window is not over");
        assert!(shed.turns_away(100, TARGET, 200 * MS));
        assert!(shed.turns_away(50, TARGET, 200 * MS));
        assert!(!shed.turns_away(49, TARGET, 200 * MS), "at one a millisecond, the fiftieth waits 50 ms");
        serve(&mut shed, 200, 40 * MS);
        assert!(shed.turns_away(50, TARGET, 300 * MS), "the queue has not been empty yet");
        shed.waited(Duration::ZERO, true, 0, TARGET, 301 * MS);
        assert!(!shed.turns_away(50, TARGET, 302 * MS));
    }

    #[test]
    fn one_that_waits_little_makes_the_window_a_good_one() {
        let mut shed = quiet();
        shed.waited(50 * MS, true, 5, TARGET, 100 * MS);
        (1..100).for_each(|n| shed.waited(90 * MS, true, 5, TARGET, (100 + n) * MS));
        assert!(!shed.turns_away(1000, TARGET, 200 * MS));
    }

    #[test]
    fn a_queue_that_does_not_move_is_one_that_waits() {
        let mut shed = Shed::default();
        assert!(!shed.turns_away(0, TARGET, 1000 * MS), "after a quiet time somebody waits first");
        assert!(!shed.turns_away(1, TARGET, 1099 * MS));
        assert!(shed.turns_away(2, TARGET, 1100 * MS), "the first has waited for 100 ms");
        shed.waited(Duration::ZERO, true, 0, TARGET, 5000 * MS);
        assert!(!shed.turns_away(0, TARGET, 5000 * MS), "they have left");
    }

    #[test]
    fn who_has_just_come_has_not_waited_long() {
        let mut shed = Shed::default();
        shed.waited(Duration::ZERO, true, 0, TARGET, 1000 * MS);
        assert!(!shed.turns_away(0, TARGET, 1190 * MS));
        assert!(!shed.turns_away(1, TARGET, 1210 * MS), "20 ms, though the window is older");
    }
}
