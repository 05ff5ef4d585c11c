//! Which products and questions exist: what is not there needs no look-up at all.
//!
//! A filter may say wrongly that an id might be there, and never wrongly that it is not. It is read once and then kept
//! current by the same changes that outdate entries: a new row's tag arrives with the poll that moves the fence. Whoever asks
//! looks at the fence first, so an id that a poll brought is seen by all who rely on that poll.

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use roaring::RoaringBitmap;

use crate::freshness::Instant;
use crate::key::{Key, Resource};
use crate::origin::Existing;
use crate::stamp::Epoch;
use crate::tag::Tag;

/// When the ids are read anew although they are known: deleted ones are forgotten only so.
const RENEWED_AFTER: Duration = Duration::from_secs(3600);

/// How long after a reading that failed the next one begins.
const TRIED_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// The ids of one table.
#[derive(Debug, Default)]
struct Filter {
    /// The ids, of which epoch, and when they were read; `None` while they are not known.
    ids: Option<(Epoch, RoaringBitmap, Instant)>,
    /// What appeared since a reading began.
    recorded: Option<RoaringBitmap>,
    /// When the next reading may begin.
    not_before: Instant,
    /// Goes up when a reading that is under way is no good any more.
    generation: u64,
}

impl Filter {
    fn add(&mut self, id: u32) {
        if let Some((_, ids, _)) = &mut self.ids {
            ids.insert(id);
        }
        if let Some(recorded) = &mut self.recorded {
            recorded.insert(id);
        }
    }

    fn forget(&mut self) {
        self.ids = None;
        self.recorded = None;
        self.generation += 1;
    }
}

/// A reading of ids that is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Of which ids.
    pub of: Existing,
    generation: u64,
}

/// The ids of products and of questions.
#[derive(Debug)]
pub struct Filters {
    products: RwLock<Filter>,
    questions: RwLock<Filter>,
    enabled: bool,
}

fn read(filter: &RwLock<Filter>) -> RwLockReadGuard<'_, Filter> {
    filter.read().unwrap_or_else(PoisonError::into_inner)
}

fn write(filter: &RwLock<Filter>) -> RwLockWriteGuard<'_, Filter> {
    filter.write().unwrap_or_else(PoisonError::into_inner)
}

impl Filters {
    pub(super) fn new(enabled: bool) -> Self {
        Self { products: RwLock::default(), questions: RwLock::default(), enabled }
    }

    fn of(&self, which: Existing) -> &RwLock<Filter> {
        match which {
            Existing::Products => &self.products,
            Existing::Questions => &self.questions,
        }
    }

    /// Takes in what a tag says of ids. A question without answers and one that is not there have the same answers, so it is
    /// the tag of the answers that brings a question.
    pub(super) fn note(&self, tag: Tag) {
        match tag {
            Tag::Row(Resource::Product, id) => write(&self.products).add(id),
            Tag::Row(Resource::Answers, id) => write(&self.questions).add(id),
            Tag::Class(Resource::Product) => write(&self.products).forget(),
            Tag::Class(Resource::Answers) => write(&self.questions).forget(),
            Tag::All => self.forget(),
            Tag::Row(..) | Tag::Class(_) => {}
        }
    }

    /// Knows nothing any more.
    pub(super) fn forget(&self) {
        write(&self.products).forget();
        write(&self.questions).forget();
    }

    /// Whether the row that `key` hangs on is known not to be there. Everything but a product's own answers rests on the
    /// foreign keys: there is no child without its product.
    pub(super) fn lack(&self, key: Key, epoch: Epoch) -> bool {
        let which = if key.resource() == Resource::Answers { Existing::Questions } else { Existing::Products };
        let filter = read(self.of(which));
        let Some((_, ids, _)) = filter.ids.as_ref().filter(|(of, _, _)| *of == epoch) else { return false };
        match (key, key.id()) {
            // There are at most as many rows as ids, so a page behind them all is empty.
            (Key::Products(page), _) => u64::from(page.offset()) >= ids.len(),
            (_, Some(id)) => !ids.contains(id),
            (_, None) => false,
        }
    }

    /// Begins a reading of each kind of ids that is not known, or was read too long ago.
    pub fn begin(&self, now: Instant) -> Vec<Reading> {
        if !self.enabled {
            return Vec::new();
        }
        let due = |filter: &Filter| match &filter.ids {
            Some((_, _, read_at)) => now.since(*read_at) >= RENEWED_AFTER,
            None => true,
        };
        let mut begun = Vec::new();
        for of in [Existing::Products, Existing::Questions] {
            let mut filter = write(self.of(of));
            if filter.recorded.is_none() && now >= filter.not_before && due(&filter) {
                filter.recorded = Some(RoaringBitmap::new());
                begun.push(Reading { of, generation: filter.generation });
            }
        }
        begun
    }

    /// Ends a reading with what was read in `epoch`, or with nothing. False if it is no good, because everything changed
    /// meanwhile.
    pub fn end(&self, reading: Reading, epoch: Epoch, ids: Option<RoaringBitmap>, now: Instant) -> bool {
        let mut filter = write(self.of(reading.of));
        if filter.generation != reading.generation {
            return false;
        }
        let recorded = filter.recorded.take().unwrap_or_default();
        let Some(ids) = ids else {
            filter.not_before = now.after(TRIED_AGAIN_AFTER);
            return false;
        };
        filter.ids = Some((epoch, ids | recorded, now));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EPOCH: Epoch = Epoch::new(7);

    fn read_with(ids: &[u32], meanwhile: &[&str]) -> (Filters, bool) {
        let filters = Filters::new(true);
        let reading = filters.begin(Instant::now())[0];
        meanwhile.iter().for_each(|tag| filters.note(tag.parse().unwrap()));
        let taken = filters.end(reading, EPOCH, Some(ids.iter().copied().collect()), Instant::now());
        (filters, taken)
    }

    fn lacks(filters: &Filters, key: &str) -> bool {
        filters.lack(key.parse().unwrap(), EPOCH)
    }

    #[test]
    fn what_was_read_or_appeared_meanwhile_or_since_is_there() {
        let (filters, taken) = read_with(&[1, 5], &["product:7", "reviews:8", "answers:9"]);
        assert!(taken);
        let absent =
            |filters: &Filters| (1..=10).filter(|id| lacks(filters, &format!("product/{id}"))).collect::<Vec<_>>();
        assert_eq!(absent(&filters), [2, 3, 4, 6, 8, 9, 10]);
        filters.note("product:2".parse().unwrap());
        assert_eq!(absent(&filters), [3, 4, 6, 8, 9, 10]);
        for key in ["styles/3", "related/3", "meta/3", "reviews/3/newest/1x5", "questions/3/1x5"] {
            assert!(lacks(&filters, key), "{key}");
        }
        assert!(!lacks(&filters, "answers/3/1x5"), "the ids of questions were not read");
        assert!(lacks(&filters, "list/2x4") && !lacks(&filters, "list/1x4") && !lacks(&filters, "list/4x1"));
        assert!(!filters.lack(Key::Product(3), Epoch::new(8)), "in another epoch nothing is known");
    }

    #[test]
    fn a_change_of_everything_makes_a_reading_no_good() {
        for tag in ["*", "product:*"] {
            let (filters, taken) = read_with(&[1], &[tag]);
            assert!(!taken && !lacks(&filters, "product/2"), "{tag}");
            let (filters, _) = read_with(&[1], &[]);
            filters.note(tag.parse().unwrap());
            assert!(!lacks(&filters, "product/2"), "{tag}");
            assert_eq!(filters.begin(Instant::now()).first().map(|reading| reading.of), Some(Existing::Products));
        }
        let (filters, taken) = read_with(&[1], &["reviews:*", "list:*"]);
        assert!(taken && lacks(&filters, "product/2"));
    }

    #[test]
    fn one_reading_of_each_kind_is_under_way_at_a_time() {
        let filters = Filters::new(true);
        let begun = filters.begin(Instant::now());
        assert_eq!(begun.len(), 2);
        assert!(filters.begin(Instant::now()).is_empty());
        assert!(!filters.end(begun[0], EPOCH, None, Instant::now()), "a reading that failed");
        assert!(filters.begin(Instant::now()).is_empty());
        assert_eq!(filters.begin(Instant::now().after(TRIED_AGAIN_AFTER)).len(), 1);
        assert!(Filters::new(false).begin(Instant::now()).is_empty());
    }

    #[test]
    fn ids_are_read_anew_after_an_hour() {
        let (filters, _) = read_with(&[1], &[]);
        let of_products = |now| filters.begin(now).iter().any(|reading| reading.of == Existing::Products);
        assert!(!of_products(Instant::now()));
        assert!(of_products(Instant::now().after(RENEWED_AFTER)));
        assert!(lacks(&filters, "product/2"), "and are known while they are");
    }
}
