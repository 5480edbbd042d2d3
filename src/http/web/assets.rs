//! Assets of the pages, embedded in the program.
//!
//! Each URL contains a part of the digest of its content, so browsers can cache it without limit.

use std::fmt::Write as _;
use std::sync::LazyLock;

use axum::http::{HeaderValue, Uri, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest as _, Sha256};

use crate::http::response::error::Problem;
use crate::http::routes::APPLICATION_AREA;

/// One embedded file.
#[derive(Debug)]
pub(crate) struct Asset {
    /// Its URL path, for example `/assets/style.0123456789ab.css`.
    pub(crate) path: String,
    /// Its media type.
    pub(crate) content_type: &'static str,
    /// Its content.
    pub(crate) bytes: Vec<u8>,
}

/// Lets browsers and proxies keep an asset for a year without asking again.
pub(crate) const CACHE_CONTROL: &str = "public, max-age=31536000, immutable";

static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    asset("style", "css", "text/css; charset=utf-8", compact(include_str!("assets/style.css")))
});

static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    asset("live", "js", "text/javascript; charset=utf-8", compact(include_str!("assets/live.js")))
});

static PASSKEYS: LazyLock<Asset> = LazyLock::new(|| {
    let source = compact(include_str!("assets/passkeys.js"));
    asset("passkeys", "js", "text/javascript; charset=utf-8", source)
});

static FAVICON: LazyLock<Asset> = LazyLock::new(|| {
    asset("favicon", "svg", "image/svg+xml", include_bytes!("assets/favicon.svg").to_vec())
});

/// The asset at this URL path. One of another release is not here: its caller answers 404.
#[must_use]
pub(crate) fn find(path: &str) -> Option<&'static Asset> {
    [&*STYLE, &*SCRIPT, &*PASSKEYS, &*FAVICON].into_iter().find(|asset| asset.path == path)
}

/// The URL path of the style sheet.
#[must_use]
pub(crate) fn path_of_style() -> &'static str {
    &STYLE.path
}

/// The URL path of the script.
#[must_use]
pub(crate) fn path_of_script() -> &'static str {
    &SCRIPT.path
}

/// The URL path of the script for passkeys.
#[must_use]
pub(crate) fn path_of_passkeys() -> &'static str {
    &PASSKEYS.path
}

/// The URL path of the icon.
#[must_use]
pub(crate) fn path_of_favicon() -> &'static str {
    &FAVICON.path
}

/// `GET /assets/…`: an embedded file, cacheable without a time limit under its URL.
pub(in crate::http) async fn serve(uri: Uri) -> Response {
    let Some(asset) = find(uri.path()) else {
        return Problem::not_found().into_response();
    };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(asset.content_type)),
        (header::CACHE_CONTROL, HeaderValue::from_static(CACHE_CONTROL)),
    ];
    (headers, asset.bytes.as_slice()).into_response()
}

/// `GET /.anteroom/assets/…`: as [`serve`], at the host of an application.
pub(in crate::http) async fn serve_at_application(uri: Uri) -> Response {
    let path = uri.path().strip_prefix(APPLICATION_AREA).unwrap_or_default();
    match path.parse() {
        Ok(own) => serve(own).await,
        Err(_) => Problem::not_found().into_response(),
    }
}

/// The source without what browsers do not need: indentation, empty lines, and comments that fill a
/// line.
fn compact(source: &str) -> Vec<u8> {
    let is_comment =
        |line: &str| line.starts_with("//") || (line.starts_with("/*") && line.ends_with("*/"));
    let lines = source.lines().map(str::trim);
    let needed = lines.filter(|line| !line.is_empty() && !is_comment(line));
    needed.flat_map(|line| [line, "\n"]).collect::<String>().into_bytes()
}

fn asset(name: &str, extension: &str, content_type: &'static str, bytes: Vec<u8>) -> Asset {
    let mut path = format!("/assets/{name}.");
    for byte in Sha256::digest(&bytes).iter().take(6) {
        // Writing to a string cannot fail.
        let _ = write!(path, "{byte:02x}");
    }
    let _ = write!(path, ".{extension}");
    Asset { path, content_type, bytes }
}

#[cfg(test)]
mod tests;
