//! What is done now and then: reading which ids exist, and pruning the history of changes. Each on a connection that is made
//! for it, so that no answer and no poll waits behind.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::TryStreamExt;
use roaring::RoaringBitmap;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;

use super::connect::{ConnectError, Connected, Connector, Purpose};
use super::snapshot;
use crate::origin::{Existing, OriginError};
use crate::stamp::Incarnation;

/// How long a statement may take here.
const STATEMENT: Duration = Duration::from_secs(60);

/// How much longer than the server's own limit a statement is waited for: over a connection that has fallen silent nothing comes.
const GRACE: Duration = Duration::from_secs(5);

/// How many rows of the history one statement removes, so that its locks and its work stay small.
const PRUNED_AT_ONCE: i64 = 100_000;

async fn connect(connector: &Connector) -> Result<Connected, OriginError> {
    let whole = async |connected: Connected| Ok::<_, ConnectError>(connected);
    let connected = connector.connect(Purpose::Upkeep { statement: STATEMENT }, whole).await;
    connected.map_err(OriginError::Failed)
}

/// What comes of a statement, if it does in time.
async fn in_time<T>(asked: impl Future<Output = Result<T, OriginError>>) -> Result<T, OriginError> {
    tokio::time::timeout(STATEMENT + GRACE, asked).await.unwrap_or(Err(OriginError::Late))
}

fn failed(error: tokio_postgres::Error) -> OriginError {
    OriginError::Failed(error.into())
}

/// Every id of a table. Ids without gaps come as one row, so that a million of them cost next to nothing here.
pub(super) async fn ids(connector: &Connector, of: Existing) -> Result<(RoaringBitmap, Incarnation), OriginError> {
    in_time(read_ids(connector, of)).await
}

async fn read_ids(connector: &Connector, of: Existing) -> Result<(RoaringBitmap, Incarnation), OriginError> {
    let table = match of {
        Existing::Products => "products",
        Existing::Questions => "questions",
    };
    let Connected { client, link: _open, .. } = connect(connector).await?;
    // A crash would end this connection, so both statements speak of one incarnation.
    let row = client.query_opt("SELECT uuid_send(id) FROM edge.incarnation", &[]).await.map_err(failed)?;
    let incarnation = row.map_or(Ok(Incarnation::default()), |row| snapshot::incarnation(&row, 0))?;
    let text = format!(
        "SELECT min(id), max(id) FROM (SELECT id, id - row_number() OVER (ORDER BY id) AS run FROM {table}) AS i GROUP BY run"
    );
    let rows = client.query_raw(&text, std::iter::empty::<i32>()).await.map_err(failed)?;
    let mut rows = std::pin::pin!(rows);
    let mut ids = RoaringBitmap::new();
    while let Some(row) = rows.try_next().await.map_err(failed)? {
        let (first, last): (i32, i32) = (row.try_get(0).map_err(failed)?, row.try_get(1).map_err(failed)?);
        ids.insert_range(first.unsigned_abs()..=last.unsigned_abs());
    }
    Ok((ids, incarnation))
}

/// Keeps deep pages easy to find: merges the counts of products, makes old steps of reviews anew, and gives steps to these products.
pub(super) async fn ease(connector: &Connector, products: &BTreeSet<u32>) -> Result<(), OriginError> {
    let Connected { client, link: _open, .. } = connect(connector).await?;
    let merged = async { client.execute("SELECT edge.merge_counts()", &[]).await.map_err(failed) };
    in_time(merged).await?;
    for product in std::iter::once(None).chain(products.iter().copied().map(Some)) {
        let product = product.map(super::signed);
        let stepped = async {
            match client.execute("SELECT edge.step_reviews($1)", &[&product]).await {
                // A writer was at work for longer than others are held up for this. Whoever asks again brings it back.
                Err(error) if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => Ok(0),
                done => done.map_err(failed),
            }
        };
        in_time(stepped).await?;
    }
    Ok(())
}

/// Forgets the history of changes beyond `retention`, unless another node is at it.
pub(super) async fn prune(connector: &Connector, retention: Duration) -> Result<(), OriginError> {
    let Connected { client, link: _open, .. } = connect(connector).await?;
    let prepared =
        async { client.prepare_typed(include_str!("prune.sql"), &[Type::TEXT, Type::INT8]).await.map_err(failed) };
    let prune = in_time(prepared).await?;
    let retention = format!("{} ms", retention.as_millis());
    loop {
        let pruned = async { client.query_one(&prune, &[&retention, &PRUNED_AT_ONCE]).await.map_err(failed) };
        let row = in_time(pruned).await?;
        let pruned: i64 = row.try_get("pruned").map_err(failed)?;
        if pruned < PRUNED_AT_ONCE {
            return Ok(());
        }
    }
}
