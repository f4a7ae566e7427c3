//! Every recorded exchange of FastAPI Users, sent again.

mod compare;
mod names;
mod session;
mod token;
mod transcript;

use std::io::{Write, stdout};

use crate::support::database::Database;
use crate::support::mail::MailSink;
use crate::support::original::Original;
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
        let Results { compared, left_out } = replay(app, &mut target, within_scope).await;
        let differing = compared.iter().filter(|(_, differences, _)| !differences.is_empty());
        let mut report = String::new();
        for (id, differences, _) in differing {
            report += &format!("{id}\n");
            differences.iter().for_each(|difference| report += &format!("{difference}\n"));
        }
        assert!(report.is_empty(), "FastAPI Users differs from its recording:\n{report}");
        writeln!(stdout(), "FastAPI Users, {app}: {} identical, {left_out} left out", compared.len())
            .unwrap();
    }
}
