//! Reading a settled value, the same for promises and for the input of a callback.

use super::{Entry, handle, kja_bytes_t, kja_handle_t, put};
use crate::error::Error;
use crate::value::{Outcome, Value};
use ::bytes::Bytes;
use std::ffi::c_void;

/// The promise has not settled.
pub const KJA_OUTCOME_PENDING: u32 = 0;
/// It has failed.
pub const KJA_OUTCOME_ERROR: u32 = 1;
/// Its value is nothing but the fact of success.
pub const KJA_OUTCOME_UNIT: u32 = 2;
/// Its value is a number.
pub const KJA_OUTCOME_U64: u32 = 3;
/// Its value is bytes.
pub const KJA_OUTCOME_BYTES: u32 = 4;
/// Its value is an object with handles of its own, such as a connection.
pub const KJA_OUTCOME_HANDLE: u32 = 5;
/// Its value is an opaque pointer.
pub const KJA_OUTCOME_OPAQUE: u32 = 6;

/// One of `KJA_OUTCOME_*`.
pub(super) fn outcome_type(outcome: Option<&Outcome>) -> u32 {
    match outcome {
        None => KJA_OUTCOME_PENDING,
        Some(Err(_)) => KJA_OUTCOME_ERROR,
        Some(Ok(Value::Unit)) => KJA_OUTCOME_UNIT,
        Some(Ok(Value::U64(_))) => KJA_OUTCOME_U64,
        Some(Ok(Value::Bytes(_))) => KJA_OUTCOME_BYTES,
        Some(Ok(Value::Object(_))) => KJA_OUTCOME_HANDLE,
        Some(Ok(Value::Opaque(_))) => KJA_OUTCOME_OPAQUE,
        Some(Ok(value @ Value::Unclaimed(_))) => outcome_type(Some(&Ok(value.clone().shown()))),
    }
}

pub(super) fn u64(outcome: Result<Outcome, Error>, out: *mut u64) -> Result<(), Error> {
    match outcome?? {
        Value::U64(number) => put(out, number),
        _ => Err(Error::wrong_type()),
    }
}

pub(super) fn bytes(outcome: Result<Outcome, Error>, out: *mut kja_bytes_t) -> Result<(), Error> {
    put(out, 0)?;
    match outcome?? {
        Value::Bytes(bytes) => put(out, handle::insert(bytes)?),
        _ => Err(Error::wrong_type()),
    }
}

pub(super) fn object(outcome: Result<Outcome, Error>, out: *mut kja_handle_t) -> Result<(), Error> {
    put(out, 0)?;
    let object = outcome??.into_any_object().ok_or_else(Error::wrong_type)?;
    put(out, handle::insert(object)?)
}

/// The pointer stays owned by the value, which its promise keeps.
pub(super) fn opaque(outcome: Result<Outcome, Error>, out: *mut *mut c_void) -> Result<(), Error> {
    match outcome?? {
        Value::Opaque(opaque) => put(out, opaque.pointer()),
        _ => Err(Error::wrong_type()),
    }
}

pub(super) fn object_value(id: kja_handle_t) -> Result<Value, Error> {
    match handle::any(id)? {
        // A promise of a promise is the promise itself. (PROM-07)
        Entry::Promise(_) => Err(Error::promise_as_value()),
        Entry::Object(object) => Ok(match object.clone().downcast::<Bytes>() {
            Some(bytes) => Value::Bytes((*bytes).clone()),
            None => Value::object(object),
        }),
    }
}
