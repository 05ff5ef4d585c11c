//! What a fetch could see, as one number that is greater when it saw more; and in which life of the database.
//!
//! docs/freshness.md says why the numbers can be compared. Nothing here reads a clock or asks anybody.

use std::fmt;
use std::str::FromStr;

/// How far in the history of commits something stands. Within one [`Epoch`] a greater stamp sees all that a lesser one sees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp(u64);

impl Stamp {
    /// Below every stamp of a fetch.
    pub const ZERO: Self = Self(0);
    /// Above every stamp of a fetch.
    pub const MAX: Self = Self(u64::MAX);

    /// The stamp with this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn number(self) -> u64 {
        self.0
    }

    /// The stamp of a snapshot: `xmax` is the first transaction that had not begun, `running` how many before it had not
    /// ended. `xmax` never falls, and while it stands still no transaction begins, so `running` only falls.
    pub fn of_snapshot(xmax: u64, running: usize) -> Self {
        // Fewer than 65,535 transactions run at once: PostgreSQL has no room for more backends than that (2^18 with
        // prepared ones would need a `max_connections` nobody sets). A snapshot with more would be stamped like one
        // with that many, which may have seen more.
        let running = u64::try_from(running).unwrap_or(u64::MAX).min(0xffff);
        Self((xmax << 16) | (0xffff - running))
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One life of one primary. Stamps of two epochs do not compare.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Epoch(u64);

impl Epoch {
    /// The epoch with this number: a hash of all that changes when a database begins another life.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn number(self) -> u64 {
        self.0
    }

    /// The part of it that stands in tokens and in the names of Redis keys.
    pub const fn short(self) -> u32 {
        (self.0 >> 32) as u32
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.short())
    }
}

/// What a database forgets when it crashes or is promoted: a fetch says which one it saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Incarnation(pub u128);

/// What a fetch, or the statement behind a commit, saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Which commits.
    pub stamp: Stamp,
    /// Of which incarnation.
    pub incarnation: Incarnation,
}

/// A write's place in the history, as it stands in `Atelier-Ord` and comes back in `Atelier-Min-Ord`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrdToken {
    /// The short form of the epoch.
    pub epoch: u32,
    /// The place.
    pub stamp: Stamp,
}

impl fmt::Display for OrdToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}.{}", self.epoch, self.stamp)
    }
}

/// A text that is no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a token; tokens look like 0a1b2c3d.48318382079")]
pub struct OrdTokenError;

impl FromStr for OrdToken {
    type Err = OrdTokenError;

    fn from_str(text: &str) -> Result<Self, OrdTokenError> {
        let (epoch, stamp) = text.split_once('.').ok_or(OrdTokenError)?;
        let hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let digits = !stamp.is_empty() && stamp.bytes().all(|byte| byte.is_ascii_digit());
        // A place has one text: no zeros before its number.
        let padded = stamp.len() > 1 && stamp.starts_with('0');
        if epoch.len() != 8 || !epoch.bytes().all(hex) || !digits || padded {
            return Err(OrdTokenError);
        }
        let epoch = u32::from_str_radix(epoch, 16).map_err(|_| OrdTokenError)?;
        let stamp = stamp.parse().map(Stamp).map_err(|_| OrdTokenError)?;
        Ok(Self { epoch, stamp })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_that_sees_more_has_the_greater_stamp() {
        let stamps = [(10, 3), (10, 2), (10, 0), (11, 5), (11, 4), (1 << 40, 0)];
        let stamps = stamps.map(|(xmax, running)| Stamp::of_snapshot(xmax, running));
        assert!(stamps.is_sorted_by(|a, b| a < b), "{stamps:?}");
        assert!(Stamp::ZERO < stamps[0] && stamps[5] < Stamp::MAX);
        assert_eq!(Stamp::of_snapshot(10, 70_000), Stamp::of_snapshot(10, 65_535), "never above what it may be");
    }

    #[test]
    fn a_token_parses_to_itself_and_nothing_else_parses() {
        let token = OrdToken { epoch: 0xa1b2, stamp: Stamp::new(u64::MAX) };
        assert_eq!(token.to_string(), "0000a1b2.18446744073709551615");
        assert_eq!(token.to_string().parse(), Ok(token));
        for text in [
            "",
            ".",
            "0000a1b2",
            "0000a1b2.",
            "0000a1b2.-1",
            "0000a1b2.+1",
            "0000a1b2.01",
            "0000A1b2.1",
            "a1b2.1",
            "0000a1b2.18446744073709551616",
            "0000a1b2.1 ",
            "+000a1b2.1",
        ] {
            assert!(text.parse::<OrdToken>().is_err(), "{text:?}");
        }
        assert_eq!(Epoch::new(0x0a1b_2c3d_0000_0001).to_string(), "0a1b2c3d");
    }
}
