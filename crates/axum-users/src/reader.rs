//! JSON bodies as checked fields, with every bad field in one 422 answer.
//!
//! Texts, order and leniency are those of FastAPI with Pydantic 2: `"1"` is an integer, `"yes"` is true.

mod date_time;
mod value;

use secrecy::SecretString;
use serde_json::{Map, Value as Json, json};

use crate::{
    body::JsonBody,
    email::normalize_email,
    error::FieldError,
    schema::{Column, ColumnValue, Record, Schema, Value},
};

/// The three flags of a user, in the order of the original's models.
const FLAGS: [&str; 3] = ["is_active", "is_superuser", "is_verified"];

/// Reads a registration: the base fields `email`, `password` and the flags, then the settable own columns.
///
/// Absent fields are not in the record, and neither are flags that are null.
///
/// # Errors
/// One entry for each bad or missing field, in the order of the schema.
pub(crate) fn read_create(schema: &Schema, body: JsonBody) -> Result<Record, Vec<FieldError>> {
    let mut reader = Reader::of_object(body)?;
    reader.required("email", read_email_field);
    reader.required("password", value::read_text);
    FLAGS.iter().for_each(|&flag| reader.optional(flag, value::read_bool));
    for column in schema.settable_columns() {
        if column.is_required() { reader.required_column(column) } else { reader.column(column) }
    }
    reader.finish()
}

/// Reads changes to a user; every field may be absent. A null password, e-mail or flag counts as absent; a null
/// in an own column sets NULL where the column allows it.
///
/// # Errors
/// One entry for each bad field: password, e-mail, flags, then the own columns in the order of the schema.
pub(crate) fn read_update(schema: &Schema, body: JsonBody) -> Result<Record, Vec<FieldError>> {
    let mut reader = Reader::of_object(body)?;
    reader.optional("password", value::read_text);
    reader.optional("email", read_email_field);
    FLAGS.iter().for_each(|&flag| reader.optional(flag, value::read_bool));
    schema.settable_columns().for_each(|column| reader.column(column));
    reader.finish()
}

/// Reads `{"email": …}`, the address normalised.
///
/// # Errors
/// The field is missing or no e-mail address.
pub(crate) fn read_email(body: JsonBody) -> Result<String, Vec<FieldError>> {
    read_small(body, [("email", read_email_field)]).map(|[email]| email)
}

/// Reads `{"token": …}`.
///
/// # Errors
/// The field is missing or no text.
pub(crate) fn read_token(body: JsonBody) -> Result<String, Vec<FieldError>> {
    read_small(body, [("token", value::read_text)]).map(|[token]| token)
}

/// Reads `{"code": …}`.
///
/// # Errors
/// The field is missing or no text.
#[cfg(feature = "oauth")]
pub(crate) fn read_code(body: JsonBody) -> Result<String, Vec<FieldError>> {
    read_small(body, [("code", value::read_text)]).map(|[code]| code)
}

/// Reads `{"refresh_token": …}`.
///
/// # Errors
/// The field is missing or no text.
pub(crate) fn read_refresh_token(body: JsonBody) -> Result<SecretString, Vec<FieldError>> {
    read_small(body, [("refresh_token", value::read_text)]).map(|[token]| token.into())
}

/// Reads `{"token": …, "password": …}`.
///
/// # Errors
/// One entry for each field that is missing or no text.
pub(crate) fn read_token_and_password(body: JsonBody) -> Result<(String, SecretString), Vec<FieldError>> {
    let [token, password] = read_small(body, [("token", value::read_text), ("password", value::read_text)])?;
    Ok((token, password.into()))
}

/// Why a value is refused: `type`, `msg` and `ctx` of a 422 entry.
#[derive(Debug, PartialEq)]
struct Refusal {
    kind: &'static str,
    msg: String,
    ctx: Option<Json>,
}

impl Refusal {
    fn new(kind: &'static str, msg: impl Into<String>) -> Self {
        Self { kind, msg: msg.into(), ctx: None }
    }

    fn with_ctx(mut self, ctx: Json) -> Self {
        self.ctx = Some(ctx);
        self
    }

    fn about(self, field: &str, input: Json) -> FieldError {
        let error = FieldError::in_body(field.to_owned(), self.kind, self.msg, input);
        match self.ctx {
            Some(ctx) => error.with_ctx(ctx),
            None => error,
        }
    }
}

/// A field's name, and how its text is read.
type SmallField = (&'static str, fn(&Json) -> Result<String, Refusal>);

/// Reads fields of which all are required text. A body that is no object counts as one without fields, and the
/// missing fields are reported without it: FastAPI reads these as single body parameters, not as a model.
fn read_small<const N: usize>(
    body: JsonBody,
    fields: [SmallField; N],
) -> Result<[String; N], Vec<FieldError>> {
    let object = match body {
        JsonBody::Json(Json::Object(object)) => object,
        _ => Map::new(),
    };
    let mut errors = Vec::new();
    let texts = fields.map(|(name, read)| {
        let result = match object.get(name) {
            Some(input) => read(input).map_err(|refusal| refusal.about(name, input.clone())),
            None => Err(FieldError::in_body(name, "missing", "Field required", Json::Null)),
        };
        result.map_err(|error| errors.push(error)).unwrap_or_default()
    });
    if errors.is_empty() { Ok(texts) } else { Err(errors) }
}

fn read_email_field(input: &Json) -> Result<String, Refusal> {
    normalize_email(&value::read_text(input)?).map_err(|error| {
        Refusal::new("value_error", format!("value is not a valid email address: {}", error.reason()))
            .with_ctx(json!({ "reason": error.reason() }))
    })
}

/// A body's fields on their way into a record.
struct Reader {
    object: Map<String, Json>,
    record: Record,
    errors: Vec<FieldError>,
}

impl Reader {
    fn of_object(body: JsonBody) -> Result<Self, Vec<FieldError>> {
        let input = match body {
            JsonBody::Json(Json::Object(object)) => {
                return Ok(Self { object, record: Record::new(), errors: Vec::new() });
            }
            JsonBody::Empty => {
                return Err(vec![FieldError::of_body("missing", "Field required", Json::Null)]);
            }
            JsonBody::Json(other) => other,
            JsonBody::Text(text) => Json::String(text),
        };
        let msg = "Input should be a valid dictionary or object to extract fields from";
        Err(vec![FieldError::of_body("model_attributes_type", msg, input)])
    }

    fn required<T: ColumnValue>(&mut self, name: &'static str, read: fn(&Json) -> Result<T, Refusal>) {
        match self.object.get(name).map(read) {
            Some(result) => self.note(name, result.map(T::into_value)),
            None => self.missing(name),
        }
    }

    /// Null is as good as absent.
    fn optional<T: ColumnValue>(&mut self, name: &'static str, read: fn(&Json) -> Result<T, Refusal>) {
        if let Some(result) = self.object.get(name).filter(|input| !input.is_null()).map(read) {
            self.note(name, result.map(T::into_value));
        }
    }

    fn required_column(&mut self, column: &Column) {
        if self.object.contains_key(&*column.name) { self.column(column) } else { self.missing(&column.name) }
    }

    fn column(&mut self, column: &Column) {
        if let Some(result) = self.object.get(&*column.name).map(|input| read_column(column, input)) {
            self.note(&column.name, result);
        }
    }

    fn missing(&mut self, name: &str) {
        let input = Json::Object(self.object.clone());
        self.errors.push(FieldError::in_body(name.to_owned(), "missing", "Field required", input));
    }

    fn note(&mut self, name: &str, result: Result<Value, Refusal>) {
        match result {
            Ok(value) => self.record.set(name.to_owned(), value),
            Err(refusal) => {
                let input = self.object.get(name).cloned().unwrap_or_default();
                self.errors.push(refusal.about(name, input));
            }
        }
    }

    fn finish(self) -> Result<Record, Vec<FieldError>> {
        if self.errors.is_empty() { Ok(self.record) } else { Err(self.errors) }
    }
}

/// Reads a value for an own column. The application's rule sees no null.
fn read_column(column: &Column, input: &Json) -> Result<Value, Refusal> {
    if input.is_null() && column.nullable {
        return Ok(Value::Null);
    }
    let value = value::read(column, input)?;
    match column.validate.as_ref().map(|validate| validate(&value)) {
        Some(Err(text)) => Err(value_error(&text)),
        _ => Ok(value),
    }
}

/// What FastAPI answers for a Python validator that raises `ValueError`.
fn value_error(text: &str) -> Refusal {
    Refusal::new("value_error", format!("Value error, {text}")).with_ctx(json!({ "error": {} }))
}

#[cfg(test)]
mod tests;
