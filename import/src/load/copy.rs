//! PostgreSQL's binary COPY format: a head, rows of fields with their length, and a tail.
//!
//! Everything is written in network byte order. A text is at most as long as a record of the reader, 1 MiB, so lengths
//! always fit.

use atelier_import::Value;
use bytes::{BufMut, BytesMut};

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Bool,
    Int2,
    Int4,
    Int8,
    Text,
}

/// The identifier PostgreSQL gives a type (`pg_type.dat`); arrays name it.
const INT4_OID: u32 = 23;
const TEXT_OID: u32 = 25;

/// Begins a stream.
pub(crate) fn head(buffer: &mut BytesMut) {
    buffer.put_slice(b"PGCOPY\n\xff\r\n\0");
    buffer.put_u32(0);
    buffer.put_u32(0);
}

/// Begins a row.
pub(crate) fn row(buffer: &mut BytesMut, fields: usize) {
    buffer.put_i16(i16::try_from(fields).unwrap_or(i16::MAX));
}

/// One field.
pub(crate) fn field(buffer: &mut BytesMut, kind: Type, value: Value<'_>) {
    if value == Value::Null {
        buffer.put_i32(-1);
        return;
    }
    match kind {
        Type::Bool => {
            buffer.put_i32(1);
            buffer.put_u8(value.flag().into());
        }
        Type::Int2 => {
            buffer.put_i32(2);
            buffer.put_i16(i16::try_from(value.int()).unwrap_or(i16::MAX));
        }
        Type::Int4 => {
            buffer.put_i32(4);
            buffer.put_u32(value.id());
        }
        Type::Int8 => {
            buffer.put_i32(8);
            buffer.put_i64(value.int());
        }
        Type::Text => text(buffer, value.text().unwrap_or_default().as_bytes()),
    }
}

fn text(buffer: &mut BytesMut, text: &[u8]) {
    buffer.put_u32(u32::try_from(text.len()).unwrap_or(u32::MAX));
    buffer.put_slice(text);
}

/// An `integer[]` field.
pub(crate) fn int4_array(buffer: &mut BytesMut, values: impl ExactSizeIterator<Item = Option<u32>>) {
    array(buffer, INT4_OID, values, |buffer, value| {
        buffer.put_u32(4);
        buffer.put_u32(value);
    });
}

/// A `text[]` field.
pub(crate) fn text_array<'a>(buffer: &mut BytesMut, values: impl ExactSizeIterator<Item = Option<&'a [u8]>>) {
    array(buffer, TEXT_OID, values, text);
}

fn array<T>(
    buffer: &mut BytesMut,
    element: u32,
    values: impl ExactSizeIterator<Item = Option<T>>,
    mut put: impl FnMut(&mut BytesMut, T),
) {
    let begin = buffer.len();
    let count = values.len();
    buffer.put_u32(0);
    // Dimensions, whether there are NULLs (nobody reads that), the type; then length and lower bound of the dimension.
    buffer.put_u32(u32::from(count > 0));
    buffer.put_u32(0);
    buffer.put_u32(element);
    if count > 0 {
        buffer.put_u32(u32::try_from(count).unwrap_or(u32::MAX));
        buffer.put_u32(1);
    }
    for value in values {
        match value {
            Some(value) => put(buffer, value),
            None => buffer.put_i32(-1),
        }
    }
    let length = u32::try_from(buffer.len() - begin - 4).unwrap_or(u32::MAX);
    buffer[begin..begin + 4].copy_from_slice(&length.to_be_bytes());
}

/// Ends a stream.
pub(crate) fn tail(buffer: &mut BytesMut) {
    buffer.put_i16(-1);
}
