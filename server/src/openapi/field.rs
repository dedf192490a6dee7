//! Parameters and members: a name, a type and words.

use serde_json::json;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, OneOfBuilder, Schema, SchemaType, Type};
use utoipa::openapi::{Ref, RefOr};

/// One parameter of a query or form, or one member of a JSON object.
pub struct Field {
    /// Its name on the wire.
    pub name: &'static str,
    /// What it means.
    pub words: &'static str,
    /// True if it must be there.
    pub required: bool,
    /// Its type.
    pub schema: RefOr<Schema>,
}

impl Field {
    fn new(name: &'static str, words: &'static str, schema: impl Into<RefOr<Schema>>) -> Self {
        Self { name, words, required: false, schema: schema.into() }
    }

    /// It must be there.
    pub fn required(self) -> Self {
        Self { required: true, ..self }
    }
}

/// Text.
pub fn text(name: &'static str, words: &'static str) -> Field {
    Field::new(name, words, typed(Type::String).description(Some(words)))
}

/// Text, or `null` for nothing.
pub fn maybe_text(name: &'static str, words: &'static str) -> Field {
    Field::new(name, words, nullable(Type::String).description(Some(words)))
}

/// Text, one of a few.
pub fn one_of(name: &'static str, values: &[&str], words: &'static str) -> Field {
    let values = values.iter().map(|value| json!(value));
    Field::new(name, words, typed(Type::String).enum_values(Some(values)).description(Some(words)))
}

/// A whole number.
pub fn integer(name: &'static str, words: &'static str) -> Field {
    Field::new(name, words, typed(Type::Integer).description(Some(words)))
}

/// True or false.
pub fn flag(name: &'static str, words: &'static str) -> Field {
    Field::new(name, words, typed(Type::Boolean).description(Some(words)))
}

/// True or false, or `null` for nothing.
pub fn maybe_flag(name: &'static str, words: &'static str) -> Field {
    Field::new(name, words, nullable(Type::Boolean).description(Some(words)))
}

/// Texts. In a query or form the parameter is repeated.
pub fn list(name: &'static str, words: &'static str) -> Field {
    Field::new(name, words, ArrayBuilder::new().items(typed(Type::String)).description(Some(words)))
}

/// Texts, or `null` for none.
pub fn maybe_list(name: &'static str, words: &'static str) -> Field {
    let either = SchemaType::from_iter([Type::Array, Type::Null]);
    let list = ArrayBuilder::new().schema_type(either).items(typed(Type::String));
    Field::new(name, words, list.description(Some(words)))
}

/// One text, or several.
pub fn text_or_list(name: &'static str, words: &'static str) -> Field {
    let list = ArrayBuilder::new().items(typed(Type::String));
    Field::new(name, words, OneOfBuilder::new().item(typed(Type::String)).item(list).description(Some(words)))
}

/// An object whose members are not described.
pub fn record(name: &'static str, words: &'static str) -> Field {
    Field::new(name, words, typed(Type::Object).description(Some(words)))
}

/// A list of what a schema of the components describes.
pub fn list_of(name: &'static str, schema: &str, words: &'static str) -> Field {
    let items = Ref::from_schema_name(schema);
    Field::new(name, words, ArrayBuilder::new().items(items).description(Some(words)))
}

/// An object with these members, and others that are not described.
pub fn object(words: &str, members: impl IntoIterator<Item = Field>) -> Schema {
    let mut object = typed(Type::Object).description(Some(words));
    for Field { name, required, schema, .. } in members {
        object = object.property(name, schema);
        if required {
            object = object.required(name);
        }
    }
    object.into()
}

fn typed(kind: Type) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(kind)
}

fn nullable(kind: Type) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::from_iter([kind, Type::Null]))
}
