//! Throw-away certificates, made by `openssl`, which every machine with PostgreSQL has.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Scratch;

/// An authority of the test's own, and everything that it has issued.
#[derive(Debug)]
pub struct Authority {
    scratch: Scratch,
}

/// A server's certificate with its key, as files that a server which runs as another user can read.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// The certificate in PEM.
    pub certificate: PathBuf,
    /// Its key in PEM.
    pub key: PathBuf,
}

fn openssl(folder: &Path, line: &str) {
    let made = Command::new("openssl").args(line.split(' ')).current_dir(folder).output();
    let made = made.unwrap_or_else(|error| panic!("openssl cannot be started: {error}"));
    assert!(made.status.success(), "openssl {line}: {}", String::from_utf8_lossy(&made.stderr));
}

const KEY: &str = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";

impl Authority {
    /// A new one, which nobody knows.
    #[expect(clippy::new_without_default, reason = "making one starts a program")]
    pub fn new() -> Self {
        let scratch = Scratch::new("authority");
        // With the name of another it would not be unknown, but an impostor.
        let name = format!("/CN=throw-away-{:016x}", fastrand::u64(..));
        openssl(scratch.path(), &format!("req -x509 {KEY} -keyout ca.key -out ca.pem -days 2 -subj {name}"));
        Self { scratch }
    }

    /// The file with its certificate.
    pub fn file(&self) -> PathBuf {
        self.scratch.path().join("ca.pem")
    }

    /// Its certificate.
    pub fn pem(&self) -> String {
        std::fs::read_to_string(self.file()).expect("the authority has a certificate")
    }

    /// A certificate for these names, as `DNS:db.test` or `IP:127.0.0.1`.
    pub fn issue(&self, names: &[&str]) -> Certificate {
        self.issue_for_days(names, 2)
    }

    /// The same, of yesterday.
    pub fn issue_expired(&self, names: &[&str]) -> Certificate {
        self.issue_for_days(names, -1)
    }

    fn issue_for_days(&self, names: &[&str], days: i32) -> Certificate {
        let folder = self.scratch.path();
        let stem = (0..).map(|number| format!("server-{number}")).find(|stem| !folder.join(stem).exists());
        let stem = stem.expect("there are enough numbers");
        self.scratch.write(&stem, format!("subjectAltName={}\nextendedKeyUsage=serverAuth\n", names.join(",")));
        openssl(folder, &format!("req -new {KEY} -keyout {stem}.key -out {stem}.csr -subj /CN=server"));
        openssl(
            folder,
            &format!(
                "x509 -req -in {stem}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days {days} -extfile {stem} \
                 -out {stem}.pem"
            ),
        );
        Certificate { certificate: folder.join(format!("{stem}.pem")), key: folder.join(format!("{stem}.key")) }
    }
}
