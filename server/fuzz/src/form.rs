//! Form bodies and queries.

use std::collections::BTreeSet;

use authgate_core::form::Params;

/// What is accepted is bounded, names no parameter twice, means what any lenient parser makes of it, and survives being
/// written again.
pub fn check(data: &[u8]) {
    let Ok(params) = Params::parse(data) else { return };
    let pairs: Vec<_> = params.pairs().collect();
    assert!(pairs.len() <= 64);
    let lenient: Vec<_> = form_urlencoded::parse(data).collect();
    assert!(pairs.iter().copied().eq(lenient.iter().map(|(name, value)| (name.as_ref(), value.as_ref()))));
    let mut names = BTreeSet::new();
    for (name, value) in &pairs {
        assert!(*name == "resource" || names.insert(*name), "{name} stands twice");
        assert!(!name.contains('\0') && !value.contains('\0'));
        let first = pairs.iter().find(|(known, value)| known == name && !value.is_empty());
        assert_eq!(params.get(name), first.map(|(_, value)| *value));
    }
    let again: String = form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
    let again = Params::parse(again.as_bytes()).expect("what is written by the rules is read");
    assert!(again.pairs().eq(pairs.iter().copied()));
}
