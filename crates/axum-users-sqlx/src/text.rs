//! Dates and timestamps as the text that SQLAlchemy and Tortoise keep in SQLite.

use axum_users::{Date, Timestamp};
use time::{Month, PrimitiveDateTime, Time, UtcOffset};

/// `2026-11-23`.
pub(crate) fn date(date: Date) -> String {
    let (year, month, day) = date.to_calendar_date();
    format!("{year:04}-{:02}-{day:02}", u8::from(month))
}

/// `2026-11-23 10:00:00.000000`, UTC: always six digits, as SQLAlchemy writes, so that texts compare as the
/// moments do.
pub(crate) fn timestamp(at: Timestamp) -> String {
    let utc = at.to_offset(UtcOffset::UTC);
    let (hour, minute, second, microsecond) = utc.to_hms_micro();
    format!("{} {hour:02}:{minute:02}:{second:02}.{microsecond:06}", date(utc.date()))
}

/// A timestamp to compare stored ones with by `<`: the fraction's trailing zeros are left out, so that a text
/// for the same moment, with fewer digits or with an offset behind, is not less.
pub(crate) fn bound(at: Timestamp) -> String {
    let text = timestamp(at);
    text.trim_end_matches('0')
        .strip_suffix('.')
        .map_or_else(|| text.trim_end_matches('0').to_owned(), str::to_owned)
}

/// Reads `2026-11-23`.
pub(crate) fn parse_date(text: &str) -> Option<Date> {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if year.len() != 4 || parts.next().is_some() {
        return None;
    }
    let year = digits(year)?;
    let month = Month::try_from(u8::try_from(two_digits(month)?).ok()?).ok()?;
    Date::from_calendar_date(i32::try_from(year).ok()?, month, u8::try_from(two_digits(day)?).ok()?).ok()
}

/// Reads what SQLAlchemy, Tortoise and SQLite's own `CURRENT_TIMESTAMP` write: the fraction and the offset may
/// be missing; without an offset it is UTC.
pub(crate) fn parse_timestamp(text: &str) -> Option<Timestamp> {
    let date = parse_date(text.get(..10)?)?;
    let (clock, offset) = split_offset(text.get(10..)?.strip_prefix([' ', 'T'])?)?;
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let mut parts = clock.split(':');
    let (hour, minute) = (two_digits(parts.next()?)?, two_digits(parts.next()?)?);
    let second = two_digits(parts.next().unwrap_or("00"))?;
    if parts.next().is_some() || fraction.len() > 9 {
        return None;
    }
    let nanosecond = digits(fraction)? * 10_u32.pow(9 - u32::try_from(fraction.len()).ok()?);
    let byte = |number: u32| u8::try_from(number).ok();
    let time = Time::from_hms_nano(byte(hour)?, byte(minute)?, byte(second)?, nanosecond).ok()?;
    PrimitiveDateTime::new(date, time).assume_offset(offset).checked_to_offset(UtcOffset::UTC)
}

/// Takes `Z`, `+01:00`, `+0100` or `+01` from the end of a time of day.
fn split_offset(text: &str) -> Option<(&str, UtcOffset)> {
    if let Some(clock) = text.strip_suffix('Z') {
        return Some((clock, UtcOffset::UTC));
    }
    let Some(at) = text.rfind(['+', '-']) else { return Some((text, UtcOffset::UTC)) };
    let (clock, offset) = text.split_at(at);
    let (hours, minutes) = offset.get(1..)?.split_at_checked(2)?;
    let minutes = minutes.strip_prefix(':').unwrap_or(minutes);
    let minutes = if minutes.is_empty() { 0 } else { two_digits(minutes)? };
    let seconds = i32::try_from(two_digits(hours)? * 3600 + minutes * 60).ok()?;
    let seconds = if offset.starts_with('-') { -seconds } else { seconds };
    Some((clock, UtcOffset::from_whole_seconds(seconds).ok()?))
}

fn two_digits(text: &str) -> Option<u32> {
    if text.len() == 2 { digits(text) } else { None }
}

/// A number of digits only: `parse` alone would take a sign.
fn digits(text: &str) -> Option<u32> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_are_read_in_every_form_that_python_writes() {
        for (text, expected) in [
            ("2099-12-31 12:00:00.123456", Some("2099-12-31 12:00:00.123456")),
            ("2099-12-31 12:00:00.123456+00:00", Some("2099-12-31 12:00:00.123456")),
            ("2099-12-31 12:00:00+00:00", Some("2099-12-31 12:00:00.000000")),
            ("2099-12-31 12:00:00", Some("2099-12-31 12:00:00.000000")),
            ("2099-12-31T12:00:00Z", Some("2099-12-31 12:00:00.000000")),
            ("2099-12-31 12:00:00.5", Some("2099-12-31 12:00:00.500000")),
            ("2099-12-31 12:00", Some("2099-12-31 12:00:00.000000")),
            ("2099-12-31 14:30:00+02:30", Some("2099-12-31 12:00:00.000000")),
            ("2099-12-31 12:00:00-01", Some("2099-12-31 13:00:00.000000")),
            ("2099-12-31", None),
            ("2099-13-31 12:00:00", None),
            ("2099-12-31 25:00:00", None),
            ("2099-12-31 12:00:00.", None),
            ("2099-12-31 12:00:00.1234567890", None),
            ("2099-12-31 12:00:00+0", None),
            ("+099-12-31 12:00:00", None),
            ("9999-12-31 23:59:59-12:00", None),
            ("é99-12-31 12:00:00", None),
            ("", None),
        ] {
            assert_eq!(parse_timestamp(text).map(timestamp).as_deref(), expected, "{text:?}");
        }
    }

    #[test]
    fn a_bound_is_above_every_earlier_text_and_above_none_of_the_same_moment() {
        let forms = |second: &str, fractions: &[&str]| -> Vec<String> {
            let fractions =
                fractions.iter().flat_map(|f| ["", "+00:00"].map(|offset| format!("{f}{offset}")));
            fractions.map(|tail| format!("2026-01-01 12:00:{second}{tail}")).collect()
        };
        let earlier = forms("29", &["", ".000000", ".999999"]);
        for (bound_text, same, earlier) in [
            ("2026-01-01 12:00:30", forms("30", &["", ".000000", ".000"]), earlier.clone()),
            ("2026-01-01 12:00:30.5", forms("30", &[".5", ".500000"]), forms("30", &["", ".499999"])),
            ("2026-01-01 12:00:30.000001", forms("30", &[".000001"]), forms("30", &["", ".000000"])),
        ] {
            let at = bound(parse_timestamp(bound_text).unwrap());
            assert!(same.iter().all(|text| **text >= *at), "{at} {same:?}");
            assert!(earlier.iter().all(|text| **text < *at), "{at} {earlier:?}");
        }
    }

    #[test]
    fn dates_are_read_and_written_as_year_month_day() {
        for text in ["0001-01-01", "2024-02-29", "9999-12-31"] {
            assert_eq!(parse_date(text).map(date).as_deref(), Some(text));
        }
        for text in ["2023-02-29", "2024-2-29", "24-02-29", "2024-02-29 ", "2024-02-+9", ""] {
            assert_eq!(parse_date(text), None, "{text:?}");
        }
    }
}
