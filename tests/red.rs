//! That the checker finds what it is there to find: the nodes of these runs have a bug each, switched on with `RED`
//! (`src/red.rs`), and a run that finds nothing fails.
//!
//! Where each bug of docs/freshness.md, section 13, is caught:
//!
//! | bug | here, in the scene | as a violation of | elsewhere |
//! |---|---|---|---|
//! | R1 no floor check | Baseline | A1, A7 | |
//! | R2 floors stored after `proved` | | | model of `prove` and `poll`, `src/changes` |
//! | R3 floors read before `proved` | | | the same |
//! | R4 delta by `id > cursor` | Baseline with more long transactions | A1 | |
//! | R5 followers not judged | SlowReads | A7 | |
//! | R6 stamp in a second statement | SlowReads | A1 | |
//! | R7 stamp of a write taken before COMMIT | SlowWrites | A7 | |
//! | R8 fetch from a standby | | | model, `src/changes`; a read of `edge.incarnation` fails in recovery |
//! | R9 fence always open | FeedCut | A1 | |
//! | R10 incarnation ignored | LostXids | A1 | |
//! | R11 floors cleared in place | Renewed | A1 | |
//! | R12 `young` overrides floors | Baseline | A7 | |
//! | R13 raises not carried into a new view | | | model, `src/changes` |
//! | R14 `pending` ignored by `young`, or loaded after the floors | WriteCut, for the first half | A7 | model, `src/changes` |
//! | R15 no horizon check | Pruned | A1 | |
//! | R16 L2 not judged | HostileRedis | A1 | |
//! | R17 filter bits after `proved` | | | model, `src/changes` |
//! | R18 soft never hardens | SoftPurge | A8 | |
//! | R19 no `edge_fixed`, with a move | Moved | A4, moves | |
//! | R20 one child trigger dropped | Baseline | A1 | |
//! | R21 erase, or an own write, without bar | Erased; OwnWrite | A9; A7 | |
//! | R22 Foreign answered unlabelled | TwoPrimaries | A1 | |
//! | R23 fence measured from a poll's end | SlowPolls | A1 | model, `src/changes` |
//! | R24 floor stored before hard | | | model, `src/changes` |

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::wildcard_enum_match_arm
)]
#![allow(missing_docs)]

#[path = "consistency/mod.rs"]
mod consistency;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use self::consistency::cluster::Cluster;
use self::consistency::run::{Plan, report};
use self::consistency::scenes::Scene;
use self::consistency::verdict::Invariant;
use self::consistency::writers::Load;

const SERVER: &str = env!("CARGO_BIN_EXE_atelier-edge");

/// How many seeds are tried.
const TRIES: u64 = 12;

/// The servers, for one test after another. The last one ends them.
static CLUSTER: Mutex<Option<Arc<Cluster>>> = Mutex::new(None);
static WAITING: AtomicU32 = AtomicU32::new(0);

/// Runs the scene with the bug until the judge sees one of these violated.
fn finds(bug: u8, scene: Scene, expected: &[Invariant], change: impl Fn(&mut Plan)) {
    WAITING.fetch_add(1, Ordering::AcqRel);
    let mut shared = CLUSTER.lock().unwrap_or_else(PoisonError::into_inner);
    let cluster = Arc::clone(shared.get_or_insert_with(|| Arc::new(Cluster::start(SERVER))));
    let mut outcomes = Vec::new();
    let mut found = false;
    for seed in 1..=TRIES {
        let mut plan = Plan::of(scene, Duration::from_secs(2), seed);
        plan.name = format!("R{bug} {scene:?}");
        plan.settings.push(("RED", bug.to_string()));
        // What finds the bug here is the judge.
        plan.settings.push(("ATELIER_SHADOW", "0".to_owned()));
        plan.finals = expected.contains(&Invariant::A4);
        change(&mut plan);
        let outcome = plan.run(&cluster);
        found = expected.iter().any(|invariant| outcome.verdict.count(*invariant) > 0);
        outcomes.push(outcome);
        if found {
            break;
        }
    }
    drop(cluster);
    if WAITING.fetch_sub(1, Ordering::AcqRel) == 1 {
        *shared = None;
    }
    drop(shared);
    let report = report(&outcomes);
    eprintln!("{report}");
    assert!(found, "R{bug} was not found as {expected:?}:\n{report}");
}

#[test]
fn r1_no_floor_check() {
    finds(1, Scene::Baseline, &[Invariant::A1, Invariant::A7], |_| ());
}

#[test]
fn r4_delta_by_cursor() {
    let often = Load { long: 40, held: (Duration::from_millis(100), Duration::from_millis(400)), ..Load::usual() };
    finds(4, Scene::Baseline, &[Invariant::A1], |plan| {
        (plan.load, plan.length) = (Some(often), Duration::from_secs(3));
    });
}

#[test]
fn r5_followers_not_judged() {
    finds(5, Scene::SlowReads, &[Invariant::A7], |_| ());
}

#[test]
fn r6_stamp_in_a_second_statement() {
    finds(6, Scene::SlowReads, &[Invariant::A1], |plan| plan.length = Duration::from_secs(3));
}

#[test]
fn r7_stamp_of_a_write_taken_before_commit() {
    finds(7, Scene::SlowWrites, &[Invariant::A7], |plan| plan.length = Duration::from_secs(3));
}

#[test]
fn r9_fence_always_open() {
    finds(9, Scene::FeedCut, &[Invariant::A1], |_| ());
}

#[test]
fn r10_incarnation_ignored() {
    finds(10, Scene::LostXids, &[Invariant::A1], |_| ());
}

#[test]
fn r11_floors_cleared_in_place() {
    finds(11, Scene::Renewed, &[Invariant::A1], |_| ());
}

#[test]
fn r12_young_overrides_floors() {
    finds(12, Scene::Baseline, &[Invariant::A7], |_| ());
}

#[test]
fn r14_pending_ignored() {
    finds(14, Scene::WriteCut, &[Invariant::A7], |_| ());
}

#[test]
fn r15_no_horizon_check() {
    finds(15, Scene::Pruned, &[Invariant::A1], |plan| plan.length = Duration::from_secs(3));
}

#[test]
fn r16_l2_not_judged() {
    finds(16, Scene::HostileRedis, &[Invariant::A1], |_| ());
}

#[test]
fn r18_soft_never_hardens() {
    finds(18, Scene::SoftPurge, &[Invariant::A8], |_| ());
}

#[test]
fn r19_moves_are_not_refused() {
    finds(19, Scene::Moved, &[Invariant::A4], |plan| plan.prepare = Some("DROP TRIGGER edge_fixed ON reviews"));
}

#[test]
fn r20_a_child_trigger_is_missing() {
    finds(20, Scene::Baseline, &[Invariant::A1], |plan| {
        (plan.prepare, plan.length) = (Some("DROP TRIGGER edge_update ON features"), Duration::from_secs(3));
    });
}

#[test]
fn r21_an_own_write_sets_no_bar() {
    finds(21, Scene::OwnWrite, &[Invariant::A7], |_| ());
}

#[test]
fn r21_an_erasure_sets_no_bar() {
    finds(21, Scene::Erased, &[Invariant::A9], |_| ());
}

#[test]
fn r22_foreign_answered_unlabelled() {
    finds(22, Scene::TwoPrimaries, &[Invariant::A1], |_| ());
}

#[test]
fn r23_fence_measured_from_the_end_of_a_poll() {
    finds(23, Scene::SlowPolls, &[Invariant::A1], |plan| plan.length = Duration::from_secs(4));
}
