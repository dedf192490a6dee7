//! The trail is a chain: whatever is done to a row afterwards is noticed.

use authgate_core::audit::{self, Entry, Event, Filter, Origin, Severity};
use authgate_core::context::Context;
use authgate_core::db::Store;
use authgate_core::error::{Error, Result};

use crate::world::{START, World};

fn say(world: &World, name: &str) {
    let event = Event::info("LOGOUT", "User signed out").named(name);
    world.write(|tx, env| event.write(tx, env.origin, env.ctx)).unwrap();
}

fn world_of(events: usize) -> World {
    let world = World::new();
    (0..events).for_each(|n| say(&world, &format!("user {n}")));
    world
}

fn problems(world: &World, expected: &[(String, i64, String)]) -> Vec<String> {
    world.read(|tx, _| audit::verify(tx, expected)).unwrap().1.problems
}

fn head(world: &World) -> (String, i64, String) {
    let (heads, _) = world.read(|tx, _| audit::verify(tx, &[])).unwrap();
    (heads[0].writer.clone(), heads[0].sequence, heads[0].hash.clone())
}

fn tamper(world: &World, sql: &str) {
    world.write(|tx, _| tx.execute(sql, &[])).unwrap();
}

fn entries(world: &World) -> Vec<Entry> {
    world.read(|tx, _| audit::page(tx, &Filter::default(), None, (10_000, 0))).unwrap()
}

#[test]
fn a_trail_that_nobody_touched_verifies() {
    let world = world_of(1200);
    let (heads, verdict) = world.read(|tx, _| audit::verify(tx, &[])).unwrap();
    assert_eq!((heads.len(), heads[0].sequence, verdict.verified, verdict.unchained), (1, 1200, 1200, 0));
    assert!(verdict.problems.is_empty());
    assert!(problems(&world, &[head(&world)]).is_empty());
}

#[test]
fn a_changed_row_is_found() {
    for column in
        ["event_type", "actor_username", "actor_ip", "details", "error_message", "severity", "request_path"]
    {
        let world = world_of(5);
        let value = if column == "severity" { "CRITICAL" } else { "forged" };
        tamper(&world, &format!("UPDATE audit_logs SET {column} = '{value}' WHERE sequence = 3"));
        let found = problems(&world, &[]);
        assert!(found.len() == 1 && found[0].contains("link 3 of main"), "{column}: {found:?}");
    }
    let world = world_of(5);
    tamper(&world, "UPDATE audit_logs SET event_time = event_time - 1, success = 0 WHERE sequence = 5");
    assert!(problems(&world, &[])[0].contains("link 5"));
}

#[test]
fn a_removed_row_is_found_in_the_middle_and_at_the_end() {
    let world = world_of(5);
    tamper(&world, "DELETE FROM audit_logs WHERE sequence IN (2, 3)");
    assert!(problems(&world, &[])[0].contains("links 2 to 3 of main are missing"));
    let world = world_of(5);
    tamper(&world, "DELETE FROM audit_logs WHERE sequence = 5");
    assert!(problems(&world, &[])[0].contains("ends at link 4, and its newest was 5"));
}

#[test]
fn a_row_put_in_later_is_found() {
    let world = world_of(3);
    tamper(
        &world,
        "INSERT INTO audit_logs (id, event_type, event_time, severity, action, success) \
         VALUES ('ffffffff', 'LOGOUT', 0, 'INFO', 'x', 1)",
    );
    assert!(problems(&world, &[])[0].contains("ffffffff is no link"));
    for (writer, sequence) in [("main", -5), ("main", 0), ("other", 1)] {
        let world = world_of(3);
        tamper(
            &world,
            &format!(
                "INSERT INTO audit_logs (id, event_type, event_time, severity, action, success, writer, sequence) \
                 VALUES ('forged', 'LOGOUT', 0, 'INFO', 'x', 1, '{writer}', {sequence})"
            ),
        );
        assert!(problems(&world, &[])[0].contains("1 rows claim to be links"), "{writer} {sequence}");
    }
}

/// Whoever can write the table can also compute hashes; a link that was kept elsewhere still tells.
#[test]
fn a_chain_written_anew_is_not_the_one_that_was_kept() {
    let world = world_of(5);
    let kept = head(&world);
    tamper(&world, "DELETE FROM audit_logs");
    tamper(&world, "DELETE FROM audit_heads");
    (0..6).for_each(|n| say(&world, &format!("forged {n}")));
    assert!(problems(&world, &[]).is_empty(), "by itself it cannot be told");
    assert!(
        problems(&world, std::slice::from_ref(&kept))[0].contains("link 5 of main is not the one expected")
    );
    tamper(&world, "DELETE FROM audit_logs");
    tamper(&world, "DELETE FROM audit_heads");
    assert!(problems(&world, &[kept])[0].contains("link 5 of main is expected and not there"));
}

#[test]
fn what_is_rolled_back_is_no_link() {
    let world = world_of(2);
    let failed: Result<()> = world.write(|tx, env| {
        Event::info("LOGOUT", "x").write(tx, env.origin, env.ctx)?;
        Err(Error::failed("no"))
    });
    assert!(failed.is_err());
    world.write_and_die(|tx, env| Event::info("LOGOUT", "x").write(tx, env.origin, env.ctx));
    say(&world, "after");
    assert_eq!(head(&world).1, 3);
    assert!(problems(&world, &[]).is_empty());
}

#[test]
fn an_entry_that_comes_twice_is_one_link() {
    let world = world_of(1);
    let entry = world.read(|_, env| Ok(Event::info("LOGOUT", "x").entry(env.origin, env.ctx))).unwrap();
    for _ in 0..3 {
        let entry = entry.clone();
        world.write(|tx, _| audit::append(tx, entry)).unwrap();
    }
    say(&world, "after");
    assert_eq!((head(&world).1, entries(&world).len()), (3, 3));
    assert!(problems(&world, &[]).is_empty());
}

#[test]
fn writers_that_alternate_continue_one_chain() {
    let world = world_of(1);
    let store = world.store.clone();
    for n in 0..20 {
        say(&world, "server");
        let entry = world.read(|_, env| Ok(Event::info("LOGOUT", "x").entry(env.origin, env.ctx))).unwrap();
        if n % 3 == 0 {
            store.write(|tx| audit::append(tx, entry)).unwrap();
        }
    }
    assert_eq!(head(&world).1, 28);
    assert!(problems(&world, &[]).is_empty());
}

#[test]
fn retention_removes_the_oldest_and_what_is_left_verifies() {
    let world = world_of(700);
    let kept = head(&world);
    world.clock.advance(1000);
    (0..300).for_each(|n| say(&world, &format!("new {n}")));
    let (before, now) = (START + 500, START + 1000);
    let mut removed = 0;
    loop {
        let step = world.write(|tx, _| audit::remove_old(tx, before, now)).unwrap();
        assert!(step <= 500, "steps are small");
        removed += step;
        if step == 0 {
            break;
        }
    }
    assert_eq!((removed, entries(&world).len()), (700, 300));
    assert!(problems(&world, &[kept]).is_empty(), "the last removed link is still known");
    say(&world, "after");
    assert!(problems(&world, &[]).is_empty());
    tamper(&world, "DELETE FROM audit_logs WHERE sequence = 701");
    assert!(problems(&world, &[])[0].contains("701"));
}

#[test]
fn retention_is_not_stopped_by_an_event_from_a_wrong_clock() {
    let world = world_of(2);
    world.clock.advance(1_000_000_000);
    say(&world, "from the future");
    world.clock.advance(-1_000_000_000 + 10_000);
    (0..3).for_each(|_| say(&world, "now"));
    let remove = |before, now| world.write(|tx, _| audit::remove_old(tx, before, now)).unwrap();
    assert_eq!((remove(START + 5000, START + 10_000), entries(&world).len()), (2, 4));
    assert_eq!(remove(START + 5000, START + 10_000), 0, "by itself it stays");
    // With what is old and came after it, it goes; the newest link stays.
    assert_eq!((remove(START + 20_000, START + 20_000), entries(&world).len()), (3, 1));
    assert!(problems(&world, &[]).is_empty());
}

#[test]
fn a_clock_that_is_behind_removes_nothing() {
    let world = world_of(20);
    for now in [START - 1, START - 3600, 0] {
        assert_eq!(world.write(|tx, _| audit::remove_old(tx, now - 100, now)).unwrap(), 0, "{now}");
    }
    assert_eq!(entries(&world).len(), 20);
}

#[test]
fn events_of_older_versions_are_told_apart_and_go_too() {
    let world = World::new();
    tamper(
        &world,
        "INSERT INTO audit_logs (id, event_type, event_time, severity, action, success) VALUES ('0', 'LOGOUT', 5, 'INFO', 'x', 1)",
    );
    say(&world, "chained");
    let (_, verdict) = world.read(|tx, _| audit::verify(tx, &[])).unwrap();
    assert_eq!((verdict.verified, verdict.unchained, verdict.problems.len()), (1, 1, 0));
    assert_eq!(world.write(|tx, _| audit::remove_old(tx, 6, START)).unwrap(), 1);
    assert_eq!(entries(&world).len(), 1);
}

#[test]
fn without_a_trail_nothing_is_written() {
    let world = World::new();
    let store: Store = world.store.clone().unaudited();
    let entry = world.read(|_, env| Ok(Event::info("LOGOUT", "x").entry(env.origin, env.ctx))).unwrap();
    let ctx = Context::new(&world.clock, world.random.clone());
    store
        .write(|tx| {
            Event::info("LOGOUT", "x").write(tx, &Origin::default(), &ctx)?;
            audit::append(tx, entry)
        })
        .unwrap();
    assert!(entries(&world).is_empty());
}

#[test]
fn a_reader_writes_no_event() {
    let world = World::new();
    let refused = world.read(|tx, env| Event::info("LOGOUT", "x").write(tx, env.origin, env.ctx));
    assert!(refused.unwrap_err().to_string().contains("through a reader"));
}

#[test]
fn questions_find_what_they_ask_for() {
    let world = World::new();
    let tell = |event: Event<'_>| {
        world.write(|tx, env| event.write(tx, env.origin, env.ctx)).unwrap();
        world.clock.advance(1);
    };
    tell(Event::info("LOGOUT", "User signed out").by("u1").named("alice"));
    tell(
        Event::warning("CLIENT_DELETED", "OAuth client deleted")
            .by("u2")
            .on("CLIENT", "c1")
            .called("100% Web_App"),
    );
    let failed = Event::warning("AUTHENTICATION_FAILURE", "User login attempt failed").named("Mallory");
    tell(Event { error: Some("invalid credentials"), ..failed });
    let found = |filter: Filter| {
        let entries = world.read(|tx, _| audit::page(tx, &filter, None, (10, 0))).unwrap();
        let count = world.read(|tx, _| audit::count(tx, &filter)).unwrap();
        assert_eq!(usize::try_from(count), Ok(entries.len()));
        entries.into_iter().map(|entry| entry.event_type).collect::<Vec<_>>().join(" ")
    };
    let text = |text: &str| Some(text.to_owned());
    let none = Filter::default;
    assert_eq!(found(none()), "AUTHENTICATION_FAILURE CLIENT_DELETED LOGOUT", "newest first");
    assert_eq!(found(Filter { event_type: text("LOGOUT"), ..none() }), "LOGOUT");
    assert_eq!(found(Filter { actor_user_id: text("u2"), ..none() }), "CLIENT_DELETED");
    assert_eq!(
        found(Filter { resource_type: text("CLIENT"), resource_id: text("c1"), ..none() }),
        "CLIENT_DELETED"
    );
    assert_eq!(found(Filter { severity: Some(Severity::Info), ..none() }), "LOGOUT");
    assert_eq!(found(Filter { success: Some(false), ..none() }), "AUTHENTICATION_FAILURE");
    assert_eq!(found(Filter { actor_ip: text("192.0.2.1"), ..none() }).split(' ').count(), 3);
    assert_eq!(
        found(Filter { start_time: Some(START), end_time: Some(START + 1), ..none() }).split(' ').count(),
        2
    );
    assert_eq!(found(Filter { start_time: Some(START + 3), ..none() }), "");
    for (search, expected) in [
        ("mallory", "AUTHENTICATION_FAILURE"),
        ("SIGNED", "LOGOUT"),
        ("100%", "CLIENT_DELETED"),
        ("Web_", "CLIENT_DELETED"),
        ("b_A", "CLIENT_DELETED"),
        ("bxA", ""),
        ("' OR 1=1 --", ""),
    ] {
        assert_eq!(found(Filter { search: text(search), ..none() }), expected, "{search}");
    }
    let stats = world.read(|tx, _| audit::stats(tx, &none())).unwrap();
    assert_eq!((stats.total_events, stats.success_count, stats.failure_count), (3, 2, 1));
    assert_eq!(stats.events_by_severity["WARNING"], 2);
    assert_eq!(stats.events_by_type["LOGOUT"], 1);
}
