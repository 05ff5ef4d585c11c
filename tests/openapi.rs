//! The description of the API (`docs/openapi.yaml`) and the API say the same: routes and methods, examples, answers, errors,
//! headers. What programs make of it is tried by `dev/openapi.sh` and `dev/schemathesis.sh`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use atelier_edge::command::{Subject, Vote};
use atelier_edge::http::route::{self, Route};
use atelier_rig::{Client, Node, Response};
use serde_json::{Value, json};

const SERVER: &str = env!("CARGO_BIN_EXE_atelier-edge");

/// The methods a path can have in the document.
const METHODS: [&str; 8] = ["get", "head", "post", "put", "options", "delete", "patch", "trace"];

fn text() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/openapi.yaml")).unwrap()
}

/// The document.
struct Description(Value);

impl Description {
    fn read() -> Self {
        Self(serde_saphyr::from_str(&text()).expect("YAML"))
    }

    /// What stands there, or where it points to.
    fn resolved<'d>(&'d self, mut value: &'d Value) -> &'d Value {
        while let Some(reference) = value["$ref"].as_str() {
            value = self.0.pointer(&reference[1..]).unwrap_or_else(|| panic!("{reference} points to nothing"));
        }
        value
    }

    fn paths(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0["paths"].as_object().unwrap().iter().map(|(path, item)| (path.as_str(), item))
    }

    /// Every path with each of its methods.
    fn operations(&self) -> impl Iterator<Item = (&str, &str, &Value)> {
        self.paths().flat_map(|(path, item)| {
            METHODS.into_iter().filter_map(move |method| Some((path, method, item.get(method)?)))
        })
    }

    /// The target that the examples of a path's and an operation's parameters make.
    fn example_target(&self, path: &str, operation: &Value) -> String {
        let (mut target, mut query) = (path.to_owned(), Vec::new());
        for parameters in [&self.0["paths"][path]["parameters"], &operation["parameters"]] {
            for parameter in parameters.as_array().into_iter().flatten() {
                let parameter = self.resolved(parameter);
                let (name, example) = (parameter["name"].as_str().unwrap(), &parameter["example"]);
                let example = example.as_str().map_or_else(|| example.to_string(), str::to_owned);
                match parameter["in"].as_str() {
                    Some("path") => target = target.replace(&format!("{{{name}}}"), &example),
                    Some("query") => query.push(format!("{name}={example}")),
                    _ => {}
                }
            }
        }
        if query.is_empty() { target } else { format!("{target}?{}", query.join("&")) }
    }

    /// What the document says of this status of an operation.
    fn response<'d>(&'d self, operation: &'d Value, status: u16) -> Option<&'d Value> {
        let responses = &operation["responses"];
        let found = responses.get(status.to_string()).or_else(|| responses.get(format!("{}XX", status / 100)))?;
        Some(self.resolved(found))
    }

    /// What a value has against a schema; nothing, when it fits.
    fn complaints(&self, schema: &Value, value: &Value) -> Vec<String> {
        let mut whole = schema.clone();
        // References are to the document, so what they point to has to be below the same root.
        whole["components"] = self.0["components"].clone();
        let validator = jsonschema::validator_for(&whole).expect("a schema");
        validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect()
    }

    /// All that an answer to an operation has against the document.
    fn judge(&self, operation: &Value, answer: &Response) -> Vec<String> {
        let Some(response) = self.response(operation, answer.status) else {
            return vec![format!("{} is not described", answer.status)];
        };
        let mut wrong = Vec::new();
        for (name, header) in response["headers"].as_object().into_iter().flatten() {
            let header = self.resolved(header);
            match answer.header(&name.to_ascii_lowercase()) {
                None if header["required"] == true => wrong.push(format!("{name} is missing")),
                None => {}
                Some(value) => {
                    let number = header["schema"]["type"] == "integer";
                    let value = if number { json!(value.parse::<u64>().ok()) } else { json!(value) };
                    wrong.extend(
                        self.complaints(&header["schema"], &value).into_iter().map(|why| format!("{name}: {why}")),
                    );
                }
            }
        }
        let kind = answer.header("content-type").map(|kind| kind.split(';').next().unwrap().to_owned());
        match (response["content"].as_object(), kind) {
            (None, _) if answer.body.is_empty() => {}
            // HEAD of what is an error has the type and the length of the text, and not the text.
            (Some(content), Some(kind))
                if content.contains_key(&kind)
                    && answer.body.is_empty()
                    && answer.header("content-length") != Some("0") => {}
            (Some(content), Some(kind)) if content.contains_key(&kind) => {
                let body = match kind.as_str() {
                    "application/json" => serde_json::from_slice(&answer.body).expect("JSON"),
                    "application/yaml" => serde_saphyr::from_str(answer.text()).expect("YAML"),
                    _ => json!(answer.text()),
                };
                wrong.extend(self.complaints(&content[&kind]["schema"], &body));
            }
            (_, kind) => wrong.push(format!("{kind:?} is not described")),
        }
        wrong
    }

    /// The operation a path of the document has for a method.
    fn operation(&self, path: &str, method: &str) -> &Value {
        self.0["paths"][path].get(method).unwrap_or_else(|| panic!("{method} {path} is not described"))
    }
}

/// The path in the document of each route; `None` for aliases, which are off by default. A new route has to be named here.
fn described(route: Route) -> Option<&'static str> {
    Some(match route {
        Route::Products => "/products",
        Route::Product => "/products/{product_id}",
        Route::Styles => "/products/{product_id}/styles",
        Route::Related => "/products/{product_id}/related",
        Route::Reviews => "/reviews",
        Route::Meta => "/reviews/meta",
        Route::Questions => "/qa/questions",
        Route::Answers => "/qa/questions/{question_id}/answers",
        Route::Features => return None,
        Route::Cart => "/cart",
        Route::Interactions => "/interactions",
        Route::Vote(Subject::Review, Vote::Helpful) => "/reviews/{review_id}/helpful",
        Route::Vote(Subject::Review, Vote::Report) => "/reviews/{review_id}/report",
        Route::Vote(Subject::Question, Vote::Helpful) => "/qa/questions/{question_id}/helpful",
        Route::Vote(Subject::Question, Vote::Report) => "/qa/questions/{question_id}/report",
        Route::Vote(Subject::Answer, Vote::Helpful) => "/qa/answers/{answer_id}/helpful",
        Route::Vote(Subject::Answer, Vote::Report) => "/qa/answers/{answer_id}/report",
        Route::Description => "/openapi.yaml",
    })
}

/// How many of them have a path.
const ROUTES: usize = 17;

/// A target of each path.
fn target_of(path: &str) -> String {
    path.split('/').map(|part| if part.starts_with('{') { "7" } else { part }).collect::<Vec<_>>().join("/")
}

#[test]
fn every_route_and_method_is_described_and_nothing_else() {
    let description = Description::read();
    for (path, item) in description.paths() {
        let found = route::target(&target_of(path), None, false).unwrap_or_else(|_| panic!("{path} is no route"));
        assert_eq!(described(found.route), Some(path));
        let methods: BTreeSet<_> = METHODS.into_iter().filter(|method| item.get(method).is_some()).collect();
        let allowed = found.route.allow().to_ascii_lowercase();
        assert_eq!(methods, allowed.split(", ").collect(), "{path}");
    }
    assert_eq!(description.paths().count(), ROUTES);
}

#[test]
fn a_node_allows_the_methods_that_are_described() {
    let description = Description::read();
    let node = Node::start(SERVER, &[]);
    let mut client = node.client();
    for (path, item) in description.paths() {
        for method in METHODS {
            let answer = client.request(&method.to_ascii_uppercase(), &target_of(path), &[], b"");
            assert_eq!(answer.status == 405, item.get(method).is_none(), "{method} {path}: {}", answer.status);
            if answer.header("connection") == Some("close") {
                client = node.client();
            }
        }
    }
}

#[test]
fn examples_of_answers_are_answers_of_the_sample() {
    let description = Description::read();
    let node = Node::start(SERVER, &[]);
    // The one that somebody has to make.
    let item = description.operation("/cart", "post")["requestBody"]["content"]["application/json"]["example"].clone();
    node.client().request("POST", "/cart", &[], item.to_string().as_bytes());
    let mut compared = 0;
    for (path, method, operation) in description.operations().filter(|(_, method, _)| matches!(*method, "get" | "head"))
    {
        let target = description.example_target(path, operation);
        let answer = node.client().request(&method.to_ascii_uppercase(), &target, &[], b"");
        assert_eq!(answer.status, 200, "{target}");
        let wrong = description.judge(operation, &answer);
        assert!(wrong.is_empty(), "{method} {target}: {wrong:#?}");
        let validator = format!("If-None-Match: {}", answer.header("etag").unwrap());
        let unchanged = node.client().request(&method.to_ascii_uppercase(), &target, &[&validator], b"");
        assert_eq!((unchanged.status, description.judge(operation, &unchanged)), (304, vec![]), "{method} {target}");
        if let Some(example) = operation["responses"]["200"]["content"]["application/json"].get("example") {
            assert_eq!(*example, serde_json::from_slice::<Value>(&answer.body).unwrap(), "{target}");
            compared += 1;
        }
    }
    assert_eq!(compared, 9, "every document has its example");
}

#[test]
fn examples_of_writes_are_done() {
    let description = Description::read();
    let node = Node::start(SERVER, &[]);
    for (path, method, operation) in description.operations().filter(|(_, method, _)| matches!(*method, "post" | "put"))
    {
        let content = &operation["requestBody"]["content"]["application/json"];
        let target = description.example_target(path, operation);
        let body = if method == "post" { content["example"].to_string() } else { String::new() };
        let answer = node.client().request(&method.to_ascii_uppercase(), &target, &[], body.as_bytes());
        assert_eq!(answer.status, if method == "post" { 201 } else { 204 }, "{target} {body}");
        assert_eq!(description.judge(operation, &answer), Vec::<String>::new(), "{method} {target}");
        if method == "post" {
            assert_eq!(
                description.complaints(&content["schema"], &content["example"]),
                Vec::<String>::new(),
                "{target}"
            );
            // What the schema does not take, the node does not take either.
            let names: Vec<_> = content["example"].as_object().unwrap().keys().cloned().collect();
            for name in names {
                let mut spoilt = content["example"].clone();
                spoilt[&name] = json!({"no": ["such", "value"]});
                let fits = description.complaints(&content["schema"], &spoilt).is_empty();
                let answer = node.client().request("POST", &target, &[], spoilt.to_string().as_bytes());
                assert!(!fits && answer.status == 422, "{target} {spoilt}: {}", answer.status);
                assert_eq!(description.judge(operation, &answer), Vec::<String>::new(), "{target}");
            }
        }
    }
}

#[test]
fn answers_of_the_whole_sample_are_as_described() {
    let description = Description::read();
    let node = Node::start(SERVER, &[]);
    let mut client = node.client();
    let mut results = 0;
    let paths = ["/products/{product_id}", "/products/{product_id}/styles", "/products/{product_id}/related"];
    let paths = paths.into_iter().chain(["/qa/questions/{question_id}/answers"]).map(|path| (path, ""));
    let lists =
        [("/reviews", "?count=100&product_id="), ("/reviews/meta", "?product_id="), ("/qa/questions", "?product_id=")];
    for (path, query) in paths.chain(lists) {
        let operation = description.operation(path, "get");
        // The validator is made once: the document is large.
        let schema = &operation["responses"]["200"]["content"]["application/json"]["schema"];
        let mut whole = schema.clone();
        whole["components"] = description.0["components"].clone();
        let validator = jsonschema::validator_for(&whole).expect("a schema");
        for id in 1..=70 {
            let id = id.to_string();
            let target =
                if query.is_empty() { target_of(path).replace('7', &id) } else { format!("{path}{query}{id}") };
            let answer = client.get(&target, &[]);
            if answer.status == 404 {
                assert_eq!(description.judge(operation, &answer), Vec::<String>::new(), "{target}");
                continue;
            }
            let body: Value = serde_json::from_slice(&answer.body).unwrap();
            let wrong: Vec<_> = validator.iter_errors(&body).map(|error| error.to_string()).collect();
            assert!(answer.status == 200 && wrong.is_empty(), "{target}: {wrong:#?}");
            results += body["results"].as_array().map_or(1, Vec::len);
        }
    }
    assert!(results > 300, "only {results} results were seen");
}

#[test]
fn refusals_are_as_described() {
    let description = Description::read();
    let node = Node::start(SERVER, &[("ATELIER_BODY_TIMEOUT", "200ms")]);
    let long = format!("/products?x={}", "y".repeat(2048));
    type Case<'a> = (&'a str, &'a str, &'a str, &'a [&'a str], &'a [u8], u16);
    let table: [Case<'_>; 14] = [
        ("get", "/products/{product_id}", "/products/x", &[], b"", 404),
        ("head", "/products/{product_id}", "/products/5000", &[], b"", 404),
        ("get", "/products/{product_id}/styles", "/products/0/styles", &[], b"", 404),
        ("get", "/reviews", "/reviews", &[], b"", 422),
        ("head", "/reviews/meta", "/reviews/meta?product_id=x", &[], b"", 422),
        ("get", "/qa/questions", "/qa/questions?product_id=", &[], b"", 422),
        ("get", "/qa/questions/{question_id}/answers", "/qa/questions/x/answers", &[], b"", 404),
        ("post", "/qa/questions/{question_id}/answers", "/qa/questions/x/answers", &[], b"{}", 404),
        ("put", "/qa/answers/{answer_id}/helpful", "/qa/answers/2147483648/helpful", &[], b"", 404),
        ("get", "/products", &long, &[], b"", 414),
        ("post", "/cart", "/cart", &["Content-Length: 300000"], b"", 413),
        ("post", "/cart", "/cart", &["Content-Length: 30"], b"", 408),
        ("post", "/cart", "/cart", &["Expect: x"], b"{}", 417),
        ("post", "/interactions", "/interactions", &[], b"[]", 422),
    ];
    for (method, path, target, headers, body, status) in table {
        let answer = node.client().request(&method.to_ascii_uppercase(), target, headers, body);
        assert_eq!(answer.status, status, "{method} {target}");
        let wrong = description.judge(description.operation(path, method), &answer);
        assert!(wrong.is_empty(), "{method} {target}: {wrong:#?}");
    }

    let scratch = atelier_rig::Scratch::new("token");
    let token = scratch.write("token", "letmein").display().to_string();
    let node = Node::start(SERVER, &[("ATELIER_API_TOKEN_FILE", &token)]);
    for (path, method, operation) in description.operations().filter(|(_, method, _)| *method != "options") {
        let target = description.example_target(path, operation);
        let method = method.to_ascii_uppercase();
        let refused = node.client().request(&method, &target, &[], b"");
        assert_eq!((refused.status, description.judge(operation, &refused)), (401, vec![]), "{method} {target}");
        if matches!(method.as_str(), "GET" | "HEAD") {
            let answer = node.client().request(&method, &target, &["Authorization: letmein"], b"");
            assert_eq!((answer.status, description.judge(operation, &answer)), (200, vec![]), "{method} {target}");
        }
    }
}

#[test]
fn what_is_not_as_described_is_found() {
    let description = Description::read();
    let node = Node::start(SERVER, &[]);
    let operation = description.operation("/products/{product_id}/styles", "get");
    let good = node.get("/products/6/styles");
    assert_eq!(description.judge(operation, &good), Vec::<String>::new());
    let spoil: [fn(&mut Response); 7] = [
        |answer| answer.status = 201,
        |answer| answer.headers.retain(|(name, _)| name != "etag"),
        |answer| {
            answer.headers.iter_mut().for_each(|(name, value)| {
                if name == "age" {
                    *value = "old".to_owned();
                }
            });
        },
        |answer| answer.body = good_text(answer).replace("\"6\"", "6").into(),
        |answer| answer.body = good_text(answer).replace("\"default?\"", "\"default\"").into(),
        |answer| answer.body = good_text(answer).replace("54.00", "54").into(),
        |answer| {
            answer.headers.iter_mut().for_each(|(name, value)| {
                if name == "content-type" {
                    *value = "text/html".to_owned();
                }
            });
        },
    ];
    for (place, spoil) in spoil.into_iter().enumerate() {
        let mut spoilt = good.clone();
        spoil(&mut spoilt);
        assert!(spoilt != good && !description.judge(operation, &spoilt).is_empty(), "way {place}");
    }
}

fn good_text(answer: &Response) -> String {
    answer.text().to_owned()
}

#[test]
fn the_description_is_served_like_an_answer_of_the_catalogue() {
    let node = Node::start(SERVER, &[]);
    let mut client = node.client();
    let plain = client.get("/openapi.yaml", &[]);
    assert_eq!((plain.status, plain.text()), (200, &*text()));
    let steady = |answer: &Response| {
        let mut headers = answer.headers.clone();
        headers.retain(|(name, _)| name != "date");
        headers
    };
    let etag = plain.header("etag").unwrap().to_owned();
    let length = plain.body.len().to_string();
    let common = [
        ("x-content-type-options", "nosniff"),
        ("access-control-allow-origin", "*"),
        ("access-control-expose-headers", "ETag, Age, Cache-Status, Retry-After, Atelier-Ord"),
        ("cache-control", "public, no-cache"),
        ("vary", "Accept-Encoding"),
        ("etag", &*etag),
    ];
    let of = |more: &[(&str, &str)]| -> Vec<(String, String)> {
        common.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let whole = of(&[("content-type", "application/yaml"), ("content-length", &*length)]);
    assert_eq!(steady(&plain), whole);

    for other in ["/openapi.yaml/", "/api/fec2/hr-x/openapi.yaml", "/openapi.yaml?count=1"] {
        let answer = client.get(other, &[]);
        assert_eq!((answer.status, steady(&answer), &answer.body), (200, whole.clone(), &plain.body), "{other}");
    }
    let head = client.request("HEAD", "/openapi.yaml", &[], b"");
    assert_eq!((head.status, steady(&head), head.body.len()), (200, whole, 0));
    for method in ["GET", "HEAD"] {
        let unchanged = client.request(method, "/openapi.yaml", &[&format!("If-None-Match: W/{etag}")], b"");
        assert_eq!((unchanged.status, steady(&unchanged), unchanged.body.len()), (304, of(&[]), 0));
    }
    for (accept, encoding) in [("gzip", "gzip"), ("gzip, br", "br")] {
        let answer = client.get("/openapi.yaml", &[&format!("Accept-Encoding: {accept}")]);
        assert_eq!(answer.header("content-encoding"), Some(encoding));
        assert_ne!(answer.header("etag"), Some(&*etag));
        assert!(answer.body.len() < plain.body.len() / 4);
    }
    let options = client.request("OPTIONS", "/openapi.yaml", &[], b"");
    assert_eq!((options.status, options.header("allow")), (204, Some("GET, HEAD, OPTIONS")));
    for method in ["POST", "PUT", "DELETE", "TRACE"] {
        let refused = client.request(method, "/openapi.yaml", &[], b"");
        assert_eq!((refused.status, refused.header("allow")), (405, Some("GET, HEAD, OPTIONS")), "{method}");
    }
    for target in ["/openapi", "/openapi.yaml/x", "/openapi.json", "/OpenAPI.yaml", "/docs/openapi.yaml"] {
        assert_eq!(Client::connect(node.address).get(target, &[]).status, 404, "{target}");
    }
}
