//! Scopes (RFC 6749 3.3).

use std::collections::BTreeSet;

use authgate_core::scope::Scope;

/// Only the grammar's characters, each name once, and the same again when read again.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let legal = text.bytes().all(|byte| matches!(byte, b' ' | b'!' | b'#'..=b'[' | b']'..=b'~'));
    let Ok(scope) = Scope::parse(text) else {
        assert!(!legal || text.len() > 2048, "a legal scope is refused");
        return;
    };
    assert!(legal && text.len() <= 2048);
    let names: Vec<_> = scope.iter().collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
    assert!(text.split(' ').filter(|name| !name.is_empty()).all(|name| scope.has(name)));
    assert_eq!(Scope::parse(&scope.to_string()).as_ref(), Ok(&scope));
    assert!(scope.within(&scope) && scope.is_enough_of(&scope));
    assert!(scope.filter(|_| false).is_empty());
}
