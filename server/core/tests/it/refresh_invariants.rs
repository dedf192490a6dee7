//! The invariants of refresh tokens, each by its number. The simulation checks them together, `race` checks them with
//! threads (I1, I2, I10).

use authgate_core::error::Code;
use authgate_core::grants;
use authgate_core::secret::{base64url, from_base64url};

use crate::flow::{WITHDRAWALS, Withdrawal, sign_out};
use crate::world::{App, Tokens, WINDOW, World, refusal};

const ROWS: [&str; 2] = ["families", "tokens"];

fn criticals(world: &World) -> i64 {
    world.number("SELECT COUNT(*) FROM audit_logs WHERE severity = 'CRITICAL'")
}

/// A grant whose first refresh token was used `generations` times: all its answers, oldest first.
fn line(world: &World, app: &App, generations: usize) -> Vec<Tokens> {
    let mut line = vec![world.tokens(app, &[("scope", "read")]).1];
    for _ in 0..generations {
        line.push(world.refresh(app, line[line.len() - 1].refresh()).unwrap());
    }
    line
}

#[test]
fn i1_a_generation_is_left_once() {
    let world = World::new();
    let app = world.web_app();
    let first = line(&world, &app, 0).remove(0);
    for _ in 0..5 {
        world.refresh(&app, first.refresh()).unwrap();
        assert_eq!(world.number("SELECT generation FROM families"), 2);
    }
}

#[test]
fn i2_every_answer_to_one_token_carries_the_same_refresh_token() {
    let world = World::new();
    let app = world.web_app();
    let first = line(&world, &app, 0).remove(0);
    let child = world.refresh(&app, first.refresh()).unwrap();
    for seconds in [0, 1, WINDOW - 1] {
        world.clock.advance(seconds);
        assert_eq!(world.refresh(&app, first.refresh()).unwrap().refresh(), child.refresh());
    }
}

#[test]
fn i3_after_an_end_is_committed_nothing_of_the_grant_is_live() {
    for (name, withdraw) in WITHDRAWALS.into_iter().chain([("logout", sign_out as Withdrawal)]) {
        let world = World::new();
        let (approval, first) = world.tokens(&world.web_app(), &[("scope", "read")]);
        let second = world.refresh(&approval.app, first.refresh()).unwrap();
        assert!(world.live(&first).is_some() && world.live(&second).is_some());
        withdraw(&world, &approval);
        for tokens in [&first, &second] {
            assert!(world.live(tokens).is_none(), "{name}");
            assert_eq!(refusal(world.refresh(&approval.app, tokens.refresh())), Code::InvalidGrant, "{name}");
        }
    }
}

#[test]
fn i4_reuse_ends_the_family_and_leaves_exactly_one_critical_event() {
    for late in [false, true] {
        let world = World::new();
        let app = world.web_app();
        // Two generations old, or the parent later than the window.
        let line = line(&world, &app, if late { 1 } else { 2 });
        if late {
            world.clock.advance(WINDOW + 1);
        }
        for _ in 0..3 {
            assert_eq!(refusal(world.refresh(&app, line[0].refresh())), Code::InvalidGrant);
        }
        assert_eq!(
            world.number("SELECT COUNT(*) FROM families WHERE state = 'revoked' AND why = 'reuse'"),
            1
        );
        assert_eq!(world.number("SELECT COUNT(*) FROM tokens WHERE status = 'active'"), 0);
        assert_eq!(criticals(&world), 1);
        assert!(line.iter().all(|tokens| world.live(tokens).is_none()));
    }
}

#[test]
fn i5_a_refused_request_changes_no_byte() {
    let world = World::new();
    let (app, other) = (world.web_app(), world.web_app());
    let tokens = world.tokens(&app, &[("scope", "read")]).1;
    let before = world.dump(&ROWS);
    let own = tokens.refresh();
    let refused = [
        refusal(world.refresh(&app, "agr_")),
        refusal(world.refresh(&other, own)),
        refusal(world.refresh(&App { secret: None, ..app.clone() }, own)),
        refusal(world.refresh_with(&app, own, &[("scope", "write")])),
        refusal(world.refresh_with(&app, own, &[("resource", "https://api.example")])),
        refusal(world.refresh(&app, tokens.access().expose())),
    ];
    assert_eq!(
        refused,
        [
            Code::InvalidGrant,
            Code::InvalidGrant,
            Code::InvalidClient,
            Code::InvalidScope,
            Code::InvalidTarget,
            Code::InvalidGrant
        ]
    );
    assert_eq!(world.dump(&ROWS), before);
}

#[test]
fn i6_retries_extend_nothing() {
    let world = World::new();
    let app = world.web_app();
    let first = line(&world, &app, 1).remove(0);
    let times = || {
        ["rotated_at", "idle_until", "expires_at", "last_used_at", "generation"]
            .map(|column| world.number(&format!("SELECT {column} FROM families")))
    };
    let before = times();
    for _ in 0..4 {
        world.clock.advance(WINDOW / 4);
        world.refresh(&app, first.refresh()).unwrap();
        assert_eq!(times(), before);
    }
    world.clock.advance(1);
    assert_eq!(refusal(world.refresh(&app, first.refresh())), Code::InvalidGrant);
}

#[test]
fn i7_whatever_is_lost_between_commit_and_answer_the_newest_delivered_token_works() {
    let world = World::new();
    let app = world.web_app();
    let mut delivered = line(&world, &app, 0).remove(0);
    for round in 0..20 {
        let pairs = [("grant_type", "refresh_token"), ("refresh_token", delivered.refresh())];
        let request = app.request(&pairs).unwrap();
        match round % 3 {
            0 => world.write_and_die(|tx, env| grants::exchange(tx, env, &request)),
            1 => drop(world.write(|tx, env| grants::exchange(tx, env, &request)).unwrap()),
            _ => {}
        }
        world.clock.advance(WINDOW);
        delivered = world.refresh(&app, delivered.refresh()).unwrap();
    }
}

#[test]
fn i8_owner_and_thief_on_one_copy_neither_keeps_a_working_token() {
    // Whoever refreshes first, the other comes later than the window.
    let world = World::new();
    let app = world.web_app();
    let stolen = line(&world, &app, 0).remove(0);
    let of_thief = world.refresh(&app, stolen.refresh()).unwrap();
    let of_thief_again = world.refresh(&app, of_thief.refresh()).unwrap();
    world.clock.advance(WINDOW + 1);
    assert_eq!(refusal(world.refresh(&app, stolen.refresh())), Code::InvalidGrant);
    for tokens in [&stolen, &of_thief, &of_thief_again] {
        assert_eq!(refusal(world.refresh(&app, tokens.refresh())), Code::InvalidGrant);
        assert!(world.live(tokens).is_none());
    }
}

#[test]
fn i9_another_clients_token_never_revokes() {
    let world = World::new();
    let (app, other) = (world.web_app(), world.native_app());
    let line = line(&world, &app, 3);
    let before = world.dump(&ROWS);
    for tokens in &line {
        assert_eq!(refusal(world.refresh(&other, tokens.refresh())), Code::InvalidGrant);
    }
    assert_eq!((world.dump(&ROWS), criticals(&world)), (before, 0));
    world.refresh(&app, line[3].refresh()).unwrap();
}

#[test]
fn i9_adv_13_a_token_with_any_other_bit_never_revokes() {
    let world = World::new();
    let app = world.web_app();
    let tokens = line(&world, &app, 2);
    let before = world.dump(&ROWS);
    let bytes = from_base64url(tokens[2].refresh().strip_prefix("agr_").unwrap()).unwrap();
    for bit in 0..bytes.len() * 8 {
        let mut touched = bytes.clone();
        touched[bit / 8] ^= 1 << (bit % 8);
        let forged = format!("agr_{}", base64url(&touched));
        assert_eq!(refusal(world.refresh(&app, &forged)), Code::InvalidGrant, "bit {bit}");
    }
    assert_eq!((world.dump(&ROWS), criticals(&world)), (before, 0));
}

#[test]
fn i9_adv_13_a_token_in_any_other_text_never_revokes() {
    let world = World::new();
    let app = world.web_app();
    let tokens = line(&world, &app, 2);
    let before = world.dump(&ROWS);
    let genuine = tokens[2].refresh();
    let body = genuine.strip_prefix("agr_").unwrap();
    // 58 bytes are 77 characters and two bits: three other last characters decode to the same bytes for a lax reader.
    let (head, last) = genuine.split_at(genuine.len() - 1);
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let value = alphabet.find(last).unwrap();
    let stray = (1..16).map(|bits| format!("{head}{}", &alphabet[value + bits..=value + bits]));
    let others = [
        format!("{genuine}="),
        format!("{genuine}=="),
        format!("{genuine} "),
        format!(" {genuine}"),
        format!("{genuine}\n"),
        format!("{genuine}A"),
        format!("AGR_{body}"),
        body.to_owned(),
        format!("agr_{}", body.replace('-', "+").replace('_', "/") + "=="),
        head.to_owned(),
        genuine[..20].to_owned(),
    ];
    for text in stray.chain(others) {
        assert_eq!(refusal(world.refresh(&app, &text)), Code::InvalidGrant, "{text:?}");
    }
    assert_eq!(world.dump(&ROWS), before);
    world.refresh(&app, genuine).unwrap();
}
