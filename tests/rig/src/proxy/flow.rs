//! How much is under way on the connections of one application of PostgreSQL: what was asked and not answered yet.

use std::collections::HashMap;
use std::sync::Mutex;

/// What was asked on the connections of an application.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flow {
    /// How many statements.
    pub asked: u64,
    /// How many of them are not answered.
    pub now: u64,
    /// How many were not, at the worst moment.
    pub most: u64,
}

/// The flows of all applications.
#[derive(Debug, Default)]
pub(super) struct Flows(Mutex<HashMap<String, Flow>>);

impl Flows {
    pub(super) fn of(&self, application: &str) -> Flow {
        self.0.lock().expect("no thread panics with the lock").get(application).copied().unwrap_or_default()
    }

    /// Begins to count anew; what is under way stays.
    pub(super) fn reset(&self) {
        for flow in self.0.lock().expect("no thread panics with the lock").values_mut() {
            *flow = Flow { asked: 0, now: flow.now, most: flow.now };
        }
    }

    pub(super) fn change(&self, application: &str, asked: u64, answered: u64) {
        let mut flows = self.0.lock().expect("no thread panics with the lock");
        let flow = flows.entry(application.to_owned()).or_default();
        flow.asked += asked;
        flow.now = (flow.now + asked).saturating_sub(answered);
        flow.most = flow.most.max(flow.now);
    }
}

/// The messages in a stream, one way: a byte that says what it is, its length in four, and so many.
#[derive(Debug, Default)]
pub(super) struct Messages {
    head: Vec<u8>,
    left: usize,
}

impl Messages {
    /// How many of the messages that begin in this piece are of these kinds.
    pub(super) fn count(&mut self, mut piece: &[u8], kinds: &[u8]) -> u64 {
        let mut found = 0;
        while !piece.is_empty() {
            let skipped = self.left.min(piece.len());
            self.left -= skipped;
            piece = &piece[skipped..];
            let wanted = if self.left == 0 { (5 - self.head.len()).min(piece.len()) } else { 0 };
            self.head.extend_from_slice(&piece[..wanted]);
            piece = &piece[wanted..];
            if let [kind, length @ ..] = &self.head[..]
                && let Ok(length) = <[u8; 4]>::try_from(length)
            {
                found += u64::from(kinds.contains(kind));
                self.left = (u32::from_be_bytes(length) as usize).saturating_sub(4);
                self.head.clear();
            }
        }
        found
    }
}

/// What asks: that a statement be executed. Those that are only prepared are not counted, nor what is sent as text.
pub(super) const ASKS: &[u8] = b"E";
/// What says that the answer is over: it is complete, empty, or an error.
pub(super) const ANSWERS: &[u8] = b"CIE";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_counted_wherever_the_pieces_end() {
        let message =
            |kind: u8, text: &[u8]| [&[kind][..], &u32::try_from(text.len() + 4).unwrap().to_be_bytes(), text].concat();
        let stream =
            [message(b'B', b"EEEEEEEE"), message(b'E', b"EE"), message(b'S', b""), message(b'E', b"")].concat();
        for size in 1..=stream.len() {
            let mut messages = Messages::default();
            let found: u64 = stream.chunks(size).map(|piece| messages.count(piece, ASKS)).sum();
            assert_eq!(found, 2, "pieces of {size}");
        }
    }

    #[test]
    fn what_is_under_way_has_a_peak() {
        let flows = Flows::default();
        flows.change("a", 2, 0);
        flows.change("a", 1, 0);
        flows.change("a", 0, 2);
        assert_eq!(flows.of("a"), Flow { asked: 3, now: 1, most: 3 });
        flows.reset();
        assert_eq!((flows.of("a"), flows.of("b")), (Flow { asked: 0, now: 1, most: 1 }, Flow::default()));
    }
}
