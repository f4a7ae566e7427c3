//! Logging in at a provider: a signed state that the browser's cookie vouches for, the code for a token, the token for
//! a profile, one statement, and a JWT.

use axum::{
    Json,
    extract::{Query, State},
    http::{HeaderMap, StatusCode, header::SET_COOKIE},
    response::IntoResponse,
};
use jsonwebtoken::{Header, decode, encode};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{AUDIENCE, Answer, Claims, Shared, Token};

pub struct Provider {
    url: String,
    client: reqwest::Client,
}

#[derive(Deserialize)]
struct ProviderToken {
    access_token: String,
}

#[derive(Deserialize)]
struct Profile {
    sub: String,
}

impl Provider {
    pub fn new(url: String) -> Self {
        Self { url, client: reqwest::Client::new() }
    }

    /// The account's name at the provider, and the token for it.
    async fn account(&self, code: &str) -> reqwest::Result<(String, String)> {
        let form = [("grant_type", "authorization_code"), ("code", code), ("client_id", "bench")];
        let token = self.client.post(format!("{}/token", self.url)).form(&form).send().await?;
        let token: ProviderToken = token.json().await?;
        let profile = self.client.get(format!("{}/profile", self.url)).bearer_auth(&token.access_token);
        let profile: Profile = profile.send().await?.json().await?;
        Ok((profile.sub, token.access_token))
    }
}

#[derive(Serialize)]
pub struct AuthorizationUrl {
    authorization_url: String,
}

pub async fn authorize(State(app): Shared) -> impl IntoResponse {
    let browser = Uuid::new_v4();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    let claims = Claims { sub: browser, aud: vec![AUDIENCE.to_owned()], exp: now.as_secs() + 600 };
    let state = encode(&Header::default(), &claims, &app.encoding).expect("signing");
    let authorization_url = format!("{}/authorize?response_type=code&state={state}", app.provider.url);
    (
        [(SET_COOKIE, format!("csrf={browser}; Path=/; HttpOnly"))],
        Json(AuthorizationUrl { authorization_url }),
    )
}

#[derive(Deserialize)]
pub struct Callback {
    code: String,
    state: String,
}

pub async fn callback(
    State(app): Shared,
    Query(query): Query<Callback>,
    headers: HeaderMap,
) -> Answer<Token> {
    let state = decode::<Claims>(&query.state, &app.decoding, &app.validation);
    let browser = state.map_err(|_| StatusCode::BAD_REQUEST)?.claims.sub;
    let cookie = headers.get("cookie").and_then(|value| value.to_str().ok());
    if cookie != Some(&format!("csrf={browser}")) {
        return Err(StatusCode::BAD_REQUEST);
    }
    let account = app.provider.account(&query.code).await;
    let (account, token) = account.map_err(|_| StatusCode::BAD_GATEWAY)?;
    let id = app.database.user_of_account(&account, &token, Uuid::new_v4()).await;
    Ok(Json(Token { access_token: app.access_token(id), token_type: "bearer" }))
}
