//! The inputs that are kept for fuzzing (`fuzz/corpus/`), those that once broke something among them, and what chance makes of
//! them. `make fuzz` lets libFuzzer look for more.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use atelier_edge::{cache, config, http};
use atelier_rig::mutate::changed;
use fastrand::Rng;

/// What checks an input, and panics when a rule does not hold for it.
type Check = fn(&[u8]);

/// Every target.
const TARGETS: [(&str, Check); 8] = [
    ("body", http::fuzzing::body),
    ("csv", atelier_import::fuzzing::csv),
    ("envelope", cache::fuzzing::envelope),
    ("headers", http::fuzzing::headers),
    ("names", http::fuzzing::names),
    ("purge", http::fuzzing::purge),
    ("route", http::fuzzing::route),
    ("settings", config::fuzzing::settings),
];

/// How many changed inputs each target gets.
const CHANGED: usize = 3_000;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(name)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn corpus(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    files(&folder("corpus").join(target)).into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

#[test]
fn every_target_has_its_inputs_here() {
    let named: BTreeSet<_> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let stems = |name: &str| {
        files(&folder(name)).iter().map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
    };
    let (targets, corpora): (BTreeSet<_>, BTreeSet<_>) = (stems("fuzz_targets"), stems("corpus"));
    assert_eq!((&targets, &corpora), (&named, &named));
    assert!(TARGETS.iter().all(|(name, _)| corpus(name).len() >= 3), "a corpus is too small to begin with");
}

#[test]
fn what_is_kept_holds() {
    for (target, check) in TARGETS {
        for (path, input) in corpus(target) {
            let held = catch_unwind(|| check(&input));
            assert!(held.is_ok(), "{target} does not hold for {}", path.display());
        }
    }
}

#[test]
fn what_chance_makes_of_it_holds() {
    let mut broken = Vec::new();
    for (target, check) in TARGETS {
        let inputs: Vec<_> = corpus(target).into_iter().map(|(_, input)| input).collect();
        let mut rng = Rng::with_seed(0x5eed);
        for _ in 0..CHANGED {
            let (input, other) = (rng.choice(&inputs).unwrap(), rng.choice(&inputs).unwrap());
            let input = changed(input, other, 4, &mut rng);
            if catch_unwind(AssertUnwindSafe(|| check(&input))).is_err() {
                broken.push(format!("{target}: {:?}", String::from_utf8_lossy(&input)));
                break;
            }
        }
    }
    assert!(broken.is_empty(), "rules do not hold for these: {broken:#?}");
}
