//! `axum-users serve`: from the configuration to a running server, and to its orderly end.

mod connection;
mod first_screen;
mod metrics;
mod observe;
mod page;
mod router;
mod trace;
mod warnings;

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use anyhow::Context;
use axum_users::{Clock, Random, Users};
use tokio::{
    net::{TcpListener, TcpSocket},
    time::Instant,
};

#[cfg(feature = "opentelemetry")]
use crate::telemetry::Telemetry;
use crate::{
    commands::explain_migration,
    config::Config,
    database::Database,
    log::{self, Log},
    mail::Mailer,
    server_user::ServerUser,
    setup::{self, read_secret},
};

/// How long the end may take, from the signal to the last mail.
const STOP_WITHIN: Duration = Duration::from_secs(14);

/// How long the last spans may take to reach the collector, after that.
#[cfg(feature = "opentelemetry")]
const SEND_SPANS_WITHIN: Duration = Duration::from_millis(500);

/// The part of it that requests in flight have.
const FINISH_REQUESTS_WITHIN: Duration = Duration::from_secs(11);

/// How often expired sessions are forgotten.
const PURGE_EVERY: Duration = Duration::from_secs(3600);

/// Connections that the system keeps for us until they are accepted.
const BACKLOG: u32 = 1024;

/// Serves until it is told to stop.
///
/// # Errors
/// The server cannot start; a sentence says why.
pub(crate) fn run(config: &Config, file: Option<&Path>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    #[cfg(feature = "opentelemetry")]
    let telemetry = config
        .opentelemetry
        .as_ref()
        .map(|config| Telemetry::start(config, runtime.handle().clone()))
        .transpose()?;
    #[cfg(feature = "opentelemetry")]
    let listener = telemetry.as_ref().map(Telemetry::listener);
    #[cfg(not(feature = "opentelemetry"))]
    let listener = None;
    let log = log::start(&config.log, listener)
        .map_err(|error| anyhow::anyhow!("{error}"))
        .context("logging cannot start")?;
    let served = runtime.block_on(serve(config, file, &log));
    #[cfg(feature = "opentelemetry")]
    if let Some(telemetry) = telemetry {
        telemetry.finish(SEND_SPANS_WITHIN);
    }
    // Whatever is left waits for something that did not come in time.
    runtime.shutdown_timeout(Duration::from_millis(100));
    served
}

async fn serve(config: &Config, file: Option<&Path>, log: &Log) -> anyhow::Result<()> {
    // The address is taken first, and answers only when everything behind it is ready.
    let socket = bind(config.listen)?;
    let address = socket.local_addr()?;
    let public_url = setup::public_url(config, address);

    let random = Random::system();
    let is_new = config.database.file().is_some_and(|file| !file.exists());
    let (database, ref config) = Database::open(config).await?;
    let secret = read_secret(config, &random)?;
    let mails = config.database.folder().join("mails");
    let mailer = Mailer::new(
        &config.mail,
        &config.tokens,
        &public_url,
        mails.clone(),
        Clock::system(),
        random.clone(),
    )
    .map_err(|error| anyhow::anyhow!("{error}"))
    .context("mail.smtp_url cannot be used")?;
    let users = database.users(config, &public_url, secret.secrets, mailer.clone())?;
    users.migrate().await.map_err(explain_migration)?;

    let redis = setup::look_at_redis(config).await;
    if let Some(address) = config.metrics_listen {
        let (database, mailer) = (database.clone(), mailer.clone());
        metrics::serve(address, move || metrics::measure(&database, &mailer))?;
    }
    let app = router::router(&users, config, &public_url, random)?;
    let listener = socket.listen(BACKLOG)?;
    let program = std::env::args().next();
    let screen = first_screen::FirstScreen {
        config,
        file,
        program: program.as_deref().unwrap_or("axum-users"),
        public_url: &public_url,
        database_is_new: is_new,
        secret_file: secret.file.as_ref().map(|(file, found)| (file.as_path(), *found)),
        mails: &mails,
        redis: redis.as_ref().map(|(name, state)| (name.as_str(), state.is_ok())),
    };
    if !config.log.json {
        log.print(&screen.render(log::colours()));
    }
    warnings::warn(config, address, &public_url, &mails);
    if let Some((_, Err(error))) = &redis {
        let cause = crate::report::chain(error);
        tracing::warn!(%cause, "Redis does not answer: {}", setup::without_redis(config));
    }
    tracing::info!(%address, %public_url, "listening");

    // Python may hold another opinion of what has expired.
    let purge = (!config.side_by_side).then(|| tokio::spawn(purge_sessions(users.clone())));
    let days = config.audit.retention_days.filter(|_| config.audit.enabled);
    let forget = days.map(|days| tokio::spawn(purge_audit_trail(users.clone(), days)));
    let stopped_at = accept_until_signal(listener, app, config).await?;
    for housekeeping in [purge, forget].into_iter().flatten() {
        housekeeping.abort();
    }
    finish(&users, &mailer, stopped_at).await;
    database.close().await;
    tracing::info!("stopped");
    Ok(())
}

fn bind(address: SocketAddr) -> anyhow::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address).with_context(|| {
        format!("{address} cannot be listened on: set another address with AXUM_USERS__LISTEN or `listen`")
    })?;
    Ok(socket)
}

async fn accept_until_signal(
    listener: TcpListener,
    app: axum::Router,
    config: &Config,
) -> anyhow::Result<Instant> {
    let connections = connection::Connections::new(
        config.http.max_connections,
        Duration::from_secs(config.http.header_timeout_seconds),
    );
    let signal = stop_signal()?;
    tokio::select! {
        () = connections.accept(listener, app) => {}
        name = signal => tracing::info!("{name} received: finishing what has begun"),
    }
    let stopped_at = Instant::now();
    tokio::spawn(quit_at_second_signal());
    let all_done = connections.finish(FINISH_REQUESTS_WITHIN).await;
    if !all_done {
        tracing::warn!("some connections were cut off");
    }
    Ok(stopped_at)
}

/// Waits for the work behind answers, and for mails.
async fn finish(users: &Users<ServerUser>, mailer: &Mailer, stopped_at: Instant) {
    let rest = async {
        users.finish_background_work().await;
        mailer.finish().await;
    };
    if tokio::time::timeout_at(stopped_at + STOP_WITHIN, rest).await.is_err() {
        tracing::error!(count = mailer.waiting(), "stopped before these mails were sent");
    }
}

/// The name of the signal that asks to stop, once it came.
#[cfg(unix)]
fn stop_signal() -> anyhow::Result<impl Future<Output = &'static str>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM cannot be waited for")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT cannot be waited for")?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        }
    })
}

/// The name of the signal that asks to stop, once it came.
#[cfg(not(unix))]
fn stop_signal() -> anyhow::Result<impl Future<Output = &'static str>> {
    Ok(async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        "Ctrl-C"
    })
}

/// Whoever asks twice does not want to wait.
async fn quit_at_second_signal() {
    if let Ok(signal) = stop_signal() {
        signal.await;
        std::process::exit(130);
    }
}

async fn purge_sessions(users: Users<ServerUser>) {
    // Not at the start: who has just adopted a database may still be finding the right lifetime.
    let mut timer = tokio::time::interval_at(Instant::now() + PURGE_EVERY, PURGE_EVERY);
    loop {
        timer.tick().await;
        match users.purge_expired_sessions().await {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, "expired sessions forgotten"),
            Err(error) => {
                let cause = crate::report::chain(&error);
                tracing::warn!(%cause, "expired sessions could not be forgotten");
            }
        }
    }
}

async fn purge_audit_trail(users: Users<ServerUser>, days: u32) {
    let mut timer = tokio::time::interval(PURGE_EVERY);
    loop {
        timer.tick().await;
        match users.purge_audit_trail(days).await {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, "old entries of the audit trail forgotten"),
            Err(error) => {
                let cause = crate::report::chain(&error);
                tracing::warn!(%cause, "old entries of the audit trail could not be forgotten");
            }
        }
    }
}

/// Shared by every request: what the middleware needs to know.
#[derive(Debug)]
struct Limits {
    body_limit_bytes: usize,
    request_timeout: Duration,
}

impl Limits {
    fn new(config: &Config) -> Arc<Self> {
        Arc::new(Self {
            body_limit_bytes: config.http.body_limit_bytes,
            request_timeout: Duration::from_secs(config.http.request_timeout_seconds),
        })
    }
}

#[cfg(test)]
mod tests {
    use axum_users::{
        AccessToken, Flags, MemoryDatabase, RequestInfo, UserModel,
        schema::{Record, Value},
    };

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn se_20_expired_sessions_are_forgotten_while_the_server_runs() {
        let config = Config::default();
        let (url, secrets) = ("http://127.0.0.1:8000", setup::throwaway_secret(&config));
        let users = setup::build_users(&config, url, MemoryDatabase::default(), secrets, ()).unwrap();
        let text = |text: &str| Value::Text(text.to_owned());
        let new =
            Record::new().with("email", text("ada@example.com")).with("password", text("analytical engine"));
        let user = users.create(new.into(), Flags::Applied, &RequestInfo::default()).await.unwrap();
        let now = Clock::system().now();
        for (token, created_at) in [("expired", now - Duration::from_secs(86_400)), ("good", now)] {
            let row = AccessToken { token: token.to_owned(), user_id: user.id().clone(), created_at };
            users.database().create_access_token(&row).await.unwrap();
        }

        let purging = tokio::spawn(purge_sessions(users.clone()));
        tokio::time::sleep(PURGE_EVERY + Duration::from_secs(1)).await;

        let left = users.database().access_tokens_of(user.id(), 10).await.unwrap();
        assert_eq!(left.iter().map(|row| row.token.as_str()).collect::<Vec<_>>(), ["good"]);
        purging.abort();
    }
}
