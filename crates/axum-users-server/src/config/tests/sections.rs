//! Tables with keys that depend on one another.

use super::*;

#[test]
fn limits_are_on_and_each_can_be_changed() {
    let config = read("").unwrap();
    assert!(config.limits.enabled);
    assert_eq!((config.limits.trusted_proxies, config.limits.limits), (0, axum_users::Limits::default()));

    let text = "[limits]\nenabled = false\ntrusted_proxies = 2\nmail_per_account.tries = 3\n\
                [limits.login_per_address]\ntries = 7\nperiod_seconds = 60";
    let limits = read(text).unwrap().limits;
    assert!(!limits.enabled);
    assert_eq!(limits.trusted_proxies, 2);
    assert_eq!(limits.limits.login_per_address, axum_users::Limit::new(7, 60));
    assert_eq!(limits.limits.mail_per_account, axum_users::Limit::new(3, 3600));
}

#[test]
fn limits_are_counted_in_memory_unless_there_is_a_redis_or_it_is_said_where() {
    let place = |text: &str| read(text).unwrap().limits.place;
    let in_redis = |key_prefix: &str| LimitPlace::Redis { key_prefix: key_prefix.to_owned() };
    let redis = "[redis]\nurl = \"redis://127.0.0.1\"\n[limits]\n";
    assert_eq!(place(""), LimitPlace::Memory);
    assert_eq!(place("[limits]\nstore = \"database\""), LimitPlace::Database);
    assert_eq!(place(redis), in_redis("axum_users:limit:"));
    assert_eq!(place(&format!("{redis}redis_key_prefix = \"staff:\"")), in_redis("staff:"));
    assert_eq!(place(&format!("{redis}store = \"memory\"")), LimitPlace::Memory);
    assert_eq!(place(&format!("{redis}store = \"database\"")), LimitPlace::Database);
}

#[test]
fn trusted_origins_are_kept_as_browsers_write_them() {
    assert_eq!(read("[http]\ntrusted_origins = []").unwrap().http.trusted_origins, Vec::<String>::new());
    let text = "[http]\ntrusted_origins = [\"https://App.example.com/\", \"http://[::1]:5173\", \"https://a.example:443\"]";
    let expected = ["https://app.example.com", "http://[::1]:5173", "https://a.example"];
    assert_eq!(read(text).unwrap().http.trusted_origins, expected);
}

#[test]
fn hardening_is_off_and_each_of_it_can_be_switched_on() {
    assert_eq!(read("").unwrap().hardening, HardeningConfig::default());
    let text = "[hardening]\npassword_change_ends_signed_tokens = true\nlogin_ends_presented_session = true\n\
                change_wants_current_password = true\nhide_taken_emails = true";
    let expected = HardeningConfig {
        password_change_ends_signed_tokens: true,
        login_ends_presented_session: true,
        change_wants_current_password: true,
        hide_taken_emails: true,
    };
    let with_verification = format!("requires_verification = true\n{text}");
    assert_eq!(read(&with_verification).unwrap().hardening, expected);
    assert_eq!(
        mistakes(text),
        "axum-users.toml:5: `hardening.hide_taken_emails`: it needs requires_verification = true: else a login with \
         the password of a registration tells whether it was made"
    );
}

#[test]
fn a_backend_that_refuses_endless_tokens_makes_none() {
    let backend = |more: &str| {
        format!(
            "[[backend]]\nname = \"jwt\"\ntransport = \"bearer\"\nrefuse_tokens_without_expiry = true\n{more}"
        )
    };
    let config = read(&backend("strategy = \"jwt\"")).unwrap();
    let strategy = &config.backends.unwrap()[0].strategy;
    assert!(matches!(strategy, StrategyConfig::Jwt { refuses_endless_tokens: true, .. }), "{strategy:?}");
    for (more, message) in [
        (
            "strategy = \"jwt\"\nlifetime_seconds = 0",
            "axum-users.toml:4: `backend[0].refuse_tokens_without_expiry`: this backend's own tokens are endless: give lifetime_seconds",
        ),
        (
            "strategy = \"database\"",
            "axum-users.toml:4: `backend[0].refuse_tokens_without_expiry`: only a backend with strategy = \"jwt\" has this key",
        ),
    ] {
        assert_eq!(mistakes(&backend(more)), message);
    }
}

#[test]
fn the_audit_trail_is_kept_for_ninety_days_unless_told_otherwise() {
    assert_eq!(read("").unwrap().audit, AuditConfig { enabled: true, retention_days: Some(90) });
    let text = "[audit]\nenabled = false\nretention_days = 7";
    assert_eq!(read(text).unwrap().audit, AuditConfig { enabled: false, retention_days: Some(7) });
    assert_eq!(read("[audit]\nretention_days = 0").unwrap().audit.retention_days, None);
}

#[test]
fn hd_20_debug_of_a_configuration_shows_no_secret() {
    let text = r#"
secret = ["hush-01234567890123456789012345678", "hush-abcdefghijklmnopqrstuvwxyz012"]
[secrets]
reset = "hush-reset-0123456789012345678901"
[database]
url = "postgres://ada:hush-database@db.example.com/users"
[[backend]]
name = "api"
transport = "bearer"
strategy = "jwt"
secret = "hush-backend-01234567890123456789"
[[backend]]
name = "staff"
transport = "bearer"
strategy = "redis"
[redis]
url = "redis://ada:hush-redis@example.com/2"
[mail]
smtp_url = "smtp://ada:hush-mail@example.com"
from = "no-reply@example.com"
[oauth_accounts]
encrypt_tokens_secret = "hush-tokens-0123456789012345678901"
[[oauth]]
provider = "github"
client_id = "client"
client_secret = "hush-client"
"#;
    let config = read(text).unwrap();
    let shown = format!("{config:?} {config:#?}");
    assert!(shown.contains("db.example.com") || shown.contains("database"), "{shown}");
    assert!(!shown.contains("hush"), "{shown}");
}

#[test]
fn sessions_have_routes_and_neither_cap_nor_refresh_tokens_unless_asked_for() {
    let config = read("").unwrap();
    assert_eq!(config.sessions, SessionsConfig { routes: true, max_per_user: None });
    let text = "[sessions]\nroutes = false\nmax_per_user = 5\n[[backend]]\nname = \"jwt\"\ntransport = \"bearer\"\n\
                strategy = \"jwt\"\nlifetime_seconds = 900\nrefresh_lifetime_seconds = 2592000\n\
                refresh_grace_seconds = 0\ninactivity_seconds = 86400";
    let config = read(text).unwrap();
    assert_eq!(config.sessions, SessionsConfig { routes: false, max_per_user: Some(5) });
    let backend = &config.backends.unwrap()[0];
    assert_eq!((backend.refresh_lifetime_seconds, backend.refresh_grace_seconds), (Some(2_592_000), 0));
    assert_eq!(backend.inactivity_seconds, Some(86_400));
    let other = read("[[backend]]\nname = \"a\"\ntransport = \"cookie\"\nstrategy = \"database\"").unwrap();
    let other = &other.backends.unwrap()[0];
    assert_eq!((other.refresh_lifetime_seconds, other.refresh_grace_seconds), (None, 10));
    assert_eq!(other.inactivity_seconds, None);
}
