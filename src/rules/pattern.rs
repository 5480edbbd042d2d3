//! Patterns of paths and hosts.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use super::path::decoded;

/// A pattern of a path: literal segments, `*` for one segment, `**` for any number, also none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PathPattern(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(String),
    One,
    Any,
}

impl Part {
    fn takes(&self, segment: &str) -> bool {
        match self {
            Self::Literal(text) => text == segment,
            Self::One => !segment.is_empty(),
            Self::Any => true,
        }
    }
}

impl PathPattern {
    /// The longest pattern, in segments. A set of places in it is one number.
    const LONGEST: usize = 63;
    /// The most steps of the comparison of two patterns.
    const COMPARING: u32 = 20_000;

    /// Matches every path.
    pub(super) fn everything() -> Self {
        Self(vec![Part::Any])
    }

    /// # Errors
    /// One sentence that says what to write instead.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let rest = text.strip_prefix('/').ok_or("begin the path with a slash")?;
        let segments: Vec<&str> = rest.split('/').collect();
        if segments.len() > Self::LONGEST {
            return Err(format!("write at most {} segments", Self::LONGEST));
        }
        let last = segments.len() - 1;
        let part = |(place, segment): (usize, &&str)| match *segment {
            "**" => Ok(Part::Any),
            "*" => Ok(Part::One),
            "." | ".." => {
                Err("leave out the segments . and .. , URLs come without them".to_owned())
            }
            "" if place < last => Err("write one slash, URLs with // are denied".to_owned()),
            _ if segment.contains('*') => {
                Err("let * stand for a whole segment, ** for any number of segments".to_owned())
            }
            _ if segment.contains(['?', '#']) => {
                Err("leave out the query, rules are about paths".to_owned())
            }
            _ => match decoded(segment) {
                Ok(text) => Ok(Part::Literal(text.into_owned())),
                Err(ambiguous) => Err(format!("{ambiguous}, and URLs of this kind are denied")),
            },
        };
        segments.iter().enumerate().map(part).collect::<Result<_, _>>().map(Self)
    }

    /// Whether a path of these segments matches.
    pub(super) fn matches(&self, segments: &[Cow<'_, str>]) -> bool {
        let (mut part, mut segment) = (0, 0);
        // Where the last ** stands, and the segment up to which it reaches so far.
        let mut retry = None;
        while segment < segments.len() {
            match self.0.get(part) {
                Some(Part::Any) => {
                    retry = Some((part, segment));
                    part += 1;
                }
                Some(one) if one.takes(&segments[segment]) => {
                    part += 1;
                    segment += 1;
                }
                _ => {
                    let Some((any, reached)) = retry else { return false };
                    retry = Some((any, reached + 1));
                    (part, segment) = (any + 1, reached + 1);
                }
            }
        }
        self.0[part..].iter().all(|part| *part == Part::Any)
    }

    /// Whether every path that matches `other` matches this pattern, too.
    ///
    /// Both read all paths at once, a segment at a time, as sets of places where they may be. The
    /// segments to try are the literals of both, and one that is in neither. There may be as many
    /// sets as there are subsets of the places, so each step takes one of `steps`. When none is left,
    /// or one pair has used its share, the answer is `false`.
    pub(super) fn covers(&self, other: &Self, steps: &mut u32) -> bool {
        if self == other {
            return true;
        }
        let mut left = Self::COMPARING.min(*steps);
        let before = left;
        let covers = self.covers_within(other, &mut left);
        *steps -= before - left;
        covers
    }

    /// The shortest path that matches, with segments that no pattern has for those that may be any.
    /// A pattern that does not match it does not cover this one.
    pub(super) fn example(&self) -> Vec<Cow<'static, str>> {
        let segment = |part: &Part| match part {
            Part::Literal(text) => Some(Cow::Owned(text.clone())),
            Part::One => Some(Cow::Borrowed("\0")),
            Part::Any => None,
        };
        let segments: Vec<_> = self.0.iter().filter_map(segment).collect();
        if segments.is_empty() { vec![Cow::Borrowed("")] } else { segments }
    }

    fn covers_within(&self, other: &Self, steps: &mut u32) -> bool {
        let literal = |part: &Part| match part {
            Part::Literal(text) => Some(text.clone()),
            Part::One | Part::Any => None,
        };
        let mut letters: BTreeSet<String> =
            self.0.iter().chain(&other.0).filter_map(literal).collect();
        let unlike_all = letters.iter().map(String::len).max().unwrap_or_default() + 1;
        letters.insert("x".repeat(unlike_all));
        // An empty segment can only be the last one.
        letters.remove("");
        let mut seen = BTreeSet::new();
        let mut next = vec![(other.closure(1), self.closure(1))];
        while let Some((theirs, ours)) = next.pop() {
            if other.accepts(other.after(theirs, "")) && !self.accepts(self.after(ours, "")) {
                return false;
            }
            for letter in &letters {
                let Some(left) = steps.checked_sub(1) else { return false };
                *steps = left;
                let (theirs, ours) = (other.after(theirs, letter), self.after(ours, letter));
                if other.accepts(theirs) && !self.accepts(ours) {
                    return false;
                }
                if theirs != 0 && seen.insert((theirs, ours)) {
                    next.push((theirs, ours));
                }
            }
        }
        true
    }

    /// The places that are reached from these without a segment.
    fn closure(&self, places: u64) -> u64 {
        self.0.iter().enumerate().fold(places, |places, (place, part)| {
            let passes = *part == Part::Any && places & (1 << place) != 0;
            if passes { places | 1 << (place + 1) } else { places }
        })
    }

    /// The places that are reached from these by one segment.
    fn after(&self, places: u64, segment: &str) -> u64 {
        let mut reached = 0;
        for (place, part) in self.0.iter().enumerate() {
            if places & (1 << place) != 0 && part.takes(segment) {
                reached |= 1 << if *part == Part::Any { place } else { place + 1 };
            }
        }
        self.closure(reached)
    }

    fn accepts(&self, places: u64) -> bool {
        places & (1 << self.0.len()) != 0
    }
}

/// A pattern of a host: its name, or `*.` and the rest of it for one label; perhaps with a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HostPattern {
    /// The name, or what follows the `*`, beginning with a dot.
    name: String,
    port: Option<u16>,
}

impl HostPattern {
    /// # Errors
    /// One sentence that says what to write instead.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let form = || "write a host, for example wiki.example.org or *.example.org".to_owned();
        let (host, is_wild) = match text.strip_prefix('*') {
            Some(rest) => (rest.strip_prefix('.').ok_or_else(form)?, true),
            None => (text, false),
        };
        let url = url::Url::parse(&format!("https://{host}/")).map_err(|_| form())?;
        let known = |c: char| !c.is_whitespace() && !c.is_control() && !"/\\?#@%*".contains(c);
        if host.is_empty() || !host.chars().all(known) {
            return Err(form());
        }
        let name = url.host_str().ok_or_else(form)?;
        let name = if is_wild { format!(".{name}") } else { name.to_owned() };
        // The parser drops a port that is the default of the scheme.
        let port = host.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
        Ok(Self { name, port })
    }

    /// Whether a host (in lower case) and its port match.
    pub(super) fn matches(&self, host: &str, port: u16) -> bool {
        self.has(host) && self.port.is_none_or(|own| own == port)
    }

    /// Whether every host that matches `other` matches this pattern, too.
    pub(super) fn covers(&self, other: &Self) -> bool {
        (self.name == other.name || (!other.is_wild() && self.has(&other.name)))
            && (self.port.is_none() || self.port == other.port)
    }

    fn has(&self, host: &str) -> bool {
        if !self.is_wild() {
            return host == self.name;
        }
        let label = host.strip_suffix(&self.name);
        label.is_some_and(|label| !label.is_empty() && !label.contains('.'))
    }

    fn is_wild(&self) -> bool {
        self.name.starts_with('.')
    }
}

/// Decoded.
impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|part| match part {
            Part::Literal(text) => write!(f, "/{text}"),
            Part::One => f.write_str("/*"),
            Part::Any => f.write_str("/**"),
        })
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_wild() {
            f.write_str("*")?;
        }
        f.write_str(&self.name)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}
