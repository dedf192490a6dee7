//! `CONFIG_FILE`: the scopes and resources of a deployment, which do not fit into variables.

use std::collections::BTreeMap;
use std::fs;

use authgate_core::resource::Resource;
use authgate_core::user::Role;
use toml::{Table, Value};

use super::problem::{Problem, shown};
use super::reader::Reader;
use super::reference::settings;

settings! { "File";
    /// TOML file with the tables `[scopes]` and `[resources]`.
    CONFIG_FILE = "";
}

/// A scope as the consent page shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopeEntry {
    /// What it allows, in words.
    pub words: String,
    /// True if clients that registered themselves may ask for it.
    pub self_registered: bool,
    /// Only people of these roles may give it; empty for everybody.
    pub roles: Vec<Role>,
}

/// A resource that tokens can be for (RFC 8707).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceEntry {
    /// The indicator, spelled as it goes into `aud`.
    pub resource: Resource,
    /// What the consent page calls it.
    pub name: Option<String>,
    /// True if clients that registered themselves may ask for it.
    pub self_registered: bool,
}

type Scopes = BTreeMap<String, ScopeEntry>;
type Resources = BTreeMap<String, ResourceEntry>;

/// The scopes of the reference with its words, and OpenID Connect's two others; those that concern only the person themselves are for everybody.
const SCOPES: [(&str, &str, bool); 9] = [
    ("openid", "Verify your identity", true),
    ("profile", "Access your name and profile information", true),
    ("email", "Access your email address", true),
    ("address", "Access your postal address", false),
    ("phone", "Access your phone number", false),
    ("offline_access", "Access your data when you're not present (refresh tokens)", true),
    ("read", "Read your profile and data", false),
    ("write", "Create and modify data on your behalf", false),
    ("admin", "Full administrative access", false),
];

pub(super) fn read(reader: &mut Reader<'_>) -> (Scopes, Resources) {
    let known = |(name, words, own): (&str, &str, bool)| {
        (name.to_owned(), ScopeEntry { words: words.to_owned(), self_registered: own, roles: Vec::new() })
    };
    let (mut scopes, mut resources) = (SCOPES.map(known).into(), Resources::new());
    let Some(path) = reader.text(CONFIG_FILE) else { return (scopes, resources) };
    match fs::read_to_string(&path) {
        Err(error) => {
            reader.problem(CONFIG_FILE, format!("must name a text file that can be read ({error})"));
        }
        Ok(text) => match text.parse::<Table>() {
            Err(error) => reader.problem(CONFIG_FILE, not_toml(&text, &error)),
            Ok(table) => File { reader, path: &path }.read(&table, &mut scopes, &mut resources),
        },
    }
    (scopes, resources)
}

fn not_toml(text: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|span| text.get(..span.start));
    let line =
        before.map_or_else(String::new, |before| format!(", line {}", before.matches('\n').count() + 1));
    format!("must be TOML ({}{line})", error.message())
}

/// The file while it is read.
struct File<'r, 'a> {
    reader: &'r mut Reader<'a>,
    path: &'r str,
}

impl File<'_, '_> {
    fn read(&mut self, table: &Table, scopes: &mut Scopes, resources: &mut Resources) {
        for (key, value) in table {
            let value = (key.as_str(), value);
            match value {
                ("scopes", Value::Table(entries)) => {
                    entries.iter().for_each(|(name, entry)| self.scope(name, entry, scopes));
                }
                ("resources", Value::Table(entries)) => {
                    entries.iter().for_each(|(name, entry)| self.resource(name, entry, resources));
                }
                ("scopes" | "resources", value) => self.problem(key, value, "must be a table"),
                (_, value) => self.problem(key, value, "is unknown; the tables are scopes and resources"),
            }
        }
    }

    /// `read = "words"`, or a table; what a table of a known scope leaves out stays as it was.
    fn scope(&mut self, name: &str, value: &Value, scopes: &mut Scopes) {
        let key = format!("scopes.{name}");
        if name.is_empty()
            || !name.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\'))
        {
            return self.problem(&key, value, "must be a scope name of visible characters (RFC 6749 3.3)");
        }
        let known = scopes.get(name);
        let (mut words, mut self_registered) =
            (known.map(|known| known.words.clone()), known.is_some_and(|known| known.self_registered));
        let mut bound = Vec::new();
        self.members(&key, "words", value, |member, value| match member {
            "words" => text(value).map(|text| words = Some(text)),
            "self_registered" => flag(value).map(|flag| self_registered = flag),
            "roles" => roles(value).map(|roles| bound = roles),
            _ => Err("is unknown; a scope has words, self_registered and roles"),
        });
        match words {
            Some(words) => {
                scopes.insert(name.to_owned(), ScopeEntry { words, self_registered, roles: bound });
            }
            None => self.missing(&key, "words", value, "must say what the scope allows"),
        }
    }

    /// `files = "https://files.example.com"`, or a table.
    fn resource(&mut self, name: &str, value: &Value, resources: &mut Resources) {
        let key = format!("resources.{name}");
        let (mut uri, mut words, mut self_registered) = (None, None, false);
        self.members(&key, "uri", value, |member, value| match member {
            "uri" => text(value).map(|text| uri = Some(text)),
            "name" => text(value).map(|text| words = Some(text)),
            "self_registered" => flag(value).map(|flag| self_registered = flag),
            _ => Err("is unknown; a resource has uri, name and self_registered"),
        });
        let Some(uri) = uri else {
            return self.missing(&key, "uri", value, "must be the resource indicator");
        };
        let shown = Value::String(uri.clone());
        let Ok(parsed) = Resource::parse(&uri) else {
            let expected =
                "must be an absolute http or https URI with a host, without user, fragment or dot segments";
            return self.problem(&format!("{key}.uri"), &shown, expected);
        };
        if let Some((other, _)) = resources.iter().find(|(_, entry)| entry.resource.same_as(&parsed)) {
            let expected = format!("is the same resource as resources.{other}");
            return self.problem(&format!("{key}.uri"), &shown, &expected);
        }
        resources.insert(name.to_owned(), ResourceEntry { resource: parsed, name: words, self_registered });
    }

    /// Hands each member of an entry to `set`; a plain string is the member called `short`.
    fn members(
        &mut self,
        key: &str,
        short: &str,
        entry: &Value,
        mut set: impl FnMut(&str, &Value) -> Result<(), &'static str>,
    ) {
        match entry {
            Value::Table(members) => {
                for (member, value) in members {
                    if let Err(expected) = set(member, value) {
                        self.problem(&format!("{key}.{member}"), value, expected);
                    }
                }
            }
            short_form => {
                if set(short, short_form).is_err() {
                    self.problem(key, short_form, &format!("must be a table, or the text of {short}"));
                }
            }
        }
    }

    fn problem(&mut self, key: &str, value: &Value, expected: &str) {
        let value = match value {
            Value::String(text) => shown(text),
            Value::Integer(number) => number.to_string(),
            Value::Boolean(flag) => flag.to_string(),
            Value::Table(_) => "{..}".to_owned(),
            other => format!("({})", other.type_str()),
        };
        self.refuse(key, Some(value), expected);
    }

    /// A member that is there but of the wrong type has been reported already.
    fn missing(&mut self, key: &str, member: &str, entry: &Value, expected: &str) {
        if entry.as_table().is_some_and(|members| !members.contains_key(member)) {
            self.refuse(&format!("{key}.{member}"), None, expected);
        }
    }

    fn refuse(&mut self, key: &str, value: Option<String>, expected: &str) {
        let name = format!("{}: {key}", self.path);
        self.reader.refuse(Problem { name, value, expected: expected.to_owned() });
    }
}

/// A list of at least one role.
fn roles(value: &Value) -> Result<Vec<Role>, &'static str> {
    let named = value.as_array().filter(|roles| !roles.is_empty());
    let named = named.and_then(|roles| roles.iter().map(|role| Role::parse(role.as_str()?)).collect());
    named.ok_or("must be a list of roles, which are admin and user")
}

fn text(value: &Value) -> Result<String, &'static str> {
    let text = value.as_str().map(str::trim).filter(|text| !text.is_empty());
    text.map(str::to_owned).ok_or("must be text")
}

fn flag(value: &Value) -> Result<bool, &'static str> {
    value.as_bool().ok_or("must be true or false")
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Scratch, config, refused};

    fn problems(toml: &str) -> Vec<String> {
        let file = Scratch::new("problems", toml);
        let text = refused(&[("CONFIG_FILE", file.path())]);
        text.lines().skip(1).map(|line| line.trim().replace(file.path(), "FILE")).collect()
    }

    #[test]
    fn the_usual_scopes_are_known_without_a_file() {
        let config = config(&[]);
        let names: Vec<_> = config.scopes.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            ["address", "admin", "email", "offline_access", "openid", "phone", "profile", "read", "write"]
        );
        assert!(config.scopes["openid"].self_registered && !config.scopes["admin"].self_registered);
        assert!(config.resources.is_empty());
    }

    #[test]
    fn scopes_and_resources_in_both_forms() {
        let file = Scratch::new(
            "forms",
            r#"
                [scopes]
                read = "Read your files"
                "files:write" = { words = "Change your files", self_registered = true }
                write = { self_registered = true }
                [resources]
                files = "https://Files.example.com/"
                mail = { uri = "https://mail.example.com", name = "Mail", self_registered = true }
            "#,
        );
        let config = config(&[("CONFIG_FILE", file.path())]);
        assert_eq!(config.scopes["read"].words, "Read your files");
        assert!(!config.scopes["read"].self_registered);
        assert_eq!(config.scopes["files:write"].words, "Change your files");
        assert!(config.scopes["files:write"].self_registered);
        assert_eq!(config.scopes["write"].words, "Create and modify data on your behalf");
        assert!(config.scopes["write"].self_registered);
        let (files, mail) = (&config.resources["files"], &config.resources["mail"]);
        assert_eq!((files.resource.as_str(), files.self_registered), ("https://Files.example.com/", false));
        assert_eq!((files.name.as_deref(), mail.name.as_deref()), (None, Some("Mail")));
        assert!(mail.self_registered);
    }

    #[test]
    fn a_file_that_cannot_be_read_or_is_not_toml() {
        assert!(refused(&[("CONFIG_FILE", "/nonexistent/a.toml")]).contains("a text file that can be read"));
        let problem = problems("[scopes]\nread = \n").join("\n");
        assert!(
            problem.starts_with("CONFIG_FILE=FILE: must be TOML (") && problem.contains("line 2"),
            "{problem}"
        );
    }

    #[test]
    fn every_problem_names_its_key_once() {
        let cases = [
            ("scope = 1", "scope=1: is unknown; the tables are scopes and resources"),
            ("scopes = true", "scopes=true: must be a table"),
            ("[scopes]\n\"a b\" = \"x\"", "scopes.a b=x: must be a scope name"),
            ("[scopes]\na = 1", "scopes.a=1: must be a table, or the text of words"),
            ("[scopes]\na = \" \"", "scopes.a= : must be a table, or the text of words"),
            ("[scopes]\na = {}", "scopes.a.words is not set: must say what the scope allows"),
            ("[scopes]\na = { words = 1 }", "scopes.a.words=1: must be text"),
            ("[scopes]\na = { words = \"x\", by_self = true }", "scopes.a.by_self=true: is unknown"),
            (
                "[scopes]\na = { words = \"x\", self_registered = \"no\" }",
                "scopes.a.self_registered=no: must be true",
            ),
            ("[resources]\na = {}", "resources.a.uri is not set: must be the resource indicator"),
            ("[resources]\na = [1]", "resources.a=(array): must be a table, or the text of uri"),
            ("[resources]\na = { uri = {} }", "resources.a.uri={..}: must be text"),
            (
                "[resources]\na = \"ftp://a\"",
                "resources.a.uri=ftp://a: must be an absolute http or https URI",
            ),
            (
                "[resources]\na = \"https://joe:hunter2@a\"",
                "resources.a.uri=https://***@a: must be an absolute",
            ),
            ("[resources]\na = \"https://a\"\nb = \"https://A:443/\"", "is the same resource as resources.a"),
        ];
        for (toml, expected) in cases {
            let found = problems(toml);
            assert_eq!(found.len(), 1, "{toml}: {found:?}");
            assert!(found[0].starts_with("FILE: ") && found[0].contains(expected), "{toml}: {found:?}");
        }
    }
}
