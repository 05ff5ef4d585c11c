//! A small set of files, the import as a command, and what it said.

#![allow(dead_code, unreachable_pub, reason = "each test program uses its part")]

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use atelier_rig::{Postgres, Scratch, wait_until};
use serde_json::Value;

pub const IMPORT: &str = env!("CARGO_BIN_EXE_atelier-import");

/// A consistent set with some rows in every file; nothing is wrong with it.
pub const GOOD: [(&str, &str); 14] = [
    (
        "product.csv",
        "id,name,slogan,description,category,default_price\n\
         1,\"Coat\",\"Warm\",\"Wool, lined\",\"Coats\",140\n\
         2,\"Hat\",\"Flat\",\"Felt\",\"Hats\",40.5\n\
         3,\"Sock\",\"\",\"null\",\"Socks\",0\n",
    ),
    ("features.csv", "id,product_id,feature,value\n2,1,\"Lining\",null\n1,1,\"Fabric\",\"Wool\"\n3,2,\"Brim\",\"\"\n"),
    (
        "styles.csv",
        "id,productId,name,sale_price,original_price,default_style\n\
         3,2,\"Grey\",null,40.5,1\n2,1,\"Red\",0,140,0\n1,1,\"Blue\",99.99,140,1\n",
    ),
    (
        "photos.csv",
        "id,styleId,url,thumbnail_url\n\
         5,1,\"https://img.example/5\",\"https://img.example/t/5\"\n\
         2,1,\"https://img.example/2\",null\n\
         7,3,null,\"https://img.example/t/7\"\n",
    ),
    ("skus.csv", "id,styleId,size,quantity\n9,1,\"M\",3\n10,1,\"M\",null\n1,1,null,0\n4,2,\"One Size\",12\n"),
    ("related.csv", "id,current_product_id,related_product_id\n2,1,3\n1,1,2\n3,1,2\n4,2,2\n"),
    (
        "reviews.csv",
        "id,product_id,rating,date,summary,body,recommend,reported,reviewer_name,reviewer_email,response,helpfulness\n\
         1,1,5,1596080481467,\"Good\",\"Very\",true,false,\"mira\",\"mira@example.com\",\"null\",3\n\
         4,2,1,\"2018-01-04\",\"\",\"Too flat\",FALSE,t,\"olu\",\"olu@example.com\",\"Sorry\",0\n",
    ),
    ("reviews_photos.csv", "id,review_id,url\n8,1,\"https://img.example/r/8\"\n7,1,\"https://img.example/r/7\"\n"),
    ("characteristics.csv", "id,product_id,name\n1,1,\"Fit\"\n2,1,\"Length\"\n3,2,\"Fit\"\n"),
    ("characteristic_reviews.csv", "id,characteristic_id,review_id,value\n1,1,1,4\n2,2,1,5\n3,3,4,1\n"),
    (
        "questions.csv",
        "id,product_id,body,date_written,asker_name,asker_email,reported,helpful\n\
         1,1,\"Lined?\",1600000000042,\"ines\",\"ines@example.com\",0,2\n\
         6,2,\"Felt?\",\"2021-06-01T08:15:00.042Z\",\"olu\",\"olu@example.com\",1,0\n",
    ),
    (
        "answers.csv",
        "id,question_id,body,date_written,answerer_name,answerer_email,reported,helpful\n\
         3,1,\"Yes\",0,\"Seller\",\"seller@example.com\",0,1\n2,6,\"Yes, \"\"real\"\" felt\",1,\"Seller\",\"null\",0,0\n",
    ),
    ("answers_photos.csv", "id,answer_id,url\n1,3,\"https://img.example/a/1\"\n"),
    ("cart.csv", "id,user_session,product_id,active\n1,17,1,1\n"),
];

/// The good set, with some files replaced, added or (with an empty text) left out.
pub fn set(changes: &[(&str, &str)]) -> Scratch {
    let folder = Scratch::new("csv");
    let changed = |name: &str| changes.iter().find(|(other, _)| *other == name).map(|(_, text)| *text);
    for (name, text) in GOOD {
        let text = changed(name).unwrap_or(text);
        if !text.is_empty() {
            folder.write(name, text);
        }
    }
    folder
}

/// The files of the good set that bear these names, and no others.
pub fn only(names: &[&str]) -> Scratch {
    let folder = Scratch::new("csv");
    for (name, text) in GOOD.into_iter().filter(|(name, _)| names.contains(name)) {
        folder.write(name, text);
    }
    folder
}

/// What an import left behind.
pub struct Loaded {
    pub status: i32,
    pub out: String,
    pub err: String,
    pub report: Value,
}

impl Loaded {
    /// The part of the report on one file.
    pub fn file(&self, name: &str) -> &Value {
        let files = self.report["files"].as_array().expect("the report lists files");
        files.iter().find(|file| file["file"] == name).unwrap_or_else(|| panic!("{name} is not in {}", self.report))
    }
}

/// Runs the import to its end.
pub fn load(data: &Path, database: &str, arguments: &[&str]) -> Loaded {
    let scratch = Scratch::new("report");
    let file = scratch.path().join("report.json");
    let child = start(data, database, &[arguments, &["--report", &file.display().to_string()]].concat());
    let output = child.wait_with_output().expect("the import ends");
    loaded(&output, &file)
}

pub fn loaded(output: &Output, file: &Path) -> Loaded {
    let report = std::fs::read_to_string(file).unwrap_or_default();
    Loaded {
        status: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
        report: serde_json::from_str(&report).unwrap_or(Value::Null),
    }
}

/// Starts the import.
pub fn start(data: &Path, database: &str, arguments: &[&str]) -> Child {
    command(data, database, arguments).spawn().expect("the import can be started")
}

/// The import as a command whose output is kept.
pub fn command(data: &Path, database: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(IMPORT);
    command.arg("load").arg("--data").arg(data).args(["--database-url", database]).args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs the import and expects everything to be loaded.
pub fn load_well(data: &Path, database: &str, arguments: &[&str]) -> Loaded {
    let loaded = load(data, database, arguments);
    assert_eq!(loaded.status, 0, "{}{}", loaded.err, loaded.out);
    loaded
}

/// Every row of every table, in one text: two catalogues are the same when these are.
pub fn content(postgres: &Postgres, database: &str) -> String {
    let tables = [
        "products",
        "features",
        "styles",
        "related",
        "reviews",
        "reviews_photos",
        "characteristics",
        "characteristic_reviews",
        "questions",
        "answers",
        "answers_photos",
    ];
    let mut content = String::new();
    for table in tables {
        let rows = postgres.psql(database, &format!("SELECT * FROM {table} ORDER BY id"));
        content.push_str(&format!("{table}\n{rows}\n"));
    }
    content
}

/// Everything that `schema.sql` makes, in one text: two databases with the same have the same columns, keys, checks, indexes,
/// views, functions and triggers.
pub fn shape(postgres: &Postgres, database: &str) -> String {
    let shape = "SELECT table_schema, table_name, column_name, data_type, is_nullable, column_default, identity_generation \
                 FROM information_schema.columns WHERE table_schema IN ('public', 'edge') ORDER BY 1, 2, 3; \
                 SELECT conrelid::regclass, conname, pg_get_constraintdef(oid), convalidated FROM pg_constraint \
                 WHERE connamespace IN ('public'::regnamespace, 'edge'::regnamespace) ORDER BY conrelid::regclass::text, conname; \
                 SELECT indexdef FROM pg_indexes WHERE schemaname IN ('public', 'edge') ORDER BY 1; \
                 SELECT tgrelid::regclass, tgname, tgenabled, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal \
                 ORDER BY tgrelid::regclass::text, tgname; \
                 SELECT oid::regprocedure, prosecdef, proconfig, md5(prosrc) FROM pg_proc \
                 WHERE pronamespace IN ('public'::regnamespace, 'edge'::regnamespace) ORDER BY oid::regprocedure::text; \
                 SELECT version FROM edge.schema_version";
    postgres.psql(database, shape)
}

/// The buckets of products whose count is not what a count of the rows finds.
pub fn miscounted(postgres: &Postgres, database: &str) -> String {
    let differing = "WITH counted AS (SELECT bucket, sum(n)::integer, level FROM edge.product_counts GROUP BY bucket, level), \
                     found AS (SELECT * FROM edge.tally(ARRAY(SELECT id FROM products))) \
                     (TABLE counted EXCEPT TABLE found) UNION ALL (TABLE found EXCEPT TABLE counted)";
    postgres.psql(database, differing)
}

/// What the outbox says, oldest first, each with its kind.
pub fn outbox(postgres: &Postgres, database: &str) -> String {
    postgres.psql(database, "SELECT tag, kind FROM edge.outbox ORDER BY id")
}

/// The names of schemas that an import needs only while it works.
pub fn leftovers(postgres: &Postgres, database: &str) -> String {
    postgres.psql(database, "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'atelier%' ORDER BY 1")
}

/// A file whose rows come when the test wants: a pipe by name. The import looks at the header first, and opens the file again
/// to read it; `begin` has both behind it.
pub struct Held {
    path: PathBuf,
    writer: Option<std::fs::File>,
}

impl Held {
    pub fn new(folder: &Scratch, name: &str) -> Self {
        let path = folder.path().join(name);
        let _ = std::fs::remove_file(&path);
        let made = Command::new("mkfifo").arg(&path).status();
        assert!(made.is_ok_and(|status| status.success()), "mkfifo is part of coreutils");
        Self { path, writer: None }
    }

    /// Serves header and first rows, and returns when the import is in the middle of the file.
    pub fn begin(&mut self, text: &str, postgres: &Postgres, database: &str) {
        let header = text.split_inclusive('\n').next().expect("there is a header");
        self.open().write_all(header.as_bytes()).expect("the import reads the header");
        // Only when the header was read for good the next reader can be the one of the rows.
        wait_until("the import makes its schema", Duration::from_secs(20), || {
            leftovers(postgres, database).contains("atelier_load").then_some(())
        });
        let mut writer = self.open();
        writer.write_all(text.as_bytes()).expect("the import reads rows");
        self.writer = Some(writer);
    }

    fn open(&self) -> std::fs::File {
        // Opening blocks until there is a reader, and an import that has ended never comes: ask without blocking.
        wait_until("the import opens the file", Duration::from_secs(20), || {
            const O_NONBLOCK: i32 = 0o4000;
            std::fs::OpenOptions::new().write(true).custom_flags(O_NONBLOCK).open(&self.path).ok()
        })
    }

    /// Writes more rows.
    pub fn more(&mut self, text: &str) {
        let writer = self.writer.as_mut().expect("the file is open");
        writer.write_all(text.as_bytes()).expect("the import reads on");
    }

    /// Ends the file.
    pub fn end(&mut self) {
        self.writer = None;
    }
}
