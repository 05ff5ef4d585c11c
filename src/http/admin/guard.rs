//! Who may give orders: whoever brings the token. Those who do not are counted, and said in the log now and then.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use hyper::HeaderMap;
use tracing::warn;

use crate::http::authorization::Token;

/// Log lines about refused orders come no faster than this.
const COMPLAINT: Duration = Duration::from_secs(10);

/// Why an order is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// There is no token that could be brought.
    NoToken,
    /// It was not brought.
    WrongToken,
}

/// The token, and those who came without it.
pub(super) struct Guard {
    token: ArcSwapOption<Token>,
    /// How many orders were refused since the process began.
    refused: AtomicU64,
    complained: Mutex<Option<Instant>>,
}

impl Guard {
    pub(super) fn new(token: Option<Token>) -> Self {
        Self {
            token: ArcSwapOption::new(token.map(Arc::new)),
            refused: AtomicU64::new(0),
            complained: Mutex::default(),
        }
    }

    pub(super) fn set(&self, token: Option<Token>) {
        self.token.store(token.map(Arc::new));
    }

    /// Lets a request through that brings the token.
    pub(super) fn admit(&self, headers: &HeaderMap, peer: SocketAddr, order: &'static str) -> Result<(), Refused> {
        let why = match &*self.token.load() {
            Some(token) if token.is_borne_in(headers) => return Ok(()),
            Some(_) => Refused::WrongToken,
            None => Refused::NoToken,
        };
        if let Some(refused) = self.count(Instant::now()) {
            let said = match why {
                Refused::NoToken => "no token is set",
                Refused::WrongToken => "without the token",
            };
            warn!(%peer, order, refused, "an order from {peer} was refused: {said}; orders refused so far: {refused}");
        }
        Err(why)
    }

    /// Counts one more, and says how many there are if that is to be logged.
    fn count(&self, now: Instant) -> Option<u64> {
        let refused = self.refused.fetch_add(1, Ordering::Relaxed) + 1;
        let mut complained = self.complained.lock().unwrap_or_else(PoisonError::into_inner);
        let is_time = complained.is_none_or(|last| now.saturating_duration_since(last) >= COMPLAINT);
        if is_time {
            *complained = Some(now);
        }
        is_time.then_some(refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_orders_are_all_counted_and_said_now_and_then() {
        let guard = Guard::new(None);
        let begin = Instant::now();
        let after = |seconds| guard.count(begin + Duration::from_secs(seconds));
        assert_eq!([0, 1, 9, 10, 11, 19, 20].map(after), [Some(1), None, None, Some(4), None, None, Some(7)]);
    }

    #[test]
    fn a_token_can_be_set_and_taken_away() {
        let peer = SocketAddr::from(([127, 0, 0, 1], 1));
        let headers =
            [(hyper::header::AUTHORIZATION, hyper::header::HeaderValue::from_static("Bearer sesame"))].into_iter();
        let headers: HeaderMap = headers.collect();
        let guard = Guard::new(None);
        assert_eq!(guard.admit(&headers, peer, "/purge"), Err(Refused::NoToken));
        guard.set(Some(Token::new(b"sesame")));
        assert_eq!(guard.admit(&headers, peer, "/purge"), Ok(()));
        assert_eq!(guard.admit(&HeaderMap::new(), peer, "/purge"), Err(Refused::WrongToken));
        guard.set(Some(Token::new(b"another")));
        assert_eq!(guard.admit(&headers, peer, "/purge"), Err(Refused::WrongToken));
    }
}
