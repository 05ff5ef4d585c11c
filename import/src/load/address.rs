//! The address of the database, put together as a node does it: the URL, the password, and whom to believe.

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};
use atelier_connect::secret::credential;
use atelier_connect::{Address, Roots, Secret};

use super::Load;

/// The credential of systemd that holds the password.
const CREDENTIAL: &str = "atelier.database-password";

/// Where to load to.
pub(super) fn of(load: &Load) -> Result<Address> {
    let mut address: Address = load.database_url.parse().map_err(|why: String| anyhow!("the database URL {why}"))?;
    if load.by_flag && address.has_password() {
        bail!(
            "--database-url has a password, which everybody on this machine can read there; it belongs into DATABASE_URL or \
             ATELIER_DATABASE_PASSWORD_FILE"
        );
    }
    let folder = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    let supplied = || credential(folder.as_deref(), CREDENTIAL);
    if let Some(path) = load.database_password_file.clone().or_else(supplied) {
        if address.has_password() {
            bail!("{}: the database URL has a password, too", path.display());
        }
        address = address.with_password(&Secret::read(&path).map_err(|why| of_file(&path, &why))?);
    }
    if !address.is_verified() {
        return Ok(address);
    }
    let roots = match &load.db_ca_file {
        Some(path) => Roots::from_file(path).map_err(|why| of_file(path, &why))?,
        None => Roots::of_system().map_err(|why| anyhow!("ATELIER_DB_CA_FILE is not set, and {why}"))?,
    };
    address.with_roots(roots).map_err(|why| anyhow!("the database URL {why}"))
}

fn of_file(path: &Path, why: &str) -> anyhow::Error {
    anyhow!("{} {why}", path.display())
}
