//! One list of requests, good and bad, sent to the server on each database: the same answers to all of them.

use serde_json::{Value, json};

use crate::support::command::command;
use crate::support::http::{Request, Response};
use crate::support::place::{Engine, Place};
use crate::support::server::Server;

const PASSWORD: &str = "analytical engine";

const CONFIG: &str = r#"
[limits]
enabled = false
[password.argon2]
memory_kib = 64
iterations = 1
parallelism = 1
[[user.field]]
name = "nick"
type = "text"
[[user.field]]
name = "age"
type = "integer"
[[user.field]]
name = "height"
type = "float"
[[user.field]]
name = "keen"
type = "bool"
[[user.field]]
name = "born"
type = "date"
[[user.field]]
name = "seen"
type = "timestamp"
[[user.field]]
name = "badge"
type = "uuid"
[[user.field]]
name = "extra"
type = "json"
"#;

/// A server, and what it answered so far.
struct Talk {
    server: Server,
    /// Ids and tokens, and what stands for them.
    names: Vec<(String, String)>,
    told: Vec<String>,
    place: Place,
}

impl Talk {
    async fn on(engine: Engine) -> Self {
        let place = Place::new(engine).await;
        let server = place.launch_with(CONFIG).start().await;
        let superuser = ["--email", "root@example.com", "--password", PASSWORD, "--superuser", "--verified"];
        let said = command(&place.url(), place.folder(), &[&["user", "create"], &superuser[..]].concat());
        assert_eq!(said.code, Some(0), "{said:?}");
        Self { server, names: Vec::new(), told: Vec::new(), place }
    }

    /// Sends a request, and notes the answer with what differs by chance replaced.
    async fn say(&mut self, what: &str, status: u16, request: Request) -> Response {
        let answer = self.server.send(&request).await;
        assert_eq!(answer.status, status, "{what}: {}", answer.text());
        let body = serde_json::from_slice::<Value>(&answer.body).unwrap_or_default();
        for key in ["id", "access_token"] {
            if let Some(text) = body[key].as_str() {
                self.names.push((text.to_owned(), format!("<{key}>")));
            }
        }
        let mut text = answer.text();
        for (from, to) in &self.names {
            text = text.replace(from, to);
        }
        self.told.push(format!("{what}: {} {text}", answer.status));
        answer
    }

    async fn register(&mut self, status: u16, body: Value) -> Value {
        let request = Request::new("POST", "/auth/register").json(&body);
        self.say(&format!("register {body}"), status, request).await.json()
    }

    async fn with_email(&mut self, status: u16, email: &str) -> Value {
        self.register(status, json!({"email": email, "password": PASSWORD})).await
    }

    async fn login(&mut self, status: u16, email: &str, password: &str) -> Value {
        let form = [("username", email), ("password", password)];
        let request = Request::new("POST", "/auth/jwt/login").form(&form);
        self.say(&format!("login {email:?} {password:?}"), status, request).await.json()
    }

    async fn forgot(&mut self, email: &str) {
        let request = Request::new("POST", "/auth/forgot-password").json(&json!({"email": email}));
        self.say(&format!("forgot {email:?}"), 202, request).await;
    }

    async fn patch(&mut self, status: u16, token: &str, body: Value) {
        let request = Request::new("PATCH", "/users/me").bearer(token).json(&body);
        self.say(&format!("patch {body}"), status, request).await;
    }
}

/// Spellings of addresses: by case, by Unicode's forms, by blanks, and with characters that mean something to SQL.
async fn addresses(talk: &mut Talk) {
    for (status, email) in [
        (201, "ada@example.com"),
        (400, "ADA@Example.com"),
        (400, "ada@EXAMPLE.COM"),
        (201, "caf\u{e9}@example.com"),
        (400, "cafe\u{301}@example.com"),
        (201, "kelvin@example.com"),
        (400, "\u{212a}elvin@example.com"),
        (201, "o'hara@example.com"),
        (201, "a_b@example.com"),
        (201, "a%b@example.com"),
        (201, "{$ne}@example.com"),
        (422, "' OR 1=1 --@example.com"),
        (422, "<script>@example.com"),
        (422, "\"<b onload=x>\"@example.com"),
        (422, "a\u{0}@example.com"),
        (422, "a@example.com\r\nBcc: b@example.com"),
        (422, ""),
    ] {
        talk.with_email(status, email).await;
    }
    for (status, email) in [
        (200, "ADA@example.com"),
        (200, "A_B@example.com"),
        (200, "O'HARA@example.com"),
        (400, "ada@example.com "),
        (400, " ada@example.com"),
        (400, "axb@example.com"),
        (400, "%@example.com"),
        (400, "a%"),
        (400, "ada@example.com'--"),
        (400, "' OR '1'='1"),
        (400, "{\"$gt\": \"\"}"),
        (400, "ada@example.com\u{0}"),
        (400, "\u{e4}da@example.com"),
        (400, "\u{1e00}da@example.com"),
        (400, "\u{ff41}da@example.com"),
    ] {
        talk.login(status, email, PASSWORD).await;
    }
    for password in ["analytical engine ", "Analytical engine", "analytical engine\u{0}", "' OR '1'='1"] {
        talk.login(400, "ada@example.com", password).await;
    }
}

/// What nobody may set, and values of another type.
async fn bodies(talk: &mut Talk) {
    let email = "flags@example.com";
    let flags = json!({"email": email, "password": PASSWORD, "is_superuser": true, "is_verified": true,
        "is_active": false, "hashed_password": "x", "_id": "x", "$set": {"is_superuser": true}});
    let user = talk.register(201, flags).await;
    assert_eq!((&user["is_superuser"], &user["is_active"]), (&json!(false), &json!(true)));
    for body in [
        json!({"email": {"$gt": ""}, "password": PASSWORD}),
        json!({"email": ["a@example.com"], "password": PASSWORD}),
        json!({"email": "b@example.com", "password": {"$ne": ""}}),
        json!({"email": "b@example.com", "password": PASSWORD, "age": 9_223_372_036_854_775_808_u64}),
        json!({"email": "b@example.com", "password": PASSWORD, "nick": {"$where": "1"}}),
        json!({"email": "b@example.com", "password": PASSWORD, "nick": "a\u{0}b"}),
        json!({"email": "b@example.com", "password": PASSWORD, "extra": {"a\u{0}": 1}}),
        json!({"email": "b@example.com", "password": PASSWORD, "badge": "1 OR 1=1"}),
    ] {
        talk.register(422, body).await;
    }
}

/// Own fields of every type come back as they were sent.
async fn own_fields(talk: &mut Talk) {
    for (number, (nick, age, height)) in [
        ("", i64::MIN, -0.5),
        ("trailing  ", i64::MAX, 1e300),
        ("\u{1f600} '\"\\%_ $x", 0, 1.75),
        ("caf\u{e9} cafe\u{301}", -1, 0.1),
    ]
    .into_iter()
    .enumerate()
    {
        let user = json!({"email": format!("own{number}@example.com"), "password": PASSWORD, "nick": nick,
            "age": age, "height": height, "keen": number % 2 == 0, "born": "0999-02-28",
            "seen": "2026-11-23T10:00:00.123000Z", "badge": "6F9619FF-8B86-D011-B42D-00C04FC964FF",
            // Members in the order in which PostgreSQL keeps them.
            "extra": {"": "empty", "a": [1, "two", null, {"b.c": true}], "n": 1.5}});
        let made = talk.register(201, user.clone()).await;
        for key in ["nick", "age", "height", "keen", "born", "extra"] {
            assert_eq!(made[key], user[key], "{key}");
        }
    }
    talk.login(200, "own2@example.com", PASSWORD).await;
}

/// Changes of one's own account, and the routes of superusers with ids that are none.
async fn changes_and_ids(talk: &mut Talk) {
    let token = talk.login(200, "ada@example.com", PASSWORD).await;
    let token = token["access_token"].as_str().unwrap().to_owned();
    talk.patch(200, &token, json!({"is_superuser": true, "is_verified": true, "id": "x"})).await;
    talk.patch(400, &token, json!({"email": "A_B@EXAMPLE.com"})).await;
    talk.patch(200, &token, json!({"email": "Ada.Lovelace@example.com"})).await;
    talk.patch(200, &token, json!({"nick": "the first", "age": null, "extra": [{"$inc": 1}]})).await;
    talk.patch(200, &token, json!({"nick": null})).await;
    talk.patch(200, &token, json!({"email": null})).await;
    talk.patch(422, &token, json!({"born": "2026-02-30"})).await;
    talk.login(400, "ada@example.com", PASSWORD).await;
    talk.login(200, "ada.lovelace@example.com", PASSWORD).await;
    let root = talk.login(200, "root@example.com", PASSWORD).await;
    let root = root["access_token"].as_str().unwrap().to_owned();
    let id = talk.with_email(201, "gone@example.com").await["id"].as_str().unwrap().to_owned();
    let by_id = |method: &str, id: &str| Request::new(method, &format!("/users/{id}")).bearer(&root);
    for id in [
        "1",
        "0",
        "-1",
        "null",
        "1%20OR%201=1",
        "%27--",
        "%7B%22$ne%22:null%7D",
        "00000000-0000-4000-8000-000000000000",
    ] {
        talk.say(&format!("get {id}"), 404, by_id("GET", id)).await;
        talk.say(&format!("delete {id}"), 404, by_id("DELETE", id)).await;
    }
    talk.say("get", 200, by_id("GET", &id.to_uppercase())).await;
    talk.say("patch", 200, by_id("PATCH", &id).json(&json!({"is_active": false}))).await;
    talk.login(400, "gone@example.com", PASSWORD).await;
    talk.say("delete", 204, by_id("DELETE", &id)).await;
    talk.say("get", 404, by_id("GET", &id)).await;
    talk.with_email(201, "gone@example.com").await;
}

#[tokio::test]
async fn in_20_good_and_bad_input_is_answered_alike_on_every_database() {
    let mut first: Option<Vec<String>> = None;
    for engine in [Engine::Sqlite, Engine::Postgres, Engine::MySql, Engine::MongoDb] {
        let mut talk = Talk::on(engine).await;
        addresses(&mut talk).await;
        bodies(&mut talk).await;
        own_fields(&mut talk).await;
        changes_and_ids(&mut talk).await;
        assert!(!talk.server.log().contains("ERROR"), "{}", talk.server.log());
        let Some(first) = &first else {
            first = Some(talk.told);
            continue;
        };
        for (expected, told) in first.iter().zip(&talk.told) {
            assert_eq!(told, expected, "{engine:?}");
        }
        assert_eq!(first.len(), talk.told.len());
    }
}

/// Addresses that a language-aware collation takes for one: a unique index may refuse the second, but nobody is
/// ever taken for somebody else.
#[tokio::test]
async fn in_20_in_10_look_alike_addresses_reach_nobody_elses_account_on_any_database() {
    let pairs = [
        ("jose@example.com", "jos\u{e9}@example.com"),
        ("ian@example.com", "\u{131}an@example.com"),
        ("strasse@example.com", "stra\u{df}e@example.com"),
        ("aether@example.com", "\u{e6}ther@example.com"),
        ("sam@example.com", "\u{17f}am@example.com"),
        ("ada@example.com", "\u{430}da@example.com"),
    ];
    for engine in [Engine::Sqlite, Engine::Postgres, Engine::MySql, Engine::MongoDb] {
        let mut talk = Talk::on(engine).await;
        for (one, other) in pairs {
            let owner = talk.with_email(201, one).await;
            talk.login(400, other, PASSWORD).await;
            talk.forgot(other).await;
            let body = json!({"email": other, "password": "difference engine"});
            let request = Request::new("POST", "/auth/register").json(&body);
            let second = talk.server.send(&request).await;
            match second.status {
                201 => assert_ne!(second.json()["id"], owner["id"]),
                status => {
                    assert_eq!(status, 400, "{engine:?} {other}: {}", second.text());
                    assert!(matches!(engine, Engine::MySql | Engine::MongoDb), "{engine:?} refuses {other}");
                }
            }
            talk.login(400, one, "difference engine").await;
            talk.login(200, one, PASSWORD).await;
        }
        let asks = pairs[0].0;
        talk.forgot(asks).await;
        // Every mail has left when the server has ended. Who asks by a look-alike that has an account by then may have
        // got one there; an owner has none but the one that was asked for by the owner's own address.
        talk.server.stop();
        let files = std::fs::read_dir(talk.place.folder().join("mails")).unwrap();
        let mails: Vec<_> =
            files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect();
        for (owner, _) in pairs {
            let count = mails.iter().filter(|mail| mail.contains(&format!("To: {owner}"))).count();
            assert_eq!(count, usize::from(owner == asks), "{engine:?} {owner}: {mails:?}");
        }
    }
}
