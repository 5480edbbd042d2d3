//! Traces to an OpenTelemetry collector: parts of a request, and no secrets.

use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;

use crate::command_line::refused;
use crate::harness::app::PASSWORD;
use crate::harness::client::Client;
use crate::harness::loopback::free_address;
use crate::harness::receiver::{Receiver, Reply};
use crate::harness::server::{Place, Server};

fn traced_server(collector: &str) -> Server {
    Place::new().with("ANTEROOM_OTLP_ENDPOINT", collector).serve(&[])
}

fn url(receiver: &Receiver) -> String {
    format!("http://{}", receiver.address)
}

fn spans(receiver: &Receiver) -> Vec<Span> {
    let mut spans = Vec::new();
    for received in receiver.received() {
        assert_eq!(received.line, "POST /v1/traces HTTP/1.1");
        assert_eq!(received.header("content-type"), "application/x-protobuf");
        let request = ExportTraceServiceRequest::decode(&*received.bytes).unwrap();
        let scopes = request.resource_spans.into_iter().flat_map(|spans| spans.scope_spans);
        spans.extend(scopes.flat_map(|scope| scope.spans));
    }
    spans
}

fn attribute(span: &Span, key: &str) -> String {
    let found = span.attributes.iter().find(|attribute| attribute.key == key);
    match found.and_then(|found| found.value.as_ref()?.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        other => panic!("{key} of {span:?} is {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trace_has_the_request_its_store_calls_and_its_hash_and_no_secret() {
    let receiver = Receiver::start();
    let server = traced_server(&url(&receiver));
    let client = Client::of(&server);
    client.sign_up("ada@example.org").await;
    client.get("/login?next=%2Fsecret-path").await;
    assert!(client.is_signed_in().await);
    assert_eq!(client.get("/no-such-page/secret-path").await.status(), 404);

    server.stop();

    let spans = spans(&receiver);
    let named = |name: &str| -> Vec<&Span> { spans.iter().filter(|s| s.name == name).collect() };
    let [sign_up] = named("POST /api/signup")[..] else { panic!("{spans:#?}") };
    assert_eq!(attribute(sign_up, "http.request.method"), "POST");
    assert_eq!(attribute(sign_up, "http.route"), "/api/signup");
    assert_eq!(attribute(sign_up, "http.response.status_code"), "201");
    assert!(sign_up.parent_span_id.is_empty());
    let parts: Vec<&Span> =
        spans.iter().filter(|span| span.parent_span_id == sign_up.span_id).collect();
    for part in ["wait for a hashing thread", "hash", "accounts.add", "sessions.start"] {
        let found = parts.iter().find(|span| span.name == part);
        let found = found.unwrap_or_else(|| panic!("{part} is none of {parts:#?}"));
        assert_eq!(found.trace_id, sign_up.trace_id);
        assert!(sign_up.start_time_unix_nano <= found.start_time_unix_nano, "{found:?}");
        assert!(found.end_time_unix_nano <= sign_up.end_time_unix_nano, "{found:?}");
    }
    // The one from memory, by the fast path.
    assert_eq!(named("GET /api/session").len(), 1, "{spans:#?}");
    let [nowhere] = named("GET")[..] else { panic!("{spans:#?}") };
    assert_eq!(attribute(nowhere, "http.response.status_code"), "404");

    let text = format!("{spans:?}");
    for secret in ["secret-path", "ada@", "127.0.0.1", PASSWORD, "cookie", "reqwest"] {
        assert!(!text.contains(secret), "{secret} is in {text}");
    }
    let known =
        ["http.request.method", "http.route", "http.response.status_code", "busy_ns", "idle_ns"];
    for span in &spans {
        assert!(span.events.is_empty() && span.links.is_empty(), "{span:?}");
        let keys = || span.attributes.iter().map(|attribute| attribute.key.as_str());
        assert!(keys().all(|key| known.contains(&key)), "{span:?}");
    }
}

/// The number of an unknown peer's trace would let it join traces of others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_a_trusted_proxy_continues_a_trace() {
    const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    for (trusted, goes_on) in [("", false), ("127.0.0.1", true)] {
        let receiver = Receiver::start();
        let server = Place::new()
            .with("ANTEROOM_OTLP_ENDPOINT", &format!("{}/v1/traces", url(&receiver)))
            .with("ANTEROOM_TRUSTED_PROXIES", trusted)
            .serve(&[]);
        let request = |traceparent: &str| {
            let host = server.url.strip_prefix("http://").unwrap();
            let request = format!(
                "GET /login HTTP/1.1\r\nHost: {host}\r\ntraceparent: {traceparent}\r\n\
                 Connection: close\r\n\r\n"
            );
            assert!(server.exchange(&request).unwrap().starts_with("HTTP/1.1 200 "));
        };
        request(TRACEPARENT);
        request("00-nonsense-01");
        server.stop();

        let spans = spans(&receiver);
        let requests: Vec<&Span> = spans.iter().filter(|s| s.name == "GET /login").collect();
        assert_eq!(requests.len(), 2, "{spans:#?}");
        let continued = |span: &&&Span| {
            span.trace_id.starts_with(&[0x4B, 0xF9]) && span.parent_span_id.ends_with(&[2, 0xB7])
        };
        assert_eq!(requests.iter().filter(continued).count(), usize::from(goes_on), "{spans:#?}");
    }
}

/// Requests never wait for the collector, and neither does the end of the server for long.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_collector_that_is_dead_slow_or_full_costs_only_its_traces() {
    let collectors = [None, Some(Reply::Silence), Some(Reply::Status(503)), Some(Reply::Nonsense)];
    let mut tests = tokio::task::JoinSet::new();
    for reply in collectors {
        tests.spawn(async move {
            let receiver = reply.clone().map(|reply| {
                let receiver = Receiver::start();
                receiver.reply(reply);
                receiver
            });
            let dead = || format!("http://{}", free_address());
            let mut server = traced_server(&receiver.as_ref().map_or_else(dead, url));
            let client = Client::of(&server);
            client.sign_up("ada@example.org").await;
            for _ in 0..20 {
                assert!(client.is_signed_in().await);
            }
            let begun = Instant::now();
            server.signal("TERM");
            let ended = server.ends_within(Duration::from_secs(15));
            assert!(ended.is_some_and(|status| status.success()), "{reply:?} {}", server.stderr());
            assert!(begun.elapsed() < Duration::from_secs(12), "{reply:?}");
            let lost = server.stderr();
            assert!(lost.contains("could not send"), "{reply:?} {lost}");
            assert!(lost.matches("could not send").count() <= 2, "{reply:?} {lost}");
        });
    }
    while let Some(ended) = tests.join_next().await {
        ended.unwrap();
    }
}

#[test]
fn a_collector_that_is_no_url_is_refused_with_what_to_write() {
    for value in ["localhost:4318", "http://collector.example.org:4318", "http://a b"] {
        let place = Place::new().with("ANTEROOM_OTLP_ENDPOINT", value);
        let outcome = place.run(&["config"]);
        let error = refused(&outcome, 2);
        assert!(error.contains("ANTEROOM_OTLP_ENDPOINT"), "{error}");
    }
}
