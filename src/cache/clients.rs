//! How often each client may ask for what is not held.
//!
//! A cell of a fixed table keeps, for all clients that share it, when the next of their misses is due if they come evenly (the
//! "virtual scheduling" form of a leaky bucket, ITU-T I.371): one number, taken and put back without a lock. So the table never
//! grows, whoever asks; that two clients share a cell is as likely as their number among the cells, and by chance, since
//! the hash is of this process alone.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How many cells there are: 1 MiB, and only when there is a limit.
const CELLS: usize = 1 << 17;

/// A second of its rate may come at once.
const BURST: Duration = Duration::from_secs(1);

/// The clients of late.
#[derive(Debug, Default)]
pub(super) struct Clients {
    cells: OnceLock<Box<[AtomicU64]>>,
    hash: RandomState,
}

/// What stands for a client: one who has an IPv6 address has at least 2^64 of them.
fn of(address: IpAddr) -> (bool, u64) {
    match address.to_canonical() {
        IpAddr::V4(address) => (true, u64::from(address.to_bits())),
        IpAddr::V6(address) => (false, (address.to_bits() >> 64) as u64),
    }
}

impl Clients {
    /// Whether this client may miss once more, of `rate` times in a second. `now` is in nanoseconds since any moment.
    pub(super) fn admit(&self, address: IpAddr, rate: u32, now: u64) -> bool {
        let Some(each) = 1_000_000_000_u64.checked_div(u64::from(rate)) else { return true };
        let cells = self.cells.get_or_init(|| (0..CELLS).map(|_| AtomicU64::new(0)).collect());
        let cell = &cells[self.hash.hash_one(of(address)) as usize % CELLS];
        let burst = u64::try_from(BURST.as_nanos()).unwrap_or(u64::MAX).max(each);
        let next = |due: u64| {
            let due = due.max(now) + each;
            (due - now <= burst).then_some(due)
        };
        cell.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// How many of so many misses at this moment are admitted.
    fn admitted(clients: &Clients, who: &str, times: usize, now: u64) -> usize {
        (0..times).filter(|_| clients.admit(address(who), 10, now)).count()
    }

    #[test]
    fn a_second_of_the_rate_may_come_at_once_and_then_the_rate_itself() {
        let clients = Clients::default();
        assert_eq!(admitted(&clients, "192.0.2.1", 50, SECOND), 10);
        assert_eq!(admitted(&clients, "192.0.2.1", 50, SECOND + SECOND / 10), 1);
        assert_eq!(admitted(&clients, "192.0.2.1", 50, SECOND + SECOND / 2), 4);
        assert_eq!(admitted(&clients, "192.0.2.2", 50, SECOND + SECOND / 2), 10, "another client");
        assert_eq!(admitted(&clients, "192.0.2.1", 50, 9 * SECOND), 10, "after a pause no more than a second's");
    }

    #[test]
    fn addresses_of_one_client_are_one() {
        let clients = Clients::default();
        assert_eq!(admitted(&clients, "2001:db8:1:2::1", 7, SECOND), 7);
        assert_eq!(admitted(&clients, "2001:db8:1:2:ffff::9", 7, SECOND), 3, "the same /64");
        assert_eq!(admitted(&clients, "2001:db8:1:3::1", 7, SECOND), 7);
        assert_eq!(admitted(&clients, "192.0.2.1", 7, SECOND), 7);
        assert_eq!(admitted(&clients, "::ffff:192.0.2.1", 7, SECOND), 3, "the same address, written as IPv6");
    }

    #[test]
    fn without_a_rate_nothing_is_limited_or_kept() {
        let clients = Clients::default();
        assert!((0..1000).all(|_| clients.admit(address("192.0.2.1"), 0, SECOND)));
        assert!(clients.cells.get().is_none());
        assert_eq!((0..5).filter(|_| clients.admit(address("192.0.2.1"), 1, SECOND)).count(), 1);
    }

    #[test]
    fn ever_new_clients_take_no_more_room() {
        let clients = Clients::default();
        for n in 0..300_000_u32 {
            clients.admit(IpAddr::V4(n.into()), 10, SECOND);
        }
        assert_eq!(clients.cells.get().unwrap().len(), CELLS);
    }
}
