//! Every case of the format and of its known dirt (`data.md` §4, §5, and the faulty files of §8), one small file each, with
//! the rows that are loaded and the whole report.

mod files;
mod rows;
mod values;

use std::convert::Infallible;
use std::fmt::Write;

use super::*;
use crate::report::FileReport;

/// A file in memory.
struct Bytes(Vec<u8>);

impl Source for Bytes {
    fn open(&self) -> io::Result<Box<dyn io::Read + Send + '_>> {
        Ok(Box::new(&self.0[..]))
    }
}

/// The parents of every file: products 1 to 3, and of the others ids 1 and 2, which belong to products 1 and 2.
fn parents() -> Known {
    const FILES: [(File, &str); 6] = [
        (File::Product, "id,name,slogan,description,category,default_price\n1,a,,,,1\n2,a,,,,1\n3,a,,,,1\n"),
        (File::Styles, "id,productId,name,sale_price,original_price,default_style\n1,1,a,,1,0\n2,2,a,,1,0\n"),
        (
            File::Reviews,
            "id,product_id,rating,date,summary,body,recommend,reported,reviewer_name,reviewer_email,response,helpfulness\n\
             1,1,5,0,,,1,0,,,,0\n2,2,5,0,,,1,0,,,,0\n",
        ),
        (File::Characteristics, "id,product_id,name\n1,1,Fit\n2,2,Fit\n"),
        (
            File::Questions,
            "id,product_id,body,date_written,asker_name,asker_email,reported,helpful\n1,1,,0,,,0,0\n2,2,,0,,,0,0\n",
        ),
        (
            File::Answers,
            "id,question_id,body,date_written,answerer_name,answerer_email,reported,helpful\n1,1,,0,,,0,0\n2,2,,0,,,0,0\n",
        ),
    ];
    let known = Known::default();
    for (file, text) in FILES {
        let report = clean(&Bytes(text.into()), file, &known, |_| Ok::<_, Infallible>(())).unwrap();
        assert_eq!(report.loaded, report.read, "{file}");
    }
    known
}

/// The same without `file` itself, which is about to be read.
fn parents_of(file: File) -> Known {
    let (all, some) = (parents(), Known::default());
    for parent in File::ALL.into_iter().filter(|parent| *parent != file) {
        if let Some(ids) = all.ids(parent) {
            let mut products = Owners::default();
            for id in ids {
                products.insert(id, id);
            }
            some.publish(parent, ids.clone(), Known::keeps_products(parent).then_some(products));
        }
    }
    some
}

fn read(file: File, text: &[u8]) -> Result<(String, FileReport), CleanError<Infallible>> {
    let mut rows = String::new();
    let report = clean(&Bytes(text.to_vec()), file, &parents_of(file), |row| {
        for (place, value) in row.values.iter().enumerate() {
            rows.push_str(if place > 0 { "|" } else { "" });
            match value {
                Value::Null => rows.push('-'),
                Value::Int(number) => write!(rows, "{number}").unwrap(),
                Value::Flag(flag) => write!(rows, "{flag}").unwrap(),
                Value::Text(text) => rows.push_str(&text.replace('\n', "\\n").replace('\r', "\\r")),
            }
        }
        rows.push('\n');
        Ok(())
    })?;
    assert_eq!(report.read, report.loaded + report.dropped + report.orphan + report.rejected, "{report}");
    Ok((rows, report))
}

/// What a report says besides the counts: nulls, notes, reasons with their lines.
fn said(report: &FileReport) -> String {
    let mut said = String::new();
    for (column, count) in &report.nulls {
        write!(said, "nulls {column} {count}; ").unwrap();
    }
    for (note, count) in &report.notes {
        write!(said, "note {note} {count}; ").unwrap();
    }
    for ((outcome, reason), found) in &report.reasons {
        let lines: Vec<_> = found.lines.iter().map(ToString::to_string).collect();
        write!(said, "{outcome} {reason} {}: {}; ", found.count, lines.join(" ")).unwrap();
    }
    said
}

/// A file with its right header and these rows gives these values and this report.
#[track_caller]
fn gives(file: File, rows: &str, values: &str, report: &str) {
    let names: Vec<_> = file.columns().iter().map(|column| column.name).collect();
    whole(file, format!("{}\n{rows}", names.join(",")).as_bytes(), values, report);
}

/// A whole file gives these values and this report.
#[track_caller]
fn whole(file: File, text: &[u8], values: &str, report: &str) {
    let (found, reported) = read(file, text).unwrap();
    assert_eq!(
        (found.trim_end_matches('\n'), said(&reported).trim_end()),
        (values, report),
        "{}",
        String::from_utf8_lossy(text)
    );
}

/// A file is no such file, for this reason.
#[track_caller]
fn fails(file: File, text: &[u8], reason: &str) {
    match read(file, text) {
        Ok((_, report)) => panic!("this was read: {report}"),
        Err(error) => assert_eq!(error.to_string(), reason),
    }
}
