//! From a front end to a provider's pages and back, in a real browser, with the real server.

mod front_end;
pub(crate) mod webdriver;

use serde_json::Value;
use tokio::net::TcpListener;

use crate::oauth_provider::certified::Certified;
use crate::support::server::Launch;
use crate::support::{SECRET, data};
use webdriver::Browser;

/// An address that is free now, for a program that has to be told before it starts.
pub(crate) async fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().to_string()
}

#[tokio::test]
async fn somebody_logs_in_by_the_provider_s_pages_and_is_back_at_the_front_end() {
    let folder = tempfile::tempdir().unwrap();
    let address = free_address().await;
    let url = format!("http://{address}");
    let front_end = front_end::serve(&url).await;
    let provider = Certified::start(&[format!("{url}/auth/corp/callback")]);
    let server = Launch::new(&data("browser.toml"), folder.path())
        .database(&folder.path().join("data.db"))
        .set("SECRET", SECRET)
        .set("LISTEN", &address)
        .set("PUBLIC_URL", &url)
        .set("HTTP__TRUSTED_ORIGINS__0", &front_end)
        .set("OAUTH__0__OPENID_CONFIGURATION_ENDPOINT", &provider.discovery())
        .set("OAUTH__0__REDIRECT_TARGETS__0", &front_end)
        .start()
        .await;
    let browser = Browser::start(folder.path()).await;

    browser.open(&front_end).await;
    browser.click("#login").await;
    browser.type_into("input[name=login]", "alice@example.com").await;
    assert!(browser.url().await.starts_with(&provider.issuer), "these are the provider's pages");
    browser.type_into("input[name=password]", "any").await;
    browser.click("button[type=submit]").await;
    assert_eq!(browser.text("form:has(input[name=prompt][value=consent]) button").await, "Continue");
    browser.click("form:has(input[name=prompt][value=consent]) button").await;

    assert_eq!(browser.text("#who").await, "200 alice@example.com", "{}", server.log());
    assert_eq!(browser.url().await, format!("{front_end}/done"), "and no token in the URL");
    let cookies = browser.cookies().await;
    let name = |cookie: &Value| cookie["name"].as_str().unwrap_or_default().to_owned();
    let ours: Vec<_> = cookies.iter().filter(|cookie| name(cookie).starts_with("fastapiusers")).collect();
    let [session] = ours[..] else { panic!("the flow's cookie has to be gone: {ours:?}") };
    assert_eq!((name(session).as_str(), &session["httpOnly"]), ("fastapiusersauth", &true.into()));
}
