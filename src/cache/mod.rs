//! The tiers in their order: the process (L1), Redis (L2), the origin.
//!
//! A fresh entry of L1 is answered without waiting for anything. For everything else there is one flight per key, a task
//! of its own that its callers only wait for.

mod envelope;
mod flight;
mod l1;
mod l2;
mod permits;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use tracing::{Instrument, debug, warn};

use crate::cause::Causes;
use crate::command::{Command, Owner};
use crate::entry::{Answer, Document, Entry};
use crate::freshness::{self, Freshness, Instant};
use crate::key::{Key, Resource};
use crate::origin::{Fetched, Origin, OriginError};
use crate::outcome::Outcome;
use crate::stamp::OrdToken;

use self::flight::{Flights, Seat};
use self::l1::L1;
use self::permits::Permits;

pub use self::l2::{Address as L2Address, L2, Settings as L2Settings};
pub use crate::origin::WriteError;

/// Limits and times of the cache.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How many bytes L1 may hold, all encodings and a fixed share per entry counted.
    pub l1_bytes: u64,
    /// The largest entry that is stored in L1.
    pub l1_entry_max: usize,
    /// How many answers without content are stored.
    pub absent_max: u64,
    /// How long an answer without content is fresh.
    pub absent_ttl: Duration,
    /// How long an answer is fresh, by resource in the order of [`Resource::ALL`].
    pub ttl: [Duration; Resource::ALL.len()],
    /// By which share at most a ttl is shortened.
    pub ttl_jitter: f64,
    /// How long a read may take as a whole.
    pub budget: Duration,
    /// How many fetches run at once.
    pub miss_permits: usize,
    /// How many fetches wait for a permit.
    pub miss_queue: usize,
    /// How long a fetch waits for a permit.
    pub permit_wait: Duration,
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
    /// The fetch ended without a result: it panicked.
    #[error("the fetch ended without a result")]
    Lost,
}

impl From<OriginError> for Unavailable {
    fn from(error: OriginError) -> Self {
        match error {
            OriginError::Late => Self::Late,
            OriginError::Down | OriginError::Failed(_) => Self::Failed(Arc::new(error)),
        }
    }
}

/// What a flight brings: the entry, and how its leader came by it.
type Landed = Result<(Arc<Entry>, Outcome), Unavailable>;

/// The tiers above an origin.
pub struct Cache {
    l1: L1,
    l2: Option<L2>,
    origin: Arc<dyn Origin>,
    flights: Flights<Landed>,
    permits: Permits,
    settings: Settings,
    /// Makes the jitter of this node its own.
    node: u64,
}

impl Cache {
    /// An empty cache above `origin`.
    pub fn new(origin: Arc<dyn Origin>, l2: Option<L2>, settings: Settings) -> Arc<Self> {
        Arc::new(Self {
            l1: L1::new(settings.l1_bytes, settings.absent_max),
            l2,
            origin,
            flights: Flights::new(),
            permits: Permits::new(settings.miss_permits, settings.miss_queue),
            settings,
            node: fastrand::u64(..),
        })
    }

    /// Whether the origin can be asked, or something is held that can be answered without it.
    pub fn is_ready(&self) -> bool {
        self.origin.is_up() || self.l1.holds_any()
    }

    /// An entry of L1 that is fresh at `now`; the hit path.
    #[inline]
    pub fn hit(&self, key: Key, now: Instant) -> Option<Arc<Entry>> {
        let entry = self.l1.get(&key)?;
        (self.judge(&entry, now) == Freshness::Fresh).then_some(entry)
    }

    /// The answer to `key` from the first tier that has it fresh.
    ///
    /// # Errors
    /// When nothing fresh is stored and the origin gives no answer within the budget.
    pub async fn lookup(self: &Arc<Self>, key: Key) -> Landed {
        if let Some(entry) = self.hit(key, Instant::now()) {
            return Ok((entry, Outcome::HitL1));
        }
        let (seat, landing) = self.flights.join_or_begin(key, || {
            let cache = Arc::clone(self);
            async move { cache.fill(key).await }.in_current_span()
        });
        match tokio::time::timeout(self.settings.budget, landing.result()).await {
            Ok(Some(Ok((entry, outcome)))) => match seat {
                Seat::Leader => Ok((entry, outcome)),
                Seat::Follower => Ok((entry, Outcome::Collapsed)),
            },
            Ok(Some(Err(error))) => Err(error),
            Ok(None) => Err(Unavailable::Lost),
            Err(_late) => Err(Unavailable::Late),
        }
    }

    /// Asks the origin for this caller alone and stores nothing: for windows that have no entry of their own.
    ///
    /// # Errors
    /// When the origin gives no answer within the budget.
    pub async fn fetch_unstored(self: &Arc<Self>, key: Key) -> Result<Arc<Entry>, Unavailable> {
        let cache = Arc::clone(self);
        // A task of its own, like any fetch, so that a client that leaves does not leave half a statement behind.
        let fetch = tokio::spawn(async move { cache.fetch(key).await }.in_current_span());
        match tokio::time::timeout(self.settings.budget, fetch).await {
            Ok(Ok(entry)) => entry.map(Arc::new),
            Ok(Err(_panicked)) => Err(Unavailable::Lost),
            Err(_late) => Err(Unavailable::Late),
        }
    }

    /// Does a write, in a task of its own: a client that leaves neither ends nor halves it. Its place in the history of
    /// changes, if that is known.
    ///
    /// # Errors
    /// When it was not done, or may not have been.
    pub async fn write(self: &Arc<Self>, command: Command) -> Result<Option<OrdToken>, WriteError> {
        let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let at = i64::try_from(at).unwrap_or(i64::MAX);
        let origin = Arc::clone(&self.origin);
        let write = tokio::spawn(async move { origin.write(command, at).await }.in_current_span());
        match write.await {
            Ok(written) => written.map(|_written| None),
            Err(_panicked) => Err(WriteError::Uncertain(Vec::new())),
        }
    }

    /// The document of a cart, from the origin: no tier has it.
    ///
    /// # Errors
    /// When the origin gives no answer within the budget.
    pub async fn cart(self: &Arc<Self>, owner: Owner) -> Result<Bytes, Unavailable> {
        let origin = Arc::clone(&self.origin);
        let fetch = tokio::spawn(async move { origin.cart(owner).await }.in_current_span());
        match tokio::time::timeout(self.settings.budget, fetch).await {
            Ok(Ok(cart)) => cart.map_err(Unavailable::from),
            Ok(Err(_panicked)) => Err(Unavailable::Lost),
            Err(_late) => Err(Unavailable::Late),
        }
    }

    /// How long an entry like this one is fresh at most.
    fn ttl(&self, entry: &Entry) -> Duration {
        let ttl = self.settings.ttl[entry.key.resource() as usize];
        if entry.empty { self.settings.absent_ttl.min(ttl) } else { ttl }
    }

    fn judge(&self, entry: &Entry, now: Instant) -> Freshness {
        let draw = l1::hash(&entry.key, self.node);
        let ttl = freshness::jittered(self.ttl(entry), self.settings.ttl_jitter, draw);
        freshness::judge(now.since(entry.read_at), ttl)
    }

    /// L2, else the origin; what it finds is stored on the way up.
    async fn fill(&self, key: Key) -> Landed {
        // Between a caller's look into L1 and the begin of its flight, another flight may have landed.
        if let Some(entry) = self.hit(key, Instant::now()) {
            return Ok((entry, Outcome::HitL1));
        }
        if let Some(l2) = &self.l2
            && let Some(entry) = l2.get(key).await
            && self.judge(&entry, Instant::now()) == Freshness::Fresh
        {
            let entry = Arc::new(entry);
            self.store(&entry);
            return Ok((entry, Outcome::HitL2));
        }
        let outcome = if self.l1.get(&key).is_some() { Outcome::Refetched } else { Outcome::Miss };
        let entry = Arc::new(self.fetch(key).await?);
        self.store(&entry);
        if let Some(l2) = &self.l2 {
            l2.store(Arc::clone(&entry), self.ttl(&entry));
        }
        Ok((entry, outcome))
    }

    fn store(&self, entry: &Arc<Entry>) {
        if entry.size() <= self.settings.l1_entry_max {
            self.l1.insert(Arc::clone(entry));
        }
    }

    /// Asks the origin under a permit and makes the entry.
    async fn fetch(&self, key: Key) -> Result<Entry, Unavailable> {
        let permit = self.permits.acquire(self.settings.permit_wait).await.ok_or(Unavailable::Busy)?;
        let read_at = Instant::now();
        let fetched = match self.origin.fetch(key).await {
            Ok((fetched, _seen)) => fetched,
            Err(error) => {
                // That nobody can be asked has been said where the connections are; it is not repeated for each request.
                match error {
                    OriginError::Down => debug!(%key, "the origin cannot be asked for `{key}`"),
                    OriginError::Late | OriginError::Failed(_) => {
                        warn!(%key, error = %Causes(&error), "the origin gave no answer for `{key}`");
                    }
                }
                return Err(error.into());
            }
        };
        drop(permit);
        debug!(%key, "fetched `{key}` from the origin");
        Ok(make(key, fetched, read_at).await)
    }
}

/// Bodies above this many bytes are encoded on a thread of their own: that takes 0.4 ms and more, for which
/// no hit is to wait (`entry.rs` has the figures).
const ENCODE_INLINE: usize = 16 << 10;

async fn make(key: Key, fetched: Fetched, read_at: Instant) -> Entry {
    let answer = match fetched.body {
        None => Answer::Absent,
        Some(body) if body.len() <= ENCODE_INLINE => Answer::Found(Document::new(body)),
        Some(body) => {
            let plain = body.clone();
            let encoded = tokio::task::spawn_blocking(move || Document::new(body)).await;
            Answer::Found(encoded.unwrap_or_else(|_panicked| Document::plain(plain)))
        }
    };
    Entry::new(key, answer, fetched.empty, read_at)
}

#[cfg(test)]
mod tests;
