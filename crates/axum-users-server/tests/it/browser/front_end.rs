//! The least front end there can be: a button to log in with, and a page that says who is logged in.

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use tokio::net::TcpListener;

/// Serves the front end of a server: its origin.
pub(crate) async fn serve(server: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let page = |text: &str| Html(text.replace("SERVER", server));
    let index = page(include_str!("../../data/front-end/index.html"));
    let done = page(include_str!("../../data/front-end/done.html"));
    let router = Router::new()
        .route("/", get(|| std::future::ready(index)))
        .route("/done", get(|| std::future::ready(done)));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    origin
}
