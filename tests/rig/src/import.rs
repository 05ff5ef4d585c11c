//! The import, run as a command.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use crate::Postgres;

/// The path of `atelier-import` beside `program`, another binary of this workspace. Cargo names only a package's own
/// binaries to its tests, so it is built here, once per test process; when it is up to date that takes a moment. Where `TESTS_BUILT`
/// is set, dev/test.sh has built everything.
pub fn program(beside: &str) -> PathBuf {
    static BUILT: OnceLock<()> = OnceLock::new();
    let path = Path::new(beside).with_file_name("atelier-import");
    BUILT.get_or_init(|| {
        if std::env::var_os("TESTS_BUILT").is_some() && path.exists() {
            return;
        }
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut build = Command::new(cargo);
        build.args(["build", "-q", "-p", "atelier-import"]);
        // What cargo tells a test of its own package means another one to a build: ring, and all that stands on it, would be
        // built anew each time.
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
                build.env_remove(&*name);
            }
        }
        if path.parent().is_some_and(|folder| folder.ends_with("release")) {
            build.arg("--release");
        }
        let built = build.status();
        assert!(built.is_ok_and(|status| status.success()), "atelier-import cannot be built");
    });
    assert!(path.exists(), "{} is not there", path.display());
    path
}

/// Loads the set in `data` into `database` and returns what the import said.
pub fn load(beside: &str, data: &Path, database: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(program(beside));
    command.arg("load").arg("--data").arg(data).args(["--database-url", database]).args(arguments);
    command.output().expect("the import can be started")
}

/// A PostgreSQL with the project's sample in its database `sample`, by way of the import, and the address of that.
pub fn sample(beside: &str) -> (Postgres, String) {
    let postgres = Postgres::start();
    let database = postgres.create("sample");
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../import/sample");
    let loaded = load(beside, &data, &database, &[]);
    let said = String::from_utf8_lossy(&loaded.stdout).into_owned() + &String::from_utf8_lossy(&loaded.stderr);
    assert!(loaded.status.success(), "{said}");
    (postgres, database)
}
