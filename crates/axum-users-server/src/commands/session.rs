//! `axum-users session …`

use std::io::{self, Write};

use anyhow::bail;
use axum_users::{Timestamp, UserModel, UserSession, Users};
use serde_json::json;
use time::format_description::well_known::Rfc3339;

use super::user::{find, printable, say};
use crate::{cli::SessionCommand, server_user::ServerUser};

pub(super) async fn run(users: &Users<ServerUser>, command: SessionCommand) -> anyhow::Result<()> {
    match command {
        SessionCommand::List { user, json } => {
            let user = find(users, &user).await?;
            let sessions = users.sessions(user.id(), None).await?;
            let mut output = io::BufWriter::new(io::stdout().lock());
            if !json {
                writeln!(
                    output,
                    "{:<43}  {:<10}  {:<20}  {:<20}  {:<15}  device",
                    "id", "backend", "began", "last used", "address"
                )?;
            }
            for session in &sessions {
                write_session(&mut output, session, json)?;
            }
            Ok(output.flush()?)
        }
        SessionCommand::End { user, session } => {
            let user = find(users, &user).await?;
            if !users.end_session(user.id(), &session).await? {
                bail!("{} has no session {session}; `axum-users session list` shows them", user.email());
            }
            say("The session has ended.")
        }
        SessionCommand::EndAll { user } => {
            let user = find(users, &user).await?;
            users.end_all_sessions(user.id(), None).await?;
            say(&format!("All sessions of {} have ended.", user.email()))
        }
    }
}

fn write_session(output: &mut impl Write, session: &UserSession, json: bool) -> anyhow::Result<()> {
    let (began, last_used) = (moment(session.created_at), session.last_used_at.map(moment));
    if json {
        let session = json!({
            "id": session.id,
            "backend": session.backend,
            "created_at": began,
            "last_used_at": last_used,
            "expires_at": session.expires_at.map(moment),
            "user_agent": session.user_agent,
            "address": session.address,
        });
        return Ok(writeln!(output, "{session}")?);
    }
    let or_dash = |text: Option<&str>| printable(text.unwrap_or("-"));
    Ok(writeln!(
        output,
        "{:<43}  {:<10}  {began:<20}  {:<20}  {:<15}  {}",
        session.id,
        or_dash(session.backend.as_deref()),
        or_dash(last_used.as_deref()),
        or_dash(session.address.as_deref()),
        or_dash(session.user_agent.as_deref()),
    )?)
}

/// To the second, in UTC.
fn moment(at: Timestamp) -> String {
    let at = at.to_offset(time::UtcOffset::UTC);
    at.replace_nanosecond(0).unwrap_or(at).format(&Rfc3339).unwrap_or_default()
}
