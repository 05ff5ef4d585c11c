//! What is noted of a request while it is answered, and what is made of that in the end: every answer is counted, those that waited are
//! timed, and those that were slow, that failed or that were drawn are said in the log.
//!
//! A hit pays for it with a few additions to cells of its own thread. Nothing of a request gets into a line but what was parsed: a
//! template, a key, names that were checked.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hyper::body::Body as _;
use hyper::header::HeaderValue;
use hyper::http::request::Parts;
use hyper::{Method, Response};
use tracing::{Span, error, info, info_span, warn};

use super::proxies::{self, Traced};
use super::respond::Body;
use crate::freshness::Instant;
use crate::key::Key;
use crate::metrics::{Reply, Template, metrics, traffic};
use crate::outcome::Outcome;

/// Which answers are said in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lines {
    /// Those that took so long.
    pub slow: Duration,
    /// Of all others one in so many; 0 is none.
    pub one_of: u32,
}

/// How many lines about slow or failed requests a second may have. In an outage there may be thousands, which say the same.
const LINES_MAX: u64 = 100;

/// One request, as far as it is known.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) template: Template,
    pub(super) key: Option<Key>,
    /// The name that a proxy gave it.
    pub(super) id: Option<HeaderValue>,
    reply: Option<Reply>,
    begun: Option<Instant>,
    /// Whether it waited for anything. Then it is timed for itself alone.
    waited: bool,
    /// For how many that did not wait it is timed.
    stands_for: u32,
}

impl Seen {
    /// A request whose head is there; `waits` says that its body is not.
    #[inline]
    pub(super) fn begin(waits: bool, id: Option<HeaderValue>) -> Self {
        let stands_for = traffic::stands_for();
        let begun = (waits || stands_for > 0).then(Instant::now);
        Self { template: Template::Unknown, key: None, id, reply: None, begun, waited: waits, stands_for }
    }

    /// Notes that it is answered from there.
    #[inline]
    pub(super) fn came(&mut self, outcome: Outcome) {
        self.reply = Some(Reply::of(outcome));
    }

    /// Notes that a write was done.
    pub(super) fn wrote(&mut self) {
        self.reply = Some(Reply::Write);
    }

    /// Notes that it is going to wait for somebody, from now on if it has not before.
    pub(super) fn waits(&mut self) {
        self.waited = true;
        self.begun.get_or_insert_with(Instant::now);
    }

    /// Brings its names into whatever is logged on its behalf, if it has any.
    pub(super) fn span(&self, traced: Traced<'_>) -> Span {
        let (request_id, trace_id) = (self.id.as_ref().and_then(text), traced.trace_id());
        if request_id.is_none() && trace_id.is_none() {
            return Span::none();
        }
        info_span!(target: "atelier_edge::request", "request", request_id, trace_id)
    }

    /// Counts the answer, and looks closer at some.
    #[inline]
    pub(super) fn end(&self, head: &Parts, response: &Response<Body>, traced: Traced<'_>, lines: Lines) {
        let status = response.status().as_u16();
        let reply = match self.reply {
            _ if status >= 500 => Reply::Failed,
            Some(reply) => reply,
            None if status >= 400 => Reply::Refused,
            None => Reply::Other,
        };
        // hyper sends no body to who asked for none.
        let bytes = if head.method == Method::HEAD { 0 } else { response.body().size_hint().exact().unwrap_or(0) };
        traffic::answered(self.template, reply, status, bytes);
        if self.begun.is_some() || status >= 500 {
            self.look_closer(head, response, reply, bytes, traced, lines);
        }
    }

    #[cold]
    fn look_closer(
        &self,
        head: &Parts,
        response: &Response<Body>,
        reply: Reply,
        bytes: u64,
        traced: Traced<'_>,
        lines: Lines,
    ) {
        let stands_for = if self.waited { 1 } else { self.stands_for };
        let took = self.begun.map(|begun| Instant::now().since(begun));
        if let Some(took) = took {
            traffic::took(self.template, reply.group(), took, stands_for);
        }
        let status = response.status();
        let slow = took.is_some_and(|took| took >= lines.slow);
        let noted = slow || status.is_server_error();
        if noted && !is_let_through(Instant::now()) {
            metrics().request_lines_withheld.inc();
            return;
        }
        if !noted && !is_drawn(lines.one_of, stands_for) {
            return;
        }
        let micros = took.map(|took| u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
        let (method, route, result) = (method(&head.method), self.template.name(), reply.name());
        let key = self.key.map(|key| key.to_string());
        // Errors have made themselves a name, which the answer tells.
        let request_id = response.headers().get(proxies::X_REQUEST_ID).and_then(text);
        let trace_id = traced.trace_id();
        let status = status.as_u16();
        macro_rules! say {
            ($level:ident, $message:literal) => {
                $level!(
                    target: "atelier_edge::request",
                    method, route, key, status, result, micros, bytes, request_id, trace_id,
                    $message
                )
            };
        }
        match status {
            500 => say!(error, "a request failed: a fault of ours"),
            501.. => say!(warn, "a request failed: there was no answer"),
            _ if slow => say!(warn, "a slow request"),
            _ => say!(info, "a request"),
        }
    }
}

/// A name of few letters and digits as text; every other is none.
fn text(value: &HeaderValue) -> Option<&str> {
    value.to_str().ok()
}

/// A method that there is; others may be any text.
fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

/// Whether there is room for one more line about slow or failed requests in this second.
fn is_let_through(now: Instant) -> bool {
    // The second in the upper half, the lines in it in the lower. At its turn two threads may both begin it, which lets a few more
    // lines through.
    static SO_FAR: AtomicU64 = AtomicU64::new(0);
    let second = (now.nanos() / 1_000_000_000) << 32;
    let so_far = SO_FAR.load(Ordering::Relaxed);
    if so_far >> 32 << 32 != second {
        SO_FAR.store(second + 1, Ordering::Relaxed);
        return true;
    }
    SO_FAR.fetch_add(1, Ordering::Relaxed) & 0xffff_ffff < LINES_MAX
}

/// Whether an answer that stands for so many is the one of `one_of` that is said.
fn is_drawn(one_of: u32, stands_for: u32) -> bool {
    thread_local! {
        /// How many answers this thread has seen since the last one that was said.
        static UNSAID: Cell<u32> = const { Cell::new(0) };
    }
    if one_of == 0 {
        return false;
    }
    let unsaid = UNSAID.get().saturating_add(stands_for);
    let drawn = unsaid >= one_of;
    // What is over counts for the next one, so that it is one of so many in the long run.
    UNSAID.set(if drawn { (unsaid - one_of).min(one_of) } else { unsaid });
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_answer_of_so_many_is_said_for_however_many_each_stands() {
        let said = |one_of, stands_for, answers: u32| {
            let count = move || (0..answers).filter(|_| is_drawn(one_of, stands_for)).count();
            std::thread::spawn(count).join().unwrap()
        };
        assert_eq!(said(1, 1, 10), 10);
        assert_eq!(said(1000, 1, 5000), 5);
        assert_eq!(said(1000, 16, 5000), 80);
        assert_eq!(said(24, 16, 30), 20);
        assert_eq!(said(0, 16, 5000), 0);
    }

    #[test]
    fn a_second_has_so_many_lines() {
        let at = |nanos: u64| Instant::from_nanos(nanos);
        let lines = |second: u64| (0..500).filter(|n| is_let_through(at(second * 1_000_000_000 + n))).count() as u64;
        // A second that no other test is in.
        assert_eq!([lines(7), lines(8)], [LINES_MAX; 2]);
    }

    #[test]
    fn methods_that_there_are_not_are_not_repeated() {
        assert_eq!(method(&Method::PUT), "PUT");
        assert_eq!(method(&"QUIT\u{21}".parse().unwrap()), "other");
    }
}
