//! TLS to a server, with authorities made for the test.

use std::{error::Error, fs, path::Path};

use axum_users::{User, UserDatabase, UserModel};
use axum_users_sqlx::{ConnectError, SqlxOptions};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair};
use tempfile::TempDir;

use crate::{
    configure,
    place::{Engine, execute, rows},
    throwaway::{Throwaway, give_away},
    users,
};

on_every_server![a_server_is_spoken_to_by_tls_and_believed_by_its_authority_alone];

fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Puts a certificate for `localhost` where the server finds it.
fn certify(folder: &Path, authority: &CertifiedIssuer<'_, KeyPair>) {
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, authority).unwrap();
    for (name, text) in [("server.pem", certificate.pem()), ("server.key", key.serialize_pem())] {
        let path = folder.join(name);
        fs::write(&path, text).unwrap();
        #[cfg(unix)]
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        give_away(&path);
    }
}

async fn a_server_is_spoken_to_by_tls_and_believed_by_its_authority_alone(engine: Engine) {
    let (right, wrong) = (authority("the right one"), authority("another"));
    let folder = TempDir::new().unwrap();
    let [right_file, wrong_file] = [("right.pem", &right), ("wrong.pem", &wrong)].map(|(name, authority)| {
        let path = folder.path().join(name);
        fs::write(&path, authority.pem()).unwrap();
        path.display().to_string()
    });
    let server = Throwaway::start_with(engine.throwaway(), |folder| {
        certify(folder, &right);
        let file = |name: &str| folder.join(name).display().to_string();
        let [certificate, key] = [file("server.pem"), file("server.key")];
        let certificates = [format!("ssl_cert_file={certificate}"), format!("ssl_key_file={key}")];
        let [first, second] = certificates;
        let postgres = ["-c", "ssl=on", "-c", &first, "-c", &second].map(str::to_owned).to_vec();
        let mysql = vec![
            format!("--ssl-cert={certificate}"),
            format!("--ssl-key={key}"),
            "--require-secure-transport=ON".to_owned(),
        ];
        engine.pick(vec![], postgres, mysql)
    });
    let [mode, file, require, verify, disable] = engine.pick(
        ["", "", "", "", ""],
        ["sslmode", "sslrootcert", "require", "verify-full", "disable"],
        ["ssl-mode", "ssl-ca", "REQUIRED", "VERIFY_IDENTITY", "DISABLED"],
    );
    let address = server.url("test");
    let by_name = address.replace("127.0.0.1", "localhost");
    let options = SqlxOptions::new;

    let verified = format!("{by_name}?{mode}={verify}&{file}={right_file}");
    let mut database = options().connect(&verified).await.unwrap();
    configure(&mut database, User::schema());
    users::<User>(&database).migrate().await.unwrap();
    let cipher = engine.pick(
        "",
        "SELECT CASE WHEN ssl THEN version END FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
        "SELECT variable_value FROM information_schema.session_status WHERE variable_name = 'Ssl_version'",
    );
    assert_eq!(rows(&database, cipher).await, ["TLSv1.3"]);
    execute(&database, "SELECT 1").await;

    for (what, url) in [
        ("another authority", format!("{by_name}?{mode}={verify}&{file}={wrong_file}")),
        ("another name", format!("{address}?{mode}={verify}&{file}={right_file}")),
        ("authorities of the system", format!("{by_name}?{mode}={verify}")),
    ] {
        let error = options().connect(&url).await.err().unwrap_or_else(|| panic!("{what} was believed"));
        assert!(matches!(error, ConnectError::Unusable { .. }), "{what}: {error:?}");
        let text = format!("{error}: {}", error.source().unwrap());
        assert!(
            text.contains("cannot be used") && text.to_lowercase().contains("certificate"),
            "{what}: {text}"
        );
    }
    // Without being asked to, nobody is believed or doubted, and yet nothing is sent in clear.
    for url in [format!("{address}?{mode}={require}"), address.clone()] {
        let database = options().connect(&url).await.unwrap();
        assert_eq!(rows(&database, cipher).await, ["TLSv1.3"], "{url}");
    }
    let clear = options().connect(&format!("{address}?{mode}={disable}")).await;
    assert_eq!(clear.is_ok(), engine.pick(false, true, false), "{clear:?}");
}
