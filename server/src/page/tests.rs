//! Every page, rendered strictly in every state, and with texts that want out.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::samples::{self, Sample};
use super::{Pages, templates};

fn pages() -> Pages {
    Pages::new("/auth").expect("the templates compile")
}

fn render(pages: &Pages, sample: &Sample) -> String {
    pages.render_context(sample.template, &sample.context).unwrap()
}

/// The sample with `change` applied to every text of it, however deep.
fn with_texts(sample: &Sample, change: &impl Fn(&str) -> String) -> Sample {
    fn walk(value: &mut Value, change: &impl Fn(&str) -> String) {
        match value {
            Value::String(text) => *text = change(text),
            Value::Array(values) => values.iter_mut().for_each(|value| walk(value, change)),
            Value::Object(fields) => fields.values_mut().for_each(|value| walk(value, change)),
            _ => {}
        }
    }
    let mut context = sample.context.clone();
    walk(&mut context, change);
    Sample { context, ..*sample }
}

fn count(html: &str) -> [usize; 4] {
    ['<', '>', '"', '\''].map(|mark| html.matches(mark).count())
}

#[test]
fn every_sample_renders_as_one_whole_page() {
    let pages = pages();
    for sample in samples::all(&pages) {
        let html = render(&pages, &sample);
        let name = sample.name;
        assert!(html.starts_with("<!doctype html>") && html.trim_end().ends_with("</html>"), "{name}");
        assert_eq!(html.matches("<h1").count(), 1, "{name}: one heading names the page");
        assert_eq!(html.matches("<main").count(), 1, "{name}");
        assert!(!html.contains("{{"), "{name}");
    }
}

#[test]
fn every_template_has_a_sample_and_every_file_is_embedded() {
    let pages = pages();
    let sampled: BTreeSet<_> = samples::all(&pages).iter().map(|sample| sample.template).collect();
    for (name, _) in templates::FILES {
        let shared = name.contains('/') || *name == "layout";
        assert!(shared || sampled.contains(name), "{name} has no sample");
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
    let mut found = BTreeSet::new();
    for below in ["", "partial/", "icon/"] {
        for entry in std::fs::read_dir(folder.join(below)).unwrap() {
            let file = entry.unwrap().file_name().into_string().unwrap();
            if let Some(name) = file.strip_suffix(".hbs") {
                found.insert(format!("{below}{name}"));
            }
        }
    }
    let embedded: BTreeSet<_> = templates::FILES.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(found, embedded);
}

#[test]
fn adv_28_no_text_opens_a_tag_or_leaves_its_attribute() {
    let pages = pages();
    let hostile = [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "' autofocus onfocus='alert(1)",
        "</title></textarea><b>",
        "{{title}}{{{title}}}",
        "javascript:alert(1)//<!--",
    ];
    for sample in samples::all(&pages) {
        let tame = count(&render(&pages, &with_texts(&sample, &|text| format!("{text}x"))));
        for hostile in hostile {
            let html = render(&pages, &with_texts(&sample, &|text| format!("{text}{hostile}")));
            assert_eq!(count(&html), tame, "{} with {hostile}", sample.name);
        }
    }
}

#[test]
fn adv_28_no_text_turns_the_page_around() {
    let pages = pages();
    for sample in samples::all(&pages) {
        let html =
            render(&pages, &with_texts(&sample, &|text| format!("\u{202e}{text}\u{2067}\u{200f}\u{0}")));
        assert!(!html.contains(['\u{202e}', '\u{2067}', '\u{200f}', '\u{0}']), "{}", sample.name);
        assert!(html.contains('\u{fffd}'), "{}", sample.name);
    }
}

#[test]
fn long_names_and_foreign_hosts_are_shown_whole() {
    let pages = pages();
    for text in ["W".repeat(200), "日".repeat(200), "xn--80ak6aa92e.example".to_owned()] {
        for sample in samples::all(&pages).into_iter().filter(|sample| sample.name != "login") {
            let html = render(&pages, &with_texts(&sample, &|_| text.clone()));
            assert!(html.contains(&text), "{}", sample.name);
        }
    }
}

/// A field that is printed fails loudly when it is missing; so does a list. (A condition does not: see below.)
#[test]
fn a_missing_field_fails() {
    let pages = pages();
    let sample = samples::all(&pages).into_iter().find(|sample| sample.name == "consent-full").unwrap();
    for field in ["csrf_token", "interaction", "client_name", "redirect_host", "token_lifetime", "title"] {
        let mut context = sample.context.clone();
        context.as_object_mut().unwrap().remove(field).expect(field);
        assert!(pages.render_context(sample.template, &context).is_err(), "{field}");
    }
}

/// Strictness does not reach conditions, where a misspelt name would silently be false.
#[test]
fn every_name_in_a_condition_is_a_field_of_some_view() {
    fn names(value: &Value, known: &mut BTreeSet<String>) {
        match value {
            Value::Array(values) => values.iter().for_each(|value| names(value, known)),
            Value::Object(fields) => fields.iter().for_each(|(name, value)| {
                known.insert(name.clone());
                names(value, known);
            }),
            _ => {}
        }
    }
    let mut known = BTreeSet::new();
    for sample in samples::all(&pages()) {
        names(&sample.context, &mut known);
    }
    let mut seen = 0;
    for (template, text) in templates::FILES {
        for opening in ["{{#if ", "{{#unless ", "{{#if (eq ", "{{#if (or "] {
            for condition in text.split(opening).skip(1).filter(|rest| !rest.starts_with('(')) {
                let end = condition.find(['}', ' ', ')']).unwrap();
                assert!(known.contains(&condition[..end]), "{template}: {}", &condition[..end]);
                seen += 1;
            }
        }
    }
    assert!(seen > 20, "the search finds the conditions");
}

#[test]
fn d22_nothing_inline_nothing_from_elsewhere_and_one_script_of_ours() {
    const SCRIPT: &str = "<script src=\"{{@root.base}}{{script}}\"></script>";
    for (name, text) in templates::FILES {
        let text = if *name == "continue" { text.replacen(SCRIPT, "", 1) } else { (*text).to_owned() };
        for forbidden in
            ["<script", "<style", " style=", "javascript:", "http:", "https:", "src=", "{{{", "{{&"]
        {
            assert!(!text.contains(forbidden), "{name} has {forbidden}");
        }
        let handler = |rest: &str| rest.trim_start_matches(char::is_alphabetic).starts_with('=');
        assert!(!text.split(" on").skip(1).any(handler), "{name} has an event handler");
    }
}

#[test]
fn every_form_that_posts_carries_a_csrf_token() {
    let pages = pages();
    for sample in samples::all(&pages) {
        let html = render(&pages, &sample);
        for form in html.split("<form").skip(1) {
            let form = &form[..form.find("</form>").unwrap()];
            // Signing in and out go by what the browser says about the origin (sessions-and-consent.md, 5), and what
            // is posted to an application is its own.
            let by_origin = ["/login", "/logout", "/oauth/logout"]
                .iter()
                .any(|path| form.contains(&format!("action=\"/auth{path}\"")));
            let by_origin = by_origin || form.contains("action=\"https://app.example.com/");
            assert!(form.contains("method=\"post\""), "{}", sample.name);
            assert_eq!(form.contains("name=\"csrf_token\""), !by_origin, "{}", sample.name);
        }
    }
}

#[test]
fn the_layout_links_assets_that_exist() {
    let pages = pages();
    let sample = samples::all(&pages).remove(0);
    let html = render(&pages, &sample);
    for link in html.split("<link").skip(1) {
        let path = link.split("href=\"").nth(1).unwrap().split('"').next().unwrap();
        let path = path.strip_prefix("/auth").expect("links begin with the path of the issuer");
        assert!(pages.asset(path).is_some_and(|asset| !asset.bytes.is_empty()), "{path}");
    }
    let stylesheet = sample.context["stylesheet"].as_str().unwrap();
    assert!(pages.asset(stylesheet).unwrap().immutable && pages.asset(&pages.form_post()).unwrap().immutable);
    assert!(pages.asset("/static/dist/main-0000000000000000.css").is_none());
}
