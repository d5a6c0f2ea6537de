//! Compression.

use super::structure::{growing, structure_in};
use super::{
    boundary, buffer_in, bytes_in, created, get, kja_bytes_t, kja_coder_t, kja_connection_t, kja_status_t, put, release,
};
use crate::compression::{
    Coder, Coding, Codings, Compression, CompressionFormat, Decompression, Progress, Until, code, coded,
};
use crate::error::{Error, ErrorKind};
use crate::object::Object;
use crate::stream::Connection;
use crate::sync::Lock;
use ::bytes::Bytes;
use std::ffi::c_void;

/// RFC 1952. Decompressed, members that follow one another are one.
pub const KJA_CODING_GZIP: u32 = 1;
/// RFC 1950.
pub const KJA_CODING_ZLIB: u32 = 2;
/// RFC 1951, without header or checksum.
pub const KJA_CODING_DEFLATE: u32 = 3;
/// RFC 7932.
pub const KJA_CODING_BROTLI: u32 = 4;

/// Bytes are decompressed; otherwise they are compressed.
pub const KJA_CODING_DECOMPRESS: u32 = 1;

/// Level 0: the fastest, or none at all.
pub const KJA_CODING_LEVEL_0: i32 = -1;

/// A shutdown of writing ends the coded bytes only; what is below can be written to once the layer is released. (GZIP-05)
pub const KJA_CODING_KEEP_BELOW_OPEN: u32 = 1;

/// The input is used; a compressor may keep some of it.
pub const KJA_CODER_INPUT_USED: u32 = 0;
/// All that can be made of the input so far comes out, up to the border of a byte. (GZIP-04, BROT-04)
pub const KJA_CODER_FLUSHED: u32 = 1;
/// The end. (GZIP-05, BROT-04)
pub const KJA_CODER_ENDED: u32 = 2;

/// What is to be done to bytes. Zero everything, then set `size`, `format` and what is wanted; 0 means the default. (GZIP-02, BROT-02)
#[repr(C)]
#[derive(Clone, Copy)]
pub struct kja_coding_t {
    /// `sizeof(kja_coding_t)`, so that the structure can grow.
    pub size: usize,
    /// `KJA_CODING_GZIP` or another format.
    pub format: u32,
    /// `KJA_CODING_DECOMPRESS`, or 0 to compress.
    pub flags: u32,
    /// How hard to compress: 1 to 9, of brotli to 11, or `KJA_CODING_LEVEL_0`; by default 6, of brotli 5.
    pub level: i32,
    /// The logarithm of the size of the window: 9 to 15, of brotli 10 to 24. Compressing, 15 by default, of brotli 19;
    /// decompressing, the largest that is accepted, by default that of the format. (BROT-01)
    pub window_bits: u32,
    /// How many bytes decompressing may give altogether; no limit by default.
    pub max_output: u64,
    /// How many bytes decompressing may give for each byte that went in, on the whole, once 64 KiB have come out; no limit by default.
    pub max_ratio: u32,
}

growing!(kja_coding_t, since max_ratio: u32);

fn coding_in(coding: *const kja_coding_t) -> Result<Option<Coding>, Error> {
    let Some(given) = structure_in(coding)? else { return Ok(None) };
    let format = match given.format {
        KJA_CODING_GZIP => CompressionFormat::Gzip,
        KJA_CODING_ZLIB => CompressionFormat::Zlib,
        KJA_CODING_DEFLATE => CompressionFormat::Deflate,
        KJA_CODING_BROTLI => CompressionFormat::Brotli,
        other => return Err(Error::invalid(format!("{other} is not a format of compressed bytes"))),
    };
    let byte = |value: u32| u8::try_from(value).unwrap_or(u8::MAX);
    let window_bits = (given.window_bits != 0).then(|| byte(given.window_bits));
    match given.flags {
        0 => {
            let level = match given.level {
                0 => None,
                KJA_CODING_LEVEL_0 => Some(0),
                level => Some(u8::try_from(level).unwrap_or(u8::MAX)),
            };
            Ok(Some(Coding::Compress(Compression { format, level, window_bits })))
        }
        KJA_CODING_DECOMPRESS => {
            let max_output = (given.max_output != 0).then_some(given.max_output);
            let max_ratio = (given.max_ratio != 0).then_some(given.max_ratio);
            Ok(Some(Coding::Decompress(Decompression { format, window_bits, max_output, max_ratio })))
        }
        _ => Err(Error::invalid("a flag of codings that there is not")),
    }
}

fn required(coding: *const kja_coding_t) -> Result<Coding, Error> {
    coding_in(coding)?.ok_or_else(Error::null)
}

/// Compresses or decompresses bytes that are all there; `out` gets a `kja_bytes_t`, which belongs to no runtime. The calling thread
/// does the work. Errors: `OVERLOADED` for a result of more than `limit` bytes (`SIZE_MAX` for no limit) or beyond a limit of the coding;
/// `INVALID_ARGUMENT` for a level or a window that the format does not have; decompressing, `FAILED` for bytes of another format and for
/// bytes behind the end of one other than gzip, and `DISCONNECTED` for data that end early, or that are no data at all. (GZIP-07, BROT-06)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_coding_run(
    coding: *const kja_coding_t,
    data: *const c_void,
    size: usize,
    limit: usize,
    out: *mut kja_bytes_t,
) -> kja_status_t {
    created(out, || code(&required(coding)?, bytes_in(data, size)?, limit).map(Bytes::from))
}

/// Makes a connection whose bytes are coded on their way: those that are read as `read` says, those that are written as `write` does; null
/// leaves a direction as it is. `connection` stays the caller's, and nobody else reads or writes it while the layer lives. Socket options,
/// names, peer and descriptor are those of `connection`; closing the layer closes it too. Flags: `KJA_CODING_KEEP_BELOW_OPEN`. Never blocks.
///
/// A write settles when what has come of it is on its way. A compressor keeps some until `kja_connection_flush_start`, or
/// until `kja_connection_shutdown_write_start` ends the data; released without that, they are cut off. What is *read* compressed is flushed
/// whenever there is nothing more to be read below. Work is done on the loop or on the calling thread, 64 KiB at a time; the highest levels
/// of brotli take long for that. Cancellation of a read or write: the connection stays usable and nothing is lost.
///
/// Errors: as `kja_coding_run`, from reads and writes, and from a shutdown of writing for written data that end early; they stay. `BUSY` if a
/// read of `connection` is pending; `OVERLOADED` for more than 64 layers. (GZIP-01, GZIP-02, GZIP-03, GZIP-05, GZIP-06, GZIP-08, BROT-01, BROT-02, BROT-03, BROT-05)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_coding_layer(
    connection: kja_connection_t,
    read: *const kja_coding_t,
    write: *const kja_coding_t,
    flags: u32,
    out: *mut kja_connection_t,
) -> kja_status_t {
    created(out, || {
        let below = get::<Connection>(connection)?;
        if flags & !KJA_CODING_KEEP_BELOW_OPEN != 0 {
            return Err(Error::invalid("a flag of coded connections that there is not"));
        }
        let keep_below_open = flags & KJA_CODING_KEEP_BELOW_OPEN != 0;
        let codings = Codings { read: coding_in(read)?, write: coding_in(write)?, keep_below_open };
        coded(&below, &codings)
    })
}

/// A coder, taken out of its place while it runs.
struct SharedCoder(Lock<Option<Coder>>);

impl Object for SharedCoder {}

/// Makes what compresses or decompresses piece by piece, without a loop. It belongs to no runtime. Errors: `INVALID_ARGUMENT` for a level
/// or a window that the format does not have. (GZIP-07, BROT-06)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_coder_new(coding: *const kja_coding_t, out: *mut kja_coder_t) -> kja_status_t {
    created(out, || Ok(SharedCoder(Lock::new(Some(Coder::new(&required(coding)?)?)))))
}

/// Codes `size` bytes at `data` into `buffer`, as far as both go. How many bytes it used goes to `used`, how many it wrote to `written`, and
/// to `done` whether it went as far as `until`, `KJA_CODER_INPUT_USED` or another, says: if not, give it more room and the bytes that
/// are left. A flush or an end that is not done goes on with the next call, and nothing can be added after an end.
///
/// Errors stay: as `kja_coding_run`, with `FAILED` for input after the end. `BUSY` if another thread runs it. (GZIP-04, GZIP-05, GZIP-07, BROT-04, BROT-06)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_coder_run(
    coder: kja_coder_t,
    data: *const c_void,
    size: usize,
    until: u32,
    buffer: *mut c_void,
    capacity: usize,
    used: *mut usize,
    written: *mut usize,
    done: *mut bool,
) -> kja_status_t {
    boundary(|| {
        put(used, 0)?;
        put(written, 0)?;
        put(done, false)?;
        let shared = get::<SharedCoder>(coder)?;
        let until = match until {
            KJA_CODER_INPUT_USED => Until::InputUsed,
            KJA_CODER_FLUSHED => Until::Flushed,
            KJA_CODER_ENDED => Until::Ended,
            other => return Err(Error::invalid(format!("{other} is nothing that a coder goes on until"))),
        };
        let (data, buffer) = (bytes_in(data, size)?, buffer_in(buffer, capacity)?);
        let taken = shared.0.lock().take();
        let mut coder = taken.ok_or_else(|| Error::new(ErrorKind::Busy, "the coder is running"))?;
        let progress = run(&mut coder, data, buffer, until);
        *shared.0.lock() = Some(coder);
        let progress = progress?;
        put(used, progress.used)?;
        put(written, progress.written)?;
        put(done, progress.done)
    })
}

/// Runs it piece by piece, so that no more of the caller's memory is set to zero first than is filled.
fn run(
    coder: &mut Coder,
    data: &[u8],
    buffer: &mut [std::mem::MaybeUninit<u8>],
    until: Until,
) -> Result<Progress, Error> {
    const PIECE: usize = 16 * 1024;
    let mut all = Progress::default();
    loop {
        let room = &mut buffer[all.written..];
        let room_now = room.len().min(PIECE);
        room[..room_now].fill(std::mem::MaybeUninit::new(0));
        // SAFETY: these bytes have just been set, and are the caller's to be filled.
        let room = unsafe { std::slice::from_raw_parts_mut(room.as_mut_ptr().cast::<u8>(), room_now) };
        match coder.run(&data[all.used..], room, until) {
            Ok(progress) => {
                all.used += progress.used;
                all.written += progress.written;
                all.done = progress.done;
            }
            // It stays, and comes after what came before it.
            Err(_) if all.written > 0 => return Ok(Progress { done: false, ..all }),
            Err(error) => return Err(error),
        }
        if all.done || all.written == buffer.len() {
            return Ok(all);
        }
    }
}

/// Releases it.
#[unsafe(no_mangle)]
pub extern "C" fn kja_coder_release(coder: kja_coder_t) -> kja_status_t {
    release::<SharedCoder>(coder)
}
