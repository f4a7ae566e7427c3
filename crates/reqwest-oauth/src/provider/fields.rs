//! Where in a profile things stand.

use std::borrow::Cow;

use serde_json::Value;

use crate::client::Identity;

/// Where in a profile things stand, as paths.
///
/// A path is names separated by dots (`response.email`); a number is a place in a list (`emails.0.value`).
/// Alternatives are separated by ` | `, and the first that is there counts; parts to be joined by a space are
/// separated by ` + `. An empty path: the provider does not tell.
///
/// ```
/// use reqwest_oauth::{EmailVerified, Fields};
///
/// const FIELDS: Fields = Fields {
///     id: "data.id",
///     email: "data.emails.0.value",
///     email_verified: EmailVerified::Field("data.emails.0.verified"),
///     ..Fields::NONE
/// };
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Fields<S = &'static str> {
    /// The id of the account: a text or a number. It has to be one that never changes.
    pub id: S,
    /// The e-mail address.
    pub email: S,
    /// Whether the address was checked.
    pub email_verified: EmailVerified<S>,
    /// The name to show.
    pub name: S,
    /// The URL of a picture.
    pub picture: S,
    /// The language.
    pub locale: S,
    /// What a profile cannot lack: without one of these it is an error.
    pub required: &'static [&'static str],
}

/// How a profile tells that an e-mail address was checked.
///
/// ```
/// use reqwest_oauth::{EmailVerified, Fields};
///
/// const FIELDS: Fields = Fields { email_verified: EmailVerified::Never, ..Fields::OPENID };
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EmailVerified<S = &'static str> {
    /// Not at all.
    NotSaid,
    /// By this path: true, false, or their names as text. Several separated by ` & ` must all be true.
    Field(S),
    /// By this path, and an address is given out only if it is true.
    OnlyIf(S),
    /// It gives out only addresses that it checked.
    Always,
    /// It gives out what users typed.
    Never,
}

impl Fields {
    /// No paths: to be filled up.
    pub const NONE: Self = Self {
        id: "",
        email: "",
        email_verified: EmailVerified::NotSaid,
        name: "",
        picture: "",
        locale: "",
        required: &[],
    };

    /// The standard claims (OpenID Connect Core section 5.1).
    pub const OPENID: Self = Self {
        id: "sub",
        email: "email",
        email_verified: EmailVerified::Field("email_verified"),
        name: "name",
        picture: "picture",
        locale: "locale",
        required: &[],
    };

    /// The same with texts of its own.
    #[must_use]
    pub fn to_owned_fields(&self) -> Fields<String> {
        use EmailVerified::{Always, Field, Never, NotSaid, OnlyIf};
        Fields {
            id: self.id.to_owned(),
            email: self.email.to_owned(),
            email_verified: match self.email_verified {
                NotSaid => NotSaid,
                Field(path) => Field(path.to_owned()),
                OnlyIf(path) => OnlyIf(path.to_owned()),
                Always => Always,
                Never => Never,
            },
            name: self.name.to_owned(),
            picture: self.picture.to_owned(),
            locale: self.locale.to_owned(),
            required: self.required,
        }
    }
}

impl<S: AsRef<str>> Fields<S> {
    /// Reads a profile. An error is the path of what is missing.
    pub(crate) fn read(&self, profile: Value) -> Result<Identity, String> {
        if let Some(missing) = self.required.iter().find(|path| at(&profile, path).is_none()) {
            return Err((*missing).to_owned());
        }
        let shown = |path: &S| text(&profile, path.as_ref());
        let id = shown(&self.id).ok_or_else(|| self.id.as_ref().to_owned())?;
        let mut email = shown(&self.email);
        let email_verified = match &self.email_verified {
            EmailVerified::NotSaid => None,
            EmailVerified::Field(path) => truth(&profile, path.as_ref()),
            EmailVerified::OnlyIf(path) => {
                let verified = truth(&profile, path.as_ref());
                email = email.filter(|_| verified == Some(true));
                verified
            }
            EmailVerified::Always => Some(true),
            EmailVerified::Never => Some(false),
        };
        Ok(Identity {
            email_verified: email_verified.filter(|_| email.is_some()),
            name: shown(&self.name),
            picture: shown(&self.picture),
            locale: shown(&self.locale),
            id,
            email,
            profile,
        })
    }
}

/// What stands at a path without alternatives; null counts as not there.
pub(crate) fn at<'a>(profile: &'a Value, path: &str) -> Option<&'a Value> {
    let step = |value: &'a Value, name: &str| match value {
        Value::Array(list) => list.get(name.parse::<usize>().ok()?),
        _ => value.get(name),
    };
    path.split('.').try_fold(profile, step).filter(|value| !value.is_null())
}

/// The text at a path; a number is written out, and an empty text is none.
pub(crate) fn text(profile: &Value, path: &str) -> Option<String> {
    if path.is_empty() {
        return None;
    }
    path.split(" | ").find_map(|alternative| {
        let parts: Vec<_> =
            alternative.split(" + ").filter_map(|part| plain_text(at(profile, part)?)).collect();
        (!parts.is_empty()).then(|| parts.join(" "))
    })
}

fn plain_text(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) if !text.is_empty() => Some(Cow::Borrowed(text)),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        _ => None,
    }
}

/// Whether all that is named is true; `None` when one of them is not there or says neither.
fn truth(profile: &Value, path: &str) -> Option<bool> {
    let parts: Option<Vec<_>> = path.split(" & ").map(|part| plain_truth(at(profile, part)?)).collect();
    Some(parts?.into_iter().all(|part| part))
}

/// True or false, also as text (Apple, Amazon Cognito) or number.
fn plain_truth(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(truth) => Some(*truth),
        Value::String(text) => text.to_ascii_lowercase().parse().ok(),
        Value::Number(number) => Some(number.as_i64() == Some(1)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_find_what_is_nested_in_objects_and_lists() {
        let profile = json!({"a": {"b": [{"c": "x"}]}, "n": null, "first": "A", "last": "B", "id": 7});
        let table = [
            ("a.b.0.c", Some("x")),
            ("a.b.1.c", None),
            ("a.b.c", None),
            ("n", None),
            ("n | id", Some("7")),
            ("first + last", Some("A B")),
            ("first + middle", Some("A")),
            ("middle + n | last", Some("B")),
            ("a", None),
            ("", None),
        ];
        for (path, expected) in table {
            assert_eq!(text(&profile, path).as_deref(), expected, "{path}");
        }
    }

    #[test]
    fn decisions_21_verified_has_three_states() {
        let fields = |email_verified| Fields { id: "id", email: "e", email_verified, ..Fields::NONE };
        let verified = |rule, value: Value| {
            let identity = fields(rule).read(json!({"id": 1, "e": "u@x", "v": value})).unwrap();
            (identity.email.is_some(), identity.email_verified)
        };
        let field = EmailVerified::Field("v");

        assert_eq!(verified(field, json!(true)), (true, Some(true)));
        assert_eq!(verified(field, json!("True")), (true, Some(true)));
        assert_eq!(verified(field, json!("false")), (true, Some(false)));
        assert_eq!(verified(field, json!(null)), (true, None));
        assert_eq!(verified(field, json!("perhaps")), (true, None));
        assert_eq!(verified(EmailVerified::NotSaid, json!(true)), (true, None));
        assert_eq!(verified(EmailVerified::Never, json!(true)), (true, Some(false)));
        assert_eq!(verified(EmailVerified::OnlyIf("v"), json!(true)), (true, Some(true)));
        assert_eq!(verified(EmailVerified::OnlyIf("v"), json!(false)), (false, None));
        assert_eq!(verified(EmailVerified::Field("v & v"), json!(true)), (true, Some(true)));
        assert_eq!(verified(EmailVerified::Field("v & id"), json!(false)), (true, Some(false)));
    }

    #[test]
    fn a_profile_without_an_id_or_with_one_of_no_text_is_refused() {
        for id in [json!(null), json!(""), json!(true), json!({}), json!([])] {
            let profile = json!({"sub": id, "email": "u@x"});

            assert_eq!(Fields::OPENID.read(profile), Err("sub".to_owned()), "{id}");
        }
    }

    #[test]
    fn what_is_required_has_to_be_there_though_it_may_be_empty() {
        let fields = Fields { id: "id", email: "account.email", required: &["account"], ..Fields::NONE };

        assert_eq!(fields.read(json!({"id": 1})), Err("account".to_owned()));
        assert_eq!(fields.read(json!({"id": 1, "account": {}})).map(|identity| identity.email), Ok(None));
    }
}
