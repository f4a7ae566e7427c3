use std::{
    fmt::Write,
    sync::{Arc, Mutex},
};

use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

use super::*;

const ALICE: &str =
    "$argon2id$v=19$m=65536,t=3,p=4$JQiTgmyo/PqcsvBeFGFVZA$9nRAKMRyt29lJZk3Yldv3u6IvLT5Djz065R6tVpd2Xk";

/// Hashes that pwdlib 0.3.0 accepts, made by argon2-cffi 25.1.0 and bcrypt 5.0.0.
const REFEREE: &[(&str, &str)] = &[
    (
        "correct horse",
        "$argon2id$v=19$m=256,t=2,p=4$MDEyMzQ1Njc4OWFiY2RlZg$3IOKEz0evDjufmrtGGNgNufbduVIZHKjxzAPDwxI0l4",
    ),
    (
        "correct horse",
        "$argon2i$v=19$m=64,t=3,p=1$MDEyMzQ1Njc4OWFiY2RlZg$7Zy9kRR2ckYcS9drlqdGtg040mnL7Y32VUHzoNugrHM",
    ),
    (
        "correct horse",
        "$argon2d$v=19$m=64,t=1,p=2$MDEyMzQ1Njc4OWFiY2RlZg$Xg5aO7jhKb3nnF3u337pJzUdrSiVKz8FaZsNBIkyfj0",
    ),
    (
        "correct horse",
        "$argon2id$v=16$m=64,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$MR+nMXBuOmf+jVmbaxLUxEfDX+l0gK8Zultoq498Rbg",
    ),
    (
        "correct horse",
        "$argon2i$v=16$m=64,t=3,p=1$MDEyMzQ1Njc4OWFiY2RlZg$No6agcmHF+XPK9I6ovcH2iaYB/SxaSO+ERCElb5hWj8",
    ),
    (
        "correct horse",
        "$argon2d$v=16$m=64,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$jc4WWTL8gxyhI1LRnnu3fxN380d481e3hH1uCNBLufk",
    ),
    (
        "correct horse",
        "$argon2i$m=64,t=3,p=1$MDEyMzQ1Njc4OWFiY2RlZg$No6agcmHF+XPK9I6ovcH2iaYB/SxaSO+ERCElb5hWj8",
    ),
    (
        "correct horse",
        "$argon2id$v=19$m=67,t=1,p=3$MDEyMzQ1Njc4OWFiY2RlZg$nePhqkQOAyTgnaD037L77JUFLPFyXIHlkojpPM8ushE",
    ),
    (
        "correct horse",
        "$argon2id$v=19$m=8,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$M7jw0GQI4Kfcxf+xPldfNRYttP89scc9XVAYAcaZ0U0",
    ),
    ("correct horse", "$argon2id$v=19$m=8,t=1,p=1$MDEyMzQ1Njc$4l14B+xkkx5rNljQA1aCrRhwAaP2W5Cfrg1wDlL/Vdg"),
    ("correct horse", "$argon2id$v=19$m=8,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$hfUK5kasNx+MA8Ldy3ooWQ"),
    (
        "correct horse",
        "$argon2id$v=19$m=8,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZmdoaWo$Qw2qlGgakedggR9cOEuAHPB7qCaA3iLNFM3DqnHIAbU6w+rciGZ3Dq6CfacVnBWc27PJyt5izwyb2T8a0kCBOw",
    ),
    ("correct horse", "$argon2id$v=19$m=8,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$Zko4WQ"),
    (
        "weak-password",
        "$argon2id$v=19$m=8192,t=1,p=1$VOLWLOCE1CHKJ2BVQSxHrA$Niz+Z/ZYT1pDhSr+ADFapbcOxxtzOl6GtuJpRjTUnhY",
    ),
    ("pässword", "$2a$04$abcdefghijklmnopqrstuum174eFeoTj0DHmtuueFaS3Wde4P7wHG"),
    ("pässword", "$2b$04$abcdefghijklmnopqrstuum174eFeoTj0DHmtuueFaS3Wde4P7wHG"),
    ("pässword", "$2x$04$abcdefghijklmnopqrstuum174eFeoTj0DHmtuueFaS3Wde4P7wHG"),
    ("pässword", "$2y$04$abcdefghijklmnopqrstuum174eFeoTj0DHmtuueFaS3Wde4P7wHG"),
    ("pässword", "$2b$04$Vy3qqCjgM6J/cHIFoqyOEObbjCSR04zTM3MjZXu8XqHsZVewEnV6C"),
    ("", "$2b$04$abcdefghijklmnopqrstuubyCG3zY1GIXMyxfivm.ClDiInHzxjiq"),
    ("bcrypt-password", "$2a$04$4szbijT9gRNMhlDEebyd2e9ARIj10yLludMpPSQd8UVm7bL/CVUNe"),
    ("bcrypt-password", "$2y$10$q40N3AlMdHY0L2uSPeghQ.xZeQ42coobZuLlvFBdsSRj7ZdiFfeme"),
    ("bcrypt-password", "$2b$12$AUW/Ix4ynXDSxGbB.t.dwea376JDac8Mza/bmkBPx6Zk9HE0aRFom"),
];

fn cheap() -> PasswordHasher {
    PasswordHasher::new(Argon2Parameters::least(), Random::seeded(1)).threads(1)
}

async fn verify(hasher: &PasswordHasher, password: &str, stored: &str) -> Verification {
    hasher.verify(&password.into(), stored).await.unwrap()
}

#[tokio::test]
async fn pw_20_new_hashes_are_argon2id_with_the_originals_parameters() {
    let hasher = PasswordHasher::new(Argon2Parameters::default(), Random::system()).threads(1);

    let hash = hasher.hash(&"wonderland".into()).await.unwrap();

    let rest = hash.strip_prefix("$argon2id$v=19$m=65536,t=3,p=4$").unwrap();
    let (salt, digest) = rest.split_once('$').unwrap();
    assert_eq!((salt.len(), digest.len()), (22, 43), "{hash}");
    assert_eq!(verify(&hasher, "wonderland", &hash).await, Verification::Right);
    assert_eq!(verify(&hasher, "Wonderland", &hash).await, Verification::Wrong);
}

#[tokio::test]
async fn hashes_of_the_originals_database_are_right_and_current() {
    let hasher = PasswordHasher::new(Argon2Parameters::default(), Random::system()).threads(1);
    let long = "L".repeat(1000);
    let rows = [
        ("wonderland", ALICE),
        (
            "пароль🔑é-ünï",
            "$argon2id$v=19$m=65536,t=3,p=4$7iWGVaKLa2Y3Tck2Xs4vmQ$2jaRPATX7qLxqtJnGn4/CFea9xPkmyal+P3K8Qkhw9I",
        ),
        (
            "  spaces around  ",
            "$argon2id$v=19$m=65536,t=3,p=4$S+n0IboMdXKst/J09EJnMw$rmyeR9lb25x31lAa67dqFqDxL/+0y1zPpcyxFlGOYZA",
        ),
        (
            &long,
            "$argon2id$v=19$m=65536,t=3,p=4$tqQzxxozTuyEEagU04E8Yw$FK7nL+8cpSRbwDpJsbO+xHyWYtBD+nyb13PFhDqhjlI",
        ),
    ];

    for (password, stored) in rows {
        assert_eq!(verify(&hasher, password, stored).await, Verification::Right, "{stored}");
    }
}

#[tokio::test]
async fn pw_20_every_kind_of_hash_of_the_referee_is_right_but_outdated() {
    let hasher = PasswordHasher::new(Argon2Parameters::new(128, 2, 1).unwrap(), Random::seeded(1)).threads(1);

    for (password, stored) in REFEREE {
        assert_eq!(verify(&hasher, password, stored).await, Verification::RightButOutdated, "{stored}");
        assert_eq!(verify(&hasher, &format!("{password}!"), stored).await, Verification::Wrong, "{stored}");
    }
}

#[tokio::test]
async fn pw_20_anything_but_exactly_the_configured_parameters_is_outdated_stronger_ones_too() {
    let is_current = |memory_kib, iterations, parallelism| async move {
        let parameters = Argon2Parameters::new(memory_kib, iterations, parallelism).unwrap();
        let hash = PasswordHasher::new(parameters, Random::seeded(1)).hash(&"horse".into()).await.unwrap();
        let hasher = PasswordHasher::new(Argon2Parameters::new(64, 2, 2).unwrap(), Random::seeded(1));
        verify(&hasher, "horse", &hash).await
    };

    assert_eq!(is_current(64, 2, 2).await, Verification::Right);
    for (memory_kib, iterations, parallelism) in
        [(63, 2, 2), (65, 2, 2), (64, 1, 2), (64, 3, 2), (64, 2, 1), (64, 2, 4)]
    {
        assert_eq!(is_current(memory_kib, iterations, parallelism).await, Verification::RightButOutdated);
    }
}

#[tokio::test]
async fn pw_20_another_salt_or_hash_length_kind_or_version_is_outdated() {
    let right =
        "$argon2id$v=19$m=8,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$M7jw0GQI4Kfcxf+xPldfNRYttP89scc9XVAYAcaZ0U0";
    assert_eq!(verify(&cheap(), "correct horse", right).await, Verification::Right);

    for (_, stored) in REFEREE.iter().filter(|(_, stored)| stored.contains("$m=8,") && *stored != right) {
        assert_eq!(
            verify(&cheap(), "correct horse", stored).await,
            Verification::RightButOutdated,
            "{stored}"
        );
    }
    let same_parameters = PasswordHasher::new(Argon2Parameters::new(64, 3, 1).unwrap(), Random::seeded(1));
    for (_, stored) in REFEREE.iter().filter(|(_, stored)| stored.contains("$m=64,t=3,p=1$")) {
        assert_eq!(
            verify(&same_parameters, "correct horse", stored).await,
            Verification::RightButOutdated,
            "{stored}"
        );
    }
}

#[tokio::test]
async fn pw_02_to_pw_04_a_password_is_its_bytes_whole() {
    let hasher = cheap();
    let long = "é".repeat(64);
    for password in ["", " a ", "a\0b", "Пароль", &long, &"L".repeat(1 << 20)] {
        let hash = hasher.hash(&password.into()).await.unwrap();

        assert_eq!(verify(&hasher, password, &hash).await, Verification::Right);
        let shorter = password.chars().count().saturating_sub(1);
        let prefix: String = password.chars().take(shorter).collect();
        let others =
            [prefix, password.trim().to_owned(), password.to_lowercase(), password.replace('\0', "")];
        let others = others.into_iter().filter(|other| other != password);
        for other in others.chain([format!("{password} "), format!("{password}\0")]) {
            assert_eq!(verify(&hasher, &other, &hash).await, Verification::Wrong);
        }
    }
}

#[tokio::test]
async fn pw_21_a_password_over_72_bytes_is_wrong_with_bcrypt() {
    let stored = "$2b$04$abcdefghijklmnopqrstuuwurWIdVVT4m5pTArtqnFNM69nySdHj.";

    for (bytes, expected) in [
        (71, Verification::Wrong),
        (72, Verification::RightButOutdated),
        (73, Verification::Wrong),
        (4096, Verification::Wrong),
    ] {
        assert_eq!(verify(&cheap(), &"y".repeat(bytes), stored).await, expected, "{bytes} bytes");
    }
}

#[tokio::test]
async fn pw_03_a_password_with_nul_is_wrong_with_bcrypt() {
    // What bcrypt itself says is right: its key repeats with a NUL between.
    let stored = "$2b$04$abcdefghijklmnopqrstuuMFdJu9yVgmagVAIC24fOZkaFqd3s9JC";
    assert!(bcrypt::verify("a\0a", stored).unwrap());

    assert_eq!(verify(&cheap(), "a", stored).await, Verification::RightButOutdated);
    for password in ["a\0a", "a\0", "\0a", "a\0b"] {
        assert_eq!(verify(&cheap(), password, stored).await, Verification::Wrong, "{password:?}");
    }
}

const UNKNOWN: &str = "it is neither Argon2 nor bcrypt";
const DAMAGED: &str = "it is damaged";
const TOO_MUCH: &str = "it asks for more memory or time than is allowed";

#[tokio::test]
async fn pw_22_a_hash_that_cannot_be_verified_is_wrong_and_logged_without_it() {
    let argon2 = |parameters: &str| {
        format!(
            "$argon2id$v=19${parameters}$MDEyMzQ1Njc4OWFiY2RlZg$M7jw0GQI4Kfcxf+xPldfNRYttP89scc9XVAYAcaZ0U0"
        )
    };
    let bcrypt = |start: &str| format!("{start}abcdefghijklmnopqrstuum174eFeoTj0DHmtuueFaS3Wde4P7wHG");
    let rows = [
        (String::new(), UNKNOWN),
        ("!".to_owned(), UNKNOWN),
        ("plain text".to_owned(), UNKNOWN),
        ("pbkdf2_sha256$600000$salt$aGFzaA==".to_owned(), UNKNOWN),
        ("$5$rounds=5000$saltsalt$hash".to_owned(), UNKNOWN),
        (bcrypt("$2$04$"), UNKNOWN),
        (bcrypt("$2c$04$"), UNKNOWN),
        (argon2("m=8,t=1,p=1").replace("argon2id", "argon2x"), UNKNOWN),
        ("$argon2id".to_owned(), DAMAGED),
        ("$argon2id$v=19$m=8,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg".to_owned(), DAMAGED),
        ("$argon2id$v=19$m=8,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$".to_owned(), DAMAGED),
        ("$argon2id$v=19$m=8,t=1,p=1$MDEy$M7jw0GQI4Kfcxf+xPldfNRYttP89scc9XVAYAcaZ0U0".to_owned(), DAMAGED),
        (argon2("m=8,t=1,p=1") + "=", DAMAGED),
        (argon2("m=8,t=1,p=1") + "$", DAMAGED),
        (argon2("m=8,t=1,p=1").replace("v=19", "v=17"), DAMAGED),
        (argon2("m=8,t=1"), DAMAGED),
        (argon2("m=8,t=1,p=1,data=aGFzaA"), DAMAGED),
        (argon2("t=1,m=8,p=1"), DAMAGED),
        (argon2("m=08,t=1,p=1"), DAMAGED),
        (argon2("m=+8,t=1,p=1"), DAMAGED),
        (argon2("m=,t=1,p=1"), DAMAGED),
        (argon2("m=7,t=1,p=1"), DAMAGED),
        (argon2("m=8,t=0,p=1"), DAMAGED),
        (argon2("m=8,t=1,p=0"), DAMAGED),
        (argon2("m=8,t=1,p=2"), DAMAGED),
        (argon2("m=8,t=1,p=16777216"), DAMAGED),
        (argon2("m=4294967296,t=1,p=1"), DAMAGED),
        (argon2("m=1048577,t=1,p=1"), TOO_MUCH),
        (argon2("m=1048576,t=33,p=1"), TOO_MUCH),
        (argon2("m=8,t=4294967295,p=1"), TOO_MUCH),
        (bcrypt("$2b$03$"), DAMAGED),
        (bcrypt("$2b$+4$"), DAMAGED),
        (bcrypt("$2b$19$"), TOO_MUCH),
        (bcrypt("$2b$99$"), TOO_MUCH),
        (bcrypt("$2b$04$") + "G", DAMAGED),
        (bcrypt("$2b$04$").replace("stuu", "stuv"), DAMAGED),
        (bcrypt("$2b$04$").replace("abc", "äb"), DAMAGED),
    ];

    for (stored, reason) in rows {
        let log = Log::default();
        let capturing = tracing::subscriber::set_default(log.clone());
        assert_eq!(verify(&cheap(), "pässword", &stored).await, Verification::Wrong, "{stored}");
        drop(capturing);

        assert_eq!(
            log.text(),
            format!("WARN a stored password hash cannot be verified: {reason}"),
            "{stored}"
        );
    }
}

/// Hashes are done in the order in which they were begun, one thread has one queue: so a count of places taken is
/// a count of hashes.
#[tokio::test]
async fn en_02_unknown_users_and_unreadable_hashes_take_a_place_among_the_hashes() {
    let hasher = cheap().queue(0);
    let (release, released) = std::sync::mpsc::channel::<()>();
    let (pool, password) = (hasher.clone(), SecretString::from("horse"));
    let busy = tokio::spawn(async move { pool.inner.pool.run(move |_| released.recv()).await });
    tokio::task::yield_now().await;

    let refused = [
        hasher.hash(&password).await.err(),
        hasher.verify(&password, ALICE).await.err(),
        hasher.verify(&password, "$2b$04$abcdefghijklmnopqrstuum174eFeoTj0DHmtuueFaS3Wde4P7wHG").await.err(),
        hasher.verify(&password, "damaged").await.err(),
        hasher.verify_unknown(&password).await.err(),
        hasher.verify_fingerprint(ALICE, ALICE).await.err(),
    ];

    assert_eq!(refused, [Some(HashError::Overloaded); 6]);
    release.send(()).unwrap();
    busy.await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn pw_11_of_a_crowd_those_who_find_room_are_answered_and_the_others_refused() {
    let hasher = cheap().threads(2).queue(3);
    let (release, released) = std::sync::mpsc::channel::<()>();
    let released = Arc::new(Mutex::new(released));
    let mut busy = Vec::new();
    for _ in 0..2 {
        let (hasher, released) = (hasher.clone(), Arc::clone(&released));
        busy.push(tokio::spawn(async move {
            hasher.inner.pool.run(move |_| released.lock().unwrap().recv().unwrap()).await
        }));
    }
    tokio::task::yield_now().await;

    let logins: Vec<_> = (0..10)
        .map(|_| {
            let hasher = hasher.clone();
            tokio::spawn(async move { hasher.verify_unknown(&"horse".into()).await })
        })
        .collect();
    tokio::task::yield_now().await;
    release.send(()).unwrap();
    release.send(()).unwrap();

    let mut answered = 0;
    for login in logins {
        answered += usize::from(login.await.unwrap().is_ok());
    }
    assert_eq!(answered, 3);
    for job in busy {
        job.await.unwrap().unwrap();
    }
    hasher.verify_unknown(&"horse".into()).await.unwrap();
}

#[tokio::test]
async fn fingerprints_are_cheap_and_need_no_free_thread() {
    let hasher = PasswordHasher::new(Argon2Parameters::default(), Random::seeded(1)).threads(1).queue(0);
    let (release, released) = std::sync::mpsc::channel::<()>();
    let pool = hasher.clone();
    let busy = tokio::spawn(async move { pool.inner.pool.run(move |_| released.recv()).await });
    tokio::task::yield_now().await;

    let fingerprint = hasher.fingerprint(ALICE).await.unwrap();

    assert!(fingerprint.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{fingerprint}");
    assert_ne!(fingerprint, hasher.fingerprint(ALICE).await.unwrap());
    assert!(hasher.verify_fingerprint(ALICE, &fingerprint).await.unwrap());
    assert!(!hasher.verify_fingerprint(&ALICE.replace("9nRA", "9nRB"), &fingerprint).await.unwrap());
    release.send(()).unwrap();
    busy.await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn fingerprints_made_by_the_referee_are_accepted_until_the_stored_hash_changes() {
    let rows = [
        "$argon2id$v=19$m=8,t=1,p=1$uN3XFDU+kN1bMrWOufAE0Q$Zw5L66QIeyWX0U1F7hE/tZ45z5W4hXufNGfuOhvwIWs",
        "$argon2id$v=19$m=65536,t=3,p=4$4yBTE0wn5JSfS/gkfP/6GQ$OkdOu/7VHaiWCMNGcsDhOWsGZJdRf7W/ipl4M0ZHyIo",
    ];
    for fingerprint in rows {
        assert!(cheap().verify_fingerprint(ALICE, fingerprint).await.unwrap(), "{fingerprint}");
        assert!(!cheap().verify_fingerprint("$argon2id$", fingerprint).await.unwrap(), "{fingerprint}");
    }
}

#[tokio::test]
async fn tk_09_a_text_that_is_no_fingerprint_is_not_accepted() {
    for fingerprint in ["", ALICE, "$argon2id$v=19$m=8,t=1,p=1$uN3XFDU+kN1bMrWOufAE0Q", "\0"] {
        assert!(!cheap().verify_fingerprint(fingerprint, fingerprint).await.unwrap(), "{fingerprint}");
    }
}

#[test]
fn parameters_out_of_range_are_refused_with_the_reason() {
    let rows = [
        ((65536, 3, 4), ""),
        ((8, 1, 1), ""),
        ((1 << 20, 32, 1), ""),
        ((65536, 0, 4), "Argon2 needs at least 1 iteration"),
        ((65536, 3, 0), "Argon2's parallelism must be from 1 to 16777215"),
        ((0, 3, 0), "Argon2's parallelism must be from 1 to 16777215"),
        ((65536, 3, 1 << 24), "Argon2's parallelism must be from 1 to 16777215"),
        (
            (31, 3, 4),
            "Argon2 needs at least 8 KiB of memory for each of its lanes: with a parallelism of 4, 32 KiB",
        ),
        (
            ((1 << 20) + 1, 1, 4),
            "a password hash may take at most 1048576 KiB of memory, and memory in KiB times iterations may be at \
             most 33554432",
        ),
    ];
    for ((memory_kib, iterations, parallelism), expected) in rows {
        let result = Argon2Parameters::new(memory_kib, iterations, parallelism);
        let reason = result.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(reason == expected, "{memory_kib}, {iterations}, {parallelism}: {reason}");
    }
    assert!(Argon2Parameters::new(1 << 20, 33, 1).is_err());
}

#[test]
fn hd_20_debug_shows_parameters_and_no_state() {
    assert_eq!(
        format!("{:?}", cheap()),
        "PasswordHasher { parameters: Argon2Parameters { memory_kib: 8, iterations: 1, parallelism: 1 }, \
         threads: 1, .. }"
    );
    assert_eq!(
        format!("{:?}", Argon2Parameters::default()),
        "Argon2Parameters { memory_kib: 65536, iterations: 3, parallelism: 4 }"
    );
}

/// Keeps what is logged as text.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl Log {
    fn text(&self) -> String {
        self.0.lock().unwrap().clone()
    }
}

struct Fields<'a>(&'a mut String);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            "message" => write!(self.0, " {value:?}").unwrap(),
            name => write!(self.0, " {name}={value:?}").unwrap(),
        }
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().contains("password")
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = self.0.lock().unwrap();
        text.push_str(event.metadata().level().as_str());
        event.record(&mut Fields(&mut text));
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}
