//! `UserUpdate`: changes to a user.

use proc_macro2::TokenStream;
use quote::quote;

use super::{create::debug, model::Model};

pub(crate) fn expand(model: &Model<'_>) -> TokenStream {
    let Model { ident, vis, krate, own, .. } = model;
    let update = model.name_of("Update");
    let title = format!("Changes to a [`{ident}`]; what is `None` stays as it is.");
    let own_ident = own.iter().map(|field| field.ident);
    let own_ty = own.iter().map(|field| field.ty);
    let own_docs = own.iter().map(|field| model.docs(field));
    let user_fields = user_fields(model);
    let debug = debug(model, "Update");

    quote! {
        #[doc = #title]
        #[derive(::core::clone::Clone, ::core::default::Default)]
        #[allow(dead_code, clippy::option_option)]
        #vis struct #update {
            /// The new password in clear.
            #vis password: ::core::option::Option<#krate::SecretString>,
            /// The e-mail address.
            #vis email: ::core::option::Option<::std::string::String>,
            /// Whether the user may log in.
            #vis is_active: ::core::option::Option<bool>,
            /// Whether the user may manage other users.
            #vis is_superuser: ::core::option::Option<bool>,
            /// Whether the e-mail address counts as verified.
            #vis is_verified: ::core::option::Option<bool>,
            #(#own_docs #vis #own_ident: ::core::option::Option<#own_ty>,)*
        }

        #user_fields
        #debug
    }
}

fn user_fields(model: &Model<'_>) -> TokenStream {
    let krate = &model.krate;
    let update = model.name_of("Update");
    let own_ident: Vec<_> = model.own.iter().map(|field| field.ident).collect();
    let own_name: Vec<_> = model.own.iter().map(|field| &field.name).collect();
    let own_from_value = model.own.iter().map(|field| model.item(field.ty, "from_value"));
    let own_into_value = model.own.iter().map(|field| model.item(field.ty, "into_value"));

    quote! {
        #[automatically_derived]
        #[allow(unused_qualifications)]
        impl #krate::UserFields for #update {
            fn from_record(
                mut record: #krate::schema::Record,
            ) -> ::core::result::Result<Self, #krate::schema::DecodeError> {
                let password = record.take_optional::<::std::string::String>("password")?;
                ::core::result::Result::Ok(Self {
                    password: password.map(#krate::SecretString::from),
                    email: record.take_optional::<::std::string::String>("email")?,
                    is_active: record.take_optional::<bool>("is_active")?,
                    is_superuser: record.take_optional::<bool>("is_superuser")?,
                    is_verified: record.take_optional::<bool>("is_verified")?,
                    #(#own_ident: record
                        .remove(#own_name)
                        .map(|value| #own_from_value(value))
                        .transpose()
                        .map_err(|error| error.at(#own_name))?,)*
                })
            }

            fn into_record(self) -> #krate::schema::Record {
                use #krate::__private::secrecy::ExposeSecret as _;

                let mut record = #krate::schema::Record::new();
                if let ::core::option::Option::Some(value) = self.password {
                    let value = ::std::string::String::from(value.expose_secret());
                    record.set("password", #krate::schema::Value::Text(value));
                }
                if let ::core::option::Option::Some(value) = self.email {
                    record.set("email", #krate::schema::Value::Text(value));
                }
                if let ::core::option::Option::Some(value) = self.is_active {
                    record.set("is_active", #krate::schema::Value::Bool(value));
                }
                if let ::core::option::Option::Some(value) = self.is_superuser {
                    record.set("is_superuser", #krate::schema::Value::Bool(value));
                }
                if let ::core::option::Option::Some(value) = self.is_verified {
                    record.set("is_verified", #krate::schema::Value::Bool(value));
                }
                #(if let ::core::option::Option::Some(value) = self.#own_ident {
                    record.set(#own_name, #own_into_value(value));
                })*
                record
            }
        }
    }
}
