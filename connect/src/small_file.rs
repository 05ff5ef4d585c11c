//! Files that people write by hand: what is larger than they can be is another file, or a device without end.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// What is in the file at `path`, or `None` when that is more than `most` bytes; no more than that is read.
///
/// # Errors
/// When it cannot be read.
pub fn read(path: &Path, most: u64) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= most).then_some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_whole_or_not_at_all() {
        let this = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
        let size = std::fs::metadata(&this).unwrap().len();
        assert_eq!(read(&this, size).unwrap(), Some(std::fs::read(&this).unwrap()));
        assert_eq!(read(&this, size - 1).unwrap(), None);
        assert_eq!(read(Path::new("/dev/zero"), 1 << 20).unwrap(), None);
        assert!(read(Path::new("/nonexistent"), 1).is_err());
    }
}
