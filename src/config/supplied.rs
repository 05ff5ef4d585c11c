//! What systemd gives a unit without a setting of ours: credentials, each a file that this unit alone can read
//! (`LoadCredential=atelier.database-password:…`, `ImportCredential=atelier.*`), and a folder for state (`StateDirectory=`). They stand
//! behind all that was set, in front of the defaults.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use atelier_connect::secret::credential;

/// Which setting a credential is for.
const CREDENTIALS: [(&str, &str); 4] = [
    ("ATELIER_DATABASE_PASSWORD_FILE", "atelier.database-password"),
    ("ATELIER_REDIS_PASSWORD_FILE", "atelier.redis-password"),
    ("ATELIER_API_TOKEN_FILE", "atelier.api-token"),
    ("ATELIER_ADMIN_TOKEN_FILE", "atelier.admin-token"),
];

/// Values of settings by the names of their variables, from the environment that systemd made.
pub(super) fn of(environment: &BTreeMap<String, OsString>) -> BTreeMap<String, String> {
    let folder = environment.get("CREDENTIALS_DIRECTORY").map(Path::new);
    let found = CREDENTIALS.iter().filter_map(|(variable, name)| {
        let path = credential(folder, name)?;
        Some(((*variable).to_owned(), path.into_os_string().into_string().ok()?))
    });
    let state = environment.get("STATE_DIRECTORY").and_then(|folders| folders.to_str());
    // Of several, separated by colons, the first is this program's.
    let state = state.and_then(|folders| folders.split(':').next()).filter(|folder| !folder.is_empty());
    found.chain(state.map(|folder| ("ATELIER_STATE_DIR".to_owned(), folder.to_owned()))).collect()
}

#[cfg(test)]
mod tests {
    use atelier_rig::Scratch;

    use super::*;

    #[test]
    fn credentials_that_are_there_and_the_first_state_folder_are_supplied() {
        let scratch = Scratch::new("supplied");
        let token = scratch.write("atelier.admin-token", "sesame");
        scratch.write("another", "x");
        let environment = |pairs: &[(&str, &str)]| {
            let owned = pairs.iter().map(|(name, value)| ((*name).to_owned(), OsString::from(value)));
            of(&owned.collect())
        };
        let folder = scratch.path().to_str().unwrap();
        let found = environment(&[("CREDENTIALS_DIRECTORY", folder), ("STATE_DIRECTORY", "/var/lib/edge:/var/lib/b")]);
        let expected = [("ATELIER_ADMIN_TOKEN_FILE", token.to_str().unwrap()), ("ATELIER_STATE_DIR", "/var/lib/edge")];
        assert_eq!(found, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
        assert!(environment(&[("STATE_DIRECTORY", "")]).is_empty() && environment(&[]).is_empty());
    }
}
