//! The names of what is counted, with meaning and unit; `docs/observability.md` has them as a table.

#[cfg(feature = "oauth")]
use crate::ApiError;
use crate::AuditEvent;

pub(super) const LOGINS: &str = "axum_users_logins_total";
pub(super) const LIMITS: &str = "axum_users_limits_hit_total";
const REGISTRATIONS: &str = "axum_users_registrations_total";
const RESETS: &str = "axum_users_password_resets_total";
const VERIFICATIONS: &str = "axum_users_verifications_total";

const COUNTERS: &[(&str, &str)] = &[
    ("axum_users_events_total", "Events of the audit trail"),
    (LOGINS, "Logins, by password or provider, by what came of them"),
    (REGISTRATIONS, "Registrations, by what came of them"),
    (RESETS, "Password resets, from the mailed token to the new password"),
    (VERIFICATIONS, "Verifications of addresses, from the mailed token to its use"),
    ("axum_users_password_hashes_refused_total", "Passwords that were not hashed, since too many waited"),
    (LIMITS, "Requests that a limit refused with 429, by what was tried"),
    ("axum_users_oauth_callbacks_total", "Callbacks of OAuth providers, by what was answered"),
    (
        "axum_users_background_jobs_refused_total",
        "Work behind answers that was refused, since too much waited",
    ),
    ("axum_users_audit_entries_lost_total", "Entries of the audit trail that the database did not take"),
];

const GAUGES: &[(&str, &str)] = &[
    (super::HASHES_WAITING, "Passwords that wait for a hashing thread"),
    (super::HASHES_RUNNING, "Passwords that are hashed"),
    (super::BACKGROUND_JOBS, "Jobs behind answers that wait or run"),
    (super::AUDIT_WAITING, "Entries of the audit trail that wait for the database"),
];

const HISTOGRAMS: &[(&str, &str)] = &[
    ("axum_users_password_hash_duration_seconds", "Seconds that a hashing thread spends on a password"),
    ("axum_users_password_hash_wait_seconds", "Seconds that a password waits for a hashing thread"),
];

/// Tells the installed recorder of the crate `metrics` what each metric of this library means. Call it once, after the
/// recorder was installed; the metrics come without it, too.
pub fn describe_metrics() {
    for (name, meaning) in COUNTERS {
        metrics::describe_counter!(*name, metrics::Unit::Count, *meaning);
    }
    for (name, meaning) in GAUGES {
        metrics::describe_gauge!(*name, metrics::Unit::Count, *meaning);
    }
    for (name, meaning) in HISTOGRAMS {
        metrics::describe_histogram!(*name, metrics::Unit::Seconds, *meaning);
    }
}

/// The counter of an operation's outcomes, and the outcome, for the events that are one.
pub(super) fn outcome<'a>(event: &str, reason: &'a str) -> Option<(&'static str, &'a str)> {
    use AuditEvent as Event;
    let is = |known: Event| event == known.name();
    if is(Event::LimitHit) {
        return Some((LIMITS, reason));
    }
    for (counter, begun, succeeded, failed) in [
        (LOGINS, None, Event::LoggedIn, Event::LoginFailed),
        (REGISTRATIONS, None, Event::Registered, Event::RegisterFailed),
        (RESETS, Some(Event::PasswordResetRequested), Event::PasswordReset, Event::PasswordResetFailed),
        (VERIFICATIONS, Some(Event::VerificationRequested), Event::Verified, Event::VerificationFailed),
    ] {
        if is(succeeded) {
            return Some((counter, "succeeded"));
        }
        if begun.is_some_and(is) {
            return Some((counter, "requested"));
        }
        if is(failed) {
            return Some((counter, reason));
        }
    }
    None
}

/// What came of a callback, in a word: its error code where it has one.
#[cfg(feature = "oauth")]
pub(super) fn callback_outcome(failure: Option<&ApiError>) -> &'static str {
    match failure {
        None => "succeeded",
        Some(ApiError::Code(code) | ApiError::CodeWithReason(code, _)) => code,
        Some(ApiError::Provider(status, _)) if status.is_client_error() => "provider_refused",
        Some(ApiError::Provider(..)) => "provider_failed",
        Some(ApiError::BadRequest(_)) => "bad_request",
        Some(ApiError::Internal(error)) if error.is_temporary() => "unavailable",
        Some(ApiError::Internal(_)) => "failed",
        Some(_) => "refused",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_every_metric_of_the_library_and_no_other() {
        const PAGE: &str = include_str!("../../../../docs/observability.md");
        let servers = ["axum_users_mails_total", "axum_users_mails_waiting", "axum_users_info"];
        let rows = PAGE.lines().filter_map(|line| line.strip_prefix("| `axum_users_")?.split_once('`'));
        let told = rows.map(|(rest, _)| format!("axum_users_{rest}"));
        let mut told: Vec<_> = told.filter(|name| !servers.contains(&name.as_str())).collect();
        let all = COUNTERS.iter().chain(GAUGES).chain(HISTOGRAMS);
        let mut known: Vec<_> = all.map(|(name, _)| (*name).to_owned()).collect();
        told.sort();
        known.sort();
        assert_eq!(told, known);
    }

    #[test]
    fn every_event_of_an_operation_is_one_outcome_of_it() {
        let told: Vec<_> = AuditEvent::ALL
            .iter()
            .filter_map(|event| outcome(event.name(), "why").map(|outcome| (event.name(), outcome)))
            .collect();
        assert_eq!(
            told,
            [
                ("registered", (REGISTRATIONS, "succeeded")),
                ("register_failed", (REGISTRATIONS, "why")),
                ("logged_in", (LOGINS, "succeeded")),
                ("login_failed", (LOGINS, "why")),
                ("password_reset_requested", (RESETS, "requested")),
                ("password_reset", (RESETS, "succeeded")),
                ("password_reset_failed", (RESETS, "why")),
                ("verification_requested", (VERIFICATIONS, "requested")),
                ("verified", (VERIFICATIONS, "succeeded")),
                ("verification_failed", (VERIFICATIONS, "why")),
                ("limit_hit", (LIMITS, "why")),
            ]
        );
    }
}
