//! One URL and the methods it answers.

use actix_web::dev::{AppService, HttpServiceFactory};
use actix_web::http::Method;
use actix_web::middleware::from_fn;
use actix_web::{FromRequest, Handler, HttpRequest, Resource, Responder, guard, web};

#[cfg(debug_assertions)]
use super::failpoint::armed;
use super::unmatched;
use crate::metrics::Route;
use crate::middleware::cors;

#[cfg(not(debug_assertions))]
fn armed(route: actix_web::Route) -> actix_web::Route {
    route
}

/// A URL under construction; hand it to [`super::Routes`].
pub struct Endpoint {
    path: String,
    resource: Resource,
    methods: Vec<Method>,
    is_page: bool,
    is_cross_origin: bool,
}

/// The endpoint at `path`, which is a pattern of actix-web's router.
pub fn at(path: &str) -> Endpoint {
    Endpoint {
        path: path.to_owned(),
        resource: web::resource(path).app_data(Route::at(path)),
        methods: Vec::new(),
        is_page: false,
        is_cross_origin: false,
    }
}

impl Endpoint {
    /// The pattern it was made from.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The methods it answers.
    pub fn methods(&self) -> &[Method] {
        &self.methods
    }

    /// Answers GET and HEAD.
    #[must_use]
    pub fn get<F, Args>(mut self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        let either = guard::Any(guard::Get()).or(guard::Head());
        self.resource = self.resource.route(armed(web::route().guard(either).to(handler)));
        self.methods.extend([Method::GET, Method::HEAD]);
        self
    }

    /// Answers POST.
    #[must_use]
    pub fn post<F, Args>(mut self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.resource = self.resource.route(armed(web::post().to(handler)));
        self.methods.push(Method::POST);
        self
    }

    /// Answers PUT.
    #[must_use]
    pub fn put<F, Args>(mut self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.resource = self.resource.route(armed(web::put().to(handler)));
        self.methods.push(Method::PUT);
        self
    }

    /// Answers DELETE.
    #[must_use]
    pub fn delete<F, Args>(mut self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.resource = self.resource.route(armed(web::delete().to(handler)));
        self.methods.push(Method::DELETE);
        self
    }

    /// Says that people open this URL: other methods are answered with a page.
    #[must_use]
    pub fn page(self) -> Self {
        Self { is_page: true, ..self }
    }

    /// Lets pages of other origins call it, as far as the operator allows (deviation D43).
    #[must_use]
    pub fn cross_origin(self) -> Self {
        Self { is_cross_origin: true, ..self }
    }

    /// Other methods are 405 with `Allow` (RFC 9110 15.5.6, deviation D40).
    fn finished(self) -> Resource {
        let (methods, is_page) = (self.methods, self.is_page);
        self.resource.default_service(web::to(move |request: HttpRequest| {
            std::future::ready(unmatched::method_not_allowed(&request, &methods, is_page))
        }))
    }
}

impl HttpServiceFactory for Endpoint {
    fn register(self, config: &mut AppService) {
        if self.is_cross_origin {
            self.finished().wrap(from_fn(cors::cross_origin)).register(config);
        } else {
            self.finished().register(config);
        }
    }
}
