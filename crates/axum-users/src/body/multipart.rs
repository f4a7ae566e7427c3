//! Multipart forms (RFC 7578), with what python-multipart tolerates and what it refuses.
//!
//! A body that just ends is no error there: the parts that were complete count. Text before the first
//! boundary is one, text after the last is not.

use super::{
    BodyError,
    form::{FormValue, MAX_FIELD_BYTES, MAX_FIELDS, UploadedFile, decode, too_large, too_many},
};

const MAX_BOUNDARY_BYTES: usize = 256;
const MAX_HEADERS: usize = 8;
/// Of one header: its name, the colon, the spaces after it, and its value.
const MAX_HEADER_BYTES: usize = 4096 + 128;

/// Reads the fields of a `multipart/form-data` body; `content_type` is the whole header.
pub(super) fn parse(content_type: &[u8], bytes: &[u8]) -> Result<Vec<(String, FormValue)>, BodyError> {
    let parameters = parameters(content_type);
    let Some(boundary) = parameter(&parameters, b"boundary") else {
        return Err(BodyError::Form("Missing boundary in multipart.".into()));
    };
    if boundary.len() > MAX_BOUNDARY_BYTES {
        return Err(malformed());
    }
    let mut parser = Parser {
        bytes,
        at: 0,
        delimiter: [b"\r\n--", boundary].concat(),
        is_utf8: parameter(&parameters, b"charset").is_none_or(is_utf8),
        text_count: 0,
        file_count: 0,
        fields: Vec::new(),
    };
    match parser.body() {
        Ok(()) | Err(Stop::End) => Ok(parser.fields),
        Err(Stop::Refused(error)) => Err(error),
    }
}

fn malformed() -> BodyError {
    BodyError::Form("Invalid multipart data.".into())
}

fn is_utf8(charset: &[u8]) -> bool {
    charset.eq_ignore_ascii_case(b"utf-8") || charset.eq_ignore_ascii_case(b"utf8")
}

enum Stop {
    /// The body ended.
    End,
    Refused(BodyError),
}

impl From<BodyError> for Stop {
    fn from(error: BodyError) -> Self {
        Self::Refused(error)
    }
}

/// Names in lower case, with their values.
type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// What a part's headers say of it.
struct Part {
    name: String,
    filename: Option<String>,
    headers: Pairs,
}

/// What follows a part.
#[derive(PartialEq)]
enum Next {
    Part,
    Nothing,
}

struct Parser<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The boundary with the line break and the dashes before it.
    delimiter: Vec<u8>,
    is_utf8: bool,
    text_count: usize,
    file_count: usize,
    fields: Vec<(String, FormValue)>,
}

impl<'a> Parser<'a> {
    fn body(&mut self) -> Result<(), Stop> {
        if let Some(b'\r' | b'\n') = self.bytes.first() {
            self.at = self.position(0, b"-")?;
        }
        let first = self.delimiter[2..].to_vec();
        self.expect(&first)?;
        match self.next()? {
            b'\r' => self.expect(b"\n")?,
            b'-' => return self.expect(b"-"),
            _ => return Err(malformed().into()),
        }
        loop {
            let headers = self.headers()?;
            let part = self.part(headers)?;
            if self.content(part)? == Next::Nothing {
                return Ok(());
            }
        }
    }

    /// Reads headers up to the blank line.
    fn headers(&mut self) -> Result<Pairs, Stop> {
        let mut headers = Vec::new();
        loop {
            if self.bytes.get(self.at) == Some(&b'\r') {
                self.at += 1;
                self.expect(b"\n")?;
                return Ok(headers);
            }
            if self.at < self.bytes.len() && headers.len() == MAX_HEADERS {
                return Err(malformed().into());
            }
            headers.push(self.header()?);
        }
    }

    fn header(&mut self) -> Result<(Vec<u8>, Vec<u8>), Stop> {
        let start = self.at;
        let check_size = |end: usize| if end - start > MAX_HEADER_BYTES { Err(malformed()) } else { Ok(()) };
        let colon = self.position(start, b":");
        let end = colon.as_ref().copied().unwrap_or(self.bytes.len());
        check_size(end + usize::from(colon.is_ok()))?;
        let name = &self.bytes[start..end];
        if !name.iter().all(|&byte| is_token(byte)) {
            return Err(malformed().into());
        }
        self.at = colon? + 1;
        if name.is_empty() {
            return Err(malformed().into());
        }
        while self.bytes.get(self.at) == Some(&b' ') {
            self.at += 1;
        }
        let value = self.at;
        let line_end = self.position(value, b"\r");
        check_size(line_end.as_ref().copied().unwrap_or(self.bytes.len()))?;
        self.at = line_end? + 1;
        self.expect(b"\n")?;
        Ok((name.to_ascii_lowercase(), self.bytes[value..self.at - 2].to_vec()))
    }

    fn part(&mut self, headers: Pairs) -> Result<Part, BodyError> {
        let disposition = headers.iter().rfind(|(name, _)| name == b"content-disposition");
        let parameters = disposition.map(|(_, value)| parameters(value)).unwrap_or_default();
        let text = |name| parameter(&parameters, name).map(|value| decode(value, self.is_utf8).into_owned());
        let Some(name) = text(b"name") else {
            return Err(BodyError::Form(
                "The Content-Disposition header field \"name\" must be provided.".into(),
            ));
        };
        let filename = text(b"filename");
        let (count, what) = match filename {
            Some(_) => (&mut self.file_count, "files"),
            None => (&mut self.text_count, "fields"),
        };
        *count += 1;
        if *count > MAX_FIELDS { Err(too_many(what)) } else { Ok(Part { name, filename, headers }) }
    }

    /// Reads a part's content and the delimiter behind it.
    fn content(&mut self, part: Part) -> Result<Next, Stop> {
        let start = self.at;
        let mut from = start;
        let (end, next) = loop {
            let Ok(found) = self.position(from, &self.delimiter) else {
                check_size(&part, self.bytes.len() - start)?;
                return Err(Stop::End);
            };
            let after = found + self.delimiter.len();
            match (self.bytes.get(after), self.bytes.get(after + 1)) {
                (Some(b'\r'), Some(b'\n')) => break (found, Next::Part),
                (Some(b'-'), Some(b'-')) => break (found, Next::Nothing),
                (Some(b' ' | b'\t'), _) => break (found, Next::Part),
                // The boundary may begin a line of the content.
                (Some(b'\r' | b'-'), _) => from = after + 1,
                _ => from = after,
            }
        };
        check_size(&part, end - start)?;
        self.at = end + self.delimiter.len();
        if next == Next::Part {
            self.end_of_line()?;
        }
        self.push(part, &self.bytes[start..end]);
        Ok(next)
    }

    /// Reads blanks and the line break.
    fn end_of_line(&mut self) -> Result<(), Stop> {
        loop {
            match self.next()? {
                b' ' | b'\t' => {}
                b'\r' => return self.expect(b"\n"),
                _ => return Err(malformed().into()),
            }
        }
    }

    fn push(&mut self, part: Part, content: &'a [u8]) {
        let value = match part.filename {
            None => FormValue::Text(decode(content, self.is_utf8).into_owned()),
            Some(filename) => {
                let text = |bytes: &[u8]| decode(bytes, false).into_owned();
                let headers = part.headers.iter().map(|(name, value)| (text(name), text(value))).collect();
                FormValue::File(UploadedFile { filename, size: content.len(), headers })
            }
        };
        self.fields.push((part.name, value));
    }

    fn next(&mut self) -> Result<u8, Stop> {
        let byte = *self.bytes.get(self.at).ok_or(Stop::End)?;
        self.at += 1;
        Ok(byte)
    }

    fn expect(&mut self, text: &[u8]) -> Result<(), Stop> {
        for &expected in text {
            if self.next()? != expected {
                return Err(malformed().into());
            }
        }
        Ok(())
    }

    /// Where `text` is next, at or after `from`.
    fn position(&self, from: usize, text: &[u8]) -> Result<usize, Stop> {
        let rest = self.bytes.get(from..).unwrap_or_default();
        rest.windows(text.len()).position(|window| window == text).map(|found| from + found).ok_or(Stop::End)
    }
}

fn check_size(part: &Part, size: usize) -> Result<(), BodyError> {
    if part.filename.is_none() && size > MAX_FIELD_BYTES { Err(too_large("Part")) } else { Ok(()) }
}

/// Whether a byte may be part of a header's name (RFC 9110, section 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// The value of a parameter; of several of this name, the last one's.
fn parameter<'a>(parameters: &'a [(Vec<u8>, Vec<u8>)], name: &[u8]) -> Option<&'a [u8]> {
    parameters.iter().rfind(|(known, _)| known == name).map(|(_, value)| &value[..])
}

/// The parameters of a header: names in lower case, values without their quotes. Parameters with a `*` are left
/// out, since RFC 7578, section 4.2, forbids them in forms.
fn parameters(header: &[u8]) -> Pairs {
    let mut parameters = Vec::new();
    for parameter in split_outside_quotes(header).into_iter().skip(1) {
        let equals = parameter.iter().position(|&byte| byte == b'=').unwrap_or(parameter.len());
        let name = trim_blanks(&parameter[..equals]).to_ascii_lowercase();
        let value = trim_blanks(parameter.get(equals + 1..).unwrap_or_default());
        if !name.contains(&b'*') {
            parameters.push((name, unquote(value)));
        }
    }
    parameters
}

/// Spaces and tabs alone: a line feed may stand inside a part's header, and belongs to its value.
fn trim_blanks(text: &[u8]) -> &[u8] {
    let is_text = |byte: &u8| !matches!(byte, b' ' | b'\t');
    let start = text.iter().position(is_text).unwrap_or(text.len());
    let end = text.iter().rposition(is_text).map_or(start, |last| last + 1);
    &text[start..end]
}

fn split_outside_quotes(header: &[u8]) -> Vec<&[u8]> {
    let mut in_quotes = false;
    let mut previous = 0;
    let is_separator = |&byte: &u8| {
        if byte == b'"' && previous != b'\\' {
            in_quotes = !in_quotes;
        }
        previous = byte;
        byte == b';' && !in_quotes
    };
    header.split(is_separator).collect()
}

fn unquote(value: &[u8]) -> Vec<u8> {
    let Some(quoted) = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")) else {
        return value.to_vec();
    };
    let mut text = Vec::with_capacity(quoted.len());
    let mut bytes = quoted.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        let escaped = if byte == b'\\' { bytes.next_if(|next| matches!(next, b'"' | b'\\')) } else { None };
        text.push(escaped.unwrap_or(byte));
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TYPE: &str = "multipart/form-data; boundary=B";

    fn part(name: &str, value: &str) -> String {
        format!("--B\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    }

    /// The text fields as `name=value`, files as `name@filename`, or the refusal.
    fn read(content_type: &str, body: impl AsRef<[u8]>) -> Result<Vec<String>, String> {
        match parse(content_type.as_bytes(), body.as_ref()) {
            Ok(fields) => Ok(fields.into_iter().map(show).collect()),
            Err(BodyError::Form(text)) => Err(text.into_owned()),
            Err(other) => panic!("{other:?}"),
        }
    }

    fn show((name, value): (String, FormValue)) -> String {
        match value {
            FormValue::Text(text) => format!("{name}={text}"),
            FormValue::File(file) => format!("{name}@{}", file.filename),
        }
    }

    #[test]
    fn forms_are_read_as_python_multipart_reads_them() {
        let (u, p) = (part("username", "u"), part("password", "p"));
        let both = format!("{u}{p}");
        let cases: [(String, &[&str]); 20] = [
            (format!("{both}--B--\r\n"), &["username=u", "password=p"]),
            (format!("{both}--B--"), &["username=u", "password=p"]),
            (format!("{both}--B--junk"), &["username=u", "password=p"]),
            (format!("\r\n{both}--B--"), &["username=u", "password=p"]),
            // Bodies that end early keep their complete parts.
            (format!("{both}--B-"), &["username=u"]),
            (format!("{both}--B"), &["username=u"]),
            (both, &["username=u"]),
            (String::new(), &[]),
            ("\r\n".to_owned(), &[]),
            ("--B--".to_owned(), &[]),
            ("--B\r\nX".to_owned(), &[]),
            ("--B\r\nX: y".to_owned(), &[]),
            // Content that looks like a boundary.
            (part("a", "x\r\n--Bfoo\r\n--B\rx\r\n--B-") + "--B--", &["a=x\r\n--Bfoo\r\n--B\rx\r\n--B-"]),
            (format!("{u}--B \t\r\n{}--B--", &p[5..]), &["username=u", "password=p"]),
            (part("a", "é") + "--B--", &["a=é"]),
            (part("a\"; filename=\"f;\\\"\\\\.txt", "x") + "--B--", &["a@f;\"\\.txt"]),
            (part("a;\\\"b", "x") + "--B--", &["a;\"b=x"]),
            (part("a\"; NAME=b; filename*=\"x", "x") + "--B--", &["b=x"]),
            ("--B\r\ncontent-disposition:form-data;name=a\r\nX: y\r\n\r\n\r\n--B--".to_owned(), &["a="]),
            ("--B\r\nContent-Disposition: form-data; name=\r\n\r\nx\r\n--B--".to_owned(), &["=x"]),
        ];
        for (body, expected) in cases {
            assert_eq!(read(TYPE, &body).unwrap(), expected, "{body:?}");
        }
        let latin1 = b"--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\xe9\r\n--B--";
        assert_eq!(read(TYPE, latin1).unwrap(), ["a=é"]);
        let utf8 = part("a", "é") + "--B--";
        assert_eq!(read("multipart/form-data; boundary=B; charset=latin-1", &utf8).unwrap(), ["a=Ã©"]);
    }

    #[test]
    fn malformed_forms_are_refused_with_the_texts_of_starlette() {
        const INVALID: &str = "Invalid multipart data.";
        const NO_NAME: &str = "The Content-Disposition header field \"name\" must be provided.";
        let u = part("username", "u");
        let cases = [
            (format!(" {u}--B--"), INVALID),
            (format!("pre\r\n{u}--B--"), INVALID),
            ("--C\r\n".to_owned(), INVALID),
            ("--B-x".to_owned(), INVALID),
            ("--Bx".to_owned(), INVALID),
            ("--B\rx".to_owned(), INVALID),
            ("--B \r\n".to_owned(), INVALID),
            (u.replace("\r\n", "\n"), INVALID),
            (format!("{u}--B \tx"), INVALID),
            ("--B\r\nContent-Disposition form-data\r\n\r\n".to_owned(), INVALID),
            ("--B\r\n: x\r\n\r\n".to_owned(), INVALID),
            ("--B\r\nAé: x\r\n".to_owned(), INVALID),
            ("--B\r\nA: x\ry".to_owned(), INVALID),
            ("--B\r\n\rx".to_owned(), INVALID),
            (format!("--B\r\n{}", "X: y\r\n".repeat(9)), INVALID),
            (format!("--B\r\nX: {}\r\n", "y".repeat(4222)), INVALID),
            ("--B\r\n\r\nfoo\r\n--B--".to_owned(), NO_NAME),
            ("--B\r\nX: y\r\n\r\nfoo\r\n--B--".to_owned(), NO_NAME),
            ("--B\r\nContent-Disposition: form-data\r\n\r\nx\r\n--B--".to_owned(), NO_NAME),
        ];
        for (body, expected) in cases {
            assert_eq!(read(TYPE, &body).unwrap_err(), expected, "{body:?}");
        }
        assert_eq!(read(TYPE, format!("--B\r\nX: {}\r\n", "y".repeat(4221))).unwrap(), [""; 0]);
    }

    #[test]
    fn the_boundary_comes_from_the_content_type() {
        let body = part("a", "x") + "--B--";
        let missing = "Missing boundary in multipart.";
        assert_eq!(read("multipart/form-data; boundary=\"B\"", &body).unwrap(), ["a=x"]);
        assert_eq!(read("multipart/form-data; x=\"; boundary=C\"; BOUNDARY= B ;x", &body).unwrap(), ["a=x"]);
        for content_type in
            ["multipart/form-data", "multipart/form-data;", "multipart/form-data; boundary*=B"]
        {
            assert_eq!(read(content_type, &body).unwrap_err(), missing, "{content_type}");
        }
        assert_eq!(read("multipart/form-data; boundary=", &body).unwrap_err(), "Invalid multipart data.");
        let long = format!("multipart/form-data; boundary={}", "B".repeat(257));
        assert_eq!(read(&long, &body).unwrap_err(), "Invalid multipart data.");
    }

    #[test]
    fn size_and_number_of_parts_are_bounded() {
        let text = part("a", "1").repeat(1001) + "--B--";
        assert_eq!(read(TYPE, text).unwrap_err(), "Too many fields. Maximum number of fields is 1000.");
        let files = part("a\"; filename=\"f", "1").repeat(1001) + "--B--";
        assert_eq!(read(TYPE, files).unwrap_err(), "Too many files. Maximum number of files is 1000.");
        let large = "a".repeat(1_048_577);
        assert_eq!(read(TYPE, part("a", &large[1..]) + "--B--").unwrap().len(), 1);
        assert_eq!(read(TYPE, part("a\"; filename=\"f", &large) + "--B--").unwrap(), ["a@f"]);
        for end in ["--B--", ""] {
            assert_eq!(
                read(TYPE, part("a", &large) + end).unwrap_err(),
                "Part exceeded maximum size of 1024KB."
            );
        }
    }

    proptest! {
        #[test]
        fn no_form_makes_the_parser_panic(
            pieces in proptest::collection::vec("(--B|\r|\n|\r\n|-|:|;|\"|=|\\\\|name|content-disposition| |x)", 0..40)
        ) {
            let body = format!("--B\r\n{}", pieces.concat());
            let _ = read(TYPE, &body);
            let _ = read(&format!("multipart/form-data;{}", pieces.concat()), &body);
        }
    }
}
