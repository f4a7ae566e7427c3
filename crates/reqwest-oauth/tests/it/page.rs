//! The page of providers in the book says what the code has.

use std::path::Path;

use reqwest_oauth::{Pkce, Provider, ProviderData, VariableKind, providers};
use serde_json::Value;

/// `Google as GoogleOAuth2` and so on, in the order of [`providers::all`].
fn clients() -> Vec<&'static str> {
    let declarations = include_str!("../../src/providers.rs").lines().filter_map(|line| {
        let (_, client) = line.strip_prefix("    ")?.strip_suffix(',')?.split_once(" as ")?;
        Some(client)
    });
    declarations.collect()
}

fn needs(data: &ProviderData) -> String {
    let variable = |variable: &reqwest_oauth::Variable| match variable.default {
        Some(_) => format!("(`{}`)", variable.name),
        None => format!("`{}`", variable.name),
    };
    data.variables.iter().map(variable).collect::<Vec<_>>().join(", ")
}

const fn pkce(data: &ProviderData) -> &'static str {
    match data.pkce {
        Pkce::S256 => "yes",
        Pkce::Never => "no",
        _ => "on request",
    }
}

/// What the recorded answers show of addresses; `None` for a provider without a file.
fn email(name: &str) -> Option<&'static str> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/providers");
    let text = std::fs::read_to_string(folder.join(format!("{name}.json"))).ok()?;
    let file: Value = serde_json::from_str(&text).unwrap();
    let identities = file["identities"].as_array().unwrap().iter().map(|case| &case["identity"]);
    let verified: Vec<_> = identities
        .filter(|identity| identity["email"].is_string())
        .map(|identity| identity["email_verified"].as_bool())
        .collect();
    Some(match (verified.contains(&Some(true)), verified.contains(&Some(false))) {
        (true, true) => "told",
        (true, false) => "always checked",
        (false, true) => "never checked",
        (false, false) if verified.is_empty() => "none",
        (false, false) => "not told",
    })
}

fn expected(provider: &dyn Provider, client: &str) -> [Option<String>; 6] {
    let data = provider.data();
    let mark = if data.may_hand_out_unverified_emails { " *" } else { "" };
    [
        Some(format!("`{}`", data.name)),
        Some(format!("[{}]({})", data.display_name, data.documentation)),
        Some(format!("`{client}`")),
        Some(needs(data)),
        email(data.name).map(|email| format!("{email}{mark}")),
        Some(pkce(data).to_owned()),
    ]
}

#[test]
fn the_page_of_providers_has_every_provider_as_it_is_and_no_other() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/providers.md");
    let page = std::fs::read_to_string(path).unwrap();
    let rows: Vec<Vec<_>> = page
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    let all = providers::all();
    let clients = clients();
    assert_eq!(all.len(), clients.len());
    assert_eq!(rows.len(), all.len(), "rows of the page, providers of the code");

    for ((provider, client), row) in all.iter().zip(clients).zip(rows) {
        let expected = expected(provider.as_ref(), client);
        assert_eq!(row.len(), expected.len(), "{row:?}");
        for (cell, expected) in row.iter().zip(expected) {
            assert!(expected.as_deref().is_none_or(|expected| *cell == expected), "{row:?}: {expected:?}");
        }
    }
}

#[test]
fn what_a_provider_cannot_do_without_is_told_when_it_is_missing() {
    use reqwest_oauth::{OAuthClient, ProviderClient};
    for provider in providers::all() {
        let data = provider.data();
        let mut client = ProviderClient::of(provider, "id", "secret");
        for variable in data.variables.iter().filter(|variable| variable.default.is_none()) {
            let error = client.check().unwrap_err().message();
            assert!(error.contains(&format!("`{}` is missing", variable.name)), "{}: {error}", data.name);
            let value = match variable.kind {
                VariableKind::BaseUrl => "https://id.example.com/sub",
                _ => "value",
            };
            client = client.variable(variable.name, value);
        }
        assert_eq!(client.check(), Ok(()), "{}", data.name);
    }
}
