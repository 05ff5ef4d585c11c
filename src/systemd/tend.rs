//! Looks after a node for systemd for as long as it runs: says when it is ready and how it is, and feeds the watchdog, which ends the
//! process when that stops.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::time::{Instant, sleep};
use tracing::{info, warn};

use super::probe::answers;
use super::{tell, untold};
use crate::cache::Cache;
use crate::server::{Crowded, Drain};

/// How often a node that runs is looked at when no watchdog asks for more.
const LOOK: Duration = Duration::from_secs(2);

/// How often it is looked at until it is ready: a restart waits for that.
const LOOK_EARLY: Duration = Duration::from_millis(20);

/// How much longer systemd is asked to wait for a start that goes on, and how often.
const LONGER: Duration = Duration::from_secs(30);
const ASK_LONGER: Duration = Duration::from_secs(5);

/// What is looked at.
#[derive(Clone)]
pub struct Node {
    /// What it knows.
    pub cache: Arc<Cache>,
    /// Where clients reach it.
    pub address: SocketAddr,
    /// Whether they have to wait there.
    pub crowded: Crowded,
    /// Its end.
    pub drain: Drain,
}

impl Node {
    /// Whether it does what it is for: polls, and answers. One that has as many connections as it may have does not answer a further
    /// one, and is not to be ended for that.
    async fn is_alive(&self, patience: Duration) -> Result<(), &'static str> {
        if !self.cache.polls() {
            return Err("the poll stands still");
        }
        if self.drain.has_begun() || answers(self.address, patience).await || self.crowded.is() {
            return Ok(());
        }
        Err("it does not answer its own request")
    }

    /// How it is, in a line.
    fn status(&self) -> String {
        match (self.cache.readiness(), self.cache.blindness()) {
            _ if self.drain.has_begun() => "draining".to_owned(),
            (Err(unready), _) => format!("not ready: {unready}"),
            (Ok(()), Some(why)) => format!("serving what is held, labelled: {why}"),
            (Ok(()), None) => "serving".to_owned(),
        }
    }
}

/// Tells systemd of `node` until the process ends. Without systemd there is nobody to tell.
pub async fn tend(node: Node) {
    if std::env::var_os("NOTIFY_SOCKET").is_none() {
        return;
    }
    let watchdog = sd_notify::watchdog_enabled();
    // Several tries fit into the watchdog's time, each with a limit.
    let look = watchdog.map_or(LOOK, |time| (time / 4).min(LOOK));
    say(Told { status: node.status(), ..Told::default() }).await;
    ready(&node, look).await;
    let mut last = String::new();
    let mut failing = false;
    loop {
        let alive = node.is_alive(look).await;
        let status = node.status();
        let told = Told { alive: alive.is_ok() && watchdog.is_some(), status: status.clone(), ..Told::default() };
        if told.alive || status != last {
            say(told).await;
            last = status;
        }
        match alive {
            Err(why) if !failing => warn!(why, "systemd's watchdog is not fed: {why}"),
            Ok(()) if failing => info!("systemd's watchdog is fed again"),
            _ => {}
        }
        failing = alive.is_err();
        sleep(look).await;
    }
}

/// Waits until `node` can answer and says so. However long that takes, systemd waits, as long as the node is alive: it goes on trying
/// by itself, and beginning anew would not help.
async fn ready(node: &Node, patience: Duration) {
    let mut asked: Option<Instant> = None;
    loop {
        let ready = node.cache.readiness().is_ok();
        if ready && node.is_alive(patience).await.is_ok() {
            return say(Told { ready: true, alive: true, status: node.status(), ..Told::default() }).await;
        }
        if asked.is_none_or(|asked| asked.elapsed() >= ASK_LONGER) && node.is_alive(patience).await.is_ok() {
            asked = Some(Instant::now());
            say(Told { longer: true, status: node.status(), ..Told::default() }).await;
        }
        sleep(LOOK_EARLY).await;
    }
}

/// One message.
#[derive(Debug, Default)]
struct Told {
    ready: bool,
    alive: bool,
    longer: bool,
    status: String,
}

/// Sends it on a thread that may wait: a systemd that stands still takes nothing.
async fn say(told: Told) {
    let sent = tokio::task::spawn_blocking(move || {
        // A line is what systemd takes.
        let status = told.status.replace('\n', " ");
        let longer = u32::try_from(LONGER.as_micros()).unwrap_or(u32::MAX);
        let states = [
            (told.ready, NotifyState::Ready),
            (told.alive, NotifyState::Watchdog),
            (told.longer, NotifyState::ExtendTimeoutUsec(longer)),
            (true, NotifyState::Status(&status)),
        ];
        let states: Vec<_> = states.into_iter().filter(|(wanted, _)| *wanted).map(|(_, state)| state).collect();
        tell(&states);
    });
    if let Err(ended) = sent.await {
        untold(&std::io::Error::other(ended));
    }
}
