//! Normalization of text input: invisible characters and equivalent spellings.

use unicode_normalization::UnicodeNormalization as _;

/// Trims white space of any script and invisible characters, which are often copied by accident.
#[must_use]
pub(crate) fn trim_unseen(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || is_ignorable(c))
}

/// The trimmed text in Unicode form NFKC, for comparing search terms.
#[must_use]
pub(crate) fn usual(text: &str) -> String {
    trim_unseen(text).nfkc().collect()
}

/// As [`usual`] but untrimmed and in lower case, for case-insensitive search. The final sigma
/// becomes a normal sigma, so that no letter depends on its neighbours.
#[must_use]
pub(crate) fn folded(text: &str) -> String {
    let lower = text.nfkc().flat_map(char::to_lowercase);
    lower.map(|c| if c == 'ς' { 'σ' } else { c }).nfkc().collect()
}

/// `Default_Ignorable_Code_Point` of Unicode: joiners, direction marks, fillers, selectors.
fn is_ignorable(c: char) -> bool {
    matches!(c, '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
        | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}'
        | '\u{FFF0}'..='\u{FFF8}' | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}'
        | '\u{E0000}'..='\u{E0FFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invisible_characters_are_trimmed_at_both_ends_and_kept_inside() {
        for unseen in [" ", "\u{A0}", "\u{200B}", "\u{3000}", "\u{FEFF}", "\u{2028}", "\u{200E}"] {
            assert_eq!(trim_unseen(&format!("{unseen}a{unseen}b{unseen}")), format!("a{unseen}b"));
        }
        assert_eq!(trim_unseen("\u{200B} \u{A0}"), "");
    }

    #[test]
    fn equivalent_spellings_become_equal() {
        assert_eq!(usual(" Ａｄａ\u{A0}"), "Ada");
        assert_eq!(folded("MU\u{308}LLER"), folded("müller"));
        assert_eq!(folded("\u{1112}\u{1161}\u{11AB}"), "한");
        assert_eq!(folded("ΣΑΣ"), folded("σασ"));
        assert_eq!(folded(&folded("ＦＵＬＬ Ǆ İ ẞ")), folded("ＦＵＬＬ Ǆ İ ẞ"));
    }
}
