//! What nginx tells a node of a request, what it tells the client of the answer, and over how many connections.

use std::time::Duration;

use atelier_rig::{Client, Manner, Mirror, Nginx};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// The header values that a node gets of one request, and the name that the answer has.
fn heard(nginx: &Nginx, mirror: &Mirror, headers: &[&str], name: &str) -> (Vec<String>, String) {
    let answer = Client::connect(nginx.address).get("/products/1", headers);
    assert_eq!(answer.status, 200);
    let heard = mirror.heard().pop().unwrap();
    let values = heard.header(name).into_iter().map(str::to_owned).collect();
    (values, answer.header("x-request-id").unwrap().to_owned())
}

#[test]
fn a_request_has_one_name_for_client_nginx_and_node() {
    let mirror = Mirror::start();
    // What the node calls it is not what counts: an answer in a cache has the name of another request.
    mirror.set(Manner::Answer(200, "X-Request-Id: another-one\r\n".to_owned(), Duration::ZERO));
    let nginx = Nginx::start(&[mirror.address()]);
    let named = |header: &str| heard(&nginx, &mirror, &[header], "x-request-id");
    let good = "0123abcd-0123-ABCD";
    assert_eq!(named(&format!("X-Request-Id: {good}")), (vec![good.to_owned()], good.to_owned()));
    for bad in ["X-Other: 0123abcd", "X-Request-Id: short", "X-Request-Id: with space", "X-Request-Id: under_score"] {
        let (values, answer) = named(bad);
        assert_eq!(values, std::slice::from_ref(&answer), "{bad}");
        assert!(answer.len() == 32 && answer.bytes().all(|byte| byte.is_ascii_hexdigit()), "{bad}: {answer}");
    }
    let asked = nginx.asked_once(5);
    assert_eq!(asked[0].noted["id"], good);
}

#[test]
fn a_place_in_a_trace_is_handed_on_if_it_is_one() {
    let mirror = Mirror::start();
    let nginx = Nginx::start(&[mirror.address()]);
    let traced = |value: &str| heard(&nginx, &mirror, &[&format!("traceparent: {value}")], "traceparent").0;
    let good = format!("00-{TRACE}-00f067aa0ba902b7-01");
    assert_eq!(traced(&good), std::slice::from_ref(&good));
    for bad in [
        format!("ff-{TRACE}-00f067aa0ba902b7-01"),
        format!("00-{TRACE}-0000000000000000-01"),
        format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)),
        format!("00-{TRACE}-00f067aa0ba902b7-01-more"),
        format!("00-{}-00f067aa0ba902b7-01", TRACE.to_uppercase()),
        "hello".to_owned(),
    ] {
        assert_eq!(traced(&bad), Vec::<String>::new(), "{bad}");
    }
    let asked = nginx.asked_once(7);
    assert_eq!((&asked[0].noted["trace"], &asked[1].noted["trace"]), (&TRACE.into(), &"".into()));
}

#[test]
fn a_node_hears_what_it_may_believe_and_nothing_else() {
    let mirror = Mirror::start();
    let nginx = Nginx::start(&[mirror.address()]);
    let mut client = Client::connect(nginx.address);
    let lies = [
        "X-Real-IP: 1.2.3.4",
        "X-Forwarded-For: 1.2.3.4",
        "X-Forwarded-Host: evil.example",
        "HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA",
        "Connection: close, X-Real-IP",
        "Upgrade: h2c",
        "under_score: a",
        "Authorization: Token a",
        "If-None-Match: \"x\"",
    ];
    assert_eq!(client.request("GET", "/products/1?a=%zz", &lies, b"a body").status, 200);
    let heard = mirror.heard().pop().unwrap();
    assert!(heard.head.starts_with("GET /products/1?a=%zz HTTP/1.1\n"), "{}", heard.head);
    assert_eq!(heard.header("host"), ["atelier.internal"]);
    assert_eq!(heard.header("x-real-ip"), ["127.0.0.1"]);
    assert_eq!((heard.header("authorization"), heard.header("if-none-match")), (vec!["Token a"], vec!["\"x\""]));
    let none =
        ["x-forwarded-for", "x-forwarded-host", "http2-settings", "connection", "upgrade", "under_score", "expect"];
    for none in none.into_iter().chain(["content-length", "transfer-encoding"]) {
        assert!(heard.header(none).is_empty(), "{none}: {}", heard.head);
    }
    assert_eq!(heard.body, b"", "a read has no body");

    let mut client = Client::connect(nginx.address);
    let chunked = "POST /cart HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{\"\r\n3\r\na\":\r\n2\r\n1}\r\n0\r\n\r\n";
    client.send(chunked.as_bytes());
    assert_eq!(client.read(false).status, 200);
    let heard = mirror.heard().pop().unwrap();
    assert_eq!((heard.header("content-length"), &heard.body[..]), (vec!["7"], &b"{\"a\":1}"[..]));
    // On the same connection, and nothing of the read's body before it.
    assert!(mirror.connections() == 1 && heard.head.starts_with("POST /cart HTTP/1.1\n"), "{}", heard.head);
}

#[test]
fn nginx_says_behind_the_node_that_it_handed_the_answer_on_and_notes_how_long_that_took() {
    let mirror = Mirror::start();
    let nginx = Nginx::start(&[mirror.address()]);
    let mut client = Client::connect(nginx.address);
    assert_eq!(client.get("/products/1", &[]).header("cache-status"), None);
    let said = "Cache-Status: atelier-edge; hit; detail=l1\r\n".to_owned();
    mirror.set(Manner::Answer(200, said, Duration::from_millis(120)));
    let answer = client.get("/products/1?secret=hunter2", &[]);
    assert_eq!(answer.header("cache-status"), Some("atelier-edge; hit; detail=l1, nginx; fwd=bypass"));
    // Nobody is told to use TLS who does not.
    assert_eq!(answer.header("strict-transport-security"), None);

    let asked = nginx.asked_once(2).pop().unwrap();
    let seconds = |name: &str| asked.noted[name].as_str().unwrap().parse::<f64>().unwrap();
    assert!(seconds("node_seconds") >= 0.1 && seconds("head") >= 0.1 && seconds("connect") < 0.1, "{asked:?}");
    assert!(asked.noted["seconds"].as_f64().unwrap() >= 0.1, "{asked:?}");
    assert_eq!(
        (&*asked.path, &asked.noted["said"], &asked.noted["client"]),
        ("/products/1", &"200".into(), &"127.0.0.1".into())
    );
    assert!(!asked.noted.to_string().contains("hunter2"));
}

#[test]
fn bytes_reach_the_client_as_the_node_made_them_whatever_other_sites_do() {
    let mirror = Mirror::start();
    mirror.set(Manner::Answer(200, "Content-Type: application/json\r\nETag: \"a\"\r\n".to_owned(), Duration::ZERO));
    let nginx = Nginx::start_with(&[mirror.address()], "gzip on; gzip_types application/json; gzip_min_length 1;", "");
    let answer = Client::connect(nginx.address).get("/products/1", &["Accept-Encoding: gzip"]);
    assert_eq!((answer.text(), answer.header("content-encoding"), answer.header("etag")), ("1", None, Some("\"a\"")));
}

#[test]
fn a_line_of_the_log_is_json_whatever_was_asked_for() {
    let nginx = Nginx::start(&[Mirror::start().address()]);
    let lines: [&[u8]; 6] = [
        b"GET /a\"b\\ HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /\"\\\xff\xc3\x28?a HTTP/1.1\r\nHost: a\r\nX-Request-Id: \"\xff\\\r\n\r\n",
        b"GET /products/1\r\n",
        b"\"\xff\x00\r\n\r\n",
        b"GET /a\x7f\"}{ HTTP/1.1\r\nHost: a\r\n\r\n",
        b"G",
    ];
    for line in lines {
        let mut client = Client::connect(nginx.address);
        client.send(line);
        client.end_sending();
        client.rest();
    }
    // The last of them is no request, and closed without a word.
    let asked = nginx.asked_once(5);
    assert!(asked.iter().any(|asked| asked.path == "/a\"b\\"), "{asked:?}");
    assert!(asked.iter().all(|asked| asked.noted["id"].as_str().is_some_and(|id| id.len() == 32)), "{asked:?}");
}

#[test]
fn many_clients_share_few_connections_to_a_node() {
    let mirror = Mirror::start();
    let nginx = Nginx::start(&[mirror.address()]);
    for number in 0..100 {
        let method = if number % 3 == 0 { "PUT" } else { "GET" };
        assert_eq!(Client::connect(nginx.address).request(method, "/products/1", &[], b"").status, 200);
    }
    assert_eq!((mirror.connections(), mirror.heard().len()), (1, 100));

    // A node that closes one costs no read.
    mirror.set(Manner::Reset);
    assert_eq!(Client::connect(nginx.address).get("/products/1", &[]).status, 503);
    mirror.set(Manner::Answer(200, String::new(), Duration::ZERO));
    assert_eq!(Client::connect(nginx.address).get("/products/1", &[]).status, 200);
}
