//! A poll tells exactly what was written since, or that it cannot.

use std::collections::HashMap;
use std::time::Instant;

use super::super::history::{History, KEPT};
use super::*;
use crate::stamp::Stamp;

/// Each tag with its strictest kind, in no order.
fn by_tag(listed: &[(Tag, Kind)]) -> HashMap<Tag, Kind> {
    let mut strictest = HashMap::new();
    for (tag, kind) in listed {
        let entry = strictest.entry(*tag).or_insert(*kind);
        *entry = (*entry).max(*kind);
    }
    strictest
}

/// What a poll answers if this was changed and nothing else.
fn is_exactly(found: &Tags, listed: &[(Tag, Kind)], most: usize) -> bool {
    let expected = by_tag(listed);
    match found {
        Tags::These(tags) => {
            tags.len() == expected.len() && tags.len() <= most && tags.iter().all(|(tag, kind)| expected[tag] == *kind)
        }
        Tags::TooMany(kind) => expected.len() > most && expected.values().max() == Some(kind),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_poll_from_anywhere_tells_what_was_written_since(
        commands in prop::collection::vec(any_command(), 0..30), most in prop_oneof![0..4_usize, Just(usize::MAX)],
    ) {
        let memory = memory();
        let mut positions = vec![poll(&memory, None).position];
        let mut written: Vec<Vec<(Tag, Kind)>> = Vec::new();
        for command in commands {
            let tags = write(&memory, command).map(|written| written.tags).unwrap_or_default();
            written.push(tags);
            positions.push(poll(&memory, positions.last()).position);
        }
        for (place, position) in positions.iter().enumerate() {
            let told = now(memory.poll(Some(position), most)).unwrap();
            let Changes::Since(tags) = &told.changes else { panic!("{told:?}") };
            prop_assert!(is_exactly(tags, &written[place..].concat(), most), "{:?} since {:?}", tags, position);
            prop_assert_eq!(Some(&told.position), positions.last());
        }
        let told = now(memory.poll(None, most)).unwrap();
        let Changes::Kept { tags, horizon: Some(horizon), .. } = told.changes else { panic!("{told:?}") };
        prop_assert!(is_exactly(&tags, &written.concat(), most));
        prop_assert!(horizon <= Stamp::new(positions[0].0.parse().unwrap()), "nothing was dropped");
    }

    #[test]
    fn what_was_dropped_is_a_gap_and_lies_below_the_horizon(
        room in 1..9_usize,
        writes in prop::collection::vec(prop::collection::vec((any_tag(), any_kind()), 0..4), 0..12),
    ) {
        let mut history = History::new(room);
        let first = history.seen().stamp.number();
        let mut changes = Vec::new();
        for (tags, stamp) in writes.iter().zip(first + 1..) {
            history.append(tags, Instant::now());
            prop_assert_eq!(history.seen().stamp, Stamp::new(stamp));
            changes.extend(tags.iter().map(|change| (stamp, *change)));
        }
        let (dropped, kept) = changes.split_at(changes.len().saturating_sub(room));
        let last = first + writes.len() as u64;
        for position in 0..last + 2 {
            let is_gap = position < first || position > last || dropped.iter().any(|(stamp, _)| *stamp > position);
            let since = kept.iter().filter(|(stamp, _)| *stamp > position).map(|(_, change)| *change);
            let expected = (!is_gap).then(|| since.collect());
            prop_assert_eq!(history.since(&Position(position.to_string().into())), expected, "since {}", position);
        }
        prop_assert_eq!(history.all(), kept.iter().map(|(_, change)| *change).collect::<Vec<_>>());
        let horizon = dropped.last().map_or(first, |(stamp, _)| *stamp);
        prop_assert_eq!(history.horizon(), Stamp::new(horizon));
    }
}

#[test]
fn a_history_that_overflows_leaves_a_gap_and_a_horizon() {
    let memory = memory();
    let write = |classes: &[Resource], rows: u32| {
        let tags = classes.iter().flat_map(|class| (1..=rows).map(|id| Tag::Row(*class, id))).collect();
        write(&memory, purge(Purged::Tags(tags, Kind::Hard))).unwrap().seen.unwrap().stamp
    };
    let start = poll(&memory, None);
    let first = write(&[Resource::Meta], 1);
    let after_first = poll(&memory, Some(&start.position)).position;
    write(&[Resource::Meta, Resource::Reviews], KEPT as u32 / 2);

    assert_eq!(poll(&memory, Some(&start.position)).changes, Changes::Gap);
    let Changes::Since(Tags::These(tags)) = poll(&memory, Some(&after_first)).changes else { panic!("a gap") };
    assert_eq!(tags.len(), KEPT);
    let told = poll(&memory, None);
    assert_eq!(told.changes, Changes::Kept { tags: Tags::These(tags), seen: vec![], horizon: Some(first) });

    // A write that does not fit by itself: whoever has seen it misses nothing.
    let large = write(&[Resource::Meta, Resource::Reviews], KEPT as u32);
    assert_eq!(poll(&memory, Some(&told.position)).changes, Changes::Gap);
    let told = poll(&memory, None);
    assert!(matches!(told.changes, Changes::Kept { horizon: Some(horizon), .. } if horizon == large), "{large}");
    assert_eq!(poll(&memory, Some(&told.position)).changes, Changes::Since(Tags::These(vec![])));
}

#[test]
fn a_position_of_another_history_is_a_gap() {
    let memory = memory();
    let here: u64 = poll(&memory, None).position.0.parse().unwrap();
    for text in ["", "0", "-1", "x", "10:20:", &(here + 1).to_string(), &u64::MAX.to_string()] {
        assert_eq!(poll(&memory, Some(&Position(text.into()))).changes, Changes::Gap, "{text:?}");
    }
}

#[test]
fn pruning_forgets_what_is_older_than_the_retention() {
    let memory = memory();
    let start = poll(&memory, None);
    let vote = || write(&memory, Command::Vote(Subject::Review, 1, Vote::Helpful)).unwrap().seen.unwrap().stamp;
    vote();
    now(memory.prune(Duration::from_secs(3600))).unwrap();
    assert_eq!(poll(&memory, Some(&start.position)).changes, Changes::Since(Tags::These(hard(&["reviews:1"]))));
    now(memory.prune(Duration::MAX)).unwrap();
    assert_eq!(poll(&memory, Some(&start.position)).changes, Changes::Since(Tags::These(hard(&["reviews:1"]))));

    let last = vote();
    std::thread::sleep(Duration::from_millis(2));
    now(memory.prune(Duration::from_millis(1))).unwrap();
    let told = poll(&memory, None);
    assert_eq!(told.changes, Changes::Kept { tags: Tags::These(vec![]), seen: vec![], horizon: Some(last) });
    assert_eq!(poll(&memory, Some(&start.position)).changes, Changes::Gap);
    assert_eq!(poll(&memory, Some(&told.position)).changes, Changes::Since(Tags::These(vec![])));
}
