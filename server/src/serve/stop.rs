//! The end of a server: what others wait for first, what they rely on last.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use authgate_core::error::{Error, Result};
use authgate_core::recovery;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::Running;
use super::task::Tasks;
use crate::app::App;

/// Stops HTTP within `SERVER_SHUTDOWN_TIMEOUT`, then the tasks; then every event comes to the database within
/// `AUDIT_SHUTDOWN_TIMEOUT`, or waits on disk for the next process; then the database hears within `DB_CLOSE_TIMEOUT` that
/// nothing was lost. The actors end with the process; what they were asked to write is committed by then.
pub(super) async fn stop(app: Arc<App>, running: Running, tasks: Tasks<Arc<App>>) -> Result<()> {
    app.drain();
    running.stop().await;
    drop(tasks);
    let limit = app.config.server.audit_shutdown_timeout;
    let settled = async { Ok(app.audit.settle().await?) };
    let trouble = "events could not be moved to the database; they wait on disk for the next start";
    if let Err(error) = within("AUDIT_SHUTDOWN_TIMEOUT", limit, trouble, settled).await {
        tracing::error!(%error, "the audit trail is not complete yet");
    }
    let limit = app.config.database.close_timeout;
    within("DB_CLOSE_TIMEOUT", limit, "the database could not be closed", close(&app)).await
}

async fn close(app: &App) -> Result<()> {
    let now = app.context().now();
    app.issuer.write(move |tx| recovery::stopped(tx, now)).await?;
    let store = app.store.clone();
    on_thread(move || store.checkpoint()).await
}

/// The outcome of `work`, or an error that names the setting.
pub(super) async fn within<T>(
    setting: &str,
    limit: Duration,
    trouble: &str,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    let late = |_| Error::failed(format_args!("{trouble} within {setting}={limit:?}"));
    timeout(limit, work).await.map_err(late)?
}

/// Runs `work` on a thread that nobody waits for at the end of the process, unlike those of the runtime.
pub(super) async fn on_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let (sender, outcome) = oneshot::channel();
    let run = move || drop(sender.send(work()));
    thread::Builder::new().name("database".into()).spawn(run).map_err(Error::failed)?;
    outcome.await.map_err(|_| Error::failed("the thread panicked"))?
}
