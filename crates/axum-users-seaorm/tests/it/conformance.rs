//! The suite that every adapter runs, with a second pool as another process has it.

use std::marker::PhantomData;

use axum_users_seaorm::{SeaOrmDatabase, UserEntity};
use axum_users_testkit::{Exceptions, Fixture, Line};
use sea_orm::{ConnectionTrait, DbBackend, Statement};

use crate::place::{Engine, Place, patient};

/// An engine as a type, for the suite's fixtures.
pub(crate) trait On: Send + Sync + 'static {
    const ENGINE: Engine;
}

macro_rules! engines {
    ($($engine:ident),*) => {$(
        pub(crate) struct $engine;

        impl On for $engine {
            const ENGINE: Engine = Engine::$engine;
        }
    )*};
}

engines!(Sqlite, Postgres, MySql);

pub(crate) struct Sea<E, T> {
    place: Place,
    /// The way to a server.
    line: Option<Line>,
    of: PhantomData<fn() -> (E, T)>,
}

impl<E: UserEntity, T: On> Fixture for Sea<E, T> {
    type User = E::Model;
    type Database = SeaOrmDatabase<E>;

    async fn start() -> Self {
        let place = Place::new(T::ENGINE).await;
        let line = match place.address() {
            None => None,
            Some(address) => Some(Line::to(address).await.unwrap()),
        };
        Self { place, line, of: PhantomData }
    }

    async fn connect(&self) -> SeaOrmDatabase<E> {
        match &self.line {
            None => self.place.open().await,
            Some(line) => patient(&self.place.url_through(line.address())).await,
        }
    }

    async fn connect_again(&self) -> Option<SeaOrmDatabase<E>> {
        Some(self.place.open().await)
    }

    fn exceptions(&self) -> Exceptions {
        match T::ENGINE {
            Engine::MySql => Exceptions::default().looser_unique_indexes(),
            _ => Exceptions::default(),
        }
    }

    async fn add_unknown_column(&self) -> bool {
        let database = self.place.open::<E>().await;
        let connection = database.connection().unwrap();
        let table = quoted(connection.get_database_backend());
        for sql in [
            format!("ALTER TABLE {table} ADD COLUMN testkit_note TEXT"),
            format!("UPDATE {table} SET testkit_note = 'kept'"),
        ] {
            connection.execute_unprepared(&sql).await.unwrap();
        }
        true
    }

    async fn unknown_column(&self) -> Vec<Option<String>> {
        let database = self.place.open::<E>().await;
        let connection = database.connection().unwrap();
        let backend = connection.get_database_backend();
        let sql = format!("SELECT testkit_note FROM {} ORDER BY email", quoted(backend));
        let rows = connection.query_all_raw(Statement::from_string(backend, sql)).await.unwrap();
        rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
    }

    async fn cut(&self) -> bool {
        self.line.as_ref().map(Line::cut).is_some()
    }

    async fn heal(&self) {
        if let Some(line) = &self.line {
            line.heal();
        }
    }
}

fn quoted(backend: DbBackend) -> &'static str {
    if backend == DbBackend::MySql { "`user`" } else { "\"user\"" }
}

macro_rules! suites {
    ($engine:ident: $($name:ident: $layout:ident,)*) => {$(
        mod $name {
            axum_users_testkit::conformance!(
                crate::conformance::Sea<crate::entities::$layout::user::Entity, crate::conformance::$engine>
            );
        }
    )*};
}

suites! {
    Sqlite:
    sqlite_with_uuids_as_text: text,
    sqlite_with_native_uuids: native,
    sqlite_with_numbers: numbered,
}

#[cfg(feature = "postgres")]
suites! {
    Postgres:
    postgres_with_native_uuids: native,
    postgres_with_uuids_as_text: text,
    postgres_with_numbers: numbered,
}

#[cfg(feature = "mysql")]
suites! {
    MySql:
    mysql_with_uuids_as_text: text,
    mysql_with_numbers: numbered,
}
