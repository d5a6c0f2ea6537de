//! TLS: contexts.

use super::connection::kja_slice_t;
use super::structure::{growing, structure_in};
use super::{
    boundary, bytes_in, context, created, get, kja_callback_fn, kja_destroy_fn, kja_network_wrapper_t, kja_runtime_t,
    kja_status_t, kja_tls_context_t, kja_tls_key_pair_t, release, slice_in,
};
use crate::error::Error;
use crate::foreign::{Opaque, SharedCallback};
use crate::net::{NetworkWrapper, Peer};
use crate::promise::{Resolution, invoke_with};
use crate::runtime::Runtime;
use crate::tls::{ChooseKeyPair, ClientCertificates, TlsContext, TlsKeyPair, TlsOptions, TlsVersion, VerifyPeer};
use crate::value::{Outcome, Value};
use ::bytes::Bytes;
use std::ffi::c_void;
use std::sync::Arc;

/// TLS 1.2.
pub const KJA_TLS_1_2: u32 = 0x0303;
/// TLS 1.3.
pub const KJA_TLS_1_3: u32 = 0x0304;

/// A server asks its clients for no certificate.
pub const KJA_TLS_CLIENTS_IGNORED: u32 = 0;
/// It asks for one, and lets in a client without any.
pub const KJA_TLS_CLIENTS_REQUESTED: u32 = 1;
/// It demands one.
pub const KJA_TLS_CLIENTS_DEMANDED: u32 = 2;

/// The certification authorities that the system trusts are not trusted. (TLS-02)
pub const KJA_TLS_NO_SYSTEM_TRUST: u32 = 1;
/// No handshake goes on with an earlier session. (TLS-27)
pub const KJA_TLS_NO_RESUMPTION: u32 = 2;
/// The secrets of sessions are written to the file that the environment's `SSLKEYLOGFILE` names: whoever reads it can read all
/// that is sent. (TLS-27)
pub const KJA_TLS_KEY_LOG: u32 = 4;

/// What a context is made of. Zero everything, then set `size` and what is wanted; 0 means the default. Everything is copied.
/// Certificates and lists are PEM, or DER one after the other. The callbacks run on the loop, any number of times, and must
/// neither block nor unwind; each may be null.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct kja_tls_options_t {
    /// `sizeof(kja_tls_options_t)`, so that the structure can grow.
    pub size: usize,
    /// `KJA_TLS_NO_SYSTEM_TRUST` and other flags.
    pub flags: u32,
    /// What a server does about certificates of its clients, `KJA_TLS_CLIENTS_*`. (TLS-03)
    pub clients: u32,
    /// The lowest version, `KJA_TLS_1_2` by default; lower ones are refused. (TLS-05)
    pub min_version: u32,
    /// The highest version, `KJA_TLS_1_3` by default.
    pub max_version: u32,
    /// Certificates that are trusted beside those of the system. (TLS-04)
    pub trusted: kja_slice_t,
    /// Revocation lists. Certificates of their issuers are looked up in them, those of other issuers are let pass.
    pub revocation_lists: kja_slice_t,
    /// Names of cipher suites at the IANA, such as `TLS_AES_128_GCM_SHA256`, the preferred first, with colons between. (TLS-06)
    pub cipher_suites: kja_slice_t,
    /// Names of groups for the key exchange at the IANA, such as `x25519`, likewise. (TLS-07)
    pub groups: kja_slice_t,
    /// Application protocols, such as `http/1.1`, the preferred first. (TLS-27)
    pub alpn: *const kja_slice_t,
    /// How many these are.
    pub alpn_count: usize,
    /// How this side proves itself: a server needs it, a client shows it when it is asked. May be 0; stays the caller's. (TLS-08)
    pub key_pair: kja_tls_key_pair_t,
    /// How long the handshake of a connection that a listener accepted may take, in nanoseconds by the runtime's clock; 0 for 10
    /// seconds, `UINT64_MAX` for as long as it likes. (TLS-10)
    pub accept_timeout_nanos: u64,
    /// How many connections a listener has whose handshake goes on, or which wait for an accept; 0 for 128. (TLS-14)
    pub max_handshakes: usize,
    /// Hears of each accepted connection whose handshake failed, with the error as its input; what it returns is ignored.
    /// (TLS-11)
    pub on_accept_error: kja_callback_fn,
    /// Chooses a server's key pair by the name that a client asks for, which is its input as bytes, empty for none. Its result is
    /// a `kja_tls_key_pair_t`, a promise of one, unit for that of the context, or an error, which refuses the client with an
    /// alert. (TLS-09)
    pub on_server_name: kja_callback_fn,
    /// Chooses a client's key pair when the server asks for one. Its input is bytes: the distinguished names of the authorities
    /// that the server accepts, in DER one after the other, none for any. Its result is a `kja_tls_key_pair_t`, or unit for that
    /// of the context; an error or a promise shows none.
    pub on_client_certificate: kja_callback_fn,
    /// Judges a peer that has passed the usual verification, with a `kja_peer_t` as its input; an error refuses the peer with an
    /// alert. No promise. A handshake that goes on with an earlier session asks for neither.
    pub verify_also: kja_callback_fn,
    /// Judges a peer *instead of* the usual verification: no chain, no date, no name and no revocation is checked, only that the
    /// peer has the key of the certificate that it shows. A mistake here gives up all that TLS is for.
    pub dangerous_verify_instead: kja_callback_fn,
    /// For all callbacks.
    pub ctx: *mut c_void,
    /// Frees `ctx` when nothing that was made with the context needs it any more, or when none was made; may be null.
    pub destroy: kja_destroy_fn,
}

growing!(kja_tls_options_t, since destroy: kja_destroy_fn);

fn bytes_of<'a>(slice: kja_slice_t) -> Result<&'a [u8], Error> {
    bytes_in(slice.data, slice.size)
}

fn text_of(slice: kja_slice_t) -> Result<String, Error> {
    let text = std::str::from_utf8(bytes_of(slice)?);
    text.map(str::to_owned).map_err(|_| Error::invalid("a list of names that is not UTF-8"))
}

fn version(given: u32) -> Result<Option<TlsVersion>, Error> {
    match given {
        0 => Ok(None),
        KJA_TLS_1_2 => Ok(Some(TlsVersion::Tls12)),
        KJA_TLS_1_3 => Ok(Some(TlsVersion::Tls13)),
        0x0300..=0x0302 => {
            Err(Error::invalid("SSL 3, TLS 1.0 and TLS 1.1 are not offered: TLS 1.2 is the lowest version"))
        }
        other => Err(Error::invalid(format!("{other:#06x} is no version of TLS"))),
    }
}

fn shared(run: kja_callback_fn, ctx: &Arc<Opaque>) -> Option<SharedCallback> {
    // SAFETY: the header requires the callbacks to accept the context on the loop's thread.
    run.map(|run| unsafe { SharedCallback::new(run, ctx.clone()) })
}

fn call(callback: &SharedCallback, input: Outcome) -> Resolution {
    invoke_with(input, |id| callback.run(id))
}

fn choosing(run: kja_callback_fn, ctx: &Arc<Opaque>) -> Option<Arc<ChooseKeyPair>> {
    let callback = shared(run, ctx)?;
    Some(Arc::new(move |said: &[u8]| call(&callback, Ok(Value::Bytes(Bytes::copy_from_slice(said))))))
}

fn judging(run: kja_callback_fn, ctx: &Arc<Opaque>) -> Option<Arc<VerifyPeer>> {
    let callback = shared(run, ctx)?;
    Some(Arc::new(move |peer: &Arc<Peer>| match call(&callback, Ok(Value::object(peer.clone()))) {
        Resolution::Outcome(outcome) => outcome.map(drop),
        Resolution::Promise(_) => Err(Error::invalid("a peer is judged at once, not by a promise")),
    }))
}

fn read_options(given: kja_tls_options_t) -> Result<TlsOptions, Error> {
    let ctx = &Arc::new(context(given.ctx, given.destroy));
    if given.flags & !(KJA_TLS_NO_SYSTEM_TRUST | KJA_TLS_NO_RESUMPTION | KJA_TLS_KEY_LOG) != 0 {
        return Err(Error::invalid("a flag of TLS that there is not"));
    }
    let defaults = TlsOptions::default();
    let alpn = slice_in(given.alpn, given.alpn_count)?.iter().map(|name| bytes_of(*name).map(<[u8]>::to_vec));
    let on_accept_error = shared(given.on_accept_error, ctx).map(|callback| {
        let hear = move |error| drop(call(&callback, Err(error)));
        Box::new(hear) as Box<dyn Fn(Error) + Send + Sync>
    });
    Ok(TlsOptions {
        system_trust: given.flags & KJA_TLS_NO_SYSTEM_TRUST == 0,
        trusted: Bytes::copy_from_slice(bytes_of(given.trusted)?),
        revocation_lists: Bytes::copy_from_slice(bytes_of(given.revocation_lists)?),
        min_version: version(given.min_version)?,
        max_version: version(given.max_version)?,
        cipher_suites: text_of(given.cipher_suites)?,
        groups: text_of(given.groups)?,
        key_pair: if given.key_pair == 0 { None } else { Some(get::<TlsKeyPair>(given.key_pair)?) },
        client_certificates: match given.clients {
            KJA_TLS_CLIENTS_IGNORED => ClientCertificates::Ignored,
            KJA_TLS_CLIENTS_REQUESTED => ClientCertificates::Requested,
            KJA_TLS_CLIENTS_DEMANDED => ClientCertificates::Demanded,
            _ => return Err(Error::invalid("what a server does about certificates is one of KJA_TLS_CLIENTS_*")),
        },
        alpn: alpn.collect::<Result<_, _>>()?,
        resumption: given.flags & KJA_TLS_NO_RESUMPTION == 0,
        key_log: given.flags & KJA_TLS_KEY_LOG != 0,
        accept_timeout: super::http_server::limit_in(given.accept_timeout_nanos, defaults.accept_timeout),
        max_handshakes: super::http_server::or_default(given.max_handshakes, defaults.max_handshakes),
        on_accept_error,
        on_server_name: choosing(given.on_server_name, ctx),
        on_client_certificate: choosing(given.on_client_certificate, ctx),
        verify_also: judging(given.verify_also, ctx),
        dangerous_verify_instead: judging(given.dangerous_verify_instead, ctx),
    })
}

/// Makes a context: whom to trust, and how this side proves itself, as client, as server or as both. `options` may be null: a
/// client that trusts whom the system trusts. The files of the system's certificates are read now, unless
/// `KJA_TLS_NO_SYSTEM_TRUST` says otherwise. `ctx` is taken over in every case but that of options of the wrong size. Errors:
/// `INVALID_ARGUMENT` for what cannot be read or offered. (TLS-01)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_tls_context_new(
    runtime: kja_runtime_t,
    options: *const kja_tls_options_t,
    out: *mut kja_tls_context_t,
) -> kja_status_t {
    // Read first: the context in it is taken over whatever becomes of the call.
    let options = structure_in(options).and_then(|given| given.map_or_else(|| Ok(TlsOptions::default()), read_options));
    created(out, || TlsContext::new(&*get::<Runtime>(runtime)?, options?))
}

/// What turns connections, listeners, addresses and networks into secure ones, `kja_network_wrapper_wrap_client_start` and the
/// others; a new handle. The promise of a handshake fails with `FAILED` and a text that says which check failed
/// (`kja_tls_failure` says it as a number), or with `DISCONNECTED`. Reading a secure connection gives `DISCONNECTED` if
/// it ends without the goodbye of TLS: what came may not be all then. Shutting down writing says goodbye. Names, socket options
/// and descriptor are those of the connection below. (TLS-12 to TLS-19)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_tls_context_wrapper(
    tls: kja_tls_context_t,
    out: *mut kja_network_wrapper_t,
) -> kja_status_t {
    created(out, || Ok::<Arc<NetworkWrapper>, Error>(get::<TlsContext>(tls)?.wrapper().clone()))
}

/// Replaces the key pair, by none for 0: handshakes that begin later use the new one, connections go on. The handle of the key
/// pair stays the caller's. Any thread may do it.
#[unsafe(no_mangle)]
pub extern "C" fn kja_tls_context_set_key_pair(tls: kja_tls_context_t, key_pair: kja_tls_key_pair_t) -> kja_status_t {
    boundary(|| {
        let tls = get::<TlsContext>(tls)?;
        tls.set_key_pair(if key_pair == 0 { None } else { Some(get::<TlsKeyPair>(key_pair)?) });
        Ok(())
    })
}

/// Releases the handle. What was made with the context keeps it.
#[unsafe(no_mangle)]
pub extern "C" fn kja_tls_context_release(tls: kja_tls_context_t) -> kja_status_t {
    release::<TlsContext>(tls)
}
