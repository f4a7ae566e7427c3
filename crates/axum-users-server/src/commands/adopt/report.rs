//! What `adopt` says of a database.

use std::{fmt::Write, path::Path};

use axum_users::{AdoptionPlan, OwnColumn, Survey, schema::ColumnType};

use super::{
    file::{Served, served},
    secret::PythonSecret,
    source::Source,
};

/// What was found.
pub(super) struct Report<'a> {
    /// What to call the database.
    pub(super) database: String,
    pub(super) source: &'a Source,
    pub(super) survey: &'a Survey,
    pub(super) plan: &'a AdoptionPlan,
}

impl Report<'_> {
    /// The text, for people.
    pub(super) fn render(&self) -> String {
        let Self { database, source, survey, plan } = self;
        let ids = match source.id_type() {
            ColumnType::Integer => "integer ids",
            ColumnType::ObjectId => "ObjectIds",
            _ => "UUIDs",
        };
        let mut text = format!("{database}: FastAPI Users with {} and {ids}\n\n", source.adapter());
        for (name, line) in self.lines() {
            // Writing to a string does not fail.
            let _ = writeln!(text, "  {name:<15} {line}");
        }
        let unreadable = survey.hashes.unreadable();
        if unreadable > 0 {
            let _ = writeln!(
                text,
                "\n{unreadable} users have a password hash that cannot be verified here: they log in once they have \
                 reset their password."
            );
        }
        if plan.steps.is_empty() {
            if plan.obstacles.is_empty() {
                text += "\nNothing was changed, and nothing has to be: it has all that a server needs.";
            }
            return text;
        }
        text += "\nNothing was changed. `axum-users migrate`, or the first start, adds\n";
        for step in plan.steps.iter().filter_map(|step| short(step)) {
            let _ = write!(text, "\n  {step}");
        }
        text
    }

    fn lines(&self) -> Vec<(&'static str, String)> {
        let Self { source, survey, .. } = self;
        let oauth_accounts = match (survey.oauth_accounts, source.oauth_account()) {
            (None, _) => "there is no table of them".to_owned(),
            (Some(count), Some(table)) => format!("{count} in `{table}`"),
            (Some(count), None) => format!("{count} within the users"),
        };
        let providers = match survey.providers.is_empty() {
            true => String::new(),
            false => format!(", of {}", survey.providers.join(", ")),
        };
        let access_tokens = match survey.access_tokens {
            None => "there is no place for them".to_owned(),
            Some(count) => format!("{count} in `{}`", source.access_token()),
        };
        let mut lines = vec![
            ("users", format!("{} in `{}`", survey.users, source.user())),
            ("passwords", survey.hashes.to_string()),
            ("OAuth accounts", oauth_accounts + &providers),
            ("access tokens", access_tokens),
        ];
        for (index, column) in survey.own_columns.iter().enumerate() {
            lines.push((if index == 0 { "own columns" } else { "" }, column_line(column)));
        }
        lines
    }
}

fn column_line(column: &OwnColumn) -> String {
    let OwnColumn { name, declared, not_null, .. } = column;
    let not_null = if *not_null { " NOT NULL" } else { "" };
    let becomes = match served(column) {
        Served::As(type_name, keys) => {
            let short = |line| match line {
                "readonly = true" => "readonly",
                "private = true" => "private",
                "required = true" => "required",
                line => line,
            };
            let keys: Vec<_> = keys.lines().map(short).collect();
            format!("{type_name}, {}", keys.join(", "))
        }
        Served::Not(reason) => format!("left out: {reason}"),
    };
    format!("`{name}` {declared}{not_null}: {becomes}")
}

/// A step in a line; `None` for one that nobody has to know of.
fn short(step: &str) -> Option<String> {
    let line = step.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.starts_with("INSERT ") {
        return None;
    }
    match line.starts_with("CREATE TABLE ") {
        true => line.split(" (").next().map(str::to_owned),
        false => Some(line),
    }
}

/// What there is to do once the file is written.
pub(super) fn next_steps(output: &Path, secret: &PythonSecret) -> String {
    let file = output.display();
    let option = match output == Path::new(crate::config::DEFAULT_FILE) {
        true => String::new(),
        false => format!(" --config {file}"),
    };
    let write_secret = match secret {
        PythonSecret::Missing => format!(
            "{file} has no secret yet: write down there what Python signs with, or set {}.\n",
            super::secret::VARIABLE
        ),
        _ => String::new(),
    };
    format!(
        "\n{file} is written, for its owner alone. {write_secret}\
         Compare it with the Python application where it says so, then\n\n  \
         axum-users{option} serve           beside Python, on the same database\n  \
         axum-users{option} adopt --finish  once Python has gone"
    )
}
