//! What is done now and then: reading which ids exist, and pruning the history of changes. Each on a connection that is made
//! for it, so that no answer and no poll waits behind.

use std::time::Duration;

use futures_util::TryStreamExt;
use roaring::RoaringBitmap;
use tokio_postgres::Client;

use super::connect::{ConnectError, Connected, Connector, Purpose};
use super::snapshot;
use crate::origin::{Existing, OriginError};
use crate::stamp::Incarnation;

/// How long a statement may take here.
const STATEMENT: Duration = Duration::from_secs(60);

async fn connect(connector: &Connector) -> Result<Client, OriginError> {
    let client = async |connected: Connected| Ok::<_, ConnectError>(connected.client);
    let connected = connector.connect(Purpose::Upkeep { statement: STATEMENT }, client).await;
    connected.map_err(OriginError::Failed)
}

fn failed(error: tokio_postgres::Error) -> OriginError {
    OriginError::Failed(error.into())
}

/// Every id of a table. Ids without gaps come as one row, so that a million of them cost next to nothing here.
pub(super) async fn ids(connector: &Connector, of: Existing) -> Result<(RoaringBitmap, Incarnation), OriginError> {
    let table = match of {
        Existing::Products => "products",
        Existing::Questions => "questions",
    };
    let client = connect(connector).await?;
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

/// Forgets the history of changes beyond `retention`, unless another node is at it.
pub(super) async fn prune(connector: &Connector, retention: Duration) -> Result<(), OriginError> {
    let mut client = connect(connector).await?;
    let transaction = client.transaction().await.map_err(failed)?;
    let alone: bool = transaction
        .query_one("SELECT pg_try_advisory_xact_lock(hashtextextended('atelier-edge prune', 0))", &[])
        .await
        .and_then(|row| row.try_get(0))
        .map_err(failed)?;
    if alone {
        transaction.execute("INSERT INTO edge.mark DEFAULT VALUES", &[]).await.map_err(failed)?;
        let seconds = retention.as_secs_f64();
        transaction.execute(include_str!("prune.sql"), &[&seconds]).await.map_err(failed)?;
    }
    transaction.commit().await.map_err(failed)
}
