//! Every recorded exchange of FastAPI Users, sent again.

mod compare;
mod listed;
mod names;
mod session;
pub(crate) mod token;
mod transcript;

use std::io::{Write, stdout};

use crate::support::data;
use crate::support::database::Database;
use crate::support::mail::MailSink;
use crate::support::original::Original;
use crate::support::place::{Engine, Place};
use crate::support::probe::Probe;
use crate::support::provider::Provider;
use crate::support::redis::RedisServer;
use crate::support::server::Launch;
use listed::Listed;
use session::{Results, Target, replay};

/// The recorded applications.
const APPS: [&str; 6] =
    ["default", "requires-verification", "oauth-in-user", "cookie-options", "no-expiry", "short-lived"];

/// The referee's own application must pass: else the replayer is wrong, or the recording.
#[tokio::test]
async fn qa_04_fastapi_users_itself_answers_every_recorded_line_alike() {
    let mut score = Score::default();
    for app in APPS {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("users.sqlite");
        let mails = MailSink::start();
        let provider = Provider::start();
        let redis = RedisServer::start();
        let discovery = provider.discovery();
        let original = Original::start_with_redis(app, &file, mails.port, &discovery, &redis.url());
        let mut target = Target {
            address: original.address.clone(),
            probe_address: original.address.clone(),
            database: Database::new(&file),
            mails,
            provider,
            redis,
            states_are_good_once: false,
            accounts_have_an_order: true,
        };
        score.add(&replay(app, &mut target).await, |_| None);
    }
    score.tell("FastAPI Users");
}

async fn qa_04_the_server_answers_every_recorded_line_like_fastapi_users(engine: Engine) {
    let score = replay_all(engine, |launch, _| launch).await;
    score.tell(&format!("axum-users on {engine:?}"));
    assert_eq!(score.listed, listed::all().count(), "a line of the list was never sent");
}

/// Limits are the one thing that the recorded applications lack and the server has by itself. Where they let as much
/// through as the recording asks for, no line shows that they are there, wherever tries are counted.
async fn qa_04_limits_that_are_on_and_raised_change_no_answer(engine: Engine) {
    // Tries in memory and in Redis are the same beside any database, so one of them is enough to show those.
    let stores = match engine {
        Engine::Sqlite => ["memory", "redis", "database"],
        _ => ["database"; 3],
    };
    let with_limits = |launch: Launch, index: usize| {
        let launch = launch.set("LIMITS__ENABLED", "true").set("LIMITS__STORE", stores[index % 3]);
        LIMITS.iter().fold(launch, |launch, limit| launch.set(&format!("LIMITS__{limit}__TRIES"), "1000000"))
    };
    let score = replay_all(engine, with_limits).await;
    score.tell(&format!("axum-users on {engine:?} with limits on and raised"));
    assert_eq!(score.listed, listed::all().count(), "a line of the list was never sent");
}

on_every_engine!(
    qa_04_the_server_answers_every_recorded_line_like_fastapi_users,
    qa_04_limits_that_are_on_and_raised_change_no_answer,
);

/// Every limit, as environment variables name it.
const LIMITS: [&str; 8] = [
    "LOGIN_PER_ACCOUNT_AND_ADDRESS",
    "LOGIN_PER_ACCOUNT_AND_ADDRESS_DAILY",
    "LOGIN_PER_ACCOUNT",
    "LOGIN_PER_ADDRESS",
    "REGISTER_PER_ADDRESS",
    "MAIL_PER_ACCOUNT",
    "MAIL_PER_ADDRESS",
    "TOKEN_PER_ADDRESS",
];

/// Replays every application's lines at a server whose launch may be changed, by the application's number.
async fn replay_all(engine: Engine, change: impl Fn(Launch, usize) -> Launch) -> Score {
    let mut score = Score::default();
    for (index, app) in APPS.into_iter().enumerate() {
        let place = Place::new(engine).await;
        let mails = MailSink::start();
        let (provider, redis) = (Provider::start(), RedisServer::start());
        let launch = place
            .launch(&data(&format!("replay-{app}.toml")))
            .set("MAIL__SMTP_URL", &mails.url())
            .set("REDIS__URL", &redis.url())
            .set("OAUTH__0__OPENID_CONFIGURATION_ENDPOINT", &provider.discovery());
        let server = change(launch, index).start().await;
        let probe = Probe::start(&place.url()).await;
        let mut target = Target {
            address: server.address.clone(),
            probe_address: probe.address.clone(),
            database: place.database(),
            mails,
            provider,
            redis,
            states_are_good_once: true,
            accounts_have_an_order: matches!(engine, Engine::Sqlite | Engine::MongoDb),
        };
        score.add(&replay(app, &mut target).await, Listed::of);
        let log = server.log();
        let complaints = log.lines().filter(|line| is_complaint(line)).map(|line| format!("{app}: {line}"));
        score.failures.extend(complaints);
    }
    score
}

/// An error in the log that is not the provider's: the recorded one fails in two ways.
fn is_complaint(line: &str) -> bool {
    let is_providers = ["status=502", "status=503"].iter().any(|status| line.contains(status));
    line.contains("ERROR") && !(is_providers && line.contains("/corp/callback"))
}

/// The sum over the applications.
#[derive(Debug, Default)]
struct Score {
    identical: usize,
    listed: usize,
    total: usize,
    failures: Vec<String>,
}

impl Score {
    fn add(&mut self, results: &Results, listed: impl Fn(&str) -> Option<&'static Listed>) {
        self.total += results.compared.len();
        for (id, differences, answer) in &results.compared {
            let objection = match listed(id) {
                Some(listed) => {
                    self.listed += 1;
                    listed.objection(differences, answer.as_ref())
                }
                None if differences.is_empty() => {
                    self.identical += 1;
                    None
                }
                None => Some("differs".to_owned()),
            };
            if let Some(objection) = objection {
                let differences = differences.iter().map(|difference| format!("\n{difference}"));
                self.failures.push(format!("{id} {objection}{}", differences.collect::<String>()));
            }
        }
    }

    /// Prints the count, past the test runner's capture, and fails on what is not in order.
    fn tell(&self, who: &str) {
        let Self { identical, listed, total, failures } = self;
        let mut terminal = stdout();
        writeln!(terminal, "{who}: {identical} identical, {listed} listed, {total} total").unwrap();
        assert!(failures.is_empty(), "{} lines are not in order:\n{}", failures.len(), failures.join("\n"));
    }
}
