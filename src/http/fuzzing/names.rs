//! Names that operators and clients write: keys, tags, tokens of the history.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use crate::key::Key;
use crate::stamp::OrdToken;
use crate::tag::{Kind, Tag};

/// A text.
pub fn names(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let key = canonical::<Key>(text);
    canonical::<Tag>(text);
    canonical::<OrdToken>(text);
    canonical::<Kind>(text);
    if let Some(key) = key {
        canonical::<Tag>(&Tag::of(key).to_string()).unwrap_or_else(|| unreachable!("the tag of {key} has a text"));
    }
}

/// What a text stands for; it is the only text for it.
fn canonical<T: FromStr + Display + PartialEq + Debug>(text: &str) -> Option<T> {
    let value: T = text.parse().ok()?;
    assert_eq!(value.to_string(), text, "{value:?}");
    Some(value)
}
