//! One JSON value as a column's, as Pydantic 2 reads it in its lax mode.

use serde_json::{Number, Value as Json, json};
use uuid::Uuid;

use super::{Refusal, date_time, value_error};
use crate::schema::{Column, ColumnType, ObjectId, Value};

/// 2^63, the first whole number beyond `i64`.
const BEYOND_I64: f64 = 9_223_372_036_854_775_808.0;

pub(super) fn read(column: &Column, input: &Json) -> Result<Value, Refusal> {
    Ok(match column.column_type {
        ColumnType::Bool => Value::Bool(read_bool(input)?),
        ColumnType::Integer => Value::Integer(read_integer(column.range, input)?),
        ColumnType::Float => Value::Float(read_float(input)?),
        ColumnType::Text => Value::Text(read_column_text(column, input)?),
        ColumnType::Uuid => Value::Uuid(read_uuid(input)?),
        ColumnType::Date => Value::Date(date_time::read_date(input)?),
        ColumnType::Timestamp => Value::Timestamp(date_time::read_timestamp(input)?),
        ColumnType::Json => Value::Json(read_json(input)?),
        ColumnType::ObjectId => Value::ObjectId(read_object_id(input)?),
    })
}

pub(super) fn read_bool(input: &Json) -> Result<bool, Refusal> {
    let number = match input {
        Json::Bool(value) => return Ok(*value),
        Json::String(text) => match &*text.to_ascii_lowercase() {
            "true" | "t" | "yes" | "y" | "on" | "1" => Some(1),
            "false" | "f" | "no" | "n" | "off" | "0" => Some(0),
            _ => None,
        },
        _ => match whole_number(input) {
            Whole::Number(number) if i64::try_from(number).is_ok() => Some(number),
            _ => {
                return Err(Refusal::new("bool_type", "Input should be a valid boolean"));
            }
        },
    };
    match number {
        Some(0) => Ok(false),
        Some(1) => Ok(true),
        _ => {
            let msg = "Input should be a valid boolean, unable to interpret input";
            Err(Refusal::new("bool_parsing", msg))
        }
    }
}

pub(super) fn read_text(input: &Json) -> Result<String, Refusal> {
    match input {
        Json::String(text) => Ok(text.clone()),
        _ => Err(Refusal::new("string_type", "Input should be a valid string")),
    }
}

/// A JSON number seen as an integer.
enum Whole {
    Number(i128),
    /// A float beyond `i64`.
    TooLarge,
    Fraction,
    NoNumber,
}

fn whole_number(input: &Json) -> Whole {
    let Some(float) = input.as_f64() else { return Whole::NoNumber };
    if let Some(number) = input.as_number().and_then(Number::as_i128) {
        return Whole::Number(number);
    }
    match float {
        _ if float.fract() != 0.0 => Whole::Fraction,
        _ if !(-BEYOND_I64..BEYOND_I64).contains(&float) => Whole::TooLarge,
        #[expect(clippy::cast_possible_truncation, reason = "whole and in range")]
        _ => Whole::Number(float as i128),
    }
}

fn read_integer((least, greatest): (i64, i64), input: &Json) -> Result<i64, Refusal> {
    let whole = match input {
        Json::Bool(value) => Whole::Number(i128::from(*value)),
        Json::String(text) => match integer_text(text) {
            Some(digits) => Whole::Number(saturating_number(&digits)),
            None => {
                let msg = "Input should be a valid integer, unable to parse string as an integer";
                return Err(Refusal::new("int_parsing", msg));
            }
        },
        _ => whole_number(input),
    };
    match whole {
        Whole::Number(number) if number < i128::from(least) => {
            let msg = format!("Input should be greater than or equal to {least}");
            Err(Refusal::new("greater_than_equal", msg).with_ctx(json!({ "ge": least })))
        }
        Whole::Number(number) => {
            i64::try_from(number).ok().filter(|&number| number <= greatest).ok_or_else(|| {
                let msg = format!("Input should be less than or equal to {greatest}");
                Refusal::new("less_than_equal", msg).with_ctx(json!({ "le": greatest }))
            })
        }
        Whole::TooLarge => {
            let msg = "Unable to parse input string as an integer, exceeded maximum size";
            Err(Refusal::new("int_parsing_size", msg))
        }
        Whole::Fraction => {
            let msg = "Input should be a valid integer, got a number with a fractional part";
            Err(Refusal::new("int_from_float", msg))
        }
        Whole::NoNumber => Err(Refusal::new("int_type", "Input should be a valid integer")),
    }
}

/// The digits of an integer with its sign: blanks around it, single underscores between digits and `.000` go.
fn integer_text(text: &str) -> Option<String> {
    let text = text.trim();
    let text = match text.split_once('.') {
        Some((whole, zeros)) if !zeros.is_empty() && zeros.bytes().all(|byte| byte == b'0') => whole,
        Some(_) => return None,
        None => text,
    };
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let is_number =
        digits.split('_').all(|group| !group.is_empty() && group.bytes().all(|byte| byte.is_ascii_digit()));
    is_number.then(|| text.replace('_', ""))
}

/// The number of these digits, or the nearest one there is.
fn saturating_number(digits: &str) -> i128 {
    digits.parse().unwrap_or(if digits.starts_with('-') { i128::MIN } else { i128::MAX })
}

fn read_float(input: &Json) -> Result<f64, Refusal> {
    let number = match input {
        Json::Bool(value) => f64::from(u8::from(*value)),
        Json::String(text) => float_text(text).ok_or_else(|| {
            Refusal::new(
                "float_parsing",
                "Input should be a valid number, unable to parse string as a number",
            )
        })?,
        _ => input.as_f64().ok_or_else(|| Refusal::new("float_type", "Input should be a valid number"))?,
    };
    // JSON has no infinity: the original fails with a 500 when it shows one.
    if number.is_finite() {
        Ok(number)
    } else {
        Err(Refusal::new("finite_number", "Input should be a finite number"))
    }
}

fn float_text(text: &str) -> Option<f64> {
    let text = text.trim();
    if text.starts_with('_') || text.ends_with('_') || text.contains("__") {
        return None;
    }
    text.replace('_', "").parse().ok()
}

fn read_column_text(column: &Column, input: &Json) -> Result<String, Refusal> {
    if !column.choices.is_empty() {
        let choice = input.as_str().filter(|text| column.choices.iter().any(|choice| choice == text));
        return choice.map(str::to_owned).ok_or_else(|| not_a_choice(column));
    }
    let text = read_text(input)?;
    // PostgreSQL cannot store it; without this the answer would depend on the database.
    if text.contains('\0') {
        return Err(holds_nul());
    }
    Ok(text)
}

/// Any JSON, but for what PostgreSQL's JSONB cannot store.
fn read_json(input: &Json) -> Result<Json, Refusal> {
    if has_nul(input) { Err(holds_nul()) } else { Ok(input.clone()) }
}

/// Whether a text or a key within is one with a zero character. Bodies are nested in 128 levels at most.
fn has_nul(value: &Json) -> bool {
    match value {
        Json::String(text) => text.contains('\0'),
        Json::Array(values) => values.iter().any(has_nul),
        Json::Object(entries) => entries.iter().any(|(key, value)| key.contains('\0') || has_nul(value)),
        _ => false,
    }
}

fn holds_nul() -> Refusal {
    value_error("Text must not contain NUL characters")
}

/// What Pydantic says of a value that is none of an enum's.
fn not_a_choice(column: &Column) -> Refusal {
    let quoted: Vec<_> = column.choices.iter().map(|choice| quote(choice)).collect();
    let expected = match &*quoted {
        [first @ .., last] if !first.is_empty() => format!("{} or {last}", first.join(", ")),
        _ => quoted.concat(),
    };
    Refusal::new("enum", format!("Input should be {expected}")).with_ctx(json!({ "expected": expected }))
}

/// A text in quotes as Python writes it: single ones, save around a text with a single quote and no double one.
fn quote(text: &str) -> String {
    match (text.contains('\''), text.contains('"')) {
        (true, false) => format!("\"{}\"", text.replace('\\', "\\\\")),
        _ => format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'")),
    }
}

fn read_uuid(input: &Json) -> Result<Uuid, Refusal> {
    let Json::String(text) = input else {
        return Err(Refusal::new("uuid_type", "UUID input should be a string, bytes or UUID object"));
    };
    Uuid::parse_str(text).map_err(|error| {
        Refusal::new("uuid_parsing", format!("Input should be a valid UUID, {error}"))
            .with_ctx(json!({ "error": error.to_string() }))
    })
}

/// The words are Beanie's, which the original uses for these ids.
fn read_object_id(input: &Json) -> Result<ObjectId, Refusal> {
    let id = input.as_str().and_then(ObjectId::parse);
    id.ok_or_else(|| value_error("Id must be of type PydanticObjectId"))
}
