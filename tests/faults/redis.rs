//! Redis fails, one way after another.

use std::time::{Duration, Instant};

use atelier_rig::{Fault, Samples, wait_until};

use super::Experiment;
use super::rig::{PATIENCE, Rig};
use super::row::Row;
use super::site::{Plan, Site, USUAL, last, recovery};

pub(crate) const ALL: &[Experiment] = &[
    Experiment { name: "D1", core: true, run: killed },
    Experiment { name: "D2", core: false, run: stopped },
    Experiment { name: "D3", core: true, run: wire },
    Experiment { name: "D4", core: true, run: lies },
    Experiment { name: "D5", core: false, run: states },
];

/// What a hit may take on a machine whose two cores do other things besides, whatever its ratio to the time before.
pub(crate) const NOISE: Duration = Duration::from_millis(40);

/// `ATELIER_MISS_PERMITS`, the refreshes that have permits of their own, and a question on each connection that is just being made.
pub(crate) const FETCHES: u64 = 8 + 2 + 3;

/// A limit that is a ratio to what was measured before, or the noise of the machine.
pub(crate) fn ratio(before: Duration, by: f64) -> Duration {
    before.mul_f64(by).max(NOISE)
}

/// `kill -9`; it comes back empty.
fn killed(rig: &mut Rig) -> Row {
    let site = Site::open(rig, Plan::default());
    let load = site.load(rig.pick(USUAL, 500), site.mix());
    let begun = Instant::now();
    last(rig.seconds(1.5, 10.0));
    site.count_anew();
    let at = Instant::now();
    rig.redis.stop();
    last(rig.seconds(2.0, 20.0));
    rig.redis.start_again();
    let back = Instant::now();
    last(rig.seconds(1.0, 11.0));
    let at_once = site.fetches_at_once();
    let samples = load.end();
    let (before, after) = (samples.between(begun, at).of("hit"), samples.between(at, Instant::now()).of("hit"));
    Row::new("D1 redis-killed", "kill -9 of Redis under warm load; back, empty")
        .load(&samples)
        .none_failed("", &samples)
        .at_most("hit p99", after.quantile(0.99), ratio(before.quantile(0.99), 1.5))
        .bar(format!("fetches at once ≤ {FETCHES} a node"), at_once, at_once <= FETCHES)
        .recovered(recovery(&samples, back), Duration::ZERO)
}

/// SIGSTOP: connections stay, and nothing answers.
fn stopped(rig: &mut Rig) -> Row {
    let site = Site::open(rig, Plan::default());
    let load = site.load(rig.pick(USUAL, 500), site.mix());
    let begun = Instant::now();
    last(rig.seconds(1.5, 12.0));
    let at = Instant::now();
    rig.redis.process().signal("STOP");
    last(rig.seconds(4.0, 25.0));
    let end = Instant::now();
    rig.redis.process().signal("CONT");
    last(rig.seconds(0.5, 4.0));
    let samples = load.end();
    let cold = |from, until| samples.between(from, until).of("cold").quantile(0.5);
    let (before, early, late) =
        (cold(begun, at), cold(at, at + Duration::from_millis(500)), cold(at + Duration::from_secs(2), end));
    let hits = samples.between(at, end).of("hit");
    let hits_before = samples.between(begun, at).of("hit").quantile(0.99);
    Row::new("D2 redis-stopped", "SIGSTOP of Redis, then SIGCONT")
        .load(&samples)
        .none_failed("", &samples)
        .at_most("median miss at first", early, before + Duration::from_millis(30) + NOISE / 4)
        .at_most("median miss once the breaker is open", late, before + Duration::from_millis(5) + NOISE / 8)
        .at_most("hit p99", hits.quantile(0.99), ratio(hits_before, 1.5))
        .recovered(recovery(&samples, end), Duration::ZERO)
}

/// Faults of the line. L1 is so small that most reads ask Redis.
fn wire(rig: &mut Rig) -> Row {
    let site = Site::open(rig, small());
    let load = site.load(rig.pick(USUAL, 500), site.mix());
    last(rig.seconds(0.5, 3.0));
    let each = rig.seconds(0.5, 4.0);
    let all = |fault: &Fault| site.to_redis.iter().for_each(|proxy| proxy.set(None, fault.clone()));
    let heal = || site.to_redis.iter().for_each(atelier_rig::Proxy::heal_all);
    let late = Duration::from_millis(200);
    for fault in [
        Fault::Slow(late, late),
        Fault::Drip(1, Duration::from_millis(1)),
        Fault::CutAfter(20),
        Fault::Reset,
        Fault::Refuse,
        Fault::Silent,
        Fault::BlackHole,
        Fault::HalfClose,
    ] {
        all(&fault);
        last(each);
        heal();
        last(each / 4);
    }
    let turns = || site.metric("atelier_breaker_turns_total{dependency=\"redis\"}");
    let (flaps, before) = (rig.pick(2, 5), turns());
    for _ in 0..flaps {
        all(&Fault::Cut);
        last(Duration::from_millis(500));
        heal();
        last(Duration::from_millis(500));
    }
    // Of three nodes.
    let each = (turns() - before) as f64 / 3.0 / f64::from(flaps);
    let back = Instant::now();
    let samples = load.end();
    Row::new(
        "D3 redis-wire",
        "200 ms late, 1-byte slices, cut mid-reply, RST, refused, silent, black hole, half closed, flapping at 1 Hz",
    )
    .load(&samples)
    .none_failed("", &samples)
    .bar("turns of a breaker ≤ 2 a flap", format!("{each:.1}"), each <= 2.0)
    .recovered(recovery(&samples, back), Duration::ZERO)
}

/// An L1 that holds next to nothing, so that Redis is asked.
fn small() -> Plan {
    Plan { settings: vec![("ATELIER_L1_BYTES", "32KiB".to_owned())], ..Plan::default() }
}

/// Redis gives back other bytes than it was given.
fn lies(rig: &mut Rig) -> Row {
    // Lies are looked for all the time: the breaker is never open for long.
    let mut plan = small();
    plan.settings.push(("ATELIER_BREAKER_OPEN", "100ms..200ms".to_owned()));
    let mut site = Site::open(rig, plan);
    let mut mix = site.mix();
    mix.cold = 0;
    let load = site.load(500, mix);
    last(rig.seconds(1.0, 3.0));
    let from_redis = |samples: &Samples| samples.only(|sample| sample.tier == "l2").count();
    let memory = site.memory();
    let corrupt = site.metric("atelier_l2_corrupt_total");
    let each = rig.seconds(0.7, 4.0);
    let mut found = 0;
    for fault in [Fault::Corrupt(8), Fault::Corrupt(0), Fault::Swap, Fault::CutAfter(100)] {
        site.to_redis.iter().for_each(|proxy| proxy.set(None, fault.clone()));
        last(each);
        found += site.to_redis.iter().map(atelier_rig::Proxy::found).sum::<u64>();
        site.to_redis.iter().for_each(atelier_rig::Proxy::heal_all);
        last(each / 4);
    }
    site.wait_for_redis();
    // Whole values under the wrong names, cut ones, ones of another kind, and one that is larger than anything should be.
    for _ in 0..rig.pick(1, 8) {
        let keys = rig.redis.command("KEYS atelier:*/*");
        let keys: Vec<_> = keys.lines().filter(|line| line.starts_with("atelier:")).collect();
        for pair in keys.chunks_exact(4) {
            let [from, other, cut, list] = pair else { continue };
            rig.redis.command(&format!("COPY {from} {other} REPLACE"));
            let piece = "redis.call('SET',KEYS[1],string.sub(redis.call('GET',KEYS[1]),1,60),'KEEPTTL')";
            rig.redis.command(&format!("EVAL \"{piece}\" 1 {cut}"));
            rig.redis.command(&format!("DEL {list}\r\nRPUSH {list} a\r\nPEXPIRE {list} 100000"));
        }
        last(each / 2);
    }
    let keys = rig.redis.command("KEYS atelier:*/*");
    site.wait_for_redis();
    for key in keys.lines().filter(|line| line.starts_with("atelier:")).take(4) {
        rig.redis.command(&format!("DEL {key}\r\nSETRANGE {key} 104857600 x\r\nPEXPIRE {key} 100000"));
    }
    last(each * 2);
    let grown = site.grown(&memory);
    let corrupt = site.metric("atelier_l2_corrupt_total") - corrupt;
    let samples = load.end();
    let read = from_redis(&samples);
    Row::new("D4 redis-lies", "corrupt, truncated, foreign, wrong type, 100 MB, swapped replies; L1 of 32 KiB")
        .load(&samples)
        .none_failed("", &samples)
        .bar("answers from Redis ≥ 200", read, read >= 200)
        .bar("lies told and found ≥ 20", format!("{found}, {corrupt}"), found >= 20 && corrupt >= 20)
        .bar("memory + ≤ 32 MiB", format!("{} MiB", grown >> 20), grown <= 32 << 20)
}

/// What Redis says when it cannot do what it is asked.
fn states(rig: &mut Rig) -> Row {
    let site = Site::open(rig, small());
    let load = site.load(rig.pick(USUAL, 500), site.mix());
    let each = rig.seconds(0.6, 6.0);
    last(each);
    let redis = &mut rig.redis;
    let mut said = Vec::new();
    let mut show = |redis: &atelier_rig::Redis, state: &'static str, begins: &str, command: &str| {
        let reply = redis.command(command);
        said.push((state, reply.lines().any(|line| line.starts_with(begins)), reply));
    };
    redis.command("CONFIG SET maxmemory-policy noeviction\r\nCONFIG SET maxmemory 1mb");
    show(redis, "OOM", "-OOM", "SET a b");
    last(each);
    redis.command("CONFIG SET maxmemory-policy allkeys-lru\r\nCONFIG SET maxmemory 10mb");
    show(redis, "LRU", "+OK", "SET a b");
    last(each);
    redis.command("CONFIG SET maxmemory 0\r\nCONFIG SET replica-serve-stale-data yes\r\nREPLICAOF 127.0.0.1 1");
    show(redis, "READONLY", "-READONLY", "SET a b");
    last(each);
    redis.command("CONFIG SET replica-serve-stale-data no");
    show(redis, "MASTERDOWN", "-MASTERDOWN", "GET a");
    last(each);
    redis.command("REPLICAOF NO ONE\r\nCONFIG SET requirepass open-sesame\r\nCLIENT KILL TYPE normal SKIPME yes");
    show(redis, "NOAUTH", "-NOAUTH", "GET a");
    last(each);
    redis.command("AUTH open-sesame\r\nCONFIG SET requirepass \"\"");
    redis.command("DEL a");
    redis.save();
    redis.stop();
    redis.start_loading(each * 2);
    show(redis, "LOADING", "-LOADING", "GET a");
    last(each);
    wait_until("Redis has loaded", PATIENCE, || redis.command("GET a").starts_with("$-1").then_some(()));
    let back = Instant::now();
    last(each);
    let samples = load.end();
    let missing: Vec<_> = said.iter().filter(|(_, shown, _)| !shown).collect();
    Row::new("D5 redis-states", "OOM, LRU at 10 MB, READONLY, MASTERDOWN, NOAUTH, LOADING")
        .load(&samples)
        .none_failed("", &samples)
        .bar("every state was there", format!("{missing:?}"), missing.is_empty())
        .recovered(recovery(&samples, back), Duration::ZERO)
}
