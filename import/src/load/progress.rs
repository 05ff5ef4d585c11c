//! How far a load is: bars on a terminal, lines otherwise. Both go to standard error.

use std::io::{IsTerminal, Read, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use atelier_import::Source;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How often lines say how far the files are that are being read.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// What took less is not mentioned.
const WORTH_A_LINE: Duration = Duration::from_secs(1);

/// Shows several steps at the same time.
#[derive(Clone, Debug)]
pub(crate) struct Progress {
    bars: MultiProgress,
    on_terminal: bool,
    reading: Arc<Mutex<Vec<ProgressBar>>>,
}

/// One step under way. Dropped without [`Step::end`], it vanishes.
#[derive(Debug)]
pub(crate) struct Step {
    progress: Progress,
    bar: ProgressBar,
    name: String,
    began: Instant,
}

impl Progress {
    /// Bars if standard error is a terminal.
    pub(crate) fn new() -> Self {
        let on_terminal = std::io::stderr().is_terminal();
        let target = if on_terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        Self { bars: MultiProgress::with_draw_target(target), on_terminal, reading: Arc::default() }
    }

    /// Begins a step without a measure.
    pub(crate) fn step(&self, name: &str) -> Step {
        self.begin(name, None)
    }

    /// Begins to read a file of `bytes`.
    pub(crate) fn file(&self, name: &str, bytes: u64) -> Step {
        self.begin(name, Some(bytes))
    }

    fn begin(&self, name: &str, bytes: Option<u64>) -> Step {
        let bar = bytes.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
        let form = match bytes {
            Some(_) => "{prefix:28} {wide_bar} {percent:>3} %  {bytes}/{total_bytes}  {eta:>4} left",
            None => "{prefix:28} {spinner} {elapsed}",
        };
        if let Ok(style) = ProgressStyle::with_template(form) {
            bar.set_style(style);
        }
        bar.set_prefix(name.to_owned());
        let bar = self.bars.add(bar);
        if self.on_terminal {
            bar.enable_steady_tick(Duration::from_millis(250));
        }
        if bytes.is_some() {
            self.reading.lock().unwrap_or_else(PoisonError::into_inner).push(bar.clone());
        }
        Step { progress: self.clone(), bar, name: name.to_owned(), began: Instant::now() }
    }

    /// Prints a line above the bars.
    pub(crate) fn say(&self, line: &str) {
        if self.on_terminal {
            let _ = self.bars.println(line);
        } else {
            let _ = writeln!(std::io::stderr(), "{line}");
        }
    }

    /// Without a terminal: says every ten seconds how far files are. Never ends.
    pub(crate) async fn lines(self) {
        let mut every = tokio::time::interval(LINE_EVERY);
        every.tick().await;
        loop {
            every.tick().await;
            if self.on_terminal {
                continue;
            }
            let reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner).clone();
            for bar in reading {
                let share = 100 * bar.position() / bar.length().unwrap_or(0).max(1);
                self.say(&format!("{:<28} {share} % read", bar.prefix()));
            }
        }
    }
}

impl Step {
    /// The same source, whose readers move this step on.
    pub(crate) fn watch(&self, source: Box<dyn Source>) -> Box<dyn Source> {
        Box::new(Watched { source, bar: self.bar.clone() })
    }

    /// Ends the step with lines of its own.
    pub(crate) fn end_with(self, lines: &str) {
        self.progress.say(lines);
    }

    /// Ends the step with how long it took, if anybody had to wait for it.
    pub(crate) fn end(self) {
        let took = self.began.elapsed();
        if took >= WORTH_A_LINE {
            self.progress.say(&format!("{:<28} {:.1} s", self.name, took.as_secs_f64()));
        }
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
        let prefix = self.bar.prefix();
        self.progress.reading.lock().unwrap_or_else(PoisonError::into_inner).retain(|bar| bar.prefix() != prefix);
    }
}

struct Watched {
    source: Box<dyn Source>,
    bar: ProgressBar,
}

impl Source for Watched {
    fn open(&self) -> std::io::Result<Box<dyn Read + Send + '_>> {
        self.bar.set_position(0);
        Ok(Box::new(self.bar.wrap_read(self.source.open()?)))
    }
}
