//! Requests that another site makes in a user's browser (cross-site request forgery).
//!
//! A browser sends cookies along whoever asks; it also says who asks, in `Sec-Fetch-Site` and `Origin`. A request
//! that changes something and is recognised by a cookie has to come from this origin or a trusted one. Programs
//! that send neither header, and bearer tokens, which no browser sends by itself, are not concerned.

use axum::http::{
    HeaderMap, HeaderName, HeaderValue, Method,
    header::{HOST, ORIGIN},
};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The origins that may act for a user beside the one that serves the application.
#[derive(Clone, Debug, Default)]
pub(crate) struct TrustedOrigins(Vec<String>);

impl TrustedOrigins {
    pub(crate) fn new(origins: impl IntoIterator<Item = String>) -> Self {
        Self(origins.into_iter().map(|origin| origin.trim_end_matches('/').to_ascii_lowercase()).collect())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether a request was made by a page of a foreign site, and changes something.
    pub(crate) fn is_forged(&self, method: &Method, headers: &HeaderMap) -> bool {
        if method.is_safe() {
            return false;
        }
        let site = headers.get(&SEC_FETCH_SITE).map(HeaderValue::as_bytes);
        if matches!(site, Some(b"same-origin" | b"none")) {
            return false;
        }
        match headers.get(ORIGIN) {
            Some(origin) => !origin.to_str().is_ok_and(|origin| self.is_own(origin, headers)),
            // A browser that names the site but no origin.
            None => site.is_some(),
        }
    }

    fn is_own(&self, origin: &str, headers: &HeaderMap) -> bool {
        let origin = origin.to_ascii_lowercase();
        // The scheme is left out: it may have been https before a proxy.
        let authority = origin.split_once("://").map(|(_, authority)| authority);
        let host = headers.get(HOST).and_then(|host| host.to_str().ok());
        let same_host = matches!((authority, host), (Some(authority), Some(host)) if host.eq_ignore_ascii_case(authority));
        same_host || self.0.contains(&origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let host = ("host", "app.example.com");
        let pairs = pairs.iter().chain(std::iter::once(&host));
        pairs.map(|&(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn only_pages_of_foreign_sites_are_refused() {
        let trusted = TrustedOrigins::new(["https://front.example.net/".to_owned()]);
        let table: &[(&[(&str, &str)], bool)] = &[
            (&[], false),
            (&[("sec-fetch-site", "same-origin"), ("origin", "https://app.example.com")], false),
            (&[("sec-fetch-site", "none")], false),
            (&[("origin", "https://app.example.com")], false),
            (&[("origin", "http://app.example.com")], false),
            (&[("origin", "https://front.example.net"), ("sec-fetch-site", "cross-site")], false),
            (&[("origin", "https://evil.example.net"), ("sec-fetch-site", "cross-site")], true),
            (&[("origin", "https://evil.example.net")], true),
            (&[("origin", "https://other.example.com"), ("sec-fetch-site", "same-site")], true),
            (&[("origin", "https://app.example.com.evil.net")], true),
            (&[("origin", "null")], true),
            (&[("sec-fetch-site", "cross-site")], true),
            (&[("sec-fetch-site", "same-site")], true),
        ];
        for (pairs, forged) in table {
            assert_eq!(trusted.is_forged(&Method::POST, &request(pairs)), *forged, "{pairs:?}");
            assert!(!trusted.is_forged(&Method::GET, &request(pairs)), "{pairs:?}");
        }
    }
}
