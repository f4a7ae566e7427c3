//! Connections: how many, how slow they may be, and how they end.

use std::{
    future::Future,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Request},
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{Sleep, sleep, timeout},
};
use tower::ServiceExt;

/// How long a client may read nothing of an answer.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// A request's head in bytes at most; uvicorn's limit.
const HEAD_LIMIT_BYTES: usize = 64 * 1024;

/// All connections of a server.
pub(super) struct Connections {
    places: Arc<Semaphore>,
    header_timeout: Duration,
    graceful: GracefulShutdown,
}

impl Connections {
    /// So many at a time; others wait to be accepted. Each may take so long for a request's head, and may be idle for
    /// so long.
    pub(super) fn new(at_once: usize, header_timeout: Duration) -> Self {
        Self { places: Arc::new(Semaphore::new(at_once)), header_timeout, graceful: GracefulShutdown::new() }
    }

    /// Accepts connections for ever.
    pub(super) async fn accept(&self, listener: TcpListener, app: Router) {
        loop {
            let Ok(place) = Arc::clone(&self.places).acquire_owned().await else { return };
            match listener.accept().await {
                Ok((stream, address)) => {
                    let connection = self.serve(stream, address, app.clone());
                    tokio::spawn(async move {
                        connection.await;
                        drop(place);
                    });
                }
                Err(error) => {
                    if !is_the_clients(&error) {
                        tracing::warn!(%error, "a connection could not be accepted");
                        // Out of file descriptors, say: trying again at once would spin.
                        sleep(Duration::from_millis(100)).await;
                    }
                }
            }
        }
    }

    /// Answers the requests of one connection.
    fn serve(&self, stream: TcpStream, address: SocketAddr, app: Router) -> impl Future<Output = ()> + use<> {
        // Answers are written whole: waiting for more of them would only delay.
        let _ = stream.set_nodelay(true);
        let service = service_fn(move |request: Request<Incoming>| {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(ConnectInfo(address));
            app.clone().oneshot(request)
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.header_timeout)
            .max_buf_size(HEAD_LIMIT_BYTES)
            .serve_connection(TokioIo::new(Impatient::new(stream)), service);
        let watched = self.graceful.watch(connection);
        async {
            if let Err(error) = watched.await {
                let cause = crate::report::chain(&error);
                tracing::debug!(%cause, "connection ended");
            }
        }
    }

    /// Lets requests in flight finish, for so long at most; answers whether all did.
    pub(super) async fn finish(self, within: Duration) -> bool {
        timeout(within, self.graceful.shutdown()).await.is_ok()
    }
}

/// Whether the client went away before it was accepted.
fn is_the_clients(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    )
}

/// A stream that fails when a write makes no progress for [`WRITE_TIMEOUT`].
struct Impatient<S> {
    stream: S,
    waiting: Option<Pin<Box<Sleep>>>,
}

impl<S> Impatient<S> {
    fn new(stream: S) -> Self {
        Self { stream, waiting: None }
    }

    fn watch<T>(&mut self, poll: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if poll.is_ready() {
            self.waiting = None;
            return poll;
        }
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(sleep(WRITE_TIMEOUT)));
        ready!(waiting.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Impatient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Impatient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watch(poll, context)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let poll = Pin::new(&mut self.stream).poll_flush(context);
        self.watch(poll, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let poll = Pin::new(&mut self.stream).poll_shutdown(context);
        self.watch(poll, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.watch(poll, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn li_12_a_client_that_reads_nothing_is_cut_off() {
        let (server, _client) = tokio::io::duplex(16);
        let error = Impatient::new(server).write_all(&[0; 17]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_client_is_not_cut_off_while_it_reads() {
        use tokio::io::AsyncReadExt;
        let (server, mut client) = tokio::io::duplex(16);
        let reader = tokio::spawn(async move {
            let mut bytes = [0; 16];
            for _ in 0..3 {
                sleep(WRITE_TIMEOUT - Duration::from_secs(1)).await;
                client.read_exact(&mut bytes).await.unwrap();
            }
        });
        Impatient::new(server).write_all(&[0; 48]).await.unwrap();
        reader.await.unwrap();
    }
}
