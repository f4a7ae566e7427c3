//! Every database that the server takes, by its URL alone: what it does there, and what it says of it.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::command::{Said, command};
use crate::support::http::Request;
use crate::support::place::{Engine, Place, with_database};
use crate::support::{login, session};

const EMAIL: &str = "ada@example.com";
const PASSWORD: &str = "analytical engine";

fn run(place: &Place, arguments: &[&str]) -> Said {
    command(&place.url(), place.folder(), arguments)
}

/// The line of `config check` that tells what is in the database.
fn found(place: &Place) -> String {
    let said = run(place, &["config", "check"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    said.output.lines().nth(1).unwrap_or_default().to_owned()
}

async fn a_server_keeps_its_users_there(engine: Engine) {
    let place = Place::new(engine).await;
    let empty = match engine {
        Engine::Sqlite => "The database: there is no file yet; serve or migrate makes it.",
        _ => "The database: an empty database.",
    };
    assert_eq!(found(&place), empty);
    assert_eq!(found(&place), empty, "looking changes nothing");

    let launch = place.launch_with("");
    let mut server = launch.start().await;
    let register =
        Request::new("POST", "/auth/register").json(&json!({"email": EMAIL, "password": PASSWORD}));
    let registered = server.send(&register).await;
    assert_eq!(registered.status, 201, "{}", registered.text());
    assert_eq!(server.send(&register).await.json(), json!({"detail": "REGISTER_USER_ALREADY_EXISTS"}));
    let cookie = session(&server.address, EMAIL, PASSWORD).await;
    server.stop();

    let server = launch.start().await;
    let me = Request::new("GET", "/users/me").header("cookie", &format!("fastapiusersauth={cookie}"));
    assert_eq!(server.send(&me).await.json(), registered.json());
    let noun = if engine == Engine::MongoDb { "collections" } else { "tables" };
    assert_eq!(
        found(&place),
        format!("The database: {noun} of axum-users: 1 users, 0 OAuth accounts, 1 access tokens.")
    );
}

async fn every_command_works_there(engine: Engine) {
    let place = Place::new(engine).await;
    let ok = |arguments: &[&str]| {
        let said = run(&place, arguments);
        assert_eq!(said.code, Some(0), "{arguments:?}: {said:?}");
        said.output
    };
    let name = ok(&["migrate"]);
    assert!(name.ends_with(" is up to date.\n"), "{name}");
    let create = ["user", "create", "--email", EMAIL, "--password", PASSWORD, "--superuser"];
    assert!(ok(&create).starts_with("Created ada@example.com with the id "));
    let again = run(&place, &create);
    assert_eq!(again.code, Some(1));
    assert_eq!(again.error, "error: a user with this e-mail exists\n");
    let shown: Value = serde_json::from_str(&ok(&["user", "show", "ADA@example.com"])).unwrap();
    assert_eq!(shown["is_superuser"], true);
    let id = shown["id"].as_str().unwrap();
    ok(&["user", "update", id, "--verified", "true"]);
    let listed: Value = serde_json::from_str(&ok(&["user", "list", "--json"])).unwrap();
    assert_eq!((listed["id"].as_str(), &listed["is_verified"]), (Some(id), &json!(true)));
    ok(&["user", "set-password", EMAIL, "--password", "difference engine"]);
    let server = place.launch_with("").start().await;
    assert_eq!(login(&server, EMAIL, "difference engine").await.status, 200);
    drop(server);
    ok(&["user", "delete", EMAIL, "--yes"]);
    assert_eq!(ok(&["user", "list", "--json"]), "");
}

/// Ids that the database makes, chosen in the configuration and then found without it.
async fn ids_are_what_the_database_has(engine: Engine) {
    let kinds: &[&str] = match engine {
        Engine::MongoDb => &["integer", "object_id"],
        _ => &["integer"],
    };
    for kind in kinds {
        let place = Place::new(engine).await;
        let server = place.launch_with(&format!("[user]\nid = \"{kind}\"")).start().await;
        let register =
            Request::new("POST", "/auth/register").json(&json!({"email": EMAIL, "password": PASSWORD}));
        let registered = server.send(&register).await;
        assert_eq!(registered.status, 201, "{}", registered.text());
        drop(server);

        let server = place.launch_with("").start().await;
        let token = login(&server, EMAIL, PASSWORD).await.json()["access_token"].as_str().unwrap().to_owned();
        let cookie = session(&server.address, EMAIL, PASSWORD).await;
        let by_cookie =
            Request::new("GET", "/users/me").header("cookie", &format!("fastapiusersauth={cookie}"));
        for request in [Request::new("GET", "/users/me").bearer(&token), by_cookie] {
            assert_eq!(server.send(&request).await.json(), registered.json(), "{kind}");
        }
        let id = &registered.json()["id"];
        match *kind {
            "integer" => assert_eq!(*id, json!(1)),
            _ => assert_eq!(id.as_str().map(str::len), Some(24), "{id}"),
        }
    }
}

on_every_engine!(a_server_keeps_its_users_there, every_command_works_there, ids_are_what_the_database_has);

/// Starts, and is to say in one sentence why it cannot.
fn refusal(url: &str, folder: &Path) -> String {
    let said = command(url, folder, &["serve"]);
    assert!(matches!(said.code, Some(1 | 2)), "{url}: {said:?}");
    assert_eq!(said.error.lines().count(), 1, "{url}: {said:?}");
    assert!(!format!("{said:?}").contains("hunter2"), "{url}: {said:?}");
    said.error
}

#[tokio::test]
async fn what_is_wrong_with_a_database_is_one_sentence_without_the_password() {
    let places = [
        (Place::new(Engine::Postgres).await, "postgres"),
        (Place::new(Engine::MySql).await, "mysql"),
        (Place::new(Engine::MongoDb).await, "mongodb"),
    ];
    for (place, scheme) in &places {
        let folder = place.folder();
        let refused = refusal(&format!("{scheme}://ada:hunter2@127.0.0.1:1/users?"), folder);
        let unreachable = "cannot be reached";
        assert!(refused.contains(unreachable), "{refused}");
        let refused = refusal(&format!("{scheme}://ada:hunter2@127.0.0.1:1"), folder);
        assert!(refused.contains("names no database"), "{refused}");
        let url = place.url();
        let (_, rest) = url.split_once("://").unwrap();
        let server = rest.rsplit_once('@').map_or(rest, |(_, server)| server);
        if place.engine == Engine::MongoDb {
            continue;
        }
        let refused = refusal(&with_database(&url, "no_such_database"), folder);
        assert!(refused.contains("has no database `no_such_database`"), "{refused}");
        let refused = refusal(&format!("{scheme}://nobody:hunter2@{server}"), folder);
        assert!(refused.contains("does not let `nobody` in"), "{refused}");
    }
    let folder = places[0].0.folder();
    let refused = refusal("postgresql+asyncpg://ada:hunter2@127.0.0.1/users", folder);
    assert!(
        refused.contains("write this database as \"postgres://user:password@host:5432/database\""),
        "{refused}"
    );
}
