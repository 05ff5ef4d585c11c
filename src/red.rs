//! Deliberate bugs, for the tests which show that the checker finds them. Without the feature `red`, which only tests have,
//! none can be switched on, and every question here is the constant `false`.

/// A bug. The numbers are those of docs/freshness.md.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Red {
    /// Floors are not looked at.
    NoFloorCheck = 1,
    /// A poll moves the fence before it raises the floors.
    FloorsAfterFence = 2,
    /// A proof reads the floors before the fence.
    FloorsReadFirst = 3,
    /// Changes are read as `id > the last one seen`.
    CursorById = 4,
    /// Those who wait for a fetch take what it brings.
    FollowersTrust = 5,
    /// The stamp is taken in a statement of its own, behind the data.
    StampApart = 6,
    /// The stamp of a write is taken inside its transaction.
    StampBeforeCommit = 7,
    /// Fetches go to a standby.
    FetchFromStandby = 8,
    /// The fence never closes.
    FenceAlwaysOpen = 9,
    /// The incarnation that a fetch saw is not looked at, and no new one begins an epoch.
    NoIncarnation = 10,
    /// A resync clears the floors of the view in use.
    FloorsClearedInPlace = 11,
    /// What this node read itself within the bound needs no floor.
    YoungBeforeFloors = 12,
    /// A new view begins without the raises of this node's own writes.
    RaisesForgotten = 13,
    /// Writes whose stamp was lost are not looked at.
    PendingIgnored = 14,
    /// A gap between the position and what was pruned is not looked at.
    NoHorizon = 15,
    /// What Redis has is taken without a proof.
    L2Trusted = 16,
    /// The existence filter learns of ids behind the fence.
    FilterAfterFence = 17,
    /// What a soft purge outdated is never hard.
    SoftForever = 18,
    /// Rows may be moved to another parent (dropped in the database by the test).
    NoFixedKeys = 19,
    /// A trigger is missing (dropped in the database by the test).
    TriggerMissing = 20,
    /// Erased answers, and those from before a write of this node, may be served in an outage.
    NoBar = 21,
    /// What a fetch brought from another incarnation is answered.
    ForeignAnswered = 22,
    /// The fence counts from the end of a poll.
    FenceFromEnd = 23,
    /// A change raises the floor before what makes it hard.
    FloorBeforeHard = 24,
    /// A proof asks for writes whose stamp was lost behind everything else (the other form of 14).
    PendingReadLast = 25,
    /// The answer to `/products/13` panics (not a bug of freshness: for `tests/steady.rs`).
    AnswerPanics = 28,
    /// The poll begins no further round, once there is the file `STAND` (not of freshness: for `tests/notify.rs`).
    PollStands = 29,
    /// The same of answers.
    AnswerStands = 30,
}

/// A place that can be made to panic, now and then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Point {
    /// In the answer to a request.
    Request,
    /// Before the origin is asked.
    Fetch,
    /// Between a fetch and the place where its answer is kept.
    Fill,
    /// In a poll, behind the database's answer.
    Poll,
    /// In a write, behind its commit.
    Write,
}

#[cfg(feature = "red")]
mod switch {
    use std::cell::Cell;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::{Point, Red};

    /// By point: it panics each so many times, 0 for never, and how often it has been passed.
    static POINTS: [(AtomicU32, AtomicU32); 5] = [const { (AtomicU32::new(0), AtomicU32::new(0)) }; 5];

    /// The points in their order, as `PANIC` names them.
    const NAMES: [&str; 5] = ["request", "fetch", "fill", "poll", "write"];

    /// Panics, if this is one of the times to do so.
    #[allow(clippy::panic)]
    pub fn pass(point: Point) {
        let (each, passed) = &POINTS[point as usize];
        let each = each.load(Ordering::Relaxed);
        if each > 0 && (passed.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(each) {
            panic!("on purpose: {point:?}");
        }
    }

    /// Has the points panic that `PANIC` names, as in `PANIC=fetch:10,poll:7`.
    fn arm() {
        for named in std::env::var("PANIC").unwrap_or_default().split(',') {
            let Some((name, each)) = named.split_once(':') else { continue };
            let point = NAMES.iter().position(|of| *of == name.trim());
            if let (Some(point), Ok(each)) = (point, each.trim().parse()) {
                POINTS[point].0.store(each, Ordering::Relaxed);
            }
        }
    }

    /// In this process.
    static ON: AtomicU32 = AtomicU32::new(0);

    thread_local! {
        /// On this thread besides, for tests that run beside others.
        static HERE: Cell<u32> = const { Cell::new(0) };
    }

    /// Whether this bug is switched on.
    pub fn is_on(bug: Red) -> bool {
        (ON.load(Ordering::Relaxed) | HERE.get()) & (1 << bug as u8) != 0
    }

    /// Never ends, if this bug is switched on and there is the file that `STAND` names.
    pub async fn stand_still(bug: Red) {
        if is_on(bug) && std::env::var_os("STAND").is_some_and(|file| std::path::Path::new(&file).exists()) {
            std::future::pending::<()>().await;
        }
    }

    /// A panic, which is what the bug is.
    #[expect(clippy::panic, reason = "only tests switch it on")]
    pub fn panics(bug: Red) {
        panic!("a deliberate bug: {bug:?}");
    }

    /// Switches on the bugs named in `RED`, as in `RED=4,16`, and the panics named in `PANIC`, as in `PANIC=fetch:10,poll:7` (each
    /// tenth fetch, each seventh poll), for this process. Returns which bugs are on.
    pub fn from_environment() -> Vec<u8> {
        arm();
        let text = std::env::var("RED").unwrap_or_default();
        let bugs: Vec<u8> = text.split(',').filter_map(|number| number.trim().parse().ok()).collect();
        ON.store(bugs.iter().fold(0, |on, bug| on | 1 << bug), Ordering::Relaxed);
        bugs
    }

    /// Runs something with one bug switched on, on this thread alone.
    pub fn with<T>(bug: Red, run: impl FnOnce() -> T) -> T {
        struct Off(u32);
        impl Drop for Off {
            fn drop(&mut self) {
                HERE.set(self.0);
            }
        }
        let _off = Off(HERE.replace(HERE.get() | 1 << bug as u8));
        run()
    }
}

#[cfg(not(feature = "red"))]
mod switch {
    use super::{Point, Red};

    /// Panics, if this is one of the times to do so: never.
    #[inline(always)]
    pub const fn pass(_point: Point) {}

    /// Whether this bug is switched on: never.
    #[inline(always)]
    pub const fn is_on(_bug: Red) -> bool {
        false
    }

    /// Never ends, if this bug is switched on: it is not.
    #[inline(always)]
    pub async fn stand_still(_bug: Red) {}

    /// A bug that is a panic: there is none.
    #[inline(always)]
    pub const fn panics(_bug: Red) {}

    /// Which bugs are switched on: none.
    pub const fn from_environment() -> Vec<u8> {
        Vec::new()
    }
}

pub use self::switch::*;
