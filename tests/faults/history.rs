//! What was written, so that answers can be judged.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use atelier_rig::postgres::Psql;
use atelier_rig::{Answer, Ask};

use super::catalogue::{BUSY, Catalogue, cold};

/// The bound of the nodes.
pub(crate) const BOUND: Duration = Duration::from_secs(2);

/// A version of a slogan.
#[derive(Clone, Copy, Debug)]
struct Version {
    number: u64,
    begun: Instant,
    acked: Option<Instant>,
}

/// Versions and votes of one run.
#[derive(Debug, Default)]
pub(crate) struct History {
    versions: Mutex<HashMap<u64, Vec<Version>>>,
    /// Votes that were acknowledged.
    pub(crate) votes: AtomicU64,
    /// Votes of which the writer heard nothing, or 503.
    pub(crate) unsure: AtomicU64,
    /// What was wrong with the first wrong answers.
    pub(crate) complaints: Mutex<Vec<String>>,
}

impl History {
    /// Whether an answer is one that the origin had, and no older than it may be without a label.
    pub(crate) fn judge(&self, catalogue: &Catalogue, ask: &Ask, answer: &Answer) -> bool {
        if ask.method == "PUT" {
            let counter = if answer.status == 204 { &self.votes } else { &self.unsure };
            counter.fetch_add(1, Ordering::Relaxed);
            return matches!(answer.status, 204 | 503);
        }
        if answer.status >= 500 {
            return true;
        }
        let right = answer.status == 200
            && match ask.class {
                "cold" => answer.body == cold(ask.number).as_bytes(),
                _ => {
                    let (right, version) = catalogue.is_right(ask.number, &answer.body);
                    let product = catalogue.known[usize::try_from(ask.number).unwrap()].product;
                    right && version.is_none_or(|version| self.fits(product, version, answer))
                }
            };
        if !right {
            let mut complaints = self.complaints.lock().unwrap();
            if complaints.len() < 5 {
                let body: String = String::from_utf8_lossy(&answer.body).chars().take(200).collect();
                complaints.push(format!("{} {} {:?} {body}", ask.target, answer.status, answer.label()));
            }
        }
        right
    }

    /// Whether this version may be in this answer.
    fn fits(&self, product: u64, shown: u64, answer: &Answer) -> bool {
        let versions = self.versions.lock().unwrap();
        let Some(versions) = versions.get(&product) else { return shown == 0 };
        let newest =
            versions.iter().filter(|version| version.begun <= answer.received).map(|version| version.number).max();
        let due = |version: &&Version| version.acked.is_some_and(|acked| acked + BOUND < answer.sent);
        let oldest = versions.iter().filter(due).map(|version| version.number).max().unwrap_or(0);
        shown <= newest.unwrap_or(0) && (shown >= oldest || answer.label().is_some())
    }

    fn write(&self, psql: &Psql, product: u64) {
        let (number, place) = {
            let mut versions = self.versions.lock().unwrap();
            let versions = versions.entry(product).or_default();
            let number = versions.len() as u64 + 1;
            versions.push(Version { number, begun: Instant::now(), acked: None });
            (number, versions.len() - 1)
        };
        if psql.run(&format!("UPDATE products SET slogan = 'v={number}' WHERE id = {product}")).is_ok() {
            self.versions.lock().unwrap().get_mut(&product).unwrap()[place].acked = Some(Instant::now());
        }
    }

    /// How many versions were written, and known to be.
    pub(crate) fn written(&self) -> usize {
        let versions = self.versions.lock().unwrap();
        versions.values().flatten().filter(|version| version.acked.is_some()).count()
    }
}

/// One who writes slogans with SQL until it is dropped.
#[derive(Debug)]
pub(crate) struct Writer {
    ended: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Writer {
    /// Begins to write.
    pub(crate) fn start(history: Arc<History>, psql: Psql) -> Self {
        let ended = Arc::new(AtomicBool::new(false));
        let own = Arc::clone(&ended);
        let thread = thread::spawn(move || {
            for product in BUSY.cycle() {
                if own.load(Ordering::Acquire) {
                    return;
                }
                history.write(&psql, product);
                // The pace of the writer, not something waited for.
                thread::sleep(Duration::from_millis(100));
            }
        });
        Self { ended, thread: Some(thread) }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
