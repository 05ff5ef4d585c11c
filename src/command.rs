//! What a writer asks for: values that were checked as far as that goes without the catalogue. Nothing of HTTP is here, and
//! nothing of SQL.

use std::fmt;

use crate::tag::{Kind, Tag};

/// A review to be added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewReview {
    /// The product's id.
    pub product: u32,
    /// Stars, 1 to 5.
    pub rating: u8,
    /// A line that says it all; may be empty.
    pub summary: String,
    /// The review.
    pub body: String,
    /// Whether the reviewer recommends the product.
    pub recommend: bool,
    /// Who wrote it.
    pub name: String,
    /// Kept, and never shown.
    pub email: String,
    /// Addresses of pictures, in their order.
    pub photos: Vec<String>,
    /// Ids of characteristics of this product, each once, with 1 to 5.
    pub characteristics: Vec<(u32, u8)>,
}

/// A question to be added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewQuestion {
    /// The product's id.
    pub product: u32,
    /// The question.
    pub body: String,
    /// Who asks.
    pub name: String,
    /// Kept, and never shown.
    pub email: String,
}

/// An answer to be added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAnswer {
    /// The question's id.
    pub question: u32,
    /// The answer.
    pub body: String,
    /// Who answers.
    pub name: String,
    /// Kept, and never shown.
    pub email: String,
    /// Addresses of pictures, in their order.
    pub photos: Vec<String>,
}

/// What a vote or a report is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A review.
    Review,
    /// A question.
    Question,
    /// An answer.
    Answer,
}

/// What a reader says of a review, question or answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vote {
    /// One more found it helpful.
    Helpful,
    /// It is to be hidden for good.
    Report,
}

/// Whose cart it is: a digest of the credential that a request brought, never the credential itself.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner(pub [u8; 32]);

impl fmt::Debug for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Owner(…)")
    }
}

/// What an operator wants gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purge {
    /// What.
    pub what: Purged,
    /// Who asked for it, for the audit.
    pub actor: String,
    /// And from where.
    pub peer: String,
    /// Why, in the operator's words.
    pub reason: String,
}

/// How much a purge is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purged {
    /// These tags, in this way.
    Tags(Vec<Tag>, Kind),
    /// Whatever was stored in any tier so far, by another epoch: for changes that the triggers could not see.
    Epoch,
}

/// A write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// `POST /reviews`
    AddReview(NewReview),
    /// `POST /qa/questions`
    AddQuestion(NewQuestion),
    /// `POST /qa/questions/:question_id/answers`
    AddAnswer(NewAnswer),
    /// `PUT …/helpful` and `…/report`
    Vote(Subject, u32, Vote),
    /// `POST /cart`
    AddToCart {
        /// Whose cart.
        owner: Owner,
        /// What is put into it.
        sku: u32,
        /// How many.
        count: u32,
    },
    /// `POST /interactions`
    AddInteraction {
        /// What was clicked; often the whole HTML of an element.
        element: String,
        /// The part of the page it belongs to.
        widget: String,
        /// When, in the client's words.
        time: String,
    },
    /// By an operator.
    Purge(Purge),
}
