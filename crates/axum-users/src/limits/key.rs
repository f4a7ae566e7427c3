//! Whose count it is.

use std::net::IpAddr;

/// What a try is about; with whose it is, the key of a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    LoginByAccountAndAddress,
    LoginByAccountAndAddressDaily,
    LoginByAccount,
    LoginByAddress,
    RegisterByAddress,
    ResetMailByAccount,
    VerificationMailByAccount,
    MailByAddress,
    NoticeByAccount,
    TokenByAddress,
    /// Not a limit: the owner of an account came in from an address.
    KnownAddress,
}

/// Whose bucket it is. Accounts are kept as a digest: a bucket needs no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(super) kind: Kind,
    account: u64,
    pub(super) address: Option<IpAddr>,
}

impl Kind {
    /// What shared counts call it: the same in every version.
    fn name(self) -> &'static str {
        match self {
            Self::LoginByAccountAndAddress => "login-account-address",
            Self::LoginByAccountAndAddressDaily => "login-account-address-daily",
            Self::LoginByAccount => "login-account",
            Self::LoginByAddress => "login-address",
            Self::RegisterByAddress => "register-address",
            Self::ResetMailByAccount => "reset-mail-account",
            Self::VerificationMailByAccount => "verification-mail-account",
            Self::MailByAddress => "mail-address",
            Self::NoticeByAccount => "notice-account",
            Self::TokenByAddress => "token-address",
            Self::KnownAddress => "known-address",
        }
    }
}

impl Key {
    /// What shared counts call it.
    pub(super) fn name(&self) -> String {
        let Self { kind, account, address } = self;
        let address = address.map_or_else(String::new, |address| address.to_string());
        format!("{}:{account:016x}:{address}", kind.name())
    }
}

pub(super) fn key(kind: Kind, account: u64, address: Option<IpAddr>) -> Key {
    Key { kind, account, address: address.map(network) }
}

/// An address as it counts: an IPv6 customer has a whole /64, and an IPv4 address may be spelled as IPv6.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) & !u128::from(u64::MAX)).into()),
    }
}

/// Accounts are told apart as look-ups by e-mail do: ASCII case does not count.
pub(super) fn digest(account: &str) -> u64 {
    use sha2::{Digest, Sha256};
    let digest = Sha256::digest(account.trim().to_ascii_lowercase().as_bytes());
    digest.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}
