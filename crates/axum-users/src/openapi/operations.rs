//! The operations of each router: names, bodies, answers and examples as the original documents them.

#[cfg(feature = "oauth")]
mod oauth;
mod sessions;

use serde_json::{Map, Value, json};

use super::{BackendDescription, MountedRouter, RouterKind, identifier, schemas, title};
use crate::error::code;

/// One method of one path.
pub(super) struct Operation {
    pub(super) method: &'static str,
    pub(super) path: String,
    pub(super) secured: bool,
    tag: &'static str,
    /// The route's name in the original, from which the summary and the operation id are made.
    name: String,
    description: Option<&'static str>,
    parameters: Vec<Value>,
    body: Option<Body>,
    responses: Map<String, Value>,
}

/// What an operation takes.
enum Body {
    /// JSON of a component schema.
    Model(String),
    /// Single fields, whose schema the original names after the operation.
    Fields { content_type: &'static str, fields: Value, required: &'static [&'static str] },
}

/// The operations of one router. `model` is the stem of the user schemas' names.
pub(super) fn of_router(
    router: &MountedRouter,
    model: &str,
    backends: &[BackendDescription],
) -> Vec<Operation> {
    let prefix = router.prefix.as_str();
    match &router.kind {
        RouterKind::Auth { backend } => {
            auth(prefix, backend, backends.iter().find(|known| known.name == *backend))
        }
        RouterKind::Register => register(prefix, model),
        RouterKind::ResetPassword => reset_password(prefix),
        RouterKind::Verify => verify(prefix, model),
        RouterKind::Users => users(prefix, model),
        RouterKind::Jwks => jwks(prefix),
        RouterKind::Sessions => sessions::sessions(prefix),
        #[cfg(feature = "oauth")]
        RouterKind::OAuth { provider, backend } => oauth::login(prefix, provider, backend),
        #[cfg(feature = "oauth")]
        RouterKind::OAuthAssociate { provider } => oauth::associate(prefix, provider, model),
        #[cfg(feature = "oauth")]
        RouterKind::Exchange { backend } => {
            oauth::exchange(prefix, backend, backends.iter().find(|known| known.name == *backend))
        }
    }
}

fn auth(prefix: &str, backend: &str, description: Option<&BackendDescription>) -> Vec<Operation> {
    let login = Operation::new("auth", "post", format!("{prefix}/login"), format!("auth:{backend}.login"))
        .form(schemas::login_form(), &["username", "password"])
        .answers("200", success(json!({})))
        .answers(
            "400",
            bad_request(&[
                Example::new(code::LOGIN_BAD_CREDENTIALS, "Bad credentials or the user is inactive."),
                Example::new(code::LOGIN_USER_NOT_VERIFIED, "The user is not verified."),
            ]),
        )
        .answers_also(description.map(sessions::login_responses).as_ref());
    let logout = Operation::new("auth", "post", format!("{prefix}/logout"), format!("auth:{backend}.logout"))
        .secured()
        .answers("200", success(json!({})))
        .answers("401", unauthorized())
        .answers_also(description.map(|known| &known.transport.logout_responses));
    let refresh =
        description.filter(|known| known.refreshes).map(|known| sessions::refresh(prefix, backend, known));
    [login, logout].into_iter().chain(refresh).collect()
}

fn register(prefix: &str, model: &str) -> Vec<Operation> {
    let register = Operation::new("auth", "post", format!("{prefix}/register"), "register:register")
        .model(format!("{model}Create"))
        .answers("201", user(model))
        .answers(
            "400",
            bad_request(&[
                Example::new(code::REGISTER_USER_ALREADY_EXISTS, "A user with this email already exists."),
                // The missing space is the original's.
                Example::new(code::REGISTER_INVALID_PASSWORD, "Password validation failed.")
                    .because("Password should beat least 3 characters"),
            ]),
        );
    vec![register]
}

/// What register answers where taken addresses are hidden.
pub(super) fn hide_taken_emails(register: &mut Value) {
    let Some(responses) = register["responses"].as_object_mut() else { return };
    responses.shift_remove("201");
    responses.shift_insert(0, "202".to_owned(), success(json!({})));
    responses["400"] =
        bad_request(&[Example::new(code::REGISTER_INVALID_PASSWORD, "Password validation failed.")
            .because("Password should be at least 3 characters")]);
}

fn reset_password(prefix: &str) -> Vec<Operation> {
    let forgot = Operation::new("auth", "post", format!("{prefix}/forgot-password"), "reset:forgot_password")
        .fields(json!({ "email": schemas::email() }), &["email"])
        .answers("202", success(json!({})))
        .answers("400", unreadable());
    let fields = json!({ "token": schemas::text("token"), "password": schemas::text("password") });
    let reset = Operation::new("auth", "post", format!("{prefix}/reset-password"), "reset:reset_password")
        .fields(fields, &["token", "password"])
        .answers("200", success(json!({})))
        .answers(
            "400",
            bad_request(&[
                Example::new(code::RESET_PASSWORD_BAD_TOKEN, "Bad or expired token."),
                Example::new(code::RESET_PASSWORD_INVALID_PASSWORD, "Password validation failed.")
                    .because("Password should be at least 3 characters"),
            ]),
        );
    vec![forgot, reset]
}

fn verify(prefix: &str, model: &str) -> Vec<Operation> {
    let request =
        Operation::new("auth", "post", format!("{prefix}/request-verify-token"), "verify:request-token")
            .fields(json!({ "email": schemas::email() }), &["email"])
            .answers("202", success(json!({})))
            .answers("400", unreadable());
    let verify = Operation::new("auth", "post", format!("{prefix}/verify"), "verify:verify")
        .fields(json!({ "token": schemas::text("token") }), &["token"])
        .answers("200", user(model))
        .answers(
            "400",
            bad_request(&[
                Example::new(
                    code::VERIFY_USER_BAD_TOKEN,
                    "Bad token, not existing user or not the e-mail currently set for the user.",
                ),
                Example::new(code::VERIFY_USER_ALREADY_VERIFIED, "The user is already verified."),
            ]),
        );
    vec![request, verify]
}

fn users(prefix: &str, model: &str) -> Vec<Operation> {
    let me = format!("{prefix}/me");
    let one = format!("{prefix}/{{id}}");
    let of_current_user = |method, name| {
        Operation::new("users", method, me.clone(), name)
            .secured()
            .answers("200", user(model))
            .answers("401", unauthorized())
    };
    let of_any_user = |method, name, status, success| {
        Operation::new("users", method, one.clone(), name)
            .secured()
            .path_parameter("id")
            .answers(status, success)
            .answers("401", unauthorized())
            .answers("403", described("Not a superuser."))
            .answers("404", described("The user does not exist."))
    };
    let changes =
        |operation: Operation| operation.model(format!("{model}Update")).answers("400", update_refused());
    vec![
        of_current_user("get", "users:current_user"),
        changes(of_current_user("patch", "users:patch_current_user")),
        of_any_user("get", "users:user", "200", user(model)),
        changes(of_any_user("patch", "users:patch_user", "200", user(model))),
        of_any_user("delete", "users:delete_user", "204", described("Successful Response")),
    ]
}

/// Ours: the original shows no keys.
fn jwks(prefix: &str) -> Vec<Operation> {
    let key =
        json!({ "type": "object", "required": ["kty", "kid", "use", "alg"], "additionalProperties": true });
    let set = json!({
        "type": "object", "properties": { "keys": { "type": "array", "items": key } }, "required": ["keys"]
    });
    let answer = json!({
        "description": "A JSON Web Key Set (RFC 7517): the public keys that access tokens are verified by.",
        "content": { "application/jwk-set+json": { "schema": set } },
    });
    vec![Operation::new("auth", "get", format!("{prefix}/jwks.json"), "auth:jwks").answers("200", answer)]
}

/// What a login with a bearer token answers.
pub(super) fn bearer_login_responses() -> Value {
    let mut response = success(schemas::reference("BearerResponse"));
    response["content"]["application/json"]["example"] = json!({
        "access_token": "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJ1c2VyX2lkIjoiOTIyMWZmYzktNjQwZi00MzcyLTg2Z\
            DMtY2U2NDJjYmE1NjAzIiwiYXVkIjoiZmFzdGFwaS11c2VyczphdXRoIiwiZXhwIjoxNTcxNTA0MTkzfQ.M10bjOe45I5Ncu_u\
            XvOmVV8QxnL-nZfcH96U90JaocI",
        "token_type": "bearer",
    });
    json!({ "200": response })
}

/// What a logout with a bearer token answers; the original's document says 200 alone.
pub(super) fn bearer_logout_responses() -> Value {
    json!({ "204": described("Successful Response") })
}

impl Operation {
    fn new(tag: &'static str, method: &'static str, path: String, name: impl Into<String>) -> Self {
        Self {
            method,
            path,
            secured: false,
            tag,
            name: name.into(),
            description: None,
            parameters: Vec::new(),
            body: None,
            responses: Map::new(),
        }
    }

    /// The operation wants a user who is logged in.
    fn secured(mut self) -> Self {
        self.secured = true;
        self
    }

    fn path_parameter(mut self, name: &str) -> Self {
        let schema = schemas::text(name);
        self.parameters.push(json!({ "name": name, "in": "path", "required": true, "schema": schema }));
        self
    }

    #[cfg(feature = "oauth")]
    fn query_parameter(mut self, name: &str, schema: &Value) -> Self {
        self.parameters.push(json!({ "name": name, "in": "query", "required": false, "schema": schema }));
        self
    }

    #[cfg(feature = "oauth")]
    fn described(mut self, description: &'static str) -> Self {
        self.description = Some(description);
        self
    }

    fn model(mut self, schema: String) -> Self {
        self.body = Some(Body::Model(schema));
        self
    }

    fn fields(mut self, fields: Value, required: &'static [&'static str]) -> Self {
        self.body = Some(Body::Fields { content_type: "application/json", fields, required });
        self
    }

    fn form(mut self, fields: Value, required: &'static [&'static str]) -> Self {
        let content_type = "application/x-www-form-urlencoded";
        self.body = Some(Body::Fields { content_type, fields, required });
        self
    }

    fn answers(mut self, status: &str, response: Value) -> Self {
        self.responses.insert(status.into(), response);
        self
    }

    fn answers_also(mut self, responses: Option<&Value>) -> Self {
        for (status, response) in responses.and_then(Value::as_object).into_iter().flatten() {
            self.responses.insert(status.clone(), response.clone());
        }
        self
    }

    /// FastAPI's unique id: route name, path and method, with all but letters and digits made underscores.
    fn id(&self) -> String {
        format!("{}_{}", identifier(&format!("{}{}", self.name, self.path)), self.method)
    }

    fn body_name(&self) -> String {
        format!("Body_{}", self.id())
    }

    /// The name and schema of a body of single fields.
    pub(super) fn own_body_schema(&self) -> Option<(String, Value)> {
        let Some(Body::Fields { fields, required, .. }) = &self.body else { return None };
        let name = self.body_name();
        let schema = json!({ "properties": fields, "type": "object", "required": required, "title": name });
        Some((name, schema))
    }

    /// The operation object. `security` lists the backends, any of which will do.
    pub(super) fn into_json(mut self, security: &[Value]) -> Value {
        let mut operation =
            json!({ "tags": [self.tag], "summary": title(&self.name), "operationId": self.id() });
        if let Some(description) = self.description {
            operation["description"] = description.into();
        }
        if self.body.is_some() || !self.parameters.is_empty() {
            self.responses.insert("422".into(), validation_error());
        }
        if let Some(body) = &self.body {
            let (content_type, schema) = match body {
                Body::Model(name) => ("application/json", schemas::reference(name)),
                Body::Fields { content_type, .. } => (*content_type, schemas::reference(&self.body_name())),
            };
            operation["requestBody"] =
                json!({ "content": { content_type: { "schema": schema } }, "required": true });
        }
        if !self.parameters.is_empty() {
            operation["parameters"] = Value::Array(self.parameters);
        }
        operation["responses"] = Value::Object(self.responses);
        if self.secured && !security.is_empty() {
            operation["security"] = Value::from(security);
        }
        operation
    }
}

/// One error code of a 400 answer.
struct Example {
    code: &'static str,
    summary: &'static str,
    reason: Option<&'static str>,
}

impl Example {
    fn new(code: &'static str, summary: &'static str) -> Self {
        Self { code, summary, reason: None }
    }

    /// The answer carries a reason beside the code.
    fn because(mut self, reason: &'static str) -> Self {
        self.reason = Some(reason);
        self
    }
}

fn described(description: &str) -> Value {
    json!({ "description": description })
}

fn unauthorized() -> Value {
    described("Missing token or inactive user.")
}

/// The 400 of a body that is not even text, which the original's document leaves out.
fn unreadable() -> Value {
    answer("Bad Request", schemas::reference("ErrorModel"))
}

fn answer(description: &str, schema: Value) -> Value {
    let media_type = Map::from_iter([("schema".to_owned(), schema)]);
    json!({ "description": description, "content": { "application/json": media_type } })
}

fn success(schema: Value) -> Value {
    answer("Successful Response", schema)
}

fn user(model: &str) -> Value {
    success(schemas::reference(&format!("{model}Read")))
}

fn validation_error() -> Value {
    answer("Validation Error", schemas::reference("HTTPValidationError"))
}

fn bad_request(examples: &[Example]) -> Value {
    let examples: Map<_, _> = examples
        .iter()
        .map(|example| {
            let detail = match example.reason {
                Some(reason) => json!({ "code": example.code, "reason": reason }),
                None => json!(example.code),
            };
            (example.code.to_owned(), json!({ "summary": example.summary, "value": { "detail": detail } }))
        })
        .collect();
    let mut response = answer("Bad Request", schemas::reference("ErrorModel"));
    response["content"]["application/json"]["examples"] = Value::Object(examples);
    response
}

fn update_refused() -> Value {
    bad_request(&[
        Example::new(code::UPDATE_USER_EMAIL_ALREADY_EXISTS, "A user with this email already exists."),
        // The missing space is the original's.
        Example::new(code::UPDATE_USER_INVALID_PASSWORD, "Password validation failed.")
            .because("Password should beat least 3 characters"),
    ])
}
