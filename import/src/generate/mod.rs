//! Writes data sets of any size in the public format, for load tests and for tests with every kind of dirt.
//!
//! All rows of a file follow from the seed and their place, so files are written independently of each other and the
//! same command gives the same bytes, on however many threads.

mod after;
mod dirt;
mod folder;
mod phrase;
mod plan;
mod random;
mod ratios;
mod row;
mod rows;
mod sink;
mod words;

use std::fmt;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use atelier_import::File;

use self::dirt::Dirt;
use self::plan::{Earlier, Plan};
use self::sink::{Sink, Written};

/// What to write, and where.
#[derive(Debug, clap::Args)]
pub(crate) struct Generate {
    /// How many products; about 70 rows of other files come with each.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    products: u32,
    /// What everything random depends on: the same seed gives the same bytes.
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    seed: u64,
    /// The folder for the files; it is made if it is not there.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Puts every fault and every older form of the format into some of the rows.
    #[arg(long)]
    dirt: bool,
    /// Writes into a folder that is not empty; files of the set that are there are replaced.
    #[arg(long)]
    force: bool,
    /// How many files are written at a time; the number of processors if not given.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,
    /// Continues the set in this folder: ids of all files go on after its highest ones, and relations point into it, too.
    #[arg(long, value_name = "DIR", requires = "first_product")]
    after: Option<PathBuf>,
    /// The id of the first product; free ids below the highest one may be filled with it.
    #[arg(long, value_name = "ID", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    first_product: u32,
}

/// What was written.
#[derive(Debug)]
struct Generated {
    files: Vec<(File, Written)>,
    took: Duration,
}

impl fmt::Display for Generated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut all = Written::default();
        for (file, written) in &self.files {
            writeln!(f, "{:<26} {:>11} rows  {:>13} bytes", file.name(), written.rows, written.bytes)?;
            all.rows += written.rows;
            all.bytes += written.bytes;
        }
        write!(f, "{:<26} {:>11} rows  {:>13} bytes  {:.1} s", "all", all.rows, all.bytes, self.took.as_secs_f64())
    }
}

/// Files in the order in which they are begun: those with the most bytes first, so that at the end no thread is left with
/// a long one.
const LONGEST_FIRST: [File; 14] = [
    File::Reviews,
    File::Answers,
    File::Photos,
    File::CharacteristicReviews,
    File::Questions,
    File::Skus,
    File::ReviewsPhotos,
    File::AnswersPhotos,
    File::Product,
    File::Related,
    File::Styles,
    File::Characteristics,
    File::Features,
    File::Cart,
];

/// Writes the set and says on stderr what was written, or why not.
pub(crate) fn run(generate: &Generate) -> ExitCode {
    let generated = write(generate);
    let said = generated.as_ref().map_or_else(|error| format!("error: {error:#}"), ToString::to_string);
    let _ = writeln!(io::stderr(), "{said}");
    if generated.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Writes the set.
///
/// # Errors
/// When the folder is not empty, or something cannot be read or written; what was written until then stays.
fn write(generate: &Generate) -> Result<Generated> {
    let began = Instant::now();
    let earlier = match &generate.after {
        Some(folder) => after::read(folder)?,
        None => Earlier::default(),
    };
    let plan = Plan::new(generate.seed, generate.first_product, generate.products, earlier)?;
    folder::prepare(&generate.out, generate.force)?;

    let next = AtomicUsize::new(0);
    let next = &next;
    let plan = &plan;
    let work = || -> Result<Vec<(File, Written)>> {
        let mut done = Vec::new();
        while let Some(file) = LONGEST_FIRST.get(next.fetch_add(1, Ordering::Relaxed)) {
            match one(generate, plan, *file) {
                Ok(written) => done.push((*file, written)),
                Err(error) => {
                    // What else is in the queue is left there.
                    next.store(LONGEST_FIRST.len(), Ordering::Relaxed);
                    return Err(error);
                }
            }
        }
        Ok(done)
    };
    let threads = match generate.threads {
        Some(threads) => threads.into(),
        None => thread::available_parallelism().map_or(1, usize::from),
    };
    let mut files = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.min(LONGEST_FIRST.len())).map(|_| scope.spawn(work)).collect();
        let done: Vec<_> = workers
            .into_iter()
            .map(|worker| worker.join().unwrap_or_else(|_| Err(anyhow!("a thread broke off"))))
            .collect();
        done.into_iter().collect::<Result<Vec<_>>>()
    })?
    .concat();
    files.sort_unstable_by_key(|(file, _)| *file);
    Ok(Generated { files, took: began.elapsed() })
}

fn one(generate: &Generate, plan: &Plan, file: File) -> Result<Written> {
    let dirt = (generate.dirt && file != File::Cart).then(|| Dirt::new(generate.seed, file));
    let mut sink = Sink::create(generate.out.join(file.name()), file, dirt)?;
    rows::write(plan, file, &mut sink)?;
    sink.finish()
}

#[cfg(test)]
mod tests;
