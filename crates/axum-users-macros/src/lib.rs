//! The derives of `axum-users`. Use them through that crate, which exports each beside the trait of its name.

mod attributes;
mod column_value;
mod user_model;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Makes a struct the application's user model, and writes `UserRead`, `UserCreate` and `UserUpdate` for it.
///
/// The struct has named fields, in any order: `id` (a type that implements `UserId`), `email` and
/// `hashed_password` (`String`), `is_active`, `is_superuser` and `is_verified` (`bool`), and any number of the
/// application's own, of types that implement `ColumnValue`.
///
/// | on the struct | meaning |
/// | --- | --- |
/// | `#[user(table = "…")]` | the table's or collection's name; `user` when not given |
/// | `#[user(name = "…")]` | the stem of the three names; when not given, the struct's name, or `User` for a struct called `Model` |
/// | `#[user(crate = path)]` | where `axum_users` is, when not at `::axum_users` |
///
/// | on an own field | meaning |
/// | --- | --- |
/// | `#[user(readonly)]` | never accepted from a request; an `Option`, or with a default |
/// | `#[user(private)]` | never shown in an answer |
/// | `#[user(default = value)]` | the value of a new user for whom none is given, and of the rows that are there when the column is added |
/// | `#[user(validate = path)]` | a `fn(&T) -> Result<(), impl Display>` that checks what a request sends; the error is the sentence of the 422 answer. For an `Option<T>` it sees the value inside, when there is one |
///
/// Fields without `Option` and without a default are required to register. `UserCreate::new` takes the e-mail
/// address, the password and the required fields in their order. `UserCreate` and `UserUpdate` also have the
/// readonly fields, for use by the program; requests cannot reach them.
#[proc_macro_derive(UserModel, attributes(user))]
pub fn user_model(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    user_model::expand(&input).unwrap_or_else(|error| error.to_compile_error()).into()
}

/// Makes an enum without data a type that a user model's field can have.
///
/// It is stored, sent and shown as text: the variant's name in snake case (`InReview` is `in_review`), or what
/// `#[column(rename = "…")]` on the variant says. `#[column(crate = path)]` on the enum says where
/// `axum_users` is, when not at `::axum_users`.
#[proc_macro_derive(ColumnValue, attributes(column))]
pub fn column_value(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    column_value::expand(&input).unwrap_or_else(|error| error.to_compile_error()).into()
}
