//! The faults of a file, as a list of changes to a row.

use atelier_import::File;
use atelier_import::file::Kind;

use super::fields::{join, number, split};

/// A change to a row.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fault {
    /// The field of a column is this, quotes and all.
    Cell(usize, &'static [u8]),
    /// A text of this many characters.
    Long(usize, usize),
    /// The last field is missing.
    TooFew,
    /// There is one field more.
    TooMany,
    /// The row stands twice, one behind the other.
    Twice,
    /// The row before stands here once more, with the id of this one.
    TwiceOther,
    /// The row comes again much later.
    TwiceFar,
    /// The row is not there.
    Gap,
    /// The row stands behind the next one.
    Late,
    /// A blank line stands in front.
    Blank,
    /// The line ends with CR LF.
    Crlf,
    /// The relation is to the product itself.
    RelatedSelf,
    /// The relation is the one before once more.
    RelatedTwice,
    /// The characteristic has the name of the one before.
    NameTwice,
    /// The rating is for a characteristic of another product.
    Elsewhere,
    /// The last closing quote is missing.
    QuoteMissing,
    /// The closing quote of the field before the last is missing.
    QuoteMissingWithin,
    /// A closing quote is missing where a comma stands in the text: nothing repairs that.
    QuoteLost,
}

/// What a fault is given besides the row, and where it puts what becomes of it.
#[derive(Debug)]
pub(super) struct Given<'a> {
    /// The row before.
    pub(super) before: &'a [u8],
    /// What stands in place of the row.
    pub(super) out: Vec<Vec<u8>>,
    /// What comes behind the next row.
    pub(super) held: Option<Vec<u8>>,
    /// What comes much later.
    pub(super) again: Option<Vec<u8>>,
}

/// A line that is no row.
pub(super) fn is_blank(line: &[u8]) -> bool {
    line == b"\n" || line == b"\r\n"
}

impl Fault {
    /// Changes the row; false if this is no row for it.
    pub(super) fn touch(self, row: &[u8], given: &mut Given<'_>) -> bool {
        self.try_touch(row, given).is_some()
    }

    fn try_touch(self, row: &[u8], given: &mut Given<'_>) -> Option<()> {
        let mut fields = split(row);
        let before = split(given.before);
        let same_parent = before.len() == fields.len() && before.get(1) == fields.get(1);
        match self {
            Self::Cell(column, text) => *fields.get_mut(column)? = text.to_vec(),
            Self::Long(column, length) => {
                let text: String = "a long story, ".chars().cycle().take(length).collect();
                *fields.get_mut(column)? = format!("\"{text}\"").into_bytes();
            }
            Self::TooFew => {
                fields.pop();
            }
            Self::TooMany => fields.push(b"1".to_vec()),
            Self::Twice => given.out.push(row.to_vec()),
            Self::TwiceOther => {
                let mut other = before;
                *other.first_mut()? = fields.first()?.clone();
                given.out.push(row.to_vec());
                fields = other;
            }
            Self::TwiceFar => given.again = Some(row.to_vec()),
            Self::Gap => return Some(()),
            Self::Late => {
                given.held = Some(row.to_vec());
                return Some(());
            }
            Self::Blank => given.out.push(b"\n".to_vec()),
            Self::Crlf => {
                let mut line = row.strip_suffix(b"\n")?.to_vec();
                line.extend_from_slice(b"\r\n");
                given.out.push(line);
                return Some(());
            }
            Self::RelatedSelf => fields[2] = fields.get(1)?.clone(),
            Self::RelatedTwice | Self::NameTwice if !same_parent => return None,
            Self::RelatedTwice | Self::NameTwice => fields[2] = before.get(2)?.clone(),
            Self::Elsewhere => {
                // Seven before: no product has more than six.
                let other = number(fields.get(1)?)?.checked_sub(7).filter(|id| *id > 0)?;
                fields[1] = other.to_string().into_bytes();
            }
            Self::QuoteMissing => drop_quote(fields.last_mut()?)?,
            Self::QuoteMissingWithin => {
                let place = fields.len().checked_sub(2)?;
                drop_quote(fields.get_mut(place)?)?;
            }
            Self::QuoteLost => {
                let last = fields.last_mut()?;
                drop_quote(last)?;
                last.extend_from_slice(b",w=9");
            }
        }
        given.out.push(join(&fields));
        Some(())
    }
}

fn drop_quote(field: &mut Vec<u8>) -> Option<()> {
    if field.len() < 2 || field.last() != Some(&b'"') {
        return None;
    }
    field.pop();
    Some(())
}

/// The faults of a file, those that cost rows first: a small set shall have them all.
pub(super) fn of(file: File) -> Vec<Fault> {
    let mut faults = vec![Fault::TooFew, Fault::Twice, Fault::TwiceFar, Fault::Cell(0, b"0")];
    let columns: Vec<_> = file.columns().iter().enumerate().collect();
    let texts: Vec<_> =
        columns.iter().filter(|(_, column)| column.kind == Kind::Text).map(|(place, _)| *place).collect();
    if let [first, ..] = texts[..] {
        faults.extend([Fault::Cell(first, b"\"caf\xe9\""), Fault::Cell(first, b"\"a\0b\"")]);
    }
    if file == File::Photos {
        faults.extend([Fault::QuoteMissing, Fault::QuoteLost, Fault::QuoteMissingWithin]);
    } else if file == File::Related {
        faults.extend([Fault::Cell(2, b"0"), Fault::Cell(2, b"2147483647"), Fault::RelatedSelf, Fault::RelatedTwice]);
    } else if file == File::Characteristics {
        faults.push(Fault::NameTwice);
    } else if file == File::CharacteristicReviews {
        faults.push(Fault::Elsewhere);
    }
    // One of each kind first, then the others.
    let wrong = |kind| wrong(kind).iter();
    for (place, column) in &columns {
        faults.extend(wrong(column.kind).take(1).map(|text| Fault::Cell(*place, text)));
    }
    faults.extend([Fault::TooMany, Fault::TwiceOther, Fault::Gap, Fault::Late, Fault::Blank, Fault::Crlf]);
    for (place, column) in &columns {
        if column.nullable {
            faults.extend(NOTHING.iter().map(|text| Fault::Cell(*place, text)));
        } else if column.kind == Kind::Text {
            faults.push(Fault::Cell(*place, b"\"null\""));
        }
        faults.extend(wrong(column.kind).skip(1).map(|text| Fault::Cell(*place, text)));
        faults.extend(odd(column.kind).iter().map(|text| Fault::Cell(*place, text)));
    }
    for place in texts {
        faults.extend(TEXTS.iter().map(|text| Fault::Cell(place, text)));
        // A line of photos.csv is a row.
        if file != File::Photos {
            faults.extend(LINES.iter().map(|text| Fault::Cell(place, text)));
        }
        faults.push(Fault::Long(place, 600));
    }
    if let Some(place) = file.columns().iter().position(|column| matches!(column.name, "body" | "description")) {
        faults.push(Fault::Long(place, 20_000));
    }
    faults
}

/// The forms of NULL.
const NOTHING: [&[u8]; 4] = [b"null", b"\"null\"", b"", b"\"\""];

/// What no column of a kind takes. A reference that names nothing is well-formed, and costs the row all the same.
const fn wrong(kind: Kind) -> &'static [&'static [u8]] {
    match kind {
        Kind::Id => &[b"-5", b"2147483648", b"99999999999999999999", b"x7", b"1.0", b"", b"null"],
        Kind::Ref(_) => &[b"0", b"x", b"-1", b"2147483647", b"99999999999", b""],
        Kind::Price => &[b"-1", b"1.005", b"\"1,000\"", b"$12", b"1.", b"12 EUR"],
        Kind::Flag => &[b"yes", b"2", b"\"\""],
        Kind::Time => {
            &[b"yesterday", b"\"2018-13-01\"", b"253402300800000", b"-5", b"\"2018-01-04 00:00:00\"", b"null"]
        }
        Kind::Count => &[b"-1", b"many", b"2147483648", b"1.5"],
        Kind::Rating => &[b"6", b"0", b"five", b"4.5", b""],
        Kind::Text => &[],
    }
}

/// What a column takes though the current edition has it in another form.
const fn odd(kind: Kind) -> &'static [&'static [u8]] {
    match kind {
        Kind::Price => {
            &[b"default_price: 140", b" 140 ", b"140.5", b"\"140.00\"", b"default_price:7.05", b"0", b"99999"]
        }
        Kind::Flag => &[b"TRUE", b"f", b"\"1\"", b" false ", b"T", b"0"],
        Kind::Time => &[
            b"\"2018-01-04\"",
            b"2020-02-29",
            b"\"2018-01-04T10:11:12Z\"",
            b"2019-05-06T07:08:09.0426Z",
            b"\"1596080481467\"",
            b" 1596080481042 ",
            b"0",
            b"253402300799999",
        ],
        Kind::Count => &[b"\"7\"", b" 8 ", b"007", b"2147483647"],
        Kind::Rating => &[b"\"3\"", b" 4 "],
        Kind::Id | Kind::Ref(_) | Kind::Text => &[],
    }
}

/// Texts that are kept as they stand.
const TEXTS: [&[u8]; 9] = [
    b"\"one, two, three\"",
    b"\"so-called \"\"new\"\" one\"",
    "\"Größe ½, ευχή, 日本語, שלום, 🧵, e\u{301}\"".as_bytes(),
    "\"a\u{2028}b\u{2029}c\"".as_bytes(),
    b"\"<script>alert('\\n')</script>\"",
    b"\"  blanks around  \"",
    b"\"tab\there, control \x01\x1f\x7f\"",
    b"without quotes",
    b"\"NULL\"",
];

/// Texts over several lines.
const LINES: [&[u8]; 3] = [b"\"first line\nsecond line\"", b"\"first\r\nsecond\r\"", b"\"\n\n\""];
