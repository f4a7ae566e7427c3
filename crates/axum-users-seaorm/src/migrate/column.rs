//! A column of a table that is there, and whether it can hold what the entity keeps in it.

use axum_users::schema::ColumnType as Kind;
use sea_orm::{DbBackend, sea_query::ColumnType};

/// A column of a table that exists.
pub(super) struct FoundColumn {
    pub(super) backend: DbBackend,
    pub(super) name: String,
    /// The declared type, in capitals.
    pub(super) declared: String,
    pub(super) not_null: bool,
    pub(super) has_default: bool,
    pub(super) in_primary_key: bool,
    /// Computed from other columns.
    pub(super) generated: bool,
    /// MySQL's collation; empty elsewhere and for other columns than text.
    pub(super) collation: String,
}

impl FoundColumn {
    /// Whether values survive in the column, and come out as SeaORM's driver wants to read them: to PostgreSQL's an
    /// integer of 32 bits is none of 64.
    pub(super) fn can_hold(&self, kind: Kind, stored_as: &ColumnType) -> bool {
        match self.backend {
            DbBackend::Sqlite => self.sqlite_can_hold(kind),
            DbBackend::Postgres => self.postgres_can_hold(kind, stored_as),
            _ => self.mysql_can_hold(kind, stored_as),
        }
    }

    /// Whether values of this kind survive in the column that identifies users.
    pub(super) fn can_identify(&self, kind: Kind, stored_as: &ColumnType) -> bool {
        match (self.backend, kind) {
            (DbBackend::Sqlite, Kind::Integer) => self.affinity() == Affinity::Integer,
            (DbBackend::Sqlite, _) => self.can_hold(kind, stored_as) && self.affinity() != Affinity::Integer,
            _ => self.can_hold(kind, stored_as),
        }
    }

    /// Whether two texts of MySQL that differ by capitals are two: then its unique index lets one e-mail be taken
    /// twice.
    pub(super) fn compares_capitals(&self) -> bool {
        self.collation.ends_with("_bin") || self.collation.ends_with("_cs")
    }

    /// What is declared without its width.
    fn base_name(&self) -> &str {
        self.declared.split(['(', ' ']).next().unwrap_or_default()
    }

    /// SQLite converts what it stores by the column's affinity,
    /// <https://www.sqlite.org/datatype3.html#determination_of_column_affinity>.
    fn sqlite_can_hold(&self, kind: Kind) -> bool {
        match (kind, self.affinity()) {
            (Kind::Bool | Kind::Integer | Kind::Float, affinity) => affinity != Affinity::Text,
            // Numbers among these texts would come back as numbers.
            (Kind::Text | Kind::ObjectId, affinity) => matches!(affinity, Affinity::Text | Affinity::None),
            // These look like no number; JSON that does is read as one.
            _ => true,
        }
    }

    fn postgres_can_hold(&self, kind: Kind, stored_as: &ColumnType) -> bool {
        let declared = self.declared.as_str();
        let is_text = declared.starts_with("CHARACTER") || declared == "TEXT" || declared.ends_with("CITEXT");
        match kind {
            Kind::Bool => declared == "BOOLEAN",
            Kind::Integer => {
                declared
                    == match stored_as {
                        ColumnType::TinyInteger | ColumnType::SmallInteger => "SMALLINT",
                        ColumnType::Integer => "INTEGER",
                        _ => "BIGINT",
                    }
            }
            Kind::Float if *stored_as == ColumnType::Float => declared == "REAL",
            Kind::Float => declared == "DOUBLE PRECISION",
            Kind::Uuid if *stored_as == ColumnType::Uuid => declared == "UUID",
            Kind::Date => declared == "DATE",
            Kind::Timestamp => declared.starts_with("TIMESTAMP") && declared.ends_with("WITH TIME ZONE"),
            Kind::Json => matches!(declared, "JSON" | "JSONB"),
            _ if matches!(stored_as, ColumnType::Enum { .. }) => declared == "ENUM",
            _ => is_text,
        }
    }

    fn mysql_can_hold(&self, kind: Kind, stored_as: &ColumnType) -> bool {
        let name = self.base_name();
        let is_text = name.ends_with("CHAR") || name.ends_with("TEXT") || name == "ENUM";
        match kind {
            Kind::Bool => name.ends_with("INT"),
            Kind::Integer => {
                let wants_unsigned = matches!(
                    stored_as,
                    ColumnType::TinyUnsigned
                        | ColumnType::SmallUnsigned
                        | ColumnType::Unsigned
                        | ColumnType::BigUnsigned
                );
                name.ends_with("INT") && self.declared.contains("UNSIGNED") == wants_unsigned
            }
            Kind::Float => matches!(name, "DOUBLE" | "FLOAT"),
            Kind::Uuid if *stored_as == ColumnType::Uuid => name == "BINARY",
            Kind::Date => name == "DATE",
            Kind::Timestamp => matches!(name, "DATETIME" | "TIMESTAMP"),
            Kind::Json => name == "JSON" || name.ends_with("TEXT"),
            _ => is_text,
        }
    }

    fn affinity(&self) -> Affinity {
        let has = |part: &str| self.declared.contains(part);
        if has("INT") {
            Affinity::Integer
        } else if has("CHAR") || has("CLOB") || has("TEXT") {
            Affinity::Text
        } else if self.declared.is_empty() || has("BLOB") {
            Affinity::None
        } else {
            Affinity::Number
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Affinity {
    Integer,
    Text,
    None,
    Number,
}

#[cfg(test)]
mod tests {
    use sea_orm::sea_query::StringLen;

    use super::*;

    fn column(backend: DbBackend, declared: &str) -> FoundColumn {
        FoundColumn {
            backend,
            name: "column".to_owned(),
            declared: declared.to_owned(),
            not_null: false,
            has_default: false,
            in_primary_key: false,
            generated: false,
            collation: String::new(),
        }
    }

    #[test]
    fn a_column_holds_what_comes_out_as_it_went_in() {
        use sea_orm::DatabaseBackend::{MySql, Postgres, Sqlite};
        let text = ColumnType::String(StringLen::None);
        for (backend, declared, kind, stored_as, expected) in [
            (Sqlite, "INTEGER", Kind::Bool, ColumnType::Boolean, true),
            (Sqlite, "VARCHAR", Kind::Integer, ColumnType::BigInteger, false),
            (Sqlite, "NUMERIC", Kind::Text, text.clone(), false),
            (Sqlite, "CHAR(36)", Kind::Uuid, text.clone(), true),
            (Postgres, "BIGINT", Kind::Integer, ColumnType::BigInteger, true),
            (Postgres, "INTEGER", Kind::Integer, ColumnType::BigInteger, false),
            (Postgres, "INTEGER", Kind::Integer, ColumnType::Integer, true),
            (Postgres, "UUID", Kind::Uuid, ColumnType::Uuid, true),
            (Postgres, "UUID", Kind::Uuid, text.clone(), false),
            (Postgres, "CHARACTER VARYING(36)", Kind::Uuid, text.clone(), true),
            (Postgres, "CHARACTER VARYING(36)", Kind::Uuid, ColumnType::Uuid, false),
            (Postgres, "ENUM", Kind::Text, text.clone(), false),
            (
                Postgres,
                "TIMESTAMP(6) WITH TIME ZONE",
                Kind::Timestamp,
                ColumnType::TimestampWithTimeZone,
                true,
            ),
            (
                Postgres,
                "TIMESTAMP WITHOUT TIME ZONE",
                Kind::Timestamp,
                ColumnType::TimestampWithTimeZone,
                false,
            ),
            (MySql, "TINYINT(1)", Kind::Bool, ColumnType::Boolean, true),
            (MySql, "BIGINT(20) UNSIGNED", Kind::Integer, ColumnType::BigInteger, false),
            (MySql, "INT(11)", Kind::Integer, ColumnType::BigInteger, true),
            (MySql, "CHAR(36)", Kind::Uuid, text.clone(), true),
            (MySql, "CHAR(36)", Kind::Uuid, ColumnType::Uuid, false),
            (MySql, "BINARY(16)", Kind::Uuid, ColumnType::Uuid, true),
            (MySql, "VARCHAR(320)", Kind::Text, text, true),
        ] {
            let holds = column(backend, declared).can_hold(kind, &stored_as);
            assert_eq!(holds, expected, "{backend:?} {declared} {kind}");
        }
    }
}
