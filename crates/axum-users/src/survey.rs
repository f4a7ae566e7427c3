//! What a database of FastAPI Users holds, as adapters tell it before anything is changed there.

use std::{collections::BTreeMap, fmt};

use crate::{
    password::HashKind,
    schema::{ColumnType, Value},
};

/// Kinds of hashes that are counted apart; whatever comes after so many is counted as one.
const MOST_KINDS: usize = 20;

/// What an adapter found in tables or collections that FastAPI Users made.
///
/// ```
/// use axum_users::{HashCounts, HashKind};
/// let mut hashes = HashCounts::default();
/// hashes.add(HashKind::of("$pbkdf2-sha256$29000$N2YMIWQs$3g"));
/// assert_eq!(hashes.to_string(), "1 unreadable (pbkdf2-sha256)");
/// assert_eq!(hashes.unreadable(), 1);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Survey {
    /// How many users there are.
    pub users: u64,
    /// How many OAuth accounts; `None` where there is no place for them.
    pub oauth_accounts: Option<u64>,
    /// How many access tokens, expired ones included; `None` where there is no place for them.
    pub access_tokens: Option<u64>,
    /// The providers of the OAuth accounts, by the names that Python gave them.
    pub providers: Vec<String>,
    /// The kinds of password hashes.
    pub hashes: HashCounts,
    /// What users have beside the six columns that every user has.
    pub own_columns: Vec<OwnColumn>,
}

/// A column of the application's own, or a field of its documents.
///
/// ```
/// use axum_users::{OwnColumn, schema::ColumnType};
/// let required = |column: &OwnColumn| column.not_null && !column.has_default;
/// let column = OwnColumn {
///     name: "first_name".to_owned(),
///     declared: "VARCHAR(64)".to_owned(),
///     column_type: Some(ColumnType::Text),
///     not_null: true,
///     has_default: false,
///     default: None,
/// };
/// assert!(required(&column));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct OwnColumn {
    /// Its name.
    pub name: String,
    /// What the database calls its type.
    pub declared: String,
    /// The type of a user model's field that can hold it; `None` where none can.
    pub column_type: Option<ColumnType>,
    /// Whether every user has a value.
    pub not_null: bool,
    /// Whether the database gives a value to users that are made without one.
    pub has_default: bool,
    /// That value, where it is a constant.
    pub default: Option<Value>,
}

/// How many password hashes there are of each kind. Its `Display` is a list for people.
///
/// ```
/// let hashes = axum_users::HashCounts::default();
/// assert_eq!(hashes.to_string(), "none");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HashCounts(BTreeMap<HashKind, u64>);

impl HashCounts {
    /// Counts one more.
    pub fn add(&mut self, kind: HashKind) {
        let is_one_too_many = self.0.len() >= MOST_KINDS && !self.0.contains_key(&kind);
        let kind = if is_one_too_many { HashKind::Unreadable(None) } else { kind };
        *self.0.entry(kind).or_default() += 1;
    }

    /// How many cannot be verified, so that their users cannot log in by password.
    #[must_use]
    pub fn unreadable(&self) -> u64 {
        let unreadable = self.0.iter().filter(|(kind, _)| matches!(kind, HashKind::Unreadable(_)));
        unreadable.map(|(_, count)| count).sum()
    }
}

impl fmt::Display for HashCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (kind, count)) in self.0.iter().enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            write!(f, "{comma}{count} {kind}")?;
        }
        if self.0.is_empty() { f.write_str("none") } else { Ok(()) }
    }
}

/// What adopting would do, and what stands in its way.
///
/// ```
/// let plan = axum_users::AdoptionPlan::default();
/// assert!(plan.obstacles.is_empty(), "{}", plan.obstacles.join("\n"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AdoptionPlan {
    /// What is missing, a statement or a sentence each.
    pub steps: Vec<String>,
    /// What stands in the way: a sentence each, with the rows and what mends them.
    pub obstacles: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn however_many_kinds_of_hashes_there_are_their_list_stays_short() {
        let mut hashes = HashCounts::default();
        for number in 0..1000 {
            hashes.add(HashKind::of(&format!("$scheme{number}$x")));
        }
        assert_eq!((hashes.0.len(), hashes.unreadable()), (MOST_KINDS + 1, 1000));
    }
}
