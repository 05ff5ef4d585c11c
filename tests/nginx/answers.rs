//! What nginx says itself is said as a node would say it.

use std::collections::BTreeMap;

use atelier_rig::{Client, Mirror, Nginx, Nobody, Node, Response};

use super::SERVER;

/// What every refusal has: all but what depends on it, on its request, or on who made it.
fn steady(answer: &Response) -> BTreeMap<String, String> {
    const OTHER: [&str; 8] =
        ["date", "content-length", "connection", "server", "x-request-id", "allow", "retry-after", "keep-alive"];
    let mut headers: BTreeMap<_, _> = answer.headers.iter().cloned().collect();
    assert_eq!(headers.len(), answer.headers.len(), "a header came twice: {answer:?}");
    assert!(headers.contains_key("x-request-id"), "{answer:?}");
    headers.retain(|name, _| !OTHER.contains(&name.as_str()));
    headers
}

#[test]
fn what_nginx_refuses_it_refuses_like_a_node() {
    let node = Node::start(SERVER, &[]);
    let like = steady(&node.get("/nowhere"));
    assert!(like.len() >= 5, "{like:?}");

    let mirror = Mirror::start();
    let nginx = Nginx::start(&[mirror.address()]);
    let (long, longer) = ("y".repeat(5_000), "y".repeat(17_000));
    let requests = [
        ("GET /products/1 HTTP/1.1\r\nHost : a\r\n\r\n".to_owned(), 400, "Error: malformed request"),
        ("GET\r\n\r\n".to_owned(), 400, "Error: malformed request"),
        ("GET /.nginx/400 HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), 404, "Error: unknown path"),
        ("POST /.nginx/503 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}".to_owned(), 404, "Error: unknown path"),
        ("TRACE /products HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), 405, "Error: method not allowed"),
        (
            "POST /cart HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n".to_owned(),
            413,
            "Error: request body is too large",
        ),
        (format!("GET /?{long} HTTP/1.1\r\nHost: a\r\n\r\n"), 414, "Error: request target is too long"),
        (format!("GET / HTTP/1.1\r\nHost: a\r\nX: {long}\r\n\r\n"), 431, "Error: request head is too large"),
        (format!("GET / HTTP/1.1\r\nHost: a\r\nX: {longer}\r\n\r\n"), 431, "Error: request head is too large"),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n".to_owned(),
            501,
            "Error: unknown transfer coding",
        ),
        ("GET / HTTP/3.0\r\nHost: a\r\n\r\n".to_owned(), 505, "Error: unknown version of HTTP"),
    ];
    for (request, status, text) in requests {
        let mut client = Client::connect(nginx.address);
        client.send(request.as_bytes());
        let answer = client.read(false);
        let shown = &request[..request.len().min(60)];
        assert_eq!((answer.status, answer.text()), (status, text), "{shown:?}");
        assert_eq!(steady(&answer), like, "{shown:?}");
        assert_eq!(answer.header("allow").is_some(), status == 405, "{shown:?}");
    }
    assert_eq!(mirror.heard().len(), 0, "{:?}", mirror.heard());

    // A HEAD gets the same without the text, and keeps its connection.
    let mut client = Client::connect(nginx.address);
    for _ in 0..2 {
        let answer = client.try_request("HEAD", "/.nginx/400", &[], b"").unwrap();
        assert_eq!((answer.status, answer.header("content-length")), (404, Some("19")));
    }
}

#[test]
fn when_no_node_answers_a_client_is_told_so_as_a_node_would() {
    let like = steady(&Node::start(SERVER, &[]).get("/nowhere"));
    let nobody = Nobody::new();
    let nginx = Nginx::start(&[nobody.address()]);
    let mut client = Client::connect(nginx.address);
    let mut after = std::collections::BTreeSet::new();
    for (method, body) in [("GET", ""), ("POST", "{}"), ("PUT", ""), ("OPTIONS", "")].repeat(15) {
        let answer = client.request(method, "/reviews/5/helpful", &[], body.as_bytes());
        assert_eq!((answer.status, answer.text()), (503, "Error: temporarily unavailable"));
        assert_eq!(steady(&answer), like);
        after.insert(answer.header("retry-after").unwrap().to_owned());
    }
    // So that those who were turned away together do not come back together.
    assert_eq!(after.into_iter().collect::<Vec<_>>(), ["1", "2", "3"]);
}

#[test]
fn a_body_that_is_too_large_for_a_node_does_not_reach_it() {
    let mirror = Mirror::start();
    let nginx = Nginx::start(&[mirror.address()]);
    let limit = usize::try_from(super::directive(super::API, "", "client_max_body_size")).unwrap();
    let mut client = Client::connect(nginx.address);
    assert_eq!(client.request("POST", "/reviews", &[], " ".repeat(limit).as_bytes()).status, 200);
    assert_eq!(client.request("POST", "/reviews", &[], " ".repeat(limit + 1).as_bytes()).status, 413);
    // nginx reads on from whoever sent too much, and notes the request when it is rid of it.
    drop(client);
    let asked = nginx.asked_once(2);
    assert_eq!(asked.iter().map(|asked| asked.nodes.len()).collect::<Vec<_>>(), [1, 0]);
    assert_eq!(mirror.heard().iter().map(|heard| heard.body.len()).collect::<Vec<_>>(), [limit]);
}
