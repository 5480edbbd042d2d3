//! Plot of sign-ins over time, for an inline SVG without script and inline styles.

use time::OffsetDateTime;

/// The size of the drawing, in its own units.
const WIDTH: u64 = 720;
const HEIGHT: u64 = 160;

/// The counts of one span of time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PlottedSpan {
    /// When it began.
    pub(crate) begun_at: OffsetDateTime,
    /// Sign-ins.
    pub(crate) sign_ins: u64,
    /// Failed sign-ins.
    pub(crate) failures: u64,
}

/// The bars of one plot, from the oldest to the newest.
#[derive(Clone, Debug)]
pub(crate) struct Plot {
    /// The name, unique on the page.
    pub(crate) name: &'static str,
    /// The quantity that it shows.
    pub(crate) spans: Vec<PlottedSpan>,
}

/// One bar, as the attributes of a rectangle.
pub(crate) struct Bar {
    pub(crate) class: &'static str,
    pub(crate) x: u64,
    pub(crate) y: u64,
    pub(crate) width: u64,
    pub(crate) height: u64,
}

impl Plot {
    /// The largest number of a span, at least 1.
    pub(crate) fn most(&self) -> u64 {
        let numbers = self.spans.iter().flat_map(|span| [span.sign_ins, span.failures]);
        numbers.max().unwrap_or(0).max(1)
    }

    /// How many signed in, over all of it.
    pub(crate) fn sign_ins(&self) -> u64 {
        self.spans.iter().map(|span| span.sign_ins).sum()
    }

    /// How many failed to.
    pub(crate) fn failures(&self) -> u64 {
        self.spans.iter().map(|span| span.failures).sum()
    }

    /// The bars to draw; any count above zero is at least a line.
    pub(crate) fn bars(&self) -> Vec<Bar> {
        let spans = u64::try_from(self.spans.len()).unwrap_or(u64::MAX).max(1);
        let (step, most) = (WIDTH / spans, self.most());
        let width = (step.saturating_sub(4) / 2).max(1);
        let mut bars = Vec::new();
        for (n, span) in (0..).zip(&self.spans) {
            let numbers = [("sign-ins", span.sign_ins), ("failures", span.failures)];
            for (index, (class, number)) in (0..).zip(numbers) {
                if number == 0 {
                    continue;
                }
                let height = number.saturating_mul(HEIGHT).div_ceil(most).max(2);
                let x = n * step + 2 + index * width;
                bars.push(Bar { class, x, y: HEIGHT - height, width, height });
            }
        }
        bars
    }
}
