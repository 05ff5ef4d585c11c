//! One write: its body read, understood, done and answered.

use hyper::body::Incoming;
use hyper::{HeaderMap, Response};

use super::body::Kept;
use super::problem::Problem;
use super::respond::{self, Body};
use super::route::Change;
use super::{Api, authorization, body};
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
        let Self { cache, settings, room, desk } = self;
        let limits = settings.body;
        let written = match change {
            Change::Vote(subject, id, vote) => {
                body::discard(body, limits).await?;
                let id = id.ok_or(Problem::Unfit(change))?;
                cache.write(Command::Vote(subject, id, vote)).await
            }
            Change::Add(addition) => {
                // The room is given back when the write is done: until then the command has the texts of the body.
                let Kept { bytes, room: _taken } = body::keep(body, limits, room).await?;
                let owner = authorization::owner(headers);
                let command = desk.command(addition, bytes, owner, limits.time).await?;
                cache.write(command.ok_or(Problem::Unfit(change))?).await
            }
        };
        written.map(|place| respond::done(change, place)).map_err(|error| problem(change, &error))
    }
}

/// Why a write was not done, or may not have been, as the client is told. What is not known is answered like what was not
/// done, with 503: a client that tries again may do it twice.
fn problem(change: Change, error: &WriteError) -> Problem {
    match error {
        WriteError::Absent | WriteError::Invalid => Problem::Unfit(change),
        WriteError::Busy | WriteError::Undone(_) | WriteError::Uncertain(_) => Problem::Unavailable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{Subject, Vote};
    use crate::http::route::Addition;
    use crate::stamp::{OrdToken, Stamp};

    const REVIEW: Change = Change::Add(Addition::Review);
    const VOTE: Change = Change::Vote(Subject::Answer, Some(7), Vote::Helpful);

    fn told(response: &Response<Body>) -> (u16, Option<&str>) {
        let place = response.headers().get("atelier-ord").map(|value| value.to_str().unwrap());
        (response.status().as_u16(), place)
    }

    #[test]
    fn every_outcome_has_its_status_and_only_a_known_place_is_told() {
        let place = OrdToken { epoch: 0xa1b2, stamp: Stamp::new(7) };
        for (change, done, unfit) in [(REVIEW, 201, 422), (VOTE, 204, 404)] {
            assert_eq!(told(&respond::done(change, Some(place))), (done, Some("0000a1b2.7")));
            assert_eq!(told(&respond::done(change, None)), (done, None));
            let table = [
                (WriteError::Absent, unfit),
                (WriteError::Invalid, unfit),
                (WriteError::Busy, 503),
                (WriteError::Uncertain(vec![]), 503),
            ];
            for (error, status) in table {
                assert_eq!(told(&respond::problem(problem(change, &error))), (status, None), "{error}");
            }
        }
    }
}
