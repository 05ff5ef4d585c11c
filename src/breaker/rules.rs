//! When a breaker opens and closes: arithmetic on times, tested without a clock.

use std::time::Duration;

use super::Settings;

/// Over how long the share of failures is taken.
const WINDOW: Duration = Duration::from_secs(10);

/// In how many parts, the oldest of which is forgotten at a time.
const PARTS: usize = 10;

/// How many calls a share needs, to mean anything; half of them failing is too many.
const CALLS: u32 = 20;

/// The largest share by which the time that a breaker is open is shortened, so that nodes do not try again together.
const JITTER: f64 = 0.25;

/// What a call may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pass {
    /// Take its usual time.
    Usual,
    /// Find out whether there is an answer again, in half of the time.
    Probe,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Closed,
    /// Nobody is let through before this.
    Open(Duration),
    /// One call is under way, and decides.
    Probing,
}

/// What a change of state is to whoever counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    Opened(Duration),
    /// It was open, and is again.
    StillOpen(Duration),
    Closed,
}

/// The rules. Times count from any moment that stays the same.
#[derive(Debug)]
pub(super) struct Rules {
    state: State,
    /// Failures since the last success.
    in_row: u32,
    /// How often it has opened without closing between.
    openings: u32,
    /// Calls and failures, by the part of the window that they ended in.
    parts: [(u64, u32, u32); PARTS],
}

impl Rules {
    pub(super) fn new() -> Self {
        Self { state: State::Closed, in_row: 0, openings: 0, parts: [(0, 0, 0); PARTS] }
    }

    pub(super) fn ask(&mut self, now: Duration) -> Option<Pass> {
        match self.state {
            State::Closed => Some(Pass::Usual),
            State::Open(until) if now >= until => {
                self.state = State::Probing;
                Some(Pass::Probe)
            }
            State::Open(_) | State::Probing => None,
        }
    }

    /// How a call ended that was let through. `random` is between 0 and 1.
    pub(super) fn end(
        &mut self,
        pass: Pass,
        succeeded: bool,
        now: Duration,
        settings: Settings,
        random: f64,
    ) -> Option<Turn> {
        match (self.state, pass) {
            (State::Probing, Pass::Probe) => {
                if succeeded {
                    self.close()
                } else {
                    self.open(now, settings, random)
                }
            }
            // Begun before it opened: that is known.
            (State::Open(_) | State::Probing, Pass::Usual) => None,
            // Somebody else has found out before the probe.
            (State::Open(_), Pass::Probe) => None,
            (State::Closed, _) => {
                self.count(succeeded, now);
                self.in_row = if succeeded { 0 } else { self.in_row.saturating_add(1) };
                let too_many = self.in_row >= settings.fails || (!succeeded && self.share_is_too_large(now));
                if too_many { self.open(now, settings, random) } else { None }
            }
        }
    }

    /// A probe was given up: the next call is one.
    pub(super) fn forsake(&mut self, pass: Pass, now: Duration) {
        if (self.state, pass) == (State::Probing, Pass::Probe) {
            self.state = State::Open(now);
        }
    }

    pub(super) fn close(&mut self) -> Option<Turn> {
        if self.state == State::Closed {
            return None;
        }
        *self = Self::new();
        Some(Turn::Closed)
    }

    /// Whether calls are turned away, but for a probe.
    pub(super) fn are_open(&self) -> bool {
        self.state != State::Closed
    }

    fn open(&mut self, now: Duration, settings: Settings, random: f64) -> Option<Turn> {
        let factor = 1_u32.checked_shl(self.openings).unwrap_or(u32::MAX);
        let whole = settings.open.saturating_mul(factor).min(settings.open_max);
        let open = whole.mul_f64(1.0 - JITTER * random);
        let first = self.openings == 0;
        self.state = State::Open(now + open);
        self.openings += 1;
        Some(if first { Turn::Opened(open) } else { Turn::StillOpen(open) })
    }

    fn part(now: Duration) -> u64 {
        u64::try_from(now.as_nanos() / (WINDOW / PARTS as u32).as_nanos()).unwrap_or(u64::MAX)
    }

    fn count(&mut self, succeeded: bool, now: Duration) {
        let number = Self::part(now);
        let part = &mut self.parts[(number % PARTS as u64) as usize];
        if part.0 != number {
            *part = (number, 0, 0);
        }
        part.1 = part.1.saturating_add(1);
        part.2 = part.2.saturating_add(u32::from(!succeeded));
    }

    fn share_is_too_large(&self, now: Duration) -> bool {
        let oldest = Self::part(now).saturating_sub(PARTS as u64 - 1);
        let recent = self.parts.iter().filter(|(number, ..)| *number >= oldest);
        let (calls, fails) = recent.fold((0_u64, 0_u64), |(calls, fails), (_, more_calls, more_fails)| {
            (calls + u64::from(*more_calls), fails + u64::from(*more_fails))
        });
        calls >= u64::from(CALLS) && fails * 2 >= calls
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);
    const MS: Duration = Duration::from_millis(1);
    const SETTINGS: Settings = Settings { fails: 5, open: S, open_max: Duration::from_secs(30) };

    /// Ends one call that was let through, without jitter.
    fn call(rules: &mut Rules, succeeded: bool, now: Duration) -> Option<Turn> {
        let pass = rules.ask(now).expect("it is let through");
        rules.end(pass, succeeded, now, SETTINGS, 0.0)
    }

    fn fail(rules: &mut Rules, times: u32, now: Duration) -> Option<Turn> {
        (0..times).fold(None, |turn, _| turn.or(call(rules, false, now)))
    }

    #[test]
    fn five_failures_in_a_row_open_it_and_four_do_not() {
        let mut rules = Rules::new();
        assert_eq!(fail(&mut rules, 4, S), None);
        assert_eq!(call(&mut rules, true, S), None);
        assert_eq!(fail(&mut rules, 4, S), None, "a success begins the row anew");
        assert_eq!(call(&mut rules, false, S), Some(Turn::Opened(S)));
        assert_eq!(rules.ask(2 * S - MS), None);
    }

    #[test]
    fn half_of_twenty_calls_within_ten_seconds_open_it() {
        let mut rules = Rules::new();
        for n in 0..19 {
            assert_eq!(call(&mut rules, n % 2 == 0, n * 400 * MS), None, "{n}");
        }
        assert_eq!(call(&mut rules, false, 8 * S), Some(Turn::Opened(S)), "the twentieth call is the tenth failure");

        let mut rules = Rules::new();
        for n in 0..100 {
            assert_eq!(call(&mut rules, n % 3 > 0, n * 100 * MS), None, "a third is not half: {n}");
        }
        let mut rules = Rules::new();
        for n in 0..100 {
            assert_eq!(call(&mut rules, n % 2 > 0, n * 600 * MS), None, "17 calls in 10 s are too few: {n}");
        }
    }

    #[test]
    fn open_times_double_up_to_their_limit_and_begin_anew_after_a_success() {
        let mut rules = Rules::new();
        let mut now = S;
        fail(&mut rules, 4, now);
        let mut turn = call(&mut rules, false, now);
        for seconds in [1, 2, 4, 8, 16, 30, 30] {
            let open = match turn {
                Some(Turn::Opened(open) | Turn::StillOpen(open)) => open,
                other => panic!("{other:?}"),
            };
            assert_eq!(open, seconds * S);
            now += open;
            assert_eq!(rules.ask(now - MS), None);
            turn = call(&mut rules, false, now);
        }
        let Some(Turn::StillOpen(open)) = turn else { panic!("{turn:?}") };
        now += open;
        assert_eq!(call(&mut rules, true, now), Some(Turn::Closed));
        assert_eq!(fail(&mut rules, 5, now), Some(Turn::Opened(S)));
    }

    #[test]
    fn jitter_shortens_by_a_quarter_at_most() {
        for (random, expected) in [(0.0, 1000 * MS), (0.5, 875 * MS), (1.0, 750 * MS)] {
            let mut rules = Rules::new();
            fail(&mut rules, 4, S);
            assert_eq!(rules.end(Pass::Usual, false, S, SETTINGS, random), Some(Turn::Opened(expected)));
        }
    }

    #[test]
    fn one_probe_at_a_time_is_let_through_and_one_that_is_given_up_makes_room_for_another() {
        let mut rules = Rules::new();
        fail(&mut rules, 5, S);
        assert_eq!(rules.ask(2 * S), Some(Pass::Probe));
        assert_eq!(rules.ask(9 * S), None);
        rules.forsake(Pass::Usual, 9 * S);
        assert_eq!(rules.ask(9 * S), None, "what was no probe makes no room");
        rules.forsake(Pass::Probe, 9 * S);
        assert_eq!(rules.ask(9 * S), Some(Pass::Probe));
    }

    #[test]
    fn calls_that_began_before_it_opened_change_nothing_and_somebody_else_may_close_it() {
        let mut rules = Rules::new();
        fail(&mut rules, 5, S);
        for succeeded in [true, false] {
            assert_eq!(rules.end(Pass::Usual, succeeded, S, SETTINGS, 0.0), None);
            assert_eq!(rules.ask(S), None);
        }
        assert_eq!(rules.ask(2 * S), Some(Pass::Probe));
        assert_eq!(rules.close(), Some(Turn::Closed));
        assert_eq!(rules.close(), None);
        assert_eq!(rules.end(Pass::Probe, false, 2 * S, SETTINGS, 0.0), None, "one failure among others by now");
        assert_eq!(fail(&mut rules, 4, 2 * S), Some(Turn::Opened(S)));
    }
}
