//! The configured OAuth providers, as the library takes them.

use axum_users::{
    OAuthOptions, ProfileError, UsersBuilder,
    reqwest_oauth::Identity,
    schema::{Column, ColumnType, Record, Value},
};
use serde_json::Value as Json;

use crate::{
    config::{OAuthConfig, ProfileSource, parse_value},
    server_user::ServerUser,
};

/// Offers a provider.
pub(crate) fn add_provider(
    builder: UsersBuilder<ServerUser>,
    config: &OAuthConfig,
) -> UsersBuilder<ServerUser> {
    let cookie = &config.cookie;
    let mut options = OAuthOptions::backend(config.backend.clone())
        .csrf_cookie_name(cookie.name.clone())
        .csrf_cookie_same_site(cookie.same_site)
        .redirect_targets(config.redirect_targets.clone());
    if !cookie.secure {
        options = options.insecure_csrf_cookie();
    }
    if config.associate_by_email {
        options = options.associate_by_email();
    }
    if config.is_verified_by_default {
        options = options.verified_by_default();
    }
    if config.requires_verification {
        options = options.requires_verification();
    }
    if let Some(url) = &config.redirect_url {
        options = options.redirect_url(url);
    }
    if let Some(url) = &config.associate_redirect_url {
        options = options.associate_redirect_url(url);
    }
    if let Some(domain) = &config.placeholder_email_domain {
        options = options.placeholder_email_domain(domain);
    }
    if !config.profile.is_empty() {
        let mapping = config.profile.clone();
        options = options.map_profile(move |identity| own_columns(&mapping, identity));
    }
    builder.oauth(config.client.clone(), options)
}

/// What the profile says of own columns. What it does not say, or says in no form that the column takes, is left
/// out; where the column cannot do without, the account is refused.
fn own_columns(mapping: &[(Column, ProfileSource)], identity: &Identity) -> Result<Record, ProfileError> {
    let mut record = Record::new();
    for (column, source) in mapping {
        match value_of(column, source, identity) {
            Some(value) => record.set(column.name.clone(), value),
            None if column.is_required() => {
                return Err(ProfileError(format!("the provider does not tell {}", column.name)));
            }
            None => {}
        }
    }
    Ok(record)
}

fn value_of(column: &Column, source: &ProfileSource, identity: &Identity) -> Option<Value> {
    let text = |text: &Option<String>| text.clone().map(Json::from);
    let found = match source {
        ProfileSource::Name => text(&identity.name),
        ProfileSource::Picture => text(&identity.picture),
        ProfileSource::Locale => text(&identity.locale),
        ProfileSource::Path(path) => identity.value(path).cloned(),
    };
    match (found?, column.column_type) {
        (found, ColumnType::Json) => Some(Value::Json(found)),
        (Json::String(text), _) => parse_value(column, &text).ok(),
        (found @ (Json::Number(_) | Json::Bool(_)), _) => parse_value(column, &found.to_string()).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn identity() -> Identity {
        let mut identity = Identity::default();
        identity.name = Some("Ann".to_owned());
        identity.profile =
            json!({"given": "Ann", "age": 44, "staff": true, "groups": ["a"], "site": {"zip": 7}});
        identity
    }

    #[test]
    fn own_columns_are_filled_from_the_profile_each_in_its_type() {
        let path = |path: &str| ProfileSource::Path(path.to_owned());
        let column = |name: &'static str, column_type| Column::new(name, column_type).nullable();
        let mapping = [
            (column("shown", ColumnType::Text), ProfileSource::Name),
            (column("picture", ColumnType::Text), ProfileSource::Picture),
            (column("age", ColumnType::Integer), path("age")),
            (column("staff", ColumnType::Bool), path("staff")),
            (column("groups", ColumnType::Json), path("groups")),
            (column("zip", ColumnType::Text), path("site.zip")),
            (column("born", ColumnType::Date), path("given")),
        ];
        let expected = Record::new()
            .with("shown", Value::Text("Ann".to_owned()))
            .with("age", Value::Integer(44))
            .with("staff", Value::Bool(true))
            .with("groups", Value::Json(json!(["a"])))
            .with("zip", Value::Text("7".to_owned()));
        assert_eq!(own_columns(&mapping, &identity()), Ok(expected));
    }

    #[test]
    fn an_account_that_does_not_tell_a_required_column_is_refused() {
        let mapping = [(Column::new("city", ColumnType::Text), ProfileSource::Path("city".to_owned()))];
        let refused = ProfileError("the provider does not tell city".to_owned());
        assert_eq!(own_columns(&mapping, &identity()), Err(refused));
    }
}
