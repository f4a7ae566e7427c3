//! The operations of the sessions router, and of refresh tokens.

use serde_json::{Value, json};

use super::{
    super::schemas, BackendDescription, Example, Operation, bad_request, described, success, unauthorized,
};
use crate::error::code;

pub(super) fn sessions(prefix: &str) -> Vec<Operation> {
    let list = success(json!({ "type": "array", "items": schemas::reference("SessionRead") }));
    let done = || described("Successful Response");
    let own = |method, path: &str, name| {
        Operation::new("users", method, format!("{prefix}/me/sessions{path}"), name)
            .secured()
            .answers("401", unauthorized())
    };
    let of_user = |method, path: &str, name| {
        Operation::new("users", method, format!("{prefix}/{{id}}/sessions{path}"), name)
            .secured()
            .path_parameter("id")
            .answers("401", unauthorized())
            .answers("403", described("Not a superuser."))
    };
    let unknown = || described("There is no such user or session.");
    vec![
        own("get", "", "users:sessions").answers("200", list.clone()),
        own("delete", "", "users:end_other_sessions").answers("204", done()),
        own("delete", "/{session_id}", "users:end_session")
            .path_parameter("session_id")
            .answers("204", done())
            .answers("404", unknown()),
        of_user("get", "", "users:user_sessions").answers("200", list).answers("404", unknown()),
        of_user("delete", "", "users:end_user_sessions").answers("204", done()).answers("404", unknown()),
        of_user("delete", "/{session_id}", "users:end_user_session")
            .path_parameter("session_id")
            .answers("204", done())
            .answers("404", unknown()),
    ]
}

pub(super) fn refresh(prefix: &str, backend: &str, description: &BackendDescription) -> Operation {
    let refused = bad_request(&[
        Example::new(code::REFRESH_BAD_TOKEN, "Bad, expired or used token, or the session has ended."),
        Example::new(code::LOGIN_USER_NOT_VERIFIED, "The user is not verified."),
    ]);
    let refresh =
        Operation::new("auth", "post", format!("{prefix}/refresh"), format!("auth:{backend}.refresh"));
    let refresh = match description.refresh_token_in_body {
        true => {
            refresh.fields(json!({ "refresh_token": schemas::text("refresh_token") }), &["refresh_token"])
        }
        false => refresh,
    };
    refresh
        .answers("200", success(json!({})))
        .answers("400", refused)
        .answers_also(Some(&login_responses(description)))
}

/// What a login answers; with a bearer token, the refresh token too, where the backend has them.
pub(super) fn login_responses(description: &BackendDescription) -> Value {
    let mut responses = description.transport.login_responses.clone();
    if description.refreshes
        && let Some(media_type) = responses.pointer_mut("/200/content/application~1json")
        && media_type["schema"] == schemas::reference("BearerResponse")
    {
        media_type["schema"] = schemas::reference("BearerRefreshResponse");
        media_type["example"] = json!({
            "access_token": media_type["example"]["access_token"],
            "token_type": "bearer",
            "expires_in": 900,
            "refresh_token": "HANDLE.SECRET",
        });
    }
    responses
}
