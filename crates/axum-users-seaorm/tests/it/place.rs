//! A database of a test's own making.

use axum_users_seaorm::{SeaOrmDatabase, UserEntity};
use sea_orm::{ConnectionTrait, Database};
use tempfile::TempDir;

/// Where it is made; a server's engine needs its feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
    MySql,
}

/// A database, and what removes it.
pub struct Place {
    pub url: String,
    pub engine: Engine,
    name: String,
    _folder: Option<TempDir>,
}

impl Place {
    pub async fn new(engine: Engine) -> Self {
        let name = format!("seaorm_{}", axum_users::Random::system().uuid().simple());
        if engine == Engine::Sqlite {
            let folder = tempfile::tempdir().unwrap();
            let url = format!("sqlite://{}?mode=rwc", folder.path().join("data.db").display());
            return Self { url, engine, name, _folder: Some(folder) };
        }
        let server = server(engine);
        Self::run(&server, &format!("CREATE DATABASE {name}")).await;
        let (front, _) = server.rsplit_once('/').unwrap();
        Self { url: format!("{front}/{name}"), engine, name, _folder: None }
    }

    pub async fn open<E: UserEntity>(&self) -> SeaOrmDatabase<E> {
        SeaOrmDatabase::connect(&self.url).await.unwrap()
    }

    /// Removes the database of a server.
    pub async fn end(self) {
        let force = match self.engine {
            Engine::Sqlite => return,
            Engine::Postgres => " WITH (FORCE)",
            Engine::MySql => "",
        };
        Self::run(&server(self.engine), &format!("DROP DATABASE {}{force}", self.name)).await;
    }

    async fn run(server: &str, sql: &str) {
        let connection = Database::connect(server).await.unwrap();
        connection.execute_unprepared(sql).await.unwrap();
        connection.close().await.unwrap();
    }
}

fn server(engine: Engine) -> String {
    let (variable, usual) = match engine {
        Engine::MySql => ("MYSQL_URL", "mysql://root@127.0.0.1:3306/test"),
        _ => ("POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/postgres"),
    };
    std::env::var(variable).unwrap_or_else(|_| usual.to_owned())
}
