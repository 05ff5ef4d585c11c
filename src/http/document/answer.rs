//! The body of `POST /qa/questions/:question_id/answers`.

use super::value::Value;
use crate::command::NewAnswer;

/// The answer to `question` that a body describes.
pub(super) fn answer(question: u32, body: Value<'_>) -> Option<NewAnswer> {
    let [body, name, email, photos] = body.named(["body", "name", "email", "photos"])?;
    Some(NewAnswer { question, body: body.text()?, name: name.text()?, email: email.text()?, photos: photos.texts()? })
}
