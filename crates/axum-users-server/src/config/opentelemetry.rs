//! `[opentelemetry]`: the collector that is told of requests.

use axum::http::{HeaderName, HeaderValue};
use secrecy::SecretString;
use url::Url;

use super::section::Section;

/// `[opentelemetry]`.
#[derive(Clone, Debug)]
pub struct OpenTelemetryConfig {
    /// Where spans are posted, the path `/v1/traces` included.
    pub endpoint: Url,
    /// What the collector calls this server; absent, `OTEL_SERVICE_NAME` says it, or it is `axum-users`.
    pub service_name: Option<String>,
    /// Headers of each post, such as a token of the collector.
    pub headers: Vec<(HeaderName, SecretString)>,
    /// Which part of the traces that begin here is told of, from 0 to 1; absent, `OTEL_TRACES_SAMPLER` says it, or all.
    pub sample_ratio: Option<f64>,
    /// How long a post may take, in seconds.
    pub timeout_seconds: u64,
}

/// Whether this program can do it at all.
const IS_BUILT_IN: bool = cfg!(feature = "opentelemetry");

const SIGNAL_VARIABLE: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
const VARIABLE: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

/// The collector of the table, or else the one that the standard's variables name.
pub(super) fn read(mut section: Section<'_>, variables: &[(String, String)]) -> Option<OpenTelemetryConfig> {
    let endpoint = section.parse("endpoint", |text| parse_endpoint(text).map(with_path));
    let service_name = section.parse("service_name", parse_service_name);
    let headers = section.section("headers").parse_each(parse_header);
    let sample_ratio = section.number("sample_ratio", 0.0..=1.0);
    let timeout_seconds = section.integer("timeout_seconds", 1..=60);
    let is_wanted = section.has("endpoint");
    if is_wanted && !IS_BUILT_IN {
        section.problem("endpoint", NOT_BUILT_IN);
    }
    let others = ["service_name", "sample_ratio", "timeout_seconds"];
    let endpoint = match endpoint {
        Some(endpoint) => Some(endpoint),
        None if is_wanted || !IS_BUILT_IN => None,
        None => endpoint_of(&section, variables),
    };
    if endpoint.is_none() && !is_wanted && (others.iter().any(|key| section.has(key)) || !headers.is_empty())
    {
        section.missing("endpoint", "the collector's address, such as \"http://127.0.0.1:4318\"");
    }
    section.finish();
    let timeout_seconds = timeout_seconds.unwrap_or(10);
    endpoint.map(|endpoint| OpenTelemetryConfig {
        endpoint,
        service_name,
        headers,
        sample_ratio,
        timeout_seconds,
    })
}

const NOT_BUILT_IN: &str = "this program was built without OpenTelemetry: build it with `--features opentelemetry`, or leave the table out";

/// The variable that asks for what this program cannot do. Clusters set it for every program, so it is no mistake.
pub(crate) fn ignored_variable() -> Option<&'static str> {
    let is_set = |name: &&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    [SIGNAL_VARIABLE, VARIABLE].into_iter().find(is_set).filter(|_| !IS_BUILT_IN)
}

/// What the standard's variables say (OpenTelemetry Protocol Exporter).
fn endpoint_of(section: &Section<'_>, variables: &[(String, String)]) -> Option<Url> {
    let value = |wanted: &str| {
        let found = variables.iter().find(|(name, value)| name == wanted && !value.is_empty());
        found.map(|(_, value)| value.as_str())
    };
    if value("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        return None;
    }
    let (name, text, is_whole) = match (value(SIGNAL_VARIABLE), value(VARIABLE)) {
        (Some(text), _) => (SIGNAL_VARIABLE, text, true),
        (None, Some(text)) => (VARIABLE, text, false),
        (None, None) => return None,
    };
    match parse_endpoint(text) {
        Ok(url) if is_whole => Some(url),
        Ok(url) => Some(with_path(url)),
        Err(message) => {
            section.problem_at_variable(name, message);
            None
        }
    }
}

fn parse_endpoint(text: &str) -> Result<Url, String> {
    let expected =
        "expected the address of a collector that takes OTLP over HTTP, such as \"http://127.0.0.1:4318\"";
    let url = Url::parse(text).map_err(|_| format!("{expected}, found \"{text}\""))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(
            "the address holds a user name or a password: give the collector's token in headers".to_owned()
        );
    }
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() || url.query().is_some() {
        return Err(format!("{expected}, found \"{text}\""));
    }
    if url.port() == Some(4317) {
        return Err("port 4317 is a collector's for gRPC: its port for HTTP is 4318".to_owned());
    }
    Ok(url)
}

/// A collector's address with the path of spans, as the standard has it.
fn with_path(mut url: Url) -> Url {
    let path = url.path().trim_end_matches('/');
    if !path.ends_with("/v1/traces") {
        let path = format!("{path}/v1/traces");
        url.set_path(&path);
    }
    url
}

fn parse_service_name(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("expected a name such as \"accounts\"".to_owned()),
        name => Ok(name.to_owned()),
    }
}

/// The value may be a secret: it is not shown.
fn parse_header(name: &str, value: &str) -> Result<(HeaderName, SecretString), String> {
    let name: HeaderName = name.parse().map_err(|_| "expected the name of a header".to_owned())?;
    HeaderValue::from_str(value).map_err(|_| "the value is no header text".to_owned())?;
    Ok((name, SecretString::from(value)))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::Config;

    fn read(text: &str, variables: &[(&str, &str)]) -> Result<Option<String>, String> {
        let variables: Vec<_> =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Config::from_parts(Some((Path::new("axum-users.toml"), text)), &variables)
            .map(|config| config.opentelemetry.map(|config| config.endpoint.to_string()))
            .map_err(|error| error.to_string())
    }

    #[cfg(feature = "opentelemetry")]
    #[test]
    fn the_collector_is_the_tables_or_else_that_of_the_standards_variables() {
        let table = "[opentelemetry]\nendpoint = \"http://collector:4318\"";
        let (general, traces) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
        for (text, variables, endpoint) in [
            ("", &[][..], None),
            (table, &[], Some("http://collector:4318/v1/traces")),
            (table, &[(general, "http://other:4318")], Some("http://collector:4318/v1/traces")),
            ("", &[(general, "http://other:4318/")], Some("http://other:4318/v1/traces")),
            ("", &[(general, "http://other/otlp/v1/traces")], Some("http://other/otlp/v1/traces")),
            ("", &[(general, "http://other"), (traces, "https://t/here")], Some("https://t/here")),
            ("", &[(general, "")], None),
            ("", &[(general, "http://other"), ("OTEL_SDK_DISABLED", "true")], None),
        ] {
            assert_eq!(read(text, variables), Ok(endpoint.map(str::to_owned)), "{text} {variables:?}");
        }
    }

    #[cfg(feature = "opentelemetry")]
    #[test]
    fn mistakes_say_what_a_collector_is() {
        for (text, message) in [
            (
                "endpoint = \"collector:4318\"",
                "axum-users.toml:2: `opentelemetry.endpoint`: expected the address of a collector that takes OTLP over \
                 HTTP, such as \"http://127.0.0.1:4318\", found \"collector:4318\"",
            ),
            (
                "endpoint = \"http://collector:4317\"",
                "axum-users.toml:2: `opentelemetry.endpoint`: port 4317 is a collector's for gRPC: its port for HTTP is \
                 4318",
            ),
            (
                "endpoint = \"https://ada:hush@collector\"",
                "axum-users.toml:2: `opentelemetry.endpoint`: the address holds a user name or a password: give the \
                 collector's token in headers",
            ),
            (
                "sample_ratio = 0.5",
                "axum-users.toml:1: `opentelemetry.endpoint`: this key is missing: expected the collector's address, \
                 such as \"http://127.0.0.1:4318\"",
            ),
            (
                "endpoint = \"http://c\"\nsample_ratio = 2",
                "axum-users.toml:3: `opentelemetry.sample_ratio`: expected a number from 0 to 1, found 2",
            ),
            (
                "endpoint = \"http://c\"\nheaders = { \"a b\" = \"x\", token = \"hush\\n\" }",
                "axum-users.toml:3: `opentelemetry.headers.a b`: expected the name of a header\n\
                 axum-users.toml:3: `opentelemetry.headers.token`: the value is no header text",
            ),
        ] {
            assert_eq!(read(&format!("[opentelemetry]\n{text}"), &[]), Err(message.to_owned()));
        }
        let variable = read("", &[("OTEL_EXPORTER_OTLP_ENDPOINT", "collector")]).unwrap_err();
        assert!(
            variable.starts_with("environment variable OTEL_EXPORTER_OTLP_ENDPOINT: expected"),
            "{variable}"
        );
    }

    #[cfg(not(feature = "opentelemetry"))]
    #[test]
    fn a_program_without_it_says_so() {
        let message = read("[opentelemetry]\nendpoint = \"http://collector:4318\"", &[]).unwrap_err();
        assert!(
            message.contains("built without OpenTelemetry: build it with `--features opentelemetry`"),
            "{message}"
        );
        assert_eq!(read("", &[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318")]), Ok(None));
    }
}
