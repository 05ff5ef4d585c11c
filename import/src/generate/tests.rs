use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::fs;
use std::path::Path;

use atelier_import::clean::each_id;
use atelier_import::report::Outcome;
use atelier_import::source::{Folder, Sources};
use atelier_import::{File, FileReport, Known, clean};
use atelier_rig::Scratch;

use super::*;

/// What is asked for by most tests.
fn set(out: &Path, products: u32) -> Generate {
    let out = out.to_owned();
    Generate { products, seed: 1, out, dirt: false, force: false, threads: None, after: None, first_product: 1 }
}

fn bytes(folder: &Path) -> BTreeMap<File, Vec<u8>> {
    File::ALL.map(|file| (file, fs::read(folder.join(file.name())).unwrap())).into()
}

/// The reports of a set, by file; an error is a panic.
fn read(folder: &Path) -> BTreeMap<File, FileReport> {
    let (set, known) = (Folder(folder.to_owned()), Known::default());
    let report = |file| {
        let source = set.source(file).unwrap();
        clean(&*source, file, &known, |_| Ok::<_, Infallible>(())).unwrap()
    };
    File::ALL.map(|file| (file, report(file))).into()
}

#[test]
fn a_seed_gives_the_same_bytes_on_any_number_of_threads() {
    for dirt in [false, true] {
        let folders = ["a", "b", "c"].map(|name| Scratch::new(&format!("generate-{name}")));
        let write_with = |folder: &Scratch, seed, threads| {
            write(&Generate { seed, threads: Some(threads), dirt, ..set(folder.path(), 300) }).unwrap();
            bytes(folder.path())
        };
        let first = write_with(&folders[0], 5, 1);
        assert_eq!(first, write_with(&folders[1], 5, 3));
        let other = write_with(&folders[2], 6, 1);
        for file in File::ALL {
            assert_ne!(first[&file], other[&file], "{file} is the same for another seed");
        }
    }
}

#[test]
fn a_clean_set_has_the_public_ratios_and_loads_without_a_word() {
    const PRODUCTS: u32 = 20_000;
    let folder = Scratch::new("generate-clean");
    let said = write(&set(folder.path(), PRODUCTS)).unwrap();
    let reports = read(folder.path());
    for (file, written) in &said.files {
        let report = &reports[file];
        let size = fs::metadata(folder.path().join(file.name())).unwrap().len();
        assert_eq!((written.rows, written.bytes), (report.read, size), "{file}");
        if *file != File::Cart {
            assert_eq!(u64::from(report.highest_id), report.loaded, "ids of {file} are dense");
            assert_eq!(report.loaded, report.read, "{report}");
            assert!(report.reasons.is_empty() && report.notes.is_empty(), "{report}");
        }
    }
    for (file, columns) in [
        (File::Features, &["value"][..]),
        (File::Styles, &["sale_price"]),
        (File::Photos, &["thumbnail_url", "url"]),
        (File::Skus, &["quantity", "size"]),
        (File::Reviews, &["response"]),
    ] {
        assert!(reports[&file].nulls.keys().eq(columns), "{}", reports[&file]);
    }

    let ratios = [
        (File::Features, File::Product, 2.22),
        (File::Styles, File::Product, 1.96),
        (File::Related, File::Product, 4.51),
        (File::Characteristics, File::Product, 3.35),
        (File::Reviews, File::Product, 5.77),
        (File::Questions, File::Product, 3.52),
        (File::Photos, File::Styles, 2.89),
        (File::Skus, File::Styles, 5.78),
        (File::ReviewsPhotos, File::Reviews, 0.47),
        (File::CharacteristicReviews, File::Reviews, 3.35),
        (File::Answers, File::Questions, 1.95),
        (File::AnswersPhotos, File::Answers, 0.30),
    ];
    for (file, per, expected) in ratios {
        let found = reports[&file].loaded as f64 / reports[&per].loaded as f64;
        assert!((found / expected - 1.0).abs() < 0.04, "{file}: {found} per {per} instead of {expected}");
    }
}

#[test]
fn some_products_have_nothing_and_some_have_many_reviews() {
    let plan = Plan::new(1, 1, 20_000, Earlier::default()).unwrap();
    for file in [File::Features, File::Styles, File::Reviews, File::Questions, File::Related, File::Characteristics] {
        let counts: Vec<_> = plan.families(file).map(|(_, ids)| ids.len()).collect();
        let without = counts.iter().filter(|count| **count == 0).count();
        assert!((100..6_000).contains(&without), "{file}: {without} products have none");
        let most = counts.iter().max().unwrap();
        let bounds = if file == File::Reviews { 100..200 } else { 5..50 };
        assert!(bounds.contains(most), "{file}: {most}");
        // There are six names.
        assert!(file != File::Characteristics || *most <= 6, "{most} characteristics");
    }
}

#[test]
fn dirt_shows_every_reason_and_every_note_but_no_error() {
    let folder = Scratch::new("generate-dirt");
    write(&Generate { dirt: true, ..set(folder.path(), 5_000) }).unwrap();
    let reports = read(folder.path());

    let mut notes = BTreeSet::new();
    for (file, report) in &reports {
        if *file == File::Cart {
            continue;
        }
        assert_eq!(report.read, report.loaded + report.dropped + report.orphan + report.rejected, "{report}");
        let lost = report.orphan + report.rejected;
        assert!(lost * 20 < report.read, "more than half of what makes a file the wrong one: {report}");
        let found: BTreeSet<_> = report.reasons.keys().copied().collect();
        assert_eq!(found, expected(*file), "{report}");
        notes.extend(report.notes.keys().copied());
        for column in file.columns().iter().filter(|column| column.nullable) {
            assert!(report.nulls.contains_key(column.name), "{report}");
        }
    }
    let all = [
        "CRLF line ends",
        "byte order mark",
        "name twice in a product",
        "null as text",
        "rating for another product's characteristic",
    ];
    assert!(notes.iter().eq(&all), "{notes:?}");
    let mut ids = BTreeSet::new();
    let photos = Folder(folder.path().to_owned()).source(File::Photos).unwrap();
    each_id(&*photos, File::Photos, |id| _ = ids.insert(id)).unwrap();
    let used = ids.iter().filter(|id| **id <= reports[&File::Photos].highest_id).count();
    assert!(used < reports[&File::Photos].highest_id as usize, "ids without a row");
}

/// Every reason that rows of a file can have, but for those that are in no column of it.
fn expected(file: File) -> BTreeSet<(Outcome, &'static str)> {
    use atelier_import::file::Kind;
    let mut reasons: BTreeSet<_> = ["id", "duplicate id", "fields"].map(|reason| (Outcome::Rejected, reason)).into();
    for column in file.columns() {
        match column.kind {
            Kind::Text => reasons.extend(["UTF-8", "NUL"].map(|reason| (Outcome::Rejected, reason))),
            Kind::Id => {}
            Kind::Ref(_) => {
                reasons.insert((Outcome::Rejected, column.name));
                if column.name == "related_product_id" {
                    reasons.extend(["related id 0", "related unknown"].map(|reason| (Outcome::Dropped, reason)));
                } else {
                    reasons.insert((Outcome::Orphan, column.name));
                }
            }
            Kind::Price | Kind::Flag | Kind::Time | Kind::Count | Kind::Rating => {
                reasons.insert((Outcome::Rejected, column.name));
            }
        }
    }
    if file == File::Photos {
        reasons.insert((Outcome::Repaired, "closing quote"));
    }
    reasons
}

#[test]
fn a_continued_set_fits_to_the_one_before() {
    let [before, added, both] = ["before", "added", "both"].map(|name| Scratch::new(&format!("generate-{name}")));
    write(&set(before.path(), 40)).unwrap();
    let more = Generate { after: Some(before.path().to_owned()), first_product: 101, ..set(added.path(), 60) };
    write(&more).unwrap();
    for file in File::ALL {
        let name = file.name();
        let mut all = fs::read(before.path().join(name)).unwrap();
        let rows = fs::read(added.path().join(name)).unwrap();
        let header = rows.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        all.extend_from_slice(&rows[header..]);
        both.write(name, all);
    }
    for (file, report) in read(both.path()) {
        assert!(file == File::Cart || (report.loaded == report.read && report.reasons.is_empty()), "{report}");
    }
    let targets = fs::read_to_string(added.path().join("related.csv")).unwrap();
    let old = |row: &&str| row.rsplit(',').next().is_some_and(|target| target.parse::<u32>().is_ok_and(|id| id <= 40));
    assert!(targets.lines().filter(old).count() > 10, "some relations point at earlier products");

    let taken = Generate { first_product: 30, out: both.path().join("more"), ..more };
    let error = write(&taken).unwrap_err().to_string();
    assert_eq!(error, "some of the products 30 to 89 are there already");
}

#[test]
fn a_folder_in_use_is_refused_and_a_file_that_cannot_be_written_is_named() {
    let folder = Scratch::new("generate-folder");
    folder.write("notes.txt", "mine");
    let generate = set(folder.path(), 1);
    let error = write(&generate).unwrap_err().to_string();
    assert!(error.contains("is not empty") && error.contains("--force"), "{error}");
    assert!(!folder.path().join("product.csv").exists());
    write(&Generate { force: true, ..generate }).unwrap();

    fs::create_dir(folder.path().join("sub")).unwrap();
    fs::create_dir(folder.path().join("sub/skus.csv")).unwrap();
    let blocked = Generate { force: true, ..set(&folder.path().join("sub"), 1) };
    let error = format!("{:#}", write(&blocked).unwrap_err());
    assert!(error.contains("sub/skus.csv cannot be created"), "{error}");
    // On Linux this device is full from the start.
    let full = folder.path().join("full");
    fs::create_dir(&full).unwrap();
    std::os::unix::fs::symlink("/dev/full", full.join("reviews.csv")).unwrap();
    let error = format!("{:#}", write(&Generate { force: true, ..set(&full, 1) }).unwrap_err());
    assert!(error.contains("full/reviews.csv cannot be written"), "{error}");

    let beyond = Generate { first_product: i32::MAX as u32, ..set(&folder.path().join("beyond"), 2) };
    assert_eq!(write(&beyond).unwrap_err().to_string(), "product ids would go beyond 2147483647");
}
