//! README.md says what is so: its requests are made, its statements are run, its table comes from the code. So does docs/api.md.
//!
//! `ATELIER_README=write cargo test --test readme` writes what the node answers, and the table, into the page.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use atelier_rig::Node;

const SERVER: &str = env!("CARGO_BIN_EXE_atelier-edge");
/// The default of `ATELIER_BOUND`.
const BOUND: Duration = Duration::from_secs(2);
const HOW: &str = "if it is meant so: ATELIER_README=write cargo test --test readme";

fn page() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")
}

/// The blocks of one language, without their fences.
fn blocks<'a>(text: &'a str, language: &str) -> Vec<&'a str> {
    let open = format!("\n```{language}\n");
    let block = |rest: &'a str| rest.split_once("```").expect("a block ends").0;
    text.split(&*open).skip(1).map(block).collect()
}

/// What a command prints, as the page shows it: the node stands at its default address, and it is always the same moment of the
/// same epoch.
fn said(command: &str, node: &Node) -> String {
    let address = node.address.to_string();
    let words = atelier_rig::words(&command.replace("127.0.0.1:8080", &address));
    assert_eq!(words[0], "curl", "{command}");
    let output = Command::new("curl").args(["--max-time", "10"]).args(&words[1..]).output().expect("curl is installed");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command}: {errors}");
    let text = String::from_utf8(output.stdout).unwrap().replace('\r', "").replace(&address, "127.0.0.1:8080");
    let line = |line: &str| match line.split_once(": ") {
        Some(("x-request-id", _)) => "x-request-id: 0123456789abcdef".to_owned(),
        Some(("date", _)) => "date: Tue, 01 Jun 2021 08:15:00 GMT".to_owned(),
        Some(("atelier-ord", place)) => format!("atelier-ord: 403ff7eb.{}", place.split_once('.').unwrap().1),
        _ => line.to_owned(),
    };
    text.trim_end().lines().map(line).collect::<Vec<_>>().join("\n")
}

fn with_answers(text: &str) -> String {
    let node = Node::start(SERVER, &[]);
    let mut fresh = text.to_owned();
    for block in blocks(text, "console") {
        let command =
            block.lines().next().and_then(|line| line.strip_prefix("$ ")).expect("a block begins with a command");
        fresh = fresh.replace(
            &format!("```console\n{block}```"),
            &format!("```console\n$ {command}\n{}\n```", said(command, &node)),
        );
    }
    fresh
}

fn with_settings(text: &str) -> String {
    const BEGIN: &str = "<!-- settings: begin -->\n";
    const END: &str = "<!-- settings: end -->";
    let (before, rest) = text.split_once(BEGIN).expect("the page marks where the table begins");
    let (_, after) = rest.split_once(END).expect("the page marks where the table ends");
    let table = Command::new(SERVER).args(["print-config", "--form", "markdown"]).output().unwrap();
    let table = String::from_utf8(table.stdout).unwrap();
    assert!(table.lines().count() > 10, "{table}");
    format!("{before}{BEGIN}{table}{END}{after}")
}

#[test]
fn its_requests_are_answered_as_it_says_and_its_table_is_that_of_the_code() {
    let text = std::fs::read_to_string(page()).unwrap();
    assert!(blocks(&text, "console").len() > 5);
    let fresh = with_settings(&with_answers(&text));
    if std::env::var_os("ATELIER_README").is_some_and(|how| how == "write") {
        std::fs::write(page(), fresh).unwrap();
        return;
    }
    for (is, should) in text.lines().zip(fresh.lines()) {
        assert_eq!(is, should, "{HOW}");
    }
    assert_eq!(text.len(), fresh.len(), "{HOW}");
}

/// The commands of a page with what it says they print: those behind a `$`, and those of an `sh` block right before a `json` block.
fn examples(text: &str) -> Vec<(String, String)> {
    let mut examples = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let indent = line.len() - line.trim_start().len();
        let mut block = |language: &str| {
            let within = lines.by_ref().take_while(|line| line.trim() != "```");
            let within: Vec<_> = within.map(|line| line.get(indent..).unwrap_or_default()).collect();
            assert!(!within.is_empty(), "a block of {language} is empty");
            within.join("\n")
        };
        match line.trim().strip_prefix("```") {
            Some("console") => {
                for example in block("console").split("$ curl").skip(1) {
                    let (arguments, answer) = example.split_once('\n').unwrap_or((example, ""));
                    examples.push((format!("curl{arguments}"), answer.trim_end().to_owned()));
                }
            }
            Some("sh") => {
                let command = block("sh");
                if lines.next_if_eq(&"```json").is_some() {
                    let answer: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
                    examples.push((command, answer.join("\n")));
                }
            }
            Some(language) => _ = block(language),
            None => {}
        }
    }
    examples
}

#[test]
fn the_examples_of_the_api_page_are_what_a_node_answers_in_this_order() {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/api.md")).unwrap();
    let examples = examples(&text);
    assert!(examples.len() > 5, "{examples:?}");
    let node = Node::start(SERVER, &[]);
    for (command, answer) in examples {
        // The page leaves out when it was.
        let said = said(&command, &node);
        let should: Vec<_> = said.lines().filter(|line| !line.starts_with("date: ")).collect();
        assert_eq!(answer.lines().collect::<Vec<_>>(), should, "docs/api.md: {command}");
    }
}

#[test]
fn its_statements_do_what_it_says() {
    let text = std::fs::read_to_string(page()).unwrap();
    let (_postgres, database) = atelier_rig::import::sample(SERVER);
    let node = Node::start(SERVER, &[("DATABASE_URL", &database)]);

    let style = |photos: &str, small: u8| {
        format!(
            r#"{{"product_id":"80001","results":[{{"style_id":80001,"name":"Slate","original_price":"48.00","sale_price":null,"default?":true,"photos":[{photos}],"skus":{{"90000001":{{"quantity":{small},"size":"S"}},"90000002":{{"quantity":0,"size":"M"}}}}}}]}}"#
        )
    };
    const TOTE: &str = r#"{"thumbnail_url":"https://img.example/t/tote.jpg","url":"https://img.example/p/tote.jpg"}"#;
    const NONE: &str = r#"{"thumbnail_url":null,"url":null}"#;
    let gone = r#"{"product_id":"80001","results":[]}"#.to_owned();
    let mut expected = [style(TOTE, 8), style(TOTE, 8), style(TOTE, 0), style(NONE, 0), gone].into_iter();
    for block in blocks(&text, "sql") {
        // Psql says the tag of each statement; the page has it behind an arrow.
        let said =
            Command::new("psql").args(["-X", "-v", "ON_ERROR_STOP=1", "-d", &database, "-c", block]).output().unwrap();
        assert!(said.status.success(), "{block}: {}", String::from_utf8_lossy(&said.stderr));
        let tags: Vec<_> =
            block.lines().filter_map(|line| line.split_once("--> ")).map(|(_, tag)| tag.to_owned()).collect();
        let said = String::from_utf8(said.stdout).unwrap();
        assert_eq!(said.lines().collect::<Vec<_>>(), tags, "{block}");
        assert_eq!(tags.len(), block.matches(";  --> ").count(), "{block}");
        let expected = expected.next().unwrap();
        atelier_rig::wait_until("the change is to be seen, as promised", BOUND, || {
            let styles = node.get("/products/80001/styles");
            (styles.text() == expected).then_some(())
        });
    }
    assert_eq!(expected.next(), None);
    assert_eq!(node.get("/products/80001").status, 404);
}
