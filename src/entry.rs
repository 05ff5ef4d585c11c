//! One stored answer: its bytes, with the header values that go with them, and the encodings of them that were asked for.
//!
//! Each is made once; sending it copies and formats nothing. An encoding is made when the first client asks for it: most keys are
//! asked for rarely, by clients that take one encoding, and making both costs several times what it takes to fetch the answer.

use std::borrow::Cow;
use std::io::Write;
use std::sync::OnceLock;

use bytes::{BufMut, Bytes, BytesMut};
use hyper::header::HeaderValue;
use libdeflater::{CompressionLvl, Compressor};
use xxhash_rust::xxh3::xxh3_128;

use crate::facts::{Facts, Place};
use crate::freshness::Instant;
use crate::key::Key;
use crate::stamp::{Epoch, Stamp};

// The figures below are those of `cargo bench --bench encode` on one core of a 2-core virtual machine: reviews lists of 1 to
// 75 KB, best of five rounds.

/// Bodies below this many bytes are not encoded: they fit one packet either way.
pub const ENCODE_MIN: usize = 1 << 10;

/// brotli's level. Level 5 comes to within 2 % of the size of level 9 in 4 to 34 % of its time.
const BROTLI_QUALITY: u32 = 5;

/// Bodies below this many bytes get a quicker level. For a list of five reviews (2.4 KB) level 5 saves 101 bytes over gzip,
/// which is no packet, and takes 86 µs; level 2 takes 24, gzip 21. Most keys are asked for rarely, so what is made once counts.
const BROTLI_QUICK_BELOW: usize = 4 << 10;
const BROTLI_QUICK: u32 = 2;

/// brotli's window; it covers all but the largest answers. (One of 2^16 or less makes the library take another algorithm,
/// which costs more than a millisecond before the first byte.)
const BROTLI_WINDOW: u32 = 18;

/// gzip's level. Level 9 makes the answers smaller by 2 % at most, and takes up to twice the time.
const GZIP_LEVEL: i32 = 6;

/// A content coding (RFC 9110 §8.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// As it is.
    Identity,
    /// gzip.
    Gzip,
    /// brotli.
    Brotli,
}

/// A body in one encoding.
#[derive(Clone, Debug)]
pub struct Variant {
    /// The bytes that are sent.
    pub body: Bytes,
    /// The strong validator, made from `body`, so it is equal on every node and unchanged by a refill.
    pub etag: HeaderValue,
}

/// How long a validator is: 128 bits in hex, and quotes.
const ETAG: usize = 34;

impl Variant {
    /// A copy of `body` with the validator that goes with it.
    pub fn new(body: &[u8]) -> Self {
        Self::with_tag(body, "").0
    }

    /// The same, and a header value of `tag`. All three are parts of one block, which has just the room they need: what goes out together is
    /// allocated, counted and found in a processor's cache together. (Room to spare would be kept as long as the answer, and mimalloc does
    /// not make a block smaller that is half full.)
    fn with_tag(body: &[u8], tag: &str) -> (Self, HeaderValue) {
        let mut block = BytesMut::with_capacity(body.len() + ETAG + tag.len());
        block.put_slice(body);
        put_etag(&mut block, body);
        block.put_slice(tag.as_bytes());
        let mut body = block.freeze();
        let mut etag = body.split_off(body.len() - ETAG - tag.len());
        let tag = etag.split_off(ETAG);
        // Quotes, hex digits, and the names and numbers of classes are always valid in a header.
        let value = |bytes| HeaderValue::from_maybe_shared(bytes).unwrap_or(HeaderValue::from_static("\"\""));
        (Self { body, etag: value(etag) }, value(tag))
    }
}

/// Writes the strong validator of these bytes: xxh3-128 in hex.
fn put_etag(block: &mut BytesMut, body: &[u8]) {
    let hash = xxh3_128(body).to_be_bytes();
    let digit = |half: u8| b"0123456789abcdef"[usize::from(half & 15)];
    block.put_u8(b'"');
    for byte in hash {
        block.put_slice(&[digit(byte >> 4), digit(byte)]);
    }
    block.put_u8(b'"');
}

/// A document, and its encodings as far as they have been made.
#[derive(Clone, Debug)]
pub struct Document {
    /// As it is.
    pub identity: Variant,
    /// Most answers are too short to be encoded, so it costs them a pointer.
    encoded: Option<Box<Encoded>>,
}

/// The encodings of a document: each is not made yet, or does not pay, or is there.
#[derive(Clone, Debug, Default)]
struct Encoded {
    gzip: OnceLock<Option<Variant>>,
    brotli: OnceLock<Option<Variant>>,
}

/// What there is of a document in an encoding.
#[derive(Clone, Copy, Debug)]
pub enum State<'d> {
    /// The bytes.
    Made(&'d Variant),
    /// Nothing yet.
    ToMake,
    /// Nothing: it would not save a tenth, or the body fits one packet anyway.
    Useless,
}

impl Document {
    /// `body` as it is. What encodings there are of it turns out when they are asked for.
    pub fn new(body: &[u8]) -> Self {
        Self::of(Variant::new(body))
    }

    fn of(identity: Variant) -> Self {
        let encoded = (identity.body.len() >= ENCODE_MIN).then(Box::default);
        Self { identity, encoded }
    }

    fn slot(&self, encoding: Encoding) -> Option<&OnceLock<Option<Variant>>> {
        let encoded = self.encoded.as_deref()?;
        match encoding {
            Encoding::Identity => None,
            Encoding::Gzip => Some(&encoded.gzip),
            Encoding::Brotli => Some(&encoded.brotli),
        }
    }

    /// What there is in `encoding`.
    #[inline]
    pub fn state(&self, encoding: Encoding) -> State<'_> {
        if encoding == Encoding::Identity {
            return State::Made(&self.identity);
        }
        let Some(slot) = self.slot(encoding) else { return State::Useless };
        match slot.get() {
            None => State::ToMake,
            Some(None) => State::Useless,
            Some(Some(variant)) => State::Made(variant),
        }
    }

    /// Makes `encoding` unless that was done. For both together it takes 45 µs for 2.4 KB, 0.2 ms for 6 KB, 0.6 ms for 24 KB. Two threads
    /// that do it at once do it twice, and the bytes are the same.
    pub fn make(&self, encoding: Encoding) {
        let body = &self.identity.body;
        let Some(slot) = self.slot(encoding).filter(|slot| slot.get().is_none()) else { return };
        let made = match encoding {
            Encoding::Identity => None,
            Encoding::Gzip => gzip(body),
            Encoding::Brotli => brotli(body),
        };
        let _ = slot.set(made);
    }

    /// From now on there is no `encoding` to be made: that has failed.
    pub fn give_up(&self, encoding: Encoding) {
        if let Some(slot) = self.slot(encoding) {
            let _ = slot.set(None);
        }
    }

    /// Everything there is by now.
    pub fn variants(&self) -> impl Iterator<Item = (Encoding, &Variant)> {
        let encodings = [Encoding::Identity, Encoding::Gzip, Encoding::Brotli];
        encodings.into_iter().filter_map(|encoding| match self.state(encoding) {
            State::Made(variant) => Some((encoding, variant)),
            State::ToMake | State::Useless => None,
        })
    }

    /// The bytes of all variants that were made, together.
    pub fn size(&self) -> usize {
        self.variants().map(|(_, variant)| variant.body.len()).sum()
    }
}

/// The encoded bytes as a variant, if they are smaller than `body` by a tenth.
fn kept(body: &[u8], encoded: &[u8]) -> Option<Variant> {
    let pays = encoded.len() < body.len() - body.len() / 10;
    pays.then(|| Variant::new(encoded))
}

fn gzip(body: &[u8]) -> Option<Variant> {
    let mut compressor = Compressor::new(CompressionLvl::new(GZIP_LEVEL).ok()?);
    let mut encoded = vec![0; compressor.gzip_compress_bound(body.len())];
    let length = compressor.gzip_compress(body, &mut encoded).ok()?;
    encoded.truncate(length);
    kept(body, &encoded)
}

fn brotli(body: &[u8]) -> Option<Variant> {
    let mut encoded = Vec::with_capacity(body.len() / 2);
    let quality = if body.len() < BROTLI_QUICK_BELOW { BROTLI_QUICK } else { BROTLI_QUALITY };
    let mut writer = brotli::CompressorWriter::new(&mut encoded, 4 << 10, quality, BROTLI_WINDOW);
    writer.write_all(body).ok()?;
    drop(writer);
    kept(body, &encoded)
}

/// What is known under a key.
#[derive(Clone, Debug)]
pub enum Answer {
    /// There is a document.
    Found(Document),
    /// The catalogue has no such row: 404.
    Absent,
}

/// When and where an answer was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origins {
    /// The life of the database it was read in.
    pub epoch: Epoch,
    /// Which commits the statement has seen.
    pub stamp: Stamp,
    /// When this node asked for it; `None` when another node did.
    pub began: Option<Instant>,
    /// When it was asked for, by whomever: its age counts from here.
    pub read_at: Instant,
    /// How long that took, in microseconds.
    pub cost: u32,
}

/// One stored answer.
#[derive(Clone, Debug)]
pub struct Entry {
    /// What it answers.
    pub key: Key,
    /// What it says.
    pub answer: Answer,
    /// Whether it says only that nothing is there: an absent row, a page past the end.
    pub empty: bool,
    /// When the origin was asked for it.
    pub read_at: Instant,
    /// How long the origin took, in microseconds.
    pub cost: u32,
    /// A number of the key's own, by which its ttl is shortened.
    pub draw: u32,
    /// What a proof looks at.
    pub facts: Facts,
    /// `Surrogate-Key`: class and tag, so that a CDN can be purged in the words used here.
    pub surrogate_key: HeaderValue,
}

impl Entry {
    /// An entry for `key` with a copy of its body, or without one if there is no such row. `draw` is the node's own for this key.
    pub fn new(key: Key, body: Option<&[u8]>, empty: bool, origins: Origins, draw: u32) -> Self {
        let Origins { epoch, stamp, began, read_at, cost } = origins;
        let facts = Facts { epoch, stamp, began, place: Place::of(key) };
        let tag = surrogate_key(key);
        let (identity, surrogate_key) = Variant::with_tag(body.unwrap_or_default(), &tag);
        let answer = body.map_or(Answer::Absent, |_| Answer::Found(Document::of(identity)));
        Self { key, answer, empty, read_at, cost, draw, facts, surrogate_key }
    }

    /// Whether it has a document: what is not there is 404, and that is never said of an unproved entry.
    pub fn is_found(&self) -> bool {
        matches!(self.answer, Answer::Found(_))
    }

    /// How many encodings have been made besides the body as it is.
    pub fn encodings(&self) -> usize {
        match &self.answer {
            Answer::Found(document) => document.variants().count() - 1,
            Answer::Absent => 0,
        }
    }

    /// The bytes of its bodies in every encoding that was made.
    pub fn size(&self) -> usize {
        match &self.answer {
            Answer::Found(document) => document.size(),
            Answer::Absent => 0,
        }
    }
}

fn surrogate_key(key: Key) -> Cow<'static, str> {
    let class = key.resource().class();
    key.id().map_or(Cow::Borrowed(class), |id| Cow::Owned(format!("{class} {class}:{id}")))
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn long() -> Vec<u8> {
        (0..400).flat_map(|n: u32| format!("{{\"id\":{n}}},").into_bytes()).collect()
    }

    #[test]
    fn long_bodies_are_kept_in_the_encodings_that_were_asked_for() {
        let document = Document::new(&long());
        assert!(matches!(document.state(Encoding::Gzip), State::ToMake));
        assert_eq!(document.size(), long().len(), "nobody has asked for another encoding");
        document.make(Encoding::Gzip);
        document.make(Encoding::Brotli);
        let made = |encoding| match document.state(encoding) {
            State::Made(variant) => variant,
            state @ (State::ToMake | State::Useless) => panic!("{state:?}"),
        };
        let (gzip, brotli) = (made(Encoding::Gzip), made(Encoding::Brotli));
        assert_eq!(document.size(), long().len() + gzip.body.len() + brotli.body.len());

        let mut plain = Vec::new();
        brotli::Decompressor::new(&brotli.body[..], 4096).read_to_end(&mut plain).unwrap();
        assert_eq!(plain, long());
        let mut plain = vec![0; long().len()];
        libdeflater::Decompressor::new().gzip_decompress(&gzip.body, &mut plain).unwrap();
        assert_eq!(plain, long());

        assert_ne!(gzip.etag, brotli.etag);
        assert_ne!(gzip.etag, document.identity.etag);
    }

    #[test]
    fn short_and_incompressible_bodies_are_kept_as_they_are() {
        let useless = |document: &Document| {
            [Encoding::Gzip, Encoding::Brotli]
                .into_iter()
                .all(|encoding| matches!(document.state(encoding), State::Useless))
        };
        assert!(useless(&Document::new(&[b'a'; ENCODE_MIN - 1])));
        let mut state = 1_u64;
        let noise: Vec<u8> = (0..4096)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 56) as u8
            })
            .collect();
        let document = Document::new(&noise);
        assert!(!useless(&document), "that turns out when it is tried");
        document.make(Encoding::Gzip);
        document.make(Encoding::Brotli);
        assert!(useless(&document));
    }

    #[test]
    fn what_could_not_be_made_is_not_tried_again() {
        let document = Document::new(&long());
        document.give_up(Encoding::Brotli);
        document.make(Encoding::Brotli);
        assert!(matches!(document.state(Encoding::Brotli), State::Useless));
    }

    #[test]
    fn equal_bytes_have_equal_validators() {
        assert_eq!(Variant::new(&long()).etag, Variant::new(&long()).etag);
        assert_eq!(Variant::new(b"[]").etag, *format!("\"{:032x}\"", xxh3_128(b"[]")));
    }

    #[test]
    fn body_validator_and_tag_are_one_block() {
        let origins = Origins {
            epoch: Epoch::default(),
            stamp: Stamp::ZERO,
            began: None,
            read_at: Instant::from_nanos(1),
            cost: 0,
        };
        let entry = Entry::new(Key::Meta(9), Some(b"{}"), false, origins, 0);
        let Answer::Found(document) = &entry.answer else { panic!("there is a body") };
        let Variant { body, etag } = &document.identity;
        assert_eq!(
            (&body[..], etag, entry.surrogate_key.as_bytes()),
            (&b"{}"[..], &Variant::new(b"{}").etag, &b"meta meta:9"[..])
        );
        let begins = body.as_ptr() as usize;
        assert_eq!(etag.as_bytes().as_ptr() as usize, begins + 2);
        assert_eq!(entry.surrogate_key.as_bytes().as_ptr() as usize, begins + 2 + ETAG);

        let absent = Entry::new(Key::Product(9), None, true, origins, 0);
        assert!(!absent.is_found() && absent.surrogate_key == "product product:9");
    }

    #[test]
    fn surrogate_keys_name_class_and_tag() {
        assert_eq!(surrogate_key(Key::Meta(9)), "meta meta:9");
        assert_eq!(surrogate_key("list/1x5".parse().unwrap()), "list");
    }
}
