//! Between rows and structs: a row that cannot be is an error naming table, column and id.

use std::borrow::Cow;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};
use crate::secret::Secret;

/// A bound parameter or a column's content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// SQL NULL.
    Null,
    /// A BIGINT: unix seconds, a count, 0 or 1.
    Int(i64),
    /// A TEXT.
    Text(Cow<'a, str>),
}

impl From<i64> for Value<'_> {
    fn from(int: i64) -> Self {
        Value::Int(int)
    }
}

impl From<bool> for Value<'_> {
    fn from(flag: bool) -> Self {
        Value::Int(i64::from(flag))
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Value::Text(Cow::Borrowed(text))
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(text: &'a String) -> Self {
        Value::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Value::Text(Cow::Owned(text))
    }
}

impl<'a> From<&'a Option<String>> for Value<'a> {
    fn from(option: &'a Option<String>) -> Self {
        Value::from(option.as_deref())
    }
}

impl<'a> From<&'a Option<i64>> for Value<'a> {
    fn from(option: &'a Option<i64>) -> Self {
        Value::from(*option)
    }
}

impl From<Option<i64>> for Value<'_> {
    fn from(option: Option<i64>) -> Self {
        option.map_or(Value::Null, Value::Int)
    }
}

impl<'a> From<Option<&'a str>> for Value<'a> {
    fn from(option: Option<&'a str>) -> Self {
        option.map_or(Value::Null, Value::from)
    }
}

/// `params![a, b]`: a slice of [`Value`]s.
macro_rules! params {
    ($($value:expr),* $(,)?) => { &[$($crate::db::Value::from($value)),*] };
}
pub(crate) use params;

/// The columns of one row, taken from left to right.
pub struct Row {
    values: std::vec::IntoIter<Option<Value<'static>>>,
    id: Option<String>,
}

impl Row {
    pub(super) fn new(values: Vec<Option<Value<'static>>>) -> Self {
        let id = values.iter().flatten().find_map(|value| match value {
            Value::Text(text) => Some(text.to_string()),
            _ => None,
        });
        Self { values: values.into_iter(), id }
    }

    /// The next column as a `T`.
    pub fn next<T: Column>(&mut self, table: &str, column: &str) -> Result<T> {
        let value = self.values.next().flatten();
        T::read(value).ok_or_else(|| {
            let id = self.id.as_deref().unwrap_or("?");
            Error::failed(format_args!("database: {table}.{column} of row {id} holds what cannot be"))
        })
    }
}

/// What a column can be read as.
pub trait Column: Sized {
    /// `None` if the content cannot be a `Self`.
    fn read(value: Option<Value<'static>>) -> Option<Self>;
}

impl Column for String {
    fn read(value: Option<Value<'static>>) -> Option<Self> {
        match value? {
            Value::Text(text) => Some(text.into_owned()),
            _ => None,
        }
    }
}

impl Column for i64 {
    fn read(value: Option<Value<'static>>) -> Option<Self> {
        match value? {
            Value::Int(int) => Some(int),
            _ => None,
        }
    }
}

impl Column for bool {
    fn read(value: Option<Value<'static>>) -> Option<Self> {
        match value? {
            Value::Int(0) => Some(false),
            Value::Int(1) => Some(true),
            _ => None,
        }
    }
}

impl Column for Secret {
    fn read(value: Option<Value<'static>>) -> Option<Self> {
        String::read(value).map(Secret::new)
    }
}

impl<'a> From<&'a Secret> for Value<'a> {
    fn from(secret: &'a Secret) -> Self {
        Value::from(secret.expose())
    }
}

impl<T: Column> Column for Option<T> {
    fn read(value: Option<Value<'static>>) -> Option<Self> {
        match value {
            None | Some(Value::Null) => Some(None),
            some => T::read(some).map(Some),
        }
    }
}

/// A column of JSON text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned> Column for Json<T> {
    fn read(value: Option<Value<'static>>) -> Option<Self> {
        serde_json::from_str(&String::read(value)?).ok().map(Json)
    }
}

impl<'a, T: Serialize> From<&'a Json<T>> for Value<'a> {
    fn from(json: &'a Json<T>) -> Self {
        Value::Text(Cow::Owned(
            serde_json::to_string(&json.0).expect("plain lists and maps always serialise"),
        ))
    }
}

/// Built from a row.
pub trait FromRow: Sized {
    /// Reads the columns in the order of the query.
    fn from_row(row: &mut Row) -> Result<Self>;
}

macro_rules! tuples {
    ($($name:ident),*) => {
        impl<$($name: Column),*> FromRow for ($($name,)*) {
            fn from_row(row: &mut Row) -> Result<Self> {
                Ok(($(row.next::<$name>("query", stringify!($name))?,)*))
            }
        }
    };
}
tuples!(A);
tuples!(A, B);
tuples!(A, B, C);
tuples!(A, B, C, D);

/// Declares a struct that is a table's row: its fields, in order, are the columns `COLUMNS`.
macro_rules! row {
    ($(#[$meta:meta])* pub struct $name:ident in $table:literal {
        $(#[$first_meta:meta])* $first:ident: $first_type:ty,
        $($(#[$field_meta:meta])* $field:ident: $type:ty,)*
    }) => {
        $(#[$meta])*
        #[derive(Clone, Debug)]
        pub struct $name {
            $(#[$first_meta])* pub $first: $first_type,
            $($(#[$field_meta])* pub $field: $type,)*
        }
        impl $name {
            /// The columns, as a query lists them.
            pub const COLUMNS: &'static str = concat!(stringify!($first), $(", ", stringify!($field)),*);
        }
        impl $crate::db::FromRow for $name {
            fn from_row(row: &mut $crate::db::Row) -> $crate::error::Result<Self> {
                Ok(Self {
                    $first: row.next($table, stringify!($first))?,
                    $($field: row.next($table, stringify!($field))?,)*
                })
            }
        }
        impl $name {
            /// Stores the row.
            pub(crate) fn insert(&self, tx: &mut $crate::db::Tx<'_>) -> $crate::error::Result<()> {
                const SQL: &str = concat!(
                    "INSERT INTO ", $table, " (", stringify!($first), $(", ", stringify!($field)),*,
                    ") VALUES (?" $(, $crate::db::row!(@mark $field))*, ")"
                );
                tx.execute(SQL, &[$crate::db::Value::from(&self.$first), $($crate::db::Value::from(&self.$field)),*])
                    .map(drop)
            }
        }
    };
    (@mark $field:ident) => { ", ?" };
}
pub(crate) use row;

impl<'a> From<&'a i64> for Value<'a> {
    fn from(int: &'a i64) -> Self {
        Value::Int(*int)
    }
}

impl<'a> From<&'a bool> for Value<'a> {
    fn from(flag: &'a bool) -> Self {
        Value::from(*flag)
    }
}

/// Declares an enum that is stored as text.
macro_rules! text_enum {
    ($(#[$meta:meta])* pub enum $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        pub enum $name { $($(#[$variant_meta])* #[serde(rename = $text)] $variant,)* }
        impl $name {
            /// The stored text.
            pub fn as_str(self) -> &'static str {
                match self { $($name::$variant => $text,)* }
            }
            /// From the stored text.
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some($name::$variant),)* _ => None }
            }
        }
        impl $crate::db::Column for $name {
            fn read(value: Option<$crate::db::Value<'static>>) -> Option<Self> {
                Self::parse(&String::read(value)?)
            }
        }
        impl From<$name> for $crate::db::Value<'_> {
            fn from(value: $name) -> Self { $crate::db::Value::from(value.as_str()) }
        }
        impl From<&$name> for $crate::db::Value<'_> {
            fn from(value: &$name) -> Self { $crate::db::Value::from(value.as_str()) }
        }
    };
}
pub(crate) use text_enum;
