//! One request: route, look up, respond. No framework between the three.

pub mod admin;
mod body;
mod conditional;
mod encoding;
mod respond;
pub mod route;

use std::sync::Arc;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, HeaderValue};
use hyper::{HeaderMap, Method, Request, Response};
use tracing::error;

use self::encoding::Accepted;
use self::respond::{Found, Problem};
use self::route::{Asked, Nothing, Refused, Target, View};
use crate::cache::{Cache, Unavailable};
use crate::entry::{Answer, Encoding, Entry, Variant};
use crate::freshness::Instant;
use crate::model::{self, IdText, JsonError};
use crate::outcome::Outcome;

pub use self::body::Limits as BodyLimits;
pub use self::respond::{Body, Manners};

/// How requests are read and answered.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The most rows of a list in one answer.
    pub rows_max: u32,
    /// The longest target (path and query), in bytes.
    pub target_max: usize,
    /// Limits of request bodies.
    pub body: BodyLimits,
    /// Whether the five names of older clients are routes.
    pub aliases: bool,
    /// The one token that is accepted, if one is demanded.
    pub token: Option<Token>,
    /// What is the same for every answer.
    pub manners: Manners,
}

/// A demanded token. Its text is never shown.
#[derive(Clone)]
pub struct Token(Arc<[u8]>);

impl Token {
    /// A token of these bytes.
    pub fn new(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }

    /// Whether the request brings it. Takes as long for a wrong byte at the beginning as for one at the end.
    fn is_in(&self, headers: &HeaderMap) -> bool {
        let given = headers.get(AUTHORIZATION).map(HeaderValue::as_bytes).unwrap_or_default();
        let differs = given.iter().zip(&*self.0).fold(0, |differs, (given, wanted)| differs | (given ^ wanted));
        differs == 0 && given.len() == self.0.len()
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

/// Answers the requests of the API.
#[derive(Clone)]
pub struct Api {
    cache: Arc<Cache>,
    settings: Arc<Settings>,
}

impl Api {
    /// Answers from `cache`.
    pub fn new(cache: Arc<Cache>, settings: Settings) -> Self {
        Self { cache, settings: Arc::new(settings) }
    }

    /// Answers one request. There is always an answer.
    pub async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        match self.respond(request).await {
            Ok(response) => response,
            Err(problem) => respond::problem(problem),
        }
    }

    async fn respond(&self, request: Request<Incoming>) -> Result<Response<Body>, Problem> {
        let (head, body) = request.into_parts();
        let settings = &*self.settings;

        let (path, query) = (head.uri.path(), head.uri.query());
        if path.len() + query.map_or(0, |query| query.len() + 1) > settings.target_max {
            return Err(Problem::TargetTooLong);
        }
        if !path.starts_with('/') {
            return if head.method == Method::OPTIONS && path == "*" {
                body::discard(body, settings.body).await?;
                Ok(respond::options(None))
            } else {
                Err(Problem::TargetForm)
            };
        }
        // A refusal comes before one of the body, but it leaves no body behind on a connection that stays open either.
        let admitted = self.admit(&head.method, path, query, &head.headers);
        let asked = match (admitted, body::discard(body, settings.body).await) {
            (Ok(Admitted::Read(asked)), Ok(())) => asked,
            (Ok(Admitted::Options(target)), Ok(())) => return Ok(respond::options(Some(target.route))),
            (Ok(_), Err(of_body)) => return Err(of_body),
            (Err(refusal), Ok(())) => return Err(refusal),
            (Err(refusal), Err(_)) => return Ok(respond::closing(respond::problem(refusal))),
        };

        match asked {
            Asked::Stored(key, view) => {
                let (entry, outcome) = match self.cache.hit(key) {
                    Some(entry) => (entry, Outcome::HitL1),
                    None => self.cache.lookup(key).await?,
                };
                self.found(&entry, outcome, view, &head.headers)
            }
            Asked::Unstored(key) => {
                let entry = self.cache.fetch_unstored(key).await?;
                self.found(&entry, Outcome::Unstored, View::Whole, &head.headers)
            }
            Asked::Nothing(nothing) => {
                let body = nothing.body()?.ok_or(Problem::NoSuchProduct)?;
                Ok(self.send_copy(body, Outcome::HitFilter, nothing.surrogate_key(), None, &head.headers))
            }
        }
    }

    /// The checks of the contract in their order, as far as they need no body.
    fn admit(
        &self,
        method: &Method,
        path: &str,
        query: Option<&str>,
        headers: &HeaderMap,
    ) -> Result<Admitted, Problem> {
        let target = route::target(path, query, self.settings.aliases).map_err(Problem::Refused)?;
        if !target.route.knows(method) {
            return Err(Problem::Refused(Refused::Method(target.route)));
        }
        if method == Method::OPTIONS {
            return Ok(Admitted::Options(target));
        }
        if self.settings.token.as_ref().is_some_and(|token| !token.is_in(headers)) {
            return Err(Problem::Token);
        }
        target.asked(query, self.settings.rows_max).map(Admitted::Read).map_err(Problem::Refused)
    }

    fn found(
        &self,
        entry: &Entry,
        outcome: Outcome,
        view: View,
        headers: &HeaderMap,
    ) -> Result<Response<Body>, Problem> {
        let document = match (&entry.answer, view) {
            (Answer::Found(document), _) => document,
            // The alias shows a list, and of what is not there an empty one.
            (Answer::Absent, View::Features) => {
                let (body, tag) = (Bytes::from_static(b"[]"), entry.surrogate_key.clone());
                return Ok(self.send_copy(body, outcome, tag, Some(entry), headers));
            }
            (Answer::Absent, View::Whole | View::Count(_)) => return Err(Problem::NoSuchProduct),
        };
        let copy = match view {
            View::Whole => {
                let (encoding, variant) = Accepted::of(headers).choose(document);
                return Ok(respond::found(
                    &Found {
                        variant,
                        encoding,
                        surrogate_key: entry.surrogate_key.clone(),
                        outcome,
                        age: Instant::now().since(entry.read_at),
                        unchanged: conditional::unchanged(headers, &variant.etag),
                    },
                    self.settings.manners,
                ));
            }
            View::Count(count) => with_count(&document.identity.body, count),
            View::Features => features(&document.identity.body),
        };
        let body = copy.ok_or(Problem::Internal)?;
        Ok(self.send_copy(body, outcome, entry.surrogate_key.clone(), Some(entry), headers))
    }

    /// Sends bytes made for this request, as they are: they have a validator of their own.
    fn send_copy(
        &self,
        body: Bytes,
        outcome: Outcome,
        surrogate_key: HeaderValue,
        from: Option<&Entry>,
        headers: &HeaderMap,
    ) -> Response<Body> {
        let variant = Variant::new(body);
        let age = from.map_or(std::time::Duration::ZERO, |entry| Instant::now().since(entry.read_at));
        let unchanged = conditional::unchanged(headers, &variant.etag);
        let found = Found { variant: &variant, encoding: Encoding::Identity, surrogate_key, outcome, age, unchanged };
        respond::found(&found, self.settings.manners)
    }
}

/// A request that passed the checks.
enum Admitted {
    Options(Target),
    Read(Asked),
}

impl From<Unavailable> for Problem {
    fn from(unavailable: Unavailable) -> Self {
        match unavailable {
            Unavailable::Busy | Unavailable::Late | Unavailable::Failed(_) => Self::Unavailable,
            // The fetch panicked; its own log line says where.
            Unavailable::Lost => Self::Unavailable,
        }
    }
}

impl From<JsonError> for Problem {
    fn from(error: JsonError) -> Self {
        error!(error = &error as &dyn std::error::Error, "an answer could not be written");
        Self::Internal
    }
}

/// The body with another `count`. In our own documents the first `"count":` is the key: texts come later, and a quote
/// within a text is escaped.
fn with_count(body: &[u8], count: u64) -> Option<Bytes> {
    const NAME: &[u8] = b"\"count\":";
    let begin = body.windows(NAME.len()).position(|part| part == NAME)? + NAME.len();
    let length = body[begin..].iter().position(|byte| !byte.is_ascii_digit())?;
    Some([&body[..begin], count.to_string().as_bytes(), &body[begin + length..]].concat().into())
}

/// The `features` of a product's body: its last member.
fn features(body: &Bytes) -> Option<Bytes> {
    const NAME: &[u8] = b",\"features\":";
    let begin = body.windows(NAME.len()).position(|part| part == NAME)? + NAME.len();
    Some(body.slice(begin..body.len().checked_sub(1)?))
}

impl Nothing {
    /// The document, or `None` for 404.
    fn body(self) -> Result<Option<Bytes>, JsonError> {
        Ok(Some(match self {
            Self::Product => return Ok(None),
            Self::List | Self::Related | Self::Features => Bytes::from_static(b"[]"),
            Self::Styles(product) => model::json(&model::Styles { product_id: IdText(product), results: vec![] })?,
            Self::Reviews(product, page, count) => {
                model::json(&model::Reviews { product: IdText(product), page, count, results: vec![] })?
            }
            Self::Meta(product) => model::json(&model::Meta {
                product_id: IdText(product),
                ratings: model::Ratings::default(),
                recommended: model::Recommended::default(),
                characteristics: vec![],
            })?,
            Self::Questions(product) => {
                model::json(&model::Questions { product_id: IdText(product), results: vec![] })?
            }
            Self::Answers(question, page, count) => {
                model::json(&model::Answers { question: IdText(question), page, count, results: vec![] })?
            }
        }))
    }

    /// The class alone: no row that could be tagged is there.
    fn surrogate_key(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::List => "list",
            Self::Product | Self::Features => "product",
            Self::Styles(_) => "styles",
            Self::Related => "related",
            Self::Reviews(..) => "reviews",
            Self::Meta(_) => "meta",
            Self::Questions(_) => "questions",
            Self::Answers(..) => "answers",
        })
    }
}
