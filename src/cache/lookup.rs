//! From a key to an answer: L1 if it can be proved, else the flight for the key, else what is held, with the label.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant as Alarm, timeout_at};
use tracing::{Instrument, debug};

use super::fill::{Landed, Purpose, caught};
use super::flight::Seat;
use super::{Cache, Unavailable};
use crate::changes::Proof;
use crate::entry::Entry;
use crate::freshness::{Freshness, Instant};
use crate::key::Key;
use crate::metrics::{Lookup, Place, Reason, looked_up, metrics};
use crate::outcome::Outcome;
use crate::red::{self, Red};
use crate::stamp::OrdToken;

/// How often a flight may bring what was outdated meanwhile before that is taken for the origin's failure.
const ROUNDS: usize = 3;

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// When the request came, or a little later.
    pub arrived: Instant,
    /// A write that the answer must not be older than.
    pub token: Option<OrdToken>,
    /// Whom the misses count for.
    pub client: Option<IpAddr>,
}

/// An answer, and what is to be said of where it came from.
#[derive(Clone, Debug)]
pub struct Served {
    /// The answer.
    pub entry: Arc<Entry>,
    /// Where it came from.
    pub outcome: Outcome,
    /// How long ago it was proved; of a stale one, how long ago it was read.
    pub age: Duration,
}

/// What is known of a key.
#[derive(Clone, Debug)]
pub enum Answered {
    /// An answer.
    Entry(Served),
    /// There is nothing, which is known without an entry.
    Nothing,
}

/// What L1 has to say.
enum Held {
    /// It can be served.
    Served(Served),
    /// It could be, if only the poll had come.
    Unproved,
    /// Nothing, or nothing that is any good.
    Nothing,
}

impl Cache {
    /// An entry of L1 that may be served at once; the hit path.
    #[inline]
    pub fn hit(self: &Arc<Self>, key: Key, token: Option<OrdToken>) -> Option<Served> {
        let behind = token.filter(|token| !self.changes.has_reached(*token));
        match self.held(key, token, behind) {
            Held::Served(served) => Some(served),
            Held::Unproved | Held::Nothing => None,
        }
    }

    /// What L1 has. `behind` is a token of which this node does not know whether it has applied everything up to it.
    #[inline]
    fn held(self: &Arc<Self>, key: Key, token: Option<OrdToken>, behind: Option<OrdToken>) -> Held {
        let Some(entry) = self.l1.hit(&key) else { return Held::Nothing };
        if behind.is_some_and(|token| !covers(&entry, token)) {
            return Held::Nothing;
        }
        let (proof, now) = self.changes.prove(&entry.facts);
        let (until, softened) = match proof {
            Proof::Current(until) => (until, false),
            Proof::Softened(until) => (until, true),
            Proof::Unproved => return Held::Unproved,
            Proof::Outdated => return Held::Nothing,
        };
        let old = now.since(entry.read_at);
        let judged = self.times.judge(&entry, old);
        if judged.freshness == Freshness::Expired || (softened && !entry.is_found()) {
            return Held::Nothing;
        }
        // What is softened misses a change that the token may have seen.
        if softened && token.is_some_and(|token| !covers(&entry, token)) {
            return Held::Nothing;
        }
        if softened || judged.early || judged.freshness == Freshness::Stale {
            self.refresh(key, entry.read_at);
        }
        let (outcome, age) = if softened {
            (Outcome::StalePurge(old.as_secs()), old)
        } else {
            self.hot.see(key, now);
            if self.shadow.is_due() {
                self.compare(&entry);
            }
            // Proved, whatever its age: the ttl is only a safety net.
            (Outcome::HitL1, now.since(until))
        };
        Held::Served(Served { entry, outcome, age })
    }

    /// The answer to `key` from the first tier that has it proved, or else what is held, with the label.
    ///
    /// # Errors
    /// When nothing can be served and the origin gives no answer within the budget, or the client has asked for too much.
    pub async fn lookup(self: &Arc<Self>, key: Key, asked: Asked) -> Result<Answered, Unavailable> {
        let (budget, blind_wait) = {
            let live = self.live.load();
            (live.budget, live.blind_wait)
        };
        let deadline = Alarm::now() + budget;
        let mut token = asked.token;
        let mut of_another_epoch = None;
        if token.is_some_and(|token| !self.changes.has_reached(token)) {
            let joined = self.poller.join(deadline - Alarm::now()).await;
            // Ahead even of a poll that began after the request came: it is of another epoch, or somebody made it up.
            token = token.filter(|token| !joined || self.changes.has_reached(*token));
            // An answer of the present epoch owes it nothing. One of the epoch that it comes from does.
            let (epoch, _) = self.changes.era();
            of_another_epoch = asked.token.filter(|asked| token.is_none() && asked.epoch != epoch.short());
        }
        let behind = token.filter(|token| !self.changes.has_reached(*token));

        let mut held = self.held(key, token, behind);
        if let Held::Unproved = held {
            self.poller.join(blind_wait).await;
            held = self.held(key, token, behind);
        }
        if let Held::Served(served) = held {
            return Ok(Answered::Entry(served));
        }
        looked_up(Lookup::L1Miss);
        if behind.is_none() && self.changes.is_absent(key) {
            return Ok(Answered::Nothing);
        }

        self.admit(asked.client)?;
        let why = match self.flown(key, asked.arrived, behind, deadline).await {
            Ok(served) => return Ok(Answered::Entry(served)),
            Err(why) => why,
        };
        let stale = self.stale(key, token, of_another_epoch).await;
        if stale.is_none() {
            debug!(%key, error = %why, "no answer for `{key}`: {why}");
        }
        stale.map(Answered::Entry).ok_or(why)
    }

    /// What a flight brings, if it is still true when it lands.
    async fn flown(
        self: &Arc<Self>,
        key: Key,
        arrived: Instant,
        behind: Option<OrdToken>,
        deadline: Alarm,
    ) -> Result<Served, Unavailable> {
        if !self.pressure.fetches() {
            metrics().reject(Reason::Memory);
            return Err(Unavailable::Short);
        }
        let followers_max = self.live.load().followers_max;
        let mut why = Unavailable::Late;
        for round in 0..ROUNDS {
            let purpose = Purpose::Miss { use_l2: round == 0 && behind.is_none() };
            let (seat, landing) = self.flights.join_or_begin(key, || {
                let cache = Arc::clone(self);
                async move { cache.fly(key, purpose).await }.in_current_span()
            });
            let _waiting = if landing.is_over() {
                metrics().reject(Reason::Failing);
                None
            } else {
                let place = self.flights.wait_among(followers_max);
                if place.is_none() {
                    metrics().reject(Reason::Followers);
                }
                Some(place.ok_or(Unavailable::Crowded)?)
            };
            match timeout_at(deadline, landing.result()).await {
                Ok(Some(Ok(landed))) => {
                    if let Some(served) = self.accept(landed, seat, arrived, behind) {
                        return Ok(served);
                    }
                }
                Ok(Some(Err(Unavailable::Foreign(seen)))) => {
                    why = Unavailable::Foreign(seen);
                    // Between the fetch's question and its landing a poll may have brought what the fetch saw.
                    let is_known = || self.changes.era().1 == seen;
                    if !is_known() && self.poller.join(deadline - Alarm::now()).await && !is_known() {
                        // The poll knows better: it is the connection of the fetch that leads elsewhere.
                        self.origin.reconnect();
                        return Err(why);
                    }
                }
                Ok(Some(Err(error))) => return Err(error),
                Ok(None) => return Err(Unavailable::Lost),
                Err(_late) => return Err(Unavailable::Late),
            }
        }
        Err(why)
    }

    /// Whether what has landed may be answered.
    fn accept(&self, landed: Landed, seat: Seat, arrived: Instant, behind: Option<OrdToken>) -> Option<Served> {
        let Landed { entry, outcome } = landed;
        let (proof, now) = self.changes.prove(&entry.facts);
        let in_order = behind.is_none_or(|token| covers(&entry, token));
        let until = match (proof, entry.facts.began) {
            (Proof::Current(until), _) if in_order => until,
            // Asked for after the request came: there is nothing newer that could be asked for.
            (_, Some(began))
                if began > arrived
                    && entry.facts.epoch == self.changes.era().0
                    && began >= now.before(self.changes.bound()) =>
            {
                began
            }
            (_, Some(began)) if red::is_on(Red::FollowersTrust) || red::is_on(Red::ForeignAnswered) => began,
            _ => return None,
        };
        let outcome = match seat {
            Seat::Leader => outcome,
            Seat::Follower => Outcome::Collapsed,
        };
        Some(Served { entry, outcome, age: now.since(until) })
    }

    /// Whether an entry may be served, with the label, while the origin gives no answer.
    pub(super) fn may_be_stale(&self, entry: &Entry, token: Option<OrdToken>) -> bool {
        let limit = self.live.load().times[entry.key.resource() as usize].stale_limit;
        let old = Instant::now().since(entry.read_at);
        entry.is_found() && old <= limit && self.changes.may_be_held(&entry.facts, token)
    }

    /// What is held for an outage: it says so. `of_another_epoch` is a token that only holds for answers that are not of the
    /// present epoch.
    async fn stale(&self, key: Key, token: Option<OrdToken>, of_another_epoch: Option<OrdToken>) -> Option<Served> {
        let in_order = |entry: &Entry| {
            let (epoch, _) = self.changes.era();
            of_another_epoch.is_none_or(|token| entry.facts.epoch == epoch || covers(entry, token))
        };
        let held = |entry: &Entry| self.may_be_stale(entry, token) && in_order(entry);
        let entry = match self.l1.get(&key).filter(|entry| held(entry)) {
            Some(entry) => entry,
            None => {
                if !self.pressure.fetches() {
                    return None;
                }
                let (epoch, _) = self.changes.era();
                let found = self.l2.as_ref()?.get(key, epoch).await?;
                let good = held(&found);
                looked_up(if good { Lookup::L2Stale } else { Lookup::L2Outdated });
                good.then(|| Arc::new(found))?
            }
        };
        let now = Instant::now();
        let age = now.since(entry.read_at);
        let proved = self.changes.last_proved(&entry.facts).unwrap_or(entry.read_at);
        Some(Served { outcome: Outcome::StaleOrigin(now.since(proved).as_secs()), entry, age })
    }

    /// Fetches behind the reader's back, unless that is under way or too much is.
    #[cold]
    fn refresh(self: &Arc<Self>, key: Key, held: Instant) {
        let most = self.live.load().refresh_queue;
        if !self.has_time_to_refresh() {
            metrics().reject(Reason::Refresh);
            return;
        }
        let Some(place) = self.refreshes.place(key, most) else { return };
        let cache = Arc::clone(self);
        tokio::spawn(async move {
            let _place = place;
            let Ok(_permit) = cache.refreshes.running().acquire_owned().await else { return };
            if !cache.has_time_to_refresh() {
                metrics().reject(Reason::Refresh);
                return;
            }
            // Meanwhile somebody may have waited for it.
            if cache.l1.get(&key).is_none_or(|entry| entry.read_at <= held) {
                metrics().refreshes.inc();
                let filler = Arc::clone(&cache);
                let begin = move || async move { filler.fly(key, Purpose::Refresh { held }).await };
                let (_, landing) = cache.flights.join_or_begin(key, begin);
                let _ = landing.result().await;
            }
        });
    }

    /// Whether there is nothing more urgent than a refresh, and it would be of use.
    pub(super) fn has_time_to_refresh(&self) -> bool {
        !self.permits.are_short() && !self.breaker.is_open() && self.pressure.keeps()
    }

    /// Counts a miss of a client.
    ///
    /// # Errors
    /// When it has had too many.
    pub(super) fn admit(&self, client: Option<IpAddr>) -> Result<(), Unavailable> {
        let rate = self.live.load().client_miss_rate;
        if client.is_none_or(|client| self.clients.admit(client, rate, Instant::now().nanos())) {
            return Ok(());
        }
        metrics().reject(Reason::Client);
        Err(Unavailable::Limited)
    }

    /// Asks the origin for this caller alone and stores nothing: for windows that have no entry of their own.
    ///
    /// # Errors
    /// When the origin gives no answer within the budget, or the client has asked for too much.
    pub async fn fetch_unstored(self: &Arc<Self>, key: Key, client: Option<IpAddr>) -> Result<Served, Unavailable> {
        self.admit(client)?;
        if !self.pressure.fetches() {
            metrics().reject(Reason::Memory);
            return Err(Unavailable::Short);
        }
        let budget = self.live.load().budget;
        let cache = Arc::clone(self);
        let fetch = async move {
            match cache.fetch(key, Purpose::Miss { use_l2: false }).await {
                // The view may be a moment behind the connection.
                Err(Unavailable::Foreign(_)) if cache.poller.join(budget).await => {
                    cache.fetch(key, Purpose::Miss { use_l2: false }).await
                }
                fetched => fetched,
            }
        };
        let fetch = tokio::spawn(caught(Place::Fetch, fetch).in_current_span());
        let fetched = tokio::time::timeout(budget, fetch).await.map_err(|_late| Unavailable::Late)?;
        let entry = Arc::new(fetched.unwrap_or(Err(Unavailable::Lost))?);
        let age = Instant::now().since(entry.read_at);
        Ok(Served { entry, outcome: Outcome::Unstored, age })
    }
}

/// Whether the entry has seen everything up to the token, by its own stamp.
fn covers(entry: &Entry, token: OrdToken) -> bool {
    entry.facts.epoch.short() == token.epoch && entry.facts.stamp >= token.stamp
}
