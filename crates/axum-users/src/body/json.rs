//! JSON, with the error texts and places of Python's `json` module.
//!
//! serde_json reads; only what it refuses is gone through again here, to find the words. The second reading
//! keeps its place in nested values on the heap, so that no input can exhaust the stack.

use serde_json::Value as Json;

use super::BodyError;

/// Nesting at which Python gives up: its default recursion limit. A server's own frames count towards it, so
/// that the original stops some dozen levels earlier.
const PYTHON_DEPTH: usize = 1000;

/// Nesting at which serde_json gives up.
const OUR_DEPTH: usize = 128;

/// Reads JSON text.
pub(super) fn parse(bytes: &[u8]) -> Result<Json, BodyError> {
    if bytes.starts_with(b"\xef\xbb\xbf") {
        return Err(BodyError::JsonInvalid {
            offset: 0,
            error: "Unexpected UTF-8 BOM (decode using utf-8-sig)",
        });
    }
    let text = std::str::from_utf8(bytes).map_err(|_| BodyError::Unreadable)?;
    serde_json::from_str(text).map_err(|_| explain(text))
}

/// What Python says of a text that serde_json refused.
fn explain(text: &str) -> BodyError {
    let mut scanner = Scanner { bytes: text.as_bytes(), at: 0, beyond: None };
    let fault = match scanner.document() {
        Err(Stop::Nested) => return BodyError::Unreadable,
        Err(Stop::Fault(fault)) => fault,
        Ok(()) => scanner.beyond.unwrap_or(Fault { at: 0, error: "Expecting value" }),
    };
    // A fault's place is the start of a character.
    let offset = text.bytes().take(fault.at).filter(|&byte| byte & 0xc0 != 0x80).count();
    BodyError::JsonInvalid { offset, error: fault.error }
}

/// What is wrong, at which byte.
#[derive(Clone, Copy)]
struct Fault {
    at: usize,
    error: &'static str,
}

enum Stop {
    Fault(Fault),
    /// Nested too deeply for Python.
    Nested,
}

#[derive(Clone, Copy, PartialEq)]
enum Container {
    Array,
    Object,
}

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The first thing that Python reads and we refuse: `NaN`, a lone surrogate, a number beyond a double,
    /// nesting beyond our depth. The original answers most of these with a 500 later.
    beyond: Option<Fault>,
}

impl Scanner<'_> {
    fn document(&mut self) -> Result<(), Stop> {
        let mut open = Vec::new();
        self.skip_whitespace();
        loop {
            self.value(&mut open)?;
            // A value ended, or a container was just opened: close what is complete, up to the next value.
            loop {
                self.skip_whitespace();
                match (open.last().copied(), self.peek()) {
                    (None, None) => return Ok(()),
                    (None, Some(_)) => return self.fault(self.at, "Extra data"),
                    (Some(Container::Object), Some(b'}')) | (Some(Container::Array), Some(b']')) => {
                        self.at += 1;
                        open.pop();
                    }
                    (Some(container), Some(b',')) => {
                        self.at += 1;
                        self.next_member(container)?;
                        break;
                    }
                    (Some(_), _) => return self.fault(self.at, "Expecting ',' delimiter"),
                }
            }
        }
    }

    /// Reads a scalar or an empty container, or opens containers down to the first of these.
    fn value(&mut self, open: &mut Vec<Container>) -> Result<(), Stop> {
        loop {
            let (container, end) = match self.peek() {
                Some(b'{') => (Container::Object, b'}'),
                Some(b'[') => (Container::Array, b']'),
                _ => return self.scalar(),
            };
            open.push(container);
            if open.len() > PYTHON_DEPTH {
                return Err(Stop::Nested);
            }
            if open.len() == OUR_DEPTH {
                self.note(self.at, "Nesting too deep");
            }
            self.at += 1;
            self.skip_whitespace();
            if self.peek() == Some(end) {
                return Ok(());
            }
            self.next_member(container)?;
        }
    }

    /// Goes to the next value of a container, in an object past its key.
    fn next_member(&mut self, container: Container) -> Result<(), Stop> {
        self.skip_whitespace();
        if container == Container::Array {
            return Ok(());
        }
        if self.peek() != Some(b'"') {
            return self.fault(self.at, "Expecting property name enclosed in double quotes");
        }
        self.string()?;
        self.skip_whitespace();
        if self.peek() != Some(b':') {
            return self.fault(self.at, "Expecting ':' delimiter");
        }
        self.at += 1;
        self.skip_whitespace();
        Ok(())
    }

    fn scalar(&mut self) -> Result<(), Stop> {
        for word in ["null", "true", "false"] {
            if self.starts_with(word) {
                self.at += word.len();
                return Ok(());
            }
        }
        for word in ["NaN", "Infinity", "-Infinity"] {
            if self.starts_with(word) {
                self.note(self.at, "Expecting value");
                self.at += word.len();
                return Ok(());
            }
        }
        match self.peek() {
            Some(b'"') => self.string(),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => self.fault(self.at, "Expecting value"),
        }
    }

    fn number(&mut self) -> Result<(), Stop> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.skip_digits(),
            _ => return self.fault(start, "Expecting value"),
        }
        if self.peek() == Some(b'.') && self.bytes.get(self.at + 1).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
            self.skip_digits();
        }
        if let Some(b'e' | b'E') = self.peek() {
            let exponent = self.at;
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            if self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
                self.skip_digits();
            } else {
                self.at = exponent;
            }
        }
        let digits = std::str::from_utf8(&self.bytes[start..self.at]).ok();
        if digits.and_then(|digits| digits.parse::<f64>().ok()).is_some_and(f64::is_infinite) {
            self.note(start, "Number out of range");
        }
        Ok(())
    }

    fn string(&mut self) -> Result<(), Stop> {
        let start = self.at;
        self.at += 1;
        loop {
            match self.peek() {
                None => return self.fault(start, "Unterminated string starting at"),
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => self.escape(start)?,
                Some(0..=0x1f) => return self.fault(self.at, "Invalid control character at"),
                Some(_) => self.at += 1,
            }
        }
    }

    fn escape(&mut self, string: usize) -> Result<(), Stop> {
        match self.bytes.get(self.at + 1) {
            None => self.fault(string, "Unterminated string starting at"),
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 2;
                Ok(())
            }
            Some(b'u') => self.unicode_escape(),
            Some(_) => self.fault(self.at, "Invalid \\escape"),
        }
    }

    fn unicode_escape(&mut self) -> Result<(), Stop> {
        const ERROR: &str = "Invalid \\uXXXX escape";
        let place = self.at + 1;
        let Some(unit) = self.code_unit(self.at) else { return self.fault(place, ERROR) };
        self.at += 6;
        match unit {
            0xd800..=0xdbff if matches!(self.code_unit(self.at), Some(0xdc00..=0xdfff)) => self.at += 6,
            0xd800..=0xdfff => self.note(place, ERROR),
            _ => {}
        }
        Ok(())
    }

    /// The number in a `\uXXXX` at `at`. Like Python, wants one more character behind it.
    fn code_unit(&self, at: usize) -> Option<u32> {
        let digits = self.bytes.get(at..at + 7)?.strip_prefix(b"\\u")?;
        digits[..4].iter().try_fold(0, |unit, &digit| Some(unit << 4 | char::from(digit).to_digit(16)?))
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn starts_with(&self, word: &str) -> bool {
        self.bytes[self.at..].starts_with(word.as_bytes())
    }

    fn skip_whitespace(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn skip_digits(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
    }

    fn note(&mut self, at: usize, error: &'static str) {
        self.beyond.get_or_insert(Fault { at, error });
    }

    fn fault<T>(&self, at: usize, error: &'static str) -> Result<T, Stop> {
        Err(Stop::Fault(Fault { at, error }))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn error(text: &str) -> (usize, &'static str) {
        match parse(text.as_bytes()) {
            Err(BodyError::JsonInvalid { offset, error }) => (offset, error),
            other => panic!("{text:?} gave {other:?}"),
        }
    }

    /// Answers of Python 3.11's `json.loads`.
    #[test]
    fn broken_json_is_explained_in_the_words_of_python() {
        const NAME: &str = "Expecting property name enclosed in double quotes";
        let cases = [
            (" ", 1, "Expecting value"),
            ("{", 1, NAME),
            (r#"{"email": "a@example.com", "#, 27, NAME),
            (r#"{"b":true,}"#, 10, NAME),
            ("{'a':1}", 1, NAME),
            ("[1,]", 3, "Expecting value"),
            ("[,1]", 1, "Expecting value"),
            ("[", 1, "Expecting value"),
            ("[1", 2, "Expecting ',' delimiter"),
            ("[1 2]", 3, "Expecting ',' delimiter"),
            (r#"{"a":1 "b":2}"#, 7, "Expecting ',' delimiter"),
            (r#"{"a" 1}"#, 5, "Expecting ':' delimiter"),
            (r#"{"a""#, 4, "Expecting ':' delimiter"),
            (r#"{"a":}"#, 5, "Expecting value"),
            (r#"{"é😀":}"#, 6, "Expecting value"),
            ("{} x", 3, "Extra data"),
            ("01", 1, "Extra data"),
            ("1.", 1, "Extra data"),
            ("1e+", 1, "Extra data"),
            ("-", 0, "Expecting value"),
            ("nul", 0, "Expecting value"),
            ("\"a", 0, "Unterminated string starting at"),
            ("[\"a\\", 1, "Unterminated string starting at"),
            ("{\"s\":\"\u{1}\"}", 6, "Invalid control character at"),
            (r#"{"s":"\x"}"#, 6, "Invalid \\escape"),
            (r#"{"s":"\u12"}"#, 7, "Invalid \\uXXXX escape"),
            (r#""\u00e9"#, 2, "Invalid \\uXXXX escape"),
            (r#""\ud800\u12"#, 8, "Invalid \\uXXXX escape"),
        ];
        for (text, offset, words) in cases {
            assert_eq!(error(text), (offset, words), "{text:?}");
        }
    }

    #[test]
    fn what_python_reads_and_answers_with_500_is_refused_cleanly() {
        let cases = [
            ("NaN", 0, "Expecting value"),
            (r#"{"é":-Infinity}"#, 5, "Expecting value"),
            (r#"{"s":"\ud800"}"#, 7, "Invalid \\uXXXX escape"),
            (r#"{"s":"\udc00\ud800"}"#, 7, "Invalid \\uXXXX escape"),
            (r#"{"\ud800a":1}"#, 3, "Invalid \\uXXXX escape"),
            ("[1e999]", 1, "Number out of range"),
            ("\u{feff}{}", 0, "Unexpected UTF-8 BOM (decode using utf-8-sig)"),
        ];
        for (text, offset, words) in cases {
            assert_eq!(error(text), (offset, words), "{text:?}");
        }
        let nested = "[".repeat(500) + &"]".repeat(500);
        assert_eq!(error(&nested), (127, "Nesting too deep"));
    }

    #[test]
    fn nesting_of_any_depth_is_refused_without_using_up_the_stack() {
        for text in
            ["[".repeat(200_000), r#"{"a":"#.repeat(200_000), "[".repeat(200_000) + &"]".repeat(200_000)]
        {
            assert_eq!(parse(text.as_bytes()), Err(BodyError::Unreadable));
        }
    }

    #[test]
    fn bytes_that_are_not_utf8_are_unreadable() {
        for bytes in [&b"\xff"[..], b"{\"a\":\"\xff\"}", b"\xff\xfe{\0}\0", b"\"\xed\xa0\x80\""] {
            assert_eq!(parse(bytes), Err(BodyError::Unreadable), "{bytes:?}");
        }
    }

    #[test]
    fn of_equal_keys_the_last_wins() {
        assert_eq!(parse(br#"{"a":1,"b":2,"a":3}"#), Ok(json!({ "a": 3, "b": 2 })));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = parse(&bytes);
        }

        #[test]
        fn an_error_lies_within_the_text(text in r#"[\[\]{}:, "\\ubn0-9eE.+é😀-]{0,24}"#) {
            if let Err(BodyError::JsonInvalid { offset, .. }) = parse(text.as_bytes()) {
                prop_assert!(offset <= text.chars().count());
            }
        }
    }
}
