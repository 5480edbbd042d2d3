//! Files that hold one secret each, as container platforms and systemd provide them.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// Maximum length of a secret in bytes.
const MAX_BYTES: u64 = 64 * 1024;

/// Reads a secret without trailing line ends, which most editors add.
///
/// # Errors
/// The failure and the remedy, without the contents of the file.
pub(super) fn read(path: &Path) -> Result<String, String> {
    let bytes = bytes(path)
        .map_err(|error| format!("cannot read the file ({error}); name a readable file"))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err("the file is longer than 64 KiB; name a file that holds one secret".to_owned());
    }
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&bytes);
    let text = std::str::from_utf8(bytes)
        .map_err(|_| "the file is not UTF-8; save it as UTF-8".to_owned())?;
    let text = text.trim_end_matches(['\r', '\n']);
    if text.trim().is_empty() {
        return Err("the file is empty; write the secret into it".to_owned());
    }
    Ok(text.to_owned())
}

fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The path, for an error message. A secret that was set instead of a path is left out.
pub(super) fn shown_path(path: &Path) -> String {
    let text = path.to_string_lossy();
    let is_path = (text.starts_with('/') || text.starts_with('.')) && !text.contains("://");
    if is_path || path.exists() { format!(" = {text:?}") } else { String::new() }
}
