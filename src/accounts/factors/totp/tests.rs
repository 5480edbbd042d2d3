use secrecy::ExposeSecret as _;
use time::Duration;

use super::*;

/// The secret of RFC 6238, appendix B.
fn secret() -> TotpSecret {
    TotpSecret(SecretBox::new(Box::new(*b"12345678901234567890")))
}

fn at(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(seconds).unwrap()
}

fn step(typed: &str, seconds: i64) -> Option<i64> {
    secret().step_of(&TotpCode::parse(typed)?, at(seconds))
}

/// The last six of the eight digits that the RFC lists.
#[test]
fn totp_2_the_codes_of_the_rfc_are_accepted_in_their_steps() {
    for (seconds, code) in [
        (59, "287082"),
        (1_111_111_109, "081804"),
        (1_111_111_111, "050471"),
        (1_234_567_890, "005924"),
        (2_000_000_000, "279037"),
        (20_000_000_000, "353130"),
    ] {
        assert_eq!(secret().code_for_tests(at(seconds)), code);
        assert_eq!(step(code, seconds), Some(seconds / 30));
    }
}

#[test]
fn totp_2_attack_122_a_code_counts_one_step_either_way_and_no_further() {
    let begins = at(1_234_567_890);
    let code = secret().code_for_tests(begins);
    let is_accepted = |seconds: i64| {
        let now = begins + Duration::seconds(seconds);
        secret().step_of(&TotpCode::parse(&code).unwrap(), now).is_some()
    };
    for (seconds, expected) in
        [(-31, false), (-30, true), (-1, true), (0, true), (59, true), (60, false)]
    {
        assert_eq!(is_accepted(seconds), expected, "{seconds} s after its step began");
    }
}

#[test]
fn totp_4_attack_121_a_code_is_six_ascii_digits() {
    for same in ["005924", " 005924 ", "005 924"] {
        assert_eq!(step(same, 1_234_567_890), Some(41_152_263), "{same:?}");
    }
    for odd in [
        "",
        "5924",
        "05924",
        "0059240",
        "0005924",
        "+05924",
        "-05924",
        "00592４",
        "٠٠٥٩٢٤",
        "００５９２４",
        "00592a",
        "0x5924",
        "005.924",
        "005,924",
        "005-924",
        "005924\n",
        "5924.0",
    ] {
        assert!(TotpCode::parse(odd).is_none(), "{odd:?}");
    }
}

#[test]
fn totp_5_the_secret_is_shown_in_base32_and_in_an_address_and_never_by_debug() {
    let secret = secret();
    assert_eq!(secret.base32().expose_secret(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    let uri = secret.uri("Anteroom: 1", "ada+x@example.org");
    assert_eq!(
        uri.expose_secret(),
        "otpauth://totp/Anteroom%3A%201:ada%2Bx%40example%2Eorg\
         ?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Anteroom%3A%201"
    );
    assert_eq!(format!("{secret:?}"), "TotpSecret(…)");
    assert_eq!(format!("{:?}", TotpCode::parse("005924")), "Some(TotpCode(…))");
}
