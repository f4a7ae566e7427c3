#![doc = include_str!("../README.md")]
// A test may panic wherever it stands, and this crate is nothing but tests.
#![allow(clippy::unwrap_used, clippy::panic)]

mod bench;
mod fixture;
mod line;
mod list;
mod models;
mod suite;

pub use self::{
    fixture::{Exceptions, Fixture},
    line::Line,
    list::behaviours,
    models::{
        NumberedProfile, NumberedProfileCreate, NumberedProfileRead, NumberedProfileUpdate, ObjectIdProfile,
        ObjectIdProfileCreate, ObjectIdProfileRead, ObjectIdProfileUpdate, Plan, Profile, ProfileCreate,
        ProfileRead, ProfileUpdate,
    },
};
