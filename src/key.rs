//! Which answer: the name a response is stored under.
//!
//! A [`Key`] is made from parsed numbers and enums, never from the text of a URI, so two spellings of one question
//! share one entry and unknown parameters cannot fill the cache. It is small and `Copy`; its text form exists for Redis,
//! logs and operators.

use std::fmt;
use std::str::FromStr;

/// The highest id a column of the catalogue can hold (PostgreSQL's `integer`).
pub const ID_MAX: u32 = i32::MAX as u32;

/// Offsets are below this; whatever lies further is past the end of any list.
pub const OFFSET_END: u64 = 1 << 31;

/// The order of a list of reviews. `relevant` and `helpful` are one order and so one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sort {
    /// Helpfulness, then date, then id, each descending.
    Helpful,
    /// Date, then id, both descending.
    Newest,
}

/// A window of a list. Its offset is below [`OFFSET_END`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Page {
    number: u32,
    count: u32,
}

impl Page {
    /// Page `number` of `count` rows each; `None` when either is 0 or the offset reaches [`OFFSET_END`].
    pub fn new(number: u64, count: u64) -> Option<Self> {
        if number == 0 || count == 0 || Self::offset_of(number, count) >= OFFSET_END {
            return None;
        }
        Some(Self { number: u32::try_from(number).ok()?, count: u32::try_from(count).ok()? })
    }

    /// The offset of any page: the number of rows before it, saturating at 2^63 - 1.
    pub fn offset_of(number: u64, count: u64) -> u64 {
        const TOP: u64 = i64::MAX as u64;
        (number.saturating_sub(1)).saturating_mul(count).min(TOP)
    }

    /// Counted from 1.
    pub fn number(self) -> u32 {
        self.number
    }

    /// How many rows were asked for.
    pub fn count(self) -> u32 {
        self.count
    }

    /// How many rows stand before this page.
    pub fn offset(self) -> u32 {
        // `new` has checked that the product is below 2^31.
        (self.number - 1) * self.count
    }
}

/// Which answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// A page of the product list.
    Products(Page),
    /// One product with its features.
    Product(u32),
    /// The styles of a product.
    Styles(u32),
    /// The ids related to a product.
    Related(u32),
    /// A page of a product's reviews.
    Reviews {
        /// The product's id.
        product: u32,
        /// The order.
        sort: Sort,
        /// The window.
        page: Page,
    },
    /// The ratings of a product.
    Meta(u32),
    /// A page of a product's questions, with all their answers.
    Questions {
        /// The product's id.
        product: u32,
        /// The window.
        page: Page,
    },
    /// A page of a question's answers.
    Answers {
        /// The question's id.
        question: u32,
        /// The window.
        page: Page,
    },
}

/// The kind of an answer: what settings, tags and metrics go by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Resource {
    /// The product list.
    List,
    /// One product.
    Product,
    /// Styles.
    Styles,
    /// Related ids.
    Related,
    /// Reviews.
    Reviews,
    /// Ratings.
    Meta,
    /// Questions.
    Questions,
    /// Answers.
    Answers,
}

impl Resource {
    /// Every resource, in the order of their discriminants.
    pub const ALL: [Self; 8] = [
        Self::List,
        Self::Product,
        Self::Styles,
        Self::Related,
        Self::Reviews,
        Self::Meta,
        Self::Questions,
        Self::Answers,
    ];

    /// The class of tags its answers depend on; also its name in settings and metrics.
    pub const fn class(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Product => "product",
            Self::Styles => "styles",
            Self::Related => "related",
            Self::Reviews => "reviews",
            Self::Meta => "meta",
            Self::Questions => "questions",
            Self::Answers => "answers",
        }
    }
}

impl Resource {
    /// Whether its answers are about products alone, to which no reader adds anything.
    pub const fn is_of_products(self) -> bool {
        matches!(self, Self::List | Self::Product | Self::Styles | Self::Related)
    }
}

impl Key {
    /// What kind of answer this is.
    pub const fn resource(self) -> Resource {
        match self {
            Self::Products(_) => Resource::List,
            Self::Product(_) => Resource::Product,
            Self::Styles(_) => Resource::Styles,
            Self::Related(_) => Resource::Related,
            Self::Reviews { .. } => Resource::Reviews,
            Self::Meta(_) => Resource::Meta,
            Self::Questions { .. } => Resource::Questions,
            Self::Answers { .. } => Resource::Answers,
        }
    }

    /// The id of the row the answer hangs on; `None` for the product list.
    pub const fn id(self) -> Option<u32> {
        match self {
            Self::Products(_) => None,
            Self::Product(id) | Self::Styles(id) | Self::Related(id) | Self::Meta(id) => Some(id),
            Self::Reviews { product, .. } | Self::Questions { product, .. } => Some(product),
            Self::Answers { question, .. } => Some(question),
        }
    }

    /// The window of a list; `None` for answers that have no pages.
    pub const fn page(self) -> Option<Page> {
        match self {
            Self::Products(page)
            | Self::Reviews { page, .. }
            | Self::Questions { page, .. }
            | Self::Answers { page, .. } => Some(page),
            Self::Product(_) | Self::Styles(_) | Self::Related(_) | Self::Meta(_) => None,
        }
    }
}

impl fmt::Display for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.number, self.count)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let class = self.resource().class();
        match *self {
            Self::Products(page) => write!(f, "{class}/{page}"),
            Self::Product(id) | Self::Styles(id) | Self::Related(id) | Self::Meta(id) => write!(f, "{class}/{id}"),
            Self::Reviews { product, sort, page } => {
                let sort = match sort {
                    Sort::Helpful => "helpful",
                    Sort::Newest => "newest",
                };
                write!(f, "{class}/{product}/{sort}/{page}")
            }
            Self::Questions { product: id, page } | Self::Answers { question: id, page } => {
                write!(f, "{class}/{id}/{page}")
            }
        }
    }
}

/// A text that is not the text form of a key.
#[derive(Debug, thiserror::Error)]
#[error("not a key; keys look like product/7, reviews/7/newest/1x5 or list/1x5")]
pub struct KeyError;

/// Digits of a positive number without leading zeros, as the text form has them.
fn canonical(text: &str) -> Option<u32> {
    let plain = !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| plain)
}

fn id(text: &str) -> Option<u32> {
    canonical(text).filter(|id| *id <= ID_MAX)
}

fn page(text: &str) -> Option<Page> {
    let (number, count) = text.split_once('x')?;
    Page::new(canonical(number)?.into(), canonical(count)?.into())
}

impl FromStr for Key {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let parts: Vec<_> = text.split('/').collect();
        let key = match parts[..] {
            ["list", window] => page(window).map(Self::Products),
            ["product", row] => id(row).map(Self::Product),
            ["styles", row] => id(row).map(Self::Styles),
            ["related", row] => id(row).map(Self::Related),
            ["meta", row] => id(row).map(Self::Meta),
            ["reviews", row, sort, window] => {
                let sort = match sort {
                    "helpful" => Sort::Helpful,
                    "newest" => Sort::Newest,
                    _ => return Err(KeyError),
                };
                id(row).zip(page(window)).map(|(product, page)| Self::Reviews { product, sort, page })
            }
            ["questions", row, window] => {
                id(row).zip(page(window)).map(|(product, page)| Self::Questions { product, page })
            }
            ["answers", row, window] => {
                id(row).zip(page(window)).map(|(question, page)| Self::Answers { question, page })
            }
            _ => None,
        };
        key.ok_or(KeyError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_small() {
        assert!(size_of::<Key>() <= 16, "{} bytes", size_of::<Key>());
    }

    #[test]
    fn the_text_form_parses_to_the_same_key() {
        let page = Page::new(3, 20).unwrap();
        let keys = [
            (Key::Products(page), "list/3x20"),
            (Key::Product(7), "product/7"),
            (Key::Styles(ID_MAX), "styles/2147483647"),
            (Key::Related(1), "related/1"),
            (Key::Meta(9), "meta/9"),
            (Key::Reviews { product: 2, sort: Sort::Newest, page }, "reviews/2/newest/3x20"),
            (Key::Reviews { product: 2, sort: Sort::Helpful, page }, "reviews/2/helpful/3x20"),
            (Key::Questions { product: 1, page }, "questions/1/3x20"),
            (Key::Answers { question: 2, page }, "answers/2/3x20"),
        ];
        for (key, text) in keys {
            assert_eq!(key.to_string(), text);
            assert_eq!(text.parse::<Key>().unwrap(), key);
        }
    }

    #[test]
    fn other_texts_are_no_keys() {
        for text in [
            "",
            "product",
            "product/0",
            "product/07",
            "product/2147483648",
            "product/1/",
            "list/0x5",
            "list/1x0",
            "list/5",
            "reviews/1/best/1x5",
            "answers/+1/1x5",
            "list/2147483649x1",
            "product/1 ",
            "Product/1",
        ] {
            assert!(text.parse::<Key>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_page_ends_where_offsets_end() {
        assert_eq!(Page::new(1, u64::MAX), None);
        assert_eq!(Page::new(1, u32::MAX.into()).unwrap().offset(), 0);
        assert_eq!(Page::new(2, OFFSET_END - 1).unwrap().offset(), ID_MAX);
        assert_eq!(Page::new(2, OFFSET_END), None);
        assert_eq!(Page::new(OFFSET_END, 1).unwrap().offset(), ID_MAX);
        assert_eq!(Page::new(OFFSET_END + 1, 1), None);
        assert_eq!(Page::offset_of(u64::MAX, u64::MAX), i64::MAX as u64);
        assert_eq!(Page::offset_of(3, 10), 20);
    }
}
