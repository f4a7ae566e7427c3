//! What the builder collects about OAuth, and what it refuses.

use std::{borrow::Cow, collections::HashSet};

use reqwest_oauth::OAuthClient;

use crate::{
    BuildError, Capabilities, Clock, Random, Secrets,
    auth::{Backend, Cookie, Transport},
    oauth::{OAuth, OAuthProvider, renewals::Renewals, state::States, token_encryption::TokenEncryption},
    schema::Schema,
    token::{AUDIENCE_EXCHANGE, AUDIENCE_OAUTH_STATE, Algorithm, TokenSigner},
    user::UserModel,
    users::{can_stand_in_path, check_secret},
};

pub(crate) struct OAuthSettings<U: UserModel> {
    pub(crate) providers: Vec<OAuthProvider<U>>,
    pub(crate) public_url: Option<String>,
    pub(crate) state_secrets: Option<Secrets>,
    pub(crate) encryption: Option<Secrets>,
    pub(crate) in_user: bool,
    pub(crate) side_by_side: bool,
}

impl<U: UserModel> Default for OAuthSettings<U> {
    fn default() -> Self {
        Self {
            providers: Vec::new(),
            public_url: None,
            state_secrets: None,
            encryption: None,
            in_user: false,
            side_by_side: false,
        }
    }
}

/// What the builder has for everybody.
pub(crate) struct OAuthSetup<'a> {
    pub(crate) clock: &'a Clock,
    pub(crate) random: &'a Random,
    pub(crate) secrets: &'a Secrets,
    pub(crate) allow_short: bool,
}

impl<U: UserModel> OAuthSettings<U> {
    /// Whether a provider's user may take over an account whose tokens have to end with it.
    pub(crate) fn evicts_squatters(&self) -> bool {
        self.providers.iter().any(|provider| provider.options.associate_by_email)
    }

    pub(crate) fn build(
        self,
        schema: &Schema,
        backends: &[Backend<U>],
        capabilities: Capabilities,
        setup: &OAuthSetup<'_>,
    ) -> Result<OAuth<U>, BuildError> {
        let mut names = HashSet::new();
        for provider in &self.providers {
            let checked = self.check(provider, schema, backends, capabilities);
            let unique = names.insert(provider.name().to_owned());
            let checked = checked.and(unique.then_some(()).ok_or(Cow::Borrowed(
                "two providers have this name: give one of them another with `.name(…)`",
            )));
            checked.map_err(|reason| BuildError::OAuth { name: provider.name().to_owned(), reason })?;
        }
        let secrets = self.state_secrets.unwrap_or_else(|| setup.secrets.clone());
        check_secret(&secrets, setup.allow_short)
            .map_err(|reason| BuildError::Secret("OAuth states", reason))?;
        if let Some(secrets) = &self.encryption {
            check_secret(secrets, false).map_err(|reason| BuildError::Secret("provider tokens", reason))?;
        }
        let signer = |audience: &str| {
            TokenSigner::with_secrets(Algorithm::HS256, &secrets, audience, setup.clock.clone())
        };
        let encryption = self.encryption.map(|secrets| TokenEncryption::new(&secrets, setup.random.clone()));
        Ok(OAuth {
            exchange: signer(AUDIENCE_EXCHANGE),
            states: States { signer: signer(AUDIENCE_OAUTH_STATE), secrets, side_by_side: self.side_by_side },
            providers: self.providers,
            encryption,
            renewals: Renewals::default(),
            public_url: self.public_url,
            in_user: self.in_user,
        })
    }

    fn check(
        &self,
        provider: &OAuthProvider<U>,
        schema: &Schema,
        backends: &[Backend<U>],
        capabilities: Capabilities,
    ) -> Result<(), Cow<'static, str>> {
        let options = &provider.options;
        if !can_stand_in_path(provider.name()) {
            return Err(Cow::Borrowed("its name cannot stand in a path: use letters, digits, `-` and `_`"));
        }
        provider.client.check().map_err(|error| Cow::Owned(error.to_string()))?;
        if !backends.iter().any(|backend| backend.name == options.backend) {
            let text = "its callback logs in with the backend `{}`, and there is none of this name";
            return Err(Cow::Owned(text.replace("{}", &options.backend)));
        }
        let fixed = options.redirect_url.is_some() && options.associate_redirect_url.is_some();
        if self.public_url.is_none() && !fixed {
            return Err(Cow::Borrowed(
                "where should it send browsers back? Set `.public_url(\"https://…\")` on the builder, \
                 or both redirect URLs in the options",
            ));
        }
        let mut urls = self.public_url.iter().chain(&options.redirect_targets);
        if let Some(url) = urls.find(|url| !is_web_address(url)) {
            return Err(Cow::Owned(format!("`{url}` is no http or https URL")));
        }
        let cookie = options.cookie.cookie();
        cookie.check(None)?;
        if let Some(backend) = backends.iter().find(|backend| reads(backend, &cookie)) {
            return Err(Cow::Owned(format!(
                "its CSRF cookie has the name of a cookie of the backend `{}`, and would log out whoever comes: give it \
                 another by `.csrf_cookie_name(…)`",
                backend.name
            )));
        }
        if !(capabilities.oauth_accounts && capabilities.one_time_records && capabilities.user_states) {
            return Err(Cow::Borrowed(
                "the database adapter does not keep OAuth accounts, one-time records and user states",
            ));
        }
        let required = schema.own_columns().iter().find(|column| column.is_required());
        match required {
            Some(column) if options.profile.is_none() => Err(Cow::Owned(format!(
                "users who come by it have no `{}`: make the field an `Option`, give it `#[user(default = …)]`, \
                 or fill it with `.map_profile(…)`",
                column.name
            ))),
            _ => Ok(()),
        }
    }
}

/// Whether a backend would take this cookie for one of its own.
fn reads<U: UserModel>(backend: &Backend<U>, cookie: &Cookie) -> bool {
    let headers = cookie.sent_back();
    let transport = &backend.transport;
    transport.token(&headers).is_some() || transport.refresh_token(&headers).is_some()
}

fn is_web_address(url: &str) -> bool {
    url::Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
}
