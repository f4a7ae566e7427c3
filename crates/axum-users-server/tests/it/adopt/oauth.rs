//! Linked accounts that FastAPI Users left behind, and OAuth flows that pass from one application to the other.

use super::*;

/// A server on the left database, with providers that are all this one.
async fn start(left: &LeftBehind, provider: &Provider, side_by_side: bool) -> Server {
    left.launch("adopt-oauth.toml")
        .set("COMPAT__SIDE_BY_SIDE", &side_by_side.to_string())
        .set("OAUTH__0__OPENID_CONFIGURATION_ENDPOINT", &provider.discovery())
        .set("OAUTH__1__BASE_URL", &provider.base)
        .set("OAUTH__2__BASE_URL", &provider.base)
        .start()
        .await
}

/// A flow that has begun: its page's parameters, and its cookie.
struct Flow {
    page: String,
    state: String,
    cookie: String,
}

async fn begin(address: &str, route: &str, login: Option<&str>) -> Flow {
    let request = Request::new("GET", &format!("{route}/authorize"));
    let answer = send(address, &with(request, login)).await;
    let page = answer.json()["authorization_url"].as_str().unwrap().to_owned();
    let mut parameters = form_urlencoded::parse(page.split_once('?').unwrap().1.as_bytes());
    let state = parameters.find(|(name, _)| name == "state").unwrap().1.into_owned();
    Flow { state, cookie: answer.cookie("fastapiusersoauthcsrf").unwrap().to_owned(), page }
}

async fn finish(address: &str, route: &str, flow: &Flow, login: Option<&str>) -> Response {
    let request = Request::new("GET", &format!("{route}/callback?code=CODE&state={}", flow.state));
    let request = request.header("cookie", &format!("fastapiusersoauthcsrf={}", flow.cookie));
    send(address, &with(request, login)).await
}

fn with(request: Request, login: Option<&str>) -> Request {
    match login {
        Some(token) => request.bearer(token),
        None => request,
    }
}

/// What a provider says of a fixture's account, in the provider's own form.
fn profile(account: &Value) -> Value {
    let (id, email) = (text(account, "account_id"), text(account, "account_email"));
    match text(account, "oauth_name") {
        "github" => json!({ "id": id.parse::<u64>().unwrap(), "email": email }),
        "google" => json!({
            "resourceName": id,
            "emailAddresses": [{ "value": email, "metadata": { "primary": true } }],
        }),
        _ => json!({ "sub": id, "email": email }),
    }
}

fn answer(provider: &Provider, access_token: &str, profile: &Value) {
    provider.answers(&json!({ "json": { "access_token": access_token } }), &json!({ "json": profile }));
}

#[tokio::test]
async fn every_account_that_fastapi_users_linked_leads_to_its_user() {
    let left = LeftBehind::new();
    let provider = Provider::start();
    let server = start(&left, &provider, false).await;
    let users = fixtures("users");
    for account in fixtures("oauth_accounts") {
        answer(&provider, "a-fresh-token", &profile(&account));
        let route = format!("/auth/{}", text(&account, "oauth_name"));
        let flow = begin(&server.address, &route, None).await;
        let login = finish(&server.address, &route, &flow, None).await;
        let user = users.iter().find(|user| user["id"] == account["user_id"]).unwrap();
        if user["is_active"] == true {
            let token = login.json()["access_token"].as_str().unwrap().to_owned();
            let seen = server.send(&me().bearer(&token)).await.json();
            assert_eq!((&seen["id"], &seen["email"]), (&user["id"], &user["email"]), "{account}");
        } else {
            assert_eq!(login.json(), json!({ "detail": "LOGIN_BAD_CREDENTIALS" }), "{account}");
        }
        let query = format!(
            "SELECT access_token, expires_at FROM oauth_account WHERE id = '{}'",
            text(&account, "id")
        );
        let expected = json!({ "access_token": "a-fresh-token", "expires_at": null });
        assert_eq!(json!(left.database().rows(&query).await[0]), expected, "{account}");
    }
}

#[tokio::test]
async fn a_state_that_python_minted_is_good_side_by_side_and_refused_afterwards() {
    let corp_15 = json!({ "sub": "corp-15", "email": "oauth-one@example.com" });
    for side_by_side in [true, false] {
        let left = LeftBehind::new();
        let provider = Provider::start();
        answer(&provider, "a-fresh-token", &corp_15);
        let server = start(&left, &provider, side_by_side).await;
        for (name, good) in [("state-2100", "bearer"), ("state-expired", "ACCESS_TOKEN_ALREADY_EXPIRED")] {
            let fixtures = fixtures("tokens");
            let state =
                text(fixtures.iter().find(|token| token["name"] == name).unwrap(), "token").to_owned();
            let flow = Flow { page: String::new(), state, cookie: "c".repeat(43) };
            let answer = finish(&server.address, "/auth/corp", &flow, None).await.json();
            let told = answer.get("token_type").or(answer.get("detail")).unwrap();
            let expected =
                if side_by_side || name == "state-expired" { good } else { "ACCESS_TOKEN_DECODE_ERROR" };
            assert_eq!(told, expected, "{name}, side by side: {side_by_side}");
        }
    }
}

#[tokio::test]
async fn an_oauth_flow_that_begins_at_one_ends_at_the_other() {
    let left = LeftBehind::new();
    let (provider, mails) = (Provider::start(), MailSink::start());
    let server = start(&left, &provider, true).await;
    let original = Original::start("default", &left.file, mails.port, &provider.discovery());
    let pairs = [(&server.address, &original.address), (&original.address, &server.address)];
    for (index, (here, there)) in pairs.into_iter().enumerate() {
        let email = format!("new{index}@example.com");
        answer(&provider, "token", &json!({ "sub": format!("new-{index}"), "email": email }));
        let flow = begin(here, "/auth/corp", None).await;
        assert!(!flow.page.contains("code_challenge") && !flow.page.contains("nonce"), "{}", flow.page);
        let login = finish(there, "/auth/corp", &flow, None).await;
        let token = login.json()["access_token"].as_str().unwrap().to_owned();
        let user = send(here, &me().bearer(&token)).await.json();
        assert_eq!(user["email"], json!(email));

        answer(
            &provider,
            "token",
            &json!({ "sub": format!("second-{index}"), "email": "second@corp.example" }),
        );
        let route = "/auth/associate/corp";
        let flow = begin(here, route, Some(&token)).await;
        assert_eq!(finish(there, route, &flow, Some(&token)).await.json(), user);

        let flow = begin(there, "/auth/corp", None).await;
        let login = finish(here, "/auth/corp", &flow, None).await;
        let token = login.json()["access_token"].as_str().unwrap().to_owned();
        assert_eq!(send(there, &me().bearer(&token)).await.json(), user);
    }
}
