//! What the caller lends us: pointers with destructors, buffers and callbacks.
//!
//! One of the few modules with `unsafe`. The contract behind every block here is the header's: a
//! pointer passed with a destructor stays valid, and may be used from any thread, until that destructor
//! has run; a destructor is run exactly once.
#![allow(unsafe_code)]

use crate::error::Error;
use crate::nesting::drop_in_turn;
use bytes::Bytes;
use std::ffi::{c_char, c_void};
use std::mem::MaybeUninit;
use std::sync::Arc;
use tokio::io::ReadBuf;

/// Runs when the library no longer needs `ctx`; exactly once, on any thread.
pub type DestroyFn = Option<unsafe extern "C-unwind" fn(ctx: *mut c_void)>;

/// A pointer of the caller together with its destructor.
pub struct Opaque {
    pointer: *mut c_void,
    destroy: DestroyFn,
}

// SAFETY: the header requires that the pointer and its destructor may be used from any thread.
unsafe impl Send for Opaque {}
// SAFETY: as above; the library itself only ever copies the pointer.
unsafe impl Sync for Opaque {}

impl Opaque {
    /// Takes over the pointer; `destroy` runs when this is dropped.
    ///
    /// # Safety
    /// The pointer must be usable from any thread until `destroy` has run.
    pub unsafe fn new(pointer: *mut c_void, destroy: DestroyFn) -> Self {
        Self { pointer, destroy }
    }

    /// The pointer, still owned by this object.
    pub fn pointer(&self) -> *mut c_void {
        self.pointer
    }
}

impl Drop for Opaque {
    fn drop(&mut self) {
        if let Some(destroy) = self.destroy.take() {
            let pointer = self.pointer;
            // SAFETY: `new` demanded a destructor that may be called once, from any thread.
            let run = move || unsafe { destroy(pointer) };
            // A destructor that panics has nobody to tell: the value is gone either way.
            drop_in_turn(move || drop(std::panic::catch_unwind(run)));
        }
    }
}

/// Copies bytes, as many as somebody else chose.
///
/// # Errors
/// `Overloaded` without the memory.
pub(crate) fn owned_bytes(bytes: &[u8]) -> Result<Bytes, Error> {
    let mut copy = Vec::new();
    copy.try_reserve_exact(bytes.len()).map_err(|_| Error::no_memory())?;
    copy.extend_from_slice(bytes);
    Ok(copy.into())
}

/// Copies a text, with a replacement character for what is not UTF-8.
///
/// # Errors
/// `Overloaded` without the memory.
pub(crate) fn owned_text(bytes: &[u8]) -> Result<String, Error> {
    let mut copy = String::new();
    for chunk in bytes.utf8_chunks() {
        let replaced = if chunk.invalid().is_empty() { "" } else { "\u{FFFD}" };
        copy.try_reserve(chunk.valid().len() + replaced.len()).map_err(|_| Error::no_memory())?;
        copy.push_str(chunk.valid());
        copy.push_str(replaced);
    }
    Ok(copy)
}

struct Borrowed {
    data: *const u8,
    size: usize,
    _owner: Opaque,
}

// SAFETY: the memory may be read from any thread until the owner's destructor has run.
unsafe impl Send for Borrowed {}

impl AsRef<[u8]> for Borrowed {
    fn as_ref(&self) -> &[u8] {
        if self.size == 0 {
            return &[];
        }
        // SAFETY: `borrow_bytes` demanded `size` readable, unchanging bytes while `_owner` lives.
        unsafe { std::slice::from_raw_parts(self.data, self.size) }
    }
}

/// Bytes of the caller, not copied, given back by the owner's destructor.
///
/// # Safety
/// `size` bytes at `data` must stay readable and unchanged until the owner's destructor has run.
pub(crate) unsafe fn borrow_bytes(data: *const u8, size: usize, owner: Opaque) -> Bytes {
    Bytes::from_owner(Borrowed { data, size, _owner: owner })
}

/// A buffer of the caller that a read fills.
pub(crate) struct BorrowedBuffer {
    data: *mut u8,
    size: usize,
    /// How much of it has been filled, from its start.
    filled: usize,
    _owner: Opaque,
}

// SAFETY: the memory may be written from any thread until the owner's destructor has run.
unsafe impl Send for BorrowedBuffer {}

impl BorrowedBuffer {
    /// # Safety
    /// `size` bytes at `data` must stay writable, and untouched by others, until the owner's destructor
    /// has run.
    pub(crate) unsafe fn new(data: *mut u8, size: usize, owner: Opaque) -> Self {
        Self { data, size, filled: 0, _owner: owner }
    }

    pub(crate) fn len(&self) -> usize {
        self.size
    }

    /// Shows what is left of it to `read`, which fills it further.
    #[inline]
    pub(crate) fn fill<R>(&mut self, read: impl FnOnce(&mut ReadBuf<'_>) -> R) -> R {
        if self.size == 0 {
            return read(&mut ReadBuf::uninit(&mut []));
        }
        // SAFETY: `new` demanded `size` writable bytes; `MaybeUninit` asks nothing of their content.
        let all = unsafe { std::slice::from_raw_parts_mut(self.data.cast::<MaybeUninit<u8>>(), self.size) };
        let mut rest = ReadBuf::uninit(&mut all[self.filled..]);
        let start = rest.filled().as_ptr();
        let result = read(&mut rest);
        assert!(rest.filled().as_ptr() == start, "the buffer that was shown is the one that was filled");
        self.filled += rest.filled().len();
        result
    }

    pub(crate) fn filled(&self) -> &[u8] {
        if self.filled == 0 {
            return &[];
        }
        // SAFETY: `fill` has seen so many bytes initialised, and nobody else touches them.
        unsafe { std::slice::from_raw_parts(self.data, self.filled) }
    }

    /// What is there counts as read: filling begins again. How much it was.
    pub(crate) fn clear(&mut self) -> usize {
        std::mem::take(&mut self.filled)
    }
}

/// A callback of the caller: `run(ctx, call)` on the loop thread, at most once, then `destroy(ctx)`.
pub(crate) struct ForeignCallback {
    run: unsafe extern "C-unwind" fn(ctx: *mut c_void, call: u64),
    ctx: Opaque,
}

impl ForeignCallback {
    /// # Safety
    /// `run` must accept `ctx`'s pointer on the loop thread as long as `ctx` lives.
    pub(crate) unsafe fn new(run: unsafe extern "C-unwind" fn(*mut c_void, u64), ctx: Opaque) -> Self {
        Self { run, ctx }
    }

    pub(crate) fn run(&self, call: u64) {
        // SAFETY: `new` demanded that `run` accepts this pointer.
        unsafe { (self.run)(self.ctx.pointer(), call) }
    }
}

/// A callback that shares its context with others: on the loop thread, any number of times, until `destroy(ctx)`.
pub(crate) struct SharedCallback {
    run: unsafe extern "C-unwind" fn(ctx: *mut c_void, call: u64),
    ctx: Arc<Opaque>,
}

impl SharedCallback {
    /// # Safety
    /// `run` must accept `ctx`'s pointer on the loop thread as long as `ctx` lives.
    pub(crate) unsafe fn new(run: unsafe extern "C-unwind" fn(*mut c_void, u64), ctx: Arc<Opaque>) -> Self {
        Self { run, ctx }
    }

    pub(crate) fn run(&self, call: u64) {
        // SAFETY: `new` demanded that `run` accepts this pointer.
        unsafe { (self.run)(self.ctx.pointer(), call) }
    }
}

/// As `SharedCallback`, for a callback that gets the handle of an object beside its call.
pub(crate) struct SharedAbout {
    run: AboutFn,
    ctx: Arc<Opaque>,
}

pub(crate) type AboutFn = unsafe extern "C-unwind" fn(ctx: *mut c_void, call: u64, handle: u64);

impl SharedAbout {
    /// # Safety
    /// `run` must accept `ctx`'s pointer on the loop thread as long as `ctx` lives.
    pub(crate) unsafe fn new(run: AboutFn, ctx: Arc<Opaque>) -> Self {
        Self { run, ctx }
    }

    pub(crate) fn run(&self, call: u64, handle: u64) {
        // SAFETY: `new` demanded that `run` accepts this pointer.
        unsafe { (self.run)(self.ctx.pointer(), call, handle) }
    }
}

/// The callbacks of a wrapper: on the loop thread, any number of times, until `destroy(ctx)`.
pub(crate) struct ForeignWrapper {
    client: Option<WrapClientFn>,
    server: Option<WrapServerFn>,
    failed: Option<FailedFn>,
    ctx: Opaque,
}

pub(crate) type WrapClientFn =
    unsafe extern "C-unwind" fn(ctx: *mut c_void, call: u64, connection: u64, host: *const c_char, host_len: usize);
pub(crate) type WrapServerFn = unsafe extern "C-unwind" fn(ctx: *mut c_void, call: u64, connection: u64);
pub(crate) type FailedFn = unsafe extern "C-unwind" fn(ctx: *mut c_void, call: u64);

impl ForeignWrapper {
    /// # Safety
    /// The functions must accept `ctx`'s pointer on the loop thread as long as `ctx` lives.
    pub(crate) unsafe fn new(
        client: Option<WrapClientFn>,
        server: Option<WrapServerFn>,
        failed: Option<FailedFn>,
        ctx: Opaque,
    ) -> Self {
        Self { client, server, failed, ctx }
    }

    pub(crate) fn client(&self) -> Option<impl FnOnce(u64, u64, &str)> {
        let run = self.client?;
        Some(move |call, connection, host: &str| {
            // SAFETY: `new` demanded that it accepts this pointer; the name has as many bytes as we say.
            unsafe { run(self.ctx.pointer(), call, connection, host.as_ptr().cast(), host.len()) }
        })
    }

    pub(crate) fn server(&self) -> Option<impl FnOnce(u64, u64)> {
        let run = self.server?;
        // SAFETY: `new` demanded that it accepts this pointer.
        Some(move |call, connection| unsafe { run(self.ctx.pointer(), call, connection) })
    }

    pub(crate) fn failed(&self) -> Option<impl FnOnce(u64)> {
        let run = self.failed?;
        // SAFETY: `new` demanded that it accepts this pointer.
        Some(move |call| unsafe { run(self.ctx.pointer(), call) })
    }
}

/// The callbacks of a stream, a listener, an address or a network that the caller provides: on the loop thread, any number
/// of times, until `destroy(ctx)`.
pub(crate) struct ForeignProvider<F> {
    functions: F,
    ctx: Opaque,
}

pub(crate) type CallFn = unsafe extern "C-unwind" fn(ctx: *mut c_void, call: u64);
pub(crate) type ReadFn = unsafe extern "C-unwind" fn(ctx: *mut c_void, call: u64, min: usize, max: usize);
pub(crate) type LengthFn = unsafe extern "C-unwind" fn(ctx: *mut c_void) -> u64;
pub(crate) type ParseFn =
    unsafe extern "C-unwind" fn(ctx: *mut c_void, call: u64, text: *const c_char, text_len: usize, default_port: u16);

// SAFETY: `new` demands that the structure may be looked at from any thread; of the context `Opaque` says the same.
unsafe impl<F> Send for ForeignProvider<F> {}
// SAFETY: as above; nothing in it changes.
unsafe impl<F> Sync for ForeignProvider<F> {}

impl<F> ForeignProvider<F> {
    /// # Safety
    /// In `functions` are functions, numbers, and pointers that nobody follows. The functions must accept `ctx`'s pointer as
    /// long as `ctx` lives: a `LengthFn` on any thread, all others on the loop thread. None but they may be called through this.
    pub(crate) unsafe fn new(functions: F, ctx: Opaque) -> Self {
        Self { functions, ctx }
    }

    pub(crate) fn functions(&self) -> &F {
        &self.functions
    }

    pub(crate) fn call(&self, run: CallFn, call: u64) {
        // SAFETY: `new` demanded that it accepts this pointer.
        unsafe { run(self.ctx.pointer(), call) }
    }

    pub(crate) fn read(&self, run: ReadFn, call: u64, min: usize, max: usize) {
        // SAFETY: `new` demanded that it accepts this pointer.
        unsafe { run(self.ctx.pointer(), call, min, max) }
    }

    pub(crate) fn length(&self, run: LengthFn) -> u64 {
        // SAFETY: `new` demanded that it accepts this pointer, on any thread.
        unsafe { run(self.ctx.pointer()) }
    }

    pub(crate) fn parse(&self, run: ParseFn, call: u64, text: &[u8], default_port: u16) {
        // SAFETY: `new` demanded that it accepts this pointer; the text has as many bytes as we say.
        unsafe { run(self.ctx.pointer(), call, text.as_ptr().cast(), text.len(), default_port) }
    }
}

/// A hook of the caller that may run several times.
#[derive(Clone, Copy)]
pub(crate) struct Hook {
    pub(crate) run: Option<unsafe extern "C-unwind" fn(ctx: *mut c_void)>,
}

impl Hook {
    pub(crate) fn run(&self, ctx: &Opaque) {
        if let Some(run) = self.run {
            let pointer = ctx.pointer();
            // SAFETY: the header requires the hook to accept the options' context on the loop thread.
            let _ = std::panic::catch_unwind(move || unsafe { run(pointer) });
        }
    }
}

/// A hook that is told a number.
#[derive(Clone, Copy)]
pub(crate) struct NumberHook {
    pub(crate) run: Option<unsafe extern "C-unwind" fn(ctx: *mut c_void, number: u64)>,
}

impl NumberHook {
    pub(crate) fn run(&self, ctx: &Opaque, number: u64) {
        if let Some(run) = self.run {
            let pointer = ctx.pointer();
            // SAFETY: the header requires the hook to accept the options' context.
            let _ = std::panic::catch_unwind(move || unsafe { run(pointer, number) });
        }
    }
}

/// A clock of the caller's: any thread, any number of times, until `destroy(ctx)`.
pub(crate) struct ForeignClock {
    now: unsafe extern "C-unwind" fn(ctx: *mut c_void) -> u64,
    ctx: Opaque,
}

impl ForeignClock {
    /// # Safety
    /// `now` must accept `ctx`'s pointer on any thread as long as `ctx` lives.
    pub(crate) unsafe fn new(now: unsafe extern "C-unwind" fn(*mut c_void) -> u64, ctx: Opaque) -> Self {
        Self { now, ctx }
    }

    pub(crate) fn now(&self) -> u64 {
        // SAFETY: `new` demanded that `now` accepts this pointer.
        unsafe { (self.now)(self.ctx.pointer()) }
    }
}
