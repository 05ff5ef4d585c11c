//! Targets of requests.

use hyper::Method;

use crate::http::route::{Asked, Refused, Target, View, target};
use crate::key::{Key, Page, Sort};

const ROWS_MAX: u32 = 10_000;

/// What a read of this target asks for, and the write it would be.
fn parsed(path: &str, query: Option<&str>, aliases: bool) -> Result<(Target, Result<Asked, Refused>), Refused> {
    let target = target(path, query, aliases)?;
    Ok((target, target.asked(query, ROWS_MAX)))
}

/// The plain spelling of a question that has a key.
fn spelled(key: Key, view: View) -> String {
    let window = |page: Page| {
        let count = match view {
            View::Count(count) => count,
            View::Whole | View::Features => page.count().into(),
        };
        format!("page={}&count={count}", page.number())
    };
    match key {
        Key::Product(id) if view == View::Features => format!("/Features?id={id}"),
        Key::Products(page) => format!("/products?{}", window(page)),
        Key::Product(id) => format!("/products/{id}"),
        Key::Styles(id) => format!("/products/{id}/styles"),
        Key::Related(id) => format!("/products/{id}/related"),
        Key::Meta(id) => format!("/reviews/meta?product_id={id}"),
        Key::Questions { product, page } => format!("/qa/questions?product_id={product}&{}", window(page)),
        Key::Answers { question, page } => format!("/qa/questions/{question}/answers?{}", window(page)),
        Key::Reviews { product, sort, page } => {
            let sort = match sort {
                Sort::Helpful => "helpful",
                Sort::Newest => "newest",
            };
            format!("/reviews?product_id={product}&sort={sort}&{}", window(page))
        }
    }
}

/// The first byte says whether aliases are routes; path and query follow.
pub fn route(data: &[u8]) {
    let Some((first, text)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let aliases = first & 1 == 1;
    let (path, query) = match text.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (text, None),
    };
    let found = parsed(path, query, aliases);

    // What no route looks at has no effect, and neither has another spelling of the path.
    let more = format!("{}&filters%5B%5D=5&Page=7&=", query.unwrap_or_default());
    assert_eq!(parsed(path, Some(&more), aliases), found, "unknown parameters");
    if path.starts_with('/') && !path.starts_with("/api/fec2/") {
        assert_eq!(parsed(&format!("/api/fec2/hr-x{path}"), query, aliases), found, "the prefix");
    }
    if path.len() > 1 && !path.ends_with('/') {
        assert_eq!(parsed(&format!("{path}/"), query, aliases), found, "a slash at the end");
    }
    let Ok((target, asked)) = found else { return };
    // A route that knows no writes refuses them for the method and for nothing else, and the other way round.
    let writes = target.route.knows(&Method::POST) || target.route.knows(&Method::PUT);
    assert_eq!(target.change() == Err(Refused::Method(target.route)), !writes, "writes of {path}");
    let reads = target.route.knows(&Method::GET);
    assert_eq!(asked == Err(Refused::Method(target.route)), !reads, "reads of {path}");
    for method in [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::OPTIONS, Method::DELETE] {
        let named = target.route.allow().split(", ").any(|name| name == method.as_str());
        assert_eq!(target.route.knows(&method), named, "{method} of {path}");
    }

    let (Ok(Asked::Stored(key, _) | Asked::Unstored(key)), view) = (asked, view(asked)) else { return };
    // A key's text is the key, and asking for it plainly is asking for it: whatever is equal here is equal everywhere.
    assert_eq!(key.to_string().parse().ok(), Some(key), "the text of {key}");
    let plain = spelled(key, view);
    let (path, query) = plain.split_once('?').map_or((&*plain, None), |(path, query)| (path, Some(query)));
    let again = parsed(path, query, true).map(|(_, asked)| asked);
    assert_eq!(again, Ok(asked), "{plain}");
}

fn view(asked: Result<Asked, Refused>) -> View {
    match asked {
        Ok(Asked::Stored(_, view)) => view,
        Ok(Asked::Unstored(_) | Asked::Nothing(_) | Asked::Cart | Asked::Description) | Err(_) => View::Whole,
    }
}
