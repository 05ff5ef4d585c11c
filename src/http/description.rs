//! `/openapi.yaml`: what this API is, for programs. It is a part of the program, so it needs no tier and no proof.

use std::sync::LazyLock;

use bytes::Bytes;

use crate::entry::Document;

const TEXT: &[u8] = include_bytes!("../../docs/openapi.yaml");

/// The description in every encoding that pays, made when it is asked for the first time.
pub(super) fn document() -> &'static Document {
    static DOCUMENT: LazyLock<Document> = LazyLock::new(|| Document::new(Bytes::from_static(TEXT)));
    &DOCUMENT
}
