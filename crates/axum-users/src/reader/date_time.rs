//! Dates and timestamps as Pydantic reads them: ISO 8601 text, or a number of seconds since 1970 (of
//! milliseconds, when it is larger than 2e10) as a number or as text.

use serde_json::{Value as Json, json};
use time::{Month, PrimitiveDateTime, Time, UtcDateTime, UtcOffset};

use super::Refusal;
use crate::schema::{Date, Timestamp};

const TOO_SHORT: &str = "input is too short";
const EXTRA: &str = "unexpected extra characters at the end of the input";
const TOO_LATE: &str = "dates after 9999 are not supported as unix timestamps";
const TOO_EARLY: &str = "dates before 0000 are not supported as unix timestamps";
const YEAR_ZERO: &str = "year 0 is out of range";

/// Numbers beyond this count milliseconds.
const WATERSHED: i64 = 20_000_000_000;

/// Reads a date. A time of day is tolerated when it is midnight.
pub(super) fn read_date(input: &Json) -> Result<Date, Refusal> {
    let moment = match input {
        Json::String(text) => match date(text.as_bytes()) {
            Ok((date, [])) => Ok(Moment { local: date.midnight(), offset: None }),
            _ => date_time(text.as_bytes()).or_else(|error| unix_text(text).unwrap_or(Err(error))),
        },
        _ => unix_number(input).ok_or_else(|| Refusal::new("date_type", "Input should be a valid date"))?,
    };
    let Moment { local, .. } = moment.map_err(|error| {
        Refusal::new(
            "date_from_datetime_parsing",
            format!("Input should be a valid date or datetime, {error}"),
        )
        .with_ctx(json!({ "error": error }))
    })?;
    if local.time() != Time::MIDNIGHT {
        let msg = "Datetimes provided to dates should have zero time - e.g. be exact dates";
        return Err(Refusal::new("date_from_datetime_inexact", msg));
    }
    if local.year() == 0 {
        let msg = format!("Input should be a valid date in the format YYYY-MM-DD, {YEAR_ZERO}");
        return Err(Refusal::new("date_parsing", msg).with_ctx(json!({ "error": YEAR_ZERO })));
    }
    Ok(local.date())
}

/// Reads a timestamp. Text without an offset is UTC; a date alone is its first moment.
pub(super) fn read_timestamp(input: &Json) -> Result<Timestamp, Refusal> {
    let moment = match input {
        Json::String(text) => moment_text(text).map_err(|error| {
            let msg = format!("Input should be a valid datetime or date, {error}");
            Refusal::new("datetime_from_date_parsing", msg).with_ctx(json!({ "error": error }))
        })?,
        _ => unix_number(input)
            .ok_or_else(|| Refusal::new("datetime_type", "Input should be a valid datetime"))?
            .map_err(datetime_parsing)?,
    };
    let local = moment.local.assume_offset(moment.offset.unwrap_or(UtcOffset::UTC));
    // Databases keep years 1 to 9999, counted in UTC.
    let utc = local.checked_to_offset(UtcOffset::UTC).ok_or_else(|| datetime_parsing(TOO_LATE))?;
    if moment.local.year() == 0 || utc.year() < 1 { Err(datetime_parsing(YEAR_ZERO)) } else { Ok(utc) }
}

fn datetime_parsing(error: &'static str) -> Refusal {
    Refusal::new("datetime_parsing", format!("Input should be a valid datetime, {error}"))
        .with_ctx(json!({ "error": error }))
}

/// A date and time as written, with its offset if it had one.
struct Moment {
    local: PrimitiveDateTime,
    offset: Option<UtcOffset>,
}

type Parsed<T> = Result<T, &'static str>;

fn moment_text(text: &str) -> Parsed<Moment> {
    if let Ok(moment) = date_time(text.as_bytes()) {
        return Ok(moment);
    }
    // What is no date and time is explained as a date.
    match date(text.as_bytes()) {
        Ok((date, [])) => Ok(Moment { local: date.midnight(), offset: None }),
        Ok(_) => Err(EXTRA),
        Err(error) => unix_text(text).unwrap_or(Err(error)),
    }
}

/// A number of seconds or milliseconds as text: `1577836800`, `+86400`, `-.5`, `1.`; no exponent.
fn unix_text(text: &str) -> Option<Parsed<Moment>> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let has_digits = digits.bytes().any(|byte| byte.is_ascii_digit());
    if !has_digits || !digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return None;
    }
    match text.parse() {
        Ok(number) => Some(from_unix(number, 0.0, number.unsigned_abs() > WATERSHED.unsigned_abs())),
        Err(_) if text.contains('.') => text.parse().ok().map(from_unix_float),
        Err(_) => None,
    }
}

fn unix_number(input: &Json) -> Option<Parsed<Moment>> {
    let float = input.as_f64()?;
    Some(match input.as_i64() {
        Some(number) => from_unix(number, 0.0, number.unsigned_abs() > WATERSHED.unsigned_abs()),
        None => from_unix_float(float),
    })
}

#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "a cast to i64 saturates")]
fn from_unix_float(number: f64) -> Parsed<Moment> {
    let whole = number.floor();
    from_unix(whole as i64, number - whole, number.abs() > WATERSHED as f64)
}

/// The moment `number` seconds or milliseconds, and a `fraction` of one, after 1970 began.
#[expect(clippy::cast_possible_truncation, reason = "a fraction is below 1")]
fn from_unix(number: i64, fraction: f64, is_milliseconds: bool) -> Parsed<Moment> {
    let unit = if is_milliseconds { 1_000 } else { 1_000_000 };
    let microseconds = i128::from(number) * i128::from(unit) + (fraction * f64::from(unit)).round() as i128;
    if microseconds >= 253_402_300_800_000_000 {
        return Err(TOO_LATE);
    }
    let moment = UtcDateTime::from_unix_timestamp_nanos(microseconds * 1_000).map_err(|_| TOO_EARLY)?;
    if moment.year() < 0 {
        return Err(TOO_EARLY);
    }
    Ok(Moment { local: PrimitiveDateTime::new(moment.date(), moment.time()), offset: Some(UtcOffset::UTC) })
}

/// Reads `YYYY-MM-DD`; also gives what follows it.
fn date(text: &[u8]) -> Parsed<(Date, &[u8])> {
    let Some((text, rest)) = text.split_at_checked(10) else { return Err(TOO_SHORT) };
    let year = number(&text[..4]).ok_or("invalid character in year")?;
    let separator = |index: usize| {
        if text[index] == b'-' { Ok(()) } else { Err("invalid date separator, expected `-`") }
    };
    separator(4)?;
    let month = number(&text[5..7]).ok_or("invalid character in month")?;
    separator(7)?;
    let day = number(&text[8..]).ok_or("invalid character in day")?;
    let month = u8::try_from(month).ok().and_then(|month| Month::try_from(month).ok());
    let month = month.ok_or("month value is outside expected range of 1-12")?;
    let day = u8::try_from(day).unwrap_or_default();
    let date = Date::from_calendar_date(i32::from(year), month, day);
    Ok((date.map_err(|_| "day value is outside expected range")?, rest))
}

/// Reads a date, a separator, a time and perhaps an offset: RFC 3339, seconds optional.
fn date_time(text: &[u8]) -> Parsed<Moment> {
    let (date, rest) = date(text)?;
    let rest = match rest.split_first() {
        Some((b'T' | b't' | b'_' | b' ', rest)) => rest,
        Some(_) => return Err("invalid datetime separator, expected `T`, `t`, `_` or space"),
        None => return Err(TOO_SHORT),
    };
    let (time, rest) = time_of_day(rest)?;
    let (offset, rest) = offset(rest)?;
    if rest.is_empty() {
        Ok(Moment { local: PrimitiveDateTime::new(date, time), offset })
    } else {
        Err(EXTRA)
    }
}

fn time_of_day(text: &[u8]) -> Parsed<(Time, &[u8])> {
    let Some((clock, mut rest)) = text.split_at_checked(5) else { return Err(TOO_SHORT) };
    let hour = number(&clock[..2]).ok_or("invalid character in hour")?;
    if clock[2] != b':' {
        return Err("invalid time separator, expected `:`");
    }
    let minute = number(&clock[3..]).ok_or("invalid character in minute")?;
    let hour = below(hour, 24).ok_or("hour value is outside expected range of 0-23")?;
    let minute = below(minute, 60).ok_or("minute value is outside expected range of 0-59")?;
    let (mut second, mut microsecond) = (0, 0);
    if let Some(text) = rest.strip_prefix(b":") {
        let digits = text.get(..2).and_then(number).ok_or("invalid character in second")?;
        second = below(digits, 60).ok_or("second value is outside expected range of 0-59")?;
        (microsecond, rest) = fraction(&text[2..])?;
    }
    let time = Time::from_hms_micro(hour, minute, second, microsecond);
    Ok((time.map_err(|_| "second value is outside expected range of 0-59")?, rest))
}

/// Reads `.` or `,` and digits as microseconds, if they are there. Digits beyond the sixth are cut off.
fn fraction(text: &[u8]) -> Parsed<(u32, &[u8])> {
    let Some((b'.' | b',', text)) = text.split_first() else { return Ok((0, text)) };
    let length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if length == 0 {
        return Err("second fraction digits missing after `.`");
    }
    let (digits, rest) = text.split_at(length);
    let digits = digits.iter().chain(std::iter::repeat(&b'0')).take(6);
    Ok((digits.fold(0, |number, digit| number * 10 + u32::from(digit - b'0')), rest))
}

/// Reads `Z`, `+02:00` or `-0230`, if it is there. The minus may be the one of typography.
fn offset(text: &[u8]) -> Parsed<(Option<UtcOffset>, &[u8])> {
    let (sign, text) = match text {
        [] => return Ok((None, text)),
        [b'Z' | b'z', rest @ ..] => return Ok((Some(UtcOffset::UTC), rest)),
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] | [0xe2, 0x88, 0x92, rest @ ..] => (-1, rest),
        _ => return Err("invalid timezone sign"),
    };
    let hour = text.get(..2).and_then(number).ok_or("invalid timezone hour")?;
    let text = text[2..].strip_prefix(b":").unwrap_or(&text[2..]);
    let minute = text.get(..2).and_then(number).ok_or("invalid timezone minute")?;
    let minute = below(minute, 60).ok_or("timezone minute value is outside expected range of 0-59")?;
    let hour = below(hour, 24).ok_or("timezone offset must be less than 24 hours")?;
    let seconds = (i32::from(hour) * 60 + i32::from(minute)) * 60;
    let offset = UtcOffset::from_whole_seconds(sign * seconds);
    Ok((Some(offset.map_err(|_| "timezone offset must be less than 24 hours")?), &text[2..]))
}

/// Up to four ASCII digits as a number.
fn number(digits: &[u8]) -> Option<u16> {
    digits
        .iter()
        .try_fold(0, |number, digit| digit.is_ascii_digit().then(|| number * 10 + u16::from(digit - b'0')))
}

fn below(number: u16, limit: u8) -> Option<u8> {
    u8::try_from(number).ok().filter(|&number| number < limit)
}
