//! Forms of texts that people type: what nobody sees, and spellings that look alike.

use unicode_normalization::UnicodeNormalization as _;

/// Without white space of any script, and without characters that nobody sees, at both ends: they
/// come along when a text is copied, and nobody means them.
#[must_use]
pub(crate) fn trim_unseen(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || is_ignorable(c))
}

/// The form in which a text that somebody looks for is compared: full width, separate accents and
/// the like become the usual letters.
#[must_use]
pub(crate) fn usual(text: &str) -> String {
    trim_unseen(text).nfkc().collect()
}

/// As [`usual`] and in small letters, for texts that are found whatever their case. The final sigma
/// is the other one, so that no letter depends on its neighbours.
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
    fn what_nobody_sees_goes_from_both_ends_and_stays_inside() {
        for unseen in [" ", "\u{A0}", "\u{200B}", "\u{3000}", "\u{FEFF}", "\u{2028}", "\u{200E}"] {
            assert_eq!(trim_unseen(&format!("{unseen}a{unseen}b{unseen}")), format!("a{unseen}b"));
        }
        assert_eq!(trim_unseen("\u{200B} \u{A0}"), "");
    }

    #[test]
    fn spellings_of_one_text_are_one() {
        assert_eq!(usual(" Ａｄａ\u{A0}"), "Ada");
        assert_eq!(folded("MU\u{308}LLER"), folded("müller"));
        assert_eq!(folded("\u{1112}\u{1161}\u{11AB}"), "한");
        assert_eq!(folded("ΣΑΣ"), folded("σασ"));
        assert_eq!(folded(&folded("ＦＵＬＬ Ǆ İ ẞ")), folded("ＦＵＬＬ Ǆ İ ẞ"));
    }
}
