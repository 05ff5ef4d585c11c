//! The tiers in their order: the process (L1), Redis (L2), the origin.
//!
//! An entry of L1 that is proved is answered without waiting for anything. For everything else there is one flight per key, a
//! task of its own that its callers only wait for; each of them judges for itself what it brings.

mod address;
mod clients;
mod complaint;
mod encode;
mod envelope;
mod fill;
mod flight;
mod front;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod hints;
mod inspect;
mod l1;
mod l2;
mod lookup;
mod permits;
mod pressure;
mod refresh;
mod shadow;
mod shed;
mod state;
mod times;
mod warm;
mod write;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use tokio::sync::{Semaphore, mpsc};
use tracing::{info, warn};

use crate::breaker::Breaker;
use crate::changes::{Changes, Erased, Poller, PollerSettings};
use crate::command::Owner;
use crate::entry::Entry;
use crate::freshness::Instant;
use crate::metrics::{Dependency, Place};
use crate::origin::{Origin, OriginError};
use crate::stamp::Incarnation;
use crate::supervise::supervise;

use self::clients::Clients;
use self::fill::Landed;
use self::flight::Flights;
use self::l1::L1;
use self::permits::Permits;
use self::pressure::Pressure;
use self::refresh::Refreshes;
use self::shadow::Shadow;
use self::times::Times;
use self::warm::Sample;

pub use self::address::Address as L2Address;
pub use self::inspect::{Encoded, Inspected, Verdict};
pub use self::l2::{L2, Settings as L2Settings};
pub use crate::changes::{Sighting, Wide};
pub use crate::origin::WriteError;

pub use self::lookup::{Answered, Asked, Served};
pub use self::pressure::Memory;
pub use self::state::{Check, Hot, State};
pub use self::times::{Live, ResourceTimes};
pub use self::warm::Warm;

/// What does not change while a node runs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How many bytes L1 may hold, all encodings and a fixed share per entry counted.
    pub l1_bytes: u64,
    /// The largest entry that is stored in L1.
    pub l1_entry_max: usize,
    /// How many answers without content are stored.
    pub absent_max: u64,
    /// How long a node waits for the database at its start before it takes what Redis knows.
    pub boot_wait: Duration,
    /// How long nothing may be provable, while the origin answers, before the node is not ready.
    pub blind_unready: Duration,
    /// How long the origin may take for an answer.
    pub fetch: Duration,
    /// How much memory the process may take, if anything limits it.
    pub memory: Option<Memory>,
    /// What outlives a restart, if anything does.
    pub warm: Option<Warm>,
    /// How changes are polled.
    pub poller: PollerSettings,
    /// The bound, and what is kept of changes.
    pub changes: crate::changes::Settings,
}

/// Why there is no answer now. There may be one later.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Unavailable {
    /// All permits to ask the origin were taken for too long.
    #[error("too many requests wait for the origin")]
    Busy,
    /// The origin did not answer in time.
    #[error("the origin did not answer in time")]
    Late,
    /// The origin could not answer.
    #[error("the origin gave no answer")]
    Failed(#[source] Arc<OriginError>),
    /// The answer is of another life of the database than the one this node knows.
    #[error("the origin is not the one that is known")]
    Foreign(Incarnation),
    /// The fetch ended without a result: it panicked.
    #[error("the fetch ended without a result")]
    Lost,
    /// The origin has not answered lately, and is not asked.
    #[error("the origin does not answer and is not asked")]
    Open,
    /// Too many wait for fetches.
    #[error("too many requests wait for fetches")]
    Crowded,
    /// Memory is short.
    #[error("memory is short")]
    Short,
    /// This client has asked for too much that is not held.
    #[error("the client has asked for too much that is not held")]
    Limited,
}

impl From<OriginError> for Unavailable {
    fn from(error: OriginError) -> Self {
        match error {
            OriginError::Late => Self::Late,
            OriginError::Down | OriginError::Failed(_) => Self::Failed(Arc::new(error)),
        }
    }
}

/// Why a node is not to be asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unready {
    /// It has never heard from the database; in the database's words, or the network's, why.
    #[error("the database could not be read yet: {0}")]
    NotBegun(String),
    /// It cannot prove anything although the database answers; why.
    #[error("nothing can be proved although the database answers: {0}")]
    Blind(String),
}

/// The tiers above an origin.
pub struct Cache {
    l1: L1,
    l2: Option<L2>,
    origin: Arc<dyn Origin>,
    changes: Arc<Changes>,
    poller: Arc<Poller>,
    flights: Flights<Result<Landed, Unavailable>>,
    permits: Permits,
    clients: Clients,
    /// Before the origin, as far as it is asked for answers.
    breaker: Arc<Breaker>,
    pressure: Pressure,
    /// One at a time for each processor: every thread that encodes large bodies keeps memory for it.
    making: Arc<Semaphore>,
    refreshes: Arc<Refreshes>,
    shadow: Shadow,
    times: Times,
    live: ArcSwap<Live>,
    settings: Settings,
    /// Makes the jitter of this node its own.
    node: u64,
    /// When it was made.
    began: Instant,
    /// The origin could be asked once.
    reached: AtomicBool,
    /// What is asked for most.
    hot: Sample,
}

fn grace(live: &Live) -> [Duration; crate::key::Resource::ALL.len()] {
    live.times.map(|times| times.grace)
}

impl Cache {
    /// An empty cache above `origin`. It begins to poll for changes.
    pub fn new(origin: Arc<dyn Origin>, l2: Option<L2>, settings: Settings, live: Live) -> Arc<Self> {
        let changes = Changes::new(settings.changes);
        let (erased, erasures) = mpsc::unbounded_channel();
        let poller = Poller::start(Arc::clone(&changes), Arc::clone(&origin), settings.poller, grace(&live), erased);
        let cache = Arc::new(Self {
            l1: L1::new(settings.l1_bytes, settings.absent_max),
            node: l2.as_ref().map_or_else(|| fastrand::u64(..), L2::node),
            l2,
            origin,
            changes,
            poller,
            flights: Flights::new(),
            permits: Permits::new(live.miss_permits),
            clients: Clients::default(),
            breaker: Arc::new(Breaker::new(Dependency::Postgres, live.breaker)),
            pressure: Pressure::default(),
            making: Arc::new(Semaphore::new(std::thread::available_parallelism().map_or(1, usize::from))),
            refreshes: Refreshes::new(live.refresh_concurrency),
            shadow: Shadow::new(live.shadow),
            times: Times::new(&live),
            live: ArcSwap::from_pointee(live),
            hot: Sample::new(settings.warm.is_some()),
            settings,
            began: Instant::now(),
            reached: AtomicBool::new(false),
        });
        cache.watch_memory();
        let (poller, breaker) = (Arc::clone(&cache.poller), Arc::clone(&cache.breaker));
        let close = move || Arc::clone(&poller).after_each(Arc::clone(&breaker));
        tokio::spawn(supervise(Place::Background, "the breaker's ear for polls", close));
        if let Some(l2) = &cache.l2 {
            if l2.hints() {
                let (l2, poller) = (l2.clone(), Arc::clone(&cache.poller));
                let listen = move || hints::listen(l2.clone(), Arc::clone(&poller));
                tokio::spawn(supervise(Place::Background, "the ear for hints", listen));
            }
            tokio::spawn(note(l2.clone(), Arc::clone(&cache.changes), Arc::clone(&cache.poller), erasures));
            tokio::spawn(Arc::clone(&cache).boot_without_the_origin());
        }
        if let Some(warm) = cache.settings.warm.clone() {
            tokio::spawn(Arc::clone(&cache).warm_up(warm));
        }
        cache
    }

    /// Obeys other limits and times from now on. Nothing that is stored or under way is dropped.
    pub fn set(&self, live: Live) {
        self.times.set(&live);
        self.poller.set_grace(grace(&live));
        self.permits.resize(live.miss_permits);
        self.refreshes.resize(live.refresh_concurrency);
        self.shadow.set(live.shadow);
        self.breaker.set(live.breaker);
        if let Some(l2) = &self.l2 {
            l2.set_breaker(live.breaker);
        }
        self.live.store(Arc::new(live));
    }

    /// Whether requests are to be sent here; [`Cache::checks`] says what that depends on.
    ///
    /// # Errors
    /// With why not.
    pub fn readiness(&self) -> Result<(), Unready> {
        let now = Instant::now();
        if !self.changes.has_begun() {
            // Another node's knowledge, and entries of its own, are enough for labelled answers.
            let adopted = self.changes.position().is_some();
            return if adopted { Ok(()) } else { Err(Unready::NotBegun(self.poller.trouble())) };
        }
        // That the poll has a connection does not yet mean that reads have one.
        if !self.reached.load(Ordering::Relaxed) {
            if !self.origin.is_up() {
                return Err(Unready::NotBegun("no connection for reads is there yet".to_owned()));
            }
            self.reached.store(true, Ordering::Relaxed);
        }
        let blind = now.since(self.changes.proved());
        // While the database is away all nodes are blind: if all were unready, nobody would answer at all.
        if blind > self.settings.blind_unready && self.origin.is_up() {
            return Err(Unready::Blind(self.poller.trouble()));
        }
        Ok(())
    }

    /// Why nothing can be proved at present, if nothing can.
    pub fn blindness(&self) -> Option<String> {
        let blind = !self.changes.is_open(Instant::now());
        blind.then(|| self.poller.trouble())
    }

    /// Whether polls go on, successful or not.
    pub fn polls(&self) -> bool {
        self.poller.turns()
    }

    /// Whether there is anything that could be answered without the origin.
    pub fn holds_any(&self) -> bool {
        self.l1.holds_any()
    }

    /// The highest place in the history that this node, or the entry, has seen.
    pub fn position(&self, entry: Option<&Entry>) -> Option<crate::stamp::OrdToken> {
        let position = self.changes.position()?;
        let of_entry = entry.filter(|entry| entry.facts.epoch.short() == position.epoch).map(|entry| entry.facts.stamp);
        Some(crate::stamp::OrdToken {
            stamp: of_entry.map_or(position.stamp, |stamp| stamp.max(position.stamp)),
            ..position
        })
    }

    /// The document of a cart, for a client at this address. It is never stored.
    ///
    /// # Errors
    /// When the origin gives no answer in time, or the client has asked for too much.
    pub async fn cart(&self, owner: Owner, client: Option<IpAddr>) -> Result<Bytes, Unavailable> {
        self.admit(client)?;
        let budget = self.live.load().budget;
        let ask = async || {
            let mut known = self.changes.era();
            let asked = self.ask_origin(true, || {
                known = self.changes.era();
                self.origin.cart(owner)
            });
            let ((cart, incarnation), _permit) = asked.await?;
            if incarnation == known.1 { Ok(cart) } else { Err(Unavailable::Foreign(incarnation)) }
        };
        let asked = async {
            match ask().await {
                // The view may be a moment behind the connection, or the connection lead to a primary that was replaced.
                Err(Unavailable::Foreign(_)) if self.poller.join(budget).await => ask().await,
                answered => answered,
            }
        };
        tokio::time::timeout(budget, asked).await.unwrap_or(Err(Unavailable::Late))
    }

    /// Waits for the database, and if it does not come takes what Redis knows, so that labelled answers can be given.
    async fn boot_without_the_origin(self: Arc<Self>) {
        let Some(l2) = &self.l2 else { return };
        tokio::time::sleep(self.settings.boot_wait).await;
        while !self.changes.has_begun() {
            if let Some((epoch, erased)) = l2.noted().await {
                self.changes.adopt(epoch, &erased);
                info!(%epoch, "the database is away: answers come from Redis, labelled");
                return;
            }
            warn!("the database is away, and Redis knows nothing either");
            tokio::time::sleep(self.settings.boot_wait).await;
        }
    }
}

/// Notes in Redis what nodes need to know that start while the database is away.
async fn note(l2: L2, changes: Arc<Changes>, poller: Arc<Poller>, mut erasures: mpsc::UnboundedReceiver<Erased>) {
    /// An epoch is noted again now and then: Redis may have forgotten it.
    const AGAIN: Duration = Duration::from_secs(60);
    loop {
        tokio::select! {
            () = poller.renewed() => {
                if let Some(token) = changes.position() {
                    // Nodes whose connection leads to an old primary look again when they hear of another epoch.
                    l2.publish(token);
                }
                l2.note_epoch(changes.era().0);
            }
            erased = erasures.recv() => match erased {
                Some(Erased { epoch, tag, stamp }) => l2.note_erased(epoch, tag, stamp),
                None => return,
            },
            () = tokio::time::sleep(AGAIN), if changes.has_begun() => l2.note_epoch(changes.era().0),
        }
    }
}

#[cfg(test)]
mod tests;
