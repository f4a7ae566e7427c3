//! Mails by SMTP: in clear, with STARTTLS, or with TLS from the start; with credentials or without.

use std::{str::FromStr, time::Duration};

use axum_users::{BoxError, Clock, Random};
use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{
        Mailbox, MultiPart,
        header::{Header, HeaderName, HeaderValue},
    },
};
use url::Url;

use super::{Deliver, Delivery, DeliveryError, Mail};

/// How long one step of a conversation with the mail server may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A mail server.
pub(super) struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    clock: Clock,
    random: Random,
}

impl Smtp {
    pub(super) fn new(url: &str, from: Mailbox, clock: Clock, random: Random) -> Result<Self, BoxError> {
        let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(&transport_url(url)?)?;
        Ok(Self { transport: builder.timeout(Some(TIMEOUT)).build(), from, clock, random })
    }

    fn message(&self, mail: &Mail) -> Result<Message, lettre::error::Error> {
        let Mail { to, subject, text, html, .. } = mail;
        let id = format!("<{}@{}>", self.random.uuid().simple(), self.from.email.domain());
        Message::builder()
            .from(self.from.clone())
            .to(to.clone().into())
            .subject(*subject)
            .date(self.clock.now().into())
            .message_id(Some(id))
            .header(AutoSubmitted)
            .multipart(MultiPart::alternative_plain_html(text.clone(), html.clone()))
    }
}

impl Deliver for Smtp {
    fn deliver<'a>(&'a self, mail: &'a Mail) -> Delivery<'a> {
        Box::pin(async {
            let message = self.message(mail).map_err(DeliveryError::permanent)?;
            match self.transport.send(message).await {
                Ok(_) => {
                    tracing::info!(user_id = mail.user_id, purpose = mail.purpose.name(), "mail sent");
                    Ok(())
                }
                Err(error) => Err(DeliveryError { permanent: error.is_permanent(), cause: error.into() }),
            }
        })
    }
}

/// `Auto-Submitted: auto-generated` (RFC 3834 §5): no holiday answers, please.
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(text: &str) -> Result<Self, BoxError> {
        if text == "auto-generated" { Ok(Self) } else { Err("another value".into()) }
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

/// Whether [`Smtp::new`] will take the URL.
///
/// # Errors
/// A sentence that does not hold the URL, which may hold a password.
pub(crate) fn check_smtp_url(url: &str) -> Result<(), String> {
    transport_url(url).map(|_| ())
}

/// The URL in the transport's own words: STARTTLS is a parameter there.
fn transport_url(url: &str) -> Result<String, String> {
    let expected = "expected a URL such as \"smtp://127.0.0.1:25\", \
                    \"smtp+starttls://user:password@mail.example.com\" or \"smtps://user:password@mail.example.com\"";
    let parsed = Url::from_str(url).map_err(|_| expected.to_owned())?;
    if parsed.host_str().is_none_or(str::is_empty) {
        return Err(format!("{expected}: the host is missing"));
    }
    if parsed.password().is_some() == parsed.username().is_empty() {
        return Err(format!("{expected}: a user name and a password belong together"));
    }
    if parsed.query().is_some() || parsed.fragment().is_some() {
        return Err(format!("{expected}, without ? and # (write %3F and %23 in a password)"));
    }
    match parsed.scheme() {
        "smtp" | "smtps" => Ok(url.to_owned()),
        "smtp+starttls" => Ok(format!("smtp{}?tls=required", &url["smtp+starttls".len()..])),
        _ => Err(expected.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_all_three_kinds_are_taken() {
        for (url, transport) in [
            ("smtp://127.0.0.1:2525", "smtp://127.0.0.1:2525"),
            ("smtps://u:p%23@mail.example.com", "smtps://u:p%23@mail.example.com"),
            ("smtp+starttls://u:p@mail.example.com:587", "smtp://u:p@mail.example.com:587?tls=required"),
        ] {
            assert_eq!(transport_url(url).as_deref(), Ok(transport));
        }
    }

    #[test]
    fn a_bad_url_is_refused_without_showing_its_password() {
        for url in [
            "mail.example.com",
            "http://u:hunter2@mail",
            "smtp://",
            "smtp://u@mail",
            "smtp://u:hunter2@m?tls=none",
        ] {
            let message = transport_url(url).unwrap_err();
            assert!(message.starts_with("expected a URL such as"), "{message}");
            assert!(!message.contains("hunter2"), "{message}");
        }
    }

    #[tokio::test]
    async fn a_message_has_both_parts_and_says_that_no_person_wrote_it() {
        let from = "Accounts <no-reply@example.com>".parse().unwrap();
        // Nothing is sent, so there need not be a server.
        let smtp = Smtp::new("smtp://127.0.0.1:1", from, Clock::system(), Random::system()).unwrap();
        let mail = Mail {
            purpose: super::super::Purpose::Reset,
            user_id: "1".to_owned(),
            to: "ada@example.com".parse().unwrap(),
            subject: "Reset your password",
            text: "in text".to_owned(),
            html: "<p>in HTML</p>".to_owned(),
        };
        let message = String::from_utf8(smtp.message(&mail).unwrap().formatted()).unwrap();
        for part in [
            "From: Accounts <no-reply@example.com>",
            "To: ada@example.com",
            "Subject: Reset your password",
            "Auto-Submitted: auto-generated",
            "multipart/alternative",
            "in text",
            "<p>in HTML</p>",
        ] {
            assert!(message.contains(part), "{part} is missing in {message}");
        }
    }
}
