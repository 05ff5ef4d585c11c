//! A stamp and the answer it stands on belong together, whoever writes meanwhile.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use super::*;
use crate::stamp::Stamp;

/// How long the two threads are let loose on each other.
const LONG: Duration = Duration::from_millis(500);

/// How helpful the first review listed is.
fn helpfulness(body: &[u8]) -> usize {
    let document: serde_json::Value = serde_json::from_slice(body).unwrap();
    document["results"][0]["helpfulness"].as_u64().unwrap() as usize
}

#[test]
fn an_answer_has_seen_exactly_the_writes_up_to_its_stamp() {
    let memory = memory();
    let key: Key = "reviews/2/newest/1x1".parse().unwrap();
    let first = now(memory.fetch(key)).unwrap().1.stamp;
    let done = AtomicBool::new(false);

    let (votes, fetched) = thread::scope(|scope| {
        // The stamp of every vote, the n-th at n, with writes to other products between them.
        let writer = scope.spawn(|| {
            let (mut votes, end) = (vec![first], Instant::now() + LONG);
            while Instant::now() < end {
                for _ in 0..votes.len() % 3 {
                    write(&memory, Command::Vote(Subject::Question, 1, Vote::Helpful)).unwrap();
                }
                let voted = write(&memory, Command::Vote(Subject::Review, 7, Vote::Helpful)).unwrap();
                votes.push(voted.seen.unwrap().stamp);
            }
            done.store(true, Ordering::Relaxed);
            votes
        });
        let reader = scope.spawn(|| {
            let mut fetched: Vec<(Bytes, Stamp)> = Vec::new();
            while !done.load(Ordering::Relaxed) {
                let (answer, seen) = now(memory.fetch(key)).unwrap();
                fetched.push((answer.body.unwrap(), seen.stamp));
            }
            fetched
        });
        (writer.join().unwrap(), reader.join().unwrap())
    });

    assert!(votes.is_sorted_by(|a, b| a < b), "a later write has a greater stamp");
    assert!(votes.len() > 100 && fetched.len() > 100, "{} votes, {} fetches", votes.len(), fetched.len());
    for (body, stamp) in fetched {
        let seen = helpfulness(&body);
        assert!(stamp >= votes[seen], "the stamp {stamp} is below vote {seen}, which the answer has seen");
        let missed = votes.get(seen + 1);
        assert!(
            missed.is_none_or(|missed| stamp < *missed),
            "the stamp {stamp} claims a vote that the answer has not seen"
        );
    }
}

#[test]
fn whoever_asks_learns_of_which_life_the_answer_is() {
    let (one, other) = (memory(), memory());
    let incarnation = poll(&one, None).incarnation;
    assert_eq!(now(one.fetch(Key::Product(1))).unwrap().1.incarnation, incarnation);
    assert_eq!(now(one.fetch(Key::Product(4))).unwrap().1, poll(&one, None).seen());
    assert_eq!(now(one.ids(Existing::Products)).unwrap(), (RoaringBitmap::from_iter(1..=3), incarnation));
    assert_eq!(write(&one, purge(Purged::Epoch)).unwrap().seen.unwrap().incarnation, incarnation);
    assert!(poll(&other, None).incarnation != incarnation && poll(&other, None).epoch != poll(&one, None).epoch);
}

#[test]
fn another_epoch_has_another_name_and_goes_on_where_the_last_one_was() {
    let memory = memory();
    let before = poll(&memory, None);
    let written = write(&memory, purge(Purged::Epoch)).unwrap();
    let after = poll(&memory, Some(&before.position));
    assert!(after.epoch != before.epoch && after.epoch.short() != before.epoch.short());
    assert_eq!((after.incarnation, &after.changes), (before.incarnation, &Changes::Since(Tags::These(vec![]))));
    assert!(after.stamp > before.stamp);
    assert_eq!(written.seen, Some(after.seen()));
}

impl Poll {
    fn seen(&self) -> Seen {
        Seen { stamp: self.stamp, incarnation: self.incarnation }
    }
}
