//! A database adapter of one's own: the five required methods, over a JSON file.
//!
//! Everything is in memory and is written to the file at each change, so it suits some hundreds of users.

use std::{io, path::PathBuf};

use axum::{Router, routing::get};
use axum_users::{
    BoxError, CurrentUser, DatabaseError, User, UserDatabase, UserModel, Users,
    schema::{ColumnType, DecodeError, Record, Schema, Value},
};
use serde_json::{Map, Value as Json};
use tokio::sync::Mutex;
use uuid::Uuid;

/// Users in one JSON file, an array of objects.
#[derive(Debug)]
pub struct JsonFile {
    path: PathBuf,
    schema: Schema,
    users: Mutex<Vec<Record>>,
}

impl JsonFile {
    /// Reads the file; it is made at the first change where it is missing.
    ///
    /// # Errors
    /// The file cannot be read, or holds something else.
    pub async fn open(path: impl Into<PathBuf>) -> Result<Self, BoxError> {
        let (path, schema) = (path.into(), User::schema());
        let rows: Vec<Map<String, Json>> = match tokio::fs::read(&path).await {
            Ok(text) => serde_json::from_slice(&text)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        let users = rows.iter().map(|row| record(&schema, row)).collect::<Result<_, _>>()?;
        Ok(Self { path, schema, users: Mutex::new(users) })
    }

    fn user(&self, record: &Record) -> Result<User, DatabaseError> {
        Ok(User::from_row(&self.schema, &mut record.reader(&self.schema))?)
    }

    /// Makes a change while nobody else can, and writes the file before anybody sees it. Nothing is changed when
    /// either fails.
    async fn change<T: Send>(
        &self,
        change: impl FnOnce(&mut Vec<Record>) -> Result<T, DatabaseError> + Send,
    ) -> Result<T, DatabaseError> {
        let mut users = self.users.lock().await;
        let mut changed = users.clone();
        let answer = change(&mut changed)?;
        let text = json(&changed).map_err(|error| DatabaseError::Other(error.into()))?;
        self.write(&text).await.map_err(|error| DatabaseError::Unavailable(error.into()))?;
        *users = changed;
        Ok(answer)
    }

    /// A crash leaves the old file or the new one, never half of one.
    async fn write(&self, text: &[u8]) -> io::Result<()> {
        let draft = self.path.with_extension("new");
        tokio::fs::write(&draft, text).await?;
        tokio::fs::File::open(&draft).await?.sync_all().await?;
        tokio::fs::rename(&draft, &self.path).await
    }
}

// The adapter itself.
impl UserDatabase<User> for JsonFile {
    async fn get(&self, id: &Uuid) -> Result<Option<User>, DatabaseError> {
        let users = self.users.lock().await;
        position(&users, id).map(|index| self.user(&users[index])).transpose()
    }

    async fn get_by_email(&self, email: &str) -> Result<Option<User>, DatabaseError> {
        let users = self.users.lock().await;
        users.iter().find(|user| has_email(user, email)).map(|user| self.user(user)).transpose()
    }

    async fn create(&self, record: Record) -> Result<User, DatabaseError> {
        let user = self.user(&record)?;
        self.change(|users| {
            // The unique rule: nobody can come between this look and the insert.
            if users.iter().any(|other| has_email(other, &user.email)) {
                return Err(DatabaseError::EmailTaken);
            }
            // And what a primary key is in a database.
            if position(users, &user.id).is_some() {
                return Err(DatabaseError::Other("a user with this id exists".into()));
            }
            users.push(record);
            Ok(user)
        })
        .await
    }

    async fn update(
        &self,
        id: &Uuid,
        expected: &Record,
        changes: &Record,
    ) -> Result<Option<User>, DatabaseError> {
        self.change(|users| {
            // Compare, then set: a user who is not as expected any more is left alone.
            let Some(index) = position(users, id) else { return Ok(None) };
            if expected.iter().any(|(name, value)| users[index].get(name) != Some(value)) {
                return Ok(None);
            }
            if let Some(email) = changes.get("email").and_then(Value::as_text) {
                let others = users.iter().enumerate().filter(|(other, _)| *other != index);
                if others.into_iter().any(|(_, user)| has_email(user, email)) {
                    return Err(DatabaseError::EmailTaken);
                }
            }
            users[index].merge(changes);
            self.user(&users[index]).map(Some)
        })
        .await
    }

    async fn delete(&self, id: &Uuid) -> Result<bool, DatabaseError> {
        self.change(|users| {
            let index = position(users, id);
            index.map(|index| users.remove(index));
            Ok(index.is_some())
        })
        .await
    }
}

fn position(users: &[Record], id: &Uuid) -> Option<usize> {
    users.iter().position(|user| user.get("id") == Some(&Value::Uuid(*id)))
}

/// The case of ASCII letters makes no difference, and nothing else is overlooked.
fn has_email(user: &Record, email: &str) -> bool {
    user.get("email").and_then(Value::as_text).is_some_and(|stored| stored.eq_ignore_ascii_case(email))
}

/// The file's text.
fn json(users: &[Record]) -> serde_json::Result<Vec<u8>> {
    let rows: Vec<Map<String, Json>> = users
        .iter()
        .map(|user| {
            user.iter().map(|(name, value)| Ok((name.to_string(), serde_json::to_value(value)?))).collect()
        })
        .collect::<serde_json::Result<_>>()?;
    serde_json::to_vec_pretty(&rows)
}

/// One object of the file, as the types of the schema. A model with own fields adds the types it uses.
fn record(schema: &Schema, row: &Map<String, Json>) -> Result<Record, DecodeError> {
    let value = |name: &str, column_type| match (column_type, row.get(name)) {
        (ColumnType::Bool, Some(Json::Bool(value))) => Some(Value::Bool(*value)),
        (ColumnType::Text, Some(Json::String(text))) => Some(Value::Text(text.clone())),
        (ColumnType::Uuid, Some(Json::String(text))) => text.parse().ok().map(Value::Uuid),
        _ => None,
    };
    let columns = schema.columns().iter().map(|column| {
        let wrong =
            || DecodeError::new(column.name.clone(), column.column_type.to_string(), "something else");
        Ok((column.name.clone(), value(&column.name, column.column_type).ok_or_else(wrong)?))
    });
    columns.collect()
}

/// The application: all routes of axum-users, and one of its own.
pub fn app(users: Users<User>) -> Router {
    Router::new().route("/hello", get(hello)).merge(users.router()).with_state(users)
}

async fn hello(CurrentUser(user): CurrentUser<User>) -> String {
    format!("Hello {}!", user.email)
}
