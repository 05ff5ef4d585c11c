//! What is to be done, in which order, and several at once.
//!
//! A file is read when its parents were, since only then it is known which references hold. A table gets its keys when
//! its rows are there, and its references when both ends have their keys.

use std::collections::HashSet;
use std::future::Future;

use anyhow::Result;
use atelier_import::File;
use tokio::task::JoinSet;

use super::fold::Fold;
use super::schema;

/// One piece of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Job {
    /// Read a file; write its table, unless that is folded.
    Rows(File),
    /// Write the styles with their photos and skus.
    Fold,
    /// Make the table of a file that is not there.
    Empty(&'static str),
    /// Make checks, keys, indexes and triggers of a table.
    Keys(&'static str),
    /// Make the foreign keys of a table, and its statistics.
    References(&'static str),
}

/// The work on a set of files: `present` are read, `tables` are made, those without a file empty.
pub(crate) fn plan(present: &[(File, u64)], tables: &[&'static str]) -> Vec<Job> {
    let bytes = |file: File| present.iter().find(|(other, _)| *other == file).map_or(0, |(_, bytes)| *bytes);
    // What holds up most work comes first: a file counts with those that wait for it.
    let weight = |file: File| {
        let children = File::ALL.into_iter().filter(|child| child.parents().any(|parent| parent == file));
        bytes(file) + children.map(bytes).sum::<u64>()
    };
    let mut files: Vec<File> = present.iter().map(|(file, _)| *file).collect();
    files.sort_by_key(|file| std::cmp::Reverse(weight(*file)));

    let mut jobs: Vec<Job> = files.iter().copied().map(Job::Rows).collect();
    let has = |table: &str| files.iter().any(|file| schema::table(*file) == Some(table));
    for &table in tables {
        if !has(table) {
            jobs.push(Job::Empty(table));
        } else if table == "styles" {
            jobs.push(Job::Fold);
        }
    }
    let mut tables = tables.to_vec();
    let of_table = |table: &str| {
        files.iter().filter(|file| schema::table(**file) == Some(table)).map(|file| bytes(*file)).sum::<u64>()
    };
    tables.sort_by_key(|table| std::cmp::Reverse(of_table(table)));
    jobs.extend(tables.iter().map(|table| Job::Keys(table)));
    jobs.extend(tables.iter().map(|table| Job::References(table)));
    jobs
}

/// Whether a job may begin.
fn is_ready(job: Job, all: &HashSet<Job>, done: &HashSet<Job>) -> bool {
    let made = |table: &str| {
        File::ALL.into_iter().filter(|file| schema::table(*file) == Some(table)).all(|file| {
            let job = if Fold::part(file).is_some() { Job::Fold } else { Job::Rows(file) };
            !all.contains(&job) || done.contains(&job)
        }) && all.iter().all(|job| !matches!(job, Job::Empty(other) if *other == table) || done.contains(job))
    };
    match job {
        Job::Rows(file) => file == File::Cart || file.parents().all(|parent| done.contains(&Job::Rows(parent))),
        Job::Fold => [File::Styles, File::Photos, File::Skus]
            .map(Job::Rows)
            .iter()
            .all(|part| !all.contains(part) || done.contains(part)),
        Job::Empty(_) => true,
        Job::Keys(table) => made(table),
        Job::References(table) => {
            done.contains(&Job::Keys(table))
                && schema::references()
                    .filter(|reference| reference.table == table)
                    .all(|reference| done.contains(&Job::Keys(reference.target)))
        }
    }
}

/// Does all jobs, `at_once` of them at the same time. The first error ends the others.
pub(crate) async fn run<F>(jobs: Vec<Job>, at_once: usize, mut begin: impl FnMut(Job) -> F) -> Result<()>
where
    F: Future<Output = Result<()>> + Send + 'static,
{
    let all: HashSet<Job> = jobs.iter().copied().collect();
    let mut waiting = jobs;
    let mut done = HashSet::new();
    let mut running = JoinSet::new();
    while done.len() < all.len() {
        while running.len() < at_once {
            let Some(place) = waiting.iter().position(|job| is_ready(*job, &all, &done)) else { break };
            let job = waiting.remove(place);
            let work = begin(job);
            running.spawn(async move { work.await.map(|()| job) });
        }
        match running.join_next().await {
            Some(finished) => done.insert(finished??),
            // Cannot happen while parents stand before children; ends instead of waiting for ever.
            None => anyhow::bail!("these wait for each other: {waiting:?}"),
        };
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    async fn order(present: &[(File, u64)], tables: &[&'static str], at_once: usize) -> Vec<Job> {
        let order = Arc::new(Mutex::new(Vec::new()));
        let jobs = plan(present, tables);
        let count = jobs.len();
        run(jobs, at_once, |job| {
            let order = Arc::clone(&order);
            async move {
                tokio::task::yield_now().await;
                order.lock().unwrap().push(job);
                Ok(())
            }
        })
        .await
        .unwrap();
        let order = order.lock().unwrap().clone();
        assert_eq!(order.len(), count);
        order
    }

    #[tokio::test]
    async fn every_job_comes_after_what_it_needs() {
        let present: Vec<_> = File::ALL.into_iter().map(|file| (file, file as u64)).collect();
        let tables: Vec<_> = schema::all_tables().collect();
        for at_once in 1..6 {
            let order = order(&present, &tables, at_once).await;
            let place = |job| order.iter().position(|other| *other == job).unwrap_or_else(|| panic!("{job:?}"));
            for file in File::ALL {
                for parent in file.parents().filter(|_| file != File::Cart) {
                    assert!(place(Job::Rows(parent)) < place(Job::Rows(file)));
                }
            }
            assert!(place(Job::Rows(File::Skus)) < place(Job::Fold) && place(Job::Fold) < place(Job::Keys("styles")));
            for reference in schema::references() {
                assert!(place(Job::Keys(reference.target)) < place(Job::References(reference.table)));
            }
        }
    }

    #[tokio::test]
    async fn tables_without_a_file_are_made_empty() {
        let order = order(&[(File::Product, 1)], schema::tables(atelier_import::Group::Products), 2).await;
        for table in ["features", "styles", "related"] {
            assert!(order.contains(&Job::Empty(table)) && order.contains(&Job::References(table)), "{table}");
        }
        assert!(!order.contains(&Job::Fold));
    }

    #[tokio::test]
    async fn an_error_ends_the_work() {
        let jobs = plan(&[(File::Product, 1)], &["products"]);
        let failed = run(jobs, 2, |_| async { anyhow::bail!("no") }).await;
        assert_eq!(failed.unwrap_err().to_string(), "no");
    }
}
