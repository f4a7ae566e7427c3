//! One HTTP/1.1 exchange a connection, written by hand: what is sent and what came back is exact to the byte.

use std::io;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Long enough for the slowest answer on a busy machine; a server that hangs fails the test with it.
const DEADLINE: Duration = Duration::from_secs(60);

/// A request as it goes over the wire; `host`, `content-length` and `connection` are added where missing.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn new(method: &str, target: &str) -> Self {
        Self { method: method.into(), target: target.into(), headers: Vec::new(), body: Vec::new() }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub(crate) fn json(mut self, body: &Value) -> Self {
        self.body = body.to_string().into_bytes();
        self.header("content-type", "application/json")
    }

    pub(crate) fn form(mut self, fields: &[(&str, &str)]) -> Self {
        self.body =
            form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish().into_bytes();
        self.header("content-type", "application/x-www-form-urlencoded")
    }

    fn has(&self, name: &str) -> bool {
        self.headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name))
    }

    fn head(&self, address: &str) -> String {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        if !self.has("host") {
            head += &format!("host: {address}\r\n");
        }
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        let may_have_a_body = !matches!(self.method.as_str(), "GET" | "HEAD" | "OPTIONS" | "DELETE");
        if (may_have_a_body || !self.body.is_empty())
            && !self.has("content-length")
            && !self.has("transfer-encoding")
        {
            head += &format!("content-length: {}\r\n", self.body.len());
        }
        head + "connection: close\r\n\r\n"
    }
}

/// A response with its headers in the order they came, names in lower case.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    /// The first value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Every value of a header.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error} in the answer {} {}", self.status, self.text()))
    }

    /// The value that a `Set-Cookie` header gives this cookie.
    pub(crate) fn cookie(&self, name: &str) -> Option<&str> {
        self.all("set-cookie").find_map(|line| {
            let (known, rest) = line.split_once('=')?;
            (known == name).then(|| rest.split(';').next().unwrap_or(rest))
        })
    }
}

/// Sends one request to `127.0.0.1:PORT` and reads the whole answer.
pub(crate) async fn send(address: &str, request: &Request) -> Response {
    match try_send(address, request).await {
        Ok(response) => response,
        Err(error) => panic!("{} {} at {address}: {error}", request.method, request.target),
    }
}

/// As [`send`], with the connection's failure as a value.
pub(crate) async fn try_send(address: &str, request: &Request) -> io::Result<Response> {
    let exchange = async {
        let mut stream = TcpStream::connect(address).await?;
        let mut sent = request.head(address).into_bytes();
        sent.extend_from_slice(&request.body);
        // A server may refuse a long body before it has read it all: its answer counts, not our failed write.
        let written = stream.write_all(&sent).await;
        let mut received = Vec::new();
        let read = stream.read_to_end(&mut received).await;
        parse(&received, request.method == "HEAD").ok_or_else(|| match (written, read) {
            (Err(error), _) | (_, Err(error)) => error,
            _ => io::Error::other(format!("no whole answer: {:?}", String::from_utf8_lossy(&received))),
        })
    };
    tokio::time::timeout(DEADLINE, exchange).await?
}

fn parse(received: &[u8], head_only: bool) -> Option<Response> {
    let end = received.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&received[..end]).ok()?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers: Vec<(String, String)> = lines
        .map(|line| line.split_once(':').map(|(name, value)| (name.to_lowercase(), value.trim().to_owned())))
        .collect::<Option<_>>()?;
    let rest = &received[end + 4..];
    let of = |name: &str| headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let body = if head_only {
        rest.is_empty().then(Vec::new)?
    } else if of("transfer-encoding") == Some("chunked") {
        unchunked(rest)?
    } else if let Some(length) = of("content-length") {
        (rest.len() == length.parse::<usize>().ok()?).then(|| rest.to_vec())?
    } else {
        rest.to_vec()
    };
    Some(Response { status, headers, body })
}

fn unchunked(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|window| window == b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..end]).ok()?, 16).ok()?;
        rest = &rest[end + 2..];
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(..size)?);
        rest = rest.get(size + 2..)?;
    }
}
