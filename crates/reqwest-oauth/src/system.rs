//! The one place that reads the clock and asks the operating system for randomness.

use std::{
    fmt,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// Where the client takes the time and random bytes from.
#[derive(Clone)]
pub(crate) struct System {
    pub(crate) now: Arc<dyn Fn() -> i64 + Send + Sync>,
    pub(crate) fill: Arc<dyn Fn(&mut [u8]) + Send + Sync>,
}

impl System {
    /// Unix seconds.
    pub(crate) fn now(&self) -> i64 {
        (self.now)()
    }

    /// 32 random bytes as 43 characters of URL-safe base64.
    pub(crate) fn random_token(&self) -> String {
        let mut bytes = [0; 32];
        (self.fill)(&mut bytes);
        URL_SAFE_NO_PAD.encode(bytes)
    }
}

impl Default for System {
    fn default() -> Self {
        Self { now: Arc::new(unix_seconds), fill: Arc::new(random_bytes) }
    }
}

impl fmt::Debug for System {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("System")
    }
}

#[allow(clippy::disallowed_methods, reason = "the default clock; a client can be given another")]
fn unix_seconds() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

#[allow(clippy::disallowed_methods, reason = "the default source; a client can be given another")]
#[allow(clippy::panic, reason = "without randomness no nonce can be made, and a guessable one must never be")]
fn random_bytes(bytes: &mut [u8]) {
    if let Err(error) = getrandom::fill(bytes) {
        panic!("the operating system gives no random bytes: {error}");
    }
}
