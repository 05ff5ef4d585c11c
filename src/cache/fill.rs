//! The one fetch under way for a key: from Redis if what is there can be proved, else from the origin.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::SemaphorePermit;
use tokio::time::timeout;
use tracing::{debug, error, warn};

use super::permits::{Refusal, Wait};
use super::{Cache, Unavailable, l1};
use crate::cause::Causes;
use crate::changes::Proof;
use crate::entry::{Entry, Origins};
use crate::freshness::{Freshness, Instant};
use crate::key::Key;
use crate::metrics::{Lookup, Place, Reason, looked_up, metrics};
use crate::origin::{Asking, Fetched, OriginError};
use crate::outcome::Outcome;
use crate::red::{self, Point, Red};

/// What a fetch is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Somebody waits for it. Redis is asked unless it has already brought what was no good.
    Miss { use_l2: bool },
    /// Nobody waits: somebody will ask for it.
    Warm,
    /// Nobody waits: what was read at this moment is to be replaced by something younger.
    Refresh { held: Instant },
}

/// What a flight brings.
#[derive(Clone, Debug)]
pub(super) struct Landed {
    pub(super) entry: Arc<Entry>,
    pub(super) outcome: Outcome,
}

/// What a flight may take besides its waits: making an entry, on a busy machine.
const MAKING: Duration = Duration::from_millis(50);

/// The result of a fetch, and `Lost` when it panics, which is counted.
pub(super) async fn caught<T>(
    place: Place,
    fetch: impl Future<Output = Result<T, Unavailable>>,
) -> Result<T, Unavailable> {
    // What a panic leaves half done here is dropped with the fetch.
    AssertUnwindSafe(fetch).catch_unwind().await.unwrap_or_else(|_panic| {
        metrics().panicked(place);
        error!(?place, "a fetch panicked");
        Err(Unavailable::Lost)
    })
}

impl Cache {
    /// A flight: it ends by itself, also when nobody waits for it any more. A failure lasts for a while, so that those who come
    /// meanwhile do not try in vain, one after another.
    pub(super) async fn fly(&self, key: Key, purpose: Purpose) -> (Result<Landed, Unavailable>, Duration) {
        let (permit_wait, fail_ttl) = {
            let live = self.live.load();
            (live.permit_wait, live.fail_ttl)
        };
        let l2 = self.l2.as_ref().map_or(Duration::ZERO, super::L2::timeout);
        let limit = permit_wait + l2 + self.settings.fetch + MAKING;
        let filled = caught(Place::Fill, self.fill(key, purpose));
        let landed = timeout(limit, filled).await.unwrap_or(Err(Unavailable::Late));
        let lasts = match &landed {
            Err(Unavailable::Late | Unavailable::Failed(_) | Unavailable::Lost) => fail_ttl,
            // Nothing was tried, or what was brought has to be asked for once more.
            Err(
                Unavailable::Busy
                | Unavailable::Foreign(_)
                | Unavailable::Open
                | Unavailable::Crowded
                | Unavailable::Short
                | Unavailable::Limited,
            )
            | Ok(_) => Duration::ZERO,
        };
        (landed, lasts)
    }

    /// L2, else the origin; what it finds is stored on the way up.
    pub(super) async fn fill(&self, key: Key, purpose: Purpose) -> Result<Landed, Unavailable> {
        let mut outcome = Outcome::Miss;
        if let Purpose::Miss { .. } | Purpose::Warm = purpose {
            // Between a caller's look into L1 and the begin of its flight, another flight may have landed.
            if let Some(entry) = self.l1.get(&key) {
                if self.is_fresh(&entry) {
                    return Ok(Landed { entry, outcome: Outcome::HitL1 });
                }
                outcome = Outcome::Refetched;
            }
        }
        if let Some(entry) = self.look_in_l2(key, purpose).await {
            looked_up(Lookup::L2Hit);
            let entry = Arc::new(entry);
            self.store(&entry);
            return Ok(Landed { entry, outcome: Outcome::HitL2 });
        }
        let entry = Arc::new(caught(Place::Fetch, self.fetch(key, purpose)).await?);
        red::pass(Point::Fill);
        self.store(&entry);
        looked_up(Lookup::Fill);
        if let Some(l2) = &self.l2 {
            l2.store(Arc::clone(&entry));
        }
        Ok(Landed { entry, outcome })
    }

    /// Proved, and not only by grace.
    fn is_fresh(&self, entry: &Entry) -> bool {
        let (proof, now) = self.changes.prove(&entry.facts);
        matches!(proof, Proof::Current(_))
            && self.times.judge(entry, now.since(entry.read_at)).freshness == Freshness::Fresh
    }

    /// What Redis has, if it can be proved here and is younger than what is held. While nothing can be proved it is not
    /// even asked.
    async fn look_in_l2(&self, key: Key, purpose: Purpose) -> Option<Entry> {
        let l2 = self.l2.as_ref()?;
        let trusted = red::is_on(Red::L2Trusted);
        if purpose == (Purpose::Miss { use_l2: false }) {
            return None;
        }
        if !(self.changes.is_open(Instant::now()) || trusted) {
            looked_up(Lookup::L2Skipped);
            return None;
        }
        let (epoch, _) = self.changes.era();
        let mut entry = l2.get(key, epoch).await?;
        if trusted {
            entry.facts.stamp = crate::stamp::Stamp::MAX;
            return Some(entry);
        }
        let younger = match purpose {
            Purpose::Miss { .. } | Purpose::Warm => true,
            Purpose::Refresh { held } => entry.read_at > held,
        };
        if younger && self.is_fresh(&entry) {
            return Some(entry);
        }
        metrics().l2_outdated.inc();
        looked_up(Lookup::L2Outdated);
        None
    }

    pub(super) fn store(&self, entry: &Arc<Entry>) {
        if entry.size() <= self.settings.l1_entry_max && self.pressure.keeps() {
            self.l1.insert(Arc::clone(entry));
        }
    }

    /// Asks the origin for something: if it has answered lately, and under a permit if somebody waits, which comes back with the answer.
    pub(super) async fn ask_origin<'a, T>(
        &'a self,
        somebody_waits: bool,
        asking: impl FnOnce() -> Asking<'a, T>,
    ) -> Result<(T, Option<SemaphorePermit<'a>>), Unavailable> {
        let open = || {
            metrics().reject(Reason::Breaker);
            Unavailable::Open
        };
        let call = self.breaker.ask().ok_or_else(open)?;
        // Refreshes have permits of their own, and hold one already.
        let permit = if somebody_waits {
            let wait = {
                let live = self.live.load();
                Wait { queue: live.miss_queue, patience: live.permit_wait, target: live.shed_target }
            };
            let permit = self.permits.acquire(wait).await;
            if let Err(refusal) = permit {
                metrics().reject(match refusal {
                    Refusal::Full | Refusal::Late => Reason::Permits,
                    Refusal::Shed => Reason::Shed,
                });
            }
            // Those who held the permits may have found out meanwhile.
            if permit.is_ok() && self.breaker.is_open() && !call.is_probe() {
                return Err(open());
            }
            Some(permit.map_err(|_refusal| Unavailable::Busy)?)
        } else {
            None
        };
        let limit = call.within(self.settings.fetch);
        let asked = timeout(limit, asking()).await.unwrap_or(Err(OriginError::Late));
        // An error that the database sends is an answer: it may be about this question alone.
        call.end(!matches!(asked, Err(OriginError::Down | OriginError::Late)));
        Ok((asked?, permit))
    }

    /// Asks the origin, and makes the entry.
    pub(super) async fn fetch(&self, key: Key, purpose: Purpose) -> Result<Entry, Unavailable> {
        red::pass(Point::Fetch);
        let mut asked = (self.changes.era(), Instant::now());
        let fetched = self
            .ask_origin(matches!(purpose, Purpose::Miss { .. }), || {
                // Both before the question is sent: what it sees can only be younger.
                asked = (self.changes.era(), Instant::now());
                self.origin.fetch(key)
            })
            .await;
        let ((epoch, incarnation), began) = asked;
        // The permit is held until the entry is made, since that takes a processor's time.
        let ((fetched, seen), _permit) = match fetched {
            Ok(answered) => answered,
            Err(unavailable) => {
                if matches!(unavailable, Unavailable::Failed(_) | Unavailable::Late) {
                    looked_up(Lookup::OriginFailed);
                }
                // That nobody can be asked has been said where the connections are; it is not repeated for each request.
                if let Unavailable::Failed(error) = &unavailable
                    && !matches!(**error, OriginError::Down)
                {
                    warn!(%key, error = %Causes(&**error), "the origin gave no answer for `{key}`");
                } else if matches!(unavailable, Unavailable::Late) {
                    warn!(%key, "the origin did not answer in time for `{key}`");
                } else {
                    debug!(%key, error = %unavailable, "the origin cannot be asked for `{key}`");
                }
                return Err(unavailable);
            }
        };
        if seen.incarnation != incarnation && !red::is_on(Red::NoIncarnation) {
            if red::is_on(Red::ForeignAnswered) {
                let origins = Origins { epoch, stamp: seen.stamp, began: Some(began), read_at: began, cost: 0 };
                return Ok(make(key, &fetched, origins, 0));
            }
            return Err(Unavailable::Foreign(seen.incarnation));
        }
        let took = Instant::now().since(began);
        metrics().fetch_seconds.observe(took);
        let cost = u32::try_from(took.as_micros()).unwrap_or(u32::MAX);
        debug!(%key, "fetched `{key}` from the origin");
        let stamp = if red::is_on(Red::StampApart) {
            // A second statement sees what was committed between the two.
            self.origin.fetch(key).await.map_or(seen.stamp, |(_, later)| later.stamp)
        } else {
            seen.stamp
        };
        let origins = Origins { epoch, stamp, began: Some(began), read_at: began, cost };
        Ok(make(key, &fetched, origins, l1::draw(&key, self.node)))
    }
}

fn make(key: Key, fetched: &Fetched, origins: Origins, draw: u32) -> Entry {
    Entry::new(key, fetched.body.as_deref(), fetched.empty, origins, draw)
}
