//! Proxies, through which a client that goes by URL may have to go.

use crate::codec::base64;
use crate::error::Error;
use crate::http::{Url, UrlContext, UrlOptions};
use crate::peer::Cidr;
use std::net::IpAddr;
use std::sync::Arc;

/// A proxy, and how it is asked.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Proxy {
    /// That of the proxy itself: `http` or `https`.
    pub(super) scheme: String,
    /// With a port if it is not the usual one.
    pub(super) host: String,
    /// The value of `Proxy-Authorization`, if the URL of the proxy has a user.
    pub(super) authorization: Option<String>,
}

impl Proxy {
    /// Reads the URL of a proxy; one without a scheme is of `http`.
    fn parse(text: &str) -> Result<Arc<Self>, Error> {
        let text = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let no_proxy = |_| Error::invalid("the URL of a proxy is such as http://user:password@proxy.example:3128");
        let url = Url::parse(&text, UrlContext::RemoteHref, UrlOptions::default()).map_err(no_proxy)?;
        if !matches!(url.scheme.as_str(), "http" | "https") {
            return Err(no_proxy(Error::closed()));
        }
        let authorization = url.user_info.map(|user| {
            let text = format!("{}:{}", user.name, user.password.unwrap_or_default());
            format!("Basic {}", base64::encode(text.as_bytes()))
        });
        Ok(Arc::new(Self { scheme: url.scheme, host: url.host, authorization }))
    }
}

/// Which proxies there are, and for what. The password of one may stand in its URL, so this is not to be shown.
#[derive(Clone, Default)]
pub struct Proxies {
    http: Option<Arc<Proxy>>,
    https: Option<Arc<Proxy>>,
    except: Vec<String>,
}

impl std::fmt::Debug for Proxies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proxies").field("except", &self.except).finish_non_exhaustive()
    }
}

impl Proxies {
    /// One proxy for `http` and `https`: `http://user:password@proxy.example:3128`.
    ///
    /// # Errors
    /// `InvalidArgument` for no such URL.
    pub fn new(url: &str) -> Result<Self, Error> {
        let proxy = Proxy::parse(url)?;
        Ok(Self { http: Some(proxy.clone()), https: Some(proxy), except: Vec::new() })
    }

    /// The same, but not for these hosts: names, which stand for all below them as well, addresses, ranges such as `10.0.0.0/8`, each with
    /// a port or without, or `*`; with commas between them.
    pub fn except(mut self, hosts: &str) -> Self {
        self.except.extend(hosts.split([',', ' ']).filter(|host| !host.is_empty()).map(str::to_ascii_lowercase));
        self
    }

    /// Those that the environment names: `http_proxy`, `https_proxy`, `no_proxy`, in small letters or in capitals. `HTTP_PROXY` is not
    /// believed where requests could set it, in a CGI program.
    ///
    /// # Errors
    /// As `new`.
    pub fn from_environment() -> Result<Self, Error> {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    fn from_variables(get: impl Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let either = |name: &str| {
            let capitals = name.to_ascii_uppercase();
            let forged = capitals == "HTTP_PROXY" && get("REQUEST_METHOD").is_some();
            get(name).or_else(|| get(&capitals).filter(|_| !forged)).filter(|value| !value.is_empty())
        };
        let proxy = |name| either(name).map(|url| Proxy::parse(&url)).transpose();
        let found = Self { http: proxy("http_proxy")?, https: proxy("https_proxy")?, except: Vec::new() };
        Ok(found.except(&either("no_proxy").unwrap_or_default()))
    }

    /// The proxy for a URL of this scheme and this host, which may have a port.
    pub(super) fn of(&self, scheme: &str, host: &str) -> Option<&Arc<Proxy>> {
        let (proxy, usual) = match scheme {
            "http" => (self.http.as_ref()?, 80),
            "https" => (self.https.as_ref()?, 443),
            _ => return None,
        };
        let (name, port) = split(host);
        let port = port.unwrap_or(usual);
        (!self.except.iter().any(|except| covers(except, name, port))).then_some(proxy)
    }
}

/// Name or address, without brackets, and the port.
fn split(host: &str) -> (&str, Option<u16>) {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, digits)) if !name.contains(':') || name.ends_with(']') => (name, digits.parse().ok()),
        _ => (host, None),
    };
    (name.trim_start_matches('[').trim_end_matches(']'), port)
}

fn covers(except: &str, name: &str, port: u16) -> bool {
    if except == "*" {
        return true;
    }
    if let Ok(ip) = name.parse::<IpAddr>()
        && Cidr::parse(except.as_bytes()).is_ok_and(|range| range.matches(ip))
    {
        return true;
    }
    let (excepted, only) = split(except);
    let excepted = excepted.trim_start_matches("*.").trim_start_matches('.');
    let below = name.strip_suffix(excepted).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    !excepted.is_empty() && below && only.is_none_or(|only| only == port)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host_for(proxies: &Proxies, scheme: &str, host: &str) -> Option<String> {
        proxies.of(scheme, host).map(|proxy| proxy.host.clone())
    }

    #[test]
    fn some_hosts_are_reached_without_a_proxy() {
        let list = "example.com, .local *.inner 10.0.0.0/8,192.168.1.1,[::1],other.org:8080";
        let proxies = Proxies::new("proxy:3128").unwrap().except(list);
        for (host, direct) in [
            ("example.com", true),
            ("www.example.com:81", true),
            ("notexample.com", false),
            ("printer.local", true),
            ("a.inner", true),
            ("10.1.2.3:8080", true),
            ("11.1.2.3", false),
            ("192.168.1.1", true),
            ("192.168.1.10", false),
            ("[::1]:80", true),
            ("[::2]", false),
            ("other.org", false),
            ("other.org:8080", true),
        ] {
            let expected = (!direct).then(|| "proxy:3128".to_owned());
            assert_eq!(host_for(&proxies, "http", host), expected, "{host}");
        }
        assert_eq!(host_for(&Proxies::new("proxy").unwrap().except("*"), "https", "a"), None);
    }

    #[test]
    fn the_environment_names_proxies() {
        let variables = |set: &'static [(&str, &str)]| {
            move |name: &str| set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        let proxies = Proxies::from_variables(variables(&[
            ("http_proxy", "http://a:b%20c@one:1"),
            ("HTTP_PROXY", "two:2"),
            ("HTTPS_PROXY", "https://three"),
            ("no_proxy", ""),
            ("NO_PROXY", "inner"),
        ]))
        .unwrap();
        let first = proxies.of("http", "example.com").unwrap();
        assert_eq!((first.host.as_str(), first.authorization.as_deref()), ("one:1", Some("Basic YTpiIGM=")));
        assert_eq!(proxies.of("https", "example.com").unwrap().scheme, "https");
        assert_eq!(host_for(&proxies, "ftp", "example.com"), None);
        let of_cgi = variables(&[("HTTP_PROXY", "evil:1"), ("REQUEST_METHOD", "GET")]);
        assert_eq!(host_for(&Proxies::from_variables(of_cgi).unwrap(), "http", "a"), None);
        assert!(Proxies::from_variables(variables(&[("http_proxy", "ftp://a")])).is_err());
        assert!(!format!("{:?}", Proxies::new("http://a:secret@b").unwrap()).contains("secret"));
    }
}
