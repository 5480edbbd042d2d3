//! Examples: of every parameter, and of every body, composed of the examples of its fields.

use serde_json::{Map, Value, json};

use crate::http::endpoints::operations::openapi::members;

const CLIENT: &str = "01a1fc80-9c20-7000-8f36-2b7d51c04ae8";
const USER: &str = "01a1fc81-5b3e-7000-9a41-6f0c2d9be310";
const SESSION: &str = "01a1fc81-619e-7000-8c5a-d0b24ef24fce";
const EVENT: &str = "01a1fc82-1c04-7000-b6d2-58e3a7710f9d";
/// Of the revocation feed.
const CURSOR: &str = "5f3a9c_17";
const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

/// Examples of texts: of a field or a parameter with this name, or of one in this object only.
const TEXTS: &[(&str, &str)] = &[
    ("ActiveToken.aud", "https://api.example.org"),
    ("ActiveToken.iss", "https://auth.example.org"),
    ("ActiveToken.jti", EVENT),
    ("ActiveToken.sid", SESSION),
    ("ActiveToken.sub", USER),
    ("AllowedApplication.name", "Notes"),
    ("AuditEvent.actor", USER),
    ("AuditEvent.id", EVENT),
    ("AuditEvent.kind", "login"),
    ("Client.name", "Orders"),
    ("FieldError.code", "malformed"),
    ("FieldError.message", "Enter an email address such as name@example.com."),
    ("CodeForm.code", "…"),
    ("CodeForm.code_verifier", "…"),
    ("CodeForm.grant_type", "authorization_code"),
    ("CodeForm.resource", "https://api.example.org"),
    ("ExchangedBody.access_token", "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJFUzI1NiJ9.…"),
    ("ExchangedBody.id_token", "eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NiJ9.…"),
    ("ExchangedBody.scope", "openid email"),
    ("MetadataBody.issuer", "https://auth.example.org"),
    ("MetadataBody.authorization_endpoint", "https://auth.example.org/oauth/authorize"),
    ("MetadataBody.token_endpoint", "https://auth.example.org/oauth/token"),
    ("MetadataBody.userinfo_endpoint", "https://auth.example.org/oauth/userinfo"),
    ("MetadataBody.jwks_uri", "https://auth.example.org/oauth/jwks"),
    ("MetadataBody.introspection_endpoint", "https://auth.example.org/oauth/introspect"),
    ("MetadataBody.revocation_endpoint", "https://auth.example.org/oauth/revoke"),
    ("MetadataBody.scopes_supported", "openid"),
    ("MetadataBody.response_types_supported", "code"),
    ("MetadataBody.response_modes_supported", "query"),
    ("MetadataBody.grant_types_supported", "authorization_code"),
    ("MetadataBody.subject_types_supported", "public"),
    ("MetadataBody.id_token_signing_alg_values_supported", "ES256"),
    ("MetadataBody.access_token_signing_alg_values_supported", "ES256"),
    ("MetadataBody.token_endpoint_auth_methods_supported", "client_secret_basic"),
    ("MetadataBody.introspection_endpoint_auth_methods_supported", "client_secret_basic"),
    ("MetadataBody.revocation_endpoint_auth_methods_supported", "client_secret_basic"),
    ("MetadataBody.code_challenge_methods_supported", "S256"),
    ("MetadataBody.prompt_values_supported", "none"),
    ("MetadataBody.acr_values_supported", "1"),
    ("MetadataBody.claims_supported", "sub"),
    ("IssuedTokenBody.access_token", "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJFUzI1NiJ9.…"),
    ("InvitationBody.url", "https://auth.example.org/invitation?token=…"),
    ("MailMessage.error", "permanent error (550): no such mailbox"),
    ("MailMessage.kind", "recovery"),
    ("MailMessage.status", "pending"),
    ("NewClientBody.name", "Orders"),
    ("OAuthErrorBody.error", "invalid_client"),
    ("OAuthErrorBody.error_description", "The client is not known, or its secret is wrong."),
    ("NewPasswordBody.new_password", "granite kite under seven moons"),
    ("PolicyBody.name", "standard"),
    ("Revocation.cursor", CURSOR),
    ("RevocationsBody.next_cursor", CURSOR),
    ("Session.id", SESSION),
    ("TotpSetupBody.qr", "<svg>…</svg>"),
    ("Webhook.url", "https://hooks.example.org/anteroom"),
    ("RecoveryConfirmationBody.new_password", "granite kite under seven moons"),
    ("actor", "server"),
    ("after", CURSOR),
    ("algorithm", "ES256"),
    ("amr", "pwd"),
    ("allowed_groups", "staff"),
    ("audience", "https://api.example.org"),
    ("audiences", "https://api.example.org"),
    ("client_id", CLIENT),
    ("client_secret", "…"),
    ("code", "492039"),
    ("cursor", EVENT),
    ("device", "Firefox on Linux"),
    ("email", "ada@example.org"),
    ("email_display", "ada@example.org"),
    ("error", "refused"),
    ("events", "login"),
    ("format", "csv"),
    ("from", "2026-11-21T00:00:00Z"),
    ("groups", "dev"),
    ("id", USER),
    ("If-Match", "\"44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\""),
    ("ip_address", "203.0.113.7"),
    ("kind", "user"),
    ("last_device", "Firefox on Linux"),
    ("last_ip_address", "203.0.113.7"),
    ("last_user_agent", BROWSER),
    ("Last-Event-ID", CURSOR),
    ("methods", "password"),
    ("name", "Ada"),
    ("network", "203.0.113.7"),
    ("next_cursor", EVENT),
    ("outcome", "ok"),
    ("query", "ada"),
    ("reason", "revoked_by_user"),
    ("redirect_uri", "https://app.example.org/callback"),
    ("redirect_uris", "https://app.example.org/callback"),
    ("recovery_code", "7K4M-9QXW-2HBT-4VZCE"),
    ("recovery_codes", "7K4M-9QXW-2HBT-4VZCE"),
    ("role", "user"),
    ("roles", "user"),
    ("scope", "orders:read"),
    ("scopes", "orders:read"),
    ("secret", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"),
    ("session", SESSION),
    ("session_id", SESSION),
    ("status", "active"),
    ("pending_email", "ada@example.com"),
    ("subject", USER),
    ("to", "ada@example.org"),
    ("token", "…"),
    ("token_type", "Bearer"),
    ("token_type_hint", "access_token"),
    ("until", "2026-11-22T00:00:00Z"),
    ("uri", "otpauth://totp/auth.example.org:ada?secret=GEZDGNBVGY3TQOJQ"),
    ("user", USER),
    ("user_agent", BROWSER),
    ("user_id", USER),
];

/// Adds an example to each parameter and each body that has none.
pub(super) fn add(document: &mut Value) {
    let schemas = document["components"]["schemas"].clone();
    let schemas = Schemas(&schemas);
    for (_, methods) in members(&mut document["paths"]) {
        for (_, operation) in members(methods) {
            let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
            for parameter in parameters.into_iter().flatten() {
                let name = parameter["name"].as_str().unwrap_or_default().to_owned();
                parameter["example"] = schemas.value("", &name, &parameter["schema"]);
            }
            if let Some(body) = operation.get_mut("requestBody") {
                schemas.add_to(body);
            }
            for (_, response) in members(&mut operation["responses"]) {
                schemas.add_to(response);
            }
        }
    }
}

struct Schemas<'s>(&'s Value);

impl Schemas<'_> {
    /// Adds examples to what has content.
    fn add_to(&self, body: &mut Value) {
        let Some(contents) = body.get_mut("content") else { return };
        for (_, content) in members(contents) {
            let has_none = content.get("example").is_none() && content.get("examples").is_none();
            if has_none && let Some(schema) = content.get("schema") {
                content["example"] = self.value("", "", schema);
            }
        }
    }

    /// An example of a field of an object.
    fn value(&self, object: &str, field: &str, schema: &Value) -> Value {
        if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
            return self.value(name, field, &self.0[name]);
        }
        if let Some(alternatives) = schema["oneOf"].as_array() {
            let present = alternatives.iter().find(|one| one["type"] != "null");
            return present.map_or(Value::Null, |one| self.value(object, field, one));
        }
        let kinds = schema["type"].as_array();
        let kind = kinds.and_then(|kinds| kinds.iter().find(|kind| *kind != "null"));
        match kind.unwrap_or(&schema["type"]).as_str() {
            Some("object") => self.object(object, schema),
            Some("array") => json!([self.value(object, field, &schema["items"])]),
            Some("string") => text(object, field, schema),
            Some("boolean") => false.into(),
            Some("integer") => schema["minimum"].as_u64().map_or(1, |least| least.max(1)).into(),
            _ => Value::Null,
        }
    }

    fn object(&self, name: &str, schema: &Value) -> Value {
        let fields = schema["properties"].as_object().into_iter().flatten();
        let fields = fields.map(|(field, schema)| (field.clone(), self.value(name, field, schema)));
        fields.collect::<Map<_, _>>().into()
    }
}

/// `null` where none is known, which no schema of a text permits.
fn text(object: &str, field: &str, schema: &Value) -> Value {
    let full = format!("{object}.{field}");
    let known = |name: &str| TEXTS.iter().find(|(key, _)| *key == name).map(|(_, text)| *text);
    let by_format = || match schema["format"].as_str() {
        Some("date-time") => Some("2026-11-21T05:08:19Z"),
        Some("password") => Some("velvet otter hums at nine"),
        _ => None,
    };
    known(&full).or_else(by_format).or_else(|| known(field)).into()
}
