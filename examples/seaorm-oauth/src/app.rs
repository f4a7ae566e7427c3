//! The application: its own routes, and those of the users.

use axum::{
    Json, Router,
    extract::{FromRef, State},
    http::StatusCode,
    routing::{get, post},
};
use axum_users::{ApiError, CurrentUser, DatabaseError, Flags, RequestInfo, Users};
use axum_users_seaorm::transaction;
use sea_orm::{ActiveModelTrait, DatabaseConnection, DbErr, EntityTrait, ModelTrait, Set};
use serde::Deserialize;

use crate::models::{note, oauth_account, user};

#[derive(Clone, FromRef)]
struct AppState {
    users: Users<user::Model>,
    connection: DatabaseConnection,
}

pub(crate) fn app(users: Users<user::Model>, connection: DatabaseConnection) -> Router {
    Router::new()
        .merge(users.auth_router("jwt"))
        .merge(users.register_router())
        .merge(users.reset_password_router())
        .merge(users.verify_router())
        .merge(users.users_router())
        .merge(users.oauth_router("google"))
        .merge(users.oauth_associate_router("google"))
        .route("/join", post(join))
        .route("/notes", get(notes))
        .route("/providers", get(providers))
        .with_state(AppState { users, connection })
}

#[derive(Deserialize)]
struct Join {
    email: String,
    password: String,
    /// The first note.
    note: String,
}

/// Makes a user and a first note together, or neither.
async fn join(
    State(AppState { users, connection }): State<AppState>,
    Json(Join { email, password, note }): Json<Join>,
) -> Result<StatusCode, ApiError> {
    let transaction = transaction::<user::Entity>(&users, &connection).await?;
    let new = user::UserCreate::new(email, password);
    let user = transaction.users().create(new, Flags::Ignored, &RequestInfo::default()).await?;
    if note.is_empty() {
        // The transaction is dropped, and the user with it.
        return Err(ApiError::BadRequest("a first note has to say something".into()));
    }
    let first = note::ActiveModel { user_id: Set(user.id), text: Set(note), ..Default::default() };
    first.insert(&*transaction).await.map_err(failed)?;
    transaction.commit().await?;
    Ok(StatusCode::CREATED)
}

/// The user's own notes, by the relation between the entities.
async fn notes(
    State(connection): State<DatabaseConnection>,
    CurrentUser(user): CurrentUser<user::Model>,
) -> Result<Json<Vec<String>>, ApiError> {
    let notes = user.find_related(note::Entity).all(&connection).await.map_err(failed)?;
    Ok(Json(notes.into_iter().map(|note| note.text).collect()))
}

/// Names of users, with the providers of their accounts.
async fn providers(
    State(connection): State<DatabaseConnection>,
    CurrentUser(_): CurrentUser<user::Model>,
) -> Result<Json<Vec<(Option<String>, Vec<String>)>>, ApiError> {
    let found = user::Entity::find().find_with_related(oauth_account::Entity).all(&connection).await;
    let names = |accounts: Vec<oauth_account::Model>| {
        accounts.into_iter().map(|account| account.oauth_name).collect()
    };
    Ok(Json(
        found.map_err(failed)?.into_iter().map(|(user, accounts)| (user.name, names(accounts))).collect(),
    ))
}

fn failed(error: DbErr) -> ApiError {
    ApiError::Internal(DatabaseError::Other(error.into()).into())
}
