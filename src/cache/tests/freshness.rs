//! What a change does to what is stored, under way, or absent.

use super::*;
use crate::stamp::Stamp;

#[tokio::test(start_paused = true)]
async fn a_change_by_anybody_is_seen_when_the_poll_has_come() {
    let origin = ScriptedOrigin::new(Script::Version, Duration::ZERO);
    let cache = cache(&origin).await;
    cache.get(KEY).await;
    cache.get(Key::Product(8)).await;
    origin.change("product:7", Kind::Hard);
    assert_eq!(cache.get(KEY).await, ("1".to_owned(), Outcome::HitL1), "nobody has told");
    assert!(cache.poller.join(LONG).await);
    assert_eq!(cache.get(KEY).await, ("2".to_owned(), Outcome::Refetched));
    assert_eq!(cache.get(Key::Product(8)).await.1, Outcome::HitL1, "others are left alone");
    origin.change("product:*", Kind::Hard);
    assert!(cache.poller.join(LONG).await);
    assert_eq!(cache.get(Key::Product(8)).await, ("3".to_owned(), Outcome::Refetched));
}

#[tokio::test(start_paused = true)]
async fn a_write_of_this_node_is_seen_by_whoever_asks_after_it() {
    let origin = ScriptedOrigin::new(Script::Version, Duration::ZERO);
    let cache = cache(&origin).await;
    cache.get(KEY).await;
    let polls = origin.polls();
    let token = cache.write(vote()).await.unwrap().unwrap();
    assert_eq!(token.stamp.number(), 2);
    assert_eq!(cache.get(KEY).await, ("2".to_owned(), Outcome::Refetched));
    assert_eq!(origin.polls(), polls, "without any poll");
}

#[tokio::test(start_paused = true)]
async fn a_fetch_that_began_before_a_write_is_not_given_to_who_asks_after_it() {
    let origin = ScriptedOrigin::new(Script::Version, 100 * MS);
    let cache = cache(&origin).await;
    let early = tokio::spawn({
        let cache = Arc::clone(&cache);
        async move { cache.get(KEY).await }
    });
    until(|| origin.fetches() == 1).await;
    cache.write(vote()).await.unwrap();
    let late = cache.get(KEY).await;
    assert_eq!(late.0, "2", "it joined the flight, and judged what that brought");
    // Who asked before may get either, but what is stored is the new one.
    early.await.unwrap();
    assert_eq!(cache.get(KEY).await, ("2".to_owned(), Outcome::HitL1));
}

#[tokio::test(start_paused = true)]
async fn while_writes_go_on_and_on_a_read_ends_with_what_it_asked_for_itself() {
    let origin = ScriptedOrigin::new(Script::Version, 10 * MS);
    let cache = cache(&origin).await;
    let writer = tokio::spawn({
        let cache = Arc::clone(&cache);
        async move {
            loop {
                cache.write(vote()).await.unwrap();
                tokio::time::sleep(3 * MS).await;
            }
        }
    });
    for _ in 0..20 {
        let asked_at = cache.changes.position().unwrap().stamp;
        let (version, _) = cache.get(KEY).await;
        assert!(version.parse::<u64>().unwrap() >= asked_at.number());
    }
    writer.abort();
}

#[tokio::test(start_paused = true)]
async fn a_write_whose_place_is_not_known_counts_until_a_later_poll() {
    for commit in [Commit::StampLost, Commit::Unknown] {
        let origin = ScriptedOrigin::new(Script::Version, Duration::ZERO);
        let cache = cache(&origin).await;
        cache.get(KEY).await;
        cache.get(Key::Product(8)).await;
        origin.blind(true);
        assert!(!cache.poller.join(LONG).await);
        *origin.commit.lock().unwrap() = commit;
        let written = cache.write(vote()).await;
        assert!(matches!((commit, written), (Commit::StampLost, Ok(None)) | (Commit::Unknown, Err(_))));
        assert_eq!(cache.get(KEY).await.0, "2", "{commit:?}: fetched after the write");
        assert_eq!(cache.get(KEY).await, ("2".to_owned(), Outcome::HitL1), "{commit:?}: and that counts");
        assert_eq!(cache.get(Key::Product(8)).await.1, Outcome::HitL1, "{commit:?}: others stay as they are");
        origin.blind(false);
        until(|| cache.changes.position().unwrap().stamp.number() == 2).await;
        assert_eq!(cache.get(KEY).await, ("2".to_owned(), Outcome::HitL1), "{commit:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_soft_purge_leaves_answers_in_use_with_the_label_while_they_are_fetched() {
    let origin = ScriptedOrigin::new(Script::Version, 20 * MS);
    let cache = cache_with(&origin, settings(), with_times(|times| times.grace = LONG)).await;
    cache.get(KEY).await;
    cache.write(purge("*", Kind::Soft)).await.unwrap();
    let (version, outcome) = cache.get(KEY).await;
    assert_eq!(version, "1");
    assert!(matches!(outcome, Outcome::StalePurge(_)), "{outcome:?}");
    until(|| cache.hit(KEY, None).is_some_and(|served| served.outcome == Outcome::HitL1)).await;
    assert_eq!(cache.get(KEY).await.0, "2");
    assert_eq!(origin.fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn who_has_seen_behind_a_soft_purge_is_not_shown_what_was_before_it() {
    let origin = ScriptedOrigin::new(Script::Version, Duration::ZERO);
    let cache = cache_with(&origin, settings(), with_times(|times| times.grace = LONG)).await;
    cache.get(KEY).await;
    cache.get(Key::Product(8)).await;
    let before = cache.changes.position();
    let token = cache.write(purge("*", Kind::Soft)).await.unwrap();
    assert!(token.is_some());
    assert_eq!(cache.ask(KEY, token).await.unwrap(), ("2".to_owned(), Outcome::Refetched));
    assert!(matches!(cache.ask(Key::Product(8), before).await.unwrap().1, Outcome::StalePurge(_)));
}

#[tokio::test(start_paused = true)]
async fn a_soft_purge_becomes_hard_when_its_grace_is_over() {
    let origin = ScriptedOrigin::new(Script::Version, Duration::ZERO);
    let cache = cache_with(&origin, settings(), with_times(|times| times.grace = 30 * MS)).await;
    cache.get(KEY).await;
    cache.set(Live { refresh_queue: 0, ..with_times(|times| times.grace = 30 * MS) });
    cache.write(purge("product:*", Kind::Soft)).await.unwrap();
    assert!(matches!(cache.get(KEY).await.1, Outcome::StalePurge(_)));
    until(|| cache.hit(KEY, None).is_none()).await;
    assert_eq!(cache.get(KEY).await, ("2".to_owned(), Outcome::Refetched));
}

#[tokio::test(start_paused = true)]
async fn that_something_is_not_there_is_never_said_with_a_label() {
    let origin = ScriptedOrigin::new(Script::Absent, Duration::ZERO);
    let cache = cache_with(&origin, settings(), with_times(|times| times.grace = LONG)).await;
    cache.get(KEY).await;
    cache.write(purge("*", Kind::Soft)).await.unwrap();
    assert_eq!(cache.get(KEY).await.1, Outcome::Refetched);
    origin.down(true);
    cache.write(purge("*", Kind::Hard)).await.unwrap_or_default();
    origin.change("*", Kind::Hard);
    let bound = Settings { changes: crate::changes::Settings { bound: MS, ..settings().changes }, ..settings() };
    origin.down(false);
    let cache = cache_with(&origin, bound, live()).await;
    cache.get(KEY).await;
    origin.down(true);
    until(|| cache.hit(KEY, None).is_none()).await;
    assert!(cache.ask(KEY, None).await.is_err(), "in an outage neither");
}

#[tokio::test(start_paused = true)]
async fn what_does_not_exist_is_known_without_asking() {
    let origin = ScriptedOrigin::new(Script::Version, Duration::ZERO);
    let filtering = crate::changes::Settings { filter: true, ..settings().changes };
    let cache = cache_with(&origin, Settings { changes: filtering, ..settings() }, live()).await;
    until(|| cache.changes.is_absent(Key::Product(6))).await;
    for key in [Key::Product(6), Key::Styles(6), Key::Meta(999), "list/9x5".parse().unwrap()] {
        assert_eq!(cache.get(key).await.1, Outcome::HitFilter, "{key}");
    }
    assert_eq!(origin.fetches(), 0);
    assert_eq!(cache.get(KEY).await.1, Outcome::Miss);

    origin.add(6);
    assert!(cache.poller.join(LONG).await);
    assert_eq!(cache.get(Key::Product(6)).await.1, Outcome::Miss);
    // What is not known any more is asked for, until the ids have been read again.
    origin.change("*", Kind::Hard);
    assert!(cache.poller.join(LONG).await);
    until(|| cache.changes.is_absent(Key::Product(8))).await;
    origin.blind(true);
    let bound = crate::changes::Settings { bound: MS, filter: true, ..settings().changes };
    origin.blind(false);
    let cache = cache_with(&origin, Settings { changes: bound, ..settings() }, live()).await;
    origin.blind(true);
    until(|| !cache.changes.is_open(Instant::now())).await;
    assert!(!cache.changes.is_absent(Key::Product(8)), "a blind node knows nothing of what may be there by now");
}

#[tokio::test(start_paused = true)]
async fn a_token_makes_a_node_look_before_it_answers() {
    let origin = ScriptedOrigin::new(Script::Version, Duration::ZERO);
    let (here, there) = (cache(&origin).await, cache(&origin).await);
    there.get(KEY).await;
    let token = here.write(vote()).await.unwrap();
    assert_eq!(there.get(KEY).await, ("1".to_owned(), Outcome::HitL1), "without the token it may be a poll behind");
    assert!(there.hit(KEY, token).is_none());
    assert_eq!(there.ask(KEY, token).await.unwrap(), ("2".to_owned(), Outcome::Refetched));
    assert_eq!(there.hit(KEY, token).unwrap().outcome, Outcome::HitL1);

    // One that nobody gave costs a poll and nothing else.
    let polls = origin.polls();
    let (fetches, made_up) = (origin.fetches(), OrdToken { stamp: Stamp::new(1 << 60), ..token.unwrap() });
    for token in [made_up, OrdToken { epoch: 7, ..made_up }] {
        assert_eq!(there.ask(KEY, Some(token)).await.unwrap().0, "2");
    }
    assert_eq!((origin.fetches(), origin.polls() - polls), (fetches, 2));
}

#[tokio::test(start_paused = true)]
async fn an_answer_of_another_life_of_the_database_is_not_taken() {
    let origin = ScriptedOrigin::new(Script::Version, Duration::ZERO);
    let cache = cache(&origin).await;
    cache.get(KEY).await;
    origin.crash();
    assert_eq!(cache.get(Key::Product(8)).await, ("1".to_owned(), Outcome::Miss), "it looked first, then asked again");
    assert_eq!(origin.fetches(), 3);
    assert_eq!(cache.get(KEY).await.1, Outcome::Refetched, "what is of another epoch is outdated");

    // The view may have caught up while the answer was on its way.
    *origin.delay.lock().unwrap() = 20 * MS;
    origin.crash();
    let (asked, joined) = tokio::join!(cache.ask(Key::Product(2), None), cache.poller.join(LONG));
    assert!(joined && asked.is_ok(), "{asked:?}");
    *origin.delay.lock().unwrap() = Duration::ZERO;

    cache.cart(Owner([0; 32]), None).await.unwrap();
    let before = origin.fetches();
    origin.crash();
    cache.cart(Owner([0; 32]), None).await.unwrap();
    assert_eq!(origin.fetches(), before + 2, "a cart of another life is asked for again too");
}
