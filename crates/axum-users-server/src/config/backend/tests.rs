//! Cookies that browsers would drop, or send where they should not.

use std::path::Path;

use super::super::Config;

fn mistakes(public_url: &str, cookie: &str) -> String {
    let text = format!(
        "public_url = \"{public_url}\"\n[[backend]]\nname = \"web\"\ntransport = \"cookie\"\nstrategy = \"database\"\n{cookie}"
    );
    let read = Config::from_parts(Some((Path::new("axum-users.toml"), &text)), &[]);
    read.map_or_else(|error| error.to_string(), |_| String::new())
}

#[test]
fn a_cookie_has_to_fit_the_public_url() {
    let open = "axum-users.toml:6: `backend[0].cookie_secure`: the cookie would go over plain http, too, although \
                public_url is https: leave this key out";
    let dropped = "axum-users.toml:2: `backend[0].cookie_secure`: browsers keep no Secure cookie over http, and they \
                   reach the server at http://accounts.example.com/: make public_url https, or set cookie_secure = \
                   false for development";
    for (public_url, cookie, message) in [
        ("https://accounts.example.com", "", ""),
        ("https://accounts.example.com", "cookie_secure = true", ""),
        ("https://accounts.example.com", "cookie_secure = false", open),
        ("http://accounts.example.com", "", dropped),
        ("http://accounts.example.com", "cookie_secure = false", ""),
        ("http://localhost:8000", "", ""),
        ("http://127.0.0.1:8000", "cookie_secure = true", ""),
        ("http://[::1]:8000", "", ""),
    ] {
        assert_eq!(mistakes(public_url, cookie), message, "{public_url} {cookie}");
    }
}

#[test]
fn a_cookie_with_the_name_of_a_secure_one_is_secure() {
    assert_eq!(
        mistakes("http://localhost", "cookie_name = \"__Secure-sid\"\ncookie_secure = false"),
        "axum-users.toml:6: `backend[0].cookie_name`: a __Secure- cookie wants cookie_secure = true"
    );
    assert_eq!(mistakes("https://a.example.com", "cookie_name = \"__Secure-sid\""), "");
}
