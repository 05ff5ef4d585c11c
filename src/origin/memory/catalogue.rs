//! The catalogue: its rows, how each is found by its id, and which ids come next.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use super::rows::{Answer, Product, Question, Review};
use crate::key::ID_MAX;

/// Every row, each with its parent, and the products by id.
#[derive(Debug, Default)]
pub(super) struct Catalogue {
    pub(super) products: BTreeMap<u32, Product>,
    /// Every sku, whatever its style.
    pub(super) skus: BTreeSet<u32>,
    pub(super) ids: Ids,
    product_of_review: BTreeMap<u32, u32>,
    product_of_question: BTreeMap<u32, u32>,
    question_of_answer: BTreeMap<u32, u32>,
}

/// The ids of the tables that grow.
#[derive(Debug, Default)]
pub(super) struct Ids {
    pub(super) reviews: Sequence,
    pub(super) reviews_photos: Sequence,
    pub(super) questions: Sequence,
    pub(super) answers: Sequence,
    pub(super) answers_photos: Sequence,
}

impl Catalogue {
    /// A review, with its product's id.
    pub(super) fn review_mut(&mut self, id: u32) -> Option<(u32, &mut Review)> {
        let product = *self.product_of_review.get(&id)?;
        Some((product, self.products.get_mut(&product)?.reviews.get_mut(&id)?))
    }

    pub(super) fn question(&self, id: u32) -> Option<&Question> {
        let product = self.product_of_question.get(&id)?;
        self.products.get(product)?.questions.get(&id)
    }

    /// A question, with its product's id.
    pub(super) fn question_mut(&mut self, id: u32) -> Option<(u32, &mut Question)> {
        let product = *self.product_of_question.get(&id)?;
        Some((product, self.products.get_mut(&product)?.questions.get_mut(&id)?))
    }

    /// An answer, with the ids of its question's product and of its question.
    pub(super) fn answer_mut(&mut self, id: u32) -> Option<(u32, u32, &mut Answer)> {
        let question_id = *self.question_of_answer.get(&id)?;
        let (product, question) = self.question_mut(question_id)?;
        Some((product, question_id, question.answers.get_mut(&id)?))
    }

    /// The ids of all questions, ascending.
    pub(super) fn questions(&self) -> impl Iterator<Item = u32> {
        self.product_of_question.keys().copied()
    }

    /// Adds a review; `None`, and nothing done, when there is no such product.
    pub(super) fn put_review(&mut self, product: u32, id: u32, row: Review) -> Option<()> {
        self.products.get_mut(&product)?.reviews.insert(id, row);
        self.product_of_review.insert(id, product);
        self.ids.reviews.saw(id);
        Some(())
    }

    /// Adds a question; `None`, and nothing done, when there is no such product.
    pub(super) fn put_question(&mut self, product: u32, id: u32, row: Question) -> Option<()> {
        self.products.get_mut(&product)?.questions.insert(id, row);
        self.product_of_question.insert(id, product);
        self.ids.questions.saw(id);
        Some(())
    }

    /// Adds an answer; `None`, and nothing done, when there is no such question.
    pub(super) fn put_answer(&mut self, question: u32, id: u32, row: Answer) -> Option<()> {
        let (_, parent) = self.question_mut(question)?;
        parent.answers.insert(id, row);
        self.question_of_answer.insert(id, question);
        self.ids.answers.saw(id);
        Some(())
    }
}

/// Hands out the ids of a table, each once: a row that goes leaves its id to no other.
#[derive(Debug, Default)]
pub(super) struct Sequence {
    last: u32,
}

/// All ids that the column can hold are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the table has no id left")]
pub(super) struct NoIdLeft;

impl Sequence {
    /// This id is taken.
    pub(super) fn saw(&mut self, id: u32) {
        self.last = self.last.max(id);
    }

    pub(super) fn one(&mut self) -> Result<u32, NoIdLeft> {
        Ok(*self.next(1)?.start())
    }

    /// As many ids as are asked for, in a row.
    pub(super) fn next(&mut self, many: usize) -> Result<RangeInclusive<u32>, NoIdLeft> {
        let many = u32::try_from(many).map_err(|_| NoIdLeft)?;
        let last = self.last.checked_add(many).filter(|last| *last <= ID_MAX).ok_or(NoIdLeft)?;
        let ids = self.last + 1..=last;
        self.last = last;
        Ok(ids)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_go_on_behind_the_highest_and_end_where_the_column_ends() {
        let mut ids = Sequence::default();
        assert_eq!(ids.next(1), Ok(1..=1));
        for id in [7, 3] {
            ids.saw(id);
        }
        assert_eq!(ids.next(0).unwrap().count(), 0);
        assert_eq!([ids.next(3), ids.next(1)], [Ok(8..=10), Ok(11..=11)]);
        ids.saw(ID_MAX - 1);
        assert_eq!(
            [ids.next(2), ids.next(usize::MAX), ids.next(1)],
            [Err(NoIdLeft), Err(NoIdLeft), Ok(ID_MAX..=ID_MAX)]
        );
        assert_eq!(ids.next(1), Err(NoIdLeft));
        assert_eq!(ids.next(0).unwrap().count(), 0);
    }
}
