//! Chromium without a window, driven by the W3C WebDriver protocol.

use std::io;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::support::process::{Process, poll};

/// Longer than the browser waits for an element.
const DEADLINE: Duration = Duration::from_secs(90);

/// The name under which the protocol gives elements (WebDriver section 12.2).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A browser; it ends with the test.
#[derive(Debug)]
pub(crate) struct Browser {
    address: String,
    session: String,
    driver: Process,
}

impl Browser {
    /// Starts a browser whose profile is in this folder.
    pub(crate) async fn start(folder: &Path) -> Self {
        let mut command = Command::new("chromedriver");
        command.arg("--port=0");
        let mut driver = Process::start(&mut command, &folder.join("chromedriver.log"));
        let port = poll(|| {
            let log = driver.log();
            let port = log.split_once("started successfully on port ")?.1.split_once('.')?.0.to_owned();
            Some(port)
        });
        let port =
            port.unwrap_or_else(|| panic!("no chromedriver ({:?}):\n{}", driver.ended(), driver.log()));
        let mut browser = Self { address: format!("127.0.0.1:{port}"), session: String::new(), driver };
        let profile = format!("--user-data-dir={}", folder.join("profile").display());
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            &profile,
        ];
        let capabilities = json!({
            "browserName": "chrome",
            "goog:chromeOptions": { "args": arguments },
            // An element that is looked for may come within this time.
            "timeouts": { "implicit": 30_000, "pageLoad": 60_000 },
        });
        let session = browser.post("", &json!({ "capabilities": { "alwaysMatch": capabilities } })).await;
        browser.session = format!("/{}", session["sessionId"].as_str().unwrap());
        browser
    }

    /// Goes to a page.
    pub(crate) async fn open(&self, url: &str) {
        self.post("/url", &json!({ "url": url })).await;
    }

    /// The URL of the page.
    pub(crate) async fn url(&self) -> String {
        self.get("/url").await.as_str().unwrap().to_owned()
    }

    /// Clicks on the first element that fits a CSS selector.
    pub(crate) async fn click(&self, selector: &str) {
        let element = self.element(selector).await;
        self.post(&format!("/element/{element}/click"), &json!({})).await;
    }

    /// Types into it.
    pub(crate) async fn type_into(&self, selector: &str, text: &str) {
        let element = self.element(selector).await;
        self.post(&format!("/element/{element}/value"), &json!({ "text": text })).await;
    }

    /// What it says.
    pub(crate) async fn text(&self, selector: &str) -> String {
        let element = self.element(selector).await;
        self.get(&format!("/element/{element}/text")).await.as_str().unwrap().to_owned()
    }

    /// Waits until it says this.
    pub(crate) async fn wait_for_text(&self, selector: &str, text: &str) {
        let start = Instant::now();
        loop {
            let said = self.text(selector).await;
            if said == text {
                return;
            }
            assert!(start.elapsed() < DEADLINE, "{selector} says {said:?} and not {text:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Every cookie that the page's host may see, by WebDriver's names.
    pub(crate) async fn cookies(&self) -> Vec<Value> {
        self.get("/cookie").await.as_array().unwrap().clone()
    }

    async fn element(&self, selector: &str) -> String {
        let found = self.post("/element", &json!({ "using": "css selector", "value": selector })).await;
        found[ELEMENT].as_str().unwrap().to_owned()
    }

    async fn get(&self, path: &str) -> Value {
        self.ask("GET", path, "").await
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        self.ask("POST", path, &body.to_string()).await
    }

    async fn ask(&self, method: &str, path: &str, body: &str) -> Value {
        let (address, length) = (&self.address, body.len());
        let request = format!(
            "{method} /session{}{path} HTTP/1.1\r\nhost: {address}\r\ncontent-length: {length}\r\n\r\n{body}",
            self.session
        );
        let exchange = tokio::time::timeout(DEADLINE, exchange(address, &request)).await;
        let (status, mut answer) = exchange.unwrap_or_else(|_| panic!("{method} {path}: no answer")).unwrap();
        assert_eq!(status, "200", "{method} {path} {}", answer["value"]["message"]);
        answer["value"].take()
    }
}

/// The driver never closes a connection: its answer is as long as it says.
async fn exchange(address: &str, request: &str) -> io::Result<(String, Value)> {
    let mut stream = BufReader::new(TcpStream::connect(address).await?);
    stream.write_all(request.as_bytes()).await?;
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    let status = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut length = 0;
    while line.trim() != "" {
        line.clear();
        stream.read_line(&mut line).await?;
        if let Some((_, value)) =
            line.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    Ok((status, serde_json::from_slice(&body)?))
}

impl Drop for Browser {
    fn drop(&mut self) {
        // A driver that is killed leaves its browser behind; one that is asked to stop does not.
        let request = format!("GET /shutdown HTTP/1.1\r\nhost: {}\r\n\r\n", self.address);
        if let Ok(mut stream) = std::net::TcpStream::connect(&self.address) {
            let _ = io::Write::write_all(&mut stream, request.as_bytes());
            let _ = io::Read::read(&mut stream, &mut [0; 64]);
        }
        self.driver.wait();
    }
}
