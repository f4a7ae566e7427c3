use axum_users::{
    Bearer, Cookie, DatabaseTokens, Jwt, Limit, Limits, RefreshTokens, Sessions, User, UsersBuilder,
    schema::Value,
};
use serde_json::{Value as Json, json};

use crate::support::{Answer, App, PASSWORD, builder, claims, with_backends};

const MONTH: u64 = 30 * 24 * 3600;

/// Short JWTs and cookie sessions that last a month by refreshing.
fn with_refresh(builder: UsersBuilder<User>) -> UsersBuilder<User> {
    builder
        .backend("jwt", Bearer::default(), Jwt::lasting_seconds(900))
        .backend("cookie", Cookie::default(), DatabaseTokens::lasting_seconds(900))
        .backend("opaque", Bearer::default(), DatabaseTokens::lasting_seconds(900))
        .refresh("jwt", RefreshTokens::lasting_seconds(MONTH))
        .refresh("cookie", RefreshTokens::lasting_seconds(MONTH))
        .refresh("opaque", RefreshTokens::lasting_seconds(MONTH))
}

fn app() -> App {
    App::bare(with_refresh)
}

/// An access token and a refresh token.
type Pair = (String, String);

fn pair(answer: &Answer) -> Pair {
    assert_eq!(answer.status, 200, "{answer:?}");
    let body = answer.json();
    let text = |name: &str| body[name].as_str().unwrap_or_else(|| panic!("no {name} in {body}")).to_owned();
    (text("access_token"), text("refresh_token"))
}

async fn login(app: &App, backend: &str) -> Pair {
    pair(&app.login_at(backend, "ada@example.com", PASSWORD).await)
}

async fn refresh(app: &App, backend: &str, token: &str) -> Answer {
    app.post(&format!("/auth/{backend}/refresh")).json(json!({ "refresh_token": token })).await
}

fn refused() -> (u16, Json) {
    (400, json!("REFRESH_BAD_TOKEN"))
}

#[tokio::test]
async fn the_login_answers_a_refresh_token_only_where_the_backend_has_them() {
    let without = App::with(|builder| builder.sessions(Sessions::new()));
    without.has("ada@example.com").await;
    let answer = without.login("ada@example.com", PASSWORD).await;
    let keys: Vec<String> = answer.json().as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["access_token", "token_type"]);
    assert_eq!(without.login_at("cookie", "ada@example.com", PASSWORD).await.set_cookies().len(), 1);
    assert_eq!(refresh(&without, "jwt", "x").await.status, 404);

    let app = app();
    app.has("ada@example.com").await;
    let answer = app.login("ada@example.com", PASSWORD).await;
    assert_eq!(answer.header("cache-control"), "no-store");
    let body = answer.json();
    let keys: Vec<String> = body.as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["access_token", "token_type", "expires_in", "refresh_token"]);
    assert_eq!((&body["token_type"], &body["expires_in"]), (&json!("bearer"), &json!(900)));
    let claims = claims(body["access_token"].as_str().unwrap());
    assert!(claims["sid"].is_string(), "{claims}");
    assert_eq!(claims["exp"], json!(1_800_000_900));
}

#[tokio::test]
async fn a_refresh_token_gives_the_next_pair_for_as_long_as_the_session_lasts() {
    for backend in ["jwt", "opaque"] {
        let app = app();
        app.has("ada@example.com").await;
        let (mut access, mut token) = login(&app, backend).await;
        for _ in 0..3 {
            app.clock.advance_seconds(901);
            assert_eq!(app.status_of(&access).await, 401, "{backend}");
            let answer = refresh(&app, backend, &token).await;
            assert_eq!(
                (&answer.json()["token_type"], &answer.json()["expires_in"]),
                (&json!("bearer"), &json!(900))
            );
            let (next_access, next) = pair(&answer);
            assert_eq!(app.status_of(&next_access).await, 200, "{backend}");
            assert_ne!(next, token);
            (access, token) = (next_access, next);
        }
        // Refreshing does not prolong it: the month counts from the login.
        app.clock.advance_seconds(i64::try_from(MONTH).unwrap() - 3 * 901 - 1);
        token = pair(&refresh(&app, backend, &token).await).1;
        app.clock.advance_seconds(1);
        assert_eq!(refresh(&app, backend, &token).await.error(), refused(), "{backend}");
    }
}

#[tokio::test]
async fn an_old_refresh_token_ends_its_session_and_no_other() {
    for backend in ["jwt", "opaque"] {
        let app = app();
        let ada = app.has("ada@example.com").await;
        let (_, stolen) = login(&app, backend).await;
        let (_, of_another_session) = login(&app, backend).await;
        let (access, next) = pair(&refresh(&app, backend, &stolen).await);
        app.clock.advance_seconds(10);
        assert_eq!(refresh(&app, backend, &stolen).await.error(), refused(), "{backend}");
        assert_eq!(
            refresh(&app, backend, &next).await.error(),
            refused(),
            "{backend}: the thief's or the owner's"
        );
        assert_eq!(refresh(&app, backend, &of_another_session).await.status, 200);
        let access_status = app.status_of(&access).await;
        // A JWT lives to its end.
        assert_eq!(access_status, if backend == "jwt" { 200 } else { 401 });
        assert_eq!(app.users.sessions(&ada.id, None).await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn an_older_one_than_the_last_ends_the_session_even_within_the_grace() {
    let app = app();
    app.has("ada@example.com").await;
    let (_, first) = login(&app, "jwt").await;
    let (_, second) = pair(&refresh(&app, "jwt", &first).await);
    let (_, third) = pair(&refresh(&app, "jwt", &second).await);
    assert_eq!(refresh(&app, "jwt", &first).await.error(), refused());
    assert_eq!(refresh(&app, "jwt", &third).await.error(), refused());
}

/// Tabs of one browser share a token.
#[tokio::test]
async fn within_the_grace_everybody_is_given_the_same_next_token() {
    for backend in ["jwt", "opaque"] {
        let app = app();
        app.has("ada@example.com").await;
        let (_, token) = login(&app, backend).await;
        let path = format!("/auth/{backend}/refresh");
        let tabs: Vec<_> = (0..12)
            .map(|_| tokio::spawn(app.post(&path).json(json!({ "refresh_token": token })).into_future()))
            .collect();
        let mut pairs = Vec::new();
        for tab in tabs {
            pairs.push(pair(&tab.await.unwrap()));
        }
        app.clock.advance_seconds(9);
        pairs.push(pair(&refresh(&app, backend, &token).await));
        let next = &pairs[0].1;
        for (access, token) in &pairs {
            assert_eq!(token, next, "{backend}: nothing forks");
            assert_eq!(app.status_of(access).await, 200, "{backend}");
        }
        assert_eq!(refresh(&app, backend, next).await.status, 200);
    }
}

#[tokio::test]
async fn without_a_grace_of_many_with_one_token_none_goes_on() {
    let app = App::bare(|builder| {
        builder
            .backend("jwt", Bearer::default(), Jwt::lasting_seconds(900))
            .refresh("jwt", RefreshTokens::lasting_seconds(MONTH).grace_seconds(0))
    });
    app.has("ada@example.com").await;
    let (_, token) = login(&app, "jwt").await;
    let requests: Vec<_> = (0..8)
        .map(|_| {
            tokio::spawn(app.post("/auth/jwt/refresh").json(json!({ "refresh_token": token })).into_future())
        })
        .collect();
    let mut given = Vec::new();
    for request in requests {
        let answer = request.await.unwrap();
        if answer.status == 200 {
            given.push(pair(&answer).1);
        } else {
            assert_eq!(answer.error(), refused());
        }
    }
    assert!(given.len() <= 1, "one rotation at most: {}", given.len());
    for token in given {
        assert_eq!(refresh(&app, "jwt", &token).await.error(), refused(), "the session was ended");
    }
}

#[tokio::test]
async fn what_ends_a_session_ends_its_refresh_token() {
    for end in ["logout", "reset", "password", "deactivated", "deleted", "ended", "all"] {
        let app = App::bare(|builder| with_refresh(builder).sessions(Sessions::new()));
        let ada = app.has("ada@example.com").await;
        let root = app.superuser().await;
        let (access, token) = login(&app, "jwt").await;
        let (_, opaque) = login(&app, "opaque").await;
        let by_root = format!("/users/{}", ada.id);
        let status = match end {
            "logout" => {
                assert_eq!(
                    app.post("/auth/opaque/logout").bearer(&login(&app, "opaque").await.0).await.status,
                    204
                );
                assert_eq!(refresh(&app, "opaque", &opaque).await.status, 200, "another session");
                app.post("/auth/jwt/logout").bearer(&access).await.status
            }
            "reset" => {
                let reset = app.reset_token("ada@example.com").await;
                app.reset_password(&reset, "another horse in the rain").await.status
            }
            "password" => {
                let change = json!({ "password": "another horse in the rain" });
                app.patch(&by_root).bearer(&root).json(change).await.status
            }
            "deactivated" => {
                let status =
                    app.patch(&by_root).bearer(&root).json(json!({ "is_active": false })).await.status;
                app.set(&ada, "is_active", Value::Bool(true)).await;
                status
            }
            "deleted" => app.delete(&by_root).bearer(&root).await.status,
            "ended" => {
                let sessions = app.get("/users/me/sessions").bearer(&access).await.json();
                let own = sessions.as_array().unwrap().iter().find(|one| one["is_current"] == true).unwrap();
                assert_eq!(own["id"], claims(&access)["sid"]);
                let path = format!("/users/me/sessions/{}", own["id"].as_str().unwrap());
                app.delete(&path).bearer(&access).await.status
            }
            _ => app.delete(&format!("{by_root}/sessions")).bearer(&root).await.status,
        };
        assert!(status.is_success(), "{end} {status}");
        assert_eq!(refresh(&app, "jwt", &token).await.error(), refused(), "{end}");
        if !matches!(end, "logout" | "ended") {
            assert_eq!(refresh(&app, "opaque", &opaque).await.error(), refused(), "{end}");
        }
    }
}

#[tokio::test]
async fn se_07_a_user_who_was_deactivated_elsewhere_is_not_refreshed() {
    let app = app();
    let ada = app.has("ada@example.com").await;
    let (_, token) = login(&app, "jwt").await;
    app.set(&ada, "is_active", Value::Bool(false)).await;
    assert_eq!(refresh(&app, "jwt", &token).await.error(), refused());
    app.set(&ada, "is_active", Value::Bool(true)).await;
    assert_eq!(refresh(&app, "jwt", &token).await.error(), refused(), "it is over for good");
}

#[tokio::test]
async fn tk_08_a_refresh_token_opens_nothing_else_and_no_other_token_refreshes() {
    let app = app();
    let ada = app.has("ada@example.com").await;
    let (access, token) = login(&app, "jwt").await;
    let session = app.login_at("cookie", "ada@example.com", PASSWORD).await.cookie_value("fastapiusersauth");
    let (reset, verification) =
        (app.reset_token("ada@example.com").await, app.verification_token("ada@example.com").await);
    for other in [&access, &session, &reset, &verification] {
        assert_eq!(refresh(&app, "jwt", other).await.error(), refused());
    }
    assert_eq!([app.status_of(&token).await, app.status_of_session(&token).await], [401, 401]);
    assert_eq!(app.verify(&token).await.error(), (400, json!("VERIFY_USER_BAD_TOKEN")));
    assert_eq!(app.reset_password(&token, PASSWORD).await.error(), (400, json!("RESET_PASSWORD_BAD_TOKEN")));
    assert!(!app.stored(ada.id).await.is_verified);
    assert_eq!(refresh(&app, "jwt", &token).await.status, 200, "it was good all the time");
}

#[tokio::test]
async fn se_03_a_change_of_password_leaves_the_session_that_made_it_its_refresh_token() {
    let app = app();
    app.has("ada@example.com").await;
    let (access, token) = login(&app, "jwt").await;
    let (_, other) = login(&app, "jwt").await;
    let change = json!({ "password": "another horse in the rain" });
    assert_eq!(app.patch("/users/me").bearer(&access).json(change).await.status, 200);
    assert_eq!(refresh(&app, "jwt", &other).await.error(), refused());
    assert_eq!(refresh(&app, "jwt", &token).await.status, 200);
}

#[tokio::test]
async fn bad_tokens_are_refused_and_end_nothing() {
    let app = app();
    app.has("ada@example.com").await;
    let (access, token) = login(&app, "jwt").await;
    let (_, opaque) = login(&app, "opaque").await;
    let (handle, secret) = token.split_once('.').unwrap();
    let x = "x".repeat(43);
    for bad in [
        String::new(),
        "x".to_owned(),
        access,
        handle.to_owned(),
        format!("{handle}."),
        format!("{handle}.{secret}x"),
        format!("{x}.{secret}"),
        format!("{x}.{x}"),
        format!("{handle}.{}", &secret[1..]),
        opaque.clone(),
    ] {
        assert_eq!(refresh(&app, "jwt", &bad).await.error(), refused(), "{bad}");
    }
    let missing = app.post("/auth/jwt/refresh").json(json!({})).await;
    assert_eq!(missing.bad_fields(), (422, vec!["missing body.refresh_token".to_owned()]));
    assert_eq!(app.get("/auth/jwt/refresh").await.status, 405);
    for refresh_token in [&token, &opaque] {
        assert_eq!(app.status_of(refresh_token).await, 401, "a refresh token is no access token");
    }
    assert_eq!(refresh(&app, "jwt", &token).await.status, 200);
    assert_eq!(refresh(&app, "opaque", &opaque).await.status, 200);
}

#[tokio::test]
async fn se_11_nothing_of_a_refresh_token_is_stored_but_hashes() {
    let app = app();
    let ada = app.has("ada@example.com").await;
    let (_, token) = login(&app, "jwt").await;
    let (_, next) = pair(&refresh(&app, "jwt", &token).await);
    let rows = app.users.database().sessions_of(&ada.id, 10).await.unwrap();
    let family = rows[0].refresh.clone().unwrap();
    let stored = format!("{} {} {:?} {}", family.handle, family.current, family.previous, rows[0].id);
    for part in token.split('.').chain(next.split('.')) {
        assert!(!stored.contains(part), "{part} is in {stored}");
    }
    assert!(!format!("{rows:?}").contains(&family.current));
}

#[tokio::test]
async fn se_08_a_cookie_backend_keeps_the_refresh_token_in_a_cookie_of_the_refresh_route() {
    let app = app();
    app.has("ada@example.com").await;
    let answer = app.login_at("cookie", "ada@example.com", PASSWORD).await;
    assert_eq!((answer.status.as_u16(), &*answer.body), (204, ""));
    let [access, cookie] = &answer.set_cookies()[..] else { panic!("{answer:?}") };
    assert!(access.starts_with("fastapiusersauth="), "{access}");
    let (_, attributes) = cookie.strip_prefix("fastapiusersauth_refresh=").unwrap().split_once("; ").unwrap();
    assert_eq!(attributes, "HttpOnly; Max-Age=2592000; Path=/auth/cookie/refresh; SameSite=lax; Secure");
    let token = answer.cookie_value("fastapiusersauth_refresh");
    app.clock.advance_seconds(901);
    let refreshed = app.post("/auth/cookie/refresh").cookie("fastapiusersauth_refresh", &token).await;
    assert_eq!(refreshed.status, 204, "{refreshed:?}");
    let session = refreshed.cookie_value("fastapiusersauth");
    assert_eq!(app.status_of_session(&session).await, 200);
    assert!(refreshed.set_cookies()[1].contains("Max-Age=2591099"), "{refreshed:?}");
    let none = app.post("/auth/cookie/refresh").await;
    assert_eq!(none.error(), refused());

    let logout = app.post("/auth/cookie/logout").cookie("fastapiusersauth", &session).await;
    let cleared = logout.set_cookies();
    assert!(cleared[1].starts_with("fastapiusersauth_refresh=\"\"; "), "{cleared:?}");
    assert!(cleared[1].contains("Max-Age=0; Path=/auth/cookie/refresh"), "{cleared:?}");
    let next = refreshed.cookie_value("fastapiusersauth_refresh");
    assert_eq!(
        app.post("/auth/cookie/refresh").cookie("fastapiusersauth_refresh", &next).await.error(),
        refused()
    );
}

#[tokio::test]
async fn se_08_a_refresh_token_is_out_of_reach_for_scripts_where_the_session_is_not() {
    let readable = Cookie::default().readable_by_scripts();
    let app = App::bare(|builder| {
        builder
            .backend("cookie", readable, DatabaseTokens::lasting_seconds(900))
            .refresh("cookie", RefreshTokens::lasting_seconds(MONTH))
    });
    app.has("ada@example.com").await;
    let answer = app.login_at("cookie", "ada@example.com", PASSWORD).await;
    let [access, refresh] = &answer.set_cookies()[..] else { panic!("{answer:?}") };
    assert!(!access.contains("HttpOnly"), "{access}");
    assert!(
        refresh.starts_with("fastapiusersauth_refresh=") && refresh.contains("; HttpOnly; "),
        "{refresh}"
    );
}

#[tokio::test]
async fn se_09_the_refresh_cookie_beside_a_host_cookie_is_a_secure_one() {
    let app = App::bare(|builder| {
        builder
            .mount("/api")
            .backend("cookie", Cookie::named("__Host-sid"), DatabaseTokens::lasting_seconds(900))
            .refresh("cookie", RefreshTokens::lasting_seconds(MONTH))
    });
    app.has("ada@example.com").await;
    let answer = app.login_at("cookie", "ada@example.com", PASSWORD).await;
    let cookie = answer.set_cookies()[1].to_owned();
    assert!(cookie.starts_with("__Secure-sid_refresh="), "{cookie}");
    assert!(cookie.contains("; Path=/api/auth/cookie/refresh; "), "{cookie}");
}

#[tokio::test]
async fn cs_02_a_foreign_page_refreshes_no_cookie_session() {
    let app = app();
    app.has("ada@example.com").await;
    let answer = app.login_at("cookie", "ada@example.com", PASSWORD).await;
    let token = answer.cookie_value("fastapiusersauth_refresh");
    let call = || app.post("/auth/cookie/refresh").cookie("fastapiusersauth_refresh", &token);
    let forged =
        call().header("origin", "https://evil.example.net").header("sec-fetch-site", "cross-site").await;
    assert_eq!((forged.status.as_u16(), forged.set_cookies().len()), (403, 0));
    assert_eq!(call().header("sec-fetch-site", "same-origin").await.status, 204);
}

#[tokio::test]
async fn li_09_guesses_of_refresh_tokens_end() {
    let limits = Limits { token_per_address: Limit::new(5, 900), ..Limits::default() };
    let app = App::bare(|builder| with_refresh(builder).limits(limits).trusted_proxies(1));
    app.has("ada@example.com").await;
    let (_, mut token) = login(&app, "jwt").await;
    let guess = async |token: &str| {
        let call = app.post("/auth/jwt/refresh").header("x-forwarded-for", "192.0.2.1");
        call.json(json!({ "refresh_token": token })).await
    };
    for _ in 0..20 {
        token = pair(&guess(&token).await).1;
    }
    let mut statuses = Vec::new();
    for _ in 0..6 {
        statuses.push(guess("bad").await.status.as_u16());
    }
    assert_eq!(statuses, [400, 400, 400, 400, 400, 429]);
}

#[tokio::test]
async fn only_verified_users_are_refreshed_where_only_they_may_log_in() {
    let app = App::bare(|builder| with_refresh(builder).requires_verification());
    let ada = app.has_verified("ada@example.com").await;
    let (_, token) = login(&app, "jwt").await;
    app.set(&ada, "is_verified", Value::Bool(false)).await;
    assert_eq!(refresh(&app, "jwt", &token).await.error(), (400, json!("LOGIN_USER_NOT_VERIFIED")));
    app.set(&ada, "is_verified", Value::Bool(true)).await;
    assert_eq!(refresh(&app, "jwt", &token).await.status, 200);
}

#[tokio::test]
async fn se_23_a_session_with_refresh_tokens_is_used_by_refreshing_it() {
    let sessions = Sessions::new().inactivity_seconds("jwt", 3600);
    let app = App::bare(|builder| with_refresh(builder).sessions(sessions));
    app.has("ada@example.com").await;
    let (_, mut token) = login(&app, "jwt").await;
    for _ in 0..3 {
        app.clock.advance_seconds(3599);
        token = pair(&refresh(&app, "jwt", &token).await).1;
    }
    app.clock.advance_seconds(3600);
    assert_eq!(refresh(&app, "jwt", &token).await.error(), refused());
}

#[tokio::test]
async fn se_21_sessions_of_signed_tokens_are_listed_where_they_can_be_ended() {
    let app = App::bare(|builder| with_refresh(builder).sessions(Sessions::new()));
    app.has("ada@example.com").await;
    let (access, token) = login(&app, "jwt").await;
    login(&app, "opaque").await;
    let sessions = app.get("/users/me/sessions").bearer(&access).await.json();
    let named = |name: &str| sessions.as_array().unwrap().iter().find(|one| one["backend"] == name).cloned();
    let own = named("jwt").unwrap();
    assert_eq!((&own["is_current"], &own["id"]), (&json!(true), &claims(&access)["sid"]));
    assert_eq!(own["expires_at"], "2027-02-14T08:00:00Z");
    assert_eq!(named("opaque").unwrap()["is_current"], false);
    // It stays what it is called when it is refreshed.
    app.clock.advance_seconds(901);
    let (access, _) = pair(&refresh(&app, "jwt", &token).await);
    let sessions = app.get("/users/me/sessions").bearer(&access).await.json();
    let current = sessions.as_array().unwrap().iter().find(|one| one["is_current"] == true).unwrap();
    assert_eq!((&current["id"], &current["last_used_at"]), (&own["id"], &json!("2027-01-15T08:15:01Z")));
}

#[test]
fn refresh_tokens_are_for_backends_that_there_are() {
    let error = with_backends(builder::<User>())
        .refresh("other", RefreshTokens::lasting_seconds(60))
        .build()
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the backend `other` cannot be used: there is none of this name, which `refresh` is said of"
    );
}

#[test]
fn the_document_has_the_refresh_routes_and_what_they_answer() {
    let app = App::bare(|builder| with_refresh(builder).sessions(Sessions::new()));
    let document = app.users.openapi();
    let answer = |path: &str, status: &str| {
        let pointer =
            format!("/paths/{}/post/responses/{status}/content/application~1json", path.replace('/', "~1"));
        document.pointer(&pointer).unwrap_or_else(|| panic!("{pointer}"))["schema"]["$ref"].clone()
    };
    for path in ["/auth/jwt/login", "/auth/jwt/refresh"] {
        assert_eq!(answer(path, "200"), "#/components/schemas/BearerRefreshResponse");
    }
    let schemas = &document["components"]["schemas"];
    assert_eq!(
        schemas["BearerRefreshResponse"]["required"],
        json!(["access_token", "token_type", "refresh_token"])
    );
    assert!(schemas["SessionRead"]["properties"]["is_current"].is_object());
    assert!(document["paths"]["/auth/cookie/refresh"]["post"].get("requestBody").is_none());
    for path in ["/users/me/sessions", "/users/{id}/sessions/{session_id}"] {
        assert!(document["paths"][path]["delete"].is_object(), "{path}");
    }
}
