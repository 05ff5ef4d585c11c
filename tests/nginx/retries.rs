//! What is sent twice: a read whose node refused, reset or kept silent, once; a busy node's 503 and writes, never.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use atelier_rig::nginx::Asked;
use atelier_rig::{Client, Manner, Mirror, Nginx, Nobody, wait_until};

const PATIENCE: Duration = Duration::from_secs(30);

fn is_read(asked: &Asked) -> bool {
    matches!(&*asked.method, "GET" | "HEAD" | "OPTIONS")
}

/// Sends reads and writes through nginx to two nodes, of which one does not answer, until each kind has met it. `heard` is how many
/// writes have reached a node.
fn meets_a_bad_node(methods: &[&str], bad: SocketAddr, good: &Mirror, heard: impl Fn() -> usize, least: Duration) {
    let nginx = Nginx::start(&[bad, good.address()]);
    let mut client = Client::connect(nginx.address);
    let (mut sent, mut writes) = (0, 0);
    for method in methods.iter().filter(|method| method.starts_with('P')) {
        wait_until("a write meets the bad node", PATIENCE, || {
            let body: &[u8] = if *method == "POST" { b"{}" } else { b"" };
            let answer = client.request(method, "/reviews/5/helpful", &[], body);
            (sent, writes) = (sent + 1, writes + 1);
            assert!(matches!(answer.status, 200 | 503), "{answer:?}");
            (answer.status == 503).then_some(())
        });
    }
    for method in methods.iter().filter(|method| !method.starts_with('P')) {
        wait_until("a read meets the bad node", PATIENCE, || {
            let begun = Instant::now();
            let answer = client.try_request(method, "/products/1", &[], b"").unwrap();
            let took = begun.elapsed();
            sent += 1;
            assert_eq!(answer.status, 200, "{method}");
            let asked = nginx.asked_once(sent);
            let twice = asked[sent - 1].nodes.len() == 2;
            // It has its time at the other one as well, and no client waits for both for long.
            assert!(!twice || (took >= least && took < least + Duration::from_secs(2)), "{method} took {took:?}");
            twice.then_some(())
        });
    }
    let asked = nginx.asked_once(sent);
    for asked in &asked {
        match asked.nodes[..] {
            [node] => assert_eq!(asked.status == 503, node == bad, "{asked:?}"),
            [first, second] => assert!(is_read(asked) && first == bad && second == good.address(), "{asked:?}"),
            _ => panic!("{asked:?}"),
        }
    }
    assert_eq!(heard(), writes, "a write reached more than one node, or none");
}

fn writes(mirror: &Mirror) -> usize {
    mirror.heard().iter().filter(|heard| heard.head.starts_with('P')).count()
}

#[test]
fn a_node_that_refuses_resets_or_keeps_silent_is_passed_over_by_reads_and_by_no_write() {
    // Most of this is waiting, so all of it goes on at once.
    thread::scope(|scope| {
        scope.spawn(|| {
            let (bad, good) = (Mirror::start(), Mirror::start());
            bad.set(Manner::Silent);
            // A read waits for half a second longer than a node's budget is.
            let least = Duration::from_millis(1_400);
            meets_a_bad_node(&["PUT", "GET"], bad.address(), &good, || writes(&bad) + writes(&good), least);
        });
        scope.spawn(|| {
            let (bad, good) = (Mirror::start(), Mirror::start());
            bad.set(Manner::Reset);
            let heard = || writes(&bad) + writes(&good);
            meets_a_bad_node(&["PUT", "GET", "POST"], bad.address(), &good, heard, Duration::ZERO);
        });
        scope.spawn(|| {
            let (nobody, good) = (Nobody::new(), Mirror::start());
            // Of two writes nothing arrived anywhere: they met nobody.
            let heard = || writes(&good) + 2;
            let methods = ["PUT", "POST", "GET", "HEAD", "OPTIONS"];
            meets_a_bad_node(&methods, nobody.address(), &good, heard, Duration::ZERO);
        });
    });
}

#[test]
fn a_read_is_sent_to_one_more_and_not_to_all() {
    let good = Mirror::start();
    let nobody = [Nobody::new(), Nobody::new()];
    let nginx = Nginx::start(&[nobody[0].address(), nobody[1].address(), good.address()]);
    let answer = Client::connect(nginx.address).get("/products/1", &[]);
    let asked = nginx.asked_once(1).remove(0);
    assert_eq!((answer.status, asked.nodes.len()), (503, 2), "{asked:?}");
}

#[test]
fn a_busy_node_has_answered() {
    let busy = [Mirror::start(), Mirror::start()];
    for mirror in &busy {
        mirror.set(Manner::Answer(503, "Retry-After: 3\r\n".to_owned(), Duration::ZERO));
    }
    let nginx = Nginx::start(&[busy[0].address(), busy[1].address()]);
    let mut client = Client::connect(nginx.address);
    // More often than a node may fail, since this is none.
    for _ in 0..10 {
        let answer = client.get("/products/1", &[]);
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("3")));
    }
    let asked = nginx.asked_once(10);
    assert!(asked.iter().all(|asked| asked.nodes.len() == 1 && asked.status == 503), "{asked:?}");
    assert_eq!(busy.each_ref().map(|mirror| mirror.heard().len()), [5, 5]);
}
