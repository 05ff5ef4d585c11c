//! What is not in the key changes no byte that somebody else gets: each input is sent first, with a question that nobody has asked
//! before, so that its answer is what the next one gets; and that one must look as on a node where nothing happened.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, missing_docs)]

use std::collections::BTreeMap;
use std::net::SocketAddr;

use atelier_rig::{Client, Nginx, Node, Response};

const SERVER: &str = env!("CARGO_BIN_EXE_atelier-edge");

/// The machine may be busy with other tests: nothing expires, and nothing goes unproved.
const PATIENT: [(&str, &str); 4] =
    [("ATELIER_TTL_LIST", "300s"), ("ATELIER_ABSENT_TTL", "300s"), ("ATELIER_BUDGET", "20s"), ("ATELIER_BOUND", "21s")];

/// Headers that say something to other servers.
const NAMES: [&str; 48] = [
    "Accept",
    "Accept-Charset",
    "Accept-Encoding",
    "Accept-Language",
    "Access-Control-Request-Headers",
    "Access-Control-Request-Method",
    "Atelier-Min-Ord",
    "Authorization",
    "Cache-Control",
    "CF-Connecting-IP",
    "CDN-Loop",
    "Content-Encoding",
    "Content-Language",
    "Content-Type",
    "Cookie",
    "DNT",
    "Expect",
    "Forwarded",
    "Front-End-Https",
    "HTTP2-Settings",
    "If-Match",
    "If-Modified-Since",
    "If-None-Match",
    "If-Range",
    "If-Unmodified-Since",
    "Max-Forwards",
    "Origin",
    "Pragma",
    "Proxy-Authorization",
    "Range",
    "Referer",
    "Sec-Fetch-Mode",
    "Surrogate-Capability",
    "Surrogate-Key",
    "TE",
    "True-Client-IP",
    "User-Agent",
    "Via",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Prefix",
    "X-Forwarded-Proto",
    "X-Forwarded-Scheme",
    "X-HTTP-Method-Override",
    "X-Original-URL",
    "X-Real-IP",
    "X-Request-Id",
    "X-Rewrite-URL",
];

const VALUES: [&str; 20] = [
    "",
    "*",
    "0",
    "-1",
    "true",
    "evil.example",
    "https://evil.example/x?y#z",
    "/products/2",
    "DELETE",
    "no-store, max-age=0",
    "bytes=0-1",
    "Bearer 0123456789abcdef",
    "gzip, br;q=0.5, *;q=0.1",
    "127.0.0.1, ::1",
    "\"x\", W/\"y\"",
    "<script>alert(1)</script>",
    "${jndi:ldap://evil.example/a}",
    "%0d%0aSet-Cookie:%20a=b",
    "Zo\u{eb} \u{1F600}",
    "00000000.1",
];

/// Other ways to ask the same: `{T}` is the target.
const FORMS: [&str; 12] = [
    "HEAD {T} HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET http://evil.example{T} HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET {T} HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    "GET {T} HTTP/1.0\r\n\r\n",
    "GET {T}#fragment HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET {T}&x=(script)&y=%zz HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET {T}&count=9&page=7&product_id=3 HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /api/fec2/evil{T} HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET {T} HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\n\r\nGET /products/2 HTTP/1.1\r\nX: \r\n",
    "GET {T} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nx=y\r\n0\r\n\r\n",
    "OPTIONS {T} HTTP/1.1\r\nHost: a\r\n\r\n",
    "POST {T} HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}",
];

/// A question that nobody has asked before, of every kind that has so many.
fn target(number: usize) -> String {
    let count = 20 + number / 4;
    match number % 4 {
        0 => format!("/reviews?product_id=2&page=1&count={count}"),
        1 => format!("/products?page=1&count={count}"),
        2 => format!("/qa/questions?product_id=1&page=1&count={count}"),
        _ => format!("/qa/questions/2/answers?page=1&count={count}"),
    }
}

/// What everybody must get alike. Where it came from and when may differ; nginx names itself, and each request.
fn steady(response: Response) -> (u16, BTreeMap<String, String>, Vec<u8>) {
    const OTHER: [&str; 6] = ["date", "age", "cache-status", "server", "connection", "x-request-id"];
    let count = response.headers.len();
    let mut headers: BTreeMap<_, _> = response.headers.into_iter().collect();
    assert_eq!(headers.len(), count, "a header came twice");
    headers.retain(|name, _| !OTHER.contains(&name.as_str()));
    (response.status, headers, response.body)
}

/// Sends every input with a question of its own, and compares what is answered to the same question without it. Returns how many were
/// sent, and for how many of them the answer was the one that the input had left.
fn poison(attacked: SocketAddr, untouched: &Node, values: &[&str]) -> (usize, usize) {
    let headers = NAMES.iter().flat_map(|name| values.iter().map(move |value| format!("{name}: {value}")));
    let forms = headers.map(|line| format!("GET {{T}} HTTP/1.1\r\nHost: a\r\n{line}\r\n\r\n"));
    let (mut victim, mut clean) = (Client::connect(attacked), untouched.client());
    let (mut sent, mut left) = (0, 0);
    for form in forms.chain(FORMS.map(str::to_owned)) {
        let target = target(sent);
        let attack = form.replace("{T}", &target);
        let mut attacker = Client::connect(attacked);
        attacker.send(attack.as_bytes());
        let answer = attacker.try_read(attack.starts_with("HEAD"));
        let answer = answer.unwrap_or_else(|why| panic!("{attack:?}: {why}"));
        assert!(answer.status < 500, "{attack:?}: {}", answer.status);

        let after = victim.get(&target, &[]);
        // Behind what the node says may stand what nginx did.
        if after.header("cache-status").is_some_and(|status| status.starts_with("atelier-edge; hit; detail=l1")) {
            left += 1;
        } else {
            eprintln!("left nothing: {attack:?}");
        }
        assert_eq!(steady(after), steady(clean.get(&target, &[])), "after {attack:?}");
        sent += 1;
    }
    (sent, left)
}

#[test]
fn what_is_not_in_the_key_changes_no_byte() {
    let (attacked, untouched) = (Node::start(SERVER, &PATIENT), Node::start(SERVER, &PATIENT));
    let (sent, left) = poison(attacked.address, &untouched, &VALUES);
    assert_eq!(sent, NAMES.len() * VALUES.len() + FORMS.len());
    // All but OPTIONS and POST left an answer behind.
    assert!(left >= sent - 2, "{left} of {sent} could have poisoned anything");
}

#[test]
fn nor_through_nginx_whom_the_node_believes() {
    let attacked = Node::start(SERVER, &[&PATIENT[..], &[("ATELIER_TRUSTED_PROXIES", "127.0.0.1")]].concat());
    let untouched = Node::start(SERVER, &PATIENT);
    let nginx = Nginx::start(&[attacked.address]);
    let values: Vec<_> = VALUES.iter().copied().step_by(4).collect();
    let (sent, left) = poison(nginx.address, &untouched, &values);
    assert!(left >= sent - 4, "{left} of {sent} could have poisoned anything");
}
