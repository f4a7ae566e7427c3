//! How users log in.

use std::env;

use axum_users::{
    Bearer, BoxError, Jwt, OAuthOptions, Users,
    reqwest_oauth::providers::GoogleOAuth2,
    schema::{Record, Value},
};
use axum_users_seaorm::SeaOrmDatabase;
use sea_orm::DatabaseConnection;

use crate::models::user;

/// The users of the application, which browsers reach at `public_url`.
pub(crate) fn users(
    connection: DatabaseConnection,
    public_url: &str,
) -> Result<Users<user::Model>, BoxError> {
    // An address that Google has verified is the user's: whoever registered with it before gets Google as a
    // second way in, and whoever is new is verified.
    let options = OAuthOptions::backend("jwt")
        .associate_by_email()
        .verified_by_default()
        // Without it a browser sends the flow's cookie over https alone.
        .insecure_csrf_cookie()
        .map_profile(|google| {
            let name = google.name.clone().map_or(Value::Null, Value::Text);
            Ok(Record::new().with("name", name))
        });
    let users = Users::builder(SeaOrmDatabase::<user::Entity>::new(connection), env::var("SECRET")?)
        .backend("jwt", Bearer::default(), Jwt::lasting_seconds(3600))
        .public_url(public_url)
        .oauth(google()?, options)
        .build()?;
    Ok(users)
}

fn google() -> Result<GoogleOAuth2, env::VarError> {
    let client_id = env::var("GOOGLE_OAUTH_CLIENT_ID")?;
    let client_secret = env::var("GOOGLE_OAUTH_CLIENT_SECRET")?;
    let google =
        GoogleOAuth2::new(client_id, client_secret).variable("person_fields", "emailAddresses,names");
    // Where tests have something that stands in for Google.
    Ok(match env::var("GOOGLE_BASE_URL") {
        Ok(url) => google.base_url(url),
        Err(_) => google,
    })
}
