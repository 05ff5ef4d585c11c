//! A node in little memory, with more to keep than fits: it stays within its limit and answers all the same. The kernel sets the limit
//! where a cgroup can be made (as root), or `prlimit`; where neither can, the test says so and ends.
//!
//! `make memory MINUTES=10` does the same for longer.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, missing_docs)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use atelier_rig::{Node, wait_until};

const SERVER: &str = env!("CARGO_BIN_EXE_atelier-edge");
const MIB: u64 = 1 << 20;

/// What the node may take, and what it may keep of that. Beside what it keeps it takes 110 to 140 MiB here, most of which the allocator
/// has and has not given back: what encoding large lists takes for moments, on each thread that does it.
const LIMIT: u64 = 320 * MIB;
const L1: &str = "96MiB";

/// What else takes memory is small, and a busy machine is no reason to answer nothing.
const SMALL: [(&str, &str); 6] = [
    ("ATELIER_LOG", "info,atelier_edge::cache::lookup=debug"),
    ("ATELIER_ABSENT_MAX", "10000"),
    ("ATELIER_FLOOR_CELLS", "65536"),
    ("ATELIER_STATEMENT", "8s"),
    ("ATELIER_BUDGET", "9s"),
    ("ATELIER_BOUND", "10s"),
];

/// A cgroup of the test's own.
struct Group(PathBuf);

impl Group {
    /// One with a limit, below the group of this process or at the root. `Err` says why there can be none.
    fn new(name: &str, limit: u64) -> Result<Self, String> {
        let own = fs::read_to_string("/proc/self/cgroup").map_err(|error| error.to_string())?;
        let mut why = "there is no memory controller".to_owned();
        for line in own.lines() {
            let mut fields = line.splitn(3, ':').skip(1);
            let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else { continue };
            let (roots, file) = match controllers {
                "" => (["/sys/fs/cgroup", "/sys/fs/cgroup/unified"], "memory.max"),
                "memory" => (["/sys/fs/cgroup/memory"; 2], "memory.limit_in_bytes"),
                _ => continue,
            };
            for root in roots {
                for below in [path, "/"] {
                    let folder = Path::new(root).join(below.trim_start_matches('/')).join(name);
                    if let Err(error) = fs::create_dir(&folder) {
                        why = format!("{}: {error}", folder.display());
                        continue;
                    }
                    let group = Self(folder);
                    match fs::write(group.0.join(file), limit.to_string()) {
                        Ok(()) => return Ok(group),
                        Err(error) => why = format!("{}: {error}", group.0.join(file).display()),
                    }
                }
            }
        }
        Err(why)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // Its processes are gone; the kernel may still be at it.
        for _ in 0..100 {
            if fs::remove_dir(&self.0).is_ok() {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
}

/// A node under a limit of the kernel's, and what sets it.
fn start(name: &str, settings: &[(&str, &str)]) -> Option<(Node, Option<Group>)> {
    match Group::new(&format!("atelier-{name}-{}", std::process::id()), LIMIT) {
        Ok(group) => {
            let enter = format!("echo $$ > {}/cgroup.procs && exec \"$0\"", group.0.display());
            return Some((Node::launch_with("sh", &["-c", &enter, SERVER], settings), Some(group)));
        }
        Err(why) => eprintln!("no cgroup: {why}; prlimit instead"),
    }
    match Command::new("prlimit").args(["--data=1000000000", "true"]).status() {
        Ok(tried) if tried.success() => {
            let data = format!("--data={LIMIT}");
            Some((Node::launch_with("prlimit", &[&data, SERVER], settings), None))
        }
        tried => {
            eprintln!("skipped: no limit can be set: {tried:?}");
            None
        }
    }
}

/// A number of `/proc/…/status`, in bytes.
fn status(pid: u32, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("the node runs");
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

fn counted(node: &Node, name: &str) -> u64 {
    let text = node.admin_get("/metrics").text().to_owned();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.map_or(0, |value| value.parse().unwrap())
}

/// Why requests were turned away.
fn rejected(node: &Node) -> Vec<String> {
    let text = node.admin_get("/metrics").text().to_owned();
    text.lines().filter(|line| line.starts_with("atelier_rejected_total")).map(str::to_owned).collect()
}

/// Why requests had no answer.
fn unanswered(node: &Node) -> String {
    node.log().lines().filter(|line| line.contains("no answer for")).map(|line| format!("{line}\n")).collect()
}

fn assert_all_answered(node: &Node, statuses: &BTreeMap<u16, u64>) {
    let answered = statuses.keys().all(|status| *status == 200);
    assert!(answered && !statuses.is_empty(), "{statuses:?} {:?}\n{}", rejected(node), unanswered(node));
}

/// Asks for ever other answers until `ends` says so; returns how many had which status.
fn ask(node: &Node, ends: impl Fn() -> bool + Sync) -> BTreeMap<u16, u64> {
    const CLIENTS: u64 = 4;
    let client = |number: u64| {
        let mut client = node.client();
        let (mut statuses, mut random) = (BTreeMap::new(), number.wrapping_mul(0x9e37_79b9_7f4a_7c15) + 1);
        while !ends() {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            // Lists of what the sample has, from 1 to 80 KB, each under as many keys as there are counts: far more than fits, and some
            // without content.
            let (count, more) = (5 + (random >> 8) % 395, 5 + (random >> 24) % 9990);
            let (page, product) = (1 + (random >> 40) % 20, 1 + (random >> 48) % 12);
            let target = match random % 8 {
                0..4 => format!("/products?page={page}&count={count}"),
                4..6 => format!("/reviews?product_id=2&sort=newest&count={more}"),
                6 => format!("/reviews?product_id={product}&count={more}"),
                _ => format!("/qa/questions?product_id=1&count={more}"),
            };
            let accepts = ["gzip", "br", "identity"][(random >> 56) as usize % 3];
            let answer = client.get(&target, &[&format!("Accept-Encoding: {accepts}")]);
            *statuses.entry(answer.status).or_insert(0) += 1;
        }
        statuses
    };
    let mut all = BTreeMap::new();
    thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS).map(|number| scope.spawn(move || client(number))).collect();
        for client in clients {
            for (status, count) in client.join().unwrap() {
                *all.entry(status).or_insert(0) += count;
            }
        }
    });
    all
}

#[test]
fn more_than_fits_is_asked_for_and_the_node_stays_within_its_limit() {
    let minutes: f64 = std::env::var("MINUTES").map_or(0.2, |minutes| minutes.parse().unwrap());
    let lasts = Duration::from_secs_f64(minutes * 60.0);
    let settings = [&SMALL[..], &[("ATELIER_L1_BYTES", L1)]].concat();
    let Some((mut node, _group)) = start("churn", &settings) else { return };
    let pid = node.process().pid();
    let begun = Instant::now();
    let peak = AtomicU64::new(0);
    let statuses = ask(&node, || {
        peak.fetch_max(status(pid, "RssAnon"), Ordering::Relaxed);
        begun.elapsed() > lasts
    });
    let (peak, now) = (peak.into_inner(), status(pid, "RssAnon"));
    let evicted = counted(&node, "atelier_l1_shrunk_total");
    eprintln!(
        "{statuses:?} in {:?}; resident {} MiB, at most {} of {}; {evicted} entries made room",
        begun.elapsed(),
        now / MIB,
        peak / MIB,
        LIMIT / MIB
    );
    assert_all_answered(&node, &statuses);
    assert!(peak <= LIMIT / 10 * 9, "{} MiB of {} were resident", peak / MIB, LIMIT / MIB);
    let known = counted(&node, "atelier_resident_bytes");
    assert!(known.abs_diff(now) < 32 * MIB, "the node knows of {} MiB, and {} it takes", known / MIB, now / MIB);
    assert_eq!(node.get("/products/1").status, 200);
}

#[test]
fn in_short_memory_nothing_more_is_kept_and_all_is_answered() {
    let settings = [&SMALL[..], &[("ATELIER_L1_BYTES", "180MiB"), ("ATELIER_MEM_SOFT", "50%")]].concat();
    let Some((mut node, _group)) = start("short", &settings) else { return };
    let pid = node.process().pid();
    let began = Instant::now();
    let peak = AtomicU64::new(0);
    let look = || peak.fetch_max(status(pid, "RssAnon"), Ordering::Relaxed);
    let shrunk =
        || look() > 0 && counted(&node, "atelier_l1_shrunk_total") > 0 || began.elapsed() > Duration::from_secs(30);
    let statuses = ask(&node, shrunk);
    assert!(counted(&node, "atelier_l1_shrunk_total") > 0, "{} MiB are resident", look() / MIB);
    let begun = Instant::now();
    let more = ask(&node, || look() > 0 && begun.elapsed() > Duration::from_secs(4));
    for statuses in [statuses, more] {
        assert_all_answered(&node, &statuses);
    }
    let peak = peak.into_inner();
    eprintln!("at most {} MiB of {}", peak / MIB, LIMIT / MIB);
    // Between two looks some more is kept.
    assert!(peak < LIMIT / 10 * 7, "{} MiB of {}, and half was to be enough", peak / MIB, LIMIT / MIB);
    wait_until("memory suffices again, or is said not to", Duration::from_secs(10), || {
        let shortage = counted(&node, "atelier_memory_shortage");
        (shortage == u64::from(counted(&node, "atelier_resident_bytes") >= LIMIT / 2)).then_some(())
    });
}

#[test]
fn an_l1_that_would_take_most_of_it_refuses_the_start() {
    let Ok(group) = Group::new(&format!("atelier-refused-{}", std::process::id()), LIMIT) else {
        eprintln!("skipped: no cgroup can be made");
        return;
    };
    let enter = format!("echo $$ > {}/cgroup.procs && exec \"$0\" check-config", group.0.display());
    let checked = Command::new("sh").args(["-c", &enter, SERVER]).env("ATELIER_L1_BYTES", "256MiB").output().unwrap();
    assert_eq!(checked.status.code(), Some(78));
    let said = String::from_utf8_lossy(&checked.stderr).into_owned();
    assert!(said.contains("ATELIER_L1_BYTES: 256 MiB is more than 60 % of the 320 MiB"), "{said}");
}
