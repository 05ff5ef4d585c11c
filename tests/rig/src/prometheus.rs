//! A Prometheus of the test's own that looks at nodes.

use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::process::{Process, free_port, wait_until};
use crate::scratch::Scratch;

const PATIENCE: Duration = Duration::from_secs(60);

/// A running Prometheus on loopback.
#[derive(Debug)]
pub struct Prometheus {
    _process: Process,
    /// Where it is asked.
    pub address: SocketAddr,
    _scratch: Scratch,
}

impl Prometheus {
    /// Starts one that asks each of these for its metrics every second, under the job `atelier-edge`, and evaluates these rules.
    pub fn start(targets: &[SocketAddr], rules: &Path) -> Self {
        let scratch = Scratch::new("prometheus");
        let targets: Vec<_> = targets.iter().map(|target| format!("'{target}'")).collect();
        let configuration = format!(
            "global: {{ scrape_interval: 1s, evaluation_interval: 1s }}\nrule_files: ['{}']\nscrape_configs:\n  - job_name: \
             atelier-edge\n    static_configs: [{{ targets: [{}] }}]\n",
            rules.display(),
            targets.join(", ")
        );
        let configuration = scratch.write("prometheus.yml", configuration);
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let mut command = Command::new("prometheus");
        command.arg(format!("--config.file={}", configuration.display()));
        command.arg(format!("--storage.tsdb.path={}", scratch.path().join("data").display()));
        command.arg(format!("--web.listen-address={address}")).arg("--log.level=warn");
        let said = File::create(scratch.path().join("prometheus.log")).expect("the log can be written");
        let mut process = Process::start(&command, "TERM", Stdio::null(), Stdio::from(said));
        wait_until("Prometheus is ready", PATIENCE, || {
            assert!(process.is_running(), "{:?}", std::fs::read_to_string(scratch.path().join("prometheus.log")));
            let asked = Command::new("curl").args(["-fs", &format!("http://{address}/-/ready")]).output();
            asked.is_ok_and(|asked| asked.status.success()).then_some(())
        });
        Self { _process: process, address, _scratch: scratch }
    }

    /// The data of one of its pages, with parameters.
    pub fn data(&self, page: &str, parameters: &[(&str, &str)]) -> Value {
        let mut command = Command::new("curl");
        command.args(["-sS", "--max-time", "30", "-G", &format!("http://{}/api/v1/{page}", self.address)]);
        for (name, value) in parameters {
            command.arg("--data-urlencode").arg(format!("{name}={value}"));
        }
        let output = command.output().expect("curl is installed");
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{page}: {error}"));
        assert_eq!(answer["status"], "success", "{page} {parameters:?}: {answer}");
        answer["data"].clone()
    }

    /// What an expression gives now.
    pub fn query(&self, expression: &str) -> Vec<Value> {
        let data = self.data("query", &[("query", expression)]);
        data["result"].as_array().unwrap_or_else(|| panic!("{expression}: {data}")).clone()
    }
}
