//! The library from outside: routes as a client meets them, the derive, and the compiler's messages.

mod derive;
mod support;
mod ui;
