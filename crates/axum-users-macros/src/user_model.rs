//! `#[derive(UserModel)]`: one struct in, a trait implementation and three structs out.

mod create;
mod implementation;
mod model;
mod read;
mod update;

use proc_macro2::TokenStream;
use quote::quote;
use syn::{DeriveInput, Result};

use self::model::Model;

pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let model = Model::parse(input)?;
    let parts = [
        implementation::expand(&model),
        read::expand(&model),
        create::expand(&model),
        update::expand(&model),
    ];
    Ok(quote!(#(#parts)*))
}
