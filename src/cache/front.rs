//! Before L1, on each thread that serves: the entries that it was last asked for, by themselves.
//!
//! A look into moka hashes twice, probes a shared table, looks at a clock and writes down that there was a read, which is several
//! times what all our own checks of a hit cost. Here a look is one hash, one load and a comparison. What is found is judged like
//! everything else: floors and fence do not care where an entry was kept.
//!
//! One thing they cannot see: that another thread has meanwhile answered with a younger entry, behind which a node must not fall back. So
//! whoever stores an entry then counts up a number that belongs to its place, and what was put here under another number is not
//! looked at. The number is read before moka is, so that an entry that moka replaces in between counts as old.
//!
//! moka is asked one time in [`EACH`], so that it goes on knowing what is hot; if it has pushed such an entry out meanwhile, it gets it
//! back, unless a younger one was stored.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::entry::Entry;
use crate::key::Key;

/// How many places there are on each thread, a power of two. They take 40 bytes each.
const PLACES: usize = 1024;

/// The largest entry that is kept here: with all places taken by entries that L1 has pushed out, a thread holds 8 MiB, and what was
/// encoded since.
const ENTRY_MAX: usize = 8 << 10;

/// Of so many hits on one place, one goes to L1.
const EACH: u8 = 32;

/// Those who store something in the same of so many parts do so one after another.
const PARTS: usize = 64;

/// The numbers of all places, which all threads share. They are written where something is stored.
#[derive(Debug)]
pub(super) struct Front {
    numbers: Box<[AtomicU32]>,
    storing: [Mutex<()>; PARTS],
    /// Which front it is: a thread of the tests has to do with several.
    own: u64,
}

struct Kept {
    key: Key,
    number: u32,
    /// How many more hits are answered from here before L1 is asked.
    left: u8,
    entry: Arc<Entry>,
}

/// What one thread keeps, of which front.
struct Here {
    own: u64,
    places: Vec<Option<Kept>>,
}

thread_local! {
    static HERE: RefCell<Here> = const { RefCell::new(Here { own: 0, places: Vec::new() }) };
}

/// What this thread has of a key.
pub(super) enum Look {
    /// This is it.
    Is(Arc<Entry>),
    /// L1 is to be asked, and told of this entry if it has lost it; then [`Front::keep`] wants to know what it said, with this number.
    Ask(u32, Option<Arc<Entry>>),
}

fn place(key: &Key) -> usize {
    super::l1::hash(key, 0) as usize % PLACES
}

impl Front {
    pub(super) fn new() -> Self {
        static MADE: AtomicU64 = AtomicU64::new(1);
        Self {
            numbers: (0..PLACES).map(|_| AtomicU32::new(0)).collect(),
            storing: [const { Mutex::new(()) }; PARTS],
            own: MADE.fetch_add(1, Ordering::Relaxed),
        }
    }

    #[inline]
    pub(super) fn look(&self, key: &Key) -> Look {
        let place = place(key);
        let number = self.numbers[place].load(Ordering::Acquire);
        HERE.with_borrow_mut(|here| {
            if here.own == self.own
                && let Some(Some(kept)) = here.places.get_mut(place)
                && kept.number == number
                && kept.key == *key
            {
                if kept.left > 0 {
                    kept.left -= 1;
                    return Look::Is(Arc::clone(&kept.entry));
                }
                return Look::Ask(number, Some(Arc::clone(&kept.entry)));
            }
            Look::Ask(number, None)
        })
    }

    /// Keeps what L1 has, for this thread.
    pub(super) fn keep(&self, number: u32, entry: &Arc<Entry>) {
        if entry.size() > ENTRY_MAX {
            return;
        }
        HERE.with_borrow_mut(|here| {
            if here.own != self.own {
                here.places.clear();
                here.places.resize_with(PLACES, || None);
                here.own = self.own;
            }
            if let Some(kept) = here.places.get_mut(place(&entry.key)) {
                *kept = Some(Kept { key: entry.key, number, left: EACH - 1, entry: Arc::clone(entry) });
            }
        });
    }

    /// Has L1 take what replaces an entry; behind this nobody looks at that one any more.
    pub(super) fn replace(&self, key: &Key, store: impl FnOnce()) {
        let place = place(key);
        let _alone = self.storing[place % PARTS].lock().unwrap_or_else(PoisonError::into_inner);
        store();
        self.numbers[place].fetch_add(1, Ordering::Release);
    }

    /// Has L1 take back what was kept under this number, unless something has been stored since.
    pub(super) fn give_back(&self, key: &Key, number: u32, store: impl FnOnce()) {
        let place = place(key);
        let _alone = self.storing[place % PARTS].lock().unwrap_or_else(PoisonError::into_inner);
        if self.numbers[place].load(Ordering::Acquire) == number {
            store();
        }
    }

    /// Nobody looks any more at anything that is kept.
    pub(super) fn forget(&self) {
        for number in &self.numbers {
            number.fetch_add(1, Ordering::Release);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;
    use std::thread;

    use super::super::l1::L1;
    use super::*;
    use crate::entry::{Answer, Document, Origins};
    use crate::freshness::Instant;
    use crate::stamp::{Epoch, Stamp};

    /// An entry that was read at this time.
    fn entry(key: Key, at: u64) -> Arc<Entry> {
        let read_at = Instant::from_nanos(at);
        let origins = Origins { epoch: Epoch::default(), stamp: Stamp::ZERO, began: Some(read_at), read_at, cost: 0 };
        Arc::new(Entry::new(key, Some(b"{}"), false, origins, 0))
    }

    fn at(entry: Option<Arc<Entry>>) -> Option<u64> {
        entry.map(|entry| entry.read_at.nanos())
    }

    #[test]
    fn what_replaces_an_entry_is_what_everybody_finds_from_then_on() {
        const KEY: Key = Key::Product(1);
        let (l1, stored, over) = (L1::new(1 << 20, 10), AtomicU64::new(0), AtomicBool::new(false));
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    let mut hits = 0_u64;
                    while !over.load(Ordering::Acquire) || hits < 1000 {
                        // Whoever was answered with this one must not get an older one.
                        let least = stored.load(Ordering::Acquire);
                        let found = at(l1.hit(&KEY)).unwrap_or(0);
                        assert!(found >= least, "{found} after {least}");
                        hits += 1;
                    }
                });
            }
            for time in 1..=100_000 {
                l1.insert(entry(KEY, time));
                stored.store(time, Ordering::Release);
            }
            over.store(true, Ordering::Release);
        });
        assert_eq!(at(l1.hit(&KEY)), Some(100_000));
    }

    #[test]
    fn what_l1_has_pushed_out_comes_back_if_it_is_hot_and_nothing_younger_was_stored() {
        let l1 = L1::new(1 << 20, 10);
        let key = Key::Product(7);
        l1.insert(entry(key, 1));
        assert_eq!(at(l1.hit(&key)), Some(1));
        l1.drop_for_test(&key);
        assert_eq!(at(l1.get(&key)), None);
        // At the latest when as many hits have come as one goes to L1 of.
        assert!((0..EACH).all(|_| at(l1.hit(&key)) == Some(1)));
        assert_eq!(at(l1.get(&key)), Some(1));

        l1.drop_for_test(&key);
        let number = l1.front.numbers[place(&key)].load(Ordering::Relaxed);
        l1.insert(entry(key, 2));
        l1.front.give_back(&key, number, || panic!("something younger was stored"));
        assert_eq!(at(l1.hit(&key)), Some(2));
    }

    #[test]
    fn keys_that_share_a_place_and_caches_that_share_a_thread_do_not_see_each_others_entries() {
        let keys: Vec<Key> =
            (1..).map(Key::Product).filter(|key| place(key) == place(&Key::Product(1))).take(2).collect();
        let [one, other] = [L1::new(1 << 20, 10), L1::new(1 << 20, 10)];
        for (time, key) in (1..).zip(&keys) {
            one.insert(entry(*key, time));
        }
        for _ in 0..3 {
            assert_eq!([at(one.hit(&keys[0])), at(one.hit(&keys[1]))], [Some(1), Some(2)]);
            assert_eq!(at(other.hit(&keys[0])), None);
        }
    }

    #[test]
    fn what_is_large_is_found_and_not_kept() {
        let l1 = L1::new(1 << 20, 10);
        let key = Key::Product(1);
        let large = Arc::new(Entry {
            answer: Answer::Found(Document::new(&[b' '; ENTRY_MAX + 1])),
            ..Entry::clone(&entry(key, 1))
        });
        l1.insert(large);
        assert!((0..3).all(|_| at(l1.hit(&key)) == Some(1)));
        l1.drop_for_test(&key);
        assert_eq!(at(l1.hit(&key)), None);
    }
}
