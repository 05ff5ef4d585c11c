//! A restart that is not cold: the keys that were asked for most outlive the process, and the next one fetches them before anybody
//! asks. Only keys: what the answers are now is for Redis to say, with a proof, or for the origin.
//!
//! Nothing waits for it. Requests come first: these fetches have the permits of refreshes, and no more of them.

mod list;
mod sample;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tracing::{info, warn};

use super::Cache;
use super::fill::Purpose;
use crate::freshness::Instant;
use crate::key::Key;
use crate::metrics::metrics;
use crate::outcome::Outcome;

pub(super) use self::sample::Sample;

/// What outlives a restart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warm {
    /// Where the list of keys is kept.
    pub folder: PathBuf,
    /// How many keys are kept.
    pub keys: usize,
}

/// How often it is looked whether the origin can be asked yet, or has time again.
const AGAIN: Duration = Duration::from_millis(100);

/// When a start is over: what was hot so long ago need not be any more.
const PATIENCE: Duration = Duration::from_secs(600);

/// How often it is said how far it has come.
const PROGRESS: Duration = Duration::from_secs(5);

/// So many fetches that fail one after the other, and the rest is left to those who ask.
const FAILURES: usize = 20;

/// What became of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Became {
    /// Somebody had asked for it already.
    Held,
    /// Redis had it, proved.
    FromRedis,
    FromOrigin,
    Failed,
}

/// What became of all so far.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    held: usize,
    redis: usize,
    origin: usize,
    failed: usize,
    failed_in_a_row: usize,
}

impl Tally {
    fn count(&mut self, became: Became) {
        match became {
            Became::Held => self.held += 1,
            Became::FromRedis => self.redis += 1,
            Became::FromOrigin => self.origin += 1,
            Became::Failed => self.failed += 1,
        }
        self.failed_in_a_row = if became == Became::Failed { self.failed_in_a_row + 1 } else { 0 };
    }

    fn all(&self) -> usize {
        self.held + self.redis + self.origin + self.failed
    }
}

impl Cache {
    /// Fetches what the process before this one was asked for most.
    pub(super) async fn warm_up(self: Arc<Self>, warm: Warm) {
        let read = tokio::task::spawn_blocking(move || list::read(&warm.folder)).await;
        let mut keys = match read {
            Ok(Ok(keys)) => keys,
            Ok(Err(why)) => {
                info!(%why, "a cold start: the list of hot keys {why}");
                return;
            }
            Err(_panicked) => return,
        };
        keys.truncate(warm.keys);
        self.hot.begin_with(&keys);
        // Before the first poll nothing that was fetched could be proved; and before there is a connection for reads, fetches would fail one
        // after another, until the breaker opened before those who ask.
        while !self.changes.has_begun() || !self.origin.is_up() {
            tokio::time::sleep(AGAIN).await;
        }
        let (of, begun) = (keys.len(), Instant::now());
        info!(keys = of, "a warm start begins: {of} hot keys are fetched, and requests answered meanwhile");
        let tally = self.warm_each(&keys).await;
        let Tally { held, redis, origin, failed, .. } = tally;
        let (left, took_ms) = (of - tally.all(), Instant::now().since(begun).as_millis());
        info!(
            redis,
            origin,
            held,
            failed,
            left,
            took_ms,
            "a warm start has ended: of {of} hot keys {redis} came from Redis, {origin} from the origin, {held} were held already, \
             {failed} failed, {left} are left"
        );
    }

    async fn warm_each(self: &Arc<Self>, keys: &[Key]) -> Tally {
        let begun = Instant::now();
        let (mut tally, mut said) = (Tally::default(), begun);
        let mut under_way = JoinSet::new();
        for key in keys.iter().copied() {
            // One after the other they queue up with the refreshes, so that those have their turn too.
            let Ok(permit) = self.refreshes.running().acquire_owned().await else { break };
            while let Some(became) = under_way.try_join_next() {
                tally.count(became.unwrap_or(Became::Failed));
            }
            while !self.has_time_to_refresh() && !self.hot.has_ended() && Instant::now().since(begun) < PATIENCE {
                tokio::time::sleep(AGAIN).await;
            }
            if self.hot.has_ended() || tally.failed_in_a_row >= FAILURES || Instant::now().since(begun) >= PATIENCE {
                break;
            }
            let cache = Arc::clone(self);
            under_way.spawn(async move {
                let _permit = permit;
                cache.warm(key).await
            });
            let now = Instant::now();
            if now.since(said) >= PROGRESS {
                said = now;
                let (done, of) = (tally.all(), keys.len());
                info!(done, of, "a warm start goes on: {done} of {of} hot keys are done");
            }
        }
        while let Some(became) = under_way.join_next().await {
            tally.count(became.unwrap_or(Became::Failed));
        }
        tally
    }

    async fn warm(self: &Arc<Self>, key: Key) -> Became {
        if self.l1.get(&key).is_some() {
            return Became::Held;
        }
        let cache = Arc::clone(self);
        let begin = move || async move { cache.fly(key, Purpose::Warm).await };
        let (_, landing) = self.flights.join_or_begin(key, begin);
        match landing.result().await {
            Some(Ok(landed)) => {
                metrics().warmed.inc();
                if landed.outcome == Outcome::HitL2 { Became::FromRedis } else { Became::FromOrigin }
            }
            Some(Err(_)) | None => Became::Failed,
        }
    }

    /// Keeps the keys that are asked for most, for the next process; nothing is counted from now on.
    pub async fn keep_hot_keys(&self) {
        let Some(Warm { folder, keys }) = self.settings.warm.clone() else { return };
        let hottest = self.hot.end(keys);
        let keys = hottest.len();
        let path = folder.display().to_string();
        match tokio::task::spawn_blocking(move || list::write(&folder, &hottest)).await {
            Ok(Ok(())) => info!(keys, "{keys} hot keys are kept for the next start"),
            Ok(Err(error)) => warn!(%error, "the hot keys could not be kept in {path}: {error}"),
            Err(_panicked) => {}
        }
    }
}
