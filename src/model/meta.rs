//! `GET /reviews/meta`.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::IdText;

/// What the reviews of a product come to.
#[derive(Clone, Debug, Serialize)]
pub struct Meta<'a> {
    /// The product's id.
    pub product_id: IdText,
    /// How often each rating was given.
    pub ratings: Ratings,
    /// How many recommend the product, and how many do not.
    pub recommended: Recommended,
    /// By characteristic id.
    #[serde(serialize_with = "characteristics")]
    pub characteristics: Vec<Characteristic<'a>>,
}

/// How often each rating from 1 to 5 was given. One that nobody gave is left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ratings(pub [u64; 5]);

impl Serialize for Ratings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(
            (1..).zip(self.0).filter(|(_, count)| *count > 0).map(|(stars, count): (u8, _)| (stars, IdText(count))),
        )
    }
}

/// How many do not recommend, and how many do; what nobody said is left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recommended {
    /// Those who do not.
    pub no: u64,
    /// Those who do.
    pub yes: u64,
}

impl Serialize for Recommended {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let both = [("false", self.no), ("true", self.yes)];
        serializer
            .collect_map(both.into_iter().filter(|(_, count)| *count > 0).map(|(said, count)| (said, IdText(count))))
    }
}

/// Something that reviews of a product rate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Characteristic<'a> {
    /// The characteristic's id.
    pub id: u32,
    /// Its name.
    pub name: &'a str,
    /// The average as PostgreSQL's `avg(value)::text` prints it, or `None` without ratings.
    pub value: Option<std::borrow::Cow<'a, str>>,
}

#[derive(Serialize)]
struct Average<'a> {
    id: u32,
    value: Option<&'a str>,
}

/// Of a name that a product has twice, the lowest id is shown: JSON readers would keep the last.
fn characteristics<S: Serializer>(list: &[Characteristic<'_>], serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(None)?;
    for (place, characteristic) in list.iter().enumerate() {
        if list[..place].iter().any(|earlier| earlier.name == characteristic.name) {
            continue;
        }
        let average = Average { id: characteristic.id, value: characteristic.value.as_deref() };
        map.serialize_entry(characteristic.name, &average)?;
    }
    map.end()
}
