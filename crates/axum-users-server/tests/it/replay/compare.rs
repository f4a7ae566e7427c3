//! A recorded answer beside the one that came.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::{Map, Value};

use super::names::{Names, Unbound};
use super::token;
use super::transcript::{Line, RecordedKey};
use crate::support::http::Response;
use crate::support::redis::Key;

/// What of an exchange differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Status,
    Header(&'static str),
    Body,
    Jwt,
    Mail,
    Storage,
    Redis,
    /// What the OAuth provider was asked.
    Provider,
    /// It could not be compared at all.
    Exchange,
}

/// One difference, told as a reader wants it.
#[derive(Clone, Debug)]
pub(super) struct Difference {
    pub(super) part: Part,
    pub(super) expected: String,
    pub(super) got: String,
}

impl Difference {
    #[expect(clippy::needless_pass_by_value, reason = "both are read once, as text, number or JSON")]
    pub(super) fn new(part: Part, expected: impl ToString, got: impl ToString) -> Self {
        Self { part, expected: expected.to_string(), got: got.to_string() }
    }
}

impl From<Unbound> for Difference {
    fn from(Unbound(name): Unbound) -> Self {
        Self::new(Part::Exchange, format!("a value for {name}"), "none: the line that binds it failed")
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = match self.part {
            Part::Header(name) => name.to_owned(),
            other => format!("{other:?}").to_lowercase(),
        };
        write!(f, "  {part}\n    expected {}\n    got      {}", cut(&self.expected), cut(&self.got))
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(600) {
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], text.len()),
        None => text.to_owned(),
    }
}

/// The headers that a transcript speaks of; one that it does not list must be absent.
const HEADERS: [&str; 5] = ["content-type", "set-cookie", "www-authenticate", "allow", "location"];

/// Compares status, headers and body.
pub(super) fn response(line: &Line, got: &Response, names: &Names) -> Result<Vec<Difference>, Unbound> {
    let expected = &line.response;
    let mut found = Vec::new();
    if expected.status != got.status {
        found.push(Difference::new(Part::Status, expected.status, got.status));
    }
    for name in HEADERS {
        found.extend(header(name, expected.headers.get(name), got, names)?);
    }
    if got.body.is_empty() {
        found.extend(header("content-length", expected.headers.get("content-length"), got, names)?);
    }
    found.extend(body(line, got, names)?);
    Ok(found)
}

fn header(
    name: &'static str,
    expected: Option<&Value>,
    got: &Response,
    names: &Names,
) -> Result<Option<Difference>, Unbound> {
    let expected: Vec<&str> = match expected {
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        Some(one) => one.as_str().into_iter().collect(),
        None => Vec::new(),
    };
    let got: Vec<&str> = got.all(name).collect();
    let mut same = expected.len() == got.len();
    for (expected, got) in expected.iter().zip(&got) {
        // The original keeps methods in a set, and its order changes from start to start.
        let same_methods = name == "allow" && methods(expected) == methods(got);
        same = same && (same_methods || names.matches(expected, got)?);
    }
    Ok((!same).then(|| Difference::new(Part::Header(name), expected.join(", "), got.join(", "))))
}

fn methods(allow: &str) -> BTreeSet<&str> {
    allow.split(',').map(str::trim).collect()
}

fn body(line: &Line, got: &Response, names: &Names) -> Result<Option<Difference>, Unbound> {
    let Some(expected) = &line.response.body else {
        return Ok(None);
    };
    let is_json =
        line.response.headers.get("content-type").and_then(Value::as_str) == Some("application/json");
    let expected = match expected {
        Value::String(text) if !is_json || line.request.method == "HEAD" => names.fill(text)?,
        // To the byte: key order, no spaces, no escapes that need not be.
        value => match serde_json::from_slice(&got.body) {
            Ok(json) => settled(value, &json, names)?.to_string(),
            Err(_) => value.to_string(),
        },
    };
    let got = got.text();
    Ok((expected != got).then(|| Difference::new(Part::Body, expected, got)))
}

/// An answer whose linked accounts stand in the recorded order. Without an order of rows, which the original does
/// not ask for, PostgreSQL and MariaDB give them in another one than SQLite.
pub(super) fn with_accounts_in_order(line: &Line, got: Response) -> Response {
    let key = |account: &Value| (account["oauth_name"].to_string(), account["account_id"].to_string());
    let recorded = line.response.body.as_ref().and_then(|body| body["oauth_accounts"].as_array());
    let Some(order) = recorded.map(|accounts| accounts.iter().map(key).collect::<Vec<_>>()) else {
        return got;
    };
    let Ok(mut body) = serde_json::from_slice::<Value>(&got.body) else { return got };
    let Some(accounts) = body["oauth_accounts"].as_array_mut() else { return got };
    accounts.sort_by_key(|account| order.iter().position(|known| *known == key(account)));
    Response { body: body.to_string().into_bytes(), ..got }
}

/// Brings rows of accounts into the recorded order, for databases that give them in another one than SQLite.
pub(super) fn order_accounts(recorded: &[Map<String, Value>], rows: &mut [Map<String, Value>]) {
    rows.sort_by_key(|row| {
        recorded.iter().position(|known| known.get("account_id") == row.get("account_id"))
    });
}

/// What was expected, with each text that fits the answer replaced by the answer's.
fn settled(expected: &Value, got: &Value, names: &Names) -> Result<Value, Unbound> {
    Ok(match (expected, got) {
        (Value::String(pattern), Value::String(text)) if names.matches(pattern, text)? => got.clone(),
        (Value::String(pattern), _) => names.fill(pattern)?.into(),
        (Value::Array(expected), got) => expected
            .iter()
            .enumerate()
            .map(|(index, item)| settled(item, &got[index], names))
            .collect::<Result<Vec<_>, _>>()?
            .into(),
        (Value::Object(expected), got) => {
            let members =
                expected.iter().map(|(key, item)| Ok((key.clone(), settled(item, &got[key], names)?)));
            members.collect::<Result<Map<_, _>, Unbound>>()?.into()
        }
        (other, _) => other.clone(),
    })
}

/// Compares rows; the order of the columns is no part of the contract.
pub(super) fn rows(
    expected: &[Map<String, Value>],
    got: &[Map<String, Value>],
    names: &Names,
) -> Result<Option<Difference>, Unbound> {
    let expected = Value::Array(expected.iter().cloned().map(Value::Object).collect());
    let got = Value::Array(got.iter().cloned().map(Value::Object).collect());
    let expected = settled(&expected, &got, names)?;
    Ok((expected != got).then(|| Difference::new(Part::Storage, expected, got)))
}

/// The seconds that a key may have lost between the request and the look at it.
const TTL_SLACK: i64 = 60;

/// Compares the keys in Redis.
pub(super) fn redis(
    expected: &[RecordedKey],
    got: &[Key],
    names: &Names,
) -> Result<Option<Difference>, Unbound> {
    let mut same = expected.len() == got.len();
    for (expected, got) in expected.iter().zip(got) {
        let ttl = match expected.ttl {
            -1 => got.ttl == -1,
            ttl => (ttl - TTL_SLACK..=ttl).contains(&got.ttl),
        };
        same = same
            && ttl
            && expected.kind == got.kind
            && names.matches(&expected.key, &got.name)?
            && names.matches(&expected.value, &got.value)?;
    }
    Ok((!same).then(|| Difference::new(Part::Redis, format!("{expected:?}"), format!("{got:?}"))))
}

/// Parameters that a flow of axum-users has and the original's has not. They are new in each flow, and what they
/// are worth is another test's.
const SECRETS_OF_FLOW: [&str; 4] = ["code_challenge", "code_challenge_method", "nonce", "code_verifier"];

/// An answer or a form without those parameters.
pub(super) fn without_secrets_of_flow(text: &str) -> String {
    let mut left = text.to_owned();
    for name in SECRETS_OF_FLOW {
        if let Some(start) = left.find(&format!("&{name}=")) {
            let end = left[start + 1..].find(['&', '"']).map_or(left.len(), |end| start + 1 + end);
            left.replace_range(start..end, "");
        }
    }
    left
}

/// Compares what the OAuth provider was asked, in order.
pub(super) fn provider(
    expected: &[Value],
    got: &[Value],
    names: &Names,
) -> Result<Option<Difference>, Unbound> {
    let plain = |request: &Value| {
        let mut request = request.clone();
        request["body"] = without_secrets_of_flow(request["body"].as_str().unwrap_or_default()).into();
        request
    };
    let mut expected: Vec<Value> = expected.iter().map(plain).collect();
    for request in &mut expected {
        request["body"] = names.fill_url(request["body"].as_str().unwrap_or_default())?.into();
    }
    let (expected, got) = (Value::Array(expected), Value::Array(got.iter().map(plain).collect()));
    let same = sorted(&expected) == sorted(&got);
    Ok((!same).then(|| Difference::new(Part::Provider, expected, got)))
}

/// Objects compare by members; the order of headers is no part of the contract.
fn sorted(value: &Value) -> String {
    let mut value = value.clone();
    value.sort_all_objects();
    value.to_string()
}

/// Compares header and claims of a token made between two moments.
pub(super) fn jwt(
    expected: &Value,
    got: &str,
    secret: &str,
    (earliest, latest): (i64, i64),
    names: &Names,
) -> Result<Option<Difference>, Unbound> {
    let (header, claims) = match token::read(got, secret) {
        Ok(parts) => parts,
        Err(error) => return Ok(Some(Difference::new(Part::Jwt, "a token", error))),
    };
    let mut wanted = settled(&expected["claims"], &claims, names)?;
    for (name, claim) in wanted.as_object_mut().into_iter().flatten() {
        if let Some(seconds) = claim["now"].as_i64() {
            // Lifetimes of seconds were recorded to the nearest ten.
            let slack = if seconds < 60 { 5 } else { 0 };
            let range = earliest + seconds - slack..=latest + seconds + slack;
            let in_time = claims[name].as_i64().filter(|at| range.contains(at));
            *claim = in_time.map_or_else(|| format!("now + {seconds}").into(), Value::from);
        }
    }
    let same = wanted == claims && expected["header"] == header;
    Ok((!same).then(|| {
        let expected = format!("{} {wanted}", expected["header"]);
        Difference::new(Part::Jwt, expected, format!("{header} {claims}"))
    }))
}

#[test]
fn every_part_that_differs_is_told() {
    let line = serde_json::json!({
        "id": "x", "app": "x", "request": {"method": "GET", "path": "/", "headers": {}},
        "response": {
            "status": 200,
            "headers": {"content-type": "application/json", "set-cookie": ["a=<token>; Path=/"], "allow": "GET, HEAD"},
            "body": {"id": "<uuid>", "email": "a@example.com"},
        },
    });
    let line: Line = serde_json::from_value(line).unwrap();
    let id = "0123abcd-0000-4000-8000-000000000001";
    let good = Response {
        status: 200,
        headers: vec![
            ("content-type".into(), "application/json".into()),
            ("set-cookie".into(), format!("a={}; Path=/", "t".repeat(43))),
            ("allow".into(), "HEAD, GET".into()),
        ],
        body: format!("{{\"id\":\"{id}\",\"email\":\"a@example.com\"}}").into_bytes(),
    };
    let told = |got: &Response| -> Vec<Part> {
        let differences = response(&line, got, &Names::default()).unwrap();
        differences.iter().map(|difference| difference.part).collect()
    };
    let changed = |change: fn(&mut Response)| {
        let mut answer = good.clone();
        change(&mut answer);
        told(&answer)
    };
    let body = |text: &str| told(&Response { body: text.replace("ID", id).into_bytes(), ..good.clone() });

    assert_eq!(told(&good), []);
    assert_eq!(changed(|answer| answer.status = 201), [Part::Status]);
    assert_eq!(
        changed(|answer| answer.headers[0].1.push_str("; charset=utf-8")),
        [Part::Header("content-type")]
    );
    assert_eq!(changed(|answer| answer.headers[1].1.push_str("; Secure")), [Part::Header("set-cookie")]);
    assert_eq!(
        changed(|answer| answer.headers.push(("set-cookie".into(), "b=c".into()))),
        [Part::Header("set-cookie")]
    );
    assert_eq!(changed(|answer| answer.headers[2].1 = "GET".into()), [Part::Header("allow")]);
    assert_eq!(
        changed(|answer| answer.headers.push(("www-authenticate".into(), "Bearer".into()))),
        [Part::Header("www-authenticate")]
    );
    assert_eq!(body(r#"{"email":"a@example.com","id":"ID"}"#), [Part::Body], "the order of the keys");
    assert_eq!(body(r#"{"id":"ID", "email":"a@example.com"}"#), [Part::Body], "a space");
    assert_eq!(body(r#"{"id":"ID","email":"a@example.com","more":1}"#), [Part::Body]);
    assert_eq!(body(r#"{"id":"7","email":"a@example.com"}"#), [Part::Body]);
    assert_eq!(body("no JSON"), [Part::Body]);
}
