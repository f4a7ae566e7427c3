//! A right adapter over memory that can be cut off, and wrong ones, each of which one behaviour finds out.

mod adapter;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum_users_testkit::{Exceptions, Fixture, Profile};

use self::adapter::{Adapter, Fault};

/// The adapter with the fault of this number.
struct With<const FAULT: usize> {
    is_cut: Arc<AtomicBool>,
}

impl<const FAULT: usize> Fixture for With<FAULT> {
    type User = Profile;
    type Database = Adapter<FAULT>;

    async fn start() -> Self {
        Self { is_cut: Arc::default() }
    }

    async fn connect(&self) -> Adapter<FAULT> {
        Adapter::new(Arc::clone(&self.is_cut))
    }

    async fn cut(&self) -> bool {
        self.is_cut.store(true, Ordering::SeqCst);
        true
    }

    async fn heal(&self) {
        self.is_cut.store(false, Ordering::SeqCst);
    }
}

mod none {
    axum_users_testkit::conformance!(super::With<{ super::Fault::None as usize }>);
}

/// Makes a test that a behaviour fails with a fault.
macro_rules! found_out {
    ($($fault:ident: $module:ident :: $behaviour:ident;)*) => {$(
        mod $behaviour {
            use super::*;

            #[test]
            #[should_panic]
            fn fails() {
                axum_users_testkit::behaviours::$module::$behaviour::<With<{ Fault::$fault as usize }>>();
            }
        }
    )*};
}

found_out! {
    SavesWholeRows: races::updates_of_different_columns_all_hold;
    IgnoresExpected: races::of_thirty_updates_that_expect_the_same_one_wins;
    ExpectsInAnyCase: users::update_of_a_user_who_is_not_as_expected_changes_nothing;
    AnswersNoneWhenNothingChanged: users::update_to_what_is_there_already_answers_the_user;
    BringsBack: users::update_of_a_deleted_user_answers_none;
    DeletesNobodyHappily: users::delete_takes_one_user_and_says_whether_there_was_one;
    ListsFromTheStart: users::users_are_listed_in_the_order_of_their_ids;
    LooksUpLoosely: emails::an_email_that_only_looks_alike_is_nobodys;
    LooksUpByUnicodeCase: emails::emails_that_only_look_alike_are_users_of_their_own;
    LooksUpExactly: emails::an_email_is_found_in_any_ascii_case;
    GivesTakenEmails: races::of_fifty_creates_of_one_email_one_wins;
    CutsAtZero: emails::a_zero_byte_is_kept_or_refused_and_finds_nobody;
    KeepsSeconds: own_fields::every_own_field_is_kept_at_its_extremes;
    TakesNullForAbsent: own_fields::null_empties_a_field_and_absence_leaves_it;
    KeepsSeconds: routes::own_fields_are_taken_stored_and_shown;
    TakesNullForAbsent: routes::a_patch_tells_null_from_absent;
    FindsTokensInAnyCase: access_tokens::a_token_that_only_looks_alike_is_nobodys;
    NotBeforeIsExclusive: access_tokens::a_token_is_good_when_it_began_at_not_before_or_later;
    KeepsNoSession: access_tokens::sessions_end_one_by_one_or_all_but_the_kept;
    PurgesInclusively: access_tokens::purging_takes_what_began_before_and_counts_it;
    SaysFirstToEverybody: one_time_records::of_thirty_who_use_it_at_once_one_is_the_first;
    NeverForgets: one_time_records::records_are_forgotten_when_they_expired_and_not_before;
    CreatesInTwoSteps: oauth_accounts::a_user_and_an_account_are_created_both_or_neither;
    StealsAccounts: oauth_accounts::an_account_is_linked_once;
    KeepsRefreshTokens: oauth_accounts::a_new_login_overwrites_the_tokens_and_the_address;
    ForgetsGeneratedPasswords: user_states::a_state_is_kept_in_place_of_the_one_before;
    ListsOldestFirst: audit_trail::entries_are_kept_as_they_are_and_found_newest_first;
    PurgesEverything: audit_trail::old_entries_are_purged_and_counted;
    CutsUserAgents: sessions::a_session_is_kept_as_it_is;
    TouchesInAnyCase: sessions::a_use_is_noted_and_the_stored_form_with_it;
    KeepsSessionsOfNobody: sessions::a_session_has_an_id_of_its_own_and_a_user;
    RotatesWhateverIsCurrent: sessions::a_refresh_token_takes_the_place_of_the_current_one_alone;
    RotatesInTwoSteps: sessions::of_thirty_refreshes_with_one_token_one_wins;
    KeepsNoSessionById: sessions::kept_sessions_end_one_by_one_or_all_but_the_kept;
    CountsInAnyCase: limits::li_20_a_count_lets_so_many_through_and_says_when_there_is_one_more;
    CountsWithoutTurns: limits::li_20_of_thirty_tries_at_once_no_more_are_let_through_than_there_are;
    KeepsWhatIsGivenBack: limits::a_try_that_is_given_back_is_there_again;
    GivesOneOfSeveralBack: limits::tries_of_several_counts_are_given_back_together;
    WaitsForWrongClocks: limits::cr_23_a_count_that_a_wrong_clock_left_far_ahead_has_all_its_tries;
    NotesInclusively: limits::a_note_holds_until_its_moment;
    PurgesSessionsInclusively: sessions::sessions_that_expired_are_forgotten_and_counted;
    HidesAccounts: users::what_is_left_out_of_the_capabilities_says_so;
    CallsItAnotherError: surroundings::a_lost_connection_is_unavailable_until_it_heals;
}

/// What is declared is no fault.
struct Declared;

impl Fixture for Declared {
    type User = Profile;
    type Database = Adapter<{ Fault::KeepsMillisecondsAndCollates as usize }>;

    async fn start() -> Self {
        Self
    }

    async fn connect(&self) -> Self::Database {
        Adapter::new(Arc::default())
    }

    fn exceptions(&self) -> Exceptions {
        Exceptions::default().looser_unique_indexes().timestamp_step(Duration::from_millis(1))
    }
}

mod declared {
    axum_users_testkit::conformance!(super::Declared);
}

mod undeclared {
    use super::*;

    found_out! {
        KeepsMillisecondsAndCollates: own_fields::every_own_field_is_kept_at_its_extremes;
        KeepsMillisecondsAndCollates: emails::emails_that_only_look_alike_are_users_of_their_own;
        KeepsMillisecondsAndCollates: access_tokens::a_token_is_found_with_its_user_in_any_of_its_forms;
    }
}
