//! More is asked for than can be fetched, and retries.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use atelier_rig::{Client, Samples, wait_until};

use super::Experiment;
use super::catalogue::SLOW_VIEW;
use super::redis::ratio;
use super::rig::{PATIENCE, Rig};
use super::row::Row;
use super::site::{Plan, Site, USUAL, last};

pub(crate) const ALL: &[Experiment] =
    &[Experiment { name: "S8", core: true, run: overload }, Experiment { name: "S10", core: false, run: retries }];

/// How many misses a second can be fetched when so many clients ask for one after the other.
fn capacity(site: &Site, long: Duration) -> u32 {
    let (ended, answered) = (AtomicBool::new(false), AtomicU64::new(0));
    let begun = Instant::now();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut client = Client::connect(site.nodes[0].address);
                while !ended.load(Ordering::Relaxed) {
                    let answer = client.get(&format!("/products/{}", site.cold_product()), &[]);
                    answered.fetch_add(u64::from(answer.status == 200), Ordering::Relaxed);
                }
            });
        }
        last(long);
        ended.store(true, Ordering::Relaxed);
    });
    (answered.load(Ordering::Relaxed) as f64 / begun.elapsed().as_secs_f64()) as u32
}

/// Twice as many misses as can be fetched, beside hits; then the usual again (S9).
fn overload(rig: &mut Rig) -> Row {
    let site = Site::open(rig, Plan { nodes: 1, ..Plan::default() });
    // Fetches that take as long on any machine.
    rig.postgres.psql(&site.database, &SLOW_VIEW.replace('@', "0.02"));
    let able = capacity(&site, rig.seconds(1.5, 5.0));
    let hits = site.load(200, only(&site, 0));
    let begun = Instant::now();
    last(rig.seconds(1.0, 5.0));
    let at = Instant::now();
    let misses = site.load(2 * able, only(&site, 1000));
    last(rig.seconds(4.0, 60.0));
    let end = Instant::now();
    misses.set_rate(able / 2);
    last(rig.seconds(2.5, 8.0));
    let (hits, misses) = (hits.end(), misses.end());
    let (before, during) = (hits.between(begun, at), hits.between(at, end));
    // What came after the begin has settled.
    let from = at + Duration::from_millis(500);
    let over = misses.between(from, end);
    let good = over.only(|sample| !sample.failed()).count() as f64 / (end - from).as_secs_f64();
    let normal = misses.last(|sample| sample.due >= end && sample.failed()).map_or(Duration::ZERO, |last| last - end);
    let all: Samples = hits.0.into_iter().chain(misses.0).collect();
    Row::new(
        "S8 overload, S9 after",
        format!("twice the {able}/s misses that can be fetched, beside hits; then half of it"),
    )
    .load(&all)
    .none_failed("of hits", &during)
    .at_most("hit p99", during.quantile(0.99), ratio(before.quantile(0.99), 3.0))
    .bar("misses answered ≥ 80 % of capacity", format!("{good:.0}/s"), good >= 0.8 * f64::from(able))
    .bar("misses refused", over.failed(), over.failed() > 0)
    .recovered(normal, Duration::from_secs(5))
}

/// Only misses, or none.
fn only(site: &Site, cold: u32) -> super::mix::Mix {
    super::mix::Mix { cold, ..site.mix() }
}

/// PostgreSQL is gone; reads and writes come through nginx.
fn retries(rig: &mut Rig) -> Row {
    let site = Site::open(rig, Plan { nginx: true, ..Plan::default() });
    let mut mix = site.mix();
    (mix.votes, mix.cold) = (50, 100);
    rig.postgres.kill();
    let load = site.load(rig.pick(USUAL, 500), mix);
    last(rig.seconds(2.5, 41.0));
    let samples = load.end();
    let nginx = site.nginx.as_ref().unwrap();
    let asked = wait_until("nginx has noted every request", PATIENCE, || {
        let asked = nginx.asked();
        (asked.len() >= samples.count()).then_some(asked)
    });
    let upstream: usize = asked.iter().map(|asked| asked.nodes.len()).sum();
    let each = upstream as f64 / asked.len() as f64;
    let writes: Vec<_> = asked.iter().filter(|asked| asked.method == "PUT").collect();
    let once = writes.iter().filter(|write| write.nodes.len() == 1).count();
    Row::new("S10 retries", "PostgreSQL down; reads and writes through nginx")
        .load(&samples)
        .none_failed("on held keys", &samples.of("hit"))
        .bar("upstream requests for one ≤ 1.01", format!("{each:.4}"), each <= 1.01)
        .bar("writes sent once", format!("{once} of {}", writes.len()), once == writes.len() && once > 0)
}
