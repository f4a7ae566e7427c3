//! Two processes on one database behind a load balancer: they start at once, and race as one process does.

use axum_users_sqlx::sqlx::raw_sql;
use axum_users_sqlx::{Pool, SqlxDatabase};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::command::command;
use crate::support::haproxy::LoadBalancer;
use crate::support::http::{Request, Response, send};
use crate::support::mail::{Kind, MailSink};
use crate::support::place::{Engine, Place};
use crate::support::server::Server;

on_every_engine![
    ra_20_two_processes_race_as_one_does,
    cr_21_two_processes_start_at_once_on_the_originals_tables,
];

const PASSWORD: &str = "analytical engine";
const SQLITE: &str = include_str!("../../../axum-users-sqlx/tests/data/ddl-sqlite.sql");
const POSTGRESQL: &str = include_str!("../../../axum-users-sqlx/tests/data/ddl-postgresql.sql");
const MYSQL: &str = include_str!("../../../axum-users-sqlx/tests/data/ddl-mysql.sql");

const CONFIG: &str = r#"
secret = "reference-secret-0123456789-abcdefghij"
[limits]
enabled = false
[password.argon2]
memory_kib = 64
iterations = 1
parallelism = 1
[mail]
from = "Accounts <no-reply@example.com>"
verify_url = "https://app.example.com/verify?token={token}"
reset_url = "https://app.example.com/reset-password?token={token}"
"#;

/// Two servers that were started at once on an empty database, and what is in front of them.
struct Pair {
    servers: [Server; 2],
    front: LoadBalancer,
    mails: MailSink,
    place: Place,
    other_folder: tempfile::TempDir,
}

impl Pair {
    async fn start(place: Place) -> Self {
        let mails = MailSink::start();
        let other_folder = tempfile::tempdir().unwrap();
        let launch = place.launch_with(CONFIG).set("MAIL__SMTP_URL", &mails.url());
        let other = launch.clone().logging_to(other_folder.path());
        let (first, second) = tokio::join!(launch.start(), other.start());
        let front = LoadBalancer::start(&[&first.address, &second.address], other_folder.path());
        Self { servers: [first, second], front, mails, place, other_folder }
    }

    /// Sends all of them at once, and answers in the order of the requests.
    async fn at_once(&self, requests: Vec<Request>) -> Vec<Response> {
        let mut tasks = JoinSet::new();
        for (number, request) in requests.into_iter().enumerate() {
            let address = self.front.address.clone();
            tasks.spawn(async move { (number, send(&address, &request).await) });
        }
        let mut answers = tasks.join_all().await;
        answers.sort_by_key(|(number, _)| *number);
        let answers: Vec<_> = answers.into_iter().map(|(_, answer)| answer).collect();
        for answer in &answers {
            assert!(answer.status < 500 || answer.status == 503, "{} {}", answer.status, answer.text());
        }
        answers
    }

    async fn send(&self, request: Request) -> Response {
        send(&self.front.address, &request).await
    }

    /// The token of a user who is made for the occasion.
    async fn user(&self, email: &str) -> String {
        let registered = self.send(register(email)).await;
        assert_eq!(registered.status, 201, "{}", registered.text());
        self.token(email, PASSWORD).await.unwrap()
    }

    async fn token(&self, email: &str, password: &str) -> Option<String> {
        let form = [("username", email), ("password", password)];
        let login = self.send(Request::new("POST", "/auth/jwt/login").form(&form)).await;
        (login.status == 200).then(|| login.json()["access_token"].as_str().unwrap().to_owned())
    }

    async fn me(&self, token: &str) -> Value {
        self.send(Request::new("GET", "/users/me").bearer(token)).await.json()
    }

    async fn mailed(&mut self, route: &str, email: &str, kind: Kind) -> String {
        let asked = self.send(Request::new("POST", route).json(&json!({ "email": email }))).await;
        assert_eq!(asked.status, 202);
        let mail = self.mails.next().await.unwrap();
        assert_eq!((mail.to.as_str(), mail.kind), (email, kind));
        mail.token
    }
}

fn register(email: &str) -> Request {
    Request::new("POST", "/auth/register").json(&json!({ "email": email, "password": PASSWORD }))
}

fn patch(token: &str, changes: &Value) -> Request {
    Request::new("PATCH", "/users/me").bearer(token).json(changes)
}

fn count(answers: &[Response], status: u16) -> usize {
    answers.iter().filter(|answer| answer.status == status).count()
}

async fn ra_20_two_processes_race_as_one_does(engine: Engine) {
    let mut pair = Pair::start(Place::new(engine).await).await;
    of_a_hundred_registrations_one_succeeds(&pair).await;
    of_thirty_spellings_one_succeeds_and_logs_in(&pair).await;
    of_twelve_resets_with_one_token_one_succeeds(&mut pair).await;
    of_eight_who_move_to_one_address_one_arrives(&pair).await;
    a_registration_and_a_move_have_one_winner(&pair).await;
    a_victims_address_is_never_verified(&mut pair).await;
    who_is_deleted_is_gone(&pair).await;
    for server in &pair.servers {
        assert!(server.log().contains(r#"path="/auth/register""#), "both took part");
    }
    one_that_is_killed_is_not_missed(pair).await;
}

async fn of_a_hundred_registrations_one_succeeds(pair: &Pair) {
    let answers = pair.at_once(vec![register("one@example.com"); 100]).await;
    assert_eq!(count(&answers, 201), 1);
    assert!(pair.token("one@example.com", PASSWORD).await.is_some());
}

async fn of_thirty_spellings_one_succeeds_and_logs_in(pair: &Pair) {
    let spelling = |number: usize| {
        let name = "spelling".char_indices();
        let name: String =
            name.map(|(at, c)| if number >> at & 1 == 1 { c.to_ascii_uppercase() } else { c }).collect();
        format!("{name}@example.com")
    };
    let answers = pair.at_once((1..31).map(|number| register(&spelling(number))).collect()).await;
    assert_eq!(count(&answers, 201), 1);
    assert!(pair.token("SPELLING@example.com", PASSWORD).await.is_some());
}

async fn of_twelve_resets_with_one_token_one_succeeds(pair: &mut Pair) {
    pair.user("reset@example.com").await;
    let token = pair.mailed("/auth/forgot-password", "reset@example.com", Kind::Reset).await;
    let password = |number: usize| format!("difference engine {number}");
    let reset = |number| {
        Request::new("POST", "/auth/reset-password")
            .json(&json!({ "token": token, "password": password(number) }))
    };
    let answers = pair.at_once((0..12).map(reset).collect()).await;
    assert_eq!(count(&answers, 200), 1);
    for (number, answer) in answers.iter().enumerate() {
        let logs_in = pair.token("reset@example.com", &password(number)).await.is_some();
        assert_eq!(logs_in, answer.status == 200, "{number}");
    }
    assert_eq!(pair.token("reset@example.com", PASSWORD).await, None);
}

async fn of_eight_who_move_to_one_address_one_arrives(pair: &Pair) {
    let mut tokens = Vec::new();
    for number in 0..8 {
        tokens.push(pair.user(&format!("mover{number}@example.com")).await);
    }
    let target = json!({ "email": "target@example.com" });
    let answers = pair.at_once(tokens.iter().map(|token| patch(token, &target)).collect()).await;
    assert_eq!((count(&answers, 200), count(&answers, 400)), (1, 7));
    for (token, answer) in tokens.iter().zip(answers) {
        assert_eq!(pair.me(token).await["email"] == "target@example.com", answer.status == 200);
    }
}

async fn a_registration_and_a_move_have_one_winner(pair: &Pair) {
    for round in 0..10 {
        let mover = pair.user(&format!("before{round}@example.com")).await;
        let wanted = format!("wanted{round}@example.com");
        let answers = pair.at_once(vec![register(&wanted), patch(&mover, &json!({ "email": wanted }))]).await;
        let won = (answers[0].status, answers[1].status);
        assert!(matches!(won, (201, 400) | (400, 200)), "{won:?}");
    }
}

async fn a_victims_address_is_never_verified(pair: &mut Pair) {
    for round in 0..10 {
        let (own, victim) = (format!("own{round}@example.com"), format!("victim{round}@example.com"));
        let attacker = pair.user(&own).await;
        let token = pair.mailed("/auth/request-verify-token", &own, Kind::Verify).await;
        let verify = Request::new("POST", "/auth/verify").json(&json!({ "token": token }));
        let answers = pair.at_once(vec![patch(&attacker, &json!({ "email": victim })), verify]).await;
        let me = pair.me(&attacker).await;
        assert_eq!((answers[0].status, me["email"].as_str()), (200, Some(&*victim)));
        assert_eq!(me["is_verified"], false, "{}", answers[1].text());
    }
}

async fn who_is_deleted_is_gone(pair: &Pair) {
    let root = [
        "user",
        "create",
        "--email",
        "root@example.com",
        "--password",
        PASSWORD,
        "--superuser",
        "--verified",
    ];
    let said = command(&pair.place.url(), pair.other_folder.path(), &root);
    assert_eq!(said.code, Some(0), "{said:?}");
    let root = pair.token("root@example.com", PASSWORD).await.unwrap();
    for round in 0..3 {
        let email = format!("gone{round}@example.com");
        let token = pair.user(&email).await;
        let id = pair.me(&token).await["id"].as_str().unwrap().to_owned();
        let delete = Request::new("DELETE", &format!("/users/{id}")).bearer(&root);
        let mut requests = vec![delete; 4];
        for number in 0..20 {
            requests.push(Request::new("GET", "/users/me").bearer(&token));
            requests.push(patch(&token, &json!({ "email": format!("new{round}.{number}@example.com") })));
        }
        let answers = pair.at_once(requests).await;
        assert_eq!((count(&answers[..4], 204), count(&answers[..4], 404)), (1, 3));
        assert_eq!(pair.send(Request::new("GET", "/users/me").bearer(&token)).await.status, 401);
        assert_eq!(pair.token(&email, PASSWORD).await, None);
    }
}

async fn one_that_is_killed_is_not_missed(pair: Pair) {
    let token = pair.token("one@example.com", PASSWORD).await.unwrap();
    let Pair { servers: [first, second], front, .. } = pair;
    drop(first);
    for _ in 0..8 {
        let me = send(&front.address, &Request::new("GET", "/users/me").bearer(&token)).await;
        assert_eq!(me.status, 200, "{}", me.text());
    }
    drop(second);
}

async fn cr_21_two_processes_start_at_once_on_the_originals_tables(engine: Engine) {
    let place = Place::new(engine).await;
    make_originals_tables(&place).await;
    let pair = Pair::start(place).await;
    let token = pair.user("ada@example.com").await;
    for server in &pair.servers {
        let me = server.send(&Request::new("GET", "/users/me").bearer(&token)).await;
        assert_eq!(me.json()["email"], "ada@example.com");
    }
}

/// As SQLAlchemy makes them; Motor makes no collections beforehand.
async fn make_originals_tables(place: &Place) {
    if place.engine == Engine::MongoDb {
        return;
    }
    let database = SqlxDatabase::connect(&place.url()).await.unwrap();
    let done = match database.pool() {
        Pool::Sqlite(pool) => raw_sql(SQLITE).execute(pool).await.map(|_| ()),
        Pool::Postgres(pool) => raw_sql(POSTGRESQL).execute(pool).await.map(|_| ()),
        Pool::MySql(pool) => raw_sql(MYSQL).execute(pool).await.map(|_| ()),
        other => panic!("{other:?}"),
    };
    done.unwrap();
    database.pool().close().await;
}
