//! What is answered after a write.

use std::mem::discriminant;

use super::*;

#[test]
fn a_new_review_is_listed_and_counted() {
    let memory = memory();
    assert!(text(&memory, "meta/1").starts_with(r#"{"product_id":"1","ratings":{"1":"1","4":"1","5":"1"},"#));
    let photos = ["p", "q"].map(str::to_owned).into();
    let new = NewReview { photos, characteristics: vec![(2, 3), (1, 1)], ..some_review(1) };
    write(&memory, Command::AddReview(new)).unwrap();
    assert_eq!(
        text(&memory, "reviews/1/newest/1x1"),
        r#"{"product":"1","page":0,"count":1,"results":[{"review_id":8,"rating":2,"summary":"S","recommend":true,"response":null,"body":"B","date":"2020-09-13T12:26:40.007Z","reviewer_name":"N","helpfulness":0,"photos":[{"id":6,"url":"p"},{"id":7,"url":"q"}]}]}"#
    );
    // The hidden review counts, too: 4, 5, 5 and 1 are 15 in 4.
    assert_eq!(
        text(&memory, "meta/1"),
        r#"{"product_id":"1","ratings":{"1":"1","2":"1","4":"1","5":"1"},"recommended":{"false":"1","true":"3"},"characteristics":{"Fit":{"id":1,"value":"3.7500000000000000"},"Length":{"id":2,"value":"3.0000000000000000"}}}"#
    );
    assert_eq!(
        text(&memory, "reviews/3/newest/1x1"),
        r#"{"product":"3","page":0,"count":1,"results":[]}"#,
        "nobody else's"
    );
}

#[test]
fn a_new_question_and_its_answers_are_listed() {
    let memory = memory();
    write(&memory, Command::AddQuestion(some_question(3))).unwrap();
    let photos = ["p", "q"].map(str::to_owned).into();
    write(&memory, Command::AddAnswer(NewAnswer { photos, ..some_answer(4) })).unwrap();
    write(&memory, Command::AddAnswer(some_answer(4))).unwrap();
    write(&memory, Command::Vote(Subject::Answer, 6, Vote::Helpful)).unwrap();
    assert_eq!(
        text(&memory, "questions/3/1x5"),
        r#"{"product_id":"3","results":[{"question_id":4,"question_body":"B","question_date":"2020-09-13T12:26:40.007Z","asker_name":"N","question_helpfulness":0,"reported":false,"answers":{"5":{"id":5,"body":"B","date":"2020-09-13T12:26:40.007Z","answerer_name":"N","helpfulness":0,"photos":["p","q"]},"6":{"id":6,"body":"B","date":"2020-09-13T12:26:40.007Z","answerer_name":"N","helpfulness":1,"photos":[]}}}]}"#
    );
    assert_eq!(
        text(&memory, "answers/4/1x5"),
        r#"{"question":"4","page":1,"count":5,"results":[{"answer_id":6,"body":"B","date":"2020-09-13T12:26:40.007Z","answerer_name":"N","helpfulness":1,"photos":[]},{"answer_id":5,"body":"B","date":"2020-09-13T12:26:40.007Z","answerer_name":"N","helpfulness":0,"photos":[{"id":10,"url":"p"},{"id":11,"url":"q"}]}]}"#
    );
    let (questions, _) = now(memory.ids(Existing::Questions)).unwrap();
    assert_eq!(questions, RoaringBitmap::from_iter([1, 2, 3, 4]));
}

#[test]
fn votes_are_counted_one_by_one_and_reports_hide_for_good() {
    let memory = memory();
    let vote = |subject, id, vote| write(&memory, Command::Vote(subject, id, vote)).map(drop);
    let subjects = [
        (Subject::Review, 7, "reviews/2/newest/1x5"),
        (Subject::Question, 3, "questions/2/1x5"),
        (Subject::Answer, 4, "answers/3/1x5"),
    ];
    for (subject, id, key) in subjects {
        for helpful in 1..=2 {
            vote(subject, id, Vote::Helpful).unwrap();
            let shown = text(&memory, key);
            assert!(shown.contains(&format!(r#"helpfulness":{helpful},"#)), "{shown}");
        }
        vote(subject, id, Vote::Report).unwrap();
        let hidden = text(&memory, key);
        assert!(hidden.ends_with(r#""results":[]}"#), "{hidden}");
        for again in [Vote::Report, Vote::Helpful] {
            vote(subject, id, again).unwrap();
            assert_eq!(text(&memory, key), hidden, "{again:?} of a hidden row");
        }
    }
    assert!(text(&memory, "meta/2").contains(r#""ratings":{"3":"1"}"#), "a hidden review counts");
}

#[test]
fn helpfulness_ends_where_the_column_ends() {
    let memory = memory();
    write(&memory, Command::Vote(Subject::Review, 2, Vote::Helpful)).unwrap();
    assert!(text(&memory, "reviews/1/helpful/1x1").contains(r#""helpfulness":2147483647,"#));
}

#[test]
fn what_does_not_fit_is_refused_and_changes_nothing() {
    use WriteError::{Absent, Invalid};
    let review = |new| Command::AddReview(new);
    let rated = |characteristics| review(NewReview { characteristics, ..some_review(1) });
    let vote = |subject, id| Command::Vote(subject, id, Vote::Helpful);
    let table = [
        (review(some_review(4)), AT, Invalid),
        (review(some_review(u32::MAX)), AT, Invalid),
        (rated(vec![(1, 5), (3, 5)]), AT, Invalid),
        (rated(vec![(1, 5), (99, 5)]), AT, Invalid),
        (rated(vec![(1, 5), (2, 6)]), AT, Invalid),
        (review(NewReview { rating: 0, ..some_review(1) }), AT, Invalid),
        (review(NewReview { rating: 6, ..some_review(1) }), AT, Invalid),
        (review(some_review(1)), -1, Invalid),
        (review(some_review(1)), 253_402_300_800_000, Invalid),
        (Command::AddQuestion(some_question(4)), AT, Invalid),
        (Command::AddQuestion(some_question(1)), -1, Invalid),
        (Command::AddAnswer(some_answer(4)), AT, Invalid),
        (Command::AddAnswer(some_answer(1)), -1, Invalid),
        (Command::AddToCart { owner: SOMEBODY, sku: 13, count: 1 }, AT, Invalid),
        (Command::AddToCart { owner: SOMEBODY, sku: 11, count: 0 }, AT, Invalid),
        (vote(Subject::Review, 4), AT, Absent),
        (vote(Subject::Question, 4), AT, Absent),
        (vote(Subject::Answer, 0), AT, Absent),
    ];
    let memory = memory();
    let (before, stamp) = (everything(&memory), poll(&memory, None).stamp);
    for (command, at, expected) in table {
        let said = format!("{command:?} at {at}");
        let error = now(memory.write(command, at)).unwrap_err();
        assert_eq!(discriminant(&error), discriminant(&expected), "{said}: {error}");
        assert_eq!(everything(&memory), before, "{said}");
        assert_eq!(now(memory.cart(SOMEBODY)).unwrap().0, "[]", "{said}");
        assert_eq!(poll(&memory, None).stamp, stamp, "{said}");
    }
}

#[test]
fn a_full_table_takes_no_row() {
    let memory = memory();
    memory.state.write().unwrap().catalogue.ids.reviews_photos.saw(crate::key::ID_MAX);
    let before = everything(&memory);
    let photos = vec!["p".to_owned()];
    let new = NewReview { photos, characteristics: vec![(1, 1)], ..some_review(1) };
    let error = write(&memory, Command::AddReview(new)).unwrap_err();
    assert!(matches!(error, WriteError::Undone(OriginError::Failed(_))), "{error}");
    assert_eq!(everything(&memory), before);
    write(&memory, Command::AddReview(some_review(1))).unwrap();
}

#[test]
fn the_id_of_a_row_that_went_is_given_to_no_other() {
    let memory = memory();
    let add = || write(&memory, Command::AddReview(some_review(3))).unwrap();
    add();
    memory.state.write().unwrap().catalogue.products.get_mut(&3).unwrap().reviews.clear();
    add();
    assert!(text(&memory, "reviews/3/newest/1x5").contains(r#""review_id":9,"#));
}

#[test]
fn a_cart_sums_up_what_its_owner_put_into_it() {
    let memory = memory();
    let (somebody, else_) = (SOMEBODY, Owner([2; 32]));
    for (owner, sku, count) in
        [(somebody, 21, 1), (somebody, 11, u32::MAX), (else_, 12, 1), (somebody, 11, 1), (somebody, 21, 1)]
    {
        write(&memory, Command::AddToCart { owner, sku, count }).unwrap();
    }
    let cart = |owner| now(memory.cart(owner)).unwrap().0;
    assert_eq!(cart(somebody), r#"[{"sku_id":11,"count":4294967296},{"sku_id":21,"count":2}]"#);
    assert_eq!(cart(else_), r#"[{"sku_id":12,"count":1}]"#);
    assert_eq!(cart(Owner([3; 32])), "[]");
}

#[test]
fn after_a_write_that_broke_off_nothing_is_answered() {
    let memory = memory();
    assert!(memory.is_up());
    let broke = std::thread::scope(|scope| {
        let writing = || {
            let _state = memory.state.write().unwrap();
            std::panic::resume_unwind(Box::new("in the midst of it"));
        };
        scope.spawn(writing).join()
    });
    assert!(broke.is_err() && !memory.is_up());
    assert!(now(memory.fetch(Key::Product(1))).is_err());
    assert!(now(memory.poll(None, 1)).is_err());
    let error = write(&memory, Command::AddReview(some_review(1))).unwrap_err();
    assert!(matches!(error, WriteError::Undone(_)), "{error}");
    assert_eq!(memory.products(), 3);
}
