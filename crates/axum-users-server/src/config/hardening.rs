//! `[hardening]`: what goes beyond FastAPI Users' contract, each at a cost that `docs/hardening.md` names.

use super::section::Section;

/// `[hardening]`: all of it is off where nothing is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HardeningConfig {
    /// A change or reset of the password ends signed tokens, too.
    pub password_change_ends_signed_tokens: bool,
    /// A login ends the session that its request presented.
    pub login_ends_presented_session: bool,
    /// `PATCH /users/me` wants the present password beside a new password or e-mail.
    pub change_wants_current_password: bool,
    /// No answer of register and `PATCH /users/me` tells whether an address is taken.
    pub hide_taken_emails: bool,
}

pub(super) fn read(mut section: Section<'_>, requires_verification: bool) -> HardeningConfig {
    let mut switch = |key| section.boolean(key).unwrap_or(false);
    let hardening = HardeningConfig {
        password_change_ends_signed_tokens: switch("password_change_ends_signed_tokens"),
        login_ends_presented_session: switch("login_ends_presented_session"),
        change_wants_current_password: switch("change_wants_current_password"),
        hide_taken_emails: switch("hide_taken_emails"),
    };
    if hardening.hide_taken_emails && !requires_verification {
        section.problem(
            "hide_taken_emails",
            "it needs requires_verification = true: else a login with the password of a registration tells \
             whether it was made",
        );
    }
    section.finish();
    hardening
}
