//! A mail server for one test, and the tokens in the mails that it took.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use super::data;
use super::process::{Process, python};

/// How long a mail may take from the answer 202 to the mail server.
const DEADLINE: Duration = Duration::from_secs(30);

/// What a mailed token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Reset,
    Verify,
}

impl Kind {
    /// Where the links of the mails point, with `{token}` for the token.
    pub(crate) fn link(self) -> &'static str {
        match self {
            Self::Reset => "https://app.example.com/reset-password?token={token}",
            Self::Verify => "https://app.example.com/verify?token={token}",
        }
    }
}

/// A token that came by mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TokenMail {
    pub(crate) to: String,
    pub(crate) kind: Kind,
    pub(crate) token: String,
}

/// An SMTP server that keeps what it gets; mails without a token link are not looked at.
#[derive(Debug)]
pub(crate) struct MailSink {
    pub(crate) port: u16,
    out: PathBuf,
    taken: usize,
    _process: Process,
    _folder: TempDir,
}

impl MailSink {
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts with further arguments of `smtp_sink.py`.
    pub(crate) fn start_with(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("mails.jsonl");
        let mut command = Command::new(python());
        command.arg(data("smtp_sink.py")).arg("--out").arg(&out).args(arguments);
        let mut process = Process::start(&mut command, &folder.path().join("sink.log"));
        let port = process.wait_for_port();
        Self { port, out, taken: 0, _process: process, _folder: folder }
    }

    /// The address for a server's `smtp_url`.
    pub(crate) fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    /// Every mail so far, as `smtp_sink.py` writes it down.
    pub(crate) fn all(&self) -> Vec<Value> {
        let text = fs::read_to_string(&self.out).unwrap();
        // The last one may be half written.
        let lines = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        lines.map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The next mail with a token, waited for.
    pub(crate) async fn next(&mut self) -> Option<TokenMail> {
        let start = Instant::now();
        loop {
            if let Some(mail) = self.tokens().into_iter().nth(self.taken) {
                self.taken += 1;
                return Some(mail);
            }
            if start.elapsed() > DEADLINE {
                return None;
            }
            sleep(Duration::from_millis(10)).await;
        }
    }

    fn tokens(&self) -> Vec<TokenMail> {
        self.all().iter().filter_map(token_of).collect()
    }
}

fn token_of(mail: &Value) -> Option<TokenMail> {
    let links = mail["links"].as_array()?.iter().filter_map(Value::as_str);
    let (kind, token) = links.filter_map(token_in).next()?;
    Some(TokenMail { to: mail["rcpt_to"][0].as_str()?.to_owned(), kind, token: token.to_owned() })
}

fn token_in(link: &str) -> Option<(Kind, &str)> {
    [Kind::Reset, Kind::Verify].into_iter().find_map(|kind| {
        let start = kind.link().trim_end_matches("{token}");
        Some((kind, link.strip_prefix(start)?))
    })
}
