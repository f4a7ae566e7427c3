//! Providers that are slow, huge, broken, or send requests elsewhere: a clean answer in bounded time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum_users::OAuthOptions;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::Notify,
};

use super::{
    flow::{app_of, offer},
    provider::{Fault, Person, Provider},
};
use crate::support::App;

fn alice() -> Person {
    Person::new("1", "alice@example.com")
}

#[tokio::test]
async fn oa_23_a_broken_provider_is_a_clean_answer() {
    let provider = Provider::start().await;
    let app = app_of(&provider);
    app.token_by(&provider, &alice()).await;
    let table = [
        ("/token", Fault::Answer(500, "oops"), 503),
        ("/token", Fault::Answer(503, ""), 503),
        ("/token", Fault::Answer(429, "slow down"), 400),
        ("/token", Fault::Answer(200, "<!doctype html><p>Welcome"), 502),
        ("/token", Fault::Answer(200, ""), 502),
        ("/token", Fault::Answer(200, "[]"), 502),
        ("/token", Fault::Answer(200, "{}"), 502),
        ("/token", Fault::Answer(200, r#"{"access_token": 5}"#), 502),
        ("/token", Fault::Answer(200, r#"{"error": "bad_verification_code"}"#), 400),
        ("/token", Fault::Answer(400, r#"{"error": "invalid_grant"}"#), 400),
        ("/token", Fault::Answer(404, "not here"), 400),
        ("/userinfo", Fault::Answer(500, "oops"), 503),
        ("/userinfo", Fault::Answer(401, "who?"), 400),
        ("/userinfo", Fault::Answer(200, "<p>"), 502),
        ("/userinfo", Fault::Answer(200, "{}"), 502),
        ("/userinfo", Fault::Answer(200, r#"{"sub": null, "email": "a@b.c"}"#), 502),
    ];
    for (path, fault, status) in table {
        provider.breaks(path, fault.clone());
        let answer = app.log_in_by(&provider, &alice()).await;
        assert_eq!(answer.status, status, "{path} {fault:?}: {answer:?}");
        assert!(answer.json()["detail"].is_string(), "{path} {fault:?}: {answer:?}");
        provider.script(|script| script.faults.clear());
    }
    app.token_by(&provider, &alice()).await;
}

#[tokio::test]
async fn a_provider_that_is_gone_is_503() {
    let provider = Provider::start().await;
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let token_endpoint = format!("http://{nobody}/token");
    provider.script(|script| script.document = vec![("token_endpoint", token_endpoint.into())]);
    let app = app_of(&provider);
    assert_eq!(app.log_in_by(&provider, &alice()).await.status, 503);
}

/// A token endpoint that answers with a body of spaces: one at a time, or as many as are read.
struct Pouring {
    url: String,
    asked: Arc<Notify>,
    poured: Arc<AtomicUsize>,
}

impl Pouring {
    async fn start(chunk: usize, pause: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/token", listener.local_addr().unwrap());
        let it = Self { url, asked: Arc::default(), poured: Arc::default() };
        let (asked, poured) = (Arc::clone(&it.asked), Arc::clone(&it.poured));
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            assert!(stream.read(&mut request).await.unwrap() > 0);
            asked.notify_one();
            let head =
                b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 209715200\r\n\r\n";
            stream.write_all(head).await.unwrap();
            let spaces = vec![b' '; chunk];
            while stream.write_all(&spaces).await.is_ok() {
                poured.fetch_add(chunk, Ordering::SeqCst);
                tokio::time::sleep(pause).await;
            }
            asked.notify_one();
        });
        it
    }
}

#[tokio::test]
async fn oa_25_a_token_endpoint_that_trickles_hinders_nobody_and_ends_at_the_deadline() {
    let provider = Provider::start().await;
    let slow = Pouring::start(1, Duration::from_millis(20)).await;
    provider.script(|script| script.document = vec![("token_endpoint", slow.url.clone().into())]);
    let client = provider.client().name("slow").deadline(Duration::from_millis(700));
    let app = Arc::new(App::with(|builder| {
        offer(builder, &provider, OAuthOptions::backend("jwt")).oauth(client, OAuthOptions::backend("jwt"))
    }));
    app.has("bob@example.com").await;
    let flow = app.begin("/auth/slow/authorize").await;
    let parameters = provider.consent(&flow, &alice());

    let hanging = tokio::spawn({
        let app = Arc::clone(&app);
        async move { app.come_back("/auth/slow/callback", &flow.cookie, &parameters).await }
    });
    slow.asked.notified().await;
    app.token("bob@example.com").await;
    assert!(!hanging.is_finished(), "others are answered meanwhile");

    let answer = hanging.await.unwrap();
    assert_eq!(answer.error(), (503, json!("timed out")));
    assert!(slow.poured.load(Ordering::SeqCst) > 1, "it went on sending");
}

#[tokio::test]
async fn oa_26_a_token_answer_of_200_mib_is_cut_off() {
    let provider = Provider::start().await;
    let huge = Pouring::start(65536, Duration::ZERO).await;
    provider.script(|script| script.document = vec![("token_endpoint", huge.url.clone().into())]);
    let app = app_of(&provider);

    let answer = app.log_in_by(&provider, &alice()).await;

    assert_eq!(answer.error(), (502, json!("The answer is too large")));
    huge.asked.notified().await;
    huge.asked.notified().await;
    let poured = huge.poured.load(Ordering::SeqCst);
    assert!(poured < 64 * 1024 * 1024, "{poured} bytes were taken");
}

#[tokio::test]
async fn oa_27_secret_and_code_are_not_sent_on_to_where_a_redirect_leads() {
    let provider = Provider::start().await;
    let app = app_of(&provider);
    for status in [301, 302, 303, 307, 308] {
        provider.breaks("/token", Fault::Redirect(status, format!("{}/elsewhere", provider.url())));
        let answer = app.log_in_by(&provider, &alice()).await;
        assert_eq!(answer.status, 502, "{status}: {answer:?}");
        assert_eq!(provider.requests("/elsewhere").len(), 0, "{status}");
    }
}
