//! The clients against a local HTTP server that answers as providers do, and as they should not.

mod bounds;
mod credentials;
mod discovery;
mod documented;
mod id_tokens;
mod keys;
mod recorded;
mod support;
