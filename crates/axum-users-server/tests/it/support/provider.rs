//! An OpenID provider that answers what it is told to, and remembers what it was asked.

use std::sync::{Arc, Mutex, mpsc};
use std::thread;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::Method;
use axum::response::Response;
use serde_json::{Map, Value, json};

/// What the provider has at hand.
#[derive(Debug, Default)]
struct Script {
    base: String,
    token: Value,
    userinfo: Value,
    received: Vec<Value>,
}

/// A running provider. It has a thread of its own, so that it answers while a test waits for a process.
#[derive(Clone, Debug)]
pub(crate) struct Provider {
    /// `http://127.0.0.1:PORT`.
    pub(crate) base: String,
    script: Arc<Mutex<Script>>,
}

impl Provider {
    pub(crate) fn start() -> Self {
        Self::start_at(0)
    }

    /// Starts at a port that was free before.
    pub(crate) fn start_at(port: u16) -> Self {
        let script = Arc::new(Mutex::new(Script::default()));
        let (ready, address) = mpsc::channel();
        let app = Router::new().fallback(answer).with_state(Arc::clone(&script));
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.unwrap();
                ready.send(listener.local_addr().unwrap()).unwrap();
                axum::serve(listener, app).await.unwrap();
            });
        });
        let base = format!("http://{}", address.recv().unwrap());
        script.lock().unwrap().base.clone_from(&base);
        Self { base, script }
    }

    /// The address of its discovery document.
    pub(crate) fn discovery(&self) -> String {
        format!("{}/.well-known/openid-configuration", self.base)
    }

    /// Sets what the token endpoint and the profile's answer: `{"status"?, "json"? | "raw"?, "type"?}` each.
    pub(crate) fn answers(&self, token: &Value, userinfo: &Value) {
        let mut script = self.script.lock().unwrap();
        script.token.clone_from(token);
        script.userinfo.clone_from(userinfo);
    }

    /// What it was asked since the last call: `{"method", "path", "headers", "body"}` each. Discovery is left
    /// out, since each server asks for it when it likes.
    pub(crate) fn received(&self) -> Vec<Value> {
        std::mem::take(&mut self.script.lock().unwrap().received)
    }
}

async fn answer(State(script): State<Arc<Mutex<Script>>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let mut script = script.lock().unwrap();
    let path = parts.uri.path();
    if path == "/.well-known/openid-configuration" {
        return written(&json!({ "json": discovery(&script.base) }));
    }
    let shown = ["accept", "content-type", "authorization"]
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), parts.headers.get(name)?.to_str().ok()?.into())));
    script.received.push(json!({
        "method": parts.method.as_str(),
        "path": parts.uri.path_and_query().map(ToString::to_string),
        "headers": Map::from_iter(shown),
        "body": String::from_utf8_lossy(&body),
    }));
    // Providers differ in their paths; what was asked where is told by `received`.
    match parts.method {
        Method::POST => written(&script.token),
        Method::GET => written(&script.userinfo),
        _ => written(&json!({ "status": 404, "json": {} })),
    }
}

fn discovery(base: &str) -> Value {
    json!({
        "issuer": base,
        "authorization_endpoint": format!("{base}/authorize"),
        "token_endpoint": format!("{base}/token"),
        "userinfo_endpoint": format!("{base}/userinfo"),
        "jwks_uri": format!("{base}/jwks"),
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic"],
    })
}

fn written(answer: &Value) -> Response {
    let status = answer["status"].as_u64().unwrap_or(200);
    let content_type = answer["type"].as_str().unwrap_or("application/json");
    let body = answer["raw"].as_str().map_or_else(|| answer["json"].to_string(), str::to_owned);
    let response = Response::builder().status(u16::try_from(status).unwrap());
    response.header("content-type", content_type).body(Body::from(body)).unwrap()
}
