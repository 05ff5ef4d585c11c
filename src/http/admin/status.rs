//! `GET /status.json`: everything that the page shows. `?since=` leaves out points that are known already.

use std::time::SystemTime;

use hyper::Response;
use serde::Serialize;

use super::history::{Point, STEP, millis_since_1970};
use super::{Admin, Body, json, ready};
use crate::cache::{Check, Hot, Sighting, State, Wide};
use crate::metrics::{Process, Reply, metrics, traffic};

/// How many keys are shown.
const HOTTEST: usize = 10;

#[derive(Serialize)]
struct Status<'a> {
    /// Milliseconds since 1970, by this node's clock.
    now: u64,
    node: Node<'a>,
    ready: Option<String>,
    checks: Vec<Said>,
    totals: Totals,
    freshness: Freshness,
    l1: L1,
    redis: Option<Redis>,
    origin: Origin,
    memory: Memory,
    breakers: Vec<Breaker>,
    hot: HotKeys,
    purges: Vec<Purge>,
    step_ms: u64,
    points: Vec<Point>,
}

#[derive(Serialize)]
struct Node<'a> {
    version: &'static str,
    /// Where it serves the API.
    address: &'a str,
    /// Where answers come from.
    source: &'a str,
    started: u64,
    pid: u32,
    draining: bool,
}

#[derive(Serialize)]
struct Said {
    name: &'static str,
    ok: bool,
    counts: bool,
    said: String,
}

/// Since the start.
#[derive(Serialize)]
struct Totals {
    requests: u64,
    hits: u64,
    failed: u64,
    /// Requests that were turned away, and lines of the log that were lost: whatever is not 0 wants to be looked at.
    panics: u64,
    log_lines_lost: u64,
}

#[derive(Serialize)]
struct Freshness {
    poll_age_ms: u64,
    bound_ms: u64,
    interval_ms: u64,
    open: bool,
    begun: bool,
    trouble: String,
    position: Option<String>,
    blind_seconds: f64,
}

#[derive(Serialize)]
struct L1 {
    entries: u64,
    absent: u64,
    bytes: u64,
    bytes_max: u64,
}

#[derive(Serialize)]
struct Redis {
    in_flight: usize,
    in_flight_max: usize,
}

#[derive(Serialize)]
struct Origin {
    database: bool,
    permits: [usize; 3],
    refreshes: [usize; 3],
    writes: Option<[usize; 3]>,
    readers: Option<[usize; 2]>,
    flights: usize,
    followers: usize,
}

#[derive(Serialize)]
struct Memory {
    resident: u64,
    limit: Option<u64>,
    shortage: u8,
}

#[derive(Serialize)]
struct Breaker {
    name: &'static str,
    open: bool,
}

#[derive(Serialize)]
struct HotKeys {
    samples: usize,
    keys: Vec<HotKey>,
}

#[derive(Serialize)]
struct HotKey {
    key: String,
    samples: usize,
}

#[derive(Serialize)]
struct Purge {
    at: u64,
    what: String,
    kind: String,
    ordered_here: bool,
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

pub(super) fn answer(admin: &Admin, draining: bool, query: Option<&str>) -> Response<Body> {
    let mut pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let since = pairs.find(|(name, _)| name == "since").and_then(|(_, at)| at.parse().ok()).unwrap_or(0);
    json(&status(admin, draining, since))
}

fn status(admin: &Admin, draining: bool, since: u64) -> Status<'_> {
    let cache = &admin.cache;
    let state = cache.state();
    let process = Process::read();
    let said = |Check { name, ok, counts, said }| Said { name, ok, counts, said };
    Status {
        now: millis_since_1970(SystemTime::now()),
        node: Node {
            version: env!("CARGO_PKG_VERSION"),
            address: &admin.about.address,
            source: &admin.about.source,
            started: (process.start * 1000.0) as u64,
            pid: std::process::id(),
            draining,
        },
        ready: ready::why_not(cache, draining),
        checks: ready::checks(cache, draining).into_iter().map(said).collect(),
        totals: totals(),
        breakers: breakers(&state),
        hot: hot(cache.hottest(HOTTEST)),
        purges: cache.recent_purges().into_iter().map(purge).collect(),
        freshness: Freshness {
            poll_age_ms: millis(state.poll_age),
            bound_ms: millis(state.bound),
            interval_ms: millis(state.poll_interval),
            open: state.open,
            begun: state.begun,
            trouble: state.trouble,
            position: state.position.map(|position| position.to_string()),
            blind_seconds: metrics().blind_seconds.get(),
        },
        l1: L1 {
            entries: state.entries[0],
            absent: state.entries[1],
            bytes: state.weight[0],
            bytes_max: state.weight[1],
        },
        redis: state.redis.map(|(in_flight, in_flight_max, _)| Redis { in_flight, in_flight_max }),
        origin: Origin {
            database: state.connections.is_some(),
            permits: state.permits,
            refreshes: state.refreshes,
            writes: state.connections.map(|connections| connections.writes),
            readers: state.connections.map(|connections| connections.readers),
            flights: state.flights.0,
            followers: state.flights.1,
        },
        memory: Memory {
            resident: process.resident,
            limit: state.memory.map(|memory| memory.limit),
            shortage: state.shortage,
        },
        step_ms: millis(STEP),
        points: admin.history.since(since),
    }
}

fn totals() -> Totals {
    let totals = traffic::totals();
    Totals {
        requests: totals.all(),
        hits: [Reply::L1, Reply::L2, Reply::Filter].map(|reply| totals.came(reply)).iter().sum(),
        failed: totals.came(Reply::Failed),
        panics: metrics().all_panics(),
        log_lines_lost: metrics().log_lost.get(),
    }
}

fn breakers(state: &State) -> Vec<Breaker> {
    let mut breakers = Vec::new();
    if state.connections.is_some() {
        breakers.push(Breaker { name: "PostgreSQL", open: state.origin_open });
    }
    if let Some((_, _, open)) = state.redis {
        breakers.push(Breaker { name: "Redis", open });
    }
    breakers
}

fn hot(hot: Hot) -> HotKeys {
    let keys = hot.keys.into_iter().map(|(key, samples)| HotKey { key: key.to_string(), samples }).collect();
    HotKeys { samples: hot.samples, keys }
}

fn purge(sighting: Sighting) -> Purge {
    let (what, kind) = match sighting.what {
        Wide::Tag(tag, kind) => (tag.to_string(), kind.to_string()),
        Wide::Tags(number, first, kind) => (format!("{first} and {} more", number - 1), kind.to_string()),
        Wide::Epoch(epoch) => (epoch.to_string(), "epoch".to_owned()),
    };
    Purge { at: millis_since_1970(sighting.at), what, kind, ordered_here: sighting.ordered_here }
}
