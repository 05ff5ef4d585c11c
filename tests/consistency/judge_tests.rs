//! The checker checked: for each invariant a history that holds, and the same one with the fault in it.
//!
//! B is 1 s, grace 2 s, the limit of stale answers 10 s, recovery 3 s. Times below are milliseconds.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::consistency::history::{
    Change, Claim, Final, Given, History, Label, Nanos, Nature, Read, Refresh, Register, RegisterInfo, Seen, Sight,
    SoftPurge, Via, Weight, Window, Write,
};
use crate::consistency::judge::{Rules, judge};
use crate::consistency::verdict::{Invariant, Verdict};

const RULES: Rules = Rules {
    bound: Duration::from_secs(1),
    grace: Duration::from_secs(2),
    stale_limit: Duration::from_secs(10),
    budget: Duration::from_millis(700),
    recovery: Duration::from_secs(3),
};

/// Two values, a count, and another value.
const SLOGAN: Register = Register(0);
const FEATURE: Register = Register(1);
const VOTES: Register = Register(2);

fn ms(milliseconds: u64) -> Nanos {
    milliseconds * 1_000_000
}

/// A history that is told line by line.
#[derive(Clone)]
struct Story(History);

impl Story {
    fn new() -> Self {
        let register = |name: &str, nature| RegisterInfo { name: name.to_owned(), nature };
        let registers = vec![
            register("slogan", Nature::Value),
            register("feature", Nature::Value),
            register("votes", Nature::Count),
        ];
        Self(History { registers, targets: vec!["/products/7".to_owned()], ..History::default() })
    }

    fn write(mut self, register: Register, version: u64, begin: u64, ack: u64) -> Self {
        let transaction = u32::try_from(self.0.writes.len()).unwrap();
        self.0.writes.push(Write {
            register,
            version,
            change: Change::Set,
            via: Via::Sql,
            weight: Weight::Hard,
            transaction,
            begin: ms(begin),
            ack: Some(ms(ack)),
        });
        self
    }

    /// Changes the last write.
    fn but(mut self, change: impl FnOnce(&mut Write)) -> Self {
        change(self.0.writes.last_mut().unwrap());
        self
    }

    fn read(mut self, node: u8, sent: u64, seen: &[(Register, Sight)]) -> Self {
        let seen: Arc<[Seen]> =
            seen.iter().map(|(register, sight)| Seen { register: *register, sight: *sight }).collect();
        self.0.reads.push(Read {
            node,
            client: 0,
            target: 0,
            sent: ms(sent),
            received: ms(sent + 5),
            status: 200,
            label: Label::None,
            seen,
            claims: None,
        });
        self
    }

    /// Reads the slogan.
    fn sees(self, node: u8, sent: u64, version: u64) -> Self {
        self.read(node, sent, &[(SLOGAN, Sight::Version(version))])
    }

    /// Changes the last read.
    fn answered(mut self, change: impl FnOnce(&mut Read)) -> Self {
        change(self.0.reads.last_mut().unwrap());
        self
    }

    fn labelled(self, label: Label) -> Self {
        self.answered(|read| read.label = label)
    }

    fn claiming(self, version: u64, given: Given) -> Self {
        self.answered(|read| read.claims = Some([Claim { register: SLOGAN, version, given }].into()))
    }

    fn broken(mut self, node: Option<u8>, from: u64, to: u64) -> Self {
        self.0.windows.push(Window { node, from: ms(from), to: ms(to) });
        self
    }

    fn soft(mut self, begin: u64, ack: u64) -> Self {
        self.0.softs.push(SoftPurge { begin: ms(begin), ack: ms(ack) });
        self
    }

    fn verdict(&self) -> Verdict {
        judge(&self.0, RULES)
    }

    #[track_caller]
    fn holds(self) -> Self {
        let verdict = self.verdict();
        assert_eq!(verdict.total(), 0, "{:#?}", verdict.examples);
        self
    }

    /// It violates this invariant so often and no other.
    #[track_caller]
    fn violates(&self, invariant: Invariant, times: u64) {
        let verdict = self.verdict();
        assert_eq!((verdict.count(invariant), verdict.total()), (times, times), "{:#?}", verdict.examples);
        assert!(!verdict.examples.is_empty());
    }
}

#[test]
fn an_answer_may_miss_what_was_acknowledged_less_than_b_before_it_was_asked_for() {
    let story = Story::new().write(SLOGAN, 1, 90, 100).sees(0, 1099, 0).holds();
    assert_eq!(story.verdict().stats.worst, ms(999));
    Story::new().write(SLOGAN, 1, 90, 100).sees(0, 1100, 0).violates(Invariant::A1, 1);
    // That it saw a later one than the one it has to is enough, and one that it misses is enough, too.
    let two = Story::new().write(SLOGAN, 1, 90, 100).write(SLOGAN, 2, 190, 200);
    two.clone().sees(0, 3000, 2).sees(1, 1150, 1).holds();
    two.sees(0, 1300, 1).violates(Invariant::A1, 1);
}

#[test]
fn the_worst_age_counts_from_the_oldest_write_that_is_missed() {
    let story =
        Story::new().write(SLOGAN, 1, 90, 100).write(SLOGAN, 2, 190, 200).sees(0, 500, 0).sees(0, 510, 1).holds();
    assert_eq!(story.verdict().stats.worst, ms(400));
}

#[test]
fn a_write_whose_outcome_is_unknown_need_not_be_seen_and_may_be() {
    let unknown = Story::new().write(SLOGAN, 1, 90, 100).but(|write| write.ack = None);
    unknown.clone().sees(0, 5000, 0).holds();
    unknown.clone().sees(0, 5000, 1).holds();
    // Once it was seen by anybody it is committed.
    unknown.clone().sees(0, 200, 1).sees(1, 900, 0).holds();
    unknown.sees(0, 200, 1).sees(1, 1300, 0).violates(Invariant::A3, 1);
}

#[test]
fn nothing_is_seen_before_it_is_written() {
    Story::new().write(SLOGAN, 1, 90, 100).sees(0, 86, 1).holds();
    Story::new().write(SLOGAN, 1, 92, 100).sees(0, 86, 1).violates(Invariant::A2, 1);
    Story::new().write(SLOGAN, 1, 90, 100).sees(0, 200, 2).violates(Invariant::A2, 1);
    // Version 2 was rolled back for certain and is not recorded, 3 is.
    let gap = Story::new().write(SLOGAN, 1, 90, 100).write(SLOGAN, 3, 190, 200);
    gap.clone().sees(0, 300, 3).holds();
    gap.sees(0, 300, 2).violates(Invariant::A2, 1);
}

#[test]
fn what_was_rolled_back_and_what_nobody_wrote_is_not_seen() {
    for sight in [Sight::Poison, Sight::Garbage] {
        Story::new().read(0, 100, &[(SLOGAN, sight)]).violates(Invariant::A2, 1);
    }
    // Nor that something is gone which never was.
    Story::new().read(0, 100, &[(SLOGAN, Sight::Absent)]).violates(Invariant::A2, 1);
}

#[test]
fn a_body_mixes_no_two_transactions() {
    let both = |slogan, feature| {
        let together =
            Story::new().write(SLOGAN, 1, 90, 100).write(FEATURE, 1, 90, 100).but(|write| write.transaction = 0);
        // Both are written alone, too.
        let story = together.write(FEATURE, 2, 190, 200).write(SLOGAN, 2, 290, 300);
        story.read(0, 400, &[(SLOGAN, Sight::Version(slogan)), (FEATURE, Sight::Version(feature))])
    };
    for (slogan, feature) in [(0, 0), (1, 1), (1, 2), (2, 2)] {
        both(slogan, feature).holds();
    }
    both(0, 1).violates(Invariant::A2, 1);
    both(1, 0).violates(Invariant::A2, 1);
    both(2, 0).violates(Invariant::A2, 1);
    // In two answers they may differ.
    let apart = |slogan| {
        Story::new()
            .write(SLOGAN, 1, 90, 100)
            .write(FEATURE, 1, 90, 100)
            .but(|write| write.transaction = 0)
            .sees(0, 200, slogan)
            .read(0, 201, &[(FEATURE, Sight::Version(1))])
    };
    apart(0).holds();
}

#[test]
fn what_was_seen_is_seen_again_after_b_and_with_its_token_at_once() {
    // The writer is told late, the reader is not.
    let late = Story::new().write(SLOGAN, 1, 90, 5000).sees(0, 100, 1);
    late.clone().sees(1, 1100, 0).holds();
    late.clone().sees(1, 1106, 0).violates(Invariant::A3, 1);
    late.clone().sees(1, 110, 0).claiming(0, Given::Read).holds();
    late.clone().sees(1, 110, 1).claiming(1, Given::Read).holds();
    late.clone().sees(1, 110, 0).claiming(1, Given::Read).violates(Invariant::A3, 1);
    let labelled = late.sees(1, 110, 0).claiming(1, Given::Read).labelled(Label::Origin(3)).broken(None, 100, 200);
    labelled.violates(Invariant::A3, 1);
}

#[test]
fn every_key_ends_as_the_origin_has_it() {
    let ended = |wrong: Option<&str>| {
        let mut story = Story::new();
        story.0.finals.push(Final { node: 1, target: 0, wrong: wrong.map(str::to_owned) });
        story
    };
    ended(None).holds();
    ended(Some("another body")).violates(Invariant::A4, 1);
}

#[test]
fn a_stale_answer_needs_an_origin_that_cannot_be_asked_and_is_not_too_old() {
    let stale = |sent, age| Story::new().write(SLOGAN, 1, 90, 100).sees(1, sent, 0).labelled(Label::Origin(age));
    stale(2000, 2).broken(Some(1), 1500, 2500).holds();
    stale(2000, 2).broken(None, 1500, 2500).holds();
    // B before it, and B and the time to recover after it.
    stale(2000, 2).broken(Some(1), 3005, 4000).holds();
    stale(2000, 2).broken(Some(1), 3006, 4000).violates(Invariant::A5, 1);
    stale(6500, 6).broken(Some(1), 1500, 2500).holds();
    stale(6501, 6).broken(Some(1), 1500, 2500).violates(Invariant::A5, 1);
    // Who has waited for all the time there is needs no other reason.
    let waited = |long| stale(2000, 2).answered(|read| read.received = read.sent + ms(long));
    waited(700).holds();
    waited(699).violates(Invariant::A5, 1);
    // Another node's fault is no excuse.
    stale(2000, 2).broken(Some(0), 1500, 2500).violates(Invariant::A5, 1);
    // By its own words, and by what it misses.
    stale(9000, 11).broken(None, 0, 60_000).holds();
    stale(9000, 12).broken(None, 0, 60_000).violates(Invariant::A5, 1);
    stale(11_099, 10).broken(None, 0, 60_000).holds();
    stale(11_100, 10).broken(None, 0, 60_000).violates(Invariant::A5, 1);
}

#[test]
fn a_404_was_true_within_b_and_is_never_stale() {
    let gone = Story::new().write(SLOGAN, 1, 90, 100).but(|write| write.change = Change::Delete);
    let back = gone.clone().write(SLOGAN, 2, 490, 500);
    let not_found = |story: &Story, sent| {
        story.clone().read(0, sent, &[(SLOGAN, Sight::Absent)]).answered(|read| read.status = 404)
    };
    not_found(&gone, 5000).holds();
    not_found(&gone, 86).holds();
    not_found(&gone, 80).violates(Invariant::A6, 1);
    not_found(&back, 1499).holds();
    not_found(&back, 1500).violates(Invariant::A6, 1);
    not_found(&gone, 5000).labelled(Label::Origin(2)).broken(None, 4000, 6000).violates(Invariant::A6, 1);
    // What is gone is seen for B at most; an empty list is judged like a 404 but as a 200.
    gone.clone().sees(0, 1099, 0).holds();
    gone.sees(0, 1100, 0).violates(Invariant::A1, 1);
    back.clone().read(0, 1499, &[(SLOGAN, Sight::Absent)]).holds();
    back.read(0, 1500, &[(SLOGAN, Sight::Absent)]).violates(Invariant::A1, 1);
}

#[test]
fn the_node_that_took_a_write_shows_it_at_once() {
    let own = Story::new().write(SLOGAN, 1, 90, 100).but(|write| write.via = Via::Node(1));
    own.clone().sees(1, 100, 0).holds();
    own.clone().sees(1, 101, 1).holds();
    own.clone().sees(0, 101, 0).holds();
    own.clone().sees(1, 101, 0).violates(Invariant::A7, 1);
    // Nor an older one with a label; 503 is right.
    let cut = own.clone().broken(Some(1), 100, 5000);
    cut.clone().sees(1, 2000, 0).labelled(Label::Origin(2)).violates(Invariant::A7, 1);
    cut.sees(1, 2000, 0)
        .labelled(Label::Origin(2))
        .answered(|read| (read.status, read.seen) = (503, [].into()))
        .holds();
    // Elsewhere with the token.
    own.clone().sees(0, 101, 1).claiming(1, Given::Write).holds();
    own.sees(0, 101, 0).claiming(1, Given::Write).violates(Invariant::A7, 1);
}

#[test]
fn votes_count_whoever_took_them() {
    let vote =
        |story: Story, node, begin, ack| story.write(VOTES, 0, begin, ack).but(|write| write.via = Via::Node(node));
    let votes = |story: &Story, node, sent, count| story.clone().read(node, sent, &[(VOTES, Sight::Version(count))]);
    let story = vote(vote(Story::new(), 0, 90, 100), 1, 190, 200);
    votes(&story, 1, 201, 2).holds();
    votes(&story, 1, 150, 0).holds();
    votes(&story, 1, 201, 1).violates(Invariant::A7, 1);
    votes(&story, 0, 201, 1).holds();
    votes(&story, 2, 1100, 0).violates(Invariant::A1, 1);
    votes(&story, 2, 1199, 1).holds();
    votes(&story, 2, 300, 3).violates(Invariant::A2, 1);
    votes(&story, 2, 100, 2).violates(Invariant::A2, 1);
    // One of them may have happened or not.
    let story = vote(story, 0, 300, 310).but(|write| write.ack = None);
    votes(&story, 2, 2000, 2).holds();
    votes(&story, 2, 2000, 3).holds();
    votes(&story, 2, 2000, 1).violates(Invariant::A1, 1);
}

#[test]
fn a_purged_answer_is_stale_within_grace_and_hides_no_hard_change() {
    let purged = |sent, version| {
        let soft = Story::new().write(SLOGAN, 1, 90, 100).but(|write| write.weight = Weight::Soft).soft(90, 100);
        soft.sees(0, sent, version).labelled(Label::Purge(2))
    };
    purged(3099, 0).holds();
    purged(3100, 1).holds();
    purged(3101, 1).violates(Invariant::A8, 1);
    // Out of grace, and it misses what is out of grace; or in that of a later one.
    purged(3100, 0).violates(Invariant::A8, 1);
    purged(3500, 1).soft(1500, 1600).holds();
    purged(3500, 0).soft(1500, 1600).violates(Invariant::A8, 1);
    // A node that was kept from the origin learns of it later.
    purged(3500, 0).broken(Some(0), 1000, 1200).holds();
    // Before the purge.
    purged(80, 0).violates(Invariant::A8, 1);
    // A vote meanwhile.
    let voted = |sent| {
        purged(200, 0)
            .write(FEATURE, 1, 290, 300)
            .read(0, sent, &[(FEATURE, Sight::Version(0))])
            .labelled(Label::Purge(2))
    };
    voted(1299).holds();
    voted(1300).violates(Invariant::A8, 1);
    // Without label it is judged as any.
    purged(1100, 0).labelled(Label::None).violates(Invariant::A1, 1);
    purged(1100, 1).labelled(Label::Unknown).violates(Invariant::A8, 1);
}

#[test]
fn what_was_erased_is_not_seen_again() {
    let erased = Story::new().write(SLOGAN, 1, 90, 100).but(|write| write.weight = Weight::Erase);
    let stale = |story: &Story, node, sent, version| story.clone().sees(node, sent, version).labelled(Label::Origin(2));
    // The origin went away after everybody could learn of it.
    let out = erased.clone().broken(None, 1200, 9000);
    stale(&out, 0, 1099, 0).holds();
    stale(&out, 0, 2000, 1).holds();
    stale(&out, 0, 2000, 0).violates(Invariant::A9, 1);
    // Before that: whoever was cut off cannot know, until it is connected again.
    let out = erased.clone().broken(None, 50, 5000);
    stale(&out, 0, 3000, 0).holds();
    stale(&out, 0, 8999, 0).holds();
    let again = stale(&out, 0, 9000, 0).verdict();
    assert_eq!((again.count(Invariant::A9), again.total()), (1, 1));
    // The node that took it knows in any case.
    let taken = erased.but(|write| write.via = Via::Node(1)).broken(None, 101, 5000);
    stale(&taken, 0, 3000, 0).holds();
    let own = stale(&taken, 1, 3000, 0).verdict();
    assert_eq!((own.count(Invariant::A9), own.count(Invariant::A7)), (1, 1));
}

#[test]
fn a_soft_wildcard_costs_one_fetch_for_each_key_that_is_asked_for() {
    let cost = |fetches, at_once| {
        let mut story = Story::new();
        story.0.refreshes.push(Refresh { asked: 100, fetches, at_once, allowed_at_once: 4 });
        story
    };
    cost(110, None).holds();
    cost(111, None).violates(Invariant::A10, 1);
    cost(90, Some(4)).holds();
    cost(90, Some(5)).violates(Invariant::A10, 1);
}

#[test]
fn a_move_that_is_accepted_and_an_answer_that_is_none_are_told() {
    let mut moved = Story::new();
    (moved.0.moves_refused, moved.0.moves_accepted) = (3, 1);
    moved.violates(Invariant::Moves, 1);
    Story::new().sees(0, 100, 0).answered(|read| read.status = 500).violates(Invariant::Wire, 1);
    // Only a product has a 404.
    Story::new().read(0, 100, &[]).answered(|read| read.status = 404).violates(Invariant::Wire, 1);
    let mut odd = Story::new();
    odd.0.oddities.push("an ETag for two bodies".to_owned());
    odd.violates(Invariant::Wire, 1);
    // A write has a token, unless the reply to its commit may have been lost.
    let mut bare = Story::new();
    bare.0.tokenless.push((1, ms(500)));
    bare.violates(Invariant::Wire, 1);
    bare.broken(Some(1), 400, 600).holds();
    // No answer and 503 are told in the numbers.
    let none = Story::new().sees(0, 100, 0).answered(|read| (read.status, read.seen) = (0, [].into())).holds();
    assert_eq!(none.verdict().stats.failed, 1);
}

#[test]
fn a_violation_says_who_saw_what_and_only_the_first_few_are_told() {
    let mut story = Story::new().write(SLOGAN, 1, 90, 100);
    for _ in 0..20 {
        story = story.sees(2, 1500, 0);
    }
    story.violates(Invariant::A1, 20);
    let verdict = story.verdict();
    assert_eq!(verdict.examples.len(), 5);
    assert_eq!(
        verdict.examples[0].text,
        "node 2 client 0 /products/7 sent 1.500 received 1.505 status 200 None: slogan shows Version(0); a later version \
         was acknowledged at 0.100"
    );
}

#[test]
fn a_million_reads_are_judged_in_seconds() {
    let mut history = Story::new().0;
    let slogan = |version, begin: u64| Write {
        register: SLOGAN,
        version,
        change: Change::Set,
        via: Via::Node(0),
        weight: Weight::Hard,
        transaction: u32::try_from(version).unwrap(),
        begin,
        ack: Some(begin + ms(1)),
    };
    history.writes = (1..=100_000).map(|version| slogan(version, version * ms(1))).collect();
    let shown: Vec<Arc<[Seen]>> =
        (0..=100_000).map(|version| [Seen { register: SLOGAN, sight: Sight::Version(version) }].into()).collect();
    let read = |number: u64| {
        let sent = number * 100_000 + ms(2);
        let seen = Arc::clone(&shown[usize::try_from(number / 10).unwrap()]);
        let (node, label) = (1, Label::None);
        Read { node, client: 0, target: 0, sent, received: sent + 1000, status: 200, label, seen, claims: None }
    };
    history.reads = (0..1_000_000).map(read).collect();
    let begun = Instant::now();
    let verdict = judge(&history, RULES);
    let took = begun.elapsed();
    assert_eq!((verdict.stats.reads, verdict.total()), (1_000_000, 0), "{:#?}", verdict.examples);
    assert!(verdict.stats.worst < ms(3), "{:?}", verdict.stats);
    assert!(took < Duration::from_secs(10), "{took:?}");
}
