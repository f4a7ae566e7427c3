use axum_users::{
    AccessToken, AccessTokensAtRest, Bearer, Cookie, DatabaseTokens, Jwt, Sessions, User, UserModel,
};
use serde_json::{Value as Json, json};

use crate::support::{Answer, App, BEGINNING, PASSWORD, builder};

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";

/// The usual backends, with sessions as data.
fn app() -> App {
    App::with(|builder| builder.sessions(Sessions::new()).trusted_proxies(1))
}

async fn login_from(app: &App, agent: &str, address: &str) -> String {
    let form = [("username", "ada@example.com"), ("password", PASSWORD)];
    let login = app.post("/auth/cookie/login").header("user-agent", agent).header("x-forwarded-for", address);
    login.form(&form).await.cookie_value("fastapiusersauth")
}

async fn list(app: &App, session: &str) -> Vec<Json> {
    let answer = app.get("/users/me/sessions").cookie("fastapiusersauth", session).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json().as_array().unwrap().clone()
}

async fn end(app: &App, session: &str, id: &Json) -> Answer {
    let path = format!("/users/me/sessions/{}", id.as_str().unwrap());
    app.delete(&path).cookie("fastapiusersauth", session).await
}

#[tokio::test]
async fn se_21_a_user_sees_every_session_with_device_address_and_times() {
    let app = app();
    app.has("ada@example.com").await;
    let laptop = login_from(&app, FIREFOX, "192.0.2.7").await;
    app.clock.advance_seconds(100);
    let phone = login_from(&app, "Phone/1", "::ffff:198.51.100.1").await;
    let sessions = list(&app, &laptop).await;
    assert_eq!(sessions.len(), 2);
    let laptop_id = sessions[1]["id"].as_str().unwrap();
    assert_eq!(
        sessions[1],
        json!({
            "id": laptop_id,
            "backend": "cookie",
            "created_at": "2027-01-15T08:00:00Z",
            "last_used_at": "2027-01-15T08:00:00Z",
            "expires_at": "2027-01-15T09:00:00Z",
            "user_agent": FIREFOX,
            "address": "192.0.2.7",
            "is_current": true,
        })
    );
    assert_eq!(
        (&sessions[0]["user_agent"], &sessions[0]["address"], &sessions[0]["is_current"]),
        (&json!("Phone/1"), &json!("198.51.100.1"), &json!(false))
    );
    assert_eq!(list(&app, &phone).await[0]["is_current"], true);
    assert!(![&laptop, &phone].iter().any(|token| laptop_id.contains(token.as_str())));
}

#[tokio::test]
async fn the_id_of_a_session_is_no_option_of_a_command_line() {
    let app = app();
    app.has("ada@example.com").await;
    let session = login_from(&app, "one", "192.0.2.7").await;
    for _ in 0..20 {
        login_from(&app, "another", "192.0.2.7").await;
    }
    for session in list(&app, &session).await {
        let id = session["id"].as_str().unwrap();
        assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
    }
}

#[tokio::test]
async fn se_21_a_user_ends_one_session_or_all_others() {
    let app = app();
    app.has("ada@example.com").await;
    let mut tokens = Vec::new();
    for agent in ["one", "two", "three"] {
        tokens.push(login_from(&app, agent, "192.0.2.7").await);
        app.clock.advance_seconds(1);
    }
    let [one, two, three] = &tokens[..] else { panic!() };
    let two_id = list(&app, one).await[1]["id"].clone();
    assert_eq!(end(&app, one, &two_id).await.status, 204);
    assert_eq!(app.status_of_session(two).await, 401);
    assert_eq!(end(&app, one, &two_id).await.error(), (404, json!("Not Found")), "twice");
    assert_eq!(end(&app, one, &json!("unknown")).await.error(), (404, json!("Not Found")));

    let answer = app.delete("/users/me/sessions").cookie("fastapiusersauth", one).await;
    assert_eq!((answer.status.as_u16(), &*answer.body), (204, ""));
    assert_eq!([app.status_of_session(one).await, app.status_of_session(three).await], [200, 401]);
    assert_eq!(list(&app, one).await.len(), 1);
    // One's own, too.
    let own = list(&app, one).await[0]["id"].clone();
    assert_eq!(end(&app, one, &own).await.status, 204);
    assert_eq!(app.status_of_session(one).await, 401);
}

#[tokio::test]
async fn se_21_nobody_sees_or_ends_the_sessions_of_others_but_a_superuser() {
    let app = app();
    app.has("ada@example.com").await;
    let bob = app.has("bob@example.com").await;
    let adas = app.session("ada@example.com").await;
    let bobs = app.session("bob@example.com").await;
    let root = app.superuser().await;
    let of_bob = format!("/users/{}/sessions", bob.id);
    let bobs_id = list(&app, &bobs).await[0]["id"].clone();
    assert_eq!(end(&app, &adas, &bobs_id).await.status, 404);
    for path in [of_bob.clone(), format!("{of_bob}/{}", bobs_id.as_str().unwrap())] {
        for call in [app.get(&path), app.delete(&path)] {
            let status = call.cookie("fastapiusersauth", &adas).await.status.as_u16();
            assert!(matches!(status, 403 | 405), "{path} {status}");
        }
        assert_eq!(app.delete(&path).await.error(), (401, json!("Unauthorized")));
    }
    assert_eq!(app.get("/users/me/sessions").await.error(), (401, json!("Unauthorized")));

    let listed = app.get(&of_bob).bearer(&root).await.json();
    assert_eq!((&listed[0]["id"], &listed[0]["is_current"]), (&bobs_id, &json!(false)));
    let one = format!("{of_bob}/{}", bobs_id.as_str().unwrap());
    assert_eq!(app.delete(&one).bearer(&root).await.status, 204);
    assert_eq!(app.status_of_session(&bobs).await, 401);
    let again = app.session("bob@example.com").await;
    assert_eq!(app.delete(&of_bob).bearer(&root).await.status, 204);
    assert_eq!([app.status_of_session(&again).await, app.status_of_session(&adas).await], [401, 200]);
    for unknown in ["/users/00000000-0000-4000-8000-000000000000/sessions", "/users/x/sessions"] {
        assert_eq!(app.get(unknown).bearer(&root).await.status, 404);
        assert_eq!(app.delete(unknown).bearer(&root).await.status, 404);
    }
}

/// The last use is written behind the answer, and once a minute at most.
#[tokio::test]
async fn the_last_use_is_noted_to_the_minute() {
    let app = app();
    let ada = app.has("ada@example.com").await;
    let session = app.session("ada@example.com").await;
    let mut seen = Vec::new();
    for seconds in [30, 29, 1, 30, 31, 3000] {
        app.clock.advance_seconds(seconds);
        assert_eq!(app.status_of_session(&session).await, 200);
        app.users.finish_background_work().await;
        let rows = app.users.sessions(&ada.id, None).await.unwrap();
        seen.push(rows[0].last_used_at.unwrap().unix_timestamp() - BEGINNING);
    }
    assert_eq!(seen, [30, 30, 30, 90, 90, 3121]);
}

#[tokio::test]
async fn se_21_a_session_that_python_made_is_listed_and_ended_like_any_other() {
    let app = app();
    let ada = app.has("ada@example.com").await;
    let python = "P".repeat(43);
    let began = app.clock.now();
    let row = AccessToken { token: python.clone(), user_id: *UserModel::id(&ada), created_at: began };
    app.users.database().create_access_token(&row).await.unwrap();
    app.clock.advance_seconds(10);
    let session = app.session("ada@example.com").await;
    let sessions = list(&app, &session).await;
    let stranger = sessions[1].clone();
    assert_eq!(
        stranger,
        json!({
            "id": stranger["id"],
            "backend": "cookie",
            "created_at": "2027-01-15T08:00:00Z",
            "last_used_at": null,
            "expires_at": null,
            "user_agent": null,
            "address": null,
            "is_current": false,
        })
    );
    // Once it is used here, the token is hashed and the use is noted; it stays the session that it was.
    assert_eq!(app.status_of_session(&python).await, 200);
    app.users.finish_background_work().await;
    let sessions = list(&app, &session).await;
    let known = sessions.iter().find(|listed| listed["id"] == stranger["id"]).expect("the same session");
    assert_eq!((&known["last_used_at"], &known["user_agent"]), (&json!("2027-01-15T08:00:10Z"), &Json::Null));
    assert_eq!(sessions.len(), 2);
    assert_eq!(end(&app, &session, &stranger["id"]).await.status, 204);
    assert_eq!(app.status_of_session(&python).await, 401);
}

#[tokio::test]
async fn sessions_are_listed_and_ended_however_tokens_are_stored() {
    for at_rest in [AccessTokensAtRest::Clear, AccessTokensAtRest::Hashed] {
        let app = App::with(|builder| builder.sessions(Sessions::new()).access_tokens_at_rest(at_rest));
        app.has("ada@example.com").await;
        let (one, two) = (app.session("ada@example.com").await, app.session("ada@example.com").await);
        let sessions = list(&app, &one).await;
        let other = sessions.iter().find(|session| session["is_current"] == false).unwrap();
        assert_eq!(end(&app, &one, &other["id"]).await.status, 204);
        assert_eq!([app.status_of_session(&one).await, app.status_of_session(&two).await], [200, 401]);
    }
}

#[tokio::test]
async fn a_session_leaves_the_list_when_it_ends() {
    let app = app();
    let ada = app.has("ada@example.com").await;
    let old = app.session("ada@example.com").await;
    let listed = async || app.users.sessions(&ada.id, None).await.unwrap().len();
    assert_eq!(listed().await, 1);
    app.post("/auth/cookie/logout").cookie("fastapiusersauth", &old).await;
    assert_eq!(listed().await, 0, "logout");
    app.session("ada@example.com").await;
    app.clock.advance_seconds(3601);
    assert_eq!(listed().await, 0, "expired");
    assert_eq!(app.users.purge_expired_sessions().await.unwrap(), 2, "the token, and what was known of it");
    app.session("ada@example.com").await;
    let token = app.reset_token("ada@example.com").await;
    assert_eq!(app.reset_password(&token, "another horse in the rain").await.status, 200);
    assert_eq!(listed().await, 0, "reset");
}

#[tokio::test]
async fn se_03_a_change_of_password_leaves_the_session_that_made_it_alone_on_the_list() {
    let app = app();
    app.has("ada@example.com").await;
    let (one, _two) = (app.session("ada@example.com").await, app.session("ada@example.com").await);
    let change = json!({ "password": "another horse in the rain" });
    assert_eq!(app.patch("/users/me").cookie("fastapiusersauth", &one).json(change).await.status, 200);
    let sessions = list(&app, &one).await;
    assert_eq!((sessions.len(), &sessions[0]["is_current"]), (1, &json!(true)));
}

#[tokio::test]
async fn one_session_more_than_there_may_be_ends_the_oldest() {
    let app = App::with(|builder| builder.sessions(Sessions::new().max_per_user(2)));
    app.has("ada@example.com").await;
    app.has("bob@example.com").await;
    let bobs = app.session("bob@example.com").await;
    let mut tokens = Vec::new();
    for _ in 0..3 {
        tokens.push(app.session("ada@example.com").await);
        app.clock.advance_seconds(1);
    }
    let mut statuses = Vec::new();
    for token in &tokens {
        statuses.push(app.status_of_session(token).await);
    }
    assert_eq!(statuses, [401, 200, 200]);
    assert_eq!(app.status_of_session(&bobs).await, 200);
    // Many at once leave two.
    let form = [("username", "ada@example.com"), ("password", PASSWORD)];
    let logins: Vec<_> =
        (0..8).map(|_| tokio::spawn(app.post("/auth/cookie/login").form(&form).into_future())).collect();
    for login in logins {
        assert_eq!(login.await.unwrap().status, 204);
    }
    let ada = app.users.get_by_email("ada@example.com").await.unwrap().unwrap();
    assert_eq!(app.users.sessions(&ada.id, None).await.unwrap().len(), 2);
}

#[tokio::test]
async fn se_23_a_session_that_is_not_used_for_so_long_is_401() {
    let app = App::with(|builder| builder.sessions(Sessions::new().inactivity_seconds("cookie", 600)));
    let ada = app.has("ada@example.com").await;
    let used = app.session("ada@example.com").await;
    let idle = app.session("ada@example.com").await;
    for _ in 0..5 {
        app.clock.advance_seconds(299);
        assert_eq!(app.status_of_session(&used).await, 200);
        app.users.finish_background_work().await;
    }
    let listed = app.users.sessions(&ada.id, None).await.unwrap();
    assert_eq!(listed.len(), 1, "the idle one is not listed any more: {listed:?}");
    assert_eq!(app.status_of_session(&idle).await, 401);
    app.clock.advance_seconds(-1000);
    assert_eq!(app.status_of_session(&idle).await, 401, "it is over for good");
    app.clock.advance_seconds(1000 + 600);
    assert_eq!(app.status_of_session(&used).await, 401);
}

/// What nobody has noted the use of counts from its beginning.
#[tokio::test]
async fn se_23_a_session_that_python_made_ends_without_use_too() {
    let app = App::with(|builder| builder.sessions(Sessions::new().inactivity_seconds("cookie", 600)));
    let ada = app.has("ada@example.com").await;
    for (python, seconds, status) in [("p", 599, 200), ("q", 600, 401)] {
        let token = python.repeat(43);
        let created_at = app.clock.now();
        let row = AccessToken { token: token.clone(), user_id: ada.id, created_at };
        app.users.database().create_access_token(&row).await.unwrap();
        app.clock.advance_seconds(seconds);
        assert_eq!(app.status_of_session(&token).await, status);
        app.users.finish_background_work().await;
    }
    app.clock.advance_seconds(590 - 600);
    assert_eq!(app.status_of_session(&"p".repeat(43)).await, 200, "its use was noted");
}

#[test]
fn what_cannot_work_is_refused_when_the_users_are_built() {
    let with = |sessions: Sessions| {
        builder::<User>()
            .backend("jwt", Bearer::default(), Jwt::lasting_seconds(60))
            .backend("cookie", Cookie::default(), DatabaseTokens::lasting_seconds(60))
            .sessions(sessions)
            .build()
            .unwrap_err()
            .to_string()
    };
    for (backend, seconds, reason) in [
        ("cookie", 299, "its inactivity limit is 299 s, and 300 s are the least"),
        ("jwt", 300, "it has an inactivity limit, but its tokens are kept nowhere: give it refresh tokens"),
        ("other", 300, "there is none of this name, which `inactivity_seconds` is said of"),
    ] {
        let error = with(Sessions::new().inactivity_seconds(backend, seconds));
        assert!(error.contains(reason), "{error}");
    }
}

#[tokio::test]
async fn without_being_asked_for_nothing_is_kept_and_there_are_no_routes() {
    let app = App::new();
    let ada = app.has("ada@example.com").await;
    let session = app.session("ada@example.com").await;
    assert!(app.users.database().sessions_of(&ada.id, 10).await.unwrap().is_empty());
    let answer = app.get("/users/me/sessions").cookie("fastapiusersauth", &session).await;
    assert_eq!(answer.status, 404);
}

#[tokio::test]
async fn cs_03_a_foreign_page_ends_no_session() {
    let app = app();
    app.has("ada@example.com").await;
    let session = app.session("ada@example.com").await;
    let id = list(&app, &session).await[0]["id"].as_str().unwrap().to_owned();
    for path in ["/users/me/sessions".to_owned(), format!("/users/me/sessions/{id}")] {
        let call = app.delete(&path).cookie("fastapiusersauth", &session);
        assert_eq!(call.header("origin", "https://evil.example.net").await.status, 403);
    }
    assert_eq!(app.status_of_session(&session).await, 200);
}
