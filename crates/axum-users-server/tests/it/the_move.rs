//! The move from FastAPI Users, as a demonstration: a real application of it under load behind haproxy, axum-users beside
//! it on the same PostgreSQL, and in the end alone. Nobody notices.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::support::command::run;
use crate::support::haproxy::LoadBalancer;
use crate::support::http::{Request, Response, send, try_send};
use crate::support::mail::{Kind, MailSink};
use crate::support::original::Original;
use crate::support::place::{Engine, Place};
use crate::support::provider::Provider;
use crate::support::redis::free_port;
use crate::support::server::{Launch, Server};
use crate::support::{SECRET, session};

const EMAIL: &str = "ada@example.com";
const PASSWORD: &str = "analytical engine";

/// Clients at once.
const CLIENTS: usize = 4;

/// Answers that each step has to see before the next one.
const ANSWERS_A_STEP: usize = 100;

/// The steps, in the words of the book's table.
const STEPS: [&str; 6] = [
    "Python alone",
    "axum-users joins, with one request of ten",
    "half each",
    "axum-users alone; Python is drained and stopped",
    "`adopt --finish` while it serves",
    "the second process alone, with the finished configuration",
];

/// What the load balancer calls the application, and the two processes of axum-users.
const PYTHON: &str = "Python";
const FIRST: &str = "first";
const SECOND: &str = "second";

/// What visitors do meanwhile, and what became of it.
struct Load {
    front: String,
    /// What Python says when it fails.
    python_log: PathBuf,
    before: Before,
    step: AtomicUsize,
    answered: AtomicUsize,
    is_over: AtomicBool,
    /// How many answers each process gave in each step.
    answers: Mutex<BTreeMap<(usize, String), u64>>,
    failures: Mutex<Vec<String>>,
}

/// What people had before the move.
struct Before {
    bearers: Vec<String>,
    cookies: Vec<String>,
    resets: Vec<(String, String)>,
    verifications: Vec<(String, String)>,
}

impl Before {
    /// Made by Python alone: sessions, and mails that nobody has opened yet.
    async fn make(front: &str, mails: &mut MailSink) -> Self {
        assert_eq!(send(front, &register(EMAIL)).await.status, 201);
        let (mut bearers, mut cookies) = (Vec::new(), Vec::new());
        for _ in 0..2 {
            bearers.push(token_of(&send(front, &login("jwt")).await));
            cookies.push(session(front, EMAIL, PASSWORD).await);
        }
        let (mut resets, mut verifications) = (Vec::new(), Vec::new());
        for number in 0..2 {
            for (name, route, kind, into) in [
                ("reset", "/auth/forgot-password", Kind::Reset, &mut resets),
                ("verify", "/auth/request-verify-token", Kind::Verify, &mut verifications),
            ] {
                let email = format!("{name}{number}@example.com");
                assert_eq!(send(front, &register(&email)).await.status, 201);
                let ask = Request::new("POST", route).json(&json!({ "email": email }));
                assert_eq!(send(front, &ask).await.status, 202);
                let mail = mails.next().await.unwrap();
                assert_eq!((mail.to.as_str(), mail.kind), (email.as_str(), kind));
                into.push((email, mail.token));
            }
        }
        Self { bearers, cookies, resets, verifications }
    }

    /// Every session from before answers with its user.
    async fn sessions_go_on(&self, front: &str) {
        let bearers = self.bearers.iter().map(|token| me().bearer(token));
        let cookies = self.cookies.iter().map(|cookie| by_cookie(me(), cookie));
        for request in bearers.chain(cookies) {
            let seen = send(front, &request).await;
            assert_eq!((seen.status, &seen.json()["email"]), (200, &json!(EMAIL)), "{request:?}");
        }
    }

    /// The mails of this number lead where they led.
    async fn mails_are_good(&self, front: &str, number: usize) {
        let (email, token) = &self.resets[number];
        let body = json!({ "token": token, "password": "difference engine" });
        let reset = Request::new("POST", "/auth/reset-password").json(&body);
        assert_eq!(send(front, &reset).await.status, 200);
        let form = [("username", email.as_str()), ("password", "difference engine")];
        assert_eq!(send(front, &Request::new("POST", "/auth/jwt/login").form(&form)).await.status, 200);
        let (email, token) = &self.verifications[number];
        let verify = Request::new("POST", "/auth/verify").json(&json!({ "token": token }));
        let verified = send(front, &verify).await;
        let told = verified.json();
        assert_eq!(
            (verified.status, &told["email"], &told["is_verified"]),
            (200, &json!(email), &json!(true))
        );
    }
}

fn me() -> Request {
    Request::new("GET", "/users/me")
}

fn by_cookie(request: Request, cookie: &str) -> Request {
    request.header("cookie", &format!("fastapiusersauth={cookie}"))
}

fn register(email: &str) -> Request {
    Request::new("POST", "/auth/register").json(&json!({ "email": email, "password": PASSWORD }))
}

fn login(backend: &str) -> Request {
    let form = [("username", EMAIL), ("password", PASSWORD)];
    Request::new("POST", &format!("/auth/{backend}/login")).form(&form)
}

fn token_of(answer: &Response) -> String {
    answer.json()["access_token"].as_str().unwrap().to_owned()
}

impl Load {
    fn new(front: &str, python_log: PathBuf, before: Before) -> Arc<Self> {
        Arc::new(Self {
            front: front.to_owned(),
            python_log,
            before,
            step: AtomicUsize::new(0),
            answered: AtomicUsize::new(0),
            is_over: AtomicBool::new(false),
            answers: Mutex::default(),
            failures: Mutex::default(),
        })
    }

    fn start(self: &Arc<Self>) -> JoinSet<()> {
        let mut clients = JoinSet::new();
        for client in 0..CLIENTS {
            let load = Arc::clone(self);
            clients.spawn(async move {
                let mut round = client;
                while !load.is_over.load(Ordering::Relaxed) {
                    load.visit(client, round).await;
                    round += 1;
                }
            });
        }
        clients
    }

    /// What one visitor does: whatever process answers which part of it.
    async fn visit(&self, client: usize, round: usize) {
        let Before { bearers, cookies, .. } = &self.before;
        self.ask(&me().bearer(&bearers[round % bearers.len()]), 200).await;
        self.ask(&by_cookie(me(), &cookies[round % cookies.len()]), 200).await;
        self.ask(&me(), 401).await;
        match round % 4 {
            0 => {
                if let Some(answer) = self.ask(&login("jwt"), 200).await {
                    self.ask(&me().bearer(&token_of(&answer)), 200).await;
                }
            }
            1 => {
                let Some(answer) = self.ask(&login("cookie"), 204).await else { return };
                let cookie = answer.cookie("fastapiusersauth").unwrap_or_default().to_owned();
                self.ask(&by_cookie(me(), &cookie), 200).await;
                let logout = Request::new("POST", "/auth/cookie/logout");
                self.ask(&by_cookie(logout, &cookie), 204).await;
                self.ask(&by_cookie(me(), &cookie), 401).await;
            }
            2 => {
                self.ask(&register(&format!("visitor{client}.{round}@example.com")), 201).await;
            }
            _ => {
                let change = Request::new("PATCH", "/users/me").json(&json!({}));
                self.ask(&change.bearer(&bearers[0]), 200).await;
            }
        }
    }

    /// Sends a request that has to be answered like this. `None` where it was not.
    async fn ask(&self, request: &Request, expected: u16) -> Option<Response> {
        let step = self.step.load(Ordering::Relaxed);
        let failure = match try_send(&self.front, request).await {
            Ok(answer) if answer.status == expected => {
                let server = answer.header("x-served-by").unwrap_or_default().to_owned();
                *self.answers.lock().unwrap().entry((step, server)).or_default() += 1;
                self.answered.fetch_add(1, Ordering::Relaxed);
                return Some(answer);
            }
            Ok(answer) => format!("{} in place of {expected}: {}", answer.status, answer.text()),
            Err(error) => error.to_string(),
        };
        let failure = format!("{}: {} {}: {failure}", STEPS[step], request.method, request.target);
        self.failures.lock().unwrap().push(failure);
        None
    }

    /// Goes on to a step, and lets visitors see it.
    async fn go_to(&self, step: usize) {
        self.step.store(step, Ordering::Relaxed);
        self.answered.store(0, Ordering::Relaxed);
        while self.answered.load(Ordering::Relaxed) < ANSWERS_A_STEP {
            self.nothing_failed();
            sleep(Duration::from_millis(10)).await;
        }
        self.before.sessions_go_on(&self.front).await;
    }

    fn nothing_failed(&self) {
        let failures = self.failures.lock().unwrap();
        let log = || std::fs::read_to_string(&self.python_log).unwrap_or_default();
        assert!(failures.is_empty(), "{failures:#?}\nPython says:\n{}", log());
    }

    fn of(&self, step: usize, server: &str) -> u64 {
        self.answers.lock().unwrap().get(&(step, server.to_owned())).copied().unwrap_or(0)
    }

    /// The book's table.
    fn record(&self) -> String {
        let mut table = "| step | Python | axum-users | failed |\n| --- | --- | --- | --- |\n".to_owned();
        for (number, step) in STEPS.iter().enumerate() {
            let ours = self.of(number, FIRST) + self.of(number, SECOND);
            writeln!(table, "| {step} | {} | {ours} | 0 |", self.of(number, PYTHON)).unwrap();
        }
        table
    }
}

/// Starts a process of axum-users in its folder, at the address that the load balancer knows.
async fn join(place: &Place, address: &str, mails: &MailSink, log: &str) -> Server {
    let logs = place.folder().join(log);
    std::fs::create_dir(&logs).unwrap();
    let launch = Launch::new(&place.folder().join("axum-users.toml"), place.folder()).logging_to(&logs);
    // What the operator adds: where it listens, mail, and no limits, since all visitors have one address here.
    launch
        .set("LISTEN", address)
        .set("LIMITS__ENABLED", "false")
        .set("MAIL__SMTP_URL", &mails.url())
        .set("MAIL__FROM", "no-reply@example.com")
        .set("MAIL__RESET_URL", Kind::Reset.link())
        .set("MAIL__VERIFY_URL", Kind::Verify.link())
        .start()
        .await
}

/// Runs `adopt` in the folder of the place.
fn adopt(place: &Place, arguments: &[&str], input: &str) -> String {
    let said = run(place.folder(), &[], &[&["adopt"][..], arguments].concat(), input);
    assert_eq!(said.code, Some(0), "{said:?}");
    said.output
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_whole_move_from_fastapi_users_under_load_fails_no_request_and_ends_no_session() {
    let place = Place::new(Engine::Postgres).await;
    let (mut mails, provider) = (MailSink::start(), Provider::start());
    let python =
        Original::start_on_postgresql(&place.url(), place.folder(), mails.port, &provider.discovery());
    let [first_address, second_address] = [(); 2].map(|()| format!("127.0.0.1:{}", free_port()));
    let servers = [(PYTHON, &*python.address), (FIRST, &*first_address), (SECOND, &*second_address)];
    let front = LoadBalancer::start_named(&servers, place.folder());
    front.weigh(FIRST, 0);
    front.weigh(SECOND, 0);
    let before = Before::make(&front.address, &mut mails).await;
    let load = Load::new(&front.address, python.log.clone(), before);
    let mut clients = load.start();
    load.go_to(0).await;

    let url = place.url();
    let tried = adopt(&place, &["--database", &url, "--dry-run"], "");
    assert!(
        tried.contains("FastAPI Users with SQLAlchemy and UUIDs") && tried.contains(" argon2id\n"),
        "{tried}"
    );
    adopt(&place, &["--database", &url, "--secret-stdin"], SECRET);
    let mut first = join(&place, &first_address, &mails, FIRST).await;
    front.wait_for(FIRST);
    front.weigh(PYTHON, 90);
    front.weigh(FIRST, 10);
    load.go_to(1).await;

    front.weigh(PYTHON, 50);
    front.weigh(FIRST, 50);
    load.go_to(2).await;

    front.weigh(FIRST, 100);
    front.weigh(PYTHON, 0);
    front.wait_until_idle(PYTHON);
    python.stop();
    load.go_to(3).await;
    load.before.mails_are_good(&load.front, 0).await;

    load.step.store(4, Ordering::Relaxed);
    let finished = adopt(&place, &["--finish", "--hash-tokens"], "");
    assert!(finished.contains("compat.side_by_side is false now."), "{finished}");
    assert!(finished.contains("access tokens that stood in clear are stored as hashes."), "{finished}");
    load.go_to(4).await;

    let second = join(&place, &second_address, &mails, SECOND).await;
    front.wait_for(SECOND);
    front.weigh(SECOND, 100);
    front.weigh(FIRST, 0);
    front.wait_until_idle(FIRST);
    first.stop();
    load.go_to(5).await;
    load.before.mails_are_good(&load.front, 1).await;

    load.is_over.store(true, Ordering::Relaxed);
    while let Some(ended) = clients.join_next().await {
        ended.unwrap();
    }
    load.nothing_failed();
    for (step, server) in
        [(0, PYTHON), (1, PYTHON), (1, FIRST), (2, PYTHON), (2, FIRST), (3, FIRST), (5, SECOND)]
    {
        assert!(load.of(step, server) > 0, "{server} in \"{}\"", STEPS[step]);
    }
    assert!(!second.log().contains("side_by_side"), "{}", second.log());
    if let Some(file) = std::env::var_os("RECORD_THE_MOVE") {
        std::fs::write(file, load.record()).unwrap();
    }
}
