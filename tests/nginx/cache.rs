//! The cache that can be included: for how long it keeps what, and what it leaves to the nodes.

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use atelier_rig::{Client, Manner, Mirror, Nginx, Node, Response};

use super::SERVER;

const PLACE: &str = "proxy_cache_path @FOLDER@/cache keys_zone=atelier_cache:1m inactive=10s use_temp_path=off;";
const INCLUDE: &str = "include atelier/cache.conf;";
const KEPT: &str =
    "Cache-Control: public, max-age=60, must-revalidate\r\nCache-Status: atelier-edge; hit; detail=l1\r\n";

/// How long a node takes, which nobody is to notice who gets what is kept.
const SLOW: Duration = Duration::from_millis(250);

fn open(node: &Mirror) -> Nginx {
    Nginx::start_with(&[node.address()], PLACE, INCLUDE)
}

#[test]
fn an_answer_is_kept_for_a_second_then_refreshed_behind_the_readers_and_after_five_forgotten() {
    let mirror = Mirror::start();
    mirror.set(Manner::Answer(200, KEPT.to_owned(), SLOW));
    let nginx = open(&mirror);
    let mut client = Client::connect(nginx.address);
    let did = |answer: &Response| {
        let said = answer.header("cache-status").unwrap().strip_prefix("atelier-edge; hit; detail=l1, nginx; ");
        said.unwrap().to_owned()
    };
    // One that nobody asks for again soon, and one that is asked for all the time.
    assert_eq!(did(&client.get("/products/2", &[])), "fwd=miss");
    let (begun, mut seen, mut quick) = (Instant::now(), BTreeSet::new(), 0);
    while begun.elapsed() < Duration::from_millis(6_500) {
        let asked = Instant::now();
        let answer = client.get("/products/1", &[]);
        let took = asked.elapsed();
        let number: usize = answer.text().parse().unwrap();
        let age = asked.saturating_duration_since(mirror.heard()[number - 1].at);
        assert!(age < Duration::from_millis(3_000), "{number} is {age:?} old");
        let did = did(&answer);
        if did.starts_with("hit") {
            quick += usize::from(took < SLOW);
        } else {
            assert!(took >= SLOW, "{did} after {took:?}");
        }
        seen.insert(did);
        // So that the machine has time for others, and nginx no reason to close the connection, as it does after a thousand requests.
        thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["fwd=miss", "hit", "hit; detail=refreshing"]);
    let heard = mirror.heard().len();
    assert!((4..=10).contains(&heard) && quick > 100, "{heard} asked, {quick} quick answers");
    // Not shown once more while it is refreshed, as nginx would by itself.
    assert_eq!(did(&client.get("/products/2", &[])), "fwd=miss");
}

#[test]
fn only_what_a_node_lets_browsers_keep_is_kept_and_only_for_those_who_want_no_more() {
    let mirror = Mirror::start();
    let nginx = open(&mirror);
    let mut client = Client::connect(nginx.address);
    let mut asks = |method: &str, headers: &[&str], body: &[u8]| {
        let before = mirror.heard().len();
        for _ in 0..3 {
            assert_eq!(client.request(method, "/products/1", headers, body).status, 200, "{method} {headers:?}");
        }
        mirror.heard().len() - before
    };
    for other in
        ["public, no-cache", "no-store", "private, no-store", "private, no-cache", "public, max-age=0, must-revalidate"]
    {
        mirror.set(Manner::Answer(200, format!("Cache-Control: {other}\r\nETag: \"a\"\r\n"), Duration::ZERO));
        assert_eq!(asks("GET", &[], b""), 3, "{other}");
    }
    // The first of these leaves a copy, unless five seconds end meanwhile.
    mirror.set(Manner::Answer(200, format!("{KEPT}ETag: \"a\"\r\nVary: Accept-Encoding\r\n"), Duration::ZERO));
    assert!(asks("GET", &[], b"") < 3);
    for past in ["Atelier-Min-Ord: 403ff7eb.1", "If-Match: \"b\"", "If-Unmodified-Since: Sat, 01 Jan 2000 00:00:00 GMT"]
    {
        assert_eq!(asks("GET", &[past], b""), 3, "{past}");
    }
    for method in ["PUT", "POST", "OPTIONS"] {
        assert_eq!(asks(method, &["Atelier-Min-Ord: 403ff7eb.1"], b""), 3, "{method}");
        assert_eq!(asks(method, &[], b""), 3, "{method}");
    }
    assert!((1..3).contains(&asks("HEAD", &[], b"")));
    assert!(mirror.heard().pop().unwrap().head.starts_with("HEAD "));
}

#[test]
fn with_real_nodes_products_are_kept_as_they_are_and_nothing_else_is() {
    let kept = [("ATELIER_MAX_AGE", "60s"), ("ATELIER_DOWNSTREAM_STALENESS", "accepted")];
    let trusted = ("ATELIER_TRUSTED_PROXIES", "127.0.0.1");
    let node = Node::start(SERVER, &[kept[0], kept[1], trusted]);
    let nginx = Nginx::start_with(&[node.address], PLACE, INCLUDE);
    let mut client = Client::connect(nginx.address);
    let hits = |client: &mut Client, target: &str, headers: &[&str]| {
        let mut hits = 0;
        // Several times, since five seconds may end between any two.
        for _ in 0..8 {
            let answer = client.get(target, headers);
            let direct = node.client().get(target, headers);
            assert_eq!((answer.status, &answer.body), (direct.status, &direct.body), "{target}");
            for name in ["etag", "content-encoding", "vary", "cache-control", "surrogate-key", "content-type"] {
                assert_eq!(answer.header(name), direct.header(name), "{target} {name}");
            }
            let hit = answer.header("cache-status").is_some_and(|said| said.ends_with(", nginx; hit"));
            hits += u32::from(hit);
        }
        hits
    };
    for encoding in ["Accept-Encoding: br", "Accept-Encoding: gzip", "Accept-Encoding: identity"] {
        assert!(hits(&mut client, "/products/1/styles", &[encoding]) > 0, "{encoding}");
    }
    assert!(hits(&mut client, "/products/2", &[]) > 0);
    for target in ["/reviews?product_id=2", "/cart", "/products/%32", "/products/999999", "/qa/questions?product_id=1"]
    {
        assert_eq!(hits(&mut client, target, &[]), 0, "{target}");
    }
    // Whose name is on a copy is not told to others, and who has it already is told so.
    let names: BTreeSet<_> =
        (0..8).map(|_| client.get("/products/2", &[]).header("x-request-id").unwrap().to_owned()).collect();
    assert_eq!(names.len(), 8);
    let etag = client.get("/products/2", &[]).header("etag").unwrap().to_owned();
    for _ in 0..4 {
        let answer = client.get("/products/2", &[&format!("If-None-Match: {etag}")]);
        assert_eq!((answer.status, answer.header("etag")), (304, Some(&*etag)));
    }
}
