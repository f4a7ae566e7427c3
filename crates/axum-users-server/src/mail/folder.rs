//! Each mail as a file, for servers that were told of no mail server.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use axum_users::{Clock, Random};
use lettre::message::Mailbox;
use time::format_description::well_known::Rfc2822;

use super::{Deliver, Delivery, DeliveryError, Mail};

/// Writes mails into a folder, readable by the server's own user alone.
pub(super) struct Folder {
    path: PathBuf,
    from: Mailbox,
    clock: Clock,
    random: Random,
}

impl Folder {
    pub(super) fn new(path: PathBuf, from: Mailbox, clock: Clock, random: Random) -> Self {
        Self { path, from, clock, random }
    }

    /// A message of RFC 5322 with the text part alone, so that a person can read it as it is.
    fn message(&self, mail: &Mail) -> String {
        let Self { from, .. } = self;
        let Mail { to, subject, text, .. } = mail;
        let date = self.clock.now().format(&Rfc2822).unwrap_or_default();
        format!(
            "Date: {date}\nFrom: {from}\nTo: {to}\nSubject: {subject}\nMIME-Version: 1.0\n\
             Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n{text}"
        )
    }

    fn file_name(&self, mail: &Mail) -> String {
        let now = self.clock.now();
        let (hour, minute, second) = now.to_hms();
        let id = self.random.uuid().simple().to_string();
        format!("{}T{hour:02}{minute:02}{second:02}Z-{}-{}.eml", now.date(), mail.purpose.name(), &id[..8])
    }
}

impl Deliver for Folder {
    fn deliver<'a>(&'a self, mail: &'a Mail) -> Delivery<'a> {
        let (folder, file) = (self.path.clone(), self.path.join(self.file_name(mail)));
        let message = self.message(mail);
        Box::pin(async move {
            let path = file.clone();
            let written = tokio::task::spawn_blocking(move || write(&folder, &file, &message)).await;
            written.map_err(DeliveryError::permanent)?.map_err(DeliveryError::temporary)?;
            tracing::info!(
                user_id = mail.user_id,
                purpose = mail.purpose.name(),
                file = %path.display(),
                "mail written to a file; set mail.smtp_url to have mails sent"
            );
            Ok(())
        })
    }
}

fn write(folder: &Path, file: &Path, message: &str) -> std::io::Result<()> {
    crate::files::create_private_folder(folder)?;
    crate::files::create_private(file)?.write_all(message.as_bytes())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::{super::Purpose, *};

    #[tokio::test]
    async fn a_mail_is_a_readable_file_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let mails = folder.path().join("mails");
        let from = "Accounts <no-reply@example.com>".parse().unwrap();
        let clock = Clock::stopped_at_unix_seconds(1_000_000_000);
        let mail = Mail {
            purpose: Purpose::Verification,
            user_id: "1".to_owned(),
            to: "ada@example.com".parse().unwrap(),
            subject: "Verify your e-mail address",
            text: "the token, Grüße".to_owned(),
            html: "not written".to_owned(),
        };
        Folder::new(mails.clone(), from, clock, Random::system()).deliver(&mail).await.unwrap();

        let file = std::fs::read_dir(&mails).unwrap().next().unwrap().unwrap();
        let name = file.file_name().into_string().unwrap();
        assert!(name.starts_with("2001-09-09T014640Z-verify-"), "{name}");
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::metadata(&mails).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(
            std::fs::read_to_string(file.path()).unwrap(),
            "Date: Sun, 09 Sep 2001 01:46:40 +0000\n\
             From: Accounts <no-reply@example.com>\n\
             To: ada@example.com\n\
             Subject: Verify your e-mail address\n\
             MIME-Version: 1.0\n\
             Content-Type: text/plain; charset=utf-8\n\
             Content-Transfer-Encoding: 8bit\n\
             \n\
             the token, Grüße"
        );
    }
}
