//! What an application ties to a connection.

use std::any::Any;
use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use super::sync::RwLock;

type Value = Arc<dyn Any + Send + Sync>;

/// Values of any type by name, for what the application or a protocol ties to a connection.
///
/// Meant for a handful of them: empty it takes no memory, and a look-up is one uncontended lock and
/// a search of a small tree. Not for what is needed on every request.
#[derive(Default)]
pub struct Attributes(RwLock<BTreeMap<Arc<str>, Value>>);

impl Attributes {
    /// Sets the value of `key`, whatever its type and that of the value it replaces.
    pub fn insert(&self, key: impl Into<Arc<str>>, value: impl Any + Send + Sync) {
        let (key, value): (_, Value) = (key.into(), Arc::new(value));
        let replaced = self.0.write().insert(key, value);
        // Foreign code: it must not run under the lock.
        drop(replaced);
    }

    /// The value of `key`.
    ///
    /// # Errors
    ///
    /// [`Missing`](AttributeError::Missing) when there is none,
    /// [`WrongType`](AttributeError::WrongType) when it is no `T`.
    pub fn value<T: Any + Send + Sync>(&self, key: &str) -> Result<Arc<T>, AttributeError> {
        let found = self.0.read().get(key).cloned();
        let value = found.ok_or(AttributeError::Missing)?;
        value.downcast().map_err(|_| AttributeError::WrongType)
    }

    /// Removes the value of `key`; whether there was one.
    pub fn remove(&self, key: &str) -> bool {
        let removed = self.0.write().remove(key);
        removed.is_some()
    }

    /// Whether `key` has a value, of whatever type.
    pub fn contains(&self, key: &str) -> bool {
        self.0.read().contains_key(key)
    }

    /// The keys that have a value, sorted.
    pub fn keys(&self) -> Vec<Arc<str>> {
        self.0.read().keys().cloned().collect()
    }
}

/// Shows the keys only: values may be secrets.
impl fmt::Debug for Attributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.keys()).finish()
    }
}

/// Why an attribute could not be had.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum AttributeError {
    /// The key has no value.
    Missing,
    /// The value is of another type.
    WrongType,
}

impl fmt::Display for AttributeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "there is no such attribute",
            Self::WrongType => "the attribute is of another type",
        })
    }
}

impl StdError for AttributeError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_and_wrong_type_differ() {
        let attributes = Attributes::default();
        assert_eq!(
            attributes.value::<u32>("room"),
            Err(AttributeError::Missing)
        );

        attributes.insert("room", 7_u32);
        assert_eq!(attributes.value::<u32>("room"), Ok(Arc::new(7)));
        assert_eq!(
            attributes.value::<u64>("room"),
            Err(AttributeError::WrongType)
        );

        attributes.insert("room", String::from("attic"));
        attributes.insert(String::from("bed"), ());
        assert_eq!(*attributes.value::<String>("room").unwrap(), "attic");
        assert_eq!(attributes.keys(), [Arc::from("bed"), Arc::from("room")]);
        assert_eq!(format!("{attributes:?}"), r#"{"bed", "room"}"#);

        assert!(attributes.remove("room"));
        assert!(!attributes.remove("room"));
        assert!(!attributes.contains("room"));
    }

    /// Its drop looks into the map that it is dropped from.
    struct Nosy(Arc<Attributes>);

    impl Drop for Nosy {
        fn drop(&mut self) {
            self.0.contains("nosy");
        }
    }

    #[test]
    fn a_value_may_use_the_map_when_dropped() {
        let attributes = Arc::new(Attributes::default());
        attributes.insert("nosy", Nosy(Arc::clone(&attributes)));
        attributes.insert("nosy", Nosy(Arc::clone(&attributes)));
        assert!(attributes.remove("nosy"));
    }
}
