//! Who has which e-mail: any case of the ASCII letters is one, and nothing else is.

use axum_users::{
    DatabaseError, UserModel,
    schema::{Record, Value},
};

use crate::{
    Fixture,
    bench::{Bench, assert_email_taken, only, text},
};

const PLAIN: &str = "kiss@example.org";

/// Each is another address than [`PLAIN`], and than every other one here.
const LOOK_ALIKES: [&str; 34] = [
    "\u{212A}iss@example.org",  // the Kelvin sign
    "k\u{131}ss@example.org",   // a dotless i
    "k\u{130}ss@example.org",   // a capital i with a dot
    "ki\u{17F}s@example.org",   // a long s
    "ki\u{DF}@example.org",     // a sharp s
    "k\u{ED}ss@example.org",    // an accent
    "ki\u{301}ss@example.org",  // the same accent as a character of its own
    "k\u{456}ss@example.org",   // a Cyrillic i
    "\u{FF4B}iss@example.org",  // a full-width k
    "kiss\u{FF20}example.org",  // a full-width @
    "kiss@example\u{3002}org",  // an ideographic full stop
    "k\u{200D}iss@example.org", // a zero-width joiner
    "k\u{AD}iss@example.org",   // a soft hyphen
    "\u{FEFF}kiss@example.org", // a byte order mark
    "kiss@example.org ",
    " kiss@example.org",
    "kiss@example.org\t",
    "kiss@example.org\n",
    "kiss@example.org\u{A0}",
    "kiss @example.org",
    "kiss@example.org.",
    "%",
    "k%@example.org",
    "_iss@example.org",
    "kiss@example_org",
    "k*@example.org",
    ".*",
    "^kiss@example.org$",
    "\\kiss@example.org",
    "kiss\\@example.org",
    "'kiss@example.org'",
    "\"kiss\"@example.org",
    "kiss@example.or",
    "iss@example.org",
];

/// Every spelling in ASCII case, whatever else is in the address; the stored text is as it was given.
pub(crate) async fn an_email_is_found_in_any_ascii_case<F: Fixture>(bench: &Bench<'_, F>) {
    for (stored, spellings) in [
        ("Ada.Lovelace@Example.org", ["ada.lovelace@example.org", "ADA.LOVELACE@EXAMPLE.ORG"]),
        ("zoË@BÜCHER.example", ["ZOË@bÜcher.EXAMPLE", "zoË@bÜcher.example"]),
        ("i+K_s%@example.org", ["I+k_S%@EXAMPLE.org", "i+k_s%@example.org"]),
        ("a\\b@example.org", ["A\\B@example.org", "a\\b@Example.Org"]),
    ] {
        let user = bench.add(stored).await;
        for email in [[stored].as_slice(), &spellings].concat() {
            let found = bench.database().get_by_email(email).await.unwrap();
            let found = found.unwrap_or_else(|| panic!("{stored} was not found as {email}"));
            bench.assert_same(&found, &user);
            assert_eq!(found.email(), stored);
        }
    }
}

/// Neither the look-alikes for the plain address, nor the plain address for them.
pub(crate) async fn an_email_that_only_looks_alike_is_nobodys<F: Fixture>(bench: &Bench<'_, F>) {
    let plain = bench.add(PLAIN).await;
    for email in LOOK_ALIKES.iter().copied().chain(["", "KISS", "Ki\u{DF}@EXAMPLE.ORG"]) {
        let found = bench.database().get_by_email(email).await.unwrap();
        assert!(found.is_none(), "{email:?} found {PLAIN}");
    }
    bench.database().delete(plain.id()).await.unwrap();
    for email in LOOK_ALIKES {
        let stored = bench.add(email).await;
        let found = bench.database().get_by_email(PLAIN).await.unwrap();
        assert!(found.is_none(), "{PLAIN} found {email:?}");
        bench.database().delete(stored.id()).await.unwrap();
    }
    // A letter beyond ASCII has no case.
    bench.add("\u{C9}va@example.org").await;
    assert!(bench.database().get_by_email("\u{E9}va@example.org").await.unwrap().is_none());
}

/// All of them at once. With looser unique indexes some may be refused, but none is ever taken for another.
pub(crate) async fn emails_that_only_look_alike_are_users_of_their_own<F: Fixture>(bench: &Bench<'_, F>) {
    let mut made = vec![bench.add(PLAIN).await];
    let mut refused = Vec::new();
    for email in LOOK_ALIKES {
        match bench.database().create(bench.record(email)).await {
            Ok(user) => made.push(user),
            Err(DatabaseError::EmailTaken) if bench.fixture.exceptions().looser_unique_indexes => {
                refused.push(email);
            }
            Err(error) => panic!("{email:?}: {error:?}"),
        }
    }
    for user in &made {
        let found = bench.database().get_by_email(user.email()).await.unwrap().expect("found by e-mail");
        assert_eq!(found.email(), user.email());
        bench.assert_same(&found, user);
    }
    for email in refused {
        assert!(bench.database().get_by_email(email).await.unwrap().is_none(), "{email:?}");
    }
}

/// At `create` and at `update`; what was refused leaves nothing behind.
pub(crate) async fn a_taken_email_is_refused_in_any_ascii_case<F: Fixture>(bench: &Bench<'_, F>) {
    let ada = bench.add("Ada@example.org").await;
    let bob = bench.add("bob@example.org").await;
    for email in ["Ada@example.org", "ada@example.org", "ADA@EXAMPLE.ORG"] {
        assert_email_taken(bench.database().create(bench.record(email)).await, email);
        let changes = only("email", text(email)).with("is_active", Value::Bool(false));
        for expected in [Record::new(), only("email", text("bob@example.org"))] {
            assert_email_taken(bench.database().update(bob.id(), &expected, &changes).await, email);
        }
        bench.assert_unchanged(&ada).await;
        bench.assert_unchanged(&bob).await;
    }
    bench.add("carol@example.org").await;
}

/// It is no other user's.
pub(crate) async fn a_user_may_change_the_case_of_its_own_email<F: Fixture>(bench: &Bench<'_, F>) {
    let ada = bench.add("ada@example.org").await;
    let changes = only("email", text("Ada@Example.org"));
    let updated = bench.database().update(ada.id(), &Record::new(), &changes).await.unwrap().unwrap();
    assert_eq!(updated.email(), "Ada@Example.org");
    bench.assert_unchanged(&updated).await;
    assert!(bench.database().get_by_email("ada@example.org").await.unwrap().is_some());
}

/// A change of address frees the old one and takes the new one.
pub(crate) async fn a_changed_email_is_free_and_the_new_one_is_taken<F: Fixture>(bench: &Bench<'_, F>) {
    let ada = bench.add("ada@example.org").await;
    let changes = only("email", text("countess@example.org"));
    bench.database().update(ada.id(), &Record::new(), &changes).await.unwrap().unwrap();
    bench.add("ADA@example.org").await;
    let answer = bench.database().create(bench.record("Countess@example.org")).await;
    assert_email_taken(answer, "Countess@example.org");
}

/// Some databases cannot keep a zero byte. A look-up answers all the same, and no text is cut short.
pub(crate) async fn a_zero_byte_is_kept_or_refused_and_finds_nobody<F: Fixture>(bench: &Bench<'_, F>) {
    let ada = bench.add("ada@example.org").await;
    for email in ["ada@example.org\0", "ada\0@example.org", "\0ada@example.org", "\0"] {
        assert!(bench.database().get_by_email(email).await.unwrap().is_none(), "{email:?}");
        let changes = only("hashed_password", text("changed"));
        let answer = bench.database().update(ada.id(), &only("email", text(email)), &changes).await;
        assert!(!matches!(answer, Ok(Some(_))), "{email:?} was taken for {}", ada.email());
        if let Ok(user) = bench.database().create(bench.record(email)).await {
            assert_eq!(user.email(), email);
            bench.assert_unchanged(&user).await;
        }
        let found = bench.database().get_by_email("ada@example.org").await.unwrap().unwrap();
        bench.assert_same(&found, &ada);
    }
}
