//! `/openapi.yaml`: what this API is, for programs. It is a part of the program, so it needs no tier and no proof.

use std::sync::LazyLock;

use crate::entry::Document;

const TEXT: &[u8] = include_bytes!("../../docs/openapi.yaml");

/// The description.
pub(super) fn document() -> &'static Document {
    static DOCUMENT: LazyLock<Document> = LazyLock::new(|| Document::new(TEXT));
    &DOCUMENT
}
