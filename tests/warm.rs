//! A restart that is not cold: what the last process was asked for most is fetched before anybody asks, and nothing waits for it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use atelier_rig::{Fault, Node, Postgres, Proxy, Redis, Scratch, wait_until};

const SERVER: &str = env!("CARGO_BIN_EXE_atelier-edge");

/// How long anything may take that is only waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// How many targets there are, and how many keys are kept.
const TARGETS: usize = 3_000;
const KEPT: usize = 900;

/// Requests by Zipf's law: the n-th target is asked for 1/n as often as the first. Which one is the n-th has nothing to do with its id.
struct Load {
    targets: Vec<String>,
    /// The share of all targets up to each.
    shares: Vec<f64>,
    random: fastrand::Rng,
}

impl Load {
    fn new(products: &[u32], seed: u64) -> Self {
        let mut targets: Vec<_> = products
            .iter()
            .flat_map(|id| {
                [format!("/products/{id}"), format!("/products/{id}/styles"), format!("/reviews/meta?product_id={id}")]
            })
            .collect();
        assert_eq!(targets.len(), TARGETS);
        fastrand::Rng::with_seed(7).shuffle(&mut targets);
        let mut sum = 0.0;
        let shares: Vec<f64> = (1..=TARGETS)
            .map(|rank| {
                sum += 1.0 / rank as f64;
                sum
            })
            .collect();
        Self { targets, shares, random: fastrand::Rng::with_seed(seed) }
    }

    /// The share of requests that are answered by what L1 has.
    fn hits(&mut self, node: &Node, requests: usize) -> f64 {
        let mut client = node.client();
        let whole = self.shares[TARGETS - 1];
        let hits = (0..requests).filter(|_| {
            let drawn = self.random.f64() * whole;
            let rank = self.shares.partition_point(|share| *share < drawn);
            let response = client.get(&self.targets[rank], &[]);
            assert_eq!(response.status, 200, "{}", self.targets[rank]);
            response.header("cache-status").unwrap().contains("hit; detail=l1")
        });
        hits.count() as f64 / requests as f64
    }
}

/// The ids of a thousand products.
fn products(postgres: &Postgres) -> Vec<u32> {
    let ids = postgres.psql("sample", "SELECT id FROM products ORDER BY id LIMIT 1000");
    ids.lines().map(|id| id.parse().unwrap()).collect()
}

/// The keys of a list, as targets.
fn kept(folder: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(folder.join("hot-keys")).unwrap();
    let target = |line: &str| match line.split_once('/').unwrap() {
        ("product", id) => format!("/products/{id}"),
        ("styles", id) => format!("/products/{id}/styles"),
        ("meta", id) => format!("/reviews/meta?product_id={id}"),
        other => panic!("{other:?}"),
    };
    text.lines().skip(1).map(target).collect()
}

fn stop(mut node: Node) -> String {
    // Nobody is connected any more, so nothing is waited for.
    node.process().signal("TERM");
    assert_eq!(node.process().ended(PATIENCE), 0);
    node.log()
}

fn wait_for(node: &Node, sign: &str) -> String {
    wait_until(sign, PATIENCE, || node.log().lines().find(|line| line.contains(sign)).map(str::to_owned))
}

#[test]
fn after_a_restart_nearly_as_much_is_held_as_before() {
    let (postgres, database) = atelier_rig::import::sample(SERVER);
    let state = Scratch::new("state");
    let folder = state.path().to_str().unwrap();
    let keys = KEPT.to_string();
    let settings = [("DATABASE_URL", &*database), ("ATELIER_STATE_DIR", folder), ("ATELIER_WARM_KEYS", &*keys)];
    let node = Node::start(SERVER, &settings);
    assert!(wait_for(&node, "a cold start").contains("the list of hot keys is not there"));
    let mut load = Load::new(&products(&postgres), 1);
    let cold = load.hits(&node, 1_000);
    // One hit in a millisecond is a sample: on a fast machine the same requests would leave fewer of them, and a shorter list.
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(7) {
        load.hits(&node, 3_000);
    }
    let before = load.hits(&node, 2_000);
    assert!(stop(node).contains("hot keys are kept"));

    // What is kept is what is hot: of the hundred targets asked for most nearly all, and the list begins with the hottest.
    let list = kept(state.path());
    let kept = list.len();
    assert!((KEPT / 2..=KEPT).contains(&kept), "{kept}");
    assert_eq!(list.iter().collect::<BTreeSet<_>>().len(), kept);
    let of_hottest =
        |most: usize, list: &[String]| load.targets[..most].iter().filter(|target| list.contains(target)).count();
    let (hundred, ten) = (of_hottest(100, &list), of_hottest(10, &list[..20]));
    println!("of the hottest 100 kept: {hundred}; of the hottest 10 among the first 20: {ten}");
    assert!(hundred >= 95 && ten >= 9, "{hundred} {ten}");

    let node = Node::start(SERVER, &settings);
    let ready = Instant::now();
    let ended = wait_for(&node, "a warm start has ended");
    assert!(ended.contains("0 failed, 0 are left"), "{ended}");
    println!("a warm start took {:?}: {ended}", ready.elapsed());
    let warm = load.hits(&node, 1_000);
    println!("hits: cold {cold:.3}, before {before:.3}, after a warm restart {warm:.3}");
    assert!(warm >= 0.8 * before, "{warm} of {before}");
    // Had nothing been kept, the test above would have failed.
    assert!(cold < 0.8 * before, "{cold} of {before}");
    assert!(
        node.admin_get("/metrics").text().lines().any(|line| line == format!("atelier_warmed_total {kept}")),
        "{ended}"
    );
    drop(node);

    // With Redis the next process beside asks the database for hardly anything.
    let redis = Redis::start();
    let shared = redis.url();
    let with_redis =
        [&settings[..], &[("REDIS_URL", &*shared), ("ATELIER_REDIS_TIMEOUT", "500ms"), ("ATELIER_BUDGET", "1500ms")]]
            .concat();
    let first = Node::start(SERVER, &with_redis);
    wait_for(&first, "a warm start has ended");
    let second = Node::start(SERVER, &with_redis);
    let ended = wait_for(&second, "a warm start has ended");
    let from_redis: usize =
        ended.split_once(" came from Redis").unwrap().0.rsplit(' ').next().unwrap().parse().unwrap();
    assert!(from_redis >= kept * 9 / 10, "{ended}");
}

#[test]
fn a_warm_start_waits_for_nobody_and_is_waited_for_by_nobody() {
    let (postgres, database) = atelier_rig::import::sample(SERVER);
    let state = Scratch::new("state");
    let folder = state.path().to_str().unwrap();
    let node = Node::start(SERVER, &[("DATABASE_URL", &*database), ("ATELIER_STATE_DIR", folder)]);
    let mut client = node.client();
    let products = products(&postgres);
    for id in &products[..400] {
        assert_eq!(client.get(&format!("/products/{id}"), &[]).status, 200);
        assert_eq!(client.get(&format!("/products/{id}"), &[]).status, 200);
    }
    drop(client);
    stop(node);
    let list = kept(state.path()).len();
    assert!(list >= 60, "{list}");

    // Each statement takes 50 ms now: two at a time, the list takes some seconds.
    let proxy = Proxy::start(std::net::SocketAddr::from(([127, 0, 0, 1], postgres.port())));
    proxy.set(Some("atelier-edge"), Fault::Slow(Duration::from_millis(50), Duration::from_millis(50)));
    let through = database.replace(&postgres.port().to_string(), &proxy.address().port().to_string());
    let settings = [("DATABASE_URL", &*through), ("ATELIER_STATE_DIR", folder), ("ATELIER_DB_CONNECT", "20s")];
    let mut node = Node::start(SERVER, &settings);
    wait_for(&node, "a warm start begins");
    assert!(!node.log().contains("a warm start has ended"), "the node is ready before it is warm");
    let slow = node.get(&format!("/products/{}", products[900]));
    assert_eq!((slow.status, slow.header("cache-status")), (200, Some("atelier-edge; fwd=uri-miss; stored")));
    assert!(!node.log().contains("a warm start has ended"), "and answers what is not on the list");

    // Told to stop before it is done, it keeps what it began with.
    node.process().signal("TERM");
    wait_for(&node, "hot keys are kept");
    drop(node);
    let again: BTreeSet<_> = kept(state.path()).into_iter().collect();
    assert!(again.len() >= list, "{} of {list}", again.len());
}

#[test]
fn a_list_that_is_no_list_is_ignored_with_one_line() {
    let state = Scratch::new("state");
    let folder = state.path().to_str().unwrap();
    let settings = [("ATELIER_STATE_DIR", folder), ("ATELIER_WARM_KEYS", "3")];
    let started = |list: &[u8]| {
        state.write("hot-keys", list);
        let node = Node::start(SERVER, &settings);
        assert_eq!(node.get("/products/1").status, 200);
        wait_for(&node, "a cold start");
        let is_of_list = |line: &&str| line.contains("a cold start") || line.contains("a warm start");
        let lines: Vec<_> = node.log().lines().filter(is_of_list).map(str::to_owned).collect();
        assert_eq!(lines.len(), 1, "{lines:#?}");
        lines[0].clone()
    };
    let node = Node::start(SERVER, &settings);
    let mut client = node.client();
    for request in 0..400 {
        client.get(&format!("/products/{}", request % 4 + 1), &[]);
    }
    drop(client);
    stop(node);
    let whole = std::fs::read(state.path().join("hot-keys")).unwrap();
    assert!(started(&whole[..whole.len() - 3]).contains("not whole"));
    assert!(started(b"").contains("another program or version"));
    assert!(started(&[b"#!/bin/sh\n", &whole[..]].concat()).contains("another program or version"));
    assert!(started(&vec![0; 49 << 20]).contains("too large"));
    state.write("hot-keys", &whole);
    let node = Node::start(SERVER, &settings);
    assert!(wait_for(&node, "a warm start has ended").contains("of 3 hot keys"));
}
