//! Where PostgreSQL and Redis are: the address, whom to believe there, and the password, which may each come from elsewhere.

use std::path::Path;

use atelier_connect::{Roots, Secret};

use super::raw::Raw;
use super::reader::Reader;
use crate::cache::L2Address;
use crate::origin::postgres::Address;

/// What a setting of plain text has to be: said in words, and not by mistake.
const ACCEPTED: &str = "accepted";

impl Reader {
    /// The database, ready to be connected to.
    pub(super) fn database(&mut self, raw: &Raw) -> Option<Address> {
        let address: Option<Address> = self.secret("DATABASE_URL", raw.database_url.as_deref());
        let password = self.password("ATELIER_DATABASE_PASSWORD_FILE", raw.database_password_file.as_deref());
        let roots = self.roots("ATELIER_DB_CA_FILE", raw.db_ca_file.as_deref());
        let mut address = address?;
        if let Some(password) = password {
            self.only_one("ATELIER_DATABASE_PASSWORD_FILE", "DATABASE_URL", address.has_password());
            address = address.with_password(&password);
        }
        if !address.is_verified() {
            return Some(address);
        }
        let roots = self.or_of_system("ATELIER_DB_CA_FILE", roots)?;
        self.take_or("DATABASE_URL", address.with_roots(roots))
    }

    /// The Redis, ready to be connected to.
    pub(super) fn redis(&mut self, raw: &Raw) -> Option<L2Address> {
        let address: Option<L2Address> = self.secret("REDIS_URL", raw.redis_url.as_deref());
        let password = self.password("ATELIER_REDIS_PASSWORD_FILE", raw.redis_password_file.as_deref());
        let roots = self.roots("ATELIER_REDIS_CA_FILE", raw.redis_ca_file.as_deref());
        let accepted = raw.redis_plaintext.as_deref();
        if let Some(text) = accepted.filter(|text| *text != ACCEPTED) {
            self.problem(format!("ATELIER_REDIS_PLAINTEXT: {text:?} is not `{ACCEPTED}`"));
        }
        let mut address = address?;
        if let Some(password) = password {
            self.only_one("ATELIER_REDIS_PASSWORD_FILE", "REDIS_URL", address.has_password());
            address = address.with_password(&password);
        }
        if !address.is_verified() {
            if !address.is_within() && accepted.is_none() {
                self.problem(
                    "REDIS_URL: redis:// to another machine can be read and changed on the way; rediss:// encrypts and \
                     verifies, and ATELIER_REDIS_PLAINTEXT=accepted says that plain text is meant",
                );
            }
            return Some(address);
        }
        let roots = self.or_of_system("ATELIER_REDIS_CA_FILE", roots)?;
        self.take_or("REDIS_URL", address.with_roots(roots))
    }

    fn password(&mut self, name: &str, path: Option<&str>) -> Option<Secret> {
        let path = path?;
        self.take_or(name, Secret::read(Path::new(path)).map_err(|why| format!("{path:?} {why}")))
    }

    /// The authorities of a file; `Err` if there is one and it is wrong.
    fn roots(&mut self, name: &str, path: Option<&str>) -> Result<Option<Roots>, ()> {
        let Some(path) = path else { return Ok(None) };
        let read = Roots::from_file(Path::new(path)).map_err(|why| format!("{path:?} {why}"));
        self.take_or(name, read).map(Some).ok_or(())
    }

    /// Those of the system, where there is no file.
    fn or_of_system(&mut self, name: &str, roots: Result<Option<Roots>, ()>) -> Option<Roots> {
        match roots {
            Ok(Some(roots)) => Some(roots),
            Ok(None) => self.take_or(name, Roots::of_system().map_err(|why| format!("is not set, and {why}"))),
            Err(()) => None,
        }
    }

    /// Two passwords are one too many: nobody could say which is meant.
    fn only_one(&mut self, file: &str, url: &str, url_has_one: bool) {
        if url_has_one {
            self.problem(format!("{file}: {url} has a password, too"));
        }
    }

    fn take_or<T>(&mut self, name: &str, value: Result<T, String>) -> Option<T> {
        value.map_err(|why| self.problem(format!("{name}: {why}"))).ok()
    }
}
