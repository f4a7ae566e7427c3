//! A server to test against: the one at `MONGODB_URL`, else one that is started here and ends with the tests.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::OnceLock,
    thread::sleep,
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// The server that the tests share.
pub(crate) fn url() -> &'static str {
    static URL: OnceLock<String> = OnceLock::new();
    URL.get_or_init(|| {
        std::env::var("MONGODB_URL").unwrap_or_else(|_| {
            static SHARED: OnceLock<Server> = OnceLock::new();
            let folder = tempfile::tempdir().unwrap().keep();
            SHARED.get_or_init(|| Server::start(&folder, free_port(), Afterwards::Remove)).url("")
        })
    })
}

/// What becomes of a server's folder.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Afterwards {
    Keep,
    Remove,
}

/// A server of a test's own, which it may kill and start again.
pub(crate) struct OwnServer {
    folder: TempDir,
    server: Server,
}

impl OwnServer {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(folder.path(), free_port(), Afterwards::Keep);
        Self { folder, server }
    }

    pub(crate) fn url(&self, database: &str) -> String {
        self.server.url(database)
    }

    /// Sends a signal: `KILL`, `STOP`, `CONT`.
    pub(crate) fn signal(&self, name: &str) {
        let id = fs::read_to_string(self.folder.path().join("id")).unwrap();
        let status = Command::new("kill").arg(format!("-{name}")).arg(id.trim()).status().unwrap();
        assert!(status.success(), "kill -{name} failed");
        while name == "STOP" && !is_stopped(id.trim()) {
            sleep(Duration::from_millis(5));
        }
    }

    /// Starts it again on the same port, with the same data.
    pub(crate) fn start_again(&mut self) {
        self.server = Server::start(self.folder.path(), self.server.port, Afterwards::Keep);
    }
}

/// Whether every thread of the process has stopped: one may have been about to answer.
fn is_stopped(id: &str) -> bool {
    let threads = fs::read_dir(format!("/proc/{id}/task")).unwrap().flatten();
    let mut states = threads.filter_map(|thread| fs::read_to_string(thread.path().join("stat")).ok());
    // Behind the name, which is in parentheses.
    states.all(|stat| stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T')))
}

struct Server {
    port: u16,
    child: Child,
    /// While this is open, the server runs: it closes with this process, however that ends.
    open: Option<ChildStdin>,
}

impl Server {
    fn start(folder: &Path, port: u16, afterwards: Afterwards) -> Self {
        let program = program();
        let script = r#"folder=$1; then=$2; shift 2
            "$@" & id=$!; echo $id > "$folder/id"
            cat; kill -9 $id; wait $id
            if [ "$then" = remove ]; then rm -rf "$folder"; fi"#;
        let mut child = Command::new("sh")
            .args(["-c", script, "sh"])
            .arg(folder)
            .arg(if afterwards == Afterwards::Remove { "remove" } else { "keep" })
            .arg(program)
            .args(["--host", "127.0.0.1", "--cache-size", "128M", "--log-level", "ERROR"])
            // What was acknowledged outlives a kill only then; it is slow, and MongoDB's own server does it anyway.
            .args((afterwards == Afterwards::Keep).then_some("--sync-on-commit"))
            .args(["--port", &port.to_string()])
            .arg("--storage-path")
            .arg(folder.join("data"))
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let open = child.stdin.take();
        let server = Self { port, child, open };
        server.wait();
        server
    }

    fn wait(&self) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(Instant::now() < deadline, "the MongoDB server does not start");
            sleep(Duration::from_millis(20));
        }
    }

    fn url(&self, database: &str) -> String {
        format!("mongodb://127.0.0.1:{}/{database}", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.open.take());
        let _ = self.child.wait();
    }
}

fn program() -> PathBuf {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/mongodb/bin/secantusd-py");
    assert!(
        program.is_file(),
        "there is no MongoDB server to test against; `cargo xtask test` installs one, or set MONGODB_URL"
    );
    program
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
