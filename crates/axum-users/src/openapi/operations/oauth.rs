//! The operations of the OAuth routers.

use serde_json::{Value, json};

use super::{
    super::schemas, BackendDescription, Example, Operation, answer, bad_request, described, sessions,
    success, unauthorized, user,
};
use crate::error::code;

pub(super) fn login(prefix: &str, provider: &str, backend: &str) -> Vec<Operation> {
    let name = format!("oauth:{provider}.{backend}");
    let inactive = Some(("User is inactive.", code::LOGIN_BAD_CREDENTIALS));
    vec![
        authorize(prefix, &name),
        callback(prefix, &name).answers("200", success(json!({}))).answers("400", refused(inactive)),
    ]
}

pub(super) fn associate(prefix: &str, provider: &str, model: &str) -> Vec<Operation> {
    let name = format!("oauth-associate:{provider}");
    let unlink =
        Operation::new("auth", "delete", format!("{prefix}/{{account_id}}"), format!("{name}.unlink"))
            .secured()
            .path_parameter("account_id")
            .answers("204", described("Successful Response"))
            .answers("400", bad_request(&[Example::new(code::OAUTH_LAST_WAY_IN, "It is the only way in.")]))
            .answers("401", unauthorized())
            .answers("404", described("The account is not linked."));
    vec![
        authorize(prefix, &name).secured(),
        callback(prefix, &name).secured().answers("200", user(model)).answers("400", refused(None)),
        unlink,
    ]
}

pub(super) fn exchange(
    prefix: &str,
    backend: &str,
    description: Option<&BackendDescription>,
) -> Vec<Operation> {
    let name = format!("auth:{backend}.exchange");
    let exchange = Operation::new("auth", "post", format!("{prefix}/exchange"), name)
        .fields(json!({ "code": schemas::text("code") }), &["code"])
        .answers("200", success(json!({})))
        .answers("400", bad_request(&[Example::new(code::EXCHANGE_BAD_CODE, "Bad, expired or used code.")]))
        .answers_also(description.map(sessions::login_responses).as_ref());
    vec![exchange]
}

fn authorize(prefix: &str, name: &str) -> Operation {
    let scopes = json!({ "type": "array", "items": { "type": "string" }, "title": "Scopes" });
    Operation::new("auth", "get", format!("{prefix}/authorize"), format!("{name}.authorize"))
        .query_parameter("scopes", &scopes)
        .answers("200", success(schemas::reference("OAuth2AuthorizeResponse")))
}

fn callback(prefix: &str, name: &str) -> Operation {
    let path = format!("{prefix}/callback");
    ["code", "code_verifier", "state", "error"].into_iter().fold(
        Operation::new("auth", "get", path, format!("{name}.callback"))
            .described("The response varies based on the authentication backend used."),
        |operation, parameter| operation.query_parameter(parameter, &schemas::optional_text(parameter)),
    )
}

/// The answers to a bad callback. The first example has no value in the original either.
fn refused(also: Option<(&str, &str)>) -> Value {
    let example = |summary: &str, code: &str| json!({ "summary": summary, "value": { "detail": code } });
    let mut examples = json!({ "INVALID_STATE_TOKEN": { "summary": "Invalid state token." } });
    if let Some((summary, code)) = also {
        examples[code] = example(summary, code);
    }
    for (summary, code) in [
        ("Access token is error.", code::ACCESS_TOKEN_DECODE_ERROR),
        ("Access token is already expired.", code::ACCESS_TOKEN_ALREADY_EXPIRED),
    ] {
        examples[code] = example(summary, code);
    }
    let mut response = answer("Bad Request", schemas::reference("ErrorModel"));
    response["content"]["application/json"]["examples"] = examples;
    response
}
