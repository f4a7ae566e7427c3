//! A provider on this machine that speaks real HTTP: canned answers, recorded requests.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
};

use reqwest_oauth::{HttpError, HttpRequest, HttpResponse, HttpTransport, ReqwestTransport, Url};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// A request that the server got.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) method: String,
    /// The whole URL that the client asked for.
    pub(crate) url: String,
    /// By lower-case name.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Sent {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

/// What the server answers once.
#[derive(Clone, Debug)]
pub(crate) enum Canned {
    /// Status, further headers and body.
    Answer(u16, Vec<(String, String)>, String),
    /// The connection closes without an answer.
    Hangup,
    /// The head of an answer, then one byte after the other, for ever.
    Trickle,
    /// A body without an end, as fast as it is read.
    Endless,
}

impl Canned {
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::Answer(status, vec![("content-type".into(), "application/json".into())], body.to_string())
    }

    pub(crate) fn text(status: u16, body: &str) -> Self {
        Self::Answer(status, vec![], body.to_owned())
    }
}

/// The server. It gives its answers in order, and 599 when there is none left.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) url: String,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    answers: Mutex<VecDeque<Canned>>,
    /// Answers by path, for what is asked any number of times.
    always: Mutex<BTreeMap<String, Canned>>,
    sent: Mutex<Vec<Sent>>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(State::default());
        let serving = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&serving)));
            }
        });
        Self { url, state }
    }

    pub(crate) fn will_answer(&self, answers: impl IntoIterator<Item = Canned>) {
        *self.state.answers.lock().unwrap() = answers.into_iter().collect();
    }

    pub(crate) fn always_answers(&self, path: &str, answer: Canned) {
        self.state.always.lock().unwrap().insert(path.to_owned(), answer);
    }

    /// The requests since the last call.
    pub(crate) fn requests(&self) -> Vec<Sent> {
        std::mem::take(&mut self.state.sent.lock().unwrap())
    }

    /// A transport that brings every request here, whatever host it is for.
    pub(crate) fn transport(&self) -> Via {
        Via { server: Url::parse(&self.url).unwrap(), inner: ReqwestTransport::default() }
    }
}

/// Sends everything to the server by real HTTP, and says what was asked for in a header.
pub(crate) struct Via {
    server: Url,
    inner: ReqwestTransport,
}

impl HttpTransport for Via {
    async fn send(&self, mut request: HttpRequest) -> Result<HttpResponse, HttpError> {
        request.headers.insert("x-url", request.url.as_str().parse().unwrap());
        request.url = self.server.join(request.url.path()).unwrap();
        self.inner.send(request).await
    }
}

async fn serve(mut stream: TcpStream, state: Arc<State>) {
    let Some(sent) = read_request(&mut stream).await else { return };
    let path = sent.url.split(['?', '#']).next().unwrap_or_default();
    let path = path.split_once("://").map_or(path, |(_, rest)| rest.find('/').map_or("/", |at| &rest[at..]));
    let always = state.always.lock().unwrap().get(path).cloned();
    let queued = || state.answers.lock().unwrap().pop_front();
    let answer = always.or_else(queued).unwrap_or_else(|| Canned::text(599, ""));
    state.sent.lock().unwrap().push(sent);
    let _ = answer_with(&mut stream, answer).await;
}

async fn answer_with(stream: &mut TcpStream, answer: Canned) -> std::io::Result<()> {
    match answer {
        Canned::Hangup => {}
        Canned::Answer(status, headers, body) => {
            let headers: String =
                headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
            let length = body.len();
            let head = format!(
                "HTTP/1.1 {status} X\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n"
            );
            stream.write_all((head + &body).as_bytes()).await?;
        }
        Canned::Trickle => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n").await?;
            loop {
                stream.write_all(b" ").await?;
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        }
        Canned::Endless => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n").await?;
            let chunk = vec![b' '; 65536];
            loop {
                stream.write_all(&chunk).await?;
            }
        }
    }
    stream.shutdown().await
}

async fn read_request(stream: &mut TcpStream) -> Option<Sent> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..head_end].to_vec()).ok()?;
    let mut lines = head.split("\r\n");
    let mut first = lines.next()?.split(' ');
    let (method, target) = (first.next()?.to_owned(), first.next()?.to_owned());
    let headers: BTreeMap<_, _> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length = headers.get("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    while bytes.len() < head_end + 4 + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    let body = String::from_utf8(bytes[head_end + 4..].to_vec()).ok()?;
    let url = headers
        .get("x-url")
        .cloned()
        .unwrap_or_else(|| format!("http://{}{target}", headers.get("host").map_or("", String::as_str)));
    Some(Sent { method, url, headers, body })
}
