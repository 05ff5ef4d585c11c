//! What this node knows of changes, and what an entry must have seen to be answered: the protocol of docs/freshness.md.
//!
//! Nothing here asks a database or Redis. The poller brings what a poll learned, a write brings what it changed, and the
//! hit path asks for a judgement, which takes a few loads, one look at the clock and no lock.

mod advance;
mod clock;
mod covers;
mod filter;
mod pending;
mod poller;
mod proof;
mod raises;
mod recent;
mod view;
mod word;

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;

use crate::facts::{Facts, Place};
use crate::freshness::Instant;
use crate::key::{Key, Resource};
use crate::metrics::{Raiser, metrics};
use crate::origin::{Changes as Learned, Poll, Tags};
use crate::red::{self, Red};
use crate::stamp::{Epoch, Incarnation, OrdToken, Seen, Stamp};
use crate::tag::{Kind, Tag};

use self::advance::advance;
use self::covers::Covers;
use self::filter::Filters;
use self::pending::Pending;
use self::raises::Raises;
use self::recent::Recent;
use self::view::{Change, View};

#[cfg(test)]
mod interleavings;
#[cfg(test)]
mod model;
#[cfg(test)]
mod stress;

pub use self::poller::{Poller, Settings as PollerSettings};
pub use self::proof::Proof;
pub use self::recent::{Sighting, Wide};

/// What does not change while a node runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How long a committed write can miss from an unlabelled answer.
    pub bound: Duration,
    /// How many cells there are for stamps; a power of two.
    pub cells: usize,
    /// Whether what is not there is known without asking.
    pub filter: bool,
}

/// The grace of a soft purge that is still to end.
#[derive(Debug)]
struct Softened {
    due: Instant,
    epoch: Epoch,
    covers: Covers,
    stamp: Stamp,
}

/// Something that must not be served any more, by whomever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Erased {
    /// In which epoch.
    pub epoch: Epoch,
    /// What depends on this.
    pub tag: Tag,
    /// And was read before this.
    pub stamp: Stamp,
}

/// The poll brought something that cannot be added to what is known: all that is kept has to be read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resync;

/// What one node knows of changes.
#[derive(Debug)]
pub struct Changes {
    view: ArcSwap<View<AtomicU64>>,
    pending: Pending<AtomicU64>,
    raises: Mutex<Raises>,
    softened: Mutex<Vec<Softened>>,
    filters: Filters,
    recent: Recent,
    settings: Settings,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is behind these locks is whole between any two statements.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Changes {
    /// Knows nothing, so that no entry can be proved and nothing is fetched in vain: see [`Changes::learn`].
    pub fn new(settings: Settings) -> Arc<Self> {
        let view = View::new(Epoch::default(), Incarnation::default(), Stamp::ZERO, settings.cells);
        Arc::new(Self {
            view: ArcSwap::from_pointee(view),
            pending: Pending::new(),
            raises: Mutex::default(),
            softened: Mutex::default(),
            filters: Filters::new(settings.filter),
            recent: Recent::default(),
            settings,
        })
    }

    /// The bound.
    pub fn bound(&self) -> Duration {
        self.settings.bound
    }

    /// Judges an entry, and says at which moment.
    #[inline]
    pub fn prove(&self, facts: &Facts) -> (Proof, Instant) {
        self.prove_at(facts, clock::now)
    }

    #[inline(always)]
    fn prove_at(&self, facts: &Facts, now: impl FnOnce() -> Instant) -> (Proof, Instant) {
        let (cells, bound) = (self.settings.cells, self.settings.bound);
        proof::prove(facts, &self.pending, cells, || self.view.load(), now, bound)
    }

    /// Which life of the database fetches have to come from, and what they are to be stamped with beside what they saw. It is
    /// asked before a fetch begins.
    pub fn era(&self) -> (Epoch, Incarnation) {
        let view = self.view.load();
        (view.epoch, view.incarnation)
    }

    /// The highest stamp that was applied, as a token; `None` before the first poll.
    pub fn position(&self) -> Option<OrdToken> {
        let view = self.view.load();
        (view.epoch != Epoch::default()).then(|| OrdToken { epoch: view.epoch.short(), stamp: view.stamp() })
    }

    /// Whether everything up to the token has been applied here.
    pub fn has_reached(&self, token: OrdToken) -> bool {
        self.position().is_some_and(|position| position.epoch == token.epoch && position.stamp >= token.stamp)
    }

    /// Whether the last applied poll began within the bound.
    pub fn is_open(&self, now: Instant) -> bool {
        self.view.load().proved() >= now.before(self.settings.bound) || red::is_on(Red::FenceAlwaysOpen)
    }

    /// When the last applied poll began.
    pub fn proved(&self) -> Instant {
        self.view.load().proved()
    }

    /// Whether a poll has ever been applied.
    pub fn has_begun(&self) -> bool {
        self.proved() > Instant::default()
    }

    /// When an entry was last known to reflect every change; `None` when it does not, or was never known to.
    pub fn last_proved(&self, facts: &Facts) -> Option<Instant> {
        let view = self.view.load();
        let proved = view.proved().max(facts.began.unwrap_or_default());
        let current = facts.epoch == view.epoch && facts.stamp >= view.floor(facts.place);
        (current && proved > Instant::default()).then_some(proved)
    }

    /// Whether an entry may be served, with the label, while the origin gives no answer: it is not older than a write of this
    /// node, was not erased, and is not older than the request's token. Its age is the caller's business.
    pub fn may_be_held(&self, facts: &Facts, token: Option<OrdToken>) -> bool {
        let since = self.pending.since(facts.place, self.settings.cells);
        if since > Instant::default() && facts.began.is_none_or(|began| began <= since) {
            return false;
        }
        let view = self.view.load();
        let Some(bar) = view.bar(facts.epoch, facts.place) else { return false };
        // Either its own stamp has seen the write, or all up to the write was applied here and none of it touches the entry.
        let has_seen = |token: OrdToken| {
            let applied = facts.epoch == view.epoch && view.epoch.short() == token.epoch && view.stamp() >= token.stamp;
            token.epoch == facts.epoch.short()
                && (facts.stamp >= token.stamp || applied && facts.stamp >= view.floor(facts.place))
        };
        facts.stamp >= bar && token.is_none_or(has_seen)
    }

    /// What the answer to `key` is known to be without it: nothing is there. It is known only while the fence is open.
    pub fn is_absent(&self, key: Key) -> bool {
        let place = Place::of(key);
        // In the order of a proof: the ids are looked at behind the fence.
        let since = self.pending.since(place, self.settings.cells);
        let view = self.view.load();
        let proved = view.proved();
        let open = proved >= clock::now().before(self.settings.bound) && proved > since;
        open && self.filters.lack(key, view.epoch)
    }

    /// Applies a poll that began at `begun`. `grace` is how long a soft purge excuses an answer, by class.
    ///
    /// # Errors
    /// When it does not follow what is known; then nothing has changed.
    pub fn learn(&self, poll: &Poll, begun: Instant, grace: &[Duration; Resource::ALL.len()]) -> Result<(), Resync> {
        let view = self.view.load_full();
        let none = Tags::These(Vec::new());
        let tags = match &poll.changes {
            Learned::Since(tags) => tags,
            Learned::Gap if red::is_on(Red::NoHorizon) => &none,
            Learned::Gap | Learned::Kept { .. } => return Err(Resync),
        };
        let another = poll.epoch != view.epoch && !red::is_on(Red::NoIncarnation);
        if another || poll.stamp < view.stamp() {
            return Err(Resync);
        }
        let until = if red::is_on(Red::FenceFromEnd) { clock::now() } else { begun };
        advance(&view, &self.pending, poll.stamp, until, |view| match tags {
            Tags::These(tags) => {
                tags.iter().for_each(|(tag, kind)| self.apply(view, *tag, *kind, poll.stamp, begun, grace));
            }
            // Outdating too much is always safe.
            Tags::TooMany(kind) => self.apply(view, Tag::All, *kind, poll.stamp, begun, grace),
        });
        if red::is_on(Red::FilterAfterFence) {
            self.note_ids(tags);
        }
        lock(&self.raises).forget_before(begun);
        match tags {
            Tags::These(tags) => {
                metrics().raised(Raiser::Poll, tags.len());
                tags.iter().for_each(|(tag, kind)| self.recent.polled(*tag, *kind));
            }
            Tags::TooMany(kind) => {
                metrics().raised(Raiser::Poll, 1);
                self.recent.polled(Tag::All, *kind);
            }
        }
        Ok(())
    }

    fn note_ids(&self, tags: &Tags) {
        match tags {
            Tags::These(tags) => tags.iter().for_each(|(tag, _)| self.filters.note(*tag)),
            Tags::TooMany(_) => self.filters.note(Tag::All),
        }
    }

    fn apply(
        &self,
        view: &View<AtomicU64>,
        tag: Tag,
        kind: Kind,
        stamp: Stamp,
        begun: Instant,
        grace: &[Duration; Resource::ALL.len()],
    ) {
        if !red::is_on(Red::FilterAfterFence) {
            self.filters.note(tag);
        }
        let covers = Covers::of(tag);
        view.apply(covers, Change::Other(kind), stamp);
        if kind == Kind::Soft {
            let classes = match tag {
                Tag::All => &Resource::ALL[..],
                Tag::Class(class) | Tag::Row(class, _) => &Resource::ALL[class as usize..=class as usize],
            };
            // From the begin of the poll: how much later it is applied must not lengthen the grace.
            lock(&self.softened).extend(classes.iter().map(|class| Softened {
                due: begun.after(grace[*class as usize]),
                epoch: view.epoch,
                covers: if tag == Tag::All { Covers::Class(*class as usize) } else { covers },
                stamp,
            }));
        }
    }

    /// Ends the graces that are due at `now`, and says when the next one is.
    pub fn harden(&self, now: Instant) -> Option<Instant> {
        let mut softened = lock(&self.softened);
        let view = self.view.load();
        softened.retain(|soft| {
            let due = soft.due <= now;
            // In another epoch everything from before is outdated anyway.
            if due && soft.epoch == view.epoch && !red::is_on(Red::SoftForever) {
                view.harden(soft.covers, soft.stamp);
            }
            !due
        });
        softened.iter().map(|soft| soft.due).min()
    }

    /// Begins anew with all that is kept of what was changed, as a poll that began at `begun` saw it. Returns whether the
    /// epoch is another one.
    pub fn resync(&self, poll: &Poll, begun: Instant) -> bool {
        let view = View::new(poll.epoch, poll.incarnation, poll.stamp, self.settings.cells);
        self.filters.forget();
        let (tags, seen, horizon) = match &poll.changes {
            Learned::Kept { tags: tags @ Tags::These(_), seen, horizon } => (Some(tags), &seen[..], *horizon),
            // What is not known in full may have touched anything.
            Learned::Kept { tags: tags @ Tags::TooMany(_), .. } => (Some(tags), &[][..], None),
            Learned::Since(_) | Learned::Gap => (None, &[][..], None),
        };
        // Every change is taken as hard: when it was made, and so how long its grace still was, is not known.
        let as_hard = |kind: Kind| Change::Other(kind.max(Kind::Hard));
        match tags {
            Some(Tags::These(tags)) => {
                metrics().raised(Raiser::Resync, tags.len());
                for (place, (tag, kind)) in tags.iter().enumerate() {
                    let seen = seen.get(place).copied().flatten().unwrap_or(poll.stamp);
                    view.apply(Covers::of(*tag), as_hard(*kind), seen);
                }
            }
            Some(Tags::TooMany(kind)) => view.apply(Covers::All, as_hard(*kind), poll.stamp),
            None => {}
        }
        if !red::is_on(Red::NoHorizon) {
            view.demand(horizon.unwrap_or(poll.stamp));
        }

        let raises = lock(&self.raises);
        let before = self.view.load_full();
        let renewed = before.epoch != poll.epoch;
        if renewed && before.epoch != Epoch::default() {
            self.recent.began(poll.epoch);
        }
        #[cfg(feature = "red")]
        if red::is_on(Red::FloorsClearedInPlace) && !renewed {
            before.clear_in_place();
            drop(raises);
            std::thread::sleep(Duration::from_millis(100));
            if let Some(Tags::These(tags)) = tags {
                tags.iter().for_each(|(tag, kind)| before.apply(Covers::of(*tag), as_hard(*kind), poll.stamp));
            }
            before.prove_until(poll.stamp, begun);
            return false;
        }
        let view = view.following(&before);
        if !red::is_on(Red::RaisesForgotten) {
            raises.since(begun, poll.incarnation, |covers, stamp| view.apply(covers, Change::Own, stamp));
        }
        view.prove_until(poll.stamp, begun);
        self.view.store(Arc::new(view));
        drop(raises);

        let view = self.view.load();
        self.pending.lift(begun, |covers| view.apply(covers, Change::Own, poll.stamp));
        lock(&self.raises).forget_before(begun);
        renewed
    }

    /// Takes over what another node knew before the database went away: which epoch entries in Redis are of, and what must
    /// not be served. Nothing is proved by it. Does nothing once a poll has been applied.
    pub fn adopt(&self, epoch: Epoch, erased: &[(Tag, Stamp)]) {
        let _raises = lock(&self.raises);
        if self.view.load().epoch != Epoch::default() {
            return;
        }
        let view = View::new(epoch, Incarnation::default(), Stamp::ZERO, self.settings.cells);
        for (tag, stamp) in erased {
            view.apply(Covers::of(*tag), Change::Other(Kind::Erase), *stamp);
        }
        self.view.store(Arc::new(view));
    }

    /// Notes what a write of this node changed; has to be done before the write is answered. Returns the token that shows it
    /// to other nodes. `None` says that it is not known where in the history the write stands, and that a poll has to find out.
    pub fn raise(&self, tags: &[(Tag, Kind)], seen: Option<Seen>) -> Option<OrdToken> {
        metrics().raised(Raiser::Write, tags.len());
        let covers: Vec<_> = tags.iter().map(|(tag, _)| Covers::of(*tag)).collect();
        let mut raises = lock(&self.raises);
        let view = self.view.load();
        if let Some(seen) = seen.filter(|seen| seen.incarnation == view.incarnation) {
            for (tag, _) in tags {
                self.filters.note(*tag);
                view.apply(Covers::of(*tag), Change::Own, seen.stamp);
            }
            raises.push(clock::now(), seen.incarnation, covers, seen.stamp);
            return Some(OrdToken { epoch: view.epoch.short(), stamp: seen.stamp });
        }
        drop(raises);
        self.pending.add(&covers, clock::now());
        None
    }

    /// Remembers that an operator had this node purge something.
    pub fn note_order(&self, tags: &[Tag], kind: Kind) {
        self.recent.ordered(tags, kind);
    }

    /// The purges of late, the newest first.
    pub fn recent(&self) -> Vec<Sighting> {
        self.recent.all()
    }

    /// Which ids are to be read anew, so that what is not there is known again.
    pub fn filters(&self) -> &Filters {
        &self.filters
    }
}
