//! `axum-users audit …`

use std::io::{self, Write};

use anyhow::{Context, bail};
use axum_users::{AuditEntry, AuditEvent, AuditFilter, Timestamp, UserModel, Users};
use time::{Date, Duration, format_description::well_known::Rfc3339, macros::format_description};

use crate::{cli::AuditCommand, server_user::ServerUser};

/// Entries that are read at a time.
const PAGE: u32 = 500;

/// Runs one of them.
pub(super) async fn run(users: &Users<ServerUser>, command: AuditCommand) -> anyhow::Result<()> {
    let AuditCommand::List { user, event, since, limit, json } = command;
    let filter = AuditFilter {
        user_id: match user {
            Some(user) => Some(id_of(users, user).await?),
            None => None,
        },
        event: event.map(known_event).transpose()?,
        since: since.map(|text| moment(&text, users.clock().now())).transpose()?,
        before: None,
        limit: 0,
    };
    list(users, filter, limit, json).await
}

/// The id of a user who is named by the e-mail address; any other text is an id, of a deleted user too.
async fn id_of(users: &Users<ServerUser>, user: String) -> anyhow::Result<String> {
    if !user.contains('@') {
        return Ok(user);
    }
    let found = users.get_by_email(&user).await?;
    Ok(found
        .with_context(|| format!("there is no user {user}: name a deleted one by the id"))?
        .id()
        .to_string())
}

fn known_event(name: String) -> anyhow::Result<String> {
    if AuditEvent::ALL.iter().any(|event| event.name() == name) {
        return Ok(name);
    }
    let names: Vec<&str> = AuditEvent::ALL.iter().map(|event| event.name()).collect();
    bail!("there is no event {name}; there are {}", names.join(", "))
}

/// `2026-11-23`, `2026-11-23T10:00:00Z`, or how long ago: `7d`, `24h`, `30m`.
fn moment(text: &str, now: Timestamp) -> anyhow::Result<Timestamp> {
    if let Ok(at) = Timestamp::parse(text, &Rfc3339) {
        return Ok(at);
    }
    if let Ok(date) = Date::parse(text, format_description!("[year]-[month]-[day]")) {
        return Ok(date.midnight().assume_utc());
    }
    let units = [('d', Duration::DAY), ('h', Duration::HOUR), ('m', Duration::MINUTE)];
    let ago = units.iter().find_map(|(unit, length)| {
        let count: u32 = text.strip_suffix(*unit)?.parse().ok()?;
        now.checked_sub(length.checked_mul(i32::try_from(count).ok()?)?)
    });
    ago.with_context(|| {
        format!("--since {text}: expected a moment such as 2026-11-23T10:00:00Z, a day such as 2026-11-23, or how long ago, such as 7d, 24h, 30m")
    })
}

async fn list(
    users: &Users<ServerUser>,
    mut filter: AuditFilter,
    mut left: u32,
    json: bool,
) -> anyhow::Result<()> {
    let mut output = io::BufWriter::new(io::stdout().lock());
    while left > 0 {
        filter.limit = left.min(PAGE);
        let page = users.audit_trail(&filter).await?;
        let Some(last) = page.last() else { break };
        filter.before = Some(last.id.clone());
        left = left.saturating_sub(u32::try_from(page.len()).unwrap_or(u32::MAX));
        for entry in &page {
            if json {
                writeln!(output, "{}", serde_json::to_string(entry)?)?;
            } else {
                writeln!(output, "{}", line(entry)?)?;
            }
        }
    }
    Ok(output.flush()?)
}

/// `2026-11-23T10:00:00Z  login_failed  detail=wrong_password user=… via=jwt from=192.0.2.1`.
fn line(entry: &AuditEntry) -> anyhow::Result<String> {
    let AuditEntry { at, event, detail, user_id, actor_id, via, account, address, agent, .. } = entry;
    let at = at.replace_nanosecond(0)?.format(&Rfc3339)?;
    let mut line = format!("{at}  {event:<24}");
    for (name, text) in [
        ("detail", detail),
        ("user", user_id),
        ("by", actor_id),
        ("via", via),
        ("account", account),
        ("from", address),
        ("agent", agent),
    ] {
        if let Some(text) = text {
            // A database may hold anything.
            let text: String = text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
            let text = if text.contains([' ', '"']) { format!("{text:?}") } else { text };
            line.push_str(&format!(" {name}={text}"));
        }
    }
    Ok(line)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_moment_is_said_by_itself_by_its_day_or_by_how_long_ago_it_was() {
        let now = datetime!(2026-11-23 10:00 UTC);
        for (text, expected) in [
            ("2026-11-23T09:30:00Z", datetime!(2026-11-23 09:30 UTC)),
            ("2026-11-23T09:30:00+01:00", datetime!(2026-11-23 08:30 UTC)),
            ("2026-11-20", datetime!(2026-11-20 00:00 UTC)),
            ("7d", datetime!(2026-11-16 10:00 UTC)),
            ("24h", datetime!(2026-11-22 10:00 UTC)),
            ("90m", datetime!(2026-11-23 08:30 UTC)),
        ] {
            assert_eq!(moment(text, now).unwrap(), expected, "{text}");
        }
        for text in ["yesterday", "-1d", "d", "2026-13-01", "99999999999d", "4294967295d", ""] {
            let error = moment(text, now).unwrap_err().to_string();
            assert!(error.starts_with(&format!("--since {text}: expected a moment")), "{error}");
        }
    }

    #[test]
    fn an_event_is_one_of_those_that_there_are() {
        assert_eq!(known_event("logged_in".into()).unwrap(), "logged_in");
        let error = known_event("login".into()).unwrap_err().to_string();
        assert!(error.starts_with("there is no event login; there are registered, "), "{error}");
    }

    #[test]
    fn a_line_says_what_is_known_and_moves_no_cursor() {
        let mut entry = AuditEntry {
            id: String::new(),
            at: datetime!(2026-11-23 10:00:00.123 UTC),
            event: "logged_in".into(),
            detail: None,
            user_id: Some("7".into()),
            actor_id: None,
            via: Some("jwt".into()),
            account: None,
            address: Some("192.0.2.1".into()),
            agent: Some("a b\u{1b}[2J".into()),
        };
        let expected = "2026-11-23T10:00:00Z  logged_in                user=7 via=jwt from=192.0.2.1 agent=\"a b\u{fffd}[2J\"";
        assert_eq!(line(&entry).unwrap(), expected);
        entry = AuditEntry { user_id: None, via: None, address: None, agent: None, ..entry };
        assert_eq!(line(&entry).unwrap().trim_end(), "2026-11-23T10:00:00Z  logged_in");
    }
}
