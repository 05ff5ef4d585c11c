use proptest::prelude::*;

use super::*;
use crate::command::{Subject, Vote};
use crate::http::query::TOP;

const ROWS_MAX: u32 = 10_000;

fn parse(uri: &str) -> Result<Asked, Refused> {
    parse_with(uri, false)
}

fn parse_with(uri: &str, aliases: bool) -> Result<Asked, Refused> {
    let (path, query) = uri.split_once('?').map_or((uri, None), |(path, query)| (path, Some(query)));
    target(path, query, aliases)?.asked(query, ROWS_MAX)
}

fn page(number: u64, count: u64) -> Page {
    Page::new(number, count).unwrap()
}

fn reviews(product: u32, sort: Sort, number: u64, count: u64) -> Result<Asked, Refused> {
    Ok(Asked::Stored(Key::Reviews { product, sort, page: page(number, count) }, View::Whole))
}

fn whole(key: Key) -> Result<Asked, Refused> {
    Ok(Asked::Stored(key, View::Whole))
}

const UNKNOWN: Result<Asked, Refused> = Err(Refused::UnknownPath);
const NO_PRODUCT: Result<Asked, Refused> = Err(Refused::PathId(Named::Product));
const NO_QUERY: Result<Asked, Refused> = Err(Refused::QueryProductId);

#[test]
fn every_route_has_its_path_with_one_slash_and_one_prefix() {
    let table = [
        ("/products", whole(Key::Products(page(1, 5)))),
        ("/products/7", whole(Key::Product(7))),
        ("/products/7/styles", whole(Key::Styles(7))),
        ("/products/7/related", whole(Key::Related(7))),
        ("/reviews?product_id=7", reviews(7, Sort::Helpful, 1, 5)),
        ("/reviews/meta?product_id=7", whole(Key::Meta(7))),
        ("/qa/questions?product_id=7", whole(Key::Questions { product: 7, page: page(1, 5) })),
        ("/qa/questions/7/answers", whole(Key::Answers { question: 7, page: page(1, 5) })),
    ];
    for (uri, expected) in table {
        let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
        for prefix in ["", "/api/fec2/hr-x", "/api/fec2/A.b_9"] {
            for slash in ["", "/"] {
                let uri = format!("{prefix}{path}{slash}?{query}");
                assert_eq!(parse(&uri), expected, "{uri}");
            }
        }
        for wrong in [format!("{path}//?{query}"), format!("/{path}?{query}"), format!("{path}/x?{query}")] {
            let parsed = parse(&wrong);
            // Behind /products/:id and /reviews a segment may be an id or `meta`; it is never an answer.
            assert!(matches!(parsed, UNKNOWN | NO_PRODUCT), "{wrong}: {parsed:?}");
        }
        assert_eq!(parse(&format!("/api/fec2/a/api/fec2/b{uri}")), UNKNOWN, "two prefixes before {uri}");
        assert_eq!(parse(&uri.to_uppercase()), UNKNOWN, "{uri} in upper case");
    }
}

#[test]
fn other_paths_are_unknown() {
    let paths = [
        "/",
        "",
        "//",
        "/reviews/5",
        "/qa/answers/5",
        "/qa",
        "/qa/questions/5",
        "/products/7/x",
        "/products/7/styles/1",
        "/products//styles",
        "//products",
        "/products//",
        "/api/fec2/products",
        "/api/fec2/",
        "/api/fec2//products",
        "/api/fec2/%61/products",
        "/api/fec2/../products",
        "/api/fec2/a b/products",
        "/products/../products/1",
        "/products/./1",
        "/reviews/meta/7",
        "/openapi",
        "/Products",
        "/products%2f7",
        "/cart ",
        "/livez",
    ];
    for path in paths {
        assert_eq!(parse(path), UNKNOWN, "{path}");
    }
}

#[test]
fn what_is_no_id_in_a_path_is_told_from_an_unknown_path() {
    let ids = [
        "0",
        "-1",
        "+1",
        "5.55",
        "1e3",
        "hello",
        "null",
        "%31",
        "%zz",
        "7;a",
        "7.css",
        "7%2f..",
        ".",
        "..",
        "１",
        "7 ",
        "9223372036854775808",
        "99999999999999999999999999999999",
        "0x7",
        "1_000",
    ];
    for id in ids {
        for path in [format!("/products/{id}"), format!("/products/{id}/styles"), format!("/products/{id}/related/")] {
            assert_eq!(parse(&path), NO_PRODUCT, "{path}");
        }
        let path = format!("/qa/questions/{id}/answers");
        assert_eq!(parse(&path), Err(Refused::PathId(Named::Question)), "{path}");
    }
}

#[test]
fn ids_above_every_column_are_known_to_be_absent() {
    assert_eq!(parse("/products/2147483647"), whole(Key::Product(ID_MAX)));
    for (text, id) in [("2147483648", 2_147_483_648), ("9223372036854775807", TOP)] {
        let table = [
            (format!("/products/{text}"), Nothing::Product),
            (format!("/products/{text}/styles"), Nothing::Styles(id)),
            (format!("/products/{text}/related"), Nothing::Related),
            (format!("/reviews?product_id={text}&page=3&count=10"), Nothing::Reviews(id, 20, 10)),
            (format!("/reviews/meta?product_id={text}"), Nothing::Meta(id)),
            (format!("/qa/questions?product_id={text}"), Nothing::Questions(id)),
            (format!("/qa/questions/{text}/answers?page=3&count=10"), Nothing::Answers(id, 3, 10)),
        ];
        for (uri, nothing) in table {
            assert_eq!(parse(&uri), Ok(Asked::Nothing(nothing)), "{uri}");
        }
    }
}

#[test]
fn leading_zeros_and_escapes_in_the_query_change_nothing() {
    assert_eq!(parse("/products/007"), whole(Key::Product(7)));
    for query in ["product_id=7", "product_id=%37", "product%5Fid=7", "product_id=0000000000000000000000007"] {
        assert_eq!(parse(&format!("/reviews?{query}")), reviews(7, Sort::Helpful, 1, 5), "{query}");
    }
}

#[test]
fn a_query_without_a_product_is_refused_where_one_is_needed() {
    let queries = [
        "",
        "product_id",
        "product_id=",
        "product_id=hello",
        "product_id=5.55",
        "product_id=null",
        "product_id=-1",
        "product_id=0",
        "product_id=+1",
        "product_id=%201",
        "Product_id=1",
        "product_id=&product_id=1",
        "product_id=x&product_id=1",
        "product_id=9223372036854775808",
    ];
    for query in queries {
        for path in ["/reviews", "/reviews/meta", "/qa/questions"] {
            assert_eq!(parse(&format!("{path}?{query}")), NO_QUERY, "{path}?{query}");
        }
    }
    assert_eq!(parse("/reviews"), NO_QUERY);
    assert_eq!(parse("/products?product_id=x"), whole(Key::Products(page(1, 5))));
    assert_eq!(parse("/products/7?product_id=8"), whole(Key::Product(7)));
}

#[test]
fn of_a_repeated_parameter_the_first_counts() {
    assert_eq!(parse("/reviews?product_id=1&product_id=2"), reviews(1, Sort::Helpful, 1, 5));
    assert_eq!(parse("/products?count=x&count=9&page=&page=3"), whole(Key::Products(page(1, 5))));
    assert_eq!(parse("/reviews?product_id=1&sort=x&sort=newest"), reviews(1, Sort::Helpful, 1, 5));
    assert_eq!(parse("/reviews?x=1&filters[]=5&product_id=1&search=a"), reviews(1, Sort::Helpful, 1, 5));
}

#[test]
fn sorts_other_than_newest_are_one_order() {
    assert_eq!(parse("/reviews?product_id=1&sort=newest"), reviews(1, Sort::Newest, 1, 5));
    for sort in ["helpful", "relevant", "", "NEWEST", "newest ", "oldest"] {
        assert_eq!(parse(&format!("/reviews?product_id=1&sort={sort}")), reviews(1, Sort::Helpful, 1, 5), "{sort}");
    }
}

#[test]
fn pages_and_counts_that_are_none_have_their_defaults() {
    for wrong in ["0", "-3", "abc", "2.5", "", "%2B1", "1e3", "٣"] {
        assert_eq!(
            parse(&format!("/products?page={wrong}&count={wrong}")),
            whole(Key::Products(page(1, 5))),
            "{wrong}"
        );
    }
    assert_eq!(parse("/products?page=2&count=30"), whole(Key::Products(page(2, 30))));
}

#[test]
fn windows_beyond_the_limits_cost_nothing_and_say_what_was_asked() {
    let list = |uri: &str| parse(&format!("/products?{uri}"));
    let reviews = |uri: &str| parse(&format!("/reviews?product_id=1&{uri}"));
    let held = Key::Reviews { product: 1, sort: Sort::Helpful, page: page(1, 10_000) };

    // As many rows as an answer may have, and more: one entry.
    assert_eq!(reviews("count=10000"), Ok(Asked::Stored(held, View::Whole)));
    assert_eq!(reviews("count=10001"), Ok(Asked::Stored(held, View::Count(10_001))));
    assert_eq!(reviews("count=9007199254740991"), Ok(Asked::Stored(held, View::Count(9_007_199_254_740_991))));
    assert_eq!(reviews("count=99999999999999999999999999"), Ok(Asked::Stored(held, View::Count(TOP))));
    // The product list does not say the count, so there is nothing to write into a copy.
    assert_eq!(list("count=1000000"), whole(Key::Products(page(1, 10_000))));
    // Further pages of such counts have no entry.
    assert_eq!(list("page=2&count=10001"), Ok(Asked::Unstored(Key::Products(page(2, 10_001)))));
    assert_eq!(list("page=2&count=10000"), whole(Key::Products(page(2, 10_000))));
    // Offsets that no list reaches.
    assert_eq!(list("page=2&count=2147483648"), Ok(Asked::Nothing(Nothing::List)));
    assert_eq!(reviews("page=9223372036854775807"), Ok(Asked::Nothing(Nothing::Reviews(1, TOP, 5))));
    assert_eq!(
        reviews("page=9223372036854775807&count=9223372036854775808"),
        Ok(Asked::Nothing(Nothing::Reviews(1, TOP, TOP)))
    );
    assert_eq!(
        reviews("page=1000000&count=5"),
        Ok(Asked::Stored(Key::Reviews { product: 1, sort: Sort::Helpful, page: page(1_000_000, 5) }, View::Whole))
    );
}

#[test]
fn aliases_are_routes_only_when_asked_for() {
    let table = [
        ("/Products?count=2", whole(Key::Products(page(1, 2)))),
        ("/ProductbyID?id=2", whole(Key::Product(2))),
        ("/PRODUCTBYID/?id=02", whole(Key::Product(2))),
        ("/api/fec2/x/styles?id=2", whole(Key::Styles(2))),
        ("/Related?id=2", whole(Key::Related(2))),
        ("/features?id=2", Ok(Asked::Stored(Key::Product(2), View::Features))),
        ("/Features?id=2147483648", Ok(Asked::Nothing(Nothing::Features))),
        ("/Styles", NO_PRODUCT),
        ("/Styles?id=x", NO_PRODUCT),
        ("/Features?ID=2", NO_PRODUCT),
        ("/Reviews?product_id=2", UNKNOWN),
    ];
    for (uri, expected) in table {
        assert_eq!(parse_with(uri, true), expected, "{uri}");
        assert_eq!(parse_with(uri, false), UNKNOWN, "{uri} without aliases");
    }
}

/// A path, what a read of it asks for, and what a write to it does, with its method.
type Path = (&'static str, Option<Asked>, Option<(Method, Change)>);

/// Each path of the API without aliases, with 7 as its id.
fn paths() -> Vec<Path> {
    let post = |addition| Some((Method::POST, Change::Add(addition)));
    let put = |subject, vote| Some((Method::PUT, Change::Vote(subject, Some(7), vote)));
    let (questions, answers) =
        (Key::Questions { product: 7, page: page(1, 5) }, Key::Answers { question: 7, page: page(1, 5) });
    vec![
        ("/products", whole(Key::Products(page(1, 5))).ok(), None),
        ("/products/7", whole(Key::Product(7)).ok(), None),
        ("/products/7/styles", whole(Key::Styles(7)).ok(), None),
        ("/products/7/related", whole(Key::Related(7)).ok(), None),
        ("/reviews", reviews(7, Sort::Helpful, 1, 5).ok(), post(Addition::Review)),
        ("/reviews/meta", whole(Key::Meta(7)).ok(), None),
        ("/reviews/7/helpful", None, put(Subject::Review, Vote::Helpful)),
        ("/reviews/7/report", None, put(Subject::Review, Vote::Report)),
        ("/qa/questions", whole(questions).ok(), post(Addition::Question)),
        ("/qa/questions/7/answers", whole(answers).ok(), post(Addition::Answer(Some(7)))),
        ("/qa/questions/7/helpful", None, put(Subject::Question, Vote::Helpful)),
        ("/qa/questions/7/report", None, put(Subject::Question, Vote::Report)),
        ("/qa/answers/7/helpful", None, put(Subject::Answer, Vote::Helpful)),
        ("/qa/answers/7/report", None, put(Subject::Answer, Vote::Report)),
        ("/cart", Some(Asked::Cart), post(Addition::Cart)),
        ("/interactions", None, post(Addition::Interaction)),
    ]
}

#[test]
fn every_path_knows_its_methods_in_every_spelling() {
    let methods =
        ["GET", "HEAD", "POST", "PUT", "OPTIONS", "DELETE", "PATCH", "TRACE", "CONNECT", "get", "Post", "FOO"];
    for (path, read, write) in paths() {
        for (prefix, slash) in [("", ""), ("", "/"), ("/api/fec2/hr-x", ""), ("/api/fec2/A.b_9", "/")] {
            let (path, query) = (format!("{prefix}{path}{slash}"), Some("product_id=7"));
            let found = target(&path, query, false).unwrap();
            for method in methods.map(|name| Method::from_bytes(name.as_bytes()).unwrap()) {
                let known = match method {
                    Method::GET | Method::HEAD => read.is_some(),
                    Method::OPTIONS => true,
                    _ => write.as_ref().is_some_and(|(of_write, _)| *of_write == method),
                };
                assert_eq!(found.route.knows(&method), known, "{method} {path}");
                let listed = found.route.allow().split(", ").any(|listed| listed == method.as_str());
                assert_eq!(listed, known, "{method} in {} of {path}", found.route.allow());
            }
            let unknown = Refused::Method(found.route);
            assert_eq!(found.asked(query, ROWS_MAX), read.ok_or(unknown), "{path}");
            assert_eq!(found.change(), write.clone().map(|(_, change)| change).ok_or(unknown), "{path}");
        }
        for wrong in [format!("{path}//"), format!("/{path}"), path.to_uppercase(), format!("{path}/x/y/z")] {
            assert_eq!(target(&wrong, None, false), Err(Refused::UnknownPath), "{wrong}");
        }
    }
}

#[test]
fn allow_names_the_methods_in_one_order() {
    for (path, allow) in [
        ("/products", "GET, HEAD, OPTIONS"),
        ("/reviews", "GET, HEAD, POST, OPTIONS"),
        ("/reviews/meta", "GET, HEAD, OPTIONS"),
        ("/cart", "GET, HEAD, POST, OPTIONS"),
        ("/interactions", "POST, OPTIONS"),
        ("/reviews/7/helpful", "PUT, OPTIONS"),
    ] {
        assert_eq!(target(path, None, false).unwrap().route.allow(), allow, "{path}");
    }
}

/// The write that a path asks for, if it is one.
fn change(path: &str) -> Result<Change, Refused> {
    target(path, None, false)?.change()
}

#[test]
fn what_is_no_id_of_a_write_is_told_from_an_unknown_path() {
    for id in ["0", "-1", "+1", "5.55", "1e3", "hello", "null", "meta", "%31", "７", "9223372036854775808"] {
        for verb in ["helpful", "report"] {
            let not_an_id = |named| Err(Refused::PathId(named));
            assert_eq!(change(&format!("/reviews/{id}/{verb}")), not_an_id(Named::Review), "{id}");
            assert_eq!(change(&format!("/qa/questions/{id}/{verb}/")), not_an_id(Named::Question), "{id}");
            assert_eq!(change(&format!("/api/fec2/a/qa/answers/{id}/{verb}")), not_an_id(Named::Answer), "{id}");
        }
        assert_eq!(change(&format!("/qa/questions/{id}/answers")), Err(Refused::PathId(Named::Question)), "{id}");
    }
    for path in [
        "/reviews/7",
        "/reviews/7/",
        "/reviews//helpful",
        "/reviews/helpful",
        "/reviews/7/Helpful",
        "/reviews/7/helpful/x",
        "/reviews/7/helpful//",
        "/reviews/7/vote",
        "/reviews/7/%68elpful",
        "/qa/questions/7",
        "/qa/questions//report",
        "/qa/questions/helpful",
        "/qa/questions/7/answers/8/helpful",
        "/qa/answers",
        "/qa/answers/7",
        "/qa/answers/7/answers",
        "/qa/answers//report",
        "/qa/reviews/7/helpful",
        "/cart/7",
        "/cart//",
        "/Cart",
        "/interactions/7",
        "/interaction",
    ] {
        assert_eq!(change(path), Err(Refused::UnknownPath), "{path}");
    }
}

#[test]
fn writes_to_ids_above_every_column_are_known_to_find_nothing() {
    for (text, id) in
        [("007", Some(7)), ("2147483647", Some(ID_MAX)), ("2147483648", None), ("9223372036854775807", None)]
    {
        let voted = |subject| Ok(Change::Vote(subject, id, Vote::Report));
        assert_eq!(change(&format!("/reviews/{text}/report")), voted(Subject::Review));
        assert_eq!(change(&format!("/qa/questions/{text}/report")), voted(Subject::Question));
        assert_eq!(change(&format!("/qa/answers/{text}/report")), voted(Subject::Answer));
        assert_eq!(change(&format!("/qa/questions/{text}/answers")), Ok(Change::Add(Addition::Answer(id))));
    }
}

/// The one spelling of a question that stands for all others.
fn canonical(asked: Asked) -> String {
    let window = |page: Page, count: Option<u64>| {
        format!("page={}&count={}", page.number(), count.unwrap_or(page.count().into()))
    };
    let of_key = |key: Key, count| match key {
        Key::Products(page) => format!("/products?{}", window(page, count)),
        Key::Product(id) => format!("/products/{id}"),
        Key::Styles(id) => format!("/products/{id}/styles"),
        Key::Related(id) => format!("/products/{id}/related"),
        Key::Reviews { product, sort, page } => {
            let sort = if sort == Sort::Newest { "newest" } else { "helpful" };
            format!("/reviews?product_id={product}&sort={sort}&{}", window(page, count))
        }
        Key::Meta(id) => format!("/reviews/meta?product_id={id}"),
        Key::Questions { product, page } => format!("/qa/questions?product_id={product}&{}", window(page, count)),
        Key::Answers { question, page } => format!("/qa/questions/{question}/answers?{}", window(page, count)),
    };
    match asked {
        Asked::Cart => "/cart".to_owned(),
        Asked::Description => "/openapi.yaml".to_owned(),
        Asked::Stored(key, View::Features) => format!("/features?id={}", key.id().unwrap()),
        Asked::Stored(key, View::Count(count)) => of_key(key, Some(count)),
        Asked::Stored(key, View::Whole) | Asked::Unstored(key) => of_key(key, None),
        // Any page far enough says the same; of those that repeat it, the saturated one is the same only with its offset.
        Asked::Nothing(Nothing::List) => format!("/products?page={TOP}&count={TOP}"),
        Asked::Nothing(Nothing::Product) => format!("/products/{TOP}"),
        Asked::Nothing(Nothing::Styles(id)) => format!("/products/{id}/styles"),
        Asked::Nothing(Nothing::Related) => format!("/products/{TOP}/related"),
        Asked::Nothing(Nothing::Features) => format!("/features?id={TOP}"),
        Asked::Nothing(Nothing::Meta(id)) => format!("/reviews/meta?product_id={id}"),
        Asked::Nothing(Nothing::Questions(id)) => format!("/qa/questions?product_id={id}&page={TOP}&count={TOP}"),
        Asked::Nothing(Nothing::Reviews(id, offset, count)) => {
            let page = if offset == TOP { TOP } else { offset / count + 1 };
            format!("/reviews?product_id={id}&page={page}&count={count}")
        }
        Asked::Nothing(Nothing::Answers(id, page, count)) => {
            format!("/qa/questions/{id}/answers?page={page}&count={count}")
        }
    }
}

fn piece() -> impl Strategy<Value = String> {
    let words = [
        "products",
        "reviews",
        "qa",
        "questions",
        "answers",
        "meta",
        "styles",
        "related",
        "features",
        "api",
        "fec2",
        "hr-x",
        "",
        ".",
        "..",
        "%2f",
        "é",
        "0",
        "1",
        "7",
        "007",
        "2147483647",
        "2147483648",
        "9223372036854775807",
        "9223372036854775808",
        "-1",
        "1.5",
        "ProductbyID",
    ];
    prop_oneof![
        8 => prop::sample::select(words.to_vec()).prop_map(str::to_owned),
        1 => any::<u64>().prop_map(|number| number.to_string()),
        1 => "[ -~]{0,6}",
    ]
}

fn parameters() -> impl Strategy<Value = String> {
    let names = ["product_id", "page", "count", "sort", "id", "x", "product%5fid", "Page", ""];
    let values = [
        "",
        "0",
        "1",
        "2",
        "5",
        "30",
        "9999",
        "10000",
        "10001",
        "1000000",
        "2147483647",
        "2147483648",
        "9007199254740991",
        "9223372036854775807",
        "9223372036854775808",
        "99999999999999999999999",
        "-3",
        "abc",
        "2.5",
        "newest",
        "helpful",
        "relevant",
        "%31",
        "+1",
    ];
    let pair = (prop::sample::select(names.to_vec()), prop::sample::select(values.to_vec()))
        .prop_map(|(name, value)| format!("{name}={value}"));
    prop::collection::vec(prop_oneof![9 => pair, 1 => "[ -~]{0,12}"], 0..6).prop_map(|pairs| pairs.join("&"))
}

/// Mostly questions of the API, sometimes anything.
fn uri() -> impl Strategy<Value = String> {
    let routes = [
        "/products",
        "/products/{}",
        "/products/{}/styles",
        "/products/{}/related/",
        "/reviews/",
        "/reviews/meta",
        "/qa/questions",
        "/qa/questions/{}/answers",
        "/api/fec2/a/products/{}",
        "/Features",
        "/PRODUCTBYID",
        "/cart",
        "/reviews/{}/helpful",
        "/qa/answers/{}/report",
    ];
    let route = (prop::sample::select(routes.to_vec()), piece()).prop_map(|(route, id)| route.replace("{}", &id));
    let path = prop_oneof![
        3 => route,
        1 => prop::collection::vec(piece(), 0..7).prop_map(|parts| format!("/{}", parts.join("/"))),
    ];
    (path, parameters()).prop_map(|(path, query)| format!("{path}?{query}"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn a_question_and_its_canonical_spelling_are_one(uri in uri()) {
        if let Ok(asked) = parse_with(&uri, true) {
            let spelling = canonical(asked);
            prop_assert_eq!(parse_with(&spelling, true), Ok(asked), "{} is spelled {}", uri, spelling);
            if let Asked::Stored(key, _) | Asked::Unstored(key) = asked {
                prop_assert_eq!(key.to_string().parse::<Key>().unwrap(), key);
                prop_assert!(key.id().is_none_or(|id| (1..=ID_MAX).contains(&id)));
            }
            if let Asked::Stored(key, _) = asked {
                prop_assert!(key.page().is_none_or(|page| page.count() <= ROWS_MAX), "stored with too many rows");
            }
        }
    }

    #[test]
    fn a_parameter_that_no_route_knows_changes_nothing(uri in uri(), name in "[a-z]{5,9}\\[\\]", value in "[ -%'-~]*") {
        prop_assert_eq!(parse_with(&format!("{uri}&{name}={value}"), true), parse_with(&uri, true));
    }
}

#[test]
fn the_paths_that_are_known_at_once_are_those_that_are_split() {
    for id in ["1", "42", "007", "9223372036854775807", "9223372036854775808", "99999999999999999999999", "0"] {
        for tail in ["", "/styles", "/related"] {
            let path = format!("/products/{id}{tail}");
            // A slash behind it is allowed, and is for the long way.
            let slow = target(&format!("{path}/"), None, false);
            assert_eq!(target(&path, None, false), slow, "{path}");
            assert!(of_product(&path).is_some() && of_product(&format!("{path}/")).is_none());
        }
    }
    for path in ["/products/", "/products", "/products//styles", "/products/1/other", "/products/x", "/products/1x"] {
        assert!(of_product(path).is_none(), "{path}");
    }
}
