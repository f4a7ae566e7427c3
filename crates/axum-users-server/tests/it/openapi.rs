//! The OpenAPI document, beside the one of the recorded application.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::data;
use crate::support::http::Request;
use crate::support::server::Launch;

/// What generated clients depend on, one line each.
fn facts(document: &Value) -> BTreeSet<String> {
    let members = |value: &Value| value.as_object().cloned().unwrap_or_default();
    let mut facts = BTreeSet::new();
    for (path, operations) in members(&document["paths"]) {
        for (method, operation) in operations.as_object().into_iter().flatten() {
            facts.insert(format!("{method} {path} is {}", operation["operationId"]));
            facts.insert(format!("{method} {path} has tags {}", operation["tags"]));
            for code in members(&operation["responses"]).keys() {
                facts.insert(format!("{method} {path} answers {code}"));
            }
            for scheme in operation["security"].as_array().into_iter().flatten() {
                facts.insert(format!("{method} {path} takes {scheme}"));
            }
            for media_type in members(&operation["requestBody"]["content"]).keys() {
                facts.insert(format!("{method} {path} reads {media_type}"));
            }
        }
    }
    for (name, schema) in members(&document["components"]["schemas"]) {
        facts.insert(format!("schema {name}"));
        facts.insert(format!("schema {name} requires {}", schema["required"]));
        for property in members(&schema["properties"]).keys() {
            facts.insert(format!("schema {name} has {property}"));
        }
    }
    for (name, scheme) in members(&document["components"]["securitySchemes"]) {
        facts.insert(format!(
            "security scheme {name} is {} in {} {}",
            scheme["type"], scheme["in"], scheme["name"]
        ));
    }
    facts
}

/// OAuth and Redis are not there yet.
fn within_scope(fact: &str) -> bool {
    !["/redis/", "_redis_", "/corp/", "OAuth2AuthorizeResponse"].iter().any(|part| fact.contains(part))
}

#[tokio::test]
async fn the_document_has_all_that_clients_of_fastapi_users_were_generated_from() {
    let folder = tempfile::tempdir().unwrap();
    let launch = Launch::new(&data("replay-default.toml"), folder.path());
    let server = launch.database(&folder.path().join("users.sqlite")).start().await;
    let ours = server.send(&Request::new("GET", "/openapi.json")).await.json();
    let recorded = std::fs::read_to_string(data("openapi-fastapi-users.json")).unwrap();
    let recorded: Value = serde_json::from_str(&recorded).unwrap();

    let ours = facts(&ours);
    let wanted: BTreeSet<String> = facts(&recorded).into_iter().filter(|fact| within_scope(fact)).collect();
    assert!(wanted.len() > 100, "the recorded document was not understood: {wanted:#?}");
    let missing: Vec<&String> = wanted.difference(&ours).collect();
    assert!(missing.is_empty(), "the document lacks: {missing:#?}");
}
