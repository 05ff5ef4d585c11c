//! Questions with their answers, and answers by themselves.

use super::{Documents, photos};
use crate::key::Page;
use crate::model::{Answer, Answers, EmbeddedAnswer, IdText, Question, Questions, Time, json};
use crate::origin::{Fetched, OriginError};

impl Documents<'_> {
    pub(super) fn questions(&self, product: u32, page: Page) -> Result<Fetched, OriginError> {
        let mut shown: Vec<_> = self
            .catalogue
            .products
            .get(&product)
            .into_iter()
            .flat_map(|row| &row.questions)
            .filter(|(_, question)| !question.reported)
            .collect();
        shown.sort_by_key(|(id, question)| (std::cmp::Reverse(question.helpful), **id));
        let results: Vec<_> = self
            .window(page, shown.into_iter())
            .map(|(id, question)| Question {
                question_id: *id,
                question_body: &question.body,
                question_date: Time(question.date),
                asker_name: &question.asker_name,
                question_helpfulness: question.helpful,
                reported: question.reported,
                answers: question
                    .answers
                    .iter()
                    .filter(|(_, answer)| !answer.reported)
                    .map(|(id, answer)| EmbeddedAnswer {
                        id: *id,
                        body: &answer.body,
                        date: Time(answer.date),
                        answerer_name: &answer.answerer_name,
                        helpfulness: answer.helpful,
                        photos: answer.photos.values().map(String::as_str).collect(),
                    })
                    .collect(),
            })
            .collect();
        let empty = results.is_empty();
        Ok(Fetched::found(json(&Questions { product_id: IdText(product.into()), results })?, empty))
    }

    pub(super) fn answers(&self, question: u32, page: Page) -> Result<Fetched, OriginError> {
        let mut shown: Vec<_> = self
            .catalogue
            .question(question)
            .into_iter()
            .flat_map(|row| &row.answers)
            .filter(|(_, answer)| !answer.reported)
            .collect();
        shown.sort_by_key(|(id, answer)| (std::cmp::Reverse(answer.helpful), **id));
        let results: Vec<_> = self
            .window(page, shown.into_iter())
            .map(|(id, answer)| Answer {
                answer_id: *id,
                body: &answer.body,
                date: Time(answer.date),
                answerer_name: &answer.answerer_name,
                helpfulness: answer.helpful,
                photos: photos(&answer.photos),
            })
            .collect();
        let empty = results.is_empty();
        let document = Answers {
            question: IdText(question.into()),
            page: page.number().into(),
            count: page.count().into(),
            results,
        };
        Ok(Fetched::found(json(&document)?, empty))
    }
}
