//! The Debian package, made of the programs that the tests are run with.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::import;
use crate::scratch::Scratch;

/// A package and a tarball in a scratch folder.
#[derive(Debug)]
pub struct Package {
    /// The `.deb`.
    pub deb: PathBuf,
    /// The tarball.
    pub tarball: PathBuf,
    _scratch: Scratch,
}

impl Package {
    /// Makes one of `program` and the import beside it.
    pub fn make(program: &str) -> Self {
        let import = import::program(program);
        let scratch = Scratch::new("package");
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let mut command = Command::new(root.join("dev/package.sh"));
        command.env("BINARIES", import.parent().expect("a program is in a folder")).env("OUT", scratch.path());
        // What is made here is not kept, and a debug build is large.
        command.env("DEB_COMPRESSION", "none").env("GZIP_LEVEL", "1");
        let made = command.output().expect("the script can be started");
        let said = String::from_utf8_lossy(&made.stdout).into_owned() + &String::from_utf8_lossy(&made.stderr);
        assert!(made.status.success(), "the package cannot be made: {said}");
        let found = |ending: &str| {
            let mut files = std::fs::read_dir(scratch.path()).expect("the folder is there").flatten();
            let file = files.find(|file| file.file_name().to_string_lossy().ends_with(ending));
            file.unwrap_or_else(|| panic!("there is no {ending}: {said}")).path()
        };
        Self { deb: found(".deb"), tarball: found(".tar.gz"), _scratch: scratch }
    }
}
