//! The figures as pictures for docs/benchmarks.md: bars, dots, lines and histograms in SVG, with
//! colours of their own for a light and for a dark page.

use std::fmt::Write as _;
use std::fs;

use crate::figures::Spread;

const FOLDER: &str = "docs/images";
const WIDTH: f64 = 800.0;
/// Where labels of rows end and the scale begins, and where the scale ends.
const LEFT: f64 = 235.0;
const RIGHT: f64 = WIDTH - 95.0;
const ROW: f64 = 26.0;

const STYLE: &str = "<style>text{font:13px system-ui,sans-serif;fill:#1f2328}\
.title{font-weight:600;font-size:15px}.quiet{fill:#59636e;font-size:12px}.ground{fill:#fff}\
.grid{stroke:#d1d9e0}.range{stroke:#1f2328;stroke-width:1.5}.bar{fill:#8c959f}\
.s0{fill:#0969da}.s1{fill:#bc4c00}.s2{fill:#1a7f37}.s3{fill:#8250df}\
.l0{stroke:#0969da}.l1{stroke:#bc4c00}.l2{stroke:#1a7f37}.l3{stroke:#8250df}\
.line{fill:none;stroke-width:2}@media(prefers-color-scheme:dark){text{fill:#f0f6fc}\
.quiet{fill:#9198a1}.ground{fill:#0d1117}.grid{stroke:#3d444d}.range{stroke:#f0f6fc}\
.bar{fill:#656c76}.s0{fill:#4493f8}.s1{fill:#db6d28}.s2{fill:#3fb950}.s3{fill:#ab7df8}\
.l0{stroke:#4493f8}.l1{stroke:#db6d28}.l2{stroke:#3fb950}.l3{stroke:#ab7df8}}</style>";

/// A value with its name.
pub struct Bar {
    pub label: String,
    pub value: Spread,
    /// Whether it is one of ours, which stand out.
    pub is_ours: bool,
}

/// Values on one scale, and what they count in which unit.
pub struct Panel {
    pub title: String,
    pub bars: Vec<Bar>,
    /// For values of different orders: dots on a scale of decades. Otherwise bars from nothing.
    pub is_logarithmic: bool,
}

/// Values over how many there are of something, both in decades.
pub struct Line {
    pub label: String,
    pub points: Vec<(f64, Spread)>,
}

/// How often which value was found.
pub struct Histogram {
    pub title: String,
    pub values: Vec<f64>,
}

struct Picture {
    title: String,
    body: String,
    height: f64,
}

impl Picture {
    fn new(title: &str) -> Self {
        let mut picture = Self { title: title.to_owned(), body: String::new(), height: 28.0 };
        picture.text((16.0, 24.0), "title", "start", title);
        picture
    }

    /// Says what the ranges are.
    fn of_rounds(mut self) -> Self {
        let said = "the median, and the lowest and the highest round";
        self.text((WIDTH - 16.0, 24.0), "quiet", "end", said);
        self
    }

    fn text(&mut self, (x, y): (f64, f64), class: &str, anchor: &str, text: &str) {
        let text = text.replace('&', "&amp;").replace('<', "&lt;");
        writeln!(
            self.body,
            r#"<text class="{class}" x="{x:.1}" y="{y:.1}" text-anchor="{anchor}">{text}</text>"#
        )
        .unwrap();
    }

    fn line(&mut self, class: &str, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
        writeln!(
            self.body,
            r#"<line class="{class}" x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}"/>"#
        )
        .unwrap();
    }

    fn rectangle(&mut self, class: &str, (x, y): (f64, f64), (width, height): (f64, f64)) {
        writeln!(
            self.body,
            r#"<rect class="{class}" x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}"/>"#
        )
        .unwrap();
    }

    fn dot(&mut self, class: &str, (x, y): (f64, f64)) {
        writeln!(self.body, r#"<circle class="{class}" cx="{x:.1}" cy="{y:.1}" r="4.5"/>"#)
            .unwrap();
    }

    /// The gridlines of a scale from left to right, between two heights, with numbers below.
    fn across(&mut self, scale: &Scale, top: f64, bottom: f64) {
        for tick in scale.ticks() {
            let x = scale.place(tick);
            self.line("grid", (x, top), (x, bottom));
            self.text((x, bottom + 16.0), "quiet", "middle", &number(tick));
        }
    }

    /// The gridlines of a scale from bottom to top, with numbers on the left.
    fn upwards(&mut self, scale: &Scale, (left, right): (f64, f64)) {
        for tick in scale.ticks() {
            let y = scale.place(tick);
            self.line("grid", (left, y), (right, y));
            self.text((left - 6.0, y + 4.0), "quiet", "end", &number(tick));
        }
    }

    fn keep(self, name: &str) {
        let Self { title, body, height } = self;
        let svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH:.0} {height:.0}\" \
             width=\"{WIDTH:.0}\" height=\"{height:.0}\">{STYLE}\n\
             <rect class=\"ground\" width=\"100%\" height=\"100%\" rx=\"6\"/>\n{body}</svg>\n"
        );
        let path = format!("{FOLDER}/bench-{name}.svg");
        fs::create_dir_all(FOLDER).unwrap();
        fs::write(&path, svg).unwrap();
        println!("\n![{title}](images/bench-{name}.svg)");
    }
}

/// Where a value lies between two ends of the picture.
struct Scale {
    from: f64,
    to: f64,
    ends: (f64, f64),
    is_logarithmic: bool,
}

impl Scale {
    /// From nothing to a round number above.
    fn linear((from, to): (f64, f64), ends: (f64, f64)) -> Self {
        let step = step_of(to - from);
        let (from, to) = ((from / step).floor() * step, (to / step).ceil() * step);
        Self { from, to, ends, is_logarithmic: false }
    }

    /// Whole decades.
    fn decades((from, to): (f64, f64), ends: (f64, f64)) -> Self {
        let (from, to) = (10_f64.powf(from.log10().floor()), 10_f64.powf(to.log10().ceil()));
        let to = if to > from { to } else { from * 10.0 };
        Self { from, to, ends, is_logarithmic: true }
    }

    fn place(&self, value: f64) -> f64 {
        let part = if self.is_logarithmic {
            (value.max(self.from) / self.from).log10() / (self.to / self.from).log10()
        } else {
            (value - self.from) / (self.to - self.from)
        };
        self.ends.0 + part * (self.ends.1 - self.ends.0)
    }

    fn ticks(&self) -> Vec<f64> {
        let step = step_of(self.to - self.from);
        let mut ticks = Vec::new();
        let mut tick = self.from;
        while tick <= self.to * 1.0001 + step * 0.0001 {
            ticks.push(tick);
            tick = if self.is_logarithmic { tick * 10.0 } else { tick + step };
        }
        ticks
    }
}

/// 1, 2 or 5 of a decade, so that there are five to ten of them.
fn step_of(range: f64) -> f64 {
    let decade = 10_f64.powf((range / 5.0).log10().floor());
    let fitting = [5.0, 2.0, 1.0].map(|of| of * decade);
    fitting.into_iter().find(|step| range / step >= 5.0).unwrap_or(decade)
}

fn number(value: f64) -> String {
    let (value, unit) = match value.abs() {
        1_000_000.0.. => (value / 1e6, "M"),
        10_000.0.. => (value / 1e3, "k"),
        _ => (value, ""),
    };
    let digits = match value.abs() {
        100.0.. => 0,
        10.0.. => 1,
        _ => 2,
    };
    let text = format!("{value:.digits$}");
    let text =
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    let text = if text == "-0" { "0" } else { text };
    format!("{}{unit}", text.replace('-', "−"))
}

/// Panels one below the other: the median as a bar or a dot, the rounds as a range.
pub fn bars(name: &str, title: &str, panels: &[Panel]) {
    let mut picture = Picture::new(title).of_rounds();
    for panel in panels {
        panel.draw(&mut picture);
    }
    picture.height += 14.0;
    picture.keep(name);
}

impl Panel {
    fn draw(&self, picture: &mut Picture) {
        let top = picture.height + 36.0;
        picture.text((16.0, top - 12.0), "", "start", &self.title);
        let bottom = self.bars.iter().fold(top, |y, _| y + ROW);
        let most = self.bars.iter().map(|bar| bar.value.high).fold(f64::MIN_POSITIVE, f64::max);
        let least = self.bars.iter().map(|bar| bar.value.low).fold(f64::INFINITY, f64::min);
        let scale = if self.is_logarithmic {
            Scale::decades((least, most), (LEFT, RIGHT))
        } else {
            Scale::linear((0.0, most), (LEFT, RIGHT))
        };
        picture.across(&scale, top, bottom);
        let mut middle = top + ROW / 2.0;
        for bar in &self.bars {
            let Spread { median, low, high } = bar.value;
            picture.text((LEFT - 10.0, middle + 4.5), "", "end", &bar.label);
            let (x, class) = (scale.place(median), if bar.is_ours { "s0" } else { "bar" });
            if self.is_logarithmic {
                picture.dot(class, (x, middle));
            } else {
                picture.rectangle(class, (LEFT, middle - 8.0), (x - LEFT, 16.0));
            }
            let (low, high) = (scale.place(low), scale.place(high));
            picture.line("range", (low, middle), (high, middle));
            for end in [low, high] {
                picture.line("range", (end, middle - 4.0), (end, middle + 4.0));
            }
            picture.text((high.max(x) + 9.0, middle + 4.5), "quiet", "start", &number(median));
            middle += ROW;
        }
        picture.height = bottom + 22.0;
    }
}

/// Lines over a scale of decades, with the rounds as a range at each point.
pub fn lines(name: &str, title: &str, (x_title, y_title): (&str, &str), lines: &[Line]) {
    let mut picture = Picture::new(title).of_rounds();
    let (left, right, top, bottom) = (80.0, WIDTH - 30.0, 96.0, 400.0);
    let points = || lines.iter().flat_map(|line| &line.points);
    let range = |least: &mut dyn Iterator<Item = f64>, most: &mut dyn Iterator<Item = f64>| {
        (least.fold(f64::INFINITY, f64::min), most.fold(f64::MIN_POSITIVE, f64::max))
    };
    let xs = range(&mut points().map(|(x, _)| *x), &mut points().map(|(x, _)| *x));
    let ys = range(&mut points().map(|(_, y)| y.low), &mut points().map(|(_, y)| y.high));
    let x_scale = Scale::decades(xs, (left, right));
    let y_scale = Scale::decades(ys, (bottom, top));
    picture.across(&x_scale, top, bottom);
    picture.upwards(&y_scale, (left, right));
    picture.text((left.midpoint(right), bottom + 36.0), "quiet", "middle", x_title);
    picture.text((16.0, top - 12.0), "quiet", "start", y_title);
    let mut key = 16.0;
    for (line, colour) in lines.iter().zip(0..4) {
        let (fill, stroke) = (format!("s{colour}"), format!("l{colour}"));
        let places: Vec<(f64, f64)> =
            line.points.iter().map(|(x, y)| (x_scale.place(*x), y_scale.place(y.median))).collect();
        for pair in places.windows(2) {
            picture.line(&format!("line {stroke}"), pair[0], pair[1]);
        }
        for ((x, y), (_, of)) in places.iter().zip(&line.points) {
            picture.line("range", (*x, y_scale.place(of.low)), (*x, y_scale.place(of.high)));
            picture.dot(&fill, (*x, *y));
        }
        picture.dot(&fill, (key + 5.0, 50.0));
        picture.text((key + 16.0, 54.5), "", "start", &line.label);
        key += line.label.chars().fold(52.0, |width, _| width + 6.6);
    }
    picture.height = bottom + 52.0;
    picture.keep(name);
}

/// Histograms one below the other, each over a scale of its own that shows nothing, too.
pub fn histograms(name: &str, title: &str, histograms: &[Histogram]) {
    let mut picture = Picture::new(title);
    for histogram in histograms {
        histogram.draw(&mut picture);
    }
    picture.height += 14.0;
    picture.keep(name);
}

impl Histogram {
    fn draw(&self, picture: &mut Picture) {
        let top = picture.height + 40.0;
        let bottom = top + 130.0;
        picture.text((16.0, top - 14.0), "", "start", &self.title);
        let least = self.values.iter().copied().fold(0.0, f64::min);
        let most = self.values.iter().copied().fold(0.0, f64::max);
        // A value at the end of the scale needs a column, too.
        let scale = Scale::linear((least, most * 1.0001 + 1e-6), (80.0, WIDTH - 30.0));
        let width = step_of(scale.to - scale.from) / 5.0;
        let mut columns = Vec::new();
        let mut from = scale.from;
        while from < scale.to - width / 2.0 {
            let is_in = |value: &&f64| **value >= from && **value < from + width;
            let found = u32::try_from(self.values.iter().filter(is_in).count()).unwrap();
            columns.push((from, f64::from(found)));
            from += width;
        }
        let most_found = columns.iter().map(|(_, found)| *found).fold(1.0, f64::max);
        let heights = Scale::linear((0.0, most_found.max(5.0)), (bottom, top));
        picture.across(&scale, top, bottom);
        picture.upwards(&heights, (scale.ends.0, scale.ends.1));
        for (from, found) in columns.into_iter().filter(|(_, found)| *found > 0.0) {
            let (x, y) = (scale.place(from), heights.place(found));
            let across = scale.place(from + width) - x - 1.0;
            picture.rectangle("s0", (x + 0.5, y), (across, bottom - y));
        }
        let zero = scale.place(0.0);
        picture.line("range", (zero, top - 6.0), (zero, bottom));
        picture.height = bottom + 22.0;
    }
}
