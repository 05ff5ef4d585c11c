//! `atelier-import load`: a CSV set into PostgreSQL, all or nothing.
//!
//! 1. Every header is checked before anything is changed.
//! 2. The rows go into new tables in a schema of their own, several files at once; then keys, references, statistics.
//! 3. One short transaction puts the new tables in the place of the old ones (`swap.rs`).
//!
//! Until the third step is committed readers have the old catalogue, whatever happens to this process.

mod address;
mod arguments;
mod copy;
mod database;
mod fold;
mod jobs;
mod progress;
mod rows;
mod schema;
mod set;
mod sort;
mod summary;
mod swap;
mod work;

use std::fs;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Context, Result, anyhow, bail};
use atelier_import::source::Folder;
use atelier_import::{File, Group};
use tokio_postgres::Client;

use database::Database;
use progress::Progress;
use set::{Set, look};
use summary::Summary;
use swap::{Swap, Unknown};
use work::Work;

pub(crate) use arguments::Load;

/// Loads; says everything there is to say; returns the exit status.
pub(crate) async fn run(load: Load) -> u8 {
    let began = Instant::now();
    let progress = Progress::new();
    let summary = Arc::new(Mutex::new(Summary::default()));
    let committing = AtomicBool::new(false);
    let mut ended = {
        let mut attempt = std::pin::pin!(attempt(&load, &progress, &summary, &committing));
        tokio::select! {
            ended = &mut attempt => ended,
            // What is left after the commit is short, and dropping it would leave open what is served.
            signal = stopped() => if committing.load(Ordering::Acquire) { attempt.await } else { Err(anyhow!(signal)) },
            () = progress.clone().lines() => Ok(()),
        }
    };
    if ended.as_ref().is_err_and(|error| error.is::<Stopped>())
        && let Err(error) = clear_up(&load).await
    {
        ended = ended.with_context(|| format!("what was begun is left to the next import ({error:#})"));
    }
    let mut summary = std::mem::take(&mut *summary.lock().unwrap_or_else(PoisonError::into_inner));
    if let Err(error) = ended {
        let known = if error.is::<Unknown>() { "" } else { "; the catalogue is as it was" };
        summary.error = Some(format!("{error:#}{known}"));
    }
    summary.took = began.elapsed();
    summary.files.sort_by_key(|report| report.file);
    if let Some(path) = &load.report {
        let text = format!("{:#}\n", summary.to_json());
        if let Err(error) = fs::write(path, text) {
            summary.warnings.push(format!("the report cannot be written to {}: {error}", path.display()));
        }
    }
    let _ = writeln!(std::io::stdout(), "{summary}");
    summary.status()
}

/// The process was told to end.
#[derive(Debug, thiserror::Error)]
#[error("{0} ended the import")]
struct Stopped(&'static str);

async fn clear_up(load: &Load) -> Result<()> {
    Database::new(address::of(load)?).clear_up().await
}

/// Ends when the process is told to.
async fn stopped() -> Stopped {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => Stopped("SIGINT"),
        _ = terminate.recv() => Stopped("SIGTERM"),
    }
}

async fn attempt(load: &Load, progress: &Progress, summary: &Mutex<Summary>, committing: &AtomicBool) -> Result<()> {
    if let Some(path) = &load.report {
        fs::File::options()
            .create(true)
            .append(true)
            .open(path)
            .with_context(|| format!("the report {}", path.display()))?;
    }
    let folder = Folder(load.data.clone());
    let present = look(&folder)?;
    let database = Database::new(address::of(load)?);
    let mut control = database.control().await?;
    let set = Set { folder: &folder, present: &present };
    let loaded = with_lock(load, progress, summary, set, &database, &control.client, committing).await;
    if let Err(error) = loaded {
        let unknown = error.is::<Unknown>();
        let error = control.explain(error).await;
        let error = if unknown { error.context(Unknown) } else { error };
        // What cannot be cleared now, the next import clears.
        let _ = database::drop_schemas(&control.client).await;
        return Err(error);
    }
    Ok(())
}

async fn with_lock(
    load: &Load,
    progress: &Progress,
    summary: &Mutex<Summary>,
    Set { folder, present }: Set<'_>,
    database: &Database,
    control: &Client,
    committing: &AtomicBool,
) -> Result<()> {
    let database::Prepared { target, older } = database::prepare(control).await?;
    let tables: Vec<_> = schema::all_tables().collect();
    let before = if database::any_rows(control, &tables).await? {
        database::counts(control, &tables).await.context("the rows that are there cannot be counted")?
    } else {
        Vec::new()
    };
    if !before.is_empty() && !load.replace {
        let found: Vec<_> = before.iter().map(|(table, rows)| format!("{table} {rows}")).collect();
        bail!(
            "the catalogue holds rows ({}); --replace replaces them, reviews and questions of readers too",
            found.join(", ")
        );
    }
    let dependents = database::dependents(control, &tables).await?;
    if !dependents.is_empty() {
        bail!(
            "the tables are replaced, and these would be lost with them: {}; drop them, and make them again afterwards",
            dependents.join(", ")
        );
    }

    if let Some(older) = older {
        // Only now, so that a load that is refused changes nothing at all. What readers see stays as it is.
        database::make_schema(control).await.context("the schema cannot be brought to this program's version")?;
        progress.say(&format!("the schema was brought from version {older} to {}", schema::VERSION));
        summary.lock().unwrap_or_else(PoisonError::into_inner).older = Some(older);
    }

    let groups = [Group::Products, Group::Reviews, Group::Questions];
    let (replaced, kept): (Vec<_>, Vec<_>) =
        groups.into_iter().partition(|group| present.iter().any(|other| other.file.group() == *group));
    let absent: Vec<File> = File::ALL
        .into_iter()
        .filter(|file| replaced.contains(&file.group()) && !present.iter().any(|other| other.file == *file))
        .collect();
    {
        let mut summary = summary.lock().unwrap_or_else(PoisonError::into_inner);
        (summary.absent, summary.kept, summary.before) = (absent, kept, before);
    }

    let new_tables: Vec<_> = replaced.iter().flat_map(|group| schema::tables(*group)).copied().collect();
    let sizes: Vec<_> = present.iter().map(|other| (other.file, other.bytes)).collect();
    let work = Arc::new(Work {
        database: database.clone(),
        folder: folder.clone(),
        sizes: sizes.clone(),
        known: Arc::default(),
        fold: Arc::default(),
        progress: progress.clone(),
        reports: Mutex::default(),
        reject_share: load.reject_share,
        reject_least: load.reject_least,
    });
    let at_once =
        load.jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(2, |cores| cores.get() + 1)).max(1);
    let done = jobs::run(jobs::plan(&sizes, &new_tables), at_once, |job| Arc::clone(&work).job(job)).await;
    let reports = std::mem::take(&mut *work.reports.lock().unwrap_or_else(PoisonError::into_inner));
    let highest = |file| reports.iter().find(|report| report.file == file).map_or(0, |report| report.highest_id);
    let highest = [highest(File::Photos), highest(File::Skus)];
    summary.lock().unwrap_or_else(PoisonError::into_inner).files = reports;
    done?;

    let swap = Swap { target: &target, replaced: &replaced, highest, patience: load.swap_patience, committing };
    let step = progress.step("exchange of the tables");
    let swapped = swap.run(control).await?;
    step.end();
    summary.lock().unwrap_or_else(PoisonError::into_inner).swapped = Some(swapped);

    // The new catalogue is served. What fails from here on is worth a warning, not an error.
    let mut warnings = Vec::new();
    if let Err(error) = swap.validate(control).await {
        warnings.push(format!("a foreign key from what was kept could not be validated: {error:#}"));
    }
    if let Err(error) = database::drop_schemas(control).await {
        warnings.push(format!("the old tables could not be dropped, the next import does: {error:#}"));
    }
    summary.lock().unwrap_or_else(PoisonError::into_inner).warnings = warnings;
    Ok(())
}
