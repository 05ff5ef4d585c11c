//! What each command does, and which tags it changes: those that the triggers of the PostgreSQL origin emit for the same.
//!
//! A command is checked to its end before anything is changed, so it is done as a whole or not at all.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Instant;

use super::State;
use super::catalogue::{Catalogue, NoIdLeft, Sequence};
use super::interactions::Interaction;
use super::rows::{Answer, Question, Review};
use crate::command::{Command, NewAnswer, NewQuestion, NewReview, Purged, Subject, Vote};
use crate::key::Resource;
use crate::origin::{OriginError, WriteError, Written};
use crate::tag::{Kind, Tag};

/// What the schema takes for the time of a row: from 1970 until before the year 10000.
const TIMES: Range<i64> = 0..253_402_300_800_000;

impl From<NoIdLeft> for WriteError {
    fn from(error: NoIdLeft) -> Self {
        Self::Undone(OriginError::Failed(error.into()))
    }
}

impl State {
    pub(super) fn write(&mut self, command: Command, at: i64) -> Result<Written, WriteError> {
        let tags = self.change(command, at)?;
        self.history.append(&tags, Instant::now());
        Ok(Written { tags, seen: Some(self.history.seen()) })
    }

    fn change(&mut self, command: Command, at: i64) -> Result<Vec<(Tag, Kind)>, WriteError> {
        match command {
            Command::AddReview(new) => self.catalogue.add_review(new, at),
            Command::AddQuestion(new) => self.catalogue.add_question(new, at),
            Command::AddAnswer(new) => self.catalogue.add_answer(new, at),
            Command::Vote(subject, id, vote) => self.catalogue.vote(subject, id, vote).ok_or(WriteError::Absent),
            Command::AddToCart { owner, sku, count } => {
                if !self.catalogue.skus.contains(&sku) || count == 0 {
                    return Err(WriteError::Invalid);
                }
                self.carts.add(owner, sku, count);
                Ok(Vec::new())
            }
            Command::AddInteraction { element, widget, time } => {
                self.interactions.add(Interaction { element, widget, time, at });
                Ok(Vec::new())
            }
            Command::Purge(purge) => Ok(self.purge(purge.what)),
        }
    }

    fn purge(&mut self, what: Purged) -> Vec<(Tag, Kind)> {
        match what {
            Purged::Tags(tags, kind) => tags.into_iter().map(|tag| (tag, kind)).collect(),
            Purged::Epoch => {
                self.history.begin_epoch();
                Vec::new()
            }
        }
    }
}

impl Catalogue {
    fn add_review(&mut self, new: NewReview, at: i64) -> Result<Vec<(Tag, Kind)>, WriteError> {
        let product = self.products.get_mut(&new.product).ok_or(WriteError::Invalid)?;
        let rated =
            new.characteristics.iter().all(|(id, stars)| product.characteristics.contains_key(id) && is_rating(*stars));
        if !rated || !is_rating(new.rating) || !TIMES.contains(&at) {
            return Err(WriteError::Invalid);
        }
        let photos = numbered(&mut self.ids.reviews_photos, new.photos)?;
        let id = self.ids.reviews.one()?;
        for (characteristic, stars) in new.characteristics {
            if let Some(row) = product.characteristics.get_mut(&characteristic) {
                row.rate(stars.into());
            }
        }
        let row = Review {
            rating: new.rating.into(),
            date: at,
            summary: new.summary,
            body: new.body,
            recommend: new.recommend,
            reported: false,
            reviewer_name: new.name,
            response: None,
            helpfulness: 0,
            photos,
        };
        self.put_review(new.product, id, row).ok_or(WriteError::Invalid)?;
        Ok(vec![hard(Resource::Reviews, new.product), hard(Resource::Meta, new.product)])
    }

    fn add_question(&mut self, new: NewQuestion, at: i64) -> Result<Vec<(Tag, Kind)>, WriteError> {
        if !self.products.contains_key(&new.product) || !TIMES.contains(&at) {
            return Err(WriteError::Invalid);
        }
        let id = self.ids.questions.one()?;
        let row = Question {
            body: new.body,
            date: at,
            asker_name: new.name,
            reported: false,
            helpful: 0,
            answers: BTreeMap::new(),
        };
        self.put_question(new.product, id, row).ok_or(WriteError::Invalid)?;
        Ok(vec![hard(Resource::Questions, new.product)])
    }

    fn add_answer(&mut self, new: NewAnswer, at: i64) -> Result<Vec<(Tag, Kind)>, WriteError> {
        let (product, _) = self.question_mut(new.question).ok_or(WriteError::Invalid)?;
        if !TIMES.contains(&at) {
            return Err(WriteError::Invalid);
        }
        let photos = numbered(&mut self.ids.answers_photos, new.photos)?;
        let id = self.ids.answers.one()?;
        let row = Answer { body: new.body, date: at, answerer_name: new.name, reported: false, helpful: 0, photos };
        self.put_answer(new.question, id, row).ok_or(WriteError::Invalid)?;
        Ok(vec![hard(Resource::Questions, product), hard(Resource::Answers, new.question)])
    }

    /// Also for rows that are hidden: they are there, and their parents' tags are emitted all the same.
    fn vote(&mut self, subject: Subject, id: u32, vote: Vote) -> Option<Vec<(Tag, Kind)>> {
        match subject {
            Subject::Review => {
                let (product, review) = self.review_mut(id)?;
                count(vote, &mut review.helpfulness, &mut review.reported);
                Some(vec![hard(Resource::Reviews, product)])
            }
            Subject::Question => {
                let (product, question) = self.question_mut(id)?;
                count(vote, &mut question.helpful, &mut question.reported);
                Some(vec![hard(Resource::Questions, product)])
            }
            Subject::Answer => {
                let (product, question, answer) = self.answer_mut(id)?;
                count(vote, &mut answer.helpful, &mut answer.reported);
                Some(vec![hard(Resource::Questions, product), hard(Resource::Answers, question)])
            }
        }
    }
}

fn count(vote: Vote, helpful: &mut i32, reported: &mut bool) {
    match vote {
        // At the end of the column one more is not counted; it is no reason to refuse it.
        Vote::Helpful => *helpful = helpful.saturating_add(1),
        Vote::Report => *reported = true,
    }
}

fn hard(class: Resource, id: u32) -> (Tag, Kind) {
    (Tag::Row(class, id), Kind::Hard)
}

fn is_rating(stars: u8) -> bool {
    (1..=5).contains(&stars)
}

/// Photos with ids in their order.
fn numbered(ids: &mut Sequence, photos: Vec<String>) -> Result<BTreeMap<u32, String>, NoIdLeft> {
    Ok(ids.next(photos.len())?.zip(photos).collect())
}
