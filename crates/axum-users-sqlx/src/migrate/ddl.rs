//! The original's tables, as SQLAlchemy makes them on SQLite, with the model's own columns.

use axum_users::schema::{Column, Schema};

use crate::{
    sqlite::{declared_type, literal, quote},
    statements::Tables,
};

/// The columns of an OAuth account that have to be there.
pub(crate) const OAUTH_ACCOUNT_COLUMNS: [&str; 8] = [
    "id",
    "user_id",
    "oauth_name",
    "access_token",
    "expires_at",
    "refresh_token",
    "account_id",
    "account_email",
];

/// The columns of an access token that have to be there.
pub(crate) const ACCESS_TOKEN_COLUMNS: [&str; 3] = ["user_id", "token", "created_at"];

/// The statements that make the user table.
pub(super) fn user_table(schema: &Schema, name: &str) -> Vec<String> {
    let mut lines = vec![
        format!("\"id\" {} NOT NULL", declared_type(schema.id_type())),
        "\"email\" VARCHAR(320) NOT NULL".to_owned(),
        "\"hashed_password\" VARCHAR(1024) NOT NULL".to_owned(),
        "\"is_active\" BOOLEAN NOT NULL".to_owned(),
        "\"is_superuser\" BOOLEAN NOT NULL".to_owned(),
        "\"is_verified\" BOOLEAN NOT NULL".to_owned(),
    ];
    lines.extend(schema.own_columns().iter().map(own_column));
    lines.push("PRIMARY KEY (\"id\")".to_owned());
    vec![
        create_table(name, &lines),
        format!("CREATE UNIQUE INDEX {} ON {} (\"email\")", quote(&format!("ix_{name}_email")), quote(name)),
    ]
}

/// The statements that make the table of OAuth accounts.
pub(super) fn oauth_account_table(schema: &Schema, tables: &Tables) -> Vec<String> {
    let (name, id) = (&tables.oauth_account, declared_type(schema.id_type()));
    let lines = [
        format!("\"id\" {id} NOT NULL"),
        format!("\"user_id\" {id} NOT NULL"),
        "\"oauth_name\" VARCHAR(100) NOT NULL".to_owned(),
        "\"access_token\" VARCHAR(1024) NOT NULL".to_owned(),
        "\"expires_at\" INTEGER".to_owned(),
        "\"refresh_token\" VARCHAR(1024)".to_owned(),
        "\"account_id\" VARCHAR(320) NOT NULL".to_owned(),
        "\"account_email\" VARCHAR(320) NOT NULL".to_owned(),
        "PRIMARY KEY (\"id\")".to_owned(),
        foreign_key(&tables.user),
    ];
    vec![create_table(name, &lines), index(name, "account_id"), index(name, "oauth_name")]
}

/// The statements that make the table of access tokens.
pub(super) fn access_token_table(schema: &Schema, tables: &Tables) -> Vec<String> {
    let name = &tables.access_token;
    let lines = [
        format!("\"user_id\" {} NOT NULL", declared_type(schema.id_type())),
        "\"token\" VARCHAR(43) NOT NULL".to_owned(),
        "\"created_at\" TIMESTAMP NOT NULL".to_owned(),
        "PRIMARY KEY (\"token\")".to_owned(),
        foreign_key(&tables.user),
    ];
    vec![create_table(name, &lines), index(name, "created_at")]
}

/// A column of the application's own. Its default is in the table too, for rows that Python inserts.
pub(super) fn own_column(column: &Column) -> String {
    let mut definition = format!("{} {}", quote(&column.name), declared_type(column.column_type));
    if !column.nullable {
        definition.push_str(" NOT NULL");
    }
    if let Some(default) = &column.default {
        definition.push_str(" DEFAULT ");
        definition.push_str(&literal(default));
    }
    definition
}

fn create_table(name: &str, lines: &[String]) -> String {
    format!("CREATE TABLE {} (\n    {}\n)", quote(name), lines.join(",\n    "))
}

fn foreign_key(user: &str) -> String {
    format!("FOREIGN KEY(\"user_id\") REFERENCES {} (\"id\") ON DELETE cascade", quote(user))
}

fn index(table: &str, column: &str) -> String {
    format!("CREATE INDEX {} ON {} ({})", quote(&format!("ix_{table}_{column}")), quote(table), quote(column))
}
