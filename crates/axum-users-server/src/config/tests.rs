mod mistakes;
mod sections;

use axum_users::schema::Value;
use secrecy::ExposeSecret;

use super::*;

const FILE: &str = "axum-users.toml";

fn read(text: &str) -> Result<Config, ConfigError> {
    Config::from_parts(Some((Path::new(FILE), text)), &[])
}

fn read_with(text: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let variables: Vec<_> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Config::from_parts(Some((Path::new(FILE), text)), &variables)
}

fn mistakes(text: &str) -> String {
    read(text).map_or_else(|error| error.to_string(), |_| String::new())
}

#[test]
fn every_key_is_read_into_its_place() {
    let config = read(
        r##"
listen = "0.0.0.0:80"
public_url = "https://accounts.example.com/"
secret = ["the-new-secret-with-at-least-32-bytes", "the-old-secret-with-at-least-32-bytes"]
requires_verification = true
allow_short_secret_until_python_leaves = true
[secrets]
reset = "short"
verification = "brief"
[database]
url = "sqlite:///var/lib/users.db?mode=rwc"
max_connections = 3
busy_timeout_seconds = 2
user_cache = 4
[database.tables]
user = "users"
oauth_account = "accounts"
access_token = "tokens"
[[backend]]
name = "web"
transport = "cookie"
strategy = "database"
lifetime_seconds = 0
cookie_name = "sid"
cookie_max_age = 3600
cookie_path = "/app"
cookie_domain = "example.com"
cookie_secure = true
cookie_httponly = false
cookie_samesite = "strict"
[[backend]]
name = "api"
transport = "bearer"
strategy = "jwt"
algorithm = "HS512"
secret = "tiny"
[[backend]]
name = "staff"
transport = "bearer"
strategy = "redis"
key_prefix = "staff:"
[redis]
url = "rediss://user:password@example.com:6380/2"
[mail]
smtp_url = "smtp://127.0.0.1:2525"
from = "Accounts <no-reply@example.com>"
verify_url = "https://example.com/verify#{token}"
reset_url = "https://example.com/reset#{token}"
notify_changes = false
[password]
min_length = 12
max_bytes = 100
forbid_common = false
[password.argon2]
memory_kib = 19456
iterations = 2
parallelism = 1
[http]
body_limit_bytes = 1000
request_timeout_seconds = 5
header_timeout_seconds = 6
max_connections = 7
[tokens]
reset_lifetime_seconds = 60
verification_lifetime_seconds = 120
[access_tokens]
at_rest = "clear"
[compat]
side_by_side = true
[log]
format = "json"
level = "warn"
[user]
id = "integer"
[[user.field]]
name = "first_name"
type = "text"
required = true
[[user.field]]
name = "plan"
type = "text"
choices = ["free", "paid"]
default = "free"
readonly = true
[[user.field]]
name = "born"
type = "date"
default = 1815-12-10
private = true
"##,
    )
    .unwrap();
    assert_eq!(config.listen, "0.0.0.0:80".parse().unwrap());
    assert_eq!(config.public_url.unwrap().as_str(), "https://accounts.example.com/");
    assert!(config.secret.unwrap().shortest() > 32);
    assert_eq!(config.reset_secret.unwrap().shortest(), 5);
    assert_eq!(config.verification_secret.unwrap().shortest(), 5);
    assert!(config.requires_verification && config.allow_short_secret);
    assert_eq!(config.database.file(), Some(PathBuf::from("/var/lib/users.db")));
    assert_eq!(config.database.folder(), PathBuf::from("/var/lib"));
    assert_eq!((config.database.max_connections, config.database.busy_timeout_seconds), (Some(3), 2));
    assert_eq!(config.database.user_cache, 4);
    let DatabaseConfig { user_table, oauth_account_table, access_token_table, .. } = config.database;
    let tables = [user_table, oauth_account_table, access_token_table].map(Option::unwrap);
    assert_eq!(tables, ["users", "accounts", "tokens"]);

    let backends = config.backends.unwrap();
    let [web, api, staff] = &backends[..] else { panic!("{backends:?}") };
    assert_eq!((web.name.as_str(), web.lifetime_seconds), ("web", None));
    let TransportConfig::Cookie(cookie) = &web.transport else { panic!("{web:?}") };
    assert_eq!((cookie.name.as_str(), cookie.max_age, cookie.path.as_str()), ("sid", Some(3600), "/app"));
    assert_eq!(cookie.domain.as_deref(), Some("example.com"));
    assert!(cookie.secure && !cookie.http_only);
    assert_eq!(cookie.same_site, axum_users::SameSite::Strict);
    assert_eq!((api.name.as_str(), api.lifetime_seconds), ("api", Some(3600)));
    let StrategyConfig::Jwt { algorithm, secret: Some(secret), keys: None, .. } = &api.strategy else {
        panic!("{api:?}")
    };
    assert_eq!((*algorithm, secret.shortest()), (axum_users::Algorithm::HS512, 4));

    let StrategyConfig::Redis { key_prefix } = &staff.strategy else { panic!("{staff:?}") };
    assert_eq!((key_prefix.as_str(), staff.lifetime_seconds), ("staff:", Some(3600)));
    assert_eq!(config.redis_url.unwrap().expose_secret(), "rediss://user:password@example.com:6380/2");

    assert!(!config.mail.notify_changes && Config::default().mail.notify_changes);
    assert_eq!(config.mail.smtp_url.unwrap().expose_secret(), "smtp://127.0.0.1:2525");
    assert_eq!(config.mail.from.to_string(), "Accounts <no-reply@example.com>");
    assert_eq!(config.mail.verify_url.unwrap(), "https://example.com/verify#{token}");
    assert_eq!(config.mail.reset_url.unwrap(), "https://example.com/reset#{token}");
    let password = config.password;
    assert_eq!((password.min_length, password.max_bytes, password.forbid_common), (12, 100, false));
    assert_eq!(password.argon2, Argon2Parameters::new(19456, 2, 1).unwrap());
    let http = config.http;
    assert_eq!((http.body_limit_bytes, http.max_connections), (1000, 7));
    assert_eq!((http.request_timeout_seconds, http.header_timeout_seconds), (5, 6));
    let tokens = config.tokens;
    assert_eq!((tokens.reset_lifetime_seconds, tokens.verification_lifetime_seconds), (60, 120));
    assert!(config.access_tokens_in_clear && config.side_by_side && config.log.json);
    assert_eq!(config.log.level, "warn");

    assert_eq!(config.id_type, Some(ColumnType::Integer));
    let [first_name, plan, born] = &config.fields[..] else { panic!("{:?}", config.fields) };
    assert!(first_name.is_required() && !first_name.nullable);
    assert_eq!(plan.default, Some(Value::Text("free".to_owned())));
    assert!(plan.readonly && !plan.nullable && !plan.is_required());
    assert!(born.private);
    assert_eq!(born.default, Some(Value::Date(time::macros::date!(1815 - 12 - 10))));
}

#[test]
fn the_environment_lies_over_the_file_in_the_type_of_each_key() {
    let text =
        "listen = \"127.0.0.1:1\"\n[[backend]]\nname = \"a\"\ntransport = \"bearer\"\nstrategy = \"jwt\"";
    let config = read_with(
        text,
        &[
            ("AXUM_USERS__LISTEN", "127.0.0.1:2"),
            ("AXUM_USERS__REQUIRES_VERIFICATION", "true"),
            ("AXUM_USERS__HTTP__BODY_LIMIT_BYTES", "77"),
            ("AXUM_USERS__SECRET", "a-secret-of-at-least-thirty-two-bytes"),
            ("AXUM_USERS__BACKEND__0__LIFETIME_SECONDS", "0"),
            ("AXUM_USERS__BACKEND__1__NAME", "b"),
            ("AXUM_USERS__BACKEND__1__TRANSPORT", "cookie"),
            ("AXUM_USERS__BACKEND__1__STRATEGY", "database"),
            ("AXUM_USERS__USER__FIELD__0__NAME", "tags"),
            ("AXUM_USERS__USER__FIELD__0__TYPE", "json"),
            ("AXUM_USERS__USER__FIELD__0__DEFAULT", "[1]"),
            ("AXUM_USERS_CONFIG", "not a key"),
            ("AXUM_USERS_SERVICE_HOST", "10.0.0.1"),
            ("AXUM_USERS_PORT_8000_TCP", "tcp://10.0.0.1:8000"),
            ("AXUM_USERS_MAIL_PORT", "tcp://10.0.0.2:25"),
            ("PATH", "/bin"),
        ],
    )
    .unwrap();
    assert_eq!(config.listen, "127.0.0.1:2".parse().unwrap());
    assert!(config.requires_verification);
    assert_eq!(config.http.body_limit_bytes, 77);
    assert_eq!(config.secret.unwrap().shortest(), 37);
    let backends = config.backends.unwrap();
    let names: Vec<_> =
        backends.iter().map(|backend| (backend.name.as_str(), backend.lifetime_seconds)).collect();
    assert_eq!(names, [("a", None), ("b", Some(3600))]);
    assert_eq!(config.fields[0].default, Some(Value::Json(serde_json::json!([1]))));
}

#[test]
fn more_than_ten_list_entries_can_come_from_the_environment() {
    let variables: Vec<(String, String)> = (0..12)
        .flat_map(|index| {
            [
                ("NAME", format!("b{index}")),
                ("TRANSPORT", "bearer".to_owned()),
                ("STRATEGY", "jwt".to_owned()),
            ]
            .map(|(key, value)| (format!("AXUM_USERS__BACKEND__{index}__{key}"), value))
        })
        .collect();
    let backends = Config::from_parts(None, &variables).unwrap().backends.unwrap();
    assert_eq!(backends[11].name, "b11");
}

#[test]
fn a_missing_or_unreadable_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing.toml");
    let error = Config::load(Some(&missing)).unwrap_err().to_string();
    let name = missing.display();
    assert_eq!(error, format!("{name}: the file cannot be read: No such file or directory (os error 2)"));
    let binary = folder.path().join("binary.toml");
    std::fs::write(&binary, [0xff, 0xfe]).unwrap();
    let error = Config::load(Some(&binary)).unwrap_err().to_string();
    assert_eq!(error, format!("{}: the file is not UTF-8 text", binary.display()));
}
