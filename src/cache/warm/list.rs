//! The list of hot keys as a file: a head with a version and a checksum, then the text form of one key a line, the hottest first.
//!
//! It is written beside its place and moved there when it is whole and on disk, so a process that is killed leaves the last one. A list
//! that is not exactly what was written is not believed in parts.

use std::fmt;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use xxhash_rust::xxh3::xxh3_64;

use crate::key::Key;

const NAME: &str = "hot-keys";

/// What the file is, and how its lines are to be read.
const MAGIC: &str = "atelier-edge hot keys, version 1";

/// The most bytes of a list: a million keys at their longest take less.
const SIZE_MAX: u64 = 48 << 20;

/// Why there is no list that could be used.
#[derive(Debug)]
pub(super) enum Unusable {
    Missing,
    Unreadable(io::Error),
    TooLarge,
    Foreign,
    Torn,
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("is not there"),
            Self::Unreadable(error) => write!(f, "cannot be read: {error}"),
            Self::TooLarge => f.write_str("is ignored: it is too large"),
            Self::Foreign => f.write_str("is ignored: it is of another program or version"),
            Self::Torn => f.write_str("is ignored: it is not whole"),
        }
    }
}

/// The keys of the list in `folder`.
pub(super) fn read(folder: &Path) -> Result<Vec<Key>, Unusable> {
    let mut bytes = Vec::new();
    let opened = File::open(folder.join(NAME));
    match opened.and_then(|file| file.take(SIZE_MAX + 1).read_to_end(&mut bytes)) {
        Ok(_) => parse(&bytes),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(Unusable::Missing),
        Err(error) => Err(Unusable::Unreadable(error)),
    }
}

fn parse(bytes: &[u8]) -> Result<Vec<Key>, Unusable> {
    if bytes.len() as u64 > SIZE_MAX {
        return Err(Unusable::TooLarge);
    }
    let text = bytes.strip_prefix(MAGIC.as_bytes()).ok_or(Unusable::Foreign)?;
    let (sum, keys) = std::str::from_utf8(text).ok().and_then(|text| text.split_once('\n')).ok_or(Unusable::Torn)?;
    if sum != checksum(keys) {
        // A version that this one is the beginning of has another mark behind it.
        return Err(if sum.starts_with(MARK) { Unusable::Torn } else { Unusable::Foreign });
    }
    keys.lines().map(str::parse).collect::<Result<_, _>>().map_err(|_| Unusable::Foreign)
}

/// What stands between the magic and the checksum.
const MARK: &str = ", xxh3 ";

/// The rest of the head for these lines.
fn checksum(keys: &str) -> String {
    format!("{MARK}{:016x}", xxh3_64(keys.as_bytes()))
}

/// Puts a list of these keys into `folder`, in the place of the one that is there.
pub(super) fn write(folder: &Path, keys: &[Key]) -> io::Result<()> {
    let lines: String = keys.iter().map(|key| format!("{key}\n")).collect();
    let beside = folder.join(format!("{NAME}.new"));
    // What people look at is nobody else's business.
    let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    file.write_all(format!("{MAGIC}{}\n{lines}", checksum(&lines)).as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&beside, folder.join(NAME))
}

#[cfg(test)]
mod tests {
    use atelier_rig::Scratch;

    use super::*;

    const KEYS: [&str; 3] = ["product/7", "reviews/7/newest/1x5", "list/1x5"];

    fn keys() -> Vec<Key> {
        KEYS.iter().map(|key| key.parse().unwrap()).collect()
    }

    #[test]
    fn what_is_written_is_read_and_takes_the_place_of_the_last_one() {
        let scratch = Scratch::new("hot-keys");
        assert!(matches!(read(scratch.path()), Err(Unusable::Missing)));
        for expected in [keys(), keys()[1..].to_vec(), vec![]] {
            write(scratch.path(), &expected).unwrap();
            assert_eq!(read(scratch.path()).unwrap(), expected);
        }
        let left: Vec<_> = std::fs::read_dir(scratch.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, [NAME]);
        assert!(write(&scratch.path().join("nowhere"), &keys()).is_err());
    }

    #[test]
    fn a_list_that_is_not_whole_is_not_believed_in_parts() {
        let scratch = Scratch::new("hot-keys");
        write(scratch.path(), &keys()).unwrap();
        let whole = std::fs::read(scratch.path().join(NAME)).unwrap();
        for length in 0..whole.len() {
            assert!(parse(&whole[..length]).is_err(), "cut after {length}");
        }
        for place in 0..whole.len() {
            for bit in 0..8 {
                let mut torn = whole.clone();
                torn[place] ^= 1 << bit;
                assert!(parse(&torn).is_err(), "bit {bit} of byte {place}");
            }
        }
        assert!(parse(&[&whole[..], b"product/8\n"].concat()).is_err());
    }

    #[test]
    fn every_reason_to_ignore_a_list_has_its_words() {
        let scratch = Scratch::new("hot-keys");
        write(scratch.path(), &keys()).unwrap();
        let whole = std::fs::read_to_string(scratch.path().join(NAME)).unwrap();
        let said = |bytes: &[u8]| parse(bytes).unwrap_err().to_string();
        assert!(said(b"").contains("another program"));
        assert!(said(b"\x7fELF").contains("another program"));
        assert!(said(whole.replace("version 1,", "version 12,").as_bytes()).contains("another program or version"));
        assert!(said(whole.replace("product/7", "product/8").as_bytes()).contains("not whole"));
        // What a later version may write under the same head.
        let lines = "basket/7\n";
        assert!(said(format!("{MAGIC}{}\n{lines}", checksum(lines)).as_bytes()).contains("another"));
        assert!(said(&vec![b'x'; SIZE_MAX as usize + 1]).contains("too large"));
        std::fs::remove_file(scratch.path().join(NAME)).unwrap();
        std::fs::create_dir(scratch.path().join(NAME)).unwrap();
        assert!(read(scratch.path()).unwrap_err().to_string().contains("cannot be read"));
    }
}
