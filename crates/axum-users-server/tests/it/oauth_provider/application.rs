//! An application on the library that offers the certified provider, served on a port of this machine.

use axum::Router;
use axum_users::reqwest_oauth::{AuthMethod, OpenId};
use axum_users::{
    Argon2Parameters, Bearer, Jwt, MemoryDatabase, OAuthOptions, RequestInfo, User, UserCreate, Users,
};
use serde_json::Value;
use tokio::net::TcpListener;
use url::Url;

use super::certified::Certified;
use super::visitor::{Answer, Visitor, address};
use crate::support::SECRET;
use crate::support::http::{Request, Response, send};

/// The application, which stops with the test.
pub(crate) struct Application {
    pub(crate) users: Users<User>,
    /// `127.0.0.1:PORT`.
    address: String,
}

/// The client of one name: `basic` or `post`, after the way in which it logs in.
pub(crate) fn client(name: &str, provider: &Certified) -> OpenId {
    let method = if name == "basic" { AuthMethod::ClientSecretBasic } else { AuthMethod::ClientSecretPost };
    let secret = format!("{name}-client-secret-of-the-tests");
    OpenId::new(format!("{name}-client"), secret, provider.discovery())
        .auth_method(method)
        .name(name.to_owned())
        .scopes(["openid", "email", "profile", "offline_access"])
        // The provider gives a refresh token only to who is asked for it.
        .authorize_parameter("prompt", "consent")
}

impl Application {
    /// A place on this machine, and the callbacks that it will have there.
    pub(crate) async fn place() -> (TcpListener, Vec<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let callbacks = ["basic", "post"].map(|name| format!("http://{address}/auth/{name}/callback"));
        (listener, callbacks.to_vec())
    }

    /// Serves the application there.
    pub(crate) fn serve(
        listener: TcpListener,
        provider: &Certified,
        options: impl Fn(OAuthOptions<User>) -> OAuthOptions<User>,
    ) -> Self {
        let address = listener.local_addr().unwrap().to_string();
        let mut builder = Users::<User>::builder(MemoryDatabase::default(), SECRET)
            .argon2(Argon2Parameters::least())
            .backend("jwt", Bearer::default(), Jwt::lasting_seconds(3600))
            .public_url(&format!("http://{address}"));
        for name in ["basic", "post"] {
            builder = builder.oauth(client(name, provider), options(OAuthOptions::backend("jwt")));
        }
        let users = builder.build().unwrap();
        let router = Router::new().merge(users.router()).with_state(users.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { users, address }
    }

    pub(crate) async fn has(&self, email: &str) {
        let new = UserCreate::new(email, "a horse in the rain");
        self.users.create(new, axum_users::Flags::Applied, &RequestInfo::default()).await.unwrap();
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> Response {
        send(&self.address, &Request::new("GET", path).bearer(token)).await
    }

    /// Goes by a provider's pages and back: what the callback answers, and with which parameters it was called.
    pub(crate) async fn visit(&self, name: &str, login: &str, answer: Answer) -> (Response, Url) {
        let begun = self.get(&format!("/auth/{name}/authorize"), "").await;
        assert_eq!(begun.status, 200, "{}", begun.text());
        let cookie = format!("fastapiusersoauthcsrf={}", begun.cookie("fastapiusersoauthcsrf").unwrap());
        let page = begun.json()["authorization_url"].as_str().unwrap().to_owned();
        let back = Visitor::default().visit(&page, login, answer).await;
        assert_eq!(address(&back), self.address);
        let request = Request::new("GET", &back[url::Position::BeforePath..]).header("cookie", &cookie);
        (send(&self.address, &request).await, back)
    }

    /// Logs in by a provider: the user.
    pub(crate) async fn log_in(&self, name: &str, login: &str) -> Value {
        let (answer, _) = self.visit(name, login, Answer::Agree).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let me = self.get("/users/me", answer.json()["access_token"].as_str().unwrap()).await;
        assert_eq!(me.status, 200, "{}", me.text());
        me.json()
    }
}
