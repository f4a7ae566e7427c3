//! The OpenAPI document of whatever the application mounted, as FastAPI would have written it.
//!
//! It is plain JSON and not made with an OpenAPI library: clients generated from the original's document keep
//! working only when operation ids, schema names, titles and references are the same to the letter.
//!
//! [`operations`] has one function for each router, [`schemas`] has the component schemas. A new router is one
//! more [`RouterKind`] and one more function.

mod operations;
mod schemas;

use serde_json::{Map, Value, json};

use crate::schema::Schema;

/// One router that the application mounted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MountedRouter {
    /// What the router is for.
    pub(crate) kind: RouterKind,
    /// The whole path before the router's own routes, without a slash at its end: `/auth/jwt`, `/auth`,
    /// `/users`, `/api/auth`.
    pub(crate) prefix: String,
}

/// The routers there are. Whether one wants verified users changes nothing in the original's document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RouterKind {
    /// Login and logout of the backend of this name.
    Auth {
        /// The backend's name.
        backend: String,
    },
    /// Registration.
    Register,
    /// Forgotten passwords.
    ResetPassword,
    /// Verification of the e-mail address.
    Verify,
    /// The current user, and all of them for superusers.
    Users,
    /// The public keys of signed tokens.
    Jwks,
    /// The sessions of the current user, and of all of them for superusers.
    Sessions,
    /// Login by an OAuth provider.
    #[cfg(feature = "oauth")]
    OAuth {
        /// The provider's name.
        provider: String,
        /// The name of the backend that the callback logs in with.
        backend: String,
    },
    /// Linking an OAuth provider's accounts.
    #[cfg(feature = "oauth")]
    OAuthAssociate {
        /// The provider's name.
        provider: String,
    },
    /// One-time codes for logins.
    #[cfg(feature = "oauth")]
    Exchange {
        /// The name of the backend that logs in.
        backend: String,
    },
}

/// The title and version of the API.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DocumentInfo<'a> {
    /// The API's name.
    pub(crate) title: &'a str,
    /// The API's version, not that of OpenAPI.
    pub(crate) version: &'a str,
}

/// What the document says of one authentication backend.
#[derive(Clone, Debug)]
pub(crate) struct BackendDescription {
    /// The backend's name.
    pub(crate) name: String,
    /// Whether it has refresh tokens.
    pub(crate) refreshes: bool,
    /// Whether clients send them in the body.
    pub(crate) refresh_token_in_body: bool,
    /// What its transport says.
    pub(crate) transport: TransportDescription,
}

/// What the OpenAPI document says of a transport: how a request carries the token, and what login and logout
/// answer.
///
/// ```
/// use axum_users::TransportDescription;
/// use serde_json::json;
///
/// let scheme = json!({ "type": "apiKey", "in": "header", "name": "X-Api-Key" });
/// let description = TransportDescription::new("ApiKey", scheme);
/// # let _ = description;
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct TransportDescription {
    security_scheme_name: String,
    security_scheme: Value,
    login_responses: Value,
    logout_responses: Value,
}

impl TransportDescription {
    /// A transport with this security scheme object (OpenAPI 3.1, section 4.8.27).
    ///
    /// Until [`with_responses`](Self::with_responses) says otherwise, login and logout answer 200 with any
    /// JSON.
    pub fn new(security_scheme_name: impl Into<String>, security_scheme: Value) -> Self {
        Self {
            security_scheme_name: security_scheme_name.into(),
            security_scheme,
            login_responses: json!({}),
            logout_responses: json!({}),
        }
    }

    /// Adds response objects by status: `{"204": {"description": "No Content"}}`.
    #[must_use]
    pub fn with_responses(mut self, login: Value, logout: Value) -> Self {
        self.login_responses = login;
        self.logout_responses = logout;
        self
    }

    /// A token in the `Authorization` header.
    ///
    /// `token_url` is where documentation pages post name and password, relative to the page.
    pub fn bearer(token_url: impl Into<String>) -> Self {
        let flows = json!({ "password": { "scopes": {}, "tokenUrl": token_url.into() } });
        Self::new("OAuth2PasswordBearer", json!({ "type": "oauth2", "flows": flows }))
            .with_responses(operations::bearer_login_responses(), operations::bearer_logout_responses())
    }

    /// A token in the cookie of this name.
    pub fn cookie(cookie_name: impl Into<String>) -> Self {
        let no_content = json!({ "204": { "description": "No Content" } });
        let scheme = json!({ "type": "apiKey", "in": "cookie", "name": cookie_name.into() });
        Self::new("APIKeyCookie", scheme).with_responses(no_content.clone(), no_content)
    }
}

/// Adds the linked accounts to the user JSON of a document.
#[cfg(feature = "oauth")]
pub(crate) fn show_oauth_accounts(document: &mut Value, schema: &Schema) {
    schemas::show_oauth_accounts(document, schema.name());
}

/// Lets register answer 202 to everybody, and name no taken address.
pub(crate) fn hide_taken_emails(document: &mut Value) {
    let items = document["paths"].as_object_mut().into_iter().flat_map(Map::values_mut);
    for operation in items.filter_map(|item| item.get_mut("post")) {
        if operation["operationId"].as_str().is_some_and(|id| id.starts_with("register_register_")) {
            operations::hide_taken_emails(operation);
        }
    }
}

/// The login route of the auth router at `prefix`, as seen from a documentation page at `{base}/docs`.
///
/// It has no leading slash, as in the original, so that it stays right behind a proxy that adds a prefix.
pub(crate) fn relative_token_url(base: &str, prefix: &str) -> String {
    let path = match prefix.strip_prefix(base.trim_end_matches('/')) {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => rest,
        // The router lies outside the page's own mount.
        _ => return format!("{}/login", prefix.trim_end_matches('/')),
    };
    format!("{path}/login").trim_start_matches('/').to_owned()
}

/// The document for these routers, in the order in which they were mounted. It names the schemas and the
/// security schemes that these routers use, and no others.
pub(crate) fn document(
    schema: &Schema,
    info: DocumentInfo<'_>,
    mounted: &[MountedRouter],
    backends: &[BackendDescription],
) -> Value {
    let security = Security::of(backends, mounted);
    let mut catalogue = schemas::catalogue(schema);
    let mut paths = Map::new();
    let mut secured = false;
    for router in mounted {
        for operation in operations::of_router(router, schema.name(), backends) {
            secured |= operation.secured;
            if let Some((name, schema)) = operation.own_body_schema() {
                catalogue.insert(name, schema);
            }
            let method = operation.method;
            let item = paths.entry(operation.path.clone()).or_insert_with(|| json!({}));
            item[method] = operation.into_json(&security.requirements);
        }
    }

    let paths = Value::Object(paths);
    let mut components = Map::new();
    let schemas = schemas::used(catalogue, &paths);
    if !schemas.is_empty() {
        components.insert("schemas".into(), Value::Object(schemas));
    }
    if secured && !security.schemes.is_empty() {
        components.insert("securitySchemes".into(), Value::Object(security.schemes));
    }
    let mut document = json!({
        "openapi": "3.1.0",
        "info": { "title": info.title, "version": info.version },
        "paths": paths,
    });
    if !components.is_empty() {
        document["components"] = Value::Object(components);
    }
    document
}

/// Adds our document to the application's own: paths and their methods, schemas, security schemes, and every
/// other kind of component. Where both have an entry of one name, the application's stays.
///
/// A `document` that is no JSON object is replaced by ours.
pub fn merge_openapi(document: &mut Value, ours: Value) {
    // `paths` and `components` are maps of maps; what lies deeper belongs to one author.
    fn merge(theirs: &mut Map<String, Value>, ours: Map<String, Value>, depth: usize) {
        for (key, value) in ours {
            match (theirs.get_mut(&key), value) {
                (Some(Value::Object(theirs)), Value::Object(ours)) if depth > 0 => {
                    merge(theirs, ours, depth - 1);
                }
                (Some(_), _) => {}
                (None, value) => {
                    theirs.insert(key, value);
                }
            }
        }
    }

    match (document, ours) {
        (Value::Object(theirs), Value::Object(mut ours)) => {
            let nested: Map<_, _> =
                ["paths", "components"].into_iter().filter_map(|key| ours.shift_remove_entry(key)).collect();
            merge(theirs, ours, 0);
            merge(theirs, nested, 2);
        }
        (document, ours) => *document = ours,
    }
}

/// How requests may authenticate: by any of the backends.
struct Security {
    schemes: Map<String, Value>,
    requirements: Vec<Value>,
}

impl Security {
    fn of(backends: &[BackendDescription], mounted: &[MountedRouter]) -> Self {
        let mut schemes = Map::new();
        for backend in backends {
            let name = scheme_name(&schemes, backend);
            // A backend whose login was not mounted has no token URL to put in the place of another's.
            if is_mounted(backend, mounted) || !schemes.contains_key(&name) {
                schemes.insert(name, backend.transport.security_scheme.clone());
            }
        }
        let requirements =
            schemes.keys().map(|name| Value::from(Map::from_iter([(name.clone(), json!([]))])));
        Self { requirements: requirements.collect(), schemes }
    }
}

fn is_mounted(backend: &BackendDescription, mounted: &[MountedRouter]) -> bool {
    mounted
        .iter()
        .any(|router| matches!(&router.kind, RouterKind::Auth { backend: name } if *name == backend.name))
}

/// All bearer backends read the same header, so they share one scheme and the last token URL wins, as in the
/// original. Cookies of different names are different credentials: the second gets a scheme of its own, where
/// the original forgets the first.
fn scheme_name(taken: &Map<String, Value>, backend: &BackendDescription) -> String {
    if let Some((name, _)) = taken.iter().find(|(_, scheme)| **scheme == backend.transport.security_scheme) {
        return name.clone();
    }
    let name = &backend.transport.security_scheme_name;
    match taken.get(name) {
        Some(scheme) if scheme["type"] != "oauth2" => format!("{name}_{}", identifier(&backend.name)),
        _ => name.clone(),
    }
}

/// The text with everything that is no letter, digit or underscore made an underscore.
fn identifier(text: &str) -> String {
    text.chars().map(|c| if c.is_alphanumeric() { c } else { '_' }).collect()
}

/// Python's `title()` with underscores made spaces: `is_active` is `Is Active`, `auth:jwt.login` is
/// `Auth:Jwt.Login`.
fn title(name: &str) -> String {
    let mut title = String::with_capacity(name.len());
    let mut inside_word = false;
    for c in name.chars() {
        match c {
            '_' => title.push(' '),
            c if inside_word => title.extend(c.to_lowercase()),
            c => title.extend(c.to_uppercase()),
        }
        inside_word = c.is_alphabetic();
    }
    title
}

#[cfg(test)]
mod tests;
