//! The results of several rounds, as a median and a range.

use std::fmt::Write as _;

/// The median of some values, the lowest and the highest of them.
#[derive(Clone, Copy)]
pub struct Spread {
    pub median: f64,
    pub low: f64,
    pub high: f64,
}

impl Spread {
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let sorted = sorted(values);
        let middle = sorted.len() / 2;
        let median = if sorted.len() % 2 == 1 {
            sorted[middle]
        } else {
            sorted[middle - 1].midpoint(sorted[middle])
        };
        Self { median, low: sorted[0], high: sorted[sorted.len() - 1] }
    }

    /// Of what each round found for two things, the one over the other.
    pub fn of_ratios(above: &[f64], below: &[f64]) -> Self {
        Self::of(above.iter().zip(below).map(|(a, b)| a / b))
    }

    pub fn show(&self, digits: usize) -> String {
        let Self { median, low, high } = self;
        format!("{median:.digits$} ({low:.digits$}–{high:.digits$})")
    }
}

pub fn sorted(values: impl IntoIterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values
}

/// The value that so many of a thousand are not above.
pub fn below(sorted: &[f64], thousandths: usize) -> f64 {
    sorted[(sorted.len() - 1) * thousandths / 1000]
}

/// Prints a part of docs/benchmarks.md: a marked heading that says what was measured, and a table.
pub fn print_table(name: &str, what: &str, head: &[&str], rows: &[Vec<String>]) {
    let mut text = format!("\n<!-- figures: {name} -->\n{what}\n\n| {} |\n", head.join(" | "));
    text.push_str(&"|---".repeat(head.len()));
    text.push_str("|\n");
    for row in rows {
        writeln!(text, "| {} |", row.join(" | ")).unwrap();
    }
    print!("{text}");
}
