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

/// A member that is there and null is something else than one that is not there.
fn present<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(from).map(Some)
}

impl Line {
    /// Every text of the line in which a name may stand.
    fn text(&self) -> String {
        let request = &self.request;
        let response = &self.response;
        let storage = self.storage.as_ref().map(|storage| (&storage.query, &storage.rows));
        format!("{:?} {:?} {request:?} {response:?} {storage:?}", self.before, self.crafted)
    }

    /// The names that this line needs from lines before it.
    pub(super) fn needs(&self, names: &super::names::Names) -> Vec<String> {
        let mut needed = names.used_in(&self.text());
        needed.retain(|name| !self.gives().any(|given| given == name));
        needed
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
