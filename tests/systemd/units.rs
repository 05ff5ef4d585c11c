//! The units and the example settings, without a systemd that runs.

use std::path::{Path, PathBuf};
use std::process::Command;

use atelier_rig::Scratch;

use super::SERVER;

const UNITS: [&str; 6] = [
    "atelier-edge.service",
    "atelier-edge.socket",
    "atelier-edge@.service",
    "atelier-edge@.socket",
    "atelier-import.service",
    "atelier-import.timer",
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd")
}

fn unit(name: &str) -> String {
    std::fs::read_to_string(folder().join(name)).unwrap()
}

/// What `systemd-analyze` says of the units as they are installed: the programs are those of this build.
fn analyze(arguments: &[&str]) -> (bool, String) {
    let scratch = Scratch::new("units");
    for name in UNITS {
        scratch.write(
            name,
            unit(name).replace("/usr/bin/atelier-edge", SERVER).replace("/usr/bin/atelier-import", SERVER),
        );
    }
    let mut command = Command::new("systemd-analyze");
    command.args(arguments);
    // Templates are looked at by an instance of theirs.
    let instance = |name: &str| name.replace("@.", "@8082.");
    for name in UNITS.iter().filter(|name| arguments[0] == "verify" || name.ends_with(".service")) {
        if instance(name) != *name {
            std::fs::copy(scratch.path().join(name), scratch.path().join(instance(name))).unwrap();
        }
        command.arg(scratch.path().join(instance(name)));
    }
    let output = command.env("SYSTEMD_UNIT_PATH", format!("{}:", scratch.path().display())).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.success(), said)
}

fn is_there() -> bool {
    let there = Command::new("systemd-analyze").arg("--version").output().is_ok();
    if !there {
        eprintln!("skipped: systemd-analyze is not installed");
    }
    there
}

#[test]
fn systemd_finds_nothing_wrong_with_them() {
    if !is_there() {
        return;
    }
    let (ended_well, said) = analyze(&["verify", "--man=no"]);
    // What is said of units of this machine is not ours.
    let ours: Vec<_> = said.lines().filter(|line| line.contains("atelier")).collect();
    assert!(ended_well && ours.is_empty(), "{said}");
}

#[test]
fn they_are_exposed_by_no_more_than_one_and_a_half() {
    if !is_there() {
        return;
    }
    // In tenths; beyond, it ends with another status than 0.
    let (ended_well, said) = analyze(&["security", "--offline=true", "--threshold=15", "--no-pager"]);
    let lines: Vec<_> =
        said.lines().filter(|line| line.contains("Overall exposure level") || line.starts_with('✗')).collect();
    let units = lines.iter().filter(|line| line.contains("Overall")).count();
    assert!(ended_well && units == 3, "{lines:#?}");
}

/// The values of a setting in a unit.
fn values<'a>(unit: &'a str, name: &str) -> Vec<&'a str> {
    unit.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix('=')).collect()
}

#[test]
fn the_template_differs_from_the_single_unit_in_what_it_says_and_nothing_else() {
    let single = unit("atelier-edge.service");
    let template = unit("atelier-edge@.service");
    let lines = |text: &str| text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect::<Vec<_>>();
    let expected = single
        .replace("Description=Atelier shop API", "Description=Atelier shop API, port %i")
        .replace("atelier-edge.socket", "atelier-edge@%i.socket")
        .replace("atelier-edge check-config", "atelier-edge check-config --admin-listen 127.0.0.1:1%i")
        .replace("ExecStart=/usr/bin/atelier-edge\n", "ExecStart=/usr/bin/atelier-edge --admin-listen 127.0.0.1:1%i\n")
        .replace("StateDirectory=atelier-edge", "StateDirectory=atelier-edge/%i")
        .replace("MemoryMax=75%", "MemoryMax=25%");
    assert_eq!(lines(&template), lines(&expected));
}

#[test]
fn their_times_fit_those_of_the_node() {
    let unit = unit("atelier-edge.service");
    let seconds = |name: &str| values(&unit, name)[0].parse::<u64>().unwrap();
    let settings = unit_defaults();
    let of_node = |name: &str| settings.iter().find(|(of, _)| of == name).unwrap().1.clone();
    let drain: u64 = of_node("ATELIER_DRAIN_MAX").trim_end_matches('s').parse().unwrap();
    assert!(seconds("TimeoutStopSec") > drain + 2, "the keys that were asked for most are written behind the drain");
    // A start asks for more every 5 s.
    assert!(seconds("TimeoutStartSec") > 10);
    let connections: u64 = of_node("ATELIER_MAX_CONNS").parse().unwrap();
    assert!(seconds("LimitNOFILE") > connections + 96 + 100);
    assert_eq!(values(&unit, "RestartPreventExitStatus"), ["78"]);
}

/// The defaults of all settings.
fn unit_defaults() -> Vec<(String, String)> {
    let text = example();
    let line =
        |line: &str| line.strip_prefix('#')?.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    text.lines().filter_map(line).collect()
}

fn example() -> String {
    let printed = Command::new(SERVER).args(["print-config", "--form", "env"]).output().unwrap();
    assert!(printed.status.success());
    String::from_utf8(printed.stdout).unwrap()
}

#[test]
fn the_example_settings_are_those_of_the_code() {
    let path = folder().join("atelier-edge.env");
    let fresh = example();
    if std::env::var_os("ATELIER_README").is_some_and(|how| how == "write") {
        std::fs::write(path, fresh).unwrap();
        return;
    }
    let how = "if it is meant so: ATELIER_README=write cargo test --test systemd example_settings";
    assert_eq!(std::fs::read_to_string(path).unwrap(), fresh, "{how}");
    assert!(unit_defaults().len() > 50);
    // As it is, it is a file of settings that a node takes, with each of its lines.
    let scratch = Scratch::new("example");
    let without = scratch.write("as-it-is.env", &fresh);
    let set = fresh.lines().map(|line| match line.strip_prefix('#') {
        Some(setting) if !setting.starts_with(' ') && !setting.ends_with('=') => format!("{setting}\n"),
        _ => format!("{line}\n"),
    });
    let with = scratch.write("all-set.env", set.collect::<String>());
    for file in [without, with] {
        let checked = Command::new(SERVER).arg("check-config").arg("--env-file").arg(file).output().unwrap();
        assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    }
}

#[test]
fn what_terraform_expects_of_the_package_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = |path: &str| std::fs::read_to_string(root.join("terraform/modules").join(path)).unwrap();
    let node = text("node/main.tf");
    for (_, dropped) in node.split("/etc/systemd/system/").enumerate().skip(1) {
        let unit = dropped.split(".d/").next().unwrap();
        assert!(UNITS.contains(&unit), "a drop-in for {unit}");
    }
    let setup = text("node/templates/setup.sh");
    for word in setup.split_whitespace().filter(|word| word.starts_with("atelier-edge")) {
        assert!(UNITS.contains(&word), "{word}");
    }
    let credentials = text("node/templates/secrets.conf");
    let names = values(&credentials, "LoadCredential").into_iter().map(|value| value.split(':').next().unwrap());
    let service = unit("atelier-edge.service");
    let known = values(&service, "LoadCredential");
    let names: Vec<_> = names.collect();
    assert!(names.len() == 3 && names.iter().all(|name| known.contains(name)), "{names:?} {known:?}");
    assert!(node.contains("\"/etc/atelier-edge/atelier-edge.env\""));
    assert_eq!(values(&service, "Environment"), ["ATELIER_ENV_FILE=/etc/atelier-edge/atelier-edge.env"]);
    // PostgreSQL of the small deployment knows the import by its user.
    assert!(text("machine/templates/setup.sh").contains("import atelier-import atelier"));
    assert_eq!(values(&unit("atelier-import.service"), "User"), ["atelier-import"]);
}
