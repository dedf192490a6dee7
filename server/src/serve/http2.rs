//! One HTTP/2 connection (RFC 9113): bounded streams and heads, a farewell when the server stops, and an end when it idles.

use futures_util::future::{Either, select};
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use actix_http::body::{BodySize, BoxBody, MessageBody as _};
use actix_http::error::PayloadError;
use actix_http::{Payload, Request, Response};
use actix_service::Service;
use actix_web::http::header::{
    CONNECTION, CONTENT_LENGTH, DATE, Date, TRANSFER_ENCODING, TryIntoHeaderValue as _, UPGRADE,
};
use actix_web::http::{Method, StatusCode};
use actix_web::web::Bytes;
use futures_util::stream::{FuturesUnordered, Stream, StreamExt as _, try_unfold};
use h2::server::{Builder, SendResponse};
use h2::{RecvStream, SendStream};
use tokio::time::{Instant, sleep, timeout};

use super::patient::Patient;
use crate::app::Timeouts;

/// How long a peer with nothing under way may take to notice that the connection ends.
const GOODBYE: Duration = Duration::from_secs(1);
/// Requests that run on one connection at most: what browsers and proxies expect (RFC 9113 6.5.2 recommends no fewer).
const MAX_STREAMS: u32 = 100;
/// Bytes of a head at most, counted as RFC 9113 6.5.2 does, with 32 for each field: the target and headers that
/// [`crate::middleware`] allows fit. More is answered 431 without being kept.
const MAX_HEAD: u32 = 48 * 1024;
/// Bytes that may come before a handler has taken them: a request's largest body on each stream, four on the connection.
const WINDOW: u32 = 64 * 1024;

type Problem = Box<dyn std::error::Error>;

/// Answers until the peer leaves, takes too long, or the server stops.
pub async fn serve<S>(
    stream: Patient,
    peer: SocketAddr,
    service: Rc<S>,
    timeouts: Timeouts,
    stopping: impl Future<Output = ()>,
) where
    S: Service<Request, Response: Into<Response<BoxBody>>, Error: Into<Response<BoxBody>>>,
{
    let handshake = Builder::new()
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(MAX_HEAD)
        .initial_window_size(WINDOW)
        .initial_connection_window_size(4 * WINDOW)
        .handshake(stream);
    let mut stopping = pin!(stopping);
    let handshake = pin!(timeout(timeouts.head, handshake));
    let Either::Left((Ok(Ok(mut connection)), _)) = select(handshake, stopping.as_mut()).await else {
        return;
    };
    let mut answers = FuturesUnordered::new();
    let mut idle = pin!(sleep(timeouts.keep_alive));
    let mut leaving = false;
    poll_fn(|cx| {
        loop {
            match connection.poll_accept(cx) {
                Poll::Ready(Some(Ok((request, respond)))) => {
                    answers.push(answer(service.as_ref(), peer, request, respond, timeouts.write));
                    continue;
                }
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => {}
            }
            // What an answer sends wakes this task again, which then writes it.
            while let Poll::Ready(Some(())) = answers.poll_next_unpin(cx) {}
            if !answers.is_empty() {
                idle.as_mut().reset(Instant::now() + if leaving { GOODBYE } else { timeouts.keep_alive });
            }
            let is_over = idle.as_mut().poll(cx).is_ready();
            if leaving {
                return if is_over { Poll::Ready(()) } else { Poll::Pending };
            }
            if !is_over && stopping.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            // GOAWAY: what runs is finished, nothing new begins (6.8). Whoever does not take it is cut off.
            connection.graceful_shutdown();
            idle.as_mut().reset(Instant::now() + GOODBYE);
            leaving = true;
        }
    })
    .await;
}

async fn answer<S>(
    service: &S,
    peer: SocketAddr,
    request: http::Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    patience: Duration,
) where
    S: Service<Request, Response: Into<Response<BoxBody>>, Error: Into<Response<BoxBody>>>,
{
    let is_head = request.method() == Method::HEAD;
    let response = service.call(taken(request, peer)).await.map_or_else(Into::into, Into::into);
    if let Err(problem) = send(response, &mut respond, is_head, patience).await {
        // The peer has gone, or lost interest.
        tracing::debug!(problem, "an answer did not arrive");
    }
}

/// The request as handlers know it.
fn taken(request: http::Request<RecvStream>, peer: SocketAddr) -> Request {
    let (parts, body) = request.into_parts();
    let mut request = Request::with_payload(Payload::Stream { payload: Box::pin(chunks(body)) as _ });
    let head = request.head_mut();
    head.method = parts.method;
    head.uri = parts.uri;
    head.version = parts.version;
    head.headers = parts.headers.into();
    head.peer_addr = Some(peer);
    request
}

fn chunks(body: RecvStream) -> impl Stream<Item = Result<Bytes, PayloadError>> {
    try_unfold(body, |mut body| async move {
        let Some(chunk) = body.data().await.transpose()? else { return Ok(None) };
        body.flow_control().release_capacity(chunk.len())?;
        Ok(Some((chunk, body)))
    })
}

async fn send(
    response: Response<BoxBody>,
    respond: &mut SendResponse<Bytes>,
    is_head: bool,
    patience: Duration,
) -> Result<(), Problem> {
    let (response, body) = response.into_parts();
    let size = body.size();
    let mut stream = respond.send_response(head(&response, size), is_head || size.is_eof())?;
    if is_head || size.is_eof() {
        return Ok(());
    }
    let mut body = pin!(body);
    while let Some(chunk) = poll_fn(|cx| body.as_mut().poll_next(cx)).await {
        let mut chunk = chunk.map_err(|error| error.to_string())?;
        while !chunk.is_empty() {
            stream.reserve_capacity(chunk.len());
            let room = timeout(patience, room(&mut stream)).await??;
            stream.send_data(chunk.split_to(room.min(chunk.len())), false)?;
        }
    }
    Ok(stream.send_data(Bytes::new(), true)?)
}

/// How much the peer is ready to take, once it is.
async fn room(stream: &mut SendStream<Bytes>) -> Result<usize, Problem> {
    let room = poll_fn(|cx| stream.poll_capacity(cx)).await;
    Ok(room.ok_or("the stream is closed")??)
}

/// Without what is about the connection (RFC 9113 8.2.2).
fn head(response: &Response<()>, size: BodySize) -> http::Response<()> {
    let mut head = http::Response::new(());
    *head.status_mut() = response.status();
    let of_connection = |name| [CONNECTION, TRANSFER_ENCODING, UPGRADE, CONTENT_LENGTH].contains(name);
    for (name, value) in response.headers().iter().filter(|(name, _)| !of_connection(name)) {
        head.headers_mut().append(name, value.clone());
    }
    // These have no body, whose length would be none (RFC 9110 8.6).
    let is_bare = [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED].contains(&response.status());
    if let BodySize::Sized(bytes) = size
        && !is_bare
    {
        head.headers_mut().insert(CONTENT_LENGTH, bytes.into());
    }
    if let Ok(now) = Date::now().try_into_value() {
        head.headers_mut().insert(DATE, now);
    }
    head
}
