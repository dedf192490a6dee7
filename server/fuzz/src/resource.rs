//! Resource indicators (RFC 8707).

use authgate_core::resource::{MAX_VALUES, Resource, Resources};
use url::Url;

/// A resource on each line. What is accepted is absolute and of the web, is the same as itself in other letters, and lists
/// hold each once.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let lines: Vec<_> = text.split('\n').collect();
    let read: Vec<_> = lines.iter().filter_map(|line| Resource::parse(line).ok()).collect();
    for resource in &read {
        let text = resource.as_str();
        let url = Url::parse(text).expect("a URL");
        assert!(
            matches!(url.scheme(), "http" | "https") && url.host_str().is_some_and(|host| !host.is_empty())
        );
        assert!(url.fragment().is_none() && url.username().is_empty() && url.password().is_none());
        let (scheme, rest) = text.split_once("://").expect("a scheme");
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let shouted = format!("{}://{}{}", scheme.to_uppercase(), rest[..end].to_uppercase(), &rest[end..]);
        let shouted = Resource::parse(&shouted).expect("scheme and host are in any case");
        assert!(resource.same_as(&shouted) && shouted.same_as(resource));
        let again: Resource =
            serde_json::from_value(serde_json::to_value(resource).expect("text")).expect("the same");
        assert_eq!(*resource, again);
        for other in read.iter().filter(|other| other.same_as(resource)) {
            assert_eq!(Url::parse(other.as_str()).expect("a URL").origin(), url.origin());
        }
    }
    let Ok(all) = Resources::parse(lines.iter().copied()) else { return };
    assert!(all.len() <= MAX_VALUES && all.canonical().len() == all.len());
    assert!(all.within(&all) && read.iter().all(|resource| all.has(resource)));
    let narrowed = all.narrowed_by(&all, "refused").expect("all of it is within it");
    assert_eq!(narrowed, all);
}
