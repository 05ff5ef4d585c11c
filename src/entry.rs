//! One stored answer: its bytes in every encoding that pays, with the header values that go with them.
//!
//! All of it is made once, when the entry is; sending it copies and formats nothing.

use std::io::Write;

use bytes::Bytes;
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

/// brotli's level for a body made at fill time. Level 5 comes to within 2 % of the size of level 9 in 4 to 34 % of its time.
const BROTLI_QUALITY: u32 = 5;

/// Bodies below this many bytes get a quicker level. For a list of five reviews (2.4 KB) level 5 saves 101 bytes over gzip,
/// which is no packet, and takes 86 µs; level 2 takes 24, gzip 21. Most keys are asked for rarely, so fills count.
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

impl Variant {
    /// Makes the validator that goes with `body`.
    pub fn new(body: Bytes) -> Self {
        let etag = etag(&body);
        Self { body, etag }
    }
}

/// The strong validator of these bytes: xxh3-128 in hex.
fn etag(body: &[u8]) -> HeaderValue {
    let text = format!("\"{:032x}\"", xxh3_128(body));
    // Quotes and hex digits are always valid in a header; an unquoted fallback would match nothing.
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("\"\""))
}

/// A document in every encoding that pays.
#[derive(Clone, Debug)]
pub struct Document {
    /// As it is.
    pub identity: Variant,
    /// gzip, if it saves a tenth. Most answers are too short to have one, so it costs them a pointer.
    pub gzip: Option<Box<Variant>>,
    /// brotli, if it saves a tenth.
    pub brotli: Option<Box<Variant>>,
}

impl Document {
    /// Encodes `body` where that pays. Takes 45 µs for 2.4 KB, 0.2 ms for 6 KB, 0.6 ms for 24 KB.
    pub fn new(body: Bytes) -> Self {
        let (gzip, brotli) = if body.len() < ENCODE_MIN { (None, None) } else { (gzip(&body), brotli(&body)) };
        Self { identity: Variant::new(body), gzip, brotli }
    }

    /// `body` as it is, in no other encoding.
    pub fn plain(body: Bytes) -> Self {
        Self { identity: Variant::new(body), gzip: None, brotli: None }
    }

    /// The bytes of all variants together.
    pub fn size(&self) -> usize {
        let variants = [Some(&self.identity), self.gzip.as_deref(), self.brotli.as_deref()];
        variants.into_iter().flatten().map(|variant| variant.body.len()).sum()
    }
}

/// The encoded bytes as a variant, if they are smaller than `body` by a tenth.
fn kept(body: &[u8], encoded: &[u8]) -> Option<Box<Variant>> {
    let pays = encoded.len() < body.len() - body.len() / 10;
    // A copy does not keep the room that the encoder had asked for; see `model::json`.
    pays.then(|| Box::new(Variant::new(Bytes::copy_from_slice(encoded))))
}

fn gzip(body: &[u8]) -> Option<Box<Variant>> {
    let mut compressor = Compressor::new(CompressionLvl::new(GZIP_LEVEL).ok()?);
    let mut encoded = vec![0; compressor.gzip_compress_bound(body.len())];
    let length = compressor.gzip_compress(body, &mut encoded).ok()?;
    encoded.truncate(length);
    kept(body, &encoded)
}

fn brotli(body: &[u8]) -> Option<Box<Variant>> {
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
    /// An entry for `key`. `draw` is the node's own for this key.
    pub fn new(key: Key, answer: Answer, empty: bool, origins: Origins, draw: u32) -> Self {
        let Origins { epoch, stamp, began, read_at, cost } = origins;
        let facts = Facts { epoch, stamp, began, place: Place::of(key) };
        Self { key, answer, empty, read_at, cost, draw, facts, surrogate_key: surrogate_key(key) }
    }

    /// Whether it has a document: what is not there is 404, and that is never said of an unproved entry.
    pub fn is_found(&self) -> bool {
        matches!(self.answer, Answer::Found(_))
    }

    /// How many encodings there are besides the body as it is.
    pub fn encodings(&self) -> usize {
        match &self.answer {
            Answer::Found(document) => usize::from(document.gzip.is_some()) + usize::from(document.brotli.is_some()),
            Answer::Absent => 0,
        }
    }

    /// The bytes of its bodies in every encoding.
    pub fn size(&self) -> usize {
        match &self.answer {
            Answer::Found(document) => document.size(),
            Answer::Absent => 0,
        }
    }
}

fn surrogate_key(key: Key) -> HeaderValue {
    let class = key.resource().class();
    let text = match key.id() {
        Some(id) => format!("{class} {class}:{id}"),
        None => class.to_owned(),
    };
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(class))
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn long() -> Bytes {
        (0..400).flat_map(|n: u32| format!("{{\"id\":{n}}},").into_bytes()).collect()
    }

    #[test]
    fn long_bodies_are_kept_in_both_encodings() {
        let document = Document::new(long());
        let gzip = document.gzip.unwrap();
        let brotli = document.brotli.unwrap();

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
        assert!(Document::new(Bytes::from(vec![b'a'; ENCODE_MIN - 1])).gzip.is_none());
        let mut state = 1_u64;
        let noise: Vec<u8> = (0..4096)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 56) as u8
            })
            .collect();
        let document = Document::new(noise.into());
        assert!(document.gzip.is_none() && document.brotli.is_none());
    }

    #[test]
    fn equal_bytes_have_equal_validators() {
        assert_eq!(Variant::new(long()).etag, Variant::new(long()).etag);
        assert_eq!(Variant::new(Bytes::from_static(b"[]")).etag.len(), 34);
    }

    #[test]
    fn surrogate_keys_name_class_and_tag() {
        assert_eq!(surrogate_key(Key::Meta(9)), "meta meta:9");
        assert_eq!(surrogate_key("list/1x5".parse().unwrap()), "list");
    }
}
