//! Argon2 on as many blocking threads as there are cores, each with memory that is kept.

use std::sync::{Arc, Mutex};

use argon2::{
    Argon2, Block,
    password_hash::{PasswordHasher, phc::PasswordHash},
};
use tokio::sync::Semaphore;

#[derive(Clone)]
pub struct Passwords {
    places: Arc<Semaphore>,
    memory: Arc<Mutex<Vec<Vec<Block>>>>,
}

fn parameters() -> Argon2<'static> {
    let params = argon2::Params::new(65536, 3, 4, Some(32)).expect("parameters");
    Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params)
}

impl Passwords {
    pub fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self { places: Arc::new(Semaphore::new(cores)), memory: Arc::default() }
    }

    pub async fn verify(&self, password: String, stored: String) -> bool {
        self.run(move |memory| {
            let parsed = PasswordHash::new(&stored).expect("a hash");
            let (salt, wanted) = (parsed.salt.expect("a salt"), parsed.hash.expect("a hash"));
            let mut hash = [0; 32];
            parameters()
                .hash_password_into_with_memory(password.as_bytes(), salt.as_ref(), &mut hash, memory)
                .expect("hashing");
            hash == wanted.as_bytes()
        })
        .await
    }

    pub async fn hash(&self, password: String) -> String {
        let _place = self.places.acquire().await.expect("open");
        let hash = move || {
            let hash: PasswordHash = parameters().hash_password(password.as_bytes()).expect("hashing");
            hash.to_string()
        };
        tokio::task::spawn_blocking(hash).await.expect("hashing")
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce(&mut [Block]) -> T + Send + 'static) -> T {
        let _place = self.places.acquire().await.expect("open");
        let kept = Arc::clone(&self.memory);
        let job = move || {
            let memory = kept.lock().expect("memory").pop();
            let mut memory = memory.unwrap_or_else(|| vec![Block::new(); 65536]);
            let done = work(&mut memory);
            kept.lock().expect("memory").push(memory);
            done
        };
        tokio::task::spawn_blocking(job).await.expect("hashing")
    }
}
