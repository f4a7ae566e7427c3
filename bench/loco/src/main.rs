//! A Loco application: a user table in SQLite, and Loco's own JWT, look-up of the user, and password hashing.

mod users;

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
};

use axum::{Router, extract::State};
use loco_rs::{
    Error, Result,
    app::{AppContext, Hooks},
    auth::jwt::JWT,
    bgworker::Queue,
    boot::{self, BootResult, ServeParams, StartMode},
    config::Config,
    controller::{AppRoutes, Json, Routes, extractor::auth::JWTWithUser, unauthorized},
    environment::Environment,
    hash,
    schema::{ColType, create_table},
    task::Tasks,
};
use sea_orm_migration::{
    MigrationTrait, MigratorTrait,
    async_trait::async_trait,
    prelude::{DbErr, DeriveMigrationName, SchemaManager},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::net::TcpSocket;

/// The user who is there from the beginning. Loco hashes with parameters that cannot be set, but verifies a hash with
/// those that stand in it: here they are everybody's. The password is `a horse in the rain`.
const EMAIL: &str = "bench@example.com";
const HASH: &str =
    "$argon2id$v=19$m=65536,t=3,p=4$+r91VgPEZchKmiCmZQm7uQ$jcTXTx6m9tcxsmX/TuZeJhFk3E7EBpQ00z6x3IGFdSk";

struct App;

#[async_trait]
impl Hooks for App {
    fn app_name() -> &'static str {
        env!("CARGO_CRATE_NAME")
    }

    async fn boot(mode: StartMode, environment: &Environment, config: Config) -> Result<BootResult> {
        boot::create_app::<Self, Migrator>(mode, environment, config).await
    }

    /// As Loco does it, but as many may wait to be accepted as the load has, as with the others.
    async fn serve(app: Router, _: &AppContext, parameters: &ServeParams) -> Result<()> {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        let port = u16::try_from(parameters.port).map_err(Error::msg)?;
        socket.bind((Ipv4Addr::LOCALHOST, port).into())?;
        let app = app.into_make_service_with_connect_info::<SocketAddr>();
        Ok(axum::serve(socket.listen(1024)?, app).await?)
    }

    async fn before_run(context: &AppContext) -> Result<()> {
        if users::Model::of_email(&context.db, EMAIL).await?.is_none() {
            users::Model::create(&context.db, EMAIL, HASH).await?;
        }
        Ok(())
    }

    fn routes(_: &AppContext) -> AppRoutes {
        let users = Routes::new()
            .add("/users/me", axum::routing::get(me))
            .add("/auth/login", axum::routing::post(login))
            .add("/auth/register", axum::routing::post(register));
        AppRoutes::with_default_routes().add_route(users)
    }

    async fn connect_workers(_: &AppContext, _: &Queue) -> Result<()> {
        Ok(())
    }

    fn register_tasks(_: &mut Tasks) {}

    async fn truncate(_: &AppContext) -> Result<()> {
        Ok(())
    }

    async fn seed(_: &AppContext, _: &Path) -> Result<()> {
        Ok(())
    }
}

struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(Users)]
    }
}

#[derive(DeriveMigrationName)]
struct Users;

#[async_trait]
impl MigrationTrait for Users {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = [
            ("id", ColType::PkAuto),
            ("pid", ColType::UuidUniq),
            ("email", ColType::StringUniq),
            ("password", ColType::String),
        ];
        create_table(manager, "users", &columns, &[]).await
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port: i32 = std::env::var("PORT")?.parse()?;
    let config = serde_json::from_value(json!({
        "logger": { "enable": false, "level": "off", "format": "compact" },
        "server": { "port": port, "host": "http://127.0.0.1" },
        "database": {
            "uri": format!("{}?mode=rwc", std::env::var("DATABASE_URL")?),
            "auto_migrate": true,
            "enable_logging": false,
            // As sqlx has it, times in milliseconds; the application that Loco's generator makes has one connection.
            "min_connections": 1,
            "max_connections": 10,
            "connect_timeout": 30_000,
            "acquire_timeout": 30_000,
            "idle_timeout": 600_000,
        },
        "auth": { "jwt": { "secret": secret(&std::env::var("SECRET")?), "expiration": 3600 } },
        "workers": { "mode": "BackgroundAsync" },
    }))?;
    let app = App::boot(StartMode::ServerOnly, &Environment::Production, config).await?;
    boot::start::<App>(app, ServeParams { port, binding: "127.0.0.1".to_owned() }, true).await?;
    Ok(())
}

/// Loco takes a secret in base64, which hexadecimal digits are, too, four for each byte.
fn secret(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:04x}")).collect()
}

#[derive(Serialize)]
struct Shown {
    id: i64,
    email: String,
}

impl From<users::Model> for Shown {
    fn from(user: users::Model) -> Self {
        Self { id: user.id, email: user.email }
    }
}

#[derive(Deserialize)]
struct Credentials {
    email: String,
    password: String,
}

#[derive(Serialize)]
struct Token {
    access_token: String,
}

async fn me(signed_in: JWTWithUser<users::Model>) -> Json<Shown> {
    Json(signed_in.user.into())
}

/// Hashes on the thread that answers, as the code does that Loco's generator writes.
async fn login(State(context): State<AppContext>, Json(sent): Json<Credentials>) -> Result<Json<Token>> {
    let found = users::Model::of_email(&context.db, &sent.email).await?;
    let Some(user) = found.filter(|user| hash::verify_password(&sent.password, &user.password)) else {
        return unauthorized("no such user, or another password");
    };
    let jwt = context.config.get_jwt_config()?;
    let token =
        JWT::new(&jwt.secret).generate_token(jwt.expiration, user.pid.to_string(), Default::default());
    Ok(Json(Token { access_token: token.map_err(loco_rs::model::ModelError::from)? }))
}

async fn register(State(context): State<AppContext>, Json(sent): Json<Credentials>) -> Result<Json<Shown>> {
    let hash = hash::hash_password(&sent.password)?;
    Ok(Json(users::Model::create(&context.db, &sent.email, &hash).await?.into()))
}
