//! `GET /qa/questions` and `GET /qa/questions/:question_id/answers`.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::{IdText, Photo, Time};

/// A page of a product's questions.
#[derive(Clone, Debug, Serialize)]
pub struct Questions<'a> {
    /// The product's id.
    pub product_id: IdText,
    /// The most helpful first.
    pub results: Vec<Question<'a>>,
}

/// One question with all its answers.
#[derive(Clone, Debug, Serialize)]
pub struct Question<'a> {
    /// The question's id.
    pub question_id: u32,
    /// What is asked.
    pub question_body: &'a str,
    /// When it was asked.
    pub question_date: Time,
    /// Who asked.
    pub asker_name: &'a str,
    /// How many found it helpful.
    pub question_helpfulness: i32,
    /// Always false: reported questions are not listed.
    pub reported: bool,
    /// By answer id.
    #[serde(serialize_with = "by_id")]
    pub answers: Vec<EmbeddedAnswer<'a>>,
}

/// An answer within its question. Here photos are plain urls.
#[derive(Clone, Debug, Serialize)]
pub struct EmbeddedAnswer<'a> {
    /// The answer's id.
    pub id: u32,
    /// What is answered.
    pub body: &'a str,
    /// When.
    pub date: Time,
    /// By whom.
    pub answerer_name: &'a str,
    /// How many found it helpful.
    pub helpfulness: i32,
    /// By photo id.
    pub photos: Vec<&'a str>,
}

/// A page of a question's answers.
#[derive(Clone, Debug, Serialize)]
pub struct Answers<'a> {
    /// The question's id.
    pub question: IdText,
    /// The page asked for, counted from 1: not the offset, as in reviews.
    pub page: u64,
    /// How many rows were asked for.
    pub count: u64,
    /// The most helpful first.
    pub results: Vec<Answer<'a>>,
}

/// One answer. Here photos are objects.
#[derive(Clone, Debug, Serialize)]
pub struct Answer<'a> {
    /// The answer's id.
    pub answer_id: u32,
    /// What is answered.
    pub body: &'a str,
    /// When.
    pub date: Time,
    /// By whom.
    pub answerer_name: &'a str,
    /// How many found it helpful.
    pub helpfulness: i32,
    /// By photo id.
    pub photos: Vec<Photo<'a>>,
}

fn by_id<S: Serializer>(answers: &[EmbeddedAnswer<'_>], serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(answers.len()))?;
    for answer in answers {
        map.serialize_entry(&answer.id, answer)?;
    }
    map.end()
}
