//! What the mails say.

use crate::config::{MailConfig, TokensConfig};

use super::Purpose;

/// The mails' words, with the addresses of this installation.
pub(super) struct Templates {
    public_url: String,
    sender: String,
    verification: Kind,
    reset: Kind,
    new_address: Kind,
}

/// A mail with a token.
struct Kind {
    subject: &'static str,
    /// What the reader is to do.
    request: &'static str,
    button: &'static str,
    /// The page of the front end, with `{token}` in it.
    page: Option<String>,
    /// The route that takes the token.
    route: &'static str,
    /// What the route wants.
    body: &'static str,
    lifetime: String,
}

/// A mail that tells of something, with nothing in it that opens a door.
struct Notice {
    subject: &'static str,
    /// What happened, and what to do if that is a surprise: a paragraph each.
    paragraphs: [String; 2],
}

impl Templates {
    pub(super) fn new(config: &MailConfig, tokens: &TokensConfig, public_url: &str) -> Self {
        let sender = config.from.name.clone().unwrap_or_else(|| config.from.email.to_string());
        Self {
            public_url: public_url.to_owned(),
            sender,
            verification: Kind {
                subject: "Verify your e-mail address",
                request: "Please confirm that this is your e-mail address.",
                button: "Verify my address",
                page: config.verify_url.clone(),
                route: "/auth/verify",
                body: r#"{"token": "…"}"#,
                lifetime: duration(tokens.verification_lifetime_seconds),
            },
            new_address: Kind {
                subject: "Confirm your new e-mail address",
                request: "Please confirm that your account should have this e-mail address.",
                button: "Use this address",
                page: config.verify_url.clone(),
                route: "/auth/verify",
                body: r#"{"token": "…"}"#,
                lifetime: duration(tokens.verification_lifetime_seconds),
            },
            reset: Kind {
                subject: "Reset your password",
                request: "Somebody, hopefully you, asked for a new password.",
                button: "Choose a new password",
                page: config.reset_url.clone(),
                route: "/auth/reset-password",
                body: r#"{"token": "…", "password": "…"}"#,
                lifetime: duration(tokens.reset_lifetime_seconds),
            },
        }
    }

    /// Subject, text and HTML.
    pub(super) fn render(&self, purpose: Purpose, token: &str) -> (&'static str, String, String) {
        match purpose {
            Purpose::Verification => self.letter(&self.verification, token),
            Purpose::Reset => self.letter(&self.reset, token),
            Purpose::NewAddress => self.letter(&self.new_address, token),
            Purpose::AddressNamed => self.notice(&self.address_named()),
            Purpose::PasswordChanged => self.notice(&self.password_changed()),
            Purpose::AddressLeft => self.notice(&self.address_left()),
            Purpose::AddressTaken => self.notice(&self.address_taken()),
        }
    }

    fn password_changed(&self) -> Notice {
        let Self { public_url, .. } = self;
        Notice {
            subject: "Your password was changed",
            paragraphs: [
                format!("The password of your account at {public_url} was changed."),
                "If that was you, there is nothing to do. If it was not, ask for a new password there at once: \
                 setting it ends every session."
                    .to_owned(),
            ],
        }
    }

    fn address_named(&self) -> Notice {
        let Self { public_url, .. } = self;
        Notice {
            subject: "You have an account already",
            paragraphs: [
                format!(
                    "Somebody, hopefully you, named this e-mail address at {public_url} for an account. It is the \
                     address of your account there already."
                ),
                "If that was you, log in, or ask for a new password if you forgot it. If it was not, there is \
                 nothing to do: nothing was changed."
                    .to_owned(),
            ],
        }
    }

    fn address_left(&self) -> Notice {
        let Self { public_url, sender, .. } = self;
        Notice {
            subject: "The e-mail address of your account was changed",
            paragraphs: [
                format!(
                    "Your account at {public_url} has another e-mail address now. Mails about it no longer come here."
                ),
                format!("If that was you, there is nothing to do. If it was not, tell {sender} at once."),
            ],
        }
    }

    fn address_taken(&self) -> Notice {
        let Self { public_url, .. } = self;
        Notice {
            subject: "This is the e-mail address of your account now",
            paragraphs: [
                format!("Your account at {public_url} has this e-mail address from now on."),
                "If you have no account there, somebody mistook your address for theirs, and you can ignore this mail."
                    .to_owned(),
            ],
        }
    }

    fn notice(&self, notice: &Notice) -> (&'static str, String, String) {
        let Notice { subject, paragraphs: [what, advice] } = notice;
        let text = format!("Hello,\n\n{what}\n\n{advice}\n\n-- \n{}\n", self.sender);
        let html = self.page(subject, &format!("<p>{}</p>\n<p>{}</p>", escape(what), escape(advice)));
        (subject, text, html)
    }

    fn letter(&self, kind: &Kind, token: &str) -> (&'static str, String, String) {
        let (text, html) = match &kind.page {
            Some(page) => self.with_link(kind, &page.replace("{token}", token)),
            None => self.with_token(kind, token),
        };
        (kind.subject, text, html)
    }

    fn with_link(&self, kind: &Kind, link: &str) -> (String, String) {
        let Kind { request, button, .. } = kind;
        let (text_link, html_link) = (link, escape(link));
        let text = self.text(kind, &format!("{request} {button}:\n\n{text_link}"), "link");
        let html = format!(
            "<p>{request}</p>\n\
             <p><a href=\"{html_link}\" style=\"display:inline-block;padding:12px 20px;border-radius:6px;\
             background:#1f5fbf;color:#ffffff;text-decoration:none\">{button}</a></p>\n\
             <p>If the button does nothing, open this address:<br><span style=\"word-break:break-all\">{html_link}</span></p>"
        );
        (text, self.html(kind, &html, "link"))
    }

    /// Without a page of the front end, the token itself, and where it goes.
    fn with_token(&self, kind: &Kind, token: &str) -> (String, String) {
        let Kind { request, route, body, .. } = kind;
        let public_url = &self.public_url;
        let text = self.text(
            kind,
            &format!("{request} This is the token:\n\n{token}\n\nIt goes to POST {public_url}{route} as {body}; {public_url}/docs has a form."),
            "token",
        );
        let (public_url, body, token) = (escape(public_url), escape(body), escape(token));
        let html = format!(
            "<p>{request} This is the token:</p>\n\
             <p><code style=\"word-break:break-all\">{token}</code></p>\n\
             <p>It goes to <code>POST {public_url}{route}</code> as <code>{body}</code>; \
             <a href=\"{public_url}/docs\">{public_url}/docs</a> has a form.</p>"
        );
        (text, self.html(kind, &html, "token"))
    }

    fn text(&self, kind: &Kind, middle: &str, what: &str) -> String {
        let Self { sender, .. } = self;
        let lifetime = &kind.lifetime;
        format!(
            "Hello,\n\n{middle}\n\nThe {what} is good for {lifetime}. \
             If you did not ask for this mail, you can ignore it.\n\n-- \n{sender}\n"
        )
    }

    fn html(&self, kind: &Kind, middle: &str, what: &str) -> String {
        let lifetime = &kind.lifetime;
        let end = format!(
            "<p>The {what} is good for {lifetime}. If you did not ask for this mail, you can ignore it.</p>"
        );
        self.page(kind.subject, &format!("{middle}\n{end}"))
    }

    fn page(&self, subject: &str, middle: &str) -> String {
        let (subject, sender) = (escape(subject), escape(&self.sender));
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>{subject}</title></head>\n\
             <body style=\"font-family:sans-serif;line-height:1.5;max-width:36em;margin:2em auto;padding:0 1em\">\n\
             <p>Hello,</p>\n{middle}\n<p>{sender}</p>\n</body>\n</html>\n"
        )
    }
}

/// A number of seconds in the largest unit that leaves no rest.
pub(crate) fn duration(seconds: u64) -> String {
    let units = [(86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second")];
    let fits = units.iter().find(|(length, _)| seconds.is_multiple_of(*length));
    let (length, unit) = fits.copied().unwrap_or((1, "second"));
    let count = seconds / length;
    if count == 1 { format!("1 {unit}") } else { format!("{count} {unit}s") }
}

/// Text that stands in HTML, between tags or in a quoted attribute.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn templates(change: impl FnOnce(&mut MailConfig)) -> Templates {
        let Config { mut mail, tokens, .. } = Config::default();
        mail.from = "Ada & Sons <no-reply@example.com>".parse().unwrap();
        change(&mut mail);
        Templates::new(&mail, &tokens, "https://accounts.example.com")
    }

    #[test]
    fn the_link_is_made_from_the_configured_page() {
        let templates =
            templates(|mail| mail.reset_url = Some("https://example.com/reset?a=1&t={token}".to_owned()));
        let (subject, text, html) = templates.render(Purpose::Reset, "a.b-c_d");
        assert_eq!(subject, "Reset your password");
        assert_eq!(
            text,
            "Hello,\n\nSomebody, hopefully you, asked for a new password. Choose a new password:\n\n\
             https://example.com/reset?a=1&t=a.b-c_d\n\n\
             The link is good for 1 hour. If you did not ask for this mail, you can ignore it.\n\n-- \nAda & Sons\n"
        );
        assert!(html.contains(r#"<a href="https://example.com/reset?a=1&amp;t=a.b-c_d""#), "{html}");
        assert!(html.contains("<p>Ada &amp; Sons</p>"), "{html}");
    }

    #[test]
    fn tk_12_without_a_page_the_mail_names_the_public_url_and_holds_the_token() {
        let (subject, text, html) = templates(|_| {}).render(Purpose::Verification, "a.b.c");
        assert_eq!(subject, "Verify your e-mail address");
        for part in [&text, &html] {
            assert!(part.contains("a.b.c"), "{part}");
            assert!(part.contains("POST https://accounts.example.com/auth/verify"), "{part}");
        }
    }

    #[test]
    fn tk_21_a_warning_says_where_and_what_to_do_and_holds_no_token() {
        for (purpose, subject, advice) in [
            (Purpose::PasswordChanged, "Your password was changed", "ask for a new password there at once"),
            (
                Purpose::AddressLeft,
                "The e-mail address of your account was changed",
                "tell Ada & Sons at once",
            ),
            (Purpose::AddressNamed, "You have an account already", "nothing was changed"),
            (
                Purpose::AddressTaken,
                "This is the e-mail address of your account now",
                "you can ignore this mail",
            ),
        ] {
            let (found, text, html) = templates(|_| {}).render(purpose, "a.b.c");
            assert_eq!(found, subject);
            assert!(html.contains(&escape(advice)), "{html}");
            assert!(text.contains(advice) && text.ends_with("\n\n-- \nAda & Sons\n"), "{text}");
            for part in [&text, &html] {
                assert!(part.contains("https://accounts.example.com") && !part.contains("a.b.c"), "{part}");
            }
        }
    }

    #[test]
    fn what_stands_in_html_is_escaped() {
        assert_eq!(escape(r#"<a href="x">'&"#), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;");
    }

    #[test]
    fn lifetimes_are_said_in_the_largest_whole_unit() {
        for (seconds, text) in
            [(3600, "1 hour"), (7200, "2 hours"), (86_400, "1 day"), (90, "90 seconds"), (900, "15 minutes")]
        {
            assert_eq!(duration(seconds), text);
        }
    }
}
