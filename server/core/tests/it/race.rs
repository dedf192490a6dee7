//! Sixteen at once, each with a connection of its own to one real database.

use std::sync::{Arc, Barrier};
use std::thread;

use authgate_core::consent;
use authgate_core::error::{Code, Result};
use authgate_core::grants::{self, TokenRequest};
use serde_json::Value;

use crate::flow::DEVICE;
use crate::world::{Tokens, World, refusal};

const THREADS: usize = 16;

/// Every thread sends the same request at the same moment; their answers.
fn race(world: &World, request: &TokenRequest) -> Vec<Result<Value>> {
    let barrier = Barrier::new(THREADS);
    let one = || {
        let ctx = world.ctx();
        barrier.wait();
        let issued = world.store.write(|tx| grants::exchange(tx, world.env(&ctx), request))?;
        Ok(serde_json::to_value(issued.sign(world.keys, &world.policy)?)?)
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(one)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

fn one_winner(answers: Vec<Result<Value>>) {
    let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert_eq!((won.len(), lost.len()), (1, THREADS - 1));
    assert!(lost.into_iter().all(|answer| refusal(answer) == Code::InvalidGrant));
}

#[test]
fn rfc6749_4_1_2_adv_34_a_code_raced_by_16_gives_one_answer() {
    let world = World::new();
    let approval = world.code(&world.web_app(), &[]);
    one_winner(race(&world, &approval.app.request(&approval.redemption()).unwrap()));
    assert_eq!(world.number("SELECT COUNT(*) FROM families WHERE state = 'active'"), 1);
    assert_eq!(world.number("SELECT COUNT(*) FROM tokens WHERE status = 'active'"), 1);
}

#[test]
fn d09_a_device_code_raced_by_16_gives_one_answer() {
    let world = World::new();
    let app = world.native_app();
    let asked = world.device(&app, None, &[]).unwrap();
    world.approve_device(&app, &asked);
    let request = app.request(&[("grant_type", DEVICE), ("device_code", asked.device_code.expose())]);
    one_winner(race(&world, &request.unwrap()));
    assert_eq!(world.number("SELECT COUNT(*) FROM tokens"), 1);
}

#[test]
fn i10_adv_03_a_refresh_token_raced_by_16_rotates_once_and_all_answers_agree() {
    let world = World::new();
    let app = world.web_app();
    let (_, tokens) = world.tokens(&app, &[]);
    let request = app.request(&[("grant_type", "refresh_token"), ("refresh_token", tokens.refresh())]);
    let answers = race(&world, &request.unwrap());
    let answers: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
    assert!(answers.iter().all(|answer| answer["refresh_token"] == answers[0]["refresh_token"]));
    let mut access: Vec<_> = answers.iter().map(|answer| answer["access_token"].as_str().unwrap()).collect();
    access.sort_unstable();
    access.dedup();
    assert_eq!(access.len(), THREADS);
    assert_eq!(world.number("SELECT generation FROM families"), 2);
    assert_eq!(world.number("SELECT retries FROM families"), 15);
}

#[test]
fn a_revocation_that_races_sixteen_refreshes_wins() {
    let world = Arc::new(World::new());
    let app = world.web_app();
    let (approval, tokens) = world.tokens(&app, &[]);
    let request =
        app.request(&[("grant_type", "refresh_token"), ("refresh_token", tokens.refresh())]).unwrap();
    let withdrawing = {
        let world = world.clone();
        thread::spawn(move || {
            let ctx = world.ctx();
            world.store.write(|tx| consent::withdraw(tx, world.env(&ctx), &approval.consent, None)).unwrap()
        })
    };
    let answers = race(&world, &request);
    assert!(withdrawing.join().unwrap());
    for answer in answers {
        match answer {
            Ok(json) => assert!(world.live(&Tokens { json }).is_none()),
            Err(error) => assert_eq!(error.code(), Some(Code::InvalidGrant)),
        }
    }
    assert_eq!(refusal(world.refresh(&app, tokens.refresh())), Code::InvalidGrant);
}
