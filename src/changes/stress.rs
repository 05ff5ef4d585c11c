//! The exchange of a whole view on real threads, which `interleavings.rs` leaves out: a node reads all that is kept again and
//! again while it writes, and whoever asks must not be given what it has acknowledged to be outdated.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use super::{Changes, Proof, Settings};
use crate::facts::{Facts, Place};
use crate::freshness::Instant;
use crate::key::Key;
use crate::origin::{Changes as Learned, Poll, Position, Tags};
use crate::red::{self, Red};
use crate::stamp::{Epoch, Incarnation, Seen, Stamp};
use crate::tag::{Kind, Tag};

const EPOCH: Epoch = Epoch::new(7 << 40);
const LIFE: Incarnation = Incarnation(7);
const KEY: Key = Key::Product(7);

/// How often all that is kept is read.
const RENEWALS: u64 = 1_000;

fn kept(stamp: u64) -> Poll {
    Poll {
        epoch: EPOCH,
        incarnation: LIFE,
        stamp: Stamp::new(stamp),
        position: Position("".into()),
        changes: Learned::Kept {
            tags: Tags::These(vec![(Tag::of(KEY), Kind::Hard)]),
            seen: Vec::new(),
            horizon: Some(Stamp::ZERO),
        },
    }
}

/// How many outdated answers were taken for current, of how many that were asked for.
fn outdated_answers(bug: Option<Red>) -> (u64, u64) {
    let settings = Settings { bound: Duration::from_secs(3600), cells: 64, filter: false };
    let changes = Changes::new(settings);
    changes.resync(&kept(1), Instant::now());
    // The last transaction that has ended, and the last that was acknowledged.
    let (committed, acknowledged) = (Arc::new(AtomicU64::new(1)), Arc::new(AtomicU64::new(1)));
    let (over, room) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));

    let writer = {
        let (changes, committed, acknowledged) =
            (Arc::clone(&changes), Arc::clone(&committed), Arc::clone(&acknowledged));
        let (over, room) = (Arc::clone(&over), Arc::clone(&room));
        thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                // A few writes for each time: what they raise is kept until it has been read.
                if room.load(Ordering::Relaxed) == 0 {
                    thread::yield_now();
                    continue;
                }
                room.fetch_sub(1, Ordering::Relaxed);
                let stamp = committed.fetch_add(1, Ordering::SeqCst) + 1;
                let seen = Seen { stamp: Stamp::new(stamp), incarnation: LIFE };
                changes.raise(&[(Tag::of(KEY), Kind::Hard)], Some(seen));
                acknowledged.store(stamp, Ordering::Release);
                thread::yield_now();
            }
        })
    };
    let reader = {
        let (changes, acknowledged, over) = (Arc::clone(&changes), Arc::clone(&acknowledged), Arc::clone(&over));
        thread::spawn(move || {
            let (mut wrong, mut asked) = (0, 0);
            while !over.load(Ordering::Relaxed) {
                let stamp = Stamp::new(acknowledged.load(Ordering::Acquire) - 1);
                let facts = Facts { epoch: EPOCH, stamp, began: None, place: Place::of(KEY) };
                asked += 1;
                wrong += u64::from(matches!(changes.prove(&facts).0, Proof::Current(_)));
            }
            (wrong, asked)
        })
    };
    let renew = || {
        for _ in 0..RENEWALS {
            room.store(4, Ordering::Relaxed);
            let begun = Instant::now();
            let poll = kept(committed.load(Ordering::SeqCst));
            // The reply is on its way.
            thread::yield_now();
            changes.resync(&poll, begun);
        }
    };
    match bug {
        Some(bug) => red::with(bug, renew),
        None => renew(),
    }
    over.store(true, Ordering::Relaxed);
    writer.join().unwrap();
    reader.join().unwrap()
}

#[test]
fn an_exchanged_view_takes_nothing_back() {
    let (wrong, asked) = outdated_answers(None);
    assert!(asked > 1_000, "{asked}");
    assert_eq!(wrong, 0, "of {asked}");
}

#[test]
fn a_view_without_the_raises_is_found() {
    let (wrong, asked) = outdated_answers(Some(Red::RaisesForgotten));
    assert!(wrong > 0, "of {asked}");
}
