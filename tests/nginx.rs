//! nginx before nodes, with the files of `nginx/` as they are shipped: whose patience ends first, and what no client loses when a node
//! goes; and in `tests/nginx/` what is sent twice, what is passed on, what nginx says itself, its limits, and the cache that can
//! be included.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "nginx/answers.rs"]
mod answers;
#[path = "nginx/cache.rs"]
mod cache;
#[path = "nginx/passed_on.rs"]
mod passed_on;
#[path = "nginx/readme.rs"]
mod readme;
#[path = "nginx/retries.rs"]
mod retries;
#[path = "nginx/site.rs"]
mod site;

use std::collections::BTreeMap;
use std::process::Command;
use std::time::{Duration, Instant};

use atelier_rig::{Client, Fault, Nginx, Node, Proxy, wait_until};

const SERVER: &str = env!("CARGO_BIN_EXE_atelier-edge");
const HTTP: &str = include_str!("../nginx/atelier/http.conf");
const API: &str = include_str!("../nginx/atelier/api.conf");
const READ: &str = include_str!("../nginx/atelier/read.conf");

/// A value as nginx and the settings write it: `1500ms`, `3s`, `256k`, `256KiB`.
fn number(text: &str) -> u64 {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let unit = match &text[digits..] {
        "ms" | "" | "B" => 1,
        "s" => 1_000,
        "k" | "KiB" => 1 << 10,
        unit => panic!("{text}: {unit} is no unit"),
    };
    text[..digits].parse::<u64>().expect("a number") * unit
}

/// The value of a directive in a file: of the first behind `block`, which is where a block begins.
fn directive(file: &str, block: &str, name: &str) -> u64 {
    let begin = file.find(block).unwrap_or_else(|| panic!("no {block:?}"));
    let mut lines = file[begin..].lines();
    let value = lines.find_map(|line| line.trim().strip_prefix(name)?.strip_prefix(' ')?.split_once(';'));
    number(value.unwrap_or_else(|| panic!("no {name} in {block:?}")).0)
}

/// The defaults of all settings that have one.
fn defaults() -> BTreeMap<String, String> {
    let printed = Command::new(SERVER).args(["print-config", "--form", "env"]).output().expect("it runs").stdout;
    let printed = String::from_utf8(printed).unwrap();
    let line =
        |line: &str| line.trim_start_matches(['#', ' ']).split_once('=').map(|(n, v)| (n.to_owned(), v.to_owned()));
    printed.lines().filter_map(line).collect()
}

#[test]
fn whoever_waits_for_another_waits_longer() {
    let defaults = defaults();
    let of = |name: &str| number(defaults.get(name).unwrap_or_else(|| panic!("no {name}")));
    let read = directive(READ, "", "proxy_read_timeout");
    let write = directive(API, "location @write {", "proxy_read_timeout");
    let kept = directive(HTTP, "upstream atelier {", "keepalive_timeout");
    let order = [
        ("ATELIER_BUDGET < proxy_read_timeout of reads", of("ATELIER_BUDGET"), read),
        ("ATELIER_WRITE_BUDGET < proxy_read_timeout of writes", of("ATELIER_WRITE_BUDGET"), write),
        // Or the node closes a connection that nginx is about to use.
        ("upstream keepalive_timeout < ATELIER_HEAD_TIMEOUT", kept, of("ATELIER_HEAD_TIMEOUT")),
        ("upstream keepalive_timeout < ATELIER_DRAIN_IDLE", kept, of("ATELIER_DRAIN_IDLE")),
        ("ATELIER_DRAIN_IDLE < ATELIER_DRAIN_MAX", of("ATELIER_DRAIN_IDLE"), of("ATELIER_DRAIN_MAX")),
        // A read that nginx gives up at one node is to have its time at another.
        (
            "proxy_read_timeout of reads < proxy_next_upstream_timeout",
            read,
            directive(API, "", "proxy_next_upstream_timeout"),
        ),
        // nginx has whole bodies before it asks the node, which is to wait for them no less than nginx does.
        (
            "proxy_send_timeout < ATELIER_BODY_TIMEOUT",
            directive(API, "", "proxy_send_timeout"),
            of("ATELIER_BODY_TIMEOUT"),
        ),
    ];
    for (what, shorter, longer) in order {
        assert!(shorter < longer, "{what}: {shorter} and {longer}");
    }
    assert_eq!(directive(API, "", "client_max_body_size"), of("ATELIER_BODY_MAX"));
    assert_eq!(directive(API, "", "client_body_buffer_size"), of("ATELIER_BODY_MAX"));
}

/// The helpfulness of a review of the sample on one node, past the cache of others.
fn votes(node: &Node) -> u64 {
    let reviews: serde_json::Value = serde_json::from_str(node.get("/reviews?product_id=2").text()).unwrap();
    let results = reviews["results"].as_array().unwrap();
    results.iter().find(|review| review["review_id"] == 5).unwrap()["helpfulness"].as_u64().unwrap()
}

#[test]
fn what_a_node_lost_the_answer_to_is_asked_again_if_it_is_a_read_and_never_if_it_is_a_write() {
    const WRITES: u64 = 6;
    let (losing, other) = (Node::start(SERVER, &[]), Node::start(SERVER, &[]));
    let proxy = Proxy::start(losing.address);
    let nginx = Nginx::start(&[proxy.address(), other.address]);
    let mut client = Client::connect(nginx.address);

    proxy.set(None, Fault::CutBehindRequest(b"PUT /reviews/5/helpful".to_vec()));
    let before = votes(&losing) + votes(&other);
    let mut answers = BTreeMap::new();
    for _ in 0..WRITES {
        let answer = client.request("PUT", "/reviews/5/helpful", &[], b"");
        *answers.entry(answer.status).or_insert(0) += 1;
    }
    assert!(answers.keys().all(|status| matches!(status, 204 | 503)) && answers.contains_key(&503), "{answers:?}");
    // Every one was done once, also those whose answer was lost.
    wait_until("all are done", Duration::from_secs(5), || {
        (votes(&losing) + votes(&other) >= before + WRITES).then_some(())
    });
    assert_eq!(votes(&losing) + votes(&other), before + WRITES);

    // Until nginx tries it again with a read.
    proxy.set(None, Fault::CutBehindRequest(b"GET /products/7 ".to_vec()));
    let found = proxy.found();
    wait_until("a read meets the node that loses answers", Duration::from_secs(20), || {
        assert_eq!(client.get("/products/7", &[]).status, 200);
        (proxy.found() > found).then_some(())
    });
    let asked = wait_until("nginx has noted it", Duration::from_secs(5), || {
        let asked = nginx.asked();
        asked.iter().any(|asked| asked.nodes.len() == 2).then_some(asked)
    });
    for asked in asked {
        let most = if asked.method == "PUT" { 1 } else { 2 };
        assert!((1..=most).contains(&asked.nodes.len()), "{asked:?}");
    }
}

#[test]
fn no_read_fails_while_a_node_drains() {
    let settings = [("ATELIER_DRAIN_IDLE", "1s"), ("ATELIER_DRAIN_MAX", "5s")];
    let (mut leaving, staying) = (Node::start(SERVER, &settings), Node::start(SERVER, &[]));
    let nginx = Nginx::start(&[leaving.address, staying.address]);
    let mut clients: Vec<_> = (0..4).map(|_| Client::connect(nginx.address)).collect();
    let mut reads = 0;
    let mut read = || {
        for client in &mut clients {
            assert_eq!(client.get("/products/1", &[]).status, 200);
            reads += 1;
        }
    };
    (0..20).for_each(|_| read());
    let gone = leaving.address;
    leaving.process().signal("TERM");
    let begun = Instant::now();
    wait_until("the node is gone", Duration::from_secs(10), || {
        read();
        (begun.elapsed() > Duration::from_secs(2) && Client::try_connect(gone).is_err()).then_some(())
    });
    assert_eq!(leaving.process().ended(Duration::from_secs(5)), 0);
    (0..20).for_each(|_| read());
    assert!(reads >= 200, "{reads}");
}
