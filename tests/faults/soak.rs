//! A long while of ever other keys and ever other faults: nothing of a node may grow.

use std::fs::read_dir;
use std::sync::Arc;
use std::time::{Duration, Instant};

use atelier_rig::{Ask, Fault, Load};

use super::Experiment;
use super::rig::Rig;
use super::row::Row;
use super::site::{Plan, Site, last, status};

pub(crate) const ALL: &[Experiment] = &[Experiment { name: "M6", core: false, run: soak }];

/// What of a process must not grow.
#[derive(Clone, Copy, Debug, Default)]
struct Taken {
    memory: f64,
    descriptors: f64,
    threads: f64,
}

impl Taken {
    /// What the nodes take now, all together.
    fn now(site: &mut Site) -> Self {
        site.nodes.iter_mut().fold(Self::default(), |sum, node| {
            let pid = node.process().pid();
            let count = |folder: &str| read_dir(format!("/proc/{pid}/{folder}")).unwrap().count() as f64;
            Self {
                memory: sum.memory + status(pid, "VmRSS:") as f64,
                descriptors: sum.descriptors + count("fd"),
                threads: sum.threads + count("task"),
            }
        })
    }

    fn mean(all: &[Self]) -> Self {
        let of = |part: fn(&Self) -> f64| all.iter().map(part).sum::<f64>() / all.len() as f64;
        Self {
            memory: of(|taken| taken.memory),
            descriptors: of(|taken| taken.descriptors),
            threads: of(|taken| taken.threads),
        }
    }
}

/// `SOAK_MINUTES` (6; the plan of docs/failures.md asks for 30) of keys of which there are more than two million, through caches that hold
/// a few thousand, while each line breaks in one way after another.
fn soak(rig: &mut Rig) -> Row {
    let minutes: f64 = std::env::var("SOAK_MINUTES").map_or(6.0, |minutes| minutes.parse().unwrap());
    let lasts = Duration::from_secs_f64(minutes * 60.0);
    let settings = vec![("ATELIER_L1_BYTES", "8MiB".to_owned())];
    let mut site = Site::open(rig, Plan { warm: false, settings, ..Plan::default() });
    let to = site.addresses();
    let mut chance = fastrand::Rng::new();
    let next = move || {
        let (product, page, count) = (chance.u64(1..=40), chance.u64(1..=100), chance.u64(1..=1000));
        let route = ["/reviews", "/qa/questions"][chance.usize(..2)];
        let target = format!("{route}?product_id={product}&page={page}&count={count}");
        Ask { number: count, ..Ask::get(to[chance.usize(..to.len())], route, target) }
    };
    let judge = |ask: &Ask, answer: &atelier_rig::Answer| {
        let echo = format!("\"count\":{},", ask.number);
        answer.status == 503
            || answer.status == 200
                && (ask.class != "/reviews" || String::from_utf8_lossy(&answer.body).contains(&echo))
    };
    let load = Load::start(500, Duration::from_secs(6), next, Arc::new(judge));
    let begun = Instant::now();
    let late = Duration::from_millis(100);
    let faults = [Fault::Cut, Fault::Slow(late, late), Fault::Silent, Fault::Reset, Fault::HalfClose];
    let mut thirds = [Vec::new(), Vec::new(), Vec::new()];
    // A turn is two seconds for each fault: a line breaks, and is well again while the node is looked at.
    let mut turn = 0;
    while begun.elapsed() < lasts {
        let lines = if turn % 2 == 0 { &site.to_redis } else { &site.to_postgres };
        let fault = &faults[turn / 2 % faults.len()];
        lines.iter().for_each(|line| line.set(None, fault.clone()));
        last(Duration::from_millis(700));
        lines.iter().for_each(atelier_rig::Proxy::heal_all);
        last(Duration::from_millis(1300));
        let third = (begun.elapsed().as_secs_f64() / lasts.as_secs_f64() * 3.0) as usize;
        thirds[third.min(2)].push(Taken::now(&mut site));
        turn += 1;
    }
    let samples = load.end();
    let (middle, end) = (Taken::mean(&thirds[1]), Taken::mean(&thirds[2]));
    let bar = |row: Row, what: &str, part: fn(&Taken) -> f64| {
        let ratio = part(&end) / part(&middle);
        row.bar(format!("{what}, last third / middle ≤ 1.02"), format!("{ratio:.3}"), ratio <= 1.02)
    };
    let row = Row::new("M6 soak", format!("{minutes} min of ever other keys, {turn} faults of the lines in turn"));
    let row = row.load(&samples);
    let row = bar(row, "memory", |taken| taken.memory);
    let row = bar(row, "descriptors", |taken| taken.descriptors);
    bar(row, "threads", |taken| taken.threads)
}
