//! JSON values as BSON keeps them: objects are documents and numbers are numbers, so that they can be queried.

use mongodb::bson::{
    Bson, Decimal128, Document, RawArray, RawBsonRef, RawDocument, oid::ObjectId, spec::BinarySubtype,
};
use serde_json::{Map, Number, Value as Json};
use uuid::Uuid;

use crate::values;

/// The value as BSON. Nothing in it is taken for MongoDB's extended JSON.
pub(crate) fn to_bson(json: &Json) -> Bson {
    match json {
        Json::Null => Bson::Null,
        Json::Bool(value) => Bson::Boolean(*value),
        Json::Number(number) => number_to_bson(number),
        Json::String(text) => Bson::String(text.clone()),
        Json::Array(items) => Bson::Array(items.iter().map(to_bson).collect()),
        Json::Object(fields) => Bson::Document(
            fields.iter().map(|(name, value)| (name.clone(), to_bson(value))).collect::<Document>(),
        ),
    }
}

fn number_to_bson(number: &Number) -> Bson {
    if let Some(integer) = number.as_i64() {
        return Bson::Int64(integer);
    }
    // Integers beyond 64 signed bits have no other type that keeps every digit.
    let exact = if number.is_u64() { number.to_string().parse().ok() } else { None };
    exact.map_or_else(|| number.as_f64().map_or(Bson::Null, Bson::Double), Bson::Decimal128)
}

/// The value as JSON; `None` where BSON has a type that JSON has nothing like.
pub(crate) fn from_bson(value: RawBsonRef<'_>) -> Option<Json> {
    Some(match value {
        RawBsonRef::Null | RawBsonRef::Undefined => Json::Null,
        RawBsonRef::Boolean(value) => Json::Bool(value),
        RawBsonRef::Int32(value) => Json::from(value),
        RawBsonRef::Int64(value) => Json::from(value),
        RawBsonRef::Double(value) => Json::Number(Number::from_f64(value)?),
        RawBsonRef::Decimal128(value) => decimal(value)?,
        RawBsonRef::String(text) | RawBsonRef::Symbol(text) => Json::from(text),
        RawBsonRef::Array(array) => items(array)?,
        RawBsonRef::Document(document) => fields(document)?,
        // What other programs nested there.
        RawBsonRef::DateTime(at) => {
            serde_json::to_value(axum_users::schema::Value::Timestamp(values::timestamp(at)?)).ok()?
        }
        RawBsonRef::ObjectId(id) => Json::from(ObjectId::to_hex(id)),
        RawBsonRef::Binary(binary) if binary.subtype == BinarySubtype::Uuid => {
            Json::from(Uuid::from_slice(binary.bytes).ok()?.to_string())
        }
        _ => return None,
    })
}

fn decimal(value: Decimal128) -> Option<Json> {
    let text = value.to_string();
    if let Ok(integer) = text.parse::<u64>() {
        return Some(Json::from(integer));
    }
    text.parse().ok().and_then(Number::from_f64).map(Json::Number)
}

fn items(array: &RawArray) -> Option<Json> {
    array.into_iter().map(|item| from_bson(item.ok()?)).collect::<Option<Vec<_>>>().map(Json::Array)
}

fn fields(document: &RawDocument) -> Option<Json> {
    let mut fields = Map::new();
    for field in document {
        let (name, value) = field.ok()?;
        fields.insert(name.as_str().to_owned(), from_bson(value)?);
    }
    Some(Json::Object(fields))
}

#[cfg(test)]
mod tests {
    use mongodb::bson::{RawDocumentBuf, doc};
    use serde_json::json;

    use super::*;

    fn there_and_back(json: &Json) -> Option<Json> {
        let document = RawDocumentBuf::try_from(&doc! { "value": to_bson(json) }).unwrap();
        from_bson(document.get("value").unwrap().unwrap())
    }

    #[test]
    fn json_comes_back_as_it_was() {
        for json in [
            json!(null),
            json!([1, 1.0, -1, u64::MAX, i64::MIN, 0.1, 1e300, "1", true, null, [], {}]),
            json!({ "$oid": "000000000000000000000000", "$date": 1, "a.b": { "$set": [] }, "": 1 }),
        ] {
            assert_eq!(there_and_back(&json).as_ref(), Some(&json));
        }
    }
}
