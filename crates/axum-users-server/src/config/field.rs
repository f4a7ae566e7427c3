//! `[user]` and `[[user.field]]`: the kind of primary key, and the installation's own columns.

use axum_users::schema::{BASE_COLUMNS, Column, ColumnType, Date, ObjectId, Timestamp, Value};
use serde_json::Value as Json;
use time::{
    PrimitiveDateTime,
    format_description::well_known::{Iso8601, Rfc3339},
};
use uuid::Uuid;

use super::{Engine, section::Section, tree::Value as Written};

/// The kinds of fields, by the names that the file uses.
const TYPES: [(&str, ColumnType); 8] = [
    ("text", ColumnType::Text),
    ("integer", ColumnType::Integer),
    ("float", ColumnType::Float),
    ("bool", ColumnType::Bool),
    ("date", ColumnType::Date),
    ("timestamp", ColumnType::Timestamp),
    ("uuid", ColumnType::Uuid),
    ("json", ColumnType::Json),
];

/// What the file calls a type; `None` for one that no field has.
pub(crate) fn type_name(column_type: ColumnType) -> Option<&'static str> {
    TYPES.iter().find(|(_, known)| *known == column_type).map(|(name, _)| *name)
}

/// Whether a field can be called so.
pub(crate) fn is_name(text: &str) -> bool {
    parse_name(text).is_ok()
}

/// Names that mean something else in requests and answers.
const RESERVED: [&str; 2] = ["password", "oauth_accounts"];

pub(super) fn read(mut section: Section<'_>, engine: Engine) -> (Option<ColumnType>, Vec<Column>) {
    let ids =
        [("uuid", ColumnType::Uuid), ("integer", ColumnType::Integer), ("object_id", ColumnType::ObjectId)];
    let id_type = section.choice("id", &ids);
    if id_type == Some(ColumnType::ObjectId) && engine != Engine::MongoDb {
        section.problem("id", format!("only MongoDB has ObjectIds, and database.url names {engine}"));
    }
    let mut columns: Vec<Column> = Vec::new();
    for field in section.sections("field").unwrap_or_default() {
        columns.extend(read_field(field, &columns));
    }
    section.finish();
    (id_type, columns)
}

fn read_field(mut section: Section<'_>, others: &[Column]) -> Option<Column> {
    let name = section.parse("name", parse_name);
    match &name {
        None => section.missing("name", "the column's name"),
        Some(name) if others.iter().any(|other| other.name == *name) => {
            section.problem("name", format!("two fields are called \"{name}\""));
        }
        Some(_) => {}
    }
    let column_type = section.choice("type", &TYPES);
    if column_type.is_none() {
        let names = TYPES.map(|(name, _)| name);
        section.missing("type", &super::section::alternatives(&names));
    }
    let required = section.boolean("required").unwrap_or(false);
    let readonly = section.boolean("readonly").unwrap_or(false);
    let private = section.boolean("private").unwrap_or(false);
    let choices = section.texts("choices").unwrap_or_default();
    let default = section.any("default");

    let mut column = Column::new(name?, column_type?);
    column.readonly = readonly;
    column.private = private;
    if !choices.is_empty() && column.column_type != ColumnType::Text {
        section.problem("choices", "only a field of type = \"text\" has choices");
    }
    column.choices = choices.into_iter().map(Into::into).collect();
    if let Some(default) = default {
        match default_value(&column, &default) {
            Ok(value) => column.default = Some(value),
            Err(message) => section.problem("default", message),
        }
    }
    if required && column.default.is_some() {
        section.problem("required", "a field with a default is never required: keep one of them");
    }
    if required && readonly {
        section.problem(
            "required",
            "requests cannot set a readonly field: give it a default, or leave it optional",
        );
    }
    column.nullable = !required && column.default.is_none();
    section.finish();
    Some(column)
}

fn parse_name(text: &str) -> Result<String, String> {
    let name = super::parts::parse_table_name(text)?;
    if BASE_COLUMNS.contains(&text) || RESERVED.contains(&text) {
        return Err(format!("every user has \"{text}\" already"));
    }
    Ok(name)
}

/// The default of a column, from what was written for it.
fn default_value(column: &Column, written: &Written) -> Result<Value, String> {
    match (column.column_type, written) {
        (ColumnType::Bool, Written::Boolean(value)) => Ok(Value::Bool(*value)),
        (ColumnType::Integer, Written::Integer(value)) => Ok(Value::Integer(*value)),
        #[expect(clippy::cast_precision_loss, reason = "what a float column can keep of it")]
        (ColumnType::Float, Written::Integer(value)) => Ok(Value::Float(*value as f64)),
        (ColumnType::Float, Written::Float(value)) if value.is_finite() => Ok(Value::Float(*value)),
        (ColumnType::Json, written) => json(written).map(Value::Json),
        (_, Written::Text(text) | Written::Variable(text) | Written::Moment(text)) => {
            parse_value(column, text)
        }
        (column_type, written) => Err(format!("expected {column_type}, found {}", written.kind())),
    }
}

fn json(written: &Written) -> Result<Json, String> {
    Ok(match written {
        Written::Text(text) | Written::Moment(text) => Json::from(text.clone()),
        Written::Integer(value) => Json::from(*value),
        Written::Float(value) => Json::from(*value),
        Written::Boolean(value) => Json::from(*value),
        Written::Variable(text) => {
            serde_json::from_str(text).map_err(|error| format!("expected a JSON value: {error}"))?
        }
        Written::List(items) => items.iter().map(|item| json(&item.value)).collect::<Result<_, _>>()?,
        Written::Table(entries) => {
            let members = entries.iter().map(|(key, node)| Ok((key.clone(), json(&node.value)?)));
            Json::Object(members.collect::<Result<_, String>>()?)
        }
    })
}

/// A column's value from a text, as command lines and defaults write it: `true`, `42`, `2026-11-23`,
/// `2026-11-23T10:00:00Z`, a JSON value, or the text itself.
///
/// # Errors
/// The text is no value of this column; the sentence says what was expected.
pub fn parse_value(column: &Column, text: &str) -> Result<Value, String> {
    let value = match column.column_type {
        ColumnType::Text => Some(Value::Text(text.to_owned())),
        ColumnType::Bool => text.parse().ok().map(Value::Bool),
        ColumnType::Integer => {
            let (least, most) = column.range;
            text.parse().ok().filter(|number| (least..=most).contains(number)).map(Value::Integer)
        }
        ColumnType::Float => text.parse().ok().filter(|number: &f64| number.is_finite()).map(Value::Float),
        ColumnType::Uuid => Uuid::parse_str(text).ok().map(Value::Uuid),
        ColumnType::Date => Date::parse(text, &Iso8601::DATE).ok().map(Value::Date),
        ColumnType::Timestamp => parse_timestamp(text).map(Value::Timestamp),
        ColumnType::Json => serde_json::from_str(text).ok().map(Value::Json),
        ColumnType::ObjectId => ObjectId::parse(text).map(Value::ObjectId),
        _ => None,
    };
    let value = value.ok_or_else(|| format!("expected {}, found \"{text}\"", column.column_type))?;
    if !column.choices.is_empty() && !column.choices.iter().any(|choice| *choice == text) {
        let choices: Vec<&str> = column.choices.iter().map(AsRef::as_ref).collect();
        return Err(format!("expected {}, found \"{text}\"", super::section::alternatives(&choices)));
    }
    Ok(value)
}

/// RFC 3339; a time without an offset is UTC.
fn parse_timestamp(text: &str) -> Option<Timestamp> {
    let with_offset = Timestamp::parse(text, &Rfc3339).ok();
    with_offset.or_else(|| Some(PrimitiveDateTime::parse(text, &Iso8601::DATE_TIME).ok()?.assume_utc()))
}
