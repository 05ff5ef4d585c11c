//! What the body of a POST says: JSON that strangers wrote becomes a value of [`crate::command`], or is refused as a whole.
//!
//! `None` stands for all that may be wrong with it, since a client is told no more than that. Whether what a body refers to is
//! there is not known here.

mod answer;
mod cart;
mod desk;
mod interaction;
mod prepare;
mod question;
mod review;
mod value;

use simd_json::Tape;

pub(super) use self::desk::Desk;
use self::value::Value;
use super::route::Addition;
use crate::command::{Command, Owner};

/// How deep objects and arrays may stand within each other, the body's own object counted.
const DEPTH_MAX: usize = 16;

/// The command that a body describes. It is parsed in place, and what `text` holds afterwards is of no use.
pub(in crate::http) fn command(addition: Addition, text: &mut [u8], owner: Owner) -> Option<Command> {
    let tape = parse(text)?;
    let body = Value::of(&tape);
    match addition {
        Addition::Review => review::review(body).map(Command::AddReview),
        Addition::Question => question::question(body).map(Command::AddQuestion),
        Addition::Answer(question) => answer::answer(question?, body).map(Command::AddAnswer),
        Addition::Cart => cart::item(owner, body),
        Addition::Interaction => interaction::interaction(body),
    }
}

/// The tape has every member of an object in its order. The library's other forms answer for a repeated name with its first
/// value in a small object, and with its last in a large one.
fn parse(text: &mut [u8]) -> Option<Tape<'_>> {
    prepare::prepare(text)?;
    simd_json::to_tape(text).ok()
}

#[cfg(test)]
mod tests;
