//! Async OAuth2 and OpenID Connect clients.

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
