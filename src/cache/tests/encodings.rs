//! Encodings are made when they are asked for, once, and weighed.

use super::*;
use crate::entry::{Document, Encoding, Origins, State};
use crate::freshness::Instant;
use crate::stamp::{Epoch, Stamp};

/// An entry with so many bytes, which L1 holds.
fn held(cache: &Cache, length: usize) -> Arc<Entry> {
    let read_at = Instant::now();
    let origins = Origins { epoch: Epoch::default(), stamp: Stamp::ZERO, began: Some(read_at), read_at, cost: 0 };
    let entry = Arc::new(Entry::new(KEY, Some(&b"0123456789".repeat(length / 10)), false, origins, 0));
    cache.store(&entry);
    entry
}

fn document(entry: &Entry) -> &Document {
    match &entry.answer {
        Answer::Found(document) => document,
        Answer::Absent => panic!("it is there"),
    }
}

fn is_made(entry: &Entry, encoding: Encoding) -> bool {
    matches!(document(entry).state(encoding), State::Made(_))
}

fn weighs(cache: &Cache) -> u64 {
    cache.l1.tidy();
    cache.l1.load().2
}

#[tokio::test]
async fn an_encoding_is_made_for_who_asks_for_it_and_the_entry_weighs_more_then() {
    let origin = ScriptedOrigin::new(Script::Version, Duration::ZERO);
    let cache = cache(&origin).await;
    for length in [5_000, 50_000] {
        let entry = held(&cache, length);
        let alone = weighs(&cache);
        assert!(cache.encode(&entry, Encoding::Brotli).await.is_none());
        assert!(is_made(&entry, Encoding::Brotli) && !is_made(&entry, Encoding::Gzip), "{length}");
        let with_one = weighs(&cache);
        assert!(with_one > alone, "{length}");
        assert!(cache.encode(&entry, Encoding::Gzip).await.is_none());
        assert!(is_made(&entry, Encoding::Gzip), "{length}");
        assert!(weighs(&cache) > with_one, "{length}");
        assert!(Arc::ptr_eq(&cache.l1.get(&KEY).unwrap(), &entry), "it is still the one that is held");
    }
}

#[tokio::test]
async fn an_entry_that_was_replaced_or_dropped_does_not_come_back_with_its_encoding() {
    let origin = ScriptedOrigin::new(Script::Version, Duration::ZERO);
    let cache = cache(&origin).await;
    let (old, new) = (held(&cache, 5_000), held(&cache, 6_000));
    assert!(cache.encode(&old, Encoding::Brotli).await.is_none());
    assert!(is_made(&old, Encoding::Brotli), "who was given it gets it");
    assert!(Arc::ptr_eq(&cache.l1.get(&KEY).unwrap(), &new));
    cache.l1.drop_for_test(&KEY);
    assert!(cache.encode(&new, Encoding::Brotli).await.is_none());
    assert!(cache.l1.get(&KEY).is_none());
}

#[tokio::test]
async fn while_memory_is_short_the_body_goes_as_it_is() {
    const MEMORY: Memory = Memory { limit: 1000, soft: 800, hard: 900 };
    let origin = ScriptedOrigin::new(Script::Version, Duration::ZERO);
    let cache = cache(&origin).await;
    let entry = held(&cache, 5_000);
    cache.feel(MEMORY, 800, false);
    assert!(cache.encode(&entry, Encoding::Brotli).await.is_some());
    assert!(!is_made(&entry, Encoding::Brotli));
    cache.feel(MEMORY, 799, false);
    assert!(cache.encode(&entry, Encoding::Brotli).await.is_none());
    assert!(is_made(&entry, Encoding::Brotli));
}

#[tokio::test]
async fn who_waits_too_long_for_a_turn_gets_a_large_body_as_it_is() {
    let origin = ScriptedOrigin::new(Script::Version, Duration::ZERO);
    let cache = cache(&origin).await;
    let entry = held(&cache, 50_000);
    let processors = u32::try_from(cache.making.available_permits()).unwrap();
    let turns = cache.making.acquire_many(processors).await.unwrap();
    assert!(cache.encode(&entry, Encoding::Gzip).await.is_some());
    assert!(!is_made(&entry, Encoding::Gzip));

    // Several who wait for the same get the same bytes.
    let waiting: Vec<_> = (0..4)
        .map(|_| {
            let (cache, entry) = (Arc::clone(&cache), Arc::clone(&entry));
            tokio::spawn(async move { cache.encode(&entry, Encoding::Gzip).await.is_none() })
        })
        .collect();
    drop(turns);
    for waits in waiting {
        assert!(waits.await.unwrap());
    }
    assert!(is_made(&entry, Encoding::Gzip));
    assert_eq!(cache.making.available_permits() as u32, processors, "turns come back");
}
