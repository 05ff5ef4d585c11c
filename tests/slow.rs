//! Clients that are slow, silent or too many: they lose, and the others are served meanwhile.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use atelier_rig::{Client, Nginx, Node, Scratch, wait_until};

const SERVER: &str = env!("CARGO_BIN_EXE_atelier-edge");

const PATIENCE: Duration = Duration::from_secs(20);

/// What a probe may take while others misbehave.
const SERVED: Duration = Duration::from_secs(1);

fn client(address: SocketAddr) -> Client {
    let client = Client::connect(address);
    client.set_patience(PATIENCE);
    client
}

/// How long it takes until the server closes without a word.
fn closes(mut client: Client) -> Duration {
    let begun = Instant::now();
    assert!(client.is_closed(), "an answer to nothing, or no end");
    begun.elapsed()
}

/// Something a client does until the server ends it, and how long that takes.
type Run = Box<dyn FnOnce() -> Duration + Send>;

/// A whole head, sent so slowly that it is not whole in time.
fn drip(mut client: Client) -> Duration {
    let begun = Instant::now();
    for byte in b"GET /products/1 HTTP/1.1\r\nHost: a\r\nX: y\r\nX: y\r\nX: y\r\n".iter().cycle() {
        if client.try_send(&[*byte]).is_err() || begun.elapsed() > PATIENCE {
            break;
        }
        thread::sleep(Duration::from_millis(50));
    }
    begun.elapsed()
}

/// Asks for answers of several megabytes on one connection.
fn ask_for_much(client: &mut Client) {
    let request = b"GET /products/1/styles HTTP/1.1\r\nHost: a\r\n\r\n";
    // More than fits anywhere: the server stops to read when it cannot write, so some of it may not be taken.
    client.set_write_patience(Duration::from_millis(200));
    let _ = client.try_send(&request.repeat(8_000));
}

/// Says that something is over, also when that is so because it failed.
struct AtEnd<'a>(&'a AtomicBool);

impl Drop for AtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Runs `meanwhile` while somebody asks for a product again and again, each time on a new connection; says how long the
/// longest answer took and how many there were.
fn probed<T>(node: &Node, meanwhile: impl FnOnce() -> T) -> (T, Duration, u32) {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let probes = scope.spawn(|| {
            let (mut longest, mut count) = (Duration::ZERO, 0);
            while !over.load(Ordering::Relaxed) {
                let begun = Instant::now();
                assert_eq!(node.get("/products/1").status, 200);
                longest = longest.max(begun.elapsed());
                count += 1;
                thread::sleep(Duration::from_millis(20));
            }
            (longest, count)
        });
        let end = AtEnd(&over);
        let done = meanwhile();
        drop(end);
        let (longest, count) = probes.join().expect("every probe is served");
        (done, longest, count)
    })
}

/// A connection as the kernel has it.
struct Connection {
    /// The port of the other end.
    port: u16,
    /// How many bytes wait to be taken.
    waiting: u64,
    /// Whether the server has not closed it yet. The kernel goes on for a while to send what was answered.
    open: bool,
}

/// The connections to this port that the kernel holds something for.
fn connections(port: u16) -> Vec<Connection> {
    let table = std::fs::read_to_string("/proc/net/tcp").expect("Linux");
    let line = |line: &str| {
        let mut fields = line.split_whitespace().skip(1);
        let (local, remote, state, queues) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
        let of = |address: &str| u16::from_str_radix(address.rsplit(':').next()?, 16).ok();
        // Without those that listen, and those that are over.
        (of(local)? == port && !matches!(state, "0A" | "06")).then_some(())?;
        let waiting = u64::from_str_radix(queues.split(':').next()?, 16).ok()?;
        Some(Connection { port: of(remote)?, waiting, open: matches!(state, "01" | "08") })
    };
    table.lines().filter_map(line).collect()
}

/// The processor time that a process has had.
fn worked(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("it runs");
    let fields: Vec<_> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    // utime and stime, in hundredths of a second.
    let ticks: u64 = fields[11..13].iter().map(|ticks| ticks.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}

/// The share of one core that a process takes for the next second.
fn load(pid: u32) -> f64 {
    let (before, begun) = (worked(pid), Instant::now());
    thread::sleep(Duration::from_secs(1));
    (worked(pid) - before).as_secs_f64() / begun.elapsed().as_secs_f64()
}

#[test]
fn silence_and_half_a_head_end_at_the_limit_for_heads() {
    let node = Node::start(SERVER, &[("ATELIER_HEAD_TIMEOUT", "1s")]);
    let nginx = Nginx::start(&[node.address]);
    let half = |address| {
        let mut client = client(address);
        client.send(b"GET /products/1 HTTP/1.1\r\nHost: a\r\nX: ");
        client
    };
    let idle = |address| {
        let mut client = client(address);
        assert_eq!(client.get("/products/1", &[]).status, 200);
        client
    };
    thread::scope(|scope| {
        let direct = node.address;
        let runs: [(_, _, Run); 5] = [
            ("silent", Duration::from_secs(1), Box::new(move || closes(client(direct)))),
            ("half a head", Duration::from_secs(1), Box::new(move || closes(half(direct)))),
            ("dripping", Duration::from_secs(1), Box::new(move || drip(client(direct)))),
            ("idle", Duration::from_secs(1), Box::new(move || closes(idle(direct)))),
            ("half a head to nginx", Duration::from_secs(5), Box::new(move || closes(half(nginx.address)))),
        ];
        let runs = runs.map(|(what, limit, run)| (what, limit, scope.spawn(run)));
        for (what, limit, run) in runs {
            let took = run.join().unwrap_or_else(|_| panic!("{what}"));
            let least = limit - Duration::from_millis(100);
            assert!(took >= least && took < limit + Duration::from_secs(4), "{what} ended after {took:?}");
        }
    });
    assert!(node.counted("atelier_connections_broken_total{how=\"silent\"}") >= 2);
}

#[test]
fn who_takes_nothing_of_an_answer_is_dropped() {
    const STALL: Duration = Duration::from_secs(2);
    const CLIENTS: u64 = 10;
    let node = Node::start(SERVER, &[("ATELIER_WRITE_STALL", "2s"), ("ATELIER_HEAD_TIMEOUT", "60s")]);
    let mut clients: Vec<_> = (0..CLIENTS).map(|_| client(node.address)).collect();
    let (held, longest, _) = probed(&node, || {
        for client in &mut clients {
            ask_for_much(client);
        }
        let begun = Instant::now();
        // One of them reads, but less than would make room for anything more.
        let mut slow = clients.pop().unwrap();
        assert_eq!(slow.bytes(10).len(), 10);
        let ports: Vec<_> = clients.iter().map(Client::port).chain([slow.port()]).collect();
        let mut held = 0;
        wait_until("they are dropped", PATIENCE, || {
            let mut those = connections(node.address.port());
            those.retain(|connection| ports.contains(&connection.port));
            held = those.iter().map(|connection| connection.waiting).chain([held]).max()?;
            those.is_empty().then_some(())
        });
        assert!(begun.elapsed() < STALL * 5, "after {:?}", begun.elapsed());
        held
    });
    assert!(held > 10_000 && held <= 300_000, "{held} bytes were held for one client");
    assert!(longest < SERVED, "a probe took {longest:?}");
    wait_until("they are counted", PATIENCE, || {
        (node.counted("atelier_connections_broken_total{how=\"stalled\"}") == CLIENTS).then_some(())
    });
}

/// What slowhttptest is told besides.
const ATTACKS: [(&[&str], &str); 4] = [
    (&["-H", "-x", "24"], "/products/1"),
    (&["-B", "-s", "8192", "-x", "10", "-t", "POST"], "/interactions"),
    (&["-R", "-a", "10", "-b", "3000", "-t", "HEAD"], "/products/1/styles"),
    // It takes a byte a second of what the kernel has for it, so it does not see for hours that it was closed long ago.
    (&["-X", "-w", "1", "-y", "2", "-n", "1", "-z", "1", "-k", "3"], "/products/1/styles"),
];

/// For how long it goes on, unless all its connections are closed earlier.
const ATTACKED: &str = "9";

#[test]
fn slow_clients_by_the_hundred_hold_up_nobody() {
    const EACH: usize = 250;
    let limits = ["ATELIER_HEAD_TIMEOUT", "ATELIER_BODY_TIMEOUT", "ATELIER_WRITE_STALL"].map(|limit| (limit, "3s"));
    let node = Node::start(SERVER, &limits);
    let (address, scratch) = (node.address, Scratch::new("slow"));
    let count = |open: bool| connections(address.port()).iter().filter(|connection| connection.open || !open).count();
    let ((most, closed), longest, probes) = probed(&node, || {
        thread::scope(|scope| {
            let attacks = ATTACKS.map(|(how, target)| {
                let (url, folder) = (format!("http://{address}{target}"), scratch.path());
                scope.spawn(move || {
                    let each = EACH.to_string();
                    let bounds = ["-c", &each, "-r", &each, "-i", "1", "-l", ATTACKED, "-p", "10", "-u", &url];
                    let said = Command::new("slowhttptest").args(how).args(bounds).current_dir(folder).output();
                    let said = said.expect("slowhttptest is installed: dev/setup.sh does it");
                    String::from_utf8_lossy(&said.stdout).into_owned()
                })
            });
            let begun = Instant::now();
            wait_until("they are all there", PATIENCE, || (count(true) > EACH * 3).then_some(()));
            let most = count(true);
            // One may be a probe.
            wait_until("all are closed", PATIENCE, || (count(true) <= 1).then_some(()));
            let closed = begun.elapsed();
            wait_until("the kernel holds nothing for them", PATIENCE, || (count(false) <= 1).then_some(()));
            for (attack, (how, _)) in attacks.into_iter().zip(ATTACKS) {
                let said = attack.join().unwrap();
                let saw = said.contains("No open connections left") || how.contains(&"-X");
                assert!(saw, "{how:?}: {said}");
            }
            (most, closed)
        })
    });
    assert!(closed <= Duration::from_secs(20), "closed after {closed:?}");
    assert!(probes > 10 && longest < SERVED, "of {probes} probes beside {most} connections one took {longest:?}");
}

#[test]
fn connections_beyond_the_descriptors_wait_and_those_that_are_open_go_on() {
    let mut node = Node::launch_with("prlimit", &["--nofile=256", SERVER], &[("ATELIER_HEAD_TIMEOUT", "60s")]);
    wait_until("the node is ready", PATIENCE, || (node.admin_get("/readyz").status == 200).then_some(()));
    let pid = node.process().pid();
    let mut open: Vec<_> = (0..20).map(|_| client(node.address)).collect();
    for client in &mut open {
        assert_eq!(client.get("/products/1", &[]).status, 200);
    }
    let crowd: Vec<TcpStream> = (0..400).map(|_| TcpStream::connect(node.address).unwrap()).collect();
    wait_until("descriptors are short", PATIENCE, || {
        (node.counted("atelier_descriptor_waits_total") > 0).then_some(())
    });
    let descriptors = || std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count();
    for round in 0..3 {
        for client in &mut open {
            assert_eq!(client.get("/products/2", &[]).status, 200);
        }
        // Some leave and others come in their place: what is left to the admin listener stays.
        assert_eq!(node.admin_get("/livez").status, 200, "round {round}");
        assert!((150..=200).contains(&descriptors()), "{} descriptors", descriptors());
        drop(open.pop());
        thread::sleep(Duration::from_millis(50));
    }
    let share = load(pid);
    assert!(share < 0.2, "{share} of a core, for waiting");
    let begun = Instant::now();
    drop(crowd);
    assert_eq!(node.get("/products/1").status, 200);
    assert!(begun.elapsed() < Duration::from_secs(2), "after {:?}", begun.elapsed());
    assert_eq!(node.counted("atelier_accept_errors_total"), 0);
    assert_eq!(node.log().matches("connections wait for descriptors").count(), 1, "{}", node.log());
}

#[test]
fn a_listener_without_a_descriptor_left_waits_and_comes_back() {
    let mut node = Node::start(SERVER, &[]);
    let pid = node.process().pid();
    let limit = |most: &str| {
        let set = Command::new("prlimit").args([&format!("--pid={pid}"), most]).status();
        assert!(set.is_ok_and(|status| status.success()), "{most}");
    };
    let mut open = node.client();
    assert_eq!(open.get("/products/1", &[]).status, 200);
    // The admin listener takes what there is; of what it is told by connecting alone, nothing is lost.
    limit("--nofile=10:");
    let mut waiting = Client::connect(node.admin);
    waiting.set_patience(Duration::from_millis(500));
    assert!(waiting.try_request("GET", "/livez", &[], b"").is_err(), "there was a descriptor left");
    assert_eq!(open.get("/products/2", &[]).status, 200);
    let share = load(pid);
    assert!(share < 0.2, "{share} of a core, for waiting");
    limit("--nofile=1000:");
    waiting.set_patience(PATIENCE);
    let begun = Instant::now();
    assert_eq!(waiting.read(false).status, 200);
    assert_eq!(node.get("/products/1").status, 200);
    assert!(begun.elapsed() < Duration::from_secs(2), "after {:?}", begun.elapsed());
    let errors = node.counted("atelier_accept_errors_total");
    assert!((5..50).contains(&errors), "{errors} attempts in 1.5 s");
    assert_eq!(node.log().matches("could not be accepted").count(), 1, "{}", node.log());
}

#[test]
fn a_drain_ends_in_time_whoever_is_still_connected() {
    const DRAIN_MAX: Duration = Duration::from_secs(2);
    let settings = [
        ("ATELIER_DRAIN_IDLE", "500ms"),
        ("ATELIER_DRAIN_MAX", "2s"),
        ("ATELIER_HEAD_TIMEOUT", "60s"),
        ("ATELIER_BODY_TIMEOUT", "60s"),
        ("ATELIER_WRITE_STALL", "60s"),
    ];
    let mut node = Node::start(SERVER, &settings);
    let mut clients: Vec<_> = (0..40).map(|_| client(node.address)).collect();
    for (place, client) in clients.iter_mut().enumerate() {
        match place % 4 {
            0 => {}
            1 => client.send(b"GET /products/1 HTTP/1.1\r\nHost: a\r\nX: "),
            2 => client.send(b"POST /interactions HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{"),
            _ => ask_for_much(client),
        }
    }
    wait_until("all are connected", PATIENCE, || (connections(node.address.port()).len() >= 40).then_some(()));
    let begun = Instant::now();
    node.process().signal("TERM");
    let status = node.process().ended(PATIENCE);
    let took = begun.elapsed();
    assert_eq!(status, 0, "{}", node.log());
    assert!(took >= DRAIN_MAX - Duration::from_millis(100), "nothing was waited for: {took:?}");
    assert!(took < DRAIN_MAX + Duration::from_secs(1), "{took:?}");
    assert!(node.log().contains("closing connections that did not end within the drain"), "{}", node.log());
}
