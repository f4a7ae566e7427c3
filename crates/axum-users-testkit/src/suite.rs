//! The behaviours, one function each. `conformance!` makes a test of every one; see `crate::list`.

pub(crate) mod access_tokens;
pub(crate) mod audit_trail;
pub(crate) mod emails;
pub(crate) mod limits;
pub(crate) mod oauth_accounts;
pub(crate) mod one_time_records;
pub(crate) mod own_fields;
pub(crate) mod races;
pub(crate) mod routes;
pub(crate) mod sessions;
pub(crate) mod surroundings;
pub(crate) mod user_states;
pub(crate) mod users;
