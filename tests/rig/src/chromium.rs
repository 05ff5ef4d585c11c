//! A real browser without a window.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use crate::process::wait_until;
use crate::scratch::Scratch;

/// Where Debian and others put it.
const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// How long one look may take, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A browser that opens one page at a time, each with a profile of its own.
#[derive(Debug)]
pub struct Chromium(String);

/// What a page became.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The document as its program has left it.
    pub dom: String,
    /// What the page's program, or the browser about it, said on the console.
    pub console: Vec<String>,
}

impl Chromium {
    /// The one that is installed.
    pub fn find() -> Option<Self> {
        let runs = |name: &&&str| {
            let asked = Command::new(name).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
            asked.is_ok_and(|status| status.success())
        };
        NAMES.iter().find(runs).map(|name| Self((*name).to_owned()))
    }

    fn run(&self, url: &str, more: &[String]) -> Output {
        let profile = Scratch::new("chromium");
        let mut command = Command::new(&self.0);
        command
            // Its sandbox needs namespaces that a container does not have; it sees no page but ours.
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"])
            .args(["--disable-background-networking", "--disable-extensions", "--enable-logging=stderr"])
            // Timers of the page run until so much of its time has passed, and answers are waited for.
            .arg("--virtual-time-budget=7000")
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .args(more)
            .arg(url)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let running = command.spawn().unwrap_or_else(|error| panic!("{} cannot be started: {error}", self.0));
        let pid = running.id();
        let (said, says) = std::sync::mpsc::channel();
        std::thread::spawn(move || said.send(running.wait_with_output()));
        let mut ended = None;
        wait_until(&format!("chromium {pid} has looked at {url}"), PATIENCE, || {
            ended = says.try_recv().ok();
            ended.is_some().then_some(())
        });
        ended.expect("it has ended").expect("its output can be read")
    }

    /// Opens a page, and reads what it became a few seconds later.
    pub fn look(&self, url: &str) -> Seen {
        let output = self.run(url, &["--dump-dom".to_owned()]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let console = said.lines().filter(|line| line.contains(":CONSOLE")).map(str::to_owned).collect();
        let dom = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(!dom.is_empty(), "chromium shows nothing: {said}");
        Seen { dom, console }
    }

    /// Opens a page in a window of this size, and leaves a picture of it at `path`.
    pub fn picture(&self, url: &str, path: &Path, (width, height): (u32, u32), dark: bool) {
        let output = self.run(
            url,
            &[
                format!("--screenshot={}", path.display()),
                format!("--window-size={width},{height}"),
                "--hide-scrollbars".to_owned(),
                // 0 is dark, 1 is light.
                format!("--blink-settings=preferredColorScheme={}", u8::from(!dark)),
            ],
        );
        assert!(path.exists(), "chromium leaves no picture: {}", String::from_utf8_lossy(&output.stderr));
    }
}

impl Seen {
    /// The text of the element with this id, tags left out.
    pub fn text(&self, id: &str) -> String {
        let (_, rest) = self.dom.split_once(&format!("id=\"{id}\"")).unwrap_or_else(|| panic!("there is no {id}"));
        let (tag, _) =
            self.dom[..self.dom.len() - rest.len()].rsplit_once('<').map(|(_, tag)| (tag, ())).expect("a tag");
        let name = tag.split(' ').next().unwrap_or_default();
        let (_, inner) = rest.split_once('>').expect("the tag ends");
        let inner = inner.split(&format!("</{name}>")).next().unwrap_or_default();
        let mut text = String::new();
        for piece in inner.split('<') {
            let words = piece.split_once('>').map_or(piece, |(_, words)| words);
            text.push_str(words);
            text.push(' ');
        }
        text.replace("&nbsp;", " ").split_whitespace().collect::<Vec<_>>().join(" ")
    }
}
