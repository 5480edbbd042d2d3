use crate::http::web::assets::{find, path_of_favicon, path_of_style};

#[test]
fn an_asset_is_found_under_its_own_url_and_no_other() {
    let style = find(path_of_style()).unwrap();
    assert_eq!(style.content_type, "text/css; charset=utf-8");
    assert!(style.bytes.starts_with(b":root {\ncolor-scheme: light;\n"));
    assert_eq!(find(path_of_favicon()).unwrap().content_type, "image/svg+xml");

    for path in [
        "",
        "/assets/",
        "/assets/style.css",
        "/assets/style.000000000000.css",
        "/assets/../Cargo.toml",
    ] {
        assert!(find(path).is_none(), "{path}");
    }
}

#[test]
fn the_url_of_an_asset_carries_twelve_digits_of_its_digest() {
    let digits = path_of_style()
        .strip_prefix("/assets/style.")
        .and_then(|p| p.strip_suffix(".css"))
        .unwrap();
    assert_eq!(digits.len(), 12);
    assert!(digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')));
}

#[test]
fn the_style_sheet_fetches_nothing() {
    let style = include_str!("style.css");
    for way_out in ["url(", "@import", "http:", "https:", "//"] {
        assert!(!style.contains(way_out), "style.css contains {way_out}");
    }
}

/// The colours that a block of the style sheet names, as red, green and blue.
fn colours(block: &str) -> Vec<(&str, [f64; 3])> {
    let end = block.find('}').unwrap();
    let lines = block[..end].lines().filter_map(|line| line.trim().strip_prefix("--"));
    let named = lines.filter_map(|line| line.trim_end_matches(';').split_once(": #"));
    let channel =
        |hex: &str, at: usize| f64::from(u8::from_str_radix(&hex[at..at + 2], 16).unwrap()) / 255.0;
    named.map(|(name, hex)| (name, [0, 2, 4].map(|at| channel(hex, at)))).collect()
}

/// Contrast as WCAG 2.2 defines it, from 1 to 21.
fn contrast(one: [f64; 3], other: [f64; 3]) -> f64 {
    let linear = |c: f64| if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) };
    let light = |[r, g, b]: [f64; 3]| 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
    let (one, other) = (light(one), light(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

#[test]
fn every_colour_of_text_and_of_edges_stands_out_in_light_and_in_dark() {
    let style = include_str!("style.css");
    let texts = [
        ("ink", "ground"),
        ("ink", "surface"),
        ("ink", "accent-wash"),
        ("quiet", "ground"),
        ("quiet", "surface"),
        ("accent", "ground"),
        ("accent", "surface"),
        ("accent", "accent-wash"),
        ("accent-strong", "accent-wash"),
        ("on-accent", "accent"),
        ("on-accent", "accent-strong"),
        ("bad", "surface"),
        ("bad", "bad-wash"),
    ];
    let edges = [("edge", "surface"), ("edge", "ground"), ("bad", "ground"), ("accent", "surface")];

    for start in [":root {", ":root:not([data-theme=\"light\"]) {", ":root[data-theme=\"dark\"] {"]
    {
        let colours = colours(style.split_once(start).unwrap().1);
        let of = |name: &str| colours.iter().find(|(known, _)| *known == name).unwrap().1;
        for (pairs, least) in [(&texts[..], 4.5), (&edges[..], 3.0)] {
            for (front, back) in pairs {
                let found = contrast(of(front), of(back));
                assert!(found >= least, "{start} {front} on {back}: {found:.2} of {least}");
            }
        }
    }
}

#[test]
fn dark_is_one_and_the_same_by_choice_and_by_device() {
    let style = include_str!("style.css");
    let by_device = style.split_once(":root:not([data-theme=\"light\"]) {").unwrap().1;
    let by_choice = style.split_once(":root[data-theme=\"dark\"] {").unwrap().1;
    assert_eq!(colours(by_device), colours(by_choice));
}
