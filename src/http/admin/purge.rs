//! `POST /purge`: an order is read, written through the cache like every other write, and answered with its place in the
//! history.

use std::fmt::Display;
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;

use hyper::{Response, StatusCode};
use serde::{Deserialize, Serialize};

use super::{Body, json, respond};
use crate::cache::{Cache, WriteError};
use crate::cause::Causes;
use crate::command::{Command, Purge, Purged};
use crate::stamp::OrdToken;
use crate::tag::{Kind, Tag};

/// An order as it is sent.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Order {
    tags: Option<Vec<String>>,
    keys: Option<Vec<String>>,
    #[serde(default)]
    all: bool,
    #[serde(default)]
    new_epoch: bool,
    kind: Option<String>,
    #[serde(default)]
    reason: String,
}

/// What was done.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Done {
    /// `null` when its place in the history is not known.
    ord: Option<String>,
    #[serde(flatten)]
    what: What,
}

/// What was purged.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
enum What {
    Tags { kind: String, tags: Vec<String> },
    Epoch { new_epoch: bool },
}

impl Done {
    fn new(purged: &Purged, place: Option<OrdToken>) -> Self {
        let what = match purged {
            Purged::Tags(tags, kind) => {
                What::Tags { kind: kind.to_string(), tags: tags.iter().map(ToString::to_string).collect() }
            }
            Purged::Epoch => What::Epoch { new_epoch: true },
        };
        Self { ord: place.map(|place| place.to_string()), what }
    }
}

/// Why an order is not done: the status, and a sentence.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::http) struct Unfit(pub(in crate::http) StatusCode, pub(in crate::http) String);

impl Unfit {
    fn order(why: impl Into<String>) -> Self {
        Self(StatusCode::UNPROCESSABLE_ENTITY, why.into())
    }
}

impl From<WriteError> for Unfit {
    fn from(error: WriteError) -> Self {
        let said = match &error {
            WriteError::Uncertain(_) => format!("{error}; the same order again does no harm"),
            WriteError::Undone(cause) => format!("nothing was done: {}", Causes(cause)),
            WriteError::Absent | WriteError::Invalid | WriteError::Busy => format!("nothing was done: {error}"),
        };
        Self(StatusCode::SERVICE_UNAVAILABLE, said)
    }
}

impl Order {
    pub(in crate::http) fn read(text: &[u8]) -> Result<Self, Unfit> {
        serde_json::from_slice(text).map_err(|error| {
            if error.is_data() {
                Unfit::order(format!("the order is not one: {error}"))
            } else {
                Unfit(StatusCode::BAD_REQUEST, format!("the body is not JSON: {error}"))
            }
        })
    }

    pub(in crate::http) fn purged(&self) -> Result<Purged, Unfit> {
        let kind = self.kind.as_deref().map_or(Ok(Kind::Hard), parsed);
        let tags: Vec<Tag> = match (&self.tags, &self.keys, self.all, self.new_epoch) {
            (Some(tags), None, false, false) => tags.iter().map(|text| parsed(text)).collect::<Result<_, _>>()?,
            (None, Some(keys), false, false) => {
                keys.iter().map(|text| parsed(text).map(Tag::of)).collect::<Result<_, _>>()?
            }
            (None, None, true, false) => vec![Tag::All],
            (None, None, false, true) if self.kind.is_none() => return Ok(Purged::Epoch),
            (None, None, false, true) => return Err(Unfit::order("a new epoch outdates everything and has no kind")),
            _ => return Err(Unfit::order("an order has exactly one of tags, keys, all and new_epoch")),
        };
        if tags.is_empty() {
            return Err(Unfit::order("the order names nothing"));
        }
        if self.reason.contains('\0') {
            return Err(Unfit::order("the reason holds a NUL, which the database does not keep"));
        }
        Ok(Purged::tags(tags, kind?))
    }
}

fn parsed<T: FromStr<Err: Display>>(text: &str) -> Result<T, Unfit> {
    text.parse().map_err(|error| Unfit::order(format!("{text:?}: {error}")))
}

/// Does the order in `text`, which came from `peer`.
pub(super) async fn answer(cache: &Arc<Cache>, text: &[u8], peer: SocketAddr) -> Response<Body> {
    match order(cache, text, peer).await {
        Ok(done) => json(&done),
        Err(Unfit(status, why)) => respond::plain(status, format!("{why}\n")),
    }
}

async fn order(cache: &Arc<Cache>, text: &[u8], peer: SocketAddr) -> Result<Done, Unfit> {
    let order = Order::read(text)?;
    let what = order.purged()?;
    let purge =
        Purge { what: what.clone(), actor: "admin listener".to_owned(), peer: peer.to_string(), reason: order.reason };
    let place = cache.write(Command::Purge(purge)).await?;
    Ok(Done::new(&what, place))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stamp::Stamp;

    fn purged(text: &str) -> Result<Purged, Unfit> {
        Order::read(text.as_bytes())?.purged()
    }

    #[test]
    fn an_order_names_tags_keys_everything_or_an_epoch() {
        let tags = |texts: &[&str], kind| Ok(Purged::tags(texts.iter().map(|text| text.parse().unwrap()), kind));
        let table = [
            (r#"{"tags":["reviews:7","list:*","reviews:7"]}"#, tags(&["reviews:7", "list:*"], Kind::Hard)),
            (
                r#"{"keys":["reviews/7/newest/1x5","list/2x5"],"kind":"soft"}"#,
                tags(&["reviews:7", "list:*"], Kind::Soft),
            ),
            (r#"{"all":true,"kind":"erase","reason":"a leak"}"#, tags(&["*"], Kind::Erase)),
            (r#"{"all":true,"new_epoch":false,"tags":null}"#, tags(&["*"], Kind::Hard)),
            (r#"{"new_epoch":true}"#, Ok(Purged::Epoch)),
        ];
        for (text, expected) in table {
            assert_eq!(purged(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_order_is_refused_with_a_sentence() {
        let table = [
            ("", 400, "not JSON"),
            ("{", 400, "not JSON"),
            (r#"{"all":true} x"#, 400, "not JSON"),
            ("[]", 422, "not one"),
            (r#"{"all":1}"#, 422, "not one"),
            (r#"{"tag":["reviews:7"]}"#, 422, "unknown field `tag`"),
            (r#"{"all":true,"all":true}"#, 422, "duplicate field `all`"),
            ("{}", 422, "exactly one of"),
            (r#"{"all":false}"#, 422, "exactly one of"),
            (r#"{"all":true,"tags":["list:*"]}"#, 422, "exactly one of"),
            (r#"{"tags":["list:*"],"keys":["list/1x5"]}"#, 422, "exactly one of"),
            (r#"{"tags":[]}"#, 422, "names nothing"),
            (r#"{"tags":["reviews"]}"#, 422, "tags look like reviews:7"),
            (r#"{"keys":["product:7"]}"#, 422, "keys look like product/7"),
            (r#"{"all":true,"kind":"gentle"}"#, 422, "kinds are soft, hard and erase"),
            (r#"{"new_epoch":true,"kind":"hard"}"#, 422, "has no kind"),
            (r#"{"all":true,"reason":"\u0000"}"#, 422, "NUL"),
        ];
        for (text, status, part) in table {
            let Err(Unfit(found, why)) = purged(text) else { panic!("{text} is taken for an order") };
            assert_eq!(found.as_u16(), status, "{text}: {why}");
            assert!(why.contains(part), "{text}: {why}");
        }
    }

    #[test]
    fn what_was_done_is_told_as_json() {
        let place = Some(OrdToken { epoch: 7, stamp: Stamp::new(9) });
        let told = |purged: &Purged, place| serde_json::to_string(&Done::new(purged, place)).unwrap();
        let tags = Purged::tags([Tag::All], Kind::Soft);
        assert_eq!(told(&tags, place), r#"{"ord":"00000007.9","kind":"soft","tags":["*"]}"#);
        assert_eq!(told(&Purged::Epoch, None), r#"{"ord":null,"new_epoch":true}"#);
    }
}
