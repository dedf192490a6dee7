//! Measures a server: `authgate-bench --server target/release/authgate`.
//!
//! Figures of one run belong together: a machine that does other work is slower for all of them. To compare two builds, let
//! both run by turns with `--against`, and look at the ratio.

mod connection;
mod limits;
mod load;
mod operation;
mod resources;
mod server;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use clap::Parser;
use tokio::task::LocalSet;

use connection::Failure;
use load::{Load, Measured};
use operation::{Operation, Scene};
use server::{Installation, Server};

/// Load for an Authgate server, and what it costs.
#[derive(Parser)]
struct Arguments {
    /// The program to measure
    #[arg(long, default_value = "target/release/authgate")]
    server: PathBuf,
    /// Another build to compare with, by turns
    #[arg(long)]
    against: Option<PathBuf>,
    /// Connections that ask at once; repeatable
    #[arg(long = "connections", default_values_t = [8, 32, 64])]
    connections: Vec<usize>,
    /// Seconds for each figure
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// Rounds of each figure when two builds are compared
    #[arg(long, default_value_t = 2)]
    rounds: usize,
    /// Rows of tokens that are in the store before
    #[arg(long, default_value_t = 0)]
    rows: usize,
    /// Measure memory, disk and start instead
    #[arg(long)]
    resources: bool,
    /// Serve one answer with the library alone; for the generator itself
    #[arg(long, hide = true)]
    bare: bool,
    /// Operations to measure; all of them if none is named
    operations: Vec<String>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.bare {
        let served = actix_web::rt::System::new().block_on(limits::serve_bare());
        return if served.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let done = runtime
        .map_err(Failure::from)
        .and_then(|runtime| LocalSet::new().block_on(&runtime, measure(&arguments)));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("authgate-bench: {failure}");
            ExitCode::FAILURE
        }
    }
}

async fn measure(arguments: &Arguments) -> Result<(), Failure> {
    if arguments.resources {
        return resources::print(&arguments.server).await;
    }
    let operations = chosen(&arguments.operations)?;
    limits::print(Path::new("."))?;
    let bare = limits::bare()?;
    println!();
    println!(
        "{:<20} {:>3} {:>9} {:>8} {:>6} {:>8} {:>8}  against",
        "operation", "c", "ops/s", "CPU us", "aim", "p50 ms", "p99 ms"
    );
    for &connections in &arguments.connections {
        let scene = Rc::new(Scene::default());
        let measured = load::run(Operation::Bare, arguments.load(connections), scene, &bare).await?;
        row(Operation::Bare, connections, &measured, None);
    }
    for operation in operations {
        let ours = Running::start(&arguments.server, operation, arguments.rows).await?;
        let theirs = match &arguments.against {
            Some(program) => Some(Running::start(program, operation, arguments.rows).await?),
            None => None,
        };
        for &connections in
            arguments.connections.iter().filter(|connections| **connections <= operation.most())
        {
            let load = arguments.load(connections);
            let Some(theirs) = &theirs else {
                row(operation, connections, &ours.run(operation, load).await?, None);
                continue;
            };
            for _ in 0..arguments.rounds {
                let measured = ours.run(operation, load).await?;
                row(operation, connections, &measured, Some(&theirs.run(operation, load).await?));
            }
        }
    }
    Ok(())
}

impl Arguments {
    fn load(&self, connections: usize) -> Load {
        Load { connections, warm_up: Duration::from_secs(1), time: Duration::from_secs(self.seconds) }
    }
}

fn chosen(names: &[String]) -> Result<Vec<Operation>, Failure> {
    if names.is_empty() {
        return Ok(Operation::ALL.to_vec());
    }
    let known = |name: &String| {
        let found = Operation::ALL.into_iter().find(|operation| operation.name() == name);
        found.ok_or_else(|| {
            format!("{name} is none of {}", Operation::ALL.map(Operation::name).join(", ")).into()
        })
    };
    names.iter().map(known).collect()
}

/// A server on a fresh store.
struct Running {
    installation: Installation,
    server: Server,
}

impl Running {
    async fn start(program: &Path, operation: Operation, rows: usize) -> Result<Self, Failure> {
        let installation = Installation::make(program)?;
        if rows > 0 {
            installation.add_rows(rows)?;
        }
        let server = installation.serve(operation.settings()).await?;
        Ok(Self { installation, server })
    }

    async fn run(&self, operation: Operation, load: Load) -> Result<Measured, Failure> {
        let scene = Scene::set(operation, &self.installation, &self.server).await?;
        load::run(operation, load, Rc::new(scene), &self.server).await
    }
}

fn row(operation: Operation, connections: usize, ours: &Measured, theirs: Option<&Measured>) {
    let aim = if connections <= 8 { operation.aim().0 } else { operation.aim().1 };
    let against = theirs.map_or_else(String::new, |theirs| {
        format!("rate x{:.2}, CPU x{:.2}", ours.rate() / theirs.rate(), ours.cpu_us() / theirs.cpu_us())
    });
    println!(
        "{:<20} {connections:>3} {:>9.0} {:>8.1} {aim:>6} {:>8.2} {:>8.2}  {against}",
        operation.name(),
        ours.rate(),
        ours.cpu_us(),
        ours.percentile(50),
        ours.percentile(99),
    );
}
