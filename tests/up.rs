//! `make up` and `make down`: what it says is up is up and sees the rest, and nothing of it stays.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use atelier_rig::{Client, Scratch, wait_until};

const SERVER: &str = env!("CARGO_BIN_EXE_atelier-edge");

/// What is up in a folder; it ends with the test, however that ends.
struct Up(Scratch);

impl Up {
    fn run(&self, script: &str) -> Output {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let programs = atelier_rig::import::program(SERVER);
        let mut command = Command::new(root.join("dev").join(script));
        command.env("UP", self.0.path().join("up")).env("PROGRAMS", programs.parent().unwrap());
        command.output().expect("the script can be started")
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        self.run("down.sh");
    }
}

fn curl(url: &str) -> String {
    let output = Command::new("curl").args(["-sS", "--max-time", "20", url]).output().expect("curl is installed");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn what_is_up_is_where_it_says_and_goes_as_a_whole() {
    let up = Up(Scratch::new("up"));
    let begun = up.run("up.sh");
    let said = String::from_utf8_lossy(&begun.stdout).into_owned();
    assert!(begun.status.success(), "{said}{}", String::from_utf8_lossy(&begun.stderr));

    // Each line names one, and its addresses.
    let address = |rest: &str| rest.split_whitespace().find_map(|word| word.strip_prefix("http://")?.parse().ok());
    let named = ["node 1", "node 2", "node 3", "nginx", "Prometheus"];
    let addresses: BTreeMap<_, SocketAddr> = named
        .iter()
        .map(|name| {
            let line =
                said.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("{name}: {said}"));
            (*name, address(line).unwrap_or_else(|| panic!("{name}: {said}")))
        })
        .collect();
    let mut client = Client::connect(addresses["nginx"]);
    for _ in 0..6 {
        assert_eq!(client.get("/products/1", &[]).status, 200);
    }
    for node in &named[..3] {
        assert_eq!(Client::connect(addresses[node]).get("/reviews?product_id=2", &[]).status, 200);
    }
    // Prometheus looks at all three, with the project's rules.
    let watch = addresses["Prometheus"];
    wait_until("all nodes are looked at", Duration::from_secs(30), || {
        let seen = curl(&format!("http://{watch}/api/v1/query?query=sum(up)"));
        seen.contains(r#""3"]"#).then_some(())
    });
    assert!(curl(&format!("http://{watch}/api/v1/rules")).contains("AtelierNodesDown"));
    // What is up is not started again.
    assert_eq!(up.run("up.sh").status.code(), Some(1));

    let redis: SocketAddr = {
        let port = said.lines().find_map(|line| line.strip_prefix("Redis")?.rsplit(' ').next()?.parse().ok());
        SocketAddr::from(([127, 0, 0, 1], port.unwrap()))
    };
    let ended = up.run("down.sh");
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    for address in addresses.into_values().chain([redis]) {
        assert!(Client::try_connect(address).is_err(), "{address} still answers");
    }
    assert!(!up.0.path().join("up").exists());
}
