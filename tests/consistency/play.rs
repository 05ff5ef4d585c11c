//! One run under way: what its tasks share, and what they write down.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use atelier_rig::Node;

use super::client::{Answer, Client};
use super::cluster::{Cluster, NODES};
use super::history::{Claim, Clock, Given, History, Nanos, Register, Seen, SoftPurge, Window, Write};
use super::reader::Reader;
use super::stage::Stage;

/// A token, and what whoever brings it has a right to see.
#[derive(Debug)]
pub(crate) struct Token {
    /// As it stood in `Atelier-Ord`.
    pub(crate) text: String,
    /// Keys that show what it is for.
    pub(crate) targets: Vec<u32>,
    /// What it is for.
    pub(crate) claims: Arc<[Claim]>,
}

/// How many tokens are remembered.
const TOKENS: usize = 64;

/// A validator with the key it belongs to.
type Known = HashMap<(u32, String), (u64, Arc<[Seen]>)>;

/// What the tasks of a run share.
#[derive(Debug)]
pub(crate) struct Play {
    /// The servers.
    pub(crate) cluster: Arc<Cluster>,
    /// What is written and read.
    pub(crate) stage: Arc<Stage>,
    /// The one clock.
    pub(crate) clock: Clock,
    /// What chance begins with.
    pub(crate) seed: u64,
    nodes: Vec<Place>,
    with_redis: bool,
    settings: Vec<(&'static str, String)>,
    next_node: AtomicU8,
    next_client: AtomicU32,
    next_transaction: AtomicU32,
    writers_end: AtomicBool,
    readers_end: AtomicBool,
    known: Mutex<Known>,
    tokens: Mutex<VecDeque<Arc<Token>>>,
    history: Mutex<History>,
    /// What was done to the servers, by name: so that a run can show that something happened.
    faults: Mutex<HashMap<&'static str, u64>>,
    /// Held by each API write while it is under way.
    api: Arc<tokio::sync::RwLock<()>>,
    paused: Mutex<Option<tokio::sync::OwnedRwLockWriteGuard<()>>>,
    cold_version: AtomicU64,
    /// Writes that were tried, for pacing and reports while it runs.
    pub(crate) written: AtomicU64,
}

/// Where a node stands. A new process at a place is another node in the history: it knows nothing of what the old one took.
#[derive(Debug)]
struct Place {
    node: Mutex<Option<Node>>,
    name: AtomicU8,
    /// How many bytes of its log were read.
    read: AtomicUsize,
}

impl Play {
    /// A run on these servers, with nodes that have these settings on top of the usual ones, after this SQL.
    pub(crate) fn start(
        cluster: &Arc<Cluster>,
        stage: &Arc<Stage>,
        seed: u64,
        with_redis: bool,
        settings: &[(&'static str, String)],
        prepare: Option<&str>,
    ) -> Arc<Self> {
        cluster.fresh();
        if let Some(prepare) = prepare {
            cluster.postgres().psql(&cluster.database(), prepare);
        }
        let nodes = std::thread::scope(|scope| {
            let start = |place| scope.spawn(move || cluster.node(place, with_redis, settings));
            let starting: Vec<_> = (0..NODES).map(start).collect();
            starting.into_iter().map(|node| node.join().expect("the node starts")).collect::<Vec<_>>()
        });
        let nodes = (0..NODES).zip(nodes);
        Arc::new(Self {
            cluster: Arc::clone(cluster),
            stage: Arc::clone(stage),
            clock: Clock::start(),
            seed,
            nodes: nodes
                .map(|(name, node)| Place {
                    node: Mutex::new(Some(node)),
                    name: AtomicU8::new(name),
                    read: AtomicUsize::new(0),
                })
                .collect(),
            with_redis,
            settings: settings.to_vec(),
            next_node: AtomicU8::new(NODES),
            next_client: AtomicU32::new(0),
            next_transaction: AtomicU32::new(0),
            writers_end: AtomicBool::new(false),
            readers_end: AtomicBool::new(false),
            known: Mutex::default(),
            tokens: Mutex::default(),
            history: Mutex::new(History {
                registers: stage.registers.clone(),
                targets: stage.targets.iter().map(|target| target.path.clone()).collect(),
                ..History::default()
            }),
            faults: Mutex::default(),
            api: Arc::default(),
            paused: Mutex::default(),
            cold_version: AtomicU64::new(0),
            written: AtomicU64::new(0),
        })
    }

    /// Chance of its own for a task.
    pub(crate) fn chance(&self, task: u64) -> fastrand::Rng {
        fastrand::Rng::with_seed(self.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(task))
    }

    /// A client of the node at `place`.
    pub(crate) fn client(&self, place: u8) -> Reader {
        let node = self.nodes[usize::from(place)].node.lock().unwrap();
        let address = node.as_ref().expect("a node stands there").address;
        let client = u16::try_from(self.next_client.fetch_add(1, Ordering::Relaxed)).unwrap_or(u16::MAX);
        let name = self.name(place);
        Reader { client: Client::new(address, self.clock), number: client, place, node: name, reads: Vec::new() }
    }

    /// By which name the node at `place` stands in the history.
    pub(crate) fn name(&self, place: u8) -> u8 {
        self.nodes[usize::from(place)].name.load(Ordering::Acquire)
    }

    /// The node at `place`.
    pub(crate) fn with_node<T>(&self, place: u8, act: impl FnOnce(&mut Node) -> T) -> T {
        let mut node = self.nodes[usize::from(place)].node.lock().unwrap();
        act(node.as_mut().expect("a node stands there"))
    }

    /// Kills the node at `place` and starts another one there, which need not be ready.
    pub(crate) fn replace_node(&self, place: u8) {
        let mut node = self.nodes[usize::from(place)].node.lock().unwrap();
        *node = None;
        *node = Some(self.cluster.unready_node(place, self.with_redis, &self.settings));
        self.nodes[usize::from(place)].read.store(0, Ordering::Relaxed);
        let name = self.next_node.fetch_add(1, Ordering::Relaxed);
        self.nodes[usize::from(place)].name.store(name, Ordering::Release);
        self.fault("node replaced");
    }

    /// Whether every node says that it is ready.
    pub(crate) fn all_ready(&self) -> bool {
        (0..NODES).all(|place| self.with_node(place, |node| node.admin_get("/readyz").status == 200))
    }

    /// A number for a transaction.
    pub(crate) fn transaction(&self) -> u32 {
        self.next_transaction.fetch_add(1, Ordering::Relaxed)
    }

    /// Whether writers shall end.
    pub(crate) fn writers_end(&self) -> bool {
        self.writers_end.load(Ordering::Acquire)
    }

    /// Whether readers shall end.
    pub(crate) fn readers_end(&self) -> bool {
        self.readers_end.load(Ordering::Acquire)
    }

    /// Tells writers to end.
    pub(crate) fn end_writers(&self) {
        self.writers_end.store(true, Ordering::Release);
    }

    /// Tells readers to end.
    pub(crate) fn end_readers(&self) {
        self.readers_end.store(true, Ordering::Release);
    }

    /// Waits until writes through the API may go on.
    pub(crate) async fn api_turn(&self) -> tokio::sync::RwLockReadGuard<'_, ()> {
        self.api.read().await
    }

    /// Holds up writes through the API, or lets them go on. Those under way have ended then.
    pub(crate) async fn pause_api(&self, paused: bool) {
        let pause = if paused { Some(Arc::clone(&self.api).write_owned().await) } else { None };
        *self.paused.lock().unwrap() = pause;
    }

    /// The version that scripts have given cold products so far; the next call says one more.
    pub(crate) fn cold_version(&self) -> u64 {
        self.cold_version.fetch_add(1, Ordering::Relaxed)
    }

    /// Writes something down.
    pub(crate) fn note(&self, write: impl FnOnce(&mut History)) {
        write(&mut self.history.lock().unwrap());
    }

    /// Writes down a write.
    pub(crate) fn wrote(&self, writes: &[Write]) {
        self.written.fetch_add(writes.len() as u64, Ordering::Relaxed);
        self.note(|history| history.writes.extend_from_slice(writes));
    }

    /// Counts something that was done to the servers.
    pub(crate) fn fault(&self, name: &'static str) {
        *self.faults.lock().unwrap().entry(name).or_insert(0) += 1;
    }

    /// What was done to the servers.
    pub(crate) fn faults(&self) -> HashMap<&'static str, u64> {
        self.faults.lock().unwrap().clone()
    }

    /// Writes down a time in which the node at `place`, or all, may be kept from the origin: from `from` until now.
    pub(crate) fn window(&self, place: Option<u8>, from: Nanos) {
        let (node, to) = (place.map(|place| self.name(place)), self.clock.now());
        self.note(|history| history.windows.push(Window { node, from, to }));
    }

    /// Writes down a soft purge of everything.
    pub(crate) fn softened(&self, begin: Nanos, ack: Nanos) {
        self.note(|history| history.softs.push(SoftPurge { begin, ack }));
    }

    /// A token for whoever wants one.
    pub(crate) fn offer(&self, token: Token) {
        let mut tokens = self.tokens.lock().unwrap();
        if tokens.len() == TOKENS {
            tokens.pop_front();
        }
        tokens.push_back(Arc::new(token));
    }

    /// One of the latest tokens.
    pub(crate) fn token(&self, chance: &mut fastrand::Rng) -> Option<Arc<Token>> {
        let tokens = self.tokens.lock().unwrap();
        (!tokens.is_empty()).then(|| Arc::clone(&tokens[chance.usize(..tokens.len())]))
    }

    /// What the answer shows. A 304 shows what the 200 with its validator did.
    pub(super) fn seen(&self, target: u32, answer: &Answer) -> Arc<[Seen]> {
        let none: Arc<[Seen]> = [].into();
        let odd = |text: String| self.note(|history| history.oddities.push(text));
        let path = &self.stage.targets[target as usize].path;
        match answer.status {
            304 => {
                let known = self.known.lock().unwrap();
                let seen = answer.etag.clone().and_then(|etag| known.get(&(target, etag)));
                if let Some((_, seen)) = seen {
                    return Arc::clone(seen);
                }
                drop(known);
                odd(format!("{path}: 304 with an ETag nobody has seen: {:?}", answer.etag));
                none
            }
            200 => {
                let Some(etag) = answer.etag.clone() else {
                    odd(format!("{path}: 200 without an ETag"));
                    return none;
                };
                let mut hasher = DefaultHasher::new();
                answer.body.hash(&mut hasher);
                let hash = hasher.finish();
                let mut known = self.known.lock().unwrap();
                if let Some((before, seen)) = known.get(&(target, etag.clone())) {
                    let (same, seen) = (*before == hash, Arc::clone(seen));
                    drop(known);
                    if !same {
                        odd(format!("{path}: two bodies with the ETag {etag}"));
                    }
                    return seen;
                }
                match self.stage.read(target, 200, &answer.body) {
                    Ok(seen) => {
                        let seen: Arc<[Seen]> = seen.into();
                        known.insert((target, etag), (hash, Arc::clone(&seen)));
                        seen
                    }
                    Err(error) => {
                        drop(known);
                        odd(error);
                        none
                    }
                }
            }
            404 => self.stage.read(target, 404, &answer.body).map_or(none, Into::into),
            _ => none,
        }
    }

    /// Takes the history, when all tasks have ended.
    pub(crate) fn history(&self) -> History {
        std::mem::take(&mut self.history.lock().unwrap())
    }

    /// What the node at `place` has logged since this was last asked. A line that is still being written is left for later.
    pub(crate) fn log_of(&self, place: u8) -> String {
        let log = self.with_node(place, |node| node.log());
        let whole = log.rfind('\n').map_or(0, |end| end + 1);
        let read = self.nodes[usize::from(place)].read.swap(whole, Ordering::Relaxed);
        log.get(read..whole).unwrap_or_default().to_owned()
    }

    /// Writes down how many hits the nodes have compared by themselves.
    pub(crate) fn count_compared(&self) {
        let compared = |place| self.with_node(place, |node| node.counted("atelier_shadow_total{result=\"equal\"}"));
        let all: u64 = (0..NODES).map(compared).sum();
        self.faults.lock().unwrap().insert("hits compared", all);
    }

    /// Ends the nodes.
    pub(crate) fn end_nodes(&self) {
        for place in &self.nodes {
            *place.node.lock().unwrap() = None;
        }
    }
}

/// A claim of a write.
pub(crate) fn claim(register: Register, version: u64) -> Claim {
    Claim { register, version, given: Given::Write }
}
