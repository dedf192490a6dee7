//! The document against the routes, and against itself.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{document, json};
use crate::config::tests::config;
use crate::routes::{Optional, Routes};

/// Method and path of every operation.
fn described() -> BTreeSet<(String, String)> {
    let document = serde_json::to_value(document(&config(&[]))).unwrap();
    let paths = document["paths"].as_object().unwrap().clone();
    let operations = |(path, item): (String, Value)| {
        let methods =
            item.as_object().unwrap().keys().map(|method| method.to_uppercase()).collect::<Vec<_>>();
        methods.into_iter().map(move |method| (method, path.clone()))
    };
    paths.into_iter().flat_map(operations).collect()
}

/// The same of every route. HEAD comes with GET, and how much of a path a parameter takes is the router's.
fn registered() -> BTreeSet<(String, String)> {
    let routes = Routes::all(Optional { metrics: true, swagger: true });
    let of = |endpoint: &crate::routes::Endpoint| {
        let path = endpoint.path().replace(":.*}", "}");
        let methods = endpoint.methods().iter().filter(|method| *method != "HEAD").map(ToString::to_string);
        methods.map(|method| (method, path.clone())).collect::<Vec<_>>()
    };
    routes.endpoints().iter().flat_map(of).collect()
}

#[test]
fn every_route_is_described_and_nothing_else() {
    assert_eq!(described(), registered());
}

#[test]
fn every_reference_leads_somewhere_and_every_component_is_used() {
    let text = json(&config(&[]));
    let document: Value = serde_json::from_str(&text).unwrap();
    let referred: BTreeSet<_> =
        text.split('"').filter_map(|part| part.strip_prefix("#/components/")).map(str::to_owned).collect();
    let components = document["components"].as_object().unwrap();
    let kept = components.iter().filter(|(kind, _)| *kind != "securitySchemes");
    let there: BTreeSet<_> = kept
        .flat_map(|(kind, all)| all.as_object().unwrap().keys().map(move |name| format!("{kind}/{name}")))
        .collect();
    assert_eq!(referred, there);
    for scheme in components["securitySchemes"].as_object().unwrap().keys() {
        assert!(text.contains(&format!("\"{scheme}\": []")), "{scheme}");
    }
}

#[test]
fn operations_have_names_of_their_own() {
    let document = serde_json::to_value(document(&config(&[]))).unwrap();
    let mut names = BTreeSet::new();
    for item in document["paths"].as_object().unwrap().values() {
        for operation in item.as_object().unwrap().values() {
            let name = operation["operationId"].as_str().unwrap().to_owned();
            assert!(names.insert(name.clone()), "{name} is there twice");
        }
    }
}

#[test]
fn it_says_which_server_it_describes() {
    let config = config(&[("BASE_URL", "https://id.example.com/auth")]);
    let document = serde_json::to_value(document(&config)).unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["info"]["title"], "Authgate API");
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(document["servers"][0]["url"], "https://id.example.com/auth");
    let session = &document["components"]["securitySchemes"]["Session"];
    assert_eq!((&session["in"], &session["name"]), (&"cookie".into(), &"oauth_session".into()));
}
