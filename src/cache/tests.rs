use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::*;
use bytes::Bytes;
use roaring::RoaringBitmap;

use crate::command::{Command, Owner};
use crate::origin::{Asking, Existing, Fetching, Poll, Position, WriteError, Written};
use crate::stamp::{Incarnation, Seen};

const KEY: Key = Key::Product(7);

/// What a scripted origin does with a fetch.
#[derive(Clone, Copy, Debug)]
enum Script {
    Answer(&'static str),
    Empty,
    Absent,
    Fail,
    Panic,
}

struct ScriptedOrigin {
    script: Script,
    delay: Duration,
    fetches: AtomicUsize,
    down: AtomicBool,
}

impl ScriptedOrigin {
    fn new(script: Script, delay: Duration) -> Arc<Self> {
        Arc::new(Self { script, delay, fetches: AtomicUsize::new(0), down: AtomicBool::new(false) })
    }

    fn fetches(&self) -> usize {
        self.fetches.load(Ordering::Relaxed)
    }
}

impl Origin for ScriptedOrigin {
    fn fetch(&self, _key: Key) -> Fetching<'_> {
        Box::pin(async {
            self.fetches.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(self.delay).await;
            match self.script {
                Script::Answer(body) => Ok((Fetched::found(body.into(), false), Seen::default())),
                Script::Empty => Ok((Fetched::found("[]".into(), true), Seen::default())),
                Script::Absent => Ok((Fetched::ABSENT, Seen::default())),
                Script::Fail => Err(OriginError::Down),
                Script::Panic => panic!("on purpose"),
            }
        })
    }

    fn poll<'a>(&'a self, _position: Option<&'a Position>, _most: usize) -> Asking<'a, Poll> {
        Box::pin(async { Err(OriginError::Down) })
    }

    fn write(&self, _command: Command, _at: i64) -> Asking<'_, Written, WriteError> {
        Box::pin(async { Err(WriteError::Undone(OriginError::Down)) })
    }

    fn cart(&self, _owner: Owner) -> Asking<'_, Bytes> {
        Box::pin(async { Err(OriginError::Down) })
    }

    fn ids(&self, _of: Existing) -> Asking<'_, (RoaringBitmap, Incarnation)> {
        Box::pin(async { Err(OriginError::Down) })
    }

    fn prune(&self, _retention: Duration) -> Asking<'_, ()> {
        Box::pin(async { Err(OriginError::Down) })
    }

    fn reconnect(&self) {}

    fn is_up(&self) -> bool {
        !self.down.load(Ordering::Relaxed)
    }
}

fn settings() -> Settings {
    Settings {
        l1_bytes: 1 << 20,
        l1_entry_max: 1 << 16,
        absent_max: 100,
        absent_ttl: Duration::from_secs(30),
        ttl: [Duration::from_secs(60); 8],
        ttl_jitter: 0.1,
        budget: Duration::from_secs(1),
        miss_permits: 2,
        miss_queue: 1,
        permit_wait: Duration::from_millis(100),
    }
}

fn body(entry: &Entry) -> &[u8] {
    match &entry.answer {
        Answer::Found(document) => &document.identity.body,
        Answer::Absent => b"absent",
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_fetched_once_is_answered_without_the_origin() {
    let origin = ScriptedOrigin::new(Script::Answer("{}"), Duration::from_millis(5));
    let cache = Cache::new(origin.clone(), None, settings());
    assert!(cache.hit(KEY, Instant::now()).is_none());

    let (entry, outcome) = cache.lookup(KEY).await.unwrap();
    assert_eq!((body(&entry), outcome), (&b"{}"[..], Outcome::Miss));
    let (_, outcome) = cache.lookup(KEY).await.unwrap();
    assert_eq!(outcome, Outcome::HitL1);
    assert!(Arc::ptr_eq(&entry, &cache.hit(KEY, Instant::now()).unwrap()));
    assert_eq!(origin.fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_has_expired_is_fetched_again() {
    let origin = ScriptedOrigin::new(Script::Answer("{}"), Duration::ZERO);
    let cache = Cache::new(origin.clone(), None, Settings { ttl: [Duration::ZERO; 8], ..settings() });
    assert_eq!(cache.lookup(KEY).await.unwrap().1, Outcome::Miss);
    assert_eq!(cache.lookup(KEY).await.unwrap().1, Outcome::Refetched);
    assert_eq!(origin.fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn callers_of_a_cold_key_share_one_fetch() {
    let origin = ScriptedOrigin::new(Script::Answer("{}"), Duration::from_millis(50));
    let cache = Cache::new(origin.clone(), None, settings());
    let callers = (0..1000).map(|_| {
        let cache = Arc::clone(&cache);
        tokio::spawn(async move { cache.lookup(KEY).await.unwrap().1 })
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
    let origin = ScriptedOrigin::new(Script::Answer("{}"), Duration::ZERO);
    let cache = Cache::new(origin.clone(), None, settings());
    // A caller that looked into L1 before the landing comes to its own flight after it.
    cache.lookup(KEY).await.unwrap();
    assert_eq!(cache.fill(KEY).await.unwrap().1, Outcome::HitL1);
    assert_eq!(origin.fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_cache_is_ready_while_it_holds_something() {
    let origin = ScriptedOrigin::new(Script::Answer("{}"), Duration::ZERO);
    let cache = Cache::new(origin.clone(), None, settings());
    origin.down.store(true, Ordering::Relaxed);
    assert!(!cache.is_ready());
    cache.lookup(KEY).await.unwrap();
    assert!(cache.is_ready());
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_does_not_end_the_flight() {
    let origin = ScriptedOrigin::new(Script::Answer("{}"), Duration::from_millis(50));
    let cache = Cache::new(origin.clone(), None, settings());
    let impatient = tokio::time::timeout(Duration::from_millis(10), cache.lookup(KEY)).await;
    assert!(impatient.is_err());
    assert_eq!(cache.lookup(KEY).await.unwrap().1, Outcome::Collapsed);
    assert_eq!(origin.fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_failed_fetch_is_not_stored_and_the_next_caller_tries_again() {
    let origin = ScriptedOrigin::new(Script::Fail, Duration::ZERO);
    let cache = Cache::new(origin.clone(), None, settings());
    for _ in 0..2 {
        assert!(matches!(cache.lookup(KEY).await, Err(Unavailable::Failed(_))));
    }
    assert_eq!(origin.fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_fetch_that_panics_is_lost_and_nothing_else() {
    let origin = ScriptedOrigin::new(Script::Panic, Duration::ZERO);
    let cache = Cache::new(origin.clone(), None, settings());
    for _ in 0..2 {
        assert!(matches!(cache.lookup(KEY).await, Err(Unavailable::Lost)));
        assert!(matches!(cache.fetch_unstored(KEY).await, Err(Unavailable::Lost)));
    }
    assert_eq!(origin.fetches(), 4, "no permit is lost with a panic");
}

#[tokio::test(start_paused = true)]
async fn a_read_ends_at_its_budget_and_the_fetch_goes_on() {
    let origin = ScriptedOrigin::new(Script::Answer("{}"), Duration::from_millis(1500));
    let cache = Cache::new(origin.clone(), None, settings());
    let begun = tokio::time::Instant::now();
    assert!(matches!(cache.lookup(KEY).await, Err(Unavailable::Late)));
    assert_eq!(begun.elapsed(), Duration::from_secs(1));
    assert_eq!(cache.lookup(KEY).await.unwrap().1, Outcome::Collapsed);
}

#[tokio::test(start_paused = true)]
async fn fetches_beyond_permits_and_queue_are_turned_away() {
    let origin = ScriptedOrigin::new(Script::Answer("{}"), Duration::from_millis(500));
    let cache = Cache::new(origin.clone(), None, settings());
    let callers = (1..=5).map(|id| {
        let cache = Arc::clone(&cache);
        tokio::spawn(async move { cache.lookup(Key::Product(id)).await.map(|(_, outcome)| outcome) })
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
    for (script, expected) in [(Script::Absent, &b"absent"[..]), (Script::Empty, b"[]")] {
        let origin = ScriptedOrigin::new(script, Duration::ZERO);
        let full = Settings { l1_bytes: 0, ..settings() };
        let cache = Cache::new(origin.clone(), None, full);
        assert_eq!(body(&cache.lookup(KEY).await.unwrap().0), expected);
        assert_eq!(cache.lookup(KEY).await.unwrap().1, Outcome::HitL1, "{script:?} needs no room among the others");

        let cache = Cache::new(origin, None, Settings { absent_ttl: Duration::ZERO, ..settings() });
        cache.lookup(KEY).await.unwrap();
        assert_eq!(cache.lookup(KEY).await.unwrap().1, Outcome::Refetched, "{script:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_entry_above_the_limit_is_answered_and_not_stored() {
    let origin = ScriptedOrigin::new(Script::Answer("0123456789"), Duration::ZERO);
    let cache = Cache::new(origin.clone(), None, Settings { l1_entry_max: 9, ..settings() });
    for _ in 0..2 {
        assert_eq!(cache.lookup(KEY).await.unwrap().1, Outcome::Miss);
    }
    assert_eq!(origin.fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_fetch_for_one_request_stores_nothing() {
    let origin = ScriptedOrigin::new(Script::Answer("{}"), Duration::ZERO);
    let cache = Cache::new(origin.clone(), None, settings());
    assert_eq!(body(&cache.fetch_unstored(KEY).await.unwrap()), b"{}");
    assert!(cache.hit(KEY, Instant::now()).is_none());
}
