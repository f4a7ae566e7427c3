//! The tables or collections that FastAPI Users made, whichever database they are in.

use anyhow::{Context, bail};
use axum_users::{AdoptionPlan, Survey, schema::ColumnType};
use axum_users_mongodb::FoundCollections;
use axum_users_sqlx::FoundTables;

use super::{end_line, on_terminal};
use crate::{config::Config, database::Database, server_user::schema};

/// Where the users are that are to be adopted.
#[derive(Debug)]
pub(super) enum Source {
    Tables(FoundTables),
    Collections(FoundCollections),
}

impl Source {
    /// Finds them, where there is no doubt which they are.
    pub(super) async fn find(database: &Database, settings: &Config) -> anyhow::Result<Self> {
        let unread = "the database cannot be read";
        let mut found: Vec<Self> = match database {
            Database::Sqlx(database) => {
                database.user_tables().await.context(unread)?.into_iter().map(Self::Tables).collect()
            }
            Database::MongoDb(database) => database
                .user_collections()
                .await
                .context(unread)?
                .into_iter()
                .map(Self::Collections)
                .collect(),
        };
        let name = settings.database.name();
        if found.len() > 1 {
            let names: Vec<_> = found.iter().map(|source| format!("`{}`", source.user())).collect();
            bail!(
                "{name} has users in several places: {}. Say which they are, for example by \
                 AXUM_USERS__DATABASE__TABLES__USER={} in the environment",
                names.join(", "),
                found[0].user()
            );
        }
        match found.pop() {
            Some(source) => Ok(source),
            None => bail!(
                "{name} has no users of FastAPI Users, which have id, email, hashed_password, is_active, is_superuser \
                 and is_verified; what is there: {}",
                database.inspect().await.context(unread)?
            ),
        }
    }

    /// The name of the user table or collection.
    pub(super) fn user(&self) -> &str {
        match self {
            Self::Tables(found) => &found.user,
            Self::Collections(found) => &found.users,
        }
    }

    /// The name of the table of OAuth accounts; documents have them within.
    pub(super) fn oauth_account(&self) -> Option<&str> {
        match self {
            Self::Tables(found) => Some(&found.oauth_account),
            Self::Collections(_) => None,
        }
    }

    /// The name of the table or collection of access tokens, which may be missing.
    pub(super) fn access_token(&self) -> &str {
        match self {
            Self::Tables(found) => &found.access_token,
            Self::Collections(found) => &found.access_tokens,
        }
    }

    /// The adapter of FastAPI Users that made them.
    pub(super) fn adapter(&self) -> String {
        match self {
            Self::Tables(found) => found.flavour.to_string(),
            Self::Collections(found) => found.flavour.to_string(),
        }
    }

    pub(super) fn id_type(&self) -> ColumnType {
        match self {
            Self::Tables(found) => found.id_type,
            Self::Collections(found) => found.id_type,
        }
    }

    /// The keys of `[database.tables]` that have to be said: a server finds the usual names by itself.
    pub(super) fn unusual_names(&self) -> Vec<(&'static str, &str)> {
        let usual = match self {
            Self::Tables(found) if found.user == "usermodel" => {
                ["usermodel", "oauthaccountmodel", "accesstokenmodel"]
            }
            Self::Tables(_) => ["user", "oauth_account", "accesstoken"],
            Self::Collections(found) if found.users == "User" => ["User", "", "AccessToken"],
            Self::Collections(_) => ["users", "", "access_tokens"],
        };
        let names = [
            ("user", Some(self.user())),
            ("oauth_account", self.oauth_account()),
            ("access_token", Some(self.access_token())),
        ];
        let both = names.into_iter().zip(usual);
        both.filter_map(|((key, name), usual)| Some((key, name?)).filter(|(_, name)| *name != usual))
            .collect()
    }

    /// Looks through all of it; a terminal sees how far it is.
    pub(super) async fn survey(&self, database: &Database) -> anyhow::Result<Survey> {
        let mut progress = on_terminal("users looked at");
        let survey = match (self, database) {
            (Self::Tables(found), Database::Sqlx(database)) => database.survey(found, &mut progress).await,
            (Self::Collections(found), Database::MongoDb(database)) => {
                database.survey(found, &mut progress).await
            }
            // They were found in this database.
            _ => bail!("the database is another one than before"),
        };
        end_line();
        survey.context("the database cannot be read")
    }

    /// What a server with this configuration would do first, and what stands in its way.
    pub(super) async fn look_ahead(
        &self,
        database: &Database,
        config: &Config,
    ) -> anyhow::Result<AdoptionPlan> {
        let schema = schema(self.id_type(), self.user(), &config.fields);
        let plan = match (self, database) {
            (Self::Tables(found), Database::Sqlx(database)) => {
                let FoundTables { user, oauth_account, access_token, .. } = found;
                database.clone().with_tables(user, oauth_account, access_token).look_ahead(&schema).await
            }
            (_, Database::Sqlx(database)) => database.look_ahead(&schema).await,
            (_, Database::MongoDb(database)) => database.look_ahead(&schema).await,
        };
        plan.context("the database cannot be read")
    }
}
