//! Jobs of an import, done: rows into their tables, keys, references.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, anyhow, bail};
use atelier_import::source::Folder;
use atelier_import::{File, FileReport, Known, Source, Sources, clean};

use super::database::{Database, STAGE, Session};
use super::fold::Fold;
use super::jobs::Job;
use super::progress::Progress;
use super::{rows, schema};

/// What jobs share.
pub(super) struct Work {
    pub(super) database: Database,
    pub(super) folder: Folder,
    pub(super) sizes: Vec<(File, u64)>,
    pub(super) known: Arc<Known>,
    pub(super) fold: Arc<Fold>,
    pub(super) progress: Progress,
    pub(super) reports: Mutex<Vec<FileReport>>,
    pub(super) reject_share: u64,
    pub(super) reject_least: u64,
}

impl Work {
    /// Does one.
    pub(super) async fn job(self: Arc<Self>, job: Job) -> Result<()> {
        let mut session = self.database.worker().await?;
        let done = match job {
            Job::Rows(file) => self.rows(file, &session).await,
            Job::Fold => self.fold(&session).await,
            Job::Empty(table) => rows::make_empty(&session.client, table).await,
            Job::Keys(table) => self.keys(table, &session).await,
            Job::References(table) => self.references(table, &session).await,
        };
        match done {
            Ok(()) => Ok(()),
            Err(error) => Err(session.explain(error).await),
        }
    }

    async fn rows(&self, file: File, session: &Session) -> Result<()> {
        let bytes = self.sizes.iter().find(|(other, _)| *other == file).map_or(0, |(_, bytes)| *bytes);
        let step = self.progress.file(file.name(), bytes);
        let Some(source) = self.folder.source(file) else { bail!("{file} is gone") };
        let (source, known) = (step.watch(source), Arc::clone(&self.known));
        let report = if Fold::part(file).is_some() {
            Arc::clone(&self.fold).read(file, source, known).await?
        } else if schema::table(file).is_some() {
            rows::load(&session.client, file, source, known).await?
        } else {
            count(file, source, known).await?
        };
        let bad = report.orphan + report.rejected;
        let wrong = bad >= self.reject_least && bad * 100 > report.read * self.reject_share;
        step.end_with(&report.to_string());
        let read = report.read;
        self.reports.lock().unwrap_or_else(PoisonError::into_inner).push(report);
        if wrong {
            bail!("{file}: {bad} of {read} rows are rejected or without parent: this is the wrong file");
        }
        Ok(())
    }

    async fn fold(&self, session: &Session) -> Result<()> {
        let step = self.progress.step("styles with photos and skus");
        Arc::clone(&self.fold).write(&session.client).await?;
        step.end();
        Ok(())
    }

    async fn keys(&self, table: &'static str, session: &Session) -> Result<()> {
        let step = self.progress.step(&format!("keys of {table}"));
        for key in schema::keys(table) {
            session.client.batch_execute(key).await.with_context(|| format!("table {table}"))?;
        }
        if let Some(count) = schema::count(table) {
            session.client.batch_execute(&count).await.with_context(|| format!("the counts of {table}"))?;
        }
        for trigger in schema::triggers(table) {
            session.client.batch_execute(trigger).await.with_context(|| format!("table {table}"))?;
        }
        // The sequence goes on after the highest id, or begins at 1.
        let highest = self.highest(table);
        let sequence =
            format!("SELECT setval(pg_get_serial_sequence('{table}', 'id'), {}, {})", highest.max(1), highest > 0);
        session.client.batch_execute(&sequence).await.with_context(|| format!("the sequence of {table}"))?;
        step.end();
        Ok(())
    }

    fn highest(&self, table: &str) -> u32 {
        let reports = self.reports.lock().unwrap_or_else(PoisonError::into_inner);
        let of_table = |report: &&FileReport| {
            schema::table(report.file) == Some(table) && !matches!(report.file, File::Photos | File::Skus)
        };
        reports.iter().find(of_table).map_or(0, |report| report.highest_id)
    }

    async fn references(&self, table: &'static str, session: &Session) -> Result<()> {
        let step = self.progress.step(&format!("references of {table}"));
        for reference in schema::references().filter(|reference| reference.table == table) {
            // Made and validated apart, because only the first locks the table referred to.
            for statement in [reference.add_not_valid(), reference.validate()] {
                session.client.batch_execute(&statement).await.with_context(|| format!("table {table}"))?;
            }
        }
        session
            .client
            .batch_execute(&format!("ANALYZE {STAGE}.{table}"))
            .await
            .with_context(|| format!("table {table}"))?;
        step.end();
        Ok(())
    }
}

/// Reads a file that has no table.
async fn count(file: File, source: Box<dyn Source>, known: Arc<Known>) -> Result<FileReport> {
    let read = move || clean(&*source, file, &known, |_| Ok::<(), std::convert::Infallible>(()));
    tokio::task::spawn_blocking(read).await?.map_err(|error| anyhow!("{error:#}"))
}
