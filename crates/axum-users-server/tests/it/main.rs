//! Black-box tests of the server: everything here talks to a running process by URL, as a client would.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of a test fails the test")]

#[macro_use]
mod support;

mod addresses;
mod adopt;
mod audit;
mod bad_input;
mod book;
mod browser;
mod clients;
mod crash;
mod crowd;
mod csrf;
mod database_outage;
mod databases;
mod discretion;
mod first_start;
mod fuzz;
mod hardening;
mod health;
mod keys;
mod limits;
mod mail;
mod messages;
mod metrics;
mod oauth;
mod oauth_provider;
mod openapi;
mod packaging;
mod pages;
mod protocol;
mod redis;
mod reference;
mod replay;
mod same_everywhere;
mod schema;
mod sessions;
mod shared_limits;
mod stop;
#[cfg(feature = "opentelemetry")]
mod telemetry;
mod the_move;
mod three_processes;
mod timing;
mod two_processes;
