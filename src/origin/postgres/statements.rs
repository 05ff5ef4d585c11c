//! The statements that read, prepared when a connection is made: that saves half the time of a query.
//!
//! Each is sent within another that adds what it saw, since one statement has one snapshot. A stamp that was taken in a
//! statement of its own could claim more than the rows show.

use tokio_postgres::types::Type;
use tokio_postgres::{Client, Error};

/// A statement that reads. Its text stands in the file of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Statement {
    Products,
    ProductsDeep,
    Product,
    Styles,
    Related,
    ReviewsHelpful,
    ReviewsHelpfulDeep,
    ReviewsNewest,
    ReviewsNewestDeep,
    Meta,
    Questions,
    Answers,
    Cart,
}

impl Statement {
    const ALL: [Self; 13] = [
        Self::Products,
        Self::ProductsDeep,
        Self::Product,
        Self::Styles,
        Self::Related,
        Self::ReviewsHelpful,
        Self::ReviewsHelpfulDeep,
        Self::ReviewsNewest,
        Self::ReviewsNewestDeep,
        Self::Meta,
        Self::Questions,
        Self::Answers,
        Self::Cart,
    ];

    const fn text(self) -> &'static str {
        match self {
            Self::Products => include_str!("products.sql"),
            Self::ProductsDeep => include_str!("products_deep.sql"),
            Self::Product => include_str!("product.sql"),
            Self::Styles => include_str!("styles.sql"),
            Self::Related => include_str!("related.sql"),
            Self::ReviewsHelpful => include_str!("reviews_helpful.sql"),
            Self::ReviewsHelpfulDeep => include_str!("reviews_helpful_deep.sql"),
            Self::ReviewsNewest => include_str!("reviews_newest.sql"),
            Self::ReviewsNewestDeep => include_str!("reviews_newest_deep.sql"),
            Self::Meta => include_str!("meta.sql"),
            Self::Questions => include_str!("questions.sql"),
            Self::Answers => include_str!("answers.sql"),
            Self::Cart => include_str!("cart.sql"),
        }
    }

    const fn parameters(self) -> &'static [Type] {
        match self {
            Self::Product | Self::Styles | Self::Related | Self::Meta => &[Type::INT4],
            Self::Products | Self::ProductsDeep => &[Type::INT8, Type::INT8],
            Self::Cart => &[Type::BYTEA],
            Self::ReviewsHelpful
            | Self::ReviewsHelpfulDeep
            | Self::ReviewsNewest
            | Self::ReviewsNewestDeep
            | Self::Questions
            | Self::Answers => &[Type::INT4, Type::INT8, Type::INT8],
        }
    }
}

/// How many columns stand before those of the statement itself: the snapshot and the incarnation.
pub(super) const STAMP_COLUMNS: usize = 2;

/// The statement with its stamp in front of every row. One row comes even when the statement has none; its columns are NULL.
fn stamped(text: &str) -> String {
    // Materialized, so that the snapshot's text is made once, not for each row.
    format!(
        "WITH seen AS MATERIALIZED (\n\
         SELECT pg_current_snapshot()::text AS snapshot, (SELECT uuid_send(id) FROM edge.incarnation) AS incarnation)\n\
         SELECT seen.snapshot, seen.incarnation, d.* FROM seen LEFT JOIN LATERAL (\n{text}\n) AS d ON true"
    )
}

/// Every statement, prepared on one connection.
#[derive(Debug)]
pub(super) struct Statements(Vec<tokio_postgres::Statement>);

impl Statements {
    /// Prepares all of them, one after the other: a connection is made far from any request.
    pub(super) async fn prepare(client: &Client) -> Result<Self, Error> {
        let mut prepared = Vec::with_capacity(Statement::ALL.len());
        for statement in Statement::ALL {
            prepared.push(client.prepare_typed(&stamped(statement.text()), statement.parameters()).await?);
        }
        Ok(Self(prepared))
    }

    pub(super) fn get(&self, statement: Statement) -> &tokio_postgres::Statement {
        &self.0[statement as usize]
    }
}

/// Whether the statement itself had no row: then only its stamp came.
pub(super) fn is_no_row(row: &tokio_postgres::Row) -> Result<bool, crate::origin::OriginError> {
    /// Takes a value of any type, and looks only at whether there is one.
    struct Any;
    impl<'a> tokio_postgres::types::FromSql<'a> for Any {
        fn from_sql(_: &Type, _: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
            Ok(Self)
        }

        fn accepts(_: &Type) -> bool {
            true
        }
    }
    let first: Result<Option<Any>, _> = row.try_get(STAMP_COLUMNS);
    first.map(|first| first.is_none()).map_err(|error| crate::origin::OriginError::Failed(error.into()))
}
