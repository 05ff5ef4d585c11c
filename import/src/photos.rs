//! The rule for photos.csv: one line, one record, and a quote that is missing at the end of a line is put back.
//!
//! A plain CSV reader takes a missing closing quote for a field over many lines and loses what follows. A url holds no
//! newline, so here a line is read for itself.

use std::io::{self, BufRead, BufReader, Read};

use csv_core::{ReadRecordResult, Reader, ReaderBuilder, Terminator};

use crate::record::{Form, Oddities, RECORD_MAX, Record, RecordError};

/// How many fields a line must have.
const FIELDS: usize = 4;

/// Reads the lines of photos.csv.
#[derive(Debug)]
pub struct Lines<R> {
    input: BufReader<R>,
    core: Reader,
    raw: Vec<u8>,
    text: Vec<u8>,
    ends: Vec<usize>,
    line: u64,
    /// What was met so far.
    pub oddities: Oddities,
}

impl<R: Read> Lines<R> {
    /// A reader of `input`.
    pub fn new(input: R) -> Self {
        Self {
            input: BufReader::with_capacity(256 << 10, input),
            core: ReaderBuilder::new().terminator(Terminator::Any(b'\n')).build(),
            raw: Vec::with_capacity(1 << 10),
            text: Vec::new(),
            ends: vec![0; 32],
            line: 0,
            oddities: Oddities::default(),
        }
    }

    /// The next line that is not blank, or `None` at the end.
    ///
    /// # Errors
    /// When the stream breaks.
    pub fn read(&mut self) -> Result<Option<Record<'_>>, RecordError> {
        loop {
            self.raw.clear();
            let limit = RECORD_MAX as u64 + 1;
            if self.input.by_ref().take(limit).read_until(b'\n', &mut self.raw)? == 0 {
                return Ok(None);
            }
            self.line += 1;
            if self.line == 1 && self.raw.starts_with(b"\xef\xbb\xbf") {
                self.oddities.bom = true;
                self.raw.drain(..3);
            }
            if self.raw.len() as u64 == limit && !self.raw.ends_with(b"\n") {
                self.skip_line()?;
                return Ok(Some(Record { line: self.line, text: &[], ends: &[], form: Form::Broken }));
            }
            if self.raw.ends_with(b"\r\n") {
                self.raw.truncate(self.raw.len() - 2);
                if !self.raw.is_empty() {
                    self.oddities.crlf += 1;
                }
            } else if self.raw.ends_with(b"\n") {
                self.raw.pop();
            }
            if !self.raw.is_empty() {
                break;
            }
        }
        let form = self.fields();
        let fields = self.ends.len();
        let length = self.ends.last().copied().unwrap_or(0);
        Ok(Some(Record { line: self.line, text: &self.text[..length], ends: &self.ends[..fields], form }))
    }

    fn skip_line(&mut self) -> io::Result<()> {
        loop {
            let buffer = self.input.fill_buf()?;
            if buffer.is_empty() {
                return Ok(());
            }
            let (used, ended) = match buffer.iter().position(|byte| *byte == b'\n') {
                Some(place) => (place + 1, true),
                None => (buffer.len(), false),
            };
            self.input.consume(used);
            if ended {
                return Ok(());
            }
        }
    }

    /// Splits the line: by the grammar first, at the commas if that fails.
    fn fields(&mut self) -> Form {
        self.raw.push(b'\n');
        self.text.resize(self.raw.len(), 0);
        // A line has at most one field more than it has commas, so neither output can be full.
        self.ends.resize(self.raw.len() + 1, 0);
        self.core.reset();
        let (result, read, _, fields) = self.core.read_record(&self.raw, &mut self.text, &mut self.ends);
        if matches!(result, ReadRecordResult::Record) && read == self.raw.len() && fields == FIELDS {
            self.ends.truncate(fields);
            return Form::Plain;
        }

        self.raw.pop();
        self.text.clear();
        self.ends.clear();
        if self.raw.iter().filter(|byte| **byte == b',').count() != FIELDS - 1 {
            return Form::Broken;
        }
        for field in self.raw.split(|byte| *byte == b',') {
            let field = field.strip_prefix(b"\"").unwrap_or(field);
            let field = field.strip_suffix(b"\"").unwrap_or(field);
            self.text.extend_from_slice(field);
            self.ends.push(self.text.len());
        }
        Form::Repaired
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8]) -> Vec<(u64, Form, Vec<String>)> {
        let mut lines = Lines::new(bytes);
        let mut found = Vec::new();
        while let Some(record) = lines.read().unwrap() {
            let mut begin = 0;
            let mut fields = Vec::new();
            for end in record.ends {
                fields.push(String::from_utf8_lossy(&record.text[begin..*end]).into_owned());
                begin = *end;
            }
            found.push((record.line, record.form, fields));
        }
        found
    }

    #[test]
    fn a_missing_closing_quote_is_put_back_and_the_next_line_is_kept() {
        let found = all(b"id,styleId,url,thumbnail_url\n1,2,\"u\",\"t\n3,4,\"v,w\",\"x\"\r\n\n5,6,u,\"y\"");
        let fields: Vec<_> = found.iter().map(|(line, form, fields)| (*line, *form, fields.join("|"))).collect();
        assert_eq!(
            fields,
            [
                (1, Form::Plain, "id|styleId|url|thumbnail_url".to_owned()),
                (2, Form::Repaired, "1|2|u|t".to_owned()),
                (3, Form::Plain, "3|4|v,w|x".to_owned()),
                (5, Form::Plain, "5|6|u|y".to_owned()),
            ]
        );
    }

    #[test]
    fn a_line_that_no_rule_repairs_is_broken() {
        for line in [&b"1,2,\"u,v\",\"t\n"[..], b"1,2,3\n", b"1,2,3,4,5\n", b"\"\n"] {
            let found = all(line);
            assert_eq!((found[0].1, found[0].2.len()), (Form::Broken, 0), "{}", String::from_utf8_lossy(line));
        }
    }

    #[test]
    fn an_endless_line_is_broken_and_the_next_one_is_read() {
        let mut text = vec![b'x'; 3 * RECORD_MAX];
        text.extend_from_slice(b"\n1,2,u,t\n");
        let found = all(&text);
        assert_eq!(found[0].1, Form::Broken);
        assert_eq!(found[1], (2, Form::Plain, ["1", "2", "u", "t"].map(str::to_owned).to_vec()));
    }
}
