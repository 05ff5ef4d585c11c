//! Photos and skus into their styles: three files become one table.
//!
//! Each of the three is sorted by product and style, and one pass over all of them writes a style with its arrays. The
//! styles of a product therefore also lie together on disk.

use std::fmt::{self, Debug};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, anyhow};
use atelier_import::{CleanError, File, FileReport, Known, Row, Source, Value, clean};
use tokio_postgres::Client;

use super::copy::{self, Type};
use super::rows::{self, Refused, Stream};
use super::sort::{Sorted, Sorter};

/// The three files on their way into one table.
#[derive(Default)]
pub(crate) struct Fold {
    parts: Mutex<[Option<Sorter>; 3]>,
}

impl Debug for Fold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fold").finish_non_exhaustive()
    }
}

/// What a scratch file's failure is about.
fn scratch(folder: &Path) -> String {
    format!("a scratch file in {} (TMPDIR names another folder)", folder.display())
}

impl Fold {
    /// Whether a file is one of the three, and which.
    pub(crate) const fn part(file: File) -> Option<usize> {
        match file {
            File::Styles => Some(0),
            File::Photos => Some(1),
            File::Skus => Some(2),
            File::Product
            | File::Features
            | File::Related
            | File::Reviews
            | File::ReviewsPhotos
            | File::Characteristics
            | File::CharacteristicReviews
            | File::Questions
            | File::Answers
            | File::AnswersPhotos
            | File::Cart => None,
        }
    }

    /// Reads and sorts one of the three files.
    pub(crate) async fn read(
        self: Arc<Self>,
        file: File,
        source: Box<dyn Source>,
        known: Arc<Known>,
    ) -> Result<FileReport> {
        tokio::task::spawn_blocking(move || {
            let folder = std::env::temp_dir();
            let mut sorter = Sorter::new(&folder);
            let read = clean(&*source, file, &known, |row: Row<'_>| {
                let (id, parent) = (row.values[0].id(), row.values[1].id());
                let key = if file == File::Styles {
                    (parent, id, 0)
                } else {
                    let product = known.products(File::Styles).and_then(|products| products.get(parent));
                    (product.unwrap_or(0), parent, id)
                };
                sorter.push(key, |content| encode(content, &row.values[2..]))
            });
            let report = match read {
                Ok(report) => report,
                Err(CleanError::Sink(error)) => return Err(anyhow!(error).context(scratch(&folder))),
                Err(error) => return Err(anyhow!(error)),
            };
            if let Some(part) = Self::part(file) {
                self.parts.lock().unwrap_or_else(PoisonError::into_inner)[part] = Some(sorter);
            }
            Ok(report)
        })
        .await?
    }

    /// Writes the table from what was read.
    pub(crate) async fn write(self: Arc<Self>, client: &Client) -> Result<()> {
        let (stream, receive) = Stream::new();
        let merging = tokio::task::spawn_blocking(move || {
            let parts = std::mem::take(&mut *self.parts.lock().unwrap_or_else(PoisonError::into_inner));
            merge(parts, stream)
        });
        let filled = rows::fill(client, "styles", COLUMNS, receive).await.context("table styles");
        match (merging.await?, filled) {
            (Ok(()), Ok(())) => Ok(()),
            (Ok(()) | Err(MergeError::Refused(_)), Err(error)) => Err(error),
            (Err(MergeError::Scratch(error)), _) => Err(anyhow!(error).context(scratch(&std::env::temp_dir()))),
            (Err(MergeError::Refused(error)), Ok(())) => Err(anyhow!(error)),
        }
    }
}

/// The columns in the order of [`merge`].
const COLUMNS: &str = "id, product_id, name, sale_price, original_price, default_style, \
                       photo_ids, photo_urls, photo_thumbnails, sku_ids, sku_sizes, sku_quantities";

#[derive(Debug, thiserror::Error)]
enum MergeError {
    #[error(transparent)]
    Scratch(#[from] io::Error),
    #[error(transparent)]
    Refused(#[from] Refused),
}

fn merge(parts: [Option<Sorter>; 3], mut stream: Stream) -> Result<(), MergeError> {
    let mut sorted = Vec::new();
    for part in parts {
        sorted.push(match part {
            Some(part) => part.finish()?,
            None => Sorter::new(&std::env::temp_dir()).finish()?,
        });
    }
    let [styles, photos, skus] = &mut sorted[..] else { return Ok(()) };
    let (mut style, mut of_photos, mut of_skus) = (Vec::new(), Children::default(), Children::default());
    while let Some((product, id, _)) = styles.peek() {
        styles.next(|_, content| {
            style.clear();
            style.extend_from_slice(content);
        })?;
        of_photos.take(photos, (product, id))?;
        of_skus.take(skus, (product, id))?;
        stream.row(12, |buffer| {
            copy::field(buffer, Type::Int4, Value::Int(id.into()));
            copy::field(buffer, Type::Int4, Value::Int(product.into()));
            let mut values = Decoder(&style);
            let (name, sale, original, default) = (values.text(), values.int(), values.int(), values.int());
            copy::field(
                buffer,
                Type::Text,
                name.and_then(|name| std::str::from_utf8(name).ok()).map_or(Value::Null, Value::Text),
            );
            copy::field(buffer, Type::Int8, sale.map_or(Value::Null, Value::Int));
            copy::field(buffer, Type::Int8, original.map_or(Value::Null, Value::Int));
            copy::field(buffer, Type::Bool, Value::Flag(default == Some(1)));
            copy::int4_array(buffer, of_photos.ids());
            copy::text_array(buffer, of_photos.each(|mut values| values.text()));
            copy::text_array(
                buffer,
                of_photos.each(|mut values| {
                    values.text();
                    values.text()
                }),
            );
            copy::int4_array(buffer, of_skus.ids());
            copy::text_array(buffer, of_skus.each(|mut values| values.text()));
            copy::int4_array(
                buffer,
                of_skus.each(|mut values| {
                    values.text();
                    values.int().and_then(|quantity| u32::try_from(quantity).ok())
                }),
            );
        })?;
    }
    stream.end()?;
    Ok(())
}

/// The photos or the skus of one style.
#[derive(Debug, Default)]
struct Children {
    contents: Vec<u8>,
    ids: Vec<(u32, usize)>,
}

impl Children {
    /// Takes all records of a style.
    fn take(&mut self, from: &mut Sorted, style: (u32, u32)) -> io::Result<()> {
        self.contents.clear();
        self.ids.clear();
        while from.peek().is_some_and(|(product, id, _)| (product, id) == style) {
            from.next(|(_, _, id), content| {
                self.contents.extend_from_slice(content);
                self.ids.push((id, self.contents.len()));
            })?;
        }
        Ok(())
    }

    fn ids(&self) -> impl ExactSizeIterator<Item = Option<u32>> {
        self.ids.iter().map(|(id, _)| Some(*id))
    }

    fn each<'a, T>(&'a self, value: impl Fn(Decoder<'a>) -> Option<T>) -> impl ExactSizeIterator<Item = Option<T>> {
        (0..self.ids.len()).map(move |at| {
            let begin = at.checked_sub(1).map_or(0, |before| self.ids[before].1);
            value(Decoder(&self.contents[begin..self.ids[at].1]))
        })
    }
}

/// The length that stands for NULL.
const NULL: u32 = u32::MAX;

/// Writes values so that [`Decoder`] reads them: a length or NULL, then the bytes.
fn encode(content: &mut Vec<u8>, values: &[Value<'_>]) {
    for value in values {
        let number = value.int().to_le_bytes();
        let flag = i64::from(value.flag()).to_le_bytes();
        let bytes = match value {
            Value::Text(text) => text.as_bytes(),
            Value::Int(_) => &number,
            Value::Flag(_) => &flag,
            Value::Null => {
                content.extend_from_slice(&NULL.to_le_bytes());
                continue;
            }
        };
        content.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(NULL).to_le_bytes());
        content.extend_from_slice(bytes);
    }
}

/// Reads values one after the other.
#[derive(Clone, Copy, Debug)]
struct Decoder<'a>(&'a [u8]);

impl<'a> Decoder<'a> {
    fn text(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.0.split_first_chunk()?;
        let length = u32::from_le_bytes(*length);
        if length == NULL {
            self.0 = rest;
            return None;
        }
        let (value, rest) = rest.split_at_checked(length as usize)?;
        self.0 = rest;
        Some(value)
    }

    fn int(&mut self) -> Option<i64> {
        self.text()?.try_into().ok().map(i64::from_le_bytes)
    }
}
