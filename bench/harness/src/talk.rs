//! What a connection says: pieces of work, each a request or several that follow from each other.

use std::{cell::RefCell, rc::Rc};

use crate::http::{self, Answer};

/// The conversation of one connection.
pub trait Talk {
    /// The first request of the piece of work of this number.
    fn begin(&mut self, number: u64) -> Vec<u8>;

    /// The next request of the same piece of work, after a good answer; `None` when the work is done.
    fn go_on(&mut self, answer: &Answer) -> Option<Vec<u8>> {
        let _ = answer;
        None
    }
}

/// The conversation of the connection of this number.
pub type Talks = Rc<dyn Fn(usize) -> Box<dyn Talk>>;

/// The same request again and again.
pub fn same(request: Vec<u8>) -> Talks {
    among(vec![request])
}

/// These requests, one after the other.
pub fn among(requests: Vec<Vec<u8>>) -> Talks {
    struct Among(Rc<Vec<Vec<u8>>>);

    impl Talk for Among {
        fn begin(&mut self, number: u64) -> Vec<u8> {
            self.0[number as usize % self.0.len()].clone()
        }
    }

    let requests = Rc::new(requests);
    Rc::new(move |_| Box::new(Among(Rc::clone(&requests))))
}

/// A request that its number makes.
pub fn made(make: impl Fn(u64) -> Vec<u8> + 'static) -> Talks {
    struct Made(Rc<dyn Fn(u64) -> Vec<u8>>);

    impl Talk for Made {
        fn begin(&mut self, number: u64) -> Vec<u8> {
            (self.0)(number)
        }
    }

    let make: Rc<dyn Fn(u64) -> Vec<u8>> = Rc::new(make);
    Rc::new(move |_| Box::new(Made(Rc::clone(&make))))
}

/// A refresh token that changes with each use.
pub type RefreshToken = Rc<RefCell<String>>;

/// Each connection refreshes a token of its own.
pub fn refreshing(path: &'static str, tokens: Vec<RefreshToken>) -> Talks {
    struct Refreshing(&'static str, RefreshToken);

    impl Talk for Refreshing {
        fn begin(&mut self, _: u64) -> Vec<u8> {
            let body = format!("{{\"refresh_token\":\"{}\"}}", self.1.borrow());
            http::post(self.0, "application/json", "", &body)
        }

        fn go_on(&mut self, answer: &Answer) -> Option<Vec<u8>> {
            self.1.replace(answer.field("refresh_token")?);
            None
        }
    }

    Rc::new(move |index| Box::new(Refreshing(path, Rc::clone(&tokens[index % tokens.len()]))))
}

/// Logging in at a provider: to the page where the flow begins, and, as the browser would after the provider's page,
/// back to the callback. Each connection has an account of its own, of which its code tells the provider.
#[derive(Clone)]
pub struct OAuth {
    /// The request with which the flow begins.
    pub begin: Vec<u8>,
    /// Where its answer has the provider's URL.
    pub url_field: &'static str,
    pub callback: &'static str,
}

impl OAuth {
    pub fn talks(self) -> Talks {
        struct Account(OAuth, usize);

        impl Talk for Account {
            fn begin(&mut self, _: u64) -> Vec<u8> {
                self.0.begin.clone()
            }

            fn go_on(&mut self, answer: &Answer) -> Option<Vec<u8>> {
                let url = answer.field(self.0.url_field)?;
                let state = url.split(['?', '&']).find_map(|pair| pair.strip_prefix("state="))?;
                let path = format!("{}?code={}&state={state}", self.0.callback, self.1);
                Some(http::get(&path, &answer.cookies()))
            }
        }

        Rc::new(move |index| Box::new(Account(self.clone(), index)))
    }
}
