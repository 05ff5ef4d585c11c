//! A psql that stays: for locks and transactions that last as long as a test wants.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// One session of a database. It ends with its owner, and so do its locks.
#[derive(Debug)]
pub struct Session {
    psql: Child,
    // Before the process is waited for, its input has to end.
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

/// What psql is told to say behind each statement.
const DONE: &str = "== done ==";

impl Session {
    pub(crate) fn start(mut psql: Command) -> Self {
        let mut psql = psql.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("psql can be started");
        let input = psql.stdin.take();
        let output = BufReader::new(psql.stdout.take().expect("the output is a pipe"));
        Self { psql, input, output }
    }

    /// Runs SQL and returns its rows once it is done.
    pub fn run(&mut self, sql: &str) -> String {
        self.try_run(sql).unwrap_or_else(|| panic!("psql ended during: {sql}"))
    }

    /// The same; `None` when the session could not be opened, or has ended.
    pub fn try_run(&mut self, sql: &str) -> Option<String> {
        let input = self.input.as_mut().expect("a session that is used has not ended");
        writeln!(input, "{sql};\n\\echo '{DONE}'").ok()?;
        let mut rows = String::new();
        loop {
            let mut line = String::new();
            if self.output.read_line(&mut line).expect("the output is text") == 0 {
                return None;
            }
            if line.trim_end() == DONE {
                return Some(rows.trim_end().to_owned());
            }
            rows.push_str(&line);
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.input = None;
        let _ = self.psql.wait();
    }
}
