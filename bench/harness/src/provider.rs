//! An OAuth2 provider on a thread of its own: whatever code it is shown is the account's number, and so is the token.

use std::{io, thread};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// A request of a client is longer by far than any that is meant.
const LONGEST_REQUEST: usize = 64 * 1024;

/// Starts it; answers its URL. It ends with the program.
pub fn start() -> Result<String, String> {
    let failed = |error: io::Error| format!("the OAuth provider cannot start: {error}");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    let url = format!("http://{}", listener.local_addr().map_err(failed)?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
    thread::spawn(move || runtime.block_on(serve(listener)));
    Ok(url)
}

async fn serve(listener: std::net::TcpListener) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    loop {
        let (stream, _) = listener.accept().await?;
        // A client that goes away is no matter.
        tokio::spawn(async move { talk(stream).await.ok() });
    }
}

async fn talk(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = Vec::with_capacity(4096);
    while let Some(request) = next_request(&mut stream, &mut buffer).await? {
        let body = answer(&request);
        let length = body.len();
        let head =
            format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n");
        stream.write_all((head + &body).as_bytes()).await?;
    }
    Ok(())
}

/// Head and body of the next request; `None` when the client has hung up.
async fn next_request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<Option<String>> {
    loop {
        let text = String::from_utf8_lossy(buffer);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = header(head, "content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
            if body.len() >= length {
                let whole = head.len() + 4 + length;
                let request = text[..whole].to_owned();
                buffer.drain(..whole);
                return Ok(Some(request));
            }
        }
        if buffer.len() > LONGEST_REQUEST {
            return Err(io::ErrorKind::InvalidData.into());
        }
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
}

/// The token endpoint takes a form with the code, the profile endpoint the token.
fn answer(request: &str) -> String {
    let (head, body) = request.split_once("\r\n\r\n").unwrap_or((request, ""));
    if head.starts_with("POST /token ") {
        let code = body.split('&').find_map(|pair| pair.strip_prefix("code=")).unwrap_or_default();
        return format!("{{\"access_token\":\"{code}\",\"token_type\":\"bearer\",\"expires_in\":3600}}");
    }
    let authorization = header(head, "authorization").unwrap_or_default();
    let account = authorization.strip_prefix("Bearer ").unwrap_or_default();
    format!(
        "{{\"sub\":\"account-{account}\",\"email\":\"oauth-{account}@example.com\",\"email_verified\":true}}"
    )
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}
