//! What fuzzing asks of this module: see `http::fuzzing`.

use std::time::Duration;

use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_64;

use super::envelope::{EnvelopeError, SCHEMA, open, seal};
use crate::entry::{Answer, Entry, Origins};
use crate::freshness::Instant;
use crate::key::Key;
use crate::stamp::{Epoch, Stamp};

const DAY: Duration = Duration::from_secs(86_400);

/// What two entries have in common when one is the other, gone through Redis.
fn content(entry: &Entry) -> (Key, bool, u32, u64, u64, Option<Bytes>) {
    let bodies = match &entry.answer {
        Answer::Absent => None,
        Answer::Found(document) => Some(document.identity.body.clone()),
    };
    (entry.key, entry.empty, entry.cost, entry.facts.epoch.number(), entry.facts.stamp.number(), bodies)
}

/// The first line is the key; what follows is a body, and what Redis gives back.
pub fn envelope(data: &[u8]) {
    let end = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let key = std::str::from_utf8(&data[..end]).ok().and_then(|text| text.parse().ok()).unwrap_or(Key::Product(1));
    let rest = data.get(end + 1..).unwrap_or_default();
    let now = Instant::from_nanos(u64::MAX / 2);

    // As it is, nothing of it was sealed, unless by a checksum that was guessed.
    let _ = open(Bytes::copy_from_slice(rest), key, DAY, now, 3);
    // With a head and a checksum that fit, whatever stands between them is opened or refused, and what is opened is whole.
    let mut forged = [&b"ATL1"[..], &SCHEMA.to_be_bytes(), rest].concat();
    forged.extend(xxh3_64(&forged).to_be_bytes());
    if let Ok(entry) = open(forged.into(), key, DAY, now, 3) {
        assert_eq!(entry.key, key);
        survives(&entry, now);
    }

    let number = |at: usize| rest.get(at..at + 8).and_then(|bytes| bytes.try_into().ok()).map_or(7, u64::from_be_bytes);
    let (epoch, stamp) = (Epoch::new(number(0)), Stamp::new(number(8)));
    let origins = Origins { epoch, stamp, began: Some(now), read_at: now, cost: number(16) as u32 };
    let entry = Entry::new(key, (!rest.is_empty()).then_some(rest), rest.len() % 2 == 1, origins, 0);
    survives(&entry, now);
    spoilt(&entry, rest, now);
}

/// Sealed and opened again it is the same.
fn survives(entry: &Entry, now: Instant) {
    let opened = open(seal(entry, Duration::ZERO, DAY), entry.key, DAY, now, 3);
    assert_eq!(opened.as_ref().map(content), Ok(content(entry)), "sealed and opened");
    // What Redis says of the time that is left can only make it older.
    let old = open(seal(entry, DAY, DAY), entry.key, Duration::ZERO, now, 3);
    let age = old.map(|old| now.since(old.read_at));
    assert_eq!(age, Ok(DAY + DAY + Duration::from_millis(1)), "its age");
}

/// One byte of it changed, or another key asked for, it is nothing.
fn spoilt(entry: &Entry, rest: &[u8], now: Instant) {
    let sealed = seal(entry, Duration::ZERO, DAY);
    let other = if entry.key == Key::Meta(1) { Key::Meta(2) } else { Key::Meta(1) };
    let asked = open(sealed.clone(), other, DAY, now, 3);
    assert_eq!(asked.as_ref().err(), Some(&EnvelopeError::OtherKey), "another key");
    let mut bytes = sealed.to_vec();
    let place = xxh3_64(rest) as usize % bytes.len();
    bytes[place] ^= 1 << (rest.len() % 8);
    assert!(open(bytes.into(), entry.key, DAY, now, 3).is_err(), "a bit of byte {place} was changed");
    assert!(open(sealed.slice(..place), entry.key, DAY, now, 3).is_err(), "cut off to {place} bytes");
}
