//! How an entry is written in Redis, and how it is verified when it is read.
//!
//! What comes back may be cut off, corrupt, written by another version, or the reply to somebody else's request; the full
//! key, the version and a checksum over everything are inside, and whatever does not fit is a miss.

use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use xxhash_rust::xxh3::xxh3_64;

use super::l1;
use crate::entry::{Answer, Entry, Origins};
use crate::freshness::Instant;
use crate::key::Key;
use crate::stamp::{Epoch, Stamp};

const MAGIC: u32 = u32::from_be_bytes(*b"ATL1");

/// The version of this layout and of the documents inside. It is in the Redis key as well, so that versions side by side
/// do not throw each other's entries away.
pub(super) const SCHEMA: u16 = 3;

const FOUND: u8 = 1;
const EMPTY: u8 = 2;

/// magic, schema, flags, key length, epoch, stamp, cost, read age, PX
const HEAD: usize = 4 + 2 + 1 + 1 + 8 + 8 + 4 + 8 + 8;
const CHECKSUM: usize = 8;

/// Why an envelope was not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum EnvelopeError {
    #[error("it is of another kind or version")]
    Foreign,
    #[error("it is cut off or corrupt")]
    Corrupt,
    #[error("it is for another key")]
    OtherKey,
}

/// An entry in its envelope, its body as it is: whoever opens it makes the encodings that its own clients ask for. `age` is how long
/// ago it was read, `expiry` what Redis is told (PX).
pub(super) fn seal(entry: &Entry, age: Duration, expiry: Duration) -> Bytes {
    let key = entry.key.to_string();
    let (body, mut flags) = match &entry.answer {
        Answer::Found(document) => (&document.identity.body[..], FOUND),
        Answer::Absent => (&[][..], 0),
    };
    let mut bytes = BytesMut::with_capacity(HEAD + key.len() + body.len() + CHECKSUM);
    if entry.empty {
        flags |= EMPTY;
    }
    bytes.put_u32(MAGIC);
    bytes.put_u16(SCHEMA);
    bytes.put_u8(flags);
    // The longest key is `reviews/2147483647/helpful/2147483648x10000`.
    bytes.put_u8(u8::try_from(key.len()).unwrap_or(u8::MAX));
    bytes.put_u64(entry.facts.epoch.number());
    bytes.put_u64(entry.facts.stamp.number());
    bytes.put_u32(entry.cost);
    bytes.put_u64(millis(age));
    bytes.put_u64(millis(expiry));
    bytes.put_slice(key.as_bytes());
    bytes.put_slice(body);
    let checksum = xxh3_64(&bytes);
    bytes.put_u64(checksum);
    bytes.freeze()
}

/// Opens an envelope that must be for `key`. `left` is how long Redis would still keep it (PTTL); the age of the entry is
/// its age when it was stored and the time since, which is what has gone from its expiry. `node` makes it this node's own.
pub(super) fn open(
    mut bytes: Bytes,
    key: Key,
    left: Duration,
    now: Instant,
    node: u64,
) -> Result<Entry, EnvelopeError> {
    if bytes.len() < HEAD + CHECKSUM || bytes[..4] != MAGIC.to_be_bytes() {
        return Err(EnvelopeError::Foreign);
    }
    let mut checksum = bytes.split_off(bytes.len() - CHECKSUM);
    if checksum.get_u64() != xxh3_64(&bytes) {
        return Err(EnvelopeError::Corrupt);
    }
    bytes.advance(4);
    if bytes.get_u16() != SCHEMA {
        return Err(EnvelopeError::Foreign);
    }
    let flags = bytes.get_u8();
    let key_length = usize::from(bytes.get_u8());
    let epoch = Epoch::new(bytes.get_u64());
    let stamp = Stamp::new(bytes.get_u64());
    let cost = bytes.get_u32();
    let age = Duration::from_millis(bytes.get_u64());
    let expiry = Duration::from_millis(bytes.get_u64());
    if bytes.len() < key_length {
        return Err(EnvelopeError::Corrupt);
    }
    if bytes.split_to(key_length) != key.to_string().as_bytes() {
        return Err(EnvelopeError::OtherKey);
    }
    let body = match flags & FOUND {
        0 if bytes.is_empty() => None,
        0 => return Err(EnvelopeError::Corrupt),
        _ => Some(&bytes[..]),
    };
    // Redis tells whole milliseconds: it is never to look younger than it is.
    let age = age + expiry.saturating_sub(left) + Duration::from_millis(1);
    // Another node asked for it: how its clock and ours compare is not known, so it counts as read by nobody here.
    let origins = Origins { epoch, stamp, began: None, read_at: now.before(age), cost };
    Ok(Entry::new(key, body, flags & EMPTY != 0, origins, l1::draw(&key, node)))
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origins(now: Instant) -> Origins {
        Origins { epoch: Epoch::new(7 << 40), stamp: Stamp::new(99), began: Some(now), read_at: now, cost: 1234 }
    }

    fn entry() -> Entry {
        let body = "{\"id\":1},".repeat(600);
        Entry::new(Key::Styles(7), Some(body.as_bytes()), false, origins(Instant::now()), 0)
    }

    const EXPIRY: Duration = Duration::from_secs(60);

    fn sealed() -> Bytes {
        seal(&entry(), Duration::from_secs(2), EXPIRY)
    }

    fn opened(bytes: Bytes, key: Key) -> Result<Entry, EnvelopeError> {
        open(bytes, key, EXPIRY, Instant::now(), 3)
    }

    #[test]
    fn an_entry_comes_out_as_it_went_in_and_as_old_as_it_is() {
        let now = Instant::now();
        let opened = open(sealed(), Key::Styles(7), Duration::from_secs(50), now, 3).unwrap();
        assert_eq!(now.since(opened.read_at), Duration::from_millis(12_001));
        assert_eq!((opened.facts.epoch, opened.facts.stamp), (Epoch::new(7 << 40), Stamp::new(99)));
        assert_eq!((opened.facts.began, opened.cost), (None, 1234), "another node asked for it");
        assert_eq!(opened.facts.place, entry().facts.place);
        let (Answer::Found(was), Answer::Found(is)) = (entry().answer, opened.answer) else { panic!("a document") };
        assert_eq!(was.identity.body, is.identity.body);
        assert_eq!(was.identity.etag, is.identity.etag);
        assert!(!opened.empty);

        let absent = Entry::new(Key::Product(5), None, true, origins(now), 0);
        let opened = open(seal(&absent, Duration::ZERO, EXPIRY), Key::Product(5), EXPIRY, now, 3).unwrap();
        assert!(matches!(opened.answer, Answer::Absent) && opened.empty);
        assert!(opened.read_at < now);
    }

    #[test]
    fn every_cut_and_every_flipped_bit_is_noticed() {
        let whole = sealed();
        for length in 0..whole.len() {
            assert!(opened(whole.slice(..length), Key::Styles(7)).is_err(), "cut to {length}");
        }
        for place in 0..whole.len() {
            let mut flipped = whole.to_vec();
            flipped[place] ^= 1 << (place % 8);
            assert!(opened(flipped.into(), Key::Styles(7)).is_err(), "bit in byte {place}");
        }
    }

    #[test]
    fn another_key_is_not_opened() {
        assert_eq!(opened(sealed(), Key::Styles(8)).unwrap_err(), EnvelopeError::OtherKey);
        let other = Bytes::from_static(b"hello, this is something else altogether, and long enough to be one");
        assert_eq!(opened(other, Key::Styles(7)).unwrap_err(), EnvelopeError::Foreign);
    }
}
