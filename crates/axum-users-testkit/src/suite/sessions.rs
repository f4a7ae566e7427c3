//! What is known of sessions, and their refresh tokens.

use axum_users::{AccessToken, ColumnValue, RefreshFamily, Session, UserModel};

use crate::{
    Fixture,
    bench::{Bench, Id, skip},
};

fn has_them<F: Fixture>(bench: &Bench<'_, F>) -> bool {
    let has = bench.database().capabilities().sessions;
    if !has {
        skip("the adapter has no sessions as data");
    }
    has
}

fn forms<const N: usize>(texts: [&str; N]) -> Vec<String> {
    texts.map(str::to_owned).to_vec()
}

/// A session with a token and without more than has to be.
fn session<F: Fixture>(bench: &Bench<'_, F>, user: &F::User, id: &str) -> Session<Id<F>> {
    Session {
        id: id.to_owned(),
        token: Some(format!("~token of {id}")),
        user_id: user.id().clone(),
        backend: "cookie".to_owned(),
        created_at: bench.moment(0),
        last_used_at: bench.moment(0),
        expires_at: None,
        user_agent: None,
        address: None,
        refresh: None,
    }
}

/// The same with refresh tokens, and without a token.
fn refreshable<F: Fixture>(bench: &Bench<'_, F>, user: &F::User, id: &str) -> Session<Id<F>> {
    let family = RefreshFamily {
        handle: format!("~handle of {id}"),
        current: "~first".to_owned(),
        previous: None,
        rotated_at: bench.moment(0),
    };
    Session {
        token: None,
        backend: "jwt".to_owned(),
        expires_at: Some(bench.moment(900)),
        refresh: Some(family),
        ..session(bench, user, id)
    }
}

async fn keep<F: Fixture>(bench: &Bench<'_, F>, session: &Session<Id<F>>) {
    bench.database().create_session(session).await.unwrap();
}

/// The one session of a user.
async fn only<F: Fixture>(bench: &Bench<'_, F>, user: &F::User) -> Session<Id<F>> {
    let mut sessions = bench.database().sessions_of(user.id(), 100).await.unwrap();
    assert_eq!(sessions.len(), 1);
    sessions.remove(0)
}

async fn ids<F: Fixture>(bench: &Bench<'_, F>, user: &F::User, limit: u32) -> Vec<String> {
    let sessions = bench.database().sessions_of(user.id(), limit).await.unwrap();
    sessions.into_iter().map(|session| session.id).collect()
}

#[track_caller]
fn assert_same<I: ColumnValue + PartialEq>(found: &Session<I>, expected: &Session<I>) {
    assert!(found.user_id == expected.user_id, "another user's");
    let seen = |session: &Session<I>| {
        let family = session.refresh.as_ref();
        let texts = [
            Some(session.id.clone()),
            session.token.clone(),
            Some(session.backend.clone()),
            session.user_agent.clone(),
            session.address.clone(),
            family.map(|family| family.handle.clone()),
            family.map(|family| family.current.clone()),
            family.and_then(|family| family.previous.clone()),
        ];
        let moments = [
            Some(session.created_at),
            Some(session.last_used_at),
            session.expires_at,
            family.map(|family| family.rotated_at),
        ];
        (texts, moments)
    };
    assert_eq!(seen(found), seen(expected));
}

/// Every field, absent or at its longest.
pub(crate) async fn a_session_is_kept_as_it_is<F: Fixture>(bench: &Bench<'_, F>) {
    if !has_them(bench) {
        return;
    }
    let ada = bench.add("ada@example.org").await;
    let bare = Session { token: None, ..session(bench, &ada, "bare") };
    let mut full = refreshable(bench, &ada, "full");
    full.token = Some(format!("~{}", "h".repeat(42)));
    full.last_used_at = bench.moment(7);
    full.user_agent = Some("Mözilla/5.0 (\"X11\"; Linux) 'x' %_\\ 🦀".to_owned());
    full.address = Some("2001:db8:1111:2222:3333:4444:5555:6666".to_owned());
    if let Some(family) = &mut full.refresh {
        (family.previous, family.rotated_at) = (Some("~previous".to_owned()), bench.moment(5));
    }
    let mut long = session(bench, &ada, &"i".repeat(43));
    long.user_agent = Some("a".repeat(255));
    for session in [&bare, &full, &long] {
        keep(bench, session).await;
        assert!(bench.database().delete_session(ada.id(), "another").await.is_ok_and(|deleted| !deleted));
        assert_same(&only(bench, &ada).await, session);
        assert!(bench.database().delete_session(ada.id(), &session.id).await.unwrap());
    }
}

/// And nobody else's.
pub(crate) async fn sessions_are_a_users_own_the_newest_first_and_as_many_as_asked_for<F: Fixture>(
    bench: &Bench<'_, F>,
) {
    if !has_them(bench) {
        return;
    }
    let (ada, bob) = (bench.add("ada@example.org").await, bench.add("bob@example.org").await);
    for (id, steps) in [("middle", 20), ("oldest", -1), ("newest", 300)] {
        keep(bench, &Session { created_at: bench.moment(steps), ..session(bench, &ada, id) }).await;
    }
    keep(bench, &session(bench, &bob, "bob's")).await;
    assert_eq!(ids(bench, &ada, 100).await, ["newest", "middle", "oldest"]);
    assert_eq!(ids(bench, &ada, 2).await, ["newest", "middle"]);
    assert_eq!(ids(bench, &bob, 100).await, ["bob's"]);
}

/// However the adapter answers the attempt.
pub(crate) async fn a_session_has_an_id_of_its_own_and_a_user<F: Fixture>(bench: &Bench<'_, F>) {
    if !has_them(bench) {
        return;
    }
    let ada = bench.add("ada@example.org").await;
    keep(bench, &session(bench, &ada, "one")).await;
    let twin = Session { token: Some("~other".to_owned()), ..session(bench, &ada, "one") };
    assert!(bench.database().create_session(&twin).await.is_err(), "two sessions have one id");
    assert_same(&only(bench, &ada).await, &session(bench, &ada, "one"));
    let gone = Session { user_id: bench.deleted_id().await, ..session(bench, &ada, "nobody's") };
    assert!(bench.database().create_session(&gone).await.is_err(), "a session of nobody was kept");
    assert!(bench.database().sessions_of(&gone.user_id, 100).await.unwrap().is_empty());
}

/// For the session whose token it is, to the letter.
pub(crate) async fn a_use_is_noted_and_the_stored_form_with_it<F: Fixture>(bench: &Bench<'_, F>) {
    if !has_them(bench) {
        return;
    }
    let (ada, bob) = (bench.add("ada@example.org").await, bench.add("bob@example.org").await);
    let clear = Session { token: Some("Clear-k".to_owned()), ..session(bench, &ada, "ada's") };
    keep(bench, &clear).await;
    keep(bench, &session(bench, &bob, "bob's")).await;
    let database = bench.database();
    for unknown in [forms(["~none", "none"]), forms(["clear-k", "CLEAR-K"]), Vec::new()] {
        assert!(!database.touch_session(&unknown, bench.moment(9)).await.unwrap(), "{unknown:?}");
        assert_eq!(database.session_last_used(&unknown).await.unwrap(), None, "{unknown:?}");
    }
    assert!(database.touch_session(&forms(["~hashed", "Clear-k"]), bench.moment(60)).await.unwrap());
    let expected = Session {
        token: Some("~hashed".to_owned()),
        last_used_at: bench.moment(60),
        ..session(bench, &ada, "ada's")
    };
    assert_same(&only(bench, &ada).await, &expected);
    assert_same(&only(bench, &bob).await, &session(bench, &bob, "bob's"));
    let last = database.session_last_used(&forms(["Clear-k", "~hashed"])).await.unwrap();
    assert_eq!(last, Some(bench.moment(60)));
    // Once more at the same moment is no other answer.
    assert!(database.touch_session(&forms(["~hashed", "Clear-k"]), bench.moment(60)).await.unwrap());
}

/// Where there is a session; a token without one is found all the same.
pub(crate) async fn a_token_is_found_with_the_last_use_of_its_session<F: Fixture>(bench: &Bench<'_, F>) {
    if !has_them(bench) || !bench.database().capabilities().access_tokens {
        return;
    }
    let ada = bench.add("ada@example.org").await;
    let database = bench.database();
    for token in ["~known", "stranger"] {
        let row =
            AccessToken { token: token.to_owned(), user_id: ada.id().clone(), created_at: bench.moment(0) };
        database.create_access_token(&row).await.unwrap();
    }
    let known = Session {
        token: Some("~known".to_owned()),
        last_used_at: bench.moment(33),
        ..session(bench, &ada, "known")
    };
    keep(bench, &known).await;
    keep(bench, &session(bench, &ada, "another")).await;
    for (texts, expected) in [
        (forms(["~known", "known"]), Some(("~known", Some(bench.moment(33))))),
        (forms(["~stranger", "stranger"]), Some(("stranger", None))),
        (forms(["~nobody", "nobody"]), None),
        (Vec::new(), None),
    ] {
        for (not_before, is_good) in [(None, true), (Some(0), true), (Some(1), false)] {
            let not_before = not_before.map(|steps| bench.moment(steps));
            let found = database.user_by_used_access_token(&texts, not_before).await.unwrap();
            let found = found.map(|(user, token, last_used_at)| {
                bench.assert_same(&user, &ada);
                (token.token, last_used_at)
            });
            let expected = expected.filter(|_| is_good).map(|(token, at)| (token.to_owned(), at));
            assert_eq!(found, expected, "{texts:?}");
        }
    }
}

/// To the letter.
pub(crate) async fn a_session_is_found_by_the_handle_of_its_refresh_tokens<F: Fixture>(bench: &Bench<'_, F>) {
    if !has_them(bench) {
        return;
    }
    let (ada, bob) = (bench.add("ada@example.org").await, bench.add("bob@example.org").await);
    let expected = refreshable(bench, &ada, "ada's");
    keep(bench, &expected).await;
    keep(bench, &refreshable(bench, &bob, "bob's")).await;
    keep(bench, &session(bench, &ada, "without")).await;
    let found = bench.database().session_by_refresh_handle("~handle of ada's").await.unwrap();
    assert_same(&found.expect("the session is found"), &expected);
    for other in ["~Handle of ada's", "~first", "ada's", ""] {
        assert!(bench.database().session_by_refresh_handle(other).await.unwrap().is_none(), "{other:?}");
    }
}

/// Neither one that was replaced, nor one of another session.
pub(crate) async fn a_refresh_token_takes_the_place_of_the_current_one_alone<F: Fixture>(
    bench: &Bench<'_, F>,
) {
    if !has_them(bench) {
        return;
    }
    let (ada, bob) = (bench.add("ada@example.org").await, bench.add("bob@example.org").await);
    keep(bench, &refreshable(bench, &ada, "ada's")).await;
    keep(bench, &refreshable(bench, &bob, "bob's")).await;
    let database = bench.database();
    let rotate = async |id: &str, from: &str, to: &str, token: Option<&str>, steps: i32| {
        database.rotate_refresh_token(id, from, to, token, bench.moment(steps)).await.unwrap()
    };
    assert!(rotate("ada's", "~first", "~second", Some("~access"), 10).await);
    let mut expected = refreshable(bench, &ada, "ada's");
    (expected.token, expected.last_used_at) = (Some("~access".to_owned()), bench.moment(10));
    expected.refresh = expected.refresh.map(|family| RefreshFamily {
        current: "~second".to_owned(),
        previous: Some("~first".to_owned()),
        rotated_at: bench.moment(10),
        ..family
    });
    assert_same(&only(bench, &ada).await, &expected);
    for (id, from) in [
        ("ada's", "~first"),
        ("ada's", "~Second"),
        ("ada's", ""),
        ("nobody's", "~second"),
        ("Ada's", "~second"),
    ] {
        assert!(!rotate(id, from, "~third", None, 20).await, "{id} {from}");
    }
    assert_same(&only(bench, &ada).await, &expected);
    assert_same(&only(bench, &bob).await, &refreshable(bench, &bob, "bob's"));
    assert!(rotate("ada's", "~second", "~third", None, 20).await);
    assert_eq!(only(bench, &ada).await.token, None);
}

/// So that no session has two chains of tokens.
pub(crate) async fn of_thirty_refreshes_with_one_token_one_wins<F: Fixture>(bench: &Bench<'_, F>) {
    if !has_them(bench) {
        return;
    }
    let ada = bench.add("ada@example.org").await;
    keep(bench, &refreshable(bench, &ada, "ada's")).await;
    let at = bench.moment(10);
    let answers = bench
        .at_once(30, |users, number| async move {
            let to = format!("~next {number}");
            let database = users.database();
            let won = database.rotate_refresh_token("ada's", "~first", &to, None, at).await.unwrap();
            won.then_some(to)
        })
        .await;
    let winners: Vec<String> = answers.into_iter().flatten().collect();
    assert_eq!(winners.len(), 1, "one wins: {winners:?}");
    let family = only(bench, &ada).await.refresh.expect("the session has refresh tokens");
    assert_eq!((&family.current, family.previous.as_deref()), (&winners[0], Some("~first")));
}

/// Whoever ends a session while it is refreshed has ended it.
pub(crate) async fn a_refresh_brings_no_ended_session_back<F: Fixture>(bench: &Bench<'_, F>) {
    if !has_them(bench) {
        return;
    }
    let ada = bench.add("ada@example.org").await;
    for _ in 0..5 {
        keep(bench, &refreshable(bench, &ada, "ada's")).await;
        let at = bench.moment(10);
        bench
            .at_once(6, |users, number| {
                let user_id = ada.id().clone();
                async move {
                    let database = users.database();
                    if number == 3 {
                        database.delete_sessions_of(&user_id, &[], None).await.unwrap();
                    } else {
                        let to = format!("~next {number}");
                        database.rotate_refresh_token("ada's", "~first", &to, None, at).await.unwrap();
                    }
                }
            })
            .await;
        assert!(ids(bench, &ada, 100).await.is_empty(), "an ended session came back");
    }
}

/// By id, by token, or all of a user's.
pub(crate) async fn kept_sessions_end_one_by_one_or_all_but_the_kept<F: Fixture>(bench: &Bench<'_, F>) {
    if !has_them(bench) {
        return;
    }
    let (ada, bob) = (bench.add("ada@example.org").await, bench.add("bob@example.org").await);
    for (steps, id) in ["a", "b", "c", "d", "e"].into_iter().enumerate() {
        let created_at = bench.moment(-i32::try_from(steps).unwrap());
        keep(bench, &Session { created_at, ..session(bench, &ada, id) }).await;
    }
    keep(bench, &Session { created_at: bench.moment(-9), ..refreshable(bench, &ada, "f") }).await;
    keep(bench, &session(bench, &bob, "bob's")).await;
    let database = bench.database();
    for (user, id) in [(&ada, "bob's"), (&bob, "a"), (&ada, "A"), (&ada, "")] {
        assert!(!database.delete_session(user.id(), id).await.unwrap(), "{id:?}");
    }
    assert!(database.delete_session(ada.id(), "a").await.unwrap());
    database.delete_session_by_token(&forms(["token of b", "~token of b"])).await.unwrap();
    database.delete_session_by_token(&forms(["~Token of c"])).await.unwrap();
    database.delete_session_by_token(&[]).await.unwrap();
    assert_eq!(ids(bench, &ada, 100).await, ["c", "d", "e", "f"]);
    let kept = forms(["~token of c", "token of c"]);
    database.delete_sessions_of(ada.id(), &kept, Some("f")).await.unwrap();
    assert_eq!(ids(bench, &ada, 100).await, ["c", "f"]);
    database.delete_sessions_of(ada.id(), &[], Some("f")).await.unwrap();
    assert_eq!(ids(bench, &ada, 100).await, ["f"]);
    // A session without a token is not kept by one.
    database.delete_sessions_of(ada.id(), &kept, None).await.unwrap();
    assert!(ids(bench, &ada, 100).await.is_empty());
    assert_eq!(ids(bench, &bob, 100).await, ["bob's"]);
}

/// Those that ended before, and neither the one that ends now nor those that need not.
pub(crate) async fn sessions_that_expired_are_forgotten_and_counted<F: Fixture>(bench: &Bench<'_, F>) {
    if !has_them(bench) {
        return;
    }
    let ada = bench.add("ada@example.org").await;
    for (id, steps) in [("long ago", Some(-900)), ("before", Some(-1)), ("now", Some(0)), ("later", Some(1))]
    {
        let expires_at = steps.map(|steps| bench.moment(steps));
        keep(bench, &Session { expires_at, ..session(bench, &ada, id) }).await;
    }
    keep(bench, &session(bench, &ada, "never")).await;
    assert_eq!(bench.database().purge_sessions(bench.moment(0)).await.unwrap(), 2);
    let mut left = ids(bench, &ada, 100).await;
    left.sort();
    assert_eq!(left, ["later", "never", "now"]);
    assert_eq!(bench.database().purge_sessions(bench.moment(0)).await.unwrap(), 0);
}

/// Whoever comes next has none, even where the database gives an id again.
pub(crate) async fn a_deleted_user_has_no_sessions_as_data<F: Fixture>(bench: &Bench<'_, F>) {
    if !has_them(bench) {
        return;
    }
    let (ada, bob) = (bench.add("ada@example.org").await, bench.add("bob@example.org").await);
    keep(bench, &refreshable(bench, &ada, "ada's")).await;
    keep(bench, &session(bench, &bob, "bob's")).await;
    bench.database().delete(ada.id()).await.unwrap();
    assert!(bench.database().session_by_refresh_handle("~handle of ada's").await.unwrap().is_none());
    assert_eq!(ids(bench, &bob, 100).await, ["bob's"]);
    let mut again = bench.record("ada@example.org");
    if again.get("id").is_some() {
        again.set("id", ada.id().clone().into_value());
    }
    let next = bench.database().create(again).await.unwrap();
    assert!(ids(bench, &next, 100).await.is_empty());
}

/// The newest first, and as many as asked for.
pub(crate) async fn the_access_tokens_of_a_user_are_listed<F: Fixture>(bench: &Bench<'_, F>) {
    if !has_them(bench) || !bench.database().capabilities().access_tokens {
        return;
    }
    let (ada, bob) = (bench.add("ada@example.org").await, bench.add("bob@example.org").await);
    for (user, token, steps) in
        [(&ada, "middle", 5), (&ada, "oldest", 0), (&ada, "newest", 400), (&bob, "bob's", 1)]
    {
        let created_at = bench.moment(steps);
        let row = AccessToken { token: token.to_owned(), user_id: user.id().clone(), created_at };
        bench.database().create_access_token(&row).await.unwrap();
    }
    for (limit, expected) in [(100, &["newest", "middle", "oldest"][..]), (1, &["newest"])] {
        let listed = bench.database().access_tokens_of(ada.id(), limit).await.unwrap();
        assert!(listed.iter().all(|row| row.user_id == *ada.id()));
        let texts: Vec<&str> = listed.iter().map(|row| row.token.as_str()).collect();
        assert_eq!(texts, expected);
        assert_eq!(listed[0].created_at, bench.moment(400));
    }
}
