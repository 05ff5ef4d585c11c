//! `monitoring/`: every alert fires when it is to and has its paragraph, and rules and dashboard are about what nodes really count.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, missing_docs)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use atelier_rig::{Node, Prometheus, Redis, wait_until};
use serde_json::Value;

const SERVER: &str = env!("CARGO_BIN_EXE_atelier-edge");
const PATIENCE: Duration = Duration::from_secs(60);

/// What the panels say whose expressions give nothing as long as nothing is wrong.
const EMPTY: &str = "Empty when all is well.";

fn place(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("monitoring").join(name)
}

fn text(name: &str) -> String {
    std::fs::read_to_string(place(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The rules, with their `alert` or `record` and all else.
fn rules() -> Vec<Value> {
    let file: Value = serde_saphyr::from_str(&text("edge.rules.yml")).unwrap();
    let groups = file["groups"].as_array().unwrap();
    groups.iter().flat_map(|group| group["rules"].as_array().unwrap().clone()).collect()
}

fn alerts() -> BTreeMap<String, BTreeSet<String>> {
    let mut alerts = BTreeMap::<_, BTreeSet<_>>::new();
    for rule in rules() {
        if let Some(name) = rule["alert"].as_str() {
            let severity = rule["labels"]["severity"].as_str().unwrap().to_owned();
            assert!(matches!(&*severity, "page" | "ticket"), "{name}");
            assert!(rule["annotations"]["summary"].as_str().is_some_and(|summary| summary.len() > 10), "{name}");
            alerts.entry(name.to_owned()).or_default().insert(severity);
        }
    }
    assert!(alerts.len() > 20, "{alerts:?}");
    alerts
}

/// The panels of the dashboard that show something.
fn panels() -> Vec<Value> {
    let board: Value = serde_json::from_str(&text("dashboard.json")).unwrap();
    let panels = board["panels"].as_array().unwrap();
    panels.iter().filter(|panel| panel["type"] != "row").cloned().collect()
}

fn expressions(panel: &Value) -> Vec<String> {
    let targets = panel["targets"].as_array().unwrap();
    assert!(!targets.is_empty(), "{panel}");
    targets.iter().map(|target| target["expr"].as_str().unwrap().to_owned()).collect()
}

/// The metrics of nodes that an expression names.
fn named(expression: &str) -> Vec<String> {
    let words = expression.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':');
    words.filter(|word| word.starts_with("atelier_") || word.starts_with("process_")).map(str::to_owned).collect()
}

#[test]
fn every_alert_fires_and_keeps_silent_as_its_cases_say() {
    let run = |arguments: &[&str]| {
        let output = Command::new("promtool").args(arguments).current_dir(place("tests")).output();
        let output = output.unwrap_or_else(|error| panic!("promtool: {error}: dev/setup.sh installs prometheus"));
        let said = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&said));
    };
    run(&["check", "rules", "../edge.rules.yml"]);
    run(&["test", "rules", "minutes.test.yml", "hours.test.yml"]);

    // Each has a case in which it fires, with each of its severities, and one in which it does not.
    let mut fired = BTreeMap::<String, BTreeSet<String>>::new();
    let mut silent = 0;
    for file in ["tests/minutes.test.yml", "tests/hours.test.yml"] {
        let file: Value = serde_saphyr::from_str(&text(file)).unwrap();
        for case in file["tests"].as_array().unwrap() {
            for test in case["promql_expr_test"].as_array().unwrap() {
                let samples = test["exp_samples"].as_array().unwrap();
                silent += usize::from(samples.is_empty());
                for sample in samples {
                    let labels = sample["labels"].as_str().unwrap();
                    let label =
                        |name: &str| labels.split_once(&format!("{name}=\"")).unwrap().1.split('"').next().unwrap();
                    fired.entry(label("alertname").to_owned()).or_default().insert(label("severity").to_owned());
                }
            }
        }
    }
    assert_eq!(fired, alerts());
    assert!(silent > 20, "{silent}");
}

#[test]
fn every_alert_has_its_paragraph_in_the_runbook() {
    let text = text("RUNBOOK.md");
    let (_, paragraphs) = text.split_once("\n## ").unwrap();
    let paragraphs: BTreeMap<_, _> = paragraphs.split("\n## ").map(|one| one.split_once("\n\n").unwrap()).collect();
    let names: Vec<_> = paragraphs.keys().map(|name| (*name).to_owned()).collect();
    assert_eq!(names, alerts().into_keys().collect::<Vec<_>>());
    for (name, paragraph) in paragraphs {
        assert!(paragraph.split_whitespace().count() > 30, "{name}: {paragraph}");
        // What it names is there.
        for metric in named(paragraph) {
            let counted = rules().iter().any(|rule| rule["expr"].as_str().unwrap().contains(&*metric))
                || panels().iter().any(|panel| panel.to_string().contains(&*metric));
            assert!(counted || metric.ends_with("_shed"), "{name}: {metric}");
        }
    }
}

/// Asks for everything once, and for some of it again: answers of every kind, also from Redis, and a write of every kind.
fn visit(nodes: &[Node]) {
    let reads = [
        "/products",
        "/products/1",
        "/products/1/styles",
        "/products/1/related",
        "/reviews?product_id=2",
        "/reviews/meta?product_id=2",
        "/qa/questions?product_id=1",
        "/qa/questions/2/answers",
        "/cart",
        "/openapi.yaml",
        "/products/999999",
        "/nowhere",
    ];
    let mut clients: Vec<_> = nodes.iter().map(Node::client).collect();
    for _ in 0..3 {
        for target in reads {
            clients.iter_mut().for_each(|client| assert!(client.get(target, &[]).status < 500, "{target}"));
        }
        assert_eq!(clients[0].request("PUT", "/reviews/5/helpful", &[], b"").status, 204);
        assert_eq!(clients[0].request("POST", "/interactions", &[], b"{}").status, 422);
    }
}

#[test]
fn a_real_prometheus_finds_what_rules_and_dashboard_ask_for_in_real_nodes() {
    let ((_postgres, database), redis) = (atelier_rig::import::sample(SERVER), Redis::start());
    let shared = redis.url();
    let settings = [("DATABASE_URL", &*database), ("REDIS_URL", &*shared)];
    let mut nodes: Vec<_> = (0..2).map(|_| Node::start(SERVER, &settings)).collect();
    let admins: Vec<_> = nodes.iter().map(|node| node.admin).collect();
    let prometheus = Prometheus::start(&admins, &place("edge.rules.yml"));

    // Rates need two looks at least, with something that happened in between.
    let mut missing = Vec::new();
    let mut looked = 0;
    wait_until("everything has data", PATIENCE, || {
        visit(&nodes);
        looked += 1;
        missing.clear();
        for panel in panels() {
            let empty = panel["description"] == EMPTY;
            for expression in expressions(&panel) {
                let asked = expression.replace("$__rate_interval", "20s").replace("$instance", ".*");
                if prometheus.query(&asked).is_empty() != empty {
                    missing.push(expression);
                }
            }
        }
        for rule in rules() {
            if let Some(record) = rule["record"].as_str()
                && prometheus.query(record).is_empty()
            {
                missing.push(record.to_owned());
            }
        }
        if looked % 10 == 0 {
            eprintln!("after {looked} looks nothing of {missing:?}");
        }
        missing.is_empty().then_some(())
    });

    // A rule about what nobody counts would be silent for ever.
    let names = prometheus.data("label/__name__/values", &[]);
    let names: BTreeSet<_> = names.as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect();
    for rule in rules() {
        for metric in named(rule["expr"].as_str().unwrap()) {
            assert!(names.contains(&metric), "{metric} of {rule}");
        }
    }
    let loaded = prometheus.data("rules", &[]);
    let loaded: Vec<_> =
        loaded["groups"].as_array().unwrap().iter().flat_map(|group| group["rules"].as_array().unwrap()).collect();
    assert_eq!(loaded.len(), rules().len());
    for rule in loaded {
        assert_eq!(rule["health"], "ok", "{rule}");
    }
    let firing = prometheus.query("ALERTS{alertstate=\"firing\"}");
    assert!(firing.is_empty(), "{firing:?}");

    // One goes, and is missed.
    drop(nodes.pop());
    wait_until("somebody misses the node", PATIENCE, || {
        let missed = prometheus.query("ALERTS{alertname=\"AtelierNodeDown\"}");
        (missed.len() == 1 && missed[0]["metric"]["instance"] == admins[1].to_string()).then_some(())
    });
}
