//! Hooks that note what they are told.

use axum_users::{BoxError, Context, Hooks, NewUser, Refusal, UserModel, schema::Record};

use super::Shared;

/// What the hooks were told, in order.
#[derive(Clone, Default)]
pub struct Events(Shared<Vec<String>>);

impl Events {
    /// The notes so far, which are forgotten then.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }

    pub fn forget(&self) {
        self.take();
    }

    pub fn note(&self, line: impl Into<String>) {
        self.0.lock().unwrap().push(line.into());
    }
}

/// Notes each hook as a line: its name, the user's address, and what else it was given.
#[derive(Clone, Default)]
pub struct Recorder(pub Events);

macro_rules! note {
    ($($name:ident($($argument:ident: $type:ty),*) -> $error:ty = $line:expr;)*) => {
        impl<U: UserModel> Hooks<U> for Recorder {
            $(async fn $name(
                &self,
                $($argument: $type,)*
                _: &mut Context<'_, U>,
            ) -> Result<(), $error> {
                self.0.note(format!(concat!(stringify!($name), " {}"), $line));
                Ok(())
            })*
        }
    };
}

note! {
    on_before_register(new: &NewUser<'_>) -> Refusal = new.email();
    on_after_register(user: &U) -> BoxError = user.email();
    on_before_login(user: &U) -> Refusal = user.email();
    on_after_login(user: &U) -> BoxError = user.email();
    on_after_logout(user: &U) -> BoxError = user.email();
    on_after_forgot_password(user: &U, token: &str) -> BoxError = format!("{} {token}", user.email());
    on_after_reset_password(user: &U) -> BoxError = user.email();
    on_after_request_verify(user: &U, token: &str) -> BoxError = format!("{} {token}", user.email());
    on_after_verify(user: &U) -> BoxError = user.email();
    on_after_update(user: &U, changes: &Record) -> BoxError = {
        let names: Vec<_> = changes.iter().map(|(name, _)| name.as_ref()).collect();
        format!("{} {}", user.email(), names.join(" "))
    };
    on_before_delete(user: &U) -> Refusal = user.email();
    on_after_delete(user: &U) -> BoxError = user.email();
}
