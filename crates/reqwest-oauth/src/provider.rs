//! What makes one provider differ from another: data first, code for what data cannot say.
//!
//! `docs/adding-a-provider.md` in the repository shows how one is added.

mod api;
mod fields;

use std::{fmt, future::Future, pin::Pin};

use serde_json::{Map, Value};

pub(crate) use self::fields::{at, text};
pub use self::{
    api::Api,
    fields::{EmailVerified, Fields},
};
use crate::{
    auth::AuthMethod,
    client::{CodeExchange, Identity},
    encoding::Parameters,
    error::OAuthError,
};

/// The facts of one provider.
///
/// Texts that are addresses may have variables in braces: those of [`variables`](Self::variables), and
/// `{client_id}`. Write one as a constant, beginning with [`new`](Self::new) or [`discovered`](Self::discovered)
/// so that a field added later needs no change:
///
/// ```
/// use reqwest_oauth::{Fields, Profile, ProfileRequest, ProviderData};
///
/// const DATA: ProviderData = ProviderData {
///     authorize_endpoint: "https://id.example.com/authorize",
///     token_endpoint: "https://id.example.com/token",
///     has_refresh_tokens: true,
///     scopes: Some(&["profile", "email"]),
///     profile: Profile::Request(ProfileRequest::get("https://api.example.com/me")),
///     fields: Fields { id: "user.id", email: "user.email", ..Fields::NONE },
///     ..ProviderData::new("example", "Example")
/// };
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ProviderData {
    /// The name in routes and tables, in lower case.
    pub name: &'static str,
    /// The name on a button.
    pub display_name: &'static str,
    /// The brand's colour, `#rrggbb`.
    pub color: &'static str,
    /// The page of the provider's documentation that these facts come from.
    pub documentation: &'static str,
    /// Where the browser is sent.
    pub authorize_endpoint: &'static str,
    /// Where a code is exchanged, and a token refreshed.
    pub token_endpoint: &'static str,
    /// Where a token is revoked.
    pub revoke_endpoint: Option<&'static str>,
    /// The OpenID discovery document, which tells the three above and more; they stay empty then.
    pub configuration_endpoint: Option<&'static str>,
    /// Whether the token endpoint takes refresh tokens. A discovery document may say so too.
    pub has_refresh_tokens: bool,
    /// How the client logs in. With a discovery document, that says it.
    pub auth_method: AuthMethod,
    /// How a token request is written.
    pub token_body: TokenBody,
    /// How a revocation is written.
    pub revocation: Revocation,
    /// What addresses depend on.
    pub variables: &'static [Variable],
    /// The scopes asked for by default. `None`: no `scope` in the URL; an empty list: an empty `scope`.
    pub scopes: Option<&'static [&'static str]>,
    /// What stands between scopes: nearly always a space.
    pub scope_separator: &'static str,
    /// Parameters of the authorization URL, unless the application gives the same.
    pub authorize_parameters: &'static [(&'static str, &'static str)],
    /// Whether the provider takes PKCE.
    pub pkce: Pkce,
    /// Whether the provider wants a nonce in every authorization URL.
    pub needs_nonce: bool,
    /// Where the profile comes from.
    pub profile: Profile,
    /// Where in the profile things stand.
    pub fields: Fields,
    /// Issuer and keys of ID tokens, for a provider that sends them and is not discovered.
    pub id_token: Option<IdTokenData>,
    /// Whether the callback comes as a POST request.
    pub callback_is_posted: bool,
    /// Whether the provider is known to hand out addresses that nobody checked, without saying so.
    pub may_hand_out_unverified_emails: bool,
}

impl ProviderData {
    /// A provider with endpoints of its own, which have to be given.
    #[must_use]
    pub const fn new(name: &'static str, display_name: &'static str) -> Self {
        Self {
            name,
            display_name,
            color: "#444444",
            documentation: "",
            authorize_endpoint: "",
            token_endpoint: "",
            revoke_endpoint: None,
            configuration_endpoint: None,
            has_refresh_tokens: false,
            auth_method: AuthMethod::ClientSecretPost,
            token_body: TokenBody::Form,
            revocation: Revocation::Form,
            variables: &[],
            scopes: None,
            scope_separator: " ",
            authorize_parameters: &[],
            pkce: Pkce::S256,
            needs_nonce: false,
            profile: Profile::None,
            fields: Fields::OPENID,
            id_token: None,
            callback_is_posted: false,
            may_hand_out_unverified_emails: false,
        }
    }

    /// An OpenID provider with a discovery document, asked for the scopes `openid email`.
    #[must_use]
    pub const fn discovered(
        name: &'static str,
        display_name: &'static str,
        configuration_endpoint: &'static str,
    ) -> Self {
        Self {
            configuration_endpoint: Some(configuration_endpoint),
            scopes: Some(&["openid", "email"]),
            profile: Profile::Request(ProfileRequest::get("")),
            ..Self::new(name, display_name)
        }
    }

    /// Whether ID tokens can be checked.
    pub(crate) const fn is_openid(&self) -> bool {
        self.configuration_endpoint.is_some() || self.id_token.is_some()
    }
}

/// Something that addresses depend on: the tenant, the shop, the host of an own installation.
///
/// ```
/// use reqwest_oauth::{Variable, VariableKind};
///
/// const TENANT: Variable = Variable { name: "tenant", kind: VariableKind::Text, default: Some("common") };
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Variable {
    /// The name, as it stands in braces.
    pub name: &'static str,
    /// What it may be.
    pub kind: VariableKind,
    /// Its value where the application gives none; `None`: it has to be given.
    pub default: Option<&'static str>,
}

/// What the value of a [`Variable`] may be.
///
/// ```
/// use reqwest_oauth::{Variable, VariableKind};
///
/// const SHOP: Variable = Variable { name: "shop", kind: VariableKind::Host, default: None };
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum VariableKind {
    /// A host name or a label of one, with a port at most.
    Host,
    /// What stands between two slashes or in a query: it is percent-encoded.
    Text,
    /// A whole URL without query, https or on this machine.
    BaseUrl,
}

/// Whether a provider takes PKCE.
///
/// ```
/// use reqwest_oauth::{Pkce, ProviderData};
///
/// const DATA: ProviderData = ProviderData { pkce: Pkce::Never, ..ProviderData::new("example", "Example") };
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Pkce {
    /// It does, with S256.
    S256,
    /// Its documentation does not say so: sent only when the application asks for it.
    Undocumented,
    /// It stumbles over the challenge: never sent.
    Never,
}

/// How a token request is written.
///
/// ```
/// use reqwest_oauth::{ProviderData, TokenBody};
///
/// const DATA: ProviderData = ProviderData { token_body: TokenBody::Json, ..ProviderData::new("example", "Example") };
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenBody {
    /// As a form (RFC 6749).
    Form,
    /// As a JSON object.
    Json,
}

/// How a revocation is written.
///
/// ```
/// use reqwest_oauth::{ProviderData, Revocation};
///
/// const DATA: ProviderData = ProviderData { revocation: Revocation::Bearer, ..ProviderData::new("example", "Example") };
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Revocation {
    /// The token in a form, with the client's authentication (RFC 7009).
    Form,
    /// An empty POST request with the token in the `Authorization` header.
    Bearer,
}

/// Where a profile comes from.
///
/// ```
/// use reqwest_oauth::{Profile, ProviderData};
///
/// const DATA: ProviderData = ProviderData { profile: Profile::IdToken, ..ProviderData::new("example", "Example") };
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Profile {
    /// From a request of its own.
    Request(ProfileRequest),
    /// From the token answer, whose further members are the profile.
    TokenAnswer,
    /// From the ID token.
    IdToken,
    /// There is none.
    None,
}

/// How a profile is asked for.
///
/// ```
/// use reqwest_oauth::{ProfileRequest, TokenPlace};
///
/// const REQUEST: ProfileRequest = ProfileRequest {
///     token: TokenPlace::Scheme("token"),
///     root: "data",
///     ..ProfileRequest::get("https://api.example.com/v1/me")
/// };
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ProfileRequest {
    /// Whether the request is POST instead of GET.
    pub is_post: bool,
    /// The address, with its query percent-encoded. Empty: the discovered `userinfo_endpoint`.
    pub url: &'static str,
    /// Where the access token goes.
    pub token: TokenPlace,
    /// The `Accept` header.
    pub accept: &'static str,
    /// Further headers. Values may have variables.
    pub headers: &'static [(&'static str, &'static str)],
    /// A JSON body, for a POST request.
    pub json_body: Option<&'static str>,
    /// Whether any other status than 200 is an error, instead of all but 200 to 299.
    pub only_status_200: bool,
    /// The member of the answer that is the profile. Empty: the whole answer.
    pub root: &'static str,
}

impl ProfileRequest {
    /// `GET url`, `Accept: application/json`, `Authorization: Bearer …`.
    #[must_use]
    pub const fn get(url: &'static str) -> Self {
        Self {
            is_post: false,
            url,
            token: TokenPlace::Bearer,
            accept: "application/json",
            headers: &[],
            json_body: None,
            only_status_200: false,
            root: "",
        }
    }

    /// `POST url` with an empty body, else as [`get`](Self::get).
    #[must_use]
    pub const fn post(url: &'static str) -> Self {
        Self { is_post: true, ..Self::get(url) }
    }
}

/// Where an access token goes in a profile request.
///
/// ```
/// use reqwest_oauth::{ProfileRequest, TokenPlace};
///
/// const REQUEST: ProfileRequest = ProfileRequest {
///     token: TokenPlace::Query("access_token"),
///     ..ProfileRequest::get("https://api.example.com/v1/me")
/// };
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum TokenPlace {
    /// `Authorization: Bearer …`.
    Bearer,
    /// `Authorization`, with this scheme.
    Scheme(&'static str),
    /// A header of this name.
    Header(&'static str),
    /// A parameter of this name at the end of the query.
    Query(&'static str),
    /// A parameter of this name in the form of a POST request, after `client_id`.
    Form(&'static str),
}

/// Issuer and keys of the ID tokens of a provider that is not discovered.
///
/// ```
/// use reqwest_oauth::{IdTokenData, ProviderData};
///
/// const DATA: ProviderData = ProviderData {
///     id_token: Some(IdTokenData {
///         issuer: "https://id.example.com",
///         jwks_uri: "https://id.example.com/keys",
///         is_signed_with_secret: false,
///     }),
///     ..ProviderData::new("example", "Example")
/// };
/// ```
#[derive(Clone, Copy, Debug)]
pub struct IdTokenData {
    /// `iss`, to the letter.
    pub issuer: &'static str,
    /// The key set.
    pub jwks_uri: &'static str,
    /// Whether they are signed by HMAC (HS256) with the client secret instead, for every client of the provider.
    pub is_signed_with_secret: bool,
}

/// What [`Provider::identity`] gives.
///
/// ```
/// use reqwest_oauth::{Api, IdentityFuture};
///
/// /// What `Provider::identity` may do: two requests, and one identity of both.
/// fn identity<'a>(api: Api<'a>) -> IdentityFuture<'a> {
///     Box::pin(async move {
///         let mut profile = api.get("https://api.example.com/v1/me").await?;
///         profile["email"] = api.get("https://api.example.com/v1/email").await?;
///         api.read(profile)
///     })
/// }
/// ```
pub type IdentityFuture<'a> = Pin<Box<dyn Future<Output = Result<Identity, OAuthError>> + Send + 'a>>;

/// A provider: its data, and code for what data cannot say. Every method but `data` has a default.
///
/// ```
/// use reqwest_oauth::{Parameters, Provider, ProviderClient, ProviderData};
///
/// const DATA: ProviderData = ProviderData {
///     authorize_endpoint: "https://accounts.example.com/authorize",
///     token_endpoint: "https://accounts.example.com/token",
///     ..ProviderData::new("example", "Example")
/// };
///
/// #[derive(Debug)]
/// struct Example;
///
/// impl Provider for Example {
///     fn data(&self) -> &'static ProviderData {
///         &DATA
///     }
///
///     fn authorization_query(&self, query: &mut Parameters) {
///         query.rename("client_id", "client_key"); // what this provider calls it
///     }
/// }
///
/// let client = ProviderClient::with(Example, "id", "secret");
/// # let _ = client;
/// ```
pub trait Provider: fmt::Debug + Send + Sync + 'static {
    /// The facts.
    fn data(&self) -> &'static ProviderData;

    /// Has the last word on the query of the authorization URL.
    fn authorization_query(&self, _query: &mut Parameters) {}

    /// Has the last word on the form of a code exchange. The client's authentication is in it already.
    fn code_form(&self, _form: &mut Parameters, _exchange: &CodeExchange<'_>) {}

    /// Has the last word on the form of a refresh.
    fn refresh_form(&self, _form: &mut Parameters) {}

    /// Has the last word on the form of a revocation.
    fn revoke_form(&self, _form: &mut Parameters) {}

    /// Brings the answer to a code exchange or a refresh into the standard's form, before it is read:
    /// `access_token` at the top, or `error`. At a code exchange, `exchange` has the callback's parameters.
    fn token_answer(&self, _answer: &mut Map<String, Value>, _exchange: Option<&CodeExchange<'_>>) {}

    /// Reads who logged in from the profile. Further requests go through `api`.
    fn identity<'a>(&'a self, api: &'a Api<'a>, profile: Value) -> IdentityFuture<'a> {
        Box::pin(async move { api.read(profile) })
    }
}
