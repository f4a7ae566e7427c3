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
use crate::support::probe::Probe;
use crate::support::server::Launch;
use listed::{LISTED, Listed};
use session::{Results, Target, replay};
use transcript::Line;

/// The recorded applications whose routes exist by now.
const APPS: [&str; 3] = ["default", "requires-verification", "cookie-options"];

/// OAuth and Redis are not there yet.
fn within_scope(line: &Line) -> bool {
    let path = &line.request.path;
    !path.contains("/corp/") && !path.starts_with("/auth/redis/")
}

/// The referee's own application must pass: else the replayer is wrong, or the recording.
#[tokio::test]
async fn fastapi_users_itself_answers_every_recorded_line_alike() {
    let mut score = Score::default();
    for app in APPS {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("users.sqlite");
        let mails = MailSink::start();
        let original = Original::start(app, &file, mails.port);
        let mut target = Target {
            address: original.address.clone(),
            probe_address: original.address.clone(),
            database: Database::new(&file),
            mails,
        };
        score.add(&replay(app, &mut target, within_scope).await, |_| None);
    }
    score.tell("FastAPI Users");
}

#[tokio::test]
async fn the_server_answers_every_recorded_line_like_fastapi_users() {
    let mut score = Score::default();
    for app in APPS {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("users.sqlite");
        let mails = MailSink::start();
        let config = data(&format!("replay-{app}.toml"));
        let launch = Launch::new(&config, folder.path()).database(&file).set("MAIL__SMTP_URL", &mails.url());
        let server = launch.start().await;
        let probe = Probe::start(&file).await;
        let mut target = Target {
            address: server.address.clone(),
            probe_address: probe.address.clone(),
            database: Database::new(&file),
            mails,
        };
        score.add(&replay(app, &mut target, within_scope).await, Listed::of);
        let log = server.log();
        let complaints =
            log.lines().filter(|line| line.contains("ERROR")).map(|line| format!("{app}: {line}"));
        score.failures.extend(complaints);
    }
    score.tell("axum-users");
    assert_eq!(score.listed, LISTED.len(), "a line of the list was never sent");
}

/// The sum over the applications.
#[derive(Debug, Default)]
struct Score {
    identical: usize,
    listed: usize,
    total: usize,
    left_out: usize,
    failures: Vec<String>,
}

impl Score {
    fn add(&mut self, results: &Results, listed: impl Fn(&str) -> Option<&'static Listed>) {
        self.left_out += results.left_out;
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
        let Self { identical, listed, total, left_out, failures } = self;
        let mut terminal = stdout();
        writeln!(
            terminal,
            "{who}: {identical} identical, {listed} listed, {total} total ({left_out} of OAuth and Redis left out)"
        )
        .unwrap();
        assert!(failures.is_empty(), "{} lines are not in order:\n{}", failures.len(), failures.join("\n"));
    }
}
