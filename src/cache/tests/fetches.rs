//! Who asks the origin, how often, and for how long anybody waits.

use super::*;

#[tokio::test(start_paused = true)]
async fn what_was_fetched_once_is_answered_without_the_origin() {
    let origin = ScriptedOrigin::new(Script::Version, 5 * MS);
    let cache = cache(&origin).await;
    assert!(cache.hit(KEY, None).is_none());
    assert_eq!(cache.get(KEY).await, ("1".to_owned(), Outcome::Miss));
    assert_eq!(cache.get(KEY).await, ("1".to_owned(), Outcome::HitL1));
    assert_eq!(origin.fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_has_expired_is_fetched_again() {
    let origin = ScriptedOrigin::new(Script::Version, Duration::ZERO);
    let cache = cache_with(&origin, settings(), with_times(|times| times.ttl = Duration::ZERO)).await;
    assert_eq!(cache.get(KEY).await.1, Outcome::Miss);
    assert_eq!(cache.get(KEY).await.1, Outcome::Refetched);
    assert_eq!(origin.fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn in_grace_an_answer_that_is_proved_goes_out_at_once_and_is_fetched_behind() {
    let origin = ScriptedOrigin::new(Script::Version, 5 * MS);
    let times = |times: &mut ResourceTimes| (times.ttl, times.grace) = (Duration::ZERO, LONG);
    let cache = cache_with(&origin, settings(), with_times(times)).await;
    cache.get(KEY).await;
    assert_eq!(cache.get(KEY).await.1, Outcome::HitL1, "it is proved, so there is nothing to be told");
    // One refresh, however many ask meanwhile.
    for _ in 0..10 {
        assert_eq!(cache.get(KEY).await.1, Outcome::HitL1);
    }
    until(|| origin.fetches() == 2).await;
    tokio::time::sleep(50 * MS).await;
    assert_eq!(origin.fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn hot_answers_are_fetched_again_before_they_expire() {
    let origin = ScriptedOrigin::new(Script::Version, Duration::ZERO);
    // What took no time at all is never fetched early; a beta this large makes a microsecond count for minutes.
    let cache = cache_with(&origin, settings(), with_times(|times| times.early_refresh = 1e12)).await;
    cache.get(KEY).await;
    until(|| {
        assert!(cache.hit(KEY, None).is_some());
        origin.fetches() >= 2
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn callers_of_a_cold_key_share_one_fetch() {
    let origin = ScriptedOrigin::new(Script::Version, 50 * MS);
    let cache = cache(&origin).await;
    let callers = (0..1000).map(|_| {
        let cache = Arc::clone(&cache);
        tokio::spawn(async move { cache.get(KEY).await.1 })
    });
    let mut outcomes = Vec::new();
    for caller in callers.collect::<Vec<_>>() {
        outcomes.push(caller.await.unwrap());
    }
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Outcome::Miss).count(), 1);
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Outcome::Collapsed).count(), 999);
    assert_eq!(origin.fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_flight_that_begins_just_after_another_landed_asks_nobody() {
    let origin = ScriptedOrigin::new(Script::Version, Duration::ZERO);
    let cache = cache(&origin).await;
    // A caller that looked into L1 before the landing comes to its own flight after it.
    cache.get(KEY).await;
    let landed = cache.fill(KEY, fill::Purpose::Miss { use_l2: true }).await.unwrap();
    assert_eq!(landed.outcome, Outcome::HitL1);
    assert_eq!(origin.fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_does_not_end_the_flight() {
    let origin = ScriptedOrigin::new(Script::Version, 50 * MS);
    let cache = cache(&origin).await;
    let impatient = tokio::time::timeout(10 * MS, cache.get(KEY)).await;
    assert!(impatient.is_err());
    assert_eq!(cache.get(KEY).await.1, Outcome::Collapsed);
    assert_eq!(origin.fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_failed_fetch_is_remembered_for_a_while_and_then_tried_again() {
    let origin = ScriptedOrigin::new(Script::Fail, Duration::ZERO);
    let cache = cache(&origin).await;
    assert!(matches!(cache.ask(KEY, None).await, Err(Unavailable::Late)));
    tokio::time::advance(249 * MS).await;
    for _ in 0..100 {
        assert!(matches!(cache.ask(KEY, None).await, Err(Unavailable::Late)));
    }
    assert_eq!(origin.fetches(), 1);
    assert!(cache.ask(Key::Product(8), None).await.is_err());
    assert_eq!(origin.fetches(), 2, "another key is another matter");
    tokio::time::sleep(2 * MS).await;
    assert!(cache.ask(KEY, None).await.is_err());
    assert_eq!(origin.fetches(), 3);

    cache.set(Live { fail_ttl: Duration::ZERO, ..live() });
    for _ in 0..2 {
        assert!(cache.ask(Key::Product(9), None).await.is_err());
    }
    assert_eq!(origin.fetches(), 5, "nothing is remembered for no time");
}

#[tokio::test(start_paused = true)]
async fn a_fetch_that_panics_is_lost_and_nothing_else() {
    let origin = ScriptedOrigin::new(Script::Panic, Duration::ZERO);
    let cache = cache(&origin).await;
    for id in 1..=3 {
        assert!(matches!(cache.ask(Key::Product(id), None).await, Err(Unavailable::Lost)));
        assert!(matches!(cache.fetch_unstored(KEY, None).await, Err(Unavailable::Lost)));
    }
    assert_eq!(origin.fetches(), 6, "no permit is lost with a panic");
    for _ in 0..10 {
        assert!(matches!(cache.ask(Key::Product(1), None).await, Err(Unavailable::Lost)));
    }
    assert_eq!(origin.fetches(), 6, "what panics once is not tried for everybody who asks");
}

#[tokio::test(start_paused = true)]
async fn a_flight_ends_by_itself_when_the_origin_never_answers() {
    let origin = ScriptedOrigin::new(Script::Version, LONG);
    let cache = cache_with(&origin, Settings { fetch: 700 * MS, ..settings() }, live()).await;
    let impatient = tokio::time::timeout(10 * MS, cache.get(KEY)).await;
    assert!(impatient.is_err(), "it began the flight and left");
    tokio::time::sleep(750 * MS).await;
    *origin.delay.lock().unwrap() = Duration::ZERO;
    tokio::time::sleep(250 * MS).await;
    assert_eq!(cache.get(KEY).await.1, Outcome::Miss);
    assert_eq!(origin.fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_read_ends_at_its_budget_and_the_fetch_goes_on() {
    let origin = ScriptedOrigin::new(Script::Version, 1500 * MS);
    let cache = cache(&origin).await;
    let begun = tokio::time::Instant::now();
    assert!(matches!(cache.ask(KEY, None).await, Err(Unavailable::Late)));
    assert_eq!(begun.elapsed(), 1000 * MS);
    assert_eq!(cache.get(KEY).await.1, Outcome::Collapsed);
}

#[tokio::test(start_paused = true)]
async fn fetches_beyond_permits_and_queue_are_turned_away() {
    let origin = ScriptedOrigin::new(Script::Version, 500 * MS);
    let cache = cache(&origin).await;
    let callers = (1..=5).map(|id| {
        let cache = Arc::clone(&cache);
        tokio::spawn(async move { cache.ask(Key::Product(id), None).await.map(|(_, outcome)| outcome) })
    });
    let (mut answered, mut busy) = (0, 0);
    for caller in callers.collect::<Vec<_>>() {
        match caller.await.unwrap() {
            Ok(_) => answered += 1,
            Err(Unavailable::Busy) => busy += 1,
            Err(other) => panic!("{other}"),
        }
    }
    // Two run; the one in the queue waits in vain, the others do not even wait.
    assert_eq!((answered, busy, origin.fetches()), (2, 3, 2));
}

#[tokio::test(start_paused = true)]
async fn answers_without_content_are_kept_apart_and_for_a_shorter_time() {
    for (script, expected) in [(Script::Absent, "absent"), (Script::Empty, "[]")] {
        let origin = ScriptedOrigin::new(script, Duration::ZERO);
        let full = Settings { l1_bytes: 0, ..settings() };
        let cache = cache_with(&origin, full, live()).await;
        assert_eq!(cache.get(KEY).await.0, expected);
        assert_eq!(cache.get(KEY).await.1, Outcome::HitL1, "{script:?} needs no room among the others");

        let short = with_times(|times| times.absent_ttl = Duration::ZERO);
        let cache = cache_with(&origin, settings(), short).await;
        cache.get(KEY).await;
        assert_eq!(cache.get(KEY).await.1, Outcome::Refetched, "{script:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_entry_above_the_limit_is_answered_and_not_stored() {
    let origin = ScriptedOrigin::new(Script::Version, Duration::ZERO);
    let cache = cache_with(&origin, Settings { l1_entry_max: 0, ..settings() }, live()).await;
    for _ in 0..2 {
        assert_eq!(cache.get(KEY).await.1, Outcome::Miss);
    }
    assert_eq!(origin.fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_fetch_for_one_request_stores_nothing() {
    let origin = ScriptedOrigin::new(Script::Version, Duration::ZERO);
    let cache = cache(&origin).await;
    assert_eq!(body(&cache.fetch_unstored(KEY, None).await.unwrap().entry), "1");
    assert!(cache.hit(KEY, None).is_none());
}

#[tokio::test(start_paused = true)]
async fn limits_and_times_obey_at_once_and_drop_nothing() {
    let origin = ScriptedOrigin::new(Script::Version, Duration::ZERO);
    let cache = cache(&origin).await;
    cache.get(KEY).await;
    cache.set(with_times(|times| times.ttl = Duration::ZERO));
    assert_eq!(cache.get(KEY).await.1, Outcome::Refetched);
    cache.set(live());
    assert_eq!(cache.get(KEY).await.1, Outcome::HitL1, "what was stored is still there");

    *origin.delay.lock().unwrap() = 400 * MS;
    cache.set(Live { budget: 200 * MS, ..live() });
    let begun = tokio::time::Instant::now();
    assert!(cache.ask(Key::Product(8), None).await.is_err());
    assert_eq!(begun.elapsed(), 200 * MS);
}
