//! One row as text, in the form of the public set: texts in quotes, everything else without.

/// A row that is being written. Each field brings the comma behind it; the last one becomes the end of the line.
#[derive(Debug)]
pub(super) struct Row<'a>(&'a mut Vec<u8>);

impl<'a> Row<'a> {
    /// A row at the end of `line`.
    pub(super) fn new(line: &'a mut Vec<u8>) -> Self {
        Self(line)
    }

    /// An id, a price in whole units, a count, a rating or a time in milliseconds.
    pub(super) fn number(&mut self, number: impl itoa::Integer) -> &mut Self {
        self.0.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
        self.end()
    }

    /// A truth value as a digit: most files.
    pub(super) fn digit(&mut self, flag: bool) -> &mut Self {
        self.0.push(b'0' + u8::from(flag));
        self.end()
    }

    /// A truth value as a word: reviews.csv.
    pub(super) fn word(&mut self, flag: bool) -> &mut Self {
        self.0.extend_from_slice(if flag { b"true" } else { b"false" });
        self.end()
    }

    /// No value.
    pub(super) fn null(&mut self) -> &mut Self {
        self.0.extend_from_slice(b"null");
        self.end()
    }

    /// A text without quotes in it.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        self.texts(&[text])
    }

    /// A text in pieces, without quotes in it.
    pub(super) fn texts(&mut self, pieces: &[&str]) -> &mut Self {
        self.quoted(|text| pieces.iter().for_each(|piece| text.extend_from_slice(piece.as_bytes())))
    }

    /// A text that `write` appends, without quotes in it.
    pub(super) fn quoted(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> &mut Self {
        self.0.push(b'"');
        write(self.0);
        self.0.push(b'"');
        self.end()
    }

    fn end(&mut self) -> &mut Self {
        self.0.push(b',');
        self
    }
}
