//! Parameters of a query, decoded once, and the numbers in them and in paths.

/// An id: ASCII digits, 1 to 2^63 - 1, leading zeros allowed.
pub(super) fn id(text: &str) -> Option<u64> {
    digits(text).filter(|id| (1..=TOP).contains(id))
}

/// The highest number the API speaks of.
pub(super) const TOP: u64 = i64::MAX as u64;

/// A number in digits; numbers that do not fit come out as `u64::MAX`.
pub(super) fn digits(text: &str) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.bytes().try_fold(0_u64, |number, byte| {
        byte.is_ascii_digit().then(|| number.saturating_mul(10).saturating_add(u64::from(byte - b'0')))
    })
}

/// The first value of a parameter.
pub(super) fn parameter<'q>(query: Option<&'q str>, name: &str) -> Option<std::borrow::Cow<'q, str>> {
    let mut pairs = form_urlencoded::parse(query?.as_bytes());
    pairs.find(|(found, _)| found == name).map(|(_, value)| value)
}

/// The parameters that any route looks at; of a repeated one the first counts, even when it is empty or wrong.
#[derive(Default)]
pub(super) struct Parameters {
    pub(super) product_id: Option<Option<u64>>,
    pub(super) page: Option<Option<u64>>,
    pub(super) count: Option<Option<u64>>,
    pub(super) newest: Option<bool>,
}

impl Parameters {
    pub(super) fn of(query: Option<&str>) -> Self {
        let mut parameters = Self::default();
        let Some(query) = query else { return parameters };
        // A page or count below 1 is no page or count.
        let positive = |value: &str| digits(value).filter(|number| *number > 0).map(|number| number.min(TOP));
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "product_id" => _ = parameters.product_id.get_or_insert_with(|| id(&value)),
                "page" => _ = parameters.page.get_or_insert_with(|| positive(&value)),
                "count" => _ = parameters.count.get_or_insert_with(|| positive(&value)),
                "sort" => _ = parameters.newest.get_or_insert_with(|| value == "newest"),
                _ => {}
            }
        }
        parameters
    }

    /// Page and count, with their defaults.
    pub(super) fn window(&self) -> (u64, u64) {
        (self.page.flatten().unwrap_or(1), self.count.flatten().unwrap_or(5))
    }
}
