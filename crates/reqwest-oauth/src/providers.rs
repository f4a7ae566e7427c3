//! The providers that are known by name, one file each.

use std::sync::Arc;

use crate::{auth::Credentials, provider::Provider, provider_client::ProviderClient};

/// Declares the providers: `module: Provider as Client`.
macro_rules! providers {
    ($($module:ident: $provider:ident as $client:ident,)*) => {
        $(
            mod $module;
            pub use self::$module::$provider;
            #[doc = concat!(
                "The client of [`", stringify!($provider), "`].\n\n```\nuse reqwest_oauth::{OAuthClient, providers::",
                stringify!($client), "};\n\nfn button(client: &", stringify!($client),
                ") -> String {\n    format!(\"Log in with {}\", client.display_name())\n}\n```"
            )]
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
    amazon: Amazon as AmazonOAuth2,
    apple: Apple as AppleOAuth2,
    asana: Asana as AsanaOAuth2,
    atlassian: Atlassian as AtlassianOAuth2,
    auth0: Auth0 as Auth0OAuth2,
    authelia: Authelia as AutheliaOAuth2,
    authentik: Authentik as AuthentikOAuth2,
    battle_net: BattleNet as BattleNetOAuth2,
    bitbucket: Bitbucket as BitbucketOAuth2,
    box_com: BoxCom as BoxOAuth2,
    cognito: Cognito as CognitoOAuth2,
    digitalocean: DigitalOcean as DigitalOceanOAuth2,
    discord: Discord as DiscordOAuth2,
    dropbox: Dropbox as DropboxOAuth2,
    entra: Entra as EntraOpenId,
    facebook: Facebook as FacebookOAuth2,
    figma: Figma as FigmaOAuth2,
    forgejo: Forgejo as ForgejoOAuth2,
    france_connect: FranceConnect as FranceConnectOAuth2,
    gitea: Gitea as GiteaOAuth2,
    github: GitHub as GitHubOAuth2,
    gitlab: GitLab as GitLabOAuth2,
    google: Google as GoogleOAuth2,
    google_openid: GoogleAccounts as GoogleOpenId,
    heroku: Heroku as HerokuOAuth2,
    hugging_face: HuggingFace as HuggingFaceOAuth2,
    kakao: Kakao as KakaoOAuth2,
    kanidm: Kanidm as KanidmOAuth2,
    keycloak: Keycloak as KeycloakOAuth2,
    line: Line as LineOAuth2,
    linear: Linear as LinearOAuth2,
    linkedin: LinkedIn as LinkedInOAuth2,
    linkedin_openid: SignInWithLinkedIn as LinkedInOpenId,
    mastodon: Mastodon as MastodonOAuth2,
    microsoft: MicrosoftGraph as MicrosoftGraphOAuth2,
    naver: Naver as NaverOAuth2,
    nextcloud: Nextcloud as NextcloudOAuth2,
    notion: Notion as NotionOAuth2,
    okta: Okta as OktaOAuth2,
    onelogin: OneLogin as OneLoginOAuth2,
    open_street_map: OpenStreetMap as OpenStreetMapOAuth2,
    orcid: Orcid as OrcidOAuth2,
    ory: Ory as OryOAuth2,
    patreon: Patreon as PatreonOAuth2,
    paypal: PayPal as PayPalOAuth2,
    reddit: Reddit as RedditOAuth2,
    roblox: Roblox as RobloxOAuth2,
    salesforce: Salesforce as SalesforceOAuth2,
    shopify: Shopify as ShopifyOAuth2,
    slack: Slack as SlackOAuth2,
    spotify: Spotify as SpotifyOAuth2,
    strava: Strava as StravaOAuth2,
    tiktok: TikTok as TikTokOAuth2,
    twitch: Twitch as TwitchOAuth2,
    vk: Vk as VkOAuth2,
    wikimedia: Wikimedia as WikimediaOAuth2,
    wordpress: WordPress as WordPressOAuth2,
    workos: WorkOs as WorkOsOAuth2,
    x: X as XOAuth2,
    yandex: Yandex as YandexOAuth2,
    zitadel: Zitadel as ZitadelOAuth2,
    zoom: Zoom as ZoomOAuth2,
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
