//! Holds `docs/security-checklist.md` to the tests, and the tests to it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The requirements of the first release: a family, its last number, and the numbers that are
/// missing or of later features. None of these may lose its row.
const FIRST_RELEASE: &[(&str, u16, &[u16])] = &[
    ("SID", 11, &[]),
    ("CK", 12, &[]),
    ("LIFE", 14, &[]),
    ("REV", 16, &[]),
    ("CACHE", 5, &[]),
    ("CSRF", 9, &[]),
    ("CORS", 2, &[]),
    ("RED", 3, &[2]),
    ("HOST", 2, &[]),
    ("FWDH", 4, &[]),
    ("SMUG", 3, &[]),
    ("ENUM", 7, &[]),
    ("THR", 14, &[13]),
    ("PW", 10, &[]),
    ("HASH", 8, &[]),
    ("HDR", 10, &[]),
    ("IN", 11, &[]),
    ("INJ", 3, &[]),
    ("LOG", 7, &[]),
    ("ERR", 3, &[]),
    ("OPS", 10, &[]),
    ("ADM", 6, &[]),
    ("STO", 5, &[]),
    ("IMP", 12, &[]),
    ("TOTP", 9, &[]),
    ("PK", 7, &[]),
    ("RC", 2, &[]),
];

/// Requirements of features that are not there yet: they have rows too, and give the reason.
const LATER: &[(&str, u16)] = &[("MAIL", 9), ("JWT", 11), ("FWD", 17), ("NODE", 2)];

/// The numbers of the attacks, with every gap.
const ATTACKS: &[u16] = &[
    1, 2, 3, 6, 10, 13, 14, 15, 16, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33,
    34, 36, 38, 41, 42, 43, 44, 45, 48, 49, 50, 51, 52, 53, 55, 57, 59, 60, 61, 63, 64, 65, 66, 67,
    70, 71, 72, 73, 74, 76, 77, 78, 79, 80, 81, 82, 85, 86, 88, 89, 91, 92, 93, 94, 96, 99, 100,
    101, 103, 104, 109, 110, 111, 113, 114, 116, 117, 118, 119, 120, 121, 122, 123, 125, 126, 127,
    129, 130, 133, 134, 135, 136, 137, 138, 139, 141, 143, 144, 145, 149, 150, 151, 152, 153, 159,
    160, 161, 162, 163, 165,
];

/// How many faults of others there are at least.
const FEWEST_FAULTS: usize = 70;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Requirements,
    Attacks,
    Faults,
}

/// By what a row is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Shown {
    DoesNotApply(String),
    By(Vec<String>),
}

#[derive(Clone, Debug)]
struct Row {
    part: Part,
    cells: Vec<String>,
}

impl Row {
    fn id(&self) -> &str {
        &self.cells[0]
    }

    /// How the names of its tests begin, if any have to.
    fn key(&self) -> Option<String> {
        match self.part {
            Part::Requirements => Some(self.id().to_lowercase().replace('-', "_")),
            Part::Attacks => Some(format!("attack_{}", self.id())),
            Part::Faults => None,
        }
    }

    fn shown(&self) -> Result<Shown, String> {
        let cell = self.cells.last().unwrap();
        if let Some(reason) = cell.strip_prefix("does not apply: ") {
            let reason = reason.trim();
            let told = reason.split(' ').count() >= 3;
            return told.then(|| Shown::DoesNotApply(reason.to_owned())).ok_or(cell.clone());
        }
        let quoted: Vec<_> = cell.split('`').collect();
        let between_is_a_comma = quoted.iter().step_by(2).enumerate().all(|(n, between)| {
            let at_an_end = n == 0 || n == quoted.len() / 2;
            *between == if at_an_end { "" } else { ", " }
        });
        let tests: Vec<_> = quoted.iter().skip(1).step_by(2).map(ToString::to_string).collect();
        let whole = quoted.len() % 2 == 1 && between_is_a_comma && !tests.is_empty();
        whole.then_some(Shown::By(tests)).ok_or(cell.clone())
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The rows of the page, in their order.
fn rows() -> Vec<Row> {
    let page = fs::read_to_string(root().join("docs/security-checklist.md")).unwrap();
    let (mut part, mut rows) = (None, Vec::new());
    for line in page.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            part = match title {
                "Requirements" => Some(Part::Requirements),
                "Attacks" => Some(Part::Attacks),
                "Faults of others" => Some(Part::Faults),
                _ => None,
            };
        }
        let (Some(part), Some(cells)) = (part, line.strip_prefix('|')) else { continue };
        let cells = cells.strip_suffix('|').unwrap_or_else(|| panic!("{line} does not end"));
        let cells: Vec<_> = cells.split('|').map(|cell| cell.trim().to_owned()).collect();
        let is_head = ["ID", "number", "what", "---"].contains(&cells[0].as_str());
        if !is_head {
            rows.push(Row { part, cells });
        }
    }
    rows
}

fn rows_of(part: Part) -> Vec<Row> {
    rows().into_iter().filter(|row| row.part == part).collect()
}

/// Every test there is, by the path that the page gives it.
fn tests() -> BTreeSet<String> {
    let mut tests = BTreeSet::new();
    for (folder, mark) in [("tests/it", ""), ("src", "unit: ")] {
        let mut folders = vec![root().join(folder)];
        while let Some(next) = folders.pop() {
            for entry in fs::read_dir(next).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if let Some(module) = module(path.strip_prefix(root().join(folder)).unwrap())
                {
                    let named = tests_in(&fs::read_to_string(&path).unwrap());
                    tests.extend(named.iter().map(|name| format!("{mark}{module}::{name}")));
                }
            }
        }
    }
    tests
}

/// The module of a file; `None` where it is no code.
fn module(path: &Path) -> Option<String> {
    let name = path.to_str()?.strip_suffix(".rs")?;
    Some(name.strip_suffix("/mod").unwrap_or(name).replace('/', "::"))
}

/// The names of the tests in a text: functions with the attribute, and the rules that run once for
/// each store.
fn tests_in(code: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut is_test = false;
    for line in code.lines().map(str::trim) {
        is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
        let function = line.strip_prefix("async fn ").or(line.strip_prefix("fn "));
        if let (true, Some(function)) = (is_test, function) {
            is_test = false;
            let letters = function.chars().take_while(|c| c.is_alphanumeric() || *c == '_');
            names.push(letters.collect::<String>());
        }
    }
    for on_stores in [
        "\non_one_store!(",
        "\non_each_store!(",
        "\non_each_database!(",
        "\non_every_store!(",
        "\nwith_each_keeping!(",
        "\nin_each_database!(",
    ] {
        for listed in code.split(on_stores).skip(1) {
            let listed = listed.split(')').next().unwrap();
            names.extend(listed.split(',').map(|name| name.trim().to_owned()));
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

/// The IDs with which the name of a test begins, as [`Row::key`] has them.
fn keys_of(test: &str) -> Vec<String> {
    let name = test.rsplit("::").next().unwrap();
    let families = FIRST_RELEASE.iter().map(|(family, ..)| *family);
    let families: BTreeSet<String> = families
        .chain(LATER.iter().map(|(family, _)| *family))
        .chain(["attack"])
        .map(str::to_lowercase)
        .collect();
    let words: Vec<_> = name.split('_').collect();
    let pairs = words.chunks_exact(2).take_while(|pair| {
        families.contains(pair[0]) && !pair[1].is_empty() && pair[1].parse::<u16>().is_ok()
    });
    pairs.map(|pair| pair.join("_")).collect()
}

#[test]
fn every_row_is_whole_and_there_once() {
    let mut seen = BTreeSet::new();
    for row in rows() {
        let cells = if row.part == Part::Attacks { 3 } else { 4 };
        assert_eq!(row.cells.len(), cells, "{row:?}");
        assert!(row.cells.iter().all(|cell| !cell.is_empty()), "{row:?}");
        assert!(seen.insert((row.part, row.id().to_owned())), "{} is there twice", row.id());
        if let Err(cell) = row.shown() {
            panic!("{}: write tests in `…`, or `does not apply: ` and why, not {cell}", row.id());
        }
    }
}

#[test]
fn no_row_has_vanished() {
    let known = |part| -> BTreeSet<String> {
        rows_of(part).iter().map(|row| row.id().to_owned()).collect()
    };
    let mut wanted = BTreeSet::new();
    for (family, last, _) in FIRST_RELEASE {
        wanted.extend((1..=*last).map(|number| format!("{family}-{number}")));
    }
    for (family, last) in LATER {
        wanted.extend((1..=*last).map(|number| format!("{family}-{number}")));
    }
    // Of later features, in families of the first release.
    wanted.extend(["REV-17", "REV-18", "INJ-4"].map(str::to_owned));
    assert_eq!(known(Part::Requirements), wanted);
    let attacks: BTreeSet<String> = ATTACKS.iter().map(ToString::to_string).collect();
    assert_eq!(known(Part::Attacks), attacks);
    assert!(rows_of(Part::Faults).len() >= FEWEST_FAULTS);
}

#[test]
fn every_test_that_a_row_names_exists() {
    let tests = tests();
    assert!(tests.len() > 300, "only {} tests were found", tests.len());
    let mut missing = Vec::new();
    for row in rows() {
        let Ok(Shown::By(named)) = row.shown() else { continue };
        let gone = named.into_iter().filter(|test| !tests.contains(test));
        missing.extend(gone.map(|test| format!("{}: there is no test {test}", row.id())));
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn every_requirement_of_the_first_release_is_shown_by_a_test_of_its_name() {
    let rows = rows_of(Part::Requirements);
    let mut unnamed = Vec::new();
    for (family, last, later) in FIRST_RELEASE {
        for number in (1..=*last).filter(|number| !later.contains(number)) {
            let id = format!("{family}-{number}");
            let row = rows.iter().find(|row| row.id() == id).unwrap();
            let key = row.key().unwrap();
            let is_named = match row.shown().unwrap() {
                Shown::By(tests) => tests.iter().any(|test| keys_of(test).contains(&key)),
                Shown::DoesNotApply(_) => true,
            };
            if !is_named {
                unnamed.push(format!("{id}: the name of no test begins with {key}_"));
            }
        }
    }
    assert!(unnamed.is_empty(), "{unnamed:#?}");
}

#[test]
fn every_test_named_by_a_row_is_in_that_row() {
    let rows = rows();
    let by_key: BTreeMap<_, _> = rows.iter().filter_map(|row| Some((row.key()?, row))).collect();
    let mut stale = Vec::new();
    for test in tests() {
        for key in keys_of(&test) {
            let Some(row) = by_key.get(&key) else {
                stale.push(format!("there is no row for {key} of {test}"));
                continue;
            };
            let listed = match row.shown().unwrap() {
                Shown::By(named) => named.contains(&test),
                Shown::DoesNotApply(_) => false,
            };
            if !listed {
                stale.push(format!("the row {} does not list {test}", row.id()));
            }
        }
    }
    assert!(stale.is_empty(), "{stale:#?}");
}

#[test]
fn the_security_policy_links_the_checklist_and_states_response_times() {
    let policy = fs::read_to_string(root().join("SECURITY.md")).unwrap();
    for told in ["(docs/security-checklist.md)", "**3 working days**", "**90 days**"] {
        assert!(policy.contains(told), "SECURITY.md does not say {told}");
    }
}

#[test]
fn tests_and_the_rows_in_their_names_are_found() {
    // Each line begins with a bar, so that this file has none of these tests.
    let code = "
        |#[test]
        |fn one() {}
        |    #[tokio::test(flavor = \"multi_thread\")]
        |    async fn sid_6_attack_2_two(kind: Kind) {}
        |fn no_test() {}
        |#[test]
        |fn three(text in any()) {}
        |on_each_store!(
        |    attack_3_four,
        |    five,
        |);
        |on_every_store!(six);";
    let code = code.replace("        |", "");
    assert_eq!(
        tests_in(&code),
        ["one", "sid_6_attack_2_two", "three", "attack_3_four", "five", "six"]
    );
    assert_eq!(keys_of("cookie::sid_6_attack_2_two"), ["sid_6", "attack_2"]);
    assert!(keys_of("cookie::attack_of_2").is_empty());
    assert!(keys_of("in_the_database").is_empty());
    assert_eq!(module(Path::new("security/mod.rs")).unwrap(), "security");
    let row = |cell: &str| Row { part: Part::Attacks, cells: vec!["1".into(), cell.into()] };
    assert_eq!(row("`a`, `b`").shown(), Ok(Shown::By(vec!["a".into(), "b".into()])));
    for broken in ["", "`a`; `b`", "`a` `b`", "a", "`a", "does not apply: ", "does not apply"] {
        assert!(row(broken).shown().is_err(), "{broken}");
    }
}
