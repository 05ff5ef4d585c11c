//! Sessions of the database, past every proxy, that come back when it does.

use std::time::Duration;

use tokio::time::timeout;
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

use super::play::Play;

/// Why a statement was not done.
#[derive(Debug)]
pub(crate) enum Fail {
    /// The server said no, with this SQLSTATE; nothing of the transaction is left.
    Refused(String),
    /// The connection is gone.
    Lost,
}

/// How long a statement may take; rows that are locked by a long transaction are waited for.
const PATIENCE: Duration = Duration::from_secs(90);

/// One session.
#[derive(Debug)]
pub(crate) struct Session {
    url: String,
    client: Option<Client>,
}

impl Session {
    /// One that connects when it is used.
    pub(crate) fn new(play: &Play) -> Self {
        Self::to(play.cluster.url())
    }

    /// The same, of another database.
    pub(crate) fn to(url: String) -> Self {
        Self { url, client: None }
    }

    /// Runs statements within a transaction that is open: where the connection is gone, the transaction is, too.
    pub(crate) async fn step(&mut self, sql: &str) -> Result<u64, Fail> {
        if self.client.as_ref().is_none_or(Client::is_closed) {
            return Err(Fail::Lost);
        }
        self.run(sql).await
    }

    /// Runs statements, connected anew if need be, and returns how many rows the last one touched.
    pub(crate) async fn run(&mut self, sql: &str) -> Result<u64, Fail> {
        let rows = self.messages(sql).await?.into_iter().rev().find_map(|message| match message {
            SimpleQueryMessage::CommandComplete(rows) => Some(rows),
            _ => None,
        });
        Ok(rows.unwrap_or(0))
    }

    /// Runs a query and returns the first column of its rows.
    pub(crate) async fn query(&mut self, sql: &str) -> Result<Vec<String>, Fail> {
        let rows = self.messages(sql).await?.into_iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap_or_default().to_owned()),
            _ => None,
        });
        Ok(rows.collect())
    }

    async fn messages(&mut self, sql: &str) -> Result<Vec<SimpleQueryMessage>, Fail> {
        if self.client.as_ref().is_none_or(Client::is_closed) {
            let connecting = timeout(Duration::from_secs(5), tokio_postgres::connect(&self.url, NoTls)).await;
            let Ok(Ok((client, connection))) = connecting else { return Err(Fail::Lost) };
            tokio::spawn(connection);
            self.client = Some(client);
        }
        let client = self.client.as_ref().expect("it was connected just now");
        let result = timeout(PATIENCE, client.simple_query(sql)).await;
        let error = match result {
            Ok(Ok(messages)) => return Ok(messages),
            Ok(Err(error)) => error,
            Err(_) => {
                self.client = None;
                return Err(Fail::Lost);
            }
        };
        match error.code() {
            // 57P01 and the like: the server goes away.
            Some(code) if !code.code().starts_with("57P") => {
                // Whatever the statement was part of is to end here.
                let code = code.code().to_owned();
                let _ = client.simple_query("ROLLBACK").await;
                Err(Fail::Refused(code))
            }
            _ => {
                self.client = None;
                Err(Fail::Lost)
            }
        }
    }

    /// Ends the session, and with it a transaction that is still open.
    pub(crate) fn end(&mut self) {
        self.client = None;
    }
}
