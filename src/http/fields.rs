//! The header fields that decide over an answer: which of them a request has is found in one pass.
//!
//! Asking the map for each of them by name costs a hash and a probe each time, and most requests have one or two. What is there is
//! then read by the module that understands it.

use hyper::header::{ACCEPT_ENCODING, HOST, HeaderValue, IF_NONE_MATCH, TRANSFER_ENCODING};
use hyper::{HeaderMap, Version};

use super::encoding::Accepted;
use super::min_ord::{self, ATELIER_MIN_ORD};
use super::{conditional, framing};
use crate::stamp::OrdToken;

/// The fields of one request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'h> {
    headers: &'h HeaderMap,
    /// A `Host`; the only one of a sound head.
    host: Option<&'h HeaderValue>,
    has_hosts: bool,
    has_transfer_encoding: bool,
    /// An `Accept-Encoding`.
    accept_encoding: Option<&'h HeaderValue>,
    has_accept_encodings: bool,
    has_if_none_match: bool,
    has_min_ord: bool,
}

impl<'h> Fields<'h> {
    /// Those of this head.
    #[inline]
    pub(super) fn of(headers: &'h HeaderMap) -> Self {
        let mut fields = Self {
            headers,
            host: None,
            has_hosts: false,
            has_transfer_encoding: false,
            accept_encoding: None,
            has_accept_encodings: false,
            has_if_none_match: false,
            has_min_ord: false,
        };
        for (name, value) in headers {
            if *name == HOST {
                fields.has_hosts = fields.host.replace(value).is_some();
            } else if *name == ACCEPT_ENCODING {
                fields.has_accept_encodings = fields.accept_encoding.replace(value).is_some();
            } else if *name == IF_NONE_MATCH {
                fields.has_if_none_match = true;
            } else if *name == TRANSFER_ENCODING {
                fields.has_transfer_encoding = true;
            } else if *name == ATELIER_MIN_ORD {
                fields.has_min_ord = true;
            }
        }
        fields
    }

    /// Whether the head says one thing only: where it is meant for, and where its body ends.
    #[inline]
    pub(super) fn is_sound(&self, version: Version) -> bool {
        let for_one = match self.host {
            Some(host) => !self.has_hosts && framing::can_be_host(host),
            None => version < Version::HTTP_11,
        };
        for_one && (!self.has_transfer_encoding || framing::ends_plainly(self.headers))
    }

    /// The write that the answer must not be older than.
    #[inline]
    pub(super) fn token(&self) -> Option<OrdToken> {
        if self.has_min_ord { min_ord::of(self.headers) } else { None }
    }

    /// The encodings that may be sent.
    #[inline]
    pub(super) fn accepted(&self) -> Accepted {
        match self.accept_encoding {
            None => Accepted::IDENTITY,
            Some(value) if !self.has_accept_encodings => {
                Accepted::usual(value).unwrap_or_else(|| Accepted::of(self.headers))
            }
            Some(_) => Accepted::of(self.headers),
        }
    }

    /// Whether the client has the bytes with this validator already.
    #[inline]
    pub(super) fn unchanged(&self, etag: &HeaderValue) -> bool {
        self.has_if_none_match && conditional::unchanged(self.headers, etag)
    }
}
