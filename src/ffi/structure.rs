//! Structures of the caller's that begin with their size, and grow at the end from version to version.

use super::put;
use crate::error::Error;
use std::mem::MaybeUninit;

/// More than any version will have.
const MOST: usize = 4096;

/// A structure that begins with its `size`.
///
/// # Safety
/// It is `repr(C)`, its first field is the `usize` of its size, and all zeros are a value of it.
pub(super) unsafe trait Growing: Sized {
    const NAME: &'static str;
    /// Up to and with the last field that it had in the first version.
    const FIRST_SIZE: usize;
}

/// Makes a structure one that grows: `last`, a `kind`, was its last field in the first version.
macro_rules! growing {
    ($name:ident, since $last:ident: $kind:ty) => {
        const _: () = assert!(std::mem::offset_of!($name, size) == 0);
        // SAFETY: as the line above says; it consists of numbers, pointers, and functions that may be null.
        unsafe impl crate::ffi::structure::Growing for $name {
            const NAME: &'static str = stringify!($name);
            const FIRST_SIZE: usize = std::mem::offset_of!($name, $last) + size_of::<$kind>();
        }
    };
}
pub(super) use growing;

fn size_of_given<T: Growing>(given: *const T) -> Result<usize, Error> {
    // SAFETY: not null where this is called, and the header requires that a size comes first.
    let size = unsafe { given.cast::<usize>().read() };
    // Every version's size is a multiple of the alignment; any other would cut a field, such as a pointer.
    if (T::FIRST_SIZE..=MOST).contains(&size) && size.is_multiple_of(align_of::<T>()) {
        Ok(size)
    } else {
        Err(Error::invalid(format!("a structure of {size} bytes; set its size to sizeof({})", T::NAME)))
    }
}

/// What the caller gave, who may know an older or a newer version: what an older one lacks is 0, and what a newer one has
/// beyond ours is left out. None for null.
pub(super) fn structure_in<T: Growing>(given: *const T) -> Result<Option<T>, Error> {
    if given.is_null() {
        return Ok(None);
    }
    let size = size_of_given(given)?;
    let mut copy = MaybeUninit::<T>::zeroed();
    // SAFETY: that many bytes are readable by the header's rule, and no more than fit are copied.
    unsafe { std::ptr::copy_nonoverlapping(given.cast::<u8>(), copy.as_mut_ptr().cast(), size.min(size_of::<T>())) };
    // SAFETY: zeros are a value of it, and the header requires the caller's fields to be values of theirs.
    Ok(Some(unsafe { copy.assume_init() }))
}

/// Fills a structure of the caller's as far as the caller knows it; `value` has its size.
pub(super) fn structure_out<T: Growing>(out: *mut T, fill: impl FnOnce(usize) -> T) -> Result<(), Error> {
    if out.is_null() {
        return Err(Error::null());
    }
    let size = size_of_given(out)?;
    if size >= size_of::<T>() {
        return put(out, fill(size));
    }
    let value = fill(size);
    // SAFETY: that many bytes are writable by the header's rule, and fewer than the value has.
    unsafe { std::ptr::copy_nonoverlapping((&raw const value).cast::<u8>(), out.cast(), size) };
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[repr(C)]
    #[derive(Clone, Copy, Default, Debug, PartialEq)]
    #[allow(non_camel_case_types)]
    struct first_t {
        size: usize,
        first: u64,
    }
    /// As the library knows it.
    #[repr(C)]
    #[derive(Clone, Copy, Default, Debug, PartialEq)]
    #[allow(non_camel_case_types)]
    struct ours_t {
        size: usize,
        first: u64,
        added: u64,
    }
    #[repr(C)]
    struct Newer {
        ours: ours_t,
        unknown: u64,
    }
    growing!(ours_t, since first: u64);

    #[test]
    fn what_an_older_program_does_not_have_is_zero() {
        // What lies behind it is not the library's to read.
        let memory = [first_t { size: size_of::<first_t>(), first: 7 }, first_t { size: 99, first: 99 }];
        let read = structure_in(memory.as_ptr().cast::<ours_t>()).unwrap().unwrap();
        assert_eq!(read, ours_t { size: size_of::<first_t>(), first: 7, added: 0 });
    }

    #[test]
    fn what_a_newer_program_has_beyond_is_left_out() {
        let ours = ours_t { size: size_of::<Newer>(), first: 7, added: 8 };
        let newer = Newer { ours, unknown: 9 };
        assert_eq!(structure_in((&raw const newer).cast::<ours_t>()).unwrap().unwrap(), ours);
        assert_eq!(newer.unknown, 9);
    }

    #[test]
    fn less_than_the_first_version_and_more_than_any_are_refused() {
        // A part of a field is none: of a pointer it would be a wild one.
        let cut = size_of::<ours_t>() - 3;
        for size in [0, 1, size_of::<usize>(), size_of::<first_t>() - 1, cut, MOST + 1, usize::MAX] {
            let given = ours_t { size, first: 7, added: 8 };
            let error = structure_in(&raw const given).unwrap_err();
            assert!(error.text().contains("sizeof(ours_t)"), "{}", error.text());
        }
        assert_eq!(structure_in(std::ptr::null::<ours_t>()).unwrap(), None);
    }

    #[test]
    fn an_older_program_gets_what_it_knows_and_nothing_behind_it_changes() {
        let mut memory = [first_t { size: size_of::<first_t>(), first: 0 }, first_t { size: 99, first: 99 }];
        structure_out(memory.as_mut_ptr().cast::<ours_t>(), |size| ours_t { size, first: 7, added: 8 }).unwrap();
        assert_eq!(memory, [first_t { size: size_of::<first_t>(), first: 7 }, first_t { size: 99, first: 99 }]);
    }
}
