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
fn every_mistake_names_its_file_line_and_key_and_what_was_expected() {
    for (text, message) in [
        ("listen = 8000", "axum-users.toml:1: `listen`: expected text in quotes, found 8000"),
        (
            "\nlisten = \"localhost:8000\"",
            "axum-users.toml:2: `listen`: expected an IP address and a port such as \"127.0.0.1:8000\" or \"[::]:8000\", found \"localhost:8000\"",
        ),
        (
            "# one\nlistn = \"127.0.0.1:80\"",
            "axum-users.toml:2: `listn`: unknown key; did you mean `listen`?",
        ),
        ("[ldap]\nurl = \"ldap://127.0.0.1\"", "axum-users.toml:1: `ldap`: unknown key"),
        (
            "[limits]\nstore = \"redis\"",
            "axum-users.toml:2: `limits.store`: \"redis\" wants redis.url, which says where it is",
        ),
        (
            "[limits]\nredis_key_prefix = \"staff:\"",
            "axum-users.toml:2: `limits.redis_key_prefix`: nothing is counted in Redis: it wants store = \"redis\"",
        ),
        (
            "[redis]\nurl = \"127.0.0.1:6379\"",
            "axum-users.toml:2: `redis.url`: expected redis://host:6379, with rediss: for TLS, redis-cluster: or rediss-cluster: for a cluster, or redis+unix:///path for a socket",
        ),
        (
            "[redis]\nurl = \"rediss://h/#insecure\"",
            "axum-users.toml:2: `redis.url`: nothing may stand behind a `#`: certificates are always checked",
        ),
        (
            "[mail]\nsmtp_ulr = \"smtp://m\"",
            "axum-users.toml:2: `mail.smtp_ulr`: unknown key; did you mean `smtp_url`?",
        ),
        ("mail = 1", "axum-users.toml:1: `mail`: expected a table, found a whole number"),
        (
            "listen = \"127.0.0.1:1\"\nlisten = \"127.0.0.1:2\"",
            "axum-users.toml:2: this is not TOML: duplicate key",
        ),
        ("[database\nurl = 1", "axum-users.toml:1: this is not TOML: unclosed table, expected `]`"),
        ("secret = \"\"", "axum-users.toml:1: `secret`: the secret is empty"),
        (
            "[limits.login_per_adress]\ntries = 5",
            "axum-users.toml:1: `limits.login_per_adress`: unknown key; did you mean `login_per_address`?",
        ),
        (
            "[limits.login_per_address]\ntries = 0\nperiod = 5",
            "axum-users.toml:2: `limits.login_per_address.tries`: expected a whole number from 1 to 1000000, found 0\naxum-users.toml:3: `limits.login_per_address.period`: unknown key",
        ),
        (
            "[http]\ntrusted_origins = [\"*\"]",
            "axum-users.toml:2: `http.trusted_origins`: expected an origin such as \"https://app.example.com\": any origin at all could act for every user who is logged in",
        ),
        (
            "[http]\ntrusted_origins = [\"https://app.example.com/login\"]",
            "axum-users.toml:2: `http.trusted_origins`: expected an origin such as \"https://app.example.com\", without a path, found \"https://app.example.com/login\"",
        ),
        (
            "secret = \"hunter2\"",
            "axum-users.toml:1: `secret`: the secret is 7 bytes long, expected at least 32: make one with `openssl rand -base64 48`, or set allow_short_secret_until_python_leaves = true while a Python application signs with it",
        ),
        ("secret = []", "axum-users.toml:1: `secret`: the list is empty"),
        (
            "secret = [1]",
            "axum-users.toml:1: `secret`: expected text in quotes, or a list of texts, found a list",
        ),
        (
            "public_url = \"accounts.example.com\"",
            "axum-users.toml:1: `public_url`: expected an address such as \"https://accounts.example.com\", found \"accounts.example.com\"",
        ),
        (
            "public_url = \"https://example.com/accounts\"",
            "axum-users.toml:1: `public_url`: expected an address such as \"https://accounts.example.com\" without a path: the routes are at fixed paths",
        ),
        (
            "requires_verification = \"yes\"",
            "axum-users.toml:1: `requires_verification`: expected true or false, found text",
        ),
        (
            "[database.tables]\nuser = \"people; DROP\"",
            "axum-users.toml:2: `database.tables.user`: expected letters, digits and underscores, 63 at most, found \"people; DROP\"",
        ),
        (
            "[database.tables]\nuser = \"people\"\naccess_token = \"people\"",
            "axum-users.toml:1: `database.tables`: two tables have one name",
        ),
        (
            "[mail]\nsmtp_url = \"smtp://127.0.0.1:2525\"",
            "axum-users.toml:1: `mail.from`: this key is missing: expected the sender's address, since smtp_url is set",
        ),
        (
            "[mail]\nfrom = \"nobody\"",
            "axum-users.toml:2: `mail.from`: expected an address such as \"no-reply@example.com\" or \"Accounts <no-reply@example.com>\"",
        ),
        (
            "[mail]\nverify_url = \"https://example.com/verify\"",
            "axum-users.toml:2: `mail.verify_url`: expected an address with {token} in it, such as \"https://example.com/verify#{token}\", found \"https://example.com/verify\"",
        ),
        (
            "[password]\nmin_length = 0",
            "axum-users.toml:2: `password.min_length`: expected a whole number from 1 to 1024, found 0",
        ),
        (
            "[password]\nmin_length = 20\nmax_bytes = 10",
            "axum-users.toml:3: `password.max_bytes`: it is less than min_length, 20",
        ),
        (
            "[password.argon2]\nmemory_kib = -1",
            "axum-users.toml:2: `password.argon2.memory_kib`: expected a whole number from 8 to 1048576, found -1",
        ),
        (
            "[http]\nbody_limit_bytes = \"2 MiB\"",
            "axum-users.toml:2: `http.body_limit_bytes`: expected a whole number from 1 to 1073741824, found text",
        ),
        (
            "[access_tokens]\nat_rest = \"plain\"",
            "axum-users.toml:2: `access_tokens.at_rest`: expected \"hashed\" or \"clear\", found \"plain\"",
        ),
        (
            "[log]\nlevel = \"loud\"",
            "axum-users.toml:2: `log.level`: expected a level (error, warn, info, debug, trace, off) or directives such as \"info,axum_users=debug\", found \"loud\"",
        ),
        (
            "[log]\nformat = \"jason\"",
            "axum-users.toml:2: `log.format`: expected \"text\" or \"json\", found \"jason\"; did you mean \"json\"?",
        ),
    ] {
        assert_eq!(mistakes(text), message, "{text}");
    }
}

#[test]
fn mistakes_in_backends_say_what_mends_them() {
    let backend = |rest: &str| format!("[[backend]]\nname = \"one\"\n{rest}");
    let cookie = "transport = \"cookie\"\nstrategy = \"database\"\n";
    let jwt = "transport = \"bearer\"\nstrategy = \"jwt\"\n";
    let redis = "transport = \"bearer\"\nstrategy = \"redis\"\n";
    let url = "[redis]\nurl = \"redis://127.0.0.1\"\n";
    for (text, message) in [
        ("backend = []".to_owned(), "axum-users.toml:1: `backend`: the list is empty: nobody could log in"),
        (
            "[backend]\nname = \"one\"".to_owned(),
            "axum-users.toml:1: `backend`: expected a list of tables, each begun by [[backend]]",
        ),
        (
            format!("[[backend]]\n{jwt}"),
            "axum-users.toml:1: `backend[0].name`: this key is missing: expected the part of the routes that tells backends apart, such as \"jwt\"",
        ),
        (
            backend("transport = \"bearer\"\nstrategy = \"redish\"\nkey_prefix = \"a:\""),
            "axum-users.toml:4: `backend[0].strategy`: expected \"jwt\", \"database\" or \"redis\", found \"redish\"; did you mean \"redis\"?",
        ),
        (
            backend("transport = \"bearer\""),
            "axum-users.toml:1: `backend[0].strategy`: this key is missing: expected \"jwt\", \"database\" or \"redis\"",
        ),
        (
            backend(redis),
            "axum-users.toml: `redis.url`: this key is missing: expected one such as \"redis://127.0.0.1:6379\", since a backend has strategy = \"redis\"",
        ),
        (
            format!("{url}[[backend]]\nname = \"two\"\n{redis}lifetime_seconds = 60\n") + &backend(redis),
            "axum-users.toml:8: `backend[1].key_prefix`: the backend \"two\" keeps sessions of another lifetime under \"fastapi_users_token:\"",
        ),
        (
            url.to_owned() + &backend(&format!("{redis}secret = \"hunter2\"")),
            "axum-users.toml:7: `backend[0].secret`: only a backend with strategy = \"jwt\" has this key",
        ),
        (
            backend(&format!("{cookie}key_prefix = \"a:\"")),
            "axum-users.toml:5: `backend[0].key_prefix`: only a backend with strategy = \"redis\" has this key",
        ),
        (
            backend("transport = \"cooky\"\nstrategy = \"jwt\""),
            "axum-users.toml:3: `backend[0].transport`: expected \"bearer\" or \"cookie\", found \"cooky\"; did you mean \"cookie\"?",
        ),
        (
            backend(jwt) + &backend(jwt),
            "axum-users.toml:6: `backend[1].name`: two backends are called \"one\"",
        ),
        (
            format!("[[backend]]\nname = \"a/b\"\n{jwt}"),
            "axum-users.toml:2: `backend[0].name`: expected letters, digits, - and _, since it is part of an address, found \"a/b\"",
        ),
        (backend(&format!("{jwt}lifetime = 5")), "axum-users.toml:5: `backend[0].lifetime`: unknown key"),
        (
            backend(&format!("{jwt}lifetime_second = 5")),
            "axum-users.toml:5: `backend[0].lifetime_second`: unknown key; did you mean `lifetime_seconds`?",
        ),
        (
            backend(&format!("{jwt}cookie_name = \"sid\"")),
            "axum-users.toml:5: `backend[0].cookie_name`: only a backend with transport = \"cookie\" has this key",
        ),
        (
            backend(&format!("{cookie}algorithm = \"HS256\"")),
            "axum-users.toml:5: `backend[0].algorithm`: only a backend with strategy = \"jwt\" has this key",
        ),
        (
            backend(&format!("{cookie}cookie_secure = false\ncookie_samesite = \"none\"")),
            "axum-users.toml:6: `backend[0].cookie_samesite`: \"none\" wants cookie_secure = true: browsers drop the cookie otherwise",
        ),
        (
            backend(&format!("{cookie}cookie_name = \"__Host-sid\"\ncookie_path = \"/app\"")),
            "axum-users.toml:5: `backend[0].cookie_name`: a __Host- cookie wants cookie_secure = true, cookie_path = \"/\" and no cookie_domain",
        ),
        (
            backend(&format!("{cookie}cookie_domain = \"a.b; Secure\"")),
            "axum-users.toml:5: `backend[0].cookie_domain`: expected a domain such as \"example.com\", found \"a.b; Secure\"",
        ),
        (
            backend(&format!("{jwt}algorithm = \"EdDSA\"\npublic_key = \"x\"\nprivate_key = \"y\"")),
            "axum-users.toml:7: `backend[0].private_key`: the private key for EdDSA cannot be read: expected an Ed25519 key in PEM",
        ),
        (
            backend(&format!("{jwt}algorithm = \"RS256\"\npublic_key = \"x\"")),
            "axum-users.toml:1: `backend[0].private_key`: this key is missing: expected a key for RS256 in PEM, here or in the file of private_key_file",
        ),
        (
            backend(&format!(
                "{jwt}algorithm = \"ES256\"\nprivate_key_file = \"/nowhere/key.pem\"\npublic_key = \"x\""
            )),
            "axum-users.toml:6: `backend[0].private_key_file`: /nowhere/key.pem cannot be read: No such file or directory (os error 2)",
        ),
        (
            backend(&format!("{jwt}private_key = \"x\"")),
            "axum-users.toml:5: `backend[0].private_key`: keys are for RS256, ES256, EdDSA and their like: this algorithm signs with the secret",
        ),
        (
            backend(&format!("{jwt}algorithm = \"none\"")),
            "axum-users.toml:5: `backend[0].algorithm`: expected \"HS256\", \"HS384\", \"HS512\", \"RS256\", \"RS384\", \"RS512\", \"PS256\", \"PS384\", \"PS512\", \"ES256\", \"ES384\" or \"EdDSA\", found \"none\"",
        ),
    ] {
        assert_eq!(mistakes(&text), message, "{text}");
    }
}

#[test]
fn mistakes_in_keys_are_told_at_their_places() {
    let p256 = include_str!("../../../axum-users/tests/data/keys/p256-private.pem");
    let kid =
        axum_users::KeyPair::new(p256).json_web_key(axum_users::Algorithm::ES256).unwrap()["kid"].clone();
    let good = format!("[[backend.key]]\nprivate_key = \"\"\"{p256}\"\"\"\n");
    let public = include_str!("../../../axum-users/tests/data/keys/p256-public.pem");
    for (keys, message) in [
        (
            "[[backend.key]]\nkid = \"a\"".to_owned(),
            "axum-users.toml:6: `backend[0].key[0].private_key`: this key is missing: expected a key for ES256 in PEM, here or in the file of private_key_file".to_owned(),
        ),
        (
            format!("kid = \"a\"\n{good}"),
            "axum-users.toml:6: `backend[0].kid`: keys stand in [[backend.key]]: move this one there".to_owned(),
        ),
        (
            format!("{good}{good}"),
            format!("axum-users.toml:6: `backend[0].key`: two keys are called {kid}: give each a kid of its own, or remove the one that is there twice"),
        ),
        (
            format!("{good}[[backend.key]]\nkid = \"a\""),
            "axum-users.toml:13: `backend[0].key[1].public_key`: this key is missing: expected a key in PEM, or private_key for one that is to sign".to_owned(),
        ),
        (
            format!("{good}[[backend.key]]\nkid = \"\\t\"\npublic_key = \"\"\"{public}\"\"\""),
            "axum-users.toml:14: `backend[0].key[1].kid`: the kid \"\\t\" cannot be used: give 1 to 128 printable ASCII characters".to_owned(),
        ),
        (
            format!("{good}[[backend.key]]\npublic_key_file = \"/nowhere\""),
            "axum-users.toml:14: `backend[0].key[1].public_key_file`: /nowhere cannot be read: No such file or directory (os error 2)".to_owned(),
        ),
        (
            "key = []".to_owned(),
            "axum-users.toml:6: `backend[0].key`: expected 1 to 16 keys, the first of which signs".to_owned(),
        ),
    ] {
        let head = "[[backend]]\nname = \"one\"\ntransport = \"bearer\"\nstrategy = \"jwt\"\nalgorithm = \"ES256\"\n";
        assert_eq!(mistakes(&format!("{head}{keys}")), message, "{keys}");
    }
}

#[test]
fn mistakes_in_own_fields_say_what_mends_them() {
    let field = |rest: &str| format!("[[user.field]]\nname = \"plan\"\n{rest}");
    for (text, message) in [
        (
            "[user]\nid = \"number\"".to_owned(),
            "axum-users.toml:2: `user.id`: expected \"uuid\", \"integer\" or \"object_id\", found \"number\"",
        ),
        (
            field(""),
            "axum-users.toml:1: `user.field[0].type`: this key is missing: expected \"text\", \"integer\", \"float\", \"bool\", \"date\", \"timestamp\", \"uuid\" or \"json\"",
        ),
        (
            field("type = \"int\""),
            "axum-users.toml:3: `user.field[0].type`: expected \"text\", \"integer\", \"float\", \"bool\", \"date\", \"timestamp\", \"uuid\" or \"json\", found \"int\"",
        ),
        (
            "[[user.field]]\nname = \"email\"\ntype = \"text\"".to_owned(),
            "axum-users.toml:2: `user.field[0].name`: every user has \"email\" already",
        ),
        (
            field("type = \"text\"\n") + &field("type = \"text\""),
            "axum-users.toml:5: `user.field[1].name`: two fields are called \"plan\"",
        ),
        (
            field("type = \"integer\"\ndefault = \"many\""),
            "axum-users.toml:4: `user.field[0].default`: expected an integer, found \"many\"",
        ),
        (
            field("type = \"text\"\nchoices = [\"free\", \"paid\"]\ndefault = \"gold\""),
            "axum-users.toml:5: `user.field[0].default`: expected \"free\" or \"paid\", found \"gold\"",
        ),
        (
            field("type = \"bool\"\nchoices = [\"a\"]"),
            "axum-users.toml:4: `user.field[0].choices`: only a field of type = \"text\" has choices",
        ),
        (
            field("type = \"text\"\nrequired = true\ndefault = \"free\""),
            "axum-users.toml:4: `user.field[0].required`: a field with a default is never required: keep one of them",
        ),
        (
            field("type = \"text\"\nrequired = true\nreadonly = true"),
            "axum-users.toml:4: `user.field[0].required`: requests cannot set a readonly field: give it a default, or leave it optional",
        ),
    ] {
        assert_eq!(mistakes(&text), message, "{text}");
    }
}

#[test]
fn all_mistakes_are_told_at_once_in_the_order_of_their_lines() {
    let text = "listn = 1\n[http]\nbody_limit_bytes = 0\n[log]\nformat = \"xml\"";
    let told = mistakes(text);
    let places: Vec<&str> = told.lines().map(|line| line.split(": ").next().unwrap()).collect();
    assert_eq!(places, ["axum-users.toml:1", "axum-users.toml:3", "axum-users.toml:5"]);
}

#[test]
fn a_mistake_never_shows_a_secret() {
    for text in [
        "secret = \"hunter2\"",
        "secret = [\"hunter2\"]",
        "[secrets]\nreset = \"hunter2\"",
        "[database]\nurl = \"oracle://root:hunter2@h/d\"",
        "[database]\nurl = \"mysql+aiomysql://root:hunter2@h/d\"",
        "[database]\nurl = \"postgres://root:hunter2@h\"",
        "[mail]\nsmtp_url = \"smtpp://root:hunter2@h\"",
        "[redis]\nurl = \"rediss://root:hunter2@h/number\"",
        "[[backend]]\nname = \"a\"\ntransport = \"bearer\"\nstrategy = \"jwt\"\nsecret = \"hunter2\"",
    ] {
        let told = mistakes(text);
        assert!(!told.is_empty() && !told.contains("hunter2"), "{told}");
    }
    let config =
        read("secret = \"hunter2-hunter2-hunter2-hunter2-hunter2\"\n[database]\nurl = \"sqlite://hunter2\"")
            .unwrap();
    assert!(!format!("{config:?}").contains("hunter2"));
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
fn mistakes_in_the_environment_name_the_variable() {
    for (name, value, message) in [
        (
            "AXUM_USERS__LISTN",
            "x",
            "environment variable AXUM_USERS__LISTN: `listn`: unknown key; did you mean `listen`?",
        ),
        (
            "AXUM_USERS__HTTP__BODY_LIMIT_BYTES",
            "many",
            "environment variable AXUM_USERS__HTTP__BODY_LIMIT_BYTES: `http.body_limit_bytes`: expected a whole number from 1 to 1073741824, found text",
        ),
        (
            "AXUM_USERS__BACKEND__1__NAME",
            "jwt",
            "environment variable AXUM_USERS__BACKEND__1__NAME: number 1 is not the next one: 0 is",
        ),
        (
            "AXUM_USERS_LISTEN",
            "0.0.0.0:80",
            "environment variable AXUM_USERS_LISTEN: a variable of this name is not read; did you mean AXUM_USERS__LISTEN?",
        ),
        (
            "AXUM_USERS_DATABASE_URL",
            "sqlite://data.db",
            "environment variable AXUM_USERS_DATABASE_URL: a variable of this name is not read; did you mean AXUM_USERS__DATABASE__URL?",
        ),
        (
            "AXUM_USERS_OAUTH_ACCOUNTS__IN_USER",
            "true",
            "environment variable AXUM_USERS_OAUTH_ACCOUNTS__IN_USER: a variable of this name is not read; did you mean AXUM_USERS__OAUTH_ACCOUNTS__IN_USER?",
        ),
        (
            "AXUM_USERS____LISTEN",
            "x",
            "environment variable AXUM_USERS____LISTEN: a part of the name is empty; keys are spelled like AXUM_USERS__DATABASE__URL",
        ),
        (
            "AXUM_USERS__LOG__LEVEL__DEEP",
            "x",
            "environment variable AXUM_USERS__LOG__LEVEL__DEEP: `log.level`: expected text in quotes, found a table",
        ),
    ] {
        assert_eq!(read_with("", &[(name, value)]).unwrap_err().to_string(), message);
    }
    let error = read_with("listen = \"127.0.0.1:1\"", &[("AXUM_USERS__LISTEN__PORT", "1")]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "environment variable AXUM_USERS__LISTEN__PORT: nothing can be named `port` here: the value is text"
    );
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

#[test]
fn what_makes_no_sense_of_refresh_tokens_and_inactivity_is_told() {
    let backend = |strategy: &str, more: &str| {
        format!("[[backend]]\nname = \"a\"\ntransport = \"bearer\"\nstrategy = \"{strategy}\"\n{more}")
    };
    for (strategy, more, message) in [
        (
            "jwt",
            "inactivity_seconds = 600",
            "axum-users.toml:5: `backend[0].inactivity_seconds`: a JWT is kept nowhere, so its use is not either: \
             give refresh_lifetime_seconds, too",
        ),
        (
            "jwt",
            "refresh_grace_seconds = 5",
            "axum-users.toml:5: `backend[0].refresh_grace_seconds`: there are no refresh tokens without \
             refresh_lifetime_seconds",
        ),
        (
            "database",
            "refresh_lifetime_seconds = 600",
            "axum-users.toml:5: `backend[0].refresh_lifetime_seconds`: the access tokens last longer than what is to \
             renew them: give a shorter lifetime_seconds",
        ),
    ] {
        assert_eq!(mistakes(&backend(strategy, more)), message);
    }
    assert!(mistakes(&backend("database", "inactivity_seconds = 10")).contains("inactivity_seconds"));
    assert!(mistakes("[sessions]\nmax_per_user = 0").contains("max_per_user"));
}
