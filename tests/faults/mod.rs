//! The experiments, and how they are run.

mod catalogue;
mod elsewhere;
mod history;
mod mix;
mod nodes;
mod overload;
mod postgres;
mod redis;
mod rig;
mod row;
mod site;
mod soak;
mod stampede;
mod writes;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Instant;

use self::rig::Rig;
use self::row::{Row, table};

/// How much is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Size {
    /// Some experiments, for seconds each.
    Core,
    /// All of them, with 20,000 requests and more.
    Full,
}

impl Size {
    /// What `FAULTS` says: `all`, or nothing.
    pub(crate) fn wanted() -> Self {
        match std::env::var("FAULTS").as_deref() {
            Err(_) => Self::Core,
            Ok("all") => Self::Full,
            Ok(other) => panic!("FAULTS={other:?}, and it may only be `all`"),
        }
    }
}

/// One experiment.
#[derive(Clone, Copy)]
struct Experiment {
    name: &'static str,
    /// Whether it is in the core.
    core: bool,
    run: fn(&mut Rig) -> Row,
}

/// All, in the order of the table.
fn all() -> Vec<Experiment> {
    [redis::ALL, postgres::ALL, writes::ALL, stampede::ALL, overload::ALL, nodes::ALL, soak::ALL].concat()
}

/// Those that are wanted: of `ONLY`, or of the size.
fn wanted(size: Size) -> Vec<Experiment> {
    let all = all();
    let only = std::env::var("ONLY").unwrap_or_default();
    let named = |experiment: &Experiment| only.split(',').any(|name| name.trim() == experiment.name);
    let wanted: Vec<_> = if only.is_empty() {
        all.into_iter().filter(|experiment| size == Size::Full || experiment.core).collect()
    } else {
        all.into_iter().filter(named).collect()
    };
    assert!(!wanted.is_empty(), "ONLY={only:?} names none of the experiments");
    wanted
}

/// What is wrong with the page for operators: experiments that are missing or that nobody plays, and metrics that there are not.
pub(crate) fn complaints(page: &str) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let rows: Vec<_> = page.lines().filter_map(|line| line.strip_suffix(" |")?.rsplit("| ").next()).collect();
    let named: Vec<_> = rows.iter().flat_map(|cell| cell.split(' ')).collect();
    let missing = all().into_iter().map(|experiment| experiment.name).filter(|name| !named.contains(name));
    let mut wrong: Vec<_> = missing.map(|name| format!("{name} is not in the table")).collect();

    let metrics = std::fs::read_to_string(root.join("src/metrics.rs")).unwrap();
    for name in page.split("`atelier_").skip(1).filter_map(|rest| rest.split(['`', '{']).next()) {
        let name = name.strip_suffix("_total").unwrap_or(name);
        if !metrics.contains(&format!(" = \"{name}\",")) {
            wrong.push(format!("there is no metric atelier_{name}"));
        }
    }
    let mut sources = String::new();
    let mut folders = vec![root.join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                sources.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }
    for line in page.split("log `").skip(1).filter_map(|rest| rest.split('`').next()) {
        // Names are put in where the source has braces; the longest piece of the rest has to be there.
        let pieces =
            line.split(['…']).flat_map(|piece| piece.split("redis ")).flat_map(|piece| piece.split("postgres "));
        let longest = pieces.max_by_key(|piece| piece.len()).unwrap_or_default().trim();
        if !sources.contains(longest) {
            wrong.push(format!("nothing logs {line:?}"));
        }
    }
    wrong
}

/// Plays experiments one after another, prints the table and leaves it in `scratch/faults.md`. Panics when a bar is not met.
pub(crate) fn play(size: Size) {
    let (root, elsewhere) = (Path::new(env!("CARGO_MANIFEST_DIR")), elsewhere::rows());
    std::fs::create_dir_all(root.join("scratch")).unwrap();
    let mut rig = Rig::start(size);
    let mut rows = Vec::new();
    for experiment in wanted(size) {
        let begun = Instant::now();
        // One that cannot go on does not take the others along; what it has started ends with it.
        let row = catch_unwind(AssertUnwindSafe(|| (experiment.run)(&mut rig)));
        let mut row = row.unwrap_or_else(|why| {
            let why = why.downcast_ref::<String>().map(String::as_str).or(why.downcast_ref::<&str>().copied());
            Row::broken(experiment.name, why.unwrap_or("it panicked"))
        });
        row.lasted = begun.elapsed();
        eprintln!("{}", row.line());
        rows.push(row);
        std::fs::write(root.join("scratch/faults.md"), table(&rows, &elsewhere)).unwrap();
        rig.restore();
    }
    eprintln!("{}", table(&rows, &elsewhere));
    let missed: Vec<_> = rows.iter().filter(|row| !row.met()).map(Row::line).collect();
    assert!(missed.is_empty(), "bars that are not met:\n{}", missed.join("\n"));
}
