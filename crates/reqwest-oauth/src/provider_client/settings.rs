//! The settings of a client: all that take and give `self`.

use std::{sync::Arc, time::Duration};

use url::Url;

use super::ProviderClient;
use crate::{
    auth::AuthMethod,
    http::HttpTransport,
    provider::{Fields, Pkce, ProviderData},
};

impl<P: ?Sized> ProviderClient<P> {
    /// Sets the name in routes and tables.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.inner.name = Some(name.into());
        self
    }

    /// Sets the name on a button.
    #[must_use]
    pub fn display_name(mut self, name: impl Into<String>) -> Self {
        self.inner.display_name = Some(name.into());
        self
    }

    /// Sets the scopes that are asked for unless a request names others.
    #[must_use]
    pub fn scopes<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.inner.scopes = Some(scopes.into_iter().map(Into::into).collect());
        self
    }

    /// Adds a parameter to every authorization URL, or overrides one.
    #[must_use]
    pub fn authorize_parameter(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.inner.authorize_parameters.set(name.into(), value);
        self
    }

    /// Gives one of the provider's [variables](ProviderData::variables) a value: its tenant, its shop.
    /// [`check`](crate::OAuthClient::check) says whether provider and value fit.
    #[must_use]
    pub fn variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.inner.variables.insert(name.into(), value.into());
        self.inner.forget();
        self
    }

    /// Sets where the provider is: this URL takes the place of scheme and host in all its addresses. For an
    /// installation of one's own, and for tests.
    #[must_use]
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.inner.base_url = Some(url.into());
        self.inner.forget();
        self
    }

    /// Sets how the client logs in, in place of the provider's usual or first way.
    #[must_use]
    pub fn auth_method(mut self, method: AuthMethod) -> Self {
        self.inner.auth_method = Some(method);
        self.inner.forget();
        self
    }

    /// Sends id and secret in Basic authentication as they are, for a provider that does not decode them as
    /// RFC 6749 section 2.3.1 says. Ordinary characters look the same either way.
    #[must_use]
    pub fn basic_auth_verbatim(mut self) -> Self {
        self.inner.client.verbatim_basic = true;
        self
    }

    /// Sets whether PKCE is used, where the provider at hand differs from what is known of it.
    #[must_use]
    pub fn pkce(mut self, pkce: Pkce) -> Self {
        self.inner.pkce = Some(pkce);
        self
    }

    /// Sets where in the profile things stand.
    #[must_use]
    pub fn fields(mut self, fields: Fields<String>) -> Self {
        self.inner.fields = Some(fields);
        self
    }

    /// Sets the total time of a request, from its start to the last byte of the answer: 10 seconds by default.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.inner.http.deadline = deadline;
        self
    }

    /// Sets the longest answer to read, in bytes: 1 MiB by default.
    #[must_use]
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.inner.http.body_limit = bytes;
        self
    }

    /// Sets the `User-Agent` header.
    #[must_use]
    pub fn user_agent(mut self, user_agent: impl Into<String>) -> Self {
        self.inner.http.user_agent = user_agent.into();
        self
    }

    /// Sets what carries the requests, by default a [`ReqwestTransport`](crate::ReqwestTransport) of its own.
    #[must_use]
    pub fn transport(mut self, transport: impl HttpTransport) -> Self {
        self.inner.http.set_transport(transport);
        self
    }

    /// Allows plain http to any host. **Danger**: whoever is on the way reads secrets and tokens, and can log in
    /// as anybody.
    #[must_use]
    pub fn allow_http_danger(mut self) -> Self {
        self.inner.http.allow_http = true;
        self
    }

    /// Sets a guard that is shown every URL before it is asked, the discovered ones too, and refuses with
    /// `false`. Where tenants bring their own provider, allow only known hosts: a document may name any address
    /// in your network.
    #[must_use]
    pub fn url_guard(mut self, allows: impl Fn(&Url) -> bool + Send + Sync + 'static) -> Self {
        self.inner.http.guard = Some(Arc::new(allows));
        self
    }

    /// Sets where the time comes from, in seconds since 1970-01-01 UTC.
    #[must_use]
    pub fn clock(mut self, now: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        self.inner.system.now = Arc::new(now);
        self
    }

    /// Sets where randomness comes from: a function that fills bytes, fit for secrets.
    #[must_use]
    pub fn randomness(mut self, fill: impl Fn(&mut [u8]) + Send + Sync + 'static) -> Self {
        self.inner.system.fill = Arc::new(fill);
        self
    }

    /// The facts of the provider.
    #[must_use]
    pub fn data(&self) -> &'static ProviderData {
        self.inner.data()
    }
}
