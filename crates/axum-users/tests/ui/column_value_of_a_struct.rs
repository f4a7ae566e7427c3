use axum_users::ColumnValue;

#[derive(Clone, ColumnValue)]
struct Plan {
    name: String,
}

fn main() {}
