//! Loads product.csv into `products`.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use atelier_import::{File, FileReport, Known, Row, Sources, clean, source::Folder};
use bytes::{Bytes, BytesMut};
use futures_util::SinkExt;
use tokio::sync::mpsc;
use tokio_postgres::NoTls;

use crate::copy::{self, Type};

const SCHEMA: &str = include_str!("../../schema.sql");

/// How many bytes are sent at once.
const CHUNK: usize = 256 << 10;

/// Loads the products of the set in `folder`.
pub(crate) async fn load(folder: PathBuf, database_url: &str) -> Result<FileReport> {
    let (mut client, connection) = tokio_postgres::connect(database_url, NoTls).await.context("cannot connect")?;
    tokio::spawn(connection);
    client.batch_execute(SCHEMA).await.context("the schema cannot be made")?;
    let transaction = client.transaction().await?;
    let (send, mut receive) = mpsc::channel::<Bytes>(4);
    let reading = tokio::task::spawn_blocking(move || read(folder, &send));
    let sink = transaction
        .copy_in("COPY products (id, name, slogan, description, category, default_price) FROM STDIN (FORMAT binary)")
        .await?;
    let mut sink = std::pin::pin!(sink);
    while let Some(chunk) = receive.recv().await {
        sink.send(chunk).await.context("products")?;
    }
    let report = reading.await??;
    sink.finish().await.context("products")?;
    transaction.commit().await?;
    Ok(report)
}

fn read(folder: PathBuf, send: &mpsc::Sender<Bytes>) -> Result<FileReport> {
    const TYPES: [Type; 6] = [Type::Int4, Type::Text, Type::Text, Type::Text, Type::Text, Type::Int8];
    let Some(source) = Folder(folder).source(File::Product) else { bail!("{} is not there", File::Product) };
    let mut buffer = BytesMut::with_capacity(2 * CHUNK);
    copy::head(&mut buffer);
    let report = clean(&*source, File::Product, &Known::default(), |row: Row<'_>| {
        copy::row(&mut buffer, 6);
        for (kind, value) in TYPES.into_iter().zip(row.values) {
            copy::field(&mut buffer, kind, *value);
        }
        if buffer.len() < CHUNK { Ok(()) } else { send.blocking_send(buffer.split().freeze()) }
    })?;
    copy::tail(&mut buffer);
    send.blocking_send(buffer.freeze())?;
    Ok(report)
}
