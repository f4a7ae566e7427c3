//! What the server's configuration makes of OAuth providers, beyond what the replay shows.

use serde_json::{Value, json};

use crate::support::http::{Request, Response};
use crate::support::place::{Engine, Place};
use crate::support::provider::Provider;
use crate::support::redis::free_port;
use crate::support::server::{Launch, Server};
use crate::support::{data, login};

/// Another provider, which says of an address whether it was checked.
const GUILD: &str = r#"
[[oauth]]
provider = "oauth2"
name = "guild"
client_id = "guild-client"
client_secret = "guild-secret"
authorize_endpoint = "{base}/authorize"
access_token_endpoint = "{base}/token"
profile_endpoint = "{base}/userinfo"
backend = "jwt"
associate_by_email = true
is_verified_by_default = true

[oauth.fields]
id = "member.number"
email = "member.mail"
email_verified = "member.checked"

[oauth.profile]
city = "member.city"
"#;

const PASSWORD: &str = "analytical engine";

/// A server with the providers of `oauth.toml`.
struct Club {
    server: Server,
    provider: Provider,
    place: Place,
}

impl Club {
    async fn start(engine: Engine) -> Self {
        Self::start_with(engine, "true").await
    }

    async fn start_with(engine: Engine, associate_by_email: &str) -> Self {
        let place = Place::new(engine).await;
        let provider = Provider::start();
        let launch = of_club(place.launch(&data("oauth.toml")), &provider);
        let server = launch.set("OAUTH__0__ASSOCIATE_BY_EMAIL", associate_by_email).start().await;
        Self { server, provider, place }
    }

    /// With the guild beside the club.
    async fn start_beside_the_guild(engine: Engine) -> Self {
        let place = Place::new(engine).await;
        let provider = Provider::start();
        let club = std::fs::read_to_string(data("oauth.toml")).unwrap();
        let launch = place.launch_with(&(club + &GUILD.replace("{base}", &provider.base)));
        let server = of_club(launch, &provider).start().await;
        Self { server, provider, place }
    }

    /// Begins a flow: the parameters of the provider's page, and the cookie.
    async fn begin(&self, query: &str) -> (Vec<(String, String)>, String) {
        self.begin_by(&Request::new("GET", &format!("/auth/club/authorize{query}"))).await
    }

    async fn begin_by(&self, request: &Request) -> (Vec<(String, String)>, String) {
        let answer = self.server.send(request).await;
        let url = answer.json()["authorization_url"].as_str().unwrap().to_owned();
        let (page, parameters) = url.split_once('?').unwrap();
        assert_eq!(page, format!("{}/authorize", self.provider.base));
        let parameters = form_urlencoded::parse(parameters.as_bytes()).into_owned().collect();
        (parameters, answer.cookie("fastapiusersoauthcsrf").unwrap().to_owned())
    }

    /// What the provider tells from now on.
    fn tells_of(&self, member: &Value) {
        let token =
            json!({ "json": { "access_token": "provider-access", "refresh_token": "provider-refresh" } });
        self.provider.answers(&token, &json!({ "json": { "member": member } }));
    }

    /// A whole login of the member whom the profile describes.
    async fn log_in(&self, query: &str, member: &Value) -> Response {
        self.tells_of(member);
        let flow = self.begin(query).await;
        self.server.send(&come_back("/auth/club/callback", "CODE", &flow)).await
    }

    /// The same at the provider of this name.
    async fn log_in_at(&self, name: &str, member: &Value) -> Response {
        self.tells_of(member);
        let flow = self.begin_by(&Request::new("GET", &format!("/auth/{name}/authorize"))).await;
        self.server.send(&come_back(&format!("/auth/{name}/callback"), "CODE", &flow)).await
    }

    /// Somebody who comes with a password.
    async fn register(&self, email: &str) -> Response {
        let new = json!({ "email": email, "password": PASSWORD, "city": "Linz" });
        let answer = self.server.send(&Request::new("POST", "/auth/register").json(&new)).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer
    }

    /// The account of this member, linked to the user of a token.
    async fn link(&self, token: &str, member: &Value) -> Response {
        self.tells_of(member);
        let flow = self.begin_by(&Request::new("GET", "/auth/associate/club/authorize").bearer(token)).await;
        self.server.send(&come_back("/auth/associate/club/callback", "CODE", &flow).bearer(token)).await
    }

    async fn me(&self, login: &Response) -> Value {
        let token = login.json()["access_token"].as_str().unwrap().to_owned();
        self.server.send(&Request::new("GET", "/users/me").bearer(&token)).await.json()
    }
}

/// The club's endpoints at this provider.
fn of_club(launch: Launch, provider: &Provider) -> Launch {
    launch
        .set("OAUTH__0__AUTHORIZE_ENDPOINT", &format!("{}/authorize", provider.base))
        .set("OAUTH__0__ACCESS_TOKEN_ENDPOINT", &format!("{}/token", provider.base))
        .set("OAUTH__0__PROFILE_ENDPOINT", &format!("{}/userinfo", provider.base))
}

fn assert_refused(answer: &Response, detail: &str) {
    assert_eq!((answer.status, answer.json()["detail"].clone()), (400, json!(detail)));
}

/// A browser on its way back from the provider.
fn come_back(path: &str, code: &str, (parameters, cookie): &(Vec<(String, String)>, String)) -> Request {
    let callback = Request::new("GET", &format!("{path}?code={code}&state={}", of(parameters, "state")));
    callback.header("cookie", &format!("fastapiusersoauthcsrf={cookie}"))
}

fn of<'a>(parameters: &'a [(String, String)], name: &str) -> &'a str {
    parameters.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
}

#[tokio::test]
async fn a_provider_with_endpoints_of_its_own_is_asked_for_what_the_configuration_says() {
    let club = Club::start(Engine::Sqlite).await;
    let (parameters, _) = club.begin("").await;
    let expected = [
        ("response_type", "code"),
        ("client_id", "club-client"),
        ("scope", "members"),
        ("prompt", "consent"),
        ("code_challenge_method", "S256"),
    ];
    for (name, value) in expected {
        assert_eq!(of(&parameters, name), value, "{name}");
    }
    let redirect_uri = format!("http://{}/auth/club/callback", club.server.address);
    assert_eq!(of(&parameters, "redirect_uri"), redirect_uri);
}

#[tokio::test]
async fn oa_28_the_redirect_uri_follows_no_header_of_the_request() {
    let club = Club::start(Engine::Sqlite).await;
    let redirect_uri = format!("http://{}/auth/club/callback", club.server.address);
    for (name, value) in [
        ("host", "evil.example"),
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-proto", "https"),
        ("x-original-host", "evil.example"),
        ("forwarded", "host=evil.example;proto=https"),
    ] {
        let begin = Request::new("GET", "/auth/club/authorize").header(name, value);
        let (parameters, _) = club.begin_by(&begin).await;
        assert_eq!(of(&parameters, "redirect_uri"), redirect_uri, "{name}");
    }
}

async fn own_fields_of_a_new_user_come_from_the_profile_and_stay_when_it_changes(engine: Engine) {
    let club = Club::start(engine).await;
    let ann = json!({ "number": 7, "mail": "ann@example.com", "called": "Ann", "city": "Graz" });
    let me = club.me(&club.log_in("", &ann).await).await;
    assert_eq!(
        (&me["email"], &me["city"], &me["nickname"]),
        (&json!("ann@example.com"), &json!("Graz"), &json!("Ann"))
    );

    let moved = json!({ "number": 7, "mail": "new@example.com", "called": "A.", "city": "Linz" });
    let again = club.me(&club.log_in("", &moved).await).await;
    assert_eq!((&again["id"], &again["email"], &again["city"]), (&me["id"], &me["email"], &me["city"]));
}

async fn an_account_that_lacks_a_required_field_is_refused_and_one_without_an_address_gets_a_placeholder(
    engine: Engine,
) {
    let club = Club::start(engine).await;
    let homeless = club.log_in("", &json!({ "number": 8, "mail": "ben@example.com" })).await;
    assert_eq!(homeless.status, 400);
    let refused = json!({ "code": "REGISTER_REFUSED", "reason": "the provider does not tell city" });
    assert_eq!(homeless.json()["detail"], refused);
    assert!(club.place.database().rows("SELECT id FROM user").await.is_empty());

    let silent = club.me(&club.log_in("", &json!({ "number": 9, "city": "Graz" })).await).await;
    assert_eq!(
        (&silent["email"], &silent["is_verified"]),
        (&json!("club-9@users.example.com"), &json!(false))
    );
    assert_eq!(silent["nickname"], Value::Null);
}

async fn oa_32_provider_tokens_are_encrypted_in_the_database_and_shown_as_the_provider_gave_them(
    engine: Engine,
) {
    let club = Club::start(engine).await;
    let login = club.log_in("", &json!({ "number": 7, "mail": "ann@example.com", "city": "Graz" })).await;
    let accounts = &club.me(&login).await["oauth_accounts"];
    assert_eq!(accounts[0]["access_token"], "provider-access");
    assert_eq!(accounts[0]["refresh_token"], "provider-refresh");

    let rows = club.place.database().rows("SELECT access_token, refresh_token FROM oauth_account").await;
    for column in ["access_token", "refresh_token"] {
        let stored = rows[0][column].as_str().unwrap();
        assert!(stored.starts_with("axum-users:") && !stored.contains("provider-"), "{stored}");
    }
}

async fn a_front_end_gets_the_browser_back_with_a_code_that_is_good_once(engine: Engine) {
    let club = Club::start(engine).await;
    let ann = json!({ "number": 7, "mail": "ann@example.com", "city": "Graz" });
    let answer = club.log_in("?redirect_to=https%3A%2F%2Fapp.example.com%2Fin%3Fpage%3D2", &ann).await;
    assert_eq!(answer.status, 303);
    let location = answer.header("location").unwrap();
    let code = location.strip_prefix("https://app.example.com/in?page=2&code=").unwrap();

    let exchange = Request::new("POST", "/auth/jwt/exchange").json(&json!({ "code": code }));
    let login = club.server.send(&exchange).await;
    assert_eq!(club.me(&login).await["email"], "ann@example.com");
    let second = club.server.send(&exchange).await;
    assert_eq!((second.status, second.json()["detail"].clone()), (400, json!("EXCHANGE_BAD_CODE")));

    let foreign = Request::new("GET", "/auth/club/authorize?redirect_to=https%3A%2F%2Fevil.example%2Fin");
    assert_eq!(club.server.send(&foreign).await.status, 400);
}

#[tokio::test]
async fn cr_07_a_provider_that_is_down_at_the_start_stops_nothing_and_is_used_when_it_comes() {
    let place = Place::new(Engine::Sqlite).await;
    let (provider, port) = (Provider::start(), free_port());
    let base = format!("http://127.0.0.1:{port}");
    let launch = of_club(place.launch(&data("oauth.toml")), &provider)
        .set("OAUTH__1__OPENID_CONFIGURATION_ENDPOINT", &format!("{base}/.well-known/openid-configuration"));
    let club = Club { server: launch.start().await, provider, place };
    let away = Request::new("GET", "/auth/away/authorize");
    assert_eq!(club.server.send(&away).await.status, 503);
    club.register("bob@example.com").await;
    assert_eq!(login(&club.server, "bob@example.com", PASSWORD).await.status, 200);
    let ann = json!({ "number": 7, "mail": "ann@example.com", "city": "Graz" });
    assert_eq!(club.log_in("", &ann).await.status, 200);

    let _it_comes = Provider::start_at(port);
    let begun = club.server.send(&away).await;
    assert_eq!(begun.status, 200, "{}", begun.text());
    let page = begun.json()["authorization_url"].as_str().unwrap().to_owned();
    assert!(page.starts_with(&format!("{base}/authorize?")), "{page}");
}

async fn oa_00_oa_19_an_account_comes_back_to_its_user_and_one_subject_at_two_providers_is_two(
    engine: Engine,
) {
    let club = Club::start_beside_the_guild(engine).await;
    let mut ids = Vec::new();
    for (name, mail) in [("club", "ann@example.com"), ("guild", "ben@example.com")].repeat(2) {
        let member = json!({ "number": 7, "mail": mail, "city": "Graz", "checked": true });
        let me = club.me(&club.log_in_at(name, &member).await).await;
        assert_eq!(me["email"], mail, "{name}");
        ids.push(me["id"].clone());
    }
    assert_ne!(ids[0], ids[1], "the club's 7 is not the guild's");
    assert_eq!(ids[..2], ids[2..], "an honest flow twice leads to the same user");
    let count = club.place.database().rows("SELECT count(*) AS n FROM oauth_account").await;
    assert_eq!(count[0]["n"], 2);
}

async fn oa_16_oa_18_an_unverified_address_opens_no_account_and_verifies_nobody(engine: Engine) {
    let club = Club::start_beside_the_guild(engine).await;
    let ann = club.register("ann@example.com").await;
    let member = |number: u32, mail: &str, checked: bool| json!({ "number": number, "mail": mail, "city": "Wien", "checked": checked });
    for mail in ["ann@example.com", "ANN@example.com"] {
        let answer = club.log_in_at("guild", &member(8, mail, false)).await;
        assert_refused(&answer, "OAUTH_USER_ALREADY_EXISTS");
    }
    assert_eq!(login(&club.server, "ann@example.com", PASSWORD).await.status, 200);
    for (number, checked) in [(9, false), (10, true)] {
        let mail = format!("{number}@example.com");
        let me = club.me(&club.log_in_at("guild", &member(number, &mail, checked)).await).await;
        assert_eq!(me["is_verified"], checked, "{mail}");
    }
    // Whom the provider knows to have the address is let in.
    let owner = club.me(&club.log_in_at("guild", &member(11, "ann@example.com", true)).await).await;
    assert_eq!(owner["id"], ann.json()["id"]);
}

async fn oa_17_a_squatter_is_out_when_the_owner_comes_by_the_provider(engine: Engine) {
    let club = Club::start(engine).await;
    let registered = club.register("ann@example.com").await;
    let before = login(&club.server, "ann@example.com", PASSWORD).await;
    let ann = json!({ "number": 7, "mail": "Ann@Example.com", "city": "Graz" });
    let owner = club.log_in("", &ann).await;
    assert_eq!(club.me(&owner).await["id"], registered.json()["id"]);
    let token = before.json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(club.server.send(&Request::new("GET", "/users/me").bearer(&token)).await.status, 401);
    assert_eq!(login(&club.server, "ann@example.com", PASSWORD).await.status, 400);
}

async fn oa_33_parallel_logins_of_one_new_account_make_one_user(engine: Engine) {
    let club = Club::start(engine).await;
    let ann = json!({ "number": 7, "mail": "ann@example.com", "city": "Graz" });
    let one = || club.log_in("", &ann);
    let answers = tokio::join!(one(), one(), one(), one(), one(), one(), one(), one(), one(), one());
    let answers: [Response; 10] = answers.into();
    let mut ids = Vec::new();
    for answer in &answers {
        assert_eq!(answer.status, 200, "{}", answer.text());
        ids.push(club.me(answer).await["id"].to_string());
    }
    ids.dedup();
    assert_eq!(ids.len(), 1);
    let count = club.place.database().rows("SELECT count(*) AS n FROM oauth_account").await;
    assert_eq!(count[0]["n"], 1);
    assert!(!club.server.log().contains("ERROR"), "{}", club.server.log());
}

async fn oa_06_oa_34_a_flow_ends_once_at_the_same_time_and_later(engine: Engine) {
    let club = Club::start(engine).await;
    club.tells_of(&json!({ "number": 7, "mail": "ann@example.com", "city": "Graz" }));
    let flow = club.begin("").await;
    let callback = come_back("/auth/club/callback", "CODE", &flow);
    let one = || club.server.send(&callback);
    let answers: [Response; 8] = tokio::join!(one(), one(), one(), one(), one(), one(), one(), one()).into();
    let mut statuses = answers.map(|answer| answer.status);
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400, 400, 400, 400, 400, 400, 400]);
    assert_eq!(club.provider.received().len(), 2, "one code was spent, and one profile read");

    let later = club.server.send(&come_back("/auth/club/callback", "FRESH", &flow)).await;
    assert_eq!((later.status, later.json()["detail"].clone()), (400, json!("OAUTH_INVALID_STATE")));
    assert!(club.provider.received().is_empty(), "the fresh code was not spent");
}

async fn oa_15_oa_20_oa_22_oa_31_an_account_leads_to_its_own_user_alone(engine: Engine) {
    let club = Club::start_with(engine, "false").await;
    club.register("bob@example.com").await;
    let bob = login(&club.server, "bob@example.com", PASSWORD).await;
    let bobs_token = bob.json()["access_token"].as_str().unwrap().to_owned();
    let ann = json!({ "number": 7, "mail": "ann@example.com", "city": "Graz" });
    let anns = club.me(&club.log_in("", &ann).await).await;

    // Somebody else's account with an address that is taken, in any case.
    for mail in ["bob@example.com", "BOB@Example.com", "ann@example.com"] {
        let stranger = json!({ "number": 8, "mail": mail, "city": "Wien" });
        assert_refused(&club.log_in("", &stranger).await, "OAUTH_USER_ALREADY_EXISTS");
    }
    // An account of another user is not linked, and stays his.
    assert_refused(&club.link(&bobs_token, &ann).await, "OAUTH_USER_ALREADY_EXISTS");
    assert_eq!(club.me(&bob).await["oauth_accounts"], json!([]));
    assert_eq!(club.me(&club.log_in("", &ann).await).await["id"], anns["id"]);
    // Another address, be it another user's, changes no user.
    let renamed = json!({ "number": 7, "mail": "bob@example.com", "city": "Graz" });
    let again = club.me(&club.log_in("", &renamed).await).await;
    assert_eq!((&again["id"], &again["email"]), (&anns["id"], &anns["email"]));
    // Who was made inactive stays out.
    club.place.database().set_user("ann@example.com", "is_active", "0").await;
    assert_refused(&club.log_in("", &ann).await, "LOGIN_BAD_CREDENTIALS");
}

on_every_engine!(
    oa_00_oa_19_an_account_comes_back_to_its_user_and_one_subject_at_two_providers_is_two,
    oa_16_oa_18_an_unverified_address_opens_no_account_and_verifies_nobody,
    oa_06_oa_34_a_flow_ends_once_at_the_same_time_and_later,
    oa_15_oa_20_oa_22_oa_31_an_account_leads_to_its_own_user_alone,
    own_fields_of_a_new_user_come_from_the_profile_and_stay_when_it_changes,
    an_account_that_lacks_a_required_field_is_refused_and_one_without_an_address_gets_a_placeholder,
    oa_32_provider_tokens_are_encrypted_in_the_database_and_shown_as_the_provider_gave_them,
    a_front_end_gets_the_browser_back_with_a_code_that_is_good_once,
    oa_17_a_squatter_is_out_when_the_owner_comes_by_the_provider,
    oa_33_parallel_logins_of_one_new_account_make_one_user,
);
