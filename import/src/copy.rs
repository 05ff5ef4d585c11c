//! PostgreSQL's binary COPY format: a head, rows of fields with their length, and a tail.

use atelier_import::Value;
use bytes::{BufMut, BytesMut};

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Int4,
    Int8,
    Text,
}

/// Begins a stream.
pub(crate) fn head(buffer: &mut BytesMut) {
    buffer.put_slice(b"PGCOPY\n\xff\r\n\0");
    buffer.put_u32(0);
    buffer.put_u32(0);
}

/// Begins a row of `fields` fields.
pub(crate) fn row(buffer: &mut BytesMut, fields: i16) {
    buffer.put_i16(fields);
}

/// One field.
pub(crate) fn field(buffer: &mut BytesMut, kind: Type, value: Value<'_>) {
    match (kind, value) {
        (_, Value::Null) => buffer.put_i32(-1),
        (Type::Int4, value) => {
            buffer.put_i32(4);
            buffer.put_u32(value.id());
        }
        (Type::Int8, value) => {
            buffer.put_i32(8);
            buffer.put_i64(value.int());
        }
        (Type::Text, value) => {
            let text = value.text().unwrap_or_default();
            // The reader ends a record at 1 MiB.
            buffer.put_u32(u32::try_from(text.len()).unwrap_or(u32::MAX));
            buffer.put_slice(text.as_bytes());
        }
    }
}

/// Ends a stream.
pub(crate) fn tail(buffer: &mut BytesMut) {
    buffer.put_i16(-1);
}
