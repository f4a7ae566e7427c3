use axum_users::{Argon2Parameters, UsersBuilder};
use serde_json::{Value as Json, json};

use crate::support::{App, Client, PASSWORD};

const BAD_CREDENTIALS: &str = r#"{"detail":"LOGIN_BAD_CREDENTIALS"}"#;

#[tokio::test]
async fn a_bearer_login_answers_the_token_and_its_type() {
    let app = App::new();
    app.has("ada@example.com").await;

    let answer = app.login("ada@example.com", PASSWORD).await;

    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "application/json"));
    let token = answer.json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(answer.body, format!(r#"{{"access_token":"{token}","token_type":"bearer"}}"#));
    assert!(answer.set_cookies().is_empty());
    assert_eq!(app.status_of(&token).await, 200);
}

#[tokio::test]
async fn a_cookie_login_answers_nothing_but_the_cookie() {
    let app = App::new();
    app.has("ada@example.com").await;

    let answer = app.login_at("cookie", "ada@example.com", PASSWORD).await;

    assert_eq!((answer.status.as_u16(), answer.header("content-type"), &*answer.body), (204, "", ""));
    let session = answer.cookie_value("fastapiusersauth");
    assert_eq!(session.len(), 43);
    assert_eq!(
        answer.set_cookies(),
        [format!("fastapiusersauth={session}; HttpOnly; Path=/; SameSite=lax; Secure")]
    );
    assert_eq!(app.status_of_session(&session).await, 200);
}

/// Every way not to be let in looks the same.
#[tokio::test]
async fn en_01_en_08_unknown_wrong_and_inactive_get_one_answer() {
    let app = App::new();
    app.has("ada@example.com").await;
    app.has_inactive("ivan@example.com").await;
    for backend in ["jwt", "cookie"] {
        let unknown = app.login_at(backend, "nobody@example.com", PASSWORD).await;
        assert_eq!((unknown.status.as_u16(), &*unknown.body), (400, BAD_CREDENTIALS));
        assert!(unknown.set_cookies().is_empty());
        for (email, password) in [
            ("ada@example.com", "a horse in the sun"),
            ("ivan@example.com", PASSWORD),
            ("ivan@example.com", "a horse in the sun"),
            ("no address", PASSWORD),
            ("%", PASSWORD),
            ("ada@example.com ", PASSWORD),
        ] {
            let answer = app.login_at(backend, email, password).await;
            assert_eq!(
                (answer.status, &answer.headers, &answer.body),
                (unknown.status, &unknown.headers, &unknown.body),
                "{email} {password}"
            );
        }
    }
}

#[tokio::test]
async fn in_08_an_address_logs_in_whatever_the_case_of_its_letters() {
    let app = App::new();
    app.has("Ada@Example.com").await;
    for email in ["Ada@example.com", "ada@EXAMPLE.com", "ADA@EXAMPLE.COM"] {
        assert_eq!(app.login(email, PASSWORD).await.status, 200, "{email}");
    }
    // By ASCII case and nothing looser.
    app.has("kelvin@example.com").await;
    assert_eq!(app.login("\u{212a}elvin@example.com", PASSWORD).await.status, 400);
}

#[tokio::test]
async fn pw_02_pw_03_pw_04_a_password_is_all_of_its_bytes() {
    let app = App::new();
    let long = "Пароль-é🔑".repeat(10);
    let until_72_bytes =
        &long[..long.char_indices().map(|(at, _)| at).take_while(|&at| at <= 72).last().unwrap()];
    let first_64: String = long.chars().take(64).collect();
    let all_but_one: String = long.chars().take(long.chars().count() - 1).collect();
    for (index, (password, others)) in [
        (&*long, vec![until_72_bytes, &*first_64, &*all_but_one]),
        ("Correct-Horse", vec!["correct-horse", "CORRECT-HORSE", "Correct-Hors"]),
        ("before\0after", vec!["before", "before\0", "beforeafter"]),
        ("  blanks around  ", vec!["blanks around", "  blanks around", "blanks around  "]),
        // One letter with its accent, and the accent by itself.
        ("caf\u{e9}-au-lait", vec!["cafe\u{301}-au-lait"]),
    ]
    .into_iter()
    .enumerate()
    {
        let email = format!("user{index}@example.com");
        assert_eq!(app.register(&email, password).await.status, 201);
        assert_eq!(app.login(&email, password).await.status, 200, "{password:?}");
        for other in others {
            assert_eq!(app.login(&email, other).await.body, BAD_CREDENTIALS, "{other:?}");
        }
    }
}

#[tokio::test]
async fn pw_20_a_login_replaces_an_outdated_hash_and_a_failed_one_does_not() {
    let app = App::with(|builder| builder.argon2(Argon2Parameters::new(16, 2, 1).unwrap()));
    for (index, (password, hash)) in [
        ("pässword", "$2b$04$abcdefghijklmnopqrstuum174eFeoTj0DHmtuueFaS3Wde4P7wHG"),
        (
            "correct horse",
            "$argon2i$v=19$m=64,t=3,p=1$MDEyMzQ1Njc4OWFiY2RlZg$7Zy9kRR2ckYcS9drlqdGtg040mnL7Y32VUHzoNugrHM",
        ),
        (
            "correct horse",
            "$argon2id$v=19$m=8,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$M7jw0GQI4Kfcxf+xPldfNRYttP89scc9XVAYAcaZ0U0",
        ),
        (
            "correct horse",
            "$argon2id$v=19$m=256,t=2,p=4$MDEyMzQ1Njc4OWFiY2RlZg$3IOKEz0evDjufmrtGGNgNufbduVIZHKjxzAPDwxI0l4",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let user = app.has_with_hash(&format!("user{index}@example.com"), hash).await;

        assert_eq!(app.login(&user.email, "wrong password").await.body, BAD_CREDENTIALS);
        assert_eq!(app.stored(user.id).await.hashed_password, hash, "a wrong password changes nothing");

        assert_eq!(app.login(&user.email, password).await.status, 200, "{hash}");
        let upgraded = app.stored(user.id).await.hashed_password;
        assert!(upgraded.starts_with("$argon2id$v=19$m=16,t=2,p=1$"), "{upgraded}");

        assert_eq!(app.login(&user.email, password).await.status, 200);
        assert_eq!(app.stored(user.id).await.hashed_password, upgraded, "a current hash stays");
    }
}

#[tokio::test]
async fn pw_21_a_password_over_72_bytes_is_wrong_for_a_bcrypt_hash() {
    let app = App::new();
    let hash = "$2b$04$abcdefghijklmnopqrstuuwurWIdVVT4m5pTArtqnFNM69nySdHj.";
    let user = app.has_with_hash("ada@example.com", hash).await;
    assert_eq!(app.login(&user.email, &"y".repeat(73)).await.body, BAD_CREDENTIALS);
    assert_eq!(app.stored(user.id).await.hashed_password, hash);
    assert_eq!(app.login(&user.email, &"y".repeat(72)).await.status, 200);
}

#[tokio::test]
async fn pw_22_a_stored_text_that_is_no_hash_is_nobodys_password() {
    let app = App::new();
    for (index, hash) in [
        "",
        PASSWORD,
        "!",
        "$pbkdf2-sha256$29000$c2FsdA$aGFzaA",
        "$2b$12$abcdefghijklmnopqrstuv",
        "$argon2id$v=19$m=65536,t=3,p=4$!!!$!!!",
        "$argon2id$v=19$m=4294967295,t=4294967295,p=1$MDEyMzQ1Njc4OWFiY2RlZg$M7jw0GQI4Kfcxf+xPldfNQ",
    ]
    .into_iter()
    .enumerate()
    {
        let user = app.has_with_hash(&format!("user{index}@example.com"), hash).await;
        let answer = app.login(&user.email, PASSWORD).await;
        assert_eq!((answer.status.as_u16(), &*answer.body), (400, BAD_CREDENTIALS), "{hash}");
    }
}

#[tokio::test]
async fn pw_01_a_password_that_no_account_can_have_is_wrong() {
    let app = App::new();
    app.has("ada@example.com").await;
    for email in ["ada@example.com", "nobody@example.com"] {
        let answer = app.login(email, &"a".repeat(4097)).await;
        assert_eq!((answer.status.as_u16(), &*answer.body), (400, BAD_CREDENTIALS));
    }
}

#[tokio::test]
async fn where_verification_is_required_only_the_right_password_learns_that_it_is_missing() {
    let app = App::with(UsersBuilder::requires_verification);
    app.has("ada@example.com").await;
    app.has_inactive("ivan@example.com").await;
    app.has_verified("vera@example.com").await;

    for (email, password, expected) in [
        ("ada@example.com", PASSWORD, "LOGIN_USER_NOT_VERIFIED"),
        ("ada@example.com", "wrong password", "LOGIN_BAD_CREDENTIALS"),
        ("ivan@example.com", PASSWORD, "LOGIN_BAD_CREDENTIALS"),
    ] {
        assert_eq!(app.login(email, password).await.error(), (400, json!(expected)), "{email} {password}");
    }
    assert_eq!(app.login("vera@example.com", PASSWORD).await.status, 200);
}

#[tokio::test]
async fn the_form_is_read_as_the_original_reads_it() {
    let app = App::new();
    app.has("ada@example.com").await;
    let right = [("username", "ada@example.com"), ("password", PASSWORD)];
    let with = |more: &[(&'static str, &'static str)]| [&right, more].concat();
    let login = |fields: Vec<(&'static str, &'static str)>| app.post("/auth/jwt/login").form(&fields);
    for fields in [
        with(&[("grant_type", "password")]),
        with(&[("grant_type", "")]),
        with(&[("scope", "a b"), ("client_id", "x"), ("client_secret", "y"), ("unknown", "z")]),
        // Of equal fields the last counts.
        [&[("username", "nobody"), ("password", "x")], &right[..]].concat(),
    ] {
        assert_eq!(login(fields.clone()).await.status, 200, "{fields:?}");
    }
    let grant = login(with(&[("grant_type", "client_credentials")])).await;
    assert_eq!(
        grant.error(),
        (
            422,
            json!([{
                "type": "string_pattern_mismatch", "loc": ["body", "grant_type"],
                "msg": "String should match pattern '^password$'", "input": "client_credentials",
                "ctx": { "pattern": "^password$" }
            }])
        )
    );
}

#[tokio::test]
async fn a_multipart_form_logs_in_too() {
    let app = App::new();
    app.has("ada@example.com").await;
    let part = |name: &str, value: &str| {
        format!("--B\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let body = part("username", "ada@example.com") + &part("password", PASSWORD) + "--B--\r\n";
    let answer = app.post("/auth/jwt/login").body("multipart/form-data; boundary=B", body).await;
    assert_eq!(answer.status, 200);
}

fn missing(fields: &[&str]) -> (u16, Json) {
    let entry = |field: &&str| json!({ "type": "missing", "loc": ["body", field], "msg": "Field required", "input": null });
    (422, fields.iter().map(entry).collect())
}

#[tokio::test]
async fn in_04_in_14_credentials_are_read_from_the_two_form_fields_and_nowhere_else() {
    let app = App::new();
    app.has("ada@example.com").await;
    let both = missing(&["username", "password"]);
    let form = "application/x-www-form-urlencoded";
    let credentials = format!("username=ada%40example.com&password={}", PASSWORD.replace(' ', "+"));
    let query = format!("/auth/jwt/login?{credentials}");
    let json = json!({ "username": "ada@example.com", "password": PASSWORD });
    let login = || app.post("/auth/jwt/login");
    let cases = [
        (login().json(json), &both),
        (login().body("text/plain", credentials.clone()), &both),
        (login().header("authorization", "Basic YWRhQGV4YW1wbGUuY29tOng="), &both),
        (app.post(&query), &both),
        (login().body(form, credentials.replace("username", "username[$ne]")), &missing(&["username"])),
        (login().body(form, credentials.replace("password=", "password[]=")), &missing(&["password"])),
        (login().body(form, "username=&password="), &both),
        (login().body(form, "username=ada%40example.com&password="), &missing(&["password"])),
        (login().body(form, "&&&===&%"), &both),
        (login().body(form, vec![0xff, 0xfe, 0x00]), &both),
    ];
    for (index, (call, expected)) in cases.into_iter().enumerate() {
        assert_eq!(call.await.error(), *expected, "case {index}");
    }
}

#[tokio::test]
async fn in_14_in_15_malformed_and_oversized_forms_are_refused_with_a_sentence() {
    let app = App::new();
    let fields: String = (0..20_000).map(|index| format!("a{index}=1&")).collect();
    let no_end = "--B\r\ncontent-disposition: form-data; name=\"username\"\r\n\r\nada";
    for (content_type, body, statuses) in [
        ("application/x-www-form-urlencoded", fields, 400..=400),
        ("application/x-www-form-urlencoded", format!("username={}", "a".repeat(1 << 20)), 400..=400),
        ("multipart/form-data", no_end.to_owned(), 400..=400),
        ("multipart/form-data; boundary=", no_end.to_owned(), 400..=422),
        ("multipart/form-data; boundary=B", no_end.to_owned(), 400..=422),
        ("multipart/form-data; boundary=B", "--B\r\n: \r\n\r\n".to_owned(), 400..=422),
        ("multipart/form-data; boundary=B", "B--B--B".to_owned(), 400..=422),
        ("multipart/form-data; boundary=B", String::new(), 422..=422),
    ] {
        let answer = app.post("/auth/jwt/login").body(content_type, body).await;
        let (status, detail) = answer.error();
        assert!(statuses.contains(&status), "{content_type}: {answer:?}");
        assert!(if status == 400 { detail.is_string() } else { detail.is_array() }, "{answer:?}");
    }
}

#[tokio::test]
async fn se_01_a_login_never_takes_over_a_token_that_was_planted() {
    let app = App::new();
    app.has("ada@example.com").await;
    let planted = "A".repeat(43);
    let earlier = app.session("ada@example.com").await;
    for presented in [&planted, &earlier] {
        let form = [("username", "ada@example.com"), ("password", PASSWORD)];
        let answer = app.post("/auth/cookie/login").cookie("fastapiusersauth", presented).form(&form).await;
        let fresh = answer.cookie_value("fastapiusersauth");
        assert_ne!(fresh, *presented);
        assert_eq!(app.status_of_session(&fresh).await, 200);
    }
    assert_eq!(app.status_of_session(&planted).await, 401);
}

#[tokio::test]
async fn se_10_every_session_has_a_token_of_its_own() {
    let app = App::new();
    app.has("ada@example.com").await;
    let mut tokens = std::collections::HashSet::new();
    for _ in 0..16 {
        tokens.insert(app.session("ada@example.com").await);
    }
    assert_eq!(tokens.len(), 16);
    for position in 0..43 {
        let characters: std::collections::HashSet<_> =
            tokens.iter().map(|token| token.as_bytes()[position]).collect();
        assert!(characters.len() > 3, "position {position} hardly changes: {tokens:?}");
    }
}

#[tokio::test]
async fn se_12_nobody_may_keep_an_answer() {
    let app = App::new();
    app.has("ada@example.com").await;
    let token = app.token("ada@example.com").await;
    let answers = [
        app.login("ada@example.com", PASSWORD).await,
        app.login_at("cookie", "ada@example.com", PASSWORD).await,
        app.login("ada@example.com", "wrong password").await,
        app.get("/users/me").bearer(&token).await,
        app.get("/users/me").await,
    ];
    for answer in answers {
        assert_eq!(answer.header("cache-control"), "no-store", "{answer:?}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{answer:?}");
    }
}

#[tokio::test]
async fn other_methods_and_other_backends_are_refused() {
    let app = App::new();
    let client: &Client = &app;
    for method in ["GET", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"] {
        let answer = client.call(method.parse().unwrap(), "/auth/jwt/login").await;
        assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, "POST"), "{method}");
        let body = if method == "HEAD" { "" } else { r#"{"detail":"Method Not Allowed"}"# };
        assert_eq!(answer.body, body, "{method}");
    }
    assert_eq!(app.login_at("unknown", "ada@example.com", PASSWORD).await.status, 404);
}
