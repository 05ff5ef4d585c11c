//! Many want the same, or what is not there, at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use atelier_rig::{Ask, Client, Load, Samples, wait_until};

use super::Experiment;
use super::redis::FETCHES;
use super::rig::{PATIENCE, Rig, SERVER};
use super::row::Row;
use super::site::{Plan, READERS, Site, USUAL, last, recovery};

pub(crate) const ALL: &[Experiment] = &[
    Experiment { name: "S1", core: true, run: cold_key },
    Experiment { name: "S2", core: true, run: leader_leaves },
    Experiment { name: "S3", core: true, run: failing_key },
    Experiment { name: "S4", core: false, run: same_ttl },
    Experiment { name: "S5", core: false, run: purge_all },
    Experiment { name: "S6", core: true, run: random_ids },
    Experiment { name: "S7", core: true, run: random_queries },
];

/// How many statements of nodes stand before a lock.
fn blocked(rig: &Rig, site: &Site) -> usize {
    let sql = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = '{READERS}' AND wait_event_type = 'Lock'"
    );
    rig.postgres.psql(&site.database, &sql).parse().unwrap()
}

/// The nodes know every id, so that nothing else of theirs asks the database.
fn settled(site: &Site) {
    // Each time another one: what was asked for before is held.
    let mut id = 900_000;
    wait_until("the nodes know every id", PATIENCE, || {
        id += 1;
        let knows = |node: &atelier_rig::Node| {
            let answer = node.get(&format!("/products/{id}/styles"));
            answer.header("cache-status").is_some_and(|status| status.ends_with("detail=filter"))
        };
        site.nodes.iter().all(knows).then_some(())
    });
    site.count_anew();
}

/// A thousand clients of one key whose query takes 300 ms.
fn cold_key(rig: &mut Rig) -> Row {
    let site = Site::open(rig, Plan { warm: false, ..Plan::default() });
    settled(&site);
    let clients = 1000;
    let mut lock = rig.postgres.session(&site.database);
    lock.run("BEGIN; LOCK TABLE reviews IN ACCESS EXCLUSIVE MODE");
    let (to, mut turn) = (site.addresses(), 0);
    let next = move || {
        turn += 1;
        Ask::get(to[turn % to.len()], "same", "/reviews?product_id=7")
    };
    let load = Load::start(2000, Duration::from_secs(6), next, Arc::new(|_, answer| answer.status == 200));
    wait_until("every node's fetch waits for the lock", PATIENCE, || (blocked(rig, &site) == 3).then_some(()));
    last(Duration::from_millis(300));
    lock.run("COMMIT");
    wait_until("all are there", PATIENCE, || (load.answered() >= clients).then_some(()));
    let samples = load.end();
    let fetches = site.fetches();
    Row::new("S1 cold-key", "1000 clients, one key, the query held up for 300 ms")
        .load(&samples)
        .none_failed("", &samples)
        .bar("fetches 1 a node", format!("{fetches:?}"), fetches == [1, 1, 1])
}

/// The one who began the fetch hangs up after 50 ms.
fn leader_leaves(rig: &mut Rig) -> Row {
    let site = Site::open(rig, Plan { nodes: 1, warm: false, ..Plan::default() });
    settled(&site);
    let (rounds, followers) = (rig.pick(5, 20), 50);
    let address = site.nodes[0].address;
    let mut failed = 0;
    for round in 1..=rounds {
        let target = format!("/reviews?product_id={round}");
        let mut lock = rig.postgres.session(&site.database);
        lock.run("BEGIN; LOCK TABLE reviews IN ACCESS EXCLUSIVE MODE");
        let mut leader = Client::connect(address);
        leader.send(format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes());
        wait_until("the fetch waits for the lock", PATIENCE, || (blocked(rig, &site) == 1).then_some(()));
        last(Duration::from_millis(50));
        let mut others: Vec<_> = (0..followers).map(|_| Client::connect(address)).collect();
        for other in &mut others {
            other.send(format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes());
        }
        drop(leader);
        last(Duration::from_millis(50));
        lock.run("COMMIT");
        for other in &mut others {
            failed += usize::from(!other.try_read(false).is_ok_and(|answer| answer.status == 200));
        }
    }
    let fetches: u64 = site.fetches().iter().sum();
    let mut row = Row::new("S2 leader-leaves", format!("the same, the leader hangs up, × {rounds}"));
    row.count((followers + 1) * usize::try_from(rounds).unwrap());
    row.bar("failed 0", failed, failed == 0).bar(format!("fetches {rounds}"), fetches, fetches == rounds)
}

/// A query that fails whenever it is asked.
fn failing_key(rig: &mut Rig) -> Row {
    let site = Site::open(rig, Plan { warm: false, ..Plan::default() });
    settled(&site);
    let failing = "ALTER TABLE products RENAME TO all_products;
        CREATE VIEW products AS SELECT p.* FROM all_products AS p WHERE 1 / (p.id - 7) <> 0 OR p.id <> 7";
    rig.postgres.psql(&site.database, failing);
    // The statements learn of the view, which is not what this is about.
    wait_until("other products are answered", PATIENCE, || {
        site.nodes
            .iter()
            .all(|node| node.get("/products/8").status == 200 && node.get("/products/9").status == 200)
            .then_some(())
    });
    site.count_anew();
    let (to, mut turn, long) = (site.addresses(), 0, rig.seconds(2.0, 41.0));
    let next = move || {
        turn += 1;
        Ask::get(to[turn % to.len()], "failing", "/products/7")
    };
    let judge = Arc::new(|_: &Ask, answer: &atelier_rig::Answer| answer.status == 503);
    let load = Load::start(rig.pick(300, 500), Duration::from_secs(6), next, judge);
    last(long);
    let samples = load.end();
    let most = site.fetches().into_iter().max().unwrap_or(0);
    let limit = 1 + (long.as_millis() / 250) as u64 + 1;
    Row::new("S3 failing-key", "the query of one key fails").load(&samples).bar(
        format!("fetches in {} s ≤ {limit} a node", long.as_secs()),
        most,
        most <= limit && most > 0,
    )
}

/// Many keys are filled together, and their ttl is over together.
fn same_ttl(rig: &mut Rig) -> Row {
    let ttl = Duration::from_secs(10);
    let keys = 4_000;
    let settings = [("ATELIER_TTL_PRODUCT", "10s"), ("ATELIER_REFRESH_QUEUE", "10000")];
    let settings = settings.map(|(name, value)| (name, value.to_owned())).to_vec();
    let site = Site::open(rig, Plan { nodes: 1, settings, warm: false, nginx: false });
    let address = site.nodes[0].address;
    let first = *super::catalogue::COLD.start();
    thread::scope(|scope| {
        for part in 0..8 {
            scope.spawn(move || {
                let mut client = Client::connect(address);
                for product in (first..first + keys).filter(|product| product % 8 == part) {
                    assert_eq!(client.get(&format!("/products/{product}"), &[]).status, 200);
                }
            });
        }
    });
    site.count_anew();
    let turn = AtomicU64::new(0);
    let next = move || {
        let product = first + turn.fetch_add(1, Ordering::Relaxed) % keys;
        Ask { number: product, ..Ask::get(address, "cold", format!("/products/{product}")) }
    };
    let history = Arc::clone(&site.history);
    let catalogue = Arc::clone(&site.catalogue);
    let judge = Arc::new(move |ask: &Ask, answer: &atelier_rig::Answer| history.judge(&catalogue, ask, answer));
    let load = Load::start(700, Duration::from_secs(6), next, judge);
    let (begun, mut rates, mut before) = (Instant::now(), Vec::new(), 0);
    while begun.elapsed() < ttl * 3 {
        last(Duration::from_millis(500));
        let asked: u64 = site.fetches().iter().sum();
        rates.push(asked - before);
        before = asked;
    }
    let samples = load.end();
    // From when the first are due.
    let rates = &rates[rates.iter().position(|rate| *rate > 0).unwrap_or(0)..];
    let (peak, mean) = (rates.iter().max().copied().unwrap_or(0), before as f64 / rates.len().max(1) as f64);
    let waited = samples.only(|sample| matches!(sample.tier, "stored" | "collapsed")).count();
    Row::new("S4 same-ttl", format!("{keys} keys filled together, ttl 10 s"))
        .load(&samples)
        .none_failed("", &samples)
        .bar(
            "peak / mean of fetches ≤ 3",
            format!("{:.1} ({peak} and {mean:.0} in 0.5 s)", peak as f64 / mean),
            peak > 0 && peak as f64 / mean <= 3.0,
        )
        .bar("waited for a fetch 0", waited, waited == 0)
}

/// Everything is outdated at once.
fn purge_all(rig: &mut Rig) -> Row {
    let site = Site::open(rig, Plan::default());
    let load = site.load(rig.pick(USUAL, 500), site.mix());
    last(rig.seconds(0.7, 10.0));
    site.count_anew();
    let at = Instant::now();
    let mut purge = std::process::Command::new(SERVER);
    purge.args(["purge", "--new-epoch", "--reason", "an experiment"]);
    purge.env("DATABASE_URL", rig.postgres.url(&site.database));
    let purged = purge.output().unwrap();
    assert!(purged.status.success(), "{}", String::from_utf8_lossy(&purged.stderr));
    last(rig.seconds(3.0, 32.0));
    let at_once = site.fetches_at_once();
    let samples = load.end();
    let fetched: u64 = site.fetches().iter().sum();
    Row::new("S5 purge-all", "purge --new-epoch at full load")
        .load(&samples)
        .none_failed("on held keys", &samples.of("hit"))
        .bar(format!("fetches at once ≤ {FETCHES} a node"), at_once, at_once <= FETCHES)
        .bar("fetched anew", fetched, fetched >= site.catalogue.known.len() as u64)
        .recovered(recovery(&samples.of("hit"), at), Duration::from_secs(30))
}

/// Ids that nobody has.
fn random_ids(rig: &mut Rig) -> Row {
    let site = Site::open(rig, Plan { warm: false, ..Plan::default() });
    settled(&site);
    let to = site.addresses();
    let mut chance = fastrand::Rng::new();
    let next = move || {
        let id = chance.u64(50_000..1 << 62);
        let targets = [
            ("absent", format!("/products/{id}")),
            ("empty", format!("/products/{id}/styles")),
            ("empty", format!("/products/{id}/related")),
            ("empty", format!("/reviews?product_id={id}")),
            ("empty", format!("/reviews/meta?product_id={id}")),
            ("empty", format!("/qa/questions?product_id={id}")),
            ("empty", format!("/qa/questions/{id}/answers")),
        ];
        let (class, target) = targets[chance.usize(..targets.len())].clone();
        Ask::get(to[chance.usize(..to.len())], class, target)
    };
    let right =
        |ask: &Ask, answer: &atelier_rig::Answer| answer.status == if ask.class == "absent" { 404 } else { 200 };
    let load = Load::start(1000, Duration::from_secs(6), next, Arc::new(right));
    last(rig.seconds(2.0, 21.0));
    let samples = load.end();
    let fetches: u64 = site.fetches().iter().sum();
    Row::new("S6 random-ids", "ids that do not exist").load(&samples).none_failed("", &samples).bar(
        "queries 0",
        fetches,
        fetches == 0,
    )
}

/// Valid pages, counts and sorts of all sizes.
fn random_queries(rig: &mut Rig) -> Row {
    // This is about what is asked for, not about a machine that is out of breath: nobody is turned away because a permit takes long.
    let patient = [("ATELIER_BUDGET", "1900ms"), ("ATELIER_PERMIT_WAIT", "1s"), ("ATELIER_SHED_TARGET", "900ms")];
    let settings = patient.map(|(name, value)| (name, value.to_owned())).into();
    let mut site = Site::open(rig, Plan { warm: false, settings, ..Plan::default() });
    settled(&site);
    let memory = site.memory();
    let to = site.addresses();
    let mut chance = fastrand::Rng::new();
    let next = move || {
        let size = |chance: &mut fastrand::Rng| match chance.u32(..4) {
            0 => chance.u64(1..10),
            1 => chance.u64(1..1000),
            2 => chance.u64(1..1 << 40),
            _ => chance.u64(1 << 62..1 << 63),
        };
        let (page, count) = (size(&mut chance), size(&mut chance));
        let (product, sort) = (chance.u64(1..=40), ["newest", "helpful", "relevant", "other"][chance.usize(..4)]);
        let target = match chance.u32(..4) {
            0 => format!("/products?page={page}&count={count}"),
            1 => format!("/qa/questions?product_id={product}&page={page}&count={count}"),
            2 => format!("/qa/questions/{product}/answers?page={page}&count={count}"),
            _ => format!("/reviews?product_id={product}&page={page}&count={count}&sort={sort}"),
        };
        let echoes = target.starts_with("/reviews") || target.contains("/answers");
        let class = if echoes { "echo" } else { "plain" };
        Ask { number: count, ..Ask::get(to[chance.usize(..to.len())], class, target) }
    };
    let judge = |ask: &Ask, answer: &atelier_rig::Answer| {
        let echo = format!("\"count\":{},", ask.number);
        answer.status >= 500
            || answer.status == 200 && (ask.class == "plain" || String::from_utf8_lossy(&answer.body).contains(&echo))
    };
    let load = Load::start(rig.pick(USUAL / 2, 500), Duration::from_secs(6), next, Arc::new(judge));
    last(rig.seconds(2.5, 41.0));
    let at_once = site.fetches_at_once();
    let samples: Samples = load.end();
    let grown = site.grown(&memory);
    Row::new("S7 random-queries", "valid page, count and sort up to 2⁶³")
        .load(&samples)
        .none_failed("", &samples)
        .bar(format!("fetches at once ≤ {FETCHES} a node"), at_once, at_once <= FETCHES)
        .bar("memory + ≤ 128 MiB", format!("{} MiB", grown >> 20), grown <= 128 << 20)
}
