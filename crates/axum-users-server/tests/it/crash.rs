//! Ends without warning, clients who leave or never speak, and a log that nobody reads.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::support::http::{Request, try_send};
use crate::support::place::{Engine, Place};
use crate::support::process::Process;
use crate::support::server::{Launch, listening};
use crate::support::{data, login, register};

const PASSWORD: &str = "analytical engine";

/// The server with cheap hashes and without limits.
fn launch(place: &Place) -> Launch {
    place.launch(&data("mail.toml")).set("LIMITS__ENABLED", "false")
}

/// What a database server promises of its files is not ours to check.
async fn assert_sound(place: &Place) {
    if place.engine == Engine::Sqlite {
        let told = place.database().rows("PRAGMA integrity_check").await;
        assert_eq!(told[0]["integrity_check"], "ok");
    }
}

async fn cr_01_whoever_was_told_201_logs_in_after_the_server_was_killed(engine: Engine) {
    let place = Place::new(engine).await;
    let registered = Arc::new(Mutex::new(Vec::new()));
    for round in 0..3 {
        let server = launch(&place).start().await;
        let mut clients = JoinSet::new();
        for client in 0..16 {
            let (address, registered) = (server.address.clone(), Arc::clone(&registered));
            clients.spawn(async move {
                for number in 0.. {
                    let email = format!("{round}-{client}-{number}@example.com");
                    let body = json!({"email": email, "password": PASSWORD});
                    match try_send(&address, &Request::new("POST", "/auth/register").json(&body)).await {
                        Ok(answer) if answer.status == 201 => registered.lock().unwrap().push(email),
                        Ok(answer) => panic!("{} {}", answer.status, answer.text()),
                        Err(_) => return,
                    }
                }
            });
        }
        let wanted = (round + 1) * 40;
        while registered.lock().unwrap().len() < wanted {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        // Killed, with registrations under way.
        drop(server);
        while let Some(client) = clients.join_next().await {
            client.unwrap();
        }
    }
    let server = launch(&place).start().await;
    assert_sound(&place).await;
    let registered = registered.lock().unwrap().clone();
    for email in registered {
        assert_eq!(login(&server, &email, PASSWORD).await.status, 200, "{email}");
    }
}

async fn cr_10_a_server_that_was_killed_at_its_start_starts_the_next_time(engine: Engine) {
    let place = Place::new(engine).await;
    for milliseconds in (0..=300).step_by(30) {
        let mut command = launch(&place).command();
        let process = Process::start(&mut command, &place.folder().join("killed.log"));
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
        drop(process);
    }
    let server = launch(&place).start().await;
    assert_sound(&place).await;
    assert_eq!(register(&server, "ada@example.com", PASSWORD).await.status, 201);
    assert_eq!(login(&server, "ada@example.com", PASSWORD).await.status, 200);
}

on_every_engine![
    cr_08_clients_who_hang_up_during_their_login_harm_nobody,
    cr_01_whoever_was_told_201_logs_in_after_the_server_was_killed,
    cr_10_a_server_that_was_killed_at_its_start_starts_the_next_time,
];

/// A login as bytes on the wire.
fn login_bytes() -> Vec<u8> {
    let body = "username=ada%40example.com&password=analytical+engine";
    let head =
        "POST /auth/jwt/login HTTP/1.1\r\nhost: a\r\ncontent-type: application/x-www-form-urlencoded\r\n";
    format!("{head}content-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// Whoever leaves in the middle of a statement leaves no connection to the database behind in doubt.
async fn cr_08_clients_who_hang_up_during_their_login_harm_nobody(engine: Engine) {
    let place = Place::new(engine).await;
    let server = launch(&place).start().await;
    assert_eq!(register(&server, "ada@example.com", PASSWORD).await.status, 201);
    let bytes = login_bytes();
    for client in 0..100 {
        let mut stream = TcpStream::connect(&server.address).await.unwrap();
        // Some leave in the middle of the head, some in the body, some before the answer.
        let sent = if client % 3 == 0 { bytes.len() } else { bytes.len() * (client % 100) / 100 };
        stream.write_all(&bytes[..sent]).await.unwrap();
    }
    assert_eq!(login(&server, "ada@example.com", PASSWORD).await.status, 200);
    assert_eq!(server.send(&Request::new("GET", "/readyz")).await.status, 200);
    assert!(!server.log().contains("panicked"), "{}", server.log());
}

#[tokio::test]
async fn cr_09_idle_connections_harm_nobody() {
    let place = Place::new(Engine::Sqlite).await;
    let server = launch(&place).start().await;
    let mut idle = Vec::new();
    for _ in 0..300 {
        idle.push(TcpStream::connect(&server.address).await.unwrap());
    }
    assert_eq!(register(&server, "ada@example.com", PASSWORD).await.status, 201);
    assert_eq!(login(&server, "ada@example.com", PASSWORD).await.status, 200);
    assert_eq!(idle.len(), 300);
}

/// Sends requests over one connection, and gives how many were answered.
async fn answered(address: &str, count: usize) -> usize {
    let (mut reader, mut writer) = TcpStream::connect(address).await.unwrap().into_split();
    let sending = tokio::spawn(async move {
        let request = b"GET /nowhere HTTP/1.1\r\nhost: a\r\n\r\n";
        for _ in 1..count {
            writer.write_all(request).await.unwrap();
        }
        writer.write_all(b"GET /nowhere HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.unwrap();
        writer
    });
    let mut received = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(120), reader.read_to_end(&mut received)).await;
    read.expect("the requests are blocked").unwrap();
    sending.await.unwrap();
    String::from_utf8(received).unwrap().matches("HTTP/1.1 404").count()
}

/// What is left of a number after a text in a line.
fn number_after(line: &str, text: &str) -> Option<usize> {
    let digits = line.split_once(text)?.1;
    digits.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
}

#[tokio::test]
async fn cr_24_a_log_that_nobody_reads_blocks_no_request_and_lost_lines_are_counted() {
    const REQUESTS: usize = 7000;
    let place = Place::new(Engine::Sqlite).await;
    let mut server = launch(&place)
        .command()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(server.stdout.take().unwrap()).lines().map(Result::unwrap);
    let address = lines.find_map(|line| listening(&line)).unwrap();
    assert_eq!(answered(&address, REQUESTS).await, REQUESTS);

    // The reader comes back: it gets what was kept, and the number of what was not.
    let (told, lost) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let reader = thread::spawn({
        let (told, lost) = (Arc::clone(&told), Arc::clone(&lost));
        move || {
            for line in lines {
                told.fetch_add(usize::from(line.contains("path=\"/nowhere\"")), Ordering::SeqCst);
                if line.contains("log lines were dropped") {
                    lost.fetch_add(number_after(&line, "count=").unwrap(), Ordering::SeqCst);
                }
            }
        }
    });
    while told.load(Ordering::SeqCst) + lost.load(Ordering::SeqCst) < REQUESTS {
        assert!(!reader.is_finished(), "the log ended early");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(Command::new("kill").arg(server.id().to_string()).status().unwrap().success());
    assert!(server.wait().unwrap().success());
    reader.join().unwrap();
    let (told, lost) = (told.load(Ordering::SeqCst), lost.load(Ordering::SeqCst));
    assert!(lost > 0, "nothing was lost: the pipe was never full");
    assert_eq!(told + lost, REQUESTS);
}
