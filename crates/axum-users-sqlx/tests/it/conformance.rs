//! The suite that every adapter runs, on every engine, with a second pool as another process has it.

use std::marker::PhantomData;

use axum_users::{User, UserModel};
use axum_users_sqlx::{SqlxDatabase, SqlxOptions};
use axum_users_testkit::{Exceptions, Fixture, Line, NumberedProfile, Profile};

use crate::place::{Engine, Place, execute, rows};

/// The engine, as a type.
trait Which: Send + Sync + 'static {
    const ENGINE: Engine;
}

struct Sqlite;

impl Which for Sqlite {
    const ENGINE: Engine = Engine::Sqlite;
}

#[cfg(feature = "postgres")]
struct Postgres;

#[cfg(feature = "postgres")]
impl Which for Postgres {
    const ENGINE: Engine = Engine::Postgres;
}

#[cfg(feature = "mysql")]
struct MySql;

#[cfg(feature = "mysql")]
impl Which for MySql {
    const ENGINE: Engine = Engine::MySql;
}

struct On<E, U> {
    place: Place,
    /// The way to a server.
    line: Option<Line>,
    of: PhantomData<fn() -> (E, U)>,
}

impl<E: Which, U: UserModel> Fixture for On<E, U> {
    type User = U;
    type Database = SqlxDatabase;

    async fn start() -> Self {
        let place = Place::new(E::ENGINE).await;
        let line = match place.address() {
            None => None,
            Some(address) => Some(Line::to(address).await.unwrap()),
        };
        Self { place, line, of: PhantomData }
    }

    async fn connect(&self) -> SqlxDatabase {
        let url = match &self.line {
            None => self.place.url(),
            Some(line) => self.place.url_through(line.address()),
        };
        SqlxDatabase::connect(&url).await.unwrap()
    }

    async fn connect_again(&self) -> Option<SqlxDatabase> {
        Some(self.connect().await)
    }

    fn exceptions(&self) -> Exceptions {
        let none = Exceptions::default();
        E::ENGINE.pick(none, none, none.looser_unique_indexes())
    }

    async fn add_unknown_column(&self) -> bool {
        let database = self.place.connect(SqlxOptions::new()).await;
        execute(&database, "ALTER TABLE \"user\" ADD COLUMN testkit_note TEXT").await;
        execute(&database, "UPDATE \"user\" SET testkit_note = 'kept'").await;
        true
    }

    async fn unknown_column(&self) -> Vec<Option<String>> {
        let database = self.place.connect(SqlxOptions::new()).await;
        let notes = rows(&database, "SELECT testkit_note FROM \"user\" ORDER BY email").await;
        notes.into_iter().map(|note| Some(note).filter(|note| note != "NULL")).collect()
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

mod on_sqlite {
    use super::{NumberedProfile, On, Profile, Sqlite, User};

    mod without_own_fields {
        axum_users_testkit::conformance!(super::On<super::Sqlite, super::User>);
    }
    mod with_uuids {
        axum_users_testkit::conformance!(super::On<super::Sqlite, super::Profile>);
    }
    mod with_numbers {
        axum_users_testkit::conformance!(super::On<super::Sqlite, super::NumberedProfile>);
    }
}

#[cfg(feature = "postgres")]
mod on_postgres {
    use super::{NumberedProfile, On, Postgres, Profile, User};

    mod without_own_fields {
        axum_users_testkit::conformance!(super::On<super::Postgres, super::User>);
    }
    mod with_uuids {
        axum_users_testkit::conformance!(super::On<super::Postgres, super::Profile>);
    }
    mod with_numbers {
        axum_users_testkit::conformance!(super::On<super::Postgres, super::NumberedProfile>);
    }
}

#[cfg(feature = "mysql")]
mod on_mysql {
    use super::{MySql, NumberedProfile, On, Profile, User};

    mod without_own_fields {
        axum_users_testkit::conformance!(super::On<super::MySql, super::User>);
    }
    mod with_uuids {
        axum_users_testkit::conformance!(super::On<super::MySql, super::Profile>);
    }
    mod with_numbers {
        axum_users_testkit::conformance!(super::On<super::MySql, super::NumberedProfile>);
    }
}
