//! What is asked.

/// A request that is sent over and over.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// What it is called where figures are shown.
    pub name: &'static str,
    /// The path.
    pub target: &'static str,
    /// What the client says of encodings.
    pub accepts: &'static str,
    /// The encoding that the answer has to have.
    pub encoding: Option<&'static str>,
    /// The client has the answer already, and says so.
    pub is_held: bool,
    /// So many requests are sent before an answer is waited for.
    pub batch: usize,
}

/// The plainest of them.
pub const PRODUCT: Case =
    Case { name: "product", target: "/products/1", accepts: "identity", encoding: None, is_held: false, batch: 1 };

const STYLES: Case = Case { name: "styles", target: "/products/1/styles", ..PRODUCT };

/// All that are counted.
pub const CASES: [Case; 5] = [
    PRODUCT,
    Case { name: "styles_gzip", accepts: "gzip", encoding: Some("gzip"), ..STYLES },
    Case { name: "styles_br", accepts: "gzip, deflate, br", encoding: Some("br"), ..STYLES },
    Case { name: "product_304", is_held: true, ..PRODUCT },
    Case { name: "product_pipelined", batch: 16, ..PRODUCT },
];
