//! Every interleaving, and every order in which a weakly ordered machine may show stores to others, of a proof, a poll and a
//! write of this node: by loom, on the functions that serve.
//!
//! What loom does not try is the exchange of the view: a view is filled before it is stored in the `ArcSwap`, whose store and
//! load are a release and an acquire, and nothing in it is lowered afterwards; so whoever finds it finds it whole, and whoever
//! still has the old one has one whose fence no longer moves. `stress.rs` tries that with real threads.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use loom::sync::Arc;
use loom::sync::atomic::AtomicU64;
use loom::thread;

use super::advance;
use super::covers::Covers;
use super::pending::Pending;
use super::proof::{Proof, prove};
use super::view::{Change, View};
use crate::facts::{Facts, Place};
use crate::freshness::Instant;
use crate::key::Key;
use crate::red::{self, Red};
use crate::stamp::{Epoch, Incarnation, Stamp};
use crate::tag::Kind;

const EPOCH: Epoch = Epoch::new(7 << 40);
const KEY: Key = Key::Product(7);
const BOUND: Duration = Duration::from_nanos(100);

fn at(nanos: u64) -> Instant {
    Instant::from_nanos(nanos)
}

fn covers() -> Covers {
    Covers::One(Place::of(KEY))
}

/// What a node shares between its threads.
struct Node {
    view: Arc<View<AtomicU64>>,
    pending: Pending<AtomicU64>,
}

impl Node {
    /// A node whose last poll saw `stamp` and began at `proved`.
    fn new(stamp: u64, proved: u64) -> Arc<Self> {
        let view = View::new(EPOCH, Incarnation(1), Stamp::ZERO, 1);
        view.prove_until(Stamp::new(stamp), at(proved));
        Arc::new(Self { view: Arc::new(view), pending: Pending::new() })
    }

    /// What a reader makes, at `now`, of an entry that was read at `began` and saw `stamp`.
    fn judge(&self, stamp: u64, began: Option<u64>, now: u64) -> Proof {
        let facts = Facts { epoch: EPOCH, stamp: Stamp::new(stamp), began: began.map(at), place: Place::of(KEY) };
        prove(&facts, &self.pending, 1, || &self.view, || at(now), BOUND).0
    }

    fn poll(&self, begun: u64, stamp: u64, kind: Kind) {
        advance(&self.view, &self.pending, Stamp::new(stamp), at(begun), |view| {
            view.apply(covers(), Change::Other(kind), Stamp::new(stamp));
        });
    }
}

/// Whether `scenario` holds in every interleaving; with a number, in those that take a thread's turn away from it so often at
/// most (nearly all bugs show with two). A panic within a model would end the process, so scenarios say what they found.
fn holds(preemptions: Option<usize>, scenario: fn() -> bool) -> bool {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = preemptions;
    let all = std::sync::Arc::new(AtomicBool::new(true));
    let each = std::sync::Arc::clone(&all);
    model.check(move || _ = each.fetch_and(scenario(), Ordering::Relaxed));
    all.load(Ordering::Relaxed)
}

/// It holds, and with each of these bugs it does not.
fn holds_but_not_with(bugs: &[Red], scenario: fn() -> bool) {
    assert!(holds(None, scenario));
    for bug in bugs {
        assert!(!red::with(*bug, || holds(None, scenario)), "{bug:?} was not found");
    }
}

#[test]
fn an_answer_from_before_a_change_is_never_current_when_the_fence_has_passed_the_change() {
    holds_but_not_with(&[Red::FloorsAfterFence, Red::FloorsReadFirst, Red::NoFloorCheck], || {
        // Committed at 50. The node is blind: its last poll began at 10. It is 200 now.
        let node = Node::new(1, 10);
        let poller = thread::spawn({
            let node = Arc::clone(&node);
            move || node.poll(190, 2, Kind::Hard)
        });
        let meanwhile = node.judge(1, Some(20), 200);
        poller.join().unwrap();
        matches!(meanwhile, Proof::Unproved | Proof::Outdated)
            && node.judge(1, None, 200) == Proof::Outdated
            && node.judge(2, None, 200) == Proof::Current(at(190))
    });
}

#[test]
fn a_hard_change_is_never_taken_for_a_soft_one() {
    holds_but_not_with(&[Red::FloorBeforeHard], || {
        let node = Node::new(1, 150);
        node.poll(160, 2, Kind::Soft);
        let poller = thread::spawn({
            let node = Arc::clone(&node);
            move || node.poll(170, 3, Kind::Hard)
        });
        // Read behind the soft purge: nothing excuses it but that it is not known yet to be outdated.
        let proof = node.judge(2, None, 200);
        poller.join().unwrap();
        matches!(proof, Proof::Current(_) | Proof::Outdated)
    });
}

#[test]
fn a_write_whose_stamp_was_lost_counts_from_its_answer_on() {
    holds_but_not_with(&[Red::PendingIgnored, Red::PendingReadLast], || {
        // Written at 150 and answered. A poll that begins at 160 finds it; the fence was open all the time.
        let node = Node::new(1, 140);
        node.pending.add(&[covers()], at(150));
        let poller = thread::spawn({
            let node = Arc::clone(&node);
            move || node.poll(160, 2, Kind::Hard)
        });
        let meanwhile = node.judge(1, Some(145), 200);
        poller.join().unwrap();
        !matches!(meanwhile, Proof::Current(_) | Proof::Softened(_))
            && node.judge(2, Some(155), 200) == Proof::Current(at(160))
    });
}

#[test]
fn two_writes_of_this_node_and_a_poll_at_once_leave_the_highest_of_all() {
    assert!(holds(Some(2), || {
        let node = Node::new(1, 140);
        let threads = [2, 3].map(|stamp| {
            let node = Arc::clone(&node);
            thread::spawn(move || {
                node.view.apply(covers(), Change::Own, Stamp::new(stamp));
                // Whoever asks behind the raise.
                node.judge(stamp - 1, Some(145), 200) == Proof::Outdated
            })
        });
        node.poll(150, 2, Kind::Hard);
        let seen = threads.map(|thread| thread.join().unwrap());
        seen == [true; 2]
            && node.view.floor(Place::of(KEY)) == Stamp::new(3)
            && node.view.bar(EPOCH, Place::of(KEY)) == Some(Stamp::new(3))
    }));
}

#[test]
fn what_was_outdated_once_is_never_current_again() {
    assert!(holds(Some(2), || {
        let node = Node::new(1, 140);
        let poller = thread::spawn({
            let node = Arc::clone(&node);
            move || node.poll(160, 2, Kind::Hard)
        });
        let writer = thread::spawn({
            let node = Arc::clone(&node);
            move || {
                node.view.apply(covers(), Change::Own, Stamp::new(3));
                node.judge(2, Some(155), 200) == Proof::Outdated
            }
        });
        let first = node.judge(2, Some(155), 200);
        let second = node.judge(2, None, 200);
        poller.join().unwrap();
        writer.join().unwrap() && (first != Proof::Outdated || second == Proof::Outdated)
    }));
}
