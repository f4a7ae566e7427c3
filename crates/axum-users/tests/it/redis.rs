//! Sessions in Redis: the original's keys, how they end, and what happens while Redis is away.

mod server;

use axum_users::{
    AccessTokensAtRest::{self, Clear, Hashed},
    Bearer, Cookie, DatabaseTokens, InternalError, Jwt, Random, RedisTokens, RefreshTokens, Sessions, User,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::json;
use sha2::{Digest, Sha256};

use self::server::{RedisServer, poll};
use crate::support::{Answer, App, PASSWORD};

const PREFIX: &str = "fastapi_users_token:";
const LIFETIME: u64 = 3600;

fn tokens(server: &RedisServer) -> RedisTokens {
    RedisTokens::new(&server.url()).unwrap()
}

/// An application with this one backend, called `redis`.
fn app(at_rest: AccessTokensAtRest, tokens: RedisTokens) -> App {
    App::bare(|builder| builder.access_tokens_at_rest(at_rest).backend("redis", Bearer::default(), tokens))
}

fn hash_of(token: &str) -> String {
    format!("~{}", &URL_SAFE_NO_PAD.encode(Sha256::digest(token))[..42])
}

/// A token as Python makes one, with its key.
fn python_logs_in(server: &RedisServer, user: &User, number: usize, life: &[&str]) -> String {
    let token = format!("{number:x>43}");
    let id = user.id.to_string();
    let _: () = server.ask(&[&["SET", &format!("{PREFIX}{token}"), &id], life].concat());
    token
}

async fn change_password(app: &App, token: &str, password: &str) -> Answer {
    app.patch("/users/me").bearer(token).json(json!({ "password": password })).await
}

async fn statuses<const N: usize>(app: &App, tokens: [&str; N]) -> [u16; N] {
    let mut statuses = [0; N];
    for (status, token) in statuses.iter_mut().zip(tokens) {
        *status = app.status_of(token).await;
    }
    statuses
}

#[tokio::test]
async fn se_22_a_login_sets_one_key_and_its_end_in_one_command() {
    let server = RedisServer::start();
    let cases = [
        (Clear, tokens(&server), PREFIX, 3600),
        (Hashed, tokens(&server).lasting_seconds(60), PREFIX, 60),
        (Clear, tokens(&server).lasting_for_ever(), PREFIX, -1),
        (Hashed, tokens(&server).lasting_seconds(0).key_prefix("staff:"), "staff:", -1),
        (Clear, tokens(&server).lasting_seconds(u64::MAX).key_prefix(""), "", 31_557_600_000),
    ];
    for (at_rest, tokens, prefix, ttl) in cases {
        let app = app(at_rest, tokens);
        let ada = app.has("ada@example.com").await;
        let _: () = server.ask(&["FLUSHALL"]);
        server.count();
        let token = app.token_at("redis", "ada@example.com").await;
        assert_eq!(["set", "expire", "pexpire"].map(|name| server.counted(name)), [1, 0, 0]);

        let form = if at_rest == Clear { token.clone() } else { hash_of(&token) };
        let key = format!("{prefix}{form}");
        assert_eq!(server.keys(), [key.as_str()]);
        assert_eq!(server.ask::<String>(&["GET", &key]), ada.id.to_string());
        let left: i64 = server.ask(&["TTL", &key]);
        assert!(left == ttl || left == ttl - 1, "{left} instead of {ttl}");
        assert_eq!(app.status_of(&token).await, 200);
    }
}

#[tokio::test]
async fn se_11_redis_holds_no_token_and_what_it_holds_opens_nothing() {
    let server = RedisServer::start();
    let app = app(Hashed, tokens(&server));
    app.has("ada@example.com").await;
    let token = app.token_at("redis", "ada@example.com").await;
    let hash = hash_of(&token);

    server.count();
    let long = format!("{token}x");
    for presented in [&*hash, &token[..42], &long, "", "*", &"é".repeat(21), &token.replace(&token[..1], "=")]
    {
        assert_eq!(app.status_of(presented).await, 401, "{presented}");
    }
    assert_eq!(server.counted("get"), 0, "what cannot be a token is not looked up");
    assert_eq!(app.status_of(&"x".repeat(43)).await, 401);
}

#[tokio::test]
async fn a_session_of_python_is_read_and_hashed_at_first_use_with_the_life_it_has_left() {
    let server = RedisServer::start();
    let app = app(Hashed, tokens(&server));
    let ada = app.has("ada@example.com").await;
    for (number, life, left) in [(1, &["EX", "100"][..], 1..=100_000), (2, &[], -1..=-1)] {
        let token = python_logs_in(&server, &ada, number, life);
        assert_eq!(app.status_of(&token).await, 200);
        assert_eq!(server.ask::<u32>(&["EXISTS", &format!("{PREFIX}{token}")]), 0);
        let key = format!("{PREFIX}{}", hash_of(&token));
        assert_eq!(server.ask::<String>(&["GET", &key]), ada.id.to_string());
        assert!(left.contains(&server.ask::<i64>(&["PTTL", &key])), "{life:?}");
        assert_eq!(app.status_of(&token).await, 200);
        assert_eq!(app.post("/auth/redis/logout").bearer(&token).await.status, 204);
        assert_eq!(app.status_of(&token).await, 401);
    }
    assert_eq!(server.keys(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_of_python_that_many_use_at_once_is_hashed_once() {
    let server = RedisServer::start();
    let app = app(Hashed, tokens(&server));
    let ada = app.has("ada@example.com").await;
    let token = python_logs_in(&server, &ada, 1, &["EX", "100"]);
    let client = (*app).clone();
    let requests = (0..50).map(|_| tokio::spawn(client.get("/users/me").bearer(&token).into_future()));
    for request in requests.collect::<Vec<_>>() {
        assert_eq!(request.await.unwrap().status, 200);
    }
    assert_eq!(server.keys(), [format!("{PREFIX}{}", hash_of(&token))]);
}

#[tokio::test]
async fn while_python_shares_redis_keys_stay_in_clear_and_hashed_ones_go_on() {
    let server = RedisServer::start();
    // Two processes with the same user: its id comes from one seed.
    let process = |at_rest| {
        App::bare(|builder| {
            let builder = builder.random(Random::seeded(7)).access_tokens_at_rest(at_rest);
            builder.backend("redis", Bearer::default(), tokens(&server))
        })
    };
    let (before, now) = (process(Hashed), process(Clear));
    let ada = before.has("ada@example.com").await;
    assert_eq!(now.has("ada@example.com").await.id, ada.id);
    let old = before.token_at("redis", "ada@example.com").await;
    let python = python_logs_in(&server, &ada, 1, &["EX", "100"]);
    assert_eq!(statuses(&now, [&old, &python]).await, [200, 200]);
    assert_eq!(server.ask::<u32>(&["EXISTS", &format!("{PREFIX}{python}")]), 1);
    for token in [&old, &python] {
        assert_eq!(now.post("/auth/redis/logout").bearer(token).await.status, 204);
    }
    assert_eq!(server.keys(), [""; 0]);
}

#[tokio::test]
async fn se_06_a_logout_ends_its_session_alone() {
    let server = RedisServer::start();
    let app = app(Hashed, tokens(&server));
    app.has("ada@example.com").await;
    let (one, other) =
        (app.token_at("redis", "ada@example.com").await, app.token_at("redis", "ada@example.com").await);
    assert_eq!(app.post("/auth/redis/logout").bearer(&one).await.status, 204);
    assert_eq!(statuses(&app, [&one, &other]).await, [401, 200]);
    assert_eq!(app.post("/auth/redis/logout").bearer(&one).await.status, 401);
}

#[tokio::test]
async fn a_session_ends_with_its_key_and_whatever_is_no_user_is_nobody() {
    let server = RedisServer::start();
    let app = app(Clear, tokens(&server).lasting_seconds(1));
    let ada = app.has("ada@example.com").await;
    let token = app.token_at("redis", "ada@example.com").await;
    poll(|| (server.ask::<u32>(&["EXISTS", &format!("{PREFIX}{token}")]) == 0).then_some(()));
    assert_eq!(app.status_of(&token).await, 401);

    for (number, value) in ["", "nobody", "\u{0}", "00000000-0000-4000-8000-000000000000"].iter().enumerate()
    {
        let token = format!("{number:y>43}");
        let _: () = server.ask(&["SET", &format!("{PREFIX}{token}"), value]);
        assert_eq!(app.status_of(&token).await, 401, "{value}");
    }
    let token = app.token_at("redis", "ada@example.com").await;
    app.users.delete(&ada, &Default::default()).await.unwrap();
    assert_eq!(app.status_of(&token).await, 401);
}

#[tokio::test]
async fn se_03_a_changed_password_ends_all_sessions_but_the_one_that_changed_it() {
    let server = RedisServer::start();
    for (at_rest, tokens) in [
        (Hashed, tokens(&server)),
        (Clear, tokens(&server)),
        (Hashed, tokens(&server).lasting_for_ever()),
        (Clear, tokens(&server).lasting_for_ever()),
    ] {
        let app = app(at_rest, tokens);
        app.has("ada@example.com").await;
        app.has("bob@example.com").await;
        let bob = app.token_at("redis", "bob@example.com").await;
        let (this, other) =
            (app.token_at("redis", "ada@example.com").await, app.token_at("redis", "ada@example.com").await);
        assert_eq!(change_password(&app, &this, PASSWORD).await.status, 200);
        assert_eq!(statuses(&app, [&this, &other, &bob]).await, [200, 401, 200], "{at_rest:?}");

        let later = app.token_at("redis", "ada@example.com").await;
        let latest = app.token_at("redis", "ada@example.com").await;
        assert_eq!(statuses(&app, [&this, &later, &latest]).await, [200, 200, 200], "{at_rest:?}");

        // The next change spares another one.
        assert_eq!(change_password(&app, &later, PASSWORD).await.status, 200);
        let all = [&*this, &other, &later, &latest, &bob];
        assert_eq!(statuses(&app, all).await, [401, 401, 200, 401, 200], "{at_rest:?}");

        assert_eq!(app.post("/auth/redis/logout").bearer(&later).await.status, 204);
        assert_eq!(statuses(&app, all).await, [401, 401, 401, 401, 200], "{at_rest:?}");
    }
}

#[tokio::test]
async fn se_04_a_reset_password_ends_all_sessions() {
    let server = RedisServer::start();
    for at_rest in [Hashed, Clear] {
        let app = app(at_rest, tokens(&server));
        app.has("ada@example.com").await;
        let (one, other) =
            (app.token_at("redis", "ada@example.com").await, app.token_at("redis", "ada@example.com").await);
        let reset = app.reset_token("ada@example.com").await;
        assert_eq!(app.reset_password(&reset, PASSWORD).await.status, 200);
        assert_eq!(statuses(&app, [&one, &other]).await, [401, 401], "{at_rest:?}");
        let later = app.token_at("redis", "ada@example.com").await;
        assert_eq!(app.status_of(&later).await, 200, "{at_rest:?}");
    }
}

/// The not-before must outlive all sessions before it, also those of a lifetime that was longer.
#[tokio::test]
async fn a_not_before_lives_longer_than_any_session() {
    let server = RedisServer::start();
    let year = 366 * 24 * 3600;
    let prefixed = |prefix: &'static str| tokens(&server).key_prefix(prefix);
    for (prefix, backends, ttl) in [
        ("a:", vec![prefixed("a:")], 400 * 24 * 3600),
        ("b:", vec![prefixed("b:").lasting_seconds(2 * year)], 2 * year.cast_signed()),
        ("c:", vec![prefixed("c:").lasting_for_ever()], -1),
        ("d:", vec![prefixed("d:").lasting_for_ever(), prefixed("d:")], -1),
        ("e:", vec![prefixed("e:"), prefixed("e:").lasting_for_ever()], -1),
    ] {
        let app = App::bare(|builder| {
            backends.into_iter().enumerate().fold(builder, |builder, (index, tokens)| {
                builder.backend(&format!("redis{index}"), Bearer::default(), tokens)
            })
        });
        let ada = app.has("ada@example.com").await;
        let token = app.token_at("redis0", "ada@example.com").await;
        assert_eq!(change_password(&app, &token, PASSWORD).await.status, 200);
        let left: i64 = server.ask(&["TTL", &format!("axum_users:not_before:{prefix}{}", ada.id)]);
        assert!(left == ttl || left == ttl - 1, "{prefix} {left}");
    }
}

#[tokio::test]
async fn what_python_made_counts_by_the_lifetime_that_it_has_left() {
    let server = RedisServer::start();
    let life = &["EX", &LIFETIME.to_string()];
    for at_rest in [Clear, Hashed] {
        let app = app(at_rest, tokens(&server));
        let ada = app.has("ada@example.com").await;
        let this = app.token_at("redis", "ada@example.com").await;
        let before = python_logs_in(&server, &ada, 1, life);
        let shorter = python_logs_in(&server, &ada, 2, &["EX", "60"]);
        assert_eq!(change_password(&app, &this, PASSWORD).await.status, 200);
        assert_eq!(statuses(&app, [&this, &before, &shorter]).await, [200, 401, 401], "{at_rest:?}");

        // The remaining life is in milliseconds, so the next login has to be some later.
        let milliseconds = || {
            let (seconds, micros): (i64, i64) = server.ask(&["TIME"]);
            seconds * 1000 + micros / 1000
        };
        let changed = milliseconds();
        poll(|| (milliseconds() > changed + 5).then_some(()));
        let after = python_logs_in(&server, &ada, 3, life);
        let for_ever = python_logs_in(&server, &ada, 4, &[]);
        let of_another_lifetime = python_logs_in(&server, &ada, 5, &["EX", "36000"]);
        let answers = statuses(&app, [&after, &for_ever, &of_another_lifetime]).await;
        assert_eq!(answers, [200, 401, 401], "{at_rest:?}");
        assert_eq!(app.status_of(&after).await, 200, "the second time, hashed or not");
        let _: () = server.ask(&["FLUSHALL"]);
    }
}

/// A first bearer backend in Redis, a second with JWTs, and cookies of the database.
fn with_others(tokens: RedisTokens) -> App {
    App::bare(|builder| {
        builder
            .backend("redis", Bearer::default(), tokens)
            .backend("jwt", Bearer::default(), Jwt::lasting_seconds(600))
            .backend("cookie", Cookie::default().insecure(), DatabaseTokens::lasting_seconds(600))
    })
}

#[tokio::test]
async fn se_22_cr_22_while_redis_is_down_its_backend_answers_503_and_the_others_go_on() {
    let mut server = RedisServer::start();
    let app = with_others(tokens(&server));
    app.has("ada@example.com").await;
    let token = app.token_at("redis", "ada@example.com").await;
    let (jwt, session) = (app.token("ada@example.com").await, app.session("ada@example.com").await);

    for round in ["killed", "killed again"] {
        server.kill();
        let answer = app.get("/users/me").bearer(&token).await;
        assert_eq!(answer.error(), (503, json!("Service Unavailable")), "{round}");
        assert_eq!(answer.header("retry-after"), "1");
        assert_eq!(app.login_at("redis", "ada@example.com", PASSWORD).await.status, 503);
        assert_eq!(app.post("/auth/redis/logout").bearer(&token).await.status, 503);

        assert_eq!(app.status_of(&jwt).await, 200);
        assert_eq!(app.status_of_session(&session).await, 200);
        let both = app.get("/users/me").bearer(&token).cookie("fastapiusersauth", &session).await;
        assert_eq!(both.status, 200, "the next backend yields the user");
        let neither = app.get("/users/me").bearer(&token).cookie("fastapiusersauth", "garbage").await;
        assert_eq!(neither.status, 503, "who it is cannot be known");
        assert_eq!(app.status_of("garbage").await, 401, "no token of Redis");
        assert_eq!(app.login("ada@example.com", PASSWORD).await.status, 200);

        server.restart();
        assert_eq!(app.status_of(&token).await, 401, "{round}: it lost its keys, and is asked at once");
        let fresh = app.token_at("redis", "ada@example.com").await;
        assert_eq!(app.status_of(&fresh).await, 200);
    }
}

#[tokio::test]
async fn cr_22_a_redis_that_hangs_is_not_waited_for() {
    let server = RedisServer::start();
    let app = with_others(tokens(&server));
    app.has("ada@example.com").await;
    let token = app.token_at("redis", "ada@example.com").await;
    let jwt = app.token("ada@example.com").await;
    server.pause();
    assert_eq!(app.status_of(&token).await, 503);
    assert_eq!(app.status_of(&jwt).await, 200);
    assert!(tokens(&server).ping().await.is_err());
    server.resume();
    assert_eq!(app.status_of(&token).await, 200);
}

#[tokio::test]
async fn an_application_starts_without_redis_and_needs_no_restart_when_it_comes() {
    let mut server = RedisServer::start();
    server.kill();
    assert!(RedisTokens::connect(&server.url()).await.is_err());
    let app = with_others(tokens(&server));
    app.has("ada@example.com").await;
    assert_eq!(app.login_at("redis", "ada@example.com", PASSWORD).await.status, 503);
    server.restart();
    let token = app.token_at("redis", "ada@example.com").await;
    assert_eq!(app.status_of(&token).await, 200);
    RedisTokens::connect(&server.url()).await.unwrap();
}

/// Else sessions that somebody stole would survive, with nobody left who could end them.
#[tokio::test]
async fn se_03_se_04_a_password_is_not_changed_while_sessions_cannot_be_ended() {
    let mut server = RedisServer::start();
    let app = with_others(tokens(&server));
    let (ada, root) = (app.has("ada@example.com").await, app.superuser().await);
    let (jwt, session) = (app.token("ada@example.com").await, app.session("ada@example.com").await);
    let reset = app.reset_token("ada@example.com").await;

    server.kill();
    assert_eq!(change_password(&app, &jwt, "a horse in the snow").await.status, 503);
    assert_eq!(app.reset_password(&reset, "a horse in the snow").await.status, 503);
    assert_eq!(app.login("ada@example.com", PASSWORD).await.status, 200);
    assert_eq!(app.status_of_session(&session).await, 401, "the database is not stopped by Redis");
    assert_eq!(app.delete(&format!("/users/{}", ada.id)).bearer(&root).await.status, 503);
    assert_eq!(app.status_of(&jwt).await, 200);

    server.restart();
    assert_eq!(app.reset_password(&reset, "a horse in the snow").await.status, 200);
    assert_eq!(app.login("ada@example.com", "a horse in the snow").await.status, 200);
}

#[tokio::test]
async fn a_failure_of_redis_says_what_failed_and_shows_no_password() {
    let server = RedisServer::start_with(&["--requirepass", "open-sesame"]);
    let url = format!("redis://:hunter2@127.0.0.1:{}", server.port);
    let tokens = RedisTokens::new(&url).unwrap();
    let error = InternalError::from(tokens.ping().await.unwrap_err());
    assert!(error.is_temporary());
    for text in [format!("{error:?}"), format!("{tokens:?}")] {
        assert!(!text.contains("hunter2") && !text.contains("127.0.0.1"), "{text}");
    }
    assert!(format!("{error:?}").contains("AuthenticationFailed"), "{error:?}");
}

/// Two nodes with half of the slots each.
#[cfg(feature = "redis-cluster")]
fn cluster() -> [RedisServer; 2] {
    let nodes = [(); 2].map(|()| RedisServer::start_with(&["--cluster-enabled", "yes"]));
    for (node, slots) in nodes.iter().zip([["0", "8191"], ["8192", "16383"]]) {
        let _: () = node.ask(&["CLUSTER", "ADDSLOTSRANGE", slots[0], slots[1]]);
    }
    let _: () = nodes[0].ask(&["CLUSTER", "MEET", "127.0.0.1", &nodes[1].port.to_string()]);
    wait_for_cluster(&nodes);
    nodes
}

#[cfg(feature = "redis-cluster")]
fn wait_for_cluster(nodes: &[RedisServer]) {
    for node in nodes {
        poll(|| node.ask::<String>(&["CLUSTER", "INFO"]).contains("cluster_state:ok").then_some(()));
    }
}

#[cfg(feature = "redis-cluster")]
#[tokio::test]
async fn on_a_cluster_all_of_it_works_and_a_lost_node_is_503() {
    let mut nodes = cluster();
    let url = format!("redis-cluster://127.0.0.1:{}?node=127.0.0.1:{}", nodes[0].port, nodes[1].port);
    for at_rest in [Hashed, Clear] {
        let app = app(at_rest, RedisTokens::connect(&url).await.unwrap());
        let ada = app.has("ada@example.com").await;
        let mut sessions = Vec::new();
        for number in 0..10 {
            sessions.push(app.token_at("redis", "ada@example.com").await);
            let token = format!("{number:z>43}");
            let (key, id) = (format!("{PREFIX}{token}"), ada.id.to_string());
            let set = |node: &RedisServer| node.try_ask::<()>(&["SET", &key, &id, "EX", "60"]);
            assert_eq!(nodes.iter().filter(|node| set(node).is_ok()).count(), 1, "a key has one node");
            sessions.push(token);
        }
        for token in &sessions {
            assert_eq!(app.status_of(token).await, 200, "{at_rest:?}");
        }
        let (this, ended) = (sessions.remove(4), sessions.remove(0));
        assert_eq!(app.post("/auth/redis/logout").bearer(&ended).await.status, 204);
        assert_eq!(change_password(&app, &this, PASSWORD).await.status, 200);
        assert_eq!(statuses(&app, [&this, &ended]).await, [200, 401], "{at_rest:?}");
        for token in &sessions {
            assert_eq!(app.status_of(token).await, 401, "{at_rest:?}");
        }
        let later = app.token_at("redis", "ada@example.com").await;
        assert_eq!(app.status_of(&later).await, 200, "{at_rest:?}");
        for node in &nodes {
            let _: () = node.ask(&["FLUSHALL"]);
        }
    }
    let app = with_others(RedisTokens::new(&url).unwrap());
    app.has("ada@example.com").await;
    let (token, jwt) = (app.token_at("redis", "ada@example.com").await, app.token("ada@example.com").await);
    nodes.iter_mut().for_each(RedisServer::kill);
    assert_eq!(app.status_of(&token).await, 503);
    assert_eq!(app.status_of(&jwt).await, 200);

    // An application that starts now, and the one that has run before, both find the cluster when it is back.
    let started = with_others(RedisTokens::new(&url).unwrap());
    started.has("ada@example.com").await;
    assert_eq!(started.login_at("redis", "ada@example.com", PASSWORD).await.status, 503);
    nodes.iter_mut().for_each(RedisServer::restart);
    wait_for_cluster(&nodes);
    for app in [app, started] {
        let mut login = app.login_at("redis", "ada@example.com", PASSWORD).await;
        for _ in 0..1000 {
            if login.status == 200 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            login = app.login_at("redis", "ada@example.com", PASSWORD).await;
        }
        assert_eq!(login.status, 200);
    }
}

#[tokio::test]
async fn se_21_sessions_in_redis_are_listed_and_ended() {
    for at_rest in [Hashed, Clear] {
        let server = RedisServer::start();
        let app = App::bare(|builder| {
            let builder = builder.access_tokens_at_rest(at_rest).sessions(Sessions::new());
            builder.backend("redis", Bearer::default(), tokens(&server))
        });
        let ada = app.has("ada@example.com").await;
        let here = app.token_at("redis", "ada@example.com").await;
        let there = app.token_at("redis", "ada@example.com").await;
        // Redis cannot say whose sessions there are: one of Python's is known from its first use here.
        let python = python_logs_in(&server, &ada, 7, &["EX", "3600"]);
        let listed =
            async || app.get("/users/me/sessions").bearer(&here).await.json().as_array().unwrap().clone();
        let known = listed().await;
        assert_eq!(known.len(), 2);
        assert_eq!(app.status_of(&python).await, 200);
        app.users.finish_background_work().await;
        let sessions = listed().await;
        assert_eq!(sessions.len(), 3);
        let is_new = |session: &&serde_json::Value| !known.iter().any(|known| known["id"] == session["id"]);
        let stranger = sessions.iter().find(is_new).unwrap();
        for session in [stranger, sessions.iter().find(|one| one["is_current"] == true).unwrap()] {
            let path = format!("/users/me/sessions/{}", session["id"].as_str().unwrap());
            assert_eq!(app.delete(&path).bearer(&there).await.status, 204);
        }
        assert_eq!(statuses(&app, [&here, &there, &python]).await, [401, 200, 401], "{at_rest:?}");
        assert_eq!(app.post("/auth/redis/logout").bearer(&there).await.status, 204);
        assert!(app.users.sessions(&ada.id, None).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn se_23_a_session_in_redis_that_is_not_used_for_so_long_is_401() {
    let server = RedisServer::start();
    let app = App::bare(|builder| {
        let sessions = Sessions::new().inactivity_seconds("redis", 600);
        builder.sessions(sessions).backend("redis", Bearer::default(), tokens(&server))
    });
    app.has("ada@example.com").await;
    let token = app.token_at("redis", "ada@example.com").await;
    for _ in 0..3 {
        app.clock.advance_seconds(599);
        assert_eq!(app.status_of(&token).await, 200);
        app.users.finish_background_work().await;
    }
    app.clock.advance_seconds(600);
    assert_eq!(app.status_of(&token).await, 401);
    app.clock.advance_seconds(-600);
    assert_eq!(app.status_of(&token).await, 401, "it is over for good");
}

#[tokio::test]
async fn sessions_in_redis_are_refreshed() {
    let server = RedisServer::start();
    let app = App::bare(|builder| {
        let builder = builder.backend("redis", Bearer::default(), tokens(&server));
        builder.refresh("redis", RefreshTokens::lasting_seconds(86_400))
    });
    app.has("ada@example.com").await;
    let login = app.login_at("redis", "ada@example.com", PASSWORD).await.json();
    let refresh = async |token: &serde_json::Value| {
        app.post("/auth/redis/refresh").json(json!({ "refresh_token": token })).await
    };
    let (first, second) = (refresh(&login["refresh_token"]).await, refresh(&login["refresh_token"]).await);
    assert_eq!(
        (first.status.as_u16(), first.json()),
        (200, second.json()),
        "the very answer, within the grace"
    );
    let old = login["access_token"].as_str().unwrap();
    let (answer, new) = (first.json(), first.json());
    let new = new["access_token"].as_str().unwrap();
    assert_eq!(statuses(&app, [old, new]).await, [401, 200]);
    app.clock.advance_seconds(11);
    assert_eq!(refresh(&login["refresh_token"]).await.status, 400);
    assert_eq!(refresh(&answer["refresh_token"]).await.status, 400);
    assert_eq!(app.status_of(new).await, 401, "the session was ended");
}
