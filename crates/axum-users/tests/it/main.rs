//! The library from outside: routes as a client meets them, programs that use it, the derive, and the
//! compiler's messages.

mod derive;
mod routes;
mod support;
mod ui;
