//! What can be done when PostgreSQL cannot be connected to, in front of why.

use std::error::Error;

use tokio_postgres::error::SqlState;

use super::connect::{ConnectError, POOLER};
use crate::cause::Causes;

/// What to do, and what it is said of.
#[derive(Debug, thiserror::Error)]
#[error("{advice}")]
struct Advised {
    advice: &'static str,
    #[source]
    error: ConnectError,
}

/// What to do by what the error, or one that led to it, says. The texts are those of libraries, which have no codes for these.
const BY_TEXT: [(&str, &str); 6] = [
    // A pooler that refuses what it does not know says so in words of its own.
    ("unsupported startup parameter", POOLER),
    (
        "password missing",
        "the database asks for a password and there is none: it belongs into the file of ATELIER_DATABASE_PASSWORD_FILE, or into \
         systemd's credential atelier.database-password",
    ),
    (
        "UnknownIssuer",
        "nobody who is believed vouches for the database's certificate: ATELIER_DB_CA_FILE names the file of its authority",
    ),
    ("not valid for name", "the database's certificate is for another name: DATABASE_URL has to use one that is in it"),
    ("certificate expired", "the database's certificate is not valid any more: it has to be renewed"),
    ("Connection refused", "nobody listens where DATABASE_URL says: PostgreSQL has to be started there"),
];

/// The error, behind what to do about it if that is known.
pub(super) fn explain(error: ConnectError) -> ConnectError {
    let Some(advice) = advice(&*error) else { return error };
    Advised { advice, error }.into()
}

fn advice(error: &(dyn Error + Send + Sync + 'static)) -> Option<&'static str> {
    let code = error.downcast_ref::<tokio_postgres::Error>().and_then(tokio_postgres::Error::code);
    if code.is_some_and(|code| *code == SqlState::INVALID_PASSWORD) {
        return Some("the user of DATABASE_URL and the password that it comes with do not belong together");
    }
    let said = Causes(error).to_string();
    BY_TEXT.into_iter().find(|(text, _)| said.contains(text)).map(|(_, advice)| advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_to_do_stands_before_why_and_nothing_before_what_is_not_known() {
        let refused = explain("error connecting to server: Connection refused (os error 111)".into());
        let said = Causes(&*refused).to_string();
        assert!(said.starts_with("nobody listens where DATABASE_URL says"), "{said}");
        assert!(said.ends_with(": error connecting to server: Connection refused (os error 111)"), "{said}");
        assert_eq!(explain("something else".into()).to_string(), "something else");
    }
}
