//! What a promise carries.

use crate::error::Error;
use crate::foreign::Opaque;
use crate::nesting::drop_in_turn;
use crate::object::Object;
use crate::sync::atomic::{AtomicBool, Ordering};
use bytes::Bytes;
use std::any::Any;
use std::sync::{Arc, Weak};

/// A settled value. Cloning shares it.
#[derive(Clone)]
#[non_exhaustive]
pub enum Value {
    /// Nothing but the fact of success.
    Unit,
    /// A number: a count, a flag, a small result.
    U64(u64),
    /// Bytes, shared and immutable.
    Bytes(Bytes),
    /// Something that has handles of its own, such as a connection.
    Object(ObjectRef),
    /// A pointer of the caller with its destructor.
    Opaque(Arc<Opaque>),
    /// One that nobody has learned of. Promises alone hold it: whoever reads an outcome gets the value itself.
    Unclaimed(Arc<Unclaimed>),
}

/// Where a value was taken from, and where it goes back to if it reaches nobody.
pub(crate) trait Origin: Send + Sync {
    /// Takes back the value that was the `number`th to be taken.
    fn give_back(&self, number: u64, value: Value);
}

/// A value on its way from its origin to whoever reads the outcome of a promise. Dropped on the way, with every promise
/// that it was passed on to, it goes back.
pub struct Unclaimed {
    /// Until this is dropped.
    value: Option<Value>,
    back: Back,
    claimed: AtomicBool,
}

/// How it goes back.
enum Back {
    To(Weak<dyn Origin>, u64),
    /// Its parts do, each by itself.
    Parts(Vec<Value>),
}

impl Unclaimed {
    fn value(&self) -> Value {
        self.value.clone().unwrap_or(Value::Unit)
    }

    fn claim(&self) {
        self.claimed.store(true, Ordering::Release);
        if let Back::Parts(parts) = &self.back {
            parts.iter().for_each(Value::mark_claimed);
        }
    }
}

impl Drop for Unclaimed {
    fn drop(&mut self) {
        let claimed = self.claimed.swap(true, Ordering::AcqRel);
        if let (false, Some(value), Back::To(origin, number)) = (claimed, self.value.take(), &self.back)
            && let Some(origin) = origin.upgrade()
        {
            origin.give_back(*number, value);
        }
    }
}

/// A counted reference on an object of this library, kept by a promise as its value.
#[derive(Clone)]
pub struct ObjectRef(Option<Arc<dyn Object>>);

impl ObjectRef {
    /// There is one until this is dropped or taken apart.
    fn get(&self) -> Option<&dyn Object> {
        self.0.as_deref()
    }
}

impl Drop for ObjectRef {
    fn drop(&mut self) {
        if let Some(object) = self.0.take() {
            drop_in_turn(move || drop(object));
        }
    }
}

/// How an operation ended.
pub type Outcome = Result<Value, Error>;

impl Value {
    /// The name of the type, for texts.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Unit => "unit",
            Self::U64(_) => "u64",
            Self::Bytes(_) => "bytes",
            Self::Object(_) => "handle",
            Self::Opaque(_) => "opaque",
            Self::Unclaimed(unclaimed) => unclaimed.value().type_name(),
        }
    }

    /// How many bytes it is, or says that there are, if they were received.
    pub(crate) fn byte_count(&self) -> usize {
        match self {
            Self::U64(count) => usize::try_from(*count).unwrap_or(usize::MAX),
            Self::Bytes(bytes) => bytes.len(),
            Self::Object(object) => object.get().map_or(0, Object::byte_count),
            _ => 0,
        }
    }

    pub(crate) fn is_unit(&self) -> bool {
        match self {
            Self::Unclaimed(unclaimed) => unclaimed.value().is_unit(),
            value => matches!(value, Self::Unit),
        }
    }

    /// This value, the `number`th to be taken from `origin`, to which it goes back unless somebody claims it.
    pub(crate) fn unclaimed(self, number: u64, origin: Weak<dyn Origin>) -> Self {
        self.on_its_way(Back::To(origin, number))
    }

    /// This value, which was put together from parts that are unclaimed: each goes back unless somebody claims the whole.
    pub(crate) fn unclaimed_whole(self, parts: Vec<Self>) -> Self {
        self.on_its_way(Back::Parts(parts))
    }

    fn on_its_way(self, back: Back) -> Self {
        Self::Unclaimed(Arc::new(Unclaimed { value: Some(self), back, claimed: AtomicBool::new(false) }))
    }

    fn mark_claimed(&self) {
        if let Self::Unclaimed(unclaimed) = self {
            unclaimed.claim();
        }
    }

    /// The value itself, for somebody who learns of it: from now on it is lost when it is dropped.
    pub(crate) fn claim(self) -> Self {
        self.mark_claimed();
        self.shown()
    }

    /// The value itself, for somebody whom it only passes by.
    pub(crate) fn shown(self) -> Self {
        match self {
            Self::Unclaimed(unclaimed) => unclaimed.value(),
            value => value,
        }
    }

    /// The bytes, if that is what the value is.
    pub fn into_bytes(self) -> Option<Bytes> {
        match self.claim() {
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The object, such as a connection, if that is what the value is.
    pub fn into_object<T: Any + Send + Sync>(self) -> Option<Arc<T>> {
        self.into_any_object()?.downcast()
    }

    pub(crate) fn into_any_object(self) -> Option<Arc<dyn Object>> {
        match self.claim() {
            Self::Object(mut object) => object.0.take(),
            _ => None,
        }
    }

    pub(crate) fn object(object: Arc<dyn Object>) -> Self {
        Self::Object(ObjectRef(Some(object)))
    }
}

impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::U64(n) => write!(f, "U64({n})"),
            Self::Bytes(bytes) => write!(f, "Bytes({} bytes)", bytes.len()),
            other => f.write_str(other.type_name()),
        }
    }
}
