//! PostgreSQL's snapshots in their text form, `xmin:xmax:xip,xip,…`, and what is made of them.

use tokio_postgres::Row;

use crate::origin::OriginError;
use crate::stamp::{Incarnation, Seen, Stamp};

/// The numbers of a snapshot that matter here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Snapshot {
    /// Every transaction below had ended.
    pub(super) xmin: u64,
    /// No transaction from here on had begun.
    xmax: u64,
    /// How many between had not ended.
    running: usize,
}

impl Snapshot {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, ':');
        let (xmin, xmax, running) = (parts.next()?, parts.next()?, parts.next()?);
        let running = if running.is_empty() { 0 } else { running.split(',').count() };
        Some(Self { xmin: xmin.parse().ok()?, xmax: xmax.parse().ok()?, running })
    }

    pub(super) fn stamp(self) -> Stamp {
        Stamp::of_snapshot(self.xmax, self.running)
    }
}

/// A column's value that is not what the statement promises.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not a snapshot")]
struct NoSnapshot(String);

/// The snapshot in a column.
pub(super) fn of(row: &Row, place: usize) -> Result<Snapshot, OriginError> {
    let text: &str = row.try_get(place).map_err(|error| OriginError::Failed(error.into()))?;
    Snapshot::parse(text).ok_or_else(|| OriginError::Failed(NoSnapshot(text.to_owned()).into()))
}

/// The incarnation in a column of sixteen bytes. A database that has just lost its own has none, which fits no other.
pub(super) fn incarnation(row: &Row, place: usize) -> Result<Incarnation, OriginError> {
    let bytes: Option<&[u8]> = row.try_get(place).map_err(|error| OriginError::Failed(error.into()))?;
    let bytes = bytes.and_then(|bytes| <[u8; 16]>::try_from(bytes).ok()).unwrap_or_default();
    Ok(Incarnation(u128::from_be_bytes(bytes)))
}

/// What a statement saw, from the two columns that begin at `place`: its snapshot and the incarnation.
pub(super) fn seen(row: &Row, place: usize) -> Result<Seen, OriginError> {
    Ok(Seen { stamp: of(row, place)?.stamp(), incarnation: incarnation(row, place + 1)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_is_read_from_its_text() {
        let of = |text| Snapshot::parse(text).map(|snapshot| (snapshot.xmin, snapshot.xmax, snapshot.running));
        assert_eq!(of("735:735:"), Some((735, 735, 0)));
        assert_eq!(of("735:740:735,738"), Some((735, 740, 2)));
        assert_eq!(
            of("18446744073709551:18446744073709552:1"),
            Some((18_446_744_073_709_551, 18_446_744_073_709_552, 1))
        );
        for text in ["", "735", "735:740", "a:b:", "-1:2:"] {
            assert_eq!(of(text), None, "{text:?}");
        }
        let stamp = |text| Snapshot::parse(text).unwrap().stamp();
        assert!(stamp("735:740:735,738") < stamp("738:740:738"));
        assert!(stamp("740:740:") < stamp("740:741:740"));
    }
}
