//! The list of behaviours, and the macro that makes tests of it. A behaviour that is not in the list is dead code
//! to the compiler, which says so.

macro_rules! behaviours {
    ($d:tt $($module:ident { $($behaviour:ident)* })*) => {
        /// Makes a test of each behaviour that a database adapter has to show, in modules by subject; call it
        /// with a [`Fixture`](crate::Fixture), once in a module, in the test binary of the adapter.
        ///
        /// Tests of what the adapter leaves out of its
        /// [`capabilities`](axum_users::UserDatabase::capabilities), or the fixture does not offer, pass and
        /// print that they were skipped (seen with `--nocapture`).
        ///
        /// ```
        /// mod conformance {
        ///     use axum_users::{MemoryDatabase, UserModel};
        ///     use axum_users_testkit::{Fixture, NumberedProfile, Profile};
        ///
        ///     struct Memory<U>(std::marker::PhantomData<fn() -> U>);
        ///
        ///     impl<U: UserModel> Fixture for Memory<U> {
        ///         type User = U;
        ///         type Database = MemoryDatabase;
        ///
        ///         async fn start() -> Self {
        ///             Self(std::marker::PhantomData)
        ///         }
        ///
        ///         async fn connect(&self) -> MemoryDatabase {
        ///             MemoryDatabase::default()
        ///         }
        ///     }
        ///
        ///     mod with_uuids {
        ///         axum_users_testkit::conformance!(super::Memory<super::Profile>);
        ///     }
        ///     mod with_numbers {
        ///         axum_users_testkit::conformance!(super::Memory<super::NumberedProfile>);
        ///     }
        /// }
        /// ```
        #[macro_export]
        macro_rules! conformance {
            ($d fixture:ty) => {
                /// The fixture, for the modules below.
                type ConformanceFixture = $d fixture;
                $(mod $module {
                    $(#[test]
                    fn $behaviour() {
                        $crate::behaviours::$module::$behaviour::<super::ConformanceFixture>();
                    })*
                })*
            };
        }

        /// What [`conformance!`] calls, for a test harness of one's own.
        pub mod behaviours {
            $(
                #[allow(missing_docs, reason = "the names say it")]
                pub mod $module {
                    $(pub fn $behaviour<F: $crate::Fixture>() {
                        $crate::bench::run::<F>($crate::suite::$module::$behaviour);
                    })*
                }
            )*
        }
    };
}

behaviours! { $
    users {
        a_created_user_is_what_the_record_says
        long_and_odd_texts_are_kept
        an_id_finds_its_user_and_no_other
        every_user_has_an_id_of_its_own
        a_taken_id_is_refused_and_is_no_taken_email
        update_sets_what_changes_and_nothing_else
        update_of_a_user_who_is_not_as_expected_changes_nothing
        update_to_what_is_there_already_answers_the_user
        update_of_a_deleted_user_answers_none
        delete_takes_one_user_and_says_whether_there_was_one
        users_are_listed_in_the_order_of_their_ids
        ping_answers
        migrating_again_changes_nothing
        what_is_left_out_of_the_capabilities_says_so
    }
    emails {
        an_email_is_found_in_any_ascii_case
        an_email_that_only_looks_alike_is_nobodys
        emails_that_only_look_alike_are_users_of_their_own
        a_taken_email_is_refused_in_any_ascii_case
        a_user_may_change_the_case_of_its_own_email
        a_changed_email_is_free_and_the_new_one_is_taken
        a_zero_byte_is_kept_or_refused_and_finds_nobody
    }
    own_fields {
        every_own_field_is_kept_at_its_extremes
        an_update_of_one_own_field_leaves_the_others
        null_empties_a_field_and_absence_leaves_it
        own_fields_can_be_expected
        timestamps_are_moments_whatever_their_offset
    }
    races {
        of_fifty_creates_of_one_email_one_wins
        of_twenty_updates_to_one_email_one_wins
        of_thirty_updates_that_expect_the_same_one_wins
        updates_of_different_columns_all_hold
        an_update_never_brings_a_deleted_user_back
        readers_see_whole_users_while_others_write
    }
    access_tokens {
        a_token_is_found_with_its_user_in_any_of_its_forms
        a_token_that_only_looks_alike_is_nobodys
        a_token_is_good_when_it_began_at_not_before_or_later
        a_token_belongs_to_the_first_who_has_it
        a_deleted_user_gets_no_session
        rewriting_changes_the_stored_form
        sessions_end_one_by_one_or_all_but_the_kept
        purging_takes_what_began_before_and_counts_it
        a_deleted_users_sessions_end
    }
    one_time_records {
        something_is_used_once
        of_thirty_who_use_it_at_once_one_is_the_first
        records_are_forgotten_when_they_expired_and_not_before
    }
    limits {
        li_20_a_count_lets_so_many_through_and_says_when_there_is_one_more
        li_20_of_thirty_tries_at_once_no_more_are_let_through_than_there_are
        a_try_that_is_given_back_is_there_again
        tries_of_several_counts_are_given_back_together
        cr_23_a_count_that_a_wrong_clock_left_far_ahead_has_all_its_tries
        a_note_holds_until_its_moment
    }
    oauth_accounts {
        a_linked_account_is_kept_and_finds_its_user
        every_account_has_an_id_of_its_own
        an_account_that_only_looks_alike_is_another
        an_account_is_linked_once
        a_user_is_created_together_with_an_account
        a_user_and_an_account_are_created_both_or_neither
        a_new_login_overwrites_the_tokens_and_the_address
        an_account_is_unlinked_by_its_own_user
        changes_of_a_user_leave_its_accounts
        a_deleted_users_accounts_are_free
        a_deleted_user_gets_no_account
        of_twenty_links_of_one_account_one_wins
        of_twenty_creates_with_an_account_one_wins
    }
    sessions {
        a_session_is_kept_as_it_is
        sessions_are_a_users_own_the_newest_first_and_as_many_as_asked_for
        a_session_has_an_id_of_its_own_and_a_user
        a_use_is_noted_and_the_stored_form_with_it
        a_token_is_found_with_the_last_use_of_its_session
        a_session_is_found_by_the_handle_of_its_refresh_tokens
        a_refresh_token_takes_the_place_of_the_current_one_alone
        of_thirty_refreshes_with_one_token_one_wins
        a_refresh_brings_no_ended_session_back
        kept_sessions_end_one_by_one_or_all_but_the_kept
        sessions_that_expired_are_forgotten_and_counted
        a_deleted_user_has_no_sessions_as_data
        the_access_tokens_of_a_user_are_listed
    }
    user_states {
        the_state_of_a_user_is_the_default_at_first
        a_state_is_kept_in_place_of_the_one_before
        states_that_are_set_at_once_all_succeed
        a_deleted_users_state_is_gone
    }
    audit_trail {
        entries_are_kept_as_they_are_and_found_newest_first
        entries_are_found_by_user_event_time_and_page
        an_entry_that_is_there_already_is_left_as_it_is
        old_entries_are_purged_and_counted
        entries_of_a_deleted_user_stay
    }
    routes {
        own_fields_are_taken_stored_and_shown
        a_patch_tells_null_from_absent
        missing_and_bad_own_fields_are_all_named
        the_openapi_document_has_the_own_fields
    }
    surroundings {
        what_the_model_does_not_know_is_left_alone
        a_lost_connection_is_unavailable_until_it_heals
        what_was_answered_before_the_connection_was_lost_is_kept
    }
}
