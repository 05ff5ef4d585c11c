//! What is asked for.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use atelier_rig::Ask;

use super::catalogue::{COLD, Catalogue, VOTED, voted_review};

/// A mixture of requests, to nodes at random.
#[derive(Clone, Debug)]
pub(crate) struct Mix {
    /// Whom.
    pub(crate) to: Vec<SocketAddr>,
    /// How many of a thousand are for products that nobody has asked for: each is a fetch.
    pub(crate) cold: u32,
    /// How many of a thousand are votes.
    pub(crate) votes: u32,
    /// Whether each request has a connection of its own.
    pub(crate) one_shot: bool,
    /// Which product nobody has asked for yet.
    pub(crate) next_cold: Arc<AtomicU64>,
    /// The keys.
    pub(crate) catalogue: Arc<Catalogue>,
}

impl Mix {
    /// Says one request after another. Its class is `hit`, `voted` (a key that shows votes), `cold` or `write`.
    pub(crate) fn requests(self) -> impl FnMut() -> Ask + Send + 'static {
        let mut chance = fastrand::Rng::new();
        move || {
            let to = self.to[chance.usize(..self.to.len())];
            let roll = chance.u32(..1000);
            let mut ask = if roll < self.votes {
                let review = voted_review(chance.u64(VOTED));
                Ask { method: "PUT", ..Ask::get(to, "write", format!("/reviews/{review}/helpful")) }
            } else if roll < self.votes + self.cold {
                let product = self.next_cold.fetch_add(1, Ordering::Relaxed);
                assert!(COLD.contains(&product), "there are no more products that nobody has asked for");
                Ask { number: product, ..Ask::get(to, "cold", format!("/products/{product}")) }
            } else {
                let number = chance.usize(..self.catalogue.known.len());
                let known = &self.catalogue.known[number];
                let class = if VOTED.contains(&known.product) { "voted" } else { "hit" };
                Ask { number: number as u64, ..Ask::get(to, class, known.target.clone()) }
            };
            if self.one_shot {
                ask.headers.push_str("Connection: close\r\n");
            }
            ask
        }
    }
}
