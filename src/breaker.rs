//! A breaker stands before something that others depend on. When that fails too often it opens, and for a while nobody waits for
//! what would not come; then one call is let through to find out.
//!
//! The rules are arithmetic on times and are tested without a clock. What a failure is, is the caller's to say.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tracing::{debug, info, warn};

use crate::metrics::{Dependency, metrics};

/// Over how long the share of failures is taken.
const WINDOW: Duration = Duration::from_secs(10);

/// In how many parts, the oldest of which is forgotten at a time.
const PARTS: usize = 10;

/// How many calls a share needs, to mean anything; half of them failing is too many.
const CALLS: u32 = 20;

/// The largest share by which the time that a breaker is open is shortened, so that nodes do not try again together.
const JITTER: f64 = 0.25;

/// When a breaker opens, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// After how many failures in a row.
    pub fails: u32,
    /// For how long the first time.
    pub open: Duration,
    /// For how long at most, when it doubles from one time to the next.
    pub open_max: Duration,
}

/// What a call may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pass {
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
enum Turn {
    Opened(Duration),
    /// It was open, and is again.
    StillOpen(Duration),
    Closed,
}

/// The rules. Times count from any moment that stays the same.
#[derive(Debug)]
struct Rules {
    state: State,
    /// Failures since the last success.
    in_row: u32,
    /// How often it has opened without closing between.
    openings: u32,
    /// Calls and failures, by the part of the window that they ended in.
    parts: [(u64, u32, u32); PARTS],
}

impl Rules {
    fn new() -> Self {
        Self { state: State::Closed, in_row: 0, openings: 0, parts: [(0, 0, 0); PARTS] }
    }

    fn ask(&mut self, now: Duration) -> Option<Pass> {
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
    fn end(&mut self, pass: Pass, succeeded: bool, now: Duration, settings: Settings, random: f64) -> Option<Turn> {
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
    fn forsake(&mut self, pass: Pass, now: Duration) {
        if (self.state, pass) == (State::Probing, Pass::Probe) {
            self.state = State::Open(now);
        }
    }

    fn close(&mut self) -> Option<Turn> {
        if self.state == State::Closed {
            return None;
        }
        *self = Self::new();
        Some(Turn::Closed)
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

/// A breaker before one dependency.
#[derive(Debug)]
pub struct Breaker {
    before: Dependency,
    rules: Mutex<(Rules, Settings)>,
    begin: Instant,
    /// What the rules say, for those who only want to know.
    open: AtomicBool,
}

impl Breaker {
    /// A closed one.
    pub fn new(before: Dependency, settings: Settings) -> Self {
        metrics().breaker(before, false);
        let rules = Mutex::new((Rules::new(), settings));
        Self { before, rules, begin: Instant::now(), open: AtomicBool::new(false) }
    }

    /// Obeys other settings from the next call on.
    pub fn set(&self, settings: Settings) {
        self.lock().1 = settings;
    }

    fn lock(&self) -> MutexGuard<'_, (Rules, Settings)> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The right to one call, or `None` while it is open.
    pub fn ask(&self) -> Option<Call<'_>> {
        let pass = self.lock().0.ask(self.begin.elapsed())?;
        Some(Call { breaker: self, pass, ended: false })
    }

    /// Whether calls are turned away.
    pub fn is_open(&self) -> bool {
        self.open.load(Ordering::Relaxed)
    }

    /// Somebody else had an answer: there is no need to find out.
    pub fn close(&self) {
        if self.is_open() {
            self.turn(|rules, _| rules.close());
        }
    }

    /// Applies what may change the state, and tells of it.
    fn turn(&self, change: impl FnOnce(&mut Rules, Settings) -> Option<Turn>) -> Option<Turn> {
        let turn = {
            let (rules, settings) = &mut *self.lock();
            let turn = change(rules, *settings);
            // Under the lock, so that the last one to change it has the last word.
            if turn.is_some() {
                let open = rules.state != State::Closed;
                self.open.store(open, Ordering::Relaxed);
                metrics().breaker(self.before, open);
            }
            turn
        };
        let name = self.before.name();
        match turn {
            None => {}
            Some(Turn::Opened(open)) => {
                metrics().breaker_turned(self.before);
                warn!(dependency = name, ?open, "{name} does not answer: it is not asked for a while");
            }
            Some(Turn::StillOpen(open)) => {
                metrics().breaker_turned(self.before);
                debug!(dependency = name, ?open, "{name} still does not answer");
            }
            Some(Turn::Closed) => info!(dependency = name, "{name} answers again"),
        }
        turn
    }
}

/// A call that was let through. One that is dropped says nothing about who was called.
#[derive(Debug)]
pub struct Call<'a> {
    breaker: &'a Breaker,
    pass: Pass,
    ended: bool,
}

impl Call<'_> {
    /// Whether it is the one that finds out.
    pub fn is_probe(&self) -> bool {
        self.pass == Pass::Probe
    }

    /// How long it may take, of what such a call usually may.
    pub fn within(&self, usual: Duration) -> Duration {
        match self.pass {
            Pass::Usual => usual,
            Pass::Probe => usual / 2,
        }
    }

    /// Says how it ended. Returns whether nobody is let through after it.
    pub fn end(mut self, succeeded: bool) -> bool {
        self.ended = true;
        let (pass, now) = (self.pass, self.breaker.begin.elapsed());
        let turn = self.breaker.turn(|rules, settings| rules.end(pass, succeeded, now, settings, fastrand::f64()));
        matches!(turn, Some(Turn::Opened(_) | Turn::StillOpen(_)))
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.breaker.lock().0.forsake(self.pass, self.breaker.begin.elapsed());
        }
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

    #[tokio::test(start_paused = true)]
    async fn a_probe_has_half_of_the_usual_time_and_a_dropped_call_says_nothing() {
        let breaker = Breaker::new(Dependency::Redis, SETTINGS);
        for n in 1..=5 {
            drop(breaker.ask().unwrap());
            let call = breaker.ask().unwrap();
            assert_eq!(call.within(20 * MS), 20 * MS);
            assert_eq!(call.end(false), n == 5);
        }
        assert!(breaker.is_open() && breaker.ask().is_none());
        tokio::time::advance(S).await;
        let probe = breaker.ask().unwrap();
        assert_eq!(probe.within(20 * MS), 10 * MS);
        assert!(breaker.ask().is_none());
        drop(probe);
        assert!(!breaker.ask().unwrap().end(true));
        assert!(!breaker.is_open());
    }
}
