use serde_json::json;

use crate::support::{App, BEGINNING, claims};

#[tokio::test]
async fn en_05_unverified_verified_unknown_and_inactive_get_one_answer() {
    let app = App::new();
    app.has("ada@example.com").await;
    app.has_verified("vera@example.com").await;
    app.has_inactive("ivan@example.com").await;
    let ask =
        async |email: &str| app.post("/auth/request-verify-token").json(json!({ "email": email })).await;

    let unknown = ask("nobody@example.com").await;

    assert_eq!((unknown.status.as_u16(), &*unknown.body), (202, "null"));
    for email in ["ada@example.com", "vera@example.com", "ivan@example.com"] {
        let answer = ask(email).await;
        assert_eq!(
            (answer.status, &answer.headers, &answer.body),
            (unknown.status, &unknown.headers, &unknown.body),
            "{email}"
        );
    }
    app.users.finish_background_work().await;
    let events = app.events.take();
    assert_eq!(events.len(), 1, "a mail to the active and unverified only: {events:?}");
    assert!(events[0].starts_with("on_after_request_verify ada@example.com "));
}

#[tokio::test]
async fn the_token_has_the_originals_claims_in_its_order() {
    let app = App::new();
    let user = app.has("Ada@example.com").await;
    let token = app.verification_token("ada@example.com").await;
    let expected = json!({
        "sub": user.id, "email": "Ada@example.com", "aud": "fastapi-users:verify", "exp": BEGINNING + 3600
    });
    assert_eq!(claims(&token).to_string(), expected.to_string());
}
