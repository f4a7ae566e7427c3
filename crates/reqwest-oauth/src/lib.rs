//! Async OAuth2 and OpenID Connect clients for many providers, on [`reqwest`]: what HTTPX OAuth is for Python.
//!
//! The crate knows the providers, their quirks and the RFCs, and nothing of web frameworks or users: it makes
//! authorization URLs, exchanges codes, refreshes and revokes tokens, and says who logged in.
//!
//! # A login
//!
//! ```no_run
//! use reqwest_oauth::{
//!     AuthorizationRequest, CodeExchange, OAuthClient, code_challenge, providers::GoogleOAuth2,
//! };
//!
//! # async fn login() -> Result<(), reqwest_oauth::OAuthError> {
//! let google = GoogleOAuth2::new("client id", "client secret");
//! let redirect_uri = "https://app.example.com/callback";
//!
//! // 1. Send the browser to the provider. State, nonce and verifier are random, and bound to this browser.
//! let (state, verifier) = ("…", "…");
//! let url = google
//!     .authorization_url(
//!         &AuthorizationRequest::new(redirect_uri).state(state).code_challenge(&code_challenge(verifier)),
//!     )
//!     .await?;
//!
//! // 2. The browser comes back with `code`, `state` and perhaps `iss`. Compare the state first; then:
//! let (code, iss) = ("…", None);
//! google.check_issuer(iss).await?;
//! let token = google.access_token(&CodeExchange::new(code, redirect_uri).code_verifier(verifier)).await?;
//!
//! // 3. Ask who it is.
//! let identity = google.identity(&token, None).await?;
//! println!("{} {:?} {:?}", identity.id, identity.email, identity.email_verified);
//! # let _ = url;
//! # Ok(())
//! # }
//! ```
//!
//! # Clients
//!
//! - [`providers`] has one for each provider known by name: `GoogleOAuth2`, `GitHubOAuth2` and so on.
//! - [`OpenId`] is any OpenID Connect provider, by its discovery document.
//! - [`OAuth2`] is any other provider, by its endpoints.
//! - An own provider is a constant of facts: see [`ProviderData`] and [`Provider`].
//!
//! All of them are [`ProviderClient`]s with the same settings, and [`OAuthClient`]s with the same operations.
//! [`BoxedClient`] holds one of any kind. [`providers::client`] finds one by name, for a configuration file.
//!
//! # E-mail addresses
//!
//! An address is as good as the provider's check of it. [`Identity::email_verified`] has three states: `true`,
//! `false`, and not said; and some providers are
//! [known](OAuthClient::may_hand_out_unverified_emails) to hand out what nobody checked. Find accounts by
//! [`Identity::id`], and link one by its address only when that is verified.
//!
//! # What is always so
//!
//! - A request is over within a [deadline](ProviderClient::deadline) (10 seconds, connecting 5), reads no more
//!   than a [limit](ProviderClient::body_limit) (1 MiB), and follows no redirect.
//! - Every URL is https or on this machine, the discovered ones too. A [guard](ProviderClient::url_guard) can
//!   narrow that.
//! - An ID token is checked as OpenID Connect Core section 3.1.3.7 says: signature by a published key, `iss`,
//!   `aud`, `azp`, `exp`, `iat`, `nonce`, `at_hash`; never `none`, and HMAC only where
//!   [registered so](ProviderClient::id_tokens_signed_with_secret). The profile has to be about the same subject.
//! - Discovery documents and keys are fetched when first needed, so that a provider that is down stops nothing
//!   at start-up, and kept for an hour.
//! - Errors are [typed](OAuthError), carry the provider's status and words, and never a secret or a token.
//!   [`OAuthError::is_temporary`] tells a failure that may pass.
//! - Time and randomness can be [handed](ProviderClient::clock) [in](ProviderClient::randomness), and the HTTP
//!   client [replaced](ProviderClient::transport).
//!
//! # Coming from HTTPX OAuth
//!
//! | HTTPX OAuth | here |
//! | --- | --- |
//! | `get_authorization_url` | [`authorization_url`](OAuthClient::authorization_url) |
//! | `get_access_token` | [`access_token`](OAuthClient::access_token) |
//! | `refresh_token`, `revoke_token` | the same |
//! | `get_profile`, `get_id_email` | [`profile`](OAuthClient::profile), [`id_email`](OAuthClient::id_email) |
//! | `OAuth2Token.is_expired()` | [`OAuth2Token::is_expired`] |
//! | `GetAccessTokenError` … | [`OAuthError::GetAccessToken`] … |
//!
//! Names, default scopes, requests and answers of its thirteen clients are the same. What differs: an `error` in
//! a 200 answer is one; an incomplete profile is an error and no crash; an authorization endpoint may have a
//! query; Basic authentication is [encoded](ProviderClient::basic_auth_verbatim) as RFC 6749 says; a refresh
//! that brings no new refresh token gives the old one; discovery is lazy, and its issuer checked.

mod auth;
mod cached;
mod client;
mod encoding;
mod error;
mod http;
mod id_token;
mod oauth2;
mod openid;
mod provider;
mod provider_client;
pub mod providers;
mod system;
mod token;

pub use secrecy::{ExposeSecret, SecretString};
pub use url::Url;

pub use self::{
    auth::{AuthMethod, Credentials, PrivateKey},
    client::{AuthorizationRequest, BoxedClient, CodeExchange, Identity, Issuer, OAuthClient},
    encoding::{Parameters, code_challenge},
    error::{FailureCause, IdTokenError, OAuthError, RequestFailure},
    http::{HttpError, HttpRequest, HttpResponse, HttpTransport, ReqwestTransport},
    oauth2::{OAuth2, OAuth2Endpoints, OAuth2Provider},
    openid::{OpenId, OpenIdProvider},
    provider::{
        Api, EmailVerified, Fields, IdTokenData, IdentityFuture, Pkce, Profile, ProfileRequest, Provider,
        ProviderData, Revocation, TokenBody, TokenPlace, Variable, VariableKind,
    },
    provider_client::ProviderClient,
    token::OAuth2Token,
};

/// Pages: their programs are compiled with the documentation's tests.
#[cfg(doctest)]
mod book {
    #[doc = include_str!("../README.md")]
    struct Readme;
    #[doc = include_str!("../../../docs/adding-a-provider.md")]
    struct AddingAProvider;
    #[doc = include_str!("../../../docs/providers.md")]
    struct Providers;
}
