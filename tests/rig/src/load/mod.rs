//! Open load: requests go out when they are due, whether or not the earlier ones have been answered, and every answer is timed
//! from the moment at which its request was due. So a server that stands still is not spared the requests that would have come.

mod line;
mod sample;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use self::line::Line;
pub use self::line::{Answer, Broken};
pub use self::sample::{Sample, Samples};

/// More than this a load does not ask for: beyond, it would measure itself.
const FASTEST: u32 = 2_000;

/// A request.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Whom.
    pub to: SocketAddr,
    /// What it is counted under.
    pub class: &'static str,
    /// The method.
    pub method: &'static str,
    /// The target.
    pub target: String,
    /// Whole header lines.
    pub headers: String,
    /// The body.
    pub body: Vec<u8>,
    /// A number of the caller's own.
    pub number: u64,
}

impl Ask {
    /// A GET.
    pub fn get(to: SocketAddr, class: &'static str, target: impl Into<String>) -> Self {
        let (headers, body) = (String::new(), Vec::new());
        Self { to, class, method: "GET", target: target.into(), headers, body, number: 0 }
    }
}

/// Whether an answer is right, and what else is to be done with it.
pub type Judge = dyn Fn(&Ask, &Answer) -> bool + Send + Sync;

/// A load under way. Dropped, it ends.
#[derive(Debug)]
pub struct Load {
    shared: Arc<Shared>,
    thread: Option<thread::JoinHandle<Vec<Sample>>>,
}

#[derive(Debug)]
struct Shared {
    rate: AtomicU32,
    ended: AtomicBool,
    answered: AtomicU64,
    idle: Mutex<HashMap<SocketAddr, Vec<Line>>>,
}

impl Load {
    /// Begins to ask what `next` says, so many times a second. An answer that has not come after `patience` never does.
    pub fn start(
        rate: u32,
        patience: Duration,
        mut next: impl FnMut() -> Ask + Send + 'static,
        judge: Arc<Judge>,
    ) -> Self {
        let shared = Arc::new(Shared {
            rate: AtomicU32::new(rate.min(FASTEST)),
            ended: AtomicBool::new(false),
            answered: AtomicU64::new(0),
            idle: Mutex::default(),
        });
        let own = Arc::clone(&shared);
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.expect("a runtime can be made");
            runtime.block_on(async move {
                let (noted, samples) = (Arc::new(Mutex::new(Vec::new())), Arc::new(()));
                let mut due = Instant::now();
                while !own.ended.load(Ordering::Acquire) {
                    tokio::time::sleep_until(due.into()).await;
                    let rate = own.rate.load(Ordering::Relaxed);
                    if rate == 0 {
                        due = Instant::now() + Duration::from_millis(1);
                        continue;
                    }
                    let (ask, own, judge, noted) = (next(), Arc::clone(&own), Arc::clone(&judge), Arc::clone(&noted));
                    let running = Arc::clone(&samples);
                    tokio::spawn(async move {
                        let sample = own.ask(&ask, due, patience, &judge).await;
                        noted.lock().expect("no task panics with the lock").push(sample);
                        drop(running);
                    });
                    due += Duration::from_secs(1) / rate;
                }
                // Those under way have a limit of their own.
                while Arc::strong_count(&samples) > 1 {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                std::mem::take(&mut *noted.lock().expect("no task panics with the lock"))
            })
        });
        Self { shared, thread: Some(thread) }
    }

    /// From now on so many requests a second; none, if it is 0.
    pub fn set_rate(&self, rate: u32) {
        self.shared.rate.store(rate.min(FASTEST), Ordering::Relaxed);
    }

    /// How many were answered so far, or failed.
    pub fn answered(&self) -> u64 {
        self.shared.answered.load(Ordering::Relaxed)
    }

    /// Asks no more, waits for what is under way, and says what came of everything.
    pub fn end(mut self) -> Samples {
        self.shared.ended.store(true, Ordering::Release);
        let thread = self.thread.take().expect("a load ends once");
        Samples(thread.join().expect("the load does not panic"))
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    async fn ask(&self, ask: &Ask, due: Instant, patience: Duration, judge: &Arc<Judge>) -> Sample {
        let sent = Instant::now();
        let asked = tokio::time::timeout(patience, self.exchange(ask, sent)).await;
        let answer = asked.unwrap_or(Err(Broken::Late));
        let done = Instant::now();
        self.answered.fetch_add(1, Ordering::Relaxed);
        let mut sample = Sample {
            class: ask.class,
            to: ask.to,
            due,
            done,
            status: answer.as_ref().map(|answer| answer.status).map_err(|broken| *broken),
            label: None,
            tier: "",
            right: true,
        };
        if let Ok(answer) = &answer {
            sample.label = answer.label();
            sample.tier = answer.tier();
            sample.right = judge(ask, answer);
        }
        sample
    }

    async fn exchange(&self, ask: &Ask, sent: Instant) -> Result<Answer, Broken> {
        let kept = {
            let mut idle = self.idle.lock().expect("no task panics with the lock");
            let lines = idle.entry(ask.to).or_default();
            // The youngest is the one that the server has least reason to close.
            std::iter::from_fn(|| lines.pop()).find(Line::is_open)
        };
        let mut line = match kept {
            Some(line) => line,
            None => Line::connect(ask.to).await?,
        };
        let (answer, keep) = line.exchange(ask, sent).await?;
        if keep {
            let mut idle = self.idle.lock().expect("no task panics with the lock");
            idle.entry(ask.to).or_default().push(line);
        }
        Ok(answer)
    }
}
