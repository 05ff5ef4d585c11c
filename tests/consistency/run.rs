//! Runs: servers, writers, readers and a scene, then quiet, then every key on every node against the origin, then the judge.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use atelier_rig::Node;
use tokio::task::block_in_place;

use super::client::{Answer, Client};
use super::cluster::{Cluster, NODES};
use super::faults;
use super::history::{Final, Label, nanos};
use super::judge::{Rules, judge};
use super::play::Play;
use super::readers;
use super::scenes::{BOUND, GRACE, Scene};
use super::stage::{BUSY, Stage};
use super::verdict::{Invariant, Verdict};
use super::writers::{self, Load, Owners};

/// What the nodes of the runs are told.
pub(crate) const RULES: Rules = Rules {
    bound: BOUND,
    grace: GRACE,
    stale_limit: Duration::from_secs(60),
    budget: Duration::from_millis(800),
    recovery: Duration::from_secs(3),
};

/// How many clients read from each node.
const READERS: u64 = 4;

/// What came of a run.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// What was played.
    pub(crate) name: String,
    /// What the judge says.
    pub(crate) verdict: Verdict,
    /// What was done to the servers.
    pub(crate) faults: HashMap<&'static str, u64>,
    /// Attempted moves that were refused, and transactions rolled back.
    pub(crate) refused: (u64, u64),
    /// What should have happened in the run and did not.
    pub(crate) lacks: Vec<String>,
    /// How long it took, all in all.
    pub(crate) took: Duration,
}

/// How a run goes.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// The name in reports.
    pub(crate) name: String,
    /// What is played.
    pub(crate) scene: Scene,
    /// For about how long.
    pub(crate) length: Duration,
    /// What chance begins with.
    pub(crate) seed: u64,
    /// What is written meanwhile.
    pub(crate) load: Option<Load>,
    /// Settings of the nodes besides the usual ones.
    pub(crate) settings: Vec<(&'static str, String)>,
    /// SQL that is run before the nodes start.
    pub(crate) prepare: Option<&'static str>,
    /// Whether it ends with a look at every key.
    pub(crate) finals: bool,
}

impl Plan {
    /// A scene as it is.
    pub(crate) fn of(scene: Scene, length: Duration, seed: u64) -> Self {
        let (name, settings) = (format!("{scene:?}"), scene.settings());
        Self { name, scene, length, seed, load: scene.load(), settings, prepare: None, finals: true }
    }

    /// Runs it on these servers.
    pub(crate) fn run(&self, cluster: &Arc<Cluster>) -> Outcome {
        let begun = Instant::now();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(4)
            .enable_all()
            .build()
            .expect("a runtime can be built");
        let stage = Arc::new(Stage::new());
        let play = Play::start(cluster, &stage, self.seed, self.scene.with_redis(), &self.settings, self.prepare);
        let reference = runtime.block_on(self.go(&play));
        play.count_compared();
        play.end_nodes();
        drop(reference);
        runtime.shutdown_timeout(Duration::from_secs(5));

        let history = play.history();
        let verdict = judge(&history, RULES);
        let faults = play.faults();
        let refused = (history.moves_refused, history.rolled_back);
        let mut outcome =
            Outcome { name: self.name.clone(), verdict, faults, refused, lacks: Vec::new(), took: begun.elapsed() };
        outcome.lacks = self.lacks(&outcome);
        outcome
    }

    /// Returns the node that said what is right.
    async fn go(&self, play: &Arc<Play>) -> Option<Node> {
        let owners = Owners::new();
        let (mut writing, mut reading) = (Vec::new(), Vec::new());
        if let Some(load) = self.load {
            for (task, owner) in owners.each().enumerate() {
                writing.push(tokio::spawn(writers::owner(Arc::clone(play), Arc::clone(owner), load, task as u64)));
            }
            if let Some(rest) = load.api_rest {
                for writer in 0..2 {
                    let products = BUSY.filter(|product| product % 2 == writer).collect();
                    writing.push(tokio::spawn(writers::api(Arc::clone(play), products, rest, 100 + u64::from(writer))));
                }
            }
            for place in 0..NODES {
                for reader in 0..READERS {
                    let task = 200 + u64::from(place) * READERS + reader;
                    let rest = Duration::from_millis(5);
                    reading.push(tokio::spawn(readers::reader(Arc::clone(play), place, rest, task)));
                }
            }
        }
        reading.push(tokio::spawn(faults::watch(Arc::clone(play))));

        self.scene.play(play, &owners, self.length).await;

        for place in 0..NODES {
            play.cluster.to_postgres(place).heal_all();
            play.cluster.to_redis(place).heal_all();
        }
        play.end_writers();
        for writer in writing {
            writer.await.expect("a writer ends by itself");
        }
        if !self.finals {
            play.end_readers();
            for reader in reading {
                reader.await.expect("a reader ends by itself");
            }
            return None;
        }
        let quiet = play.clock.now();
        let reference = block_in_place(|| play.cluster.reference());
        // Some time to find back, if something was broken at the end; then nothing may differ any more.
        let recovered = play.clock.now() + nanos(RULES.recovery) + nanos(BOUND);
        while play.clock.now() < recovered && !block_in_place(|| play.all_ready()) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let settled = (quiet + nanos(BOUND)).saturating_sub(play.clock.now());
        tokio::time::sleep(Duration::from_nanos(settled)).await;
        play.end_readers();
        for reader in reading {
            reader.await.expect("a reader ends by itself");
        }
        finals(play, &reference).await;
        Some(reference)
    }

    /// What a run that shows something has.
    fn lacks(&self, outcome: &Outcome) -> Vec<String> {
        let mut lacks = Vec::new();
        let stats = outcome.verdict.stats;
        let mut at_least = |what: &str, number: u64, least: u64| {
            if number < least {
                lacks.push(format!("{what}: {number} instead of {least}"));
            }
        };
        for (fault, least) in self.scene.demands() {
            at_least(fault, outcome.faults.get(fault).copied().unwrap_or(0), *least);
        }
        let (origin, purge) = self.scene.shows();
        at_least("answers labelled stale-origin", stats.stale_origin, u64::from(origin));
        at_least("answers labelled stale-purge", stats.stale_purge, u64::from(purge));
        let seconds = self.length.as_secs().max(1);
        if self.load.is_some() {
            at_least("reads", stats.reads, 100 * seconds);
            at_least("writes", stats.writes, 15 * seconds);
            at_least("reads with a token", stats.with_token, 10 * seconds);
            at_least("304", stats.not_modified, 5 * seconds);
            at_least("hits compared", outcome.faults.get("hits compared").copied().unwrap_or(0), 1);
        }
        lacks
    }
}

/// Asks a node for a key until the answer has no label, for as long as a label may last.
async fn settled(play: &Play, client: &mut Client, path: &str) -> Result<Answer, String> {
    let until = play.clock.now() + nanos(RULES.recovery) + nanos(BOUND) + nanos(GRACE);
    loop {
        let answer = client.get(path, "").await;
        if matches!(answer.status, 200 | 404) && answer.label == Label::None {
            return Ok(answer);
        }
        if play.clock.now() > until {
            return Err(format!("still {} {:?} long after everything was quiet", answer.status, answer.label));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A4: every key that was read, on every node, against the origin.
async fn finals(play: &Arc<Play>, reference: &Node) {
    let mut targets = BTreeSet::new();
    play.note(|history| targets.extend(history.reads.iter().map(|read| read.target)));
    let targets: Arc<Vec<u32>> = Arc::new(targets.into_iter().collect());
    let path = |target: u32| play.stage.targets[target as usize].path.clone();
    let mut origin = Client::new(reference.address, play.clock);
    let mut right = HashMap::new();
    for target in targets.iter() {
        if let Ok(answer) = settled(play, &mut origin, &path(*target)).await {
            right.insert(*target, (answer.status, answer.body));
        }
    }
    let right = Arc::new(right);
    let mut asking = Vec::new();
    for place in 0..NODES {
        let (play, right, targets) = (Arc::clone(play), Arc::clone(&right), Arc::clone(&targets));
        asking.push(tokio::spawn(async move {
            let mut reader = play.client(place);
            let node = play.name(place);
            for target in targets.iter().copied() {
                let path = &play.stage.targets[target as usize].path;
                let wrong = match (settled(&play, &mut reader.client, path).await, right.get(&target)) {
                    (Ok(answer), Some((status, body))) if (answer.status, &answer.body) == (*status, body) => None,
                    (Ok(answer), Some((status, body))) => Some(format!(
                        "{} {} instead of {status} {}",
                        answer.status,
                        String::from_utf8_lossy(&answer.body),
                        String::from_utf8_lossy(body)
                    )),
                    (Err(error), _) => Some(error),
                    (Ok(_), None) => Some("the origin cannot be asked".to_owned()),
                };
                play.note(|history| history.finals.push(Final { node, target, wrong }));
                // Once more as any read, so that it is judged by its versions, too.
                reader.read(&play, target, None, None).await;
            }
            reader.hand_in(&play);
        }));
    }
    for asked in asking {
        asked.await.expect("asking ends");
    }
}

/// The table of runs, and what was wrong.
pub(crate) fn report(outcomes: &[Outcome]) -> String {
    let mut text = format!(
        "{:<15} {:>7} {:>6} {:>5} {:>6} {:>6} {:>6} {:>5} {:>5} {:>8} {:>7}",
        "scene", "reads", "writes", "unkn.", "origin", "purge", "503", "fail", "404", "worst ms", "took s"
    );
    for invariant in Invariant::ALL {
        text.push_str(&format!(" {invariant:>5}"));
    }
    text.push('\n');
    for outcome in outcomes {
        let stats = outcome.verdict.stats;
        text.push_str(&format!(
            "{:<15} {:>7} {:>6} {:>5} {:>6} {:>6} {:>6} {:>5} {:>5} {:>8.0} {:>7.1}",
            outcome.name,
            stats.reads,
            stats.writes,
            stats.unknown,
            stats.stale_origin,
            stats.stale_purge,
            stats.unavailable,
            stats.failed,
            stats.absent,
            stats.worst as f64 / 1e6,
            outcome.took.as_secs_f64()
        ));
        for invariant in Invariant::ALL {
            text.push_str(&format!(" {:>5}", outcome.verdict.count(invariant)));
        }
        text.push('\n');
    }
    for outcome in outcomes {
        let mut faults: Vec<_> = outcome.faults.iter().map(|(fault, count)| format!("{fault} {count}")).collect();
        faults.sort();
        let (moves, rolled_back) = outcome.refused;
        text.push_str(&format!(
            "{}: moves refused {moves}, rolled back {rolled_back}, {}\n",
            outcome.name,
            faults.join(", ")
        ));
        for lack in &outcome.lacks {
            text.push_str(&format!("  has not shown enough: {lack}\n"));
        }
        for violation in &outcome.verdict.examples {
            let said: String = violation.text.chars().take(700).collect();
            text.push_str(&format!("  {}: {said}\n", violation.invariant));
        }
    }
    text
}

/// The seed in `SEED`, or a new one; it is printed either way.
pub(crate) fn seed() -> u64 {
    let given = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(|| fastrand::u64(..1_000_000));
    eprintln!("SEED={seed}");
    seed
}
