//! How a provider is offered.

use std::{borrow::Cow, fmt, sync::Arc};

use reqwest_oauth::Identity;

use super::CsrfCookie;
use crate::{auth::SameSite, schema::Record, user::UserModel};

/// Why a profile is refused; the text is shown to the user.
///
/// ```
/// use axum_users::{OAuthOptions, ProfileError, User, schema::Record};
///
/// let options = OAuthOptions::<User>::backend("jwt").map_profile(|identity| match identity.email {
///     Some(_) => Ok(Record::new()),
///     None => Err(ProfileError("please let us see your address".into())),
/// });
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ProfileError(pub String);

/// The longest URL of a front end: it travels in the state, through the provider and back.
const MAX_REDIRECT_BYTES: usize = 1024;

pub(crate) type ProfileMapping = Arc<dyn Fn(&Identity) -> Result<Record, ProfileError> + Send + Sync>;

/// How a provider is offered: which backend its callback logs in with, and what it may do.
///
/// The defaults are the original's.
///
/// ```
/// use axum_users::{OAuthOptions, User};
/// let options = OAuthOptions::<User>::backend("jwt").associate_by_email();
/// ```
#[derive(Clone)]
pub struct OAuthOptions<U: UserModel> {
    pub(crate) backend: Cow<'static, str>,
    pub(crate) associate_by_email: bool,
    pub(crate) is_verified_by_default: bool,
    pub(crate) requires_verification: bool,
    pub(crate) redirect_url: Option<String>,
    pub(crate) associate_redirect_url: Option<String>,
    pub(crate) scopes: Option<Vec<String>>,
    pub(crate) cookie: CsrfCookie,
    pub(crate) redirect_targets: Vec<String>,
    pub(crate) placeholder_email_domain: Option<String>,
    pub(crate) profile: Option<ProfileMapping>,
    model: std::marker::PhantomData<fn() -> U>,
}

impl<U: UserModel> OAuthOptions<U> {
    /// The backend of this name logs in whoever comes back from the provider.
    pub fn backend(name: impl Into<Cow<'static, str>>) -> Self {
        Self {
            backend: name.into(),
            associate_by_email: false,
            is_verified_by_default: false,
            requires_verification: false,
            redirect_url: None,
            associate_redirect_url: None,
            scopes: None,
            cookie: CsrfCookie::default(),
            redirect_targets: Vec::new(),
            placeholder_email_domain: None,
            profile: None,
            model: std::marker::PhantomData,
        }
    }

    /// Links the account to an existing user of the same e-mail, instead of refusing.
    ///
    /// Never for an e-mail that the provider calls unverified. Where the provider says nothing of it, this is
    /// your word that its addresses can be trusted. A user whose own address was never verified loses password,
    /// sessions and the accounts linked before, since a stranger may have registered the address. With
    /// [`verified_by_default`](Self::verified_by_default) that never meets users who came by a provider.
    #[must_use]
    pub fn associate_by_email(mut self) -> Self {
        self.associate_by_email = true;
        self
    }

    /// Users who come new by this provider are verified, unless the provider calls the e-mail unverified.
    #[must_use]
    pub fn verified_by_default(mut self) -> Self {
        self.is_verified_by_default = true;
        self
    }

    /// Refuses unverified users with `LOGIN_USER_NOT_VERIFIED`, as login by password does where the builder
    /// asks for it. The original lets them in.
    #[must_use]
    pub fn requires_verification(mut self) -> Self {
        self.requires_verification = true;
        self
    }

    /// The redirect URI of the login, in place of the public URL and the callback's path.
    #[must_use]
    pub fn redirect_url(mut self, url: impl Into<String>) -> Self {
        self.redirect_url = Some(url.into());
        self
    }

    /// The redirect URI of linking, in place of the public URL and the callback's path.
    #[must_use]
    pub fn associate_redirect_url(mut self, url: impl Into<String>) -> Self {
        self.associate_redirect_url = Some(url.into());
        self
    }

    /// The scopes that are asked for, in place of the client's own.
    #[must_use]
    pub fn scopes<T: Into<String>>(mut self, scopes: impl IntoIterator<Item = T>) -> Self {
        self.scopes = Some(scopes.into_iter().map(Into::into).collect());
        self
    }

    /// The name of the cookie that binds a flow to its browser; `fastapiusersoauthcsrf` without.
    #[must_use]
    pub fn csrf_cookie_name(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.cookie.name = name.into();
        self
    }

    /// Sends that cookie over plain HTTP too, for development.
    #[must_use]
    pub fn insecure_csrf_cookie(mut self) -> Self {
        self.cookie.secure = false;
        self
    }

    /// When that cookie is sent along with requests from other sites; the callback is one.
    #[must_use]
    pub fn csrf_cookie_same_site(mut self, same_site: SameSite) -> Self {
        self.cookie.same_site = same_site;
        self
    }

    /// Lets a front end name where the browser goes after the callback: `authorize?redirect_to=…`, which has
    /// to begin with one of these URLs. A cookie backend sets its cookie on the way; with any other the target
    /// gets a one-time `code` to exchange at `POST /auth/{backend}/exchange`, never a token.
    #[must_use]
    pub fn redirect_targets<T: Into<String>>(mut self, targets: impl IntoIterator<Item = T>) -> Self {
        self.redirect_targets = targets.into_iter().map(Into::into).collect();
        self
    }

    /// Lets in accounts without an e-mail: the user gets the address `{provider}-{account id}@{domain}` (a hash
    /// of the id where an address cannot hold it), not verified. The domain should be yours and take no mail.
    #[must_use]
    pub fn placeholder_email_domain(mut self, domain: impl Into<String>) -> Self {
        self.placeholder_email_domain = Some(domain.into());
        self
    }

    /// Fills own columns of a new user from what the provider tells, or refuses the account.
    ///
    /// ```
    /// # use axum_users::{OAuthOptions, ProfileError, User, schema::{Record, Value}};
    /// let options = OAuthOptions::<User>::backend("jwt").map_profile(|identity| {
    ///     let name = identity.name.clone().ok_or(ProfileError("a name is wanted".into()))?;
    ///     Ok(Record::new().with("first_name", Value::Text(name)))
    /// });
    /// ```
    #[must_use]
    pub fn map_profile(
        mut self,
        mapping: impl Fn(&Identity) -> Result<Record, ProfileError> + Send + Sync + 'static,
    ) -> Self {
        self.profile = Some(Arc::new(mapping));
        self
    }

    /// Whether a front end may send browsers there: same scheme, host and port as a target, and a path under it.
    pub(crate) fn allows_redirect_to(&self, url: &str) -> bool {
        if url.len() > MAX_REDIRECT_BYTES {
            return false;
        }
        let Ok(wanted) = url::Url::parse(url) else { return false };
        if !matches!(wanted.scheme(), "https" | "http") || !wanted.username().is_empty() {
            return false;
        }
        self.redirect_targets
            .iter()
            .filter_map(|target| url::Url::parse(target).ok())
            .any(|target| target.origin() == wanted.origin() && is_under(wanted.path(), target.path()))
    }
}

fn is_under(path: &str, folder: &str) -> bool {
    let folder = folder.trim_end_matches('/');
    path == folder || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

impl<U: UserModel> fmt::Debug for OAuthOptions<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OAuthOptions")
            .field("backend", &self.backend)
            .field("associate_by_email", &self.associate_by_email)
            .field("is_verified_by_default", &self.is_verified_by_default)
            .field("redirect_url", &self.redirect_url)
            .finish_non_exhaustive()
    }
}
