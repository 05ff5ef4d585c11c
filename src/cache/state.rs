//! How a node is at this moment, for operators: for `/metrics`, `/readyz?verbose` and the page. Asking changes nothing.

use std::time::Duration;

use super::Cache;
use super::inspect::ago;
use super::pressure::Memory;
use crate::changes::Sighting;
use crate::freshness::Instant;
use crate::key::Key;
use crate::metrics::{For, Held, HeldAs, Use, gauge, metrics};
use crate::origin::Connections;
use crate::stamp::OrdToken;

/// Something that readiness may depend on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What it is about, in one word.
    pub name: &'static str,
    /// Whether it is well.
    pub ok: bool,
    /// Whether the node is not ready when it is not.
    pub counts: bool,
    /// More of it, in words.
    pub said: String,
}

/// How a node is.
#[derive(Clone, Debug)]
pub struct State {
    /// Since when the last poll that was applied is over; since the start if there was none.
    pub poll_age: Duration,
    /// How long a committed write can miss.
    pub bound: Duration,
    /// How often changes are read.
    pub poll_interval: Duration,
    /// Whether a poll was ever applied.
    pub begun: bool,
    /// Whether anything can be proved.
    pub open: bool,
    /// Why the last poll failed; empty if it did not.
    pub trouble: String,
    /// Where in the history this node is.
    pub position: Option<OrdToken>,
    /// Entries of L1 with content, and without.
    pub entries: [u64; 2],
    /// What the former weigh, and may weigh.
    pub weight: [u64; 2],
    /// Permits for fetches: how many there are, are taken, and are waited for.
    pub permits: [usize; 3],
    /// The same for refreshes.
    pub refreshes: [usize; 3],
    /// Fetches under way, and requests that wait for them.
    pub flights: (usize, usize),
    /// Whether the breaker before the origin is open.
    pub origin_open: bool,
    /// Connections to the origin, if it has any.
    pub connections: Option<Connections>,
    /// Commands to Redis under way and at most, and whether its breaker is open, if there is a Redis.
    pub redis: Option<(usize, usize, bool)>,
    /// How much memory there is, if anything limits it.
    pub memory: Option<Memory>,
    /// How short memory is: 0 is not.
    pub shortage: u8,
}

/// What is asked for most.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hot {
    /// The hottest first, each with how many of the samples are its.
    pub keys: Vec<(Key, usize)>,
    /// How many samples there are.
    pub samples: usize,
}

impl Cache {
    /// How it is.
    pub fn state(&self) -> State {
        let now = Instant::now();
        let begun = self.changes.has_begun();
        let (found, absent, weight) = self.l1.load();
        State {
            poll_age: now.since(if begun { self.changes.proved() } else { self.began }),
            bound: self.changes.bound(),
            poll_interval: self.poller.settings().interval,
            begun,
            open: self.changes.is_open(now),
            trouble: self.poller.trouble(),
            position: self.changes.position(),
            entries: [found, absent],
            weight: [weight, self.settings.l1_bytes],
            permits: self.permits.load(),
            refreshes: self.refreshes.load(),
            flights: self.flights.load(),
            origin_open: self.breaker.is_open(),
            connections: self.origin.connections(),
            redis: self.l2.as_ref().map(|l2| {
                let (under_way, most) = l2.load();
                (under_way, most, l2.breaker().is_open())
            }),
            memory: self.settings.memory,
            shortage: self.pressure.level(),
        }
    }

    /// What readiness depends on, and what else there is to know.
    pub fn checks(&self) -> Vec<Check> {
        let state = self.state();
        let check = |name, ok, counts, said: String| Check { name, ok, counts, said };
        let ready = self.readiness();
        let adopted = !state.begun && ready.is_ok();
        let history = match (state.begun, adopted) {
            (true, _) => "it has been read".to_owned(),
            (false, true) => "the database is away; what Redis knows is taken, and answers are labelled".to_owned(),
            (false, false) => state.trouble.clone(),
        };
        let mut checks = vec![check("history", state.begun || adopted, true, history)];
        if let Some(connections) = &state.connections {
            let [up, most] = connections.readers;
            // Once there was one, an outage takes no node out: all would be out.
            checks.push(check("connections", up > 0, !self.has_reached(), format!("{up} of {most} that read are up")));
        }
        let age = ago(state.poll_age);
        let proof = match (state.open, state.trouble.is_empty()) {
            (true, _) => format!("the last poll began {age}"),
            (false, true) => format!("nothing can be proved: the last poll began {age}"),
            (false, false) => format!("nothing can be proved: the last poll began {age}: {}", state.trouble),
        };
        let blind = matches!(ready, Err(super::Unready::Blind(_)));
        checks.push(check("proof", state.open, blind, proof));
        let asked = |open: bool| if open { "it does not answer and is not asked" } else { "it is asked" }.to_owned();
        checks.push(check("origin", !state.origin_open, false, asked(state.origin_open)));
        if let Some((_, _, open)) = state.redis {
            checks.push(check("redis", !open, false, asked(open)));
        }
        let memory = match state.shortage {
            0 => "it suffices",
            1 => "it is short: nothing more is kept",
            _ => "it is very short: nothing is fetched",
        };
        checks.push(check("memory", state.shortage == 0, false, memory.to_owned()));
        checks
    }

    /// Whether the origin could be asked once.
    fn has_reached(&self) -> bool {
        self.reached.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// What is asked for most. From now on, for a minute, samples of that are taken.
    pub fn hottest(&self, most: usize) -> Hot {
        let (keys, samples) = self.hot.look(most, Instant::now());
        Hot { keys, samples }
    }

    /// The purges of late, the newest first.
    pub fn recent_purges(&self) -> Vec<Sighting> {
        self.changes.recent()
    }

    /// Sets what is measured and not counted, since it is about to be scraped.
    pub fn measure(&self) {
        let (state, metrics) = (self.state(), metrics());
        let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        metrics.ready.set(self.readiness().is_ok().into());
        metrics.poll_age.set(state.poll_age.as_secs_f64());
        metrics.bound.set(state.bound.as_secs_f64());
        metrics.poll_interval.set(state.poll_interval.as_secs_f64());
        metrics.blind.set((!state.open).into());
        for (kind, entries) in [Held::Found, Held::Absent].into_iter().zip(state.entries) {
            metrics.l1_entries.get_or_create(&HeldAs { kind }).set(whole(entries));
        }
        metrics.l1_bytes.set(whole(state.weight[0]));
        metrics.l1_bytes_max.set(whole(state.weight[1]));
        metrics.permits(Use::Read, state.permits);
        metrics.permits(Use::Refresh, state.refreshes);
        metrics.flights.set(gauge(state.flights.0));
        metrics.followers.set(gauge(state.flights.1));
        if let Some(Connections { readers, writers, polls, writes }) = state.connections {
            metrics.permits(Use::Write, writes);
            for (of, up) in [(Use::Read, readers[0]), (Use::Write, writers[0]), (Use::Poll, polls)] {
                metrics.database_connections.get_or_create(&For(of)).set(gauge(up));
            }
        }
        if let Some((under_way, ..)) = state.redis {
            metrics.l2_in_flight.set(gauge(under_way));
        }
        metrics.memory_limit.set(state.memory.map_or(0, |memory| whole(memory.limit)));
    }
}
