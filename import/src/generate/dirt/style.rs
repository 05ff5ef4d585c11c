//! What holds for a whole file: its header, its line ends, how it begins and ends.

use atelier_import::File;

/// The form of a file.
#[derive(Debug, Default)]
pub(super) struct Style {
    /// A byte order mark stands in front.
    bom: bool,
    /// Lines end with CR LF.
    crlf: bool,
    /// Header names have a blank in front, as in the older edition.
    blanks: bool,
    /// Header names are quoted.
    quotes: bool,
    /// The last line has no end.
    open_end: bool,
}

impl Style {
    /// The form of each file; every form is that of some file, and most have one only.
    pub(super) fn of(file: File) -> Self {
        let style = Self::default();
        match file {
            File::Product => Self { blanks: true, open_end: true, ..style },
            File::Features | File::Reviews => Self { bom: true, ..style },
            File::Photos => Self { blanks: true, bom: true, open_end: true, ..style },
            File::Skus => Self { quotes: true, ..style },
            File::ReviewsPhotos | File::Answers => Self { crlf: true, ..style },
            File::Characteristics => Self { crlf: true, bom: true, open_end: true, ..style },
            File::Questions => Self { blanks: true, ..style },
            File::AnswersPhotos => Self { open_end: true, ..style },
            File::Styles | File::Related | File::CharacteristicReviews | File::Cart => style,
        }
    }

    pub(super) fn header(&self, file: File, into: &mut Vec<u8>) {
        if self.bom {
            into.extend_from_slice(b"\xef\xbb\xbf");
        }
        let names: Vec<_> = file
            .columns()
            .iter()
            .map(|column| if self.quotes { format!("\"{}\"", column.name) } else { column.name.to_owned() })
            .collect();
        let line = names.join(if self.blanks { ", " } else { "," }) + "\n";
        self.line(line.as_bytes(), into);
    }

    /// Writes a row that ends with LF.
    pub(super) fn line(&self, row: &[u8], into: &mut Vec<u8>) {
        match row.strip_suffix(b"\n") {
            Some(text) if self.crlf && !text.ends_with(b"\r") => {
                into.extend_from_slice(text);
                into.extend_from_slice(b"\r\n");
            }
            _ => into.extend_from_slice(row),
        }
    }

    pub(super) fn end(&self, into: &mut Vec<u8>) {
        if self.open_end && into.ends_with(b"\n") {
            into.pop();
            if into.ends_with(b"\r") {
                into.pop();
            }
        }
    }
}
