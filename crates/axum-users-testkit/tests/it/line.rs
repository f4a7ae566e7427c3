use axum_users_testkit::Line;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// A server that sends back what it receives.
async fn echo() -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let (mut reader, mut writer) = stream.split();
                tokio::io::copy(&mut reader, &mut writer).await
            });
        }
    });
    address
}

async fn answers(stream: &mut TcpStream) -> bool {
    let mut byte = [0];
    stream.write_all(b"x").await.is_ok() && stream.read_exact(&mut byte).await.is_ok() && byte == *b"x"
}

#[tokio::test]
async fn a_line_passes_on_until_it_is_cut_and_lets_new_connections_through_when_it_heals() {
    let line = Line::to(echo().await).await.unwrap();
    let mut first = TcpStream::connect(line.address()).await.unwrap();
    assert!(answers(&mut first).await);
    assert!(answers(&mut first).await);

    line.cut();
    assert_eq!(first.read(&mut [0]).await.unwrap_or(0), 0, "the connection has ended");
    let mut second = TcpStream::connect(line.address()).await.unwrap();
    assert!(!answers(&mut second).await);

    line.heal();
    assert!(!answers(&mut first).await);
    let mut third = TcpStream::connect(line.address()).await.unwrap();
    assert!(answers(&mut third).await);
    let address = line.address();
    drop(line);
    assert_eq!(third.read(&mut [0]).await.unwrap_or(0), 0, "the connection has ended");
    tokio::task::yield_now().await;
    if let Ok(mut late) = TcpStream::connect(address).await {
        assert!(!answers(&mut late).await);
    }
}

#[tokio::test]
async fn a_line_to_a_server_that_is_not_there_ends_each_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let free = listener.local_addr().unwrap();
    drop(listener);
    let line = Line::to(free).await.unwrap();
    for _ in 0..2 {
        assert!(!answers(&mut TcpStream::connect(line.address()).await.unwrap()).await);
    }
}
