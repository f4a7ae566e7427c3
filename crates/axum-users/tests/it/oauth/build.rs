//! What `build` refuses, and the sentence that says so.

use std::{borrow::Cow, sync::Arc};

use axum_users::{
    Bearer, Capabilities, DatabaseError, Jwt, MemoryDatabase, OAuthOptions, User, UserDatabase, UserModel,
    Users, UsersBuilder,
    reqwest_oauth::{OAuth2, OAuth2Endpoints, OpenId},
    schema::{Record, Schema, Value},
};
use uuid::Uuid;

use crate::support::{SECRET, builder, with_backends};

const DOCUMENT: &str = "https://id.example.com/.well-known/openid-configuration";

fn client() -> OpenId {
    OpenId::new("id", "secret", DOCUMENT).name("corp")
}

fn options() -> OAuthOptions<User> {
    OAuthOptions::backend("jwt")
}

fn with_url() -> UsersBuilder<User> {
    with_backends(builder()).public_url("https://app.example.com/")
}

#[test]
fn what_cannot_work_is_refused_with_the_remedy() {
    let short = "x".repeat(31);
    let table: Vec<(UsersBuilder<User>, &str)> = vec![
        (
            with_url().oauth(client(), OAuthOptions::backend("session")),
            "the OAuth provider `corp` cannot be used: its callback logs in with the backend `session`, and \
             there is none of this name",
        ),
        (
            with_backends(builder()).oauth(client(), options()),
            "the OAuth provider `corp` cannot be used: where should it send browsers back? Set \
             `.public_url(\"https://…\")` on the builder, or both redirect URLs in the options",
        ),
        (
            with_backends(builder()).oauth(client(), options().redirect_url("https://app.example.com/a")),
            "the OAuth provider `corp` cannot be used: where should it send browsers back? Set \
             `.public_url(\"https://…\")` on the builder, or both redirect URLs in the options",
        ),
        (
            with_url().oauth(client(), options()).oauth(client(), options()),
            "the OAuth provider `corp` cannot be used: two providers have this name: give one of them another \
             with `.name(…)`",
        ),
        (
            with_url().oauth(client().name("a/b"), options()),
            "the OAuth provider `a/b` cannot be used: its name cannot stand in a path: use letters, digits, \
             `-` and `_`",
        ),
        (
            with_url().oauth(client(), options().csrf_cookie_name("fastapiusersauth")),
            "the OAuth provider `corp` cannot be used: its CSRF cookie has the name of a cookie of the backend \
             `cookie`, and would log out whoever comes: give it another by `.csrf_cookie_name(…)`",
        ),
        (
            with_url().oauth(OpenId::new("", "secret", DOCUMENT).name("corp"), options()),
            "the OAuth provider `corp` cannot be used: corp: the client id is empty",
        ),
        (
            with_backends(builder()).public_url("app.example.com").oauth(client(), options()),
            "the public URL `app.example.com` cannot be used: it is no URL: write it as in \"https://example.com\"",
        ),
        (
            with_url().oauth(client(), options().redirect_targets(["myapp://done"])),
            "the OAuth provider `corp` cannot be used: `myapp://done` is no http or https URL",
        ),
        (
            with_url().oauth(client(), options()).oauth_state_secret(&*short),
            "the secret for OAuth states has 31 bytes, but 32 are the least that is safe (RFC 7518 §3.2): make \
             one with `openssl rand -base64 32`",
        ),
        (
            with_url().oauth(client(), options()).encrypt_oauth_tokens(&*short),
            "the secret for provider tokens has 31 bytes, but 32 are the least that is safe (RFC 7518 §3.2): \
             make one with `openssl rand -base64 32`",
        ),
    ];
    for (builder, sentence) in table {
        assert_eq!(builder.build().map(drop).unwrap_err().to_string(), sentence);
    }
}

#[test]
fn what_can_work_is_taken() {
    let both = options().redirect_url("myapp://back").associate_redirect_url("myapp://linked");
    assert!(with_backends(builder()).oauth(client(), both).build().is_ok(), "an app's own scheme");
    let own = OAuth2::new(
        "id",
        "secret",
        OAuth2Endpoints {
            authorize_endpoint: "https://as.example.com/authorize".into(),
            access_token_endpoint: "https://as.example.com/token".into(),
            ..OAuth2Endpoints::default()
        },
    );
    assert!(with_url().oauth(client(), options()).oauth(own.unwrap(), options()).build().is_ok());
}

/// A model with a field that every user has to have.
#[derive(Clone, Debug, UserModel)]
pub struct Badged {
    pub id: Uuid,
    pub email: String,
    pub hashed_password: String,
    pub is_active: bool,
    pub is_superuser: bool,
    pub is_verified: bool,
    pub badge: String,
}

#[test]
fn a_required_field_wants_a_mapping_for_users_who_come_by_a_provider() {
    let with = |options: OAuthOptions<Badged>| {
        builder::<Badged>()
            .backend("jwt", Bearer::default(), Jwt::lasting_seconds(60))
            .public_url("https://app.example.com")
            .oauth(client(), options)
            .build()
            .map(drop)
            .map_err(|error| error.to_string())
    };
    assert_eq!(
        with(OAuthOptions::backend("jwt")).unwrap_err(),
        "the OAuth provider `corp` cannot be used: users who come by it have no `badge`: make the field an \
         `Option`, give it `#[user(default = …)]`, or fill it with `.map_profile(…)`"
    );
    let filled = |_: &_| Ok(Record::new().with("badge", Value::Text("new".into())));
    assert_eq!(with(OAuthOptions::backend("jwt").map_profile(filled)), Ok(()));
}

/// An adapter with the five methods that every adapter has.
struct Least(MemoryDatabase);

impl UserDatabase<User> for Least {
    fn configure(&mut self, schema: &Arc<Schema>) -> Result<(), Cow<'static, str>> {
        UserDatabase::<User>::configure(&mut self.0, schema)
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    async fn get(&self, id: &Uuid) -> Result<Option<User>, DatabaseError> {
        self.0.get(id).await
    }

    async fn get_by_email(&self, email: &str) -> Result<Option<User>, DatabaseError> {
        self.0.get_by_email(email).await
    }

    async fn create(&self, record: Record) -> Result<User, DatabaseError> {
        self.0.create(record).await
    }

    async fn update(
        &self,
        id: &Uuid,
        expected: &Record,
        changes: &Record,
    ) -> Result<Option<User>, DatabaseError> {
        self.0.update(id, expected, changes).await
    }

    async fn delete(&self, id: &Uuid) -> Result<bool, DatabaseError> {
        UserDatabase::<User>::delete(&self.0, id).await
    }
}

#[test]
fn a_database_that_keeps_no_accounts_offers_no_provider() {
    let builder = || {
        Users::<User>::builder(Least(MemoryDatabase::default()), SECRET)
            .backend("jwt", Bearer::default(), Jwt::lasting_seconds(60))
            .public_url("https://app.example.com")
    };
    assert_eq!(
        builder().oauth(client(), options()).build().map(drop).unwrap_err().to_string(),
        "the OAuth provider `corp` cannot be used: the database adapter does not keep OAuth accounts, one-time \
         records and user states"
    );
    assert!(builder().build().is_ok());
}

#[test]
#[should_panic(
    expected = "there is no OAuth provider called `google`; add it with `.oauth(…)` before `.build()`"
)]
fn a_router_for_a_provider_that_is_not_there_is_a_mistake_that_shows_at_the_start() {
    let users = with_url().oauth(client(), options()).build().unwrap();
    let _ = users.oauth_router("google");
}
