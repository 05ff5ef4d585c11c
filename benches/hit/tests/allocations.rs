//! How often a hit allocates, from the socket and back.
//!
//! All of the process counts, so the least of several rounds is taken: what the thread does that serves is the same in each, and a poll
//! of the server beside it only adds to some.

use std::alloc::System;

use atelier_hit::{CASES, Connection};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// So many hits are a round, and so many rounds are counted.
const HITS: usize = 160;
const ROUNDS: usize = 10;

/// hyper's own: the headers of the answer, their places and their values.
const BARE: f64 = 2.0;

/// Ours: the same, and nothing besides.
const OURS: f64 = 2.0;

/// Room for what comes once in a while, such as moka's look at what was read: less than one in ten hits.
const NOW_AND_THEN: f64 = 0.1;

/// Allocations of one hit, growing buffers among them. The client's end allocates nothing.
fn of_each(connection: &mut Connection) -> f64 {
    let rounds = (0..ROUNDS).map(|_| {
        let region = Region::new(ALLOCATOR);
        connection.ask(HITS);
        let counted = region.change();
        counted.allocations + counted.reallocations
    });
    rounds.min().unwrap() as f64 / HITS as f64
}

#[test]
fn a_hit_allocates_no_more_often_than_is_said_here() {
    let mut wrong = Vec::new();
    for case in CASES {
        let mut connection = Connection::to_ours(&case);
        let ours = of_each(&mut connection);
        connection.check(&case);
        // hyper alone compares no tags.
        let bare = (!case.is_held).then(|| of_each(&mut Connection::to_bare(&case)));
        println!("{}: {ours} allocations a hit, hyper alone {bare:?}", case.name);
        for (whose, counted, most) in [("ours", Some(ours), OURS), ("hyper's", bare, BARE)] {
            // As many, not only no more: a count of nothing would pass for ever.
            if counted.is_some_and(|counted| !(most..most + NOW_AND_THEN).contains(&counted)) {
                wrong.push(format!("{}: {whose} are {counted:?} and not {most}", case.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
