use axum_users::UserModel;
use uuid::Uuid;

#[derive(Clone, UserModel)]
struct Tuple(Uuid, String, String, bool, bool, bool);

#[derive(Clone, UserModel)]
enum Choice {
    Known { id: Uuid },
    Unknown,
}

fn main() {}
