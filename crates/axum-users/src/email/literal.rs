//! A bracketed address after the @-sign, `[192.0.2.1]` or `[IPv6:2001:db8::1]` (RFC 5321 section 4.1.3). It
//! is always refused; what is wrong with it beside that is said first.

use super::EmailError;
use super::characters::{list_bad, quote};

/// The groups of 16 bits in an IPv6 address.
const GROUPS: usize = 8;

/// Why the text between the brackets is refused.
pub(super) fn refuse(literal: &str) -> EmailError {
    EmailError::new(if let Some(address) = literal.strip_prefix("IPv6:") {
        match check_ipv6(address) {
            Ok(()) => return not_allowed(),
            Err(error) => format!("The IPv6 address in brackets after the @-sign is not valid ({error})."),
        }
    } else if !literal.is_empty() && literal.chars().all(|c| c.is_ascii_digit() || c == '.') {
        match check_ipv4(literal) {
            Ok(()) => return not_allowed(),
            Err(error) => format!(
                "The address in brackets after the @-sign is not valid: It is not an IPv4 address ({error}) or is \
                 missing an address literal tag."
            ),
        }
    } else if !literal.contains(':') {
        "The part after the @-sign in brackets is not an IPv4 address and has no address literal tag."
            .to_owned()
    } else if let Some(bad) = list_bad(literal, |c| matches!(c, '!'..='\u{fa}')) {
        format!("The part after the @-sign contains invalid characters in brackets: {bad}.")
    } else {
        "The part after the @-sign contains an invalid address literal tag in brackets.".to_owned()
    })
}

fn not_allowed() -> EmailError {
    EmailError::new("A bracketed IP address after the @-sign is not allowed here.")
}

fn check_ipv4(address: &str) -> Result<(), String> {
    let octets: Vec<&str> = address.split('.').collect();
    let quoted = quote(address);
    if octets.len() != 4 {
        return Err(format!("Expected 4 octets in {quoted}"));
    }
    octets.into_iter().try_for_each(check_octet).map_err(|error| format!("{error} in {quoted}"))
}

fn check_octet(octet: &str) -> Result<(), String> {
    if octet.is_empty() {
        return Err("Empty octet not permitted".to_owned());
    }
    let problem = if !octet.chars().all(|c| c.is_ascii_digit()) {
        "Only decimal digits permitted"
    } else if octet.len() > 3 {
        "At most 3 characters permitted"
    } else if octet.len() > 1 && octet.starts_with('0') {
        "Leading zeros are not permitted"
    } else if octet.parse::<u8>().is_err() {
        return Err(format!("Octet {octet} (> 255) not permitted"));
    } else {
        return Ok(());
    };
    Err(format!("{problem} in {}", quote(octet)))
}

fn check_ipv6(address: &str) -> Result<(), String> {
    if address.contains('/') {
        return Err(format!("Unexpected '/' in {}", quote(address)));
    }
    let (address, zone) = address.split_once('%').map_or((address, None), |(a, zone)| (a, Some(zone)));
    if let Some(zone) = zone.filter(|zone| zone.is_empty() || zone.contains('%')) {
        return Err(format!(r#"Invalid IPv6 address: "{}""#, quote(&format!("{address}%{zone}"))));
    }
    if address.is_empty() {
        return Err("Address cannot be empty".to_owned());
    }
    check_groups(address).map_err(|error| format!("{error} in {}", quote(address)))
}

fn check_groups(address: &str) -> Result<(), String> {
    let mut groups: Vec<&str> = address.split(':').collect();
    if groups.len() < 3 {
        return Err("At least 3 parts expected".to_owned());
    }
    if let Some(ipv4) = groups.pop_if(|last| last.contains('.')) {
        check_ipv4(ipv4)?;
        // It counts as two groups; which is of no matter here.
        groups.extend(["0", "0"]);
    }
    if groups.len() > GROUPS + 1 {
        return Err(format!("At most {GROUPS} colons permitted"));
    }
    check_gaps(&groups)?;
    groups.into_iter().filter(|group| !group.is_empty()).try_for_each(check_group)
}

/// Checks that the number of groups is right, and that empty ones stand only for `::`.
fn check_gaps(groups: &[&str]) -> Result<(), String> {
    let last = groups.len() - 1;
    let mut gaps = (1..last).filter(|index| groups[*index].is_empty());
    let gap = gaps.next();
    if gaps.next().is_some() {
        return Err("At most one '::' permitted".to_owned());
    }
    if gap.is_none() && groups.len() != GROUPS {
        return Err(format!("Exactly {GROUPS} parts expected without '::'"));
    }
    if groups[0].is_empty() && gap != Some(1) {
        return Err("Leading ':' only permitted as part of '::'".to_owned());
    }
    if groups[last].is_empty() && gap != Some(last - 1) {
        return Err("Trailing ':' only permitted as part of '::'".to_owned());
    }
    if gap.is_some() && groups.iter().filter(|group| !group.is_empty()).count() >= GROUPS {
        return Err(format!("Expected at most {} other parts with '::'", GROUPS - 1));
    }
    Ok(())
}

fn check_group(group: &str) -> Result<(), String> {
    if !group.chars().all(|c| c.is_ascii_hexdigit()) {
        return Err(format!("Only hex digits permitted in {}", quote(group)));
    }
    if group.len() > 4 {
        return Err(format!("At most 4 characters permitted in {}", quote(group)));
    }
    Ok(())
}
