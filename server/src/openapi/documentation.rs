//! This description, where the operator switched it on.

use super::answer;
use super::operation::{Operation, get};

/// What the files are: the page, the document, script and style.
const KINDS: [&str; 4] = ["text/html", "application/json", "text/javascript", "text/css"];

/// The same below both addresses.
pub fn operations() -> Vec<Operation> {
    let both = [
        ("/swagger", "swagger", "/swagger/{file}", "swaggerFile"),
        ("/api/swagger", "apiSwagger", "/api/swagger/{file}", "apiSwaggerFile"),
    ];
    let two = |(base, base_id, file, file_id)| {
        [
            get(base, base_id, "On to the page")
                .says("Only with `ENABLE_SWAGGER=true`.")
                .answers(302, answer::redirect("To `/swagger/index.html`."))
                .answers(404, answer::not_found()),
            get(file, file_id, "A page to try this API out")
                .says(
                    "`index.html` is the page, `doc.json` is this document. Only with `ENABLE_SWAGGER=true`.",
                )
                .named("file", "A file of the page.")
                .answers(200, answer::file(&KINDS, "The file."))
                .answers(302, answer::redirect("Without a name, to `/swagger/index.html`."))
                .answers(404, answer::not_found()),
        ]
    };
    both.into_iter().flat_map(two).collect()
}
