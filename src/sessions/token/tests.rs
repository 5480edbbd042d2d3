use super::*;

#[test]
fn neither_a_token_nor_its_digest_shows_in_logs() {
    let token = Token::parse(&[b'A'; Token::LENGTH]).unwrap();
    assert_eq!(format!("{token:?}"), "Token(secret)");
    assert_eq!(format!("{:?}", token.digest()), "TokenDigest(…)");
}

#[test]
fn a_digest_is_the_sha_256_of_the_text_and_comes_back_from_a_store() {
    let digest = Token::parse(&[b'A'; Token::LENGTH]).unwrap().digest();
    // printf 'A%.0s' $(seq 43) | sha256sum
    let hexadecimal: Vec<_> = digest.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(
        hexadecimal.concat(),
        "0f007385b6f9d4b7eeb2748605afe1a984a0a3bfa3f014d09e2a784ce9e5cd1a"
    );
    assert_eq!(TokenDigest::from_bytes(*digest.as_bytes()), digest);
}
