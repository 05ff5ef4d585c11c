//! Values that the API sends as text in a form of its own.

use std::time::{Duration, UNIX_EPOCH};

use serde::{Serialize, Serializer};

/// A price in cents; sent as text with a point and two decimals, since numbers would break clients that print the field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Price(pub i64);

impl Serialize for Price {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{}.{:02}", self.0 / 100, self.0 % 100))
    }
}

/// An instant in milliseconds since 1970 (UTC); sent as `YYYY-MM-DDTHH:MM:SS.mmmZ`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Time(pub i64);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // The schema keeps times between 1970 and 9999, which is what the library can write.
        let since = Duration::from_millis(u64::try_from(self.0).unwrap_or(0));
        serializer.collect_str(&humantime::format_rfc3339_millis(UNIX_EPOCH + since))
    }
}

/// A number that is sent as text; also counts, which the API sends so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdText(pub u64);

impl Serialize for IdText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// For fields in which an empty text means that there is none.
pub(super) fn empty_is_null<S: Serializer>(text: &Option<&str>, serializer: S) -> Result<S::Ok, S::Error> {
    text.filter(|text| !text.is_empty()).serialize(serializer)
}
