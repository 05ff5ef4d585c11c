//! The commands of README.md about nginx, Prometheus and fail over, run in this order on a machine that is a folder.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use atelier_rig::process::free_port;
use atelier_rig::{Authority, Client, Mirror, Scratch, wait_until};

/// Stands for nginx: what is in `etc/nginx` is run in `run`, on other ports and with its files here.
const NGINX: &str = r#"#!/bin/sh
set -e
mkdir -p "$ROOT/run"
cp -r "$ROOT/etc/nginx/." "$ROOT/run"
cd "$ROOT/run"
temporary=
for name in client_body proxy fastcgi uwsgi scgi; do temporary="$temporary ${name}_temp_path $ROOT/run/$name;"; done
sed -i -e '/^user /d' -e "s#/run/nginx.pid#$ROOT/run/nginx.pid#; s#/var/log/nginx#$ROOT/var/log/nginx#; s#^http {#&$temporary#" nginx.conf
sed -i -e "s#listen 443#listen 127.0.0.1:$TLS#; s#listen 80\b#listen 127.0.0.1:$PLAIN#; s#127.0.0.1:8081#127.0.0.1:$STATUS#" \
    -e "s#/etc/ssl/atelier/#$ROOT/#; s#/var/log/nginx#$ROOT/var/log/nginx#; s#/var/lib/nginx#$ROOT/run#; s#buffer=64k flush=5s##" atelier/local/site.conf
sed -i -e "s#10.0.1.11:8080#$NODE1#; s#10.0.1.12:8080#$NODE2#; s#10.0.1.13:8080#$NODE3#" atelier/local/nodes.conf
exec "$PROGRAM" -p "$ROOT/run" -e "$ROOT/var/log/nginx/error.log" -c "$ROOT/run/nginx.conf" "$@"
"#;

const SYSTEMCTL: &str = r#"#!/bin/sh
case "$*" in
# What it starts stays, and must not hold the output of who asked for it.
"restart nginx") exec nginx >"$ROOT/start.log" 2>&1 ;;
"reload nginx") exec nginx -s reload ;;
*) echo "systemctl $*: not known here" >&2; exit 1 ;;
esac
"#;

struct Machine {
    scratch: Scratch,
    environment: Vec<(&'static str, String)>,
}

impl Machine {
    fn start(nodes: [&Mirror; 3]) -> Self {
        let scratch = Scratch::new("readme");
        for folder in ["bin", "etc/nginx", "etc/prometheus", "var/log/nginx"] {
            std::fs::create_dir_all(scratch.path().join(folder)).unwrap();
        }
        let authority = Authority::new();
        let certificate = authority.issue(&["DNS:shop.example.org"]);
        for (from, to) in
            [(&certificate.certificate, "tls.crt"), (&certificate.key, "tls.key"), (&authority.file(), "ca.pem")]
        {
            std::fs::copy(from, scratch.path().join(to)).unwrap();
        }
        // apt-get has been run by dev/setup.sh.
        let programs = [("nginx", NGINX), ("systemctl", SYSTEMCTL), ("apt-get", "#!/bin/sh\n")];
        for (name, text) in programs {
            let path = scratch.write(&format!("bin/{name}"), text);
            assert!(Command::new("chmod").arg("755").arg(path).status().unwrap().success());
        }
        // The real one by its path: by its name, it is now the one in `bin`.
        let program = Command::new("sh").args(["-c", "command -v nginx || echo /usr/sbin/nginx"]).output().unwrap();
        let program = String::from_utf8(program.stdout).unwrap().trim().to_owned();
        let path = format!("{}:{}", scratch.path().join("bin").display(), std::env::var("PATH").unwrap());
        let mut environment =
            vec![("PATH", path), ("ROOT", scratch.path().display().to_string()), ("PROGRAM", program)];
        environment.extend(["TLS", "PLAIN", "STATUS"].map(|name| (name, free_port().to_string())));
        environment.extend(["NODE1", "NODE2", "NODE3"].into_iter().zip(nodes.map(|node| node.address().to_string())));
        Self { scratch, environment }
    }

    fn of(&self, name: &str) -> &str {
        &self.environment.iter().find(|(found, _)| *found == name).unwrap().1
    }

    /// Runs a block as a whole and returns what it prints. The first command that fails ends it.
    fn run(&self, block: &str) -> String {
        let root = self.scratch.path().display().to_string();
        let block = block
            .replace("127.0.0.1:8081", &format!("127.0.0.1:{}", self.of("STATUS")))
            .replace("/etc/nginx", &format!("{root}/etc/nginx"))
            .replace("/etc/prometheus", &format!("{root}/etc/prometheus"))
            .replace("/var/log/nginx", &format!("{root}/var/log/nginx"));
        let mut command = Command::new("bash");
        command.args(["-euo", "pipefail", "-c", &block]).current_dir(env!("CARGO_MANIFEST_DIR"));
        let output = command.envs(self.environment.iter().map(|(name, value)| (name, value))).output().unwrap();
        assert!(output.status.success(), "{block}\n{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// What curl gets of the site.
    fn ask(&self, path: &str) -> String {
        let (port, ca) = (self.of("TLS"), self.scratch.path().join("ca.pem"));
        let output = Command::new("curl")
            .args(["-sS", "--max-time", "20", "-D", "-", "--cacert"])
            .arg(ca)
            .args(["--resolve", &format!("shop.example.org:{port}:127.0.0.1")])
            .arg(format!("https://shop.example.org:{port}{path}"))
            .output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let pid = std::fs::read_to_string(self.scratch.path().join("run/nginx.pid")).unwrap_or_default();
        if let Ok(pid) = pid.trim().parse() {
            atelier_rig::process::send("TERM", &[pid]);
            wait_until("nginx ends", Duration::from_secs(20), || (!atelier_rig::process::runs(pid)).then_some(()));
        }
    }
}

/// The blocks of a section in one language, without indentation.
fn blocks(page: &str, section: &str, language: &str) -> Vec<String> {
    let (_, section) = page.split_once(&format!("\n## {section}\n")).unwrap_or_else(|| panic!("no section {section}"));
    let section = section.split("\n## ").next().unwrap();
    let mut blocks = Vec::new();
    let mut lines = section.lines();
    while let Some(line) = lines.next() {
        if line.trim_start() == format!("```{language}") {
            let block = lines.by_ref().take_while(|line| line.trim_start() != "```");
            blocks.push(block.map(str::trim_start).collect::<Vec<_>>().join("\n"));
        }
    }
    blocks
}

#[test]
fn the_commands_of_the_page_about_nginx_do_what_it_says() {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let (install, log, cache) = match &blocks(&page, "nginx", "sh")[..] {
        [install, log, cache] => (install.clone(), log.clone(), cache.clone()),
        other => panic!("{other:?}"),
    };
    let nodes = [Mirror::start(), Mirror::start(), Mirror::start()];
    let machine = Machine::start(nodes.each_ref());
    assert!(machine.run(&install).contains("Active connections: "));
    assert!(machine.ask("/products/1").starts_with("HTTP/2 200"));

    // What failed is in the log.
    let down = atelier_rig::Manner::Answer(503, String::new(), Duration::ZERO);
    nodes.iter().for_each(|node| node.set(down.clone()));
    assert!(machine.ask("/products/7?a=b").starts_with("HTTP/2 503"));
    let failed = wait_until("it is noted", Duration::from_secs(10), || {
        Some(machine.run(&log)).filter(|failed| !failed.is_empty())
    });
    assert!(failed.contains("\t/products/7\t127.0.0.1:") && failed.contains("\t503\t"), "{failed}");

    // The cache is on.
    let kept = "Cache-Control: public, max-age=60, must-revalidate\r\nCache-Status: atelier-edge; hit\r\n".to_owned();
    nodes.iter().for_each(|node| node.set(atelier_rig::Manner::Answer(200, kept.clone(), Duration::ZERO)));
    machine.run(&cache);
    wait_until("there are hits", Duration::from_secs(20), || {
        machine.ask("/products/1").contains("cache-status: atelier-edge; hit, nginx; hit").then_some(())
    });

    // A node is taken out, and put in again.
    let [roll] = &blocks(&page, "Fail over", "sh")[..] else { panic!("one block") };
    let (out, back) = roll.split_once("# … on the node").unwrap();
    let (_, back) = back.split_once('\n').unwrap();
    let mut number = 0;
    let mut second = |others: bool| {
        let before = [0, 1, 2].map(|place: usize| nodes[place].heard().len());
        for _ in 0..6 {
            number += 1;
            machine.ask(&format!("/products/{number}0"));
        }
        let more = [0, 1, 2].map(|place: usize| nodes[place].heard().len() - before[place]);
        ((more[1] > 0) == others && more[0] > 0 && more[2] > 0).then_some(())
    };
    assert_eq!(second(true), Some(()));
    machine.run(out);
    wait_until("the node is left out", Duration::from_secs(20), || second(false));
    machine.run(back);
    wait_until("the node is asked again", Duration::from_secs(20), || second(true));

    // Prometheus takes its part.
    let [scraped] = &blocks(&page, "Monitoring", "yaml")[..] else { panic!("one block") };
    // Blocks lose their indentation here, and YAML is made of it.
    assert!(scraped.contains("job_name: atelier-edge"));
    let (_, from) = page.split_once("```yaml\nrule_files").unwrap();
    let configuration = format!("rule_files{}", from.split("```").next().unwrap());
    let root = machine.scratch.path().display().to_string();
    machine.scratch.write(
        "etc/prometheus/prometheus.yml",
        configuration.replace("/etc/prometheus", &format!("{root}/etc/prometheus")),
    );
    let [promtool] = &blocks(&page, "Monitoring", "sh")[..] else { panic!("one block") };
    // The cases themselves are tried in tests/monitoring.rs.
    let checked =
        machine.run(&promtool.replace(" monitoring/tests/minutes.test.yml monitoring/tests/hours.test.yml", " --help"));
    assert!(checked.contains("SUCCESS"), "{checked}");
    assert!(Client::try_connect(nodes[0].address()).is_ok());
}
