//! The tiers over an origin that does what a test says. Time is paused for whatever waits; ages and proofs go by the real clock,
//! which is why bounds and graces here are either long or waited for.

mod encodings;
mod fetches;
mod freshness;
mod origin;
mod outage;
mod overload;

use std::sync::Arc;
use std::time::Duration;

use self::origin::{Commit, Script, ScriptedOrigin};
use super::*;
use crate::breaker;
use crate::command::{Command, Purge, Purged, Subject, Vote};
use crate::entry::Answer;
use crate::key::{Key, Resource};
use crate::outcome::Outcome;
use crate::stamp::OrdToken;
use crate::tag::Kind;

const KEY: Key = Key::Product(7);
const MS: Duration = Duration::from_millis(1);
const LONG: Duration = Duration::from_secs(60);

fn settings() -> Settings {
    Settings {
        l1_bytes: 1 << 20,
        l1_entry_max: 1 << 16,
        absent_max: 100,
        boot_wait: 10_000 * MS,
        warm: None,
        blind_unready: 10_000 * MS,
        fetch: 2000 * MS,
        memory: None,
        poller: PollerSettings {
            interval: 200 * MS,
            timeout: 500 * MS,
            tags_max: 1000,
            kept_max: 1000,
            hint_min: 10 * MS,
            retention: 2 * LONG,
        },
        // The filter would answer for every id that the tests ask for in vain.
        changes: crate::changes::Settings { bound: LONG, cells: 1 << 10, filter: false },
    }
}

fn live() -> Live {
    let times = ResourceTimes {
        ttl: LONG,
        absent_ttl: 30_000 * MS,
        grace: Duration::ZERO,
        stale_limit: LONG,
        jitter: 0.1,
        early_refresh: 0.0,
    };
    Live {
        times: [times; Resource::ALL.len()],
        budget: 1000 * MS,
        blind_wait: 50 * MS,
        miss_permits: 2,
        miss_queue: 1,
        permit_wait: 100 * MS,
        shed_target: 50 * MS,
        fail_ttl: 250 * MS,
        followers_max: 10_000,
        client_miss_rate: 0,
        breaker: breaker::Settings { fails: 5, open: 1000 * MS, open_max: 30_000 * MS },
        refresh_concurrency: 1,
        refresh_queue: 10,
        shadow: 0,
    }
}

fn with_times(set: impl Fn(&mut ResourceTimes)) -> Live {
    let mut live = live();
    live.times.iter_mut().for_each(set);
    live
}

/// A cache that has heard from its origin once.
async fn cache_with(origin: &Arc<ScriptedOrigin>, settings: Settings, live: Live) -> Arc<Cache> {
    let cache = Cache::new(Arc::<ScriptedOrigin>::clone(origin), None, settings, live);
    until(|| cache.changes.has_begun()).await;
    cache
}

async fn cache(origin: &Arc<ScriptedOrigin>) -> Arc<Cache> {
    cache_with(origin, settings(), live()).await
}

/// Lets the other tasks go on until something holds.
async fn until(mut holds: impl FnMut() -> bool) {
    let begun = std::time::Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(10), "waited in vain");
        tokio::time::sleep(MS).await;
    }
}

fn asked() -> Asked {
    Asked { arrived: Instant::now(), token: None, client: None }
}

fn body(entry: &Entry) -> &str {
    match &entry.answer {
        Answer::Found(document) => std::str::from_utf8(&document.identity.body).unwrap(),
        Answer::Absent => "absent",
    }
}

impl Cache {
    /// What the HTTP side does: L1 first, then everything else.
    async fn ask(self: &Arc<Self>, key: Key, token: Option<OrdToken>) -> Result<(String, Outcome), Unavailable> {
        let served = match self.hit(key, token) {
            Some(served) => served,
            None => match self.lookup(key, Asked { token, ..asked() }).await? {
                Answered::Entry(served) => served,
                Answered::Nothing => return Ok(("nothing".to_owned(), Outcome::HitFilter)),
            },
        };
        Ok((body(&served.entry).to_owned(), served.outcome))
    }

    async fn get(self: &Arc<Self>, key: Key) -> (String, Outcome) {
        self.ask(key, None).await.unwrap()
    }
}

fn vote() -> Command {
    Command::Vote(Subject::Review, 7, Vote::Helpful)
}

fn purge(tag: &str, kind: Kind) -> Command {
    let what = Purged::Tags(vec![tag.parse().unwrap()], kind);
    Command::Purge(Purge { what, actor: "test".to_owned(), peer: "-".to_owned(), reason: "a test".to_owned() })
}
