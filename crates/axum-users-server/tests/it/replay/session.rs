//! One application's lines, sent in order to a running server.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use argon2::{Argon2, PasswordHasher};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value};

use super::compare::{self, Difference, Part};
use super::names::{Names, Unbound};
use super::token;
use super::transcript::{self, Line};
use crate::support::SECRET;
use crate::support::database::Database;
use crate::support::http::{Request, Response, try_send};
use crate::support::mail::{Kind, MailSink, TokenMail};
use crate::support::provider::Provider;
use crate::support::redis::RedisServer;

/// Where the lines go, and what stands around the server.
#[derive(Debug)]
pub(super) struct Target {
    /// `host:port` of the server.
    pub(super) address: String,
    /// `host:port` of the application that answers `/probe/…`.
    pub(super) probe_address: String,
    pub(super) database: Database,
    pub(super) mails: MailSink,
    pub(super) provider: Provider,
    pub(super) redis: RedisServer,
    /// Whether an OAuth state is good once, so that each line has to begin a flow of its own.
    pub(super) states_are_good_once: bool,
    /// Whether the database gives linked accounts in the order in which they were linked.
    pub(super) accounts_have_an_order: bool,
}

/// What came of a session: per line its id and its differences.
#[derive(Debug, Default)]
pub(super) struct Results {
    pub(super) compared: Vec<(String, Vec<Difference>, Option<Response>)>,
}

/// Replays the lines of an application.
pub(super) async fn replay(app: &str, target: &mut Target) -> Results {
    let lines = transcript::lines(app);
    let mut names = Names::default();
    for line in &lines {
        line.gives().for_each(|name| names.declare(name));
    }
    names.bind("<base>", &format!("http://{}", target.address));
    names.bind("<host>", &target.address);
    names.bind("<secret>", SECRET);
    names.bind("<idp>", &target.provider.base);

    let mut results = Results::default();
    for line in &lines {
        if target.states_are_good_once {
            renew_states(line, &lines, target, &mut names).await;
        }
        let (differences, answer) = match exchange(line, target, &mut names).await {
            Ok((differences, answer)) => (differences, Some(answer)),
            Err(difference) => (vec![difference], None),
        };
        results.compared.push((line.id.clone(), differences, answer));
    }
    results.compared.extend(stray_mails(app, target).await);
    results
}

/// Sends the lines again that gave the states which this line brings.
async fn renew_states(line: &Line, lines: &[Line], target: &Target, names: &mut Names) {
    for state in line.spends(names) {
        let Some(beginning) = lines.iter().find(|line| line.binds.contains_key(&state)) else { continue };
        let Ok(request) = request(beginning, names) else { continue };
        if let Ok(answer) = try_send(&target.address, &request).await {
            // What is missing shows when the state is brought.
            let _ = bind(beginning, &answer, &[], names);
        }
    }
}

async fn exchange(
    line: &Line,
    target: &mut Target,
    names: &mut Names,
) -> Result<(Vec<Difference>, Response), Difference> {
    for step in &line.before {
        prepare(step, target, names).await?;
    }
    for (name, token) in &line.crafted {
        let token = craft(token, names)?;
        names.bind(name, &token);
    }
    let request = request(line, names)?;
    let address =
        if line.request.path.starts_with("/probe/") { &target.probe_address } else { &target.address };

    let earliest = now();
    let answer = try_send(address, &request).await;
    let answer = answer.map_err(|error| Difference::new(Part::Exchange, "an answer", error))?;
    let (mails, mut differences) = mails(line, &mut target.mails).await;
    let latest = now();
    let asked = target.provider.received();
    differences.extend(compare::provider(&line.provider_received, &asked, names)?);

    if let Err(missing) = bind(line, &answer, &mails, names) {
        differences.push(missing);
        return Ok((differences, answer));
    }
    let answer = match target.accounts_have_an_order {
        true => answer,
        false => compare::with_accounts_in_order(line, answer),
    };
    let answer = Response { body: compare::without_secrets_of_flow(&answer.text()).into(), ..answer };
    differences.extend(compare::response(line, &answer, names)?);
    for (name, expected) in &line.jwt {
        let token = names.fill(name)?;
        differences.extend(compare::jwt(expected, &token, SECRET, (earliest, latest), names)?);
    }
    if let Some(storage) = &line.storage {
        let mut rows = target.database.rows(&names.fill(&storage.query)?).await;
        if !target.accounts_have_an_order {
            compare::order_accounts(&storage.rows, &mut rows);
        }
        differences.extend(compare::rows(&storage.rows, &rows, names)?);
    }
    if let Some(keys) = &line.redis {
        differences.extend(compare::redis(keys, &target.redis.keys(), names)?);
    }
    Ok((differences, answer))
}

#[allow(clippy::disallowed_methods, reason = "the tokens of a running server expire by the real clock")]
fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().try_into().unwrap()
}

/// A step that the recorder took before the request.
async fn prepare(step: &Value, target: &Target, names: &mut Names) -> Result<(), Unbound> {
    let database = &target.database;
    if let Some(email) = step["set_user"].as_str() {
        for (column, value) in step["fields"].as_object().unwrap() {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            database.set_user(email, column, &names.fill(&value)?).await;
        }
    } else if let Some(seconds) = step["age_access_tokens"].as_i64() {
        database.age_access_tokens(seconds).await;
    } else if let Some(name) = step["bind_fingerprint"].as_str() {
        let email = step["of_user"].as_str().unwrap();
        let rows = database.rows(&format!("SELECT hashed_password FROM user WHERE email = '{email}'")).await;
        let stored = rows[0]["hashed_password"].as_str().unwrap();
        let fingerprint: argon2::password_hash::phc::PasswordHash =
            Argon2::default().hash_password(stored.as_bytes()).unwrap();
        names.bind(name, &fingerprint.to_string());
    } else if let Some(provider) = step.get("idp") {
        target.provider.answers(&provider["token"], &provider["userinfo"]);
    } else if let Some(seconds) = step["wait_seconds"].as_f64() {
        tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
    } else {
        panic!("unknown step {step}");
    }
    Ok(())
}

/// A token that the recorder signed.
fn craft(token: &Value, names: &Names) -> Result<String, Unbound> {
    let secret = names.fill(token["secret"].as_str().unwrap())?;
    let nothing = Map::new();
    let headers = token["headers"].as_object().unwrap_or(&nothing);
    Ok(token::sign(token["alg"].as_str().unwrap(), &secret, headers, &claims(&token["claims"], names)?))
}

fn claims(template: &Value, names: &Names) -> Result<Value, Unbound> {
    Ok(match template {
        Value::String(text) => names.fill(text)?.into(),
        Value::Object(claim) if claim.contains_key("now") => {
            (now() + template["now"].as_i64().unwrap()).into()
        }
        Value::Object(members) => {
            let filled = members.iter().map(|(name, claim)| Ok((name.clone(), claims(claim, names)?)));
            filled.collect::<Result<Map<_, _>, Unbound>>()?.into()
        }
        Value::Array(items) => {
            items.iter().map(|item| claims(item, names)).collect::<Result<Vec<_>, _>>()?.into()
        }
        other => other.clone(),
    })
}

fn request(line: &Line, names: &Names) -> Result<Request, Unbound> {
    let recorded = &line.request;
    let mut request = Request::new(&recorded.method, &names.fill_url(&recorded.path)?);
    for (name, value) in &recorded.headers {
        request = request.header(name, &names.fill(value.as_str().unwrap())?);
    }
    request.body = if let Some(body) = &recorded.body {
        claims(body, names)?.to_string().into_bytes()
    } else if let Some(form) = &recorded.form {
        let mut encoded = form_urlencoded::Serializer::new(String::new());
        for (name, value) in form {
            encoded.append_pair(name, &names.fill(value.as_str().unwrap())?);
        }
        encoded.finish().into_bytes()
    } else if let Some(bytes) = &recorded.raw_base64 {
        BASE64_STANDARD.decode(bytes).unwrap()
    } else {
        names.fill(recorded.raw.as_deref().unwrap_or_default())?.into_bytes()
    };
    Ok(request)
}

/// Waits for the mails that the line expects. One that nobody expected shows up in front of the next one.
async fn mails(line: &Line, sink: &mut MailSink) -> (Vec<TokenMail>, Vec<Difference>) {
    let mut mails = Vec::new();
    let mut differences = Vec::new();
    for expected in &line.mail {
        let expected = format!("{} mail to {}", expected.kind, expected.to);
        let Some(mail) = sink.next().await else {
            differences.push(Difference::new(Part::Mail, expected, "no mail"));
            continue;
        };
        let got = format!("{} mail to {}", kind_name(mail.kind), mail.to);
        if got != expected {
            differences.push(Difference::new(Part::Mail, expected, got));
        }
        mails.push(mail);
    }
    (mails, differences)
}

fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Reset => "reset",
        Kind::Verify => "verify",
    }
}

/// A last mail that is asked for on purpose: all mails before it should have been expected.
async fn stray_mails(app: &str, target: &mut Target) -> Option<(String, Vec<Difference>, Option<Response>)> {
    let email = "last@example.com";
    let ask = Request::new("POST", "/auth/forgot-password").json(&serde_json::json!({"email": email}));
    let join = Request::new("POST", "/auth/register")
        .json(&serde_json::json!({"email": email, "password": "wonderland"}));
    for request in [join, ask] {
        try_send(&target.address, &request).await.ok()?;
    }
    let got = target.mails.next().await.map_or_else(|| "no mail".to_owned(), |mail| mail.to);
    (got != email)
        .then(|| (format!("{app} (mails at the end)"), vec![Difference::new(Part::Mail, email, got)], None))
}

/// Gives the line's names their values.
fn bind(line: &Line, answer: &Response, mails: &[TokenMail], names: &mut Names) -> Result<(), Difference> {
    for (name, source) in &line.binds {
        let source = source.as_str().unwrap();
        let (kind, path) = source.split_once(':').unwrap();
        let json = || serde_json::from_slice::<Value>(&answer.body).unwrap_or_default();
        let value = match kind {
            "json" => json()[path].as_str().map(str::to_owned),
            "cookie" => answer.cookie(path).map(str::to_owned),
            "mail" => mails.iter().find(|mail| kind_name(mail.kind) == path).map(|mail| mail.token.clone()),
            "query" => {
                let (field, parameter) = path.split_once(':').unwrap();
                let answer = json();
                let query = answer[field].as_str().and_then(|url| url.split_once('?'));
                query.and_then(|(_, query)| {
                    let mut pairs = form_urlencoded::parse(query.as_bytes());
                    pairs.find(|(known, _)| known == parameter).map(|(_, value)| value.into_owned())
                })
            }
            other => panic!("{}: unknown source {other}", line.id),
        };
        let missing = || {
            let got = format!("{} {}", answer.status, answer.text());
            Difference::new(Part::Exchange, format!("{name} in {source}"), got)
        };
        names.bind(name, &value.ok_or_else(missing)?);
    }
    rebind_access_token(line, answer, names);
    Ok(())
}

/// A token made in the same second as an earlier one is that one, to the letter; one made later is another.
fn rebind_access_token(line: &Line, answer: &Response, names: &mut Names) {
    let expected = line.response.body.as_ref().and_then(|body| body["access_token"].as_str());
    let Some(name) = expected.filter(|name| name.starts_with("<jwt:") && !line.binds.contains_key(*name))
    else {
        return;
    };
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    if let Some(token) = body["access_token"].as_str() {
        names.bind(name, token);
    }
}
