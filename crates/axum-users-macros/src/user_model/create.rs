//! `UserCreate`: what it takes to create a user.

use proc_macro2::TokenStream;
use quote::quote;

use super::model::{Model, OwnField, is_primitive};

pub(crate) fn expand(model: &Model<'_>) -> TokenStream {
    let Model { ident, vis, krate, own, .. } = model;
    let create = model.name_of("Create");
    let title = format!("What it takes to create a [`{ident}`].");
    let own_ident = own.iter().map(|field| field.ident);
    let own_ty = own.iter().map(|field| field.ty);
    let own_docs = own.iter().map(|field| model.docs(field));
    let constructor = constructor(model);
    let user_fields = user_fields(model);
    let debug = debug(model, "Create");

    quote! {
        #[doc = #title]
        #[derive(::core::clone::Clone)]
        #[allow(dead_code, clippy::struct_excessive_bools)]
        #vis struct #create {
            /// The e-mail address.
            #vis email: ::std::string::String,
            /// The password in clear.
            #vis password: #krate::SecretString,
            /// Whether the user may log in.
            #vis is_active: bool,
            /// Whether the user may manage other users.
            #vis is_superuser: bool,
            /// Whether the e-mail address counts as verified.
            #vis is_verified: bool,
            #(#own_docs #vis #own_ident: #own_ty,)*
        }

        #constructor
        #user_fields
        #debug
    }
}

/// `UserCreate::new`, with one parameter for each field that has no default.
fn constructor(model: &Model<'_>) -> TokenStream {
    let Model { vis, krate, .. } = model;
    let create = model.name_of("Create");
    let parameters = model.own.iter().filter(|field| field.is_required()).map(|field| {
        let OwnField { ident, ty, .. } = field;
        if is_primitive(ty) { quote!(#ident: #ty) } else { quote!(#ident: impl ::core::convert::Into<#ty>) }
    });
    let values = model.own.iter().map(|field| {
        let OwnField { ident, ty, .. } = field;
        match field.default() {
            Some(default) => quote!(#ident: #default),
            None if !field.is_required() => quote!(#ident: ::core::option::Option::None),
            None if is_primitive(ty) => quote!(#ident),
            None => quote!(#ident: ::core::convert::Into::into(#ident)),
        }
    });

    quote! {
        #[automatically_derived]
        #[allow(unused_qualifications)]
        #[allow(dead_code, clippy::too_many_arguments, clippy::fn_params_excessive_bools)]
        impl #create {
            /// A user who is active, no superuser and not verified, with these values for the fields that
            /// every user needs. The others have their defaults.
            #[must_use]
            #vis fn new(
                email: impl ::core::convert::Into<::std::string::String>,
                password: impl ::core::convert::Into<#krate::SecretString>,
                #(#parameters,)*
            ) -> Self {
                Self {
                    email: ::core::convert::Into::into(email),
                    password: ::core::convert::Into::into(password),
                    is_active: true,
                    is_superuser: false,
                    is_verified: false,
                    #(#values,)*
                }
            }
        }
    }
}

fn user_fields(model: &Model<'_>) -> TokenStream {
    let krate = &model.krate;
    let create = model.name_of("Create");
    let own_ident = model.own.iter().map(|field| field.ident);
    let own_name = model.own.iter().map(|field| &field.name);
    let own_into_value = model.own.iter().map(|field| model.item(field.ty, "into_value"));
    let own_taken = model.own.iter().map(|field| taken(model, field));

    quote! {
        #[automatically_derived]
        #[allow(unused_qualifications)]
        impl #krate::UserFields for #create {
            fn from_record(
                mut record: #krate::schema::Record,
            ) -> ::core::result::Result<Self, #krate::schema::DecodeError> {
                ::core::result::Result::Ok(Self {
                    email: record.take::<::std::string::String>("email")?,
                    password: #krate::SecretString::from(record.take::<::std::string::String>("password")?),
                    is_active: record.take_optional::<bool>("is_active")?.unwrap_or(true),
                    is_superuser: record.take_optional::<bool>("is_superuser")?.unwrap_or(false),
                    is_verified: record.take_optional::<bool>("is_verified")?.unwrap_or(false),
                    #(#own_taken,)*
                })
            }

            fn into_record(self) -> #krate::schema::Record {
                use #krate::__private::secrecy::ExposeSecret as _;

                let password = ::std::string::String::from(self.password.expose_secret());
                let mut record = #krate::schema::Record::new();
                record.set("email", #krate::schema::Value::Text(self.email));
                record.set("password", #krate::schema::Value::Text(password));
                record.set("is_active", #krate::schema::Value::Bool(self.is_active));
                record.set("is_superuser", #krate::schema::Value::Bool(self.is_superuser));
                record.set("is_verified", #krate::schema::Value::Bool(self.is_verified));
                #(record.set(#own_name, #own_into_value(self.#own_ident));)*
                record
            }
        }
    }
}

/// How a field is taken out of a record: one that is absent gets its default, or is NULL.
fn taken(model: &Model<'_>, field: &OwnField<'_>) -> TokenStream {
    let krate = &model.krate;
    let OwnField { ident, name, ty, .. } = field;
    let from_value = model.item(ty, "from_value");
    let absent = match field.default() {
        Some(default) => default,
        None => {
            quote!(#from_value(#krate::schema::Value::Null).map_err(|error| error.at(#name))?)
        }
    };
    quote! {
        #ident: match record.remove(#name) {
            ::core::option::Option::Some(value) => {
                #from_value(value).map_err(|error| error.at(#name))?
            }
            ::core::option::Option::None => #absent,
        }
    }
}

/// `Debug` without the private fields, which may be secrets. The password hides itself.
pub(crate) fn debug(model: &Model<'_>, part: &str) -> TokenStream {
    let name = model.name_of(part);
    let text = name.to_string();
    let shown: Vec<_> = model.own.iter().filter(|field| !field.private).collect();
    let own_ident = shown.iter().map(|field| field.ident);
    let own_name = shown.iter().map(|field| &field.name);
    let finish = if shown.len() == model.own.len() { quote!(finish) } else { quote!(finish_non_exhaustive) };

    quote! {
        #[automatically_derived]
        #[allow(unused_qualifications)]
        impl ::core::fmt::Debug for #name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.debug_struct(#text)
                    .field("email", &self.email)
                    .field("password", &self.password)
                    .field("is_active", &self.is_active)
                    .field("is_superuser", &self.is_superuser)
                    .field("is_verified", &self.is_verified)
                    #(.field(#own_name, &self.#own_ident))*
                    .#finish()
            }
        }
    }
}
