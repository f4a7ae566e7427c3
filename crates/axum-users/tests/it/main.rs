//! The library from outside: routes as a client meets them, programs that use it, the derive, and the
//! compiler's messages.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod audit;
mod backends;
mod build;
mod changes;
mod clock;
mod database;
mod derive;
mod extractors;
mod hardening;
mod hidden_emails;
mod jwt;
mod keys;
mod manager;
mod mounting;
#[cfg(feature = "oauth")]
mod oauth;
mod own_fields;
mod races;
#[cfg(feature = "redis")]
mod redis;
mod refusals;
mod routes;
mod secrets;
mod support;
#[cfg(feature = "testing")]
mod testing;
mod ui;
mod user_cache;
