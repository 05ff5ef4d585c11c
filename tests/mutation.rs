//! Requests with bytes changed by chance, sent as they are: the node answers none of them with 5xx, serves every connection that
//! is opened afterwards, and does not panic.
//!
//! `MUTATED` is how many (20000), `SEED` what chance begins with (1). `make fuzz` sends more.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use atelier_rig::mutate::changed;
use atelier_rig::{Client, Node, Redis, import};
use fastrand::Rng;

const SERVER: &str = env!("CARGO_BIN_EXE_atelier-edge");

/// How many clients send at once.
const CLIENTS: u64 = 4;

/// Requests as clients send them.
const RECORDED: [&str; 20] = [
    "GET /products?page=1&count=5 HTTP/1.1\r\nHost: shop.example\r\nAccept: */*\r\n\r\n",
    "GET /products/2 HTTP/1.1\r\nHost: a\r\nIf-None-Match: \"7ccb075f75224b30ac4cd4ce7d192307\"\r\n\r\n",
    "GET /products/1/styles HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip;q=0.5, br\r\n\r\n",
    "GET /api/fec2/hr-x/products/12/related/ HTTP/1.1\r\nHost: a\r\nAuthorization: abc\r\n\r\n",
    "GET /reviews?product_id=2&sort=newest&count=10000&page=2 HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /reviews/meta?product_id=9 HTTP/1.1\r\nHost: a\r\nAtelier-Min-Ord: 403ff7eb.2\r\n\r\n",
    "GET /qa/questions?product_id=1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    "GET /qa/questions/2/answers?page=1&count=2147483648 HTTP/1.1\r\nHost: a\r\nCookie: a=b\r\n\r\n",
    "HEAD /products/3 HTTP/1.1\r\nHost: a\r\nRange: bytes=0-10\r\n\r\n",
    "OPTIONS /cart HTTP/1.1\r\nHost: a\r\nOrigin: https://shop.example\r\nAccess-Control-Request-Method: POST\r\n\r\n",
    "GET /cart HTTP/1.1\r\nHost: a\r\nAuthorization: abc\r\n\r\n",
    "GET /openapi.yaml HTTP/1.1\r\nHost: a\r\nAccept-Encoding: br\r\n\r\n",
    "POST /reviews HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 162\r\n\r\n{\"product_id\":2,\"rating\":4,\"summary\":\"Good\",\"body\":\"Light.\",\"recommend\":true,\"name\":\"mira\",\"email\":\"m@example.com\",\"photos\":[\"u\"],\"characteristics\":{\"5\":4,\"6\":3}}",
    "POST /qa/questions HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n14\r\n{\"body\":\"Is it lined\r\n2b\r\n?\",\"name\":\"olu\",\"email\":\"e\",\"product_id\":3}\r\n0\r\n\r\n",
    "POST /qa/questions/2/answers HTTP/1.1\r\nHost: a\r\nContent-Length: 62\r\n\r\n{\"body\":\"It is \\ud83d\\ude00.\",\"name\":\"ines\",\"email\":\"e@e.com\"}",
    "POST /cart HTTP/1.1\r\nHost: a\r\nAuthorization: abc\r\nContent-Length: 23\r\n\r\n{\"sku_id\":99,\"count\":2}",
    "POST /interactions HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 46\r\n\r\n{\"element\":\"<b>\",\"widget\":\"wire\",\"time\":\"now\"}",
    "PUT /reviews/5/helpful HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}",
    "PUT /qa/answers/9/report HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /products/1 HTTP/1.1\r\nHost: a\r\n\r\nPUT /qa/questions/1/helpful HTTP/1.1\r\nHost: a\r\n\r\nGET /reviews?product_id=1 HTTP/1.1\r\nHost: a\r\n\r\n",
];

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().unwrap_or_else(|_| panic!("{name} is no number")))
}

/// All that comes back for these bytes on a connection of their own, which sends nothing more.
fn answer(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(5)).expect("the node accepts");
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    // The node may have answered and closed before it has read it all.
    let _ = stream.write_all(bytes).and_then(|()| stream.shutdown(Shutdown::Write));
    let (mut all, mut part) = (Vec::new(), [0; 16 << 10]);
    loop {
        match stream.read(&mut part) {
            Ok(0) => return all,
            Ok(length) => all.extend_from_slice(&part[..length]),
            // A reset is an end, too; nothing within the time is none.
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return all,
            Err(error) => panic!("{error} after {:?}", String::from_utf8_lossy(bytes)),
        }
    }
}

/// The classes of the statuses in what came back. A body that holds such a line would be counted as well, which errs on the safe
/// side.
fn classes(answer: &[u8]) -> impl Iterator<Item = char> {
    let begins = |line: &&[u8]| line.starts_with(b"HTTP/1.") && line[8] == b' ' && line[9].is_ascii_digit();
    answer.windows(10).filter(begins).map(|line| char::from(line[9]))
}

/// Sends so many, and counts the answers by class.
fn send(address: SocketAddr, times: u64, mut rng: Rng) -> BTreeMap<char, u64> {
    let mut seen = BTreeMap::new();
    for time in 0..times {
        let [input, other] = [(); 2].map(|()| RECORDED[rng.usize(..RECORDED.len())].as_bytes());
        let bytes = changed(input, other, 2, &mut rng);
        let answer = answer(address, &bytes);
        for class in classes(&answer) {
            let shown =
                || (String::from_utf8_lossy(&bytes).into_owned(), String::from_utf8_lossy(&answer).into_owned());
            assert_ne!(class, '5', "{:?}", shown());
            *seen.entry(class).or_default() += 1;
        }
        if time % 100 == 0 {
            assert_eq!(Client::connect(address).get("/products/7", &[]).status, 200, "after {time}");
        }
    }
    seen
}

#[test]
fn changed_requests_harm_nobody() {
    let (times, seed) = (number("MUTATED", 20_000), number("SEED", 1));
    let (_postgres, database) = import::sample(SERVER);
    let redis = Redis::start();
    // The machine may be busy: that an answer takes long is not what is looked for here.
    let settings = [
        ("DATABASE_URL", database.as_str()),
        ("REDIS_URL", &redis.url()),
        ("ATELIER_BUDGET", "20s"),
        ("ATELIER_WRITE_BUDGET", "20s"),
        ("ATELIER_WRITE_WAIT", "10s"),
        ("ATELIER_BOUND", "21s"),
    ];
    let mut node = Node::start(SERVER, &settings);
    let pid = node.process().pid();
    let address = node.address;
    let client = |client: u64| {
        let rng = Rng::with_seed(seed.wrapping_mul(1_000_003).wrapping_add(client));
        thread::spawn(move || send(address, times.div_ceil(CLIENTS), rng))
    };
    let clients: Vec<_> = (0..CLIENTS).map(client).collect();
    let mut seen = BTreeMap::<char, u64>::new();
    for client in clients {
        let of_client = client.join().unwrap_or_else(|_| panic!("SEED={seed}; the node said: {}", node.log()));
        of_client.into_iter().for_each(|(class, count)| *seen.entry(class).or_default() += count);
    }
    assert!(node.process().is_running() && node.process().pid() == pid);
    assert_eq!(node.admin_get("/readyz").status, 200);
    assert!(!node.log().contains("panicked"), "{}", node.log());
    // Some of them are still good, and most are not.
    assert!(seen[&'2'] > times / 20 && seen[&'4'] > times / 20, "{seen:?}");
    println!("{times} requests, SEED={seed}; answers by class: {seen:?}");
}

#[test]
fn a_failure_in_an_answer_is_seen() {
    let answers = b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\n[]HTTP/1.1 503 Service Unavailable\r\n\r\n";
    assert_eq!(classes(answers).collect::<String>(), "25");
    assert_eq!(classes(b"").count(), 0);
}

#[test]
fn what_was_recorded_is_good() {
    let node = Node::start(SERVER, &[]);
    for recorded in RECORDED {
        let answer = answer(node.address, recorded.as_bytes());
        let classes: String = classes(&answer).collect();
        assert!(
            classes.chars().all(|class| matches!(class, '1'..='3')) && !classes.is_empty(),
            "{recorded:?}: {classes}"
        );
    }
}
