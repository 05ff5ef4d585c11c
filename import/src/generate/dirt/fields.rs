//! A clean row as its fields, to change one of them and put the row together again.

/// The fields of a clean row, quotes and all. Its texts hold no quotes, so a comma outside of them ends a field.
pub(super) fn split(row: &[u8]) -> Vec<Vec<u8>> {
    let text = row.strip_suffix(b"\n").unwrap_or(row);
    let mut quoted = false;
    text.split(|byte| {
        quoted ^= *byte == b'"';
        *byte == b',' && !quoted
    })
    .map(<[u8]>::to_vec)
    .collect()
}

/// The row of these fields.
pub(super) fn join(fields: &[Vec<u8>]) -> Vec<u8> {
    let mut row = fields.join(&b","[..]);
    row.push(b'\n');
    row
}

/// The number a field holds.
pub(super) fn number(field: &[u8]) -> Option<u32> {
    std::str::from_utf8(field).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_put_together_as_it_was() {
        let row = b"1,\"a, b\",null,\"\",5\n";
        let fields = split(row);
        assert_eq!(fields.len(), 5);
        assert_eq!(fields[1], b"\"a, b\"");
        assert_eq!(join(&fields), row);
    }
}
