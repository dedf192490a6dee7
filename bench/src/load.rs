//! The closed loop: each connection asks again as soon as it is answered.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::connection::Failure;
use crate::operation::{Actor, OVER, Operation, Scene};
use crate::server::Server;

/// What one run showed.
pub struct Measured {
    /// Operations.
    pub count: usize,
    /// How long they took together.
    pub elapsed: Duration,
    /// Processor time of the server meanwhile.
    pub cpu: Duration,
    /// How long each took, in microseconds, sorted.
    pub latencies: Vec<u32>,
}

impl Measured {
    /// Operations a second.
    pub fn rate(&self) -> f64 {
        as_f64(self.count) / self.elapsed.as_secs_f64()
    }

    /// Processor time of one, in microseconds.
    pub fn cpu_us(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / as_f64(self.count.max(1))
    }

    /// The time within which this share of the operations was done, in milliseconds.
    pub fn percentile(&self, percent: usize) -> f64 {
        let at = (self.latencies.len() * percent / 100).min(self.latencies.len().saturating_sub(1));
        f64::from(self.latencies.get(at).copied().unwrap_or_default()) / 1000.0
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of a run are far below 2^52")]
pub fn as_f64(count: usize) -> f64 {
    count as f64
}

/// How long to ask, and from how many connections.
#[derive(Clone, Copy)]
pub struct Load {
    /// Connections that ask at once.
    pub connections: usize,
    /// Before anything is measured.
    pub warm_up: Duration,
    /// While it is measured.
    pub time: Duration,
}

/// Runs the loop.
pub async fn run(
    operation: Operation,
    load: Load,
    scene: Rc<Scene>,
    server: &Server,
) -> Result<Measured, Failure> {
    let mut actors = Vec::new();
    for number in 0..load.connections {
        actors.push(Actor::enter(operation, Rc::clone(&scene), server, number).await?);
    }
    let measured_from = Rc::new(Cell::new(None));
    let tasks: Vec<_> = actors
        .into_iter()
        .map(|actor| {
            tokio::task::spawn_local(ask(
                actor,
                operation,
                Rc::clone(&measured_from),
                load.warm_up + load.time,
            ))
        })
        .collect();
    tokio::time::sleep(load.warm_up).await;
    let (begun, cpu) = (Instant::now(), server.cpu()?);
    measured_from.set(Some(begun));
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await??);
    }
    let (elapsed, cpu) = (begun.elapsed(), server.cpu()?.saturating_sub(cpu));
    latencies.sort_unstable();
    Ok(Measured { count: latencies.len(), elapsed, cpu, latencies })
}

/// One connection's loop; the latencies of what began after the warm-up.
async fn ask(
    mut actor: Actor,
    operation: Operation,
    measured_from: Rc<Cell<Option<Instant>>>,
    time: Duration,
) -> Result<Vec<u32>, String> {
    let (end, mut latencies) = (Instant::now() + time, Vec::new());
    loop {
        let begun = Instant::now();
        if begun >= end {
            return Ok(latencies);
        }
        if let Err(failure) = actor.act(operation).await {
            let words = failure.to_string();
            return if words == OVER { Ok(latencies) } else { Err(format!("{}: {words}", operation.name())) };
        }
        if measured_from.get().is_some_and(|from| begun >= from) {
            latencies.push(u32::try_from(begun.elapsed().as_micros()).unwrap_or(u32::MAX));
        }
    }
}
