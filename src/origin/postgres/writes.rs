//! Each write as a statement with its parameters.

use tokio_postgres::types::{ToSql, Type};

use super::signed;
use super::writer::Writers;
use crate::command::{Command, NewAnswer, NewQuestion, NewReview, Purge, Purged, Subject, Vote};
use crate::origin::{WriteError, Written};

/// A statement that writes. Its text stands in the file of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Text {
    Review,
    Question,
    Answer,
    ReviewHelpful,
    ReviewReport,
    QuestionHelpful,
    QuestionReport,
    AnswerHelpful,
    AnswerReport,
    Cart,
    Interaction,
    Purge,
    Epoch,
}

impl Text {
    pub(super) const ALL: [Self; 13] = [
        Self::Review,
        Self::Question,
        Self::Answer,
        Self::ReviewHelpful,
        Self::ReviewReport,
        Self::QuestionHelpful,
        Self::QuestionReport,
        Self::AnswerHelpful,
        Self::AnswerReport,
        Self::Cart,
        Self::Interaction,
        Self::Purge,
        Self::Epoch,
    ];

    pub(super) const fn sql(self) -> &'static str {
        match self {
            Self::Review => include_str!("write/review.sql"),
            Self::Question => include_str!("write/question.sql"),
            Self::Answer => include_str!("write/answer.sql"),
            Self::ReviewHelpful => include_str!("write/review_helpful.sql"),
            Self::ReviewReport => include_str!("write/review_report.sql"),
            Self::QuestionHelpful => include_str!("write/question_helpful.sql"),
            Self::QuestionReport => include_str!("write/question_report.sql"),
            Self::AnswerHelpful => include_str!("write/answer_helpful.sql"),
            Self::AnswerReport => include_str!("write/answer_report.sql"),
            Self::Cart => include_str!("write/cart.sql"),
            Self::Interaction => include_str!("write/interaction.sql"),
            Self::Purge => include_str!("write/purge.sql"),
            Self::Epoch => include_str!("write/epoch.sql"),
        }
    }

    pub(super) const fn parameters(self) -> &'static [Type] {
        match self {
            Self::Review => &[
                Type::INT4,
                Type::INT2,
                Type::INT8,
                Type::TEXT,
                Type::TEXT,
                Type::BOOL,
                Type::TEXT,
                Type::TEXT,
                Type::TEXT_ARRAY,
                Type::INT4_ARRAY,
                Type::INT2_ARRAY,
            ],
            Self::Question => &[Type::INT4, Type::INT8, Type::TEXT, Type::TEXT, Type::TEXT],
            Self::Answer => &[Type::INT4, Type::INT8, Type::TEXT, Type::TEXT, Type::TEXT, Type::TEXT_ARRAY],
            Self::ReviewHelpful
            | Self::ReviewReport
            | Self::QuestionHelpful
            | Self::QuestionReport
            | Self::AnswerHelpful
            | Self::AnswerReport => &[Type::INT4],
            Self::Cart => &[Type::BYTEA, Type::INT4, Type::INT8],
            Self::Interaction => &[Type::TEXT, Type::TEXT, Type::TEXT, Type::INT8],
            Self::Purge => &[Type::TEXT_ARRAY, Type::INT2, Type::TEXT, Type::TEXT, Type::TEXT],
            Self::Epoch => &[Type::TEXT, Type::TEXT, Type::TEXT],
        }
    }
}

const ABSENT: fn() -> WriteError = || WriteError::Absent;
const INVALID: fn() -> WriteError = || WriteError::Invalid;

/// Does a write. `at` is the time of new rows.
pub(super) async fn write(writers: &Writers, command: Command, at: i64) -> Result<Written, WriteError> {
    match command {
        Command::AddReview(review) => add_review(writers, review, at).await,
        Command::AddQuestion(NewQuestion { product, body, name, email }) => {
            writers.run(Text::Question, &[&signed(product), &at, &body, &name, &email], INVALID).await
        }
        Command::AddAnswer(NewAnswer { question, body, name, email, photos }) => {
            writers.run(Text::Answer, &[&signed(question), &at, &body, &name, &email, &photos], INVALID).await
        }
        Command::Vote(subject, id, vote) => {
            let text = match (subject, vote) {
                (Subject::Review, Vote::Helpful) => Text::ReviewHelpful,
                (Subject::Review, Vote::Report) => Text::ReviewReport,
                (Subject::Question, Vote::Helpful) => Text::QuestionHelpful,
                (Subject::Question, Vote::Report) => Text::QuestionReport,
                (Subject::Answer, Vote::Helpful) => Text::AnswerHelpful,
                (Subject::Answer, Vote::Report) => Text::AnswerReport,
            };
            writers.run(text, &[&signed(id)], ABSENT).await
        }
        Command::AddToCart { owner, sku, count } => {
            let owner: &(dyn ToSql + Sync) = &&owner.0[..];
            writers.run(Text::Cart, &[owner, &signed(sku), &i64::from(count)], INVALID).await
        }
        Command::AddInteraction { element, widget, time } => {
            writers.run(Text::Interaction, &[&element, &widget, &time, &at], INVALID).await
        }
        Command::Purge(Purge { what: Purged::Tags(tags, kind), actor, peer, reason }) => {
            let tags: Vec<_> = tags.iter().map(ToString::to_string).collect();
            writers.run(Text::Purge, &[&tags, &kind.number(), &actor, &peer, &reason], INVALID).await
        }
        Command::Purge(Purge { what: Purged::Epoch, actor, peer, reason }) => {
            writers.run(Text::Epoch, &[&actor, &peer, &reason], INVALID).await
        }
    }
}

async fn add_review(writers: &Writers, review: NewReview, at: i64) -> Result<Written, WriteError> {
    let (characteristics, ratings): (Vec<i32>, Vec<i16>) =
        review.characteristics.iter().map(|(id, value)| (signed(*id), i16::from(*value))).unzip();
    let parameters: [&(dyn ToSql + Sync); 11] = [
        &signed(review.product),
        &i16::from(review.rating),
        &at,
        &review.summary,
        &review.body,
        &review.recommend,
        &review.name,
        &review.email,
        &review.photos,
        &characteristics,
        &ratings,
    ];
    writers.run(Text::Review, &parameters, INVALID).await
}
