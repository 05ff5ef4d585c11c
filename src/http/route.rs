//! From method, path and query to what is asked.
//!
//! The path is matched undecoded, segment by segment; the query is decoded once (`query.rs`). What comes out are numbers and enums,
//! so nothing of the request's text gets any further.

use hyper::Method;

use super::nothing::Nothing;
use super::query::{Parameters, id, parameter};
use crate::command::{Subject, Vote};
use crate::key::{ID_MAX, Key, OFFSET_END, Page, Sort};
use crate::metrics::Template;

/// A route of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// `/products`
    Products,
    /// `/products/:product_id`
    Product,
    /// `/products/:product_id/styles`
    Styles,
    /// `/products/:product_id/related`
    Related,
    /// `/reviews`
    Reviews,
    /// `/reviews/meta`
    Meta,
    /// `/qa/questions`
    Questions,
    /// `/qa/questions/:question_id/answers`
    Answers,
    /// `/Features?id=`, an alias that shows a part of a product.
    Features,
    /// `/cart`
    Cart,
    /// `/interactions`
    Interactions,
    /// `/reviews/:review_id/helpful`, `/qa/answers/:answer_id/report` and the four others.
    Vote(Subject, Vote),
    /// `/openapi.yaml`, the description of all of these.
    Description,
}

/// What the id in a path names, for the text that says that it is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// A product.
    Product,
    /// A review.
    Review,
    /// A question.
    Question,
    /// An answer.
    Answer,
}

impl Named {
    /// What a vote is for.
    pub const fn of(subject: Subject) -> Self {
        match subject {
            Subject::Review => Self::Review,
            Subject::Question => Self::Question,
            Subject::Answer => Self::Answer,
        }
    }
}

/// Why a request is refused before anything is looked up. The order is the order of the checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// No route has this path.
    UnknownPath,
    /// The route does not know the method.
    Method(Route),
    /// The id in the path is not one.
    PathId(Named),
    /// `product_id` is missing from the query, or not an id.
    QueryProductId,
}

/// A path of the API, with its id if it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// Which route.
    pub route: Route,
    /// The id of the path; `Some(None)` when what stands there is not an id.
    id: Option<Option<u64>>,
}

/// The answer that a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// What is stored under a key, seen in some way.
    Stored(Key, View),
    /// A window without an entry of its own: it asks for more rows than an answer holds, and not for the first.
    Unstored(Key),
    /// Nothing can be there: no id or offset of the catalogue reaches so far.
    Nothing(Nothing),
    /// The cart of whoever asks.
    Cart,
    /// The description of the API.
    Description,
}

/// The write that a request asks for, as far as its path says it. An id is `None` when no column can hold it, so that no row
/// has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// What the body describes is added.
    Add(Addition),
    /// A review, question or answer is voted for or reported.
    Vote(Subject, Option<u32>, Vote),
}

/// What can be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addition {
    /// A review.
    Review,
    /// A question.
    Question,
    /// An answer to this question.
    Answer(Option<u32>),
    /// So many of a sku, to the cart of whoever asks.
    Cart,
    /// An interaction.
    Interaction,
}

/// How the answer is made from the entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// It is the entry.
    Whole,
    /// It is the entry, but says this `count`: the entry holds as many rows as any answer may.
    Count(u64),
    /// It is the entry's `features` alone.
    Features,
}

/// The methods of a route: to compare with, and as `Allow` names them.
type Methods = (&'static [Method], &'static str);

const READ: Methods = (&[Method::GET, Method::HEAD, Method::OPTIONS], "GET, HEAD, OPTIONS");
const READ_AND_POST: Methods =
    (&[Method::GET, Method::HEAD, Method::POST, Method::OPTIONS], "GET, HEAD, POST, OPTIONS");
const POST: Methods = (&[Method::POST, Method::OPTIONS], "POST, OPTIONS");
const PUT: Methods = (&[Method::PUT, Method::OPTIONS], "PUT, OPTIONS");

impl Route {
    const fn methods(self) -> Methods {
        match self {
            Self::Products
            | Self::Product
            | Self::Styles
            | Self::Related
            | Self::Meta
            | Self::Features
            | Self::Description => READ,
            Self::Reviews | Self::Questions | Self::Answers | Self::Cart => READ_AND_POST,
            Self::Interactions => POST,
            Self::Vote(..) => PUT,
        }
    }

    /// As it stands in metrics and logs.
    pub const fn template(self) -> Template {
        match self {
            Self::Products => Template::Products,
            Self::Product => Template::Product,
            Self::Styles => Template::Styles,
            Self::Related => Template::Related,
            Self::Reviews => Template::Reviews,
            Self::Meta => Template::Meta,
            Self::Questions => Template::Questions,
            Self::Answers => Template::Answers,
            Self::Features => Template::Features,
            Self::Cart => Template::Cart,
            Self::Interactions => Template::Interactions,
            Self::Vote(Subject::Review, Vote::Helpful) => Template::ReviewHelpful,
            Self::Vote(Subject::Review, Vote::Report) => Template::ReviewReport,
            Self::Vote(Subject::Question, Vote::Helpful) => Template::QuestionHelpful,
            Self::Vote(Subject::Question, Vote::Report) => Template::QuestionReport,
            Self::Vote(Subject::Answer, Vote::Helpful) => Template::AnswerHelpful,
            Self::Vote(Subject::Answer, Vote::Report) => Template::AnswerReport,
            Self::Description => Template::Description,
        }
    }

    /// The methods, for `Allow`.
    pub const fn allow(self) -> &'static str {
        self.methods().1
    }

    /// Whether the route knows the method. Methods are case-sensitive.
    pub fn knows(self, method: &Method) -> bool {
        self.methods().0.contains(method)
    }
}

/// The route that a path and, for an alias, its query name.
///
/// # Errors
/// When no route has this path.
// Into the one hot place that calls it: operators' questions, which call it too, would keep the compiler from that.
#[inline(always)]
pub fn target(path: &str, query: Option<&str>, aliases: bool) -> Result<Target, Refused> {
    if let Some(target) = of_product(path) {
        return Ok(target);
    }
    let target = |route| Ok(Target { route, id: None });
    let with_id = |route, text: &str| match text {
        "" => Err(Refused::UnknownPath),
        text => Ok(Target { route, id: Some(id(text)) }),
    };
    let vote = |subject, text: &str, vote: &str| match vote {
        "helpful" => with_id(Route::Vote(subject, Vote::Helpful), text),
        "report" => with_id(Route::Vote(subject, Vote::Report), text),
        _ => Err(Refused::UnknownPath),
    };
    let bare = without_prefix(path);
    // One slash may follow; it leaves an empty last segment.
    let bare = bare.strip_suffix('/').filter(|bare| !bare.ends_with('/')).unwrap_or(bare);
    let mut segments = bare.strip_prefix('/').ok_or(Refused::UnknownPath)?.split('/');
    let mut next = || segments.next();
    match (next(), next(), next(), next(), next()) {
        (Some("products"), None, ..) => target(Route::Products),
        (Some("products"), Some(product), None, ..) => with_id(Route::Product, product),
        (Some("products"), Some(product), Some("styles"), None, _) => with_id(Route::Styles, product),
        (Some("products"), Some(product), Some("related"), None, _) => with_id(Route::Related, product),
        (Some("reviews"), None, ..) => target(Route::Reviews),
        (Some("reviews"), Some("meta"), None, ..) => target(Route::Meta),
        (Some("qa"), Some("questions"), None, ..) => target(Route::Questions),
        (Some("qa"), Some("questions"), Some(question), Some("answers"), None) => with_id(Route::Answers, question),
        (Some("cart"), None, ..) => target(Route::Cart),
        (Some("interactions"), None, ..) => target(Route::Interactions),
        (Some("reviews"), Some(review), Some(verb), None, _) => vote(Subject::Review, review, verb),
        (Some("qa"), Some("questions"), Some(question), Some(verb), None) => vote(Subject::Question, question, verb),
        (Some("qa"), Some("answers"), Some(answer), Some(verb), None) => vote(Subject::Answer, answer, verb),
        (Some("openapi.yaml"), None, ..) => target(Route::Description),
        (Some(alias), None, ..) if aliases => by_alias(alias, query),
        _ => Err(Refused::UnknownPath),
    }
}

/// The paths that are asked for most, which take no splitting to be known: a product's, its styles', its related ones'.
#[inline]
fn of_product(path: &str) -> Option<Target> {
    let rest = path.strip_prefix("/products/")?;
    let (product, behind) = rest.split_at(rest.bytes().take_while(u8::is_ascii_digit).count());
    let route = match behind {
        "" => Route::Product,
        "/styles" => Route::Styles,
        "/related" => Route::Related,
        _ => return None,
    };
    (!product.is_empty()).then(|| Target { route, id: Some(id(product)) })
}

/// The five names that older clients use, in any case.
fn by_alias(alias: &str, query: Option<&str>) -> Result<Target, Refused> {
    let with_id = |route| Ok(Target { route, id: Some(parameter(query, "id").and_then(|text| id(&text))) });
    match alias.to_ascii_lowercase().as_str() {
        "products" => Ok(Target { route: Route::Products, id: None }),
        "productbyid" => with_id(Route::Product),
        "styles" => with_id(Route::Styles),
        "related" => with_id(Route::Related),
        "features" => with_id(Route::Features),
        _ => Err(Refused::UnknownPath),
    }
}

/// The path without `/api/fec2/<campus>` in front, which clients of the public service send.
fn without_prefix(path: &str) -> &str {
    let Some(rest) = path.strip_prefix("/api/fec2/") else {
        return path;
    };
    let campus = rest.split('/').next().unwrap_or_default();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    if campus.is_empty() || campus == "." || campus == ".." || !campus.bytes().all(plain) {
        return path;
    }
    &rest[campus.len()..]
}

impl Target {
    /// What a read asks for. `rows_max` is the most rows an answer holds.
    ///
    /// # Errors
    /// When the path's id is not one, the query lacks the product's, or nothing can be read there.
    #[inline(always)]
    pub fn asked(self, query: Option<&str>, rows_max: u32) -> Result<Asked, Refused> {
        let parameters = Parameters::of(query);
        let product = || self.id.flatten().ok_or(Refused::PathId(Named::Product));
        let of_product = || parameters.product_id.flatten().ok_or(Refused::QueryProductId);
        let (page, count) = parameters.window();
        Ok(match self.route {
            Route::Products => window(page, count, rows_max, Key::Products, Nothing::List, true),
            Route::Product => row(product()?, Key::Product, Nothing::Product),
            Route::Features => match column(product()?) {
                Some(id) => Asked::Stored(Key::Product(id), View::Features),
                None => Asked::Nothing(Nothing::Features),
            },
            Route::Styles => {
                let id = product()?;
                row(id, Key::Styles, Nothing::Styles(id))
            }
            Route::Related => row(product()?, Key::Related, Nothing::Related),
            Route::Reviews => {
                let id = of_product()?;
                let sort = if parameters.newest.unwrap_or(false) { Sort::Newest } else { Sort::Helpful };
                let nothing = Nothing::Reviews(id, Page::offset_of(page, count), count);
                match column(id) {
                    Some(product) => {
                        window(page, count, rows_max, |page| Key::Reviews { product, sort, page }, nothing, false)
                    }
                    None => Asked::Nothing(nothing),
                }
            }
            Route::Meta => {
                let id = of_product()?;
                row(id, Key::Meta, Nothing::Meta(id))
            }
            Route::Questions => {
                let id = of_product()?;
                let nothing = Nothing::Questions(id);
                match column(id) {
                    Some(product) => {
                        window(page, count, rows_max, |page| Key::Questions { product, page }, nothing, true)
                    }
                    None => Asked::Nothing(nothing),
                }
            }
            Route::Answers => {
                let id = self.id.flatten().ok_or(Refused::PathId(Named::Question))?;
                let nothing = Nothing::Answers(id, page, count);
                match column(id) {
                    Some(question) => {
                        window(page, count, rows_max, |page| Key::Answers { question, page }, nothing, false)
                    }
                    None => Asked::Nothing(nothing),
                }
            }
            Route::Cart => Asked::Cart,
            Route::Description => Asked::Description,
            Route::Interactions | Route::Vote(..) => return Err(Refused::Method(self.route)),
        })
    }

    /// What a write asks for.
    ///
    /// # Errors
    /// When the path's id is not one, or nothing can be written there.
    pub fn change(self) -> Result<Change, Refused> {
        let id = |named| self.id.flatten().map(column).ok_or(Refused::PathId(named));
        Ok(match self.route {
            Route::Reviews => Change::Add(Addition::Review),
            Route::Questions => Change::Add(Addition::Question),
            Route::Answers => Change::Add(Addition::Answer(id(Named::Question)?)),
            Route::Vote(subject, vote) => Change::Vote(subject, id(Named::of(subject))?, vote),
            Route::Cart => Change::Add(Addition::Cart),
            Route::Interactions => Change::Add(Addition::Interaction),
            Route::Products
            | Route::Product
            | Route::Styles
            | Route::Related
            | Route::Meta
            | Route::Features
            | Route::Description => return Err(Refused::Method(self.route)),
        })
    }
}

/// The id as a column can hold it; beyond, no row has it.
fn column(id: u64) -> Option<u32> {
    u32::try_from(id).ok().filter(|id| *id <= ID_MAX)
}

fn row(id: u64, key: impl FnOnce(u32) -> Key, nothing: Nothing) -> Asked {
    match column(id) {
        Some(id) => Asked::Stored(key(id), View::Whole),
        None => Asked::Nothing(nothing),
    }
}

/// A window of a list. `silent` lists do not repeat the count, so all counts above the limit are one answer.
fn window(
    page: u64,
    count: u64,
    rows_max: u32,
    key: impl FnOnce(Page) -> Key,
    nothing: Nothing,
    silent: bool,
) -> Asked {
    let rows = u64::from(rows_max);
    if page > 1 && Page::offset_of(page, count) >= OFFSET_END {
        return Asked::Nothing(nothing);
    }
    let held = if page == 1 { count.min(rows) } else { count };
    match Page::new(page, held) {
        Some(window) if page > 1 && count > rows => Asked::Unstored(key(window)),
        Some(window) if held < count && !silent => Asked::Stored(key(window), View::Count(count)),
        Some(window) => Asked::Stored(key(window), View::Whole),
        // Only an offset beyond the end makes no page, and that was asked above.
        None => Asked::Nothing(nothing),
    }
}

#[cfg(test)]
#[path = "route_tests.rs"]
mod tests;
