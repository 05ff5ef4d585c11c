//! Nodes come and go, panic, and cannot log.

use std::sync::Arc;
use std::time::{Duration, Instant};

use atelier_rig::process::{runs, wait_until};
use atelier_rig::{Ask, Load, Node, Samples};

use super::Experiment;
use super::catalogue::{VOTED, voted_review};
use super::redis::ratio;
use super::rig::{PATIENCE, Rig, SERVER};
use super::row::{Row, short};
use super::site::{Plan, Site, USUAL, last, recovery, wait_ready};

pub(crate) const ALL: &[Experiment] = &[
    Experiment { name: "M4", core: true, run: logs },
    Experiment { name: "M7", core: false, run: panics },
    Experiment { name: "O1", core: true, run: rolling },
    Experiment { name: "O2", core: true, run: killed },
    Experiment { name: "O5", core: false, run: two_rules },
];

/// How many votes the database has counted, all reviews together.
fn counted(rig: &Rig, site: &Site) -> u64 {
    let ids: Vec<_> = VOTED.map(|product| voted_review(product).to_string()).collect();
    let sql = format!("SELECT sum(helpfulness) FROM reviews WHERE id IN ({})", ids.join(","));
    rig.postgres.psql(&site.database, &sql).parse().unwrap()
}

/// That every acknowledged vote was counted, and none twice.
fn votes(row: Row, rig: &Rig, site: &Site, samples: &Samples) -> Row {
    let writes = samples.of("write");
    let acked = writes.only(|sample| sample.status == Ok(204)).count() as u64;
    let (all, counted) = (writes.count() as u64, counted(rig, site));
    let got = format!("{counted} counted, {acked} acknowledged of {all}");
    row.bar("votes lost or counted twice 0", got, (acked..=all).contains(&counted) && acked > 0)
}

/// One node after the other is taken out of nginx, stopped, started and put in again.
fn rolling(rig: &mut Rig) -> Row {
    let mut site = Site::open(rig, Plan { nginx: true, ..Plan::default() });
    let mut mix = site.mix();
    // A connection of its own for each, so that nginx closing an idle one when it is reloaded is no failure of ours.
    (mix.votes, mix.cold, mix.one_shot) = (50, 20, true);
    let rolls = rig.pick(1, 10);
    let load = site.load(rig.pick(USUAL, 500), mix);
    last(rig.seconds(0.5, 5.0));
    let (mut longest, mut status) = (Duration::ZERO, 0);
    for _ in 0..rolls {
        let begun = Instant::now();
        for place in 0..site.nodes.len() {
            let all = site.addresses();
            site.nginx.as_ref().unwrap().point(&all, Some(all[place]));
            let node = &mut site.nodes[place];
            let at = (node.address, node.admin);
            node.process().signal("TERM");
            status = status.max(node.process().ended(PATIENCE));
            let node = site.node(place, Some(at));
            wait_ready(&node);
            site.nodes[place] = node;
            site.nginx.as_ref().unwrap().point(&all, None);
        }
        longest = longest.max(begun.elapsed());
        last(rig.seconds(0.3, 4.2).saturating_sub(begun.elapsed()));
    }
    let samples = load.end();
    let row =
        Row::new("O1 rolling", format!("{rolls} × three nodes: out of nginx, SIGTERM, start, in again; 5 % writes"))
            .load(&samples)
            .none_failed("", &samples)
            .bar("exit status 0", status, status == 0)
            .bar("longest roll", short(longest), true);
    votes(row, rig, &site, &samples)
}

/// `kill -9` of a node behind nginx.
fn killed(rig: &mut Rig) -> Row {
    let mut site = Site::open(rig, Plan { nginx: true, ..Plan::default() });
    let mut mix = site.mix();
    // So many that some meet the node before nginx leaves it out.
    mix.votes = 400;
    let load = site.load(rig.pick(USUAL, 500), mix);
    last(rig.seconds(0.7, 10.0));
    let gone = site.nodes[0].address;
    site.nodes[0].process().signal("KILL");
    let at = Instant::now();
    last(rig.seconds(2.5, 32.0));
    let samples = load.end();
    let reads = samples.only(|sample| sample.class != "write");
    let nginx = site.nginx.as_ref().unwrap();
    let asked = wait_until("nginx has noted every request", PATIENCE, || {
        let asked = nginx.asked();
        (asked.len() >= samples.count()).then_some(asked)
    });
    let twice = asked.iter().filter(|asked| asked.method == "PUT" && asked.nodes.len() > 1).count();
    let met = asked.iter().filter(|asked| asked.nodes.len() > 1 && asked.nodes[0] == gone).count();
    let refused = samples.of("write").failed();
    let row = Row::new("O2 node-killed", "kill -9 of one of three nodes behind nginx, 40 % writes")
        .load(&samples)
        .none_failed("of reads", &reads)
        .bar("writes sent twice 0", twice, twice == 0)
        .bar("writes refused, while nginx finds out", refused, refused <= samples.of("write").count() / 10)
        // Which of the two nginx finds out by is chance.
        .bar("reads sent on to another, writes refused: some", format!("{met}, {refused}"), met + refused > 0)
        .recovered(recovery(&reads, at), Duration::ZERO);
    votes(row, rig, &site, &samples)
}

/// Nodes whose documents are made under other rules share one Redis.
fn two_rules(rig: &mut Rig) -> Row {
    let settings = vec![("ATELIER_L1_BYTES", "8KiB".to_owned())];
    let mut site = Site::open(rig, Plan { nodes: 1, settings, ..Plan::default() });
    let url = |proxy: &atelier_rig::Proxy| format!("postgres://postgres@{}/{}", proxy.address(), site.database);
    let (database, redis) = (url(&site.to_postgres[0]), format!("redis://{}/0", site.to_redis[0].address()));
    let settings = [
        ("DATABASE_URL", &*database),
        ("REDIS_URL", &*redis),
        ("ATELIER_CAMPUS", "hr-lax"),
        ("ATELIER_L1_BYTES", "8KiB"),
    ];
    let other = Node::start(SERVER, &settings);
    let (own, its) = (site.nodes[0].address, other.address);
    let mix = site.mix();
    let mut asks = mix.requests();
    let (mut turn, catalogue) = (0_u64, Arc::clone(&site.catalogue));
    let next = move || {
        turn += 1;
        let ask = asks();
        if ask.class == "cold" {
            return ask;
        }
        let target = format!("/products/{}", 1 + turn % 30);
        let number = catalogue.known.iter().position(|known| known.target == target).unwrap() as u64;
        Ask { number, ..Ask::get(if turn.is_multiple_of(2) { own } else { its }, "hit", target) }
    };
    let catalogue = Arc::clone(&site.catalogue);
    let judge = move |ask: &Ask, answer: &atelier_rig::Answer| {
        let campus = b"\"campus\":\"hr-lax\",";
        let place = answer.body.windows(campus.len()).position(|window| window == campus);
        if ask.class == "cold" || ask.to == own {
            return place.is_none();
        }
        let Some(place) = place else { return false };
        let plain = [&answer.body[..place], &answer.body[place + campus.len()..]].concat();
        catalogue.is_right(ask.number, &plain).0
    };
    let load = Load::start(rig.pick(USUAL, 500), PATIENCE, next, Arc::new(judge));
    last(rig.seconds(2.0, 41.0));
    let samples = load.end();
    let from_redis = samples.only(|sample| sample.tier == "l2").count();
    site.nodes.push(other);
    Row::new("O5 two-schemas", "two nodes with documents of other rules on one Redis, to and fro")
        .load(&samples)
        .none_failed("", &samples)
        .bar("answers from Redis > 0", from_redis, from_redis > 0)
}

/// The log goes to a full disk, or to a pipe that nobody reads.
fn logs(rig: &mut Rig) -> Row {
    let database = rig.database();
    let url = rig.postgres.url(&database);
    let settings = [("DATABASE_URL", &*url), ("ATELIER_LOG", "trace")];
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let (unread, pipe) = std::io::pipe().unwrap();
    let nodes = [
        Node::launch(SERVER, &settings),
        Node::launch_logging_to(SERVER, &settings, full.into()),
        Node::launch_logging_to(SERVER, &settings, pipe.into()),
    ];
    nodes.iter().for_each(wait_ready);
    let to: Vec<_> = nodes.iter().map(|node| node.address).collect();
    let mut turn = 0;
    let next = move || {
        turn += 1;
        let product = super::catalogue::COLD.start() + (turn / 3) as u64;
        Ask {
            number: product,
            ..Ask::get(to[turn % 3], ["file", "full", "pipe"][turn % 3], format!("/products/{product}"))
        }
    };
    let right = |ask: &Ask, answer: &atelier_rig::Answer| answer.body == super::catalogue::cold(ask.number).as_bytes();
    let load = Load::start(rig.pick(USUAL, 500), Duration::from_secs(6), next, Arc::new(right));
    last(rig.seconds(3.0, 41.0));
    let alive = nodes.iter().all(|node| node.admin_get("/readyz").status == 200);
    let samples = load.end();
    let of = |class| samples.of(class).quantile(0.99);
    drop(unread);
    Row::new("M4 logs", "log to a full disk; to a pipe that is not read")
        .load(&samples)
        .none_failed("", &samples)
        .bar("ready", alive, alive)
        .at_most("p99, full disk", of("full"), ratio(of("file"), 1.5))
        .at_most("p99, pipe", of("pipe"), ratio(of("file"), 1.5))
}

/// Panics in the handler, a fetch, a fill and polls, each so many times.
fn panics(rig: &mut Rig) -> Row {
    // Those of `src/red.rs`: the answer about product 13 panics, so it is never held.
    let settings = [("RED", "28"), ("PANIC", "fetch:20,fill:30,poll:9")].map(|(name, value)| (name, value.to_owned()));
    let mut site = Site::open(rig, Plan { nodes: 1, settings: settings.into(), warm: false, nginx: false });
    let panicked = |site: &Site, place: &str| site.metric(&format!("atelier_panics_total{{place=\"{place}\"}}"));
    let before = panicked(&site, "request");
    let load = site.load(rig.pick(USUAL, 500), site.mix());
    last(rig.seconds(2.5, 41.0));
    let samples = load.end();
    let of = |status| samples.only(|sample| sample.status == Ok(status)).count() as u64;
    let requests = panicked(&site, "request") - before;
    let fetches = panicked(&site, "fetch") + panicked(&site, "fill");
    // A fetch that panicked is not tried again for a while; who asks meanwhile is told the same.
    let failing = site.metric("atelier_rejected_total{reason=\"failing\"}");
    let polls = panicked(&site, "poll");
    let stuck = samples.only(|sample| sample.took() > Duration::from_millis(1300)).count();
    let broken = samples.only(|sample| sample.status.is_err()).count();
    let pid = site.nodes[0].process().pid();
    let alive = runs(pid) && site.nodes[0].admin_get("/livez").status == 200;
    Row::new("M7 panics", "failpoints in handler, fetch, fill and poll")
        .load(&samples)
        .bar("alive", alive, alive)
        .bar(
            "500 for those that panicked alone",
            format!("{} of {requests}", of(500)),
            of(500) == requests && requests > 0,
        )
        .bar(
            "503 ≤ panics of fetches and fills, and questions for the same meanwhile",
            format!("{} of {fetches} + {failing}", of(503)),
            of(503) <= fetches + failing && fetches > 0,
        )
        .bar("polls that panicked", polls, polls > 0)
        .bar("connections lost 0", broken, broken == 0)
        .bar("requests stuck 0", stuck, stuck == 0)
}
