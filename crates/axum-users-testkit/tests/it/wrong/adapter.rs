//! `MemoryDatabase` behind a switch, with a fault.

use std::{
    borrow::Cow,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum_users::{
    AccessToken, AuditEntry, AuditFilter, Capabilities, DatabaseError, LimitCount, MemoryDatabase,
    NewOAuthAccount, OAuthAccount, Session, Timestamp, UserDatabase, UserModel, UserState,
    schema::{Record, Schema, Value},
};
use axum_users_testkit::Profile;
use tokio::sync::Barrier;
use uuid::Uuid;

/// What may be wrong with an adapter.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Fault {
    None,
    SavesWholeRows,
    IgnoresExpected,
    ExpectsInAnyCase,
    AnswersNoneWhenNothingChanged,
    BringsBack,
    DeletesNobodyHappily,
    ListsFromTheStart,
    LooksUpLoosely,
    LooksUpByUnicodeCase,
    LooksUpExactly,
    GivesTakenEmails,
    CutsAtZero,
    KeepsSeconds,
    TakesNullForAbsent,
    FindsTokensInAnyCase,
    NotBeforeIsExclusive,
    KeepsNoSession,
    PurgesInclusively,
    SaysFirstToEverybody,
    NeverForgets,
    CreatesInTwoSteps,
    StealsAccounts,
    KeepsRefreshTokens,
    ForgetsGeneratedPasswords,
    ListsOldestFirst,
    PurgesEverything,
    CutsUserAgents,
    RotatesWhateverIsCurrent,
    RotatesInTwoSteps,
    KeepsNoSessionById,
    PurgesSessionsInclusively,
    TouchesInAnyCase,
    KeepsSessionsOfNobody,
    CountsInAnyCase,
    CountsWithoutTurns,
    KeepsWhatIsGivenBack,
    GivesOneOfSeveralBack,
    WaitsForWrongClocks,
    NotesInclusively,
    HidesAccounts,
    CallsItAnotherError,
    /// No fault where it is declared: timestamps in milliseconds, unique indexes by a looser collation.
    KeepsMillisecondsAndCollates,
}

const STEP: Duration = Duration::from_micros(1);

pub(super) struct Adapter<const FAULT: usize> {
    memory: MemoryDatabase,
    is_cut: Arc<AtomicBool>,
    /// Where [`Fault::SavesWholeRows`] has five updates meet.
    meeting: Barrier,
}

impl<const FAULT: usize> Adapter<FAULT> {
    pub(super) fn new(is_cut: Arc<AtomicBool>) -> Self {
        Self { memory: MemoryDatabase::default(), is_cut, meeting: Barrier::new(5) }
    }

    fn has(&self, fault: Fault) -> bool {
        FAULT == fault as usize
    }

    /// The memory, unless it is cut off.
    fn memory(&self) -> Result<&impl UserDatabase<Profile>, DatabaseError> {
        match self.is_cut.load(Ordering::SeqCst) {
            true if self.has(Fault::CallsItAnotherError) => Err(DatabaseError::Other("cut".into())),
            true => Err(DatabaseError::Unavailable("cut".into())),
            false => Ok(&self.memory),
        }
    }

    fn changed(&self, record: &Record) -> Record {
        let cut = |text: &str| text.split('\0').next().unwrap_or_default().to_owned();
        let values = record.iter().filter_map(|(name, value)| {
            let value = match value {
                Value::Null if self.has(Fault::TakesNullForAbsent) => return None,
                Value::Text(text) if self.has(Fault::CutsAtZero) => Value::Text(cut(text)),
                Value::Timestamp(at) => Value::Timestamp(self.kept(*at)),
                other => other.clone(),
            };
            Some((name.clone(), value))
        });
        values.collect()
    }

    fn token(&self, text: &str) -> String {
        if self.has(Fault::FindsTokensInAnyCase) { text.to_lowercase() } else { text.to_owned() }
    }

    fn tokens(&self, texts: &[String]) -> Vec<String> {
        texts.iter().map(|text| self.token(text)).collect()
    }

    fn kept(&self, at: Timestamp) -> Timestamp {
        match () {
            () if self.has(Fault::KeepsSeconds) => at.replace_microsecond(0).unwrap(),
            () if self.has(Fault::KeepsMillisecondsAndCollates) => {
                at.replace_millisecond(at.millisecond()).unwrap()
            }
            () => at,
        }
    }

    /// A unique index with a collation that ignores all case and blanks.
    async fn check_collation(&self, record: &Record) -> Result<(), DatabaseError> {
        let fold = |email: &str| email.trim().to_lowercase();
        let email = record
            .get("email")
            .and_then(Value::as_text)
            .filter(|_| self.has(Fault::KeepsMillisecondsAndCollates));
        let Some(email) = email else { return Ok(()) };
        let is_taken = self.every().await?.iter().any(|user| fold(&user.email) == fold(email));
        if is_taken { Err(DatabaseError::EmailTaken) } else { Ok(()) }
    }

    async fn every(&self) -> Result<Vec<Profile>, DatabaseError> {
        self.memory()?.list(None, u32::MAX).await
    }
}

impl<const FAULT: usize> UserDatabase<Profile> for Adapter<FAULT> {
    fn configure(&mut self, schema: &Arc<Schema>) -> Result<(), Cow<'static, str>> {
        UserDatabase::<Profile>::configure(&mut self.memory, schema)
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::all();
        capabilities.oauth_accounts = !self.has(Fault::HidesAccounts);
        capabilities
    }

    async fn ping(&self) -> Result<(), DatabaseError> {
        self.memory()?.ping().await
    }

    async fn get(&self, id: &Uuid) -> Result<Option<Profile>, DatabaseError> {
        self.memory()?.get(id).await
    }

    async fn get_by_email(&self, email: &str) -> Result<Option<Profile>, DatabaseError> {
        let same: fn(&str, &str) -> bool = match () {
            () if self.has(Fault::LooksUpLoosely) => {
                |one, other| one.trim().eq_ignore_ascii_case(other.trim())
            }
            () if self.has(Fault::LooksUpByUnicodeCase) => {
                |one, other| one.to_lowercase() == other.to_lowercase()
            }
            () if self.has(Fault::LooksUpExactly) => |one, other| one == other,
            () => return self.memory()?.get_by_email(email).await,
        };
        Ok(self.every().await?.into_iter().find(|user| same(&user.email, email)))
    }

    async fn list(&self, after: Option<&Uuid>, limit: u32) -> Result<Vec<Profile>, DatabaseError> {
        let after = after.filter(|_| !self.has(Fault::ListsFromTheStart));
        self.memory()?.list(after, limit).await
    }

    async fn create(&self, record: Record) -> Result<Profile, DatabaseError> {
        let record = self.changed(&record);
        self.check_collation(&record).await?;
        let email = record.get("email").and_then(Value::as_text).unwrap_or_default().to_owned();
        match self.memory()?.create(record).await {
            Err(DatabaseError::EmailTaken) if self.has(Fault::GivesTakenEmails) => {
                Ok(self.get_by_email(&email).await?.unwrap())
            }
            answer => answer,
        }
    }

    async fn update(
        &self,
        id: &Uuid,
        expected: &Record,
        changes: &Record,
    ) -> Result<Option<Profile>, DatabaseError> {
        let (memory, changes) = (self.memory()?, self.changed(changes));
        let Some(user) = memory.get(id).await? else {
            if self.has(Fault::BringsBack) {
                return Ok(self.every().await?.into_iter().next());
            }
            return Ok(None);
        };
        if self.has(Fault::IgnoresExpected) {
            return memory.update(id, &Record::new(), &changes).await;
        }
        if self.has(Fault::ExpectsInAnyCase) {
            let same = |column: &str, stored: &str| {
                let expected = expected.get(column).and_then(Value::as_text);
                expected.is_none_or(|expected| expected.eq_ignore_ascii_case(stored))
            };
            if same("email", &user.email) && same("hashed_password", &user.hashed_password) {
                let mut expected = expected.clone();
                expected.retain(|name| !["email", "hashed_password"].contains(&name));
                return memory.update(id, &expected, &changes).await;
            }
        }
        if self.has(Fault::SavesWholeRows) {
            self.meeting.wait().await;
            let mut whole = Record::new()
                .with("email", Value::Text(user.email.clone()))
                .with("hashed_password", Value::Text(user.hashed_password.clone()))
                .with("is_active", Value::Bool(user.is_active))
                .with("is_superuser", Value::Bool(user.is_superuser))
                .with("is_verified", Value::Bool(user.is_verified));
            whole.merge(&changes);
            return memory.update(id, expected, &whole).await;
        }
        let updated = memory.update(id, expected, &changes).await?;
        let is_same = |updated: &Profile| updated.is_active == user.is_active && updated.email == user.email;
        Ok(updated.filter(|updated| !self.has(Fault::AnswersNoneWhenNothingChanged) || !is_same(updated)))
    }

    async fn delete(&self, id: &Uuid) -> Result<bool, DatabaseError> {
        Ok(self.memory()?.delete(id).await? || self.has(Fault::DeletesNobodyHappily))
    }

    async fn create_access_token(&self, access_token: &AccessToken<Uuid>) -> Result<(), DatabaseError> {
        let mut token = AccessToken { token: self.token(&access_token.token), ..access_token.clone() };
        token.created_at = self.kept(token.created_at);
        self.memory()?.create_access_token(&token).await
    }

    async fn user_by_access_token(
        &self,
        forms: &[String],
        not_before: Option<Timestamp>,
    ) -> Result<Option<(Profile, AccessToken<Uuid>)>, DatabaseError> {
        let later = if self.has(Fault::NotBeforeIsExclusive) { STEP } else { Duration::ZERO };
        let not_before = not_before.map(|not_before| not_before + later);
        self.memory()?.user_by_access_token(&self.tokens(forms), not_before).await
    }

    async fn rewrite_access_token(&self, from: &str, to: &str) -> Result<(), DatabaseError> {
        self.memory()?.rewrite_access_token(&self.token(from), to).await
    }

    async fn delete_access_token(&self, forms: &[String]) -> Result<(), DatabaseError> {
        self.memory()?.delete_access_token(&self.tokens(forms)).await
    }

    async fn delete_access_tokens_of(&self, user_id: &Uuid, except: &[String]) -> Result<(), DatabaseError> {
        let except = if self.has(Fault::KeepsNoSession) { Vec::new() } else { self.tokens(except) };
        self.memory()?.delete_access_tokens_of(user_id, &except).await
    }

    async fn purge_access_tokens(&self, before: Timestamp) -> Result<u64, DatabaseError> {
        let later = if self.has(Fault::PurgesInclusively) { STEP } else { Duration::ZERO };
        self.memory()?.purge_access_tokens(before + later).await
    }

    async fn use_once(
        &self,
        purpose: &str,
        digest: &str,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<bool, DatabaseError> {
        let now = if self.has(Fault::NeverForgets) { Timestamp::UNIX_EPOCH } else { now };
        let is_first = self.memory()?.use_once(purpose, digest, expires_at, now).await?;
        Ok(is_first || self.has(Fault::SaysFirstToEverybody))
    }

    async fn user_by_oauth_account(
        &self,
        oauth_name: &str,
        account_id: &str,
    ) -> Result<Option<Profile>, DatabaseError> {
        self.memory()?.user_by_oauth_account(oauth_name, account_id).await
    }

    async fn oauth_accounts(&self, user_id: &Uuid) -> Result<Vec<OAuthAccount<Uuid>>, DatabaseError> {
        self.memory()?.oauth_accounts(user_id).await
    }

    async fn create_with_oauth_account(
        &self,
        record: Record,
        account_row_id: Option<&Uuid>,
        account: &NewOAuthAccount,
    ) -> Result<Profile, DatabaseError> {
        if !self.has(Fault::CreatesInTwoSteps) {
            return self.memory()?.create_with_oauth_account(record, account_row_id, account).await;
        }
        let user = self.memory()?.create(record).await?;
        self.add_oauth_account(user.id(), account_row_id, account).await?;
        Ok(user)
    }

    async fn add_oauth_account(
        &self,
        user_id: &Uuid,
        account_row_id: Option<&Uuid>,
        account: &NewOAuthAccount,
    ) -> Result<(), DatabaseError> {
        let memory = self.memory()?;
        let (name, id) = (&account.oauth_name, &account.account_id);
        let owner = memory.user_by_oauth_account(name, id).await?;
        if let Some(owner) = owner.filter(|_| self.has(Fault::StealsAccounts)) {
            memory.delete_oauth_account(owner.id(), name, id).await?;
        }
        memory.add_oauth_account(user_id, account_row_id, account).await
    }

    async fn update_oauth_account(
        &self,
        user_id: &Uuid,
        account: &NewOAuthAccount,
    ) -> Result<bool, DatabaseError> {
        let (memory, mut account) = (self.memory()?, account.clone());
        if self.has(Fault::KeepsRefreshTokens) && account.refresh_token.is_none() {
            let rows = memory.oauth_accounts(user_id).await?;
            account.refresh_token = rows.into_iter().find_map(|row| row.refresh_token);
        }
        memory.update_oauth_account(user_id, &account).await
    }

    async fn delete_oauth_account(
        &self,
        user_id: &Uuid,
        oauth_name: &str,
        account_id: &str,
    ) -> Result<bool, DatabaseError> {
        self.memory()?.delete_oauth_account(user_id, oauth_name, account_id).await
    }

    async fn take_limit(&self, count: &LimitCount<'_>) -> Result<Option<i64>, DatabaseError> {
        let memory = self.memory()?;
        let name =
            if self.has(Fault::CountsInAnyCase) { count.name.to_lowercase() } else { count.name.into() };
        let count = LimitCount::new(&name, count.step, count.period, count.now);
        let is_far_ahead = UserDatabase::<Profile>::limit_holds(memory, &name, count.farthest()).await?;
        if is_far_ahead && self.has(Fault::WaitsForWrongClocks) {
            return Ok(Some(count.step));
        }
        if self.has(Fault::CountsWithoutTurns) {
            let held = UserDatabase::<Profile>::limit_holds(memory, &name, count.latest()).await?;
            tokio::task::yield_now().await;
            if !held {
                let far = LimitCount::new(&name, count.step, 1 << 60, count.now);
                return UserDatabase::<Profile>::take_limit(memory, &far).await;
            }
        }
        UserDatabase::<Profile>::take_limit(memory, &count).await
    }

    async fn give_limits_back(&self, counts: &[LimitCount<'_>]) -> Result<(), DatabaseError> {
        let counts = match () {
            () if self.has(Fault::KeepsWhatIsGivenBack) => &[],
            () if self.has(Fault::GivesOneOfSeveralBack) => &counts[..counts.len().min(1)],
            () => counts,
        };
        UserDatabase::<Profile>::give_limits_back(self.memory()?, counts).await
    }

    async fn note_limit(&self, name: &str, until: i64) -> Result<(), DatabaseError> {
        let until = until + i64::from(self.has(Fault::NotesInclusively));
        UserDatabase::<Profile>::note_limit(self.memory()?, name, until).await
    }

    async fn limit_holds(&self, name: &str, now: i64) -> Result<bool, DatabaseError> {
        UserDatabase::<Profile>::limit_holds(self.memory()?, name, now).await
    }

    async fn get_with_state(&self, id: &Uuid) -> Result<Option<(Profile, UserState)>, DatabaseError> {
        self.memory()?.get_with_state(id).await
    }

    async fn set_user_state(&self, id: &Uuid, mut state: UserState) -> Result<(), DatabaseError> {
        state.not_before = state.not_before.map(|at| self.kept(at));
        state.password_is_generated &= !self.has(Fault::ForgetsGeneratedPasswords);
        self.memory()?.set_user_state(id, state).await
    }

    async fn append_audit_entries(&self, entries: &[AuditEntry]) -> Result<(), DatabaseError> {
        UserDatabase::<Profile>::append_audit_entries(self.memory()?, entries).await
    }

    async fn audit_entries(&self, filter: &AuditFilter) -> Result<Vec<AuditEntry>, DatabaseError> {
        let mut entries = UserDatabase::<Profile>::audit_entries(self.memory()?, filter).await?;
        if self.has(Fault::ListsOldestFirst) {
            entries.reverse();
        }
        Ok(entries)
    }

    async fn purge_audit_entries(&self, before: Timestamp) -> Result<u64, DatabaseError> {
        let days = if self.has(Fault::PurgesEverything) { 365 } else { 0 };
        let before = before + Duration::from_secs(days * 86_400);
        UserDatabase::<Profile>::purge_audit_entries(self.memory()?, before).await
    }

    async fn access_tokens_of(
        &self,
        user_id: &Uuid,
        limit: u32,
    ) -> Result<Vec<AccessToken<Uuid>>, DatabaseError> {
        self.memory()?.access_tokens_of(user_id, limit).await
    }

    async fn create_session(&self, session: &Session<Uuid>) -> Result<(), DatabaseError> {
        let mut session = session.clone();
        for at in [&mut session.created_at, &mut session.last_used_at] {
            *at = self.kept(*at);
        }
        session.expires_at = session.expires_at.map(|at| self.kept(at));
        if self.has(Fault::CutsUserAgents) {
            session.user_agent = session.user_agent.map(|agent| agent.chars().take(100).collect());
        }
        let created = self.memory()?.create_session(&session).await;
        if self.has(Fault::KeepsSessionsOfNobody) { Ok(()) } else { created }
    }

    async fn sessions_of(&self, user_id: &Uuid, limit: u32) -> Result<Vec<Session<Uuid>>, DatabaseError> {
        self.memory()?.sessions_of(user_id, limit).await
    }

    async fn session_by_refresh_handle(&self, handle: &str) -> Result<Option<Session<Uuid>>, DatabaseError> {
        self.memory()?.session_by_refresh_handle(handle).await
    }

    async fn session_last_used(&self, forms: &[String]) -> Result<Option<Timestamp>, DatabaseError> {
        self.memory()?.session_last_used(forms).await
    }

    async fn touch_session(&self, forms: &[String], at: Timestamp) -> Result<bool, DatabaseError> {
        let touched = self.memory()?.touch_session(forms, self.kept(at)).await?;
        if touched || !self.has(Fault::TouchesInAnyCase) {
            return Ok(touched);
        }
        let mut capital: Vec<String> = forms.to_vec();
        capital.extend(forms.iter().map(|form| {
            let (first, rest) = form.split_at(form.len().min(1));
            format!("{}{}", first.to_uppercase(), rest.to_lowercase())
        }));
        self.memory()?.touch_session(&capital, at).await
    }

    async fn rotate_refresh_token(
        &self,
        id: &str,
        from: &str,
        to: &str,
        token: Option<&str>,
        at: Timestamp,
    ) -> Result<bool, DatabaseError> {
        let (memory, at) = (self.memory()?, self.kept(at));
        if self.has(Fault::RotatesWhateverIsCurrent) {
            for known in ["~first", "~second"] {
                if memory.rotate_refresh_token(id, known, to, token, at).await? {
                    return Ok(true);
                }
            }
            return Ok(false);
        }
        if self.has(Fault::RotatesInTwoSteps) {
            let found = memory.session_by_refresh_handle(&format!("~handle of {id}")).await?;
            let family = found.and_then(|session| session.refresh).filter(|family| family.current == from);
            // Five of them have looked before the first one writes.
            self.meeting.wait().await;
            let Some(family) = family else { return Ok(false) };
            let mut current = family.current;
            while !memory.rotate_refresh_token(id, &current, to, token, at).await? {
                let found = memory.session_by_refresh_handle(&family.handle).await?;
                current = found.and_then(|session| session.refresh).unwrap().current;
            }
            return Ok(true);
        }
        memory.rotate_refresh_token(id, from, to, token, at).await
    }

    async fn delete_session(&self, user_id: &Uuid, id: &str) -> Result<bool, DatabaseError> {
        self.memory()?.delete_session(user_id, id).await
    }

    async fn delete_session_by_token(&self, forms: &[String]) -> Result<(), DatabaseError> {
        self.memory()?.delete_session_by_token(forms).await
    }

    async fn delete_sessions_of(
        &self,
        user_id: &Uuid,
        except: &[String],
        except_id: Option<&str>,
    ) -> Result<(), DatabaseError> {
        let except_id = except_id.filter(|_| !self.has(Fault::KeepsNoSessionById));
        self.memory()?.delete_sessions_of(user_id, except, except_id).await
    }

    async fn purge_sessions(&self, before: Timestamp) -> Result<u64, DatabaseError> {
        let later = if self.has(Fault::PurgesSessionsInclusively) { STEP } else { Duration::ZERO };
        self.memory()?.purge_sessions(before + later).await
    }
}
