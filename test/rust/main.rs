//! What the library promises, tested through its public Rust API and, where handles matter, through the
//! functions of the C ABI. One module for each concept, named as in `src`, `test/c` and the header.
//!
//! Nothing here waits for a length of time where it can wait for an event, and every wait is bounded: a hang
//! is a failure with a name. What has to count descriptors, threads or handles of the whole process
//! runs in a process of its own (`alone`).
#![allow(unsafe_code, missing_docs)]

mod acknowledged;
mod alone;
mod authority;
mod autobahn;
mod autobahn_cases;
mod autobahn_sockets;
mod c;
mod cancellation;
mod combinators;
mod compression;
mod compression_layer;
mod coroutine;
mod error;
mod exclusive;
mod executor;
mod filesystem;
mod filesystem_path;
mod filesystem_transfer;
mod fork;
mod fulfiller;
mod gate;
mod handle;
mod http;
mod http_client;
mod http_client_choices;
mod http_client_ways;
mod http_forward;
mod http_hooks;
mod http_messages;
mod http_response;
mod http_suspend;
mod http_text;
mod http_tunnel;
mod layer;
mod layer_end;
mod loopback;
mod loops;
mod network_wrapper;
mod promise;
mod provider;
mod relay;
mod rough;
mod runtime;
mod sequences;
mod shutdown;
mod stress;
mod stress_loops;
mod tcp;
mod timer;
mod tls;
mod tls_choice;
mod tls_end;
mod tls_network;
mod wait_scope;
mod websocket;
mod websocket_frames;
mod websocket_peer;
mod websocket_pump;
mod websocket_upgrade;
