//! What a request's head and body do beside the rows of the corpus (`tests/corpus.rs`): bodies of every kind of read, names of
//! hosts and requests, panics.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::time::Duration;

use atelier_rig::{Client, Node, wait_until};

const SERVER: &str = env!("CARGO_BIN_EXE_atelier-edge");

/// What follows each request on the same connection. Its answer is like no other here.
const MARKER: &[u8] = b"GET /qa/questions/2147483647/answers?page=77 HTTP/1.1\r\nHost: a\r\n\r\n";
const MARKED: &str = r#"{"question":"2147483647","page":77,"count":5,"results":[]}"#;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    /// The connection is closed, and the marker unanswered.
    Closes,
    /// The marker is answered.
    GoesOn,
}

fn check(node: &Node, request: &[u8], status: u16, then: Then) -> atelier_rig::Response {
    let shown = String::from_utf8_lossy(&request[..request.len().min(120)]).into_owned();
    let mut client = Client::connect(node.address);
    client.send(&[request, MARKER].concat());
    let response = client.try_read(request.starts_with(b"HEAD")).unwrap_or_else(|error| panic!("{shown:?}: {error}"));
    assert_eq!(response.status, status, "{shown:?}");
    match then {
        Then::Closes => assert!(client.is_closed(), "{shown:?} leaves the connection open"),
        Then::GoesOn => assert_eq!(client.read(false).text(), MARKED, "after {shown:?}"),
    }
    response
}

#[test]
fn the_body_of_a_read_is_read_and_dropped() {
    use Then::{Closes, GoesOn};
    let node = Node::start(SERVER, &[("ATELIER_BODY_TIMEOUT", "300ms")]);
    for method in ["GET", "HEAD", "OPTIONS"] {
        let with = |rest: &str| format!("{method} /products/1 HTTP/1.1\r\nHost: a\r\n{rest}").into_bytes();
        let good = if method == "OPTIONS" { 204 } else { 200 };
        let table: [(Vec<u8>, u16, Then); 12] = [
            (with("Content-Length: 0\r\n\r\n"), good, GoesOn),
            (with("Content-Length: 5\r\n\r\nhello"), good, GoesOn),
            (with("Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello"), good, GoesOn),
            (with("Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"), good, GoesOn),
            (with("Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!"), 400, Closes),
            (with("Content-Length: +5\r\n\r\nhello"), 400, Closes),
            (with("Transfer-Encoding: gzip, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"), 400, Closes),
            (with("Transfer-Encoding: chunked, identity\r\n\r\n5\r\nhello\r\n0\r\n\r\n"), 400, Closes),
            (with("Transfer-Encoding: xchunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"), 400, Closes),
            (with("Transfer-Encoding: chunked\r\n\r\nx\r\nhello\r\n0\r\n\r\n"), 400, Closes),
            // The limit is 256 KiB, the announced body is longer, and none of it is waited for.
            (with("Content-Length: 300000\r\n\r\n"), 413, Closes),
            // Announced and not sent; the marker is taken for the beginning of it.
            (with("Content-Length: 20000\r\n\r\n"), 408, Closes),
        ];
        for (request, status, then) in table {
            check(&node, &request, status, then);
        }
        // A target that is refused before anything else leaves no body behind either.
        let long = format!("{method} /{} HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", "p".repeat(2048));
        check(&node, long.as_bytes(), 414, GoesOn);
    }
}

#[test]
fn head_says_what_get_would() {
    let node = Node::start(SERVER, &[]);
    let mut client = node.client();
    let volatile = |response: &atelier_rig::Response| {
        response
            .headers
            .iter()
            .filter(|(name, _)| !matches!(name.as_str(), "date" | "cache-status" | "x-request-id"))
            .cloned()
            .collect::<Vec<_>>()
    };
    for target in ["/products/1", "/products", "/products/77", "/nowhere", "/reviews?product_id=1", "/reviews"] {
        let get = client.get(target, &[]);
        let head = client.request("HEAD", target, &[], b"");
        assert_eq!((head.status, volatile(&head)), (get.status, volatile(&get)), "{target}");
        assert_eq!(head.header("content-length").unwrap(), get.body.len().to_string(), "{target}");
    }
    let etag = format!("If-None-Match: {}", client.get("/products/1", &[]).header("etag").unwrap());
    let unchanged = client.get("/products/1", &[&etag]);
    assert_eq!(
        (unchanged.status, unchanged.header("content-length"), unchanged.header("content-type")),
        (304, None, None)
    );
    assert_eq!(client.request("HEAD", "/products/1", &[&etag], b"").status, 304);
    assert_eq!(client.get("/products/1", &[]).status, 200);
}

#[test]
fn a_request_for_another_host_is_refused_and_closes() {
    let node = Node::start(SERVER, &[("ATELIER_HOSTS", "shop.example,api.example:8443")]);
    let ask = |target: &str, host: &str| format!("GET {target} HTTP/1.1\r\n{host}\r\n").into_bytes();
    let marked = |request: Vec<u8>| {
        let mut client = Client::connect(node.address);
        client.send(&[&request[..], b"GET /products/2 HTTP/1.1\r\nHost: shop.example\r\n\r\n"].concat());
        (client.read(false), client)
    };
    for (target, host) in [
        ("/products/1", "Host: Shop.example\r\n"),
        ("/products/1", "Host: shop.example:99\r\n"),
        ("http://api.example:8443/products/1", "Host: evil\r\n"),
    ] {
        let (response, mut client) = marked(ask(target, host));
        assert_eq!(response.status, 200, "{target} {host}");
        assert!(client.read(false).text().starts_with("{\"id\":2,"));
    }
    for (target, host) in [
        ("/products/1", "Host: evil\r\n"),
        ("/products/1", "Host: \r\n"),
        ("/nowhere", "Host: api.example\r\n"),
        ("http://evil/products/1", "Host: shop.example\r\n"),
    ] {
        let (response, mut client) = marked(ask(target, host));
        assert_eq!((response.status, response.text()), (421, "Error: misdirected request"), "{target} {host}");
        assert_eq!(response.header("cache-control"), Some("no-store"));
        assert!(client.is_closed(), "{target} {host} leaves the connection open");
    }
    let (response, _) = marked(b"GET /products/1 HTTP/1.0\r\n\r\n".to_vec());
    assert_eq!(response.status, 421);
}

#[test]
fn a_request_keeps_the_name_that_a_trusted_proxy_gave_it_and_errors_have_one() {
    let untrusting = Node::start(SERVER, &[("ATELIER_TRUSTED_PROXIES", "192.0.2.0/24")]);
    let trusting = Node::start(SERVER, &[("ATELIER_TRUSTED_PROXIES", "192.0.2.0/24,127.0.0.0/8")]);
    let id = |node: &Node, target: &str, lines: &[&str]| {
        node.client().get(target, lines).header("x-request-id").map(str::to_owned)
    };
    let given = "X-Request-Id: abc-DEF-0123";
    for target in ["/products/1", "/reviews", "/nowhere", "/products/5000"] {
        assert_eq!(id(&trusting, target, &[given]).as_deref(), Some("abc-DEF-0123"), "{target}");
    }
    assert_eq!(id(&untrusting, "/products/1", &[given]), None);
    assert_eq!(id(&trusting, "/products/1", &[]), None);
    for lines in [&[given, given][..], &["X-Request-Id: short"], &["X-Request-Id: 0123 4567"]] {
        assert_eq!(id(&trusting, "/products/1", lines), None, "{lines:?}");
    }
    // Each error has another.
    let made: Vec<_> = (0..50).map(|_| id(&untrusting, "/nowhere", &[given]).unwrap()).collect();
    assert!(made.iter().all(|id| id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit())), "{made:?}");
    assert_eq!(made.iter().collect::<std::collections::BTreeSet<_>>().len(), made.len());
}

#[test]
fn a_panic_ends_one_answer_and_nothing_else() {
    // The bug 28: the answer to /products/13 panics (src/red.rs).
    let mut node = Node::start(SERVER, &[("RED", "28")]);
    let panics = "atelier_panics_total{place=\"request\"}";
    let mut other = node.client();
    assert_eq!(other.get("/products/1", &[]).status, 200);
    for round in 1..=3 {
        for head in [false, true] {
            let mut client = node.client();
            let method = if head { "HEAD" } else { "GET" };
            let response = client.request(method, "/products/13", &[], b"");
            assert_eq!(response.status, 500);
            assert_eq!(response.text(), if head { "" } else { "Error: internal error" });
            assert_eq!(response.header("cache-control"), Some("no-store"));
            assert_eq!(response.header("connection"), Some("close"));
            assert!(client.is_closed());
            let id = response.header("x-request-id").unwrap().to_owned();
            wait_until("the log says so", Duration::from_secs(5), || node.log().contains(&id).then_some(()));
        }
        assert_eq!(other.get("/products/1", &[]).status, 200);
        assert_eq!(other.request("PUT", "/reviews/5/helpful", &[], b"").status, 204);
        assert_eq!(node.counted(panics), 2 * round);
    }
    let log = node.log();
    assert_eq!(log.matches("an answer panicked").count(), 6, "{log}");
    assert!(node.process().is_running());
}
