//! Agreeing on permessage-deflate: offers of clients and answers of servers. (WS-17, WS-18, WS-19)

use super::Window;
use super::frame::Role;
use crate::http::is_token;
use std::fmt::{self, Write as _};

/// The name of the extension.
const NAME: &str = "permessage-deflate";

/// What one end wants, or may agree to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CompressionMode {
    /// The extension is neither offered nor accepted.
    #[default]
    Off,
    /// A client offers it, with the bounds in the options; a server accepts what a client offers within them.
    On,
}

/// Compression, as the options of a socket have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compression {
    /// Whether there is any.
    pub mode: CompressionMode,
    /// Whether messages of the server must begin with an empty window, which costs less memory and compresses less.
    pub server_no_context_takeover: bool,
    /// The same for messages of the client.
    pub client_no_context_takeover: bool,
    /// The logarithm of the largest window of the server, from 8 to 15.
    pub server_max_window_bits: u8,
    /// That of the client.
    pub client_max_window_bits: u8,
    /// How hard this end tries, from 0 to 9.
    pub level: u32,
    /// Messages of fewer bytes are sent as they are.
    pub from_size: usize,
}

impl Default for Compression {
    fn default() -> Self {
        Self {
            mode: CompressionMode::Off,
            server_no_context_takeover: false,
            client_no_context_takeover: false,
            server_max_window_bits: 15,
            client_max_window_bits: 15,
            level: 6,
            from_size: 64,
        }
    }
}

impl Compression {
    /// On, and otherwise as by default.
    pub fn on() -> Self {
        Self { mode: CompressionMode::On, ..Self::default() }
    }
}

/// The parameters of an offer or an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Parameters {
    server_no_context_takeover: bool,
    client_no_context_takeover: bool,
    server_max_window_bits: Option<u8>,
    /// Whether it is there; then its value, if it has one.
    client_max_window_bits: Option<Option<u8>>,
}

/// What both ends have agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreed {
    /// How messages of the server are compressed.
    pub server: Window,
    /// How messages of the client are compressed.
    pub client: Window,
}

impl Agreed {
    /// How messages are compressed that an end with this role sends.
    pub fn of(&self, role: Role) -> Window {
        match role {
            Role::Client => self.client,
            Role::Server => self.server,
        }
    }

    /// What an answer says to somebody who has offered anything.
    ///
    /// # Errors
    /// One that is no answer to such an offer.
    pub fn from_answer(answer: &str) -> Result<Option<Self>, BadExtension> {
        check_answer(answer, Some(&Parameters::offer(&Compression::on())))
    }

    /// The same as an offer that asks for it, or as an answer.
    pub fn parameters(&self) -> Parameters {
        let bits = |window: Window| (window.bits < 15).then_some(window.bits);
        Parameters {
            server_no_context_takeover: self.server.fresh,
            client_no_context_takeover: self.client.fresh,
            server_max_window_bits: bits(self.server),
            client_max_window_bits: bits(self.client).map(Some),
        }
    }
}

/// Why a header of extensions is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadExtension(pub &'static str);

/// One extension of a list, with its parameters in order.
struct Extension<'a> {
    name: &'a str,
    parameters: Vec<(&'a str, Option<&'a str>)>,
}

/// Reads a list of extensions by its grammar. (RFC 6455, 9.1)
fn parse_list(header: &str) -> Result<Vec<Extension<'_>>, BadExtension> {
    const BAD: BadExtension = BadExtension("the list of extensions cannot be read");
    let mut list = Vec::new();
    for item in header.split(',') {
        let mut parts = item.split(';').map(|part| part.trim_matches([' ', '\t']));
        let name = parts.next().unwrap_or_default();
        if name.is_empty() && item.trim_matches([' ', '\t']).is_empty() {
            // Empty elements of a list are passed over.
            continue;
        }
        let mut parameters = Vec::new();
        for part in parts {
            let (key, value) = match part.split_once('=') {
                None => (part, None),
                Some((key, value)) => {
                    let value = value.trim_matches([' ', '\t']);
                    // What is quoted has to be a token as well.
                    let bare = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
                    (key.trim_matches([' ', '\t']), Some(bare))
                }
            };
            if !is_token(key.as_bytes()) || !value.is_none_or(|value| is_token(value.as_bytes())) {
                return Err(BAD);
            }
            parameters.push((key, value));
        }
        if !is_token(name.as_bytes()) {
            return Err(BAD);
        }
        list.push(Extension { name, parameters });
    }
    Ok(list)
}

/// From 8 to 15, in decimal without zeros before it.
fn bits(value: Option<&str>) -> Option<u8> {
    let value = value?;
    let bits: u8 = value.parse().ok().filter(|bits| (8..=15).contains(bits))?;
    (value == bits.to_string()).then_some(bits)
}

impl Parameters {
    /// `None` for a parameter that there is not, twice the same, or a value that does not fit. (WS-18)
    fn parse(parameters: &[(&str, Option<&str>)]) -> Option<Self> {
        let mut parsed = Self::default();
        for (key, value) in parameters {
            let known = match *key {
                "server_no_context_takeover" => {
                    value.is_none() && !std::mem::replace(&mut parsed.server_no_context_takeover, true)
                }
                "client_no_context_takeover" => {
                    value.is_none() && !std::mem::replace(&mut parsed.client_no_context_takeover, true)
                }
                "server_max_window_bits" => parsed.server_max_window_bits.replace(bits(*value)?).is_none(),
                "client_max_window_bits" => {
                    let bits = if value.is_some() { Some(bits(*value)?) } else { None };
                    parsed.client_max_window_bits.replace(bits).is_none()
                }
                _ => false,
            };
            if !known {
                return None;
            }
        }
        Some(parsed)
    }

    /// What a client offers.
    pub fn offer(options: &Compression) -> Self {
        let least = |bits: u8| (bits < 15).then_some(bits);
        Self {
            server_no_context_takeover: options.server_no_context_takeover,
            client_no_context_takeover: options.client_no_context_takeover,
            server_max_window_bits: least(options.server_max_window_bits),
            client_max_window_bits: Some(least(options.client_max_window_bits)),
        }
    }

    /// What a server makes of an offer, if it can accept it.
    fn accept(&self, options: &Compression) -> Option<(Agreed, Self)> {
        let server_bits = self.server_max_window_bits.unwrap_or(15).min(options.server_max_window_bits);
        let client_bits = match self.client_max_window_bits {
            Some(most) => most.unwrap_or(15).min(options.client_max_window_bits),
            // Such a client cannot be told of a smaller window.
            None if options.client_max_window_bits < 15 => return None,
            None => 15,
        };
        let agreed = Agreed {
            server: Window {
                bits: server_bits,
                fresh: self.server_no_context_takeover || options.server_no_context_takeover,
            },
            client: Window {
                bits: client_bits,
                fresh: self.client_no_context_takeover || options.client_no_context_takeover,
            },
        };
        let mut answer = agreed.parameters();
        // What was asked for is said, also where it is the default.
        if self.server_max_window_bits.is_some() {
            answer.server_max_window_bits = Some(server_bits);
        }
        Some((agreed, answer))
    }

    /// What a client makes of an answer to this offer, if that is within it.
    fn agree(&self, answer: &Self) -> Option<Agreed> {
        if self.server_no_context_takeover && !answer.server_no_context_takeover {
            return None;
        }
        let server_bits = match (self.server_max_window_bits, answer.server_max_window_bits) {
            (Some(_), None) => return None,
            (Some(most), Some(bits)) if bits > most => return None,
            (_, bits) => bits.unwrap_or(15),
        };
        let client_bits = match (self.client_max_window_bits, answer.client_max_window_bits) {
            (None, Some(_)) | (_, Some(None)) => return None,
            (Some(Some(most)), Some(Some(bits))) if bits > most => return None,
            (offered, answered) => answered.flatten().or(offered.flatten()).unwrap_or(15),
        };
        let client_fresh = self.client_no_context_takeover || answer.client_no_context_takeover;
        Some(Agreed {
            server: Window { bits: server_bits, fresh: answer.server_no_context_takeover },
            client: Window { bits: client_bits, fresh: client_fresh },
        })
    }
}

impl fmt::Display for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NAME)?;
        if self.server_no_context_takeover {
            f.write_str("; server_no_context_takeover")?;
        }
        if self.client_no_context_takeover {
            f.write_str("; client_no_context_takeover")?;
        }
        if let Some(bits) = self.server_max_window_bits {
            write!(f, "; server_max_window_bits={bits}")?;
        }
        match self.client_max_window_bits {
            None => Ok(()),
            Some(None) => f.write_str("; client_max_window_bits"),
            Some(Some(bits)) => write!(f, "; client_max_window_bits={bits}"),
        }
    }
}

/// What a server accepts of the offers of a client, the first that it can, and the text of its answer.
///
/// # Errors
/// A header that is not a list of extensions.
pub fn accept(offers: &str, options: &Compression) -> Result<Option<(Agreed, String)>, BadExtension> {
    let offers = parse_list(offers)?;
    if options.mode == CompressionMode::Off {
        return Ok(None);
    }
    let accepted = offers
        .iter()
        .filter(|offer| offer.name.eq_ignore_ascii_case(NAME))
        .filter_map(|offer| Parameters::parse(&offer.parameters))
        .find_map(|offer| offer.accept(options));
    Ok(accepted.map(|(agreed, answer)| {
        let mut text = String::new();
        write!(text, "{answer}").expect("a string takes what is written to it");
        (agreed, text)
    }))
}

/// What a client makes of the answer of a server.
///
/// # Errors
/// An answer that is not within the offer.
pub fn check_answer(answer: &str, offer: Option<&Parameters>) -> Result<Option<Agreed>, BadExtension> {
    let answer = parse_list(answer)?;
    let (extension, offer) = match (answer.as_slice(), offer) {
        ([], _) => return Ok(None),
        ([extension], Some(offer)) if extension.name.eq_ignore_ascii_case(NAME) => (extension, offer),
        _ => return Err(BadExtension("the server uses an extension that was not offered")),
    };
    let agreed = Parameters::parse(&extension.parameters).and_then(|answer| offer.agree(&answer));
    agreed.map(Some).ok_or(BadExtension("the server answers with other parameters of compression than were offered"))
}
