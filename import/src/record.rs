//! Records out of a stream of CSV bytes (RFC 4180), with physical line numbers and bounded memory.
//!
//! `csv-core` knows the grammar. Added here: where a record began, an open quote as an error instead of a record that
//! swallows the rest of the file, blank lines, CRLF and BOM. What the fields mean is not known here.

use std::io::{self, Read};

use csv_core::{ReadRecordResult, Reader, ReaderBuilder, Terminator};

/// The longest record that is read, in bytes of the file. A longer one is a quote that was never closed: the longest
/// record of the public set has less than 10 KiB.
pub const RECORD_MAX: usize = 1 << 20;

const CHUNK: usize = 256 << 10;
const BOM: &[u8] = b"\xef\xbb\xbf";

/// Why no further record can be read from a stream.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The stream broke.
    #[error("cannot be read")]
    Io(#[from] io::Error),
    /// A quoted field did not end before the stream or the longest record did.
    #[error("line {line}: open quote: the quoted field that begins here is not closed{}", if *.too_long { " within 1 MiB" } else { " before the end of the file" })]
    OpenQuote {
        /// The line of the opening quote.
        line: u64,
        /// Whether the record limit ended the search, not the end of the stream.
        too_long: bool,
    },
    /// A record without an open quote that is longer than [`RECORD_MAX`].
    #[error("line {line}: the record is longer than 1 MiB")]
    TooLong {
        /// The first line of the record.
        line: u64,
    },
}

/// One record, borrowed from its reader.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// The number of its first line; the header is line 1.
    pub line: u64,
    /// All fields, unquoted, one behind the other.
    pub text: &'a [u8],
    /// Where each field ends in `text`.
    pub ends: &'a [usize],
    /// How the record came to be.
    pub form: Form,
}

/// How well-formed a record was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As RFC 4180 says.
    Plain,
    /// Put right by the rule for photos.csv.
    Repaired,
    /// Beyond repair; there are no fields.
    Broken,
}

/// What was met in a stream besides its records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Oddities {
    /// The stream began with a byte order mark.
    pub bom: bool,
    /// How many records ended with CR LF.
    pub crlf: u64,
}

/// Reads records from a stream.
#[derive(Debug)]
pub struct Records<R> {
    input: R,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    at_end: bool,
    core: Reader,
    text: Vec<u8>,
    ends: Vec<usize>,
    line: u64,
    /// What was met so far.
    pub oddities: Oddities,
}

impl<R: Read> Records<R> {
    /// A reader of `input`, which is read in chunks of 256 KiB.
    pub fn new(input: R) -> Self {
        Self {
            input,
            buffer: vec![0; CHUNK].into_boxed_slice(),
            start: 0,
            end: 0,
            at_end: false,
            // Only LF ends a record; the CR of a CRLF is taken off afterwards, so that a lone CR stays text.
            core: ReaderBuilder::new().terminator(Terminator::Any(b'\n')).build(),
            text: vec![0; 4 << 10],
            ends: vec![0; 32],
            line: 0,
            oddities: Oddities::default(),
        }
    }

    /// The next record that is not a blank line, or `None` at the end.
    ///
    /// # Errors
    /// As [`RecordError`] says; nothing can be read after one.
    pub fn read(&mut self) -> Result<Option<Record<'_>>, RecordError> {
        if self.line == 0 {
            self.begin()?;
        }
        self.skip_blank_lines()?;
        if self.start == self.end {
            return Ok(None);
        }

        let first_line = self.line;
        let lines_before = self.core.line();
        let (mut text_len, mut fields, mut raw_len) = (0, 0, 0);
        let mut before_last = 0;
        let ended_by_lf = loop {
            if self.start == self.end && !self.refill()? {
                // The file does not end with a newline: lend it one. Inside quotes it is swallowed, and that shows.
                let (result, _, wrote, ended) =
                    self.core.read_record(b"\n", &mut self.text[text_len..], &mut self.ends[fields..]);
                text_len += wrote;
                fields += ended;
                match result {
                    ReadRecordResult::Record => break false,
                    ReadRecordResult::OutputFull => self.text.resize(self.text.len() * 2, 0),
                    ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                    ReadRecordResult::InputEmpty | ReadRecordResult::End => {
                        return Err(self.open_quote(first_line, fields, false));
                    }
                }
                continue;
            }
            let chunk = &self.buffer[self.start..self.end];
            let (result, read, wrote, ended) =
                self.core.read_record(chunk, &mut self.text[text_len..], &mut self.ends[fields..]);
            text_len += wrote;
            fields += ended;
            raw_len += read;
            if let Some(byte) = match (&result, read) {
                (_, 0) => None,
                (ReadRecordResult::Record, 1) => None,
                (ReadRecordResult::Record, _) => Some(chunk[read - 2]),
                (_, _) => Some(chunk[read - 1]),
            } {
                before_last = byte;
            }
            self.start += read;
            match result {
                ReadRecordResult::Record => break true,
                ReadRecordResult::OutputFull => self.text.resize(self.text.len() * 2, 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                ReadRecordResult::InputEmpty | ReadRecordResult::End => {}
            }
            if raw_len > RECORD_MAX {
                return Err(self.too_long(first_line, fields));
            }
        };

        self.line += self.core.line() - lines_before;
        if ended_by_lf && before_last == b'\r' && fields > 0 && self.text[..text_len].ends_with(b"\r") {
            self.oddities.crlf += 1;
            text_len -= 1;
            self.ends[fields - 1] = text_len;
        }
        Ok(Some(Record {
            line: first_line,
            text: &self.text[..text_len],
            ends: &self.ends[..fields],
            form: Form::Plain,
        }))
    }

    /// Fills the buffer for the first time and takes a byte order mark off.
    fn begin(&mut self) -> Result<(), RecordError> {
        self.line = 1;
        while self.end < BOM.len() && self.refill()? {}
        if self.buffer[..self.end].starts_with(BOM) {
            self.oddities.bom = true;
            self.start = BOM.len();
        }
        Ok(())
    }

    fn skip_blank_lines(&mut self) -> Result<(), RecordError> {
        loop {
            while self.end - self.start < 2 && self.refill()? {}
            match &self.buffer[self.start..self.end] {
                [b'\n', ..] => self.start += 1,
                [b'\r', b'\n', ..] => self.start += 2,
                _ => return Ok(()),
            }
            self.line += 1;
        }
    }

    /// Reads behind what is left in the buffer; false at the end of the stream.
    fn refill(&mut self) -> Result<bool, RecordError> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        while !self.at_end && self.end < self.buffer.len() {
            match self.input.read(&mut self.buffer[self.end..]) {
                Ok(0) => self.at_end = true,
                Ok(read) => {
                    self.end += read;
                    return Ok(true);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(false)
    }

    /// The open quote begins the field behind the last finished one, whose text holds the newlines before it.
    fn open_quote(&self, first_line: u64, fields: usize, too_long: bool) -> RecordError {
        let finished = fields.checked_sub(1).map_or(0, |last| self.ends[last]);
        let newlines = self.text[..finished].iter().filter(|byte| **byte == b'\n').count();
        RecordError::OpenQuote { line: first_line + newlines as u64, too_long }
    }

    /// Tells a quote that was never closed from a record that is just too long: only the former swallows a newline.
    fn too_long(&mut self, first_line: u64, fields: usize) -> RecordError {
        let (mut text, mut ends) = ([0; 8], [0; 8]);
        match self.core.read_record(b"\n", &mut text, &mut ends).0 {
            ReadRecordResult::Record => RecordError::TooLong { line: first_line },
            ReadRecordResult::InputEmpty
            | ReadRecordResult::OutputFull
            | ReadRecordResult::OutputEndsFull
            | ReadRecordResult::End => self.open_quote(first_line, fields, true),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8]) -> Result<Vec<(u64, Vec<String>)>, RecordError> {
        all_by(bytes, usize::MAX).map(|(records, _)| records)
    }

    /// A stream that gives at most `step` bytes at once, to cross every boundary.
    struct Slow<'a>(&'a [u8], usize);

    impl Read for Slow<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let length = self.1.min(into.len()).min(self.0.len());
            into[..length].copy_from_slice(&self.0[..length]);
            self.0 = &self.0[length..];
            Ok(length)
        }
    }

    #[allow(clippy::type_complexity)]
    fn all_by(bytes: &[u8], step: usize) -> Result<(Vec<(u64, Vec<String>)>, Oddities), RecordError> {
        let mut records = Records::new(Slow(bytes, step));
        let mut found = Vec::new();
        while let Some(record) = records.read()? {
            let mut begin = 0;
            let fields = record.ends.iter().map(|end| {
                let field = String::from_utf8_lossy(&record.text[begin..*end]).into_owned();
                begin = *end;
                field
            });
            found.push((record.line, fields.collect()));
        }
        Ok((found, records.oddities))
    }

    fn row(line: u64, fields: &[&str]) -> (u64, Vec<String>) {
        (line, fields.iter().map(|field| (*field).to_owned()).collect())
    }

    #[test]
    fn a_record_has_the_number_of_its_first_line() {
        let found = all(b"a,b\n\n1,\"x\ny\nz\"\n\r\n2,\"p\"\"q\"").unwrap();
        assert_eq!(found, [row(1, &["a", "b"]), row(3, &["1", "x\ny\nz"]), row(7, &["2", "p\"q"])]);
    }

    #[test]
    fn chunk_boundaries_change_nothing() {
        let text = b"\xef\xbb\xbfa,b\r\n1,\"x\r\ny\"\r\n\r\n2,\r\n3,z\r\n\n4,\"\"";
        let whole = all_by(text, usize::MAX).unwrap();
        for step in 1..7 {
            assert_eq!(all_by(text, step).unwrap(), whole, "in steps of {step}");
        }
        assert_eq!(whole.1, Oddities { bom: true, crlf: 4 });
        assert_eq!(whole.0[1], row(2, &["1", "x\r\ny"]));
        assert_eq!(whole.0[2], row(5, &["2", ""]));
        assert_eq!(whole.0[4], row(8, &["4", ""]));
    }

    #[test]
    fn a_lone_cr_is_text() {
        assert_eq!(all(b"1,a\rb\n2,c\r").unwrap(), [row(1, &["1", "a\rb"]), row(2, &["2", "c\r"])]);
    }

    #[test]
    fn an_open_quote_is_an_error_with_the_line_where_it_opened() {
        let error = all(b"a,b\n1,\"x\ny\",\"z\n2,w\n").unwrap_err();
        assert!(matches!(error, RecordError::OpenQuote { line: 3, too_long: false }), "{error}");
        let error = all(b"a,b\n1,\"x").unwrap_err();
        assert!(matches!(error, RecordError::OpenQuote { line: 2, too_long: false }), "{error}");
    }

    #[test]
    fn a_record_beyond_the_limit_is_an_error() {
        let mut text = b"a\n\"".to_vec();
        text.resize(3 * RECORD_MAX, b'x');
        let error = all(&text).unwrap_err();
        assert!(matches!(error, RecordError::OpenQuote { line: 2, too_long: true }), "{error}");

        text[2] = b'x';
        let error = all(&text).unwrap_err();
        assert!(matches!(error, RecordError::TooLong { line: 2 }), "{error}");
    }

    #[test]
    fn an_empty_stream_has_no_record() {
        assert!(all(b"").unwrap().is_empty());
        assert!(all(b"\n\r\n\n").unwrap().is_empty());
        assert!(all(b"\xef\xbb\xbf").unwrap().is_empty());
    }
}
