//! The listed differences of OAuth.

use super::Instead::{
    Answer, Cookie, IssueTime, NotAsked, NotSent, OwnRedirectUri, Rows, StateClaims, Status,
};
use super::Why::{Bug, Security};
use super::{Listed, Why, line};

const STATE_CLAIMS: Why = Security("OA-03, OA-04, OA-05");
const PUBLIC_URL: Why = Security("OA-28");
const STATE_FIRST: Why = Security("OA-01, OA-02");
const USED_STATE: Why = Security("OA-06");
const PROVIDER_FAILS: Why = Security("OA-23");
const EVICTION: Why = Security("OA-06, OA-17");
const BAD_AUDIENCE: Why = Bug("a state of a wrong audience");
const NO_ADDRESS: Why = Bug("an e-mail address of the provider that is none");

const DECODE_ERROR: &str = "ACCESS_TOKEN_DECODE_ERROR";
const INVALID_STATE: &str = "OAUTH_INVALID_STATE";
const NO_PROFILE: &str = "Error while retrieving id and email.";

pub(super) const LISTED: &[Listed] = &[
    line("default/oauth-authorize", STATE_CLAIMS, &[StateClaims]),
    line("default/associate-authorize", STATE_CLAIMS, &[StateClaims]),
    line("default/associate-pete-authorize", STATE_CLAIMS, &[StateClaims]),
    line("requires-verification/oauth-authorize", STATE_CLAIMS, &[StateClaims]),
    line("oauth-in-user/authorize", STATE_CLAIMS, &[StateClaims]),
    line("oauth-in-user/associate-authorize", STATE_CLAIMS, &[StateClaims]),
    line("cookie-options/authorize", STATE_CLAIMS, &[StateClaims]),
    line("default/oauth-authorize-host", PUBLIC_URL, &[OwnRedirectUri]),
    line("default/oauth-authorize-forwarded", PUBLIC_URL, &[OwnRedirectUri]),
    line("default/oauth-callback-no-state", STATE_FIRST, &[NotAsked]),
    line("default/oauth-callback-bad-state", STATE_FIRST, &[NotAsked]),
    line("default/oauth-callback-empty-state", STATE_FIRST, &[NotAsked]),
    line("default/oauth-callback-state-secret", STATE_FIRST, &[NotAsked]),
    line("default/oauth-callback-state-expired", STATE_FIRST, &[NotAsked]),
    line("default/oauth-callback-state-aud", BAD_AUDIENCE, &[Answer(400, DECODE_ERROR), NotAsked]),
    line("default/oauth-callback-state-no-aud", BAD_AUDIENCE, &[Answer(400, DECODE_ERROR), NotAsked]),
    line("default/oauth-callback-state-no-csrf", STATE_FIRST, &[NotAsked]),
    line("default/oauth-callback-state-other-csrf", STATE_FIRST, &[NotAsked]),
    line("default/oauth-callback-no-cookie", STATE_FIRST, &[NotAsked]),
    line("default/oauth-callback-empty-cookie", STATE_FIRST, &[NotAsked]),
    line("default/oauth-callback-other-cookie", STATE_FIRST, &[NotAsked]),
    line("default/associate-callback-bad-state", STATE_FIRST, &[NotAsked]),
    line("default/associate-callback-expired-state", STATE_FIRST, &[NotAsked]),
    line("default/associate-callback-no-cookie", STATE_FIRST, &[NotAsked]),
    line("default/associate-callback-other-user", STATE_FIRST, &[NotAsked]),
    line(
        "default/associate-callback-login-state",
        Bug("a state of the login flow"),
        &[Answer(400, DECODE_ERROR), NotAsked],
    ),
    line("default/oauth-callback-extra-params", Security("OA-10"), &[Answer(400, INVALID_STATE), NotAsked]),
    line("default/oauth-callback-token-400", PROVIDER_FAILS, &[Status(400)]),
    line("default/oauth-callback-token-500", PROVIDER_FAILS, &[Status(503)]),
    line("default/oauth-callback-token-not-json", PROVIDER_FAILS, &[Status(502)]),
    line("default/oauth-callback-token-no-access-token", PROVIDER_FAILS, &[Answer(400, "x")]),
    line("default/oauth-callback-userinfo-401", PROVIDER_FAILS, &[Answer(400, NO_PROFILE)]),
    line("default/oauth-callback-userinfo-no-sub", PROVIDER_FAILS, &[Answer(502, NO_PROFILE)]),
    line("default/associate-callback-token-400", PROVIDER_FAILS, &[Status(400)]),
    line("default/oauth-callback-ok-new", USED_STATE, &[Cookie]),
    line("default/oauth-callback-ok-again", USED_STATE, &[Cookie]),
    line("default/oauth-callback-no-expiry", USED_STATE, &[Cookie]),
    line(
        "default/oauth-callback-sub-number",
        Bug("an e-mail address that is not normalised"),
        &[
            Cookie,
            Rows(
                r#"[{"email":"corp1@example.com","is_active":1,"is_verified":0,"account_id":"corp-1","account_email":"corp1@example.com"},{"email":"Corp.Seven@example.com","is_active":1,"is_verified":0,"account_id":"77","account_email":"Corp.Seven@EXAMPLE.com"}]"#,
            ),
        ],
    ),
    line("default/oauth-callback-bad-email", NO_ADDRESS, &[Answer(400, "OAUTH_NOT_AVAILABLE_EMAIL")]),
    line("default/oauth-me-bad-email", NO_ADDRESS, &[NotSent]),
    line("default/oauth-callback-code-verifier", USED_STATE, &[Cookie]),
    line("default/oauth-callback-two-codes", USED_STATE, &[Cookie]),
    line(
        "default/oauth-delete-user",
        Bug("a user with OAuth accounts is deleted"),
        &[Answer(204, ""), Rows(r#"[{"users":0}]"#)],
    ),
    line("default/associate-callback-ok", USED_STATE, &[Cookie]),
    line("default/oauth-login-associated", USED_STATE, &[Cookie]),
    line(
        "default/associate-callback-again",
        Bug("an account has several rows"),
        &[
            Cookie,
            Rows(r#"[{"oauth_name":"corp","account_id":"olga-1","account_email":"olga@corp.example.com"}]"#),
        ],
    ),
    line("default/oauth-login-two-rows", USED_STATE, &[Cookie]),
    line(
        "default/associate-callback-other-owner",
        Security("OA-20"),
        &[
            Answer(400, "OAUTH_USER_ALREADY_EXISTS"),
            Rows(r#"[{"oauth_name":"corp","account_id":"olga-1","account_email":"olga@corp.example.com"}]"#),
        ],
    ),
    line("default/oauth-login-two-owners", Bug("an account is two users'"), &[Answer(200, "bearer"), Cookie]),
    line("requires-verification/oauth-callback", USED_STATE, &[Cookie]),
    line("oauth-in-user/associated", EVICTION, &[Cookie, IssueTime]),
    line("oauth-in-user/new", EVICTION, &[Cookie, IssueTime]),
    line("oauth-in-user/associate", USED_STATE, &[Cookie]),
    line("cookie-options/callback", USED_STATE, &[Cookie]),
];
