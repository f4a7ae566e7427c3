//! What is said of mistakes.

use super::*;

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
        (
            "secret = \"\"",
            "axum-users.toml:1: `secret`: the secret is empty: write down what Python signs with, or make one with `openssl rand -base64 48`",
        ),
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
    let p256 = include_str!("../../../../axum-users/tests/data/keys/p256-private.pem");
    let kid =
        axum_users::KeyPair::new(p256).json_web_key(axum_users::Algorithm::ES256).unwrap()["kid"].clone();
    let good = format!("[[backend.key]]\nprivate_key = \"\"\"{p256}\"\"\"\n");
    let public = include_str!("../../../../axum-users/tests/data/keys/p256-public.pem");
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
