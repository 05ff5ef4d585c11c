//! A node whose neighbours fall silent, change under it or fail in odd ways, and one that panics: what is turned away, how soon, and
//! that it is over as soon as its cause is.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use atelier_rig::{Fault, Node, Postgres, Proxy, Redis, wait_until};

const SERVER: &str = env!("CARGO_BIN_EXE_atelier-edge");

/// How long anything may take that is only waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a busy machine may add to any answer.
const SLACK: Duration = Duration::from_millis(500);

const ROWS: &str = "
    INSERT INTO products (id, name, slogan, description, category, default_price)
    SELECT n, 'Product ' || n, 'Slogan', 'Description', 'Jackets', n * 100 FROM generate_series(1, 2000) AS n;
    INSERT INTO reviews (id, product_id, date, rating, recommend, summary, body, reviewer_name, reviewer_email)
    SELECT n, n, 1600000000000, 5, true, '', 'Body', 'mira', 'm@example.com' FROM generate_series(1, 40) AS n;
    ANALYZE;";

fn shop(postgres: &Postgres) -> String {
    let url = postgres.create("shop");
    postgres.psql_file("shop", &Path::new(env!("CARGO_MANIFEST_DIR")).join("schema.sql"));
    postgres.psql("shop", ROWS);
    url
}

/// The database by way of a proxy.
fn behind_proxy(url: &str) -> (Proxy, String) {
    let address: SocketAddr = url.split('@').nth(1).unwrap().split('/').next().unwrap().parse().unwrap();
    let proxy = Proxy::start(address);
    let url = url.replace(&address.to_string(), &proxy.address().to_string());
    (proxy, url)
}

/// What the node counts under this name and label.
fn counted(node: &Node, name: &str) -> u64 {
    let text = node.admin_get("/metrics").text().to_owned();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.map_or(0, |value| value.parse().unwrap())
}

fn timed(node: &Node, target: &str) -> (u16, Duration) {
    let begun = Instant::now();
    let response = node.get(target);
    (response.status, begun.elapsed())
}

#[test]
fn a_database_that_falls_silent_is_not_waited_for_and_is_back_as_soon_as_it_answers() {
    let postgres = Postgres::start();
    let (proxy, database) = behind_proxy(&shop(&postgres));
    let node = Node::start(SERVER, &[("DATABASE_URL", &database)]);
    assert_eq!(node.get("/products/1").status, 200);
    proxy.set(None, Fault::Silent);

    // Some wait until their time is up; then nobody does.
    const OPEN: &str = "atelier_breaker_open{dependency=\"postgres\"}";
    let mut id = 100;
    wait_until("the breaker is open", PATIENCE, || {
        id += 1;
        let (status, took) = timed(&node, &format!("/products/{id}"));
        assert!(status == 503 && took < Duration::from_secs(1) + SLACK, "{status} after {took:?}");
        (counted(&node, OPEN) == 1).then_some(())
    });
    let mut quick = 0;
    for id in 200..240 {
        let (status, took) = timed(&node, &format!("/products/{id}"));
        assert_eq!(status, 503);
        quick += u32::from(took < Duration::from_millis(50));
    }
    // A probe is one that waits.
    assert!(quick >= 36, "{quick} of 40 were told at once");
    assert!(counted(&node, "atelier_rejected_total{reason=\"breaker\"}") >= 36);
    wait_until("what was proved is too old for that", PATIENCE, || {
        let held = node.get("/products/1");
        assert_eq!(held.status, 200, "what is held goes out");
        held.header("cache-status").unwrap().contains("stale").then_some(())
    });
    let written = node.client().request("PUT", "/reviews/7/helpful", &[], b"");
    assert_eq!(written.status, 503);

    // Nobody sits on a connection that says nothing: when others can be made, they are.
    assert!(counted(&node, "atelier_connections_hung_total") >= 1);
    proxy.cut(None);
    proxy.heal_all();
    let begun = Instant::now();
    wait_until("it is asked again", PATIENCE, || (node.get("/products/300").status == 200).then_some(()));
    assert!(begun.elapsed() < Duration::from_secs(3) + SLACK, "{:?}", begun.elapsed());
    assert_eq!(counted(&node, OPEN), 0);
    wait_until("writes go on", PATIENCE, || {
        (node.client().request("PUT", "/reviews/7/helpful", &[], b"").status == 204).then_some(())
    });
}

#[test]
fn connections_over_which_nothing_comes_are_given_up_although_new_ones_answer() {
    let postgres = Postgres::start();
    let silent = Gate::start(shop(&postgres).split('@').nth(1).unwrap().split('/').next().unwrap().parse().unwrap());
    let database = format!("postgres://postgres@{}/shop", silent.address);
    let node = Node::start(SERVER, &[("DATABASE_URL", &database)]);
    assert_eq!(node.get("/products/1").status, 200);
    let before = silent.hold();
    let begun = Instant::now();
    wait_until("fetches come through", PATIENCE, || {
        (node.get(&format!("/products/{}", fastrand(2..2000))).status == 200).then_some(())
    });
    wait_until("so do polls", PATIENCE, || {
        let held = node.get("/products/1");
        (held.status == 200 && !held.header("cache-status").unwrap().contains("stale")).then_some(())
    });
    // 750 ms until a statement is given up, 500 ms for a poll, and as long for another connection.
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert!(before >= 4, "{before} connections fell silent");
}

/// A number in a range, another each time.
fn fastrand(range: std::ops::Range<u32>) -> u32 {
    let nanos = std::time::UNIX_EPOCH.elapsed().unwrap().subsec_nanos();
    range.start + nanos % (range.end - range.start)
}

#[test]
fn a_changed_schema_costs_each_connection_one_statement_and_nobody_an_answer() {
    let postgres = Postgres::start();
    let database = shop(&postgres);
    let node = Node::start(SERVER, &[("DATABASE_URL", &database), ("ATELIER_FILTER", "off")]);
    for id in 1..=30 {
        assert_eq!(node.get(&format!("/products/{id}")).status, 200);
    }
    // The type of a result is another: what is prepared for it is refused.
    postgres.psql("shop", "ALTER TABLE products ALTER COLUMN slogan TYPE varchar(100)");
    for id in 31..=90 {
        assert_eq!(node.get(&format!("/products/{id}")).status, 200, "{id}");
    }
    let retries = counted(&node, "atelier_statement_retries_total");
    assert!((1..=3).contains(&retries), "{retries} statements were repeated over 3 connections");
}

#[test]
fn what_does_not_pass_on_the_settings_of_connections_is_refused_in_clear_words() {
    let postgres = Postgres::start();
    let (proxy, database) = behind_proxy(&shop(&postgres));
    // What PgBouncer does with `ignore_startup_parameters = options`, as far as it can be seen from here.
    proxy.set(None, Fault::Replace(b"statement_timeout=".to_vec(), b"lock_timeout=00000".to_vec()));
    let node = Node::launch(SERVER, &[("DATABASE_URL", &database)]);
    wait_until("it says why it does not begin", PATIENCE, || {
        let said = node.admin_get("/readyz");
        (said.status == 503 && said.text().contains("a pooler such as PgBouncer stands before the database"))
            .then_some(())
    });
    assert_eq!(node.get("/products/1").status, 503);
    proxy.heal_all();
    wait_until("it begins", PATIENCE, || (node.admin_get("/readyz").status == 200).then_some(()));
}

#[test]
fn a_redis_that_falls_silent_costs_five_waits_and_is_used_again_over_new_connections() {
    let (postgres, redis) = (Postgres::start(), Redis::start());
    let database = shop(&postgres);
    let gate = Gate::start(SocketAddr::from(([127, 0, 0, 1], redis.port())));
    let url = format!("redis://{}/0", gate.address);
    let settings = [("DATABASE_URL", &*database), ("REDIS_URL", &*url), ("ATELIER_REDIS_TIMEOUT", "90ms")];
    let node = Node::start(SERVER, &settings);
    let size = || redis.command("DBSIZE").trim_start_matches(':').trim().parse::<u32>().unwrap();
    let mut id = 0;
    wait_until("answers are stored", PATIENCE, || {
        id += 1;
        assert_eq!(node.get(&format!("/products/{id}")).status, 200);
        (size() > 2).then_some(())
    });

    gate.hold();
    const OPEN: &str = "atelier_breaker_open{dependency=\"redis\"}";
    let (mut slow, mut asked) = (0, 0);
    wait_until("Redis is not asked", PATIENCE, || {
        (id, asked) = (id + 1, asked + 1);
        let (status, took) = timed(&node, &format!("/products/{id}"));
        assert_eq!(status, 200);
        slow += u32::from(took >= Duration::from_millis(90));
        (counted(&node, OPEN) == 1).then_some(())
    });
    // Those that store fail as well, so that it may be fewer.
    assert!((1..=6).contains(&slow), "{slow} of {asked} waited for it");
    // The old connections stay as they are: only new ones are served.
    let before = size();
    wait_until("answers are stored again", PATIENCE, || {
        id += 1;
        assert_eq!(node.get(&format!("/products/{id}")).status, 200);
        (size() > before).then_some(())
    });
    assert_eq!(counted(&node, OPEN), 0);
}

#[test]
fn a_client_that_misses_too_often_gets_429() {
    let node = Node::start(SERVER, &[("ATELIER_CLIENT_MISS_RATE", "5")]);
    let mut client = node.client();
    let mut statuses = BTreeMap::new();
    for count in 1..=50 {
        let response = client.get(&format!("/reviews?product_id=2&count={count}"), &[]);
        *statuses.entry(response.status).or_insert(0) += 1;
        if response.status == 429 {
            assert_eq!(response.text(), "Error: too many requests");
            let headers = ["retry-after", "cache-control"].map(|name| response.header(name));
            assert_eq!(headers, [Some("1"), Some("no-store")]);
        }
    }
    assert!(statuses[&200] >= 5 && statuses[&429] > 0, "{statuses:?}");
    for _ in 0..100 {
        assert_eq!(client.get("/reviews?product_id=2&count=1", &[]).status, 200, "a hit");
    }
    assert_eq!(counted(&node, "atelier_rejected_total{reason=\"client\"}"), statuses[&429]);
}

#[test]
fn panics_end_one_fetch_fill_poll_or_write_and_nothing_else() {
    let postgres = Postgres::start();
    let database = shop(&postgres);
    let settings = [
        ("DATABASE_URL", &*database),
        ("PANIC", "fetch:5,fill:7,poll:3,write:4"),
        ("ATELIER_FAIL_TTL", "10ms"),
        ("ATELIER_FILTER", "off"),
    ];
    let node = Node::launch(SERVER, &settings);
    let mut client = node.client();
    wait_until("it has begun", PATIENCE, || (node.admin_get("/readyz").status == 200).then_some(()));
    let mut statuses = BTreeMap::new();
    for id in 1..=100 {
        *statuses.entry(client.get(&format!("/products/{id}"), &[]).status).or_insert(0) += 1;
    }
    // A fifth of the fetches, and a seventh of what they bring.
    assert_eq!(statuses.keys().copied().collect::<Vec<_>>(), [200, 503], "{statuses:?}");
    assert!((20..=45).contains(&statuses[&503]), "{statuses:?}");
    let mut written = BTreeMap::new();
    for id in 1..=12 {
        let put = client.request("PUT", &format!("/reviews/{id}/helpful"), &[], b"");
        *written.entry(put.status).or_insert(0) += 1;
    }
    assert_eq!(written, BTreeMap::from([(204, 9), (503, 3)]));
    // Every vote was committed: it is in the next answer, also where its writer was told that nobody knows.
    for id in 1..=12 {
        wait_until("the vote is seen", PATIENCE, || {
            let reviews = client.get(&format!("/reviews?product_id={id}"), &[]);
            (reviews.status == 200).then(|| assert!(reviews.text().contains("\"helpfulness\":1"), "{}", reviews.text()))
        });
    }
    // No flight is stuck, and no permit lost.
    for id in 1..=100 {
        wait_until("it is fetched", PATIENCE, || {
            (client.get(&format!("/products/{id}"), &[]).status == 200).then_some(())
        });
    }
    for (place, least) in [("fetch", 10), ("fill", 10), ("poll", 1), ("write", 3)] {
        let panics = counted(&node, &format!("atelier_panics_total{{place=\"{place}\"}}"));
        assert!(panics >= least, "{panics} in {place}");
    }
    assert_eq!(node.admin_get("/livez").status, 200);
}

/// Stands before a server and passes everything on, until it is told to hold: then connections that are open stay so and bring
/// nothing any more, while new ones work.
struct Gate {
    address: SocketAddr,
    held: std::sync::Mutex<Vec<Arc<AtomicBool>>>,
    opened: std::sync::mpsc::Receiver<Arc<AtomicBool>>,
}

impl Gate {
    fn start(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (tell, opened) = std::sync::mpsc::channel();
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(target) else { continue };
                let silent = Arc::new(AtomicBool::new(false));
                if tell.send(Arc::clone(&silent)).is_err() {
                    return;
                }
                let ways = [(client.try_clone().unwrap(), server.try_clone().unwrap()), (server, client)];
                for (from, to) in ways {
                    let silent = Arc::clone(&silent);
                    thread::spawn(move || pass(from, to, &silent));
                }
            }
        });
        Self { address, held: std::sync::Mutex::default(), opened }
    }

    /// Silences what is open; returns how many connections that are.
    fn hold(&self) -> usize {
        let mut held = self.held.lock().unwrap();
        held.extend(self.opened.try_iter());
        held.iter().for_each(|silent| silent.store(true, Ordering::Relaxed));
        held.len()
    }
}

/// Passes bytes on, and what comes while it is silent to nobody.
fn pass(mut from: TcpStream, mut to: TcpStream, silent: &AtomicBool) {
    let mut bytes = [0; 16 << 10];
    loop {
        match io::Read::read(&mut from, &mut bytes) {
            Ok(0) | Err(_) => break,
            Ok(_) if silent.load(Ordering::Relaxed) => {}
            Ok(read) => {
                if io::Write::write_all(&mut to, &bytes[..read]).is_err() {
                    break;
                }
            }
        }
    }
    if !silent.load(Ordering::Relaxed) {
        let _ = to.shutdown(std::net::Shutdown::Both);
    }
}
