//! What fuzzing asks of the reader: a function that takes any bytes, and panics when a rule does not hold for them. The target in
//! `fuzz/` calls it with bytes that libFuzzer makes, `tests/fuzz.rs` with those that were kept.

use std::collections::HashSet;
use std::convert::Infallible;
use std::io::{self, Read};

use crate::cell;
use crate::clean::{CleanError, Value, clean};
use crate::file::{Column, File, Kind};
use crate::known::{Known, Owners};
use crate::report::FileReport;
use crate::source::Source;

/// Bytes in memory.
struct Bytes(Vec<u8>);

impl Source for Bytes {
    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        Ok(Box::new(&self.0[..]))
    }
}

/// A value that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Kept {
    Null,
    Int(i64),
    Flag(bool),
    Text(String),
}

impl From<Value<'_>> for Kept {
    fn from(value: Value<'_>) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Int(number) => Self::Int(number),
            Value::Flag(flag) => Self::Flag(flag),
            Value::Text(text) => Self::Text(text.to_owned()),
        }
    }
}

/// Ids from 1 to 60 of every file that others refer to.
fn known() -> Known {
    let known = Known::default();
    for file in [File::Product, File::Styles, File::Reviews, File::Characteristics, File::Questions, File::Answers] {
        let mut owners = Owners::default();
        (1..=60).for_each(|id| owners.insert(id, id));
        known.publish(file, (1..=60).collect(), Known::keeps_products(file).then_some(owners));
    }
    known
}

fn read(file: File, text: &[u8]) -> Result<(Vec<Vec<Kept>>, FileReport), CleanError<Infallible>> {
    let mut rows = Vec::new();
    let report = clean(&Bytes(text.to_vec()), file, &known(), |row| {
        rows.push(row.values.iter().map(|value| Kept::from(*value)).collect());
        Ok(())
    })?;
    Ok((rows, report))
}

/// The field that says a value.
fn field(column: &Column, value: &Kept) -> String {
    match value {
        Kept::Null => "null".to_owned(),
        Kept::Flag(flag) => flag.to_string(),
        Kept::Int(cents) if column.kind == Kind::Price => format!("{}.{:02}", cents / 100, cents % 100),
        Kept::Int(number) => number.to_string(),
        Kept::Text(text) => format!("\"{}\"", text.replace('"', "\"\"")),
    }
}

fn fits(column: &Column, value: &Kept) -> bool {
    let within = |from: i64, to: i64| matches!(value, Kept::Int(number) if (from..=to).contains(number));
    let kind = match column.kind {
        Kind::Id => within(1, i32::MAX.into()),
        Kind::Ref(_) => within(1, 60),
        Kind::Count => within(0, i32::MAX.into()),
        Kind::Rating => within(1, 5),
        Kind::Price => within(0, 1_000_000_000_000_000),
        Kind::Time => within(0, 253_402_300_799_999),
        Kind::Flag => matches!(value, Kept::Flag(_)),
        Kind::Text => matches!(value, Kept::Text(text) if !text.contains('\0')),
    };
    kind || (column.nullable && *value == Kept::Null)
}

/// The first byte says which file; its lines follow, behind the right header when the second byte is odd.
pub fn csv(data: &[u8]) {
    let [which, headed, text @ ..] = data else { return };
    cells(text);
    let file = File::ALL[usize::from(*which) % File::ALL.len()];
    let columns = file.columns();
    let header = columns.iter().map(|column| column.name).collect::<Vec<_>>().join(",") + "\n";
    let text = if headed & 1 == 1 { [header.as_bytes(), text].concat() } else { text.to_vec() };
    let Ok((rows, report)) = read(file, &text) else { return };

    // Every record is counted once, and what is kept is as its column says.
    assert_eq!(report.read, report.loaded + report.dropped + report.orphan + report.rejected, "{report:?}");
    assert_eq!(report.loaded, rows.len() as u64);
    let mut ids = HashSet::new();
    for row in &rows {
        assert!(columns.iter().zip(row).all(|(column, value)| fits(column, value)), "{row:?}");
        assert!(matches!(&row[0], Kept::Int(id) if ids.insert(*id)), "an id that came twice: {row:?}");
    }

    // Written down cleanly and read again it is the same, and nothing is left to clean.
    let mut plain = header;
    for row in &rows {
        let fields: Vec<_> = columns.iter().zip(row).map(|(column, value)| field(column, value)).collect();
        plain += &fields.join(",");
        plain.push('\n');
    }
    match read(file, plain.as_bytes()) {
        Ok((again, report)) => {
            assert_eq!(again, rows, "{plain}");
            assert_eq!((report.read, report.repaired), (report.loaded, 0), "{plain}");
        }
        Err(error) => unreachable!("{error}: {plain}"),
    }
}

/// One field by itself.
fn cells(text: &[u8]) {
    let Ok(text) = std::str::from_utf8(text) else { return };
    if let Some(cents) = cell::price(text) {
        assert_eq!(cell::price(&format!("{}.{:02}", cents / 100, cents % 100)), Some(cents));
    }
    if let Some(millis) = cell::time(text) {
        assert_eq!(cell::time(&millis.to_string()), Some(millis));
    }
    if let Some(flag) = cell::flag(text) {
        assert_eq!(cell::flag(&flag.to_string()), Some(flag));
    }
    if let Some(number) = cell::count(text) {
        assert_eq!(cell::count(&number.to_string()), Some(number));
        assert_eq!(cell::reference(text), Some(number));
        assert_eq!(cell::id(text), (number > 0).then_some(number));
        assert_eq!(cell::rating(text), (1..=5).contains(&number).then_some(number));
    }
}
