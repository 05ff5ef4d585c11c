//! What is turned away, in which order, and what goes on meanwhile.

use super::*;
use crate::metrics::{Reason, metrics};

/// Asks for a key as one of a client's requests.
async fn as_client(cache: &Arc<Cache>, key: Key, client: &str) -> Result<Answered, Unavailable> {
    cache.lookup(key, Asked { client: Some(client.parse().unwrap()), ..asked() }).await
}

/// Five fetches fail, each for a key of its own.
async fn fail_five(cache: &Arc<Cache>) {
    for id in 101..=105 {
        assert!(cache.ask(Key::Product(id), None).await.is_err());
    }
}

#[tokio::test(start_paused = true)]
async fn an_origin_that_fails_five_times_is_not_asked_until_a_poll_succeeds() {
    let origin = ScriptedOrigin::new(Script::Version, Duration::ZERO);
    let changes = crate::changes::Settings { bound: 30 * MS, ..settings().changes };
    let cache = cache_with(&origin, Settings { changes, ..settings() }, live()).await;
    cache.get(KEY).await;
    origin.down(true);
    // The bound goes by another clock than the breaker.
    until(|| !cache.poller.trouble().is_empty() && cache.hit(KEY, None).is_none()).await;
    fail_five(&cache).await;
    let before = origin.fetches();
    let begun = tokio::time::Instant::now();
    for id in 200..300 {
        let begun = tokio::time::Instant::now();
        let refused = cache.ask(Key::Product(id), None).await;
        assert!(matches!(refused, Err(Unavailable::Open)), "{refused:?}");
        assert!(matches!(cache.get(KEY).await.1, Outcome::StaleOrigin(_)), "what is held goes out");
        assert!(begun.elapsed() < 50 * MS);
    }
    let refused = cache.write(vote()).await;
    assert!(matches!(refused, Err(WriteError::Undone(OriginError::Down))), "{refused:?}");
    assert!(matches!(cache.cart(Owner([7; 32]), None).await, Err(Unavailable::Open)));
    assert!(begun.elapsed() < 700 * MS, "no probe was due");
    assert_eq!(origin.fetches(), before);

    origin.down(false);
    until(|| !cache.breaker.is_open()).await;
    assert!(cache.poller.trouble().is_empty(), "it was a poll");
    assert_eq!(cache.get(Key::Product(200)).await.1, Outcome::Miss);
    cache.write(vote()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn without_polls_one_fetch_at_a_time_finds_out_whether_the_origin_answers() {
    let origin = ScriptedOrigin::new(Script::Fail, Duration::ZERO);
    let cache = cache(&origin).await;
    origin.blind(true);
    until(|| !cache.poller.trouble().is_empty()).await;
    fail_five(&cache).await;
    assert!(matches!(cache.ask(Key::Product(8), None).await, Err(Unavailable::Open)));
    tokio::time::advance(1000 * MS).await;
    assert!(matches!(cache.ask(Key::Product(8), None).await, Err(Unavailable::Late)), "the probe");
    assert!(matches!(cache.ask(Key::Product(9), None).await, Err(Unavailable::Open)));
    assert_eq!(origin.fetches(), 6);
    origin.set(Script::Version);
    tokio::time::advance(2000 * MS).await;
    assert_eq!(cache.get(Key::Product(9)).await.1, Outcome::Miss);
    assert!(!cache.breaker.is_open());
}

#[tokio::test(start_paused = true)]
async fn an_origin_that_answers_with_errors_is_one_that_answers() {
    let origin = ScriptedOrigin::new(Script::Refuse, Duration::ZERO);
    let cache = cache(&origin).await;
    fail_five(&cache).await;
    fail_five(&cache).await;
    assert!(!cache.breaker.is_open());
}

#[tokio::test(start_paused = true)]
async fn writes_go_on_when_only_reads_are_slow() {
    let origin = ScriptedOrigin::new(Script::Fail, Duration::ZERO);
    let cache = cache(&origin).await;
    // Between two polls.
    assert!(cache.poller.join(LONG).await);
    fail_five(&cache).await;
    assert!(cache.breaker.is_open());
    cache.write(vote()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn no_more_wait_for_fetches_than_may() {
    let origin = ScriptedOrigin::new(Script::Version, 50 * MS);
    let cache = cache_with(&origin, settings(), Live { followers_max: 3, ..live() }).await;
    let ask = |key| {
        let cache = Arc::clone(&cache);
        async move { cache.ask(key, None).await.map(|(_, outcome)| outcome) }
    };
    let other = Key::Product(8);
    let all = tokio::join!(ask(KEY), ask(KEY), ask(other), ask(KEY), ask(other));
    assert!(all.0.is_ok() && all.1.is_ok() && all.2.is_ok());
    assert!(matches!((all.3, all.4), (Err(Unavailable::Crowded), Err(Unavailable::Crowded))));
    assert!(ask(Key::Product(9)).await.is_ok(), "who has been answered waits no more");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_misses_too_often_is_told_so_and_its_hits_are_not_counted() {
    let origin = ScriptedOrigin::new(Script::Version, Duration::ZERO);
    let cache = cache_with(&origin, settings(), Live { client_miss_rate: 3, ..live() }).await;
    for id in 1..=3 {
        assert!(as_client(&cache, Key::Product(id), "192.0.2.7").await.is_ok());
    }
    let limited = as_client(&cache, Key::Product(4), "192.0.2.7").await;
    assert!(matches!(limited, Err(Unavailable::Limited)), "{limited:?}");
    let client = Some("192.0.2.7".parse().unwrap());
    assert!(matches!(cache.fetch_unstored(KEY, client).await, Err(Unavailable::Limited)));
    assert!(matches!(cache.cart(Owner([7; 32]), client).await, Err(Unavailable::Limited)));
    assert_eq!(origin.fetches(), 3);
    for _ in 0..10 {
        assert!(as_client(&cache, Key::Product(1), "192.0.2.7").await.is_ok(), "a hit");
    }
    assert!(as_client(&cache, Key::Product(4), "192.0.2.8").await.is_ok(), "another client");
    assert!(as_client(&cache, Key::Product(4), "192.0.2.7").await.is_ok(), "what another client brought");
}

#[tokio::test(start_paused = true)]
async fn when_memory_is_short_nothing_more_is_kept_and_a_quarter_goes() {
    const MEMORY: Memory = Memory { limit: 1000, soft: 800, hard: 900 };
    let origin = ScriptedOrigin::new(Script::Version, Duration::ZERO);
    let cache = cache(&origin).await;
    for id in 1..=100 {
        cache.get(Key::Product(id)).await;
    }
    cache.feel(MEMORY, 799, true);
    assert_eq!(cache.get(Key::Product(1)).await.1, Outcome::HitL1);
    cache.feel(MEMORY, 800, true);
    let held =
        |ids: std::ops::RangeInclusive<u32>| ids.filter(|id| cache.hit(Key::Product(*id), None).is_some()).count();
    assert_eq!((held(1..=25), held(26..=100)), (0, 75), "the quarter that was read longest ago");
    for _ in 0..2 {
        assert_eq!(cache.get(Key::Product(1)).await.1, Outcome::Miss, "it is answered and not kept");
    }
    cache.feel(MEMORY, 850, false);
    assert_eq!(held(26..=100), 75, "what that has brought does not show yet");
    cache.feel(MEMORY, 799, true);
    cache.get(Key::Product(1)).await;
    assert_eq!(cache.get(Key::Product(1)).await.1, Outcome::HitL1);
}

#[tokio::test(start_paused = true)]
async fn when_memory_is_very_short_nothing_is_fetched_and_what_is_held_goes_out() {
    const MEMORY: Memory = Memory { limit: 1000, soft: 800, hard: 900 };
    let origin = ScriptedOrigin::new(Script::Version, Duration::ZERO);
    let cache = cache(&origin).await;
    for id in 1..=10 {
        cache.get(Key::Product(id)).await;
    }
    let fetches = origin.fetches();
    origin.change("product:10", Kind::Hard);
    assert!(cache.poller.join(LONG).await);
    cache.feel(MEMORY, 900, true);
    assert!(matches!(cache.ask(Key::Product(11), None).await, Err(Unavailable::Short)));
    assert!(matches!(cache.fetch_unstored(KEY, None).await, Err(Unavailable::Short)));
    assert!(matches!(cache.get(Key::Product(10)).await.1, Outcome::StaleOrigin(_)), "it was changed");
    assert_eq!(cache.get(Key::Product(9)).await.1, Outcome::HitL1);
    assert_eq!(origin.fetches(), fetches);
    cache.feel(MEMORY, 0, true);
    assert_eq!(cache.get(Key::Product(11)).await.1, Outcome::Miss);
}

#[tokio::test(start_paused = true)]
async fn refreshes_are_dropped_while_somebody_waits_or_they_would_be_in_vain() {
    const MEMORY: Memory = Memory { limit: 1000, soft: 800, hard: 900 };
    let origin = ScriptedOrigin::new(Script::Version, Duration::ZERO);
    let in_grace = |times: &mut ResourceTimes| (times.ttl, times.grace) = (Duration::ZERO, LONG);
    let cache = cache_with(&origin, settings(), with_times(in_grace)).await;
    // More than one, so that there is something left when memory was short.
    for id in [7, 8, 9, 10] {
        cache.get(Key::Product(id)).await;
    }
    let dropped = || metrics().rejected.get_or_create(&crate::metrics::Rejected { reason: Reason::Refresh }).get();
    let refreshed = async |expected: bool, why: &str| {
        let (fetches, before) = (origin.fetches(), dropped());
        assert_eq!(cache.get(Key::Product(10)).await.1, Outcome::HitL1, "{why}");
        tokio::time::sleep(MS).await;
        assert_eq!((origin.fetches() - fetches) as u64, u64::from(expected), "{why}");
        assert!(expected || dropped() > before, "{why}");
    };
    refreshed(true, "nothing is in the way").await;
    cache.feel(MEMORY, 800, true);
    refreshed(false, "it could not be kept").await;
    cache.feel(MEMORY, 0, true);
    refreshed(true, "memory suffices again").await;

    *origin.delay.lock().unwrap() = 50 * MS;
    let waiting: Vec<_> = (11..=13)
        .map(|id| {
            let cache = Arc::clone(&cache);
            tokio::spawn(async move { cache.ask(Key::Product(id), None).await.is_ok() })
        })
        .collect();
    until(|| cache.permits.are_short()).await;
    refreshed(false, "two fetch and one waits").await;
    for caller in waiting {
        assert!(caller.await.unwrap());
    }
    *origin.delay.lock().unwrap() = Duration::ZERO;
    refreshed(true, "nobody waits").await;
    origin.down(true);
    until(|| !cache.poller.trouble().is_empty()).await;
    fail_five(&cache).await;
    refreshed(false, "the origin does not answer").await;
}

#[tokio::test(start_paused = true)]
async fn a_poll_that_panics_is_followed_by_another() {
    let origin = ScriptedOrigin::new(Script::Version, Duration::ZERO);
    let cache = cache(&origin).await;
    origin.panics.store(3, Ordering::Relaxed);
    until(|| origin.panics.load(Ordering::Relaxed) == 0).await;
    origin.change("product:7", Kind::Hard);
    cache.get(KEY).await;
    let stamp = cache.changes.position().unwrap().stamp;
    origin.change("product:7", Kind::Hard);
    until(|| cache.changes.position().unwrap().stamp > stamp).await;
}
