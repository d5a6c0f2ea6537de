//! URLs.

use super::error::text_out;
use super::{boundary, bytes_in, created, get, kja_status_t, kja_url_t, put, put_wanted, release};
use crate::error::Error;
use crate::http::{QueryItem, Url, UrlContext, UrlOptions, UserInfo};
use crate::object::Object;
use crate::sync::Lock;
use std::ffi::c_char;

/// A link: scheme, user, host, path, query and fragment.
pub const KJA_URL_REMOTE_HREF: u32 = 0;
/// The first line of a request to a proxy: no user and no fragment, and `#` is a character like any other.
pub const KJA_URL_HTTP_PROXY_REQUEST: u32 = 1;
/// The first line of a request to a server: path and query only.
pub const KJA_URL_HTTP_REQUEST: u32 = 2;

/// Text stays as it is, both ways; otherwise escapes are decoded and made. (URL-09)
pub const KJA_URL_KEEP_ESCAPES: u32 = 1;
/// Empty parts of a path and empty items of a query are kept; otherwise they are dropped. (URL-10)
pub const KJA_URL_ALLOW_EMPTY: u32 = 2;

/// In lower case, without the colon.
pub const KJA_URL_SCHEME: u32 = 0;
/// In lower case, with the port if one is given.
pub const KJA_URL_HOST: u32 = 1;
/// The name of the user.
pub const KJA_URL_USER: u32 = 2;
/// The password of the user; an empty one is not the same as none.
pub const KJA_URL_PASSWORD: u32 = 3;
/// The text behind `#`.
pub const KJA_URL_FRAGMENT: u32 = 4;

struct SharedUrl(Lock<Url>);

impl Object for SharedUrl {}

impl From<Url> for SharedUrl {
    fn from(url: Url) -> Self {
        Self(Lock::new(url))
    }
}

fn text_in<'a>(text: *const c_char, len: usize) -> Result<&'a str, Error> {
    std::str::from_utf8(bytes_in(text.cast(), len)?).map_err(|_| Error::invalid("a text that is not UTF-8"))
}

fn context_in(context: u32) -> Result<UrlContext, Error> {
    match context {
        KJA_URL_REMOTE_HREF => Ok(UrlContext::RemoteHref),
        KJA_URL_HTTP_PROXY_REQUEST => Ok(UrlContext::HttpProxyRequest),
        KJA_URL_HTTP_REQUEST => Ok(UrlContext::HttpRequest),
        other => Err(Error::invalid(format!("{other} is not a context of URLs"))),
    }
}

fn url_options(flags: u32) -> Result<UrlOptions, Error> {
    if flags & !(KJA_URL_KEEP_ESCAPES | KJA_URL_ALLOW_EMPTY) != 0 {
        return Err(Error::invalid("a flag of URLs that there is not"));
    }
    let percent_decode = flags & KJA_URL_KEEP_ESCAPES == 0;
    Ok(UrlOptions { percent_decode, allow_empty: flags & KJA_URL_ALLOW_EMPTY != 0 })
}

fn change<R>(id: kja_url_t, change: impl FnOnce(&mut Url) -> Result<R, Error>) -> Result<R, Error> {
    change(&mut get::<SharedUrl>(id)?.0.lock())
}

/// Reads a URL in a context, a `KJA_URL_` number, with `KJA_URL_KEEP_ESCAPES` and `KJA_URL_ALLOW_EMPTY` as flags. URLs belong to no
/// runtime. Errors: `INVALID_ARGUMENT` for a text that is no URL there, a bad escape and one that does not decode to UTF-8
/// included; so is one for `http`, `https`, `ws` or `wss` without a host. (URL-01, URL-02, URL-03, URL-04, URL-07, URL-08)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_url_parse(
    text: *const c_char,
    text_len: usize,
    context: u32,
    flags: u32,
    out: *mut kja_url_t,
) -> kja_status_t {
    created(out, || {
        let url = Url::parse(text_in(text, text_len)?, context_in(context)?, url_options(flags)?);
        url.map(SharedUrl::from)
    })
}

/// Reads a reference found in a document at `base`. `..` stops at the root. Errors: as `kja_url_parse`. (URL-06)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_url_parse_relative(
    base: kja_url_t,
    text: *const c_char,
    text_len: usize,
    out: *mut kja_url_t,
) -> kja_status_t {
    created(out, || {
        let text = text_in(text, text_len)?;
        change(base, |base| base.parse_relative(text)).map(SharedUrl::from)
    })
}

/// Makes a URL without any part, to be set one by one. Flags as `kja_url_parse`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_url_new(flags: u32, out: *mut kja_url_t) -> kja_status_t {
    created(out, || Ok(SharedUrl::from(Url { options: url_options(flags)?, ..Url::default() })))
}

/// Makes a copy that changes independently. (URL-11)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_url_clone(url: kja_url_t, out: *mut kja_url_t) -> kja_status_t {
    created(out, || change(url, |url| Ok(SharedUrl::from(url.clone()))))
}

/// Copies the text of a URL in a context, with a closing NUL, cut to `capacity`, and writes its whole length to `length`, which may be null.
/// Errors: `INVALID_ARGUMENT` for parts that would be read back as others, such as a part of the path that is `..`. (URL-05)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_url_text(
    url: kja_url_t,
    context: u32,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
) -> kja_status_t {
    boundary(|| {
        let context = context_in(context)?;
        text_out(&change(url, |url| url.to_text(context))?, buffer, capacity, length)
    })
}

/// Copies a part, one of `KJA_URL_SCHEME` to `KJA_URL_FRAGMENT`, decoded, with a closing NUL and cut to `capacity`. Its whole length goes to `length`
/// and whether there is one to `found`; both may be null. (URL-01)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_url_get(
    url: kja_url_t,
    part: u32,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
    found: *mut bool,
) -> kja_status_t {
    boundary(|| {
        let text = change(url, |url| {
            Ok(match part {
                KJA_URL_SCHEME => Some(url.scheme.clone()).filter(|scheme| !scheme.is_empty()),
                KJA_URL_HOST => Some(url.host.clone()).filter(|host| !host.is_empty()),
                KJA_URL_USER => url.user_info.as_ref().map(|user| user.name.clone()),
                KJA_URL_PASSWORD => url.user_info.as_ref().and_then(|user| user.password.clone()),
                KJA_URL_FRAGMENT => url.fragment.clone(),
                other => return Err(Error::invalid(format!("{other} is not a part of URLs"))),
            })
        })?;
        put_wanted(found, text.is_some())?;
        text_out(&text.unwrap_or_default(), buffer, capacity, length)
    })
}

/// Sets a part, or takes it out if `text` is null. A password without a user belongs to the empty name. (URL-01)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_url_set(url: kja_url_t, part: u32, text: *const c_char, text_len: usize) -> kja_status_t {
    boundary(|| {
        let text = if text.is_null() { None } else { Some(text_in(text, text_len)?.to_owned()) };
        change(url, |url| {
            match part {
                KJA_URL_SCHEME => url.scheme = text.unwrap_or_default().to_ascii_lowercase(),
                KJA_URL_HOST => url.host = text.unwrap_or_default().to_ascii_lowercase(),
                KJA_URL_USER => match text {
                    Some(name) => url.user_info.get_or_insert_with(no_user).name = name,
                    None => url.user_info = None,
                },
                KJA_URL_PASSWORD if text.is_none() && url.user_info.is_none() => {}
                KJA_URL_PASSWORD => url.user_info.get_or_insert_with(no_user).password = text,
                KJA_URL_FRAGMENT => url.fragment = text,
                other => return Err(Error::invalid(format!("{other} is not a part of URLs"))),
            }
            Ok(())
        })
    })
}

fn no_user() -> UserInfo {
    UserInfo { name: String::new(), password: None }
}

/// Writes how many parts the path has. (URL-01)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_url_path_count(url: kja_url_t, out: *mut usize) -> kja_status_t {
    boundary(|| put(out, change(url, |url| Ok(url.path.len()))?))
}

/// Copies a part of the path by its place, from 0 on, decoded and with a closing NUL, cut to `capacity`; its whole length goes to `length`, which
/// may be null. Errors: `INVALID_ARGUMENT` for a place past the end. (URL-01)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_url_path_at(
    url: kja_url_t,
    index: usize,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
) -> kja_status_t {
    boundary(|| {
        let part = change(url, |url| Ok(url.path.get(index).cloned()))?;
        let part = part.ok_or_else(|| Error::invalid("the path has not so many parts"))?;
        text_out(&part, buffer, capacity, length)
    })
}

/// Adds a part to the end of the path. It may hold any text; a slash in it is escaped where the URL is written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_url_path_append(url: kja_url_t, text: *const c_char, text_len: usize) -> kja_status_t {
    boundary(|| {
        let part = text_in(text, text_len)?.to_owned();
        change(url, |url| {
            url.path.push(part);
            Ok(())
        })
    })
}

/// Takes all parts of the path out.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_url_path_clear(url: kja_url_t) -> kja_status_t {
    boundary(|| {
        change(url, |url| {
            url.path.clear();
            Ok(())
        })
    })
}

/// Writes whether a slash follows the last part of the path. (URL-01)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_url_trailing_slash(url: kja_url_t, out: *mut bool) -> kja_status_t {
    boundary(|| put(out, change(url, |url| Ok(url.trailing_slash))?))
}

/// Says whether a slash follows the last part of the path.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_url_set_trailing_slash(url: kja_url_t, slash: bool) -> kja_status_t {
    boundary(|| {
        change(url, |url| {
            url.trailing_slash = slash;
            Ok(())
        })
    })
}

/// Writes how many items the query has. (URL-01)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_url_query_count(url: kja_url_t, out: *mut usize) -> kja_status_t {
    boundary(|| put(out, change(url, |url| Ok(url.query.len()))?))
}

/// Copies name and value of an item of the query by its place, from 0 on, decoded, each with a closing NUL and cut to its capacity; their whole
/// lengths go to `name_length` and `value_length` and whether there is a value, as behind `a=` and not behind `a`, to
/// `has_value`; all three may be null. Errors: `INVALID_ARGUMENT` for a place past the end. (URL-08)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_url_query_at(
    url: kja_url_t,
    index: usize,
    name: *mut c_char,
    name_capacity: usize,
    name_length: *mut usize,
    value: *mut c_char,
    value_capacity: usize,
    value_length: *mut usize,
    has_value: *mut bool,
) -> kja_status_t {
    boundary(|| {
        let item = change(url, |url| Ok(url.query.get(index).cloned()))?;
        let item = item.ok_or_else(|| Error::invalid("the query has not so many items"))?;
        put_wanted(has_value, item.value.is_some())?;
        text_out(&item.name, name, name_capacity, name_length)?;
        text_out(&item.value.unwrap_or_default(), value, value_capacity, value_length)
    })
}

/// Adds an item to the end of the query; `value` is null for none. (URL-08)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_url_query_append(
    url: kja_url_t,
    name: *const c_char,
    name_len: usize,
    value: *const c_char,
    value_len: usize,
) -> kja_status_t {
    boundary(|| {
        let name = text_in(name, name_len)?.to_owned();
        let value = if value.is_null() { None } else { Some(text_in(value, value_len)?.to_owned()) };
        change(url, |url| {
            url.query.push(QueryItem { name, value });
            Ok(())
        })
    })
}

/// Takes all items of the query out.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_url_query_clear(url: kja_url_t) -> kja_status_t {
    boundary(|| {
        change(url, |url| {
            url.query.clear();
            Ok(())
        })
    })
}

/// Releases the handle.
#[unsafe(no_mangle)]
pub extern "C" fn kja_url_release(url: kja_url_t) -> kja_status_t {
    release::<SharedUrl>(url)
}
