//! PostgreSQL fails, one way after another.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use atelier_rig::{Fault, Samples, wait_until};

use super::Experiment;
use super::catalogue::SLOW_VIEW;
use super::history::BOUND;
use super::redis::{FETCHES, NOISE};
use super::rig::{PATIENCE, Rig};
use super::row::Row;
use super::site::{Plan, READERS, Site, USUAL, last, recovery};

pub(crate) const ALL: &[Experiment] = &[
    Experiment { name: "D6", core: true, run: killed },
    Experiment { name: "D7", core: false, run: hung },
    Experiment { name: "D8", core: false, run: slow },
    Experiment { name: "D9", core: false, run: backend_crash },
    Experiment { name: "D10", core: false, run: failover },
    Experiment { name: "D11", core: false, run: full },
    Experiment { name: "D12", core: true, run: ddl },
    Experiment { name: "D13", core: false, run: both_down },
    Experiment { name: "D14", core: false, run: pgbouncer },
];

/// How long after its end a fault of PostgreSQL may be noticed: the 3 s of the promise, and 1 s for this machine.
const RECOVERY: Duration = Duration::from_secs(4);

/// A poll that was under way when the fault came may have ended, and a request waited for its turn.
const SLACK: Duration = Duration::from_millis(300);

/// Those of a class that were due from the bound after a fault until its end, and not labelled although answered.
fn unlabelled(samples: &Samples, at: Instant, end: Instant) -> usize {
    // One that waited for the origin until the end has its answer from there.
    let held = samples.between(at + BOUND + SLACK, end).only(|sample| sample.class == "hit" && sample.done < end);
    held.only(|sample| sample.label.is_none() && !sample.failed()).count()
}

/// What is promised of every outage between `at` and `end`.
fn outage(row: Row, samples: &Samples, at: Instant, end: Instant) -> Row {
    let (plain, refused) = (unlabelled(samples, at, end), samples.between(at + BOUND, end).of("cold"));
    let answered = refused.only(|sample| !sample.failed() && sample.done < end).count();
    row.load(samples)
        .none_failed("on held keys", &samples.of("hit"))
        .bar(format!("unlabelled after {BOUND:?} 0"), plain, plain == 0)
        .bar("misses answered 0", answered, answered == 0 && refused.count() > 0)
}

/// `kill -9` of the postmaster.
fn killed(rig: &mut Rig) -> Row {
    let site = Site::open(rig, Plan::default());
    let mut mix = site.mix();
    mix.votes = 20;
    let writer = site.writer(rig);
    let load = site.load(rig.pick(USUAL, 500), mix);
    last(rig.seconds(1.5, 6.0));
    let at = Instant::now();
    rig.postgres.kill();
    last(rig.seconds(4.5, 30.0));
    let end = Instant::now();
    rig.postgres.start_again();
    let back = Instant::now();
    last(rig.seconds(4.0, 8.0));
    drop(writer);
    let samples = load.end();
    let refused = samples.between(at + Duration::from_secs(2), end).of("cold").quantile(0.99);
    let written = site.history.written();
    outage(Row::new("D6 pg-killed", "kill -9 of the postmaster, keys warm, writers"), &samples, at, end)
        .bar("versions written", written, written > 0)
        .at_most("503 p99", refused, Duration::from_millis(50) + NOISE)
        .recovered(recovery(&samples.of("hit"), back), RECOVERY)
}

/// All processes stand still; then the line is silent; then it is a black hole.
fn hung(rig: &mut Rig) -> Row {
    let site = Site::open(rig, Plan::default());
    let writer = site.writer(rig);
    let load = site.load(rig.pick(USUAL, 500), site.mix());
    let mut rows = Vec::new();
    last(rig.seconds(0.5, 5.0));
    for way in [None, Some(Fault::Silent), Some(Fault::BlackHole)] {
        let at = Instant::now();
        match &way {
            None => rig.postgres.signal_all("STOP"),
            Some(fault) => site.to_postgres.iter().for_each(|proxy| proxy.set(None, fault.clone())),
        }
        last(rig.seconds(4.0, 12.0));
        let end = Instant::now();
        match way {
            None => rig.postgres.signal_all("CONT"),
            Some(_) => site.to_postgres.iter().for_each(atelier_rig::Proxy::heal_all),
        }
        let back = Instant::now();
        last(rig.seconds(5.2, 8.0));
        rows.push((at, end, back, Instant::now()));
    }
    drop(writer);
    let samples = load.end();
    let row = Row::new("D7 pg-hung", "SIGSTOP of all its processes; a silent line; a black hole");
    let mut row = row.load(&samples).none_failed("on held keys", &samples.of("hit"));
    for ((at, end, back, over), name) in rows.into_iter().zip(["stopped", "silent", "black hole"]) {
        let plain = unlabelled(&samples, at, end);
        // Those that were due at the end may have run into the next fault.
        let after = samples.between(back, over - Duration::from_millis(1200));
        let healed = recovery(&after, back);
        row = row.bar(format!("{name}: unlabelled after {BOUND:?} 0"), plain, plain == 0).at_most(
            &format!("{name}: FRESH, misses too, after"),
            healed,
            RECOVERY,
        );
    }
    row
}

/// Every statement takes two seconds more.
fn slow(rig: &mut Rig) -> Row {
    let site = Site::open(rig, Plan::default());
    let mut mix = site.mix();
    mix.cold = 20;
    let load = site.load(rig.pick(USUAL, 500), mix);
    last(rig.seconds(0.5, 5.0));
    let at = Instant::now();
    rig.postgres.psql(&site.database, &SLOW_VIEW.replace('@', "2"));
    last(rig.seconds(3.0, 37.0));
    let samples = load.end();
    let late = samples.between(at, Instant::now());
    let longest = late.quantile(1.0);
    let refused = late.of("cold").failed();
    Row::new("D8 pg-slow", "products becomes a view that sleeps 2 s")
        .load(&samples)
        .none_failed("on held keys", &samples.of("hit"))
        .bar("misses that cannot be answered", refused, refused > 0)
        // The budget and 50 ms, and what the machine and the load generator are late themselves.
        .at_most("longest request", longest, Duration::from_millis(1050 + 250))
}

/// `kill -9` of one backend: PostgreSQL restarts all, and its incarnation is another one.
fn backend_crash(rig: &mut Rig) -> Row {
    let site = Site::open(rig, Plan::default());
    let mut mix = site.mix();
    mix.votes = 20;
    let writer = site.writer(rig);
    let load = site.load(rig.pick(USUAL, 500), mix);
    last(rig.seconds(1.0, 12.0));
    let epochs = || -> BTreeSet<String> {
        let log: String = site.nodes.iter().map(atelier_rig::Node::log).collect();
        let found = log.split("\"epoch\":\"").skip(1).filter_map(|rest| rest.split('"').next());
        found.map(str::to_owned).collect()
    };
    let before = epochs();
    assert!(rig.postgres.kill_backend(READERS), "there is a backend");
    let at = Instant::now();
    wait_until("PostgreSQL recovers", PATIENCE, || rig.postgres.try_psql(&site.database, "SELECT 1").ok());
    let back = Instant::now();
    last(rig.seconds(4.0, 30.0));
    drop(writer);
    let samples = load.end();
    let new = epochs().difference(&before).count();
    Row::new("D9 pg-backend-crash", "kill -9 of one backend, writers")
        .load(&samples)
        .none_failed("on held keys", &samples.of("hit"))
        .bar("new epochs 1", new, new == 1)
        .bar("PostgreSQL was away", super::row::short(back - at), back > at)
        .recovered(recovery(&samples.of("hit"), back), RECOVERY)
}

/// The standby lacks the last two seconds and takes over; the old primary goes on.
fn failover(rig: &mut Rig) -> Row {
    let age = Duration::from_secs(5);
    let settings = vec![("ATELIER_POLL_CONN_AGE", format!("{}s", age.as_secs()))];
    let site = Site::open(rig, Plan { settings, ..Plan::default() });
    let standby = rig.postgres.standby();
    let writer = site.writer(rig);
    let load = site.load(rig.pick(USUAL, 500), site.mix());
    last(rig.seconds(4.0, 20.0));
    standby.part();
    last(Duration::from_secs(2));
    // What is written meanwhile is lost, and nodes have shown it: rightly, until they move.
    drop(writer);
    let known = site.history.written();
    let before = load.end();
    standby.promote();
    for proxy in &site.to_postgres {
        proxy.lead_to(([127, 0, 0, 1], standby.port()).into());
    }
    let moved = Instant::now();
    // From now on right is what the new primary has; nodes may show the old one's for as long as the poller is there.
    let new = |product: u64| {
        let sql = format!("SELECT substr(slogan, 3) FROM products WHERE id = {product}");
        standby.psql(&site.database, &sql).parse::<u64>().unwrap()
    };
    let right: Vec<(u64, u64)> = super::catalogue::BUSY.map(|product| (product, new(product))).collect();
    let lost = right.iter().map(|(_, version)| version).sum::<u64>();
    let mut mix = site.mix();
    mix.cold = 50;
    let load = site.load_judged(rig.pick(USUAL, 500), mix, {
        let due = moved + age + Duration::from_secs(3) + BOUND;
        let (catalogue, right) = (std::sync::Arc::clone(&site.catalogue), right.clone());
        let history = std::sync::Arc::clone(&site.history);
        std::sync::Arc::new(move |ask: &atelier_rig::Ask, answer: &atelier_rig::Answer| {
            if ask.class == "cold" || answer.status != 200 || answer.sent < due {
                return true;
            }
            let (same, version) = catalogue.is_right(ask.number, &answer.body);
            let product = catalogue.known[usize::try_from(ask.number).unwrap()].product;
            let now = right.iter().find(|(of, _)| *of == product).map(|(_, version)| *version);
            let fine = same && (version.is_none() || version == now || answer.label().is_some());
            if !fine {
                history.complain(ask, answer);
            }
            fine
        })
    });
    last(age + BOUND + Duration::from_secs(12));
    let samples = load.end();
    let fresh = moved + age + Duration::from_secs(4);
    let late = samples.between(fresh, Instant::now()).of("hit");
    let labelled = late.only(|sample| sample.label.is_some()).count();
    Row::new(
        "D10 pg-failover",
        "the standby, 2 s behind, is promoted; new connections lead to it; the old primary runs on",
    )
    .load(&before)
    .load(&samples)
    .none_failed("on held keys", &samples.of("hit"))
    .bar("versions lost", format!("{lost} of {known} left"), lost < known as u64)
    .bar(
        "FRESH of the new one 3 s after the poller's connection is too old",
        format!("{labelled} labelled"),
        labelled == 0,
    )
    .recovered(recovery(&samples.of("hit"), moved), age + Duration::from_secs(4))
}

/// All connections are taken while the nodes have theirs; one more node starts.
fn full(rig: &mut Rig) -> Row {
    let mut site = Site::open(rig, Plan { nodes: 3, ..Plan::default() });
    let load = site.load(rig.pick(USUAL, 500), site.mix());
    last(rig.seconds(0.5, 8.0));
    let polls = |site: &Site| -> usize {
        site.nodes.iter().map(|node| node.log().matches("changes cannot be read").count()).sum()
    };
    let before = polls(&site);
    let (mut taken, mut refused) = (Vec::new(), 0);
    // A place that somebody has just left is free a moment later.
    while refused < 10 {
        let mut session = rig.postgres.session("postgres");
        match session.try_run("SELECT 1") {
            Some(_) => {
                taken.push(session);
                refused = 0;
            }
            None => refused += 1,
        }
    }
    let place = site.nodes.len() - 1;
    // A fourth node on the third one's way.
    let late = site.node(place, None);
    last(rig.seconds(2.0, 30.0));
    // What it has is what the others have put into Redis.
    let held = late.get("/products/1");
    let labelled = held.header("cache-status").is_some_and(|status| status.ends_with("stale-origin"));
    let interrupted = polls(&site) - before;
    let count = taken.len();
    drop(taken);
    let back = Instant::now();
    wait_until("the new node has its connections", PATIENCE, || {
        let fresh = late.get("/products/1").header("cache-status").is_some_and(|status| !status.contains("stale"));
        fresh.then_some(())
    });
    let began = back.elapsed();
    last(rig.seconds(0.5, 5.0));
    let samples = load.end();
    site.nodes.push(late);
    Row::new("D11 pg-full", "all max_connections taken; a node starts; released")
        .load(&samples)
        .none_failed("", &samples)
        .bar("connections taken ≥ 10", count, count >= 10)
        .bar("polls interrupted 0", interrupted, interrupted == 0)
        .bar("the new node answers from Redis, labelled", held.status, held.status == 200 && labelled)
        .recovered(began, RECOVERY)
}

/// Columns come, go and change their type.
fn ddl(rig: &mut Rig) -> Row {
    // How long a lock is held that a change of a table needs is a matter of the machine; what is asked is what comes behind it.
    let patient = [("ATELIER_BUDGET", "1900ms"), ("ATELIER_STATEMENT", "1500ms"), ("ATELIER_WRITE_BUDGET", "4s")];
    let settings = patient.map(|(name, value)| (name, value.to_owned())).into();
    let site = Site::open(rig, Plan { settings, ..Plan::default() });
    let mut mix = site.mix();
    mix.votes = 20;
    let load = site.load(rig.pick(USUAL, 500), mix);
    let rest = rig.seconds(0.3, 1.7);
    let mut done = 0;
    for _ in 0..rig.pick(1, 4) {
        for statement in [
            "ALTER TABLE products ADD COLUMN added int",
            "ALTER TABLE products ALTER COLUMN name TYPE varchar(300)",
            "ALTER TABLE products DROP COLUMN added",
            "ALTER TABLE reviews ADD COLUMN added int DEFAULT 7",
            "ALTER TABLE products ALTER COLUMN name TYPE text",
            "ALTER TABLE reviews DROP COLUMN added",
        ] {
            last(rest);
            rig.postgres.psql(&site.database, &format!("SET lock_timeout = '2s'; {statement}"));
            done += 1;
        }
    }
    last(rest * 2);
    let samples = load.end();
    Row::new("D12 pg-ddl", "columns added, dropped and retyped under load")
        .load(&samples)
        .none_failed("", &samples)
        .bar("statements done", done, done > 0)
}

/// Redis and PostgreSQL are killed, and both come back.
fn both_down(rig: &mut Rig) -> Row {
    let site = Site::open(rig, Plan::default());
    let load = site.load(rig.pick(USUAL, 500), site.mix());
    last(rig.seconds(0.7, 8.0));
    let at = Instant::now();
    rig.redis.stop();
    rig.postgres.kill();
    last(rig.seconds(3.5, 25.0));
    let end = Instant::now();
    site.count_anew();
    rig.redis.start_again();
    rig.postgres.start_again();
    let back = Instant::now();
    last(rig.seconds(3.5, 10.0));
    let at_once = site.fetches_at_once();
    let samples = load.end();
    outage(Row::new("D13 both-down", "kill -9 of Redis and PostgreSQL; both back"), &samples, at, end)
        .bar(format!("fetches at once ≤ {FETCHES} a node"), at_once, at_once <= FETCHES)
        .recovered(recovery(&samples.of("hit"), back), RECOVERY)
}

/// A pooler in transaction mode stands in between.
fn pgbouncer(rig: &mut Rig) -> Row {
    let row = Row::new("D14 pgbouncer", "PgBouncer in transaction mode in between");
    let pooler = match atelier_rig::PgBouncer::start(rig.postgres.port()) {
        Ok(pooler) => pooler,
        Err(why) => return row.bar("skipped", why, true),
    };
    let database = rig.database();
    let url = format!("postgres://postgres@127.0.0.1:{}/{database}", pooler.port());
    let node = atelier_rig::Node::launch(super::rig::SERVER, &[("DATABASE_URL", &url)]);
    let said = |node: &atelier_rig::Node| node.admin_get("/readyz").text().to_owned() + &node.log();
    let refused = wait_until("the node says what it thinks of it", PATIENCE, || {
        let (text, ready) = (said(&node), node.admin_get("/readyz").status == 200);
        (ready || text.to_lowercase().contains("pgbouncer") || text.contains("pooler")).then_some(!ready)
    });
    let why = said(&node).lines().find(|line| line.to_lowercase().contains("pool")).unwrap_or("ready").to_owned();
    row.bar("refused, in words", why, refused)
}
