//! The goals, and whether they were reached.

/// A goal, and what was measured for it.
pub struct Goal {
    what: String,
    bound: f64,
    /// Whether less than the bound is better.
    is_most: bool,
    measured: f64,
    unit: &'static str,
}

impl Goal {
    pub fn at_least(
        what: impl Into<String>,
        bound: f64,
        measured: f64,
        unit: &'static str,
    ) -> Self {
        Self { what: what.into(), bound, is_most: false, measured, unit }
    }

    pub fn at_most(what: impl Into<String>, bound: f64, measured: f64, unit: &'static str) -> Self {
        Self { what: what.into(), bound, is_most: true, measured, unit }
    }

    fn verdict(&self) -> String {
        let Self { bound, is_most, measured, .. } = *self;
        let missed_by = if is_most { measured - bound } else { bound - measured };
        if missed_by <= 0.0 {
            return "reached".to_owned();
        }
        let word = if is_most { "above" } else { "below" };
        let unit = self.unit;
        if bound == 0.0 {
            return format!("missed: {} {word}", number(missed_by, unit));
        }
        let percent = missed_by / bound * 100.0;
        format!("missed: {} {word}, or {percent:.0} %", number(missed_by, unit))
    }
}

fn number(value: f64, unit: &str) -> String {
    let digits = if value.abs() >= 100.0 { 0 } else { 2 };
    if unit.is_empty() { format!("{value:.digits$}") } else { format!("{value:.digits$} {unit}") }
}

/// The last thing that a run says.
pub fn print(goals: &[Goal]) {
    if goals.is_empty() {
        return;
    }
    println!("\n<!-- figures: goals -->\n| goal | | measured | |\n|---|---|---|---|");
    for goal in goals {
        let sign = if goal.is_most { '≤' } else { '≥' };
        println!(
            "| {} | {sign} {} | {} | {} |",
            goal.what,
            number(goal.bound, goal.unit),
            number(goal.measured, goal.unit),
            goal.verdict(),
        );
    }
}
