use axum_users::{CurrentUser, Users};

#[derive(Clone)]
struct Profile {
    name: String,
}

#[axum::debug_handler(state = Users<Profile>)]
async fn hello(CurrentUser(profile): CurrentUser<Profile>) -> String {
    profile.name
}

fn main() {}
