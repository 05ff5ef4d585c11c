//! An origin that does what a test says: a counter for a history, and one number for all of its data.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use roaring::RoaringBitmap;

use crate::command::{Command, Owner, Purge, Purged};
use crate::key::Key;
use crate::origin::{
    Asking, Changes, Existing, Fetched, Fetching, Origin, OriginError, Poll, Position, Tags, WriteError, Written,
};
use crate::stamp::{Epoch, Incarnation, Seen, Stamp};
use crate::tag::{Kind, Tag};

/// What it does with a fetch.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Script {
    /// Answers with the version of the data.
    Version,
    /// Answers with a document without content.
    Empty,
    /// Says that there is no such row.
    Absent,
    Fail,
    /// Answers with an error.
    Refuse,
    Panic,
}

/// What it does with a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Commit {
    Done,
    StampLost,
    Unknown,
}

#[derive(Debug)]
struct History {
    stamp: u64,
    changes: Vec<(u64, Tag, Kind)>,
    epoch: u64,
    incarnation: u128,
    ids: Vec<u32>,
}

#[derive(Debug)]
pub(crate) struct ScriptedOrigin {
    script: Mutex<Script>,
    pub(crate) commit: Mutex<Commit>,
    pub(crate) delay: Mutex<Duration>,
    history: Mutex<History>,
    fetches: AtomicUsize,
    polls: AtomicUsize,
    reconnects: AtomicUsize,
    /// Whether polls fail.
    pub(crate) blind: AtomicBool,
    pub(crate) down: AtomicBool,
    /// How many of the next polls panic.
    pub(crate) panics: AtomicUsize,
}

impl ScriptedOrigin {
    pub(crate) fn new(script: Script, delay: Duration) -> Arc<Self> {
        Arc::new(Self {
            script: Mutex::new(script),
            commit: Mutex::new(Commit::Done),
            delay: Mutex::new(delay),
            history: Mutex::new(History {
                stamp: 1,
                changes: Vec::new(),
                epoch: 1 << 40,
                incarnation: 1,
                ids: vec![1, 2, 3, 4, 5, 7],
            }),
            fetches: AtomicUsize::new(0),
            polls: AtomicUsize::new(0),
            reconnects: AtomicUsize::new(0),
            blind: AtomicBool::new(false),
            down: AtomicBool::new(false),
            panics: AtomicUsize::new(0),
        })
    }

    pub(crate) fn fetches(&self) -> usize {
        self.fetches.load(Ordering::Relaxed)
    }

    pub(crate) fn polls(&self) -> usize {
        self.polls.load(Ordering::Relaxed)
    }

    pub(crate) fn reconnects(&self) -> usize {
        self.reconnects.load(Ordering::Relaxed)
    }

    pub(crate) fn set(&self, script: Script) {
        *self.script.lock().unwrap() = script;
    }

    pub(crate) fn blind(&self, blind: bool) {
        self.blind.store(blind, Ordering::Relaxed);
    }

    pub(crate) fn down(&self, down: bool) {
        self.down.store(down, Ordering::Relaxed);
        self.blind(down);
    }

    /// Somebody changes something; nobody here is told.
    pub(crate) fn change(&self, tag: &str, kind: Kind) {
        let mut history = self.history.lock().unwrap();
        history.stamp += 1;
        let stamp = history.stamp;
        history.changes.push((stamp, tag.parse().unwrap(), kind));
    }

    /// The database begins another life; what polls say of it is told apart from what fetches see.
    pub(crate) fn crash(&self) {
        let mut history = self.history.lock().unwrap();
        history.epoch += 1 << 40;
        history.incarnation += 1;
        history.stamp = 1;
    }

    pub(crate) fn add(&self, id: u32) {
        self.history.lock().unwrap().ids.push(id);
        self.change(&format!("product:{id}"), Kind::Hard);
    }
}

impl Origin for ScriptedOrigin {
    fn fetch(&self, _key: Key) -> Fetching<'_> {
        Box::pin(async {
            self.fetches.fetch_add(1, Ordering::Relaxed);
            // It is read at once, and comes late: what is changed meanwhile is not in it.
            let seen = {
                let history = self.history.lock().unwrap();
                Seen { stamp: Stamp::new(history.stamp), incarnation: Incarnation(history.incarnation) }
            };
            let (script, delay) = (*self.script.lock().unwrap(), *self.delay.lock().unwrap());
            tokio::time::sleep(delay).await;
            if self.down.load(Ordering::Relaxed) {
                return Err(OriginError::Down);
            }
            match script {
                Script::Version => Ok((Fetched::found(seen.stamp.to_string().into(), false), seen)),
                Script::Empty => Ok((Fetched::found("[]".into(), true), seen)),
                Script::Absent => Ok((Fetched::ABSENT, seen)),
                Script::Fail => Err(OriginError::Late),
                Script::Refuse => Err(OriginError::Failed("no".into())),
                Script::Panic => panic!("on purpose"),
            }
        })
    }

    fn poll<'a>(&'a self, position: Option<&'a Position>, _most: usize) -> Asking<'a, Poll> {
        Box::pin(async move {
            self.polls.fetch_add(1, Ordering::Relaxed);
            let less = |left: usize| left.checked_sub(1);
            assert!(self.panics.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_err(), "on purpose");
            if self.blind.load(Ordering::Relaxed) {
                return Err(OriginError::Late);
            }
            let history = self.history.lock().unwrap();
            let since = position.map_or(0, |position| position.0.parse().unwrap());
            let listed =
                history.changes.iter().filter(|(stamp, ..)| *stamp > since).map(|(_, tag, kind)| (*tag, *kind));
            let tags = Tags::These(listed.collect());
            let changes = match position {
                Some(_) => Changes::Since(tags),
                None => Changes::Kept { tags, seen: Vec::new(), horizon: Some(Stamp::ZERO) },
            };
            Ok(Poll {
                epoch: Epoch::new(history.epoch),
                incarnation: Incarnation(history.incarnation),
                stamp: Stamp::new(history.stamp),
                position: Position(history.stamp.to_string().into()),
                changes,
            })
        })
    }

    fn write(&self, command: Command, _at: i64) -> Asking<'_, Written, WriteError> {
        Box::pin(async move {
            let tags = match command {
                Command::Vote(_, id, _) => vec![(Tag::Row(crate::key::Resource::Product, id), Kind::Hard)],
                Command::Purge(Purge { what: Purged::Tags(tags, kind), .. }) => {
                    tags.into_iter().map(|tag| (tag, kind)).collect()
                }
                Command::AddReview(_)
                | Command::AddQuestion(_)
                | Command::AddAnswer(_)
                | Command::AddToCart { .. }
                | Command::AddInteraction { .. }
                | Command::Purge(_) => return Err(WriteError::Invalid),
            };
            let mut history = self.history.lock().unwrap();
            history.stamp += 1;
            let stamp = history.stamp;
            history.changes.extend(tags.iter().map(|(tag, kind)| (stamp, *tag, *kind)));
            let seen = Seen { stamp: Stamp::new(stamp), incarnation: Incarnation(history.incarnation) };
            match *self.commit.lock().unwrap() {
                Commit::Done => Ok(Written { tags, seen: Some(seen) }),
                Commit::StampLost => Ok(Written { tags, seen: None }),
                Commit::Unknown => Err(WriteError::Uncertain(tags)),
            }
        })
    }

    fn cart(&self, _owner: Owner) -> Asking<'_, (Bytes, Incarnation)> {
        self.fetches.fetch_add(1, Ordering::Relaxed);
        Box::pin(async { Ok(("[]".into(), Incarnation(self.history.lock().unwrap().incarnation))) })
    }

    fn ids(&self, of: Existing) -> Asking<'_, (RoaringBitmap, Incarnation)> {
        Box::pin(async move {
            let history = self.history.lock().unwrap();
            let ids =
                if of == Existing::Products { history.ids.iter().copied().collect() } else { RoaringBitmap::new() };
            Ok((ids, Incarnation(history.incarnation)))
        })
    }

    fn prune(&self, _retention: Duration) -> Asking<'_, ()> {
        Box::pin(async { Ok(()) })
    }

    fn reconnect(&self) {
        self.reconnects.fetch_add(1, Ordering::Relaxed);
    }

    fn is_up(&self) -> bool {
        !self.down.load(Ordering::Relaxed)
    }
}
