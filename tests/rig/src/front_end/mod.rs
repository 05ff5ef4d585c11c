//! Sessions of a front end, as many at once as a test likes: what a shopper's browser asks for, in the order it does, and
//! whether it sees at once what it wrote.
//!
//! Nothing here knows how many nodes there are: an address is all, and what stands behind it may send each request elsewhere.

mod browser;
mod round;
mod shelf;
mod tally;

use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

pub use tally::Tally;

use browser::Browser;
use round::Round;
use shelf::Shelf;

/// What is played.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Whom it is played against.
    pub address: SocketAddr,
    /// How many rounds.
    pub rounds: u64,
    /// How many shoppers there are at once.
    pub shoppers: u64,
    /// What chance begins with.
    pub seed: u64,
    /// How long a write may be missing from a read that does not bring its token (`ATELIER_BOUND`).
    pub bound: Duration,
    /// Whether reads bring the token of the last write. Without it they may miss that write, which is then counted.
    pub tokens: bool,
}

impl Plan {
    /// Plays it to the end. What goes wrong is counted, never a panic.
    pub fn play(&self) -> Tally {
        let mut tally = Tally::default();
        let Some(shelf) = Shelf::look(&mut Browser::new(self.address, self.tokens), &mut tally) else {
            tally.wrong(|| "there is nothing on the shelf, so no round was played".to_owned());
            return tally;
        };
        let (begun, total) = (AtomicU64::new(0), Mutex::new(tally));
        thread::scope(|scope| {
            for _ in 0..self.shoppers {
                scope.spawn(|| {
                    let mut tally = Tally::default();
                    loop {
                        let number = begun.fetch_add(1, Ordering::Relaxed);
                        if number >= self.rounds {
                            break;
                        }
                        Round::new(self, &shelf, number, &mut tally).play();
                    }
                    total.lock().expect("nobody panics with it").add(tally);
                });
            }
        });
        total.into_inner().expect("nobody panics with it")
    }
}
