//! Black-box tests of the server: everything here talks to a running process by URL, as a client would.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of a test fails the test")]

#[macro_use]
mod support;

mod adopt;
mod bad_input;
mod browser;
mod clients;
mod csrf;
mod databases;
mod hardening;
mod health;
mod keys;
mod limits;
mod mail;
mod metrics;
mod oauth;
mod oauth_provider;
mod openapi;
mod redis;
mod replay;
mod stop;
