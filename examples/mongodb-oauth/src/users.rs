//! How users log in, and what happens when they do something.

use std::env;

use axum_users::{
    Bearer, BoxError, Context, Hooks, Jwt, OAuthOptions, Users,
    reqwest_oauth::providers::GoogleOAuth2,
    schema::{Record, Value},
};
use axum_users_mongodb::MongoDatabase;

use crate::models::User;

/// The users of the application, which browsers reach at `public_url`.
pub(crate) fn users(database: MongoDatabase, public_url: &str) -> Result<Users<User>, BoxError> {
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
    let users = Users::builder(database, env::var("SECRET")?)
        .hooks(Printer)
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

/// Prints where another program would send mails.
struct Printer;

#[expect(clippy::print_stdout, reason = "the terminal is where these mails go")]
impl Hooks<User> for Printer {
    async fn on_after_register(&self, user: &User, _: &mut Context<'_, User>) -> Result<(), BoxError> {
        println!("User {} has registered.", user.id);
        Ok(())
    }

    async fn on_after_forgot_password(
        &self,
        user: &User,
        token: &str,
        _: &mut Context<'_, User>,
    ) -> Result<(), BoxError> {
        println!("User {} has forgot their password. Reset token: {token}", user.id);
        Ok(())
    }

    async fn on_after_request_verify(
        &self,
        user: &User,
        token: &str,
        _: &mut Context<'_, User>,
    ) -> Result<(), BoxError> {
        println!("Verification requested for user {}. Verification token: {token}", user.id);
        Ok(())
    }
}
