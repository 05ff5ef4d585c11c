//! One write: its body read, understood, done and answered.

use hyper::body::Incoming;
use hyper::{HeaderMap, Response};

use super::body::Kept;
use super::respond::{self, Body, Problem};
use super::route::Change;
use super::{Api, Shared, authorization, body};
use crate::cache::WriteError;
use crate::command::Command;

impl Api {
    /// Does what a request asks for that passed the checks of its head.
    pub(super) async fn write(
        &self,
        change: Change,
        body: Incoming,
        headers: &HeaderMap,
    ) -> Result<Response<Body>, Problem> {
        let Shared { settings, room, desk } = &*self.shared;
        let limits = settings.body;
        let written = match change {
            Change::Vote(subject, id, vote) => {
                body::discard(body, limits).await?;
                let id = id.ok_or(Problem::Unfit(change))?;
                self.cache.write(Command::Vote(subject, id, vote)).await
            }
            Change::Add(addition) => {
                // The room is given back when the write is done: until then the command has the texts of the body.
                let Kept { bytes, room: _taken } = body::keep(body, limits, room).await?;
                let owner = authorization::owner(headers);
                let command = desk.command(addition, bytes, owner, limits.time).await?;
                self.cache.write(command.ok_or(Problem::Unfit(change))?).await
            }
        };
        match written {
            Ok(place) => Ok(respond::done(change, place)),
            Err(WriteError::Absent | WriteError::Invalid) => Err(Problem::Unfit(change)),
            Err(WriteError::Busy | WriteError::Undone(_) | WriteError::Uncertain(_)) => Err(Problem::Unavailable),
        }
    }
}
