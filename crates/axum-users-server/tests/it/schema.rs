//! The server against its own OpenAPI document: Schemathesis sends what the document allows and what it forbids, and
//! looks for answers that the document does not have.

use std::process::Command;

use crate::support::process::python_program;
use crate::support::server::Launch;
use crate::support::{data, login, register};

/// What an answer must not do: be a 5xx, or have a status, a type or a body that the document does not have.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_headers_conformance,response_schema_conformance,unsupported_method";

/// Requests for each operation, unless `SCHEMATHESIS_EXAMPLES` asks for more: `cargo xtask nightly` does.
const EXAMPLES: &str = "20";

#[tokio::test]
async fn no_request_gets_an_answer_that_the_document_does_not_have() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("users.sqlite");
    let launch = Launch::new(&data("schema.toml"), folder.path()).database(&file);
    let server = launch.start().await;
    // A superuser, so that the routes for those are open.
    let (email, password) = ("root@example.com", "analytical engine");
    assert_eq!(register(&server, email, password).await.status, 201);
    let database = crate::support::database::Database::new(&file);
    assert_eq!(database.execute("UPDATE user SET is_superuser = true", &[]).await, 1);
    let token = login(&server, email, password).await.json()["access_token"].as_str().unwrap().to_owned();

    let examples = std::env::var("SCHEMATHESIS_EXAMPLES").unwrap_or_else(|_| EXAMPLES.to_owned());
    let ran = Command::new(python_program("schemathesis", "schemathesis"))
        .args(["--no-color", "run", &format!("http://{}/openapi.json", server.address)])
        .args(["--header", &format!("Authorization: Bearer {token}"), "--checks", CHECKS])
        .args(["--phases", "examples,coverage,fuzzing,stateful", "--max-examples", &examples, "--seed", "1"])
        .args(["--generation-deterministic", "--max-redirects", "0"])
        .args(["--warnings", "off", "--continue-on-failure"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success(), "{said}\n{}", String::from_utf8_lossy(&ran.stderr));
    assert!(said.contains("test cases") || said.contains("Test cases"), "it asked nothing:\n{said}");
    assert!(!server.log().contains("panicked"), "{}", server.log());
}
