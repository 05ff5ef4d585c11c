//! What a change covers: one place, a class, or everything.

use crate::facts::Place;
use crate::tag::Tag;

/// What a tag covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Covers {
    /// Every class.
    All,
    /// One class.
    Class(usize),
    /// One place.
    One(Place),
}

impl Covers {
    pub(super) fn of(tag: Tag) -> Self {
        match tag {
            Tag::All => Self::All,
            Tag::Class(class) => Self::Class(class as usize),
            Tag::Row(class, id) => Self::One(Place::of_row(class, id)),
        }
    }

    /// Whether a change of this touches what stands at `place`, or may, with so many cells.
    pub(super) fn touches(self, place: Place, cells: usize) -> bool {
        match self {
            Self::All => true,
            Self::Class(class) => class == place.class(),
            Self::One(other) => other.class() == place.class() && other.cell(cells) == place.cell(cells),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_touches_the_answers_that_depend_on_it() {
        const CELLS: usize = 1 << 20;
        let of = |text: &str| Place::of(text.parse().unwrap());
        let covers = |text: &str| Covers::of(text.parse().unwrap());
        for key in ["reviews/7/newest/1x5", "reviews/7/helpful/9x100"] {
            assert!(covers("reviews:7").touches(of(key), CELLS), "{key}");
            assert!(covers("reviews:*").touches(of(key), CELLS) && covers("*").touches(of(key), CELLS), "{key}");
            assert!(!covers("reviews:8").touches(of(key), CELLS), "{key}");
            assert!(!covers("meta:7").touches(of(key), CELLS) && !covers("meta:*").touches(of(key), CELLS), "{key}");
        }
        assert!(covers("list:*").touches(of("list/3x5"), CELLS));
        assert!(covers("reviews:8").touches(of("reviews/7/newest/1x5"), 1), "with one cell everything collides");
    }
}
