//! OAuth2 and OpenID Connect: logging in with an account at a provider, and linking accounts to users.
//!
//! On the wire it is what the original's routers do. Beneath it, every flow has PKCE (RFC 7636) wherever the
//! provider takes it, a nonce with OpenID, and a state that is bound to the browser, the provider and the
//! purpose, is good once, and is checked before the code is spent.

mod options;
pub(crate) mod renewals;
pub(crate) mod state;
pub(crate) mod token_encryption;

use std::{borrow::Cow, fmt};

use reqwest_oauth::{BoxedClient, OAuthClient};

pub use self::options::{OAuthOptions, ProfileError};
use self::{renewals::Renewals, state::States, token_encryption::TokenEncryption};
use crate::{
    auth::{Cookie, SameSite},
    token::TokenSigner,
    user::UserModel,
};

/// A provider that the application offers, with its settings.
pub(crate) struct OAuthProvider<U: UserModel> {
    pub(crate) client: BoxedClient,
    pub(crate) options: OAuthOptions<U>,
}

impl<U: UserModel> OAuthProvider<U> {
    pub(crate) fn new(client: impl OAuthClient, options: OAuthOptions<U>) -> Self {
        Self { client: BoxedClient::new(client), options }
    }

    /// The name in paths and rows: `google`.
    pub(crate) fn name(&self) -> &str {
        self.client.name()
    }
}

impl<U: UserModel> fmt::Debug for OAuthProvider<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OAuthProvider").field("name", &self.name()).finish_non_exhaustive()
    }
}

/// Everything about OAuth that the users hold.
pub(crate) struct OAuth<U: UserModel> {
    pub(crate) providers: Vec<OAuthProvider<U>>,
    pub(crate) states: States,
    /// One-time codes that a front end exchanges for a login.
    pub(crate) exchange: TokenSigner,
    pub(crate) encryption: Option<TokenEncryption>,
    pub(crate) renewals: Renewals,
    /// Without a slash at its end.
    pub(crate) public_url: Option<String>,
    /// Whether the user JSON shows the accounts.
    pub(crate) in_user: bool,
}

/// The cookie that binds a flow to the browser which began it.
#[derive(Clone, Debug)]
pub(crate) struct CsrfCookie {
    pub(crate) name: Cow<'static, str>,
    pub(crate) secure: bool,
    pub(crate) same_site: SameSite,
}

impl CsrfCookie {
    /// What sets it, reads it and takes it back.
    pub(crate) fn cookie(&self) -> Cookie {
        let cookie = Cookie::named(self.name.clone()).same_site(self.same_site);
        if self.secure { cookie } else { cookie.insecure() }
    }
}

impl Default for CsrfCookie {
    fn default() -> Self {
        Self { name: Cow::Borrowed("fastapiusersoauthcsrf"), secure: true, same_site: SameSite::Lax }
    }
}
