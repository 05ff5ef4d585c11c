//! The body of `POST /interactions`.

use super::value::Value;
use crate::command::Command;

/// The interaction that a body describes.
pub(super) fn interaction(body: Value<'_>) -> Option<Command> {
    let [element, widget, time] = body.named(["element", "widget", "time"])?;
    Some(Command::AddInteraction { element: element.text()?, widget: widget.text()?, time: time.text()? })
}
