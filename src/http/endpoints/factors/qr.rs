//! QR codes as SVG.

use qrcode::render::svg::Color;
use qrcode::{EcLevel, QrCode};

use crate::http::response::error::Problem;

/// The side of the picture, in pixels.
const SIDE: u32 = 240;

/// The QR code of a text as an element of a page, which names no namespace.
pub(super) fn element(text: &str) -> Result<String, Problem> {
    Ok(svg(text)?.replacen(" xmlns=\"http://www.w3.org/2000/svg\"", "", 1))
}

/// The QR code of a text, as an SVG element without a prologue. Black on white in every theme,
/// because apps do not read it otherwise.
pub(super) fn svg(text: &str) -> Result<String, Problem> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).map_err(|error| {
        tracing::error!(%error, "could not make a QR code");
        Problem::internal()
    })?;
    let picture = code.render::<Color<'_>>().min_dimensions(SIDE, SIDE).build();
    let begins = picture.find("<svg").unwrap_or_default();
    Ok(picture.get(begins..).unwrap_or_default().to_owned())
}
