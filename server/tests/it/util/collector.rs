//! A collector of traces.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use actix_web::web::{Bytes, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;

/// It takes everything that is posted.
pub struct Collector {
    /// Where it listens.
    pub uri: String,
    taken: Arc<Mutex<Vec<Taken>>>,
}

/// One request.
#[derive(Clone)]
pub struct Taken {
    /// Where it was posted.
    pub path: String,
    /// The header `api-key`.
    pub key: Option<String>,
    /// As it came.
    pub body: Bytes,
}

async fn take(taken: Data<Mutex<Vec<Taken>>>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let key = request.headers().get("api-key").map(|key| key.to_str().unwrap().to_owned());
    taken.lock().unwrap().push(Taken { path: request.path().to_owned(), key, body });
    HttpResponse::Ok().content_type("application/x-protobuf").finish()
}

impl Collector {
    /// Starts it.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let uri = format!("http://{}", listener.local_addr().unwrap());
        let taken = Arc::new(Mutex::new(Vec::new()));
        let shared = Data::from(Arc::clone(&taken));
        let server =
            HttpServer::new(move || App::new().app_data(shared.clone()).default_service(web::to(take)));
        actix_web::rt::spawn(server.workers(1).disable_signals().listen(listener).unwrap().run());
        Self { uri, taken }
    }

    /// What was posted so far.
    pub fn taken(&self) -> Vec<Taken> {
        self.taken.lock().unwrap().clone()
    }

    /// The batches of traces among it.
    pub fn batches(&self) -> Vec<Taken> {
        self.taken().into_iter().filter(|taken| taken.path == "/v1/traces").collect()
    }

    /// What they say.
    pub fn requests(&self) -> Vec<ExportTraceServiceRequest> {
        self.batches()
            .into_iter()
            .map(|taken| ExportTraceServiceRequest::decode(taken.body).unwrap())
            .collect()
    }

    /// The spans in them.
    pub fn spans(&self) -> Vec<Span> {
        let resources = self.requests().into_iter().flat_map(|request| request.resource_spans);
        resources.flat_map(|resource| resource.scope_spans).flat_map(|scope| scope.spans).collect()
    }
}

/// Attributes by name, values as they print.
pub fn attributes(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    use opentelemetry_proto::tonic::common::v1::any_value::Value;
    let text = |value: Option<Value>| match value {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    };
    let pair = |pair: &KeyValue| (pair.key.clone(), text(pair.value.clone().and_then(|value| value.value)));
    attributes.iter().map(pair).collect()
}
