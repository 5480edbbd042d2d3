//! The fields of a record of CSV, as RFC 4180 has them, and nothing else.
//!
//! The crate `csv` reads a wrong quotation mark as part of a field: an account would be imported
//! under another name than its owner has. Here it is an error of that line.

/// The beginning of a text.
pub(super) enum Record {
    /// These fields.
    Whole(Vec<String>),
    /// A quotation mark is open at the end: the record goes on in the next line.
    Open,
    /// Not CSV.
    Wrong(&'static str),
}

/// Takes a record apart.
pub(super) fn record(text: &str) -> Record {
    let mut fields = Vec::new();
    let mut rest = text;
    loop {
        let (field, after) = if let Some(quoted) = rest.strip_prefix('"') {
            match quoted_field(quoted) {
                Ok(Some(found)) => found,
                Ok(None) => return Record::Open,
                Err(fault) => return Record::Wrong(fault),
            }
        } else {
            let end = rest.find(',').unwrap_or(rest.len());
            (rest[..end].to_owned(), &rest[end..])
        };
        fields.push(field);
        match after.strip_prefix(',') {
            Some(more) => rest = more,
            None => return Record::Whole(fields),
        }
    }
}

/// A field after its first quotation mark, and what follows; `None`: it is not closed.
fn quoted_field(text: &str) -> Result<Option<(String, &str)>, &'static str> {
    let mut field = String::new();
    let mut rest = text;
    loop {
        let Some((part, after)) = rest.split_once('"') else { return Ok(None) };
        field.push_str(part);
        match after.strip_prefix('"') {
            Some(more) => {
                field.push('"');
                rest = more;
            }
            None if after.is_empty() || after.starts_with(',') => {
                return Ok(Some((field, after)));
            }
            None => {
                return Err("a comma has to follow the quotation mark that ends a field; write \
                            a quotation mark within it twice");
            }
        }
    }
}
