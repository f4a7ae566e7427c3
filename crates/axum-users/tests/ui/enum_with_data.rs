use axum_users::ColumnValue;

#[derive(Clone, ColumnValue)]
enum Plan {
    Free,
    Paid(u32),
    Trial { days: u32 },
}

fn main() {}
