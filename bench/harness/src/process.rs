//! A target's processes: starting and ending them, and what they used.

use std::{
    fs::{self, File},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::http::{self, Connection};

/// The kernel counts time in ticks of 10 ms, on every Linux that there is.
const TICKS_PER_SECOND: f64 = 100.0;

/// How long a target may take to start.
const PATIENCE: Duration = Duration::from_secs(60);

/// A program that was started, with the processes that it started.
pub struct Process {
    child: Child,
    pub port: u16,
}

impl Process {
    /// Starts a program with its output in a file.
    pub fn start(mut command: Command, port: u16, log: &Path) -> Result<Self, String> {
        let output = File::create(log).map_err(|error| format!("{}: {error}", log.display()))?;
        let errors = output.try_clone().map_err(|error| error.to_string())?;
        command.stdin(Stdio::null()).stdout(output).stderr(errors);
        let child = command.spawn().map_err(|error| format!("{command:?} cannot be started: {error}"))?;
        Ok(Self { child, port })
    }

    /// Asks until the request is answered with 200; answers how long that took since `begun`.
    pub async fn first_good_answer(&mut self, request: &[u8], begun: Instant) -> Result<Duration, String> {
        let mut connection = Connection::new(self.port);
        loop {
            let answer = connection.send(request).await;
            if matches!(&answer, Ok(answer) if answer.status == 200) {
                return Ok(begun.elapsed());
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(format!("it ended with {status}"));
            }
            if begun.elapsed() > PATIENCE {
                let last =
                    answer.map(|answer| (answer.status, String::from_utf8_lossy(&answer.body).into_owned()));
                return Err(format!("it does not answer: {last:?}"));
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Asks until anything is answered; answers how long that took since `begun`.
    pub async fn up(&mut self, begun: Instant) -> Result<Duration, String> {
        loop {
            if Connection::new(self.port).send(&http::get("/users/me", "")).await.is_ok() {
                return Ok(begun.elapsed());
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(format!("it ended with {status}"));
            }
            if begun.elapsed() > PATIENCE {
                return Err("it does not listen".to_owned());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Seconds of processor time that the program and its children have used.
    pub fn cpu_seconds(&self) -> f64 {
        let ticks: u64 = self.pids().iter().filter_map(|pid| ticks(*pid)).sum();
        ticks as f64 / TICKS_PER_SECOND
    }

    /// Resident memory in MiB, now.
    pub fn resident_mib(&self) -> f64 {
        let kib: u64 = self.pids().iter().filter_map(|pid| status_kib(*pid, "VmRSS:")).sum();
        kib as f64 / 1024.0
    }

    fn pids(&self) -> Vec<u32> {
        let root = self.child.id();
        let mut pids = vec![root];
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let pid = entry.file_name().to_string_lossy().parse::<u32>().ok();
            if let Some(pid) = pid.filter(|pid| parent(*pid) == Some(root)) {
                pids.push(pid);
            }
        }
        pids
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let children: Vec<u32> = self.pids();
        for pid in children {
            // Workers first notice that their parent is gone; a second signal does no harm.
            let _ = Command::new("kill").arg(pid.to_string()).stderr(Stdio::null()).status();
        }
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(5) {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The fields of `/proc/PID/stat` behind the name, which may have blanks in it.
fn stat(pid: u32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = text.rsplit_once(')')?;
    Some(fields.split_whitespace().map(str::to_owned).collect())
}

fn parent(pid: u32) -> Option<u32> {
    stat(pid)?.get(1)?.parse().ok()
}

fn ticks(pid: u32) -> Option<u64> {
    let fields = stat(pid)?;
    let (user, system): (u64, u64) = (fields.get(11)?.parse().ok()?, fields.get(12)?.parse().ok()?);
    Some(user + system)
}

/// Seconds of processor time of all processes that this program started, and theirs, as far as they have ended.
pub fn cpu_seconds_of_children() -> f64 {
    let fields = stat(std::process::id()).unwrap_or_default();
    let ticks = |index: usize| fields.get(index).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(13) + ticks(14)) / TICKS_PER_SECOND
}

fn status_kib(pid: u32, name: &str) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
