//! `UserRead`: what answers show.

use proc_macro2::TokenStream;
use quote::quote;

use super::model::{Model, OwnField};

pub(crate) fn expand(model: &Model<'_>) -> TokenStream {
    let Model { ident, vis, id, .. } = model;
    let read = model.name_of("Read");
    let title = format!("What answers show of a [`{ident}`].");
    let shown: Vec<&OwnField<'_>> = model.own.iter().filter(|field| !field.private).collect();
    let own_ident: Vec<_> = shown.iter().map(|field| field.ident).collect();
    let own_ty = shown.iter().map(|field| field.ty);
    let own_docs = shown.iter().map(|field| model.docs(field));
    let serialize = serialize(model, &shown);

    quote! {
        #[doc = #title]
        #[derive(::core::clone::Clone, ::core::fmt::Debug)]
        #[allow(dead_code, clippy::struct_excessive_bools)]
        #vis struct #read {
            /// The primary key.
            #vis id: #id,
            /// The e-mail address.
            #vis email: ::std::string::String,
            /// Whether the user may log in.
            #vis is_active: bool,
            /// Whether the user may manage other users.
            #vis is_superuser: bool,
            /// Whether the e-mail address was verified.
            #vis is_verified: bool,
            #(#own_docs #vis #own_ident: #own_ty,)*
        }

        #[automatically_derived]
        #[allow(unused_qualifications)]
        impl ::core::convert::From<#ident> for #read {
            fn from(user: #ident) -> Self {
                Self {
                    id: user.id,
                    email: user.email,
                    is_active: user.is_active,
                    is_superuser: user.is_superuser,
                    is_verified: user.is_verified,
                    #(#own_ident: user.#own_ident,)*
                }
            }
        }

        #serialize
    }
}

fn serialize(model: &Model<'_>, shown: &[&OwnField<'_>]) -> TokenStream {
    let krate = &model.krate;
    let read = model.name_of("Read");
    let name = read.to_string();
    let count = 5 + shown.len();
    let id_serialize_field = model.item(model.id, "serialize_field");
    let own_index: Vec<_> = (1..=shown.len()).collect();
    let own_name = shown.iter().map(|field| &field.name);
    let own_ident = shown.iter().map(|field| field.ident);
    let own_serialize_field = shown.iter().map(|field| model.item(field.ty, "serialize_field"));

    quote! {
        #[automatically_derived]
        #[allow(unused_qualifications)]
        impl #krate::__private::serde::Serialize for #read {
            fn serialize<S: #krate::__private::serde::Serializer>(
                &self,
                serializer: S,
            ) -> ::core::result::Result<S::Ok, S::Error> {
                use #krate::__private::serde::ser::SerializeStruct as _;

                /// The field of this number: the id, then the own ones.
                struct Shown<'a>(&'a #read, usize);

                impl #krate::__private::serde::Serialize for Shown<'_> {
                    fn serialize<S: #krate::__private::serde::Serializer>(
                        &self,
                        serializer: S,
                    ) -> ::core::result::Result<S::Ok, S::Error> {
                        match self.1 {
                            #(#own_index => #own_serialize_field(&self.0.#own_ident, serializer),)*
                            _ => #id_serialize_field(&self.0.id, serializer),
                        }
                    }
                }

                let mut out = serializer.serialize_struct(#name, #count)?;
                out.serialize_field("id", &Shown(self, 0))?;
                out.serialize_field("email", &self.email)?;
                out.serialize_field("is_active", &self.is_active)?;
                out.serialize_field("is_superuser", &self.is_superuser)?;
                out.serialize_field("is_verified", &self.is_verified)?;
                #(out.serialize_field(#own_name, &Shown(self, #own_index))?;)*
                out.end()
            }
        }
    }
}
