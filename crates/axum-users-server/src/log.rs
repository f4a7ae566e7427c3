//! The log: text or JSON lines, written by a thread of its own so that no request waits for a full pipe.

use std::{
    cell::RefCell,
    ffi::OsString,
    io::{self, IsTerminal, Write},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{self, Receiver, SyncSender, TrySendError},
    },
    thread,
    time::Duration,
};

use tracing::{Level, Metadata};
use tracing_subscriber::{
    EnvFilter, Layer, Registry, filter::FilterFn, fmt::MakeWriter, layer::SubscriberExt,
    util::SubscriberInitExt,
};

use crate::config::LogConfig;

/// Lines that may wait for a slow reader; further ones are dropped and counted.
const CAPACITY: usize = 4096;

/// How long the end of the program waits for the last lines to be read.
const PATIENCE: Duration = Duration::from_secs(1);

/// The filter that a configured level stands for.
///
/// # Errors
/// The text is neither a level nor a list of directives.
pub(crate) fn parse_level(text: &str) -> Result<EnvFilter, Box<dyn std::error::Error + Send + Sync>> {
    // A lone word would pass as the name of a target, and silence everything else; nothing would pass as `error`.
    let is_level =
        |text: &str| !text.is_empty() && text.parse::<tracing::level_filters::LevelFilter>().is_ok();
    let directives = text.split(',').map(str::trim);
    if directives.clone().all(|directive| directive.contains('=') || is_level(directive)) {
        return Ok(EnvFilter::builder().parse(text)?);
    }
    Err("neither a level nor target=level".into())
}

/// The target of the spans of a trace, the library's among them: they are for collectors, and the log leaves them out.
pub(crate) const TRACE_TARGET: &str = "axum_users::trace";

/// What never reaches the log, whatever its level: the libraries that would write down whole conversations,
/// with tokens and passwords in them.
fn is_discreet(metadata: &Metadata<'_>) -> bool {
    let target = metadata.target();
    if target == TRACE_TARGET {
        return false;
    }
    let most = match target.split("::").next() {
        Some("lettre") => Level::INFO,
        Some("hyper" | "hyper_util" | "rustls" | "sqlx") => Level::DEBUG,
        _ => Level::TRACE,
    };
    *metadata.level() <= most
}

/// Keeps the writing thread alive; the last lines are written when it goes.
#[derive(Debug)]
pub(crate) struct Log {
    lines: Lines,
}

/// Hears what the log hears, and the spans of traces.
pub(crate) type Listener = Box<dyn Layer<Registry> + Send + Sync>;

/// Begins to log to standard output, as the configuration says. Another listener may be given.
///
/// # Errors
/// The level cannot be read, or no thread can be started.
pub(crate) fn start(
    config: &LogConfig,
    listener: Option<Listener>,
) -> Result<Log, Box<dyn std::error::Error + Send + Sync>> {
    let filter = parse_level(&config.level)?;
    let lines = Lines::start()?;
    let log = Log { lines: lines.clone() };
    let output = tracing_subscriber::fmt::layer().with_writer(lines);
    let output = if config.json {
        output.json().flatten_event(true).with_current_span(true).with_span_list(false).boxed()
    } else {
        output.with_ansi(colours()).boxed()
    };
    let mut listeners = vec![output.with_filter(FilterFn::new(is_discreet)).with_filter(filter).boxed()];
    listeners.extend(listener);
    tracing_subscriber::registry().with(listeners).try_init()?;
    Ok(log)
}

/// Logs warnings, errors and the progress of long work to standard error, for commands whose standard output is their answer.
pub(crate) fn start_for_command() {
    let output = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(shows_colours(io::stderr().is_terminal(), |name| std::env::var_os(name)))
        .with_filter(FilterFn::new(is_discreet))
        .with_filter(EnvFilter::new("warn,axum_users::progress=info"));
    // A second subscriber is refused, and the first goes on: nothing to say about it.
    let _ = tracing_subscriber::registry().with(output).try_init();
}

/// Whether standard output shows colours.
pub(crate) fn colours() -> bool {
    shows_colours(io::stdout().is_terminal(), |name| std::env::var_os(name))
}

/// Whether an output shows colours: on a terminal that has them, unless somebody wants none (https://no-color.org).
fn shows_colours(is_terminal: bool, variable: impl Fn(&str) -> Option<OsString>) -> bool {
    let is_plain = variable("NO_COLOR").is_some_and(|value| !value.is_empty());
    is_terminal && !is_plain && variable("TERM").is_none_or(|terminal| terminal != "dumb")
}

impl Log {
    /// Writes a text as it is, in its turn.
    pub(crate) fn print(&self, text: &str) {
        self.lines.push(text.as_bytes());
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        let (done, finished) = mpsc::sync_channel(1);
        let mut end = Line::End(done);
        let step = Duration::from_millis(10);
        let mut waited = Duration::ZERO;
        while waited < PATIENCE {
            match self.lines.sender.try_send(end) {
                Ok(()) => {
                    let _ = finished.recv_timeout(PATIENCE);
                    return;
                }
                Err(TrySendError::Full(line)) => end = line,
                Err(TrySendError::Disconnected(_)) => return,
            }
            thread::sleep(step);
            waited += step;
        }
    }
}

enum Line {
    Text(Vec<u8>),
    /// Everything before was written; the sender is told.
    End(SyncSender<()>),
}

thread_local! {
    /// What the writing thread itself has to say, which would find no place in a full queue.
    static OWN_LINES: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

/// The queue to the writing thread. Never blocks.
#[derive(Clone, Debug)]
struct Lines {
    sender: SyncSender<Line>,
    dropped: Arc<AtomicU64>,
}

impl Lines {
    fn start() -> io::Result<Self> {
        Self::start_with(io::stdout())
    }

    fn start_with(output: impl Write + Send + 'static) -> io::Result<Self> {
        let (sender, receiver) = mpsc::sync_channel(CAPACITY);
        let dropped = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&dropped);
        thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || write_lines(&receiver, &counter, output))?;
        Ok(Self { sender, dropped })
    }

    fn push(&self, line: &[u8]) {
        let is_own = OWN_LINES.with_borrow_mut(|own| own.as_mut().map(|own| own.extend_from_slice(line)));
        if is_own.is_some() {
            return;
        }
        if let Err(TrySendError::Full(_)) = self.sender.try_send(Line::Text(line.to_vec())) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn write_lines(lines: &Receiver<Line>, dropped: &AtomicU64, mut output: impl Write) {
    OWN_LINES.set(Some(Vec::new()));
    while let Ok(line) = lines.recv() {
        match line {
            Line::Text(text) => {
                // Nobody is there to be told that standard output is gone.
                let _ = output.write_all(&text);
            }
            Line::End(done) => {
                let _ = output.flush();
                let _ = done.try_send(());
                return;
            }
        }
        let count = dropped.swap(0, Ordering::Relaxed);
        if count > 0 {
            tracing::warn!(count, "log lines were dropped, since nobody read them");
            let own = OWN_LINES.replace(Some(Vec::new())).unwrap_or_default();
            let _ = output.write_all(&own);
        }
    }
}

/// One event's line on its way.
impl Write for &Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn levels_and_directives_are_told_from_words() {
        for good in ["info", "WARN", "off", "info,axum_users=debug", "axum_users_server::mail=trace"] {
            assert!(parse_level(good).is_ok(), "{good}");
        }
        for bad in ["loud", "", "info,loud", "axum_users=loud"] {
            assert!(parse_level(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn colours_are_for_terminals_that_have_them_and_for_those_who_want_them() {
        for (is_terminal, variables, colours) in [
            (true, &[][..], true),
            (true, &[("NO_COLOR", ""), ("TERM", "xterm-256color")], true),
            (true, &[("NO_COLOR", "1")], false),
            (true, &[("TERM", "dumb")], false),
            (false, &[("TERM", "xterm-256color")], false),
        ] {
            let variable = |wanted: &str| {
                let found = variables.iter().find(|(name, _)| *name == wanted);
                found.map(|(_, value)| OsString::from(value))
            };
            assert_eq!(shows_colours(is_terminal, variable), colours, "{is_terminal} {variables:?}");
        }
    }

    /// An output whose reader has stopped, until the gate is opened.
    #[derive(Clone, Default)]
    struct Pipe {
        gate: Arc<Mutex<()>>,
        written: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for Pipe {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _open = self.gate.lock().unwrap();
            self.written.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn cr_24_a_full_pipe_blocks_nobody_and_lost_lines_are_counted() {
        let pipe = Pipe::default();
        let closed = pipe.gate.lock().unwrap();
        let lines = Lines::start_with(pipe.clone()).unwrap();
        // One line may be in the writer's hands beside those that wait.
        for _ in 0..CAPACITY + 10 {
            lines.push(b"line\n");
        }
        let dropped = lines.dropped.load(Ordering::Relaxed);
        assert!((9..=10).contains(&dropped), "{dropped} lines dropped");
        drop(closed);
        drop(Log { lines: lines.clone() });
        let written = pipe.written.lock().unwrap().len() / b"line\n".len();
        assert_eq!(written as u64 + dropped, CAPACITY as u64 + 10);
    }
}
