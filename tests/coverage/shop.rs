//! A tiny catalogue in a real database, every answer of it, and what a change does to both answers and outbox.

use std::collections::BTreeSet;

use atelier_edge::key::{Key, Sort};
use atelier_edge::tag::Tag;
use atelier_rig::Postgres;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

use crate::cases::{Case, Expect, FILE};

/// The statements that read, with the types of their parameters.
const READS: [(&str, &str, &str); 9] = [
    ("products", "bigint, bigint", include_str!("../../src/origin/postgres/products.sql")),
    ("product", "integer", include_str!("../../src/origin/postgres/product.sql")),
    ("styles", "integer", include_str!("../../src/origin/postgres/styles.sql")),
    ("related", "integer", include_str!("../../src/origin/postgres/related.sql")),
    ("reviews_helpful", "integer, bigint, bigint", include_str!("../../src/origin/postgres/reviews_helpful.sql")),
    ("reviews_newest", "integer, bigint, bigint", include_str!("../../src/origin/postgres/reviews_newest.sql")),
    ("meta", "integer", include_str!("../../src/origin/postgres/meta.sql")),
    ("questions", "integer, bigint, bigint", include_str!("../../src/origin/postgres/questions.sql")),
    ("answers", "integer, bigint, bigint", include_str!("../../src/origin/postgres/answers.sql")),
];

/// Every answer of the catalogue, with ids that are not there yet, or never.
fn keys() -> Vec<Key> {
    let mut keys: Vec<String> = ["1x2", "2x2", "3x2", "1x9"].map(|page| format!("list/{page}")).into();
    for id in 1..=6 {
        keys.extend(["product", "styles", "related", "meta"].map(|class| format!("{class}/{id}")));
        for page in ["1x2", "2x2", "1x9"] {
            keys.extend(["helpful", "newest"].map(|sort| format!("reviews/{id}/{sort}/{page}")));
            keys.push(format!("questions/{id}/{page}"));
        }
    }
    for id in 81..=86 {
        keys.extend(["1x1", "2x1", "1x9"].map(|page| format!("answers/{id}/{page}")));
    }
    keys.iter().map(|key| key.parse().unwrap()).collect()
}

/// The statement that a fetch of this key makes.
fn read(key: Key) -> String {
    let window = key.page().map_or(String::new(), |page| format!(", {}, {}", page.offset(), page.count()));
    let id = key.id().unwrap_or(0);
    match key {
        Key::Products(page) => format!("EXECUTE products({}, {})", page.offset(), page.count()),
        Key::Product(_) => format!("EXECUTE product({id})"),
        Key::Styles(_) => format!("EXECUTE styles({id})"),
        Key::Related(_) => format!("EXECUTE related({id})"),
        Key::Reviews { sort: Sort::Helpful, .. } => format!("EXECUTE reviews_helpful({id}{window})"),
        Key::Reviews { sort: Sort::Newest, .. } => format!("EXECUTE reviews_newest({id}{window})"),
        Key::Meta(_) => format!("EXECUTE meta({id})"),
        Key::Questions { .. } => format!("EXECUTE questions({id}{window})"),
        Key::Answers { .. } => format!("EXECUTE answers({id}{window})"),
    }
}

pub(crate) async fn connect(address: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(address, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// The rows of each statement of a text, as text.
pub(crate) async fn rows(client: &Client, sql: &str) -> Result<Vec<Vec<String>>, tokio_postgres::Error> {
    let mut answers = Vec::new();
    let mut answer = Vec::new();
    for message in client.simple_query(sql).await? {
        match message {
            SimpleQueryMessage::Row(row) => {
                answer.push((0..row.len()).map(|at| row.get(at).unwrap_or("NULL")).collect::<Vec<_>>().join("|"));
            }
            SimpleQueryMessage::CommandComplete(_) => answers.push(std::mem::take(&mut answer)),
            _ => {}
        }
    }
    Ok(answers)
}

/// The rows of one statement.
pub(crate) async fn ask(client: &Client, sql: &str) -> Vec<String> {
    rows(client, sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}")).pop().unwrap()
}

/// A database with the catalogue in it.
pub(crate) fn make(postgres: &Postgres, database: &str) -> String {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let address = postgres.create(database);
    postgres.psql_file(database, &root.join("schema.sql"));
    postgres.psql_file(database, &root.join("tests/coverage/catalogue.sql"));
    // Roles belong to the server, and may be there from another database.
    for table in crate::tables::TABLES {
        let name = table.name;
        let _ = postgres.try_psql(database, &format!("CREATE ROLE only_{name}"));
        postgres.psql(database, &format!("GRANT ALL ON {name} TO only_{name}"));
    }
    address
}

/// Tags that were noted.
pub(crate) type Tags = BTreeSet<String>;

/// A connection in a transaction that is never committed, with the answers as they are at its begin.
pub(crate) struct Shop {
    pub(crate) client: Client,
    keys: Vec<Key>,
    reads: String,
    before: Vec<Vec<String>>,
    file: String,
}

impl Shop {
    pub(crate) async fn open(address: &str) -> Self {
        let client = connect(address).await;
        for (name, types, text) in READS {
            client.batch_execute(&format!("PREPARE {name} ({types}) AS {text}")).await.unwrap();
        }
        client.batch_execute("BEGIN").await.unwrap();
        let keys = keys();
        let reads = keys.iter().map(|key| read(*key)).collect::<Vec<_>>().join(";");
        let before = rows(&client, &reads).await.unwrap();
        assert_eq!(before.len(), keys.len());
        let file =
            ask(&client, "SELECT current_setting('data_directory') || '/row-' || pg_backend_pid()").await.remove(0);
        Self { client, keys, reads, before, file }
    }

    /// Makes a change, compares what it has noted with what it should, and with the answers that are others now; undoes it.
    /// Returns the tags that were noted though no answer has changed.
    pub(crate) async fn check(&self, case: &Case) -> Result<Tags, String> {
        self.client.batch_execute("SAVEPOINT untouched").await.unwrap();
        let checked = self.change(case).await;
        self.client.batch_execute("ROLLBACK TO SAVEPOINT untouched; RELEASE SAVEPOINT untouched").await.unwrap();
        checked.map_err(|wrong| format!("{}: {wrong}", case.name))
    }

    async fn change(&self, case: &Case) -> Result<Tags, String> {
        let done = self.client.batch_execute(&case.sql.replace(FILE, &self.file)).await;
        let expected = match (done, &case.expect) {
            (Ok(()), Expect::Tags(expected)) => expected,
            (Ok(()), Expect::Refusal) => return Err("not refused".to_owned()),
            (Err(error), Expect::Refusal) if error.code() == Some(&SqlState::INTEGRITY_CONSTRAINT_VIOLATION) => {
                return Ok(Tags::new());
            }
            (Err(error), _) => return Err(format!("{}: {error:?}", case.sql)),
        };
        self.client.batch_execute("RESET ROLE").await.unwrap();
        let noted = "SELECT tag FROM edge.outbox WHERE xid = pg_current_xact_id_if_assigned()";
        let noted: Tags = ask(&self.client, noted).await.into_iter().collect();
        let after = rows(&self.client, &self.reads).await.unwrap();
        let changed =
            self.keys.iter().zip(self.before.iter().zip(&after)).filter(|(_, (before, after))| before != after);
        let needed: Vec<(Key, Tag)> = changed.map(|(key, _)| (*key, Tag::of(*key))).collect();

        let parsed: Vec<Tag> = noted.iter().map(|tag| tag.parse().unwrap()).collect();
        if let Some((key, _)) = needed.iter().find(|(_, needed)| !parsed.iter().any(|tag| covers(*tag, *needed))) {
            return Err(format!("{key} has changed, and only {noted:?} is noted"));
        }
        if noted != *expected {
            return Err(format!("{noted:?} is noted instead of {expected:?}"));
        }
        let in_vain = |tag: &&String| !needed.iter().any(|(_, needed)| covers(tag.parse().unwrap(), *needed));
        Ok(noted.iter().filter(in_vain).cloned().collect())
    }

    /// Checks cases until one fails.
    pub(crate) async fn first_failure(&self, cases: impl Iterator<Item = &Case>) -> Option<String> {
        for case in cases {
            if let Err(wrong) = self.check(case).await {
                return Some(wrong);
            }
        }
        None
    }
}

/// Whether a note outdates answers that depend on `needed`.
fn covers(tag: Tag, needed: Tag) -> bool {
    let class = |tag| match tag {
        Tag::All => None,
        Tag::Class(class) | Tag::Row(class, _) => Some(class),
    };
    tag == Tag::All || tag == needed || matches!(tag, Tag::Class(_)) && class(tag) == class(needed)
}
