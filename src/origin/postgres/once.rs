//! One write by a process that serves nothing: no connection is kept, and why it failed is told.

use super::connect::Connector;
use super::poll::Polls;
use super::writer::{Limits as WriteLimits, Writers};
use super::{Address, Limits, writes};
use crate::command::Command;
use crate::origin::WriteError;
use crate::stamp::OrdToken;

/// Does one write; `at` is the time of new rows, in milliseconds since 1970. The token shows the write to nodes; there is none
/// when it was done and its place in the history could not be had.
///
/// # Errors
/// When nothing was done, or it is not known whether anything was.
pub async fn write_once(
    address: Address,
    limits: Limits,
    command: Command,
    at: i64,
) -> Result<Option<OrdToken>, WriteError> {
    let connector = Connector::new(address, limits.connect);
    // A pool says only that no connection came in time, so the first one is made without it; then there is time for another.
    let alone =
        WriteLimits { permits: 1, wait: limits.connect, budget: limits.connect + limits.write.budget, ..limits.write };
    let writers = Writers::start(connector.clone(), alone, limits.connect);
    writers.try_to_connect().await.map_err(WriteError::Undone)?;
    let written = writes::write(&writers, command, at).await?;
    let Some(seen) = written.seen else { return Ok(None) };

    // The epoch is what a poll says, which may be another one by this write.
    let poll = Polls::new(connector, limits.poll).poll(None, 1).await;
    let poll = poll.ok().filter(|poll| poll.incarnation == seen.incarnation);
    Ok(poll.map(|poll| OrdToken { epoch: poll.epoch.short(), stamp: seen.stamp }))
}
