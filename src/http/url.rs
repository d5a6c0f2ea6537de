//! URLs, in the three places where HTTP has them: links, requests to a proxy, requests to a server.
//!
//! A URL here is a value of parts, decoded; the text is made from them. Only URLs with an authority are known, so
//! `mailto:` and `data:` are not. Hosts are ASCII: an international name is given in its `xn--` form.

use crate::codec::percent::{self, Set};
use crate::error::Error;

/// Where a URL stands, which decides what parts it has. (URL-02, URL-03, URL-04)
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UrlContext {
    /// A link: scheme, user, host, path, query and fragment.
    #[default]
    RemoteHref,
    /// The first line of a request to a proxy: no user and no fragment, and `#` is a character like any other.
    HttpProxyRequest,
    /// The first line of a request to a server: path and query only.
    HttpRequest,
}

/// How a URL is read and written. (URL-09, URL-10)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UrlOptions {
    /// Escapes are decoded on the way in and made on the way out; otherwise all text stays as it is.
    pub percent_decode: bool,
    /// Empty parts of a path and empty items of a query are kept.
    pub allow_empty: bool,
}

impl Default for UrlOptions {
    fn default() -> Self {
        Self { percent_decode: true, allow_empty: false }
    }
}

/// Who asks. (URL-01)
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserInfo {
    /// The name.
    pub name: String,
    /// The password; an empty one is not the same as none.
    pub password: Option<String>,
}

/// One item of a query. (URL-01, URL-08)
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryItem {
    /// The text before the first `=`.
    pub name: String,
    /// The text behind it; none if there is no `=`.
    pub value: Option<String>,
}

/// A URL in its parts. (URL-01, URL-11)
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Url {
    /// In lower case, without the colon.
    pub scheme: String,
    /// The user, if one is named.
    pub user_info: Option<UserInfo>,
    /// In lower case, with the port if one is given.
    pub host: String,
    /// The parts between the slashes.
    pub path: Vec<String>,
    /// Whether a slash follows the last part.
    pub trailing_slash: bool,
    /// The query.
    pub query: Vec<QueryItem>,
    /// The text behind `#`, if there is one.
    pub fragment: Option<String>,
    /// How it was read and will be written.
    pub options: UrlOptions,
}

fn bad(text: &str, why: &str) -> Error {
    let shown: String = text.chars().take(200).collect();
    Error::invalid(format!("\"{shown}\" is not a URL that can be used here: {why}"))
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
}

fn is_host(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:[]_".contains(&b))
}

/// Whether something can be at the end of a URL of this scheme. Without a host others take the first part of the path for one.
fn leads_somewhere(scheme: &str, host: &str) -> bool {
    !(matches!(scheme, "http" | "https" | "ws" | "wss") && (host.is_empty() || host.starts_with(':')))
}

/// Takes the front of `text` up to the first byte that is in `ends`, or all of it.
fn take_until<'a>(text: &mut &'a str, ends: &[u8]) -> &'a str {
    let end = text.bytes().position(|byte| ends.contains(&byte)).unwrap_or(text.len());
    let (front, rest) = text.split_at(end);
    *text = rest;
    front
}

/// What is left to read, and how.
struct Reader<'a> {
    whole: &'a str,
    rest: &'a str,
    context: UrlContext,
    options: UrlOptions,
}

impl<'a> Reader<'a> {
    fn new(whole: &'a str, context: UrlContext, options: UrlOptions) -> Self {
        Self { whole, rest: whole, context, options }
    }

    fn bad(&self, why: &str) -> Error {
        bad(self.whole, why)
    }

    /// The characters at which a part ends; a fragment begins only in a link.
    fn ends(&self, link: &'static [u8], request: &'static [u8]) -> &'static [u8] {
        if self.context == UrlContext::RemoteHref { link } else { request }
    }

    fn decode(&self, text: &str, plus_to_space: bool) -> Result<String, Error> {
        if !self.options.percent_decode {
            return Ok(text.to_owned());
        }
        let (bytes, errors) = percent::decode(text.as_bytes(), plus_to_space);
        if errors {
            return Err(self.bad("two hexadecimal digits must follow a percent sign"));
        }
        String::from_utf8(bytes.into_owned()).map_err(|_| self.bad("its escapes do not decode to UTF-8"))
    }

    fn authority(&mut self, url: &mut Url) -> Result<(), Error> {
        let ends = self.ends(b"/?#", b"/?");
        let mut host = take_until(&mut self.rest, ends);
        if let Some((user, after)) = host.split_once('@') {
            if self.context != UrlContext::RemoteHref {
                return Err(self.bad("a request names no user"));
            }
            let (name, password) = match user.split_once(':') {
                Some((name, password)) => (name, Some(self.decode(password, false)?)),
                None => (user, None),
            };
            url.user_info = Some(UserInfo { name: self.decode(name, false)?, password });
            host = after;
        }
        let host = self.decode(host, false)?;
        if !is_host(&host) {
            return Err(self.bad("a host is made of letters, digits and .-:[]_"));
        }
        if !leads_somewhere(&url.scheme, &host) {
            return Err(self.bad("it names no host"));
        }
        url.host = host.to_ascii_lowercase();
        Ok(())
    }

    /// One part of a path, which is appended to those that are there.
    fn path_part(&mut self, url: &mut Url) -> Result<(), Error> {
        let ends = self.ends(b"/?#", b"/?");
        let part = take_until(&mut self.rest, ends);
        url.trailing_slash = match part {
            ".." => {
                url.path.pop();
                true
            }
            "." => true,
            // Several slashes are one, unless empty parts count; the last slash is always a trailing one.
            "" if !self.options.allow_empty || !self.rest.starts_with('/') => true,
            part => {
                url.path.push(self.decode(part, false)?);
                false
            }
        };
        Ok(())
    }

    fn query(&mut self, url: &mut Url) -> Result<(), Error> {
        let ends = self.ends(b"&#", b"&");
        loop {
            self.rest = &self.rest[1..];
            let item = take_until(&mut self.rest, ends);
            if !item.is_empty() || self.options.allow_empty {
                let (name, value) = match item.split_once('=') {
                    Some((name, value)) => (name, Some(self.decode(value, true)?)),
                    None => (item, None),
                };
                url.query.push(QueryItem { name: self.decode(name, true)?, value });
            }
            if !self.rest.starts_with('&') {
                return Ok(());
            }
        }
    }

    fn fragment(&mut self, url: &mut Url) -> Result<(), Error> {
        match self.rest.strip_prefix('#') {
            Some(fragment) => url.fragment = Some(self.decode(fragment, false)?),
            None if self.rest.is_empty() => {}
            None => return Err(self.bad("a slash must follow the host")),
        }
        Ok(())
    }
}

impl Url {
    /// Reads a whole URL. (URL-02)
    ///
    /// # Errors
    /// `InvalidArgument` for a text that is none in this context, a bad escape included.
    pub fn parse(text: &str, context: UrlContext, options: UrlOptions) -> Result<Self, Error> {
        let mut reader = Reader::new(text, context, options);
        let mut url = Self { options, ..Self::default() };
        if context == UrlContext::HttpRequest {
            if !text.starts_with('/') {
                return Err(reader.bad("the target of a request begins with a slash"));
            }
        } else {
            let (scheme, rest) = text.split_once(':').unwrap_or(("", text));
            if !is_scheme(scheme) {
                return Err(reader.bad("it begins with no scheme"));
            }
            url.scheme = scheme.to_ascii_lowercase();
            reader.rest =
                rest.strip_prefix("//").ok_or_else(|| reader.bad("two slashes and a host follow the scheme"))?;
            reader.authority(&mut url)?;
        }
        while let Some(rest) = reader.rest.strip_prefix('/') {
            reader.rest = rest;
            reader.path_part(&mut url)?;
        }
        if reader.rest.starts_with('?') {
            reader.query(&mut url)?;
        }
        reader.fragment(&mut url)?;
        Ok(url)
    }

    /// Resolves a reference found in a document at this URL. `..` stops at the root; the options are this URL's.
    /// (URL-06)
    ///
    /// # Errors
    /// As `parse`.
    pub fn parse_relative(&self, text: &str) -> Result<Self, Error> {
        if text.is_empty() {
            return Ok(self.clone());
        }
        let mut reader = Reader::new(text, UrlContext::RemoteHref, self.options);
        let mut url = Self { options: self.options, ..Self::default() };
        let scheme_end = text.bytes().position(|b| !(b.is_ascii_alphanumeric() || b"+-.".contains(&b)));
        match scheme_end {
            Some(end) if text.as_bytes()[end] == b':' => {
                if !is_scheme(&text[..end]) {
                    return Err(reader.bad("it begins with no scheme"));
                }
                url.scheme = text[..end].to_ascii_lowercase();
                reader.rest = &text[end + 1..];
            }
            _ => url.scheme.clone_from(&self.scheme),
        }
        let new_authority = match reader.rest.strip_prefix("//") {
            Some(rest) => {
                reader.rest = rest;
                reader.authority(&mut url)?;
                true
            }
            None => {
                url.host.clone_from(&self.host);
                url.user_info.clone_from(&self.user_info);
                false
            }
        };
        let new_path = !reader.rest.is_empty() && !reader.rest.starts_with(['?', '#']);
        if new_path {
            if let Some(rest) = reader.rest.strip_prefix('/') {
                reader.rest = rest;
            } else {
                url.path.clone_from(&self.path);
                if !self.trailing_slash {
                    url.path.pop();
                }
            }
            loop {
                reader.path_part(&mut url)?;
                match reader.rest.strip_prefix('/') {
                    Some(rest) => reader.rest = rest,
                    None => break,
                }
            }
        } else if !new_authority {
            url.path.clone_from(&self.path);
            url.trailing_slash = self.trailing_slash;
        }
        if reader.rest.starts_with('?') {
            reader.query(&mut url)?;
        } else if !new_authority && !new_path {
            url.query.clone_from(&self.query);
        }
        reader.fragment(&mut url)?;
        Ok(url)
    }

    /// The text of the URL for a context. (URL-05)
    ///
    /// # Errors
    /// `InvalidArgument` if the parts would read back as others: a part of the path that is `.`, `..` or, unless the
    /// options allow it, empty; a host with other characters than hosts have.
    pub fn to_text(&self, context: UrlContext) -> Result<String, Error> {
        let mut out = String::new();
        if context != UrlContext::HttpRequest {
            if !is_scheme(&self.scheme) || !is_host(&self.host) || !leads_somewhere(&self.scheme, &self.host) {
                return Err(bad(&format!("{}://{}", self.scheme, self.host), "scheme or host is malformed"));
            }
            out.push_str(&self.scheme);
            out.push_str("://");
            if let Some(user) = self.user_info.as_ref().filter(|_| context == UrlContext::RemoteHref) {
                self.write(&mut out, Set::UserInfo, &user.name);
                if let Some(password) = &user.password {
                    out.push(':');
                    self.write(&mut out, Set::UserInfo, password);
                }
                out.push('@');
            }
            out.push_str(&self.host);
        }
        for part in &self.path {
            if matches!(part.as_str(), "." | "..") || part.is_empty() && !self.options.allow_empty {
                return Err(bad(part, "such a part of a path would lead elsewhere"));
            }
            out.push('/');
            self.write(&mut out, Set::Path, part);
        }
        if self.trailing_slash || self.path.is_empty() && context == UrlContext::HttpRequest {
            out.push('/');
        }
        for (n, item) in self.query.iter().enumerate() {
            out.push(if n == 0 { '?' } else { '&' });
            self.write(&mut out, Set::Form, &item.name);
            if let Some(value) = &item.value {
                out.push('=');
                self.write(&mut out, Set::Form, value);
            }
        }
        if let Some(fragment) = self.fragment.as_ref().filter(|_| context == UrlContext::RemoteHref) {
            out.push('#');
            self.write(&mut out, Set::Fragment, fragment);
        }
        Ok(out)
    }

    fn write(&self, out: &mut String, set: Set, text: &str) {
        if self.options.percent_decode {
            percent::encode_to(out, set, text.as_bytes());
        } else {
            out.push_str(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(text: &str) -> Url {
        Url::parse(text, UrlContext::RemoteHref, UrlOptions::default()).expect(text)
    }

    fn fails(text: &str, context: UrlContext) {
        assert!(Url::parse(text, context, UrlOptions::default()).is_err(), "{text}");
    }

    fn item(name: &str, value: Option<&str>) -> QueryItem {
        QueryItem { name: name.to_owned(), value: value.map(str::to_owned) }
    }

    // parity: URL-01, URL-02, URL-07, URL-08, URL-11
    #[test]
    fn a_link_is_read_into_its_parts() {
        let url = link("HTTPS://Bob:s%20c@Example.COM:80/a/b%2Fc/?x=1&y&z=&q+r=%3D#frag%20ment");
        assert_eq!(url.scheme, "https");
        let user = url.user_info.clone().expect("a user");
        assert_eq!((user.name.as_str(), user.password.as_deref()), ("Bob", Some("s c")));
        assert_eq!((url.host.as_str(), url.trailing_slash), ("example.com:80", true));
        assert_eq!(url.path, ["a", "b/c"]);
        assert_eq!(url.query, [item("x", Some("1")), item("y", None), item("z", Some("")), item("q r", Some("="))]);
        assert_eq!(url.fragment.as_deref(), Some("frag ment"));
        assert_eq!(
            url.to_text(UrlContext::RemoteHref).as_deref().ok(),
            Some("https://Bob:s%20c@example.com:80/a/b%2Fc/?x=1&y&z=&q+r=%3D#frag%20ment")
        );
        assert_eq!(url.clone(), url);
    }

    // parity: URL-02, URL-07
    #[test]
    fn what_is_no_link_is_refused() {
        for text in [
            "",
            "/a",
            "a",
            "mailto:a@b",
            "data:,x",
            "http:/a/b",
            "1http://a",
            "ht_tp://a",
            "://a",
            "http://a b/",
            "http://a%/",
            "http://h/%zz",
            "http://h/%ff",
            "http://h/?a=%4",
            "http://h/#%",
            "http://ex%2Fample/",
            "http://é/",
            "http:///a",
            "HTTPS://:80/",
            "ws://u@/a",
        ] {
            fails(text, UrlContext::RemoteHref);
        }
        assert_eq!(link("http://under_score").host, "under_score");
        assert_eq!(link("http://[::1]:8080/").host, "[::1]:8080");
    }

    // parity: URL-03
    #[test]
    fn requests_to_a_proxy_have_neither_user_nor_fragment() {
        let read = |text| Url::parse(text, UrlContext::HttpProxyRequest, UrlOptions::default());
        let url = read("http://h/a#b?c#d").expect("# is a character");
        assert_eq!((url.path.as_slice(), &url.query[0]), (["a#b".to_owned()].as_slice(), &item("c#d", None)));
        fails("http://u@h/", UrlContext::HttpProxyRequest);
        fails("http://h#f", UrlContext::HttpProxyRequest);
        let full = link("http://u:p@h/a#f");
        assert_eq!(full.to_text(UrlContext::HttpProxyRequest).ok().as_deref(), Some("http://h/a"));
    }

    // parity: URL-04
    #[test]
    fn requests_to_a_server_have_path_and_query() {
        let url = Url::parse("/a//b?x", UrlContext::HttpRequest, UrlOptions::default()).expect("a target");
        assert_eq!((url.scheme.as_str(), url.host.as_str(), url.path.len()), ("", "", 2));
        assert_eq!(url.to_text(UrlContext::HttpRequest).ok().as_deref(), Some("/a/b?x"));
        assert_eq!(link("http://h").to_text(UrlContext::HttpRequest).ok().as_deref(), Some("/"));
        assert_eq!(link("http://h").to_text(UrlContext::RemoteHref).ok().as_deref(), Some("http://h"));
        fails("a", UrlContext::HttpRequest);
        fails("*", UrlContext::HttpRequest);
        fails("http://h/", UrlContext::HttpRequest);
    }

    // parity: URL-05
    #[test]
    fn parts_that_would_lead_elsewhere_are_not_written() {
        for part in ["", ".", ".."] {
            let url = Url { path: vec!["a".to_owned(), part.to_owned()], ..link("http://h") };
            assert!(url.to_text(UrlContext::RemoteHref).is_err(), "{part:?}");
        }
        for host in ["a/b", "a b", "a#b", "a@b"] {
            assert!(Url { host: host.to_owned(), ..link("http://h") }.to_text(UrlContext::RemoteHref).is_err());
        }
        assert!(Url { scheme: "javascript:x".to_owned(), ..link("http://h") }.to_text(UrlContext::RemoteHref).is_err());
        let path = vec!["elsewhere.example".to_owned()];
        assert!(Url { host: String::new(), path, ..link("http://h") }.to_text(UrlContext::RemoteHref).is_err());
        assert_eq!(link("file:///a/b").to_text(UrlContext::RemoteHref).ok().as_deref(), Some("file:///a/b"));
    }

    // parity: URL-06
    #[test]
    fn references_are_resolved() {
        let base = link("https://bob@a.example/x/y/z?q#f");
        for (reference, whole) in [
            ("", "https://bob@a.example/x/y/z?q#f"),
            ("#g", "https://bob@a.example/x/y/z?q#g"),
            ("?r=1", "https://bob@a.example/x/y/z?r=1"),
            ("w", "https://bob@a.example/x/y/w"),
            ("./w/", "https://bob@a.example/x/y/w/"),
            ("../w", "https://bob@a.example/x/w"),
            ("../../../../w", "https://bob@a.example/w"),
            (".", "https://bob@a.example/x/y/"),
            ("/w?s", "https://bob@a.example/w?s"),
            ("//b.example", "https://b.example"),
            ("//c@b.example/v", "https://c@b.example/v"),
            ("http://b.example/v", "http://b.example/v"),
            ("HTTP:w", "http://bob@a.example/x/y/w"),
        ] {
            let url = base.parse_relative(reference).expect(reference);
            assert_eq!(url.to_text(UrlContext::RemoteHref).as_deref().ok(), Some(whole), "{reference}");
        }
        assert_eq!(link("http://h/x/").parse_relative("w").expect("a name").path, ["x", "w"]);
        for reference in ["%", "//a b", "1a://h", "w?%1", "///w", "//"] {
            assert!(base.parse_relative(reference).is_err(), "{reference}");
        }
    }

    // parity: URL-09
    #[test]
    fn without_decoding_all_text_stays_as_it_is() {
        let options = UrlOptions { percent_decode: false, ..UrlOptions::default() };
        let text = "http://u%20:p%@h/a%2fb/%zz?x=a+b%20&%ff#%";
        let url = Url::parse(text, UrlContext::RemoteHref, options).expect("nothing is decoded");
        assert_eq!(url.path, ["a%2fb", "%zz"]);
        assert_eq!(url.to_text(UrlContext::RemoteHref).ok().as_deref(), Some(text));
    }

    // parity: URL-10
    #[test]
    fn empty_parts_are_dropped_or_kept() {
        let text = "http://h//a///b//?&x&&y=&";
        assert_eq!(link(text).to_text(UrlContext::RemoteHref).ok().as_deref(), Some("http://h/a/b/?x&y="));
        let options = UrlOptions { allow_empty: true, ..UrlOptions::default() };
        let url = Url::parse(text, UrlContext::RemoteHref, options).expect("empty parts");
        assert_eq!(url.path, ["", "a", "", "", "b", ""]);
        assert_eq!(url.to_text(UrlContext::RemoteHref).ok().as_deref(), Some(text));
    }
}
