//! The configuration file for a database that Python serves, too.

use std::{fmt::Write, path::Path};

use axum_users::{OwnColumn, Random, Survey, schema::Value};
use toml_edit::Value as Toml;

use super::{
    secret::{PythonSecret, VARIABLE},
    source::Source,
};
use crate::config::{self, Config, ConfigError, field_type_name};

/// How a column of the application's own gets into the configuration.
pub(super) enum Served {
    /// With these keys of `[[user.field]]`, behind name and type.
    As(&'static str, String),
    /// Not at all, for this reason. Rows keep what they have there.
    Not(&'static str),
}

/// What becomes of a column. Nobody can see or change it from outside before somebody says so: what it is for, the
/// database does not tell.
pub(super) fn served(column: &OwnColumn) -> Served {
    let Some(type_name) = column.column_type.and_then(field_type_name) else {
        return Served::Not("no type of field holds its values");
    };
    if !config::is_field_name(&column.name) {
        return Served::Not("no field can be called so");
    }
    let closed = "readonly = true\nprivate = true\n";
    match (column.not_null, column.has_default, column.default.as_ref().and_then(literal)) {
        (false, ..) => Served::As(type_name, closed.to_owned()),
        (true, true, Some(default)) => Served::As(type_name, format!("default = {default}\n{closed}")),
        (true, true, None) => Served::Not("its default cannot be written here"),
        (true, false, _) => Served::As(type_name, "required = true\nprivate = true\n".to_owned()),
    }
}

fn literal(value: &Value) -> Option<String> {
    match value {
        Value::Bool(value) => Some(value.to_string()),
        Value::Integer(value) => Some(value.to_string()),
        Value::Float(value) => Some(format!("{value:?}")),
        Value::Text(text) => Some(quoted(text)),
        _ => None,
    }
}

/// Text as TOML writes it.
fn quoted(text: &str) -> String {
    Toml::from(text).to_string()
}

/// The file's text.
pub(super) fn render(url: &str, source: &Source, survey: &Survey, secret: &PythonSecret) -> String {
    let mut text =
        "# Serves the database of a FastAPI Users application beside it. Written by `axum-users adopt`.\n\
        # \"Compare\" stands where the database does not tell what the Python application does.\n\n"
            .to_owned();
    text += &secret_lines(secret);
    let _ = write!(text, "\n[database]\nurl = {}\n", quoted(url));
    let names = source.unusual_names();
    if !names.is_empty() {
        text += "\n[database.tables]\n";
    }
    for (key, name) in names {
        let _ = writeln!(text, "{key} = {}", quoted(name));
    }
    text += "\n[compat]\n\
        # Until Python has gone; then `axum-users adopt --finish` ends it.\n\
        side_by_side = true\n";
    text += BACKENDS;
    if survey.access_tokens.is_some() {
        text += COOKIE_BACKEND;
    }
    text += &field_lines(survey);
    text += &provider_lines(survey);
    text + MAIL
}

fn secret_lines(secret: &PythonSecret) -> String {
    let about = match secret {
        PythonSecret::InEnvironment(_) => format!("# What Python signs with; {VARIABLE} has it.\n"),
        PythonSecret::Missing => {
            "# What Python signs with, SECRET in its documentation: write it here. Without it the \
             server does not start.\n"
                .to_owned()
        }
        _ => "# What Python signs with.\n".to_owned(),
    };
    let mut lines = format!("{about}secret = {}\n", quoted(secret.written()));
    if secret.is_short() {
        let _ = writeln!(
            lines,
            "# It is shorter than 32 bytes, and could be guessed from a token: replace it when Python has gone.\n\
             allow_short_secret_until_python_leaves = true"
        );
    }
    lines
}

const BACKENDS: &str = "\n\
    # Compare with each AuthenticationBackend: its name is a part of the routes, /auth/jwt/login.\n\
    # JWTs leave no trace in a database: take this one out where Python has no JWTStrategy.\n\
    [[backend]]\n\
    name = \"jwt\"\n\
    transport = \"bearer\"\n\
    strategy = \"jwt\"\n\
    # Compare with lifetime_seconds of the strategy; 0 is for ever.\n\
    lifetime_seconds = 3600\n";

const COOKIE_BACKEND: &str = "\n\
    # There is a place for access tokens, so that one backend has the DatabaseStrategy. Compare its name, its transport,\n\
    # lifetime_seconds, and the arguments of CookieTransport, which have the same names here.\n\
    [[backend]]\n\
    name = \"cookie\"\n\
    transport = \"cookie\"\n\
    strategy = \"database\"\n\
    lifetime_seconds = 3600\n";

const MAIL: &str = "\n\
    # Mails: without this each one is a file, and nobody gets it. Python's hooks on_after_forgot_password and\n\
    # on_after_request_verify say where their links lead.\n\
    # [mail]\n\
    # smtp_url = \"smtp+starttls://user:password@smtp.example.com:587\"\n\
    # from = \"Accounts <no-reply@example.com>\"\n\
    # verify_url = \"https://example.com/verify?token={token}\"\n\
    # reset_url = \"https://example.com/reset-password?token={token}\"\n";

fn field_lines(survey: &Survey) -> String {
    let mut lines = String::new();
    let mut is_first = true;
    for column in &survey.own_columns {
        let Served::As(type_name, rest) = served(column) else { continue };
        if std::mem::take(&mut is_first) {
            lines += "\n\
                # Columns of the application's own. They are not shown (private), and who may set them is the\n\
                # command line alone (readonly), until you say otherwise: compare with UserRead, UserCreate and\n\
                # UserUpdate. A required one has to be given at registration, and its user can change it: where\n\
                # Python has a default, write `default = …` and `readonly = true` in place of `required`.\n";
        } else {
            lines.push('\n');
        }
        let name = quoted(&column.name);
        let _ = write!(lines, "[[user.field]]\nname = {name}\ntype = \"{type_name}\"\n{rest}");
    }
    lines
}

fn provider_lines(survey: &Survey) -> String {
    // They come from rows, and stand in comments: a line's end in one would end its comment.
    let is_plain = |name: &&String| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
    };
    let names: Vec<_> = survey.providers.iter().filter(is_plain).collect();
    let mut lines = String::new();
    if !names.is_empty() {
        lines += "\n# There are accounts of these providers. Compare with each get_oauth_router.\n";
    }
    for name in names {
        let _ = write!(
            lines,
            "# [[oauth]]\n# provider = \"{name}\"\n# client_id = \"…\"\n# client_secret = \"…\"\n# backend = \"jwt\"\n"
        );
    }
    lines
}

/// The configuration that the text is, read as a server reads it.
///
/// # Errors
/// A name cannot be used here, or a variable of the environment says otherwise.
pub(super) fn check(text: &str, path: &Path, secret: &PythonSecret) -> Result<Config, ConfigError> {
    let mut variables = config::variables();
    if matches!(secret, PythonSecret::Missing) {
        variables.retain(|(name, _)| name != VARIABLE);
        variables.push((VARIABLE.to_owned(), Random::system().token()));
    }
    Config::from_parts(Some((path, text)), &variables)
}
