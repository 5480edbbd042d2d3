//! `Content-Type`: what a body is, and that its text is UTF-8.

/// The media type without its parameters; `None` where they name another charset than UTF-8, name
/// it twice, or are no parameters. Others are passed over.
pub(in crate::http) fn utf8_essence(value: &str) -> Option<&str> {
    let (essence, mut rest) = value.split_once(';').unwrap_or((value, ""));
    let mut is_named = false;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ';']);
        if rest.is_empty() {
            return Some(essence.trim());
        }
        let (name, after) = rest.split_once('=').filter(|(name, _)| !name.contains(';'))?;
        let (text, after) = parameter(after)?;
        if name.trim().eq_ignore_ascii_case("charset") {
            let is_utf8 = ["utf-8", "utf8"].iter().any(|utf8| utf8.eq_ignore_ascii_case(&text));
            if is_named || !is_utf8 {
                return None;
            }
            is_named = true;
        }
        rest = after;
    }
}

/// The value of a parameter, a word or a quoted string, and what comes after it.
fn parameter(text: &str) -> Option<(String, &str)> {
    let text = text.trim_start();
    let Some(quoted) = text.strip_prefix('"') else {
        let (word, after) = text.split_once(';').unwrap_or((text, ""));
        return Some((word.trim().to_owned(), after));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => {
                let after = quoted[at + 1..].trim_start();
                return (after.is_empty() || after.starts_with(';')).then_some((value, after));
            }
            '\\' => value.push(characters.next()?.1),
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::utf8_essence;

    #[test]
    fn every_spelling_of_utf_8_is_taken() {
        for parameters in [
            "",
            ";",
            "; ",
            "; ;",
            ";charset=utf-8",
            "; charset=UTF-8",
            " ; CHARSET=Utf8",
            "; charset=\"utf-8\"",
            "; charset=\"utf\\-8\" ;",
            "; charset = utf-8",
            "; boundary=x; charset=utf-8; profile=\"a;charset=utf-16\"",
            "; profile=\"\\\";charset=utf-16\"",
        ] {
            let value = format!("application/json{parameters}");
            assert_eq!(utf8_essence(&value), Some("application/json"), "{value}");
        }
    }

    #[test]
    fn any_other_charset_is_refused_and_so_is_what_cannot_be_read() {
        for parameters in [
            ";charset=utf-16",
            "; charset=\"utf-16\"",
            "; charset=utf-16le",
            "; charset=iso-8859-1",
            "; charset=us-ascii",
            "; charset=euc-kr",
            "; charset=",
            "; charset=\"\"",
            "; charset",
            "; x; charset=utf-16",
            "; charset=utf-8; charset=utf-16",
            "; charset=utf-16; charset=utf-8",
            "; charset=utf-8; Charset=utf-8",
            "; charset=utf-8 utf-16",
            "; charset=utf-8, text/plain",
            "; charset='utf-8'",
            "; charset=\"utf-8",
            "; charset=\"utf-8\"x",
            "; x=\"y\"charset=utf-16",
            "; x=y; charset=utf-7",
            "; charset=utf-8-sig",
        ] {
            let value = format!("application/json{parameters}");
            assert_eq!(utf8_essence(&value), None, "{value}");
        }
    }
}
