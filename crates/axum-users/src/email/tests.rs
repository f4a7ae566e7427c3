use proptest::prelude::*;

use super::normalize_email;

fn reason(text: &str) -> String {
    match normalize_email(text) {
        Ok(normalized) => panic!("{text:?} was accepted as {normalized:?}"),
        Err(error) => error.reason().to_owned(),
    }
}

fn assert_reasons(cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        assert_eq!(reason(text), *expected, "{text:?}");
    }
}

fn assert_normal_forms(cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        assert_eq!(normalize_email(text).as_deref(), Ok(*expected), "{text:?}");
        assert_eq!(normalize_email(expected).as_deref(), Ok(*expected), "the normal form of {text:?}");
    }
}

#[test]
fn the_error_shows_its_reason() {
    let error = normalize_email("a@b").unwrap_err();
    assert_eq!(error.reason(), "The part after the @-sign is not valid. It should have a period.");
    assert_eq!(error.to_string(), error.reason());
}

#[test]
fn addresses_that_the_original_accepts_have_its_normal_form() {
    assert_normal_forms(&[
        ("plus+tag@example.com", "plus+tag@example.com"),
        (" lead@example.com", "lead@example.com"),
        ("trail@example.com ", "trail@example.com"),
        ("Name Person <named@example.com>", "named@example.com"),
        ("<angle@example.com>", "angle@example.com"),
        ("jürgen@example.com", "jürgen@example.com"),
        ("idn@münchen.de", "idn@münchen.de"),
        ("IDN2@MÜNCHEN.DE", "IDN2@münchen.de"),
        ("puny@xn--mnchen-3ya.de", "puny@münchen.de"),
        ("o'brien@example.com", "o'brien@example.com"),
        ("a!#$%&*+/=?^_`{|}~-z@example.com", "a!#$%&*+/=?^_`{|}~-z@example.com"),
        ("a@example.c", "a@example.c"),
        ("sub@a.b.c.d.example.co.uk", "sub@a.b.c.d.example.co.uk"),
        ("digits@123.com", "digits@123.com"),
        ("x@example.museum", "x@example.museum"),
        ("n@example.com.au", "n@example.com.au"),
        ("full@ｅｘａｍｐｌｅ.com", "full@example.com"),
        ("nfd-e\u{301}@example.com", "nfd-\u{e9}@example.com"),
        ("under_score@example.com", "under_score@example.com"),
        ("Foo@X.COM", "Foo@x.com"),
    ]);
}

#[test]
fn a_display_name_and_space_around_go() {
    assert_normal_forms(&[
        ("\u{a0}\u{1f}a@x.com\u{3000}\t", "a@x.com"),
        (" Jürgen  M.  Ⅷ ½ < a@x.com > ", "a@x.com"),
        (r#""Any <name>, "quoted" or \ not" <a@x.com>"#, "a@x.com"),
        (r#""A"<a@x.com>"#, "a@x.com"),
    ]);
    let only_inside = "A display name and angle brackets around the email address are not permitted here.";
    assert_reasons(&[
        ("<Name <a@x.com>>", only_inside),
        (r#"<"N\" <" <a@x.com>>"#, only_inside),
        ("Name, Other <a@x.com>", "The display name contains invalid characters when not quoted: ','."),
        (
            "Na\u{0308}me ❤\u{fe0f}. <a@x.com>",
            "The display name contains invalid characters when not quoted: '.', '❤', COMBINING DIAERESIS, VARIATION SELECTOR-16.",
        ),
        ("\"Name\u{200d}\" <a@x.com", "The email address contains unsafe characters: ZERO WIDTH JOINER."),
        (
            "Name <a@x.com",
            "An open angle bracket at the start of the email address has to be followed by a close angle bracket at the end.",
        ),
        ("Name <a@x.com> x", "There can't be anything after the email address."),
        (r#""" <a@x.com> x"#, "There can't be anything after the email address."),
        ("Name <n@@example.com>", "The part after the @-sign contains invalid characters: '@'."),
        ("<>", "An email address must have an @-sign."),
        ("a<\u{338}b@x.com", "The email address contains invalid characters before the @-sign: '<'."),
    ]);
}

#[test]
fn role_names_become_lower_case_and_others_keep_their_case() {
    assert_normal_forms(&[
        ("INFO@x.com", "info@x.com"),
        ("PostMaster@x.com", "postmaster@x.com"),
        ("Info.Desk@x.com", "Info.Desk@x.com"),
    ]);
}

#[test]
fn in_10_nfc_makes_the_kelvin_sign_a_letter_and_may_make_a_name_invalid() {
    assert_normal_forms(&[
        ("\u{212a}elvin@x.com", "Kelvin@x.com"),
        ("mar\u{212a}eting@x.com", "marketing@x.com"),
        ("a@\u{212a}.com", "a@k.com"),
    ]);
    assert_reasons(&[(
        "a\u{37e}b@x.com",
        "After Unicode normalization: The email address contains invalid characters before the @-sign: ';'.",
    )]);
}

#[test]
fn a_missing_part_is_named() {
    assert_reasons(&[
        ("", "An email address must have an @-sign."),
        ("notanemail", "An email address must have an @-sign."),
        ("nope", "An email address must have an @-sign."),
        (r#""a@x.com"#, "An email address must have an @-sign."),
        (
            "a＠x.com",
            "The email address has the \"full-width\" at-sign (@) character instead of a regular at-sign.",
        ),
        (
            "a﹫x.com",
            "The email address has the \"small commercial at\" character instead of a regular at-sign.",
        ),
        ("@example.com", "There must be something before the @-sign."),
        ("a@", "There must be something after the @-sign."),
        ("a\n@example.com", "Carriage return and line feed characters are not allowed"),
        ("a@example.com\n", "Carriage return and line feed characters are not allowed"),
    ]);
}

#[test]
fn in_11_characters_that_are_not_permitted_are_listed() {
    assert_reasons(&[
        ("a b@example.com", "The email address contains invalid characters before the @-sign: SPACE."),
        ("mailto:a@example.com", "The email address contains invalid characters before the @-sign: ':'."),
        ("a;b@example.com", "The email address contains invalid characters before the @-sign: ';'."),
        (
            "a\\\u{0}(b@x.com",
            "The email address contains invalid characters before the @-sign: \"\\\", '(', U+0000.",
        ),
        (
            "a\u{202e}\u{e000}\u{a0}b@x.com",
            "The email address contains unsafe characters: NO-BREAK SPACE, RIGHT-TO-LEFT OVERRIDE, U+E000.",
        ),
        ("\u{301}a@x.com", "The email address contains unsafe characters: COMBINING ACUTE ACCENT."),
        ("a@@example.com", "The part after the @-sign contains invalid characters: '@'."),
        ("a@exa mple.com", "The part after the @-sign contains invalid characters: SPACE."),
        ("a@ex_ample.com", "The part after the @-sign contains invalid characters: '_'."),
        ("a@o'x.com", "The part after the @-sign contains invalid characters: \"'\"."),
        (
            "a@example.com, b@example.com",
            "The part after the @-sign contains invalid characters: ',', '@', SPACE.",
        ),
        ("a@\u{200b}example.com", "The email address contains unsafe characters: ZERO WIDTH SPACE."),
        (
            "a@x\u{e0041}\u{ffff}.com",
            "The email address contains unsafe characters: U+0000FFFF, TAG LATIN CAPITAL LETTER A.",
        ),
        ("a@x…com", "The part after the @-sign contains invalid characters: '…'."),
        (
            "a@ab\u{fffd}.com",
            "The part after the @-sign contains invalid characters (Codepoint U+FFFD not allowed at position 3 in 'ab\u{fffd}.com').",
        ),
        (
            "a@x⑴.com",
            "The part after the @-sign contains invalid characters after Unicode normalization: '(', ')'.",
        ),
    ]);
}

#[test]
fn periods_and_hyphens_have_their_places() {
    assert_reasons(&[
        (".a@example.com", "An email address cannot start with a period."),
        ("a.@example.com", "An email address cannot have a period immediately before the @-sign."),
        ("a..b@example.com", "An email address cannot have two periods in a row."),
        ("a@example..com", "An email address cannot have two periods in a row."),
        ("a@.example.com", "An email address cannot have a period immediately after the @-sign."),
        ("a@example.com.", "An email address cannot end with a period."),
        ("a@example。", "An email address cannot end with a period."),
        ("a@-example.com", "An email address cannot have a hyphen immediately after the @-sign."),
        ("a@example.com-", "An email address cannot end with a hyphen."),
        ("a@example-.com", "An email address cannot have a period and a hyphen next to each other."),
        ("a@xn--.com", "An email address cannot have a period and a hyphen next to each other."),
        (
            "a@ab--c.com",
            "An email address cannot have two letters followed by two dashes immediately after the @-sign or after a period, except Punycode.",
        ),
    ]);
}

#[test]
fn names_without_mail_are_refused() {
    let special =
        "The part after the @-sign is a special-use or reserved name that cannot be used with email.";
    let period = "The part after the @-sign is not valid. It should have a period.";
    let top_level = "The part after the @-sign is not valid. It is not within a valid top-level domain.";
    assert_reasons(&[
        ("a@b", period),
        ("a@localhost", period),
        ("a@127.0.0.1", top_level),
        ("a@example.123", top_level),
        ("a@x.localhost", special),
        ("a@example.test", special),
        ("a@x.LOCAL", special),
        ("a@x.invalid", special),
        ("a@x.onion", special),
        ("a@x.arpa", special),
    ]);
}

#[test]
fn quoted_names_are_refused() {
    let not_allowed = "Quoting the part before the @-sign is not allowed here.";
    assert_reasons(&[
        (r#""a b"@example.com"#, not_allowed),
        (r#""a@b\"\\"@example.com"#, not_allowed),
        (r#""info"@example.com"#, not_allowed),
        ("\"\u{3000}<\u{338}\"@example.com", not_allowed),
        (r#"""@example.com"#, "There must be something before the @-sign."),
        (r#""a" b@example.com"#, "Extra character(s) found after close quote: SPACE, 'b'"),
        (
            "\"a\u{1}\"@x.com",
            "The email address contains invalid characters in quotes before the @-sign: U+0001.",
        ),
        ("\"a \u{200d}\"@x.com", "The email address contains unsafe characters: ZERO WIDTH JOINER."),
    ]);
}

#[test]
fn bracketed_addresses_are_refused() {
    let ipv4 = |error| {
        format!(
            "The address in brackets after the @-sign is not valid: It is not an IPv4 address ({error}) or is \
             missing an address literal tag."
        )
    };
    let ipv6 = |error| format!("The IPv6 address in brackets after the @-sign is not valid ({error}).");
    let not_allowed = || "A bracketed IP address after the @-sign is not allowed here.".to_owned();
    let other = |what| format!("The part after the @-sign {what}.");
    let cases = [
        ("127.0.0.1", not_allowed()),
        ("IPv6:2001:db8::1", not_allowed()),
        ("IPv6:::ffff:192.0.2.1%eth0", not_allowed()),
        ("IPv6:::", not_allowed()),
        ("1.2.3", ipv4("Expected 4 octets in '1.2.3'")),
        ("1.2..3", ipv4("Empty octet not permitted in '1.2..3'")),
        ("1.2.3.1234", ipv4("At most 3 characters permitted in '1234' in '1.2.3.1234'")),
        ("1.2.3.01", ipv4("Leading zeros are not permitted in '01' in '1.2.3.01'")),
        ("1.2.3.256", ipv4("Octet 256 (> 255) not permitted in '1.2.3.256'")),
        ("IPv6:", ipv6("Address cannot be empty")),
        ("IPv6:::1/64", ipv6("Unexpected '/' in '::1/64'")),
        ("IPv6:::1%", ipv6("Invalid IPv6 address: \"'::1%'\"")),
        ("IPv6:1:2", ipv6("At least 3 parts expected in '1:2'")),
        ("IPv6:1:2:3", ipv6("Exactly 8 parts expected without '::' in '1:2:3'")),
        ("IPv6:1:2:3:4:5:6:7:8:9:a", ipv6("At most 8 colons permitted in '1:2:3:4:5:6:7:8:9:a'")),
        ("IPv6:1::2::3", ipv6("At most one '::' permitted in '1::2::3'")),
        ("IPv6:1:2:3:4::5:6:7:8", ipv6("Expected at most 7 other parts with '::' in '1:2:3:4::5:6:7:8'")),
        ("IPv6::1::2", ipv6("Leading ':' only permitted as part of '::' in ':1::2'")),
        ("IPv6:1::2:", ipv6("Trailing ':' only permitted as part of '::' in '1::2:'")),
        ("IPv6::2:3:4:5:6:7:8", ipv6("Leading ':' only permitted as part of '::' in ':2:3:4:5:6:7:8'")),
        ("IPv6:::12345", ipv6("At most 4 characters permitted in '12345' in '::12345'")),
        ("IPv6:::g'", ipv6("Only hex digits permitted in \"g'\" in \"::g'\"")),
        ("IPv6:::1.2.3.x", ipv6("Only decimal digits permitted in 'x' in '1.2.3.x' in '::1.2.3.x'")),
        ("", other("in brackets is not an IPv4 address and has no address literal tag")),
        ("a:b c", other("contains invalid characters in brackets: SPACE")),
        ("tag:abc", other("contains an invalid address literal tag in brackets")),
    ];
    for (literal, expected) in cases {
        assert_eq!(reason(&format!("a@[{literal}]")), expected);
    }
}

#[test]
fn international_labels_follow_idna_2008() {
    assert_normal_forms(&[
        ("a@faß.de", "a@faß.de"),
        ("a@xn--p1ai.xn--p1ai", "a@рф.рф"),
        ("a@l·l.cat", "a@l·l.cat"),
        ("a@例。jp", "a@例.jp"),
        ("a@\u{5d0}\u{5d1}\u{5d2}1.com", "a@\u{5d0}\u{5d1}\u{5d2}1.com"),
        ("a@カ・タ.jp", "a@カ・タ.jp"),
        ("a@\u{375}α.gr", "a@\u{375}α.gr"),
        ("a@\u{5d0}\u{5f3}.com", "a@\u{5d0}\u{5f3}.com"),
    ]);
    let invalid = |error: &str| format!("The part after the @-sign is invalid ({error}).");
    let not_idna = |error: &str| format!("The part after the @-sign is not valid IDNA ({error}).");
    let cases = [
        ("❤.com", invalid("Codepoint U+2764 at position 1 of '❤' not allowed")),
        ("a·b.com", invalid("Codepoint U+00B7 not allowed at position 2 in 'a·b'")),
        ("a\u{660}\u{6f0}.com", invalid("Codepoint U+0660 not allowed at position 2 in 'a\u{660}\u{6f0}'")),
        ("1\u{5d0}.com", invalid("First codepoint in label '1\u{5d0}' must be directionality L, R or AL")),
        (
            "\u{5d0}a\u{5d1}.com",
            invalid("Invalid direction for codepoint at position 2 in a right-to-left label"),
        ),
        ("a\u{5d0}.com", invalid("Invalid direction for codepoint at position 2 in a left-to-right label")),
        ("\u{5d0}1\u{661}.com", invalid("Can not mix numeral types in a right-to-left label")),
        ("\u{5d0}·.com", invalid("Codepoint U+00B7 not allowed at position 2 in '\u{5d0}·'")),
        ("é.\u{301}a.com", invalid("Label begins with an illegal combining character")),
        ("é.xn--9ad.com", invalid("Codepoint U+00A5 at position 1 of '¥£' not allowed")),
        ("xn--9ad.com", not_idna("Codepoint U+00A5 at position 1 of '¥£' not allowed")),
        ("xn---9ad.com", not_idna("A-label is not the canonical Punycode encoding of its U-label")),
        ("xn--a.com", not_idna("Codepoint U+0080 at position 1 of '\\x80' not allowed")),
        ("xn--99999999.com", not_idna("Invalid A-label")),
        ("xn--a-sgn.com", not_idna("Joiner U+200C not allowed at position 2 in 'a\\u200c'")),
        ("xn--e-xbb.com", not_idna("Label must be in Normalization Form C")),
        ("xn--ab---3ra.com", not_idna("Label has disallowed hyphens in 3rd and 4th position")),
        ("xn----eha.com", not_idna("Label must not start or end with a hyphen")),
        ("\u{5d0}・.com", invalid("Codepoint U+30FB not allowed at position 2 in '\u{5d0}・'")),
    ];
    for (domain, expected) in cases {
        assert_eq!(reason(&format!("a@{domain}")), expected, "{domain}");
    }
    // A joiner that IDNA permits is refused as one that cannot be seen.
    assert_reasons(&[
        ("a@xn--11b6iy14e.com", "The email address contains unsafe characters: ZERO WIDTH JOINER."),
        ("a@xn--ngba799q.com", "The email address contains unsafe characters: ZERO WIDTH NON-JOINER."),
    ]);
}

#[test]
fn lengths_are_counted_in_the_unit_that_the_reason_names() {
    let a = |count: usize| "a".repeat(count);
    let label = |count: usize| "b".repeat(count);
    let long_domain = |last: usize| format!("{0}.{0}.{0}.{0}.{1}.com", label(48), label(last));
    for accepted in [
        format!("{}@example.com", a(64)),
        format!("{}@example.com", a(65)),
        format!("{}@example.com", a(242)),
        format!("a@{}.com", label(63)),
        format!("a@{}", long_domain(52)),
    ] {
        assert_eq!(normalize_email(&accepted), Ok(accepted.clone()));
    }

    let too_long = |detail: &str| format!("The email address is too long {detail}.");
    let label_too_long = |detail: &str| {
        format!("After the @-sign, periods cannot be separated by so many characters ({detail}).")
    };
    let normalization = "after normalization (1 byte too many)";
    let idna = "when the part after the @-sign is converted to IDNA ASCII (5 bytes too many)";
    let cases = [
        (format!("{}@example.com", a(3000)), "Length must not exceed 2048 characters".to_owned()),
        (format!("{}@example.com", a(2037)), "Length must not exceed 2048 characters".to_owned()),
        (format!("{}@example.com", a(2036)), too_long("(1794 characters too many)")),
        (format!("{}@example.com", a(243)), too_long("(1 character too many)")),
        (format!("{}@example.com", a(244)), too_long("(2 characters too many)")),
        (format!("é{}@example.com", a(241)), too_long("(1 character too many)")),
        (format!("é{}@example.com", a(244)), too_long("(2-4 characters too many)")),
        (format!("\u{fb2c}{}@x.com", a(243)), too_long(normalization)),
        (format!("{}@münchen.de", a(241)), too_long(idna)),
        (
            format!("a@{}com", format!("{}.", "bcdefghijk".repeat(5)).repeat(6)),
            too_long("after the @-sign (56 characters too many)"),
        ),
        (format!("a@{}", long_domain(54)), too_long("after the @-sign (1 character too many)")),
        (format!("a@{}", long_domain(60)), too_long("after the @-sign (7 characters too many)")),
        (
            format!("a@{}", long_domain(54).to_uppercase()),
            too_long("after the @-sign (1 byte too many after IDNA encoding)"),
        ),
        (
            format!("a@{}", long_domain(55).to_uppercase()),
            too_long("after the @-sign (2 bytes too many after IDNA encoding)"),
        ),
        (format!("a@{}.com", label(64)), label_too_long("1 character too many")),
        (format!("a@{}.com", label(66)), label_too_long("3 characters too many")),
        (
            format!("a@{}.com", "é".repeat(255)),
            "The part after the @-sign is invalid (Label too long).".to_owned(),
        ),
        (
            format!("a@{}.com", "é".repeat(63)),
            "The part after the @-sign is invalid (Label too long).".to_owned(),
        ),
        (
            format!("a@{}", label(1025)),
            "The part after the @-sign contains invalid characters (Domain too long).".to_owned(),
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(reason(&text), expected, "{text}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in any::<String>(), domain in "[\\PCa-z.@<>\"\\[\\]:-]{0,20}") {
        let _ = normalize_email(&text);
        let _ = normalize_email(&format!("{text}@{domain}"));
        let _ = normalize_email(&format!("a@xn--{domain}"));
        let _ = normalize_email(&format!("a@[IPv6:{domain}]"));
    }

    #[test]
    fn normalising_twice_is_normalising_once(
        local in "([a-zA-Z+_]|\\p{L}\\p{M}?|\\p{N}){1,12}",
        domain in "([a-z]{1,4}|\\p{Ll}{1,4}|\\p{Lo}{1,4}|xn--[a-z0-9]{2,6})\\.(com|рф|DE)",
        name in "(\"\\PC\" |[\\p{L}]{1,5} )?",
    ) {
        for text in [format!("{local}@{domain}"), format!("{name}<{local}@{domain}>")] {
            if let Ok(normalized) = normalize_email(&text) {
                prop_assert_eq!(normalize_email(&normalized), Ok(normalized.clone()));
            }
        }
    }
}
