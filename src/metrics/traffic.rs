//! What is counted of every answer. A hit takes a few microseconds, so this has to be nearly nothing: each thread counts in cells
//! that no other thread writes, and whoever wants to know adds them up.
//!
//! An answer is one addition to one cell, and one for its bytes. Hits are not all timed, because the clock would cost more than the
//! counting: one in so many is, and counts for all of them. What waits for anything is timed always.

use std::cell::Cell;
use std::fmt;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::reply::{Group, Reply};
use super::template::Template;

const TEMPLATES: usize = Template::ALL.len();
const REPLIES: usize = Reply::ALL.len();
const GROUPS: usize = Group::ALL.len();

/// The classes of statuses, as labels: 1xx are none of ours.
pub const CLASSES: [&str; 4] = ["2xx", "3xx", "4xx", "5xx"];

/// The upper bounds of the buckets for times, in nanoseconds: from a hit on a busy machine to what no budget allows.
const BOUNDS: [u64; 15] = [
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
    2_500_000_000,
];

/// The buckets, that of everything slower among them.
pub const BUCKETS: usize = BOUNDS.len() + 1;

/// Of so many answers one is timed from its beginning, unless the log wants to see more of them.
const TIMED: u32 = 16;

/// The bounds in seconds.
pub fn seconds() -> impl Iterator<Item = f64> {
    BOUNDS.into_iter().map(|bound| bound as f64 / 1e9)
}

/// The bucket of a time.
fn bucket(nanos: u64) -> usize {
    BOUNDS.iter().position(|bound| nanos <= *bound).unwrap_or(BOUNDS.len())
}

/// Times of one kind.
struct Times {
    buckets: [AtomicU64; BUCKETS],
    /// In nanoseconds.
    sum: AtomicU64,
}

/// The cells of one thread. Two threads never write to one cache line, nor to two that are fetched together.
#[repr(align(128))]
struct Cells {
    answers: [[[AtomicU64; CLASSES.len()]; REPLIES]; TEMPLATES],
    bytes: [AtomicU64; TEMPLATES],
    times: [[Times; GROUPS]; TEMPLATES],
}

fn zero() -> AtomicU64 {
    AtomicU64::new(0)
}

impl Cells {
    fn new() -> Self {
        let times = || Times { buckets: std::array::from_fn(|_| zero()), sum: zero() };
        Self {
            answers: std::array::from_fn(|_| std::array::from_fn(|_| std::array::from_fn(|_| zero()))),
            bytes: std::array::from_fn(|_| zero()),
            times: std::array::from_fn(|_| std::array::from_fn(|_| times())),
        }
    }
}

/// Adds to a cell of this thread's own: nobody else writes there, so it need not be one step.
#[inline(always)]
fn add(cell: &AtomicU64, more: u64) {
    cell.store(cell.load(Ordering::Relaxed).wrapping_add(more), Ordering::Relaxed);
}

/// All cells that there are. Those of a thread that has ended go on with the next one, so that nothing is lost and nothing grows.
struct Threads {
    all: Vec<&'static Cells>,
    free: Vec<&'static Cells>,
}

static THREADS: Mutex<Threads> = Mutex::new(Threads { all: Vec::new(), free: Vec::new() });

fn threads() -> MutexGuard<'static, Threads> {
    THREADS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Gives a thread's cells back when it ends.
struct Back(&'static Cells);

impl Drop for Back {
    fn drop(&mut self) {
        OWN.set(None);
        threads().free.push(self.0);
    }
}

thread_local! {
    // Without a destructor, so that reading it is one load.
    static OWN: Cell<Option<&'static Cells>> = const { Cell::new(None) };
    static BACK: Cell<Option<Back>> = const { Cell::new(None) };
    /// How many answers of this thread are still not timed; the first one is.
    static LEFT: Cell<u32> = const { Cell::new(1) };
    /// For how many the next one that is timed stands.
    static STANDS_FOR: Cell<u32> = const { Cell::new(1) };
}

#[inline]
fn own() -> &'static Cells {
    match OWN.get() {
        Some(cells) => cells,
        None => begin(),
    }
}

#[cold]
fn begin() -> &'static Cells {
    let cells = {
        let mut threads = threads();
        threads.free.pop().unwrap_or_else(|| {
            let cells: &'static Cells = Box::leak(Box::new(Cells::new()));
            threads.all.push(cells);
            cells
        })
    };
    OWN.set(Some(cells));
    // A thread that is about to end keeps them for good, which costs a few pages.
    let _ = BACK.try_with(|back| back.set(Some(Back(cells))));
    cells
}

/// Of how many answers one is timed.
static EVERY: AtomicU32 = AtomicU32::new(TIMED);

/// Has at least one of so many answers timed, because the log is to have one of so many; 0 wants none.
pub fn time_one_of(answers: u32) {
    EVERY.store(if answers == 0 { TIMED } else { answers.min(TIMED) }, Ordering::Relaxed);
}

/// Whether the answer that begins is to be timed: for how many it stands then, and 0 if it is not.
#[inline]
pub fn stands_for() -> u32 {
    let left = LEFT.get().wrapping_sub(1);
    LEFT.set(left);
    if left == 0 { again() } else { 0 }
}

#[cold]
fn again() -> u32 {
    let every = EVERY.load(Ordering::Relaxed);
    LEFT.set(every);
    STANDS_FOR.replace(every)
}

/// Counts an answer.
#[inline]
pub fn answered(template: Template, reply: Reply, status: u16, bytes: u64) {
    let cells = own();
    let class = usize::from((status / 100).saturating_sub(2)).min(CLASSES.len() - 1);
    add(&cells.answers[template as usize][reply as usize][class], 1);
    add(&cells.bytes[template as usize], bytes);
}

/// Counts how long an answer took, as often as it stands for.
pub fn took(template: Template, group: Group, time: Duration, stands_for: u32) {
    let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    let (times, weight) = (&own().times[template as usize][group as usize], u64::from(stands_for));
    add(&times.buckets[bucket(nanos)], weight);
    add(&times.sum, nanos.saturating_mul(weight));
}

/// Times, added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timed {
    /// How many there were of each bucket.
    pub buckets: [u64; BUCKETS],
    /// Nanoseconds, in all.
    pub sum: u64,
}

impl Timed {
    /// How many there were.
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// Those that came after `before`.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        let buckets = std::array::from_fn(|place| self.buckets[place].saturating_sub(before.buckets[place]));
        Self { buckets, sum: self.sum.saturating_sub(before.sum) }
    }

    /// Both.
    #[must_use]
    pub fn with(&self, other: &Self) -> Self {
        let buckets = std::array::from_fn(|place| self.buckets[place] + other.buckets[place]);
        Self { buckets, sum: self.sum + other.sum }
    }

    /// The time that this share of them did not exceed, in seconds: the upper bound of its bucket, since more is not known. Beyond the
    /// last one it is infinite; of nothing there is none.
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let count = self.count();
        let rank = ((count as f64 * share).ceil() as u64).max(1);
        let mut so_far = 0;
        let place = self.buckets.iter().position(|bucket| {
            so_far += bucket;
            so_far >= rank
        });
        (count > 0).then(|| place.and_then(|place| seconds().nth(place)).unwrap_or(f64::INFINITY))
    }
}

/// What all threads have counted.
#[derive(Clone, PartialEq, Eq)]
pub struct Totals {
    answers: [[[u64; CLASSES.len()]; REPLIES]; TEMPLATES],
    bytes: [u64; TEMPLATES],
    times: [[Timed; GROUPS]; TEMPLATES],
}

impl fmt::Debug for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Totals").field("answers", &self.all()).finish_non_exhaustive()
    }
}

/// Adds up what all threads have counted so far.
pub fn totals() -> Box<Totals> {
    let mut totals = Box::new(Totals {
        answers: [[[0; CLASSES.len()]; REPLIES]; TEMPLATES],
        bytes: [0; TEMPLATES],
        times: [[Timed::default(); GROUPS]; TEMPLATES],
    });
    let get = |cell: &AtomicU64| cell.load(Ordering::Relaxed);
    for cells in &threads().all {
        for (sums, cells) in totals.answers.iter_mut().flatten().flatten().zip(cells.answers.iter().flatten().flatten())
        {
            *sums += get(cells);
        }
        for (sum, cell) in totals.bytes.iter_mut().zip(&cells.bytes) {
            *sum += get(cell);
        }
        for (sum, times) in totals.times.iter_mut().flatten().zip(cells.times.iter().flatten()) {
            for (sum, cell) in sum.buckets.iter_mut().zip(&times.buckets) {
                *sum += get(cell);
            }
            sum.sum += get(&times.sum);
        }
    }
    totals
}

impl Totals {
    /// Answers on a route with statuses of a class.
    pub fn of_status(&self, template: Template, class: usize) -> u64 {
        self.answers[template as usize].iter().map(|classes| classes[class]).sum()
    }

    /// Answers on a route that came from there.
    pub fn of_reply(&self, template: Template, reply: Reply) -> u64 {
        self.answers[template as usize][reply as usize].iter().sum()
    }

    /// Answers that came from there.
    pub fn came(&self, reply: Reply) -> u64 {
        Template::ALL.into_iter().map(|template| self.of_reply(template, reply)).sum()
    }

    /// Answers with statuses of a class.
    pub fn class(&self, class: usize) -> u64 {
        Template::ALL.into_iter().map(|template| self.of_status(template, class)).sum()
    }

    /// All answers.
    pub fn all(&self) -> u64 {
        self.answers.iter().flatten().flatten().sum()
    }

    /// The bytes of all bodies on a route.
    pub fn bytes(&self, template: Template) -> u64 {
        self.bytes[template as usize]
    }

    /// How long answers took.
    pub fn times(&self, template: Template, group: Group) -> &Timed {
        &self.times[template as usize][group as usize]
    }

    /// The same, on all routes.
    pub fn timed(&self, group: Group) -> Timed {
        let of = |template| self.times(template, group);
        Template::ALL.into_iter().map(of).fold(Timed::default(), |sum, times| sum.with(times))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn what_every_thread_counted_is_added_up_also_when_it_has_ended() {
        // Nothing else in the tests of this crate answers on this route.
        let (template, reply) = (Template::QuestionReport, Reply::Unstored);
        let count = move || (0..1000).for_each(|_| answered(template, reply, 200, 7));
        for _ in 0..3 {
            std::thread::scope(|scope| (0..4).for_each(|_| drop(scope.spawn(count))));
        }
        count();
        let totals = totals();
        assert_eq!((totals.of_reply(template, reply), totals.bytes(template)), (13_000, 91_000));
        assert_eq!(totals.of_status(template, 0), 13_000);
        let all = threads().all.len();
        assert!(all <= 64, "threads that have ended leave their cells to others: {all}");
    }

    #[test]
    fn statuses_have_their_classes() {
        let template = Template::AnswerReport;
        for (status, class) in [(200, 0), (204, 0), (304, 1), (404, 2), (429, 2), (500, 3), (503, 3)] {
            let before = totals().of_status(template, class);
            answered(template, Reply::Other, status, 0);
            assert_eq!(totals().of_status(template, class), before + 1, "{status}");
        }
    }

    #[test]
    fn the_first_answer_of_a_thread_is_timed_and_one_of_sixteen_after_it_which_stands_for_all() {
        let stood: Vec<_> = std::thread::spawn(|| (0..50).map(|_| stands_for()).collect()).join().unwrap();
        let timed: Vec<_> = stood.iter().enumerate().filter(|(_, stands_for)| **stands_for > 0).collect();
        assert_eq!(timed, [(0, &1), (16, &16), (32, &16), (48, &16)]);
    }

    #[test]
    fn times_fall_into_the_bucket_whose_bound_they_do_not_exceed() {
        let template = Template::AnswerHelpful;
        let before = *totals().times(template, Group::Write);
        for micros in [1, 50, 51, 2_500_000, 2_500_001] {
            took(template, Group::Write, Duration::from_micros(micros), 1);
        }
        took(template, Group::Write, 3 * MS, 16);
        let times = totals().times(template, Group::Write).since(&before);
        let mut expected = [0; BUCKETS];
        (expected[0], expected[1], expected[14], expected[15], expected[6]) = (2, 1, 1, 1, 16);
        assert_eq!(times.buckets, expected);
        assert_eq!(times.sum, (1 + 50 + 51 + 2_500_000 + 2_500_001 + 48_000) * 1000);
    }

    #[test]
    fn a_quantile_is_the_bound_of_its_bucket() {
        let mut times = Timed::default();
        assert_eq!(times.quantile(0.5), None);
        (times.buckets[0], times.buckets[4], times.buckets[15]) = (98, 1, 1);
        for (share, expected) in [(0.0, 0.00005), (0.5, 0.00005), (0.98, 0.00005), (0.99, 0.001)] {
            assert_eq!(times.quantile(share), Some(expected), "{share}");
        }
        assert_eq!(times.quantile(1.0), Some(f64::INFINITY));
    }
}
