//! The statements that read, prepared when a connection is made: that saves half the time of a query.

use tokio_postgres::types::Type;
use tokio_postgres::{Client, Error};

/// A statement that reads. Its text stands in the file of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Statement {
    Products,
    Product,
    Styles,
    Related,
    ReviewsHelpful,
    ReviewsNewest,
    Meta,
    Questions,
    Answers,
}

impl Statement {
    const ALL: [Self; 9] = [
        Self::Products,
        Self::Product,
        Self::Styles,
        Self::Related,
        Self::ReviewsHelpful,
        Self::ReviewsNewest,
        Self::Meta,
        Self::Questions,
        Self::Answers,
    ];

    const fn text(self) -> &'static str {
        match self {
            Self::Products => include_str!("products.sql"),
            Self::Product => include_str!("product.sql"),
            Self::Styles => include_str!("styles.sql"),
            Self::Related => include_str!("related.sql"),
            Self::ReviewsHelpful => include_str!("reviews_helpful.sql"),
            Self::ReviewsNewest => include_str!("reviews_newest.sql"),
            Self::Meta => include_str!("meta.sql"),
            Self::Questions => include_str!("questions.sql"),
            Self::Answers => include_str!("answers.sql"),
        }
    }

    const fn parameters(self) -> &'static [Type] {
        match self {
            Self::Product | Self::Styles | Self::Related | Self::Meta => &[Type::INT4],
            Self::Products => &[Type::INT8, Type::INT8],
            Self::ReviewsHelpful | Self::ReviewsNewest | Self::Questions | Self::Answers => {
                &[Type::INT4, Type::INT8, Type::INT8]
            }
        }
    }
}

/// Every statement, prepared on one connection.
#[derive(Debug)]
pub(super) struct Statements(Vec<tokio_postgres::Statement>);

impl Statements {
    /// Prepares all of them, one after the other: a connection is made far from any request.
    pub(super) async fn prepare(client: &Client) -> Result<Self, Error> {
        let mut prepared = Vec::with_capacity(Statement::ALL.len());
        for statement in Statement::ALL {
            prepared.push(client.prepare_typed(statement.text(), statement.parameters()).await?);
        }
        Ok(Self(prepared))
    }

    pub(super) fn get(&self, statement: Statement) -> &tokio_postgres::Statement {
        &self.0[statement as usize]
    }
}
