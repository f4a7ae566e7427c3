//! The lines of `transcripts.jsonl`.

use std::fs;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::support::data;

/// One recorded exchange.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Line {
    pub(super) id: String,
    pub(super) app: String,
    #[serde(default)]
    pub(super) before: Vec<Value>,
    #[serde(default)]
    pub(super) crafted: Map<String, Value>,
    pub(super) request: RecordedRequest,
    pub(super) response: RecordedResponse,
    #[serde(default)]
    pub(super) binds: Map<String, Value>,
    #[serde(default)]
    pub(super) jwt: Map<String, Value>,
    #[serde(default)]
    pub(super) mail: Vec<RecordedMail>,
    pub(super) storage: Option<Storage>,
    /// Absent: not compared.
    pub(super) redis: Option<Vec<RecordedKey>>,
    #[serde(default)]
    pub(super) provider_received: Vec<Value>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct RecordedRequest {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) headers: Map<String, Value>,
    #[serde(default, deserialize_with = "present")]
    pub(super) body: Option<Value>,
    pub(super) form: Option<Map<String, Value>>,
    pub(super) raw: Option<String>,
    pub(super) raw_base64: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct RecordedResponse {
    pub(super) status: u16,
    pub(super) headers: Map<String, Value>,
    /// Absent: not compared.
    #[serde(default, deserialize_with = "present")]
    pub(super) body: Option<Value>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct RecordedMail {
    pub(super) to: String,
    pub(super) kind: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Storage {
    pub(super) query: String,
    pub(super) rows: Vec<Map<String, Value>>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct RecordedKey {
    pub(super) key: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) value: String,
    pub(super) ttl: i64,
}

/// A member that is there and null is something else than one that is not there.
fn present<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(from).map(Some)
}

impl Line {
    /// The names of OAuth states that this line uses up.
    pub(super) fn spends(&self, names: &super::names::Names) -> Vec<String> {
        let mut spent = names.used_in(&self.request.path);
        spent.retain(|name| name.starts_with("<state"));
        spent
    }

    /// The names that get their value in this line.
    pub(super) fn gives(&self) -> impl Iterator<Item = &str> {
        let fingerprints = self.before.iter().filter_map(|step| step["bind_fingerprint"].as_str());
        self.binds.keys().chain(self.crafted.keys()).map(String::as_str).chain(fingerprints)
    }
}

/// The lines of one application, in order.
pub(super) fn lines(app: &str) -> Vec<Line> {
    let text = fs::read_to_string(data("transcripts.jsonl")).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Line>(line).unwrap());
    lines.filter(|line| line.app == app).collect()
}
