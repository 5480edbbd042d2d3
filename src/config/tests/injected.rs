use super::{load, mistakes};

#[test]
fn names_that_orchestrators_inject_are_let_pass() {
    for service in ["", "REDIS_", "DB_2_", "2_", "REDIS_MASTER_"] {
        for (ending, value) in [
            ("SERVICE_HOST", "10.0.0.2"),
            ("SERVICE_PORT", "6379"),
            ("SERVICE_PORT_HTTP", "6379"),
            ("SERVICE_PORT_HTTP_2", "6379"),
            ("PORT", "tcp://10.0.0.2:6379"),
            ("PORT_6379_TCP", "tcp://10.0.0.2:6379"),
            ("PORT_6379_TCP_ADDR", "10.0.0.2"),
            ("PORT_6379_TCP_PORT", "6379"),
            ("PORT_53_UDP_PROTO", "udp"),
            ("PORT_132_SCTP", "sctp://10.0.0.2:132"),
            ("PORT_6379_TCP_PORT_START", "6379"),
            ("NAME", "/app/redis"),
            ("ENV_REDIS_VERSION", "7"),
            ("ENV_lower_case", ""),
        ] {
            let name = format!("ANTEROOM_{service}{ending}");
            let config = load(&[(&name, value)]).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(config.warnings(), [""; 0], "{name}");
        }
    }
    assert!(load(&[("LISTEN", "nonsense"), ("anteroom_listen", "nonsense")]).is_ok());
}

#[test]
fn names_that_only_resemble_those_are_refused() {
    for rest in [
        "SERVICES",
        "SERVICE",
        "SERVICE_HOSTS",
        "SERVICE_PORT_",
        "_SERVICE_HOST",
        "redis_SERVICE_HOST",
        "REDIS-SERVICE_HOST",
        "PORTS",
        "PORT_8080",
        "PORT_TCP",
        "PORT_8080_HTTP",
        "PORT_8080_TCP_HOST",
        "PORT_99999_TCP",
        "PORT_+80_TCP",
        "PORT_8080_TCP_",
        "REDIS_HOST",
        "REDIS_ENV_",
        "REDIS_NAME",
        "IDLE_TIMEOUT_",
        "METRICS_LISTN",
        "LISTEN_FILE",
    ] {
        let name = format!("ANTEROOM_{rest}");
        assert_eq!(mistakes(&[(&name, "1h")]).len(), 1, "{name} was let pass");
    }
    assert!(mistakes(&[("ANTEROOM_LISTEN_FILE", "x")])[0].contains("; write ANTEROOM_LISTEN"));
}

#[test]
fn an_injected_name_with_the_value_of_a_person_is_warned_of() {
    let warnings = load(&[("ANTEROOM_PORT", "8080")]).unwrap().warnings();

    assert!(warnings[0].starts_with("ANTEROOM_PORT is ignored"), "{warnings:?}");
    assert!(warnings[0].contains("ANTEROOM_LISTEN"), "{warnings:?}");
}
