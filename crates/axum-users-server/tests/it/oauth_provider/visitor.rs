//! Somebody with a browser at the provider's pages: follows redirects, keeps cookies, fills in forms.

use std::collections::BTreeMap;

use url::Url;

use crate::support::http::{Request, Response, send};

/// What the provider's pages want to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Agree,
    /// Logs in, and then denies what the application asks for.
    Deny,
}

/// One browser.
#[derive(Debug, Default)]
pub(crate) struct Visitor {
    cookies: BTreeMap<String, String>,
}

impl Visitor {
    /// Goes from an authorization URL to wherever the provider sends the browser in the end.
    pub(crate) async fn visit(&mut self, authorization_url: &str, login: &str, answer: Answer) -> Url {
        let provider = Url::parse(authorization_url).unwrap();
        let mut step = self.ask("GET", provider.clone(), &[]).await;
        loop {
            step = match step {
                Step::Redirect(url) if url.origin() != provider.origin() => return url,
                Step::Redirect(url) => self.ask("GET", url, &[]).await,
                Step::Page(page) => match between(&page, r#"name="prompt" value=""#, r#"""#) {
                    Some("login") => {
                        let fields = [("prompt", "login"), ("login", login), ("password", "any")];
                        self.ask("POST", action(&page), &fields).await
                    }
                    Some("consent") if answer == Answer::Deny => {
                        let mut abort = action(&page);
                        abort.set_path(&format!("{}/abort", abort.path()));
                        self.ask("GET", abort, &[]).await
                    }
                    Some("consent") => self.ask("POST", action(&page), &[("prompt", "consent")]).await,
                    _ => panic!("an unexpected page:\n{page}"),
                },
            };
        }
    }

    async fn ask(&mut self, method: &str, url: Url, form: &[(&str, &str)]) -> Step {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let target = &url[url::Position::BeforePath..];
        let request = Request::new(method, target).header("cookie", &cookies.join("; "));
        let request = if form.is_empty() { request } else { request.form(form) };
        let answer = send(&address(&url), &request).await;
        self.keep_cookies(&answer);
        match answer.header("location") {
            Some(location) => Step::Redirect(url.join(location).unwrap()),
            None => Step::Page(answer.text()),
        }
    }

    fn keep_cookies(&mut self, answer: &Response) {
        for line in answer.all("set-cookie") {
            let (name, value) = line.split(';').next().and_then(|pair| pair.split_once('=')).unwrap();
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}

enum Step {
    Redirect(Url),
    Page(String),
}

/// `HOST:PORT` of a URL.
pub(crate) fn address(url: &Url) -> String {
    url[url::Position::BeforeHost..url::Position::AfterPort].to_owned()
}

fn action(page: &str) -> Url {
    let action = between(page, r#" action=""#, r#"""#).unwrap_or_else(|| panic!("no form:\n{page}"));
    Url::parse(action).unwrap()
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    text.split_once(before)?.1.split_once(after).map(|(found, _)| found)
}
