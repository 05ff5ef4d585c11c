//! From what was found to a response: an entry in the encoding that the client likes best, a copy that is made of it, or nothing.

use std::time::Duration;

use bytes::Bytes;
use hyper::Response;

use super::encoding::Choice;
use super::fields::Fields;
use super::nothing::Nothing;
use super::problem::Problem;
use super::respond::{self, Body, Found};
use super::route::View;
use super::{Api, copy};
use crate::cache::Served;
use crate::entry::{Answer, Encoding, Entry, Variant};
use crate::outcome::Outcome;

/// Why there is no response of an entry.
pub(super) enum Lack {
    /// There is one of another kind.
    Answer(Problem),
    /// The encoding to be sent is not made yet.
    Encoding(Encoding),
}

impl Api {
    /// The response of an entry, unless there has to be something else before there can be one.
    #[inline]
    pub(super) fn found(&self, served: &Served, view: View, fields: &Fields<'_>) -> Result<Response<Body>, Lack> {
        let copy = match (&served.entry.answer, view) {
            (Answer::Found(document), View::Whole) => {
                return match fields.accepted().choose(document) {
                    Choice::Is(encoding, variant) => Ok(self.send_variant(encoding, variant, served, fields)),
                    Choice::ToMake(encoding) => Err(Lack::Encoding(encoding)),
                };
            }
            (Answer::Found(document), View::Count(count)) => copy::with_count(&document.identity.body, count),
            (Answer::Found(document), View::Features) => copy::features(&document.identity.body),
            // The alias shows a list, and of what is not there an empty one.
            (Answer::Absent, View::Features) => Some(Bytes::from_static(b"[]")),
            (Answer::Absent, View::Whole | View::Count(_)) => return Err(Lack::Answer(Problem::NoSuchProduct)),
        };
        let body = copy.ok_or(Lack::Answer(Problem::Internal))?;
        Ok(self.send_variant(Encoding::Identity, &Variant::new(&body), served, fields))
    }

    /// The same; if the encoding that the client likes best has to be made, that is done.
    pub(super) async fn found_in_time(
        &self,
        served: &Served,
        view: View,
        fields: &Fields<'_>,
    ) -> Result<Response<Body>, Problem> {
        loop {
            match self.found(served, view, fields) {
                Ok(response) => return Ok(response),
                Err(Lack::Answer(problem)) => return Err(problem),
                Err(Lack::Encoding(encoding)) => {
                    if let Some(document) = self.cache.encode(&served.entry, encoding).await {
                        return Ok(self.send_variant(Encoding::Identity, &document.identity, served, fields));
                    }
                }
            }
        }
    }

    /// What is known without an entry: nothing is there.
    pub(super) fn nothing(&self, nothing: Nothing, fields: &Fields<'_>) -> Result<Response<Body>, Problem> {
        let variant = Variant::new(&nothing.body()?.ok_or(Problem::NoSuchProduct)?);
        let found = Found {
            variant: &variant,
            encoding: Encoding::Identity,
            tag: &nothing.surrogate_key(),
            class: nothing.resource(),
            outcome: Outcome::HitFilter,
            age: Duration::ZERO,
            unchanged: fields.unchanged(&variant.etag),
        };
        Ok(self.send(&found, None))
    }

    /// Sends bytes of an entry, or those that were made of them for this request.
    #[inline]
    fn send_variant(
        &self,
        encoding: Encoding,
        variant: &Variant,
        served: &Served,
        fields: &Fields<'_>,
    ) -> Response<Body> {
        let Served { entry, outcome, age } = served;
        let unchanged = fields.unchanged(&variant.etag);
        let (tag, class) = (&entry.surrogate_key, entry.key.resource());
        let found = Found { variant, encoding, tag, class, outcome: *outcome, age: *age, unchanged };
        self.send(&found, Some(entry))
    }

    fn send(&self, found: &Found<'_>, entry: Option<&Entry>) -> Response<Body> {
        self.placed(respond::found(found, &self.settings.manners), entry)
    }

    /// With its place in the history, if answers are to carry that.
    pub(super) fn placed(&self, mut response: Response<Body>, entry: Option<&Entry>) -> Response<Body> {
        if self.settings.manners.ord
            && let Some(place) = self.cache.position(entry)
        {
            respond::add_place(&mut response, place);
        }
        response
    }
}
