//! Form fields, URL-encoded or multipart, and the login form.

use std::borrow::Cow;

use axum::http::HeaderValue;
use secrecy::SecretString;
use serde_json::{Map, Value as Json, json};

use super::{BodyError, media_type, multipart};
use crate::error::FieldError;

/// How many fields a form may have, and how many files.
pub(super) const MAX_FIELDS: usize = 1000;

/// How many bytes a field may have: name and value as sent, in a multipart form the value alone.
pub(super) const MAX_FIELD_BYTES: usize = 1024 * 1024;

/// The fields of a form, in the order in which they were sent.
#[cfg_attr(test, derive(Debug, PartialEq))]
pub(crate) struct Form(pub(super) Vec<(String, FormValue)>);

/// One field's value.
#[cfg_attr(test, derive(Debug, PartialEq))]
pub(crate) enum FormValue {
    /// Text.
    Text(String),
    /// A part of a multipart form that has a file name. No form of ours takes one.
    File(UploadedFile),
}

/// What an answer tells of a file; its content is not kept.
#[cfg_attr(test, derive(Debug, PartialEq))]
pub(crate) struct UploadedFile {
    pub(super) filename: String,
    pub(super) size: usize,
    pub(super) headers: Vec<(String, String)>,
}

impl Form {
    /// Reads a form. A body of another content type is an empty form, as in the original.
    ///
    /// # Errors
    /// The form is malformed, or has too many or too large fields.
    pub(crate) fn parse(content_type: Option<&HeaderValue>, bytes: &[u8]) -> Result<Self, BodyError> {
        let content_type = content_type.map_or(&b""[..], HeaderValue::as_bytes);
        let fields = match &media_type(content_type)[..] {
            b"application/x-www-form-urlencoded" => url_encoded(bytes)?,
            b"multipart/form-data" => multipart::parse(content_type, bytes)?,
            _ => Vec::new(),
        };
        Ok(Self(fields))
    }

    /// Takes a field's value out of the form; of several fields of this name, the last one's.
    fn take(&mut self, name: &str) -> Option<FormValue> {
        let index = self.0.iter().rposition(|(known, _)| known == name)?;
        Some(self.0.remove(index).1)
    }
}

/// Percent escapes that are not UTF-8 become replacement characters.
fn url_encoded(bytes: &[u8]) -> Result<Vec<(String, FormValue)>, BodyError> {
    let mut fields = Vec::new();
    for field in bytes.split(|&byte| byte == b'&').filter(|field| !field.is_empty()) {
        if field.len() - usize::from(field.contains(&b'=')) > MAX_FIELD_BYTES {
            return Err(too_large("Field"));
        }
        if fields.len() == MAX_FIELDS {
            return Err(too_many("fields"));
        }
        let pair = form_urlencoded::parse(field).map(|(name, value)| (name.into_owned(), value.into_owned()));
        fields.extend(pair.map(|(name, value)| (name, FormValue::Text(value))));
    }
    Ok(fields)
}

pub(super) fn too_large(what: &str) -> BodyError {
    BodyError::Form(format!("{what} exceeded maximum size of {}KB.", MAX_FIELD_BYTES / 1024).into())
}

pub(super) fn too_many(what: &str) -> BodyError {
    BodyError::Form(format!("Too many {what}. Maximum number of {what} is {MAX_FIELDS}.").into())
}

/// The credentials of a login.
pub(crate) struct LoginForm {
    /// The e-mail address, as typed.
    pub(crate) username: String,
    /// The password, as typed.
    pub(crate) password: SecretString,
}

impl LoginForm {
    /// Reads the fields of OAuth2's password grant. Other fields, such as `scope`, are ignored.
    ///
    /// # Errors
    /// One entry for each bad field: a missing or empty one, a file, or another `grant_type` than `password`.
    pub(crate) fn read(mut form: Form) -> Result<Self, Vec<FieldError>> {
        let mut errors = Vec::new();
        if let Some(grant) =
            take_text(&mut form, "grant_type", &mut errors).filter(|grant| grant != "password")
        {
            errors.push(bad_grant_type(grant));
        }
        let [username, password] = ["username", "password"].map(|name| {
            let known = errors.len();
            let text = take_text(&mut form, name, &mut errors);
            if text.is_none() && errors.len() == known {
                errors.push(FieldError::in_body(name, "missing", "Field required", Json::Null));
            }
            text.unwrap_or_default()
        });
        if errors.is_empty() { Ok(Self { username, password: password.into() }) } else { Err(errors) }
    }
}

/// A field's text. An empty field counts as absent, as in the original; a file is noted as an error.
fn take_text(form: &mut Form, name: &'static str, errors: &mut Vec<FieldError>) -> Option<String> {
    match form.take(name)? {
        FormValue::Text(text) => Some(text).filter(|text| !text.is_empty()),
        FormValue::File(file) if file.is_unchosen() => None,
        FormValue::File(file) => {
            let msg = "Input should be a valid string";
            errors.push(FieldError::in_body(name, "string_type", msg, file.into_json()));
            None
        }
    }
}

fn bad_grant_type(sent: String) -> FieldError {
    let msg = "String should match pattern '^password$'";
    FieldError::in_body("grant_type", "string_pattern_mismatch", msg, sent.into())
        .with_ctx(json!({ "pattern": "^password$" }))
}

impl UploadedFile {
    /// What browsers send for a file field without a file.
    fn is_unchosen(&self) -> bool {
        self.filename.is_empty() && self.size == 0
    }

    /// The file as the original shows one in an error: its upload object, the temporary file's state included.
    fn into_json(self) -> Json {
        let mut headers = Map::new();
        for (name, value) in self.headers {
            headers.entry(name).or_insert(Json::String(value));
        }
        json!({
            "filename": self.filename,
            "file": {
                "_file": {},
                "_max_size": MAX_FIELD_BYTES,
                "_rolled": self.size > MAX_FIELD_BYTES,
                "_TemporaryFileArgs": {
                    "mode": "w+b", "buffering": -1, "suffix": null, "prefix": null,
                    "encoding": null, "newline": null, "dir": null, "errors": null,
                },
            },
            "size": self.size,
            "headers": headers,
            "_max_mem_size": MAX_FIELD_BYTES,
        })
    }
}

/// Text of a form in the encoding that the form names; what is not valid in it is taken for Latin-1.
pub(super) fn decode(bytes: &[u8], is_utf8: bool) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) if is_utf8 => text.into(),
        _ => bytes.iter().copied().map(char::from).collect::<String>().into(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use secrecy::ExposeSecret;

    use super::*;

    const URL_ENCODED: &str = "application/x-www-form-urlencoded";

    fn parse(content_type: &str, bytes: &[u8]) -> Result<Form, BodyError> {
        Form::parse(Some(&HeaderValue::from_str(content_type).unwrap()), bytes)
    }

    /// The login's user name and password, or the 422's `detail`.
    fn login(body: &str) -> Result<(String, String), Json> {
        match LoginForm::read(parse(URL_ENCODED, body.as_bytes()).unwrap()) {
            Ok(form) => Ok((form.username, form.password.expose_secret().to_owned())),
            Err(errors) => Err(json!(errors)),
        }
    }

    #[test]
    fn credentials_are_read_as_fastapi_reads_them() {
        let cases = [
            ("username=u&password=p", ("u", "p")),
            ("username=u&password=p&grant_type=", ("u", "p")),
            ("username=u&password=p&grant_type=password", ("u", "p")),
            ("grant_type=a&grant_type=password&username=u&password=p", ("u", "p")),
            ("username=u&password=p&username=v&client_id=&scope=a&client_secret=s", ("v", "p")),
            ("username=+u%40x+&password=%00%20p", (" u@x ", "\0 p")),
            ("username=%ff%fe&password=%c3%28", ("\u{fffd}\u{fffd}", "\u{fffd}(")),
            ("a&b&username=u&&password=p&", ("u", "p")),
            ("=x&username=u&password=p", ("u", "p")),
            ("%75sername=u&password=a+b%2", ("u", "a b%2")),
            ("username=u&password=p&username[$ne]=1", ("u", "p")),
        ];
        for (body, (username, password)) in cases {
            assert_eq!(login(body), Ok((username.to_owned(), password.to_owned())), "{body}");
        }
    }

    #[test]
    fn bad_logins_are_explained_as_fastapi_explains_them() {
        let missing =
            |name| json!({"type": "missing", "loc": ["body", name], "msg": "Field required", "input": null});
        let grant = |sent| {
            json!({
                "type": "string_pattern_mismatch", "loc": ["body", "grant_type"],
                "msg": "String should match pattern '^password$'", "input": sent, "ctx": {"pattern": "^password$"},
            })
        };
        let cases = [
            ("", json!([missing("username"), missing("password")])),
            ("username=&password=", json!([missing("username"), missing("password")])),
            ("username=u", json!([missing("password")])),
            ("username=u&password=p&password=", json!([missing("password")])),
            ("grant_type=x", json!([grant("x"), missing("username"), missing("password")])),
            ("username=u&password=p&grant_type=password%0a", json!([grant("password\n")])),
            ("username[$ne]=u&password=p", json!([missing("username")])),
            (";username=u;password=p", json!([missing("username"), missing("password")])),
        ];
        for (body, expected) in cases {
            assert_eq!(login(body), Err(expected), "{body}");
        }
    }

    #[test]
    fn a_file_is_no_text() {
        let body = "--B\r\nContent-Disposition: form-data; name=\"username\"\r\n\r\nu\r\n\
            --B\r\ncontent-disposition: form-data; name=\"password\"; filename=\"p.txt\"\r\n\r\nwonderland\r\n--B--\r\n";
        let content_type = "multipart/form-data; boundary=B";
        let form = parse(content_type, body.as_bytes()).unwrap();
        let expected = r#"[{"type":"string_type","loc":["body","password"],"msg":"Input should be a valid string","input":{"filename":"p.txt","file":{"_file":{},"_max_size":1048576,"_rolled":false,"_TemporaryFileArgs":{"mode":"w+b","buffering":-1,"suffix":null,"prefix":null,"encoding":null,"newline":null,"dir":null,"errors":null}},"size":10,"headers":{"content-disposition":"form-data; name=\"password\"; filename=\"p.txt\""},"_max_mem_size":1048576}}]"#;
        let errors = LoginForm::read(form).err().unwrap();
        assert_eq!(serde_json::to_string(&errors).unwrap(), expected);

        let unchosen = body.replace("p.txt", "").replace("wonderland", "");
        let errors = LoginForm::read(parse(content_type, unchosen.as_bytes()).unwrap()).err().unwrap();
        assert_eq!(json!(errors)[0]["type"], "missing");
    }

    #[test]
    fn a_body_of_another_content_type_is_an_empty_form() {
        for content_type in [
            "application/json",
            "text/plain",
            "multipart/mixed; boundary=B",
            "",
            "application/x-www-form-urlencoded,a",
        ] {
            assert_eq!(parse(content_type, b"username=u"), Ok(Form(Vec::new())), "{content_type}");
        }
        assert_eq!(Form::parse(None, b"username=u"), Ok(Form(Vec::new())));
    }

    #[test]
    fn the_content_type_may_have_capitals_and_parameters() {
        for content_type in
            ["APPLICATION/X-WWW-FORM-URLENCODED", " application/x-www-form-urlencoded ;charset=x"]
        {
            assert_eq!(parse(content_type, b"a").unwrap().0.len(), 1, "{content_type}");
        }
    }

    #[test]
    fn size_and_number_of_fields_are_bounded() {
        let fields = |number: usize| vec!["a=1"; number].join("&");
        assert_eq!(parse(URL_ENCODED, fields(1000).as_bytes()).unwrap().0.len(), 1000);
        for number in [1001, 20_000] {
            let error = BodyError::Form("Too many fields. Maximum number of fields is 1000.".into());
            assert_eq!(parse(URL_ENCODED, fields(number).as_bytes()), Err(error));
        }
        let password = |length: usize| format!("password={}", "a".repeat(length));
        assert!(parse(URL_ENCODED, password(1_048_568).as_bytes()).is_ok());
        let error = BodyError::Form("Field exceeded maximum size of 1024KB.".into());
        assert_eq!(parse(URL_ENCODED, password(1_048_569).as_bytes()), Err(error));
    }

    proptest! {
        #[test]
        fn no_form_makes_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let form = parse(URL_ENCODED, &bytes).unwrap();
            let _ = LoginForm::read(form);
        }
    }
}
