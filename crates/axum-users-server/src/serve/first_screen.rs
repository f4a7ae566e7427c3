//! What the server says when it has started.

use std::{fmt::Write, path::Path};

use axum_users::reqwest_oauth::OAuthClient;

use crate::{
    config::{BackendConfig, Config, Engine, OAuthConfig, StrategyConfig, TransportConfig},
    secret::Found,
    setup,
};

/// What there is to say.
pub(super) struct FirstScreen<'a> {
    pub(super) config: &'a Config,
    pub(super) file: Option<&'a Path>,
    /// The name by which this program was called.
    pub(super) program: &'a str,
    pub(super) public_url: &'a str,
    pub(super) database_is_new: bool,
    pub(super) secret_file: Option<(&'a Path, Found)>,
    pub(super) mails: &'a Path,
    /// Which Redis is used, and whether it answers.
    pub(super) redis: Option<(&'a str, bool)>,
}

impl FirstScreen<'_> {
    /// The screen, with colours or without.
    pub(super) fn render(&self, colours: bool) -> String {
        let (bold, dim, plain) = if colours { ("\u{1b}[1m", "\u{1b}[2m", "\u{1b}[0m") } else { ("", "", "") };
        let mut screen = format!("\n{bold}axum-users {}{plain}\n\n", env!("CARGO_PKG_VERSION"));
        for (name, text) in self.lines() {
            // Writing to a string does not fail.
            let _ = writeln!(screen, "  {dim}{name:<9}{plain} {text}");
        }
        let url = self.public_url;
        let _ = write!(
            screen,
            "\n  {bold}{url}/docs{plain}  to try every route in the browser\n  \
             {url}/openapi.json  for programs\n\n  \
             {dim}The first superuser:{plain} {} user create --email you@example.com --superuser\n  \
             {dim}Ctrl-C stops the server.{plain}\n\n",
            self.command()
        );
        screen
    }

    /// How this program is called so that it works with the same configuration.
    fn command(&self) -> String {
        match self.file.filter(|file| *file != Path::new(crate::config::DEFAULT_FILE)) {
            Some(file) => format!("{} --config {}", self.program, file.display()),
            None => self.program.to_owned(),
        }
    }

    fn lines(&self) -> Vec<(&'static str, String)> {
        let mut lines = vec![("config", self.config_line()), ("database", self.database_line())];
        lines.extend(self.secret_line().map(|line| ("secret", line)));
        lines.extend(self.redis_line().map(|line| ("redis", line)));
        lines.push(("mails", self.mail_line()));
        for (index, backend) in setup::backends(self.config).iter().enumerate() {
            let name = if index == 0 { "log in" } else { "" };
            lines.push((name, backend_line(backend)));
        }
        for (index, provider) in self.config.oauth.iter().enumerate() {
            let name = if index == 0 { "providers" } else { "" };
            let [first, second] = self.provider_lines(provider);
            lines.extend([(name, first), ("", second)]);
        }
        lines.extend(self.cookie_line().map(|line| ("", line)));
        lines
    }

    /// What there is to know of cookies over plain http.
    fn cookie_line(&self) -> Option<String> {
        if setup::is_https(self.config) {
            return None;
        }
        let is_secure = |backend: &BackendConfig| matches!(&backend.transport, TransportConfig::Cookie(cookie) if cookie.secure);
        match &self.config.backends {
            None => Some("(the cookie goes over plain http too, until public_url is https)".to_owned()),
            Some(backends) if backends.iter().any(is_secure) => Some(
                "(the cookie is Secure: browsers keep it from localhost, Safari aside, and else over https alone)".to_owned(),
            ),
            Some(_) => None,
        }
    }

    /// Where a login begins, and what the provider has to be told.
    fn provider_lines(&self, provider: &OAuthConfig) -> [String; 2] {
        let OAuthConfig { client, backend, redirect_url, associate_redirect_url, .. } = provider;
        let name = client.name();
        let own = |path: &str| format!("{}/auth/{path}{name}/callback", self.public_url);
        let login = redirect_url.clone().unwrap_or_else(|| own(""));
        let associate = associate_redirect_url.clone().unwrap_or_else(|| own("associate/"));
        [
            format!("GET /auth/{name}/authorize: {}, then logged in by {backend}", client.display_name()),
            format!("its redirect URIs are {login} and {associate}"),
        ]
    }

    fn config_line(&self) -> String {
        match self.file {
            Some(file) => file.display().to_string(),
            None => format!("defaults; write {} to change them", crate::config::DEFAULT_FILE),
        }
    }

    fn database_line(&self) -> String {
        let database = &self.config.database;
        let name = database.name();
        match (database.file(), self.database_is_new) {
            (None, _) if database.engine() != Engine::Sqlite => name,
            (None, _) => "SQLite in memory: everything is forgotten at the end".to_owned(),
            (Some(_), true) => format!("SQLite file {name}, made just now"),
            (Some(_), false) => format!("SQLite file {name}"),
        }
    }

    fn secret_line(&self) -> Option<String> {
        let (file, found) = self.secret_file?;
        let file = file.display();
        Some(match found {
            Found::Generated => format!("generated just now and kept in {file}, for your eyes only"),
            Found::Kept => format!("from {file}"),
        })
    }

    fn redis_line(&self) -> Option<String> {
        self.redis.map(|(name, answers)| match answers {
            true => name.to_owned(),
            false => format!("{name}, which does not answer: {}", setup::without_redis(self.config)),
        })
    }

    fn mail_line(&self) -> String {
        match self.config.mail.smtp_url {
            Some(_) => format!("by SMTP, from {}", self.config.mail.from),
            None => format!("files in {}, until mail.smtp_url is set", self.mails.display()),
        }
    }
}

pub(super) fn backend_line(backend: &BackendConfig) -> String {
    let BackendConfig { name, transport, strategy, lifetime_seconds, .. } = backend;
    let transport = match transport {
        TransportConfig::Bearer => "bearer token",
        TransportConfig::Cookie(_) => "cookie",
    };
    let strategy = match strategy {
        StrategyConfig::Jwt { .. } => "a signed JWT",
        StrategyConfig::Database => "a session in the database",
        StrategyConfig::Redis { .. } => "a session in Redis",
    };
    let lifetime = match lifetime_seconds {
        Some(seconds) => format!("for {}", crate::mail::duration(*seconds)),
        None => "for ever".to_owned(),
    };
    let refreshed = match backend.refresh_lifetime_seconds {
        Some(seconds) => format!(", refreshed for {}", crate::mail::duration(seconds)),
        None => String::new(),
    };
    format!("POST /auth/{name}/login: {transport}, {strategy}, good {lifetime}{refreshed}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_screen_of_a_server_without_configuration_says_what_it_did_and_where_to_go() {
        let screen = FirstScreen {
            config: &Config::default(),
            file: None,
            program: "axum-users",
            public_url: "http://127.0.0.1:8000",
            database_is_new: true,
            secret_file: Some((Path::new("axum-users.secret"), Found::Generated)),
            mails: Path::new("mails"),
            redis: None,
        };
        let expected = format!(
            "\naxum-users {}\n\n  \
             config    defaults; write axum-users.toml to change them\n  \
             database  SQLite file data.db, made just now\n  \
             secret    generated just now and kept in axum-users.secret, for your eyes only\n  \
             mails     files in mails, until mail.smtp_url is set\n  \
             log in    POST /auth/jwt/login: bearer token, a signed JWT, good for 1 hour\n            \
             POST /auth/cookie/login: cookie, a session in the database, good for 1 hour\n            \
             (the cookie goes over plain http too, until public_url is https)\n\n  \
             http://127.0.0.1:8000/docs  to try every route in the browser\n  \
             http://127.0.0.1:8000/openapi.json  for programs\n\n  \
             The first superuser: axum-users user create --email you@example.com --superuser\n  \
             Ctrl-C stops the server.\n\n",
            env!("CARGO_PKG_VERSION")
        );
        assert_eq!(screen.render(false), expected);
        let elsewhere = FirstScreen { file: Some(Path::new("/etc/users.toml")), ..screen };
        assert!(elsewhere.render(false).contains(" axum-users --config /etc/users.toml user create --email"));
        assert!(elsewhere.render(true).contains("\u{1b}[1m"));
    }
}
