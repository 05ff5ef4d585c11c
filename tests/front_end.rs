//! A front end's sessions through nginx, round robin over three nodes: every write is seen at once, whichever node answers.
//! What a session does is in `tests/rig/src/front_end/`; `make session` plays the same against `make up`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, missing_docs)]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use atelier_rig::front_end::Plan;
use atelier_rig::nginx::Asked;
use atelier_rig::{Client, Nginx, Node, Postgres, Redis, wait_until};

const SERVER: &str = env!("CARGO_BIN_EXE_atelier-edge");

/// The default of `ATELIER_BOUND`.
const BOUND: Duration = Duration::from_secs(2);

const PATIENCE: Duration = Duration::from_secs(20);

/// Three nodes with the sample, and nginx before them. Each ends before what it needs.
struct Site {
    nginx: Nginx,
    nodes: Vec<Node>,
    _redis: Redis,
    _postgres: Postgres,
}

impl Site {
    /// None, with the reason said, where nginx does not run.
    fn open(more: &[(&str, &str)]) -> Option<Self> {
        if let Err(why) = Nginx::program() {
            eprintln!("skipped: {why}");
            return None;
        }
        let ((postgres, database), redis) = (atelier_rig::import::sample(SERVER), Redis::start());
        let shared = redis.url();
        let settings = [&[("DATABASE_URL", &*database), ("REDIS_URL", &*shared)], more].concat();
        let nodes: Vec<_> = (0..3).map(|_| Node::start(SERVER, &settings)).collect();
        let addresses: Vec<_> = nodes.iter().map(|node| node.address).collect();
        let nginx = Nginx::start(&addresses);
        Some(Self { nginx, nodes, _redis: redis, _postgres: postgres })
    }

    fn plan(&self, rounds: u64) -> Plan {
        let (address, seed) = (self.nginx.address, fastrand::u64(..1_000_000));
        eprintln!("seed {seed}");
        Plan { address, rounds, shoppers: 8, seed, bound: BOUND, tokens: true }
    }

    /// What nginx noted when it has noted so many requests: it does so after the answer.
    fn asked(&self, requests: u64) -> Vec<Asked> {
        wait_until("nginx has noted every request", PATIENCE, || {
            let asked = self.nginx.asked();
            (asked.len() as u64 >= requests).then_some(asked)
        })
    }
}

fn is_write(asked: &Asked) -> bool {
    matches!(asked.method.as_str(), "POST" | "PUT")
}

#[test]
fn a_front_end_sees_its_own_writes_at_once_whichever_node_answers() {
    let Some(site) = Site::open(&[]) else { return };
    let tally = site.plan(200).play();
    eprintln!("{tally}");
    assert!(tally.holds(), "{tally}");
    assert_eq!(tally.rounds, 200);
    assert!(tally.looked_for >= 200 * 9 && tally.unchanged > 1_000, "{tally}");
    assert!(tally.longest_delay() <= BOUND, "{tally}");

    // Nothing of that was luck: every node had its share of reads and of writes, and each write went to one.
    let mut shares: BTreeMap<(bool, SocketAddr), u64> = BTreeMap::new();
    let asked = site.asked(tally.requests);
    assert_eq!(asked.len() as u64, tally.requests);
    for request in &asked {
        assert_eq!(request.nodes.len(), 1, "{request:?}");
        *shares.entry((is_write(request), request.nodes[0])).or_default() += 1;
    }
    assert_eq!(shares.len(), 6, "{shares:?}");
    let writes = asked.iter().filter(|request| is_write(request)).count() as u64;
    for ((write, _), share) in &shares {
        let all = if *write { writes } else { tally.requests - writes };
        assert!(*share * 5 > all, "{shares:?}");
    }
}

#[test]
fn who_does_not_bring_its_token_is_found_to_miss_its_writes() {
    // Nodes that are told nothing and ask twice a second: without tokens a session fails, so those above show something.
    let Some(site) = Site::open(&[("ATELIER_HINT", "off"), ("ATELIER_POLL", "500ms")]) else { return };
    let tally = Plan { tokens: false, ..site.plan(20) }.play();
    assert!(tally.unseen >= 10, "{tally}");
    assert_eq!((tally.failed, tally.wrong), (0, 0), "{tally}");
    let tally = site.plan(20).play();
    assert!(tally.holds(), "{tally}");
    assert!(tally.longest_delay() <= BOUND, "{tally}");
}

#[test]
fn a_read_is_sent_once_more_elsewhere_and_a_write_never() {
    let Some(mut site) = Site::open(&[]) else { return };
    let gone = site.nodes[0].address;
    let mut client = Client::connect(site.nginx.address);
    let mut sent = 0;
    let mut ask = |method: &str, target: &str, body: &[u8]| {
        sent += 1;
        client.request(method, target, &[], body)
    };
    for _ in 0..6 {
        assert_eq!(ask("GET", "/products/1", b"").status, 200);
    }
    site.nodes[0].process().signal("KILL");
    wait_until("the node is gone", PATIENCE, || Client::try_connect(gone).is_err().then_some(()));

    // Four writes: one or two of them meet the node that is gone, until nginx leaves it out.
    let mut written = BTreeMap::new();
    for _ in 0..4 {
        let answer = ask("PUT", "/reviews/200/helpful", b"");
        if answer.status == 503 {
            assert_eq!(answer.text(), "Error: temporarily unavailable");
            assert!(matches!(answer.header("retry-after"), Some("1" | "2" | "3")), "{:?}", answer.headers);
            assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        }
        *written.entry(answer.status).or_insert(0) += 1;
    }
    assert!(written.keys().all(|status| matches!(status, 204 | 503)) && written.contains_key(&503), "{written:?}");
    // Reads are all answered; those that meet it are sent to another.
    let mut retried = false;
    wait_until("nginx tries the node that is gone with a read", PATIENCE, || {
        let answer = ask("GET", "/products/1", b"");
        assert_eq!(answer.status, 200, "{}", answer.text());
        retried = site.nginx.asked().iter().any(|asked| !is_write(asked) && asked.nodes.len() == 2);
        retried.then_some(())
    });
    let asked = site.asked(sent);
    for request in &asked {
        assert!(request.nodes.len() <= if is_write(request) { 1 } else { 2 }, "{request:?}");
    }
    let twice = asked.iter().find(|asked| asked.nodes.len() == 2).unwrap();
    assert_eq!(twice.nodes[0], gone);
}

#[test]
fn a_node_that_says_503_is_not_asked_again_elsewhere() {
    let Ok(_) = Nginx::program() else { return eprintln!("skipped: nginx does not run") };
    // Nodes without a database that have never seen one: each of them answers, and has nothing.
    let postgres = Postgres::start();
    let database = postgres.create("gone");
    drop(postgres);
    let nodes: Vec<_> = (0..3).map(|_| Node::launch(SERVER, &[("DATABASE_URL", &database)])).collect();
    let addresses: Vec<_> = nodes.iter().map(|node| node.address).collect();
    let nginx = Nginx::start(&addresses);
    let mut client = Client::connect(nginx.address);
    for _ in 0..6 {
        assert_eq!(client.get("/products/1", &[]).status, 503);
    }
    let asked = wait_until("nginx has noted them", PATIENCE, || {
        let asked = nginx.asked();
        (asked.len() >= 6).then_some(asked)
    });
    assert!(asked.iter().all(|asked| asked.nodes.len() == 1 && asked.status == 503), "{asked:?}");
}
