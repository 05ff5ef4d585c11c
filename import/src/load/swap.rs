//! The one moment at which readers get the new catalogue.
//!
//! Tables are exchanged by moving them between schemas, which touches no row. That needs a lock no reader can share, so it is
//! asked for [`LOCK_WAIT`] at a time: a reader behind the request waits that long at most, and once the lock is there the
//! moves take a few milliseconds. The whole is one transaction.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use atelier_import::Group;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::database::{STAGE, TRASH};
use super::schema::{self, Reference, section};

/// How long the request for the lock may stand before it is taken back. Readers queue behind it, and for them it adds to the
/// time of the moves; together they stay below the 100 ms that a read may be stopped.
const LOCK_WAIT: Duration = Duration::from_millis(40);
/// How long readers are let through between two requests.
const LOCK_PAUSE: Duration = Duration::from_millis(100);

/// What is exchanged.
#[derive(Debug)]
pub(crate) struct Swap<'a> {
    /// The schema readers look into.
    pub(crate) target: &'a str,
    /// The groups whose tables are replaced.
    pub(crate) replaced: &'a [Group],
    /// The highest photo id and the highest sku id.
    pub(crate) highest: [u32; 2],
    /// How long to try for the lock.
    pub(crate) patience: Duration,
    /// Set when the commit is about to be sent: from then on the work must not be dropped.
    pub(crate) committing: &'a AtomicBool,
}

/// The connection ended while the commit was under way.
#[derive(Debug, thiserror::Error)]
#[error("whether the new catalogue is served is not known")]
pub(crate) struct Unknown;

/// How it went.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Swapped {
    /// Rows of kept groups whose product is gone, by table; only tables that lost some.
    pub(crate) removed: Vec<(&'static str, u64)>,
    /// How often readers were in the way.
    pub(crate) retries: u32,
    /// How long readers were locked out, until the commit returned.
    pub(crate) held: Duration,
}

impl Swap<'_> {
    fn replaced(&self) -> Vec<&'static str> {
        self.replaced.iter().flat_map(|group| schema::tables(*group)).copied().collect()
    }

    /// The tables of the schema `edge` that count what is replaced.
    fn counts(&self) -> Vec<&'static str> {
        self.replaced().into_iter().filter_map(schema::counts).collect()
    }

    fn kept(&self) -> Vec<&'static str> {
        let replaced = self.replaced();
        schema::all_tables().filter(|table| !replaced.contains(table)).collect()
    }

    /// The foreign keys from what is kept to what is replaced.
    fn across(&self) -> Vec<Reference> {
        let kept = self.kept();
        schema::references()
            .filter(|reference| kept.contains(&reference.table) && !kept.contains(&reference.target))
            .collect()
    }

    /// Exchanges the tables. An error leaves everything as it was.
    pub(crate) async fn run(&self, client: &Client) -> Result<Swapped> {
        match self.transaction(client).await {
            Ok(swapped) => Ok(swapped),
            Err(error) => {
                let _ = client.batch_execute("ROLLBACK").await;
                Err(error)
            }
        }
    }

    async fn transaction(&self, client: &Client) -> Result<Swapped> {
        let target = quoted(self.target);
        let mut swapped = Swapped::default();
        client.batch_execute(&format!("BEGIN; SET LOCAL atelier.purge = 'soft'; CREATE SCHEMA {TRASH}")).await?;
        let kept = self.kept();
        if !kept.is_empty() {
            // Writers wait from here on, readers do not.
            let lock = format!(
                "SET LOCAL lock_timeout = {}; LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE; SET LOCAL lock_timeout = 0",
                self.patience.as_millis(),
                kept.join(", ")
            );
            client.batch_execute(&lock).await.context("the tables that are kept cannot be locked")?;
            swapped.removed = remove_orphans(client, &kept).await.context("rows of products that are gone")?;
        }
        // Every stored answer is outdated by this commit, and may be shown while it is renewed. That is one note; those which
        // the removal of rows has left say nothing besides. Written here, before readers are locked out.
        let outdated = "DELETE FROM edge.outbox WHERE xid = pg_current_xact_id(); \
                        INSERT INTO edge.outbox (tag, kind) VALUES ('*', 0)";
        client.batch_execute(outdated).await.context("the change cannot be noted")?;
        let moves = self.moves(client, &target).await?;
        swapped.retries = self.lock(client, &target).await?;
        let locked = Instant::now();
        self.committing.store(true, Ordering::Release);
        if let Err(error) = client.batch_execute(&format!("{moves}COMMIT;")).await {
            let unknown = error.is_closed() || client.is_closed();
            let error = anyhow!(error).context("the tables cannot be exchanged");
            return Err(if unknown { error.context(Unknown) } else { error });
        }
        swapped.held = locked.elapsed();
        Ok(swapped)
    }

    /// Takes the lock that no reader can share, and moves the views away; returns how often that had to be tried again.
    async fn lock(&self, client: &Client, target: &str) -> Result<u32> {
        let mut tables: Vec<String> = self.replaced().iter().map(|table| (*table).to_owned()).collect();
        tables.extend(self.across().iter().map(|reference| reference.table.to_owned()));
        // Behind the tables that they count, as everybody locks them.
        tables.extend(self.counts().iter().map(|counts| format!("edge.{counts}")));
        // The timeout is that of the statement: one of the lock would count for each table anew. The views come first, since
        // whoever reads one locks it before its tables.
        let lock = format!(
            "SET LOCAL statement_timeout = {}; ALTER VIEW {target}.photos SET SCHEMA {TRASH}; ALTER VIEW {target}.skus SET SCHEMA {TRASH}; \
             LOCK TABLE {} IN ACCESS EXCLUSIVE MODE; SET LOCAL statement_timeout = 0",
            LOCK_WAIT.as_millis(),
            tables.join(", ")
        );
        let began = Instant::now();
        let mut retries = 0;
        client.batch_execute("SAVEPOINT unlocked").await?;
        loop {
            match client.batch_execute(&lock).await {
                Ok(()) => return Ok(retries),
                Err(error) if error.code() == Some(&SqlState::QUERY_CANCELED) => {}
                Err(error) => return Err(error).context("the tables cannot be locked"),
            }
            client.batch_execute("ROLLBACK TO SAVEPOINT unlocked").await?;
            if began.elapsed() > self.patience {
                bail!(
                    "readers or writers held the tables for {} s without a gap; pg_stat_activity shows who \
                     (--swap-patience says how long to try)",
                    self.patience.as_secs()
                );
            }
            retries += 1;
            tokio::time::sleep(LOCK_PAUSE).await;
        }
    }

    /// The statements that exchange the tables, in one text, so that they cost one round trip.
    async fn moves(&self, client: &Client, target: &str) -> Result<String> {
        let mut moves = String::new();
        let mut add = |statement: String| {
            moves.push_str(&statement);
            moves.push_str(";\n");
        };
        let across = self.across();
        for reference in &across {
            add(format!("ALTER TABLE {target}.{} DROP CONSTRAINT IF EXISTS {}", reference.table, reference.name));
        }
        for table in self.replaced() {
            add(format!("ALTER TABLE {target}.{table} SET SCHEMA {TRASH}"));
            add(format!("ALTER TABLE {STAGE}.{table} SET SCHEMA {target}"));
        }
        // Nobody is at work on the tables any more, so all that was noted is seen here.
        for steps in self.replaced().into_iter().flat_map(schema::steps) {
            add(format!("DELETE FROM {steps}"));
        }
        for counts in self.counts() {
            add(format!("ALTER TABLE edge.{counts} SET SCHEMA {TRASH}"));
            add(format!("ALTER TABLE {STAGE}.{counts} SET SCHEMA edge"));
        }
        add(section("views").trim_end().trim_end_matches(';').to_owned());
        for reference in &across {
            add(reference.add_not_valid().trim_end_matches(';').to_owned());
        }
        for (sequence, highest) in ["photo_ids", "sku_ids"].into_iter().zip(self.highest) {
            add(format!("SELECT setval('{target}.{sequence}', {}, {})", highest.max(1), highest > 0));
        }
        for statement in privileges(client, self.target, &self.replaced()).await? {
            add(statement);
        }
        for statement in privileges(client, "edge", &self.counts()).await? {
            add(statement);
        }
        Ok(moves)
    }

    /// After the commit: looks at every row of the foreign keys from what is kept, which hold already for what is written.
    pub(crate) async fn validate(&self, client: &Client) -> Result<()> {
        for reference in self.across() {
            client.batch_execute(&reference.validate()).await?;
        }
        Ok(())
    }
}

/// Deletes the rows of kept groups whose product is not in the new catalogue, children first, so that each is counted.
async fn remove_orphans(client: &Client, kept: &[&'static str]) -> Result<Vec<(&'static str, u64)>> {
    // Table, and which of its rows go.
    const STEPS: &[(&str, &str)] = &[
        ("characteristic_reviews", "review_id IN (SELECT id FROM gone_reviews)"),
        ("characteristic_reviews", "characteristic_id IN (SELECT id FROM gone_characteristics)"),
        ("characteristics", "id IN (SELECT id FROM gone_characteristics)"),
        ("reviews_photos", "review_id IN (SELECT id FROM gone_reviews)"),
        ("reviews", "id IN (SELECT id FROM gone_reviews)"),
        (
            "answers_photos",
            "answer_id IN (SELECT a.id FROM answers AS a WHERE a.question_id IN (SELECT id FROM gone_questions))",
        ),
        ("answers", "question_id IN (SELECT id FROM gone_questions)"),
        ("questions", "id IN (SELECT id FROM gone_questions)"),
    ];
    let mut any = 0;
    for table in ["reviews", "characteristics", "questions"].into_iter().filter(|table| kept.contains(table)) {
        let gone = format!(
            "CREATE TEMPORARY TABLE gone_{table} ON COMMIT DROP AS SELECT id FROM {table} AS t \
             WHERE NOT EXISTS (SELECT FROM {STAGE}.products AS p WHERE p.id = t.product_id)"
        );
        any += client.execute(&gone, &[]).await?;
    }
    let mut removed: Vec<(&'static str, u64)> = Vec::new();
    if any == 0 {
        return Ok(removed);
    }
    for (table, which) in STEPS.iter().filter(|(table, _)| kept.contains(table)) {
        let count = client.execute(&format!("DELETE FROM {table} WHERE {which}"), &[]).await?;
        match removed.last_mut() {
            Some((last, sum)) if last == table => *sum += count,
            _ => removed.push((table, count)),
        }
    }
    removed.retain(|(_, count)| *count > 0);
    Ok(removed)
}

/// The statements that give the new tables, their sequences and views the owners and privileges of the old ones.
async fn privileges(client: &Client, target: &str, tables: &[&'static str]) -> Result<Vec<String>> {
    let mut names: Vec<String> = tables.iter().map(|table| (*table).to_owned()).collect();
    names.extend(tables.iter().map(|table| format!("{table}_id_seq")));
    names.extend(["photos".to_owned(), "skus".to_owned()]);
    let rows = client
        .query(
            "WITH ours AS (SELECT c.oid, relkind, relowner, relacl, format('%I.%I', nspname, relname) AS name \
                           FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace \
                           WHERE nspname = $1 AND relname = ANY ($2)), \
             who AS (SELECT a.*, o.oid, o.name, NULL::name AS attname, CASE relkind WHEN 'S' THEN 'SEQUENCE ' ELSE '' END AS kind \
                     FROM ours AS o, aclexplode(o.relacl) AS a WHERE a.grantee <> o.relowner \
                     UNION ALL \
                     SELECT a.*, o.oid, o.name, t.attname, '' \
                     FROM ours AS o JOIN pg_attribute AS t ON t.attrelid = o.oid, aclexplode(t.attacl) AS a) \
             SELECT format('ALTER TABLE %s OWNER TO %s', name, relowner::regrole) AS statement FROM ours \
             WHERE relkind <> 'S' AND relowner <> quote_ident(current_user)::regrole \
             UNION ALL \
             SELECT format('GRANT %s%s ON %s%s TO %s%s', privilege_type, ' (' || quote_ident(attname) || ')', kind, name, \
                           CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END, \
                           CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END) \
             FROM who",
            &[&target, &names],
        )
        .await
        .context("the privileges of the tables cannot be read")?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// An identifier as SQL text.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
