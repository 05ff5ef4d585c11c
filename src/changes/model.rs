//! The protocol against a model of everything around it: a database with overlapping transactions, crashes and lost commits,
//! two nodes, a Redis that shows old values, fetches, polls and writes that take their time. What happens in which order is
//! drawn by proptest; time is a number. Whatever a node takes for current is compared with what was committed when.

mod database;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};

use self::database::{Database, Snapshot, Transaction};
use super::{Changes, Proof, Settings, clock};
use crate::facts::{Facts, Place};
use crate::freshness::Instant;
use crate::key::{Key, Resource};
use crate::origin::{Changes as Learned, Poll, Tags};
use crate::red::{self, Red};
use crate::stamp::{Epoch, Incarnation, Seen, Stamp};
use crate::tag::{Kind, Tag};

const ROWS: usize = 3;
const NODES: usize = 2;
const BOUND: u64 = 1_000;
const GRACE: u64 = 3_000;

/// The most steps that one thing may take which takes its time.
const UNDER_WAY: usize = 4;

fn key(row: usize) -> Key {
    Key::Product(u32::try_from(row).unwrap() + 1)
}

fn tag(row: usize) -> Tag {
    Tag::of(key(row))
}

/// A stored answer.
#[derive(Clone, Copy, Debug)]
struct Entry {
    facts: Facts,
    version: u64,
    /// Which life of the database it is of; only the model knows.
    life: u64,
}

#[derive(Clone, Debug)]
struct Fetch {
    row: usize,
    epoch: Epoch,
    incarnation: Incarnation,
    began: Instant,
    read: Option<(u64, Seen, u64)>,
}

#[derive(Clone, Debug)]
struct Asked {
    begun: Instant,
    kept: bool,
    answer: Option<(Poll, (Snapshot, u64))>,
}

/// A write of this node between its commit and its answer.
#[derive(Clone, Debug)]
struct Written {
    tags: Vec<(Tag, Kind)>,
    seen: Option<Seen>,
    rows: Vec<(usize, u64)>,
    life: u64,
}

struct Node {
    changes: Arc<Changes>,
    l1: Vec<Option<Entry>>,
    fetches: Vec<Fetch>,
    poll: Option<Asked>,
    position: Option<(Snapshot, u64)>,
    writes: Vec<Written>,
    /// What this node has acknowledged, by row, in this life of the database.
    acknowledged: Vec<(u64, u64)>,
    /// When the last poll began that brought a soft purge of each row.
    softened: Vec<Option<u64>>,
}

impl Node {
    fn new() -> Self {
        let changes = Changes::new(Settings { bound: Duration::from_nanos(BOUND), cells: 4, filter: false });
        Self {
            changes,
            l1: vec![None; ROWS],
            fetches: Vec::new(),
            poll: None,
            position: None,
            writes: Vec::new(),
            acknowledged: vec![(0, 0); ROWS],
            softened: vec![None; ROWS],
        }
    }
}

/// One thing that happens. Numbers choose among what there is.
#[derive(Clone, Debug)]
enum Step {
    Pass(u64),
    Begin,
    Write(usize, usize),
    Commit(usize),
    RollBack(usize),
    Purge(Kind, Option<usize>),
    Prune,
    Crash(usize),
    OwnWrite(usize, usize, usize),
    Acknowledge(usize),
    BeginFetch(usize, usize),
    Read(usize, usize),
    Land(usize, usize),
    BeginPoll(usize),
    AnswerPoll(usize),
    ApplyPoll(usize),
    LosePoll(usize),
    Share(usize, usize),
    Replay(usize),
    Borrow(usize, usize),
    Ask(usize, usize),
    AskInOutage(usize, usize),
    Restart(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let (row, node, any) = (0..ROWS, 0..NODES, 0..UNDER_WAY);
    prop_oneof![
        6 => (1..400_u64).prop_map(Step::Pass),
        1 => (500..3_000_u64).prop_map(Step::Pass),
        4 => Just(Step::Begin),
        6 => (any.clone(), row.clone()).prop_map(|(any, row)| Step::Write(any, row)),
        6 => any.clone().prop_map(Step::Commit),
        1 => any.clone().prop_map(Step::RollBack),
        1 => (prop_oneof![Just(Kind::Soft), Just(Kind::Erase)], prop::option::of(row.clone()))
            .prop_map(|(kind, row)| Step::Purge(kind, row)),
        1 => Just(Step::Prune),
        1 => (0..3_usize).prop_map(Step::Crash),
        5 => (node.clone(), row.clone(), 0..4_usize).prop_map(|(node, row, how)| Step::OwnWrite(node, row, how)),
        5 => node.clone().prop_map(Step::Acknowledge),
        8 => (node.clone(), row.clone()).prop_map(|(node, row)| Step::BeginFetch(node, row)),
        8 => (node.clone(), any.clone()).prop_map(|(node, any)| Step::Read(node, any)),
        8 => (node.clone(), any.clone()).prop_map(|(node, any)| Step::Land(node, any)),
        8 => node.clone().prop_map(Step::BeginPoll),
        8 => node.clone().prop_map(Step::AnswerPoll),
        8 => node.clone().prop_map(Step::ApplyPoll),
        1 => node.clone().prop_map(Step::LosePoll),
        4 => (node.clone(), row.clone()).prop_map(|(node, row)| Step::Share(node, row)),
        2 => any.clone().prop_map(Step::Replay),
        4 => (node.clone(), row.clone()).prop_map(|(node, row)| Step::Borrow(node, row)),
        10 => (node.clone(), row.clone()).prop_map(|(node, row)| Step::Ask(node, row)),
        2 => (node.clone(), row).prop_map(|(node, row)| Step::AskInOutage(node, row)),
        1 => node.prop_map(Step::Restart),
    ]
}

/// All of it.
struct World {
    now: u64,
    database: Database,
    nodes: Vec<Node>,
    /// What stands in Redis, by row, and everything that ever did.
    redis: Vec<Option<Entry>>,
    ever: Vec<(usize, Entry)>,
    versions: u64,
    /// When each version of each row was committed, in which life.
    committed: Vec<Vec<(u64, u64, u64)>>,
    /// What was erased: row, the highest version then, when it was committed, in which life.
    erased: Vec<(usize, u64, u64, u64)>,
}

impl World {
    fn new() -> Self {
        clock::set(Some(Instant::from_nanos(10_000)));
        Self {
            now: 10_000,
            database: Database::new(),
            nodes: (0..NODES).map(|_| Node::new()).collect(),
            redis: vec![None; ROWS],
            ever: Vec::new(),
            versions: 0,
            committed: vec![vec![(0, 0, 1)]; ROWS],
            erased: Vec::new(),
        }
    }

    /// Time goes on with every step: nothing happens at the same moment.
    fn pass(&mut self, nanos: u64) {
        self.now += nanos;
        clock::set(Some(Instant::from_nanos(self.now)));
        for node in &self.nodes {
            node.changes.harden(Instant::from_nanos(self.now));
        }
    }

    fn note_commit(&mut self, done: &Transaction) {
        for (row, version) in &done.writes {
            self.committed[*row].push((*version, self.now, self.database.life));
        }
        for (tag, kind) in &done.tags {
            for row in (0..ROWS).filter(|row| *tag == Tag::All || *tag == self::tag(*row)) {
                if *kind == Kind::Erase {
                    let version = self.database.read(row);
                    self.erased.push((row, version, self.now, self.database.life));
                }
            }
        }
    }

    fn nth_open(&self, any: usize) -> Option<u64> {
        let open = &self.database.open;
        open.keys().nth(any % open.len().max(1)).copied()
    }

    fn step(&mut self, step: &Step) -> Result<(), String> {
        self.pass(1);
        match *step {
            Step::Pass(nanos) => self.pass(nanos),
            Step::Begin if self.database.open.len() < UNDER_WAY => _ = self.database.begin(),
            Step::Begin => {}
            Step::Write(any, row) => {
                if let Some(xid) = self.nth_open(any).filter(|_| !self.database.is_locked(row)) {
                    self.versions += 1;
                    self.database.write(xid, row, self.versions);
                }
            }
            Step::Commit(any) => {
                if let Some(xid) = self.nth_open(any) {
                    let done = self.database.commit(xid);
                    self.note_commit(&done);
                }
            }
            Step::RollBack(any) => {
                if let Some(xid) = self.nth_open(any) {
                    self.database.roll_back(xid);
                }
            }
            Step::Purge(kind, row) => {
                let xid = self.database.begin();
                self.database.note(xid, row.map_or(Tag::All, tag), kind);
                let done = self.database.commit(xid);
                self.note_commit(&done);
            }
            Step::Prune => self.database.prune(self.now, 2 * BOUND),
            Step::Crash(lost) => self.crash(lost),
            Step::OwnWrite(node, row, how) => self.own_write(node, row, how),
            Step::Acknowledge(node) => self.acknowledge(node),
            Step::BeginFetch(node, row) => {
                let (epoch, incarnation) = self.nodes[node].changes.era();
                let began = Instant::from_nanos(self.now);
                let fetch = Fetch { row, epoch, incarnation, began, read: None };
                if self.nodes[node].fetches.len() < UNDER_WAY {
                    self.nodes[node].fetches.push(fetch);
                }
            }
            Step::Read(node, any) => self.read(node, any),
            Step::Land(node, any) => self.land(node, any)?,
            Step::BeginPoll(node) => {
                let node = &mut self.nodes[node];
                if node.poll.is_none() {
                    let kept = node.position.is_none();
                    node.poll = Some(Asked { begun: Instant::from_nanos(self.now), kept, answer: None });
                }
            }
            Step::AnswerPoll(node) => {
                let position = self.nodes[node].position.clone();
                let answer = self.database.poll(position.as_ref());
                if let Some(poll) = self.nodes[node].poll.as_mut().filter(|poll| poll.answer.is_none()) {
                    poll.answer = Some(answer);
                }
            }
            Step::ApplyPoll(node) => self.apply_poll(node),
            Step::LosePoll(node) => self.nodes[node].poll = None,
            Step::Share(node, row) => {
                if let Some(entry) = self.nodes[node].l1[row] {
                    let shared = Entry { facts: Facts { began: None, ..entry.facts }, ..entry };
                    self.redis[row] = Some(shared);
                    self.ever.push((row, shared));
                }
            }
            Step::Replay(any) => {
                if !self.ever.is_empty() {
                    let (row, entry) = self.ever[(any * 7919) % self.ever.len()];
                    self.redis[row] = Some(entry);
                }
            }
            Step::Borrow(node, row) => {
                let node = &mut self.nodes[node];
                let good = |entry: &Entry| {
                    red::is_on(Red::L2Trusted) || matches!(node.changes.prove(&entry.facts).0, Proof::Current(_))
                };
                if let Some(mut entry) = self.redis[row].filter(good) {
                    if red::is_on(Red::L2Trusted) {
                        entry.facts = Facts { epoch: node.changes.era().0, stamp: Stamp::MAX, ..entry.facts };
                    }
                    node.l1[row] = Some(entry);
                }
            }
            Step::Ask(node, row) => self.ask(node, row)?,
            Step::AskInOutage(node, row) => self.ask_in_outage(node, row)?,
            Step::Restart(node) => self.nodes[node] = Node::new(),
        }
        Ok(())
    }

    fn crash(&mut self, lost: usize) {
        self.database.crash(lost);
        // What was lost was never committed, as far as the new primary goes.
        let life = self.database.life;
        for (row, versions) in self.committed.iter_mut().enumerate() {
            let kept: BTreeSet<u64> = self.database.rows[row].iter().map(|(version, _)| *version).collect();
            versions.retain(|(version, ..)| kept.contains(version));
            versions.iter_mut().for_each(|(_, _, of)| *of = life);
        }
        // An erasure counts on as long as the version that was erased is still what it was.
        for (row, version, _, of) in &mut self.erased {
            if self.committed[*row].iter().any(|(kept, ..)| kept == version) {
                *of = life;
            }
        }
        for node in &mut self.nodes {
            node.acknowledged = vec![(0, 0); ROWS];
        }
    }

    fn own_write(&mut self, node: usize, row: usize, how: usize) {
        if self.database.is_locked(row) || self.nodes[node].writes.len() >= UNDER_WAY {
            return;
        }
        self.versions += 1;
        let xid = self.database.begin();
        self.database.write(xid, row, self.versions);
        let done = self.database.commit(xid);
        self.note_commit(&done);
        let stamp = self.database.snapshot().stamp();
        let seen = Seen { stamp, incarnation: Incarnation(self.database.incarnation) };
        let written =
            Written { tags: done.tags, seen: (how != 0).then_some(seen), rows: done.writes, life: self.database.life };
        self.nodes[node].writes.push(written);
    }

    fn acknowledge(&mut self, node: usize) {
        let node = &mut self.nodes[node];
        if node.writes.is_empty() {
            return;
        }
        let written = node.writes.remove(0);
        node.changes.raise(&written.tags, written.seen);
        if written.life == self.database.life {
            for (row, version) in written.rows {
                node.acknowledged[row] = (version.max(node.acknowledged[row].0), self.now);
            }
        }
    }

    fn read(&mut self, node: usize, any: usize) {
        let node = &mut self.nodes[node];
        let number = node.fetches.len().max(1);
        if let Some(fetch) = node.fetches.get_mut(any % number).filter(|fetch| fetch.read.is_none()) {
            let seen =
                Seen { stamp: self.database.snapshot().stamp(), incarnation: Incarnation(self.database.incarnation) };
            fetch.read = Some((self.database.read(fetch.row), seen, self.database.life));
        }
    }

    fn land(&mut self, node: usize, any: usize) -> Result<(), String> {
        let number = self.nodes[node].fetches.len().max(1);
        let Some(fetch) = self.nodes[node].fetches.get(any % number).cloned() else { return Ok(()) };
        let Some((version, mut seen, life)) = fetch.read else { return Ok(()) };
        self.nodes[node].fetches.remove(any % number);
        if red::is_on(Red::StampApart) {
            seen.stamp = self.database.snapshot().stamp();
        }
        if seen.incarnation != fetch.incarnation && !red::is_on(Red::NoIncarnation) {
            return Ok(());
        }
        let facts =
            Facts { epoch: fetch.epoch, stamp: seen.stamp, began: Some(fetch.began), place: Place::of(key(fetch.row)) };
        let entry = Entry { facts, version, life };
        self.nodes[node].l1[fetch.row] = Some(entry);
        Ok(())
    }

    fn apply_poll(&mut self, node: usize) {
        let grace = [Duration::from_nanos(GRACE); Resource::ALL.len()];
        let node = &mut self.nodes[node];
        let Some(Asked { begun, kept, answer: Some((poll, position)) }) = node.poll.clone() else { return };
        node.poll = None;
        if !kept && node.changes.learn(&poll, begun, &grace).is_ok() {
            node.position = Some(position);
            if let Learned::Since(Tags::These(tags)) = &poll.changes {
                for (soft, _) in tags.iter().filter(|(_, kind)| *kind == Kind::Soft) {
                    for row in (0..ROWS).filter(|row| *soft == Tag::All || *soft == tag(*row)) {
                        node.softened[row] = Some(begun.nanos());
                    }
                }
            }
        } else if kept {
            node.changes.resync(&poll, begun);
            node.position = Some(position);
        } else {
            // The next poll asks for all that is kept.
            node.position = None;
        }
    }

    /// The newest version of a row that was committed more than the bound ago.
    fn due(&self, row: usize) -> u64 {
        let long_ago = |(version, at, _): &(u64, u64, u64)| (at + BOUND < self.now).then_some(*version);
        self.committed[row].iter().filter_map(long_ago).max().unwrap_or(0)
    }

    fn ask(&mut self, node: usize, row: usize) -> Result<(), String> {
        let Some(entry) = self.nodes[node].l1[row] else { return Ok(()) };
        let (proof, _) = self.nodes[node].changes.prove(&entry.facts);
        let acknowledged = self.nodes[node].acknowledged[row].0;
        let what = format!("node {node}, row {row}, version {} at {}: {proof:?}", entry.version, self.now);
        match proof {
            Proof::Current(_) => {
                if entry.version < self.due(row) {
                    return Err(format!("A1: {what}, and {} is due", self.due(row)));
                }
                if entry.version < acknowledged {
                    return Err(format!("A7: {what}, and this node has acknowledged {acknowledged}"));
                }
                // The versions of a lost history are not in the new one, once the bound has passed since the crash.
                let known = self.committed[row].iter().any(|(version, ..)| *version == entry.version);
                if !known
                    && entry.life != self.database.life
                    && self.nodes[node].changes.era().1 == Incarnation(self.database.incarnation)
                {
                    return Err(format!("A2: {what} was lost with a crash"));
                }
            }
            Proof::Softened(_) => {
                // Only the soft purge excuses it: whatever else changed would make it outdated.
                if entry.version < self.due(row) || entry.version < acknowledged {
                    return Err(format!("A8: {what} is older than a change"));
                }
                let over = self.nodes[node].softened[row].is_none_or(|at| at + GRACE < self.now);
                if over {
                    return Err(format!("A8: {what}, long after the last soft purge"));
                }
            }
            Proof::Unproved | Proof::Outdated => {}
        }
        self.check_erased(row, entry, matches!(proof, Proof::Current(_) | Proof::Softened(_)), &what)
    }

    fn check_erased(&self, row: usize, entry: Entry, answered: bool, what: &str) -> Result<(), String> {
        let gone = |(of, version, at, life): &&(usize, u64, u64, u64)| {
            *of == row && *life == self.database.life && entry.version < *version && at + BOUND < self.now
        };
        match self.erased.iter().find(gone) {
            Some(erased) if answered && entry.life == self.database.life => Err(format!("A9: {what}: {erased:?}")),
            _ => Ok(()),
        }
    }

    /// Nothing but what is held may be served, and what this node wrote or knows to be erased not even then.
    fn ask_in_outage(&mut self, node: usize, row: usize) -> Result<(), String> {
        let Some(entry) = self.nodes[node].l1[row] else { return Ok(()) };
        if !self.nodes[node].changes.may_be_held(&entry.facts, None) {
            return Ok(());
        }
        let acknowledged = self.nodes[node].acknowledged[row].0;
        if entry.life == self.database.life && entry.version < acknowledged {
            return Err(format!(
                "A7: node {node}, row {row}, version {} in an outage at {}, and this node has acknowledged {acknowledged}",
                entry.version, self.now
            ));
        }
        Ok(())
    }
}

fn run(steps: &[Step]) -> Result<(), String> {
    let mut world = World::new();
    let result = steps.iter().try_for_each(|step| world.step(step));
    clock::set(None);
    result
}

fn look_for_violations(cases: u32, rng_seed: RngSeed) -> Result<(), String> {
    let mut runner = TestRunner::new(Config { cases, rng_seed, failure_persistence: None, ..Config::default() });
    let steps = prop::collection::vec(step(), 20..400);
    runner.run(&steps, |steps| run(&steps).map_err(TestCaseError::fail)).map_err(|error| error.to_string())
}

#[test]
fn in_whatever_order_things_happen_nothing_is_current_that_is_not() {
    let cases = std::env::var("MODEL_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(4_000);
    look_for_violations(cases, RngSeed::Random).unwrap();
}

/// Bugs that chance finds within some thousand orders.
#[test]
fn each_bug_is_found_in_some_order() {
    let bugs = [
        Red::NoFloorCheck,
        Red::CursorById,
        Red::StampApart,
        Red::FenceAlwaysOpen,
        Red::NoIncarnation,
        Red::YoungBeforeFloors,
        Red::PendingIgnored,
        Red::NoHorizon,
        Red::L2Trusted,
        Red::NoBar,
        Red::FenceFromEnd,
    ];
    for bug in bugs {
        let found = red::with(bug, || look_for_violations(50_000, RngSeed::Fixed(1)))
            .expect_err(&format!("{bug:?} was not found"));
        assert!(found.contains("A"), "{bug:?}: {found}");
    }
}

fn poll(node: usize) -> Vec<Step> {
    vec![Step::BeginPoll(node), Step::AnswerPoll(node), Step::ApplyPoll(node)]
}

fn fetch(node: usize, row: usize) -> Vec<Step> {
    vec![Step::BeginFetch(node, row), Step::Read(node, 0), Step::Land(node, 0), Step::Ask(node, row)]
}

fn only_with(bug: Red, invariant: &str, steps: &[Step]) {
    assert_eq!(run(steps), Ok(()), "without the bug");
    let found = red::with(bug, || run(steps)).expect_err(&format!("{bug:?} was not found"));
    assert!(found.contains(invariant), "{bug:?}: {found}");
}

/// The node reads all that is kept, and writes while the reply is on its way.
#[test]
fn what_was_raised_meanwhile_is_carried_into_a_new_view() {
    let change = || vec![Step::Begin, Step::Write(0, 2), Step::Commit(0)];
    let steps = [
        [change(), poll(0), vec![Step::Prune], change()].concat(),
        // Three times the bound later this is pruned unread, so the node has to begin anew.
        vec![Step::Pass(3 * BOUND), Step::Begin, Step::Commit(0), Step::Prune],
        vec![Step::Begin, Step::Commit(0), Step::Pass(3 * BOUND), Step::Prune],
        [poll(0), fetch(0, 0), vec![Step::BeginPoll(0), Step::AnswerPoll(0)]].concat(),
        vec![Step::OwnWrite(0, 0, 1), Step::Acknowledge(0), Step::ApplyPoll(0), Step::Ask(0, 0)],
    ];
    only_with(Red::RaisesForgotten, "A7", &steps.concat());
}

#[test]
fn a_soft_purge_becomes_a_hard_one() {
    let later = || [vec![Step::Pass(BOUND * 3 / 4)], poll(0)].concat();
    let purged = [poll(0), fetch(0, 0), vec![Step::Purge(Kind::Soft, None)], poll(0), vec![Step::Ask(0, 0)]].concat();
    let steps = [purged, later(), later(), later(), later(), later(), vec![Step::Ask(0, 0)]];
    only_with(Red::SoftForever, "A8", &steps.concat());
}
