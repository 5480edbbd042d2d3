use super::*;

fn shortened(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    shorten(text, &mut bytes);
    bytes
}

#[test]
fn every_text_is_restored_exactly() {
    let phrases = PHRASES.concat();
    for text in [
        "",
        "curl/7.88.1",
        "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
        "Mozilla/5.0 (Mozilla/5.0 ( Mobile MobileMobile",
        "ключ \u{1F511} '\"\\\0\u{7F}\u{10FFFF}",
        &phrases,
    ] {
        assert_eq!(expand(&shortened(text)).as_deref(), Some(text));
    }
}

#[test]
fn the_codes_are_invalid_in_utf_8() {
    for code in CODES {
        for bytes in [vec![code], vec![code, 0x80], vec![b'a', code, 0x80, 0x80, 0x80]] {
            assert!(std::str::from_utf8(&bytes).is_err(), "{code:#x}");
        }
    }
}

#[test]
fn common_browsers_take_few_bytes() {
    let chrome = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) \
                  Chrome/140.0.0.0 Safari/537.36";
    let phone = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) \
                 Chrome/140.0.0.0 Mobile Safari/537.36";
    assert_eq!([chrome, phone].map(|agent| shortened(agent).len()), [8, 9]);
}

#[test]
fn corrupt_bytes_are_none() {
    assert_eq!(expand(&[0x80]), None);
    assert_eq!(expand(b"Firefox\xE2"), None);
}
