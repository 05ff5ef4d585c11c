//! A row that may be loaded, and its values.

/// A value of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// NULL.
    Null,
    /// An id, a reference, a count, a rating, a price in cents or a time in milliseconds since 1970.
    Int(i64),
    /// A truth value.
    Flag(bool),
    /// Text as it stood in the file.
    Text(&'a str),
}

impl<'a> Value<'a> {
    /// The number, 0 for anything else.
    pub fn int(self) -> i64 {
        match self {
            Self::Int(number) => number,
            Self::Null | Self::Flag(_) | Self::Text(_) => 0,
        }
    }

    /// The id or reference, 0 for anything else.
    pub fn id(self) -> u32 {
        u32::try_from(self.int()).unwrap_or(0)
    }

    /// The truth value, false for anything else.
    pub fn flag(self) -> bool {
        matches!(self, Self::Flag(true))
    }

    /// The text, or `None` for NULL and anything else.
    pub fn text(self) -> Option<&'a str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Null | Self::Int(_) | Self::Flag(_) => None,
        }
    }
}

/// A row that may be loaded: its values in the order of [`File::columns`], whatever the order in the file.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// Where it stands.
    pub line: u64,
    /// One value per column.
    pub values: &'a [Value<'a>],
}
