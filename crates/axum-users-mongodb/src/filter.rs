//! What an update expects of a user, as a filter.

use axum_users::{
    DatabaseError,
    schema::{Column, ColumnType, Record, Value},
};
use mongodb::bson::{Bson, Document, doc};

use crate::{store::Layout, values};

impl Layout {
    /// Adds what is expected of a user to a filter, so that the server compares and sets in one step.
    pub(crate) fn expect(&self, filter: &mut Document, expected: &Record) -> Result<(), DatabaseError> {
        let mut comparisons = Vec::new();
        for (name, value) in expected.iter() {
            let unknown = || DatabaseError::Other(format!("the model has no column `{name}`").into());
            let column = self.schema.column(name).ok_or_else(unknown)?;
            if column.column_type == ColumnType::Json || matches!(value, Value::Json(_)) {
                comparisons.push(same_json(self.field(name), column, value)?);
            } else {
                filter.insert(self.field(name), same(column, value)?);
            }
        }
        if !comparisons.is_empty() {
            filter.insert("$expr", doc! { "$and": comparisons });
        }
        Ok(())
    }
}

/// A condition on a field that holds one value. A value that cannot be an operator needs no `$eq`.
fn same(column: &Column, value: &Value) -> Result<Bson, DatabaseError> {
    let mut forms = vec![values::to_bson(value)?];
    if let Value::Date(date) = value {
        forms.push(Bson::DateTime(values::midnight(*date)));
    }
    if column.default.as_ref() == Some(value) {
        // A document that does not name the field has the default.
        forms.push(Bson::Null);
    }
    Ok(match forms.len() {
        1 => forms.remove(0),
        _ => Bson::Document(doc! { "$in": forms }),
    })
}

/// A comparison of a field that may hold anything: as a mere condition, null would be found in an array of nulls,
/// and an object could be an operator.
fn same_json(field: &str, column: &Column, value: &Value) -> Result<Document, DatabaseError> {
    let absent = match &column.default {
        Some(default) => values::to_bson(default)?,
        None => Bson::Null,
    };
    let stored = doc! { "$ifNull": [format!("${field}"), { "$literal": absent }] };
    Ok(doc! { "$eq": [stored, { "$literal": values::to_bson(value)? }] })
}
