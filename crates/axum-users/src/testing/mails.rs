//! The tokens that hooks are given to send, caught on their way.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{BoxError, Context, Hooks, NewUser, Refusal, UserModel, hooks::ErasedHooks, schema::Record};

/// What a token of a mail is good for.
///
/// ```
/// use axum_users::testing::{Mail, MailPurpose};
///
/// fn is_reset(mail: &Mail) -> bool {
///     mail.purpose == MailPurpose::ResetPassword
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MailPurpose {
    /// For `POST /auth/reset-password`.
    ResetPassword,
    /// For `POST /auth/verify`.
    Verify,
    /// For `POST /auth/verify` too, and it moves the user to the new address.
    ChangeEmail,
}

/// A mail that the application was told to send.
///
/// ```
/// use axum_users::testing::Mail;
///
/// fn link(mail: &Mail) -> String {
///     format!("https://app.example.com/#{}", mail.token)
/// }
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct Mail {
    /// The address that it goes to.
    pub to: String,
    /// What its token is good for.
    pub purpose: MailPurpose,
    /// The token.
    pub token: String,
}

impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mail").field("to", &self.to).field("purpose", &self.purpose).finish_non_exhaustive()
    }
}

/// Mails in the order in which they were to be sent.
#[derive(Clone, Default)]
pub(super) struct Mails(Arc<Mutex<Vec<Mail>>>);

impl Mails {
    fn add(&self, purpose: MailPurpose, to: &str, token: &str) {
        let mail = Mail { to: to.to_owned(), purpose, token: token.to_owned() };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(mail);
    }

    /// The last one to an address.
    pub(super) fn take(&self, to: &str) -> Option<Mail> {
        let mut mails = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let last = mails.iter().rposition(|mail| mail.to.eq_ignore_ascii_case(to))?;
        Some(mails.remove(last))
    }

    pub(super) fn count(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

/// The application's hooks, with an eye on tokens.
pub(super) struct CatchingHooks<U: UserModel> {
    pub(super) hooks: Arc<dyn ErasedHooks<U>>,
    pub(super) mails: Mails,
}

macro_rules! catching_hooks {
    (
        passed_on { $($name:ident($($argument:ident: $type:ty),*) -> $error:ty;)* }
        caught { $($caught:ident($($with:ident: $of:ty),*) => $purpose:ident to $to:expr;)* }
    ) => {
        impl<U: UserModel> Hooks<U> for CatchingHooks<U> {
            $(async fn $name(
                &self,
                $($argument: &$type,)*
                context: &mut Context<'_, U>,
            ) -> Result<(), $error> {
                self.hooks.$name($($argument,)* context).await
            })*

            $(async fn $caught(
                &self,
                $($with: &$of,)*
                token: &str,
                context: &mut Context<'_, U>,
            ) -> Result<(), BoxError> {
                self.mails.add(MailPurpose::$purpose, $to, token);
                self.hooks.$caught($($with,)* token, context).await
            })*
        }
    };
}

catching_hooks! {
    passed_on {
        on_before_register(new: NewUser<'_>) -> Refusal;
        on_after_register(user: U) -> BoxError;
        on_before_login(user: U) -> Refusal;
        on_after_login(user: U) -> BoxError;
        on_after_logout(user: U) -> BoxError;
        on_after_reset_password(user: U) -> BoxError;
        on_after_verify(user: U) -> BoxError;
        on_after_update(user: U, changes: Record) -> BoxError;
        on_after_password_change(user: U) -> BoxError;
        on_after_email_change(user: U, old_email: str) -> BoxError;
        on_after_taken_email(user: U) -> BoxError;
        on_before_delete(user: U) -> Refusal;
        on_after_delete(user: U) -> BoxError;
    }
    caught {
        on_after_forgot_password(user: U) => ResetPassword to user.email();
        on_after_request_verify(user: U) => Verify to user.email();
        on_after_request_email_change(user: U, new_email: str) => ChangeEmail to new_email;
    }
}
