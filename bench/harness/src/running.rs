//! A target that runs, and what it can be asked.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Duration,
};

use crate::{
    http::{self, Answer, Connection},
    load::{self, Load},
    process::Process,
    seed::{EMAIL, PASSWORD, SESSION, USER_ID},
    talk::{self, OAuth, RefreshToken, Talks},
    target::Target,
};

/// What is asked of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    Me,
    MeBare,
    MeInPlace,
    Session,
    Redis,
    Login,
    Register,
    Refresh,
    OAuth,
}

impl Work {
    pub fn name(self) -> &'static str {
        match self {
            Self::Me => "me",
            Self::MeBare => "me-without-database",
            Self::MeInPlace => "me-in-place",
            Self::Session => "database-session",
            Self::Redis => "redis-session",
            Self::Login => "login",
            Self::Register => "register",
            Self::Refresh => "refresh",
            Self::OAuth => "oauth",
        }
    }

    /// Whether it hashes a password.
    pub fn hashes(self) -> bool {
        matches!(self, Self::Login | Self::Register)
    }

    /// Whether some targets answer few of it in a second.
    pub fn takes_long(self) -> bool {
        self.hashes() || self == Self::OAuth
    }
}

/// A running target, ready to be asked.
pub struct Running {
    pub target: Target,
    pub process: Process,
    /// Headers of a signed-in request, by the way of signing in.
    jwt: Option<String>,
    session: Option<String>,
    redis: Option<String>,
    refresh_tokens: RefCell<Vec<RefreshToken>>,
    knows_oauth_accounts: Cell<bool>,
}

impl Running {
    /// Signs in every way that the target has.
    pub async fn sign_in(target: Target, process: Process) -> Result<Self, String> {
        let mut it = Self {
            target,
            process,
            jwt: None,
            session: None,
            redis: None,
            refresh_tokens: RefCell::default(),
            knows_oauth_accounts: Cell::new(false),
        };
        match target {
            Target::BetterAuth => {
                it.ask(&sign_up_better_auth(EMAIL)).await?;
                it.session = Some(it.ask(&login_request(target, "jwt")).await?.cookies());
            }
            Target::AxumLogin => {
                it.session = Some(it.ask(&login_request(target, "jwt")).await?.cookies());
            }
            Target::Loco => {
                it.jwt = Some(bearer(&it.ask(&login_request(target, "jwt")).await?)?);
            }
            Target::Limit => {
                it.jwt = Some(bearer(&it.ask(&login_request(target, "jwt")).await?)?);
                it.session = Some(format!("authorization: Bearer {SESSION}\r\n"));
                it.redis = it.session.clone();
            }
            _ => {
                it.jwt = Some(bearer(&it.ask(&login_request(target, "jwt")).await?)?);
                it.session = Some(bearer(&it.ask(&login_request(target, "session")).await?)?);
                it.redis = Some(bearer(&it.ask(&login_request(target, "redis")).await?)?);
            }
        }
        Ok(it)
    }

    async fn ask(&self, request: &[u8]) -> Result<Answer, String> {
        let answer = Connection::new(self.process.port).send(request).await;
        let answer = answer.map_err(|error| format!("{}: {error}", self.target.name()))?;
        if !answer.is_good() {
            let body = String::from_utf8_lossy(&answer.body).into_owned();
            return Err(format!("{}: signing in was answered {} {body}", self.target.name(), answer.status));
        }
        Ok(answer)
    }

    /// A load of this work from so many connections; `None` where the target has no such thing.
    pub async fn load(&self, work: Work, connections: usize, round: usize) -> Result<Option<Load>, String> {
        let port = self.process.port;
        let load = |talks| Load { port, connections, talks, pause: Duration::ZERO, after: Duration::ZERO };
        let talks = match work {
            Work::Refresh => self.refreshing(connections).await?,
            Work::OAuth => self.oauth(),
            _ => self.talks(work, round),
        };
        let load = talks.map(load);
        if let (Work::OAuth, Some(load), false) = (work, &load, self.knows_oauth_accounts.get()) {
            // Who comes for the first time is registered, which hashes a password.
            load::once(load).await.map_err(|error| format!("{}: OAuth: {error}", self.target.name()))?;
            self.knows_oauth_accounts.set(true);
        }
        Ok(load)
    }

    fn talks(&self, work: Work, round: usize) -> Option<Talks> {
        let limit = self.target == Target::Limit;
        let fixed =
            |path: &str, headers: &Option<String>| Some(talk::same(http::get(path, headers.as_deref()?)));
        match work {
            Work::Me if self.target == Target::BetterAuth => None,
            Work::Me => fixed("/users/me", &self.jwt),
            Work::MeBare if limit => fixed("/bare/me", &self.jwt),
            Work::MeInPlace if limit => fixed("/in-place/me", &self.jwt),
            Work::Session => fixed(self.session_path(), &self.session),
            Work::Redis => fixed(if limit { "/redis/me" } else { "/users/me" }, &self.redis),
            // The cache changes nothing about hashing; two workers hash twice as much as one, on as many cores.
            Work::Login | Work::Register if matches!(self.target, Target::Cached | Target::FastApi(2)) => {
                None
            }
            Work::Login => Some(talk::same(login_request(self.target, "jwt"))),
            Work::Register if self.target == Target::AxumLogin => None,
            Work::Register => {
                let (target, port) = (self.target, self.process.port);
                Some(talk::made(move |number| register_request(target, port, round, number)))
            }
            Work::MeBare | Work::MeInPlace | Work::Refresh | Work::OAuth => None,
        }
    }

    fn session_path(&self) -> &'static str {
        match self.target {
            Target::Limit => "/session/me",
            Target::BetterAuth => "/api/auth/get-session",
            _ => "/users/me",
        }
    }

    /// Whoever was cut off when a round ended does not know the token that it was answered. The library answers the
    /// one before once more, the limit is asked for new ones.
    async fn refreshing(&self, connections: usize) -> Result<Option<Talks>, String> {
        let (path, begin) = match self.target {
            Target::Limit => ("/refresh", http::post("/refresh/start", "application/json", "", "")),
            Target::Library => ("/auth/refreshing/refresh", login_request(self.target, "refreshing")),
            _ => return Ok(None),
        };
        if self.target == Target::Limit {
            self.refresh_tokens.borrow_mut().clear();
        }
        while self.refresh_tokens.borrow().len() < connections {
            let answer = self.ask(&begin).await?;
            let token = answer.field("refresh_token").ok_or("the login's answer has no refresh token")?;
            self.refresh_tokens.borrow_mut().push(Rc::new(RefCell::new(token)));
        }
        Ok(Some(talk::refreshing(path, self.refresh_tokens.borrow().clone())))
    }

    fn oauth(&self) -> Option<Talks> {
        let oauth = match self.target {
            Target::Limit | Target::Library | Target::FastApi(1) => OAuth {
                begin: http::get("/auth/bench/authorize", ""),
                url_field: "authorization_url",
                callback: "/auth/bench/callback",
            },
            Target::BetterAuth => OAuth {
                begin: http::post(
                    "/api/auth/sign-in/social",
                    "application/json",
                    "",
                    "{\"provider\":\"bench\",\"callbackURL\":\"/\"}",
                ),
                url_field: "url",
                callback: "/api/auth/callback/bench",
            },
            _ => return None,
        };
        Some(oauth.talks())
    }

    /// Signed-in requests of many users, by JWT or by session.
    pub fn requests_of(&self, work: Work, tokens: &[String]) -> Talks {
        let path = if work == Work::Session { self.session_path() } else { "/users/me" };
        let request = |token: &String| http::get(path, &format!("authorization: Bearer {token}\r\n"));
        talk::among(tokens.iter().map(request).collect())
    }

    /// A signed-in request, for the time to a first answer.
    pub fn first_request(&self) -> Vec<u8> {
        let (path, headers) = match self.target {
            Target::BetterAuth | Target::AxumLogin => (self.session_path(), &self.session),
            _ => ("/users/me", &self.jwt),
        };
        http::get(path, headers.as_deref().unwrap_or_default())
    }
}

fn login_request(target: Target, backend: &str) -> Vec<u8> {
    let form = format!("username={}&password={}", EMAIL.replace('@', "%40"), PASSWORD.replace(' ', "+"));
    let json = format!("{{\"email\":\"{EMAIL}\",\"password\":\"{PASSWORD}\"}}");
    let path = format!("/auth/{backend}/login");
    match target {
        Target::BetterAuth => http::post("/api/auth/sign-in/email", "application/json", "", &json),
        Target::Loco => http::post("/auth/login", "application/json", "", &json),
        Target::AxumLogin => http::post("/login", "application/x-www-form-urlencoded", "", &form),
        _ => http::post(&path, "application/x-www-form-urlencoded", "", &form),
    }
}

fn register_request(target: Target, port: u16, round: usize, number: u64) -> Vec<u8> {
    let email = format!("new-{port}-{round}-{number}-{}@example.com", std::process::id());
    match target {
        Target::BetterAuth => sign_up_better_auth(&email),
        _ => {
            let body = format!("{{\"email\":\"{email}\",\"password\":\"{PASSWORD}\"}}");
            http::post("/auth/register", "application/json", "", &body)
        }
    }
}

fn sign_up_better_auth(email: &str) -> Vec<u8> {
    let body = format!("{{\"name\":\"Bench\",\"email\":\"{email}\",\"password\":\"{PASSWORD}\"}}");
    http::post("/api/auth/sign-up/email", "application/json", "", &body)
}

fn bearer(answer: &Answer) -> Result<String, String> {
    let token = answer.field("access_token").ok_or("the login's answer has no access token")?;
    Ok(format!("authorization: Bearer {token}\r\n"))
}

/// The key under which the limit finds its session in Redis, and what it finds there.
pub fn redis_session() -> (String, &'static str) {
    (format!("fastapi_users_token:{SESSION}"), USER_ID)
}
