//! One method of one URL.

use utoipa::openapi::path::{HttpMethod, OperationBuilder, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{Content, Ref, Required};

use super::answer::{HEADERS_TOO_LARGE, Refusal, TARGET_TOO_LONG};
use super::field::{Field, object};

/// What a form is sent as.
pub const FORM: &str = "application/x-www-form-urlencoded";
/// What JSON is sent as.
pub const JSON: &str = "application/json";

/// An operation under construction.
pub struct Operation {
    path: &'static str,
    method: HttpMethod,
    builder: OperationBuilder,
    body: Option<RequestBodyBuilder>,
}

/// GET; `id` names the operation in generated clients.
pub fn get(path: &'static str, id: &str, summary: &str) -> Operation {
    Operation::new(HttpMethod::Get, path, id, summary)
}

/// POST.
pub fn post(path: &'static str, id: &str, summary: &str) -> Operation {
    Operation::new(HttpMethod::Post, path, id, summary)
}

/// PUT.
pub fn put(path: &'static str, id: &str, summary: &str) -> Operation {
    Operation::new(HttpMethod::Put, path, id, summary)
}

/// DELETE.
pub fn delete(path: &'static str, id: &str, summary: &str) -> Operation {
    Operation::new(HttpMethod::Delete, path, id, summary)
}

impl Operation {
    fn new(method: HttpMethod, path: &'static str, id: &str, summary: &str) -> Self {
        let builder = OperationBuilder::new().operation_id(Some(id)).summary(Some(summary));
        // A head that is too large is refused before anybody looks at the path.
        Self { path, method, builder, body: None }.refuses(&[TARGET_TOO_LONG, HEADERS_TOO_LARGE])
    }

    /// More than the summary.
    pub fn says(self, words: &str) -> Self {
        Self { builder: self.builder.description(Some(words)), ..self }
    }

    /// A part of the path.
    pub fn named(self, name: &str, words: &str) -> Self {
        let part = ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Path)
            .required(Required::True)
            .description(Some(words))
            .schema(Some(utoipa::openapi::schema::Object::with_type(utoipa::openapi::Type::String)));
        Self { builder: self.builder.parameter(part), ..self }
    }

    /// Parameters of the query.
    pub fn query(mut self, fields: impl IntoIterator<Item = Field>) -> Self {
        for Field { name, words, required, schema } in fields {
            let parameter = ParameterBuilder::new()
                .name(name)
                .parameter_in(ParameterIn::Query)
                .required(if required { Required::True } else { Required::False })
                .description(Some(words))
                .schema(Some(schema));
            self.builder = self.builder.parameter(parameter);
        }
        self
    }

    /// Parameters of a form in the body.
    pub fn form(self, fields: impl IntoIterator<Item = Field>) -> Self {
        self.body(FORM, Content::new(Some(object("The parameters of the form.", fields))))
    }

    /// JSON in the body, as a schema of the components describes it.
    pub fn json(self, schema: &str) -> Self {
        self.body(JSON, Content::new(Some(Ref::from_schema_name(schema))))
    }

    fn body(self, media_type: &str, content: Content) -> Self {
        let body = self.body.unwrap_or_default().required(Some(Required::True));
        Self { body: Some(body.content(media_type, content)), ..self }
    }

    /// Any of these schemes; an empty name is none at all.
    pub fn secured(mut self, schemes: &[&str]) -> Self {
        for scheme in schemes {
            let requirement = match *scheme {
                "" => SecurityRequirement::default(),
                name => SecurityRequirement::new(name, [] as [&str; 0]),
            };
            self.builder = self.builder.security(requirement);
        }
        self
    }

    /// An answer of its own.
    pub fn answers(self, status: u16, answer: ResponseBuilder) -> Self {
        Self { builder: self.builder.response(status.to_string(), answer), ..self }
    }

    /// Answers that several operations share.
    pub fn refuses(mut self, refusals: &[Refusal]) -> Self {
        for refusal in refusals {
            let shared = Ref::from_response_name(refusal.name);
            self.builder = self.builder.response(refusal.status.to_string(), shared);
        }
        self
    }

    /// Path, method and description, in the group `tag`.
    pub fn finish(self, tag: &str) -> (&'static str, HttpMethod, OperationBuilder) {
        let body = self.body.map(RequestBodyBuilder::build);
        (self.path, self.method, self.builder.tag(tag).request_body(body))
    }
}
