//! What a promise carries.

use crate::error::Error;
use crate::foreign::Opaque;
use crate::object::Object;
use bytes::Bytes;
use std::any::Any;
use std::sync::Arc;

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
}

/// A counted reference on an object of this library, kept by a promise as its value.
#[derive(Clone)]
pub struct ObjectRef(pub(crate) Arc<dyn Object>);

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
        }
    }

    /// The bytes, if that is what the value is.
    pub fn into_bytes(self) -> Option<Bytes> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The object, such as a connection, if that is what the value is.
    pub fn into_object<T: Any + Send + Sync>(self) -> Option<Arc<T>> {
        match self {
            Self::Object(ObjectRef(object)) => object.downcast(),
            _ => None,
        }
    }

    pub(crate) fn object(object: Arc<dyn Object>) -> Self {
        Self::Object(ObjectRef(object))
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
