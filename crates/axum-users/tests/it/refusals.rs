//! Misuse that compiles but cannot work: `build` refuses it, and the sentence says what to do.

use axum_users::{
    Bearer, Cookie, DatabaseTokens, DefaultPasswordPolicy, Jwt, Limit, Limits, RefreshTokens, SameSite, User,
    UsersBuilder,
    schema::{Column, ColumnType, Schema},
};

use crate::support::builder;

fn refusal(builder: UsersBuilder<User>) -> String {
    builder.build().unwrap_err().to_string()
}

fn with_cookie(cookie: Cookie) -> UsersBuilder<User> {
    builder().backend("cookie", cookie, DatabaseTokens::lasting_seconds(3600))
}

#[test]
fn a_cookie_that_browsers_would_drop_is_refused_with_the_remedy() {
    let host = || Cookie::named("__Host-sid");
    let host_alone = "browsers drop a `__Host-` cookie that is not secure, or has a domain or a path other than `/`: \
                      leave these out, or rename it";
    let no_path = "its cookie's path has to begin with `/`, and has no space and no `;`";
    for (cookie, reason) in [
        (
            Cookie::default().insecure().same_site(SameSite::None),
            "browsers drop a cookie with `SameSite::None` that is not secure: leave out `.insecure()`",
        ),
        (
            Cookie::named("__Secure-sid").insecure(),
            "browsers drop a `__Secure-` cookie that is not secure: leave out `.insecure()`",
        ),
        (host().insecure(), host_alone),
        (host().path("/app"), host_alone),
        (host().domain("example.com"), host_alone),
        (
            Cookie::named("my session"),
            "its cookie's name may have letters, digits, `-` and `_` alone, and at least one",
        ),
        (
            Cookie::named(""),
            "its cookie's name may have letters, digits, `-` and `_` alone, and at least one",
        ),
        (Cookie::default().path("app"), no_path),
        (Cookie::default().path("/my app"), no_path),
        (Cookie::default().path("/app;HttpOnly"), no_path),
        (
            Cookie::default().domain("https://example.com"),
            "its cookie's domain has to be one as in \"example.com\", without scheme and port",
        ),
    ] {
        let shown = format!("{cookie:?}");
        assert_eq!(
            refusal(with_cookie(cookie)),
            format!("the backend `cookie` cannot be used: {reason}"),
            "{shown}"
        );
    }
    for good in [host(), Cookie::named("__Secure-sid"), Cookie::default().domain("example.com").path("/app")]
    {
        assert!(with_cookie(good).build().is_ok());
    }
}

#[cfg(feature = "oauth")]
#[test]
fn a_cookie_has_to_fit_the_public_url() {
    let secure = || with_cookie(Cookie::default());
    let insecure = || with_cookie(Cookie::default().insecure());
    assert_eq!(
        refusal(insecure().public_url("https://app.example.com")),
        "the backend `cookie` cannot be used: its cookie would go over plain http, too, although the public URL is \
         https://app.example.com: leave out `.insecure()`"
    );
    assert_eq!(
        refusal(secure().public_url("http://app.example.com")),
        "the backend `cookie` cannot be used: browsers keep no secure cookie over http, and the public URL is \
         http://app.example.com: make it https, or call `.insecure()` for development"
    );
    for url in [
        "http://localhost:8000",
        "http://127.0.0.1",
        "http://[::1]:80/a",
        "http://a.localhost",
        "https://a.b",
    ] {
        assert!(secure().public_url(url).build().is_ok(), "{url}");
    }
    assert!(insecure().public_url("http://192.0.2.1:8000").build().is_ok());
}

#[cfg(feature = "oauth")]
#[test]
fn a_public_url_is_what_paths_are_added_to() {
    for (url, shown, reason) in [
        ("app.example.com", "app.example.com", "it is no URL: write it as in \"https://example.com\""),
        ("ftp://a.b", "ftp://a.b", "it is no http or https URL: write it as in \"https://example.com\""),
        (
            "https://ada:hush@a.b",
            "https://…@a.b",
            "everybody would see the user name or password in it: leave them out",
        ),
        (
            "https://a.b?x=1",
            "https://a.b?x=1",
            "paths are added to it: leave out what stands behind `?` or `#`",
        ),
        (
            "https://a.b/api/",
            "https://a.b/api",
            "it ends with the path of `.mount(…)`, which is added to it: leave it out of one of them",
        ),
    ] {
        let refused = refusal(builder().mount("/api").public_url(url));
        assert_eq!(refused, format!("the public URL `{shown}` cannot be used: {reason}"));
    }
    assert!(builder::<User>().mount("/api").public_url("https://a.b/accounts").build().is_ok());
}

#[test]
fn routers_are_mounted_at_a_path() {
    for mount in ["api", "/api?x", "/a b", "//api", "/api#x"] {
        let sentence =
            format!("routers cannot be mounted at `{mount}`: write a path as in \"/api\", without wildcards");
        assert_eq!(refusal(builder().mount(mount)), sentence);
    }
    for mount in ["", "/", "/api", "/api/v1/"] {
        assert!(builder::<User>().mount(mount).build().is_ok(), "{mount}");
    }
}

#[test]
fn a_trusted_origin_is_what_a_browser_writes() {
    let alone = "an origin is a scheme, a host and a port alone, as in \"https://app.example.com\"";
    let port = "browsers leave out a scheme's own port: leave it out, too";
    for (origin, reason) in [
        ("*", "any page at all could act for every user who is logged in: name the origins"),
        ("app.example.com", "browsers write an origin with its scheme, as in \"https://app.example.com\""),
        ("https://app.example.com/login", alone),
        ("https://*.example.com", alone),
        ("https://ada@app.example.com", alone),
        ("https://app.example.com:443", port),
        ("http://app.example.com:80", port),
    ] {
        let refused = refusal(builder().trusted_origins([origin]));
        assert_eq!(refused, format!("the trusted origin `{origin}` cannot be used: {reason}"));
    }
    let good =
        ["https://App.example.com/", "http://[::1]:5173", "capacitor://localhost", "https://a.example:8443"];
    assert!(builder::<User>().trusted_origins(good).build().is_ok());
}

#[test]
fn lifetimes_are_neither_nothing_nor_longer_than_anybody_lives() {
    let outside = "give at least 1 and at most a hundred years";
    for (builder, sentence) in [
        (builder().reset_lifetime_seconds(0), format!("reset tokens would last 0 seconds: {outside}")),
        (
            builder().verification_lifetime_seconds(u64::MAX),
            format!("verification tokens would last {} seconds: {outside}", u64::MAX),
        ),
        (
            builder().backend("jwt", Bearer::default(), Jwt::lasting_seconds(u64::MAX)),
            format!(
                "the backend `jwt` cannot be used: its tokens last {} seconds, which is over a hundred years: give \
                 fewer, or say that they last for ever",
                u64::MAX
            ),
        ),
        (
            builder().backend("cookie", Bearer::default(), DatabaseTokens::lasting_seconds(3_153_600_001)),
            "the backend `cookie` cannot be used: its tokens last 3153600001 seconds, which is over a hundred years: \
             give fewer, or say that they last for ever"
                .to_owned(),
        ),
        (
            builder()
                .backend("jwt", Bearer::default(), Jwt::lasting_seconds(60))
                .refresh("jwt", RefreshTokens::lasting_seconds(0)),
            "the backend `jwt` cannot be used: its refresh tokens last 0 seconds: give more, or leave `refresh` out"
                .to_owned(),
        ),
    ] {
        assert_eq!(refusal(builder), sentence);
    }
}

#[test]
fn tokens_of_two_purposes_have_two_audiences() {
    assert_eq!(
        refusal(builder().reset_audience("mail").verification_audience("mail")),
        "reset and verification tokens both have the audience `mail`, and would pass for each other: give one another"
    );
}

#[test]
fn a_password_policy_lets_some_password_through() {
    let policy = DefaultPasswordPolicy::default().min_length(100).max_bytes(72);
    assert_eq!(
        refusal(builder().password_policy(policy)),
        "no password could be good: a password has at least 100 characters and at most 72 bytes: raise max_bytes"
    );
    let policy = DefaultPasswordPolicy::default().min_length(72).max_bytes(72);
    assert!(with_cookie(Cookie::default()).password_policy(policy).build().is_ok());
}

#[test]
fn a_limit_has_tries_and_a_period() {
    for limit in [Limit::new(0, 60), Limit::new(5, 0)] {
        let limits = Limits { mail_per_account: limit, ..Limits::default() };
        assert_eq!(
            refusal(builder().limits(limits)),
            "the limit `mail_per_account` has no tries or no period: give it at least one of each, or leave out `limits`"
        );
    }
}

#[test]
fn an_own_field_of_a_schema_made_at_run_time_has_a_name_of_its_own() {
    let schema = |names: &[&'static str]| {
        let schema = Schema::new(ColumnType::Uuid);
        names.iter().fold(schema, |schema, name| schema.with(Column::new(*name, ColumnType::Text)))
    };
    for names in [&["email"][..], &["password"], &["plan", "plan"], &["oauth_accounts"]] {
        let name = names.last().unwrap();
        assert_eq!(
            refusal(builder().schema(schema(names))),
            format!(
                "the field `{name}` is there already: rename it, since every user has the base fields and `password`"
            )
        );
    }
}
