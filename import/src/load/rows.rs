//! One file into one table: a thread reads, cleans and encodes, a connection sends.

use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use atelier_import::file::{Column, Kind};
use atelier_import::{CleanError, File, FileReport, Known, Row, Source, clean};
use bytes::{Bytes, BytesMut};
use futures_util::SinkExt;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio_postgres::Client;

use super::copy::{self, Type};
use super::schema;

/// How many bytes are sent at once.
const CHUNK: usize = 256 << 10;
/// How many chunks may wait for the connection.
const CHUNKS_WAITING: usize = 4;

/// A stream of COPY data in the making; its reader is at the other end of a channel.
#[derive(Debug)]
pub(crate) struct Stream {
    buffer: BytesMut,
    send: Sender<Bytes>,
}

/// The receiver of a stream is gone, because its connection failed.
#[derive(Debug, thiserror::Error)]
#[error("the database takes no more rows")]
pub(crate) struct Refused;

impl Stream {
    /// A stream and what it is received with.
    pub(crate) fn new() -> (Self, Receiver<Bytes>) {
        let (send, receive) = mpsc::channel(CHUNKS_WAITING);
        let mut buffer = BytesMut::with_capacity(2 * CHUNK);
        copy::head(&mut buffer);
        (Self { buffer, send }, receive)
    }

    /// Appends one row.
    pub(crate) fn row(&mut self, fields: usize, put: impl FnOnce(&mut BytesMut)) -> Result<(), Refused> {
        copy::row(&mut self.buffer, fields);
        put(&mut self.buffer);
        if self.buffer.len() < CHUNK {
            return Ok(());
        }
        let full = std::mem::replace(&mut self.buffer, BytesMut::with_capacity(2 * CHUNK));
        self.send.blocking_send(full.freeze()).map_err(|_| Refused)
    }

    /// Ends the stream.
    pub(crate) fn end(mut self) -> Result<(), Refused> {
        copy::tail(&mut self.buffer);
        self.send.blocking_send(self.buffer.freeze()).map_err(|_| Refused)
    }
}

/// Makes `table` and fills it from a stream. Table and rows come in one transaction, so that the rows are written frozen:
/// visible to everybody, with nothing left for VACUUM.
pub(crate) async fn fill(client: &Client, table: &str, columns: &str, mut receive: Receiver<Bytes>) -> Result<()> {
    client.batch_execute(&format!("BEGIN; {}", schema::create_table(table))).await?;
    let copy = format!("COPY {table} ({columns}) FROM STDIN (FORMAT binary, FREEZE)");
    let sink = client.copy_in(&copy).await?;
    let mut sink = std::pin::pin!(sink);
    while let Some(chunk) = receive.recv().await {
        if sink.send(chunk).await.is_err() {
            // What the server said last comes with the end.
            break;
        }
    }
    sink.finish().await?;
    client.batch_execute("COMMIT").await?;
    Ok(())
}

/// Makes an empty table, for a file that is not there.
pub(crate) async fn make_empty(client: &Client, table: &str) -> Result<()> {
    client.batch_execute(schema::create_table(table)).await.with_context(|| format!("table {table}"))
}

/// Reads `file` and writes its rows as they are into its table.
pub(crate) async fn load(
    client: &Client,
    file: File,
    source: Box<dyn Source>,
    known: Arc<Known>,
) -> Result<FileReport> {
    let table = schema::table(file).ok_or_else(|| anyhow!("{file} has no table"))?;
    let columns: Vec<_> = file.columns().iter().map(column_name).collect();
    let (mut stream, receive) = Stream::new();
    let reading = tokio::task::spawn_blocking(move || {
        let types: Vec<_> = file.columns().iter().map(column_type).collect();
        let report = clean(&*source, file, &known, |row: Row<'_>| {
            stream.row(types.len(), |buffer| {
                for (kind, value) in types.iter().zip(row.values) {
                    copy::field(buffer, *kind, *value);
                }
            })
        })?;
        stream.end().map_err(CleanError::Sink)?;
        Ok(report)
    });
    let filled = fill(client, table, &columns.join(", "), receive).await.with_context(|| format!("table {table}"));
    settle(reading.await?, filled)
}

/// The one error worth telling, if reading or writing failed. A stream that ends early makes COPY fail, and a COPY that fails
/// ends the stream.
pub(crate) fn settle<T>(read: Result<T, CleanError<Refused>>, filled: Result<()>) -> Result<T> {
    match (read, filled) {
        (Ok(read), Ok(())) => Ok(read),
        (Ok(_) | Err(CleanError::Sink(_)), Err(error)) => Err(error),
        (Err(error), _) => Err(anyhow!(error)),
    }
}

fn column_name(column: &Column) -> &'static str {
    if column.name == "current_product_id" { "product_id" } else { column.name }
}

const fn column_type(column: &Column) -> Type {
    match column.kind {
        Kind::Id | Kind::Ref(_) | Kind::Count => Type::Int4,
        Kind::Rating => Type::Int2,
        Kind::Price | Kind::Time => Type::Int8,
        Kind::Flag => Type::Bool,
        Kind::Text => Type::Text,
    }
}
