//! What the compiler says to somebody who made a mistake: one sentence each, kept as a snapshot in `tests/ui`.

#[test]
fn each_mistake_is_explained_where_it_is_written() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
