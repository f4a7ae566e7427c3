//! Limits of several processes that count as one: two servers behind one address would be, told apart by port here.

use serde_json::{Value, json};

use crate::support::data;
use crate::support::http::{Request, Response, send};
use crate::support::place::{Engine, Place};
use crate::support::redis::{RedisServer, free_port};
use crate::support::server::{Launch, Server};

const OWNER: &str = "ada@example.com";
const PASSWORD: &str = "analytical engine";

/// Two servers on one database.
async fn two(place: &Place, change: impl Fn(Launch) -> Launch) -> [Server; 2] {
    let launch = || change(place.launch(&data("mail.toml")).set("LIMITS__TRUSTED_PROXIES", "1"));
    let logs = ["one", "two"].map(|name| place.folder().join(name));
    logs.iter().for_each(|log| std::fs::create_dir(log).unwrap());
    let first = launch().logging_to(&logs[0]).start().await;
    let servers = [first, launch().logging_to(&logs[1]).start().await];
    let new = json!({"email": OWNER, "password": PASSWORD});
    let registered = servers[0].send(&Request::new("POST", "/auth/register").json(&new)).await;
    assert_eq!(registered.status, 201, "{}", registered.text());
    servers
}

fn login(address: &str, password: &str) -> Request {
    let form = [("username", OWNER), ("password", password)];
    Request::new("POST", "/auth/jwt/login").form(&form).header("x-forwarded-for", address)
}

fn is_judged(answer: &Response) -> bool {
    match answer.status {
        400 => true,
        429 => false,
        status => panic!("{status} {}", answer.text()),
    }
}

/// How many of so many guesses from an address at the same instant, at both servers in turn, are judged.
async fn judged(servers: &[Server; 2], address: &str, count: usize) -> usize {
    let guesses: Vec<_> = (0..count)
        .map(|index| {
            let (server, guess) = (servers[index % 2].address.clone(), login(address, "difference engine"));
            tokio::spawn(async move { send(&server, &guess).await })
        })
        .collect();
    let mut judged = 0;
    for answer in guesses {
        judged += usize::from(is_judged(&answer.await.unwrap()));
    }
    judged
}

/// What one server promises, two keep together: guesses of one stranger, of many, and the owner's way in.
async fn count_as_one(servers: &[Server; 2]) {
    let [one, other] = servers;
    let right = |address: &str| login(address, PASSWORD);
    assert_eq!(one.send(&right("192.0.2.1")).await.status, 200, "the owner's address is known from now on");

    assert_eq!(judged(servers, "198.51.100.1", 100).await, 20);
    for server in servers {
        let refused = server.send(&right("198.51.100.1")).await;
        assert_eq!(refused.status, 429);
        let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=45).contains(&wait), "{wait}");
    }
    assert_eq!(other.send(&right("192.0.2.1")).await.status, 200);

    let mut through = 0;
    for index in 0..60 {
        through += judged(servers, &format!("203.0.113.{index}"), 2).await;
    }
    assert!((80..100).contains(&through), "{through} of 80 that were left of 100, and those that came back");
    assert_eq!(
        other.send(&right("192.0.2.1")).await.status,
        200,
        "the owner came in from there, at the other"
    );
    assert_eq!(other.send(&right("192.0.2.2")).await.status, 429);
}

/// The limits of everything but logins: a few more may get through, where a try comes back meanwhile.
async fn the_other_limits_count_as_one(servers: &[Server; 2]) {
    let post = |path: &str, body: Value| {
        Request::new("POST", path).json(&body).header("x-forwarded-for", "198.51.100.9")
    };
    let registrations = (0..70).map(|index| {
        post("/auth/register", json!({"email": format!("user{index}@example.com"), "password": PASSWORD}))
    });
    let through = let_through(servers, registrations).await;
    assert!((60..65).contains(&through), "{through} registrations");
    let guesses = (0..70).map(|index| match index / 2 % 2 {
        0 => post("/auth/verify", json!({"token": "guess"})),
        _ => post("/auth/reset-password", json!({"token": "guess", "password": PASSWORD})),
    });
    let through = let_through(servers, guesses).await;
    assert!((50..60).contains(&through), "{through} guesses of tokens");
    let mails = (0..10).map(|_| post("/auth/forgot-password", json!({"email": "user1@example.com"})));
    assert_eq!(let_through(servers, mails).await, 4);
}

/// How many of these requests, sent to both servers in turn, are not answered 429.
async fn let_through(servers: &[Server; 2], requests: impl Iterator<Item = Request>) -> usize {
    let mut count = 0;
    for (index, request) in requests.enumerate() {
        count += usize::from(servers[index % 2].send(&request).await.status != 429);
    }
    count
}

#[tokio::test]
async fn li_20_two_servers_count_as_one_by_redis() {
    let (place, redis) = (Place::new(Engine::Sqlite).await, RedisServer::start());
    // Where there is a Redis, nothing else has to be said.
    let servers = two(&place, |launch| launch.set("REDIS__URL", &redis.url())).await;
    count_as_one(&servers).await;
    the_other_limits_count_as_one(&servers).await;
}

async fn li_20_two_servers_count_as_one_by_their_database(engine: Engine) {
    let place = Place::new(engine).await;
    let servers = two(&place, |launch| launch.set("LIMITS__STORE", "database")).await;
    count_as_one(&servers).await;
    the_other_limits_count_as_one(&servers).await;
}

on_every_engine!(li_20_two_servers_count_as_one_by_their_database);

#[tokio::test]
async fn cr_22_without_redis_each_server_counts_for_itself_and_says_so_once() {
    let (place, port) = (Place::new(Engine::Sqlite).await, free_port());
    let url = format!("redis://127.0.0.1:{port}");
    let servers = two(&place, |launch| launch.set("REDIS__URL", &url)).await;
    assert_eq!(judged(&servers, "198.51.100.1", 100).await, 40, "20 at each");
    let told = "shared limits cannot be counted: this process counts for itself until they can";
    for server in &servers {
        assert_eq!(server.log().matches(told).count(), 1, "{}", server.log());
    }

    let _redis = RedisServer::start_at(port);
    let again = "shared limits are counted again";
    let guess = login("198.51.100.2", "difference engine");
    let asking = async {
        while !servers[0].log().contains(again) {
            servers[0].send(&guess).await;
        }
    };
    let shared_again = tokio::time::timeout(std::time::Duration::from_secs(60), asking).await;
    assert!(shared_again.is_ok(), "{}", servers[0].log());
}

#[tokio::test]
async fn limits_in_redis_want_a_redis() {
    let place = Place::new(Engine::Sqlite).await;
    let (status, log) = place.launch(&data("mail.toml")).set("LIMITS__STORE", "redis").refused();
    assert_eq!(status.code(), Some(2));
    assert!(log.contains("`limits.store`: \"redis\" wants redis.url, which says where it is"), "{log}");
}
