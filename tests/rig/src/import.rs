//! The import, run as a command.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// The path of `atelier-import` beside `program`, another binary of this workspace. Cargo names only a package's own
/// binaries to its tests, so it is built here, once per test process; when it is up to date that takes a moment.
pub fn program(beside: &str) -> PathBuf {
    static BUILT: OnceLock<()> = OnceLock::new();
    let path = Path::new(beside).with_file_name("atelier-import");
    BUILT.get_or_init(|| {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut build = Command::new(cargo);
        build.args(["build", "-q", "-p", "atelier-import"]);
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
