//! One request: route, look up, respond. No framework between the three.

pub mod admin;
mod body;
mod conditional;
mod encoding;
mod framing;
mod respond;
pub mod route;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, HeaderValue};
use hyper::{HeaderMap, Method, Request, Response};
use tracing::error;

use self::encoding::Accepted;
use self::respond::{Found, Problem};
use self::route::{Asked, Nothing, Refused, Target, View};
use crate::cache::{Cache, Unavailable};
use crate::cause::Causes;
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

        if !framing::is_sound(&head) {
            return Err(Problem::Head);
        }
        let (path, query) = (head.uri.path(), head.uri.query());
        if path == "*" && head.method == Method::OPTIONS {
            body::discard(body, settings.body).await?;
            return Ok(respond::options(None));
        }
        if !path.starts_with('/') {
            return Err(Problem::TargetForm);
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
                // A hit reads the clock once: to judge the entry, and to say its age.
                let arrived = Instant::now();
                if let Some(entry) = self.cache.hit(key, arrived) {
                    return self.found(&entry, Outcome::HitL1, view, arrived, &head.headers);
                }
                let (entry, outcome) = self.cache.lookup(key).await?;
                self.found(&entry, outcome, view, Instant::now(), &head.headers)
            }
            Asked::Unstored(key) => {
                let entry = self.cache.fetch_unstored(key).await?;
                self.found(&entry, Outcome::Unstored, View::Whole, Instant::now(), &head.headers)
            }
            Asked::Nothing(nothing) => {
                let body = nothing.body()?.ok_or(Problem::NoSuchProduct)?;
                let tag = nothing.surrogate_key();
                Ok(self.send_copy(body, Outcome::HitFilter, tag, Duration::ZERO, &head.headers))
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
        if path.len() + query.map_or(0, |query| query.len() + 1) > self.settings.target_max {
            return Err(Problem::TargetTooLong);
        }
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
        now: Instant,
        headers: &HeaderMap,
    ) -> Result<Response<Body>, Problem> {
        let age = now.since(entry.read_at);
        let document = match (&entry.answer, view) {
            (Answer::Found(document), _) => document,
            // The alias shows a list, and of what is not there an empty one.
            (Answer::Absent, View::Features) => {
                let (body, tag) = (Bytes::from_static(b"[]"), entry.surrogate_key.clone());
                return Ok(self.send_copy(body, outcome, tag, age, headers));
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
                        age,
                        unchanged: conditional::unchanged(headers, &variant.etag),
                    },
                    self.settings.manners,
                ));
            }
            View::Count(count) => with_count(&document.identity.body, count),
            View::Features => features(&document.identity.body),
        };
        let body = copy.ok_or(Problem::Internal)?;
        Ok(self.send_copy(body, outcome, entry.surrogate_key.clone(), age, headers))
    }

    /// Sends bytes made for this request, as they are: they have a validator of their own.
    fn send_copy(
        &self,
        body: Bytes,
        outcome: Outcome,
        surrogate_key: HeaderValue,
        age: Duration,
        headers: &HeaderMap,
    ) -> Response<Body> {
        let variant = Variant::new(body);
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
        error!(error = %Causes(&error), "an answer could not be written");
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

#[cfg(test)]
mod tests {
    use super::{Bytes, features, with_count};

    #[test]
    fn a_count_is_written_over_the_first_one_of_the_document() {
        let body = br#"{"product":"2","page":0,"count":10000,"results":[{"body":"\"count\":7","count":7}]}"#;
        let expected =
            r#"{"product":"2","page":0,"count":9007199254740991,"results":[{"body":"\"count\":7","count":7}]}"#;
        assert_eq!(with_count(body, 9_007_199_254_740_991).unwrap(), expected);
        assert_eq!(with_count(br#"{"count":5}"#, 50_000).unwrap(), r#"{"count":50000}"#);
        assert!(with_count(br#"{"product_id":"2","results":[]}"#, 1).is_none());
        assert!(with_count(br#"{"count":"#, 1).is_none());
    }

    #[test]
    fn features_are_the_last_member_of_a_product() {
        let product = |name: &str, features: &str| {
            Bytes::from(format!(r#"{{"id":1,"name":"{name}","default_price":"1.00","features":{features}}}"#))
        };
        for list in ["[]", r#"[{"feature":"Frame","value":null}]"#] {
            assert_eq!(features(&product("n", list)).unwrap(), list);
            // Within a text every quote has a backslash, so the name of the member cannot be found there.
            assert_eq!(features(&product(r#"n,\"features\":[]"#, list)).unwrap(), list);
        }
        assert!(features(&Bytes::from_static(br#"{"id":1}"#)).is_none());
        assert!(features(&Bytes::new()).is_none());
    }
}
