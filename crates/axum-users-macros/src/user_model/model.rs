//! The struct as the derive understands it, and what can be wrong with it.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{
    Attribute, Data, DeriveInput, Error, Expr, ExprLit, Field, Fields, GenericArgument, Lit, LitStr, Path,
    PathArguments, PathSegment, Result, Token, Type, Visibility, ext::IdentExt, parse::Parse,
    punctuated::Punctuated, spanned::Spanned,
};

use crate::attributes::{self, Mistakes};

/// The base fields with the types that they have, in the order of the table's columns.
pub(crate) const BASE_FIELDS: [(&str, &str); 6] = [
    ("id", "Uuid"),
    ("email", "String"),
    ("hashed_password", "String"),
    ("is_active", "bool"),
    ("is_superuser", "bool"),
    ("is_verified", "bool"),
];

/// A struct that is fit to be a user model.
pub(crate) struct Model<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) vis: &'a Visibility,
    /// Where the library is.
    pub(crate) krate: Path,
    /// The table's name, when it is not the usual one.
    pub(crate) table: Option<String>,
    /// `User` in `UserRead`.
    pub(crate) stem: String,
    /// The type of the field `id`.
    pub(crate) id: &'a Type,
    /// The application's own fields.
    pub(crate) own: Vec<OwnField<'a>>,
}

impl<'a> Model<'a> {
    pub(crate) fn parse(input: &'a DeriveInput) -> Result<Self> {
        let fields = named_fields(input)?;
        let mut mistakes = Mistakes::default();
        let attributes = mistakes.keep(StructAttributes::parse(input)).unwrap_or_default();
        if let Some(parameter) = input.generics.params.first() {
            mistakes.push(Error::new_spanned(parameter, "a user model has no parameters: its table is one"));
        }
        mistakes.keep(check_missing(&input.ident, fields));
        let (mut id, mut own) = (None, Vec::new());
        for field in fields {
            let Some(ident) = &field.ident else { continue };
            match base_type(ident) {
                Some(expected) => mistakes.keep(check_base(field, ident, expected)),
                None => mistakes.keep(OwnField::parse(field, ident)).map(|field| own.push(field)),
            };
            if ident == "id" {
                id = Some(&field.ty);
            }
        }
        mistakes.finish()?;

        let id = id.ok_or_else(|| Error::new_spanned(&input.ident, "a user model needs a field `id`"))?;
        let usual_stem =
            || if input.ident == "Model" { "User".to_owned() } else { input.ident.unraw().to_string() };
        Ok(Self {
            ident: &input.ident,
            vis: &input.vis,
            krate: attributes.krate.unwrap_or_else(attributes::default_crate),
            table: attributes.table,
            stem: attributes.name.unwrap_or_else(usual_stem),
            id,
            own,
        })
    }

    /// The name of one of the three structs: `UserRead` for `Read`.
    pub(crate) fn name_of(&self, part: &str) -> Ident {
        format_ident!("{}{part}", self.stem, span = Span::call_site())
    }

    /// `<T as ColumnValue>::ITEM`, all of it at the place where the application wrote the type.
    ///
    /// The expansion uses the types of own fields in this form only. A type that is no column type is then the
    /// same error each time, which the compiler shows once, and underlines the type.
    pub(crate) fn item(&self, ty: &Type, item: &str) -> TokenStream {
        let krate = &self.krate;
        let item = Ident::new(item, ty.span());
        quote_spanned!(ty.span()=> <#ty as #krate::schema::ColumnValue>::#item)
    }

    /// The documentation of an own field in one of the three structs: what the application wrote, if it did.
    pub(crate) fn docs(&self, field: &OwnField<'_>) -> TokenStream {
        if field.docs.is_empty() {
            let text = format!("The field `{}` of [`{}`].", field.name, self.ident);
            return quote!(#[doc = #text]);
        }
        field.docs.iter().map(ToTokens::to_token_stream).collect()
    }
}

/// What `#[user(…)]` says on the struct.
#[derive(Default)]
struct StructAttributes {
    krate: Option<Path>,
    table: Option<String>,
    name: Option<String>,
}

impl StructAttributes {
    fn parse(input: &DeriveInput) -> Result<Self> {
        let mut parsed = Self::default();
        attributes::parse(&input.attrs, "user", |meta| {
            if meta.path.is_ident("crate") {
                return attributes::set_once(&mut parsed.krate, attributes::parse_crate(&meta)?, &meta);
            }
            if meta.path.is_ident("table") {
                let table: LitStr = meta.value()?.parse()?;
                if table.value().is_empty() {
                    return Err(Error::new_spanned(&table, "a table has a name"));
                }
                return attributes::set_once(&mut parsed.table, table.value(), &meta);
            }
            if meta.path.is_ident("name") {
                let name: LitStr = meta.value()?.parse()?;
                if name.parse::<Ident>().is_err() {
                    return Err(Error::new_spanned(&name, "`name` has to be the beginning of a type's name"));
                }
                return attributes::set_once(&mut parsed.name, name.value(), &meta);
            }
            Err(attributes::unknown(&meta, &["table = \"…\"", "name = \"…\"", "crate = …"]))
        })?;
        Ok(parsed)
    }
}

/// One of the application's own fields.
pub(crate) struct OwnField<'a> {
    pub(crate) ident: &'a Ident,
    /// The column's name: the identifier without `r#`.
    pub(crate) name: String,
    pub(crate) ty: &'a Type,
    /// `T` for an `Option<T>`.
    pub(crate) inner: Option<&'a Type>,
    docs: Vec<&'a Attribute>,
    pub(crate) readonly: bool,
    pub(crate) private: bool,
    default: Option<Expr>,
    pub(crate) validate: Option<Path>,
}

impl<'a> OwnField<'a> {
    fn parse(field: &'a Field, ident: &'a Ident) -> Result<Self> {
        let mut own = Self {
            ident,
            name: ident.unraw().to_string(),
            ty: &field.ty,
            inner: inside_option(&field.ty),
            docs: field.attrs.iter().filter(|attribute| attribute.path().is_ident("doc")).collect(),
            readonly: false,
            private: false,
            default: None,
            validate: None,
        };
        attributes::parse(&field.attrs, "user", |meta| {
            if meta.path.is_ident("readonly") {
                own.readonly = true;
                return Ok(());
            }
            if meta.path.is_ident("private") {
                own.private = true;
                return Ok(());
            }
            if meta.path.is_ident("default") {
                return attributes::set_once(&mut own.default, meta.value()?.call(Expr::parse)?, &meta);
            }
            if meta.path.is_ident("validate") {
                return attributes::set_once(&mut own.validate, meta.value()?.call(Path::parse)?, &meta);
            }
            Err(attributes::unknown(&meta, &["readonly", "private", "default = …", "validate = …"]))
        })?;
        own.check()?;
        Ok(own)
    }

    fn check(&self) -> Result<()> {
        let name = &self.name;
        if name == "password" {
            return Err(Error::new_spanned(
                self.ident,
                "`password` is what requests call the password in clear, which no table holds; choose another name",
            ));
        }
        if self.readonly && self.is_required() {
            return Err(Error::new_spanned(
                self.ident,
                format!(
                    "`{name}` is readonly, so that no registration could ever set it; make it an `Option` or add `#[user(default = …)]`"
                ),
            ));
        }
        Ok(())
    }

    /// Whether a registration has to name a value for it.
    pub(crate) fn is_required(&self) -> bool {
        self.inner.is_none() && self.default.is_none()
    }

    /// The default as an expression of the field's type. It is written `"text"` for a `String`, and without `Some`
    /// for an `Option`.
    pub(crate) fn default(&self) -> Option<TokenStream> {
        let written = self.default.as_ref()?;
        let inner = self.inner.unwrap_or(self.ty);
        let value = match written {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) if is_plain(inner, "String") => {
                quote!(::std::string::String::from(#text))
            }
            other => other.to_token_stream(),
        };
        // With its type, so that a wrong default is the same error wherever the expansion uses it.
        Some(match self.inner {
            Some(inner) if !is_written_option(written) => {
                quote!({ let value: #inner = #value; ::core::option::Option::Some(value) })
            }
            _ => {
                let ty = self.ty;
                quote!({ let value: #ty = #value; value })
            }
        })
    }
}

fn named_fields(input: &DeriveInput) -> Result<&Punctuated<Field, Token![,]>> {
    if let Data::Struct(data) = &input.data
        && let Fields::Named(fields) = &data.fields
    {
        return Ok(&fields.named);
    }
    Err(Error::new_spanned(&input.ident, "`UserModel` can only be derived for a struct with named fields"))
}

/// Names every base field that is absent in one error.
fn check_missing(model: &Ident, fields: &Punctuated<Field, Token![,]>) -> Result<()> {
    let is_there =
        |name: &str| fields.iter().any(|field| field.ident.as_ref().is_some_and(|ident| ident == name));
    let missing: Vec<String> = BASE_FIELDS
        .iter()
        .filter(|(name, _)| !is_there(name))
        .map(|(name, ty)| format!("{name}: {ty}"))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let (them, list) = (if missing.len() == 1 { "it" } else { "them" }, attributes::listed(&missing));
    Err(Error::new_spanned(model, format!("a user model needs {list}; add {them} to `{model}`")))
}

/// The type of the base field of this name.
fn base_type(ident: &Ident) -> Option<&'static str> {
    BASE_FIELDS.iter().find(|(name, _)| ident == name).map(|&(_, ty)| ty)
}

fn check_base(field: &Field, ident: &Ident, expected: &str) -> Result<()> {
    if let Some(attribute) = field.attrs.iter().find(|attribute| attribute.path().is_ident("user")) {
        return Err(Error::new_spanned(
            attribute,
            format!("`{ident}` is a base field; `#[user(…)]` is for your own fields"),
        ));
    }
    if ident == "id" {
        return match inside_option(&field.ty) {
            Some(_) => {
                Err(Error::new_spanned(&field.ty, "every user has an `id`; write its type without `Option`"))
            }
            None => Ok(()),
        };
    }
    if is_plain(&field.ty, expected) {
        return Ok(());
    }
    Err(Error::new_spanned(&field.ty, format!("the base field `{ident}` has to be a `{expected}`")))
}

/// The last segment of a type's path.
fn last_segment(ty: &Type) -> Option<&PathSegment> {
    match ty {
        Type::Path(path) if path.qself.is_none() => path.path.segments.last(),
        Type::Group(group) => last_segment(&group.elem),
        _ => None,
    }
}

/// Whether the type is written with this name at its end, as `String` and `std::string::String` are.
fn is_plain(ty: &Type, name: &str) -> bool {
    last_segment(ty).is_some_and(|segment| segment.ident == name && segment.arguments.is_none())
}

/// `T` for a type that is written `Option<T>`.
fn inside_option(ty: &Type) -> Option<&Type> {
    let segment = last_segment(ty).filter(|segment| segment.ident == "Option")?;
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
    match arguments.args.first() {
        Some(GenericArgument::Type(inner)) => Some(inner),
        _ => None,
    }
}

/// Whether an expression is `None` or `Some(…)`.
fn is_written_option(expression: &Expr) -> bool {
    match expression {
        Expr::Path(path) => path.path.segments.last().is_some_and(|segment| segment.ident == "None"),
        Expr::Call(call) => matches!(&*call.func, Expr::Path(path)
            if path.path.segments.last().is_some_and(|segment| segment.ident == "Some")),
        _ => false,
    }
}

/// Whether the type is a number or a `bool`, which literals turn into best when they are not converted.
pub(crate) fn is_primitive(ty: &Type) -> bool {
    ["bool", "i8", "i16", "i32", "i64", "u8", "u16", "u32", "f32", "f64"]
        .iter()
        .any(|name| is_plain(ty, name))
}
