//! OAuth from outside: every flow with a provider that speaks real HTTP.

#![allow(unreachable_pub, reason = "these are the words of one test binary")]

mod accounts;
mod build;
mod contract;
mod exchange;
mod failures;
mod flow;
mod id_tokens;
mod linking;
mod options;
mod overtaken;
mod protocol;
mod provider;
mod provider_tokens;
mod races;
mod state;
