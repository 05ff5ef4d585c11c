//! The corpus of bytes (`tests/corpus/rows.txt`), sent to a node itself and through nginx: what is answered, whether the connection
//! goes on, that a request behind them is never taken for a part of them or answered to somebody else, and that the next client is
//! served.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "corpus/row.rs"]
mod row;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use atelier_rig::{Client, Nginx, Node, Response};

use self::row::{Expected, Row, Way};

const SERVER: &str = env!("CARGO_BIN_EXE_atelier-edge");

/// Rows that take time or many clients, and the test that has them.
const ELSEWHERE: [(u32, &str); 3] = [
    (1, "slow.rs: silence_and_half_a_head_end_at_the_limit_for_heads"),
    (2, "slow.rs: silence_and_half_a_head_end_at_the_limit_for_heads"),
    (3, "slow.rs: who_takes_nothing_of_an_answer_is_dropped"),
];

/// What follows each row on the same connection. Its answer is like no other.
const MARKER: &[u8] = b"GET /qa/questions/2147483647/answers?page=77 HTTP/1.1\r\nHost: a\r\n\r\n";
const MARKED: &str = r#"{"question":"2147483647","page":77,"count":5,"results":[]}"#;

/// A node or an nginx that is sent rows.
struct Target<'n> {
    address: SocketAddr,
    way: Way,
    /// The node behind it, for what a plain GET gets.
    node: &'n Node,
    plain: Mutex<BTreeMap<String, Response>>,
    victims: AtomicU32,
    problems: Mutex<Vec<String>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("nobody panics with the lock")
}

impl<'n> Target<'n> {
    fn new(address: SocketAddr, way: Way, node: &'n Node) -> Self {
        let (plain, problems) = (Mutex::default(), Mutex::default());
        Self { address, way, node, plain, victims: AtomicU32::new(0), problems }
    }

    fn plain(&self, target: &str) -> Response {
        lock(&self.plain).entry(target.to_owned()).or_insert_with(|| self.node.get(target)).clone()
    }

    fn validators(&self) -> [(&'static str, String); 2] {
        let etag = |response: Response| response.header("etag").expect("a validator").to_owned();
        let brotli = self.node.client().get("/products/1/styles", &["Accept-Encoding: br"]);
        [("{etag}", etag(self.plain("/products/1"))), ("{br}", etag(brotli))]
    }

    /// Sends all rows; those that wait do so at once, beside the others.
    fn run(&self, rows: &[Row]) {
        let validators = self.validators();
        thread::scope(|scope| {
            for row in rows.iter().filter(|row| row.waits) {
                scope.spawn(|| self.note(row, self.check(row, &row.bytes(&validators))));
            }
            for row in rows.iter().filter(|row| !row.waits) {
                self.note(row, self.check(row, &row.bytes(&validators)));
            }
        });
        let problems = lock(&self.problems);
        assert!(problems.is_empty(), "{} problems, {:?}:\n{}", problems.len(), self.way, problems.join("\n"));
    }

    fn note(&self, row: &Row, checked: Result<(), String>) {
        let checked = checked.and_then(|()| self.victim());
        if let Err(why) = checked {
            lock(&self.problems).push(format!("{row:?}\n    {why}"));
        }
    }

    fn check(&self, row: &Row, bytes: &[u8]) -> Result<(), String> {
        let expected = row.expected(self.way);
        let mut client = Client::try_connect(self.address)?;
        client.set_patience(Duration::from_secs(10));
        // The server may close before it has read all of it.
        if row.ends {
            let _ = client.try_send(bytes);
            client.end_sending();
        } else {
            let _ = client.try_send(&[bytes, MARKER].concat());
        }
        for answer in &expected.answers {
            if answer.status == 0 {
                let (found, target) = (client.rest(), answer.same_as.as_deref().unwrap_or_default());
                if found != self.plain(target).body {
                    return Err(format!("not what {target} is: {:?}", String::from_utf8_lossy(&found)));
                }
                return Ok(());
            }
            let found = client.try_read(answer.of_head)?;
            self.compare(answer, &found)?;
        }
        if !expected.closes {
            let marked = client.try_read(false).map_err(|why| format!("the marker: {why}"))?;
            if marked.text() != MARKED {
                return Err(format!("the marker is answered with {} {:?}", marked.status, marked.text()));
            }
            client.end_sending();
        }
        match client.try_read(false) {
            Ok(more) => Err(format!("an answer too many: {} {:?}", more.status, String::from_utf8_lossy(&more.body))),
            Err(_) if client.is_closed() => Ok(()),
            Err(why) => Err(format!("not closed: {why}")),
        }
    }

    fn compare(&self, expected: &row::Answer, found: &Response) -> Result<(), String> {
        let body = String::from_utf8_lossy(&found.body);
        if found.status != expected.status {
            return Err(format!("{} instead of {}: {:?} {body:?}", found.status, expected.status, found.headers));
        }
        if let Some(text) = &expected.text
            && *text != body
        {
            return Err(format!("the body is {body:?}"));
        }
        if let Some(target) = &expected.same_as {
            let plain = self.plain(target);
            if (found.header("etag"), &found.body) != (plain.header("etag"), &plain.body) {
                return Err(format!("not what {target} is: {body:?}"));
            }
        }
        for (name, value) in &expected.headers {
            let found = found.header(name);
            let holds = match (value.as_str(), found) {
                ("none", found) => found.is_none(),
                ("*", found) => found.is_some_and(|found| !found.is_empty()),
                (value, found) => found == Some(value),
            };
            if !holds {
                return Err(format!("{name} is {found:?}"));
            }
        }
        Ok(())
    }

    /// The next client gets what it asks for, and nothing of what came before.
    fn victim(&self) -> Result<(), String> {
        let page = 100 + self.victims.fetch_add(1, Ordering::Relaxed);
        let response = Client::try_connect(self.address)?.try_request(
            "GET",
            &format!("/qa/questions/2147483646/answers?page={page}"),
            &[],
            b"",
        )?;
        let expected = format!(r#"{{"question":"2147483646","page":{page},"count":5,"results":[]}}"#);
        if response.text() == expected {
            Ok(())
        } else {
            Err(format!("the next client got {} {:?}", response.status, response.text()))
        }
    }
}

const SETTINGS: [(&str, &str); 1] = [("ATELIER_BODY_TIMEOUT", "500ms")];

fn unharmed(node: &mut Node) {
    assert!(node.process().is_running());
    assert_eq!(node.counted("atelier_panics_total{place=\"request\"}"), 0);
}

#[test]
fn a_node_reads_every_row_in_one_way() {
    let mut node = Node::start(SERVER, &SETTINGS);
    Target::new(node.address, Way::Direct, &node).run(&row::all());
    // What hyper answers without the handler is counted all the same.
    assert!(node.counted("atelier_connections_broken_total{how=\"malformed\"}") >= 10);
    assert!(node.counted("atelier_connections_broken_total{how=\"head_too_large\"}") >= 4);
    unharmed(&mut node);
}

#[test]
fn nginx_and_a_node_read_every_row_in_one_way() {
    let mut node = Node::start(SERVER, &[SETTINGS[0], ("ATELIER_TRUSTED_PROXIES", "127.0.0.1")]);
    let nginx = Nginx::start(&[node.address]);
    Target::new(nginx.address, Way::ThroughNginx, &node).run(&row::all());
    unharmed(&mut node);
}

#[test]
fn every_row_is_there_and_one_that_does_not_hold_is_found() {
    let rows = row::all();
    for number in 1..=48 {
        let here = rows.iter().any(|row| row.number == number);
        assert!(here != ELSEWHERE.iter().any(|(elsewhere, _)| *elsewhere == number), "row {number}");
    }
    let node = Node::start(SERVER, &[]);
    let target = Target::new(node.address, Way::Direct, &node);
    let validators = target.validators();
    for wrong in ["404", "200 c", "200 =/products/2", "200 \"x\"", "200 [ETag: x]", "200 + 200", "none c"] {
        let row = row::read(&format!("1 | GET /products/1%H⏎ | {wrong} | same"));
        assert!(target.check(&row, &row.bytes(&validators)).is_err(), "{wrong}");
    }
    let row = row::read("1 | GET /products/1%H⏎ | 200 =/products/1 | same");
    assert_eq!(target.check(&row, &row.bytes(&validators)), Ok(()));
    let Expected { answers, closes } = row.expected(Way::ThroughNginx);
    assert!(answers.len() == 1 && !closes);
}
