//! A connection that sends prepared requests and reads as much of an answer as the bench has to know.

use std::{io, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// Nobody waits longer for an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// What was answered.
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    /// The value of a header, the first of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// Whether it is a success, or sends on to where it goes on, which is no page that tells of an error.
    pub fn is_good(&self) -> bool {
        let tells_of_an_error = self.header("location").is_some_and(|url| url.contains("error="));
        (200..400).contains(&self.status) && !tells_of_an_error
    }

    /// A text in the JSON object that was answered.
    pub fn field(&self, name: &str) -> Option<String> {
        let body: serde_json::Value = serde_json::from_slice(&self.body).ok()?;
        body[name].as_str().map(str::to_owned)
    }

    /// The header with the cookies that the answer sets, as a browser would send it back.
    pub fn cookies(&self) -> String {
        let set = self.head.lines().filter_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("set-cookie")
                .then(|| value.trim().split(';').next().unwrap_or_default())
        });
        format!("cookie: {}\r\n", set.collect::<Vec<_>>().join("; "))
    }
}

/// A kept-alive connection.
pub struct Connection {
    port: u16,
    stream: Option<TcpStream>,
    buffer: Vec<u8>,
}

impl Connection {
    pub fn new(port: u16) -> Self {
        Self { port, stream: None, buffer: Vec::with_capacity(4096) }
    }

    /// Sends a request and reads its answer; connects first where there is no connection.
    pub async fn send(&mut self, request: &[u8]) -> io::Result<Answer> {
        let answer = timeout(PATIENCE, self.exchange(request)).await;
        let answer = answer.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        let closes = |answer: &Answer| answer.header("connection").is_some_and(|value| value == "close");
        if answer.as_ref().map_or(true, closes) {
            self.stream = None;
        }
        answer
    }

    /// Connects, unless there is a connection.
    pub async fn open(&mut self) -> io::Result<&mut TcpStream> {
        if self.stream.is_none() {
            let stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
            stream.set_nodelay(true)?;
            self.stream = Some(stream);
        }
        self.stream.as_mut().ok_or(io::ErrorKind::NotConnected.into())
    }

    async fn exchange(&mut self, request: &[u8]) -> io::Result<Answer> {
        self.open().await?;
        let stream = self.stream.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        stream.write_all(request).await?;
        self.buffer.clear();
        let head_end = loop {
            if let Some(at) = find(&self.buffer, b"\r\n\r\n") {
                break at + 4;
            }
            read_more(stream, &mut self.buffer).await?;
        };
        let head = String::from_utf8_lossy(&self.buffer[..head_end]).into_owned();
        let status = head.get(9..12).and_then(|text| text.parse().ok()).ok_or(io::ErrorKind::InvalidData)?;
        let mut answer = Answer { status, head, body: Vec::new() };
        let chunked = answer.header("transfer-encoding").is_some_and(|value| value == "chunked");
        let length: usize = answer.header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
        while match chunked {
            true => !self.buffer.ends_with(b"0\r\n\r\n"),
            false => self.buffer.len() < head_end + length,
        } {
            read_more(stream, &mut self.buffer).await?;
        }
        answer.body = self.buffer[head_end..].to_vec();
        Ok(answer)
    }
}

async fn read_more(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<()> {
    match stream.read_buf(buffer).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

/// A GET with these headers, each with its line's end.
pub fn get(path: &str, headers: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n{headers}\r\n").into_bytes()
}

/// A POST of this body.
pub fn post(path: &str, content_type: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: {content_type}\r\n\
         content-length: {length}\r\n{headers}\r\n{body}"
    )
    .into_bytes()
}
