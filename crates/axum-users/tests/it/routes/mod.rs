//! One file for each path.

mod auth;
mod bodies;
mod openapi;
mod users;
