//! One value of a body, and what it may be taken for.

use std::ops::RangeInclusive;

use simd_json::prelude::{ValueAsScalar, ValueIntoArray, ValueIntoObject};
use simd_json::{Tape, tape};

use crate::http::query;
use crate::key::ID_MAX;

/// A value. A member that is missing is null: the API treats the two alike everywhere.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value<'t>(tape::Value<'t, 't>);

impl<'t> Value<'t> {
    const NULL: Self = Self(tape::Value::NULL);

    /// The whole of what was parsed.
    pub(super) fn of(tape: &'t Tape<'t>) -> Self {
        Self(tape.as_value())
    }

    pub(super) fn is_null(self) -> bool {
        self.0.as_null().is_some()
    }

    /// A number written as an integer, or its digits as text. `1.0` and `1e0` are none, and neither is `"+1"`.
    pub(super) fn integer(self, within: RangeInclusive<u32>) -> Option<u32> {
        let number = match self.0.as_str() {
            Some(text) => query::digits(text)?,
            None => self.0.as_u64()?,
        };
        u32::try_from(number).ok().filter(|number| within.contains(number))
    }

    /// The id of a row that may be there.
    pub(super) fn id(self) -> Option<u32> {
        self.integer(1..=ID_MAX)
    }

    /// One to five stars, and the like.
    pub(super) fn rating(self) -> Option<u8> {
        self.integer(1..=5).and_then(|rating| u8::try_from(rating).ok())
    }

    /// A boolean, or the text of one.
    pub(super) fn truth(self) -> Option<bool> {
        match self.0.as_str() {
            Some("true") => Some(true),
            Some("false") => Some(false),
            Some(_) => None,
            None => self.0.as_bool(),
        }
    }

    /// A string that PostgreSQL can store; it may be empty.
    pub(super) fn string(self) -> Option<String> {
        self.0.as_str().filter(|text| !text.contains('\0')).map(str::to_owned)
    }

    /// A string with more in it than white space.
    pub(super) fn text(self) -> Option<String> {
        self.string().filter(|text| !text.trim().is_empty())
    }

    /// A list of texts; null is an empty one.
    pub(super) fn texts(self) -> Option<Vec<String>> {
        if self.is_null() {
            return Some(Vec::new());
        }
        self.0.into_array()?.iter().map(|element| Self(element).text()).collect()
    }

    /// The members of an object in their order, repeated ones too.
    pub(super) fn members(self) -> Option<impl Iterator<Item = (&'t str, Self)>> {
        Some(self.0.into_object()?.iter().map(|(name, value)| (name, Self(value))))
    }

    /// Those members of an object that have these names. Of a repeated one it is the last; one that is missing is null.
    pub(super) fn named<const N: usize>(self, names: [&str; N]) -> Option<[Self; N]> {
        let mut found = [Self::NULL; N];
        for (name, value) in self.members()? {
            if let Some(place) = names.iter().position(|wanted| *wanted == name) {
                found[place] = value;
            }
        }
        Some(found)
    }
}
