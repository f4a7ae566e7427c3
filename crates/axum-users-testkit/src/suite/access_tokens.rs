//! Sessions of the database strategy.

use axum_users::{AccessToken, Timestamp, UserModel};

use crate::{
    Fixture,
    bench::{Bench, Id, skip},
};

fn forms<const N: usize>(texts: [&str; N]) -> Vec<String> {
    texts.map(str::to_owned).to_vec()
}

fn has_them<F: Fixture>(bench: &Bench<'_, F>) -> bool {
    let has = bench.database().capabilities().access_tokens;
    if !has {
        skip("the adapter has no access tokens");
    }
    has
}

async fn begin<F: Fixture>(bench: &Bench<'_, F>, user: &F::User, token: &str, created_at: Timestamp) {
    let token = AccessToken { token: token.to_owned(), user_id: user.id().clone(), created_at };
    bench.database().create_access_token(&token).await.unwrap();
}

async fn whose<F: Fixture>(bench: &Bench<'_, F>, token: &str) -> Option<Id<F>> {
    let found = bench.database().user_by_access_token(&forms([token]), None).await.unwrap();
    found.map(|(user, token)| {
        assert!(*user.id() == token.user_id);
        token.user_id
    })
}

/// Which of these sessions are still there.
async fn left<'t, F: Fixture>(bench: &Bench<'_, F>, tokens: &[&'t str]) -> Vec<&'t str> {
    let mut left = Vec::new();
    for token in tokens {
        if whose(bench, token).await.is_some() {
            left.push(*token);
        }
    }
    left
}

/// Stored hashed or in clear, the row and its user come together.
pub(crate) async fn a_token_is_found_with_its_user_in_any_of_its_forms<F: Fixture>(bench: &Bench<'_, F>) {
    if !has_them(bench) {
        return;
    }
    let (ada, bob) = (bench.add("ada@example.org").await, bench.add("bob@example.org").await);
    let hashed = format!("~{}", "h".repeat(42));
    let clear = "c".repeat(43);
    begin(bench, &ada, &hashed, bench.moment(1)).await;
    begin(bench, &bob, &clear, bench.moment(2)).await;
    let (ada, bob) = (Some((&ada, &hashed, 1)), Some((&bob, &clear, 2)));
    for (texts, expected) in [
        (forms([&hashed]), ada),
        (forms([&hashed, "other"]), ada),
        (forms(["~other", &clear]), bob),
        (forms(["~other", "another", "a third", &clear]), bob),
        (forms(["~other", "other"]), None),
        (forms([]), None),
    ] {
        let found = bench.database().user_by_access_token(&texts, None).await.unwrap();
        match (found, expected) {
            (None, None) => {}
            (Some((user, token)), Some((owner, text, steps))) => {
                bench.assert_same(&user, owner);
                assert!(token.user_id == *owner.id());
                assert_eq!((&token.token, token.created_at), (text, bench.moment(steps)));
            }
            (found, _) => panic!("{texts:?} found {:?}", found.map(|(_, token)| token)),
        }
    }
}

/// A token is what it is, to the letter, for every method that takes one.
pub(crate) async fn a_token_that_only_looks_alike_is_nobodys<F: Fixture>(bench: &Bench<'_, F>) {
    if !has_them(bench) {
        return;
    }
    let ada = bench.add("ada@example.org").await;
    begin(bench, &ada, "Token-k_s", bench.moment(0)).await;
    let others =
        ["token-k_s", "TOKEN-K_S", "Token-k_s ", " Token-k_s", "Token-kxs", "Token-\u{212A}_s", "Token%", ""];
    for other in others {
        assert!(whose(bench, other).await.is_none(), "{other:?}");
        bench.database().rewrite_access_token(other, "rewritten").await.unwrap();
        bench.database().delete_access_token(&forms([other])).await.unwrap();
        assert!(whose(bench, "Token-k_s").await.is_some(), "{other:?} ended another session");
    }
    bench.database().delete_access_tokens_of(ada.id(), &forms(others)).await.unwrap();
    assert!(whose(bench, "Token-k_s").await.is_none(), "a session was kept for another");
}

/// From its first moment on, to the database's step.
pub(crate) async fn a_token_is_good_when_it_began_at_not_before_or_later<F: Fixture>(bench: &Bench<'_, F>) {
    if !has_them(bench) {
        return;
    }
    let ada = bench.add("ada@example.org").await;
    for (token, steps) in [("whole", 0), ("one step", 1), ("many", 123)] {
        begin(bench, &ada, token, bench.moment(steps)).await;
        for (not_before, is_good) in [(steps - 1, true), (steps, true), (steps + 1, false)] {
            let not_before = Some(bench.moment(not_before));
            let found = bench.database().user_by_access_token(&forms([token]), not_before).await.unwrap();
            assert_eq!(found.is_some(), is_good, "{token} {not_before:?}");
        }
    }
    // Of two rows, the good one counts, whichever comes first.
    for not_before in [100, 123] {
        for texts in [forms(["whole", "many"]), forms(["many", "whole"])] {
            let not_before = Some(bench.moment(not_before));
            let found = bench.database().user_by_access_token(&texts, not_before).await.unwrap();
            assert_eq!(found.map(|(_, token)| token.token).as_deref(), Some("many"));
        }
    }
}

/// Whoever comes second gets no session.
pub(crate) async fn a_token_belongs_to_the_first_who_has_it<F: Fixture>(bench: &Bench<'_, F>) {
    if !has_them(bench) {
        return;
    }
    let (ada, bob) = (bench.add("ada@example.org").await, bench.add("bob@example.org").await);
    begin(bench, &ada, "token", bench.moment(0)).await;
    let twin =
        AccessToken { token: "token".to_owned(), user_id: bob.id().clone(), created_at: bench.moment(1) };
    assert!(bench.database().create_access_token(&twin).await.is_err());
    assert!(whose(bench, "token").await.as_ref() == Some(ada.id()));
}

/// However the adapter answers the attempt.
pub(crate) async fn a_deleted_user_gets_no_session<F: Fixture>(bench: &Bench<'_, F>) {
    if !has_them(bench) {
        return;
    }
    let user_id = bench.deleted_id().await;
    let token = AccessToken { token: "token".to_owned(), user_id, created_at: bench.moment(0) };
    let _ = bench.database().create_access_token(&token).await;
    assert!(whose(bench, "token").await.is_none());
}

/// And nothing else of the row; twice is as good as once.
pub(crate) async fn rewriting_changes_the_stored_form<F: Fixture>(bench: &Bench<'_, F>) {
    if !has_them(bench) {
        return;
    }
    let ada = bench.add("ada@example.org").await;
    begin(bench, &ada, "clear", bench.moment(5)).await;
    begin(bench, &ada, "another", bench.moment(6)).await;
    let answers = bench
        .at_once(8, |users, _| async move { users.database().rewrite_access_token("clear", "~hashed").await })
        .await;
    answers.into_iter().for_each(Result::unwrap);
    bench.database().rewrite_access_token("unknown", "~other").await.unwrap();
    assert_eq!(left(bench, &["clear", "~hashed", "another", "~other"]).await, ["~hashed", "another"]);
    let (_, token) = bench.database().user_by_access_token(&forms(["~hashed"]), None).await.unwrap().unwrap();
    assert!(token.user_id == *ada.id());
    assert_eq!(token.created_at, bench.moment(5));
}

/// One by one, or all of a user's but the ones to keep.
pub(crate) async fn sessions_end_one_by_one_or_all_but_the_kept<F: Fixture>(bench: &Bench<'_, F>) {
    if !has_them(bench) {
        return;
    }
    let (ada, bob) = (bench.add("ada@example.org").await, bench.add("bob@example.org").await);
    let all = ["a", "b", "c", "d", "e", "bob's"];
    for token in all {
        begin(bench, if token == "bob's" { &bob } else { &ada }, token, bench.moment(0)).await;
    }
    let database = bench.database();
    database.delete_access_token(&forms(["~a", "a"])).await.unwrap();
    database.delete_access_token(&forms(["unknown"])).await.unwrap();
    database.delete_access_token(&[]).await.unwrap();
    assert_eq!(left(bench, &all).await, ["b", "c", "d", "e", "bob's"]);
    database.delete_access_tokens_of(ada.id(), &forms(["~b", "b", "c"])).await.unwrap();
    assert_eq!(left(bench, &all).await, ["b", "c", "bob's"]);
    database.delete_access_tokens_of(ada.id(), &forms(["bob's"])).await.unwrap();
    assert_eq!(left(bench, &all).await, ["bob's"]);
    database.delete_access_tokens_of(ada.id(), &[]).await.unwrap();
    assert_eq!(left(bench, &all).await, ["bob's"]);
    database.delete_access_tokens_of(bob.id(), &[]).await.unwrap();
    assert!(left(bench, &all).await.is_empty());
}

/// Those that began before the moment, of all users, and not the one that began at it.
pub(crate) async fn purging_takes_what_began_before_and_counts_it<F: Fixture>(bench: &Bench<'_, F>) {
    if !has_them(bench) {
        return;
    }
    let (ada, bob) = (bench.add("ada@example.org").await, bench.add("bob@example.org").await);
    for (user, token, steps) in [
        (&ada, "old", -100),
        (&bob, "before", -1),
        (&ada, "at", 0),
        (&bob, "after", 1),
        (&ada, "whole", 1_000),
    ] {
        begin(bench, user, token, bench.moment(steps)).await;
    }
    let all = ["old", "before", "at", "after", "whole"];
    assert_eq!(bench.database().purge_access_tokens(bench.moment(0)).await.unwrap(), 2);
    assert_eq!(left(bench, &all).await, ["at", "after", "whole"]);
    assert_eq!(bench.database().purge_access_tokens(bench.moment(0)).await.unwrap(), 0);
    assert_eq!(bench.database().purge_access_tokens(bench.moment(1_000)).await.unwrap(), 2);
    assert_eq!(left(bench, &all).await, ["whole"]);
}

/// And not those of others.
pub(crate) async fn a_deleted_users_sessions_end<F: Fixture>(bench: &Bench<'_, F>) {
    if !has_them(bench) {
        return;
    }
    let (ada, bob) = (bench.add("ada@example.org").await, bench.add("bob@example.org").await);
    for (user, token) in [(&bob, "bob's"), (&ada, "a"), (&ada, "b")] {
        begin(bench, user, token, bench.moment(0)).await;
    }
    bench.database().delete(ada.id()).await.unwrap();
    assert_eq!(left(bench, &["a", "b", "bob's"]).await, ["bob's"]);
    // Whoever comes next inherits nothing, even where the database gives an id again.
    let next = bench.add("ada@example.org").await;
    assert_eq!(left(bench, &["a", "b", "bob's"]).await, ["bob's"]);
    begin(bench, &next, "a", bench.moment(0)).await;
    assert!(whose(bench, "a").await.as_ref() == Some(next.id()));
}
