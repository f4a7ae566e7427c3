//! `axum-users user …`

use std::io::{self, BufRead, IsTerminal, Write};

use anyhow::{Context, bail};
use axum_users::{
    Flags, RequestInfo, UserId, UserModel, Users,
    schema::{Column, ColumnType, Record, Value},
};

use crate::{
    cli::{PasswordArguments, UserCommand},
    config::parse_value,
    server_user::ServerUser,
};

/// Users that are read at a time.
const PAGE: u32 = 500;

/// Runs one of them; `columns` are the configuration's own fields.
pub(super) async fn run(
    users: &Users<ServerUser>,
    columns: &[Column],
    command: UserCommand,
) -> anyhow::Result<()> {
    match command {
        UserCommand::Create { email, password, superuser, verified, set } => {
            let mut fields = own_fields(columns, &set)?;
            require_fields(columns, &fields)?;
            fields.set("email", Value::Text(email));
            fields.set("password", Value::Text(read_password(password)?));
            fields.set("is_superuser", Value::Bool(superuser));
            fields.set("is_verified", Value::Bool(verified));
            let user = users.create(fields.into(), Flags::Applied, &by_command()).await?;
            say(&format!("Created {} with the id {}.", user.email(), user.id()))
        }
        UserCommand::List { limit, json } => list(users, limit.unwrap_or(usize::MAX), json).await,
        UserCommand::Show { user } => {
            let user = find(users, &user).await?;
            say(&serde_json::to_string_pretty(&users.read(user))?)
        }
        UserCommand::Update { user, email, active, superuser, verified, set } => {
            let mut changes = own_fields(columns, &set)?;
            if let Some(email) = email {
                changes.set("email", Value::Text(email));
            }
            for (name, flag) in
                [("is_active", active), ("is_superuser", superuser), ("is_verified", verified)]
            {
                if let Some(flag) = flag {
                    changes.set(name, Value::Bool(flag));
                }
            }
            if changes.is_empty() {
                bail!("nothing to change: give --email, --active, --superuser, --verified or --set");
            }
            let user = update(users, &find(users, &user).await?, changes).await?;
            say(&serde_json::to_string_pretty(&users.read(user))?)
        }
        UserCommand::Delete { user, yes } => {
            let user = find(users, &user).await?;
            if !yes && !confirmed(&format!("Delete {} with all that belongs to it?", user.email()))? {
                return say("Nothing was deleted.");
            }
            users.delete(&user, &by_command()).await?;
            say(&format!("Deleted {}.", user.email()))
        }
        UserCommand::SetPassword { user, password } => {
            let user = find(users, &user).await?;
            let password = Record::new().with("password", Value::Text(read_password(password)?));
            let user = update(users, &user, password).await?;
            say(&format!("{} has a new password; sessions with the old one have ended.", user.email()))
        }
    }
}

/// Who the audit trail says did it.
fn by_command() -> RequestInfo {
    RequestInfo::default().by(&"command line")
}

pub(super) fn say(text: &str) -> anyhow::Result<()> {
    Ok(writeln!(io::stdout(), "{text}")?)
}

async fn update(users: &Users<ServerUser>, user: &ServerUser, changes: Record) -> anyhow::Result<ServerUser> {
    Ok(users.update(user, changes.into(), Flags::Applied, &by_command()).await?)
}

/// The user with this e-mail address or id.
pub(super) async fn find(users: &Users<ServerUser>, name: &str) -> anyhow::Result<ServerUser> {
    let found = if name.contains('@') {
        users.get_by_email(name).await?
    } else {
        match <ServerUser as UserModel>::Id::parse(name, users.schema().id_type()) {
            Some(id) => users.get(&id).await?,
            None => bail!("{name} is neither an e-mail address nor {}", id_kind(users.schema().id_type())),
        }
    };
    found.with_context(|| format!("there is no user {name}"))
}

fn id_kind(id_type: ColumnType) -> String {
    format!("an id, which is {id_type} here")
}

async fn list(users: &Users<ServerUser>, limit: usize, json: bool) -> anyhow::Result<()> {
    let mut output = io::BufWriter::new(io::stdout().lock());
    let mut left = limit;
    let mut last = None;
    if !json {
        writeln!(output, "{:<36}  active  superuser  verified  e-mail", "id")?;
    }
    while left > 0 {
        let count = u32::try_from(left).unwrap_or(PAGE).min(PAGE);
        let page = users.list(last.as_ref(), count).await?;
        let Some(user) = page.last() else { break };
        last = Some(user.id().clone());
        left -= page.len().min(left);
        for user in page {
            if json {
                writeln!(output, "{}", serde_json::to_string(&users.read(user))?)?;
            } else {
                write_row(&mut output, &user)?;
            }
        }
    }
    Ok(output.flush()?)
}

fn write_row(output: &mut impl Write, user: &ServerUser) -> io::Result<()> {
    let word = |flag| if flag { "yes" } else { "no" };
    let (id, email) = (user.id().to_string(), printable(user.email()));
    let (active, superuser, verified) =
        (word(user.is_active()), word(user.is_superuser()), word(user.is_verified()));
    writeln!(output, "{id:<36}  {active:<6}  {superuser:<9}  {verified:<8}  {email}")
}

/// A text without the characters that move a terminal's cursor; a database may hold anything.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { '\u{fffd}' } else { character }).collect()
}

/// The values of `--set NAME=VALUE`; an empty value is none where the column allows none.
fn own_fields(columns: &[Column], given: &[String]) -> anyhow::Result<Record> {
    let mut record = Record::new();
    for pair in given {
        let Some((name, text)) = pair.split_once('=') else { bail!("--set {pair}: expected NAME=VALUE") };
        let Some(column) = columns.iter().find(|column| column.name == name) else {
            let names: Vec<&str> = columns.iter().map(|column| column.name.as_ref()).collect();
            match names[..] {
                [] => bail!("--set {name}: the configuration has no own fields ([[user.field]])"),
                _ => bail!("--set {name}: there is no such field; there are {}", names.join(", ")),
            }
        };
        let value = if text.is_empty() && column.nullable {
            Value::Null
        } else {
            parse_value(column, text).map_err(|message| anyhow::anyhow!("--set {name}: {message}"))?
        };
        record.set(column.name.clone(), value);
    }
    Ok(record)
}

fn require_fields(columns: &[Column], given: &Record) -> anyhow::Result<()> {
    let missing = columns.iter().filter(|column| column.is_required() && given.get(&column.name).is_none());
    let missing: Vec<String> = missing.map(|column| format!("--set {}=…", column.name)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    bail!("required fields are missing: add {}", missing.join(" "));
}

fn read_password(arguments: PasswordArguments) -> anyhow::Result<String> {
    if let Some(password) = arguments.password {
        return Ok(password);
    }
    if arguments.password_stdin {
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line).context("the password cannot be read from standard input")?;
        let password = line.strip_suffix('\n').unwrap_or(&line);
        let password = password.strip_suffix('\r').unwrap_or(password);
        if password.is_empty() {
            bail!("standard input held no password");
        }
        return Ok(password.to_owned());
    }
    if !io::stdin().is_terminal() {
        bail!("there is no terminal to ask for the password: use --password-stdin");
    }
    let password = rpassword::prompt_password("Password: ")?;
    if rpassword::prompt_password("Again: ")? != password {
        bail!("the two are not the same");
    }
    Ok(password)
}

fn confirmed(question: &str) -> anyhow::Result<bool> {
    if !io::stdin().is_terminal() {
        bail!("there is no terminal to ask on: add --yes");
    }
    write!(io::stdout(), "{question} [y/N] ")?;
    io::stdout().flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns() -> Vec<Column> {
        let mut plan = Column::new("plan", ColumnType::Text).nullable();
        plan.choices = vec!["free".into(), "paid".into()];
        vec![
            Column::new("first_name", ColumnType::Text),
            Column::new("age", ColumnType::Integer).nullable(),
            plan,
        ]
    }

    #[test]
    fn own_fields_are_set_by_name_in_the_type_of_their_column() {
        let given = ["first_name=Ada = Lovelace", "age=36", "plan="].map(str::to_owned);
        let record = own_fields(&columns(), &given).unwrap();
        assert_eq!(record.get("first_name"), Some(&Value::Text("Ada = Lovelace".to_owned())));
        assert_eq!(record.get("age"), Some(&Value::Integer(36)));
        assert_eq!(record.get("plan"), Some(&Value::Null));
    }

    #[test]
    fn mistakes_in_own_fields_say_what_was_expected() {
        for (given, message) in [
            ("age", "--set age: expected NAME=VALUE"),
            ("age=old", "--set age: expected an integer, found \"old\""),
            ("plan=gold", "--set plan: expected \"free\" or \"paid\", found \"gold\""),
            ("colour=red", "--set colour: there is no such field; there are first_name, age, plan"),
        ] {
            let error = own_fields(&columns(), &[given.to_owned()]).unwrap_err();
            assert_eq!(error.to_string(), message);
        }
        let error = own_fields(&[], &["colour=red".to_owned()]).unwrap_err();
        assert_eq!(error.to_string(), "--set colour: the configuration has no own fields ([[user.field]])");
        let error = require_fields(&columns(), &Record::new()).unwrap_err();
        assert_eq!(error.to_string(), "required fields are missing: add --set first_name=…");
    }

    #[test]
    fn control_characters_of_a_database_do_not_reach_the_terminal() {
        assert_eq!(printable("a\u{1b}[2Jb\n"), "a\u{fffd}[2Jb\u{fffd}");
    }
}
