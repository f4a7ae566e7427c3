//! The TypeScript client, and the single page that uses it: `clients/` in this repository.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::browser::{free_address, webdriver::Browser};
use crate::oauth_provider::certified::Certified;
use crate::support::http::Request;
use crate::support::process::{Process, poll};
use crate::support::server::{Launch, Server};
use crate::support::{SECRET, data};

fn clients() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../clients")
}

/// Runs one of the installed Node programs in a folder of `clients`, and gives what it says when it fails.
fn run(folder: &str, program: &str, arguments: &[&str], variables: &[(&str, &str)]) {
    let mut command = match program {
        "node" => Command::new("node"),
        program => Command::new(clients().join("node_modules/.bin").join(program)),
    };
    command.args(arguments).envs(variables.iter().copied()).current_dir(clients().join(folder));
    let output =
        command.output().unwrap_or_else(|error| panic!("{program}: {error}; run `cargo xtask tools`"));
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&said));
}

async fn server(folder: &Path) -> Server {
    let launch = Launch::new(&data("typescript.toml"), folder).set("SECRET", SECRET);
    launch.database(&folder.join("data.db")).start().await
}

#[tokio::test]
async fn the_types_of_the_typescript_client_are_those_of_the_document() {
    let folder = tempfile::tempdir().unwrap();
    let document = server(folder.path()).await.send(&Request::new("GET", "/openapi.json")).await;
    let (file, made) = (folder.path().join("openapi.json"), folder.path().join("schema.ts"));
    fs::write(&file, document.text()).unwrap();
    let (file, made_text) = (file.to_str().unwrap(), made.to_str().unwrap());
    run(
        "typescript",
        "openapi-typescript",
        &["--default-non-nullable=false", file, "--output", made_text],
        &[],
    );
    let kept = clients().join("typescript/src/schema.ts");
    if std::env::var_os("UPDATE_TYPESCRIPT").is_some() {
        fs::copy(&made, &kept).unwrap();
    }
    assert!(
        fs::read_to_string(&made).unwrap() == fs::read_to_string(kept).unwrap(),
        "the document has changed: run this test with UPDATE_TYPESCRIPT=1 in its environment"
    );
}

#[tokio::test]
async fn the_typescript_client_compiles_and_does_what_its_tests_say_against_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path()).await;
    let url = format!("http://{}", server.address);
    run("typescript", "tsc", &["--project", "tsconfig.test.json"], &[]);
    run("typescript", "node", &["--test", "dist-test/test/"], &[("AXUM_USERS_URL", &url)]);
}

/// The page, its server, the server of its accounts, and the browser that shows it.
struct SinglePage {
    origin: String,
    mails: PathBuf,
    server: Server,
    browser: Browser,
    _page: Process,
    _provider: Certified,
    _folder: tempfile::TempDir,
}

impl SinglePage {
    async fn open() -> Self {
        run("single-page", "tsc", &["--noEmit"], &[]);
        run("single-page", "node", &["build.mjs"], &[]);
        let folder = tempfile::tempdir().unwrap();
        // Cookies of a page and its server want one host, and that is `localhost` here.
        let listen = free_address().await;
        let url = listen.replace("127.0.0.1", "http://localhost");
        let page_address = free_address().await;
        let (_, port) = page_address.rsplit_once(':').unwrap();
        let origin = format!("http://localhost:{port}");
        let provider = Certified::start(&[format!("{url}/auth/corp/callback")]);
        let server = Launch::new(&data("browser.toml"), folder.path())
            .database(&folder.path().join("data.db"))
            .set("SECRET", SECRET)
            .set("LISTEN", &listen)
            .set("PUBLIC_URL", &url)
            .set("HTTP__TRUSTED_ORIGINS__0", &origin)
            .set("MAIL__VERIFY_URL", &format!("{origin}/#verify={{token}}"))
            .set("MAIL__RESET_URL", &format!("{origin}/#reset={{token}}"))
            .set("OAUTH__0__OPENID_CONFIGURATION_ENDPOINT", &provider.discovery())
            .set("OAUTH__0__REDIRECT_TARGETS__0", &origin)
            .start()
            .await;
        let mut page = Command::new("node");
        page.arg("serve.mjs").current_dir(clients().join("single-page"));
        page.envs([("PORT", port), ("ACCOUNTS_URL", &url), ("ACCOUNTS_PROVIDER", "corp")]);
        let page = Process::start(&mut page, &folder.path().join("page.log"));
        let said = poll(|| page.log().contains(&origin).then_some(()));
        assert!(said.is_some(), "no page: {}", page.log());
        let browser = Browser::start(folder.path()).await;
        browser.open(&origin).await;
        let mails = folder.path().join("mails");
        Self { origin, mails, server, browser, _page: page, _provider: provider, _folder: folder }
    }

    /// The link in the newest mail that has one of this kind, which is taken away.
    fn link(&self, kind: &str) -> String {
        let start = format!("{}/#{kind}=", self.origin);
        let find = || {
            fs::read_dir(&self.mails).ok()?.filter_map(Result::ok).find_map(|file| {
                // Lines that are too long for a mail end in `=`.
                let mail = fs::read_to_string(file.path()).ok()?.replace("=\r\n", "").replace("=3D", "=");
                let (_, rest) = mail.split_once(&start)?;
                let token = rest.split_whitespace().next()?;
                fs::remove_file(file.path()).ok()?;
                Some(format!("{start}{token}"))
            })
        };
        poll(find).unwrap_or_else(|| panic!("no mail: {}", self.server.log()))
    }

    /// Follows a link as from a mail: the page is loaded anew.
    async fn follow(&self, link: &str) {
        self.browser.open("about:blank").await;
        self.browser.open(link).await;
    }

    async fn sees(&self, selector: &str, text: &str) {
        self.browser.wait_for_text(selector, text).await;
    }
}

#[tokio::test]
async fn somebody_uses_the_single_page_from_registration_to_the_forgotten_password() {
    let page = SinglePage::open().await;
    let browser = &page.browser;
    browser.type_into("#register [name=email]", "ada@example.com").await;
    browser.type_into("#register [name=password]", "short").await;
    browser.click("#register button").await;
    page.sees("#message", "Password should be at least 8 characters").await;
    browser.type_into("#register [name=password]", "er analytical engine").await;
    browser.click("#register button").await;
    page.sees("#email", "ada@example.com").await;
    page.sees("#verified", "no").await;

    page.follow(&page.link("verify")).await;
    page.sees("#message", "Your address is verified.").await;
    page.sees("#verified", "yes").await;
    browser.type_into("#edit [name=email]", "lovelace@example.com").await;
    browser.click("#edit button").await;
    page.sees("#message", "Changed.").await;
    page.sees("#email", "lovelace@example.com").await;
    page.sees("#verified", "no").await;

    browser.click("#logout").await;
    browser.type_into("#login [name=email]", "lovelace@example.com").await;
    browser.type_into("#login [name=password]", "wrong").await;
    browser.click("#login button").await;
    page.sees("#message", "E-mail or password is wrong.").await;
    browser.click("#forgot").await;
    page.sees("#message", "If somebody has this address, a mail is on its way.").await;
    page.follow(&page.link("reset")).await;
    browser.type_into("#reset [name=password]", "difference engine").await;
    browser.click("#reset button").await;
    page.sees("#message", "The password is set: log in with it.").await;
    browser.type_into("#login [name=email]", "lovelace@example.com").await;
    browser.type_into("#login [name=password]", "difference engine").await;
    browser.click("#login button").await;
    page.sees("#email", "lovelace@example.com").await;
}

#[tokio::test]
async fn somebody_logs_in_by_a_provider_and_is_back_at_the_single_page() {
    let page = SinglePage::open().await;
    let browser = &page.browser;
    browser.click("#provider").await;
    browser.type_into("input[name=login]", "grace@example.com").await;
    browser.type_into("input[name=password]", "any").await;
    browser.click("button[type=submit]").await;
    browser.click("form:has(input[name=prompt][value=consent]) button").await;
    page.sees("#email", "grace@example.com").await;
    page.sees("#verified", "yes").await;
    assert_eq!(browser.url().await, format!("{}/", page.origin));
}
