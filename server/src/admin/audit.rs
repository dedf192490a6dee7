//! The audit trail for administrators: JSON, counts, and everything as a file.

mod export;
mod query;

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, HeaderValue};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use authgate_core::audit::{self, Event};
use authgate_core::error::Result;
use serde::Serialize;
use serde_json::json;

use super::Admin;
use crate::app::App;
use crate::error::ApiError;
use crate::reply;
pub use export::{Format, Writer, member};
pub use query::{Asked, SEVERITIES, moment, parse as parse_time};

/// Events of a page at most.
const MAX_PAGE: i64 = 100;
/// Seconds that counts go back if nobody says (contract).
const STATS: i64 = 30 * 86_400;

/// Where a page stands, with the contract's spelling.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Pagination {
    total: i64,
    total_pages: i64,
    current_page: i64,
    page_size: i64,
    has_prev: bool,
    has_next: bool,
    prev_page: i64,
    next_page: i64,
}

impl Pagination {
    fn of(total: i64, current_page: i64, page_size: i64) -> Self {
        let total_pages = (total + page_size - 1) / page_size;
        let (has_prev, has_next) = (current_page > 1, current_page < total_pages);
        Self {
            total,
            total_pages,
            current_page,
            page_size,
            has_prev,
            has_next,
            prev_page: if has_prev { current_page - 1 } else { current_page },
            next_page: if has_next { current_page + 1 } else { current_page },
        }
    }
}

/// `GET /admin/audit/api`.
pub async fn list(app: Data<App>, request: HttpRequest, admin: Admin) -> Result<HttpResponse, ApiError> {
    let asked = Asked::read(&request)?;
    let (page, size) =
        (asked.number("page", 1, i64::MAX / MAX_PAGE)?, asked.number("page_size", 20, MAX_PAGE)?);
    let filter = asked.filter()?;
    note(&app, &request, &admin, viewed("AUDIT_LOG_VIEWED", "Audit log viewed")).await?;
    let (entries, total) = app
        .read(move |tx| {
            let entries = audit::page(tx, &filter, None, (size, (page - 1) * size))?;
            Ok((entries, audit::count(tx, &filter)?))
        })
        .await?;
    let logs: Vec<_> = entries.iter().map(member).collect();
    Ok(reply::json(StatusCode::OK, &json!({"logs": logs, "pagination": Pagination::of(total, page, size)})))
}

/// `GET /admin/audit/api/stats`.
pub async fn stats(app: Data<App>, request: HttpRequest, admin: Admin) -> Result<HttpResponse, ApiError> {
    let now = app.context().now();
    let mut filter = Asked::read(&request)?.filter()?;
    let end = *filter.end_time.get_or_insert(now);
    let start = *filter.start_time.get_or_insert(end - STATS);
    note(&app, &request, &admin, viewed("AUDIT_LOG_VIEWED", "Audit log viewed")).await?;
    let stats = app.read(move |tx| audit::stats(tx, &filter)).await?;
    let answer = json!({"stats": stats, "start_time": moment(start), "end_time": moment(end)});
    Ok(reply::json(StatusCode::OK, &answer))
}

/// `GET /admin/audit/export`: everything that matches, newest first, as CSV, or as JSON lines with `format=jsonl`. It is
/// read while it is sent.
pub async fn export(app: Data<App>, request: HttpRequest, admin: Admin) -> Result<HttpResponse, ApiError> {
    let asked = Asked::read(&request)?;
    let (format, filter) = (asked.format()?, asked.filter()?);
    let details = json!({"filter": filter, "format": format.extension()});
    note(&app, &request, &admin, viewed("AUDIT_LOG_EXPORTED", "Audit log exported").with(details)).await?;
    let date: String = moment(app.context().now()).chars().take_while(|c| *c != 'T').collect();
    let name = format!("attachment; filename=audit_logs_{date}.{}", format.extension());
    let answer = HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, format.content_type()))
        .insert_header((CONTENT_DISPOSITION, name))
        .insert_header((CACHE_CONTROL, HeaderValue::from_static("no-store")))
        .streaming(export::stream(app, format, filter));
    Ok(answer)
}

fn viewed(kind: &'static str, action: &'static str) -> Event<'static> {
    Event::info(kind, action)
}

async fn note(app: &App, request: &HttpRequest, admin: &Admin, event: Event<'_>) -> Result<()> {
    let user = &admin.0.user;
    app.record(request, event.by(&user.id).named(&user.username)).await
}

#[cfg(test)]
mod tests {
    use super::Pagination;

    fn members(total: i64, page: i64) -> serde_json::Value {
        serde_json::to_value(Pagination::of(total, page, 20)).unwrap()
    }

    #[test]
    fn pages_are_counted_as_the_contract_spells_them() {
        assert_eq!(
            members(41, 2),
            serde_json::json!({
                "Total": 41, "TotalPages": 3, "CurrentPage": 2, "PageSize": 20, "HasPrev": true, "HasNext": true,
                "PrevPage": 1, "NextPage": 3,
            })
        );
        let only = members(0, 1);
        assert_eq!(
            (&only["HasPrev"], &only["HasNext"], &only["TotalPages"]),
            (&false.into(), &false.into(), &0.into())
        );
    }
}
