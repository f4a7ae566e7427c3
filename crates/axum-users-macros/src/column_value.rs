//! `#[derive(ColumnValue)]`: an enum without data as a text column.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, Fields, Ident, LitStr, Path, Result, Variant, ext::IdentExt};

use crate::attributes::{self, Mistakes};

/// A variant and the text that stands for it.
struct Choice<'a> {
    ident: &'a Ident,
    text: String,
}

pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let krate = parse_crate(input)?;
    let choices = parse_choices(input)?;
    let ident = &input.ident;
    let variants: Vec<_> = choices.iter().map(|choice| choice.ident).collect();
    let texts: Vec<_> = choices.iter().map(|choice| &choice.text).collect();
    let expected = format!("one of {}", attributes::listed(&texts));

    Ok(quote! {
        #[automatically_derived]
        #[allow(unused_qualifications)]
        impl #krate::schema::ColumnValue for #ident {
            const TYPE: #krate::schema::ColumnType = #krate::schema::ColumnType::Text;
            const CHOICES: &'static [&'static str] = &[#(#texts),*];

            fn into_value(self) -> #krate::schema::Value {
                let text = match self {
                    #(Self::#variants => #texts,)*
                };
                #krate::schema::Value::Text(::std::string::String::from(text))
            }

            fn from_value(
                value: #krate::schema::Value,
            ) -> ::core::result::Result<Self, #krate::schema::DecodeError> {
                let text = <::std::string::String as #krate::schema::ColumnValue>::from_value(value)?;
                match text.as_str() {
                    #(#texts => ::core::result::Result::Ok(Self::#variants),)*
                    _ => ::core::result::Result::Err(
                        #krate::schema::DecodeError::new("?", #expected, "another text"),
                    ),
                }
            }
        }
    })
}

fn parse_crate(input: &DeriveInput) -> Result<Path> {
    let mut krate = None;
    attributes::parse(&input.attrs, "column", |meta| {
        if meta.path.is_ident("crate") {
            return attributes::set_once(&mut krate, attributes::parse_crate(&meta)?, &meta);
        }
        Err(attributes::unknown(&meta, &["crate = …"]))
    })?;
    Ok(krate.unwrap_or_else(attributes::default_crate))
}

fn parse_choices(input: &DeriveInput) -> Result<Vec<Choice<'_>>> {
    let Data::Enum(data) = &input.data else {
        return Err(Error::new_spanned(&input.ident, "`ColumnValue` can only be derived for an enum"));
    };
    if let Some(parameter) = input.generics.params.first() {
        return Err(Error::new_spanned(parameter, "an enum with parameters cannot be stored as text"));
    }
    if data.variants.is_empty() {
        return Err(Error::new_spanned(&input.ident, "an enum without variants has no value to store"));
    }

    let mut mistakes = Mistakes::default();
    let mut choices: Vec<Choice<'_>> = Vec::new();
    for variant in &data.variants {
        let Some(choice) = mistakes.keep(parse_choice(variant)) else { continue };
        match choices.iter().find(|known| known.text == choice.text) {
            Some(known) => mistakes.push(Error::new_spanned(
                choice.ident,
                format!("`{}` and `{}` are both stored as `{}`", known.ident, choice.ident, choice.text),
            )),
            None => choices.push(choice),
        }
    }
    mistakes.finish()?;
    Ok(choices)
}

fn parse_choice(variant: &Variant) -> Result<Choice<'_>> {
    let ident = &variant.ident;
    if !matches!(variant.fields, Fields::Unit) {
        return Err(Error::new_spanned(
            &variant.fields,
            format!("`{ident}` carries data; an enum that is stored as text has none"),
        ));
    }
    let mut rename = None;
    attributes::parse(&variant.attrs, "column", |meta| {
        if meta.path.is_ident("rename") {
            return attributes::set_once(&mut rename, meta.value()?.parse::<LitStr>()?.value(), &meta);
        }
        Err(attributes::unknown(&meta, &["rename = \"…\""]))
    })?;
    Ok(Choice { ident, text: rename.unwrap_or_else(|| snake_case(&ident.unraw().to_string())) })
}

/// The same rule as serde's `rename_all = "snake_case"`: every capital begins a word.
fn snake_case(name: &str) -> String {
    let mut text = String::new();
    for (index, letter) in name.char_indices() {
        if letter.is_uppercase() && index > 0 {
            text.push('_');
        }
        text.extend(letter.to_lowercase());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::snake_case;

    #[test]
    fn every_capital_begins_a_word() {
        for (name, text) in [("Draft", "draft"), ("InReview", "in_review"), ("V2", "v2"), ("ÀPart", "à_part")]
        {
            assert_eq!(snake_case(name), text);
        }
    }
}
