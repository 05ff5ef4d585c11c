//! What an answer depends on, and how a change of that is meant.

use std::fmt;
use std::str::FromStr;

use crate::key::{ID_MAX, Key, Resource};

/// What was changed: everything, everything of one class, or one row's answers. The text form is that of the outbox:
/// `*`, `reviews:*`, `reviews:7`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tag {
    /// Everything.
    All,
    /// All answers of a class. The product list has no other tag: its pages depend on every product.
    Class(Resource),
    /// The answers that hang on one row.
    Row(Resource, u32),
}

impl Tag {
    /// The one tag that the answer to `key` depends on.
    pub const fn of(key: Key) -> Self {
        match key.id() {
            Some(id) => Self::Row(key.resource(), id),
            None => Self::Class(key.resource()),
        }
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("*"),
            Self::Class(class) => write!(f, "{}:*", class.class()),
            Self::Row(class, id) => write!(f, "{}:{id}", class.class()),
        }
    }
}

/// A text that is no tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a tag; tags look like reviews:7, reviews:* or *")]
pub struct TagError;

impl FromStr for Tag {
    type Err = TagError;

    fn from_str(text: &str) -> Result<Self, TagError> {
        if text == "*" {
            return Ok(Self::All);
        }
        let (class, row) = text.split_once(':').ok_or(TagError)?;
        let class = Resource::ALL.into_iter().find(|resource| resource.class() == class).ok_or(TagError)?;
        if row == "*" {
            return Ok(Self::Class(class));
        }
        let plain = !row.starts_with('0') && row.bytes().all(|byte| byte.is_ascii_digit());
        let id = row.parse().ok().filter(|id| plain && *id <= ID_MAX).ok_or(TagError)?;
        if class == Resource::List { Err(TagError) } else { Ok(Self::Row(class, id)) }
    }
}

/// How a change is meant, and so what an answer from before it is still good for. A greater one includes the lesser.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A whole catalogue was replaced, or an operator wants everything renewed: served, labelled, while it is renewed.
    Soft,
    /// Data was changed: not served while the origin answers.
    Hard,
    /// It must not be seen again, not even in an outage.
    Erase,
}

impl Kind {
    /// The kind as it stands in the outbox; what is unknown there is the strictest.
    pub const fn from_number(number: i16) -> Self {
        match number {
            0 => Self::Soft,
            1 => Self::Hard,
            _ => Self::Erase,
        }
    }

    /// The number of the outbox.
    pub const fn number(self) -> i16 {
        match self {
            Self::Soft => 0,
            Self::Hard => 1,
            Self::Erase => 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_form_parses_to_the_same_tag() {
        let tags = [
            (Tag::All, "*"),
            (Tag::Class(Resource::List), "list:*"),
            (Tag::Class(Resource::Reviews), "reviews:*"),
            (Tag::Row(Resource::Answers, ID_MAX), "answers:2147483647"),
        ];
        for (tag, text) in tags {
            assert_eq!(tag.to_string(), text);
            assert_eq!(text.parse(), Ok(tag));
        }
        for text in
            ["", "reviews", "reviews:", "reviews:0", "reviews:07", "reviews:2147483648", "list:1", "cart:*", "**"]
        {
            assert!(text.parse::<Tag>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn every_key_has_one_tag() {
        assert_eq!(Tag::of("list/1x5".parse().unwrap()), Tag::Class(Resource::List));
        assert_eq!(Tag::of("reviews/7/newest/1x5".parse().unwrap()), Tag::Row(Resource::Reviews, 7));
        assert_eq!(Tag::of(Key::Meta(9)), Tag::Row(Resource::Meta, 9));
    }

    #[test]
    fn an_unknown_kind_is_the_strictest() {
        assert_eq!([0, 1, 2, 3, -1].map(Kind::from_number).map(Kind::number), [0, 1, 2, 2, 2]);
        assert!(Kind::Soft < Kind::Hard && Kind::Hard < Kind::Erase);
    }
}
