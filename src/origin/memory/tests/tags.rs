//! Whatever changes an answer says so: the in-memory half of A11.

use super::*;

/// Whether an answer that depends on `of` is among those that `tag` names.
fn covers(tag: Tag, of: Tag) -> bool {
    match (tag, of) {
        (Tag::All, _) => true,
        (Tag::Class(class), Tag::Class(of) | Tag::Row(of, _)) => class == of,
        (Tag::Row(..), _) => tag == of,
        (Tag::Class(_), Tag::All) => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_tags_of_a_command_cover_every_answer_whose_bytes_changed(commands in prop::collection::vec(any_command(), 1..12)) {
        let memory = memory();
        let mut before = everything(&memory);
        for command in commands {
            let (cart, position) = (now(memory.cart(SOMEBODY)).unwrap(), poll(&memory, None).position);
            let is_cart = matches!(command, Command::AddToCart { .. });
            let said = format!("{command:?}");
            let written = write(&memory, command);

            let after = everything(&memory);
            let tags = written.as_ref().map(|written| written.tags.as_slice()).unwrap_or_default();
            for (key, answer) in &after {
                let covered = tags.iter().any(|(tag, _)| covers(*tag, Tag::of(key.parse().unwrap())));
                prop_assert!(covered || *answer == before[key], "{} changed {} and says {:?}", said, key, tags);
            }
            let cart_changed = now(memory.cart(SOMEBODY)).unwrap() != cart;
            prop_assert_eq!(cart_changed, is_cart && written.is_ok());
            if written.is_err() {
                prop_assert!(after == before, "{} failed, and changed something", said);
                prop_assert_eq!(poll(&memory, None).position, position, "{} failed, and was counted", said);
            }
            before = after;
        }
    }
}

#[test]
fn a_command_changes_these_tags() {
    use Subject::{Answer, Question, Review};
    let vote = Command::Vote;
    let table = [
        (Command::AddReview(some_review(1)), hard(&["reviews:1", "meta:1"])),
        (vote(Review, 7, Vote::Helpful), hard(&["reviews:2"])),
        (vote(Review, 2, Vote::Helpful), hard(&["reviews:1"])),
        (vote(Review, 1, Vote::Report), hard(&["reviews:1"])),
        (vote(Review, 3, Vote::Report), hard(&["reviews:1"])),
        (Command::AddQuestion(some_question(3)), hard(&["questions:3"])),
        (vote(Question, 3, Vote::Helpful), hard(&["questions:2"])),
        (vote(Question, 2, Vote::Report), hard(&["questions:1"])),
        (Command::AddAnswer(some_answer(3)), hard(&["questions:2", "answers:3"])),
        (vote(Answer, 4, Vote::Helpful), hard(&["questions:2", "answers:3"])),
        (vote(Answer, 3, Vote::Report), hard(&["questions:1", "answers:2"])),
        (Command::AddToCart { owner: SOMEBODY, sku: 11, count: 1 }, hard(&[])),
        (Command::AddInteraction { element: "e".to_owned(), widget: "w".to_owned(), time: "t".to_owned() }, hard(&[])),
        (purge(Purged::Tags(tags(&["*", "meta:7"]), Kind::Hard)), hard(&["*", "meta:7"])),
        (purge(Purged::Tags(tags(&["list:*"]), Kind::Soft)), vec![("list:*".parse().unwrap(), Kind::Soft)]),
        (purge(Purged::Tags(tags(&["meta:7"]), Kind::Erase)), vec![("meta:7".parse().unwrap(), Kind::Erase)]),
        (purge(Purged::Epoch), hard(&[])),
    ];
    let memory = memory();
    for (command, tags) in table {
        let before = poll(&memory, None);
        let said = format!("{command:?}");
        let written = write(&memory, command).unwrap();
        assert_eq!(written.tags, tags, "{said}");
        let after = poll(&memory, Some(&before.position));
        assert_eq!(after.changes, Changes::Since(Tags::These(tags)), "{said}");
        assert_eq!(written.seen, Some(Seen { stamp: after.stamp, incarnation: after.incarnation }), "{said}");
        assert!(after.stamp > before.stamp, "{said}");
    }
}
