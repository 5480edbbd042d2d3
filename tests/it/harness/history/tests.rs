//! Histories made by hand: the guilty are found so by the rule that they break, and by no other;
//! the innocent are not.

use std::time::Duration;

use super::judge::{Law, Rule, judge};
use super::{Answer, Operation, Record, Reply, Spread, Tail, Token, tails};

const ADA: u32 = 1;
const BOB: u32 = 2;

fn token(name: &str) -> Token {
    Token::new(name)
}

/// An operation between two instants, in milliseconds.
fn operation((begun, ended): (u64, u64), operation: Operation, answer: Answer) -> Record {
    let (begun, ended) = (Duration::from_millis(begun), Duration::from_millis(ended));
    Record { client: 0, node: Some(0), begun, ended, operation, answer }
}

fn done(when: (u64, u64), what: Operation) -> Record {
    operation(when, what, Answer::Done(Reply::default()))
}

fn gives(when: (u64, u64), what: Operation, new: &str) -> Record {
    let told = Reply { token: Some(token(new)), about: None };
    operation(when, what, Answer::Done(told))
}

fn refused(when: (u64, u64), what: Operation, why: &str) -> Record {
    operation(when, what, Answer::Refused(why.to_owned()))
}

fn unknown(when: (u64, u64), what: Operation) -> Record {
    operation(when, what, Answer::Unknown)
}

fn sign_up(when: (u64, u64), person: u32, new: &str) -> Record {
    gives(when, Operation::SignUp { person, password: 1 }, new)
}

fn with_password(person: u32, password: u32) -> Operation {
    Operation::SignIn { person, password, brought: None }
}

fn check(name: &str) -> Operation {
    Operation::Check { token: token(name) }
}

fn sign_out(name: &str) -> Operation {
    Operation::End { target: token(name), by: None, why: "signed_out" }
}

fn revoke(name: &str, by: &str) -> Operation {
    Operation::End { target: token(name), by: Some(token(by)), why: "revoked_by_user" }
}

fn end_all(person: u32) -> Operation {
    Operation::EndAll { person, by: None, why: "revoked_by_admin" }
}

fn rotate(name: &str) -> Operation {
    Operation::Rotate { token: token(name), password: 1 }
}

fn change_password(name: &str) -> Operation {
    Operation::ChangePassword { token: token(name), from: 1, to: 2 }
}

fn check_about(when: (u64, u64), name: &str, person: u32, admin: bool) -> Record {
    operation(when, check(name), Answer::Done(Reply { token: None, about: Some((person, admin)) }))
}

/// Ada signs up in one browser and signs in in another.
fn two_browsers() -> Vec<Record> {
    vec![sign_up((0, 10), ADA, "laptop"), gives((20, 30), with_password(ADA, 1), "phone")]
}

#[track_caller]
fn innocent(name: &str, operations: Vec<Record>) {
    let records = [two_browsers(), operations].concat();
    let verdict = judge(&records, &Law::default());
    assert!(verdict.faults.is_empty(), "{name}: {:#?}", verdict.faults);
}

/// That this rule is broken, and no other is.
#[track_caller]
fn guilty(rule: Rule, name: &str, operations: Vec<Record>) {
    let records = [two_browsers(), operations].concat();
    let verdict = judge(&records, &Law::default());
    assert!(!verdict.faults.is_empty(), "{name} is not found");
    assert!(verdict.faults.iter().all(|fault| fault.rule == rule), "{name}: {:#?}", verdict.faults);
    let lenient = judge(&records, &Law::default().without(rule));
    assert!(lenient.faults.is_empty(), "{name} is found without {rule:?}");
}

#[test]
fn what_begins_after_an_end_was_answered_is_not_accepted() {
    let ends = [
        ("sign out", done((100, 110), sign_out("phone"))),
        ("revoke one", done((100, 110), revoke("phone", "laptop"))),
        ("end all", done((100, 110), end_all(ADA))),
        ("end others", gives((100, 110), Operation::EndOthers { token: token("laptop") }, "new")),
        ("a new password", gives((100, 110), change_password("laptop"), "new")),
        ("disable", done((100, 110), Operation::SetActive { person: ADA, active: false })),
        ("a new role", done((100, 110), Operation::SetAdmin { person: ADA, admin: true })),
        ("the node is gone", done((100, 110), Operation::Lost { node: 0 })),
        (
            "sign in again",
            gives(
                (100, 110),
                Operation::SignIn { person: ADA, password: 1, brought: Some(token("phone")) },
                "new",
            ),
        ),
    ];
    for (name, end) in ends {
        let after = done((111, 120), check("phone"));
        guilty(Rule::AcceptedAfterEnd, name, vec![end.clone(), after]);
        let at_once = done((110, 120), check("phone"));
        innocent(name, vec![end.clone(), at_once]);
        let meanwhile = done((105, 150), check("phone"));
        innocent(name, vec![end.clone(), meanwhile]);
        let unanswered = Record { answer: Answer::Unknown, ..end };
        innocent(name, vec![unanswered, done((200, 210), check("phone"))]);
    }
}

#[test]
fn a_session_ends_with_a_change_it_was_to_outlive_only_if_kept_elsewhere_and_unheard_of() {
    let changes = [
        (Operation::EndOthers { token: token("phone") }, "revoked_by_user"),
        (change_password("phone"), "password_changed"),
    ];
    for (change, reason) in changes {
        let told = refused((120, 130), check("phone"), reason);
        let unheard = Record { answer: Answer::Unknown, ..done((100, 110), change.clone()) };
        let heard = gives((100, 110), change, "new");
        for (operation, in_two_stores, is_a_fault) in
            [(&unheard, true, false), (&unheard, false, true), (&heard, true, true)]
        {
            let records = [two_browsers(), vec![operation.clone(), told.clone()]].concat();
            let law = Law { in_two_stores, ..Law::default() };
            let rules: Vec<_> =
                judge(&records, &law).faults.iter().map(|fault| fault.rule).collect();
            let expected = if is_a_fault { vec![Rule::FalseReason] } else { vec![] };
            assert_eq!(rules, expected, "{operation:?}, {in_two_stores}");
        }
    }
}

#[test]
fn any_operation_under_a_token_is_a_check_of_it() {
    let end = done((100, 110), sign_out("phone"));
    for operation in [
        revoke("laptop", "phone"),
        Operation::EndAll { person: ADA, by: Some(token("phone")), why: "revoked_by_user" },
    ] {
        guilty(
            Rule::AcceptedAfterEnd,
            "an operation",
            vec![end.clone(), done((120, 130), operation)],
        );
    }
    for operation in [rotate("phone"), change_password("phone")] {
        let after = gives((120, 130), operation.clone(), "new");
        guilty(Rule::AcceptedAfterEnd, "an operation", vec![end.clone(), after]);
        let let_in = refused((120, 130), operation, "invalid_credentials");
        let records = [two_browsers(), vec![end.clone(), let_in]].concat();
        let rules: Vec<_> =
            judge(&records, &Law::default()).faults.iter().map(|fault| fault.rule).collect();
        assert_eq!(rules, [Rule::AcceptedAfterEnd, Rule::ChangeLost]);
    }
}

#[test]
fn a_session_that_was_renewed_ends_under_every_token() {
    let renewed = gives((100, 110), rotate("phone"), "new");
    // Whoever revoked it knew the old token.
    let end = done((105, 130), revoke("phone", "laptop"));
    let after = done((140, 150), check("new"));
    guilty(Rule::AcceptedAfterEnd, "renewed", vec![renewed.clone(), end.clone(), after]);
    let told =
        |reason| vec![renewed.clone(), end.clone(), refused((140, 150), check("new"), reason)];
    innocent("renewed", told("revoked_by_user"));
    guilty(Rule::FalseReason, "renewed", told("replaced"));
}

#[test]
fn a_token_that_was_rotated_away_is_not_accepted() {
    let renewed = gives((100, 110), rotate("phone"), "new");
    let after = |name| vec![renewed.clone(), done((120, 130), check(name))];
    guilty(Rule::OldTokenAccepted, "old", after("phone"));
    innocent("new", after("new"));
    let others = gives((100, 110), Operation::EndOthers { token: token("laptop") }, "new");
    let own = done((120, 130), check("laptop"));
    guilty(Rule::OldTokenAccepted, "end others", vec![others, own]);
    let cut = unknown((100, 110), rotate("phone"));
    innocent("cut, not done", vec![cut.clone(), done((120, 130), check("phone"))]);
    innocent("cut, done", vec![cut.clone(), refused((120, 130), check("phone"), "replaced")]);
    guilty(
        Rule::FalseReason,
        "cut, and another reason",
        vec![cut, refused((120, 130), check("phone"), "signed_out")],
    );
}

#[test]
fn a_sign_in_by_a_password_that_is_changed_meanwhile_comes_to_nothing() {
    let slow = gives((100, 200), with_password(ADA, 1), "slow");
    let change = gives((120, 150), change_password("laptop"), "new");
    let tale = |last| vec![slow.clone(), change.clone(), last];
    let accepted = done((210, 220), check("slow"));
    guilty(Rule::StaleProofAccepted, "the old password", tale(accepted));
    innocent("refused", tale(refused((210, 220), check("slow"), "password_changed")));
    innocent("let in before", tale(done((140, 220), check("slow"))));
    let by_the_new = gives((100, 200), with_password(ADA, 2), "slow");
    let records = vec![by_the_new, change, done((210, 220), check("slow"))];
    innocent("the new password", records);
}

#[test]
fn a_sign_in_beside_an_end_of_all_lives_or_not() {
    let (slow, all) =
        (gives((100, 200), with_password(ADA, 1), "slow"), done((120, 150), end_all(ADA)));
    let tale = |last| vec![slow.clone(), all.clone(), last];
    innocent("it lives", tale(done((210, 220), check("slow"))));
    innocent("it does not", tale(refused((210, 220), check("slow"), "revoked_by_admin")));
    let late = gives((160, 200), with_password(ADA, 1), "late");
    let gone = refused((210, 220), check("late"), "revoked_by_admin");
    guilty(Rule::FalseSignOut, "it began after", vec![all, late, gone]);
}

#[test]
fn a_live_session_is_not_said_to_be_over() {
    let gone = |when| refused(when, check("phone"), "no_session");
    guilty(Rule::FalseSignOut, "nothing happened", vec![gone((100, 110))]);
    let end = done((200, 210), sign_out("phone"));
    guilty(Rule::FalseSignOut, "before its end", vec![gone((100, 110)), end.clone()]);
    let while_it_ends = refused((205, 220), check("phone"), "signed_out");
    innocent("while it ends", vec![while_it_ends, end]);
    let not_tried = operation((90, 95), sign_out("phone"), Answer::NotTried);
    guilty(Rule::FalseSignOut, "the end was not tried", vec![not_tried, gone((100, 110))]);
    let refused_end = refused((90, 95), revoke("phone", "laptop"), "not_found");
    guilty(Rule::FalseSignOut, "the end was refused", vec![refused_end, gone((100, 110))]);
    let of_another = done((90, 95), sign_out("laptop"));
    guilty(Rule::FalseSignOut, "another's end", vec![of_another, gone((100, 110))]);
    let of_somebody_else = done((90, 95), end_all(BOB));
    guilty(Rule::FalseSignOut, "somebody else's", vec![of_somebody_else, gone((100, 110))]);
    let elsewhere = done((90, 95), Operation::Lost { node: 1 });
    guilty(Rule::FalseSignOut, "another node", vec![elsewhere, gone((100, 110))]);
    let own = gives((90, 95), Operation::EndOthers { token: token("phone") }, "new");
    let new_is_gone = refused((100, 110), check("new"), "no_session");
    guilty(Rule::NewTokenRefused, "its own end of others", vec![own, new_is_gone]);
    innocent("silence", vec![unknown((100, 110), check("phone"))]);
    let an_hour = 60 * 60 * 1000;
    innocent("an old session", vec![gone((an_hour, an_hour + 10))]);
}

#[test]
fn a_new_token_is_known_at_once() {
    let renewed = gives((100, 110), rotate("phone"), "new");
    let gone = refused((120, 130), check("new"), "no_session");
    guilty(Rule::NewTokenRefused, "a new token", vec![renewed, gone]);
}

#[test]
fn acknowledged_changes_are_not_lost() {
    let change = gives((100, 110), change_password("laptop"), "new");
    let after = |operation: Operation| vec![change.clone(), gives((120, 130), operation, "later")];
    guilty(Rule::ChangeLost, "the old password", after(with_password(ADA, 1)));
    innocent("the new password", after(with_password(ADA, 2)));
    let no = |password| {
        vec![
            change.clone(),
            refused((120, 130), with_password(ADA, password), "invalid_credentials"),
        ]
    };
    guilty(Rule::ChangeLost, "the new password is refused", no(2));
    innocent("the old password is refused", no(1));
    let proof = refused((120, 130), rotate("new"), "invalid_credentials");
    innocent("the old one is no proof", vec![change.clone(), proof]);
    let account = refused((120, 130), with_password(ADA, 1), "invalid_credentials");
    guilty(Rule::ChangeLost, "the account", vec![account]);
    for password in [1, 2] {
        let cut = unknown((100, 110), change_password("laptop"));
        let both = [
            gives((120, 130), with_password(ADA, password), "later"),
            refused((140, 150), with_password(ADA, 3 - password), "invalid_credentials"),
        ];
        innocent("a change that was cut", [vec![cut], both.to_vec()].concat());
    }
}

#[test]
fn a_standing_or_a_role_is_what_it_was_last_made() {
    let disable = done((100, 110), Operation::SetActive { person: ADA, active: false });
    let enable = done((120, 130), Operation::SetActive { person: ADA, active: true });
    let sign_in = |when| gives(when, with_password(ADA, 1), "later");
    let no = |when| refused(when, with_password(ADA, 1), "invalid_credentials");
    guilty(Rule::ChangeLost, "disabled", vec![disable.clone(), sign_in((140, 150))]);
    innocent("disabled", vec![disable.clone(), no((140, 150))]);
    let both = || vec![disable.clone(), enable.clone()];
    innocent("enabled", [both(), vec![sign_in((140, 150))]].concat());
    guilty(Rule::ChangeLost, "enabled", [both(), vec![no((140, 150))]].concat());
    innocent("meanwhile", [both(), vec![no((115, 150)), sign_in((125, 160))]].concat());
    let bob = sign_up((20, 30), BOB, "bob");
    let disabled = done((100, 110), Operation::SetActive { person: BOB, active: false });
    let begun_under_it = gives((90, 120), with_password(BOB, 1), "slow");
    let accepted = done((130, 140), check("slow"));
    guilty(
        Rule::ChangeLost,
        "a session of somebody disabled",
        vec![bob, disabled, begun_under_it, accepted],
    );

    let promote = done((100, 110), Operation::SetAdmin { person: ADA, admin: true });
    let again = gives((120, 130), with_password(ADA, 1), "later");
    let tale =
        |admin| vec![promote.clone(), again.clone(), check_about((140, 150), "later", ADA, admin)];
    guilty(Rule::ChangeLost, "the old role", tale(false));
    innocent("the new role", tale(true));
    guilty(
        Rule::ChangeLost,
        "a role from nowhere",
        vec![check_about((40, 50), "phone", ADA, true)],
    );
    // Whether the second change changes anything, is not known.
    let cut = unknown((100, 110), Operation::SetAdmin { person: ADA, admin: true });
    let same = done((120, 130), Operation::SetAdmin { person: ADA, admin: true });
    let between = gives((112, 118), with_password(ADA, 1), "later");
    innocent("twice", vec![cut, between, same, check_about((140, 150), "later", ADA, true)]);
}

#[test]
fn the_reported_reason_of_an_end_is_the_recorded_one() {
    let out = done((100, 110), sign_out("phone"));
    let all = done((120, 130), end_all(ADA));
    let told = |reason| vec![out.clone(), all.clone(), refused((140, 150), check("phone"), reason)];
    innocent("the first end", told("signed_out"));
    guilty(Rule::FalseReason, "the second end", told("revoked_by_admin"));
    guilty(Rule::FalseReason, "no end at all", told("idle_timeout"));
    let lost = done((200, 210), Operation::Lost { node: 0 });
    let after = refused((220, 230), check("phone"), "no_session");
    innocent("forgotten with its node", vec![out.clone(), lost, after]);
    let at_once = done((105, 130), end_all(ADA));
    for reason in ["signed_out", "revoked_by_admin"] {
        let answered = refused((140, 150), check("phone"), reason);
        innocent("both at once", vec![out.clone(), at_once.clone(), answered]);
    }
}

#[test]
fn a_token_is_of_one_person_and_is_handed_out_once() {
    let bob = sign_up((40, 50), BOB, "bob");
    let tale = |person| vec![bob.clone(), check_about((60, 70), "bob", person, false)];
    innocent("bob", tale(BOB));
    guilty(Rule::WrongPerson, "bob as ada", tale(ADA));
    let again = gives((60, 70), with_password(BOB, 1), "bob");
    guilty(Rule::TokenTwice, "twice", vec![bob, again]);
}

#[test]
fn every_rule_has_a_history_that_it_alone_finds_guilty() {
    let tests: String = include_str!("tests.rs").split_whitespace().collect();
    for rule in Rule::ALL {
        assert!(tests.contains(&format!("guilty(Rule::{rule:?},")), "{rule:?}");
    }
}

#[test]
fn what_is_counted_is_what_there_was() {
    let records = [
        two_browsers(),
        vec![
            done((100, 110), check("phone")),
            unknown((100, 110), check("phone")),
            done((120, 130), sign_out("phone")),
            refused((140, 150), check("phone"), "signed_out"),
        ],
    ]
    .concat();
    let counted = judge(&records, &Law::default()).counted;
    assert_eq!((counted.operations, counted.accepted, counted.refused), (6, 1, 1));
    assert_eq!((counted.unknown, counted.ends), (1, 1));
}

#[test]
fn a_tail_is_measured_from_the_request_and_to_the_answer() {
    let ms = Duration::from_millis;
    let tale = |last: (u64, u64)| {
        let records = [
            two_browsers(),
            vec![
                done((50, 60), check("phone")),
                done((100, 140), sign_out("phone")),
                done(last, check("phone")),
            ],
        ];
        tails(&records.concat())
    };
    let took = ms(40);
    let known = |let_in_for, left| vec![Tail { took, let_in_for, left }];
    assert_eq!(tale((110, 120)), known(ms(10), Some(ms(30))));
    assert_eq!(tale((70, 200)), known(ms(0), Some(ms(70))));
    assert_eq!(tale((150, 160)), known(ms(50), None));
}

#[test]
fn a_spread_is_printed_by_its_shares() {
    let spread = Spread::of((1..=100).rev().map(Duration::from_millis));
    assert_eq!(spread.at(0.0), Duration::from_millis(1));
    assert_eq!(spread.at(0.5), Duration::from_millis(51));
    assert_eq!(spread.at(1.0), Duration::from_millis(100));
    assert_eq!(Spread::of([]).at(0.5), Duration::ZERO);
    assert_eq!(spread.len(), 100);
}
