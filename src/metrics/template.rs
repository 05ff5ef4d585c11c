//! The routes of the API as they stand in metrics and logs: templates, so that no number of products makes more of them.

/// A route, without what a request puts in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Template {
    /// No route has the path, or it was not looked at.
    Unknown,
    /// `/products`
    Products,
    /// `/products/:product_id`
    Product,
    /// `/products/:product_id/styles`
    Styles,
    /// `/products/:product_id/related`
    Related,
    /// `/reviews`
    Reviews,
    /// `/reviews/meta`
    Meta,
    /// `/qa/questions`
    Questions,
    /// `/qa/questions/:question_id/answers`
    Answers,
    /// `/Features`
    Features,
    /// `/cart`
    Cart,
    /// `/interactions`
    Interactions,
    /// `/reviews/:review_id/helpful`
    ReviewHelpful,
    /// `/reviews/:review_id/report`
    ReviewReport,
    /// `/qa/questions/:question_id/helpful`
    QuestionHelpful,
    /// `/qa/questions/:question_id/report`
    QuestionReport,
    /// `/qa/answers/:answer_id/helpful`
    AnswerHelpful,
    /// `/qa/answers/:answer_id/report`
    AnswerReport,
    /// `/openapi.yaml`
    Description,
}

impl Template {
    /// Every template, in the order of their discriminants.
    pub const ALL: [Self; 19] = [
        Self::Unknown,
        Self::Products,
        Self::Product,
        Self::Styles,
        Self::Related,
        Self::Reviews,
        Self::Meta,
        Self::Questions,
        Self::Answers,
        Self::Features,
        Self::Cart,
        Self::Interactions,
        Self::ReviewHelpful,
        Self::ReviewReport,
        Self::QuestionHelpful,
        Self::QuestionReport,
        Self::AnswerHelpful,
        Self::AnswerReport,
        Self::Description,
    ];

    /// As it stands in labels and log lines.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Products => "/products",
            Self::Product => "/products/:product_id",
            Self::Styles => "/products/:product_id/styles",
            Self::Related => "/products/:product_id/related",
            Self::Reviews => "/reviews",
            Self::Meta => "/reviews/meta",
            Self::Questions => "/qa/questions",
            Self::Answers => "/qa/questions/:question_id/answers",
            Self::Features => "/Features",
            Self::Cart => "/cart",
            Self::Interactions => "/interactions",
            Self::ReviewHelpful => "/reviews/:review_id/helpful",
            Self::ReviewReport => "/reviews/:review_id/report",
            Self::QuestionHelpful => "/qa/questions/:question_id/helpful",
            Self::QuestionReport => "/qa/questions/:question_id/report",
            Self::AnswerHelpful => "/qa/answers/:answer_id/helpful",
            Self::AnswerReport => "/qa/answers/:answer_id/report",
            Self::Description => "/openapi.yaml",
        }
    }
}
