//! `impl UserModel for …`.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::{parse_quote, spanned::Spanned};

use super::model::{BASE_FIELDS, Model, OwnField};

pub(crate) fn expand(model: &Model<'_>) -> TokenStream {
    let Model { ident, krate, id, .. } = model;
    let (read, create, update) = (model.name_of("Read"), model.name_of("Create"), model.name_of("Update"));
    let schema = schema(model);
    let from_row = from_row(model);

    quote! {
        #[automatically_derived]
        #[allow(unused_qualifications)]
        impl #krate::UserModel for #ident {
            type Id = #id;
            type Read = #read;
            type Create = #create;
            type Update = #update;

            #schema
            #from_row

            fn into_read(self, _: &#krate::schema::Schema) -> Self::Read {
                <Self::Read as ::core::convert::From<Self>>::from(self)
            }

            fn id(&self) -> &Self::Id {
                &self.id
            }

            fn email(&self) -> &str {
                &self.email
            }

            fn hashed_password(&self) -> &str {
                &self.hashed_password
            }

            fn is_active(&self) -> bool {
                self.is_active
            }

            fn is_superuser(&self) -> bool {
                self.is_superuser
            }

            fn is_verified(&self) -> bool {
                self.is_verified
            }
        }
    }
}

fn schema(model: &Model<'_>) -> TokenStream {
    let Model { krate, stem, .. } = model;
    let id_type = model.item(model.id, "TYPE");
    let table = model.table.iter();
    let columns = model.own.iter().map(|field| column(model, field));
    quote! {
        fn schema() -> #krate::schema::Schema {
            #krate::schema::Schema::new(#id_type)
                .named(#stem)
                #(.in_table(#table))*
                #(.with(#columns))*
        }
    }
}

/// An own column, built as `Column::of` builds it: see [`Model::item`].
fn column(model: &Model<'_>, field: &OwnField<'_>) -> TokenStream {
    let krate = &model.krate;
    let OwnField { name, readonly, private, .. } = field;
    let [column_type, nullable, choices, range, into_value] =
        ["TYPE", "NULLABLE", "CHOICES", "RANGE", "into_value"].map(|item| model.item(field.ty, item));
    let default = field.default().into_iter();
    let rule = rule(model, field).into_iter();
    quote! {{
        let mut column = #krate::schema::Column::new(#name, #column_type);
        column.nullable = #nullable;
        column.choices = #choices.iter().map(|&choice| choice.into()).collect();
        column.range = #range;
        column.readonly = #readonly;
        column.private = #private;
        #(column.default = ::core::option::Option::Some(#into_value(#default));)*
        #(column = column.validate(#rule);)*
        column
    }}
}

/// The application's check as the schema keeps it: on the value, with the sentence as text.
fn rule(model: &Model<'_>, field: &OwnField<'_>) -> Option<TokenStream> {
    let krate = &model.krate;
    let path = field.validate.as_ref()?;
    let from_value = model.item(field.inner.unwrap_or(field.ty), "from_value");
    let check = quote_spanned!(path.span()=> #path(&field));
    let skip_null = field.inner.map(|_| {
        quote! {
            if ::core::matches!(value, #krate::schema::Value::Null) {
                return ::core::result::Result::Ok(());
            }
        }
    });
    Some(quote! {
        |value: &#krate::schema::Value| -> ::core::result::Result<(), ::std::string::String> {
            #skip_null
            let value = ::core::clone::Clone::clone(value);
            let field = #from_value(value)
                .map_err(|error| ::std::string::ToString::to_string(&error))?;
            #check.map_err(|error| ::std::string::ToString::to_string(&error))
        }
    })
}

fn from_row(model: &Model<'_>) -> TokenStream {
    let krate = &model.krate;
    let (text, flag) = (parse_quote!(::std::string::String), parse_quote!(bool));
    let base_types = [model.id, &text, &text, &flag, &flag, &flag];
    let base = BASE_FIELDS.iter().zip(base_types).map(|(&(name, _), ty)| (format_ident!("{name}"), name, ty));
    let own = model.own.iter().map(|field| (field.ident.clone(), field.name.as_str(), field.ty));
    let fields = base.chain(own).enumerate().map(|(index, (ident, name, ty))| {
        let (column_type, from_value) = (model.item(ty, "TYPE"), model.item(ty, "from_value"));
        quote! {
            #ident: row.value(#index, #column_type).and_then(|value| #from_value(value)).map_err(|error| error.at(#name))?
        }
    });
    quote! {
        fn from_row(
            _: &#krate::schema::Schema,
            row: &mut dyn #krate::schema::RowReader,
        ) -> ::core::result::Result<Self, #krate::schema::DecodeError> {
            ::core::result::Result::Ok(Self { #(#fields,)* })
        }
    }
}
