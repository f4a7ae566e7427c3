//! Bytes to a server and back, for what no client would send.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Long enough for the slowest answer on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);

/// Sends bytes and gives what came back until the server closed the connection, as text.
pub(crate) async fn exchange(address: &str, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // A server may refuse before it has read everything.
    let _ = stream.write_all(bytes).await;
    rest(&mut stream).await
}

/// What comes until the server closes the connection; it has to.
pub(crate) async fn rest(stream: &mut TcpStream) -> String {
    let mut received = Vec::new();
    match tokio::time::timeout(DEADLINE, stream.read_to_end(&mut received)).await {
        Err(_) => panic!("the connection is not closed: {:?}", String::from_utf8_lossy(&received)),
        Ok(Err(error)) if error.kind() != io::ErrorKind::ConnectionReset => panic!("{error}"),
        Ok(_) => String::from_utf8_lossy(&received).into_owned(),
    }
}

/// The status codes of the answers in a text, in their order.
pub(crate) fn statuses(received: &str) -> Vec<u16> {
    let heads = received.split("HTTP/1.1 ").skip(1);
    heads.filter_map(|head| head.get(..3)?.parse().ok()).collect()
}
