//! The providers that are known by name, one file each.

use std::sync::Arc;

use crate::{auth::Credentials, provider::Provider, provider_client::ProviderClient};

/// Declares the providers: `module: Provider as Client`.
macro_rules! providers {
    ($($module:ident: $provider:ident as $client:ident,)*) => {
        $(
            mod $module;
            pub use self::$module::$provider;
            #[doc = concat!("The client of [`", stringify!($provider), "`].")]
            pub type $client = ProviderClient<$provider>;
        )*

        /// Every provider, in alphabetical order.
        #[must_use]
        pub fn all() -> Vec<Arc<dyn Provider>> {
            vec![$(Arc::new($provider)),*]
        }
    };
}

providers! {
    discord: Discord as DiscordOAuth2,
    facebook: Facebook as FacebookOAuth2,
    france_connect: FranceConnect as FranceConnectOAuth2,
    github: GitHub as GitHubOAuth2,
    google: Google as GoogleOAuth2,
    kakao: Kakao as KakaoOAuth2,
    linkedin: LinkedIn as LinkedInOAuth2,
    microsoft: MicrosoftGraph as MicrosoftGraphOAuth2,
    naver: Naver as NaverOAuth2,
    okta: Okta as OktaOAuth2,
    reddit: Reddit as RedditOAuth2,
    shopify: Shopify as ShopifyOAuth2,
}

pub use self::{github::GitHubAuthorizeOptions, google::GoogleAuthorizeOptions};

/// The client of a provider by the provider's name, for a configuration file; `None` when no provider is
/// called so.
///
/// ```
/// use reqwest_oauth::{OAuthClient, providers};
///
/// let client = providers::client("discord", "id", "secret").map(|client| client.name("chat"));
/// assert!(client.is_some_and(|client| client.check().is_ok()));
/// assert!(providers::client("myspace", "id", "secret").is_none());
/// ```
#[must_use]
pub fn client(
    name: &str,
    client_id: impl Into<String>,
    credentials: impl Into<Credentials>,
) -> Option<ProviderClient> {
    let provider = all().into_iter().find(|provider| provider.data().name == name)?;
    Some(ProviderClient::of(provider, client_id, credentials))
}
