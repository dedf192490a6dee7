//! What the pages link to, embedded in the binary.

use authgate_core::secret::sha256;

const STYLESHEET: &[u8] = include_bytes!("../../assets/main.css");
const FORM_POST: &[u8] = include_bytes!("../../assets/form-post.js");
const FAVICON: &[u8] = include_bytes!("../../assets/favicon.ico");
const ICON: &[u8] = include_bytes!("../../assets/icon.svg");
const SWAGGER_PAGE: &[u8] = include_bytes!("../../assets/swagger-ui/index.html");
const SWAGGER_START: &[u8] = include_bytes!("../../assets/swagger-ui/start.js");
const SWAGGER_SCRIPT: &[u8] = include_bytes!("../../assets/swagger-ui/swagger-ui-bundle.js.gz");
const SWAGGER_STYLE: &[u8] = include_bytes!("../../assets/swagger-ui/swagger-ui.css.gz");

/// A file that anybody may fetch.
#[derive(Clone, Debug)]
pub struct Asset {
    /// The path of its URL.
    pub path: String,
    /// Its media type.
    pub content_type: &'static str,
    /// Its content.
    pub bytes: &'static [u8],
    /// True if the path changes with the content, so that caches may keep it for ever.
    pub immutable: bool,
    /// True if the content is compressed by gzip: megabytes of script, which every browser takes that way.
    pub compressed: bool,
}

/// Every asset; the stylesheet is the first, the script of form_post the second.
pub(super) fn table() -> Vec<Asset> {
    // 16 characters are 96 bits: enough that two versions of the file never meet.
    let hashed = |name: &str, ending: &str, content_type, bytes| Asset {
        path: format!("/static/dist/{name}-{}.{ending}", &sha256(bytes)[..16]),
        content_type,
        bytes,
        immutable: true,
        compressed: false,
    };
    let fixed = |path: &str, content_type, bytes| Asset {
        path: path.into(),
        content_type,
        bytes,
        immutable: false,
        compressed: false,
    };
    let compressed =
        |path, content_type, bytes| Asset { compressed: true, ..fixed(path, content_type, bytes) };
    vec![
        hashed("main", "css", "text/css; charset=utf-8", STYLESHEET),
        hashed("form-post", "js", "text/javascript; charset=utf-8", FORM_POST),
        fixed("/favicon.ico", "image/x-icon", FAVICON),
        fixed("/static/images/favicon.ico", "image/x-icon", FAVICON),
        fixed("/static/images/icon.svg", "image/svg+xml", ICON),
        fixed("/swagger/index.html", "text/html; charset=utf-8", SWAGGER_PAGE),
        fixed("/swagger/start.js", "text/javascript; charset=utf-8", SWAGGER_START),
        compressed("/swagger/swagger-ui-bundle.js", "text/javascript; charset=utf-8", SWAGGER_SCRIPT),
        compressed("/swagger/swagger-ui.css", "text/css; charset=utf-8", SWAGGER_STYLE),
    ]
}
