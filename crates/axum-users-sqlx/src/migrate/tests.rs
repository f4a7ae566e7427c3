//! A migration that ended early, at whatever step.

use axum_users::{
    User, UserModel,
    schema::{Column, ColumnType, Schema, Value},
};

use super::{Wanted, migrate, plan};
use crate::{
    SqlxDatabase, SqlxOptions,
    dialect::Dialect,
    place::{Engine, Place, execute, rows},
    statements::Tables,
};

on_every_engine![cr_10_a_migration_that_ended_after_any_step_goes_on_to_the_same_end];

const ORIGINAL: [&str; 3] = [
    include_str!("../../tests/data/ddl-sqlite.sql"),
    include_str!("../../tests/data/ddl-postgresql.sql"),
    include_str!("../../tests/data/ddl-mysql.sql"),
];

/// Columns, and what is indexed.
const CATALOG: [&str; 3] = [
    "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY 1",
    "SELECT table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable
     FROM information_schema.columns WHERE table_schema = 'public'
     UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1",
    "SELECT CONCAT(table_name, '.', column_name, ' ', column_type, ' ', is_nullable)
     FROM information_schema.columns WHERE table_schema = DATABASE()
     UNION ALL SELECT CONCAT(table_name, '.', index_name, ' ', column_name, ' ', non_unique)
     FROM information_schema.statistics WHERE table_schema = DATABASE() ORDER BY 1",
];

/// MySQL keeps what each step did, so there the process ends after each; the others take everything back.
async fn cr_10_a_migration_that_ended_after_any_step_goes_on_to_the_same_end(engine: Engine) {
    let schema =
        User::schema().with(Column::new("plan", ColumnType::Text).default_value(Value::Text("free".into())));
    let tables = Tables::new(&SqlxOptions::new(), "user");
    let of = engine.pick(0, 1, 2);
    for original in ["", ORIGINAL[of]] {
        let (whole_place, place) = (Place::new(engine).await, Place::new(engine).await);
        let (whole, broken) =
            (whole_place.connect(SqlxOptions::new()).await, place.connect(SqlxOptions::new()).await);
        for database in [&whole, &broken] {
            if !original.is_empty() {
                execute(database, original).await;
            }
        }
        migrate(&whole.connections, &schema, &tables, false).await.unwrap();
        let mut count = engine.pick(5, 5, 1);
        let mut missing = carry_out(&broken, &schema, &tables, count).await;
        assert!(missing > 5);
        while engine.pick(false, false, missing > 0) {
            let still_missing = carry_out(&broken, &schema, &tables, count).await;
            // A session's setting is gone with it; the step that it is for comes after it.
            count = if still_missing < missing { 1 } else { count + 1 };
            assert!(count <= 3, "no step ends");
            missing = still_missing;
        }
        migrate(&broken.connections, &schema, &tables, false).await.unwrap();
        assert_eq!(rows(&broken, CATALOG[of]).await, rows(&whole, CATALOG[of]).await);
        let versions = "SELECT version FROM axum_users_migration ORDER BY 1";
        assert_eq!(rows(&broken, versions).await, rows(&whole, versions).await);
    }
}

/// Carries out so many steps, goes away, and answers how many were missing before.
async fn carry_out(database: &SqlxDatabase, schema: &Schema, tables: &Tables, count: usize) -> usize {
    let mut work = database.connections.begin_writing(None).await.unwrap();
    let steps = plan(&mut work, &Wanted { schema, tables, side_by_side: false }).await.unwrap();
    let missing = steps.len();
    for step in steps.into_iter().take(count) {
        step.carry_out(&mut work).await.unwrap();
    }
    if work.dialect() == Dialect::MySql {
        // As a server does when it has read the statement.
        work.commit().await.unwrap();
    }
    missing
}
