//! What is served while the origin is away, and what is not.

use std::sync::atomic::Ordering;

use super::*;
use crate::key::Page;

/// A cache whose proofs last for a moment only.
async fn short_of_proof(origin: &Arc<ScriptedOrigin>, live: Live) -> Arc<Cache> {
    let changes = crate::changes::Settings { bound: 20 * MS, ..settings().changes };
    cache_with(origin, Settings { changes, ..settings() }, live).await
}

async fn away(origin: &ScriptedOrigin, cache: &Cache) {
    origin.down(true);
    until(|| !cache.changes.is_open(Instant::now())).await;
    std::thread::sleep(25 * MS);
}

#[tokio::test(start_paused = true)]
async fn what_is_held_goes_out_with_the_label() {
    let origin = ScriptedOrigin::new(Script::Version, Duration::ZERO);
    let cache = short_of_proof(&origin, live()).await;
    cache.get(KEY).await;
    away(&origin, &cache).await;
    let (version, outcome) = cache.get(KEY).await;
    assert_eq!(version, "1");
    assert!(matches!(outcome, Outcome::StaleOrigin(_)), "{outcome:?}");
    assert!(cache.ask(Key::Product(8), None).await.is_err(), "what is not held is not there");
    origin.down(false);
    until(|| cache.changes.is_open(Instant::now())).await;
    assert!(!cache.get(KEY).await.1.is_stale());
}

#[tokio::test(start_paused = true)]
async fn what_was_changed_meanwhile_goes_out_too_but_not_what_this_node_wrote_or_what_was_erased() {
    let origin = ScriptedOrigin::new(Script::Version, Duration::ZERO);
    let cache = short_of_proof(&origin, live()).await;
    let page = Page::new(1, 5).unwrap();
    let (changed, erased, kept) = (Key::Product(1), Key::Questions { product: 2, page }, Key::Product(3));
    for key in [KEY, changed, erased, kept] {
        cache.get(key).await;
    }
    origin.change("product:1", Kind::Hard);
    origin.change("questions:2", Kind::Erase);
    assert!(cache.poller.join(LONG).await);
    cache.write(vote()).await.unwrap();
    away(&origin, &cache).await;
    for key in [changed, kept] {
        assert!(cache.get(key).await.1.is_stale(), "{key}");
    }
    for key in [KEY, erased] {
        assert!(cache.ask(key, None).await.is_err(), "{key}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_whose_place_is_lost_bars_what_was_read_before_it() {
    let origin = ScriptedOrigin::new(Script::Version, Duration::ZERO);
    let cache = short_of_proof(&origin, live()).await;
    cache.get(KEY).await;
    *origin.commit.lock().unwrap() = Commit::Unknown;
    origin.blind(true);
    assert!(cache.write(vote()).await.is_err());
    away(&origin, &cache).await;
    assert!(cache.ask(KEY, None).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn with_a_token_nothing_older_goes_out() {
    let origin = ScriptedOrigin::new(Script::Version, Duration::ZERO);
    let (here, there) = (short_of_proof(&origin, live()).await, short_of_proof(&origin, live()).await);
    there.get(KEY).await;
    let token = here.write(vote()).await.unwrap();
    away(&origin, &there).await;
    assert!(there.ask(KEY, token).await.is_err());
    assert!(there.ask(KEY, None).await.unwrap().1.is_stale());
}

#[tokio::test(start_paused = true)]
async fn a_token_of_the_epoch_before_bars_what_is_older_in_that_epoch_and_nothing_of_the_next() {
    let origin = ScriptedOrigin::new(Script::Version, Duration::ZERO);
    let (here, there) = (short_of_proof(&origin, live()).await, short_of_proof(&origin, live()).await);
    there.get(KEY).await;
    let before = there.changes.position();
    let token = here.write(vote()).await.unwrap();
    origin.crash();
    // Polls go on, fetches do not.
    origin.down.store(true, Ordering::Relaxed);
    until(|| there.changes.era().1 == Incarnation(2)).await;
    assert!(there.ask(KEY, token).await.is_err(), "who has seen the write is shown nothing older");
    assert!(there.ask(KEY, before).await.unwrap().1.is_stale());

    origin.down.store(false, Ordering::Relaxed);
    // A failure is remembered for a while.
    tokio::time::sleep(live().fail_ttl + MS).await;
    there.get(KEY).await;
    origin.change("product:7", Kind::Hard);
    assert!(there.poller.join(LONG).await);
    origin.down.store(true, Ordering::Relaxed);
    assert!(there.ask(KEY, token).await.unwrap().1.is_stale(), "what is of the next epoch has seen the one before");
}

#[tokio::test(start_paused = true)]
async fn a_token_that_was_reached_before_the_outage_bars_only_what_it_changed() {
    let origin = ScriptedOrigin::new(Script::Version, Duration::ZERO);
    let cache = short_of_proof(&origin, live()).await;
    cache.get(Key::Product(3)).await;
    let token = cache.write(vote()).await.unwrap();
    assert!(cache.poller.join(LONG).await);
    away(&origin, &cache).await;
    assert!(cache.ask(Key::Product(3), token).await.unwrap().1.is_stale());
}

#[tokio::test(start_paused = true)]
async fn what_is_too_old_stays_back() {
    let origin = ScriptedOrigin::new(Script::Version, Duration::ZERO);
    let cache = short_of_proof(&origin, with_times(|times| times.stale_limit = 5 * MS)).await;
    cache.get(KEY).await;
    away(&origin, &cache).await;
    assert!(cache.ask(KEY, None).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn what_is_of_the_epoch_before_may_go_out_until_this_node_writes_to_it() {
    let origin = ScriptedOrigin::new(Script::Version, Duration::ZERO);
    let cache = short_of_proof(&origin, live()).await;
    cache.get(KEY).await;
    cache.get(Key::Product(3)).await;
    origin.crash();
    until(|| cache.changes.era().1 == Incarnation(2)).await;
    cache.write(vote()).await.unwrap();
    away(&origin, &cache).await;
    assert!(cache.get(Key::Product(3)).await.1.is_stale());
    assert!(cache.ask(KEY, None).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn with_a_working_pool_a_blind_node_fetches_each_key_once_per_bound() {
    let origin = ScriptedOrigin::new(Script::Version, Duration::ZERO);
    let changes = crate::changes::Settings { bound: 200 * MS, ..settings().changes };
    let cache = cache_with(&origin, Settings { changes, ..settings() }, live()).await;
    cache.get(KEY).await;
    origin.blind(true);
    until(|| cache.hit(KEY, None).is_none()).await;
    assert_eq!(cache.get(KEY).await.1, Outcome::Refetched);
    for _ in 0..10 {
        assert_eq!(cache.get(KEY).await.1, Outcome::HitL1, "it was read within the bound");
    }
    assert_eq!(origin.fetches(), 2);
    until(|| cache.hit(KEY, None).is_none()).await;
    assert_eq!(cache.get(KEY).await.1, Outcome::Refetched);
}

#[tokio::test(start_paused = true)]
async fn a_node_is_ready_from_its_first_poll_on_and_while_it_is_not_alone_blind() {
    let origin = ScriptedOrigin::new(Script::Version, Duration::ZERO);
    origin.blind(true);
    let blind_unready = Settings { blind_unready: 20 * MS, ..settings() };
    let cache = Cache::new(Arc::<ScriptedOrigin>::clone(&origin), None, blind_unready, live());
    until(|| !cache.poller.trouble().contains("no poll")).await;
    let Err(Unready::NotBegun(why)) = cache.readiness() else { panic!("ready") };
    assert_eq!(why, "the database did not answer in time");
    origin.blind(false);
    until(|| cache.readiness().is_ok()).await;

    origin.blind(true);
    until(|| matches!(cache.readiness(), Err(Unready::Blind(_)))).await;
    origin.down(true);
    assert_eq!(cache.readiness(), Ok(()), "when the database is away all nodes are blind");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_leads_to_an_old_primary_is_made_anew() {
    let origin = ScriptedOrigin::new(Script::Version, Duration::ZERO);
    let cache = cache(&origin).await;
    origin.crash();
    until(|| cache.changes.era().1 == Incarnation(2)).await;
    assert_eq!(origin.reconnects(), 1);
}
