//! The binary `axum-users`; see the library of this crate.

use std::process::ExitCode;

fn main() -> ExitCode {
    axum_users_server::run()
}
