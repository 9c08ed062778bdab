//! Metadata entries as GGUF stores them: a key, a type id, a value.

use super::cursor::{Cursor, Stop};
use crate::{Array, FormatError, Metadata, Value};

/// GGUF's limit on keys.
const MAX_KEY_BYTES: u64 = 65535;
/// Real files nest arrays once at most; the limit keeps recursion shallow.
const MAX_ARRAY_DEPTH: u32 = 8;
/// The least an entry takes: the key's length, the type id, a value of one byte.
const MIN_ENTRY_BYTES: u64 = 8 + 4 + 1;

/// Type ids of values, as GGUF numbers them.
pub(crate) mod type_id {
    pub const U8: u32 = 0;
    pub const I8: u32 = 1;
    pub const U16: u32 = 2;
    pub const I16: u32 = 3;
    pub const U32: u32 = 4;
    pub const I32: u32 = 5;
    pub const F32: u32 = 6;
    pub const BOOL: u32 = 7;
    pub const STRING: u32 = 8;
    pub const ARRAY: u32 = 9;
    pub const U64: u32 = 10;
    pub const I64: u32 = 11;
    pub const F64: u32 = 12;
}

pub fn read_metadata(cursor: &mut Cursor, count: u64) -> Result<Metadata, Stop> {
    cursor.expect(count, MIN_ENTRY_BYTES, "the metadata that the header counts")?;
    let mut metadata = Metadata::new();
    for _ in 0..count {
        let at = cursor.at();
        let key = cursor.name(MAX_KEY_BYTES, "a metadata key")?;
        let value = read_value(cursor)?;
        if metadata.get(&key).is_some() {
            return Err(FormatError::DuplicateKey { key, at }.into());
        }
        metadata.insert(key, value);
    }
    Ok(metadata)
}

fn read_value(cursor: &mut Cursor) -> Result<Value, Stop> {
    const WHAT: &str = "a metadata value";
    let at = cursor.at();
    Ok(match cursor.u32("a metadata type")? {
        type_id::U8 => Value::U8(u8::from_le_bytes(cursor.array(WHAT)?)),
        type_id::I8 => Value::I8(i8::from_le_bytes(cursor.array(WHAT)?)),
        type_id::U16 => Value::U16(u16::from_le_bytes(cursor.array(WHAT)?)),
        type_id::I16 => Value::I16(i16::from_le_bytes(cursor.array(WHAT)?)),
        type_id::U32 => Value::U32(u32::from_le_bytes(cursor.array(WHAT)?)),
        type_id::I32 => Value::I32(i32::from_le_bytes(cursor.array(WHAT)?)),
        type_id::F32 => Value::F32(f32::from_le_bytes(cursor.array(WHAT)?)),
        type_id::BOOL => Value::Bool(read_bool(cursor)?),
        type_id::STRING => Value::String(cursor.string("a metadata string")?),
        type_id::ARRAY => Value::Array(read_array(cursor, 1)?),
        type_id::U64 => Value::U64(u64::from_le_bytes(cursor.array(WHAT)?)),
        type_id::I64 => Value::I64(i64::from_le_bytes(cursor.array(WHAT)?)),
        type_id::F64 => Value::F64(f64::from_le_bytes(cursor.array(WHAT)?)),
        id => return Err(FormatError::UnknownValueType { id, at }.into()),
    })
}

fn read_array(cursor: &mut Cursor, depth: u32) -> Result<Array, Stop> {
    const WHAT: &str = "a metadata array";
    let at = cursor.at();
    if depth > MAX_ARRAY_DEPTH {
        return Err(FormatError::ArrayTooDeep { at, limit: MAX_ARRAY_DEPTH }.into());
    }
    let id = cursor.u32(WHAT)?;
    let count = cursor.u64(WHAT)?;
    Ok(match id {
        type_id::U8 => Array::U8(cursor.take(count, WHAT)?.to_vec()),
        type_id::I8 => Array::I8(read_scalars(cursor, count, i8::from_le_bytes)?),
        type_id::U16 => Array::U16(read_scalars(cursor, count, u16::from_le_bytes)?),
        type_id::I16 => Array::I16(read_scalars(cursor, count, i16::from_le_bytes)?),
        type_id::U32 => Array::U32(read_scalars(cursor, count, u32::from_le_bytes)?),
        type_id::I32 => Array::I32(read_scalars(cursor, count, i32::from_le_bytes)?),
        type_id::F32 => Array::F32(read_scalars(cursor, count, f32::from_le_bytes)?),
        type_id::U64 => Array::U64(read_scalars(cursor, count, u64::from_le_bytes)?),
        type_id::I64 => Array::I64(read_scalars(cursor, count, i64::from_le_bytes)?),
        type_id::F64 => Array::F64(read_scalars(cursor, count, f64::from_le_bytes)?),
        type_id::BOOL => {
            let count = cursor.expect(count, 1, WHAT)?;
            Array::Bool((0..count).map(|_| read_bool(cursor)).collect::<Result<_, _>>()?)
        }
        type_id::STRING => {
            let count = cursor.expect(count, 8, WHAT)?;
            Array::String(
                (0..count)
                    .map(|_| cursor.string("a string of a metadata array"))
                    .collect::<Result<_, _>>()?,
            )
        }
        type_id::ARRAY => {
            let count = cursor.expect(count, 12, WHAT)?;
            Array::Array((0..count).map(|_| read_array(cursor, depth + 1)).collect::<Result<_, _>>()?)
        }
        id => return Err(FormatError::UnknownValueType { id, at }.into()),
    })
}

fn read_scalars<T, const N: usize>(
    cursor: &mut Cursor,
    count: u64,
    from_le_bytes: fn([u8; N]) -> T,
) -> Result<Vec<T>, Stop> {
    const WHAT: &str = "a metadata array";
    let count = cursor.expect(count, N as u64, WHAT)?;
    let bytes = cursor.take(count as u64 * N as u64, WHAT)?;
    Ok(bytes.as_chunks().0.iter().map(|chunk| from_le_bytes(*chunk)).collect())
}

fn read_bool(cursor: &mut Cursor) -> Result<bool, Stop> {
    let at = cursor.at();
    match cursor.array("a boolean")? {
        [0] => Ok(false),
        [1] => Ok(true),
        [value] => Err(FormatError::InvalidBool { value, at }.into()),
    }
}
