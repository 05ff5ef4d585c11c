//! Passwords, from files that only their readers may read. An argument can be read by everybody on the machine.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::small_file;

/// The most bytes of a secret: PostgreSQL's own limit for passwords is below this.
const SIZE_MAX: u64 = 1024;

/// A password. It is shown to nobody but the server that it is for.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Secret {
    /// The secret in the file at `path`: all of it but the white space around it, which editors and `echo` leave behind.
    ///
    /// # Errors
    /// With what is wrong with the file, in words that go on behind its name and say nothing of what it holds.
    pub fn read(path: &Path) -> Result<Self, String> {
        let bytes = small_file::read(path, SIZE_MAX)
            .map_err(|error| format!("cannot be read: {error}"))?
            .ok_or_else(|| format!("is longer than {SIZE_MAX} bytes, so it is not a password"))?;
        let text = std::str::from_utf8(bytes.trim_ascii()).map_err(|_| "is not UTF-8".to_owned())?;
        match text {
            "" => Err("is empty".to_owned()),
            text if text.contains(['\n', '\r', '\0']) => Err("holds more than one line".to_owned()),
            text => Ok(Self(text.to_owned())),
        }
    }

    /// What is to be told to the server, and written nowhere.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// The file that systemd made for a credential of this name (`LoadCredential=`, `SetCredentialEncrypted=` and the like), if the
/// unit has one. `folder` is `$CREDENTIALS_DIRECTORY`.
pub fn credential(folder: Option<&Path>, name: &str) -> Option<PathBuf> {
    let path = folder?.join(name);
    path.is_file().then_some(path)
}

#[cfg(test)]
mod tests {
    use atelier_rig::Scratch;

    use super::*;

    #[test]
    fn a_secret_is_one_line_of_a_small_file() {
        let scratch = Scratch::new("secret");
        let read = |content: &[u8]| Secret::read(&scratch.write("password", content));
        assert_eq!(read(b"hunter2\n").unwrap().expose(), "hunter2");
        assert_eq!(read(" h\u{e9} lo \r\n".as_bytes()).unwrap().expose(), "hé lo");
        for (content, why) in [
            (&b""[..], "empty"),
            (b" \n", "empty"),
            (b"hunter2\nhunter3", "more than one line"),
            (b"hunter2\0x", "more than one line"),
            (b"hunter2\xff", "UTF-8"),
            (&[b'x'; 1025], "longer"),
        ] {
            let said = read(content).unwrap_err();
            assert!(said.contains(why) && !said.contains("hunter"), "{said}");
        }
        assert!(Secret::read(&scratch.path().join("none")).unwrap_err().starts_with("cannot be read"));
        assert!(Secret::read(Path::new("/dev/zero")).unwrap_err().contains("longer"));
        assert_eq!(format!("{:?}", read(b"hunter2")), "Ok(Secret(…))");
    }

    #[test]
    fn a_credential_is_found_by_its_name() {
        let scratch = Scratch::new("credentials");
        let path = scratch.write("atelier.password", "hunter2");
        assert_eq!(credential(Some(scratch.path()), "atelier.password"), Some(path));
        assert_eq!(credential(Some(scratch.path()), "another"), None);
        assert_eq!(credential(None, "atelier.password"), None);
    }
}
