//! What happens at the same moment, on several threads. Where the order decides, a gate makes it.

use std::sync::Arc;

use axum_users::User;
use serde_json::{Value as Json, json};
use tokio::task::JoinHandle;

use crate::support::{Answer, App, Gate, Gated, PASSWORD, with_backends};

const TAKEN: &str = "UPDATE_USER_EMAIL_ALREADY_EXISTS";

/// An application whose writers a gate stops, with room for everybody who waits for a hash.
fn gated() -> (Arc<App>, Gate) {
    let database = Gated::default();
    let gate = database.gate.clone();
    (Arc::new(App::on(database, |builder| with_backends(builder).hashing_queue(1000))), gate)
}

/// Runs the calls in parallel; all of them stand before the write before the first one writes.
async fn at_once<F>(gate: &Gate, calls: impl IntoIterator<Item = F>) -> Vec<Answer>
where
    F: Future<Output = Answer> + Send + 'static,
{
    let calls: Vec<F> = calls.into_iter().collect();
    let count = calls.len();
    gate.stop(count);
    let tasks: Vec<JoinHandle<Answer>> = calls.into_iter().map(tokio::spawn).collect();
    gate.wait_for(count).await;
    gate.open(count);
    let mut answers = Vec::with_capacity(count);
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    answers
}

/// How many answers have the one status, all others being a 400 with this detail.
fn winners(answers: &[Answer], status: u16, detail: &str) -> usize {
    let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == status);
    for answer in lost {
        assert_eq!(answer.error(), (400, json!(detail)));
    }
    won.len()
}

fn patch(app: &Arc<App>, token: &str, body: Json) -> impl Future<Output = Answer> + Send + 'static + use<> {
    let call = app.patch("/users/me").bearer(token).json(body);
    async move { call.await }
}

async fn user(app: &App, email: &str) -> User {
    app.users.get_by_email(email).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ra_01_of_a_hundred_registrations_of_one_address_one_succeeds() {
    let (app, gate) = gated();
    let register = |index: usize| {
        let app = Arc::clone(&app);
        async move { app.register("ada@example.com", &format!("a horse in the rain {index}")).await }
    };

    let answers = at_once(&gate, (0..100).map(register)).await;

    assert_eq!(winners(&answers, 201, "REGISTER_USER_ALREADY_EXISTS"), 1);
    let winner = answers.iter().position(|answer| answer.status == 201).unwrap();
    let login = app.login("ada@example.com", &format!("a horse in the rain {winner}")).await;
    assert_eq!(login.status, 200, "the account is the winner's");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ra_02_of_thirty_spellings_of_one_address_one_succeeds() {
    let (app, gate) = gated();
    let spelling = |bits: usize| -> String {
        let name = "racer".chars().enumerate();
        name.map(|(at, c)| if bits >> at & 1 == 1 { c.to_ascii_uppercase() } else { c }).collect()
    };
    let register = |index: usize| {
        let app = Arc::clone(&app);
        async move { app.register(&format!("{}@example.com", spelling(index)), PASSWORD).await }
    };

    let answers = at_once(&gate, (0..30).map(register)).await;

    assert_eq!(winners(&answers, 201, "REGISTER_USER_ALREADY_EXISTS"), 1);
    assert_eq!(app.login("racer@example.com", PASSWORD).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ra_03_of_twelve_resets_with_one_token_one_succeeds_and_its_password_holds() {
    let (app, gate) = gated();
    app.has("ada@example.com").await;
    let token = app.reset_token("ada@example.com").await;
    let password = |index: usize| format!("a horse in the rain {index}");
    let reset = |index: usize| {
        let (app, token) = (Arc::clone(&app), token.clone());
        async move { app.reset_password(&token, &password(index)).await }
    };

    let answers = at_once(&gate, (0..12).map(reset)).await;

    assert_eq!(winners(&answers, 200, "RESET_PASSWORD_BAD_TOKEN"), 1);
    for (index, answer) in answers.iter().enumerate() {
        let login = app.login("ada@example.com", &password(index)).await;
        assert_eq!(login.status == 200, answer.status == 200, "password {index}");
    }
    assert_eq!(app.login("ada@example.com", PASSWORD).await.status, 400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ra_04_of_eight_users_who_move_to_one_address_one_gets_it() {
    let (app, gate) = gated();
    let mut moves = Vec::new();
    for index in 0..8 {
        let email = format!("user{index}@example.com");
        app.has(&email).await;
        let token = app.token(&email).await;
        let spelling = if index % 2 == 0 { "prize@example.com" } else { "Prize@example.com" };
        moves.push(patch(&app, &token, json!({ "email": spelling })));
    }

    let answers = at_once(&gate, moves).await;

    assert_eq!(winners(&answers, 200, TAKEN), 1);
    let winner = answers.iter().position(|answer| answer.status == 200).unwrap();
    let winners_old = format!("user{winner}@example.com");
    assert_eq!(app.users.get_by_email(&winners_old).await.unwrap(), None);
    assert_eq!(app.login("prize@example.com", PASSWORD).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ra_05_a_registration_and_a_move_to_one_address_have_one_winner() {
    for _ in 0..20 {
        let (app, gate) = gated();
        app.has("ada@example.com").await;
        let token = app.token("ada@example.com").await;
        let mover: std::pin::Pin<Box<dyn Future<Output = Answer> + Send>> =
            Box::pin(patch(&app, &token, json!({ "email": "prize@example.com" })));
        let newcomer = Arc::clone(&app);
        let newcomer = Box::pin(async move { newcomer.register("PRIZE@example.com", PASSWORD).await });

        let answers = at_once(&gate, [mover, newcomer]).await;

        match (answers[0].error(), answers[1].error()) {
            ((200, _), lost) => assert_eq!(lost, (400, json!("REGISTER_USER_ALREADY_EXISTS"))),
            (lost, (201, _)) => assert_eq!(lost, (400, json!(TAKEN))),
            both => panic!("{both:?}"),
        }
    }
}

/// The change comes while the verification is about to be written, and the other way round.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ra_06_a_victims_address_is_never_verified_by_the_token_of_another() {
    let move_to_victim = json!({ "email": "victim@example.com" });

    let (app, gate) = gated();
    app.has("attacker@example.com").await;
    let access = app.token("attacker@example.com").await;
    let link = app.verification_token("attacker@example.com").await;
    gate.stop(1);
    let verifying = tokio::spawn({
        let app = Arc::clone(&app);
        async move { app.verify(&link).await }
    });
    gate.wait_for(1).await;
    assert_eq!(patch(&app, &access, move_to_victim.clone()).await.status, 200);
    gate.open(1);
    assert_eq!(verifying.await.unwrap().error(), (400, json!("VERIFY_USER_BAD_TOKEN")));
    assert!(!user(&app, "victim@example.com").await.is_verified);

    let (app, gate) = gated();
    app.has("attacker@example.com").await;
    let access = app.token("attacker@example.com").await;
    let link = app.verification_token("attacker@example.com").await;
    gate.stop(1);
    let moving = tokio::spawn(patch(&app, &access, move_to_victim));
    gate.wait_for(1).await;
    assert_eq!(app.verify(&link).await.status, 200);
    gate.open(1);
    assert_eq!(moving.await.unwrap().status, 200);
    assert!(!user(&app, "victim@example.com").await.is_verified);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ra_06_nor_when_nobody_keeps_the_order() {
    for _ in 0..50 {
        let (app, gate) = gated();
        app.has("attacker@example.com").await;
        let access = app.token("attacker@example.com").await;
        let link = app.verification_token("attacker@example.com").await;
        let mover: std::pin::Pin<Box<dyn Future<Output = Answer> + Send>> =
            Box::pin(patch(&app, &access, json!({ "email": "victim@example.com" })));
        let verifier = Arc::clone(&app);
        let verifier = Box::pin(async move { verifier.verify(&link).await });
        let answers = at_once(&gate, [mover, verifier]).await;
        assert!(answers.iter().all(|answer| answer.status.as_u16() < 500), "{answers:?}");
        assert!(!user(&app, "victim@example.com").await.is_verified);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ra_07_a_user_who_is_deleted_meanwhile_is_gone_and_nothing_is_a_500() {
    let (app, gate) = gated();
    let root = app.superuser().await;
    for use_of_account in ["patch", "login", "reset", "verify"] {
        let ada = app.has("ada@example.com").await;
        let (access, session) = (app.token("ada@example.com").await, app.session("ada@example.com").await);
        let (reset, link) =
            (app.reset_token("ada@example.com").await, app.verification_token("ada@example.com").await);

        gate.stop(1);
        let using = tokio::spawn({
            let (app, access) = (Arc::clone(&app), access.clone());
            async move {
                match use_of_account {
                    "patch" => patch(&app, &access, json!({ "email": "new@example.com" })).await,
                    "login" => app.login_at("cookie", "ada@example.com", PASSWORD).await,
                    "reset" => app.reset_password(&reset, "a horse in the snow").await,
                    _ => app.verify(&link).await,
                }
            }
        });
        gate.wait_for(1).await;
        assert_eq!(app.delete(&format!("/users/{}", ada.id)).bearer(&root).await.status, 204);
        gate.open(1);

        let answer = using.await.unwrap();
        let expected = match use_of_account {
            "patch" => (404, json!("Not Found")),
            "login" => (400, json!("LOGIN_BAD_CREDENTIALS")),
            "reset" => (400, json!("RESET_PASSWORD_BAD_TOKEN")),
            _ => (400, json!("VERIFY_USER_BAD_TOKEN")),
        };
        assert_eq!(answer.error(), expected, "{use_of_account}");
        assert_eq!(app.status_of(&access).await, 401, "{use_of_account}");
        assert_eq!(app.status_of_session(&session).await, 401, "{use_of_account}");
        for email in ["ada@example.com", "new@example.com"] {
            assert_eq!(app.users.get_by_email(email).await.unwrap(), None, "{use_of_account}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ra_07_of_many_who_delete_one_user_one_succeeds_and_the_others_find_nobody() {
    let (app, _) = gated();
    let root = app.superuser().await;
    let ada = app.has("ada@example.com").await;
    let access = app.token("ada@example.com").await;
    let mut tasks = Vec::new();
    for index in 0..60 {
        let path = format!("/users/{}", ada.id);
        let call = match index % 4 {
            0 => app.delete(&path).bearer(&root),
            1 => app.get("/users/me").bearer(&access),
            2 => app
                .patch("/users/me")
                .bearer(&access)
                .json(json!({ "email": format!("new{index}@example.com") })),
            _ => app.patch(&path).bearer(&root).json(json!({ "is_verified": true })),
        };
        tasks.push(tokio::spawn(async move { call.await }));
    }
    let mut deleted = 0;
    for task in tasks {
        let answer = task.await.unwrap();
        assert!(matches!(answer.status.as_u16(), 200 | 204 | 401 | 404), "{answer:?}");
        deleted += usize::from(answer.status == 204);
    }
    assert_eq!(deleted, 1);
    assert_eq!(app.status_of(&access).await, 401);
}
