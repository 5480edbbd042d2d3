//! Reading bodies: JSON objects and forms, bounded and strict.

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use http_body_util::LengthLimitError;
use percent_encoding::percent_decode;
use serde::de::DeserializeOwned;

use crate::http::request::media_type;
use crate::http::response::error::{Code, Problem};
use crate::server::TooSlow;

/// The largest body, in bytes.
pub(crate) const LARGEST_BODY: usize = 16 * 1024;

/// How many fields a form or a query may have.
const MOST_FIELDS: usize = 64;

/// A JSON object that has exactly the fields of `T`.
pub(crate) struct JsonObject<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonObject<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        require_media_type(request.headers(), &["application/json"])?;
        let bytes = read(request.into_body()).await?;
        parse_object(&bytes).map(Self)
    }
}

/// A JSON merge patch, as `application/json` or `application/merge-patch+json`.
pub(crate) struct MergePatch(pub(crate) serde_json::Value);

impl<S: Send + Sync> FromRequest<S> for MergePatch {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let accepted = ["application/json", "application/merge-patch+json"];
        require_media_type(request.headers(), &accepted)?;
        let bytes = read(request.into_body()).await?;
        let object = parse_object::<UniqueObject>(&bytes)?;
        Ok(Self(object.0))
    }
}

/// The fields of a form. Unknown ones are passed over, repeated ones refused.
pub(crate) struct Form(Vec<(String, String)>);

impl<S: Send + Sync> FromRequest<S> for Form {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        require_media_type(request.headers(), &["application/x-www-form-urlencoded"])?;
        Self::parse(&read(request.into_body()).await?)
    }
}

impl Form {
    /// Without any field.
    pub(crate) fn none() -> Self {
        Self(Vec::new())
    }

    /// Reads `a=b&c=d`, as a body or as a query.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        let mut fields: Vec<(String, String)> = Vec::new();
        for pair in bytes.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            let end = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
            let name = decode(&pair[..end])?;
            let value = decode(pair.get(end + 1..).unwrap_or_default())?;
            if fields.iter().any(|(known, _)| *known == name) {
                return Err(Problem::malformed(format!(
                    "The field `{}` is there twice: send it once.",
                    name.escape_debug()
                )));
            }
            if fields.len() == MOST_FIELDS {
                return Err(Problem::malformed("The form has too many fields."));
            }
            fields.push((name, value));
        }
        Ok(Self(fields))
    }

    /// The value of a field; empty where it is missing.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.find(name).unwrap_or_default()
    }

    /// The value of a field that may be missing.
    pub(crate) fn find(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether a box was ticked.
    pub(crate) fn ticked(&self, name: &str) -> bool {
        matches!(self.get(name), "on" | "true" | "1" | "yes")
    }
}

fn decode(bytes: &[u8]) -> Result<String, Problem> {
    let spaced: Vec<u8> =
        bytes.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    let decoded = percent_decode(&spaced).decode_utf8();
    decoded
        .map(std::borrow::Cow::into_owned)
        .map_err(|_| Problem::malformed("The form is not valid UTF-8."))
}

/// The whole body.
pub(in crate::http) async fn read(body: Body) -> Result<Vec<u8>, Problem> {
    match to_bytes(body, LARGEST_BODY).await {
        Ok(bytes) => Ok(bytes.into()),
        Err(error) if is_caused_by::<LengthLimitError>(&error) => Err(too_large()),
        Err(error) if is_caused_by::<TooSlow>(&error) => Err(too_slow()),
        Err(_) => Err(Problem::malformed("The body broke off.")),
    }
}

fn is_caused_by<E: std::error::Error + 'static>(error: &axum::Error) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        if error.is::<E>() {
            return true;
        }
        cause = error.source();
    }
    false
}

pub(crate) fn too_slow() -> Problem {
    let detail = "The body came too slowly: send it again on a new connection.";
    Problem::new(StatusCode::REQUEST_TIMEOUT, Code::MalformedBody, detail)
}

pub(crate) fn too_large() -> Problem {
    let detail = "The body is larger than 16 KiB.";
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, Code::BodyTooLarge, detail)
}

fn require_media_type(headers: &HeaderMap, accepted: &[&'static str]) -> Result<(), Problem> {
    // Of two types another program may believe the other one.
    let mut sent = headers.get_all(header::CONTENT_TYPE).into_iter();
    let only = sent.next().filter(|_| sent.next().is_none()).and_then(|value| value.to_str().ok());
    let fits = only.and_then(media_type::utf8_essence).is_some_and(|essence| {
        accepted.iter().any(|accepted| accepted.eq_ignore_ascii_case(essence))
    });
    if fits {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Code::UnsupportedMediaType,
        format!("Send the body as `Content-Type: {}`, in UTF-8.", accepted[0]),
    ))
}

/// Structs would also be read from arrays, so that it is an object is checked first.
fn parse_object<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    if first != Some(&b'{') {
        return Err(Problem::malformed("Send a JSON object."));
    }
    serde_json::from_slice(bytes).map_err(|error| {
        let told = error.to_string();
        let names_a_field = ["unknown field", "missing field", "duplicate field"]
            .iter()
            .any(|beginning| told.starts_with(beginning));
        // Any other sentence may quote the value, and that may be a password.
        let told = if names_a_field || !error.is_data() {
            told
        } else {
            let (line, column) = (error.line(), error.column());
            format!("a value is of the wrong type at line {line} column {column}")
        };
        Problem::malformed(format!("The JSON cannot be used: {told}."))
    })
}

/// A field that may be left out, but is not `null` where it is there.
pub(crate) fn present<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: serde::Deserialize<'de>,
    D: serde::Deserializer<'de>,
{
    T::deserialize(deserializer).map(Some)
}

/// A JSON object whose keys are unique at every level; plain parsing would keep the last of two.
pub(crate) struct UniqueObject(pub(crate) serde_json::Value);

impl<'de> serde::Deserialize<'de> for UniqueObject {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UniqueVisitor).map(Self)
    }
}

struct UniqueVisitor;

impl<'de> serde::de::Visitor<'de> for UniqueVisitor {
    type Value = serde_json::Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(serde_json::Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut values = Vec::new();
        while let Some(UniqueObject(value)) = seq.next_element()? {
            values.push(value);
        }
        Ok(values.into())
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut object = serde_json::Map::new();
        while let Some((key, UniqueObject(value))) = map.next_entry::<String, _>()? {
            if object.contains_key(&key) {
                return Err(serde::de::Error::custom("duplicate field"));
            }
            object.insert(key, value);
        }
        Ok(object.into())
    }
}
