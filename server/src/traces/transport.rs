//! The HTTP client of the exporter. Ours lives on one thread, which hands out its answers.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::thread;
use std::time::Duration;

use authgate_core::error::{Error, Result};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use tokio::sync::{mpsc, oneshot};

use crate::outgoing;

/// What a collector may say at most, in bytes; all that it has to say is which spans it refused.
const MAX_ANSWER: usize = 64 * 1024;

type Answer = Result<Response<Bytes>, HttpError>;
type Job = (Request<Bytes>, oneshot::Sender<Answer>);

/// The way to that thread, which ends when it is dropped.
#[derive(Debug)]
pub(super) struct Transport {
    /// One batch is under way at a time.
    jobs: mpsc::Sender<Job>,
}

impl Transport {
    pub(super) fn start(timeout: Duration) -> Result<Self> {
        let (jobs, queue) = mpsc::channel(1);
        let runtime =
            move || actix_web::rt::Runtime::new().map(|runtime| runtime.block_on(work(queue, timeout)));
        let run = move || {
            if let Err(error) = runtime() {
                tracing::error!(%error, "traces cannot be sent");
            }
        };
        thread::Builder::new().name("traces".into()).spawn(run).map_err(Error::failed)?;
        Ok(Self { jobs })
    }
}

impl HttpClient for Transport {
    fn send_bytes<'client, 'answer>(
        &'client self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Answer> + Send + 'answer>>
    where
        'client: 'answer,
        Self: 'answer,
    {
        Box::pin(async move {
            let (reply, answer) = oneshot::channel();
            let gone = || io::Error::other("the thread that sends traces has ended");
            self.jobs.send((request, reply)).await.map_err(|_| gone())?;
            answer.await.map_err(|_| gone())?
        })
    }
}

async fn work(mut queue: mpsc::Receiver<Job>, timeout: Duration) {
    let http = match outgoing::tls() {
        Ok(tls) => outgoing::client(tls, timeout),
        Err(error) => return tracing::error!(%error, "traces cannot be sent"),
    };
    while let Some((request, reply)) = queue.recv().await {
        // Whoever waited may have lost patience.
        drop(reply.send(send(&http, request).await));
    }
}

async fn send(http: &awc::Client, request: Request<Bytes>) -> Answer {
    let mut sent = http.post(request.uri().to_string());
    for (name, value) in request.headers() {
        sent = sent.insert_header((name.as_str(), value.as_bytes()));
    }
    let mut answer = sent.send_body(request.into_body()).await.map_err(|error| error.to_string())?;
    let body = answer.body().limit(MAX_ANSWER).await?;
    Ok(Response::builder().status(answer.status().as_u16()).body(body)?)
}
