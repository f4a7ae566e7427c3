//! What the health check of a container is told.

use std::process::{Command, Output};

use crate::browser::free_address;
use crate::support::server::Launch;
use crate::support::{SECRET, data};

fn health(listen: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_axum-users"));
    command.arg("health").arg("--config").arg(data("browser.toml"));
    // Nothing of it is asked: it only has to be a whole configuration.
    command.env("AXUM_USERS__OAUTH__0__OPENID_CONFIGURATION_ENDPOINT", "http://127.0.0.1:1/");
    command.env("AXUM_USERS__LISTEN", listen).output().unwrap()
}

#[tokio::test]
async fn a_health_check_is_told_that_the_server_is_ready_or_that_there_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let address = free_address().await;
    let none = health(&address);
    let said = String::from_utf8(none.stderr).unwrap();
    assert_eq!(none.status.code(), Some(1));
    assert!(said.contains(&format!("no server answers at {address}")), "{said}");

    let launch = Launch::new(&data("typescript.toml"), folder.path()).set("SECRET", SECRET);
    let launch = launch.database(&folder.path().join("data.db"));
    // It listens everywhere, as in a container.
    let everywhere = address.replace("127.0.0.1", "0.0.0.0");
    let mut server = launch.set("LISTEN", &everywhere).start().await;
    let ready = health(&everywhere);
    assert_eq!(String::from_utf8(ready.stdout).unwrap(), format!("The server at {address} is ready.\n"));
    assert_eq!(ready.status.code(), Some(0));
    server.stop();
}
