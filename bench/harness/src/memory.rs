//! What targets keep resident.

use std::time::Duration;

use crate::{
    Bench, load,
    process::Process,
    running::{Running, Work},
    target::Target,
};

/// Longer than a hashing thread of axum-users keeps its memory.
const REST: Duration = Duration::from_secs(7);
/// How often the long run in miniature goes from load to rest.
const CYCLES: usize = 5;

impl Bench {
    /// Memory under many connections, once nothing was hashed for a while; and after each of several loads of
    /// everything: who loses a little each time would grow.
    pub async fn memory(&mut self, running: &[Running]) -> Result<(), String> {
        tokio::time::sleep(REST).await;
        for it in running {
            let work = if it.target == Target::BetterAuth { Work::Session } else { Work::Me };
            let Some(load) = it.load(work, 256, 0).await? else { continue };
            let loads = [load];
            let (_, mib) = greatest_during(&it.process, load::run(&loads, self.options.seconds(1.0))).await;
            self.report.memory(it.target, "256 connections", mib);
        }
        let long = [Target::Limit, Target::Library, Target::Server, Target::FastApi(1)];
        let running: Vec<_> = running.iter().filter(|it| long.contains(&it.target)).collect();
        for cycle in 0..CYCLES {
            for it in &running {
                let mut loads = Vec::new();
                for (work, connections) in
                    [(Work::Me, 32), (Work::Session, 32), (Work::Login, 8), (Work::Register, 4)]
                {
                    // A number of its own, so that nobody registers twice.
                    loads.extend(it.load(work, connections, 1000 + cycle).await?);
                }
                load::run(&loads, self.options.seconds(1.0)).await;
            }
            tokio::time::sleep(REST).await;
            for it in &running {
                self.report.long_run(it.target, it.process.resident_mib());
            }
            println!("memory: load {} of {CYCLES}", cycle + 1);
        }
        Ok(())
    }
}

/// Runs work, and answers beside what came of it the greatest memory that a target had meanwhile, in MiB.
pub async fn greatest_during<T>(process: &Process, work: impl Future<Output = T>) -> (T, f64) {
    let mut greatest: f64 = 0.0;
    let watch = async {
        loop {
            tokio::time::sleep(Duration::from_millis(250)).await;
            greatest = greatest.max(process.resident_mib());
        }
    };
    let done = tokio::select! {
        done = work => done,
        () = watch => unreachable!("it watches without end"),
    };
    (done, greatest)
}
