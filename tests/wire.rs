//! Requests as bytes on a socket, and what comes back: status, whether the connection goes on, and that what follows a
//! request is never taken for a part of it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use atelier_rig::{Client, Node};

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
fn heads_that_can_be_read_in_two_ways_are_refused() {
    use Then::{Closes, GoesOn};
    let node = Node::start(SERVER, &[]);
    let table: &[(&[u8], u16, Then)] = &[
        (b"GET /products/1 HTTP/1.1\r\n\r\n", 400, Closes),
        (b"GET /products/1 HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400, Closes),
        (b"GET /products/1 HTTP/1.1\r\nHost: a b/c@\r\n\r\n", 400, Closes),
        (b"GET /products/1 HTTP/1.0\r\n\r\n", 200, Closes),
        (b"GET /products/1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200, GoesOn),
        (b"GET http://evil/products/1 HTTP/1.1\r\nHost: a\r\n\r\n", 200, GoesOn),
        (b"GET evil:80 HTTP/1.1\r\nHost: a\r\n\r\n", 400, Closes),
        (b"GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400, Closes),
        (b"GET products/1 HTTP/1.1\r\nHost: a\r\n\r\n", 400, Closes),
        (b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 204, GoesOn),
        (b"OPTIONS /products HTTP/1.1\r\nHost: a\r\n\r\n", 204, GoesOn),
        (b"TRACE /products HTTP/1.1\r\nHost: a\r\n\r\n", 405, GoesOn),
        (b"FOO /products HTTP/1.1\r\nHost: a\r\n\r\n", 405, GoesOn),
        (b"get /products HTTP/1.1\r\nHost: a\r\n\r\n", 405, GoesOn),
        (b"FOO /nowhere HTTP/1.1\r\nHost: a\r\n\r\n", 404, GoesOn),
        (b"G@T / HTTP/1.1\r\nHost: a\r\n\r\n", 400, Closes),
        (b"GET /products/1 HTTP/2.0\r\nHost: a\r\n\r\n", 400, Closes),
        (b"GET /products/1 HTTP/1.1\nHost: a\n\n", 200, GoesOn),
        (b"\r\nGET /products/1 HTTP/1.1\r\nHost: a\r\n\r\n", 200, GoesOn),
        (b"GET /products/1 HTTP/1.1\r\nHost : a\r\n\r\n", 400, Closes),
        (b"GET /products/1 HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n", 400, Closes),
        (b"GET /products/1 HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n", 400, Closes),
        (b"GET  /products/1 HTTP/1.1\r\nHost: a\r\n\r\n", 400, Closes),
        (b"GET /products/1 HTTP/1.1\r\nHost: a\r\nX: \xff\r\n\r\n", 200, GoesOn),
        (b"GET /products/1?%zz=\xc3\xa4 HTTP/1.1\r\nHost: a\r\n\r\n", 200, GoesOn),
        (b"GET /products/%31 HTTP/1.1\r\nHost: a\r\n\r\n", 404, GoesOn),
        (b"GET /products/../products/1 HTTP/1.1\r\nHost: a\r\n\r\n", 404, GoesOn),
        (b"GET //products HTTP/1.1\r\nHost: a\r\n\r\n", 404, GoesOn),
        (b"GET /products/1#frag HTTP/1.1\r\nHost: a\r\n\r\n", 200, GoesOn),
        (b"HEAD /products/1 HTTP/1.1\r\nHost: a\r\n\r\n", 200, GoesOn),
        (b"HEAD /products/x HTTP/1.1\r\nHost: a\r\n\r\n", 404, GoesOn),
        (b"GET /products/1 HTTP/1.1\r\nHost: a\r\nRange: bytes=0-1\r\n\r\n", 200, GoesOn),
        (
            b"GET /products/1 HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n",
            200,
            GoesOn,
        ),
    ];
    for (request, status, then) in table {
        check(&node, request, *status, *then);
    }
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
fn a_head_has_its_limits() {
    let node = Node::start(SERVER, &[]);
    let target = |length: usize| format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "p".repeat(length - 1)).into_bytes();
    check(&node, &target(2048), 404, Then::GoesOn);
    check(&node, &target(2049), 414, Then::GoesOn);
    let headers = |count: usize| {
        let lines: String = (1..count).map(|n| format!("X{n}: y\r\n")).collect();
        format!("GET /products/1 HTTP/1.1\r\nHost: a\r\n{lines}\r\n").into_bytes()
    };
    check(&node, &headers(100), 200, Then::GoesOn);
    check(&node, &headers(101), 431, Then::Closes);
    let head =
        |bytes: usize| format!("GET /products/1 HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "y".repeat(bytes)).into_bytes();
    check(&node, &head(16_000), 200, Then::GoesOn);
    check(&node, &head(17_000), 431, Then::Closes);
}

#[test]
fn head_says_what_get_would() {
    let node = Node::start(SERVER, &[]);
    let mut client = node.client();
    let volatile = |response: &atelier_rig::Response| {
        response
            .headers
            .iter()
            .filter(|(name, _)| name != "date" && name != "cache-status")
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
