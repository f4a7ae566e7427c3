//! What many users cost: the same work in a small and in a large database, for users all over it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::{EncodingKey, Header, encode};

use crate::{
    Bench,
    load::{self, Load},
    measured,
    report::Sample,
    running::{Running, Work},
    seed::{self, SignedIn},
    target::{Database, SECRET},
};

impl Bench {
    pub async fn growth(&mut self) -> Result<(), String> {
        let given = self.options.targets.clone();
        if given.is_empty() {
            self.options.targets = vec!["limit".to_owned(), "axum-users".to_owned()];
        }
        for database in [Database::Sqlite, Database::Postgres] {
            if database == Database::Sqlite || self.postgres.is_some() {
                self.growth_on(database).await?;
            }
        }
        self.options.targets = given;
        Ok(())
    }

    async fn growth_on(&mut self, database: Database) -> Result<(), String> {
        let mut sizes = Vec::new();
        for users in self.options.users.clone() {
            let running = self.start_all(database, users).await?;
            sizes.push((users, running, self.signed_in(database, users).await?));
        }
        for round in 0..self.options.rounds {
            for work in [Work::Me, Work::Session] {
                for (users, running, signed_in) in &sizes {
                    let name = format!("growth/{}/{}/{users}", database.name().to_lowercase(), work.name());
                    self.growth_of(&name, work, running, signed_in).await?;
                }
            }
            println!("growth on {}: round {} of {}", database.name(), round + 1, self.options.rounds);
        }
        let counts: Vec<u64> = sizes.iter().map(|(users, ..)| *users).collect();
        drop(sizes);
        for users in counts {
            self.drop_databases(database, users).await;
        }
        Ok(())
    }

    async fn growth_of(
        &mut self,
        name: &str,
        work: Work,
        running: &[Running],
        signed_in: &[SignedIn],
    ) -> Result<(), String> {
        let tokens: Vec<String> = match work {
            Work::Session => signed_in.iter().map(|user| user.token.clone()).collect(),
            _ => signed_in.iter().map(|user| jwt(&user.id)).collect::<Result<_, _>>()?,
        };
        for it in running {
            let talks = it.requests_of(work, &tokens);
            let port = it.process.port;
            let load = Load { port, connections: 32, talks, pause: Duration::ZERO, after: Duration::ZERO };
            load::run(std::slice::from_ref(&load), Duration::from_millis(400)).await;
            let (outcome, cpu) = measured(&it.process, &[load], self.options.seconds(1.0)).await;
            self.report.add(Sample::new(name, it.target, &outcome[0], cpu));
        }
        Ok(())
    }

    async fn signed_in(&self, database: Database, users: u64) -> Result<Vec<SignedIn>, String> {
        let found = match (database, &self.postgres) {
            (Database::Postgres, Some(server)) => {
                seed::signed_in_postgres(&seed::beside(server, &seed::template(users)), users).await
            }
            _ => seed::signed_in_sqlite(&self.folder.join(format!("template-{users}.db")), users).await,
        };
        found.map_err(|error| format!("the users who are signed in cannot be read: {error}"))
    }
}

/// An access token as every target takes it.
#[expect(clippy::disallowed_methods, reason = "the targets go by the machine's clock")]
fn jwt(user_id: &str) -> Result<String, String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|error| error.to_string())?.as_secs();
    let claims = serde_json::json!({ "sub": user_id, "aud": ["fastapi-users:auth"], "exp": now + 3600 });
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    encode(&Header::default(), &claims, &key).map_err(|error| error.to_string())
}
