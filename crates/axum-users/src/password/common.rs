//! The list of common passwords, and how it is searched.

use std::cmp::Ordering;

/// A header that names sources and licences, then the passwords: lower-case, sorted by byte, one a line.
const FILE: &str = include_str!("common_passwords.txt");

const END_OF_HEADER: &str = "# end of header\n";

/// True for a password of the list; ASCII case makes no difference.
pub(super) fn is_common(password: &str) -> bool {
    find(passwords().as_bytes(), password.as_bytes())
}

fn passwords() -> &'static str {
    FILE.split_once(END_OF_HEADER).map_or("", |(_, passwords)| passwords)
}

/// A binary search over the text itself: no index is built, and the password is not copied.
fn find(list: &[u8], password: &[u8]) -> bool {
    // Both ends always stand at the beginning of a line.
    let (mut low, mut high) = (0, list.len());
    while low < high {
        let middle = low + (high - low) / 2;
        let is_newline = |byte: &u8| *byte == b'\n';
        let start = list[low..middle].iter().rposition(is_newline).map_or(low, |at| low + at + 1);
        let end = list[middle..high].iter().position(is_newline).map_or(high, |at| middle + at);
        let lower_case = password.iter().map(u8::to_ascii_lowercase);
        match list[start..end].iter().copied().cmp(lower_case) {
            Ordering::Equal => return true,
            Ordering::Less => low = end + 1,
            Ordering::Greater => high = start,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pw_06_every_password_of_the_list_is_found_in_any_case() {
        let all: Vec<_> = passwords().lines().collect();

        assert_eq!(all.len(), 30_108);
        for password in all {
            assert!(is_common(password), "{password}");
            assert!(is_common(&password.to_ascii_uppercase()), "{password}");
        }
    }

    #[test]
    fn the_list_is_lower_case_sorted_and_without_repeats() {
        let all: Vec<_> = passwords().lines().map(str::as_bytes).collect();

        assert!(all.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(!all.iter().any(|password| password.iter().any(u8::is_ascii_uppercase)));
    }

    #[test]
    fn what_only_resembles_a_common_password_is_not_found() {
        for password in [
            "",
            "\n",
            "passwordpasswor",
            "password\n",
            "123456\n1234567",
            "password ",
            "\u{10ffff}",
            "# MIT License",
        ] {
            assert!(!is_common(password), "{password:?}");
        }
    }

    #[test]
    fn short_lists_are_searched_to_both_ends() {
        for list in ["", "b\n", "b\nd\n", "b\nd\nf\n", "b\nd\nf"] {
            for password in ["a", "b", "c", "d", "e", "f", "g", "bd"] {
                assert_eq!(
                    find(list.as_bytes(), password.as_bytes()),
                    list.lines().any(|line| line == password),
                    "{password} in {list:?}"
                );
            }
        }
    }
}
