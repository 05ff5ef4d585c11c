//! Stops: what a node lets end, for how long, and what a second signal does.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use atelier_rig::{Node, Postgres, wait_until};

use super::{PATIENCE, SERVER, patient, shop, wait_for_blocked};

#[test]
fn a_stop_lets_requests_end_and_takes_no_new_ones() {
    let postgres = Postgres::start();
    let database = shop(&postgres);
    let mut node = Node::start(SERVER, &patient(&database, &[]));
    let mut lock = postgres.session("shop");
    lock.run("BEGIN; LOCK TABLE reviews IN ACCESS EXCLUSIVE MODE");
    let mut client = node.client();
    client.send(b"GET /reviews?product_id=7 HTTP/1.1\r\nHost: a\r\n\r\n");
    wait_for_blocked(&postgres, 1);
    // One that has ended is not among those that the drain waits for.
    assert_eq!(node.client().get("/products/7", &["Connection: close"]).status, 200);
    wait_until("the other connection is gone", PATIENCE, || (node.connections().0 == 1).then_some(()));

    node.process().signal("TERM");
    // Looked for in the log: a connection that tries would be one more to wait for.
    wait_until("the listener is closed", PATIENCE, || {
        node.log().contains("the public listener is closed").then_some(())
    });
    assert!(TcpStream::connect(node.address).is_err(), "new connections are refused");
    assert_eq!(node.admin_get("/readyz").text(), "not ready: draining\n");
    assert_eq!(node.admin_get("/livez").status, 200);
    lock.run("COMMIT");

    let answer = client.read(false);
    assert_eq!((answer.status, answer.header("connection")), (200, Some("close")));
    assert!(answer.text().ends_with("]}") && answer.text().contains("\"review_id\":70"), "{}", answer.text());
    assert!(client.is_closed());
    // The idle time of a drain is 11 s; nobody is idle here, so nothing waits for it.
    assert_eq!(node.process().ended(Duration::from_secs(8)), 0);
    let log = node.log();
    let drained: Vec<_> = log.lines().filter(|line| line.contains("draining")).collect();
    assert_eq!(drained.len(), 2, "{drained:#?}");
    assert!(drained[0].contains("the public listener is closed, connections still open: 1\""), "{drained:#?}");
    assert!(drained[1].contains("the admin listener"), "{drained:#?}");
}

#[test]
fn a_second_signal_ends_a_drain_that_waits_for_silent_connections() {
    let mut node = Node::start(SERVER, &[]);
    let mut idle = node.client();
    assert_eq!(idle.get("/products/1", &[]).status, 200);
    node.process().signal("TERM");
    wait_until("new connections are refused", PATIENCE, || TcpStream::connect(node.address).is_err().then_some(()));
    // Whoever sends one more request is answered, and told that it was the last.
    let last = idle.get("/products/1", &[]);
    assert_eq!((last.status, last.header("connection")), (200, Some("close")));

    let mut node = Node::start(SERVER, &[]);
    let (mut idle, mut silent, mut slow) = (node.client(), node.client(), node.client());
    assert_eq!(idle.get("/products/1", &[]).status, 200);
    slow.send(b"GET /products/1 HTT");
    wait_until("all are accepted", PATIENCE, || (node.connections() == (3, 0)).then_some(()));
    node.process().signal("INT");
    wait_until("new connections are refused", PATIENCE, || TcpStream::connect(node.address).is_err().then_some(()));
    let hurried = Instant::now();
    node.process().signal("INT");
    assert!(idle.is_closed() && silent.is_closed() && slow.is_closed());
    assert_eq!(node.process().ended(PATIENCE), 0);
    // The time for a head, which the silent ones would have, is 15 s.
    assert!(hurried.elapsed() < Duration::from_secs(8), "{:?}", hurried.elapsed());
}

#[test]
fn a_second_signal_ends_a_drain_that_waits_for_a_request() {
    let postgres = Postgres::start();
    let database = shop(&postgres);
    let mut node = Node::start(SERVER, &patient(&database, &[("ATELIER_DRAIN_MAX", "60s")]));
    let mut lock = postgres.session("shop");
    lock.run("BEGIN; LOCK TABLE reviews IN ACCESS EXCLUSIVE MODE");
    let mut client = node.client();
    client.send(b"GET /reviews?product_id=7 HTTP/1.1\r\nHost: a\r\n\r\n");
    wait_for_blocked(&postgres, 1);
    node.process().signal("TERM");
    wait_until("the drain has begun", PATIENCE, || node.log().contains("the public listener is closed").then_some(()));
    let hurried = Instant::now();
    node.process().signal("TERM");
    assert!(client.is_closed());
    assert_eq!(node.process().ended(PATIENCE), 0);
    // The request may take 70 s, and the drain 60.
    assert!(hurried.elapsed() < Duration::from_secs(10), "{:?}", hurried.elapsed());
}

#[test]
fn a_drain_leaves_idle_connections_to_their_clients_for_a_while_and_ends_whatever_they_do() {
    let mut node = Node::start(SERVER, &[("ATELIER_DRAIN_IDLE", "2s"), ("ATELIER_DRAIN_MAX", "5s")]);
    let (mut idle, mut last, mut stalled) = (node.client(), node.client(), node.client());
    for client in [&mut idle, &mut last, &mut stalled] {
        assert_eq!(client.get("/products/1", &[]).status, 200);
    }
    let begun = Instant::now();
    node.process().signal("TERM");
    wait_until("the drain has begun", PATIENCE, || node.log().contains("the public listener is closed").then_some(()));
    let answer = last.get("/products/1", &[]);
    assert_eq!((answer.status, answer.header("connection")), (200, Some("close")));
    assert!(last.is_closed());
    stalled.send(b"GET /products/1 HTTP/1.1\r\nHost:");
    assert!(idle.is_closed());
    let closed = begun.elapsed();
    assert!(closed >= Duration::from_millis(1900), "an idle connection is left alone for 2 s, and was for {closed:?}");
    assert_eq!(node.process().ended(PATIENCE), 0);
    let ended = begun.elapsed();
    assert!(ended < Duration::from_secs(5 + 5), "{ended:?}");
}
