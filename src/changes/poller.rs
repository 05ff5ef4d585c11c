//! Asks the origin again and again what was changed, one question at a time, and says to whoever waits that it has.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{Notify, mpsc, watch};
use tokio::time::{Instant as Alarm, sleep_until, timeout};
use tracing::{info, warn};

use crate::breaker::Breaker;
use crate::cause::Causes;
use crate::freshness::Instant;
use crate::key::Resource;
use crate::metrics::{Place, Polled as PollEnd, metrics};
use crate::origin::{Changes as Learned, Origin, OriginError, Poll, Position, Tags};
use crate::red::{self, Point, Red};
use crate::stamp::OrdToken;
use crate::supervise::supervise;
use crate::tag::{Kind, Tag};

use super::{Changes, Erased, Resync, lock};

/// How polls are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How long after the begin of one poll the next begins, when nobody asks for it sooner.
    pub interval: Duration,
    /// How long a poll may take.
    pub timeout: Duration,
    /// How many tags a poll brings; of more it says only that there are more.
    pub tags_max: usize,
    /// The same for all that is kept.
    pub kept_max: usize,
    /// How soon after the begin of one poll a hint may begin the next.
    pub hint_min: Duration,
    /// How long what was changed is kept in the database.
    pub retention: Duration,
}

/// The shortest and the longest wait after a poll that failed.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// How much longer reading all that is kept may take than a poll: a million rows take a quarter of a second.
const RESYNC_FACTOR: u32 = 10;

/// A loop that has come to no end of a poll for so many times as long as reading all that is kept may take stands still: a round has two such
/// readings at most, and the longest wait behind it is shorter than one.
const STILL_FACTOR: u32 = 4;

/// How often the history of changes is pruned.
const PRUNE_EVERY: Duration = Duration::from_secs(60);

/// How often a hint of another epoch has the connection of the poll replaced; anybody can make up such hints.
const SUSPECT_EVERY: Duration = Duration::from_secs(1);

/// The end of a poll.
#[derive(Clone, Copy, Debug, Default)]
struct Polled {
    begun: Instant,
    /// False when it failed: then nobody waits for the next one either.
    applied: bool,
}

/// Wakes the poll, and waits for it.
pub struct Poller {
    changes: Arc<Changes>,
    origin: Arc<dyn Origin>,
    settings: Settings,
    grace: watch::Sender<[Duration; Resource::ALL.len()]>,
    wanted: Notify,
    hinted: Notify,
    polled: watch::Sender<Polled>,
    /// Told when a view of another epoch takes the place of the last one.
    renewed: Notify,
    /// Hears what must not be served any more.
    erased: mpsc::UnboundedSender<Erased>,
    /// Why the last poll failed; empty if it did not.
    trouble: Mutex<String>,
    /// When the connection was last suspected to lead to an old primary.
    suspected: Mutex<Instant>,
    started: Instant,
}

impl std::fmt::Debug for Poller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Poller").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Poller {
    /// Begins to poll. `grace` is how long a soft purge excuses an answer, by class; `erased` hears what must not be served
    /// any more.
    pub fn start(
        changes: Arc<Changes>,
        origin: Arc<dyn Origin>,
        settings: Settings,
        grace: [Duration; Resource::ALL.len()],
        erased: mpsc::UnboundedSender<Erased>,
    ) -> Arc<Self> {
        let poller = Arc::new(Self {
            changes,
            origin,
            settings,
            grace: watch::Sender::new(grace),
            wanted: Notify::new(),
            hinted: Notify::new(),
            polled: watch::Sender::default(),
            renewed: Notify::new(),
            erased,
            trouble: Mutex::new("no poll has ended yet".to_owned()),
            suspected: Mutex::default(),
            started: Instant::now(),
        });
        let own = Arc::clone(&poller);
        tokio::spawn(supervise(Place::Poll, "the poll", move || Arc::clone(&own).polls()));
        let own = Arc::clone(&poller);
        tokio::spawn(supervise(Place::Background, "the end of graces", move || Arc::clone(&own).harden()));
        let own = Arc::clone(&poller);
        tokio::spawn(supervise(Place::Background, "the pruning", move || Arc::clone(&own).prune()));
        poller
    }

    /// Changes how long soft purges excuse answers, from the next one on.
    pub fn set_grace(&self, grace: [Duration; Resource::ALL.len()]) {
        self.grace.send_replace(grace);
    }

    /// Asks for a poll soon, and waits for none.
    pub fn wake(&self) {
        self.wanted.notify_one();
    }

    /// Somebody says that there is something new, up to `token`. A false hint costs a poll.
    pub fn hint(&self, token: OrdToken) {
        if self.changes.has_reached(token) {
            return;
        }
        if self.changes.position().is_some_and(|position| position.epoch != token.epoch) {
            // Another node knows another epoch: perhaps this one's connection leads to a primary that is none any more.
            let mut suspected = lock(&self.suspected);
            let now = Instant::now();
            if now.since(*suspected) >= SUSPECT_EVERY {
                *suspected = now;
                self.origin.look_again();
            }
        }
        self.hinted.notify_one();
    }

    /// Why changes cannot be read; empty if they can.
    pub fn trouble(&self) -> String {
        lock(&self.trouble).clone()
    }

    /// Whether polls go on, successful or not.
    pub fn turns(&self) -> bool {
        let last = self.polled.borrow().begun.max(self.started);
        Instant::now().since(last) <= self.settings.timeout * RESYNC_FACTOR * STILL_FACTOR
    }

    /// Waits until an epoch begins that this node did not know.
    pub async fn renewed(&self) {
        self.renewed.notified().await;
    }

    /// Waits until a poll that began after this call is applied. False if it fails, or does not come within `patience`, and at
    /// once if the last one failed: the origin is being tried as often as it should be.
    pub async fn join(&self, patience: Duration) -> bool {
        let now = Instant::now();
        let mut polled = self.polled.subscribe();
        let last = *polled.borrow_and_update();
        if last.begun > Instant::default() && !last.applied {
            return false;
        }
        self.wanted.notify_one();
        match timeout(patience, polled.wait_for(|polled| polled.begun > now)).await {
            Ok(Ok(polled)) => polled.applied,
            Ok(Err(_)) | Err(_) => false,
        }
    }

    /// Closes the breaker after each poll that succeeds, for ever: whoever answers it can be asked.
    pub async fn after_each(self: Arc<Self>, breaker: Arc<Breaker>) {
        let mut polled = self.polled.subscribe();
        while polled.changed().await.is_ok() {
            if polled.borrow_and_update().applied {
                breaker.close();
            }
        }
    }

    async fn polls(self: Arc<Self>) {
        let mut position = None;
        let mut back_off = BACK_OFF.0;
        let mut failing = false;
        let mut accounted = Instant::now();
        loop {
            red::stand_still(Red::PollStands).await;
            let alarm = Alarm::now();
            let begun = Instant::now();
            let proved = self.changes.proved();
            let outcome = self.poll(&mut position, begun).await;
            accounted = self.account(accounted, proved, begun, outcome.is_ok());
            self.polled.send_replace(Polled { begun, applied: outcome.is_ok() });
            let next = match outcome {
                Ok(()) => {
                    if std::mem::take(&mut failing) {
                        info!("changes are read again");
                    }
                    lock(&self.trouble).clear();
                    back_off = BACK_OFF.0;
                    self.read_ids();
                    alarm + self.settings.interval
                }
                Err(error) => {
                    failing = true;
                    let why = Causes(&error).to_string();
                    let mut trouble = lock(&self.trouble);
                    // The same reason again, attempt after attempt, is said once.
                    if *trouble != why {
                        warn!(error = why, "changes cannot be read; trying again");
                        *trouble = why;
                    }
                    // Full jitter: nodes that lost the database together do not come back together.
                    let wait = back_off.mul_f64(fastrand::f64());
                    back_off = (back_off * 2).min(BACK_OFF.1);
                    Alarm::now() + wait
                }
            };
            tokio::select! {
                () = sleep_until(next) => {}
                () = self.wanted.notified(), if !failing => {}
                () = async {
                    self.hinted.notified().await;
                    sleep_until(alarm + self.settings.hint_min).await;
                }, if !failing => {}
            }
        }
    }

    /// Counts a poll that has ended, and for how long nothing could be proved since the last one: until it was applied, its predecessor's
    /// fence stood where `proved` says. Returns until when that is counted now.
    fn account(&self, accounted: Instant, proved: Instant, begun: Instant, applied: bool) -> Instant {
        let now = Instant::now();
        let blind = now.since(accounted.max(proved.after(self.changes.bound())));
        metrics().blind_seconds.inc_by(blind.as_secs_f64());
        if applied {
            metrics().poll_seconds.observe(now.since(begun));
        } else {
            metrics().polled(PollEnd::Failed);
        }
        now
    }

    /// How polls are made.
    pub fn settings(&self) -> Settings {
        self.settings
    }

    async fn poll(&self, position: &mut Option<Position>, begun: Instant) -> Result<(), OriginError> {
        if let Some(since) = &*position {
            let poll = self.ask(Some(since), self.settings.tags_max, self.settings.timeout).await?;
            if let Learned::Since(Tags::TooMany(kind)) = &poll.changes {
                warn!(
                    most = self.settings.tags_max,
                    ?kind,
                    "more was changed at once than is listed: everything held is outdated"
                );
            }
            let learned = self.changes.learn(&poll, begun, &self.grace.borrow());
            if learned != Err(Resync) {
                self.tell_erased(&poll);
                *position = Some(poll.position);
                metrics().polled(PollEnd::Applied);
                return Ok(());
            }
            info!("the history of changes goes on elsewhere: reading all that is kept of it");
        }
        // It begins now: what the poll above saw may be of another epoch.
        let mut begun = Instant::now();
        let limit = self.settings.timeout * RESYNC_FACTOR;
        let mut poll = self.ask(None, self.settings.kept_max, limit).await?;
        if matches!(poll.changes, Learned::Kept { horizon: None, .. }) {
            // From the first mark on, what nodes store in Redis can be proved by nodes that come later.
            self.prune_once().await;
            begun = Instant::now();
            poll = self.ask(None, self.settings.kept_max, limit).await?;
        }
        let renewed = self.changes.resync(&poll, begun);
        metrics().polled(PollEnd::Resync);
        self.tell_erased(&poll);
        info!(epoch = %poll.epoch, renewed, "the history of changes is read");
        if renewed {
            // Connections that were made to another epoch may lead to a server that is not the primary any more.
            if position.is_some() {
                self.origin.reconnect();
            }
            self.renewed.notify_waiters();
        }
        *position = Some(poll.position);
        Ok(())
    }

    fn tell_erased(&self, poll: &Poll) {
        let (Learned::Since(tags) | Learned::Kept { tags, .. }) = &poll.changes else { return };
        let all = [(Tag::All, Kind::Erase)];
        let tags = match tags {
            Tags::These(tags) => &tags[..],
            Tags::TooMany(Kind::Erase) => &all,
            Tags::TooMany(Kind::Soft | Kind::Hard) => &[],
        };
        for (tag, _) in tags.iter().filter(|(_, kind)| *kind == Kind::Erase) {
            // Nobody listens when there is no Redis.
            let _ = self.erased.send(Erased { epoch: poll.epoch, tag: *tag, stamp: poll.stamp });
        }
    }

    async fn ask(&self, position: Option<&Position>, most: usize, limit: Duration) -> Result<Poll, OriginError> {
        let polled = timeout(limit, self.origin.poll(position, most)).await.unwrap_or(Err(OriginError::Late));
        red::pass(Point::Poll);
        polled
    }

    /// Reads the ids of the existence filter where they are not known.
    fn read_ids(&self) {
        for reading in self.changes.filters().begin(Instant::now()) {
            let (changes, origin) = (Arc::clone(&self.changes), Arc::clone(&self.origin));
            tokio::spawn(async move {
                // Asked before the ids are: an epoch that begins meanwhile forgets this reading.
                let (epoch, incarnation) = changes.era();
                // A task of its own, so that this reading ends even if it panics.
                let ids = match tokio::spawn(async move { origin.ids(reading.of).await }).await {
                    Ok(Ok((ids, from))) if from == incarnation => Some(ids),
                    Ok(Ok(_)) => None,
                    Ok(Err(error)) => {
                        warn!(of = ?reading.of, error = %Causes(&error), "the ids that exist cannot be read");
                        None
                    }
                    Err(_panicked) => {
                        metrics().panicked(Place::Background);
                        None
                    }
                };
                changes.filters().end(reading, epoch, ids, Instant::now());
            });
        }
    }

    /// Ends the grace of each soft purge when it is over.
    async fn harden(self: Arc<Self>) {
        /// Graces are seconds to minutes; a purge that has just been applied is seen here within this time.
        const LOOK: Duration = Duration::from_millis(50);
        loop {
            self.changes.harden(Instant::now());
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Prunes the history of changes. Any node may; the database lets one at a time.
    async fn prune(self: Arc<Self>) {
        loop {
            // Not all nodes at the same moment.
            tokio::time::sleep(PRUNE_EVERY.mul_f64(0.5 + fastrand::f64())).await;
            if self.changes.is_open(Instant::now()) {
                self.prune_once().await;
            }
        }
    }

    async fn prune_once(&self) {
        if let Err(error) = self.origin.prune(self.settings.retention).await {
            warn!(error = %Causes(&error), "the history of changes cannot be pruned");
        }
    }
}
