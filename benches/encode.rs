//! What an encoding costs: the figures beside the constants in `src/entry.rs`.
//!
//! ```sh
//! cargo bench --bench encode
//! ```
//!
//! The bodies are reviews lists whose texts are the words of this repository's own pages, drawn at random, as often as they
//! stand there. (Whole sentences would repeat: the pages are short.)

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::hint::black_box;
use std::io::Write;
use std::time::Instant;

use libdeflater::{CompressionLvl, Compressor};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Enough bodies that none stays in the caches of the encoder by chance.
const BODIES: u64 = 20;

fn words() -> Vec<&'static str> {
    let pages = [include_str!("../ARCHITECTURE.md"), include_str!("../README.md"), include_str!("../LICENSE")];
    let plain = |word: &&str| word.bytes().all(|byte| byte.is_ascii_alphabetic() || b",.;:'".contains(&byte));
    pages.into_iter().flat_map(str::split_whitespace).filter(plain).collect()
}

fn body(reviews: u32, seed: u64) -> Vec<u8> {
    let (words, mut random) = (words(), fastrand::Rng::with_seed(seed));
    let mut prose = |least: usize, most: usize| {
        let count = random.usize(least..=most);
        (0..count).map(|_| words[random.usize(..words.len())]).collect::<Vec<_>>().join(" ")
    };
    let reviews = (0..reviews).map(|place| {
        let photos = (0..(seed + u64::from(place)) % 4)
            .map(|photo| format!(r#"{{"id":{},"url":"https://img.example/r/{}.jpg"}}"#, seed * 7919 + photo, seed ^ photo))
            .collect::<Vec<_>>();
        format!(
            r#"{{"review_id":{},"rating":{},"summary":"{}","recommend":true,"response":null,"body":"{}","date":"2021-0{}-14T09:26:53.{}Z","reviewer_name":"{}","helpfulness":{},"photos":[{}]}}"#,
            seed * 104_729 + u64::from(place) * 13,
            place % 5 + 1,
            prose(3, 7),
            prose(10, 60),
            place % 9 + 1,
            100 + (seed * 37 + u64::from(place) * 101) % 900,
            prose(1, 1),
            (u64::from(place) + seed) % 40,
            photos.join(",")
        )
    });
    let reviews = reviews.collect::<Vec<_>>().join(",");
    format!(r#"{{"product":"4711","page":0,"count":5,"results":[{reviews}]}}"#).into_bytes()
}

fn gzip(body: &[u8], level: i32) -> usize {
    let mut compressor = Compressor::new(CompressionLvl::new(level).unwrap());
    let mut encoded = vec![0; compressor.gzip_compress_bound(body.len())];
    compressor.gzip_compress(body, &mut encoded).unwrap()
}

fn brotli(body: &[u8], quality: u32) -> usize {
    let mut encoded = Vec::with_capacity(body.len() / 2);
    let mut writer = brotli::CompressorWriter::new(&mut encoded, 4 << 10, quality, 18);
    writer.write_all(body).unwrap();
    drop(writer);
    encoded.len()
}

/// The mean size, and the mean time in microseconds of the best of five rounds.
fn measure(bodies: &[Vec<u8>], encode: impl Fn(&[u8]) -> usize) -> (usize, f64) {
    let size = bodies.iter().map(|body| encode(body)).sum::<usize>() / bodies.len();
    let mut best = f64::MAX;
    for _ in 0..5 {
        let begun = Instant::now();
        for body in bodies {
            black_box(encode(black_box(body)));
        }
        best = best.min(begun.elapsed().as_secs_f64() * 1e6 / bodies.len() as f64);
    }
    (size, best)
}

fn main() {
    println!("{:>7}  {:<9} {:>6}  {:>6}  {:>9}", "body", "encoding", "size", "share", "µs");
    for reviews in [2, 5, 12, 25, 50, 160] {
        let bodies: Vec<_> = (1..=BODIES).map(|seed| body(reviews, seed)).collect();
        let plain = bodies.iter().map(Vec::len).sum::<usize>() / bodies.len();
        let show = |name: &str, (size, time): (usize, f64)| {
            println!("{plain:>7}  {name:<9} {size:>6}  {:>5.1}%  {time:>9.1}", 100.0 * size as f64 / plain as f64);
        };
        for level in [1, 6, 9] {
            show(&format!("gzip {level}"), measure(&bodies, |body| gzip(body, level)));
        }
        for quality in [2, 4, 5, 9] {
            show(&format!("brotli {quality}"), measure(&bodies, |body| brotli(body, quality)));
        }
    }
}
