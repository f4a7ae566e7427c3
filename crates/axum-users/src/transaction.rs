//! The application's own transaction: the same users on another connection, with hooks that wait for the commit.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    BuildError, Context, RequestInfo, Users,
    audit::AuditEntry,
    background::Background,
    database::{BoxFuture, Database, UserDatabase},
    error::BoxError,
    hooks::{ErasedHooks, Hooks, NewUser, Refusal},
    schema::Record,
    user::UserModel,
    users::Inner,
};

impl<U: UserModel> Users<U> {
    /// The same users in another database, such as a transaction of the application's.
    ///
    /// The hooks `on_before_…` fire at once and may refuse. The hooks `on_after_…` wait in [`PendingHooks`], since
    /// what they would tell the world may still be taken back: call [`PendingHooks::fire`] after the commit, or
    /// drop them after a rollback. What a hook adds to the headers of an answer is lost, as there is none.
    ///
    /// # Errors
    /// The database adapter cannot keep this user model.
    pub fn with_database(
        &self,
        database: impl UserDatabase<U>,
    ) -> Result<(Self, PendingHooks<U>), BuildError> {
        let mut database = Database::new(database);
        database.changes = self.inner.database.changes.clone();
        database.configure(&self.inner.schema).map_err(BuildError::Schema)?;
        let (queue, held_back) = (Queue::default(), Arc::<Mutex<Vec<AuditEntry>>>::default());
        let hooks = WaitingHooks { hooks: Arc::clone(&self.inner.hooks), queue: Arc::clone(&queue) };
        let users = Self {
            inner: Arc::new(Inner {
                database,
                hooks: Arc::new(hooks),
                background: Background::new(),
                held_back: Some(Arc::clone(&held_back)),
                // What is not committed is for nobody else.
                user_cache: None,
                settings: Arc::clone(&self.inner.settings),
            }),
        };
        Ok((users, PendingHooks { users: self.clone(), queue, held_back }))
    }
}

/// The hooks of what was done in a transaction, in their order; see [`Users::with_database`].
///
/// ```
/// # use axum_users::{BoxError, MemoryDatabase, User, Users};
/// # async fn example(users: Users<User>, in_transaction: MemoryDatabase) -> Result<(), BoxError> {
/// let (within, hooks) = users.with_database(in_transaction)?;
/// // … what is to be done with `within`, then the transaction's commit; then:
/// drop(within);
/// hooks.fire().await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "hooks that are not fired after the commit never run"]
pub struct PendingHooks<U: UserModel> {
    users: Users<U>,
    queue: Queue<U>,
    held_back: Arc<Mutex<Vec<AuditEntry>>>,
}

impl<U: UserModel> PendingHooks<U> {
    /// Notes in the audit trail what was done, and runs the hooks on the users as they are outside of the transaction. Call it after the commit.
    ///
    /// # Errors
    /// The first hook's that fails; those after it run all the same.
    pub async fn fire(self) -> Result<(), BoxError> {
        // What was noted before the commit could still be answered as it had been.
        self.users.inner.database.changes.note();
        let entries = std::mem::take(&mut *self.held_back.lock().unwrap_or_else(PoisonError::into_inner));
        for entry in entries {
            self.users.note(entry);
        }
        let waiting = std::mem::take(&mut *self.queue.lock().unwrap_or_else(PoisonError::into_inner));
        let mut first = Ok(());
        for hook in waiting {
            let done = hook(Arc::clone(&self.users.inner.hooks), self.users.clone()).await;
            first = first.and(done);
        }
        first
    }

    /// How many hooks wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether no hook waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<U: UserModel> fmt::Debug for PendingHooks<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingHooks").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// A hook with all that it needs but the hooks themselves and the users.
type Waiting<U> =
    Box<dyn FnOnce(Arc<dyn ErasedHooks<U>>, Users<U>) -> BoxFuture<'static, Result<(), BoxError>> + Send>;

type Queue<U> = Arc<Mutex<Vec<Waiting<U>>>>;

/// Passes on what comes before a change, and keeps what comes after it.
struct WaitingHooks<U: UserModel> {
    hooks: Arc<dyn ErasedHooks<U>>,
    queue: Queue<U>,
}

macro_rules! waiting_hooks {
    (
        before { $($before:ident($of:ty);)* }
        after { $($after:ident($($argument:ident: $type:ty => $owned:expr),*);)* }
    ) => {
        impl<U: UserModel> Hooks<U> for WaitingHooks<U> {
            $(async fn $before(&self, subject: &$of, context: &mut Context<'_, U>) -> Result<(), Refusal> {
                self.hooks.$before(subject, context).await
            })*

            $(async fn $after(
                &self,
                $($argument: &$type,)*
                context: &mut Context<'_, U>,
            ) -> Result<(), BoxError> {
                let request: RequestInfo = context.request().clone();
                $(let $argument = $owned;)*
                let waiting: Waiting<U> = Box::new(move |hooks, users| {
                    Box::pin(async move {
                        hooks.$after($(&$argument,)* &mut Context::new(&users, &request)).await
                    })
                });
                self.queue.lock().unwrap_or_else(PoisonError::into_inner).push(waiting);
                Ok(())
            })*
        }
    };
}

waiting_hooks! {
    before {
        on_before_register(NewUser<'_>);
        on_before_login(U);
        on_before_delete(U);
    }
    after {
        on_after_register(user: U => user.clone());
        on_after_login(user: U => user.clone());
        on_after_logout(user: U => user.clone());
        on_after_forgot_password(user: U => user.clone(), token: str => token.to_owned());
        on_after_reset_password(user: U => user.clone());
        on_after_request_verify(user: U => user.clone(), token: str => token.to_owned());
        on_after_verify(user: U => user.clone());
        on_after_update(user: U => user.clone(), changes: Record => changes.clone());
        on_after_password_change(user: U => user.clone());
        on_after_email_change(user: U => user.clone(), old_email: str => old_email.to_owned());
        on_after_taken_email(user: U => user.clone());
        on_after_request_email_change(
            user: U => user.clone(),
            new_email: str => new_email.to_owned(),
            token: str => token.to_owned()
        );
        on_after_delete(user: U => user.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Bearer, Jwt, MemoryDatabase, User, UserCreate};

    const SECRET: &str = "a secret of more than thirty-two bytes";

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<String>>>);

    impl Log {
        fn add(&self, line: String) {
            self.0.lock().expect("no panic").push(line);
        }

        fn lines(&self) -> Vec<String> {
            self.0.lock().expect("no panic").clone()
        }
    }

    impl Hooks<User> for Log {
        async fn on_before_register(
            &self,
            new: &NewUser<'_>,
            _: &mut Context<'_, User>,
        ) -> Result<(), Refusal> {
            self.add(format!("before {}", new.email()));
            if new.email().starts_with("mallory") { Err(Refusal::because("no")) } else { Ok(()) }
        }

        async fn on_after_register(
            &self,
            user: &User,
            context: &mut Context<'_, User>,
        ) -> Result<(), BoxError> {
            let known_outside = context.users().get(&user.id).await?.is_some();
            self.add(format!("after {} {known_outside}", user.email));
            if user.email.starts_with("bob") { Err("no mail today".into()) } else { Ok(()) }
        }
    }

    fn users(log: &Log) -> Users<User> {
        Users::builder(MemoryDatabase::default(), SECRET)
            .backend("jwt", Bearer::default(), Jwt::lasting_seconds(60))
            .hooks(log.clone())
            .build()
            .expect("fit to build")
    }

    async fn create(users: &Users<User>, email: &str) -> bool {
        let new = UserCreate::new(email, "correct horse battery");
        users.create(new, crate::Flags::Ignored, &RequestInfo::default()).await.is_ok()
    }

    #[tokio::test]
    async fn after_hooks_wait_and_before_hooks_do_not() {
        let log = Log::default();
        let users = users(&log);
        let (inside, pending) = users.with_database(MemoryDatabase::default()).expect("fit");
        assert!(create(&inside, "ada@example.org").await);
        assert!(!create(&inside, "mallory@example.org").await);
        assert_eq!(log.lines(), ["before ada@example.org", "before mallory@example.org"]);
        assert_eq!(pending.len(), 1);
        pending.fire().await.expect("the hook is content");
        assert_eq!(log.lines()[2..], ["after ada@example.org false"], "hooks see the users outside");
    }

    #[tokio::test]
    async fn a_failing_hook_keeps_none_of_the_others() {
        let log = Log::default();
        let (inside, pending) = users(&log).with_database(MemoryDatabase::default()).expect("fit");
        for name in ["bob", "ada"] {
            assert!(create(&inside, &format!("{name}@example.org")).await);
        }
        assert_eq!(pending.fire().await.expect_err("bob's fails").to_string(), "no mail today");
        assert_eq!(log.lines()[2..], ["after bob@example.org false", "after ada@example.org false"]);
    }

    #[tokio::test]
    async fn hooks_that_are_dropped_never_run() {
        let log = Log::default();
        let (inside, pending) = users(&log).with_database(MemoryDatabase::default()).expect("fit");
        assert!(create(&inside, "ada@example.org").await);
        drop(pending);
        assert_eq!(log.lines(), ["before ada@example.org"]);
    }
}
