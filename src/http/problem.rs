//! What a client is told of a failure: every status and text of the contract for those stands here and nowhere else.

use hyper::StatusCode;
use tracing::error;

use super::route::{Addition, Change, Named, Refused};
use crate::cache::Unavailable;
use crate::cause::Causes;
use crate::model::JsonError;

/// A failure, as the client is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Problem {
    /// See [`Refused`].
    Refused(Refused),
    /// The token is not the one that is demanded.
    Token,
    /// The catalogue has no such product.
    NoSuchProduct,
    /// The request's target is longer than allowed.
    TargetTooLong,
    /// The head is one that other servers could read otherwise.
    Head,
    /// The request is for another host.
    Misdirected,
    /// The target is in a form that only proxies are sent.
    TargetForm,
    /// The request's body is longer than allowed.
    BodyTooLarge,
    /// The request's body did not come in time.
    BodyTimeout,
    /// The request's body ended early or is framed wrongly.
    BodyBroken,
    /// The client expects something before it sends a body.
    Expectation,
    /// The body of this write is not as described, or what it is about is not there.
    Unfit(Change),
    /// The client has asked for too much.
    Limited,
    /// There is no answer now.
    Unavailable,
    /// A fault of ours.
    Internal,
}

impl Problem {
    /// Its status.
    pub(super) const fn status(self) -> StatusCode {
        match self {
            Self::Refused(Refused::UnknownPath | Refused::PathId(_))
            | Self::NoSuchProduct
            | Self::Unfit(Change::Vote(..)) => StatusCode::NOT_FOUND,
            Self::Refused(Refused::Method(_)) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Refused(Refused::QueryProductId) | Self::Unfit(Change::Add(_)) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Token => StatusCode::UNAUTHORIZED,
            Self::TargetTooLong => StatusCode::URI_TOO_LONG,
            Self::Head | Self::TargetForm | Self::BodyBroken => StatusCode::BAD_REQUEST,
            Self::Misdirected => StatusCode::MISDIRECTED_REQUEST,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::Expectation => StatusCode::EXPECTATION_FAILED,
            Self::Limited => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What is said, without anything of the request.
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Refused(Refused::UnknownPath) => "Error: unknown path",
            Self::Refused(Refused::Method(_)) => "Error: method not allowed",
            Self::Refused(Refused::PathId(named)) => no_such(named),
            Self::Refused(Refused::QueryProductId) | Self::NoSuchProduct => no_such(Named::Product),
            Self::Unfit(Change::Vote(subject, ..)) => no_such(Named::of(subject)),
            Self::Unfit(Change::Add(Addition::Review)) => "Error: Review body contains invalid entries",
            Self::Unfit(Change::Add(Addition::Question)) => "Error: Question body contains invalid entries",
            Self::Unfit(Change::Add(Addition::Answer(_))) => "Error: Answer body contains invalid entries",
            Self::Unfit(Change::Add(Addition::Cart)) => "Error: Cart body contains invalid entries",
            Self::Unfit(Change::Add(Addition::Interaction)) => "Error: Interaction body contains invalid entries",
            Self::Token => "Error: invalid token",
            Self::TargetTooLong => "Error: request target is too long",
            Self::Head => "Error: malformed request head",
            Self::Misdirected => "Error: misdirected request",
            Self::TargetForm => "Error: malformed request target",
            Self::BodyTooLarge => "Error: request body is too large",
            Self::BodyTimeout => "Error: request body took too long",
            Self::BodyBroken => "Error: malformed request body",
            Self::Expectation => "Error: expectation failed",
            Self::Limited => "Error: too many requests",
            Self::Unavailable => "Error: temporarily unavailable",
            Self::Internal => "Error: internal error",
        }
    }

    /// Whether what follows on the connection cannot be trusted to be a request, or to be one for this server. Behind a fault of ours,
    /// it is not known how much of the request was read.
    pub(super) const fn closes(self) -> bool {
        matches!(
            self,
            Self::Head
                | Self::Misdirected
                | Self::TargetForm
                | Self::BodyTooLarge
                | Self::BodyTimeout
                | Self::BodyBroken
                | Self::Internal
        )
    }
}

/// What is said of an id that is none, or that no row has.
const fn no_such(named: Named) -> &'static str {
    match named {
        Named::Product => "Error: invalid product_id provided",
        Named::Review => "Error: invalid review id provided",
        Named::Question => "Error: invalid question id provided",
        Named::Answer => "Error: invalid answer id provided",
    }
}

impl From<Unavailable> for Problem {
    fn from(unavailable: Unavailable) -> Self {
        match unavailable {
            Unavailable::Busy
            | Unavailable::Late
            | Unavailable::Failed(_)
            | Unavailable::Foreign(_)
            | Unavailable::Open
            | Unavailable::Crowded
            | Unavailable::Short => Self::Unavailable,
            Unavailable::Limited => Self::Limited,
            // The fetch panicked; its own log line says where.
            Unavailable::Lost => Self::Unavailable,
        }
    }
}

impl From<JsonError> for Problem {
    fn from(error: JsonError) -> Self {
        error!(error = %Causes(&error), "an answer could not be written");
        Self::Internal
    }
}
