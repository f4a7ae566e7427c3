//! A TCP connection that can be cut.

use std::{io, net::SocketAddr};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream, ToSocketAddrs},
    sync::watch,
    task::JoinHandle,
};

/// Passes TCP connections on to a server until it is cut: for [`Fixture::cut`](crate::Fixture::cut) and
/// [`Fixture::heal`](crate::Fixture::heal). It goes away when it is dropped.
///
/// ```
/// # async fn example() -> std::io::Result<()> {
/// use axum_users_testkit::Line;
///
/// let line = Line::to("127.0.0.1:5432").await?;
/// let url = format!("postgres://app@{}/app", line.address());
/// line.cut(); // whoever is connected by this URL is cut off
/// line.heal();
/// # let _ = url;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Line {
    address: SocketAddr,
    is_cut: watch::Sender<bool>,
    listening: JoinHandle<()>,
}

impl Line {
    /// Listens on a free port of the loopback interface, for connections to `server`.
    ///
    /// # Errors
    /// The operating system's own; the server is not connected to yet.
    pub async fn to(server: impl ToSocketAddrs + Clone + Send + Sync + 'static) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (is_cut, state) = watch::channel(false);
        let listening = tokio::spawn(async move {
            // An error of one connection is no reason to refuse the next.
            loop {
                if let Ok((client, _)) = listener.accept().await {
                    tokio::spawn(pass_on(client, server.clone(), state.clone()));
                }
            }
        });
        Ok(Self { address, is_cut, listening })
    }

    /// Where to connect to instead of to the server.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends every connection, and new ones as soon as they are made.
    pub fn cut(&self) {
        self.is_cut.send_replace(true);
    }

    /// Lets new connections through again.
    pub fn heal(&self) {
        self.is_cut.send_replace(false);
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.cut();
        self.listening.abort();
    }
}

/// Ends with either side, or when the line is cut. A connection that was cut stays so.
async fn pass_on(mut client: TcpStream, server: impl ToSocketAddrs, mut is_cut: watch::Receiver<bool>) {
    if *is_cut.borrow_and_update() {
        return;
    }
    let passing = async {
        let mut server = TcpStream::connect(server).await?;
        copy_bidirectional(&mut client, &mut server).await
    };
    tokio::select! {
        _ = passing => {}
        _ = is_cut.changed() => {}
    }
}
