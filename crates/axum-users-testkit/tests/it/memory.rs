use std::marker::PhantomData;

use axum_users::{MemoryDatabase, User, UserModel};
use axum_users_testkit::{Fixture, NumberedProfile, ObjectIdProfile, Profile};

struct Memory<U>(PhantomData<fn() -> U>);

impl<U: UserModel> Fixture for Memory<U> {
    type User = U;
    type Database = MemoryDatabase;

    async fn start() -> Self {
        Self(PhantomData)
    }

    async fn connect(&self) -> MemoryDatabase {
        MemoryDatabase::default()
    }
}

mod without_own_fields {
    axum_users_testkit::conformance!(super::Memory<super::User>);
}
mod with_uuids {
    axum_users_testkit::conformance!(super::Memory<super::Profile>);
}
mod with_numbers {
    axum_users_testkit::conformance!(super::Memory<super::NumberedProfile>);
}
mod with_object_ids {
    axum_users_testkit::conformance!(super::Memory<super::ObjectIdProfile>);
}
