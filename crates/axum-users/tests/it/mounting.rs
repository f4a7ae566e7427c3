//! Where routers stand: alone, elsewhere, nested, and for two user models in one application.

use axum::{Router, extract::FromRef, routing::get};
use axum_users::{Bearer, Cookie, CurrentUser, DatabaseTokens, Jwt, User, UserModel, Users, merge_openapi};
use serde_json::json;

use crate::support::{App, Client, PASSWORD, builder};

fn users() -> Users<User> {
    builder()
        .backend("jwt", Bearer::default(), Jwt::lasting_seconds(60))
        .backend("cookie", Cookie::default(), DatabaseTokens::lasting_seconds(60))
        .build()
        .unwrap()
}

/// The paths of the document, and of the application when they are all there.
async fn paths(users: &Users<User>, client: &Client) -> Vec<String> {
    let document = users.openapi();
    let paths: Vec<_> = document["paths"].as_object().unwrap().keys().cloned().collect();
    for path in &paths {
        // No method that any route has: 405 tells that the path is there.
        let answer = client.call("PUT".parse().unwrap(), &path.replace("{id}", "1")).await;
        assert_eq!(answer.status, 405, "{path}");
    }
    paths
}

#[tokio::test]
async fn each_router_brings_its_own_routes_alone() {
    type Pick = fn(&Users<User>) -> axum_users::Routes<User>;
    let table: [(Pick, &[&str]); 5] = [
        (|users| users.auth_router("cookie"), &["/auth/cookie/login", "/auth/cookie/logout"]),
        (|users| users.register_router(), &["/auth/register"]),
        (|users| users.reset_password_router(), &["/auth/forgot-password", "/auth/reset-password"]),
        (|users| users.verify_router(), &["/auth/request-verify-token", "/auth/verify"]),
        (|users| users.users_router(), &["/users/me", "/users/{id}"]),
    ];
    for (pick, expected) in table {
        let users = users();
        let client = Client::of(Router::new().merge(pick(&users)).with_state(users.clone()));
        assert_eq!(paths(&users, &client).await, expected);
        let others =
            ["/auth/jwt/login", "/auth/register", "/auth/verify", "/auth/reset-password", "/users/me"];
        for path in others.into_iter().filter(|path| !expected.contains(path)) {
            assert_eq!(client.post(path).await.status, 404, "{path}");
        }
    }
}

#[tokio::test]
async fn a_single_router_stands_wherever_it_is_put() {
    let users = users();
    let router = Router::new()
        .merge(users.auth_router("jwt").at("/session"))
        .merge(users.register_router().at("/sign-up/"))
        .merge(users.users_router().at("/people"));
    let client = Client::of(router.with_state(users.clone()));
    assert_eq!(
        paths(&users, &client).await,
        ["/session/login", "/session/logout", "/sign-up/register", "/people/me", "/people/{id}"]
    );
    let operation = &users.openapi()["paths"]["/people/me"]["get"]["operationId"];
    assert_eq!(operation, "users_current_user_people_me_get");
    let schemes = &users.openapi()["components"]["securitySchemes"];
    assert_eq!(schemes["OAuth2PasswordBearer"]["flows"]["password"]["tokenUrl"], "session/login");
}

#[tokio::test]
async fn all_together_move_by_a_prefix() {
    let users = users();
    let client = Client::of(Router::new().merge(users.router().at("/v1")).with_state(users.clone()));
    let paths = paths(&users, &client).await;
    assert_eq!(paths.len(), 11);
    assert!(
        paths.iter().all(|path| path.starts_with("/v1/auth/") || path.starts_with("/v1/users/")),
        "{paths:?}"
    );
}

#[tokio::test]
async fn a_mount_tells_the_document_where_the_application_nests() {
    let users = builder::<User>()
        .backend("jwt", Bearer::default(), Jwt::lasting_seconds(60))
        .mount("/api/")
        .build()
        .unwrap();
    let inner = Router::new().merge(users.router()).route("/hello", get(async || "hello"));
    let client = Client::of(Router::new().nest("/api", inner).with_state(users.clone()));
    let paths = paths(&users, &client).await;
    assert_eq!(paths[0], "/api/auth/jwt/login");
    assert!(paths.iter().all(|path| path.starts_with("/api/")), "{paths:?}");
    let schemes = &users.openapi()["components"]["securitySchemes"];
    assert_eq!(schemes["OAuth2PasswordBearer"]["flows"]["password"]["tokenUrl"], "auth/jwt/login");
    let register = json!({ "email": "ada@example.com", "password": PASSWORD });
    assert_eq!(client.post("/api/auth/register").json(register).await.status, 201);
    assert_eq!(client.get("/api/hello").await.body, "hello");
}

#[tokio::test]
async fn the_applications_own_routes_keep_their_own_answers() {
    let app = App::new();
    let router = Router::new()
        .merge(app.users.router())
        .route("/hello", get(async || "hello"))
        .fallback(async || (axum::http::StatusCode::NOT_FOUND, "mine"));
    let client = Client::of(router.with_state(app.users.clone()));
    assert_eq!(client.get("/unknown").await.body, "mine");
    let head = client.call("HEAD".parse().unwrap(), "/hello").await;
    assert_eq!(head.status, 200, "rules for HEAD are those of our routes alone");
    assert_eq!(client.get("/hello").await.header("cache-control"), "");
}

#[derive(Clone, UserModel)]
#[user(name = "Staff", table = "staff")]
struct Staff {
    id: i64,
    email: String,
    hashed_password: String,
    is_active: bool,
    is_superuser: bool,
    is_verified: bool,
}

#[derive(Clone, UserModel)]
#[user(name = "Customer", table = "customer")]
struct Customer {
    id: i64,
    email: String,
    hashed_password: String,
    is_active: bool,
    is_superuser: bool,
    is_verified: bool,
    nickname: Option<String>,
}

#[derive(Clone, FromRef)]
struct State {
    staff: Users<Staff>,
    customers: Users<Customer>,
}

/// Both have the id 1, so nothing but the audience keeps their tokens apart.
#[tokio::test]
async fn jw_10_two_user_models_in_one_application_do_not_accept_each_others_tokens() {
    let staff = App::<Staff>::bare(|builder| {
        builder
            .backend("staff", Bearer::default(), Jwt::lasting_seconds(60).audience("shop:staff"))
            .reset_audience("shop:staff-reset")
            .verification_audience("shop:staff-verify")
    });
    let customers = App::<Customer>::bare(|builder| {
        builder.backend("customers", Bearer::default(), Jwt::lasting_seconds(60))
    });
    let state = State { staff: staff.users.clone(), customers: customers.users.clone() };
    let router = Router::new()
        .merge(staff.users.router().at("/staff"))
        .merge(customers.users.router())
        .route("/desk", get(async |CurrentUser(user): CurrentUser<Staff>| user.email))
        .route("/shop", get(async |CurrentUser(user): CurrentUser<Customer>| user.email));
    let client = Client::of(router.with_state(state));
    for prefix in ["/staff", ""] {
        let body = json!({ "email": "ada@example.com", "password": PASSWORD, "nickname": "Countess" });
        let answer = client.post(&format!("{prefix}/auth/register")).json(body).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["id"]), (201, &json!(1)));
    }
    let staff_token = staff.token_at("staff", "ada@example.com").await;
    let customer_token = customers.token_at("customers", "ada@example.com").await;
    for (path, staff_status, customer_status) in
        [("/desk", 200, 401), ("/staff/users/me", 200, 401), ("/shop", 401, 200), ("/users/me", 401, 200)]
    {
        assert_eq!(client.get(path).bearer(&staff_token).await.status, staff_status, "{path}");
        assert_eq!(client.get(path).bearer(&customer_token).await.status, customer_status, "{path}");
    }

    let verification = staff.verification_token("ada@example.com").await;
    assert_eq!(customers.verify(&verification).await.status, 400);
    assert_eq!(staff.verify(&verification).await.status, 200);

    let mut document = staff.users.openapi();
    merge_openapi(&mut document, customers.users.openapi());
    for name in ["StaffRead", "StaffCreate", "CustomerRead", "CustomerUpdate"] {
        assert!(document["components"]["schemas"][name].is_object(), "{name}");
    }
}
