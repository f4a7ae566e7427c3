//! What each type of column makes of a value.

use super::super::*;
use crate::schema::{ColumnType, ObjectId};

/// What a column of this type says of a value: the value, or `type|msg|ctx` of the refusal.
fn read(column: &Column, input: &str) -> String {
    match read_column(column, &serde_json::from_str(input).unwrap()) {
        Ok(value) => serde_json::to_string(&value).unwrap(),
        Err(Refusal { kind, msg, ctx: None }) => format!("{kind}|{msg}"),
        Err(Refusal { kind, msg, ctx: Some(ctx) }) => format!("{kind}|{msg}|{ctx}"),
    }
}

fn check(column: &Column, cases: &[(&str, &str)]) {
    for (input, expected) in cases {
        assert_eq!(read(column, input), *expected, "{:?} from {input}", column.column_type);
    }
}

/// Checks a column whose errors all have the text as `ctx`.
fn check_errors(column: &Column, prefix: &str, cases: &[(&str, &str)]) {
    for (input, error) in cases {
        let expected = format!("{prefix}{error}|{}", json!({ "error": error }));
        assert_eq!(
            read(column, &json!(input).to_string()),
            expected,
            "{:?} from {input}",
            column.column_type
        );
    }
}

#[test]
fn the_applications_rule_refuses_with_its_sentence() {
    let rule =
        |value: &Value| if value.as_text() == Some("ok") { Ok(()) } else { Err("must be ok".to_owned()) };
    let column = Column::new("x", ColumnType::Text).nullable().validate(rule);
    check(
        &column,
        &[
            (r#""ok""#, r#""ok""#),
            (r#""x""#, r#"value_error|Value error, must be ok|{"error":{}}"#),
            // The type comes first, and null is not the rule's business.
            ("1", "string_type|Input should be a valid string"),
            ("null", "null"),
        ],
    );
}

#[test]
fn booleans_are_lax() {
    let parsing = "bool_parsing|Input should be a valid boolean, unable to interpret input";
    let wrong = "bool_type|Input should be a valid boolean";
    check(
        &Column::new("x", ColumnType::Bool),
        &[
            ("true", "true"),
            ("0", "false"),
            ("1", "true"),
            ("-0.0", "false"),
            ("1.0", "true"),
            (r#""tRuE""#, "true"),
            (r#""t""#, "true"),
            (r#""YES""#, "true"),
            (r#""y""#, "true"),
            (r#""on""#, "true"),
            (r#""1""#, "true"),
            (r#""False""#, "false"),
            (r#""f""#, "false"),
            (r#""no""#, "false"),
            (r#""N""#, "false"),
            (r#""off""#, "false"),
            (r#""0""#, "false"),
            ("2", parsing),
            ("-1", parsing),
            ("1e3", parsing),
            ("9223372036854775807", parsing),
            (r#""""#, parsing),
            (r#"" true""#, parsing),
            (r#""2""#, parsing),
            (r#""ı""#, parsing),
            ("0.5", wrong),
            ("1e30", wrong),
            ("9223372036854775808", wrong),
            ("null", wrong),
            ("[]", wrong),
            ("{}", wrong),
        ],
    );
}

#[test]
fn integers_are_lax() {
    let parsing = "int_parsing|Input should be a valid integer, unable to parse string as an integer";
    let fraction = "int_from_float|Input should be a valid integer, got a number with a fractional part";
    let size = "int_parsing_size|Unable to parse input string as an integer, exceeded maximum size";
    let wrong = "int_type|Input should be a valid integer";
    let most = "less_than_equal|Input should be less than or equal to 9223372036854775807|{\"le\":9223372036854775807}";
    let least = "greater_than_equal|Input should be greater than or equal to -9223372036854775808|{\"ge\":-9223372036854775808}";
    check(
        &Column::new("x", ColumnType::Integer),
        &[
            ("1", "1"),
            ("-0", "0"),
            ("1.0", "1"),
            ("1e3", "1000"),
            ("1e18", "1000000000000000000"),
            ("true", "1"),
            ("9223372036854775807", "9223372036854775807"),
            (r#""-9223372036854775808""#, "-9223372036854775808"),
            (r#"" 1 ""#, "1"),
            (r#""+1""#, "1"),
            (r#""1.000""#, "1"),
            (r#""-0.0""#, "0"),
            (r#""1_000""#, "1000"),
            (r#""1_0.0""#, "10"),
            (r#""00001""#, "1"),
            ("\"\u{a0}1\"", "1"),
            ("1.5", fraction),
            ("1e19", size),
            ("-1e30", size),
            ("9223372036854775808", most),
            (r#""9223372036854775808""#, most),
            (r#""-9223372036854775809""#, least),
            (r#""99999999999999999999999999999999999999999999999999""#, most),
            (r#""""#, parsing),
            (r#""abc""#, parsing),
            (r#""1.5""#, parsing),
            (r#""1.""#, parsing),
            (r#"".0""#, parsing),
            (r#""1e3""#, parsing),
            (r#""1__0""#, parsing),
            (r#""_1""#, parsing),
            (r#""1_""#, parsing),
            (r#""+-1""#, parsing),
            (r#""+ 1""#, parsing),
            (r#""0x10""#, parsing),
            (r#""１""#, parsing),
            (r#""1\u0000""#, parsing),
            ("null", wrong),
            ("[]", wrong),
            ("{}", wrong),
        ],
    );
    check(
        &Column::of::<i8>("x"),
        &[
            ("127", "127"),
            ("-128", "-128"),
            ("128", r#"less_than_equal|Input should be less than or equal to 127|{"le":127}"#),
            (r#""128.0""#, r#"less_than_equal|Input should be less than or equal to 127|{"le":127}"#),
            ("-129", r#"greater_than_equal|Input should be greater than or equal to -128|{"ge":-128}"#),
        ],
    );
}

#[test]
fn floats_are_lax_and_finite() {
    let parsing = "float_parsing|Input should be a valid number, unable to parse string as a number";
    let finite = "finite_number|Input should be a finite number";
    let wrong = "float_type|Input should be a valid number";
    check(
        &Column::new("x", ColumnType::Float),
        &[
            ("1", "1.0"),
            ("1.5", "1.5"),
            ("true", "1.0"),
            (r#"" 1.5 ""#, "1.5"),
            (r#""1_000.5""#, "1000.5"),
            (r#""1e5""#, "100000.0"),
            (r#"".5""#, "0.5"),
            (r#""5.""#, "5.0"),
            (r#""+1""#, "1.0"),
            (r#""1_.5""#, "1.5"),
            (r#""nan""#, finite),
            (r#""-Infinity""#, finite),
            (r#""1e400""#, finite),
            (r#""""#, parsing),
            (r#""abc""#, parsing),
            (r#""0x1""#, parsing),
            (r#""1__0""#, parsing),
            (r#""_1""#, parsing),
            ("null", wrong),
            ("[]", wrong),
        ],
    );
}

#[test]
fn choices_are_named_in_the_answer() {
    let choices = |texts: &[&'static str]| {
        let mut column = Column::new("x", ColumnType::Text);
        column.choices = texts.iter().map(|&text| text.into()).collect();
        column
    };
    let colors = choices(&["red", "green", "it's"]);
    let refusal =
        r#"enum|Input should be 'red', 'green' or "it's"|{"expected":"'red', 'green' or \"it's\""}"#;
    check(
        &colors,
        &[
            (r#""red""#, r#""red""#),
            (r#"" red""#, refusal),
            (r#""Red""#, refusal),
            ("1", refusal),
            ("null", refusal),
        ],
    );
    check(&choices(&["a", "b"]), &[("[]", r#"enum|Input should be 'a' or 'b'|{"expected":"'a' or 'b'"}"#)]);
    check(&choices(&["a"]), &[("1", r#"enum|Input should be 'a'|{"expected":"'a'"}"#)]);
}

#[test]
fn text_without_nul_is_taken_as_sent() {
    let nul = r#"value_error|Value error, Text must not contain NUL characters|{"error":{}}"#;
    check(
        &Column::new("x", ColumnType::Text),
        &[(r#"" é ""#, r#"" é ""#), (r#""""#, r#""""#), (r#""a\u0000""#, nul)],
    );
}

#[test]
fn in_03_in_20_json_without_nul_is_taken_as_sent_however_deep_it_would_be() {
    let nul = r#"value_error|Value error, Text must not contain NUL characters|{"error":{}}"#;
    check(
        &Column::new("x", ColumnType::Json),
        &[
            (r#"{"a":["\\u0000",{"b":"\u0001"}]}"#, r#"{"a":["\\u0000",{"b":"\u0001"}]}"#),
            (r#""\u0000""#, nul),
            (r#"[1,["a\u0000b"]]"#, nul),
            (r#"{"a":{"b":[null,{"c":"\u0000"}]}}"#, nul),
            (r#"{"a":{"\u0000":1}}"#, nul),
        ],
    );
}

#[test]
fn uuids_are_read_in_every_form_pydantic_knows() {
    let column = Column::new("x", ColumnType::Uuid);
    let zero = r#""00000000-0000-0000-0000-00000000000a""#;
    check(
        &column,
        &[
            (zero, zero),
            (r#""0000000000000000000000000000000A""#, zero),
            (r#""{00000000-0000-0000-0000-00000000000a}""#, zero),
            (r#""urn:uuid:00000000-0000-0000-0000-00000000000a""#, zero),
            ("1", "uuid_type|UUID input should be a string, bytes or UUID object"),
            ("null", "uuid_type|UUID input should be a string, bytes or UUID object"),
        ],
    );
    check_errors(
        &column,
        "uuid_parsing|Input should be a valid UUID, ",
        &[
            ("", "invalid length: found 0"),
            ("abc", "invalid length: found 3"),
            ("x", "invalid character: found `x` at 0"),
            ("00000000-0000-0000-0000-0000000000", "invalid group length in group 4: expected 12, found 10"),
            ("00000000-0000-0000-00000000000000000", "invalid group count: expected 5, found 4"),
        ],
    );
}

#[test]
fn object_ids_and_json_values_are_read() {
    let id = ObjectId([0xab; 12]).to_string();
    let refusal = r#"value_error|Value error, Id must be of type PydanticObjectId|{"error":{}}"#;
    check(
        &Column::new("x", ColumnType::ObjectId),
        &[(&json!(id).to_string(), &json!(id).to_string()), (r#""ab""#, refusal), ("1", refusal)],
    );
    for input in ["null", "[1,{\"a\":null}]", "\"x\"", "1.5"] {
        assert_eq!(read(&Column::new("x", ColumnType::Json), input), input);
    }
}

#[test]
fn dates_may_be_midnights_and_unix_days() {
    let column = Column::new("x", ColumnType::Date);
    let inexact =
        "date_from_datetime_inexact|Datetimes provided to dates should have zero time - e.g. be exact dates";
    let year_zero = r#"date_parsing|Input should be a valid date in the format YYYY-MM-DD, year 0 is out of range|{"error":"year 0 is out of range"}"#;
    let wrong = "date_type|Input should be a valid date";
    let new_year = r#""2020-01-01""#;
    check(
        &column,
        &[
            (new_year, new_year),
            (r#""2020-01-01T00:00:00+02:00""#, new_year),
            (r#""2020-01-01_00:00""#, new_year),
            (r#""2020-01-01 00:00:00,0""#, new_year),
            ("1577836800", new_year),
            ("1577836800.0", new_year),
            (r#""1577836800000""#, new_year),
            (r#""1577836800.""#, new_year),
            (r#""+86400""#, r#""1970-01-02""#),
            ("86400000", r#""1972-09-27""#),
            (r#""-86400""#, r#""1969-12-31""#),
            (r#""0.0000001""#, r#""1970-01-01""#),
            (r#""0001-01-01""#, r#""0001-01-01""#),
            ("-62135596800000", r#""0001-01-01""#),
            (r#""9999-12-31""#, r#""9999-12-31""#),
            (r#""2020-01-01T01:00:00""#, inexact),
            (r#""2020-01-01T00:00:00.000001""#, inexact),
            (r#""20200101""#, inexact),
            ("0.5", inexact),
            ("1577836801", inexact),
            ("253402300800", inexact),
            (r#""0000-01-01T01:00""#, inexact),
            (r#""0000-01-01""#, year_zero),
            ("-62167219200000", year_zero),
            ("null", wrong),
            ("true", wrong),
            ("[]", wrong),
            ("{}", wrong),
        ],
    );
    let late = r#"date_from_datetime_parsing|Input should be a valid date or datetime, dates after 9999 are not supported as unix timestamps|{"error":"dates after 9999 are not supported as unix timestamps"}"#;
    let early = &late.replace("after 9999", "before 0000")[..];
    check(
        &column,
        &[
            ("1e20", late),
            ("12345678901234567890", late),
            ("253402300800000", late),
            (r#""9223372036854775807""#, late),
            ("-1e300", early),
            ("-62167305600000", early),
            (r#""-9223372036854775808""#, early),
        ],
    );
}

#[test]
fn a_bad_date_is_explained_as_a_bad_date_and_time() {
    check_errors(
        &Column::new("x", ColumnType::Date),
        "date_from_datetime_parsing|Input should be a valid date or datetime, ",
        &[
            ("", "input is too short"),
            ("abc", "input is too short"),
            ("1e5", "input is too short"),
            ("+", "input is too short"),
            ("2020-1-1", "input is too short"),
            ("2020-01-01T", "input is too short"),
            ("2020-01-01T12:3", "input is too short"),
            ("99999999999999999999", "invalid date separator, expected `-`"),
            (" 2020-01-01", "invalid character in year"),
            ("2020-0a-01", "invalid character in month"),
            ("2020-01-0é", "invalid character in day"),
            ("2020/01/01", "invalid date separator, expected `-`"),
            ("2020-13-01", "month value is outside expected range of 1-12"),
            ("2020-00-01", "month value is outside expected range of 1-12"),
            ("2021-02-29", "day value is outside expected range"),
            ("2020-01-00", "day value is outside expected range"),
            ("2020-01-01x", "invalid datetime separator, expected `T`, `t`, `_` or space"),
            ("2020-01-01Ta0:00", "invalid character in hour"),
            ("2020-01-01T12-00", "invalid time separator, expected `:`"),
            ("2020-01-01T12:a0", "invalid character in minute"),
            ("2020-01-01T24:60", "hour value is outside expected range of 0-23"),
            ("2020-01-01T12:60", "minute value is outside expected range of 0-59"),
            ("2020-01-01T12:00:0", "invalid character in second"),
            ("2020-01-01T12:00:60", "second value is outside expected range of 0-59"),
            ("2020-01-01T12:00:00.a", "second fraction digits missing after `.`"),
            ("2020-01-01T12:00é", "invalid timezone sign"),
            ("2020-01-01T12:00+0", "invalid timezone hour"),
            ("2020-01-01T12:00+02", "invalid timezone minute"),
            ("2020-01-01T12:00+02-00", "invalid timezone minute"),
            ("2020-01-01T12:00+02:60", "timezone minute value is outside expected range of 0-59"),
            ("2020-01-01T12:00+24:00", "timezone offset must be less than 24 hours"),
            ("2020-01-01T12:00:00Zx", "unexpected extra characters at the end of the input"),
        ],
    );
}

#[test]
fn timestamps_are_kept_in_utc() {
    let column = Column::new("x", ColumnType::Timestamp);
    let wrong = "datetime_type|Input should be a valid datetime";
    let new_year = r#""2020-01-01T00:00:00Z""#;
    check(
        &column,
        &[
            (new_year, new_year),
            (r#""2020-01-01""#, new_year),
            (r#""2020-01-01 00:00""#, new_year),
            (r#""2020-01-01t02:00:00+02:00""#, new_year),
            (r#""2019-12-31T21:30:00−0230""#, new_year),
            ("1577836800", new_year),
            ("1577836800000", new_year),
            (r#""1577836800.0""#, new_year),
            (r#""2020""#, r#""1970-01-01T00:33:40Z""#),
            ("1577836800.9999999", r#""2020-01-01T00:00:01Z""#),
            ("-1.5", r#""1969-12-31T23:59:58.500000Z""#),
            (r#""-.5""#, r#""1969-12-31T23:59:59.500000Z""#),
            (r#""1577836800123.456789""#, r#""2020-01-01T00:00:00.123457Z""#),
            ("20000000000", r#""2603-10-11T11:33:20Z""#),
            ("20000000001", r#""1970-08-20T11:33:20.001000Z""#),
            ("20000000000.5", r#""1970-08-20T11:33:20.000500Z""#),
            ("253402300799999", r#""9999-12-31T23:59:59.999000Z""#),
            (r#""2020-01-01T12:34:56.9999999z""#, r#""2020-01-01T12:34:56.999999Z""#),
            (r#""2020-01-01T12:34:56,5Z""#, r#""2020-01-01T12:34:56.500000Z""#),
            ("null", wrong),
            ("true", wrong),
            ("[]", wrong),
        ],
    );
    check_errors(
        &column,
        "datetime_from_date_parsing|Input should be a valid datetime or date, ",
        &[
            ("", "input is too short"),
            ("2020-13-01", "month value is outside expected range of 1-12"),
            ("2020-02-30T12:34", "day value is outside expected range"),
            ("2020-01-01T25:00", "unexpected extra characters at the end of the input"),
            ("2020-01-01T12:34:56+02", "unexpected extra characters at the end of the input"),
            ("253402300800000", "dates after 9999 are not supported as unix timestamps"),
            ("9223372036854775808", "invalid date separator, expected `-`"),
        ],
    );
    let year_zero = r#"datetime_parsing|Input should be a valid datetime, year 0 is out of range|{"error":"year 0 is out of range"}"#;
    check(&column, &[(r#""0000-12-31T23:00:00-02:00""#, year_zero), ("-62135596800001", year_zero)]);
}

#[test]
fn a_timestamp_that_leaves_the_calendar_in_utc_is_refused() {
    let column = Column::new("x", ColumnType::Timestamp);
    for text in [r#""9999-12-31T23:59:59-01:00""#, r#""0001-01-01T00:00:00+01:00""#] {
        assert!(read(&column, text).starts_with("datetime_parsing|"), "{text}");
    }
}

proptest::proptest! {
    #[test]
    fn no_text_makes_a_column_panic(text in r"[0-9TtZz:.,_+\-− aé{}]{0,28}") {
        for column_type in [ColumnType::Bool, ColumnType::Integer, ColumnType::Float, ColumnType::Uuid, ColumnType::Date, ColumnType::Timestamp, ColumnType::ObjectId] {
            let _ = read(&Column::new("x", column_type), &json!(text).to_string());
        }
    }

    #[test]
    fn no_number_makes_a_column_panic(number in proptest::num::f64::ANY, whole: i64) {
        for column_type in [ColumnType::Bool, ColumnType::Integer, ColumnType::Float, ColumnType::Date, ColumnType::Timestamp] {
            for input in [json!(number), json!(whole)] {
                let _ = read(&Column::new("x", column_type), &input.to_string());
            }
        }
    }
}
