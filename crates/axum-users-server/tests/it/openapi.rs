//! The OpenAPI document, beside the one of the recorded application.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::data;
use crate::support::http::Request;
use crate::support::server::Launch;

/// What the document has that the recorded one has not, as `docs/compatibility.md` says.
const OURS: [&str; 5] = [
    "/paths//auth/associate/corp/{account_id}",
    "/paths//auth/forgot-password/post/responses/400",
    "/paths//auth/jwt/logout/post/responses/204",
    "/paths//auth/redis/logout/post/responses/204",
    "/paths//auth/request-verify-token/post/responses/400",
];

/// The places in which two documents differ. The order of members is no part of JSON.
fn differences(place: &str, recorded: &Value, ours: &Value) -> BTreeSet<String> {
    let told = |what: &str| BTreeSet::from([format!("{place}{what}")]);
    match (recorded, ours) {
        (Value::Object(recorded), Value::Object(ours)) => {
            let names: BTreeSet<&String> = recorded.keys().chain(ours.keys()).collect();
            let of = |name: &String| match (recorded.get(name), ours.get(name)) {
                (Some(recorded), Some(ours)) => differences(&format!("{place}/{name}"), recorded, ours),
                (None, _) => told(&format!("/{name}")),
                (_, None) => told(&format!("/{name} is missing")),
            };
            names.into_iter().flat_map(of).collect()
        }
        (Value::Array(recorded), Value::Array(ours)) if recorded.len() == ours.len() => {
            let pairs = recorded.iter().zip(ours).enumerate();
            pairs
                .flat_map(|(index, (recorded, ours))| {
                    differences(&format!("{place}/{index}"), recorded, ours)
                })
                .collect()
        }
        (recorded, ours) if recorded == ours => BTreeSet::new(),
        (recorded, ours) => told(&format!(" is {ours} in place of {recorded}")),
    }
}

#[tokio::test]
async fn the_document_is_the_one_that_clients_of_fastapi_users_were_generated_from() {
    let folder = tempfile::tempdir().unwrap();
    let launch = Launch::new(&data("replay-default.toml"), folder.path());
    let server = launch.database(&folder.path().join("users.sqlite")).start().await;
    let mut ours = server.send(&Request::new("GET", "/openapi.json")).await.json();
    let recorded = std::fs::read_to_string(data("openapi-fastapi-users.json")).unwrap();
    let mut recorded: Value = serde_json::from_str(&recorded).unwrap();
    // Title and version are the application's.
    assert_eq!(ours["info"]["title"], "axum-users");
    for document in [&mut ours, &mut recorded] {
        document["info"].take();
    }

    let expected = BTreeSet::from(OURS.map(str::to_owned));
    assert_eq!(differences("", &recorded, &ours), expected);
}
