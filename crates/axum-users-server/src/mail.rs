//! Mails with tokens, and mails that tell of changes: written from templates, sent off the request path.
//!
//! A token is in its mail and nowhere else; the log names users by their ids.

mod folder;
mod queue;
mod smtp;
mod template;

use std::{fmt, future::Future, path::PathBuf, pin::Pin, sync::Arc};

use axum_users::{BoxError, Clock, Context, Hooks, Random, UserModel};
use lettre::{Address, message::Mailbox};
use secrecy::ExposeSecret;
use url::Host;

use self::{folder::Folder, queue::Queue, smtp::Smtp, template::Templates};
pub(crate) use self::{
    smtp::check_smtp_url,
    template::{duration, escape},
};
use crate::{
    config::{MailConfig, TokensConfig},
    server_user::ServerUser,
};

/// What a mail is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Holds a token that verifies the address.
    Verification,
    /// Holds a token that sets a new password.
    Reset,
    /// Holds a token that moves the account to the address.
    NewAddress,
    /// Tells that somebody named the address as theirs.
    AddressNamed,
    /// Tells that the password was changed.
    PasswordChanged,
    /// Tells the old address that it is no longer the account's.
    AddressLeft,
    /// Tells the new address that it is the account's now.
    AddressTaken,
}

impl Purpose {
    /// The word that file names and log lines use.
    fn name(self) -> &'static str {
        match self {
            Self::Verification => "verify",
            Self::Reset => "reset",
            Self::NewAddress => "new-address",
            Self::AddressNamed => "address-named",
            Self::PasswordChanged => "password-changed",
            Self::AddressLeft => "address-left",
            Self::AddressTaken => "address-taken",
        }
    }
}

/// A mail that is ready to be sent. `Debug` shows no token.
pub(crate) struct Mail {
    purpose: Purpose,
    /// Whose mail it is, for the log.
    user_id: String,
    to: Address,
    subject: &'static str,
    text: String,
    html: String,
}

impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mail")
            .field("purpose", &self.purpose)
            .field("user_id", &self.user_id)
            .finish_non_exhaustive()
    }
}

/// Why a mail did not leave.
#[derive(Debug)]
pub(crate) struct DeliveryError {
    /// Whether trying again is of no use.
    permanent: bool,
    cause: BoxError,
}

impl DeliveryError {
    fn temporary(cause: impl Into<BoxError>) -> Self {
        Self { permanent: false, cause: cause.into() }
    }

    fn permanent(cause: impl Into<BoxError>) -> Self {
        Self { permanent: true, cause: cause.into() }
    }
}

type Delivery<'a> = Pin<Box<dyn Future<Output = Result<(), DeliveryError>> + Send + 'a>>;

/// A way for mails to leave.
pub(crate) trait Deliver: Send + Sync + 'static {
    fn deliver<'a>(&'a self, mail: &'a Mail) -> Delivery<'a>;
}

/// Sends what the hooks ask for.
#[derive(Clone)]
pub struct Mailer {
    queue: Queue,
    templates: Arc<Templates>,
    notifies: bool,
}

impl fmt::Debug for Mailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mailer")
    }
}

impl Mailer {
    /// A mailer by SMTP where the configuration has it; otherwise each mail becomes a file in `folder`.
    ///
    /// # Errors
    /// The SMTP URL cannot be used.
    pub fn new(
        config: &MailConfig,
        tokens: &TokensConfig,
        public_url: &str,
        folder: PathBuf,
        clock: Clock,
        random: Random,
    ) -> Result<Self, BoxError> {
        let templates = Arc::new(Templates::new(config, tokens, public_url));
        let from: Mailbox = config.from.clone();
        let queue = match &config.smtp_url {
            Some(url) => Queue::new(Smtp::new(url.expose_secret(), from, clock, random)?),
            None => Queue::new(Folder::new(folder, from, clock, random)),
        };
        Ok(Self { queue, templates, notifies: config.notify_changes })
    }

    /// Sends a mail about a user to an address; `token` is what it holds, if it holds one.
    fn send(&self, purpose: Purpose, user: &ServerUser, to: &str, token: &str) {
        let user_id = user.id().to_string();
        match recipient(to) {
            Some(to) => {
                let (subject, text, html) = self.templates.render(purpose, token);
                self.queue.push(Mail { purpose, user_id, to, subject, text, html });
            }
            None => tracing::warn!(%user_id, "no mail can be sent to this user's address"),
        }
    }

    /// Tells of a change, unless that is switched off or this address was told too often of late.
    async fn notify(&self, purpose: Purpose, user: &ServerUser, to: &str, context: &Context<'_, ServerUser>) {
        if self.notifies && context.may_notify(to).await {
            self.send(purpose, user, to, "");
        }
    }

    /// Waits until every mail has left or was given up. Those that wait for another try get one at once.
    pub async fn finish(&self) {
        self.queue.finish().await;
    }

    /// How many mails are still waiting.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.queue.waiting()
    }
}

/// The address as mail servers take it: a Unicode domain in its ASCII form (RFC 5891).
fn recipient(email: &str) -> Option<Address> {
    let (local, domain) = email.rsplit_once('@')?;
    let Ok(Host::Domain(domain)) = Host::parse(domain) else { return None };
    Address::new(local, domain).ok()
}

impl Hooks<ServerUser> for Mailer {
    async fn on_after_forgot_password(
        &self,
        user: &ServerUser,
        token: &str,
        _: &mut Context<'_, ServerUser>,
    ) -> Result<(), BoxError> {
        self.send(Purpose::Reset, user, user.email(), token);
        Ok(())
    }

    async fn on_after_request_verify(
        &self,
        user: &ServerUser,
        token: &str,
        _: &mut Context<'_, ServerUser>,
    ) -> Result<(), BoxError> {
        self.send(Purpose::Verification, user, user.email(), token);
        Ok(())
    }

    async fn on_after_request_email_change(
        &self,
        user: &ServerUser,
        new_email: &str,
        token: &str,
        _: &mut Context<'_, ServerUser>,
    ) -> Result<(), BoxError> {
        self.send(Purpose::NewAddress, user, new_email, token);
        Ok(())
    }

    async fn on_after_taken_email(
        &self,
        user: &ServerUser,
        context: &mut Context<'_, ServerUser>,
    ) -> Result<(), BoxError> {
        // This mail is all that the owner gets to know, so that no switch turns it off.
        if context.may_notify(user.email()).await {
            self.send(Purpose::AddressNamed, user, user.email(), "");
        }
        Ok(())
    }

    async fn on_after_password_change(
        &self,
        user: &ServerUser,
        context: &mut Context<'_, ServerUser>,
    ) -> Result<(), BoxError> {
        self.notify(Purpose::PasswordChanged, user, user.email(), context).await;
        Ok(())
    }

    async fn on_after_email_change(
        &self,
        user: &ServerUser,
        old_email: &str,
        context: &mut Context<'_, ServerUser>,
    ) -> Result<(), BoxError> {
        self.notify(Purpose::AddressLeft, user, old_email, context).await;
        self.notify(Purpose::AddressTaken, user, user.email(), context).await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recipients_take_the_form_that_mail_servers_know() {
        let sent_to = |email: &str| recipient(email).map(|address| address.to_string());
        assert_eq!(sent_to("Ada@example.com").as_deref(), Some("Ada@example.com"));
        assert_eq!(sent_to("idn@münchen.de").as_deref(), Some("idn@xn--mnchen-3ya.de"));
    }

    #[test]
    fn recipients_cannot_carry_headers() {
        for email in
            ["a@example.com\r\nBcc: b@example.com", "a\nb@example.com", "a@example.com, b@example.com", "a"]
        {
            assert_eq!(recipient(email), None, "{email:?}");
        }
    }
}
