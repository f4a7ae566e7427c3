//! `Debug` output of everything that holds a secret.

use std::fmt::Debug;

use axum::http::Request;
use axum_users::{
    AccessToken, Algorithm, Authenticated, BoxError, Context, Cookie, Database, DatabaseTokens, Flags, Hooks,
    InternalError, IssueContext, Issued, Jwt, MemoryDatabase, NewUser, PasswordHasher, Random, Refusal,
    RequestInfo, Resolved, Secrets, Strategy, StrategySetup, User, UserCreate, UserUpdate, Users,
    schema::{Record, Value},
};

use crate::support::{App, PASSWORD, SECRET, Shared};

const PRIVATE_KEY: &str = include_str!("../data/keys/ed25519-private.pem");
const PUBLIC_KEY: &str = include_str!("../data/keys/ed25519-public.pem");

/// Debug output, by what it is of.
#[derive(Clone, Default)]
struct Seen(Shared<Vec<(&'static str, String)>>);

impl Seen {
    fn note(&self, what: &'static str, value: &impl Debug) {
        self.0.lock().unwrap().push((what, format!("{value:?} {value:#?}")));
    }
}

/// Notes what hooks are given.
struct Noting(Seen);

impl Hooks<User> for Noting {
    async fn on_before_register(&self, new: &NewUser<'_>, _: &mut Context<'_, User>) -> Result<(), Refusal> {
        self.0.note("NewUser", new);
        Ok(())
    }

    async fn on_after_login(&self, _: &User, context: &mut Context<'_, User>) -> Result<(), BoxError> {
        context.response_headers_mut().insert("set-cookie", format!("sid={PASSWORD}").parse()?);
        self.0.note("Context", context);
        Ok(())
    }

    async fn on_after_update(
        &self,
        _: &User,
        changes: &Record,
        _: &mut Context<'_, User>,
    ) -> Result<(), BoxError> {
        self.0.note("changes", changes);
        Ok(())
    }
}

/// Notes what a strategy is given and gives.
struct NotingStrategy(Seen);

impl Strategy<User> for NotingStrategy {
    fn configure(&mut self, setup: &StrategySetup) -> Result<(), std::borrow::Cow<'static, str>> {
        self.0.note("StrategySetup", setup);
        Ok(())
    }

    async fn issue(&self, context: IssueContext<'_, User>) -> Result<Issued, InternalError> {
        self.0.note("IssueContext", &context);
        let issued = Issued::new(context.user.hashed_password.as_str(), Some(60));
        self.0.note("Issued", &issued);
        self.0.note("Resolved", &Resolved::user(context.user.clone()));
        Ok(issued)
    }

    async fn resolve(&self, _: &str, _: &Database<User>) -> Result<Option<Resolved<User>>, InternalError> {
        Ok(None)
    }
}

#[tokio::test]
async fn hd_20_debug_output_shows_no_secret() {
    let seen = Seen::default();
    let app = App::with(|builder| {
        let builder = builder
            .hooks(Noting(seen.clone()))
            .backend("noting", Cookie::named("noting"), NotingStrategy(seen.clone()))
            .reset_secret(SECRET);
        seen.note("UsersBuilder", &builder);
        builder
    });
    let user = app.has("ada@example.com").await;
    let session = app.session("ada@example.com").await;
    let call = app.patch("/users/me").cookie("fastapiusersauth", &session);
    assert_eq!(call.json(serde_json::json!({ "password": PASSWORD })).await.status, 200);

    let request = Request::builder().header("authorization", format!("Bearer {session}"));
    let (parts, ()) = request.header("cookie", format!("a={session}")).body(()).unwrap().into_parts();
    let info = RequestInfo::of(&parts);
    let new = UserCreate::new("bob@example.com", PASSWORD);
    seen.note("UserCreate", &new);
    app.users.create(new, Flags::Applied, &info).await.unwrap();
    let user_now = app.stored(user.id).await;
    app.users.login("noting", &user_now, &info).await.unwrap();
    seen.note("RequestInfo", &info);
    seen.note("UserUpdate", &UserUpdate { password: Some(PASSWORD.into()), ..UserUpdate::default() });
    seen.note("User", &user_now);
    let row = Record::new()
        .with("email", Value::Text("ada@example.com".into()))
        .with("password", Value::Text(PASSWORD.into()))
        .with("hashed_password", Value::Text(user_now.hashed_password.clone()));
    seen.note("Record", &row);
    let access_token = AccessToken { token: session.clone(), user_id: user.id, created_at: app.clock.now() };
    seen.note("AccessToken", &access_token);
    let authenticated: Authenticated<User> =
        app.users.authenticate_request(&cookie_headers(&session)).await.unwrap().unwrap();
    seen.note("Authenticated", &authenticated);
    seen.note("Users", &app.users);
    seen.note("Routes", &app.users.router());
    seen.note("Database", app.users.database());
    seen.note("Secrets", &Secrets::from(vec![SECRET, PASSWORD]));
    seen.note("Jwt", &Jwt::lasting_seconds(60).secret(SECRET));
    seen.note("Jwt pair", &Jwt::lasting_seconds(60).key_pair(Algorithm::EdDSA, PRIVATE_KEY, PUBLIC_KEY));
    seen.note("DatabaseTokens", &DatabaseTokens::lasting_seconds(60));
    seen.note("PasswordHasher", &PasswordHasher::new(Default::default(), Random::seeded(4_711_001)));
    seen.note("Random", &Random::seeded(4_711_001));

    let database = MemoryDatabase::default();
    seen.note("MemoryDatabase", &database);
    let error = Users::<User>::builder(database, "short-secret").build().unwrap_err();
    seen.note("BuildError", &error);
    seen.note("BuildError's text", &error.to_string());

    let key = PRIVATE_KEY.lines().nth(1).unwrap();
    let hash = |user: &User| user.hashed_password.rsplit('$').next().unwrap().to_owned();
    let (old_hash, new_hash) = (hash(&user), hash(&user_now));
    let secrets = [SECRET, PASSWORD, &session, key, &old_hash, &new_hash, "short-secret", "4711001"];
    let seen = seen.0.lock().unwrap();
    for expected in ["NewUser", "Context", "changes", "StrategySetup", "IssueContext", "Issued", "Resolved"] {
        assert!(seen.iter().any(|(what, _)| *what == expected), "{expected} was not looked at");
    }
    for (what, text) in seen.iter() {
        assert!(text.len() > 3, "{what} shows nothing at all");
        for secret in secrets {
            assert!(!text.contains(secret), "{what} shows {secret}: {text}");
        }
    }
}

fn cookie_headers(session: &str) -> axum::http::HeaderMap {
    let mut headers = axum::http::HeaderMap::new();
    headers.insert("cookie", format!("fastapiusersauth={session}").parse().unwrap());
    headers
}
