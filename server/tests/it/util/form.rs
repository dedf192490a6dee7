//! The forms of a page, read as a browser reads them.

use super::{Client, Reply, Request};

/// The origin that browsers send with forms of a server with default settings.
pub const ORIGIN: &str = "http://localhost:8080";

/// A form, with the values it would send.
#[derive(Clone, Debug)]
pub struct Form {
    /// Where it goes.
    pub action: String,
    fields: Vec<(String, String)>,
    /// Names and values of its buttons.
    buttons: Vec<(String, String)>,
}

impl Form {
    /// The value of a field.
    pub fn field(&self, name: &str) -> &str {
        let found = self.fields.iter().find(|(known, _)| known == name);
        &found.unwrap_or_else(|| panic!("no field {name} in {:?}", self.fields)).1
    }

    /// True if there is such a field.
    pub fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|(known, _)| known == name)
    }

    /// Fills a field in, or adds it.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        let at = self.fields.iter().position(|(known, _)| known == name);
        match at {
            Some(at) => value.clone_into(&mut self.fields[at].1),
            None => self.fields.push((name.to_owned(), value.to_owned())),
        }
        self
    }

    /// Leaves a field out.
    pub fn without(mut self, name: &str) -> Self {
        assert!(self.has(name), "no field {name} in {:?}", self.fields);
        self.fields.retain(|(known, _)| known != name);
        self
    }

    /// Presses the button with this value.
    pub fn press(self, value: &str) -> Self {
        let button = self.buttons.iter().find(|(_, known)| known == value).cloned();
        let (name, value) = button.unwrap_or_else(|| panic!("no button {value} in {:?}", self.buttons));
        self.with(&name, &value)
    }

    /// Presses its first button.
    pub fn press_any(self) -> Self {
        let button = self.buttons.first().cloned();
        button.into_iter().fold(self, |form, (name, value)| form.with(&name, &value))
    }

    /// The fields, as a request carries them.
    pub fn pairs(&self) -> Vec<(&str, &str)> {
        self.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }
}

impl Client {
    /// Sends a form as a browser does from a page of the server's own.
    pub async fn submit(&self, form: Form) -> Reply {
        self.submission(&form).send().await
    }

    /// The request of a form that is sent.
    pub fn submission(&self, form: &Form) -> Request {
        let request =
            self.post(&form.action).header("origin", ORIGIN).header("sec-fetch-site", "same-origin");
        request.header("accept", "text/html").form(&form.pairs())
    }
}

impl Reply {
    /// All forms of the page.
    pub fn forms(&self) -> Vec<Form> {
        let mut forms: Vec<Form> = Vec::new();
        let mut open = false;
        for tag in tags(self.text()) {
            match tag.name {
                "form" => {
                    assert_eq!(tag.get("method").as_deref(), Some("post"), "every form of ours posts");
                    let action = tag.get("action").expect("a form says where it goes");
                    forms.push(Form { action, fields: Vec::new(), buttons: Vec::new() });
                    open = true;
                }
                "/form" => open = false,
                "input" | "button" => {
                    assert!(open, "{tag:?} stands outside of a form");
                    let form = forms.last_mut().expect("one is open");
                    let value = tag.get("value").unwrap_or_default();
                    let Some(name) = tag.get("name") else { continue };
                    match (tag.name, tag.get("type").as_deref()) {
                        ("button", _) => form.buttons.push((name, value)),
                        // An empty box is not sent.
                        (_, Some("checkbox")) => {}
                        _ => form.fields.push((name, value)),
                    }
                }
                _ => {}
            }
        }
        forms
    }

    /// The one form that goes to `action`.
    pub fn form_to(&self, action: &str) -> Form {
        let mut found: Vec<_> = self.forms().into_iter().filter(|form| form.action == action).collect();
        assert_eq!(found.len(), 1, "{} forms to {action} in {} {}", found.len(), self.status, self.text());
        found.remove(0)
    }

    /// The text between `<title>` and its end.
    pub fn title(&self) -> &str {
        let text = self.text();
        let start = text.find("<title>").unwrap_or_else(|| panic!("no page: {text}")) + "<title>".len();
        &text[start..start + text[start..].find("</title>").expect("it ends")]
    }
}

/// A start or end tag.
#[derive(Debug)]
pub struct Tag<'a> {
    /// Its name, with a slash in front if it ends something.
    pub name: &'a str,
    attributes: &'a str,
}

impl Tag<'_> {
    /// The value of an attribute.
    pub fn get(&self, name: &str) -> Option<String> {
        let (_, rest) = self.attributes.split_once(&format!(" {name}=\""))?;
        Some(unescape(rest.split('"').next()?))
    }
}

/// All tags of a page. Attribute values never contain `<` or `>`, since pages are escaped.
pub fn tags(html: &str) -> impl Iterator<Item = Tag<'_>> {
    html.split('<').skip(1).filter_map(|part| {
        let tag = part.split('>').next()?;
        let end = tag.find(char::is_whitespace).unwrap_or(tag.len());
        Some(Tag { name: &tag[..end], attributes: &tag[end..] })
    })
}

fn unescape(text: &str) -> String {
    let entities =
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#x27;", "'"), ("&#x3D;", "="), ("&#x60;", "`")];
    let text = entities.iter().fold(text.to_owned(), |text, (entity, plain)| text.replace(entity, plain));
    text.replace("&amp;", "&")
}
