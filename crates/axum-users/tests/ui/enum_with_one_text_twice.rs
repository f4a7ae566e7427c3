use axum_users::ColumnValue;

#[derive(Clone, ColumnValue)]
enum Stage {
    InReview,
    #[column(rename = "in_review")]
    Checking,
}

fn main() {}
