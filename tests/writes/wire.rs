//! Writes as bytes on a socket (rows 35 to 42 of the corpus): status, whether the connection goes on, and that what follows
//! is never taken for a part of the body. Those at the end need no origin.

use std::thread::sleep;
use std::time::{Duration, Instant};

use atelier_rig::{Client, Response, Scratch};

use crate::shop::{Origin, Shop};

/// What follows each request on the same connection. Its answer is like no other here.
const MARKER: &[u8] = b"GET /qa/questions/2147483647/answers?page=77 HTTP/1.1\r\nHost: a\r\n\r\n";
const MARKED: &str = r#"{"question":"2147483647","page":77,"count":5,"results":[]}"#;

/// A body that is taken.
const GOOD: &str = r#"{"element":"<b>","widget":"wire","time":"now"}"#;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    /// The connection is closed, and the marker unanswered.
    Closes,
    /// The marker is answered.
    GoesOn,
}
use Then::{Closes, GoesOn};

fn check(shop: &Shop, request: &[u8], status: u16, then: Then) -> Response {
    let shown = String::from_utf8_lossy(&request[..request.len().min(200)]).into_owned();
    let mut client = shop.client();
    client.send(&[request, MARKER].concat());
    let response = client.try_read(false).unwrap_or_else(|error| panic!("{shown:?}: {error}"));
    assert_eq!(response.status, status, "{shown:?}: {}", response.text());
    ends(&mut client, &response, then, &shown);
    response
}

fn ends(client: &mut Client, response: &Response, then: Then, shown: &str) {
    match then {
        Closes => {
            assert_eq!(response.header("connection"), Some("close"), "{shown:?}");
            assert!(client.is_closed(), "{shown:?} leaves the connection open");
        }
        GoesOn => {
            assert_eq!(response.header("connection"), None, "{shown:?}");
            assert_eq!(client.read(false).text(), MARKED, "after {shown:?}");
        }
    }
}

/// A request with these header lines and this body.
fn request(line: &str, headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    [format!("{line} HTTP/1.1\r\nHost: a\r\n{headers}\r\n").as_bytes(), body.as_ref()].concat()
}

fn with_length(line: &str, body: &str) -> Vec<u8> {
    request(line, &format!("Content-Length: {}\r\n", body.len()), body)
}

fn chunked(line: &str, parts: &[&str]) -> Vec<u8> {
    let chunks: String = parts.iter().map(|part| format!("{:x}\r\n{part}\r\n", part.len())).collect();
    request(line, "Transfer-Encoding: chunked\r\n", chunks + "0\r\n\r\n")
}

/// What clients send with a PUT that needs no body.
fn bodies_of_puts(line: &str) -> Vec<Vec<u8>> {
    vec![
        request(line, "", ""),
        with_length(line, ""),
        with_length(line, "null"),
        with_length(line, "{}"),
        with_length(line, "[not JSON \0 \u{e9}"),
        request(line, "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 7\r\n", "a=b&c=d"),
        chunked(line, &["{", "}"]),
        chunked(line, &[]),
        with_length(line, &"x".repeat(256 << 10)),
    ]
}

pub(crate) fn bodies_of_writes_come_in_every_framing(shop: &Shop) {
    let (first, second) = GOOD.split_at(20);
    for good in [
        with_length("POST /interactions", GOOD),
        request("POST /interactions", &format!("Content-Type: text/plain\r\nContent-Length: {}\r\n", GOOD.len()), GOOD),
        chunked("POST /interactions", &[GOOD]),
        chunked("POST /interactions/", &[first, second]),
        chunked("POST /interactions", &GOOD.split("").filter(|part| !part.is_empty()).collect::<Vec<_>>()),
        request("POST http://evil/interactions", &format!("Content-Length: {}\r\n", GOOD.len()), GOOD),
        with_length("POST /interactions", &format!("{}{GOOD}", " ".repeat((256 << 10) - GOOD.len()))),
    ] {
        assert_eq!(check(shop, &good, 201, GoesOn).text(), "Created");
    }
    for put in bodies_of_puts("PUT /qa/answers/30/helpful") {
        assert_eq!(check(shop, &put, 204, GoesOn).text(), "");
    }
    // By Transfer-Encoding, and the connection is closed: another server might have gone by the length.
    let both = chunked("POST /interactions", &[GOOD]);
    let both = String::from_utf8(both).unwrap().replace("Host: a\r\n", "Host: a\r\nContent-Length: 3\r\n");
    let mut client = shop.client();
    client.send(&[both.as_bytes(), MARKER].concat());
    assert_eq!(client.read(false).status, 201);
    assert!(client.is_closed());
}

pub(crate) fn requests_in_a_row_are_answered_in_order(shop: &Shop) {
    let mut client = shop.client();
    let body = r#"{"product_id":61,"body":"In a row?","name":"n","email":"e"}"#;
    let questions = request("GET /qa/questions?product_id=61&count=1000", "", "");
    let vote = request("PUT /reviews/200/helpful", "", "");
    let post = with_length("POST /qa/questions", body);
    client.send(&[&questions[..], &post, &questions, &vote, MARKER].concat());
    let before = client.read(false).text().matches("In a row?").count();
    assert_eq!(client.read(false).text(), "Created");
    assert_eq!(client.read(false).text().matches("In a row?").count(), before + 1);
    assert_eq!(client.read(false).status, 204);
    assert_eq!(client.read(false).text(), MARKED);
}

pub(crate) fn who_waits_to_go_on_is_told_to_when_that_is_wanted(shop: &Shop) {
    let expecting =
        |line: &str| request(line, &format!("Expect: 100-continue\r\nContent-Length: {}\r\n", GOOD.len()), "");
    for (line, body, status) in [("POST /interactions", GOOD, 201), ("PUT /reviews/201/helpful", GOOD, 204)] {
        let mut client = shop.client();
        client.send(&expecting(line));
        assert_eq!(client.read(false).status, 100, "{line}");
        client.send(&[body.as_bytes(), MARKER].concat());
        let response = client.read(false);
        assert_eq!(response.status, status, "{line}");
        ends(&mut client, &response, GoesOn, line);
    }
    // Who does not wait is answered, too.
    let mut client = shop.client();
    client.send(&[&expecting("POST /interactions")[..], GOOD.as_bytes(), MARKER].concat());
    assert_eq!(client.read(false).status, 100);
    assert_eq!(client.read(false).status, 201);
    assert_eq!(client.read(false).text(), MARKED);
}

/// The routes that read a body, each with what it says to `{}`.
const ROUTES: [(&str, &str); 5] = [
    ("POST /reviews", "Error: Review body contains invalid entries"),
    ("POST /qa/questions/", "Error: Question body contains invalid entries"),
    ("POST /api/fec2/x/qa/questions/2/answers", "Error: Answer body contains invalid entries"),
    ("POST /cart", "Error: Cart body contains invalid entries"),
    ("POST /interactions", "Error: Interaction body contains invalid entries"),
];

#[test]
fn bodies_that_say_nothing_are_refused_in_every_framing_and_the_connection_goes_on() {
    let shop = Shop::open(Origin::InProcess);
    let deep = format!("{{\"x\":{}", "[".repeat(10_000));
    for (line, text) in ROUTES {
        for body in ["", "{}", "{\"body\":", &deep, "{\"body\":\"\\u0000\"}", "{\"body\":\"\\ud800\"}", "\u{feff}{}"] {
            assert_eq!(check(&shop, &with_length(line, body), 422, GoesOn).text(), text);
            assert_eq!(check(&shop, &chunked(line, &[body][usize::from(body.is_empty())..]), 422, GoesOn).text(), text);
        }
        assert_eq!(check(&shop, &request(line, "Content-Length: 2\r\n", b"\xff\xfe"), 422, GoesOn).text(), text);
        assert_eq!(check(&shop, &request(line, "", ""), 422, GoesOn).text(), text, "without a body");
    }
    for put in bodies_of_puts("PUT /reviews/2147483648/helpful") {
        assert_eq!(check(&shop, &put, 404, GoesOn).text(), "Error: invalid review id provided");
    }
}

#[test]
fn bodies_that_are_framed_wrongly_are_400_and_the_connection_closes() {
    let shop = Shop::open(Origin::InProcess);
    for line in ["POST /interactions", "PUT /reviews/5/helpful"] {
        let chunks = |body: &str| request(line, "Transfer-Encoding: chunked\r\n", body);
        let extension = "x".repeat(20 << 10);
        let table = [
            chunks(&format!("2;{extension}\r\n{{}}\r\n0\r\n\r\n")),
            chunks("2\n{}\n0\n\n"),
            chunks("x\r\n{}\r\n0\r\n\r\n"),
            chunks("+2\r\n{}\r\n0\r\n\r\n"),
            chunks("-1\r\n{}\r\n0\r\n\r\n"),
            chunks("\r\n{}\r\n0\r\n\r\n"),
            chunks("10000000000000002\r\n{}\r\n0\r\n\r\n"),
            chunks("ffffffffffffffffffff\r\n{}\r\n0\r\n\r\n"),
            chunks("2\r\n{}0\r\n\r\n"),
            chunks("5\r\n{}\r\n0\r\n\r\n"),
            request(line, "Transfer-Encoding: gzip, chunked\r\n", "2\r\n{}\r\n0\r\n\r\n"),
            request(line, "Transfer-Encoding: chunked, identity\r\n", "2\r\n{}\r\n0\r\n\r\n"),
            request(line, "Transfer-Encoding: xchunked\r\n", "2\r\n{}\r\n0\r\n\r\n"),
            request(line, "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "2\r\n{}\r\n0\r\n\r\n"),
            request(line, "Content-Length: 2\r\nContent-Length: 3\r\n", "{} "),
            request(line, "Content-Length: +2\r\n", "{}"),
            request(line, "Content-Length: 1, 1\r\n", "{}"),
            request(line, "Content-Length: -1\r\n", "{}"),
            request(line, "Content-Length: 18446744073709551616\r\n", "{}"),
        ];
        for request in table {
            let shown = String::from_utf8_lossy(&request[..request.len().min(200)]).into_owned();
            let mut client = shop.client();
            client.send(&[&request[..], MARKER].concat());
            assert_eq!(client.try_read(false).map(|response| response.status), Ok(400), "{shown:?}");
            assert!(client.is_closed(), "{shown:?} leaves the connection open");
        }
        // Broken off: by length, within a chunk, and before the last one.
        for cut in [request(line, "Content-Length: 20\r\n", "{}"), chunks("5\r\n{}"), chunks("2\r\n{}\r\n")] {
            let mut client = shop.client();
            client.send(&cut);
            client.end_sending();
            let response = client.read(false);
            assert_eq!((response.status, response.text()), (400, "Error: malformed request body"));
            assert!(client.is_closed());
        }
    }
}

#[test]
fn bodies_that_are_too_long_or_too_slow_end_the_connection() {
    let shop = Shop::open_with(Origin::InProcess, &[("ATELIER_BODY_TIMEOUT", "1s")]);
    let above = "x".repeat((256 << 10) + 1);
    for line in ["POST /reviews", "POST /interactions", "PUT /reviews/5/report"] {
        // Announced, and none of it is waited for.
        let announced = request(line, &format!("Content-Length: {}\r\n", above.len()), "");
        assert_eq!(check(&shop, &announced, 413, Closes).text(), "Error: request body is too large");
        // As much as may be, and one chunk more.
        let parts: Vec<&str> = above.as_bytes().chunks(4096).map(|part| std::str::from_utf8(part).unwrap()).collect();
        check(&shop, &chunked(line, &parts), 413, Closes);
        // The marker is taken for the beginning of what was announced.
        let silent = check(&shop, &request(line, "Content-Length: 20000\r\n", ""), 408, Closes);
        assert_eq!(silent.text(), "Error: request body took too long");
        check(&shop, &request(line, "Transfer-Encoding: chunked\r\n", "ffff\r\n"), 408, Closes);
        // Steadily, but too slowly: what comes does not make the time longer.
        let begun = Instant::now();
        let mut client = shop.client();
        client.send(&request(line, "Content-Length: 20000\r\n", ""));
        for _ in 0..8 {
            sleep(Duration::from_millis(100));
            client.send(b"x");
        }
        assert_eq!(client.read(false).status, 408, "{line}");
        assert!(begun.elapsed() < Duration::from_millis(1_700), "{line} had more than its time");
    }
}

#[test]
fn what_is_wrong_with_a_head_is_said_before_what_is_wrong_with_its_body() {
    let scratch = Scratch::new("token");
    let token = scratch.write("token", "letmein").display().to_string();
    let shop = Shop::open_with(Origin::InProcess, &[("ATELIER_API_TOKEN_FILE", &token)]);
    let letmein = "Authorization: letmein\r\n";
    let table = [
        ("POST /nowhere", "", 404, "Error: unknown path"),
        ("PUT /reviews/5", letmein, 404, "Error: unknown path"),
        ("POST /reviews/x/helpful", letmein, 405, "Error: method not allowed"),
        ("DELETE /cart", "Expect: x\r\n", 405, "Error: method not allowed"),
        ("POST /reviews", "Expect: x\r\n", 417, "Error: expectation failed"),
        ("POST /reviews", "", 401, "Error: invalid token"),
        ("PUT /reviews/x/helpful", "Authorization: letmeon\r\n", 401, "Error: invalid token"),
        ("PUT /reviews/x/helpful", letmein, 404, "Error: invalid review id provided"),
        ("POST /qa/questions/0/answers", letmein, 404, "Error: invalid question id provided"),
        // The size comes before what only the database knows, and before what the body says.
        ("PUT /reviews/2147483648/helpful", letmein, 413, "Error: request body is too large"),
        ("POST /qa/questions/2147483648/answers", letmein, 413, "Error: request body is too large"),
        ("POST /reviews?product_id=x", letmein, 413, "Error: request body is too large"),
    ];
    for (line, headers, status, text) in table {
        let large = request(line, &format!("{headers}Content-Length: 300000\r\n"), "");
        assert_eq!(check(&shop, &large, status, Closes).text(), text, "{line}");
    }
}

#[test]
fn who_waits_to_go_on_and_is_refused_is_told_so_at_once() {
    let shop = Shop::open(Origin::InProcess);
    let table = [
        ("POST /nowhere", "100-continue", 20, 404, "Error: unknown path"),
        ("POST /products", "100-continue", 20, 405, "Error: method not allowed"),
        ("PUT /reviews/x/helpful", "100-Continue", 20, 404, "Error: invalid review id provided"),
        ("POST /interactions", "100-continue", 300_000, 413, "Error: request body is too large"),
        ("PUT /reviews/5/helpful", "100-continue", 300_000, 413, "Error: request body is too large"),
    ];
    for (line, expectation, length, status, text) in table {
        let mut client = shop.client();
        client.send(&request(line, &format!("Expect: {expectation}\r\nContent-Length: {length}\r\n"), ""));
        let response = client.read(false);
        assert_eq!((response.status, response.text()), (status, text), "{line}");
        ends(&mut client, &response, Closes, line);
    }
    // What nobody can do is said, once the body is there. A read is not asked what it expects.
    for (line, expectation) in
        [("POST /interactions", "x"), ("PUT /reviews/5/helpful", "100-continue, x"), ("POST /cart", "")]
    {
        let request = request(line, &format!("Expect: {expectation}\r\nContent-Length: 2\r\n"), "{}");
        assert_eq!(check(&shop, &request, 417, GoesOn).text(), "Error: expectation failed");
    }
    check(&shop, &request("GET /products/1", "Expect: x\r\n", ""), 200, GoesOn);
    check(&shop, &request("DELETE /cart", "Expect: x\r\n", ""), 405, GoesOn);
    check(&shop, &request("POST /nowhere", "Expect: x\r\n", ""), 404, GoesOn);
    // Without a body there is nothing to wait for.
    check(&shop, &request("POST /cart", "Expect: 100-continue\r\nContent-Length: 0\r\n", ""), 422, GoesOn);
}

#[test]
fn bodies_in_flight_share_64_mebibytes() {
    const EACH: usize = 1 << 20;
    let settings = [("ATELIER_BODY_MAX", "2MiB"), ("ATELIER_BODY_TIMEOUT", "60s")];
    let shop = Shop::open_with(Origin::InProcess, &settings);
    // Each lacks its last byte. Together 64 of them leave less room than the next one needs.
    let unfinished = || {
        let mut client = shop.client();
        let body = " ".repeat(EACH - 1);
        client.send(&request("POST /cart", &format!("Content-Length: {EACH}\r\n"), body));
        client
    };
    let mut clients: Vec<Client> = (0..64).map(|_| unfinished()).collect();
    let large = with_length("POST /cart", &" ".repeat(100_000));
    // What was sent is not read at once, and while it is, one of them may find no room and give back what it had. So it is
    // asked until nothing changes any more.
    let mut refused = 0;
    atelier_rig::wait_until("the room is taken", Duration::from_secs(30), || {
        let mut client = shop.client();
        client.send(&large);
        if client.read(false).status == 503 {
            refused += 1;
        } else {
            refused = 0;
            clients.push(unfinished());
        }
        (refused == 20).then_some(())
    });
    let full = check(&shop, &large, 503, GoesOn);
    assert_eq!(full.text(), "Error: temporarily unavailable");
    assert!((1..=3).contains(&full.header("retry-after").unwrap().parse::<u32>().unwrap()));
    check(&shop, &request("GET /products/1", "", ""), 200, GoesOn);
    check(&shop, &with_length("PUT /reviews/2147483648/helpful", &" ".repeat(100_000)), 404, GoesOn);
    // Those who leave give their room back, and so do those who come to an end.
    drop(clients);
    atelier_rig::wait_until("there is room again", Duration::from_secs(20), || {
        let mut client = shop.client();
        client.send(&large);
        (client.read(false).status == 422).then_some(())
    });
}
