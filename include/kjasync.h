/*
 * KjAsync: promises with real cancellation, executors, timers and streams.
 *
 * Rules that hold everywhere:
 *
 * - A handle is a 64-bit number, 0 is never one. Any number is safe to pass to any function from any
 *   thread: what is not a handle of the right kind, or has been released, gives KJA_ERR_BAD_HANDLE.
 * - A function that can fail returns a status. Text and OS error number of the latest failure on
 *   this thread are read with kja_last_error_*. Out-parameters come last; a handle is 0 unless the call
 *   succeeded. Required pointers may not be null: KJA_ERR_INVALID_ARGUMENT.
 * - A name that ends in _start starts an operation, polls it once on the calling thread, and gives a promise.
 *   It never blocks. Functions that may block say so.
 * - A context passed with a destructor is taken over in every case, also when the call fails: the
 *   destructor runs exactly once, on any thread.
 * - Callbacks run on the loop's thread, never inside the call that was given them. The exceptions say so:
 *   kja_promise_eval_now, kja_executor_execute on the loop, and a finally that is cancelled on the loop.
 * - A promise belongs to one loop, which runs its callback and which is the one it ends with. What is made from a promise
 *   alone (then, catch, handle_both, finally, fork, attach, timeout, deadline) belongs to the loop that the caller is
 *   inside, as kja_runtime_on_loop tells, or else to that promise's own; what is made with a runtime, a task set or a
 *   canceler belongs to the runtime of that. So code of one loop may wait for promises of another and goes on where it was.
 *   The owner of a wait scope is inside it during its calls only.
 *
 * SPDX-License-Identifier: Apache-2.0 OR MIT
 */

#ifndef KJASYNC_H
#define KJASYNC_H

/* Written by `make header` from src/ffi; do not edit. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 A family that is none of the others.
 */
#define KJA_FAMILY_OTHER 0

/*
 IPv4.
 */
#define KJA_FAMILY_IPV4 1

/*
 IPv6.
 */
#define KJA_FAMILY_IPV6 2

/*
 Unix sockets with a path, or without a name.
 */
#define KJA_FAMILY_UNIX 3

/*
 Unix sockets with an abstract name, which Linux has.
 */
#define KJA_FAMILY_UNIX_ABSTRACT 4

/*
 The file of a unix socket that nobody listens on any more is replaced.
 */
#define KJA_LISTEN_REPLACE_STALE 1

/*
 The wait is not dropped when the coroutine is cancelled: a part of a clean-up, for instance.
 */
#define KJA_AWAIT_SHIELDED 1

/*
 RFC 1952. Decompressed, members that follow one another are one.
 */
#define KJA_CODING_GZIP 1

/*
 RFC 1950.
 */
#define KJA_CODING_ZLIB 2

/*
 RFC 1951, without header or checksum.
 */
#define KJA_CODING_DEFLATE 3

/*
 RFC 7932.
 */
#define KJA_CODING_BROTLI 4

/*
 Bytes are decompressed; otherwise they are compressed.
 */
#define KJA_CODING_DECOMPRESS 1

/*
 Level 0: the fastest, or none at all.
 */
#define KJA_CODING_LEVEL_0 -1

/*
 A shutdown of writing ends the coded bytes only; what is below can be written to once the layer is released. (GZIP-05)
 */
#define KJA_CODING_KEEP_BELOW_OPEN 1

/*
 The input is used; a compressor may keep some of it.
 */
#define KJA_CODER_INPUT_USED 0

/*
 All that can be made of the input so far comes out, up to the border of a byte. (GZIP-04, BROT-04)
 */
#define KJA_CODER_FLUSHED 1

/*
 The end. (GZIP-05, BROT-04)
 */
#define KJA_CODER_ENDED 2

/*
 A part of a URI, as JavaScript's `encodeURIComponent` leaves it: letters, digits and ``-_.!~*'()``. (ENC-06)
 */
#define KJA_PERCENT_COMPONENT 0

/*
 A fragment: what the WHATWG's URL standard leaves as it is, but for `%`. (ENC-07)
 */
#define KJA_PERCENT_FRAGMENT 1

/*
 One part of a path, in which `/` and `\` are escaped too. (ENC-07)
 */
#define KJA_PERCENT_PATH 2

/*
 A user name or a password. (ENC-07)
 */
#define KJA_PERCENT_USER_INFO 3

/*
 A name or a value of a form: a space becomes `+`. (ENC-08)
 */
#define KJA_PERCENT_FORM 4

/*
 The version of the interface that this header describes. A library whose `kja_abi_version` is smaller lacks a part of it.
 */
#define KJA_ABI_VERSION 1

/*
 There is something to read, or the end has come.
 */
#define KJA_FD_READABLE 0

/*
 There is room to write, or a write would fail.
 */
#define KJA_FD_WRITABLE 1

/*
 There is urgent data, or what the kind of descriptor takes for that.
 */
#define KJA_FD_URGENT 2

/*
 Nobody is left to read what is written: a hang-up or an error.
 */
#define KJA_FD_WRITE_DISCONNECTED 3

/*
 The system does not tell.
 */
#define KJA_AT_END_UNKNOWN 0

/*
 Not yet.
 */
#define KJA_AT_END_NO 1

/*
 It has, though there may be something to read before it.
 */
#define KJA_AT_END_YES 2

/*
 It is made if it is not there; without `KJA_WRITE_MODIFY` it must not be there. (FS-13)
 */
#define KJA_WRITE_CREATE 1

/*
 It may be there; without `KJA_WRITE_CREATE` it must be. (FS-13)
 */
#define KJA_WRITE_MODIFY 2

/*
 Directories on the way are made as needed; with `KJA_WRITE_CREATE`. (FS-13)
 */
#define KJA_WRITE_CREATE_PARENT 4

/*
 A new file is a program. (FS-13)
 */
#define KJA_WRITE_EXECUTABLE 8

/*
 Nobody but the owner has access to what is new. (FS-13)
 */
#define KJA_WRITE_PRIVATE 16

/*
 The file is opened to be appended to and nothing else. (FS-16)
 */
#define KJA_OPEN_APPEND 32

/*
 A conflict with the mode is no error: the handle is 0, or the value of the promise unit. (FS-12)
 */
#define KJA_OPEN_TRY 64

/*
 It is no longer in its old place. (FS-17)
 */
#define KJA_TRANSFER_MOVE 0

/*
 It has one more name; not for directories. (FS-17)
 */
#define KJA_TRANSFER_LINK 1

/*
 A copy is made, of all that a directory contains. (FS-17)
 */
#define KJA_TRANSFER_COPY 2

/*
 What was written there is read, and what others write may be seen. (FS-07)
 */
#define KJA_MAP_SHARED 0

/*
 Likewise, and it may be written, which nobody else sees. (FS-07)
 */
#define KJA_MAP_PRIVATE 1

/*
 It may be read and written, and others see that. (FS-10)
 */
#define KJA_MAP_WRITABLE 2

/*
 A file with bytes.
 */
#define KJA_NODE_FILE 1

/*
 A directory.
 */
#define KJA_NODE_DIRECTORY 2

/*
 A symbolic link.
 */
#define KJA_NODE_SYMLINK 3

/*
 A disk or the like.
 */
#define KJA_NODE_BLOCK_DEVICE 4

/*
 A terminal or the like.
 */
#define KJA_NODE_CHARACTER_DEVICE 5

/*
 A pipe with a name.
 */
#define KJA_NODE_NAMED_PIPE 6

/*
 A socket with a name.
 */
#define KJA_NODE_SOCKET 7

/*
 Something else.
 */
#define KJA_NODE_OTHER 8

/*
 Its owner may run it, or go through it.
 */
#define KJA_STAT_EXECUTABLE 1

/*
 Nobody but its owner may do anything with it.
 */
#define KJA_STAT_PRIVATE 2

/*
 gzip, deflate and brotli are asked for and undone: what is read is the content itself, and the response has neither
 `Content-Encoding` nor `Content-Length`. `max_body` counts what comes out. A request that says itself what it accepts, or asks for a range, gets
 what is sent.
 */
#define KJA_HTTP_CLIENT_DECOMPRESS 1

/*
 The proxies are those that the environment names: `http_proxy`, `https_proxy`, `no_proxy`, in small letters or in capitals.
 `HTTP_PROXY` is not believed in a CGI program, where requests could set it.
 */
#define KJA_HTTP_CLIENT_ENVIRONMENT_PROXIES 2

/*
 A request counts until the head of its response has come, and not until the end of the body. (HCLI-18)
 */
#define KJA_HTTP_LIMIT_UNTIL_HEAD 1

/*
 A request: the first line has a method, a target and a version. (HTTP-13)
 */
#define KJA_HTTP_HEAD_REQUEST 1

/*
 A response: the first line has a version, a status and a text. (HTTP-13)
 */
#define KJA_HTTP_HEAD_RESPONSE 2

/*
 There is no first line, only header fields, as in the base protocol of language servers. (HTTP-22)
 */
#define KJA_HTTP_HEAD_FIELDS 3

/*
 The body has a length, which is 0 for none. (HTTP-18, HTTP-19)
 */
#define KJA_HTTP_BODY_LENGTH 0

/*
 The body comes in chunks.
 */
#define KJA_HTTP_BODY_CHUNKED 1

/*
 The body ends with the connection.
 */
#define KJA_HTTP_BODY_UNTIL_CLOSE 2

/*
 The detail of an error (`kja_error_detail`) under which the status stands that a server would answer with, if the error is that
 bytes are no message: two bytes, the high one first. (HTTP-15)
 */
#define KJA_HTTP_STATUS_DETAIL 7740105971991868276

/*
 The detail of an error with the status, from 400 to 599, that a server answers with for a service which fails with
 it: two bytes, the high one first. Without it the kind of the error decides.
 */
#define KJA_HTTP_ANSWER_DETAIL 7740105971991863662

/*
 The detail of such an error under which the bytes stand. They may be private; the error's text has nothing of them.
 (HTTP-15)
 */
#define KJA_HTTP_RAW_DETAIL 7740105971991868023

/*
 The header is malformed, or none of its ranges has a byte: 416 is the answer. (HTTP-17)
 */
#define KJA_HTTP_RANGE_UNSATISFIABLE 0

/*
 One of the ranges covers it all: the whole is the answer.
 */
#define KJA_HTTP_RANGE_EVERYTHING 1

/*
 There are ranges, in the order in which they were asked for.
 */
#define KJA_HTTP_RANGE_SOME 2

/*
 HTTP/1.0.
 */
#define KJA_HTTP_1_0 10

/*
 HTTP/1.1.
 */
#define KJA_HTTP_1_1 11

/*
 What is said of a length that nobody knows.
 */
#define KJA_LENGTH_UNKNOWN UINT64_MAX

/*
 Responses have no `Date`.
 */
#define KJA_HTTP_SERVER_NO_DATE 1

/*
 The text of a service's error is the body of the answer; by default only its kind shows, in the status.
 */
#define KJA_HTTP_SERVER_ERROR_TEXT 2

/*
 Nothing is known.
 */
#define KJA_PEER_UNKNOWN 0

/*
 Somebody at a network address.
 */
#define KJA_PEER_NETWORK 1

/*
 A process of this machine.
 */
#define KJA_PEER_LOCAL 2

/*
 Somebody at the other end of a TLS connection.
 */
#define KJA_PEER_TLS 3

/*
 The caller closes the descriptor.
 */
#define KJA_FD_BORROW 0

/*
 The library closes the descriptor, also when the call fails.
 */
#define KJA_FD_TAKE 1

/*
 What this process has there itself.
 */
#define KJA_STDIO_INHERIT 0

/*
 Nothing: no input, and output goes nowhere.
 */
#define KJA_STDIO_NULL 1

/*
 A pipe, whose other end is a connection: see `kja_process_stream`.
 */
#define KJA_STDIO_PIPE 2

/*
 The descriptor that is named beside it, of which the child gets a copy.
 */
#define KJA_STDIO_FD 3

/*
 The child leads a process group of its own, and what ends it ends the group.
 */
#define KJA_PROCESS_NEW_GROUP 1

/*
 The child goes on when its process is released or its `run` cancelled.
 */
#define KJA_PROCESS_KEEP 2

/*
 The promise has not settled.
 */
#define KJA_OUTCOME_PENDING 0

/*
 It has failed.
 */
#define KJA_OUTCOME_ERROR 1

/*
 Its value is nothing but the fact of success.
 */
#define KJA_OUTCOME_UNIT 2

/*
 Its value is a number.
 */
#define KJA_OUTCOME_U64 3

/*
 Its value is bytes.
 */
#define KJA_OUTCOME_BYTES 4

/*
 Its value is an object with handles of its own, such as a connection.
 */
#define KJA_OUTCOME_HANDLE 5

/*
 Its value is an opaque pointer.
 */
#define KJA_OUTCOME_OPAQUE 6

/*
 The runtime has a loop thread of its own.
 */
#define KJA_RUNTIME_THREAD 0

/*
 The runtime is driven by the thread that made it, inside `kja_promise_await`, `kja_runtime_poll` and
 `kja_runtime_run` only.
 */
#define KJA_RUNTIME_WAIT_SCOPE 1

/*
 Timers go by a clock of the runtime's own, which starts at 0 and moves only when `kja_timer_advance` or, on a
 wait scope, `kja_runtime_run` says so: for tests of what happens in time. Waits for the system go by real time all the
 same: for the backlog of a unix socket, for descriptors, between the attempts of a connect. (TIME-06)
 */
#define KJA_RUNTIME_VIRTUAL_TIME 1

/*
 The system's monotonic clock.
 */
#define KJA_CLOCK_MONOTONIC 0

/*
 The same as of the system's last tick: cheaper to read on some systems.
 */
#define KJA_CLOCK_MONOTONIC_COARSE 1

/*
 The calendar, since the beginning of 1970, as the machine is set.
 */
#define KJA_CLOCK_CALENDAR 2

/*
 The same as of the system's last tick.
 */
#define KJA_CLOCK_CALENDAR_COARSE 3

/*
 TLS 1.2.
 */
#define KJA_TLS_1_2 771

/*
 TLS 1.3.
 */
#define KJA_TLS_1_3 772

/*
 A server asks its clients for no certificate.
 */
#define KJA_TLS_CLIENTS_IGNORED 0

/*
 It asks for one, and lets in a client without any.
 */
#define KJA_TLS_CLIENTS_REQUESTED 1

/*
 It demands one.
 */
#define KJA_TLS_CLIENTS_DEMANDED 2

/*
 The certification authorities that the system trusts are not trusted. (TLS-02)
 */
#define KJA_TLS_NO_SYSTEM_TRUST 1

/*
 No handshake goes on with an earlier session. (TLS-27)
 */
#define KJA_TLS_NO_RESUMPTION 2

/*
 The secrets of sessions are written to the file that the environment's `SSLKEYLOGFILE` names: whoever reads it can read all
 that is sent. (TLS-27)
 */
#define KJA_TLS_KEY_LOG 4

/*
 The error is of no handshake.
 */
#define KJA_TLS_FAILURE_NONE 0

/*
 The certificate of the peer has expired.
 */
#define KJA_TLS_FAILURE_EXPIRED 1

/*
 It is not valid yet.
 */
#define KJA_TLS_FAILURE_NOT_YET_VALID 2

/*
 It was issued by nobody who is trusted.
 */
#define KJA_TLS_FAILURE_UNKNOWN_ISSUER 3

/*
 It is not for the name that was asked for.
 */
#define KJA_TLS_FAILURE_WRONG_NAME 4

/*
 It has been revoked.
 */
#define KJA_TLS_FAILURE_REVOKED 5

/*
 A signature is not good.
 */
#define KJA_TLS_FAILURE_BAD_SIGNATURE 6

/*
 The certificate is for another purpose.
 */
#define KJA_TLS_FAILURE_WRONG_PURPOSE 7

/*
 There is something else about it.
 */
#define KJA_TLS_FAILURE_BAD_CERTIFICATE 8

/*
 The peer presented none.
 */
#define KJA_TLS_FAILURE_NO_CERTIFICATE 9

/*
 A callback refused the peer, or there is no certificate for the name that it asked for.
 */
#define KJA_TLS_FAILURE_REFUSED 10

/*
 Both sides have no version, cipher suite, group or application protocol in common.
 */
#define KJA_TLS_FAILURE_INCOMPATIBLE 11

/*
 The peer refused with an alert, which the text of the error names.
 */
#define KJA_TLS_FAILURE_ALERT 12

/*
 What came is not TLS, or was tampered with.
 */
#define KJA_TLS_FAILURE_PROTOCOL 13

/*
 A DNS name, perhaps with a wildcard.
 */
#define KJA_TLS_NAME_DNS 1

/*
 An IP address.
 */
#define KJA_TLS_NAME_IP 2

/*
 A mail address.
 */
#define KJA_TLS_NAME_EMAIL 3

/*
 A URI.
 */
#define KJA_TLS_NAME_URI 4

/*
 A link: scheme, user, host, path, query and fragment.
 */
#define KJA_URL_REMOTE_HREF 0

/*
 The first line of a request to a proxy: no user and no fragment, and `#` is a character like any other.
 */
#define KJA_URL_HTTP_PROXY_REQUEST 1

/*
 The first line of a request to a server: path and query only.
 */
#define KJA_URL_HTTP_REQUEST 2

/*
 Text stays as it is, both ways; otherwise escapes are decoded and made. (URL-09)
 */
#define KJA_URL_KEEP_ESCAPES 1

/*
 Empty parts of a path and empty items of a query are kept; otherwise they are dropped. (URL-10)
 */
#define KJA_URL_ALLOW_EMPTY 2

/*
 In lower case, without the colon.
 */
#define KJA_URL_SCHEME 0

/*
 In lower case, with the port if one is given.
 */
#define KJA_URL_HOST 1

/*
 The name of the user.
 */
#define KJA_URL_USER 2

/*
 The password of the user; an empty one is not the same as none.
 */
#define KJA_URL_PASSWORD 3

/*
 The text behind `#`.
 */
#define KJA_URL_FRAGMENT 4

/*
 The end that asked for the socket; it masks what it sends.
 */
#define KJA_WEBSOCKET_CLIENT 1

/*
 The end that accepted it.
 */
#define KJA_WEBSOCKET_SERVER 2

/*
 A message that is UTF-8.
 */
#define KJA_WEBSOCKET_TEXT 1

/*
 A message of any bytes.
 */
#define KJA_WEBSOCKET_BINARY 2

/*
 The close of the other end, which is the last that is received.
 */
#define KJA_WEBSOCKET_CLOSE 8

/*
 Messages are compressed, if the other end agrees.
 */
#define KJA_WEBSOCKET_COMPRESS 1

/*
 Messages of the server are compressed each by itself, which costs less memory and compresses less.
 */
#define KJA_WEBSOCKET_SERVER_NO_CONTEXT_TAKEOVER 2

/*
 The same for messages of the client.
 */
#define KJA_WEBSOCKET_CLIENT_NO_CONTEXT_TAKEOVER 4

/*
 A close without a code.
 */
#define KJA_WEBSOCKET_NO_CODE 1005

/*
 The detail of an error under which the code stands that the other end was closed with: two bytes, the high one first.
 */
#define KJA_WEBSOCKET_CODE_DETAIL 7740105972243456867

/*
 With `KJA_FD_TAKE`: the descriptor is closed on exec already, which need not be set again. (LLIO-02)
 */
#define KJA_FD_ALREADY_CLOEXEC 2

/*
 The descriptor is non-blocking already, which need not be set again. One that is not would stop the loop. (LLIO-03)
 */
#define KJA_FD_ALREADY_NONBLOCK 4

/*
 `KJA_OK` or one of `KJA_ERR_*`.
 */
typedef int32_t kja_status_t;

/*
 An event loop with its own thread, or a wait scope. Released with `kja_runtime_release`.
 */
typedef uint64_t kja_runtime_t;

/*
 A started operation. Released with `kja_promise_release`, which cancels it if it is pending.
 */
typedef uint64_t kja_promise_t;

/*
 Where to connect to or to listen on. Released with `kja_address_release`.
 */
typedef uint64_t kja_address_t;

/*
 A connected byte stream. Released with `kja_connection_release`.
 */
typedef uint64_t kja_connection_t;

/*
 A listening socket. Released with `kja_listener_release`.
 */
typedef uint64_t kja_listener_t;

/*
 How to listen. Zeroed, but for `size`, it means the defaults.
 */
typedef struct {
  /*
   `sizeof(kja_listen_options_t)`.
   */
  size_t size;
  /*
   How many connections may wait to be accepted; 0 for as many as the system allows.
   */
  uint32_t backlog;
  /*
   `KJA_LISTEN_*`, or 0.
   */
  uint32_t flags;
} kja_listen_options_t;

/*
 Immutable shared bytes. Released with `kja_bytes_release`.
 */
typedef uint64_t kja_bytes_t;

/*
 Frees a context. It runs exactly once, on any thread, and must neither block nor unwind.
 */
typedef void (*kja_destroy_fn)(void *ctx);

/*
 Names the running callback; of no use outside it or on another thread.
 */
typedef uint64_t kja_call_t;

/*
 Any handle. 0 is never one.
 */
typedef uint64_t kja_handle_t;

/*
 One switch for many promises. Released with `kja_canceler_release`, which cancels them.
 */
typedef uint64_t kja_canceler_t;

/*
 A callback. It runs on the loop's thread, at most once unless the function that takes it says otherwise, and must
 neither block nor unwind.
 */
typedef void (*kja_callback_fn)(void *ctx, kja_call_t call);

/*
 When to try again. Zero everything, then set `size` and what is wanted; 0 means the default.
 */
typedef struct {
  /*
   `sizeof(kja_retry_options_t)`, so that the structure can grow.
   */
  size_t size;
  /*
   How often to try at most, the first time included; 0 for 2.
   */
  uint32_t attempts;
  /*
   After which errors: the sum of `1 << KJA_ERR_*`; 0 for `DISCONNECTED` alone.
   */
  uint32_t kinds;
  /*
   How long to wait before the second attempt, in nanoseconds; doubled for each later one.
   */
  uint64_t first_delay_nanos;
  /*
   The longest that this grows to; 0 for 30 seconds.
   */
  uint64_t longest_delay_nanos;
} kja_retry_options_t;

/*
 What is to be done to bytes. Zero everything, then set `size`, `format` and what is wanted; 0 means the default. (GZIP-02, BROT-02)
 */
typedef struct {
  /*
   `sizeof(kja_coding_t)`, so that the structure can grow.
   */
  size_t size;
  /*
   `KJA_CODING_GZIP` or another format.
   */
  uint32_t format;
  /*
   `KJA_CODING_DECOMPRESS`, or 0 to compress.
   */
  uint32_t flags;
  /*
   How hard to compress: 1 to 9, of brotli to 11, or `KJA_CODING_LEVEL_0`; by default 6, of brotli 5.
   */
  int32_t level;
  /*
   The logarithm of the size of the window: 9 to 15, of brotli 10 to 24. Compressing, 15 by default, of brotli 19;
   decompressing, the largest that is accepted, by default that of the format. (BROT-01)
   */
  uint32_t window_bits;
  /*
   How many bytes decompressing may give altogether; no limit by default.
   */
  uint64_t max_output;
  /*
   How many bytes decompressing may give for each byte that went in, on the whole, once 64 KiB have come out; no limit by default.
   */
  uint32_t max_ratio;
} kja_coding_t;

/*
 Compresses or decompresses piece by piece. Released with `kja_coder_release`.
 */
typedef uint64_t kja_coder_t;

/*
 A piece of memory to write.
 */
typedef struct {
  /*
   Where it is; may be null if `size` is 0.
   */
  const void *data;
  /*
   How many bytes.
   */
  size_t size;
} kja_slice_t;

/*
 Who is at the other end of a connection. Released with `kja_peer_release`.
 */
typedef uint64_t kja_peer_t;

/*
 A bound datagram socket. Released with `kja_datagram_release`.
 */
typedef uint64_t kja_datagram_t;

/*
 The bytes of one receive and what came beside them. Released with `kja_message_release`.
 */
typedef uint64_t kja_message_t;

/*
 How much of a datagram to take. Zero everything, then set `size` and what is wanted; 0 means the default. (DGRAM-02)
 */
typedef struct {
  /*
   `sizeof(kja_datagram_options_t)`, so that the structure can grow.
   */
  size_t size;
  /*
   Room for the content, in bytes; 0 for 8192. What does not fit is lost. No datagram over IP is longer than 65535.
   */
  size_t capacity;
  /*
   Room for control messages, in bytes as `CMSG_SPACE` counts them; 0 for none.
   */
  size_t ancillary_capacity;
} kja_datagram_options_t;

/*
 Figures of a runtime at one moment.
 */
typedef struct {
  /*
   `sizeof(kja_runtime_stats_t)`, set by the caller.
   */
  size_t size;
  /*
   Promises that somebody holds, settled or not.
   */
  uint64_t promises;
  /*
   Of these, the ones that were detached and are pending.
   */
  uint64_t detached;
  /*
   Timers that are running.
   */
  uint64_t timers;
  /*
   Turns of the loop so far: how often it polled an operation or ran a callback.
   */
  uint64_t turns;
  /*
   How often the loop has slept and was woken.
   */
  uint64_t wake_ups;
  /*
   The longest turn so far, in nanoseconds; 0 unless `slow_turn_nanos` was set in the options.
   */
  uint64_t longest_turn_nanos;
} kja_runtime_stats_t;

/*
 An error with all that it carries. Released with `kja_error_release`.
 */
typedef uint64_t kja_error_t;

/*
 Settles one promise by hand. Released with `kja_fulfiller_release`.
 */
typedef uint64_t kja_fulfiller_t;

/*
 A bounded queue of values. Released with `kja_queue_release`.
 */
typedef uint64_t kja_queue_t;

/*
 Something that happens once. Released with `kja_event_release`.
 */
typedef uint64_t kja_event_t;

/*
 Calls into a loop from any thread. Released with `kja_executor_release`.
 */
typedef uint64_t kja_executor_t;

/*
 Tells when a descriptor is ready. Released with `kja_fd_observer_release`.
 */
typedef uint64_t kja_fd_observer_t;

/*
 A directory. Released with `kja_directory_release`.
 */
typedef uint64_t kja_directory_t;

/*
 Tells the time, in nanoseconds since the beginning of 1970. It runs on any thread, and must neither block nor unwind.
 */
typedef uint64_t (*kja_clock_fn)(void *ctx);

/*
 What is known about a file or a directory. Set `size` first. (FS-05)
 */
typedef struct {
  /*
   `sizeof(kja_file_stat_t)`, so that the structure can grow.
   */
  size_t size;
  /*
   `KJA_NODE_FILE` or another kind.
   */
  uint32_t kind;
  /*
   `KJA_STAT_EXECUTABLE`, `KJA_STAT_PRIVATE`.
   */
  uint32_t flags;
  /*
   How many bytes it has.
   */
  uint64_t length;
  /*
   How many bytes of the disk it takes.
   */
  uint64_t space_used;
  /*
   When it was last changed, in nanoseconds since the beginning of 1970; 0 for times before.
   */
  uint64_t modified_nanos;
  /*
   Under how many names it stands.
   */
  uint64_t link_count;
  /*
   The same for two handles if they stand for the same file or directory, and hardly ever otherwise.
   */
  uint64_t identity;
} kja_file_stat_t;

/*
 A file. Released with `kja_file_release`.
 */
typedef uint64_t kja_file_t;

/*
 A part of a file as memory. Released with `kja_file_mapping_release`.
 */
typedef uint64_t kja_file_mapping_t;

/*
 What takes its place when it is committed. Released with `kja_replacer_release`, which discards it otherwise.
 */
typedef uint64_t kja_replacer_t;

/*
 The system's network or a part of it. Released with `kja_network_release`.
 */
typedef uint64_t kja_network_t;

/*
 Everything that TLS handshakes are made with. Released with `kja_tls_context_release`.
 */
typedef uint64_t kja_tls_context_t;

/*
 Limits of a client. Zeros stand for the defaults, the largest number for no limit.
 */
typedef struct {
  /*
   `sizeof(kja_http_client_options_t)`.
   */
  size_t size;
  /*
   The most bytes of the head of a response: 128 KiB.
   */
  size_t max_head;
  /*
   The most lines of it: 256.
   */
  size_t max_headers;
  /*
   The most bytes of the body of a response: no limit.
   */
  uint64_t max_body;
  /*
   To look up the host and to connect, in nanoseconds: 30 s.
   */
  uint64_t connect_nanos;
  /*
   From the request to the end of the head of its response: no limit.
   */
  uint64_t head_nanos;
  /*
   While more of the body of a response is waited for: no limit.
   */
  uint64_t body_nanos;
  /*
   How long a connection is kept for another request: 5 s; the largest number keeps none.
   */
  uint64_t idle_nanos;
  /*
   The most idle connections to one host that are kept: 8.
   */
  size_t max_idle_per_host;
  /*
   What connections for `https` URLs are made with; 0 for none: such a URL is `UNIMPLEMENTED` then. Stays the caller's.
   (HCLI-15)
   */
  kja_tls_context_t tls;
  /*
   The most connections to one host at a time, and so the most requests: no limit. (HCLI-08)
   */
  size_t max_per_host;
  /*
   The most requests to one host that wait for a connection: 1024. One more is `OVERLOADED`.
   */
  size_t max_waiting_per_host;
  /*
   From the request to the end of the body of its response, redirects included: no limit.
   */
  uint64_t total_nanos;
  /*
   `KJA_HTTP_CLIENT_` flags.
   */
  uint32_t flags;
  /*
   How often a request is sent again where a response says, by 301, 302, 303, 307 or 308: 0 times; such a response is like any
   other then. Only a client of a network does so. A `POST` becomes a `GET` by 301 and 302, every method but `HEAD` by 303; one
   with a streamed body that would have to be sent again is not. Credentials and cookies do not go to another origin. One
   redirect more is `FAILED`.
   */
  uint32_t max_redirects;
  /*
   The proxy of a client of a network, such as `http://user:password@proxy.example:3128`; null for none. An `https` URL and a
   tunnel take a tunnel through it.
   */
  const char *proxy;
  /*
   How many bytes that has.
   */
  size_t proxy_len;
  /*
   Hosts to connect to without the proxy, with commas between them: names, which stand for all below them as well,
   addresses, ranges such as `10.0.0.0/8`, each with a port or without, or `*`. Null for none.
   */
  const char *no_proxy;
  /*
   How many bytes that has.
   */
  size_t no_proxy_len;
} kja_http_client_options_t;

/*
 An HTTP client with its connections. Released with `kja_http_client_release`.
 */
typedef uint64_t kja_http_client_t;

/*
 An HTTP server. Released with `kja_http_server_release`, which ends what it serves.
 */
typedef uint64_t kja_http_server_t;

/*
 Headers of an HTTP message. Released with `kja_http_headers_release`.
 */
typedef uint64_t kja_http_headers_t;

/*
 How a tunnel is asked for.
 */
typedef struct {
  /*
   `sizeof(kja_http_connect_options_t)`.
   */
  size_t size;
  /*
   What the tunnel is secured with before anything is sent, with the host's name to be proved; 0 for no TLS. Stays the caller's.
   (CONN-09)
   */
  kja_tls_context_t tls;
} kja_http_connect_options_t;

/*
 A request that an HTTP server has got. Released with `kja_http_request_release`.
 */
typedef uint64_t kja_http_request_t;

/*
 What is changed of a request before it goes on. Zeros change nothing.
 */
typedef struct {
  /*
   `sizeof(kja_http_forward_options_t)`.
   */
  size_t size;
  /*
   What is asked for, as in `kja_http_client_request_start`, or with `CONNECT` a host with a port; null for the target of
   the request, as it came.
   */
  const char *url;
  /*
   How many bytes that has.
   */
  size_t url_len;
  /*
   The headers in place of the request's; 0 for those. Stays the caller's.
   */
  kja_http_headers_t headers;
} kja_http_forward_options_t;

/*
 How a client is limited.
 */
typedef struct {
  /*
   `sizeof(kja_http_limit_options_t)`.
   */
  size_t size;
  /*
   The most requests that run at once, at least 1.
   */
  size_t max_running;
  /*
   The most that wait for one of them to end: 1024 for 0. One more is `OVERLOADED`.
   */
  size_t max_waiting;
  /*
   `KJA_HTTP_LIMIT_UNTIL_HEAD`, or 0.
   */
  uint32_t flags;
} kja_http_limit_options_t;

/*
 Limits of a head. Zeros stand for the defaults, the largest number for no limit. (HTTP-16)
 */
typedef struct {
  /*
   `sizeof(kja_http_head_options_t)`.
   */
  size_t size;
  /*
   The most bytes, the blank line included: 128 KiB.
   */
  size_t max_head;
  /*
   The most header lines: 256.
   */
  size_t max_headers;
  /*
   The most bytes of the target of a request: 32 KiB.
   */
  size_t max_target;
} kja_http_head_options_t;

/*
 The head of an HTTP message. Released with `kja_http_head_release`.
 */
typedef uint64_t kja_http_head_t;

/*
 Reads HTTP messages from a connection. Released with `kja_http_input_release`.
 */
typedef uint64_t kja_http_input_t;

/*
 An HTTP message that was read from a connection. Released with `kja_http_message_release`.
 */
typedef uint64_t kja_http_message_t;

/*
 Some bytes of a representation. (HTTP-17)
 */
typedef struct {
  /*
   The place of the first byte.
   */
  uint64_t start;
  /*
   The place of the last byte, which belongs to the range.
   */
  uint64_t end;
} kja_http_range_t;

/*
 What there is to log of a request.
 */
typedef struct {
  /*
   `sizeof(kja_http_request_summary_t)`.
   */
  size_t size;
  /*
   Of the response; 0 if none has begun.
   */
  uint32_t status;
  /*
   Whether the whole response has been taken to be sent: 1 or 0.
   */
  uint32_t whole;
  /*
   How many bytes of the body of the request have been read.
   */
  uint64_t received;
  /*
   How many bytes of the body of the response have been taken to be sent, not counting how they are framed.
   */
  uint64_t sent;
  /*
   From the end of the head to the end of the request, or until now, in nanoseconds.
   */
  uint64_t nanos;
} kja_http_request_summary_t;

/*
 A response that an HTTP client has got. Released with `kja_http_response_release`.
 */
typedef uint64_t kja_http_response_t;

/*
 A service of its own for one connection.
 */
typedef struct {
  /*
   As the service of `kja_http_server_new`.
   */
  kja_callback_fn run;
  /*
   For it.
   */
  void *ctx;
  /*
   Frees `ctx` when the connection is over; may be null.
   */
  kja_destroy_fn destroy;
} kja_http_service_t;

/*
 Makes the service of one connection, which it is told of before anything is read from it, by filling `service`, which is
 all zeros. One that is left without a `run`, or an error as the result, closes the connection. The handle of the connection
 is the callback's, to be released; it may be asked for its peer and its addresses, and must be neither read nor written.
 */
typedef void (*kja_http_connection_fn)(void *ctx,
                                       kja_call_t call,
                                       kja_connection_t connection,
                                       kja_http_service_t *service);

/*
 Hears of a request or decides about it. The handle of the request is the callback's, to be released.
 */
typedef void (*kja_http_hook_fn)(void *ctx, kja_call_t call, kja_http_request_t request);

/*
 What a program decides and hears of beside requests. Zero everything, then set `size` and what is wanted. The callbacks
 run on the loop, any number of times, and must neither block nor unwind; each may be null. Those that hear of a failure
 may answer the request with `kja_http_request_respond` and its like, if that has not been done; otherwise the default
 answer is sent.
 */
typedef struct {
  /*
   `sizeof(kja_http_server_hooks_t)`.
   */
  size_t size;
  /*
   Makes a service for each connection, in place of the server's. (HSRV-07)
   */
  kja_http_connection_fn on_connection;
  /*
   Hears of what is no request, with the error as its input; `kja_error_detail` gives the status that fits and the bytes at
   fault. The request has neither method nor target and can only be answered; the connection is closed then. (HSRV-17)
   */
  kja_http_hook_fn on_protocol_error;
  /*
   Hears of a service that has failed, with the error as its input. (HSRV-18)
   */
  kja_http_hook_fn on_service_failed;
  /*
   Hears of a service that has ended without an answer. (HSRV-19)
   */
  kja_http_hook_fn on_no_answer;
  /*
   Hears of a connection that came to a listener and ended with an error or could not be served, with the error as its
   input. (HSRV-20)
   */
  kja_callback_fn on_connection_failed;
  /*
   Is asked when a response begins: any number but 0 as the result, `kja_call_return_u64`, closes the connection behind
   it. (HSRV-21)
   */
  kja_http_hook_fn should_close;
  /*
   Hears of a request that is over, because its response has been sent or its client has gone:
   `kja_http_request_summary` says what there is to log. It does not hear of requests that are suspended, become a
   tunnel, or end with the server.
   */
  kja_http_hook_fn on_request_end;
  /*
   For all of them.
   */
  void *ctx;
  /*
   Frees `ctx` when the server is gone, or when none was made; may be null.
   */
  kja_destroy_fn destroy;
} kja_http_server_hooks_t;

/*
 Limits of a server. Zeros stand for the defaults, the largest number for no limit.
 */
typedef struct {
  /*
   `sizeof(kja_http_server_options_t)`.
   */
  size_t size;
  /*
   `KJA_HTTP_SERVER_` flags.
   */
  uint32_t flags;
  /*
   Always 0.
   */
  uint32_t reserved;
  /*
   The most bytes of a head: 128 KiB; beyond that the answer is 431.
   */
  size_t max_head;
  /*
   The most lines of a head: 256; beyond that the answer is 431.
   */
  size_t max_headers;
  /*
   The most bytes of the target of a request: 32 KiB; beyond that the answer is 414.
   */
  size_t max_target;
  /*
   The most bytes of the body of a request: no limit; beyond that the answer is 413.
   */
  uint64_t max_body;
  /*
   From the opening of a connection, or from the first byte of a later request, to the end of the head, in nanoseconds:
   15 s; then the answer is 408 if a part of the head has come, and the connection is closed.
   */
  uint64_t head_nanos;
  /*
   Between two requests: 5 s; then the connection is closed.
   */
  uint64_t idle_nanos;
  /*
   While a service waits for more of a body: 30 s; then its read fails with `TIMED_OUT`, and a service that
   fails with that is answered for with 408.
   */
  uint64_t body_nanos;
  /*
   For a whole request: no limit; then its service is cancelled, and the answer is 503 if none has begun.
   */
  uint64_t request_nanos;
  /*
   The most connections that are served at once: 10,000; others wait in the backlog of their listener.
   */
  size_t max_connections;
  /*
   The most requests of one connection: no limit.
   */
  uint64_t max_requests;
  /*
   How much of a body that a service has left unread is read to keep the connection: 64 KiB.
   */
  uint64_t unread_bytes;
  /*
   How long that may take: 1 s.
   */
  uint64_t unread_nanos;
  /*
   What connections that come to a listener are secured with: they speak `https` then. 0 for none; stays the caller's. A
   handshake that fails is told to the `on_accept_error` of the context.
   */
  kja_tls_context_t tls;
  /*
   What the program decides and hears of beside requests; null for nothing.
   */
  const kja_http_server_hooks_t *hooks;
} kja_http_server_options_t;

/*
 Several messages that were received together. Released with `kja_message_list_release`.
 */
typedef uint64_t kja_message_list_t;

/*
 Wraps the end that connected, where whoever is at the other end has to prove the name: a DNS name or an IP address of
 `host_len` bytes, not closed by a NUL, borrowed for this call. Runs on the loop, any number of times, and must neither
 block nor unwind. The connection is a new handle which is the callback's: to be released, also when it is the result.
 The result, left with `kja_call_return_handle` or `kja_call_return_promise`, is a connection or a promise of one;
 `kja_call_return_error` refuses.
 */
typedef void (*kja_wrap_client_fn)(void *ctx,
                                   kja_call_t call,
                                   kja_connection_t connection,
                                   const char *host,
                                   size_t host_len);

/*
 Wraps the end that was connected to; otherwise as `kja_wrap_client_fn`.
 */
typedef void (*kja_wrap_server_fn)(void *ctx, kja_call_t call, kja_connection_t connection);

/*
 What a wrapper does. Zero everything, then set `size` and what is wanted; 0 means the default.
 */
typedef struct {
  /*
   `sizeof(kja_network_wrapper_options_t)`, so that the structure can grow.
   */
  size_t size;
  /*
   Wraps the end that connected; may be null: then that is `UNIMPLEMENTED`.
   */
  kja_wrap_client_fn wrap_client;
  /*
   Wraps the end that was connected to; may be null: then that is `UNIMPLEMENTED`.
   */
  kja_wrap_server_fn wrap_server;
  /*
   Runs on the loop for each accepted connection that could not be wrapped, with the error as its input; what it
   returns is ignored. May be null: then nobody hears of them. (TLS-11)
   */
  kja_callback_fn on_accept_error;
  /*
   For all three.
   */
  void *ctx;
  /*
   Frees `ctx` when nothing that was wrapped needs it any more, or when no wrapper was made; may be null.
   */
  kja_destroy_fn destroy;
  /*
   What the texts of wrapped addresses begin with, before a colon, in UTF-8; null for `wrapped`.
   */
  const char *name;
  /*
   The length of the name.
   */
  size_t name_len;
  /*
   How long an accepted connection may take to be wrapped, in nanoseconds by the runtime's clock; 0 for 10 seconds,
   `UINT64_MAX` for as long as it likes.
   */
  uint64_t accept_timeout_nanos;
  /*
   How many connections a listener has that are being wrapped, or have been and wait for an accept; 0 for 128.
   More than these stay with the inner listener.
   */
  size_t max_handshakes;
} kja_network_wrapper_options_t;

/*
 What turns connections into secure ones, or into others. Released with `kja_network_wrapper_release`.
 */
typedef uint64_t kja_network_wrapper_t;

/*
 A further descriptor of a child.
 */
typedef struct {
  /*
   A descriptor of this process, of which the child gets a copy.
   */
  int32_t fd;
  /*
   The number that it has in the child, from 3 to 1023.
   */
  int32_t number;
} kja_process_fd_t;

/*
 A program and how to start it.
 */
typedef struct {
  /*
   `sizeof(kja_process_options_t)`, set by the caller.
   */
  size_t size;
  /*
   Its path, or its name, which is looked for in the PATH of this process.
   */
  const char *program;
  /*
   Its arguments without its name, and a null; may be null for none.
   */
  const char *const *arguments;
  /*
   All of its environment, each as `NAME=value`, and a null; null for that of this process.
   */
  const char *const *environment;
  /*
   Where it works; null for where this process does. A relative path of the program is looked for from there.
   */
  const char *folder;
  /*
   `KJA_PROCESS_NEW_GROUP`, `KJA_PROCESS_KEEP`.
   */
  uint32_t flags;
  /*
   What its standard input, output and error are: `KJA_STDIO_*`.
   */
  uint32_t stdio[3];
  /*
   The descriptors of those that are `KJA_STDIO_FD`.
   */
  int32_t stdio_fds[3];
  /*
   Further descriptors.
   */
  const kja_process_fd_t *fds;
  /*
   How many.
   */
  size_t fd_count;
} kja_process_options_t;

/*
 A child process. Released with `kja_process_release`, which kills it unless it is to be kept.
 */
typedef uint64_t kja_process_t;

/*
 How a program has ended, and what it has said. Released with `kja_process_output_release`.
 */
typedef uint64_t kja_process_output_t;

/*
 Reads from a stream that the program provides: at least one byte and at most `max`, `max` being at least 1. Whoever reads
 waits for `min` of them; fewer will do, and the rest is asked for then. The result is bytes
 (`kja_call_return_bytes`), none at the end of the stream, or a promise of them, such as a read from another connection
 (`kja_call_return_promise`).
 */
typedef void (*kja_read_fn)(void *ctx, kja_call_t call, size_t min, size_t max);

/*
 How many bytes are left to read, `KJA_LENGTH_UNKNOWN` if nobody knows. On any thread, also several at a time; it must
 neither block nor unwind, nor call this library.
 */
typedef uint64_t (*kja_length_fn)(void *ctx);

/*
 What a stream does that the program provides. Zero everything, then set `size` and what there is.

 All callbacks but `length` run on the loop and must neither block nor unwind. One that takes time leaves a promise
 (`kja_call_return_promise`) and returns. That promise is cancelled when the operation that waits for it is cancelled, and when
 the connection is closed or released; a callback that has not begun by then never runs. One `read` is pending at a time,
 and one `write` or `shutdown_write`. From its callbacks the connection may be used, closed and released like any other.
 */
typedef struct {
  /*
   `sizeof(kja_connection_callbacks_t)`, so that the structure can grow.
   */
  size_t size;
  /*
   For all of them.
   */
  void *ctx;
  /*
   Frees `ctx` when the connection is closed, or nobody holds it any more, or no connection was made: once, after
   what was pending has ended. May be null.
   */
  kja_destroy_fn destroy;
  /*
   The connection that socket options, names, peer and descriptor are asked of, and which is closed with the new one; 0 for
   none. The handle stays the caller's.
   */
  kja_connection_t below;
  /*
   Reads; null for a stream that is at its end.
   */
  kja_read_fn read;
  /*
   Writes the bytes that are its input (`kja_call_bytes`), of which there are some: all of them, or as many as the number
   says that is its result (`kja_call_return_u64`), at least 1. Null for a stream that cannot be written to.
   */
  kja_callback_fn write;
  /*
   Tells the other side that nothing more will come, after all that was written. Its result makes no difference unless it
   is an error. Null if there is nothing to tell.
   */
  kja_callback_fn shutdown_write;
  /*
   Nobody will read any more. A pending read has been cancelled; the result is ignored. May be null.
   */
  kja_callback_fn abort_read;
  /*
   Nobody will write any more, for the error that is its input (`kja_call_status`). The result is ignored. May be null.
   */
  kja_callback_fn abort_write;
  /*
   Settles, as a rule with a promise, once writing would fail because the other side has gone. At most once. Null for a stream
   that cannot tell: then nobody hears of it.
   */
  kja_callback_fn when_write_disconnected;
  /*
   How many bytes are left to read; null if nobody knows.
   */
  kja_length_fn length;
} kja_connection_callbacks_t;

/*
 Where the connections of a listener come from that the program provides. Zero everything, then set `size` and `accept`.
 */
typedef struct {
  /*
   `sizeof(kja_listener_callbacks_t)`, so that the structure can grow.
   */
  size_t size;
  /*
   For the callback.
   */
  void *ctx;
  /*
   Frees `ctx` when the listener is closed, or nobody holds it any more, or no listener was made: once. May be null.
   */
  kja_destroy_fn destroy;
  /*
   Results in the next connection (`kja_call_return_handle`), or in a promise of it. On the loop, one at a time; it must
   neither block nor unwind. Its promise is cancelled with the accept that waits for it.
   */
  kja_callback_fn accept;
} kja_listener_callbacks_t;

/*
 What is behind an address that the program provides. Zero everything, then set `size` and what there is.
 */
typedef struct {
  /*
   `sizeof(kja_address_callbacks_t)`, so that the structure can grow.
   */
  size_t size;
  /*
   For both callbacks.
   */
  void *ctx;
  /*
   Frees `ctx` when nobody needs it any more: neither the address, nor what connects to it or listens on it, nor the
   runtime; or when no address was made. Once. May be null.
   */
  kja_destroy_fn destroy;
  /*
   Results in a new connection (`kja_call_return_handle`), or in a promise of one. On the loop, any number of them side by
   side; it must neither block nor unwind. Its promise is cancelled with the connect that waits for it. Null for an address
   that nobody can connect to.
   */
  kja_callback_fn connect;
  /*
   As that of `kja_listener_callbacks_t`, for each listener on the address. Null for one that nobody can listen on.
   */
  kja_callback_fn accept;
  /*
   The text of the address, in UTF-8; null for `<provided>`.
   */
  const char *text;
  /*
   The length of the text.
   */
  size_t text_len;
} kja_address_callbacks_t;

/*
 Parses the text of an address for a network that the program provides: `text_len` bytes, not closed by a NUL, borrowed for
 this call. The result is an address (`kja_call_return_handle`), of whatever kind, or a promise of one.
 */
typedef void (*kja_parse_fn)(void *ctx,
                             kja_call_t call,
                             const char *text,
                             size_t text_len,
                             uint16_t default_port);

/*
 Where the addresses of a network come from that the program provides. Zero everything, then set `size` and `parse`.
 */
typedef struct {
  /*
   `sizeof(kja_network_callbacks_t)`, so that the structure can grow.
   */
  size_t size;
  /*
   For the callback.
   */
  void *ctx;
  /*
   Frees `ctx` when nothing that was made of the network needs it any more, or when no network was made. Once. May be null.
   */
  kja_destroy_fn destroy;
  /*
   Parses a text. On the loop, any number of them side by side; it must neither block nor unwind. Its promise is
   cancelled with the parse that waits for it.
   */
  kja_parse_fn parse;
} kja_network_callbacks_t;

/*
 Choices for `kja_runtime_new`. Zero everything, then set `size` and what is wanted; 0 means the default.
 */
typedef struct {
  /*
   `sizeof(kja_runtime_options_t)`, so that the structure can grow.
   */
  size_t size;
  /*
   `KJA_RUNTIME_THREAD` (the default) or `KJA_RUNTIME_WAIT_SCOPE`.
   */
  uint32_t mode;
  /*
   0 or `KJA_RUNTIME_VIRTUAL_TIME`.
   */
  uint32_t flags;
  /*
   How long a shutdown may take, in nanoseconds; 0 for 5 seconds.
   */
  uint64_t shutdown_nanos;
  /*
   How long a caller and an idle loop look for work before they sleep, in nanoseconds; 0 for 50
   microseconds, `UINT64_MAX` for not at all.
   */
  uint64_t look_nanos;
  /*
   How many turns in a row before timers and sockets get a look, however long they take; 0 for 256, or fewer if they
   take more than about 50 microseconds together. With virtual time only turns count. (LOOP-09)
   */
  uint64_t turns_per_look;
  /*
   Turns that take this long, in nanoseconds, are reported to `on_slow_turn`; 0 for none.
   */
  uint64_t slow_turn_nanos;
  /*
   Runs on the loop's thread before anything else; may be null. For a wait scope it is not used.
   */
  void (*on_thread_start)(void *ctx);
  /*
   Runs on the loop's thread after everything else; may be null.
   */
  void (*on_thread_stop)(void *ctx);
  /*
   Runs on the loop's thread after a turn that took `nanos`, if that is `slow_turn_nanos` or more; may be null.
   */
  void (*on_slow_turn)(void *ctx, uint64_t nanos);
  /*
   Runs on any thread when a sleeping loop gets something to do, so that a host's own loop can call
   `kja_runtime_poll`; may be null. It must neither block nor call this library. (LOOP-13)
   */
  void (*on_runnable)(void *ctx);
  /*
   For all the hooks.
   */
  void *ctx;
  /*
   Frees `ctx` when the runtime has ended, or when none was made; may be null.
   */
  kja_destroy_fn destroy;
} kja_runtime_options_t;

/*
 Permits, given out in order. Released with `kja_semaphore_release`.
 */
typedef uint64_t kja_semaphore_t;

/*
 Permits of a semaphore that somebody has. Released with `kja_permit_release`, which gives them back.
 */
typedef uint64_t kja_permit_t;

/*
 A subscription to signals. Released with `kja_signal_release`.
 */
typedef uint64_t kja_signal_t;

/*
 A signal that came. Released with `kja_signal_info_release`.
 */
typedef uint64_t kja_signal_info_t;

/*
 What is known of a signal that came.
 */
typedef struct {
  /*
   `sizeof(kja_signal_fields_t)`, set by the caller.
   */
  size_t size;
  /*
   The signal.
   */
  int32_t number;
  /*
   Why it was sent: `si_code`.
   */
  int32_t code;
  /*
   The process that sent it, 0 if none did.
   */
  int32_t pid;
  /*
   The user of that process.
   */
  uint32_t uid;
  /*
   What `sigqueue` sent along, else 0.
   */
  uint64_t value;
  /*
   How many more came behind it and were not kept, since too many waited.
   */
  uint64_t merged;
} kja_signal_fields_t;

/*
 Promises that nobody awaits, held together. Released with `kja_task_set_release`, which cancels them.
 */
typedef uint64_t kja_task_set_t;

/*
 A private key with its certificates. Released with `kja_tls_key_pair_release`.
 */
typedef uint64_t kja_tls_key_pair_t;

/*
 What a context is made of. Zero everything, then set `size` and what is wanted; 0 means the default. Everything is copied.
 Certificates and lists are PEM, or DER one after the other. The callbacks run on the loop, any number of times, and must
 neither block nor unwind; each may be null.
 */
typedef struct {
  /*
   `sizeof(kja_tls_options_t)`, so that the structure can grow.
   */
  size_t size;
  /*
   `KJA_TLS_NO_SYSTEM_TRUST` and other flags.
   */
  uint32_t flags;
  /*
   What a server does about certificates of its clients, `KJA_TLS_CLIENTS_*`. (TLS-03)
   */
  uint32_t clients;
  /*
   The lowest version, `KJA_TLS_1_2` by default; lower ones are refused. (TLS-05)
   */
  uint32_t min_version;
  /*
   The highest version, `KJA_TLS_1_3` by default.
   */
  uint32_t max_version;
  /*
   Certificates that are trusted beside those of the system. (TLS-04)
   */
  kja_slice_t trusted;
  /*
   Revocation lists. Certificates of their issuers are looked up in them, those of other issuers are let pass.
   */
  kja_slice_t revocation_lists;
  /*
   Names of cipher suites at the IANA, such as `TLS_AES_128_GCM_SHA256`, the preferred first, with colons between. (TLS-06)
   */
  kja_slice_t cipher_suites;
  /*
   Names of groups for the key exchange at the IANA, such as `x25519`, likewise. (TLS-07)
   */
  kja_slice_t groups;
  /*
   Application protocols, such as `http/1.1`, the preferred first. (TLS-27)
   */
  const kja_slice_t *alpn;
  /*
   How many these are.
   */
  size_t alpn_count;
  /*
   How this side proves itself: a server needs it, a client shows it when it is asked. May be 0; stays the caller's. (TLS-08)
   */
  kja_tls_key_pair_t key_pair;
  /*
   How long the handshake of a connection that a listener accepted may take, in nanoseconds by the runtime's clock; 0 for 10
   seconds, `UINT64_MAX` for as long as it likes. (TLS-10)
   */
  uint64_t accept_timeout_nanos;
  /*
   How many connections a listener has whose handshake goes on, or which wait for an accept; 0 for 128. (TLS-14)
   */
  size_t max_handshakes;
  /*
   Hears of each accepted connection whose handshake failed, with the error as its input; what it returns is ignored.
   (TLS-11)
   */
  kja_callback_fn on_accept_error;
  /*
   Chooses a server's key pair by the name that a client asks for, which is its input as bytes, empty for none. Its result is
   a `kja_tls_key_pair_t`, a promise of one, unit for that of the context, or an error, which refuses the client with an
   alert. (TLS-09)
   */
  kja_callback_fn on_server_name;
  /*
   Chooses a client's key pair when the server asks for one. Its input is bytes: the distinguished names of the authorities
   that the server accepts, in DER one after the other, none for any. Its result is a `kja_tls_key_pair_t`, or unit for that
   of the context; an error or a promise shows none.
   */
  kja_callback_fn on_client_certificate;
  /*
   Judges a peer that has passed the usual verification, with a `kja_peer_t` as its input; an error refuses the peer with an
   alert. No promise. A handshake that goes on with an earlier session asks for neither.
   */
  kja_callback_fn verify_also;
  /*
   Judges a peer *instead of* the usual verification: no chain, no date, no name and no revocation is checked, only that the
   peer has the key of the certificate that it shows. A mistake here gives up all that TLS is for.
   */
  kja_callback_fn dangerous_verify_instead;
  /*
   For all callbacks.
   */
  void *ctx;
  /*
   Frees `ctx` when nothing that was made with the context needs it any more, or when none was made; may be null.
   */
  kja_destroy_fn destroy;
} kja_tls_options_t;

/*
 A URL. Released with `kja_url_release`.
 */
typedef uint64_t kja_url_t;

/*
 What may be chosen for a socket. Zeros stand for the defaults; of a limit the largest number is none.
 */
typedef struct {
  /*
   `sizeof(kja_websocket_options_t)`.
   */
  size_t size;
  /*
   `KJA_WEBSOCKET_COMPRESS` and the other flags of compression.
   */
  uint32_t flags;
  /*
   The logarithm of the server's window, from 8 to 15: 15.
   */
  uint8_t server_max_window_bits;
  /*
   That of the client's.
   */
  uint8_t client_max_window_bits;
  /*
   How hard this end compresses, from 1 to 9: 6.
   */
  uint8_t level;
  /*
   Always 0.
   */
  uint8_t reserved;
  /*
   Messages of fewer bytes are sent plain: 64.
   */
  size_t compress_from;
  /*
   The most bytes of a message that is received as a whole: 32 MiB. Beyond that the socket is closed with 1009.
   */
  size_t max_message;
  /*
   How long the other end may take for its close, in nanoseconds: 10 s. Then the connection is cut.
   */
  uint64_t close_nanos;
  /*
   After how long without a sign of life a ping is sent, while something is received: never.
   */
  uint64_t ping_nanos;
  /*
   After how long without a sign of life the connection is cut, while something is received: never.
   */
  uint64_t idle_nanos;
} kja_websocket_options_t;

/*
 One end of a WebSocket. Released with `kja_websocket_release`.
 */
typedef uint64_t kja_websocket_t;

/*
 A message that a WebSocket has received. Released with `kja_websocket_message_release`.
 */
typedef uint64_t kja_websocket_message_t;



/*
 Success.
 */
#define KJA_OK 0

/*
 A bug or bad input.
 */
#define KJA_ERR_FAILED 1

/*
 Out of space, descriptors or time; do not retry at once.
 */
#define KJA_ERR_OVERLOADED 2

/*
 The peer is gone; reconnect, then retry.
 */
#define KJA_ERR_DISCONNECTED 3

/*
 Not available here; fall back to another method.
 */
#define KJA_ERR_UNIMPLEMENTED 4

/*
 The operation was cancelled.
 */
#define KJA_ERR_CANCELED 10

/*
 A deadline passed.
 */
#define KJA_ERR_TIMED_OUT 11

/*
 The runtime was shut down.
 */
#define KJA_ERR_SHUTDOWN 12

/*
 The handle is not, or no longer, valid.
 */
#define KJA_ERR_BAD_HANDLE 20

/*
 Only the thread that owns the wait scope may do this.
 */
#define KJA_ERR_WRONG_THREAD 21

/*
 Blocking here would stop the loop that has to make progress.
 */
#define KJA_ERR_WOULD_DEADLOCK 22

/*
 An argument is null, too long, malformed or out of range.
 */
#define KJA_ERR_INVALID_ARGUMENT 23

/*
 The value of the promise has another type.
 */
#define KJA_ERR_WRONG_TYPE 24

/*
 The promise has not settled.
 */
#define KJA_ERR_PENDING 25

/*
 The object is already doing this and can do it only once at a time.
 */
#define KJA_ERR_BUSY 26

/*
 A callback or the library itself panicked.
 */
#define KJA_ERR_PANIC 30

































#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/*
 Parses an address and resolves its name; the promise carries a `kja_address_t`. Forms: `1.2.3.4`, `1.2.3.4:80`,
 `::1`, `[::1]`, `[::1]:80`, `fe80::1%eth0` (a scope, also in brackets), `*` and `*:80` (every address of this machine,
 for listening), `name`, `name:80`, `name:http` (the name of a service, also after a numeric address),
 `unix:path` and `unix-abstract:name` (Linux), and numeric addresses joined with commas, as `kja_address_text` joins them,
 to be used like those behind a name. Without a port it is `default_port`; if that is 0 the address can
 only be listened on, on a free port. Names are looked up on a thread of their own; the rest never blocks. The
 address is that of an unrestricted network.

 Errors: `INVALID_ARGUMENT` at once for a text that is no address, for a unix path that is too long and for a scope
 that is no interface; `UNIMPLEMENTED` for an abstract name elsewhere than on Linux; `OVERLOADED` for too many look-ups
 at once; the promise fails with `FAILED` if the name does not resolve. Cancellation: a look-up under way goes on
 unseen. (NET-01, NET-02, NET-03)
 */
kja_status_t kja_address_parse_start(kja_runtime_t runtime,
                                     const char *text,
                                     size_t text_len,
                                     uint16_t default_port,
                                     kja_promise_t *out);

/*
 Makes an address from the `size` bytes of a `struct sockaddr` of IPv4, IPv6 or a unix socket; a new handle. Errors:
 `INVALID_ARGUMENT` for bytes that are cut off, `UNIMPLEMENTED` for another family. (NET-04)
 */
kja_status_t kja_address_from_sockaddr(kja_runtime_t runtime,
                                       const void *sockaddr,
                                       size_t size,
                                       kja_address_t *out);

/*
 Makes an address of a connection over which others are sent: it stands for whoever is at the other end. Connecting
 makes a pair of connected ends, sends one over the connection and gives the other: a pair of Unix sockets over a Unix
 socket, a capability pipe through a capability pipe. Listening, whatever the options, receives what the other end sends,
 as `kja_listener_from_connection` does; all listeners of one address share their line. The connection stays the
 caller's, and the address keeps it.

 Its text is `<capability stream>`, which cannot be parsed. It has no `struct sockaddr` (0 bytes), no port (0), the family
 `KJA_FAMILY_OTHER`, stands for 0 addresses, is in no block, and only a network without rules allows it. Where a socket
 needs an address it is refused (`UNIMPLEMENTED`). Cancelling a connect closes both ends, unless one has been sent.

 Errors: `UNIMPLEMENTED` if the connection is neither a Unix socket nor a capability pipe. (CAPS-10)
 */
kja_status_t kja_address_from_connection(kja_connection_t connection,
                                         kja_address_t *out);

/*
 Copies the `struct sockaddr` of the address, of several the first, cut to `capacity`. Writes its whole size to
 `length`, which may be null. (STRM-18)
 */
kja_status_t kja_address_sockaddr(kja_address_t address,
                                  void *buffer,
                                  size_t capacity,
                                  size_t *length);

/*
 A second handle to the same address, which never changes. (NET-15)
 */
kja_status_t kja_address_clone(kja_address_t address, kja_address_t *out);

/*
 Copies the text of the address, such as `127.0.0.1:80`, `[::1]:80`, `*:80` or `unix:path`, with a closing NUL, cut to
 `capacity`; several addresses are joined with commas. It can be parsed again, but for a unix
 socket whose name is not UTF-8, for a connection and for what is wrapped. Writes its whole length,
 without the NUL, to `length`, which may be null. (NET-15)
 */
kja_status_t kja_address_text(kja_address_t address,
                              char *buffer,
                              size_t capacity,
                              size_t *length);

/*
 The port; of several addresses that of the first, 0 for a unix socket.
 */
kja_status_t kja_address_port(kja_address_t address, uint16_t *out);

/*
 The family, one of `KJA_FAMILY_*`; of several addresses that of the first, for `*` IPv6.
 */
kja_status_t kja_address_family(kja_address_t address, uint32_t *out);

/*
 How many addresses it stands for: several if a name resolved to them, 0 for a connection, otherwise 1.
 */
kja_status_t kja_address_count(kja_address_t address,
                               size_t *out);

/*
 One of the addresses that it stands for, by itself, so that its family can be chosen; a new handle. Errors:
 `INVALID_ARGUMENT` for an `index` that is not less than their count.
 */
kja_status_t kja_address_get(kja_address_t address,
                             size_t index,
                             kja_address_t *out);

/*
 Connects; the promise carries a `kja_connection_t`, for TCP with TCP_NODELAY set. The addresses behind a name race:
 IPv6 and IPv4 in turns, the next one as soon as one has failed, or 250 ms after the one before; the first that
 answers wins, and the others' sockets are closed before the promise settles. (RFC 8305) A unix socket whose backlog is
 full is asked again after a pause, at growing intervals up to 128 ms: the system does not tell when there is room.

 Errors: `INVALID_ARGUMENT` at once for `*` and for an address without a port; otherwise the promise fails as the last
 attempt did: `DISCONNECTED` if the connection is refused or cannot be made, `FAILED` with the OS error ENOENT or EACCES
 for the path of a unix socket, `FAILED` for an address that the network's rules forbid. Cancellation: all attempts
 end and their sockets are closed. (NET-10, NET-11)
 */
kja_status_t kja_address_connect_start(kja_address_t address,
                                       kja_promise_t *out);

/*
 Listens; `backlog` connections may wait to be accepted, 0 for as many as the system allows. Never blocks. The addresses behind a name are
 listened on together, on one port if the system chooses it; `*` takes every address of this machine. The file of
 a unix socket is removed when the listener is closed or gone, if it is still the same file.

 Errors: `FAILED` with the OS error EADDRINUSE for a port in use and for a path that exists, otherwise what the system
 says, such as ENOENT or EACCES; `FAILED` if the network's rules forbid every peer that could come. (NET-10, NET-13)
 */
kja_status_t kja_address_listen(kja_address_t address,
                                uint32_t backlog,
                                kja_listener_t *out);

/*
 As `kja_address_listen`, with options; null means the defaults. With `KJA_LISTEN_REPLACE_STALE` the file of a unix socket
 that refuses connections is replaced; one that is listened on stays EADDRINUSE, as does any other file. A socket that is
 bound and does not listen yet looks stale. Errors: also `INVALID_ARGUMENT` for options of the wrong size and
 for unknown flags. (NET-13)
 */
kja_status_t kja_address_listen_with(kja_address_t address,
                                     const kja_listen_options_t *options,
                                     kja_listener_t *out);

/*
 Releases the handle.
 */
kja_status_t kja_address_release(kja_address_t address);

/*
 Copies `size` bytes. `data` may be null if `size` is 0.
 */
kja_status_t kja_bytes_new(const void *data, size_t size, kja_bytes_t *out);

/*
 Borrows `size` bytes without copying. They must stay readable and unchanged until `destroy(ctx)` has
 run, which is when nothing refers to them any more. `ctx` is taken over in every case.
 */
kja_status_t kja_bytes_new_borrowed(const void *data,
                                    size_t size,
                                    void *ctx,
                                    kja_destroy_fn destroy,
                                    kja_bytes_t *out);

/*
 Where the bytes are and how many; valid until the handle is released. Either out-parameter may be null.
 */
kja_status_t kja_bytes_data(kja_bytes_t bytes,
                            const void **data,
                            size_t *size);

/*
 The part from `start` up to, not including, `end`: a handle of its own on the same memory.
 Errors: `INVALID_ARGUMENT` if that is no part of it.
 */
kja_status_t kja_bytes_slice(kja_bytes_t bytes, size_t start, size_t end, kja_bytes_t *out);

/*
 Releases the handle.
 */
kja_status_t kja_bytes_release(kja_bytes_t bytes);

/*
 The status of the input: `KJA_OK`, or the error of the promise, which also becomes the last error.
 */
kja_status_t kja_call_status(kja_call_t call);

/*
 What the input is: one of `KJA_OUTCOME_*`. The status is about this call alone: see `kja_promise_outcome_type`.
 */
kja_status_t kja_call_outcome_type(kja_call_t call,
                                   uint32_t *out);

/*
 The input, if it is a number. Errors: `WRONG_TYPE`, or the input's error.
 */
kja_status_t kja_call_u64(kja_call_t call, uint64_t *out);

/*
 The input, if it is bytes: a new handle, which the caller releases.
 */
kja_status_t kja_call_bytes(kja_call_t call, kja_bytes_t *out);

/*
 The input, if it has handles of its own, such as a connection: a new handle, which the caller releases.
 */
kja_status_t kja_call_handle(kja_call_t call,
                             kja_handle_t *out);

/*
 The input, if it is an opaque pointer; borrowed until the callback returns.
 */
kja_status_t kja_call_opaque(kja_call_t call, void **out);

/*
 The callback's result is a number. A callback that sets no result returns unit; the last one set counts.
 */
kja_status_t kja_call_return_u64(kja_call_t call,
                                 uint64_t value);

/*
 The callback's result is bytes; the handle stays the caller's.
 */
kja_status_t kja_call_return_bytes(kja_call_t call, kja_bytes_t bytes);

/*
 The callback's result is the object of a handle; the handle stays the caller's.
 */
kja_status_t kja_call_return_handle(kja_call_t call, kja_handle_t handle);

/*
 The callback's result is a pointer, which is taken over in every case.
 */
kja_status_t kja_call_return_opaque(kja_call_t call, void *value, kja_destroy_fn destroy);

/*
 The callback's result is that of another promise. Its handle is consumed in every case, also when the call is stale. (PROM-07)
 */
kja_status_t kja_call_return_promise(kja_call_t call,
                                     kja_promise_t promise);

/*
 Has a coroutine wait for the promise, whose handle stays the caller's: its code runs again with the outcome.
 `flags` are 0 or `KJA_AWAIT_SHIELDED`; who is cancelled while it is shielded hears of it at its next wait that is not.
 In any other callback this leaves the outcome of the promise as the result. Errors: `BAD_HANDLE`, with nothing
 done; `INVALID_ARGUMENT` for unknown flags.
 */
kja_status_t kja_call_await(kja_call_t call,
                            kja_promise_t promise,
                            uint32_t flags);

/*
 Whether a coroutine runs because it has been cancelled. That is told once; what it waits for after that is for its
 clean-up, and nobody hears of its result. False in any other callback.
 */
bool kja_call_is_canceled(kja_call_t call);

/*
 The callback fails with this kind (`KJA_ERR_*`), OS error number (or 0) and text.
 */
kja_status_t kja_call_return_error(kja_call_t call,
                                   kja_status_t kind,
                                   int32_t os_error,
                                   const char *text,
                                   size_t text_len);

/*
 Makes a canceler that has wrapped nothing.
 */
kja_status_t kja_canceler_new(kja_runtime_t runtime, kja_canceler_t *out);

/*
 The same outcome, unless the canceler comes first; it belongs to the canceler's runtime. Release the input for the
 operation to end with it. Either may outlive the other. (CANC-01, CANC-08)
 */
kja_status_t kja_canceler_wrap(kja_canceler_t canceler,
                               kja_promise_t promise,
                               kja_promise_t *out);

/*
 Rejects every wrapped promise that is pending with this kind (`KJA_ERR_*`), OS error number (or 0) and text. What
 they waited for and nothing else holds is gone when this returns. The canceler is usable afterwards. Any
 thread. (CANC-02, CANC-03, CANC-04)
 */
kja_status_t kja_canceler_cancel(kja_canceler_t canceler,
                                 kja_status_t kind,
                                 int32_t os_error,
                                 const char *text,
                                 size_t text_len);

/*
 Releases the wrapped promises: they go on and cannot be cancelled from here any more. (CANC-06)
 */
kja_status_t kja_canceler_forget(kja_canceler_t canceler);

/*
 Whether nothing that it wrapped is pending; false for a handle that is none. (CANC-07)
 */
bool kja_canceler_is_empty(kja_canceler_t canceler);

/*
 As `kja_canceler_release`, without waiting for a callback that is running. For finalizers.
 */
kja_status_t kja_canceler_release_nowait(kja_canceler_t canceler);

/*
 Releases the handle; what is wrapped and pending rejects with `CANCELED`. (CANC-05)
 */
kja_status_t kja_canceler_release(kja_canceler_t canceler);

/*
 Writes `size` bytes, at least one, with `count` descriptors attached to the first; at most 253 go together. The
 descriptors are duplicated in this call and stay the caller's. The bytes are copied.

 Errors: `INVALID_ARGUMENT` for no bytes or too many descriptors, `FAILED` with the OS error EBADF for one that is
 not open, `UNIMPLEMENTED` if the connection is neither a Unix socket nor a capability pipe, otherwise as
 `kja_connection_write_start`. Cancellation: until the first byte is sent no descriptor is; after it, all are. (CAPS-01)
 */
kja_status_t kja_connection_write_with_fds_start(kja_connection_t connection,
                                                 const void *data,
                                                 size_t size,
                                                 const int32_t *fds,
                                                 size_t count,
                                                 kja_promise_t *out);

/*
 Reads at least `min` and at most `max` bytes, as `kja_connection_read_start` does, and the descriptors that came with
 them; the promise carries a `kja_message_t`. Descriptors of several writes are put together. Those beyond `max_fds`
 are closed, and so are those for which the process has no room: `kja_message_is_control_truncated` tells. Plain reads
 and pumps of such a connection close all of them.

 Errors: `UNIMPLEMENTED` if the connection is neither a Unix socket nor a capability pipe; `FAILED` if connections came
 through a capability pipe; otherwise as `kja_connection_read_start`. Cancellation: with `min` 1
 nothing is lost; with more, the next read begins with the bytes, and their descriptors are closed. (CAPS-02, CAPS-03)
 */
kja_status_t kja_connection_read_with_fds_start(kja_connection_t connection,
                                                size_t min,
                                                size_t max,
                                                size_t max_fds,
                                                kja_promise_t *out);

/*
 As `kja_connection_write_with_fds_start`, with connections. Their handles are consumed, unless the call fails with
 `BAD_HANDLE` or `INVALID_ARGUMENT`, and what is not sent is closed. Over a Unix socket their descriptors are sent and the connections closed
 here: what had been read and written by then stays so, pending operations reject with `CANCELED`. Through a
 capability pipe connections of any kind are passed on as they are. Errors: `UNIMPLEMENTED` also for a connection
 without a descriptor that is to go over a socket. (CAPS-04)
 */
kja_status_t kja_connection_write_with_connections_start(kja_connection_t connection,
                                                         const void *data,
                                                         size_t size,
                                                         const kja_connection_t *connections,
                                                         size_t count,
                                                         kja_promise_t *out);

/*
 As `kja_connection_read_with_fds_start`, for connections. Descriptors that came over a Unix socket become connections
 of this connection's runtime. Errors: `FAILED` if descriptors came through a capability pipe, `UNIMPLEMENTED` if a
 descriptor is nothing that can be a connection; what was read is lost then. (CAPS-04)
 */
kja_status_t kja_connection_read_with_connections_start(kja_connection_t connection,
                                                        size_t min,
                                                        size_t max,
                                                        size_t max_connections,
                                                        kja_promise_t *out);

/*
 Sends one descriptor, with a zero byte; it is duplicated in this call and stays the caller's. Errors and cancellation
 as `kja_connection_write_with_fds_start`. (CAPS-05)
 */
kja_status_t kja_connection_send_fd_start(kja_connection_t connection,
                                          int32_t fd,
                                          kja_promise_t *out);

/*
 Receives one descriptor, which came with one byte; the promise carries a `kja_message_t` from which it is taken.
 Errors: `DISCONNECTED` at the end of the stream, `FAILED` if the byte came without, `OVERLOADED` with the OS error
 EMFILE or ENFILE if there is no room for one more descriptor: what has come then stays for the next receive (on Linux;
 elsewhere it is lost). (CAPS-05)
 */
kja_status_t kja_connection_receive_fd_start(kja_connection_t connection,
                                             kja_promise_t *out);

/*
 As `kja_connection_receive_fd_start`; at the end of the stream the message has no descriptor. (CAPS-05)
 */
kja_status_t kja_connection_try_receive_fd_start(kja_connection_t connection,
                                                 kja_promise_t *out);

/*
 Sends one connection, with a zero byte: as `kja_connection_write_with_connections_start` does. The handle `moved` is
 consumed, unless the call fails with `BAD_HANDLE`. (CAPS-06)
 */
kja_status_t kja_connection_send_connection_start(kja_connection_t connection,
                                                  kja_connection_t moved,
                                                  kja_promise_t *out);

/*
 Receives one connection, which came with one byte; the promise carries it. Errors: `DISCONNECTED` at the end of the
 stream, `FAILED` if the byte came without, `OVERLOADED` as for `kja_connection_receive_fd_start`. Cancellation: one that the promise carries already is closed. (CAPS-06)
 */
kja_status_t kja_connection_receive_connection_start(kja_connection_t connection,
                                                     kja_promise_t *out);

/*
 As `kja_connection_receive_connection_start`; at the end of the stream the promise carries unit, which
 `kja_promise_outcome_type` tells from a connection. (CAPS-06)
 */
kja_status_t kja_connection_try_receive_connection_start(kja_connection_t connection,
                                                         kja_promise_t *out);

/*
 Reads as `kja_connection_read_start` does, from a socket, and keeps the control messages that came with the bytes;
 there is room for `capacity` bytes of them, as `CMSG_SPACE` counts them. The promise carries a `kja_message_t`, which
 has them and the descriptors among them. Errors: `UNIMPLEMENTED` for what is no socket. (STRM-08)
 */
kja_status_t kja_connection_read_with_control_start(kja_connection_t connection,
                                                    size_t min,
                                                    size_t max,
                                                    size_t capacity,
                                                    kja_promise_t *out);

/*
 Makes two connections in this process, as `kja_pipe_new_two_way` does, that also carry descriptors and connections of
 any kind. What was written as connections is read as connections, and descriptors as descriptors. Between processes
 use `kja_pipe_new_os_two_way`. (CAPS-07, CAPS-08)
 */
kja_status_t kja_pipe_new_capability(kja_runtime_t runtime,
                                     kja_connection_t *one,
                                     kja_connection_t *other);

/*
 Reads a block such as `10.1.2.3/8` or `fd00::/8` and copies its text, with the bits past the prefix cleared
 (`10.0.0.0/8`) and a closing NUL, cut to `capacity`. Writes the whole length, without the NUL, to `length`, which may
 be null. Errors: `INVALID_ARGUMENT` for a text that is no block, here and in the functions below. (CIDR-01, CIDR-02)
 */
kja_status_t kja_cidr_text(const char *text,
                           size_t text_len,
                           char *buffer,
                           size_t capacity,
                           size_t *length);

/*
 Copies the text of the block around an IP address of 4 or 16 bytes, as `kja_cidr_text` does. (CIDR-01)
 */
kja_status_t kja_cidr_text_of(const void *ip,
                              size_t ip_size,
                              uint8_t prefix,
                              char *buffer,
                              size_t capacity,
                              size_t *length);

/*
 The family of a block's addresses: `KJA_FAMILY_IPV4` or `KJA_FAMILY_IPV6`. (CIDR-02)
 */
kja_status_t kja_cidr_family(const char *text, size_t text_len, uint32_t *out);

/*
 The length of a block's prefix: the longer, the more specific. (CIDR-02)
 */
kja_status_t kja_cidr_specificity(const char *text, size_t text_len, uint32_t *out);

/*
 Whether a block has every address that `address` stands for. An IPv4 block has the v4-mapped IPv6 addresses too; no
 block has a unix socket. (CIDR-02)
 */
kja_status_t kja_cidr_matches(const char *text,
                              size_t text_len,
                              kja_address_t address,
                              bool *out);

/*
 As `kja_cidr_matches`, for an IP address as a text. (CIDR-02)
 */
kja_status_t kja_cidr_matches_text(const char *text,
                                   size_t text_len,
                                   const char *ip,
                                   size_t ip_len,
                                   bool *out);

/*
 Runs `on_value` once the promise has a value; an error passes by it. The result is what the callback returns.
 It runs on the loop that the caller is inside, to which the result belongs too, whatever loop the promise is of; off
 every loop on the promise's own. It never runs inside this call.

 Ownership: `ctx` is taken over in every case; `destroy` runs once the callback has run or never will.
 Cancellation: when the result is cancelled before the callback began, it never runs. (PROM-05, PROM-07)
 */
kja_status_t kja_promise_then(kja_promise_t promise,
                              kja_callback_fn on_value,
                              void *ctx,
                              kja_destroy_fn destroy,
                              kja_promise_t *out);

/*
 Runs `on_error` if the promise fails; a value passes by it. Otherwise as
 `kja_promise_then`. (PROM-10)
 */
kja_status_t kja_promise_catch(kja_promise_t promise,
                               kja_callback_fn on_error,
                               void *ctx,
                               kja_destroy_fn destroy,
                               kja_promise_t *out);

/*
 Runs `on_settled` for a value and for an error; `kja_call_status` tells which. Otherwise as
 `kja_promise_then`. (PROM-06)
 */
kja_status_t kja_promise_handle_both(kja_promise_t promise,
                                     kja_callback_fn on_settled,
                                     void *ctx,
                                     kja_destroy_fn destroy,
                                     kja_promise_t *out);

/*
 Runs `on_done` exactly once, on the loop that `kja_promise_then` would choose: after a value, after an error, or, with `CANCELED` as its input,
 when the result is cancelled or released. The outcome passes through, unless the callback fails; a
 promise that it returns is waited for first.

 Cancellation: on that loop's thread the callback runs inside the cancel, otherwise on that loop soon
 after; a shutdown waits for it. Ownership as for `kja_promise_then`.
 */
kja_status_t kja_promise_finally(kja_promise_t promise,
                                 kja_callback_fn on_done,
                                 void *ctx,
                                 kja_destroy_fn destroy,
                                 kja_promise_t *out);

/*
 Settles with unit once all have a value, or with the first error; inputs that nothing else holds are
 cancelled then. Of none: settled at once. Values are read from the inputs. (PROM-31)
 */
kja_status_t kja_promise_all(kja_runtime_t runtime,
                             const kja_promise_t *promises,
                             size_t count,
                             kja_promise_t *out);

/*
 Settles as the first to settle does, value or error. The race drops the others before that.
 Errors: `INVALID_ARGUMENT` for none. (PROM-16)
 */
kja_status_t kja_promise_race(kja_runtime_t runtime,
                              const kja_promise_t *promises,
                              size_t count,
                              kja_promise_t *out);

/*
 Waits for all to settle, also after an error; then settles with unit, or with the error of the first in the
 order of the array that failed. Of none: settled at once. Values are read from the inputs. (PROM-30)
 */
kja_status_t kja_promise_join(kja_runtime_t runtime,
                              const kja_promise_t *promises,
                              size_t count,
                              kja_promise_t *out);

/*
 Settles with unit once all have settled, in whatever way; how is read from the inputs. Of none: settled at once.
 */
kja_status_t kja_promise_all_settled(kja_runtime_t runtime,
                                     const kja_promise_t *promises,
                                     size_t count,
                                     kja_promise_t *out);

/*
 Settles with the value of the first to succeed; the others are dropped before that. If all fail, with the
 error of the last to do so. Errors: `INVALID_ARGUMENT` for none. (PROM-32)
 */
kja_status_t kja_promise_any(kja_runtime_t runtime,
                             const kja_promise_t *promises,
                             size_t count,
                             kja_promise_t *out);

/*
 The same outcome, or `TIMED_OUT` after `nanos` nanoseconds by the clock of the result's runtime; then the operation is
 cancelled, unless another handle or promise holds it. (TIME-04)
 */
kja_status_t kja_promise_timeout(kja_promise_t promise,
                                 uint64_t nanos,
                                 kja_promise_t *out);

/*
 As `kja_promise_timeout`, at a time of that clock. (TIME-04)
 */
kja_status_t kja_promise_deadline(kja_promise_t promise, uint64_t mono_nanos, kja_promise_t *out);

/*
 The same outcome; `destroy(ctx)` runs when the result settles or is cancelled, after the operation
 itself has ended. `ctx` is taken over in every case. (PROM-17)
 */
kja_status_t kja_promise_attach(kja_promise_t promise,
                                void *ctx,
                                kja_destroy_fn destroy,
                                kja_promise_t *out);

/*
 Gives the promise to its runtime, which holds it until it settles or until shutdown. The handle is
 consumed. `on_error`, which may be null, runs if it fails: then what is given away is what `kja_promise_catch` would
 have made, to the runtime of that. `ctx` is taken over in every case. (PROM-19)
 */
kja_status_t kja_promise_detach(kja_promise_t promise,
                                kja_callback_fn on_error,
                                void *ctx,
                                kja_destroy_fn destroy);

/*
 Runs `attempt` on the loop, and again while it fails and the options, which may be null, say so; the outcome is
 the last one's. The default is to try once more, at once, if the peer was gone. `attempt` may run more than once.

 Ownership: `ctx` is taken over in every case; `destroy` runs after the last attempt. Cancellation: the attempt
 under way is cancelled and there is no other. (PROM-29)
 */
kja_status_t kja_promise_retry_start(kja_runtime_t runtime,
                                     kja_callback_fn attempt,
                                     void *ctx,
                                     kja_destroy_fn destroy,
                                     const kja_retry_options_t *options,
                                     kja_promise_t *out);

/*
 Compresses or decompresses bytes that are all there; `out` gets a `kja_bytes_t`, which belongs to no runtime. The calling thread
 does the work. Errors: `OVERLOADED` for a result of more than `limit` bytes (`SIZE_MAX` for no limit) or beyond a limit of the coding;
 `INVALID_ARGUMENT` for a level or a window that the format does not have; decompressing, `FAILED` for bytes of another format and for
 bytes behind the end of one other than gzip, and `DISCONNECTED` for data that end early, or that are no data at all. (GZIP-07, BROT-06)
 */
kja_status_t kja_coding_run(const kja_coding_t *coding,
                            const void *data,
                            size_t size,
                            size_t limit,
                            kja_bytes_t *out);

/*
 Makes a connection whose bytes are coded on their way: those that are read as `read` says, those that are written as `write` does; null
 leaves a direction as it is. `connection` stays the caller's, and nobody else reads or writes it while the layer lives. Socket options,
 names, peer and descriptor are those of `connection`; closing the layer closes it too. Flags: `KJA_CODING_KEEP_BELOW_OPEN`. Never blocks.

 A write settles when what has come of it is on its way. A compressor keeps some until `kja_connection_flush_start`, or
 until `kja_connection_shutdown_write_start` ends the data; released without that, they are cut off. What is *read* compressed is flushed
 whenever there is nothing more to be read below. Work is done on the loop or on the calling thread, 64 KiB at a time; the highest levels
 of brotli take long for that. Cancellation of a read or write: the connection stays usable and nothing is lost.

 Errors: as `kja_coding_run`, from reads and writes, and from a shutdown of writing for written data that end early; they stay. `BUSY` if a
 read of `connection` is pending; `OVERLOADED` for more than 64 layers. (GZIP-01, GZIP-02, GZIP-03, GZIP-05, GZIP-06, GZIP-08, BROT-01, BROT-02, BROT-03, BROT-05)
 */
kja_status_t kja_coding_layer(kja_connection_t connection,
                              const kja_coding_t *read,
                              const kja_coding_t *write,
                              uint32_t flags,
                              kja_connection_t *out);

/*
 Makes what compresses or decompresses piece by piece, without a loop. It belongs to no runtime. Errors: `INVALID_ARGUMENT` for a level
 or a window that the format does not have. (GZIP-07, BROT-06)
 */
kja_status_t kja_coder_new(const kja_coding_t *coding,
                           kja_coder_t *out);

/*
 Codes `size` bytes at `data` into `buffer`, as far as both go. How many bytes it used goes to `used`, how many it wrote to `written`, and
 to `done` whether it went as far as `until`, `KJA_CODER_INPUT_USED` or another, says: if not, give it more room and the bytes that
 are left. A flush or an end that is not done goes on with the next call, and nothing can be added after an end.

 Errors stay: as `kja_coding_run`, with `FAILED` for input after the end. `BUSY` if another thread runs it. (GZIP-04, GZIP-05, GZIP-07, BROT-04, BROT-06)
 */
kja_status_t kja_coder_run(kja_coder_t coder,
                           const void *data,
                           size_t size,
                           uint32_t until,
                           void *buffer,
                           size_t capacity,
                           size_t *used,
                           size_t *written,
                           bool *done);

/*
 Releases it.
 */
kja_status_t kja_coder_release(kja_coder_t coder);

/*
 Reads at least `min` and at most `max` bytes; the promise carries bytes, fewer than `min` only at the
 end of the stream, none if it has ended. The memory is allocated when there is something to read. One
 read at a time; writes go on beside it.

 Errors: `BUSY` if a read is pending; `INVALID_ARGUMENT` if `max` is 0 or less than `min`; `DISCONNECTED` if the
 peer reset the connection. What had arrived for a read that fails or is cancelled is lost to nobody: the next read
 begins with it. Cancellation: the connection stays usable. (STRM-01)
 */
kja_status_t kja_connection_read_start(kja_connection_t connection,
                                       size_t min,
                                       size_t max,
                                       kja_promise_t *out);

/*
 As `kja_connection_read_start`, and an end of the stream before `min` bytes is `DISCONNECTED`; what came of it is
 lost. With `min` equal to `max` it reads exactly that many. (STRM-02, STRM-03)
 */
kja_status_t kja_connection_read_required_start(kja_connection_t connection,
                                                size_t min,
                                                size_t max,
                                                kja_promise_t *out);

/*
 As `kja_connection_read_start`, into memory of the caller's; the promise carries the number of bytes.
 The kernel writes to `buffer` directly. It must stay writable until `destroy(ctx)` has run, which is
 before the promise settles or its cancel returns. `ctx` is taken over in every case.
 */
kja_status_t kja_connection_read_into_start(kja_connection_t connection,
                                            void *buffer,
                                            size_t min,
                                            size_t max,
                                            void *ctx,
                                            kja_destroy_fn destroy,
                                            kja_promise_t *out);

/*
 Reads again and again, each time as `kja_connection_read_start`, and runs `on_bytes` on the loop for each read, with the bytes as
 its input. A server's loop costs one promise then, not several for each read. What the callback returns decides:

 - unit: the next read begins;
 - a promise: it is waited for first, which holds the sender back, and its outcome decides likewise;
 - any other value, or an error: the reading ends, and that is the outcome of the promise.

 At the end of the stream the outcome is unit. The callback may run on the loop until `destroy(ctx)` has run, which is
 before the promise settles or its cancel returns. Up to 8 callbacks run in one turn of the loop.

 Errors: as `kja_connection_read_start`; other reads are `BUSY` until it ends. Cancellation: as there, and a promise that the
 last callback returned is dropped before `ctx` is. (STRM-01)
 */
kja_status_t kja_connection_read_each_start(kja_connection_t connection,
                                            size_t min,
                                            size_t max,
                                            kja_callback_fn on_bytes,
                                            void *ctx,
                                            kja_destroy_fn destroy,
                                            kja_promise_t *out);

/*
 As `kja_connection_read_each_start`, into memory of the caller's: the callback's input is the number of bytes, which
 are at the start of `buffer`. The next read comes when the callback, and a promise that it returned, are done: until
 then they stay there. `buffer` must be writable until `destroy(ctx)` has run.
 */
kja_status_t kja_connection_read_each_into_start(kja_connection_t connection,
                                                 void *buffer,
                                                 size_t min,
                                                 size_t max,
                                                 kja_callback_fn on_read,
                                                 void *ctx,
                                                 kja_destroy_fn destroy,
                                                 kja_promise_t *out);

/*
 Reads until the end of the stream; the promise carries bytes. Errors: `OVERLOADED` for more than
 `limit` bytes, otherwise as `kja_connection_read_start`; the next read begins with what had come. (STRM-07)
 */
kja_status_t kja_connection_read_all_start(kja_connection_t connection,
                                           size_t limit,
                                           kja_promise_t *out);

/*
 Writes `size` bytes: at once what the kernel takes, without a copy; the rest is copied and follows.
 Writes go out in the order in which they were started. `data` is not used after this call.

 Errors: `DISCONNECTED` if the peer has gone. Cancellation: what the kernel has taken is sent, the rest is
 not; later writes follow directly on the part that was sent. (STRM-10)
 */
kja_status_t kja_connection_write_start(kja_connection_t connection,
                                        const void *data,
                                        size_t size,
                                        kja_promise_t *out);

/*
 Writes what the kernel, or the reader of a pipe in this process, takes at once, and makes no promise. How much that was goes
 to `written`: less than `size`, even nothing, if there is no room or if another write is pending. The rest is for
 `kja_connection_write_start`. Any thread; never blocks. Errors: as there. (STRM-10)
 */
kja_status_t kja_connection_write_now(kja_connection_t connection,
                                      const void *data,
                                      size_t size,
                                      size_t *written);

/*
 As `kja_connection_write_start`, without any copy: the memory must stay readable and unchanged until
 `destroy(ctx)` has run, which is before the promise settles or its cancel returns. `ctx` is taken over in
 every case.
 */
kja_status_t kja_connection_write_borrowed_start(kja_connection_t connection,
                                                 const void *data,
                                                 size_t size,
                                                 void *ctx,
                                                 kja_destroy_fn destroy,
                                                 kja_promise_t *out);

/*
 Writes bytes without copying them; the handle stays the caller's and may be released at once.
 */
kja_status_t kja_connection_write_bytes_start(kja_connection_t connection,
                                              kja_bytes_t bytes,
                                              kja_promise_t *out);

/*
 Writes several pieces as one, copied first. (STRM-11)
 */
kja_status_t kja_connection_writev_start(kja_connection_t connection,
                                         const kja_slice_t *slices,
                                         size_t count,
                                         kja_promise_t *out);

/*
 Has all that the writes started so far have written reach the other side, also what a compressor below would rather keep until it has
 more. Where nothing is kept it does nothing. Cancellation: one that waits behind writes does nothing, one that has begun is
 finished by the next write, flush or shutdown. (GZIP-04, BROT-04)
 */
kja_status_t kja_connection_flush_start(kja_connection_t connection,
                                        kja_promise_t *out);

/*
 Tells the peer, after the writes started so far, that nothing more will come. Later writes fail with `FAILED`, another
 shutdown succeeds. Reads go on. (STRM-15)
 */
kja_status_t kja_connection_shutdown_write_start(kja_connection_t connection,
                                                 kja_promise_t *out);

/*
 Stops reading for good: a pending read and all later ones see the end of the stream. (STRM-16)
 */
kja_status_t kja_connection_abort_read(kja_connection_t connection);

/*
 Fails pending and later writes with this kind (`KJA_ERR_*`), OS error number (or 0) and text. Whoever reads from the
 other end of a pipe in this process gets the error too; the peer of a TCP connection sees a reset when the connection
 is closed, those of other sockets and pipes a plain end. (STRM-14)
 */
kja_status_t kja_connection_abort_write(kja_connection_t connection,
                                        kja_status_t kind,
                                        int32_t os_error,
                                        const char *text,
                                        size_t text_len);

/*
 Settles with unit once writing would fail because the other side has gone; may be asked for many times. A peer that
 has only ended its own writing has not gone. Keeps the connection. (STRM-13)
 */
kja_status_t kja_connection_when_write_disconnected_start(kja_connection_t connection,
                                                          kja_promise_t *out);

/*
 How many bytes are left to read. Errors: `UNIMPLEMENTED` if that is not known, as for sockets. (STRM-04)
 */
kja_status_t kja_connection_length(kja_connection_t connection,
                                   uint64_t *out);

/*
 Moves bytes from one connection to the other on the loop, until the end of the stream or until `limit`
 bytes; the promise carries their number. It reads only as fast as it can write. Neither end is shut down.

 Errors: `BUSY` if a read is pending on `from`; those of both connections. What was read and could not be written is
 what the next read from `from` begins with. Cancellation: likewise; both connections stay usable. (STRM-05, STRM-06)
 */
kja_status_t kja_connection_pump_start(kja_connection_t from,
                                       kja_connection_t to,
                                       uint64_t limit,
                                       kja_promise_t *out);

/*
 Whether small writes go out at once; on by default.
 */
kja_status_t kja_connection_set_nodelay(kja_connection_t connection, bool on);

/*
 Reads a socket option (`getsockopt`) to `buffer`. Writes how many bytes the system gave to `length`, which may be null.
 Errors: `UNIMPLEMENTED` if the connection is no socket, otherwise what the system says, with its error number. (STRM-17)
 */
kja_status_t kja_connection_getsockopt(kja_connection_t connection,
                                       int32_t level,
                                       int32_t option,
                                       void *buffer,
                                       size_t capacity,
                                       size_t *length);

/*
 Sets a socket option (`setsockopt`). Errors: as `kja_connection_getsockopt`. (STRM-17)
 */
kja_status_t kja_connection_setsockopt(kja_connection_t connection,
                                       int32_t level,
                                       int32_t option,
                                       const void *value,
                                       size_t size);

/*
 Who is at the other end; a new handle, which outlives the connection. After the peer has gone it still tells who it
 was. A connection that is no socket has an unknown peer. (NET-12, NET-17, PEER-04, PEER-06)
 */
kja_status_t kja_connection_peer(kja_connection_t connection,
                                 kja_peer_t *out);

/*
 The address of this end; a new handle. Errors: `UNIMPLEMENTED` if the connection is no socket. (STRM-18)
 */
kja_status_t kja_connection_local_address(kja_connection_t connection,
                                          kja_address_t *out);

/*
 The address of the other end; a new handle. Errors: `UNIMPLEMENTED` if the connection is no socket, `DISCONNECTED` once
 the peer has reset it. (STRM-18)
 */
kja_status_t kja_connection_peer_address(kja_connection_t connection,
                                         kja_address_t *out);

/*
 Closes the socket now; pending operations reject with `CANCELED`. A second call succeeds.
 */
kja_status_t kja_connection_close(kja_connection_t connection);

/*
 Releases the handle. Pending operations keep the socket until they settle; without any it is closed.
 */
kja_status_t kja_connection_release(kja_connection_t connection);

/*
 Starts code that waits for one promise after another. `run` runs on the runtime's loop, behind what is queued there. Each
 time that it leaves a promise with `kja_call_await` it runs again once that has settled, with its outcome as the input;
 what else it leaves is the result, with which the coroutine ends. It keeps in `ctx` how far it is. It may be
 called from any thread and never blocks.

 With a promise as `first`, which stays the caller's, or else 0, the code counts as begun and waits for that
 first; `flags` are those of that wait, as for `kja_call_await`.

 Cancellation: when the result is cancelled or released, what the code waits for is dropped there and then. Code
 that has begun is not dropped: soon after, `run` runs once with `kja_call_is_canceled`, and may wait again for its
 clean-up, until it leaves something else than a promise, which nobody hears of. Code that has not begun never runs.
 A shutdown cancels every coroutine, and runs the code to its end, the youngest first; every wait then fails with
 `SHUTDOWN`, and code that goes on for ever keeps the loop from ending.

 Ownership: `ctx` is taken over in every case; `destroy` runs on the loop's thread after the code has ended,
 or inside a call that is refused. Errors: `SHUTDOWN`; `INVALID_ARGUMENT` for unknown flags. (PROM-33, FIBER-01)
 */
kja_status_t kja_coroutine_start(kja_runtime_t runtime,
                                 kja_promise_t first,
                                 uint32_t flags,
                                 kja_callback_fn run,
                                 void *ctx,
                                 kja_destroy_fn destroy,
                                 kja_promise_t *out);

/*
 Binds a datagram port to the first address behind it. `*` is every address of this machine: one port for both
 families, which sees IPv4 peers as `::ffff:a.b.c.d`. Port 0 has the system choose one. The file of a unix socket is removed
 with its port, unless somebody has put another in its place. Never blocks. Errors: `FAILED`
 with the OS error EADDRINUSE for a port in use. (NET-14)
 */
kja_status_t kja_address_bind_datagram(kja_address_t address,
                                       kja_datagram_t *out);

/*
 Sends `size` bytes as one datagram; `size` may be 0. `to` is where, or 0 on a port that is connected. It is sent in
 this call if the system has room for it, else it is copied and sent as soon as there is, after those that wait
 already; a unix socket may be short of room at the receiver's end too. The promise carries the number of bytes.

 Errors, none of which harms the port: `FAILED` with the OS error EMSGSIZE for what is too long, with EDESTADDRREQ
 without a destination; `DISCONNECTED` with ECONNREFUSED, on a connected port, if an earlier datagram found nobody.
 That it was sent does not say that it arrives. Cancellation: a datagram that still waits is not sent. (DGRAM-01)
 */
kja_status_t kja_datagram_send_start(kja_datagram_t port,
                                     const void *data,
                                     size_t size,
                                     kja_address_t to,
                                     kja_promise_t *out);

/*
 Sends one datagram if the system takes it at once and no other send waits, and makes no promise; whether it did goes to
 `sent`. If not, `kja_datagram_send_start` is for it. Any thread; never blocks. Otherwise as that. (DGRAM-01)
 */
kja_status_t kja_datagram_send_now(kja_datagram_t port,
                                   const void *data,
                                   size_t size,
                                   kja_address_t to,
                                   bool *sent);

/*
 As `kja_datagram_send_start`, to whom a message came from. Errors: also `UNIMPLEMENTED` for a message from a socket without a
 name. (DGRAM-01, DGRAM-06)
 */
kja_status_t kja_datagram_reply_start(kja_datagram_t port,
                                      const void *data,
                                      size_t size,
                                      kja_message_t to,
                                      kja_promise_t *out);

/*
 As `kja_datagram_send_now`, to whom a message came from. Errors: as `kja_datagram_reply_start`. (DGRAM-01, DGRAM-06)
 */
kja_status_t kja_datagram_reply_now(kja_datagram_t port,
                                    const void *data,
                                    size_t size,
                                    kja_message_t to,
                                    bool *sent);

/*
 As `kja_datagram_send_start`, one datagram of several pieces. (DGRAM-01)
 */
kja_status_t kja_datagram_sendv_start(kja_datagram_t port,
                                      const kja_slice_t *slices,
                                      size_t count,
                                      kja_address_t to,
                                      kja_promise_t *out);

/*
 Receives the next datagram; the promise carries a `kja_message_t`. `options` may be null. Several receives may be
 pending and are served in order.

 Errors: on a connected port `DISCONNECTED` with the OS error ECONNREFUSED if a datagram that was sent found nobody; the
 port stays usable. Cancellation: the datagram stays for the next receive, also if the promise carries it and nobody
 has learned of it when the last such promise is released.
 (DGRAM-02, DGRAM-03)
 */
kja_status_t kja_datagram_receive_start(kja_datagram_t port,
                                        const kja_datagram_options_t *options,
                                        kja_promise_t *out);

/*
 As `kja_datagram_receive_start`, with what has arrived behind the first datagram, `max` in all; the promise carries a
 `kja_message_list_t` of at least one. Errors: `INVALID_ARGUMENT` if `max` is 0. (DGRAM-03)
 */
kja_status_t kja_datagram_receive_many_start(kja_datagram_t port,
                                             const kja_datagram_options_t *options,
                                             size_t max,
                                             kja_promise_t *out);

/*
 Receives one datagram after another, each as `kja_datagram_receive_start`, and runs `on_message` on the loop for each, with the
 message as its input. What the callback returns decides:

 - unit: the next receive begins;
 - a promise: it is waited for first, and its outcome decides likewise;
 - any other value, or an error: the receiving ends, and that is the outcome of the promise.

 Other receives wait until it ends. While it waits it keeps room for one datagram. `destroy(ctx)` runs before the promise
 settles or its cancel returns. Up to 8 callbacks run in one turn of the loop.

 Errors: those of a receive end it. Cancellation: what has not been given to the callback stays for the next receive, and a
 promise that the last callback returned is dropped before `ctx` is. (DGRAM-02, DGRAM-03)
 */
kja_status_t kja_datagram_receive_each_start(kja_datagram_t port,
                                             const kja_datagram_options_t *options,
                                             kja_callback_fn on_message,
                                             void *ctx,
                                             kja_destroy_fn destroy,
                                             kja_promise_t *out);

/*
 From now on only this peer is heard, and it is sent to where no destination is given. Datagrams of others that have
 arrived are still received. May be called again for another peer. Never blocks.
 */
kja_status_t kja_datagram_connect(kja_datagram_t port,
                                  kja_address_t to);

/*
 The bound address, with the port that the system chose if 0 was asked for; a new handle. (DGRAM-08)
 */
kja_status_t kja_datagram_local_address(kja_datagram_t port, kja_address_t *out);

/*
 Reads a socket option (`getsockopt`) to `buffer`. Writes how many bytes the system gave to `length`, which may be
 null. Errors: what the system says, with its error number. (DGRAM-08)
 */
kja_status_t kja_datagram_getsockopt(kja_datagram_t port,
                                     int32_t level,
                                     int32_t option,
                                     void *buffer,
                                     size_t capacity,
                                     size_t *length);

/*
 Sets a socket option (`setsockopt`). Errors: as `kja_datagram_getsockopt`. (DGRAM-08)
 */
kja_status_t kja_datagram_setsockopt(kja_datagram_t port,
                                     int32_t level,
                                     int32_t option,
                                     const void *value,
                                     size_t size);

/*
 Closes the port now; pending sends and receives reject with `CANCELED`. A second call succeeds.
 */
kja_status_t kja_datagram_close(kja_datagram_t port);

/*
 Releases the handle. Pending sends and receives keep the port until they settle; without any it is closed.
 */
kja_status_t kja_datagram_release(kja_datagram_t port);

/*
 Wait scope: runs what is ready and looks at sockets and timers, without blocking, until nothing is left or
 `most` turns have been made; 0 for no such bound. Writes the number of turns; `turns` may be null.

 Errors: `WRONG_THREAD` off the owner's thread; `INVALID_ARGUMENT` for a runtime with a thread;
 `WOULD_DEADLOCK` inside a callback. (LOOP-08, LOOP-12)
 */
kja_status_t kja_runtime_poll(kja_runtime_t runtime,
                              uint64_t most,
                              uint64_t *turns);

/*
 Wait scope: runs what is queued, at most `most` turns (0 for no bound), without a look at sockets or timers,
 and writes the number of turns. `turns` may be null. Errors as for `kja_runtime_poll`. (LOOP-03)
 */
kja_status_t kja_runtime_turn(kja_runtime_t runtime,
                              uint64_t most,
                              uint64_t *turns);

/*
 Wait scope: turns the loop for `nanos` nanoseconds, or until `kja_runtime_wake`, and writes the number of
 turns. `turns` may be null. With virtual time it moves the clock on by `nanos`, as `kja_timer_advance` does.
 Errors as for `kja_runtime_poll`. (LOOP-11)
 */
kja_status_t kja_runtime_run(kja_runtime_t runtime,
                             uint64_t nanos,
                             uint64_t *turns);

/*
 Wait scope: writes the number of a descriptor for the loop of a host (epoll, poll, libuv, glib, asyncio). It is readable when there is
 something to do: something is queued, by whatever thread, a timer is due, or a socket has something to tell. Then, or at any other time,
 the host calls `kja_runtime_poll`, after which it is not readable until there is something again; no preparation is needed before the host
 sleeps, and signals and children may be waited for as well. It may tell of a socket for which nobody waits: such a poll makes no turn.
 With virtual time timers do not count.

 The descriptor is the runtime's: it must not be read, written or closed, and goes with a shutdown; take it out of the host's loop
 before. Errors: as for `kja_runtime_poll`; `UNIMPLEMENTED` without epoll, where `on_runnable` and `kja_timer_timeout_to_next` serve.
 (UNIX-15, UNIX-16)
 */
kja_status_t kja_runtime_pollable_fd(kja_runtime_t runtime,
                                     int32_t *out);

/*
 Has the `kja_runtime_run` that is under way, or else the next one, return early. Any thread. (LOOP-14)
 */
kja_status_t kja_runtime_wake(kja_runtime_t runtime);

/*
 Whether something is queued, so that `kja_runtime_turn` would do something. Any thread. (LOOP-04)
 */
bool kja_runtime_is_runnable(kja_runtime_t runtime);

/*
 Cancels every promise that was detached and is pending; they are gone when this returns. (LOOP-07)
 */
kja_status_t kja_runtime_cancel_detached(kja_runtime_t runtime);

/*
 Writes figures of the runtime. Any thread, never blocks. Works after a shutdown too.

 Errors: `INVALID_ARGUMENT` unless `size` is set.
 */
kja_status_t kja_runtime_stats(kja_runtime_t runtime, kja_runtime_stats_t *stats);

/*
 Writes two lower-case hexadecimal digits for each byte, with a closing NUL, cut to `capacity`. The whole length, without the
 NUL, goes to `length`, which may be null; `buffer` may be null if `capacity` is 0. So it is with every encoder here. Plain
 functions on bytes: any thread, nothing blocks, nothing to release. (ENC-05)

 ```c
 char text[2 * sizeof digest + 1];
 kja_hex_encode(digest, sizeof digest, text, sizeof text, NULL);
 ```
 */
kja_status_t kja_hex_encode(const void *data,
                            size_t size,
                            char *buffer,
                            size_t capacity,
                            size_t *length);

/*
 Writes the bytes that hexadecimal digits of either case stand for, cut to `capacity`, their whole number to `length` and whether
 the text had errors to `had_errors`; both may be null. If `capacity` leaves room a NUL follows, which is not counted. So it is
 with every decoder here: none of them fails for what is in the text, it repairs it. Here a character that is no digit counts as
 0, and a last digit without a second one is the upper half of a byte. (ENC-01, ENC-05)
 */
kja_status_t kja_hex_decode(const char *text,
                            size_t text_len,
                            void *buffer,
                            size_t capacity,
                            size_t *length,
                            bool *had_errors);

/*
 Writes bytes as base64 in the standard alphabet, with padding. With `break_lines` in lines of 72 columns, each of which ends with
 a line feed, the last one too. (ENC-11)
 */
kja_status_t kja_base64_encode(const void *data,
                               size_t size,
                               bool break_lines,
                               char *buffer,
                               size_t capacity,
                               size_t *length);

/*
 Writes the bytes that base64 in the standard alphabet stands for. White space is ignored; padding may be left out. By the rules of
 the WHATWG's forgiving decoder these are errors: any other character, which is skipped, wrong padding, and a character too many
 at the end. (ENC-01, ENC-12)

 ```c
 unsigned char key[32];
 size_t length = 0;
 bool had_errors = true;
 kja_base64_decode(text, strlen(text), key, sizeof key, &length, &had_errors);
 if (had_errors || length != sizeof key) ... // no key
 ```
 */
kja_status_t kja_base64_decode(const char *text,
                               size_t text_len,
                               void *buffer,
                               size_t capacity,
                               size_t *length,
                               bool *had_errors);

/*
 Writes bytes as base64 in the alphabet for URLs, with `-` and `_`, without padding. (ENC-13)
 */
kja_status_t kja_base64_encode_url(const void *data,
                                   size_t size,
                                   char *buffer,
                                   size_t capacity,
                                   size_t *length);

/*
 As `kja_base64_decode`, in the alphabet for URLs, with or without padding. (ENC-01, ENC-13)
 */
kja_status_t kja_base64_decode_url(const char *text,
                                   size_t text_len,
                                   void *buffer,
                                   size_t capacity,
                                   size_t *length,
                                   bool *had_errors);

/*
 Writes bytes with `%` and two upper-case digits for each one that the set, one of `KJA_PERCENT_`, does not leave as it is. Errors:
 `INVALID_ARGUMENT` for another set. (ENC-06, ENC-07, ENC-08)
 */
kja_status_t kja_percent_encode(const void *data,
                                size_t size,
                                uint32_t set,
                                char *buffer,
                                size_t capacity,
                                size_t *length);

/*
 Writes the bytes that a text with `%` stands for, of whatever set; with `plus_to_space`, as in forms, a `+` is a space. A `%` that
 two digits do not follow is an error and stays as it is. The bytes need not be UTF-8. (ENC-01, ENC-06, ENC-08, ENC-09)
 */
kja_status_t kja_percent_decode(const char *text,
                                size_t text_len,
                                bool plus_to_space,
                                void *buffer,
                                size_t capacity,
                                size_t *length,
                                bool *had_errors);

/*
 Writes a text with the escapes of C for quotes, backslashes and controls; those without one of their own in octal, never in
 hexadecimal, which would go on into digits that follow. What is not ASCII stays as it is, or is escaped in octal with `binary`.
 (ENC-10)
 */
kja_status_t kja_c_escape_encode(const void *data,
                                 size_t size,
                                 bool binary,
                                 char *buffer,
                                 size_t capacity,
                                 size_t *length);

/*
 Writes the bytes that a text with the escapes of C stands for. An escape that C does not have is an error and stands for its
 character; so is a number that is too large, of which the lower byte counts, too few digits behind `\u` and `\U`, a surrogate,
 and a backslash at the end. (ENC-01, ENC-10)
 */
kja_status_t kja_c_escape_decode(const char *text,
                                 size_t text_len,
                                 void *buffer,
                                 size_t capacity,
                                 size_t *length,
                                 bool *had_errors);

/*
 Writes UTF-8 as UTF-16 in the machine's byte order, with a closing 0, cut to `capacity` units; the whole number of units, without
 the 0, goes to `length` and whether the text had errors to `had_errors`; both may be null. Unpaired surrogates in three bytes, as
 `kja_utf16_decode` writes them, are errors and stay; a malformed sequence becomes U+FFFD, and so does the second of two
 surrogates that would become a pair. No byte order mark is added or taken away. (ENC-01, ENC-02)
 */
kja_status_t kja_utf16_encode(const char *text,
                              size_t text_len,
                              uint16_t *buffer,
                              size_t capacity,
                              size_t *length,
                              bool *had_errors);

/*
 Writes UTF-16 in the machine's byte order as UTF-8, with a closing NUL, cut to `capacity` bytes, perhaps inside a character; the
 whole length, without the NUL, goes to `length`, which may be null, and whether there were unpaired surrogates to `had_errors`,
 which may be null too. They are written in three bytes (WTF-8), so that encoding the result gives the same units. (ENC-01, ENC-03)
 */
kja_status_t kja_utf16_decode(const uint16_t *units,
                              size_t count,
                              char *buffer,
                              size_t capacity,
                              size_t *length,
                              bool *had_errors);

/*
 As `kja_utf16_encode`, to UTF-32. (ENC-01, ENC-02)
 */
kja_status_t kja_utf32_encode(const char *text,
                              size_t text_len,
                              uint32_t *buffer,
                              size_t capacity,
                              size_t *length,
                              bool *had_errors);

/*
 As `kja_utf16_decode`, from UTF-32. What is past U+10FFFF is an error and becomes U+FFFD. (ENC-01, ENC-03)
 */
kja_status_t kja_utf32_decode(const uint32_t *codes,
                              size_t count,
                              char *buffer,
                              size_t capacity,
                              size_t *length,
                              bool *had_errors);

/*
 The version of the library, as `major.minor.patch`. The text lives for ever.
 */
const char *kja_version(void);

/*
 The version of the library's interface. It grows when something is added, see doc/abi.md.
 */
uint32_t kja_abi_version(void);

/*
 The name of a status, such as "TIMED_OUT"; "UNKNOWN" for a number that is none. The text lives for ever.
 */
const char *kja_status_name(kja_status_t status);

/*
 The kind that an error of the system with this number (`errno`) has, unless whoever makes it says otherwise: `FAILED` for
 most of them, and for what is no such number. (EXC-01)
 */
kja_status_t kja_status_of_os_error(int32_t os_error);

/*
 The status of the latest call on this thread that failed; `KJA_OK` if none has. Calls that succeed do
 not change it. (EXC-01)
 */
kja_status_t kja_last_error_status(void);

/*
 The OS error number (`errno`) behind this thread's last error; 0 if there was none.
 */
int32_t kja_last_error_os(void);

/*
 Copies the text of this thread's last error to `buffer`, cut to `capacity` bytes with a closing NUL.
 Returns the length of the whole text without the NUL. `buffer` may be null if `capacity` is 0. (EXC-02)
 */
size_t kja_last_error_text(char *buffer,
                           size_t capacity);

/*
 How many handles are live in the process: 0 when everything has been released.
 */
uint64_t kja_handle_count(void);

/*
 Makes an error of this kind (`KJA_ERR_*`), OS error number (or 0) and text. (EXC-02)
 */
kja_status_t kja_error_new(kja_status_t kind,
                           int32_t os_error,
                           const char *text,
                           size_t text_len,
                           kja_error_t *out);

/*
 This thread's last error, with all that it carries. Errors: `FAILED` if there has been none.
 */
kja_status_t kja_last_error_object(kja_error_t *out);

/*
 The error of a promise that has failed. Errors: `PENDING`; `WRONG_TYPE` if it has a value.
 */
kja_status_t kja_promise_error_object(kja_promise_t promise, kja_error_t *out);

/*
 The input of a callback, if it is an error. Errors: `WRONG_TYPE` if it is a value.
 */
kja_status_t kja_call_error_object(kja_call_t call, kja_error_t *out);

/*
 The callback fails with this error; the handle stays the caller's.
 */
kja_status_t kja_call_return_error_object(kja_call_t call, kja_error_t error);

/*
 Rejects the promise with this error; the handle stays the caller's. (FULF-02)
 */
kja_status_t kja_fulfiller_error_object(kja_fulfiller_t fulfiller, kja_error_t error);

/*
 As `kja_canceler_cancel`, with this error; the handle stays the caller's. (CANC-02, EXC-07)
 */
kja_status_t kja_canceler_cancel_error_object(kja_canceler_t canceler, kja_error_t error);

/*
 As `kja_queue_reject_all`, with this error; the handle stays the caller's. (QUEUE-05, EXC-07)
 */
kja_status_t kja_queue_reject_all_error_object(kja_queue_t queue, kja_error_t error);

/*
 As `kja_queue_reject_oldest`, with this error; the handle stays the caller's. (QUEUE-01, EXC-07)
 */
kja_status_t kja_queue_reject_oldest_error_object(kja_queue_t queue, kja_error_t error);

/*
 As `kja_connection_abort_write`, with this error; the handle stays the caller's. (STRM-14, EXC-07)
 */
kja_status_t kja_connection_abort_write_error_object(kja_connection_t connection,
                                                     kja_error_t error);

/*
 A promise that has failed with this error; the handle stays the caller's. (PROM-03)
 */
kja_status_t kja_promise_new_error_object(kja_runtime_t runtime,
                                          kja_error_t error,
                                          kja_promise_t *out);

/*
 The kind of an error, `KJA_ERR_*`, and its OS error number, 0 for none. Either out-parameter may be null.
 */
kja_status_t kja_error_kind(kja_error_t error,
                            kja_status_t *kind,
                            int32_t *os_error);

/*
 Copies the text of an error with a closing NUL, cut to `capacity`. Writes its whole length, without the NUL, to
 `length`, which may be null. (EXC-02)
 */
kja_status_t kja_error_text(kja_error_t error,
                            char *buffer,
                            size_t capacity,
                            size_t *length);

/*
 The same error with one more place on its way: a file, a line, and what was being done there, which may be empty.
 (EXC-02, EXC-04)
 */
kja_status_t kja_error_with_context(kja_error_t error,
                                    const char *file,
                                    size_t file_len,
                                    uint32_t line,
                                    const char *text,
                                    size_t text_len,
                                    kja_error_t *out);

/*
 Copies the places that an error passed as text, a line `file:line: text` for each, the latest first. Otherwise as
 `kja_error_text`. (EXC-04)
 */
kja_status_t kja_error_context(kja_error_t error,
                               char *buffer,
                               size_t capacity,
                               size_t *length);

/*
 The same error with `size` bytes, copied, under an id of the caller's, in place of what was there. (EXC-07)
 */
kja_status_t kja_error_with_detail(kja_error_t error,
                                   uint64_t id,
                                   const void *data,
                                   size_t size,
                                   kja_error_t *out);

/*
 The same error without what is under this id. (EXC-07)
 */
kja_status_t kja_error_without_detail(kja_error_t error, uint64_t id, kja_error_t *out);

/*
 The bytes under this id; a new handle. Errors: `FAILED` if there are none. (EXC-07)
 */
kja_status_t kja_error_detail(kja_error_t error, uint64_t id, kja_bytes_t *out);

/*
 Writes up to `capacity` ids under which there are bytes to `ids`, in the order in which they were set, and how many
 there are in all to `count`. `ids` may be null if `capacity` is 0. (EXC-07)
 */
kja_status_t kja_error_detail_ids(kja_error_t error,
                                  uint64_t *ids,
                                  size_t capacity,
                                  size_t *count);

/*
 Another handle for the same error. (EXC-03)
 */
kja_status_t kja_error_clone(kja_error_t error, kja_error_t *out);

/*
 Releases the handle.
 */
kja_status_t kja_error_release(kja_error_t error);

/*
 Makes an event that has not happened.
 */
kja_status_t kja_event_new(kja_runtime_t runtime, kja_event_t *out);

/*
 Lets it happen: everyone who waits for it, or will, learns of it. Later calls succeed and do nothing. Any thread.
 */
kja_status_t kja_event_set(kja_event_t event);

/*
 Whether it has happened; false for a handle that is none.
 */
bool kja_event_is_set(kja_event_t event);

/*
 Settles with unit once it has happened, at once if it has. Cancellation: this waiter leaves, the others stay.
 Releasing the event rejects its waiters with `FAILED`.
 */
kja_status_t kja_event_wait_start(kja_event_t event,
                                  kja_promise_t *out);

/*
 Releases the handle.
 */
kja_status_t kja_event_release(kja_event_t event);

/*
 Another handle for the same loop. (EXEC-02)
 */
kja_status_t kja_executor_clone(kja_executor_t executor, kja_executor_t *out);

/*
 Whether the loop runs; true is a hint, it may end the next moment. (EXEC-03)
 */
bool kja_executor_is_live(kja_executor_t executor);

/*
 Runs a callback on the loop; the promise settles with what it returns. Calls from one thread start in
 the order in which they were made. From any thread; never blocks.

 Ownership: `ctx` is taken over in every case; `destroy` runs once the callback has run or never will.
 Errors: `SHUTDOWN` if the loop is gone. Cancellation: a callback that has not begun never runs. (EXEC-04, EXEC-08, EXEC-09)
 */
kja_status_t kja_executor_execute_start(kja_executor_t executor,
                                        kja_callback_fn run,
                                        void *ctx,
                                        kja_destroy_fn destroy,
                                        kja_promise_t *out);

/*
 As `kja_executor_execute_start`, once the loop has nothing else queued; of several the latest comes first. (PROM-25)
 */
kja_status_t kja_executor_execute_last_start(kja_executor_t executor,
                                             kja_callback_fn run,
                                             void *ctx,
                                             kja_destroy_fn destroy,
                                             kja_promise_t *out);

/*
 Runs a callback on the loop and blocks until it, and a promise that it returns, are done. The status is
 that of the result. On the loop's own thread the callback runs at once, and a pending promise as its
 result is an error (`WOULD_DEADLOCK`). Ownership as above. (EXEC-07)
 */
kja_status_t kja_executor_execute(kja_executor_t executor,
                                  kja_callback_fn run,
                                  void *ctx,
                                  kja_destroy_fn destroy);

/*
 Releases the handle.
 */
kja_status_t kja_executor_release(kja_executor_t executor);

/*
 Makes an observer of a copy of the descriptor, or with `KJA_FD_TAKE` of the descriptor itself, which is then closed with the
 observer. Several may observe one descriptor.

 Errors: `FAILED` with EBADF for one that is not open; `UNIMPLEMENTED` for what cannot be polled, such as a regular file;
 `INVALID_ARGUMENT` for other flags. (UNIX-09)
 */
kja_status_t kja_fd_observer_new(kja_runtime_t runtime,
                                 int32_t fd,
                                 uint32_t flags,
                                 kja_fd_observer_t *out);

/*
 Waits until the descriptor is as `what` says, `KJA_FD_READABLE` and so on; at once if it is. It holds the observer. Where the
 program reads until EAGAIN and then waits, nothing is missed.

 Errors: `DISCONNECTED` if urgent data is waited for and none can come any more; `INVALID_ARGUMENT` for anything else to wait
 for. Cancellation: this waiter leaves. (UNIX-10, UNIX-11, UNIX-12, UNIX-13)
 */
kja_status_t kja_fd_observer_when_start(kja_fd_observer_t observer,
                                        uint32_t what,
                                        kja_promise_t *out);

/*
 Writes whether the end of what can be read has come: `KJA_AT_END_*`. Never blocks. (UNIX-14)
 */
kja_status_t kja_fd_observer_at_end(kja_fd_observer_t observer, uint32_t *out);

/*
 Releases the handle. Pending waits keep the observer.
 */
kja_status_t kja_fd_observer_release(kja_fd_observer_t observer);

/*
 Opens the root of all that there is. For a program's `main`, which gives parts of it away. (FS-18)
 */
kja_status_t kja_filesystem_root(kja_directory_t *out);

/*
 Opens the directory that the process is in. (FS-18)
 */
kja_status_t kja_filesystem_current(kja_directory_t *out);

/*
 Writes the path of that directory from the root, with a closing NUL, cut to `capacity`; its whole length goes to `length`, which may be null.
 (FS-18)
 */
kja_status_t kja_filesystem_current_path(char *buffer,
                                         size_t capacity,
                                         size_t *length);

/*
 Makes a directory of a descriptor; flags as `kja_file_from_fd`. Errors: `FAILED` with the OS error EBADF or ENOTDIR. (FS-20)
 */
kja_status_t kja_directory_from_fd(int32_t fd,
                                   uint32_t flags,
                                   kja_directory_t *out);

/*
 Makes an empty directory in the memory of the process, for tests: it does all that one on disk does. `now` tells the times of what is made
 and changed in it; null for the machine's clock. (FS-19)
 */
kja_status_t kja_directory_new_in_memory(kja_clock_fn now,
                                         void *ctx,
                                         kja_destroy_fn destroy,
                                         kja_directory_t *out);

/*
 The number of its descriptor, which stays the directory's; see `kja_file_fd`. (FS-05)
 */
kja_status_t kja_directory_fd(kja_directory_t directory, int32_t *out);

/*
 Another handle of the same directory. (FS-05)
 */
kja_status_t kja_directory_clone(kja_directory_t directory, kja_directory_t *out);

/*
 Writes what is known about it to `out`, whose `size` is set. (FS-05)
 */
kja_status_t kja_directory_stat(kja_directory_t directory, kja_file_stat_t *out);

/*
 Waits until the names in it are on the disk. (FS-05)
 */
kja_status_t kja_directory_sync(kja_directory_t directory);

/*
 As `kja_directory_sync`, on a thread of the pool.
 */
kja_status_t kja_directory_sync_start(kja_directory_t directory,
                                      kja_runtime_t runtime,
                                      kja_promise_t *out);

/*
 Lists what is in it, sorted by name: bytes that hold for each a byte with its kind (`KJA_NODE_FILE` or another), its name, and a NUL. What
 waits to be committed is not among it. (FS-11)
 */
kja_status_t kja_directory_list(kja_directory_t directory,
                                kja_bytes_t *out);

/*
 As `kja_directory_list`, on a thread of the pool; the promise carries the bytes. (FS-11)
 */
kja_status_t kja_directory_list_start(kja_directory_t directory,
                                      kja_runtime_t runtime,
                                      kja_promise_t *out);

/*
 Looks at what stands there, be it a link that leads nowhere, and writes it to `out`, which may be null to ask only whether there is
 something: that goes to `found`. If `found` is null, it is an error that there is nothing: `FAILED` with the OS error ENOENT. (FS-11)
 */
kja_status_t kja_directory_lstat(kja_directory_t directory,
                                 const char *path,
                                 size_t path_len,
                                 kja_file_stat_t *out,
                                 bool *found);

/*
 What a symbolic link says, as bytes. Errors: `FAILED` with the OS error ENOENT, or EINVAL for what is no link. (FS-11)
 */
kja_status_t kja_directory_readlink(kja_directory_t directory,
                                    const char *path,
                                    size_t path_len,
                                    kja_bytes_t *out);

/*
 Opens a file. `mode` is 0 to read it only, or `KJA_WRITE_CREATE`, `KJA_WRITE_MODIFY` or both, to which `KJA_WRITE_CREATE_PARENT`,
 `KJA_WRITE_EXECUTABLE`, `KJA_WRITE_PRIVATE`, `KJA_OPEN_APPEND` may be added; `KJA_OPEN_TRY` with any. Errors: `FAILED` with the OS error
 ENOENT or EEXIST if the mode does not fit what is there, EISDIR for a directory. (FS-12, FS-13, FS-16)

 ```c
 kja_directory_open_file(directory, "log/today", 9, KJA_WRITE_CREATE | KJA_WRITE_MODIFY | KJA_WRITE_CREATE_PARENT | KJA_OPEN_APPEND, &file);
 kja_file_append(file, "hello\n", 6);
 ```
 */
kja_status_t kja_directory_open_file(kja_directory_t directory,
                                     const char *path,
                                     size_t path_len,
                                     uint32_t mode,
                                     kja_file_t *out);

/*
 As `kja_directory_open_file`, on a thread of the pool; the promise carries a `kja_file_t`. (FS-12, FS-13, FS-16)
 */
kja_status_t kja_directory_open_file_start(kja_directory_t directory,
                                           kja_runtime_t runtime,
                                           const char *path,
                                           size_t path_len,
                                           uint32_t mode,
                                           kja_promise_t *out);

/*
 Opens a directory; `mode` as for `kja_directory_open_file`, without `KJA_OPEN_APPEND`. Errors: as there, and ENOTDIR for something
 else. (FS-12, FS-13)
 */
kja_status_t kja_directory_open_directory(kja_directory_t directory,
                                          const char *path,
                                          size_t path_len,
                                          uint32_t mode,
                                          kja_directory_t *out);

/*
 As `kja_directory_open_directory`, on a thread of the pool; the promise carries a `kja_directory_t`. (FS-12, FS-13)
 */
kja_status_t kja_directory_open_directory_start(kja_directory_t directory,
                                                kja_runtime_t runtime,
                                                const char *path,
                                                size_t path_len,
                                                uint32_t mode,
                                                kja_promise_t *out);

/*
 Makes a file without a name, which is gone with its last handle. (FS-15)
 */
kja_status_t kja_directory_create_temporary(kja_directory_t directory, kja_file_t *out);

/*
 Makes a symbolic link that says `target`, whatever that leads to. `mode` is of `KJA_WRITE_`. Whether it was made goes to `done`; if that is
 null, a mode that does not fit what is there is an error, as in `kja_directory_open_file`. (FS-17)
 */
kja_status_t kja_directory_symlink(kja_directory_t directory,
                                   const char *path,
                                   size_t path_len,
                                   const char *target,
                                   size_t target_len,
                                   uint32_t mode,
                                   bool *done);

/*
 Has what stands at `from_path` in `from` stand at `path` in `directory`, as `how` says: `KJA_TRANSFER_MOVE` or another. `mode` is of
 `KJA_WRITE_` and says what may be there; it is replaced in one step, and a copy appears as a whole. From disk to disk, and between disk and
 memory, a move is a copy and then a removal. `done` as in `kja_directory_symlink`. Errors: `FAILED` with the OS error ENOENT if there is
 nothing to transfer, EPERM to link a directory, EINVAL to move one into itself; `UNIMPLEMENTED` to link from disk to disk; `OVERLOADED` to copy
 directories more than 512 deep. (FS-17)
 */
kja_status_t kja_directory_transfer(kja_directory_t directory,
                                    const char *path,
                                    size_t path_len,
                                    uint32_t mode,
                                    kja_directory_t from,
                                    const char *from_path,
                                    size_t from_path_len,
                                    uint32_t how,
                                    bool *done);

/*
 As `kja_directory_transfer`, on a thread of the pool; the promise carries 1 if it was done, otherwise 0. (FS-17)
 */
kja_status_t kja_directory_transfer_start(kja_directory_t directory,
                                          kja_runtime_t runtime,
                                          const char *path,
                                          size_t path_len,
                                          uint32_t mode,
                                          kja_directory_t from,
                                          const char *from_path,
                                          size_t from_path_len,
                                          uint32_t how,
                                          kja_promise_t *out);

/*
 Removes what stands there, with all that is in it. A symbolic link is not followed. Whether there was something goes to `done`; if that is
 null, it is an error that there was nothing: `FAILED` with the OS error ENOENT. If it fails a part may have been removed. (FS-17)
 */
kja_status_t kja_directory_remove(kja_directory_t directory,
                                  const char *path,
                                  size_t path_len,
                                  bool *done);

/*
 As `kja_directory_remove`, on a thread of the pool; the promise carries 1 if there was something, otherwise 0. (FS-17)
 */
kja_status_t kja_directory_remove_start(kja_directory_t directory,
                                        kja_runtime_t runtime,
                                        const char *path,
                                        size_t path_len,
                                        kja_promise_t *out);

/*
 Releases the handle. What was opened through it stays open.
 */
kja_status_t kja_directory_release(kja_directory_t directory);

/*
 Makes a file of a descriptor. `flags` is `KJA_FD_BORROW`, and then the file has a copy, or `KJA_FD_TAKE`, and then it is the library's, also
 if the call fails. Its offset is neither used nor moved. Errors: `FAILED` with the OS error EBADF or EISDIR. (FS-20)
 */
kja_status_t kja_file_from_fd(int32_t fd,
                              uint32_t flags,
                              kja_file_t *out);

/*
 Makes an empty file in the memory of the process, whose times `now` tells; null for the machine's clock. (FS-19)
 */
kja_status_t kja_file_new_in_memory(kja_clock_fn now,
                                    void *ctx,
                                    kja_destroy_fn destroy,
                                    kja_file_t *out);

/*
 Makes an empty file of the system's that has no name and is on no disk (`memfd_create`), with a descriptor that others can be given. Errors:
 `UNIMPLEMENTED` where the system has none, as macOS. (FS-19)
 */
kja_status_t kja_file_new_anonymous(kja_file_t *out);

/*
 The number of its descriptor, which stays the file's: it must not be closed, and is of no use once all handles of the file are released.
 Errors: `UNIMPLEMENTED` for a file in the memory of the process. (FS-05)
 */
kja_status_t kja_file_fd(kja_file_t file,
                         int32_t *out);

/*
 Another handle of the same open file. (FS-05)
 */
kja_status_t kja_file_clone(kja_file_t file, kja_file_t *out);

/*
 Writes what is known about it to `out`, whose `size` is set. (FS-05)
 */
kja_status_t kja_file_stat(kja_file_t file, kja_file_stat_t *out);

/*
 Waits until what was written is on the disk, and, unless it is `data_only`, also what is known about the file. (FS-05)
 */
kja_status_t kja_file_sync(kja_file_t file,
                           bool data_only);

/*
 As `kja_file_sync`, on a thread of the pool.
 */
kja_status_t kja_file_sync_start(kja_file_t file,
                                 kja_runtime_t runtime,
                                 bool data_only,
                                 kja_promise_t *out);

/*
 Reads from `offset` on into `buffer`: `size` bytes, or fewer if the file ends before. How many goes to `length`. Errors: `FAILED` with the OS
 error EBADF for a file that was opened to be appended to. (FS-06)
 */
kja_status_t kja_file_read(kja_file_t file,
                           uint64_t offset,
                           void *buffer,
                           size_t size,
                           size_t *length);

/*
 Reads `size` bytes from `offset` on, or fewer if the file ends before, on a thread of the pool; the promise carries bytes. (FS-06)
 */
kja_status_t kja_file_read_start(kja_file_t file,
                                 kja_runtime_t runtime,
                                 uint64_t offset,
                                 size_t size,
                                 kja_promise_t *out);

/*
 Reads all of it. Errors: `OVERLOADED` for more than `limit` bytes. (FS-06)
 */
kja_status_t kja_file_read_all(kja_file_t file, size_t limit, kja_bytes_t *out);

/*
 As `kja_file_read_all`, on a thread of the pool; the promise carries bytes. (FS-06)
 */
kja_status_t kja_file_read_all_start(kja_file_t file,
                                     kja_runtime_t runtime,
                                     size_t limit,
                                     kja_promise_t *out);

/*
 Writes all of it at `offset`. The file grows as needed, and a gap before is zeros. If it fails a part may have been written. A size
 beyond what the process may give a file (RLIMIT_FSIZE) is an error and no signal. Errors: `OVERLOADED` with the OS error ENOSPC for a full
 disk; `INVALID_ARGUMENT` for a file that was opened to be appended to. (FS-09)
 */
kja_status_t kja_file_write(kja_file_t file,
                            uint64_t offset,
                            const void *data,
                            size_t size);

/*
 As `kja_file_write`, of a copy of the bytes, on a thread of the pool. Several at once come in any order. (FS-09)
 */
kja_status_t kja_file_write_start(kja_file_t file,
                                  kja_runtime_t runtime,
                                  uint64_t offset,
                                  const void *data,
                                  size_t size,
                                  kja_promise_t *out);

/*
 Has the file be these bytes and nothing else. Errors: as `kja_file_write`. What is to be seen as a whole or not at all goes through
 `kja_directory_replace_file`. (FS-09)
 */
kja_status_t kja_file_write_all(kja_file_t file,
                                const void *data,
                                size_t size);

/*
 Writes all of it at the end. If the file was opened with `KJA_OPEN_APPEND`, nothing that others append comes in between; otherwise that is
 so among the handles that were cloned from one another. (FS-08, FS-20)
 */
kja_status_t kja_file_append(kja_file_t file,
                             const void *data,
                             size_t size);

/*
 As `kja_file_append`, of a copy of the bytes, on a thread of the pool. Several at once come in any order. (FS-08)
 */
kja_status_t kja_file_append_start(kja_file_t file,
                                   kja_runtime_t runtime,
                                   const void *data,
                                   size_t size,
                                   kja_promise_t *out);

/*
 Has `size` bytes at `offset` be zeros; the file grows as needed, and gives back its room on the disk where it can. (FS-09)
 */
kja_status_t kja_file_zero(kja_file_t file,
                           uint64_t offset,
                           uint64_t size);

/*
 Gives it this size: what is behind is cut off, what is missing is zeros. (FS-09)
 */
kja_status_t kja_file_truncate(kja_file_t file, uint64_t size);

/*
 Copies `size` bytes from `from_offset` of `from` to `offset` here, or fewer if `from` ended before that when this began; how many goes to
 `copied`, which may be null. The system does it, sharing the room on the disk, where it can. Of parts of one file that overlap it
 is not said what comes out. (FS-09)
 */
kja_status_t kja_file_copy(kja_file_t file,
                           uint64_t offset,
                           kja_file_t from,
                           uint64_t from_offset,
                           uint64_t size,
                           uint64_t *copied);

/*
 As `kja_file_copy`, on a thread of the pool; the promise carries the number. (FS-09)
 */
kja_status_t kja_file_copy_start(kja_file_t file,
                                 kja_runtime_t runtime,
                                 uint64_t offset,
                                 kja_file_t from,
                                 uint64_t from_offset,
                                 uint64_t size,
                                 kja_promise_t *out);

/*
 The file as a connection, read and written from `offset` on, as by `kja_connection_from_file`. To a file that was opened with
 `KJA_OPEN_APPEND` all is written at its end. The file's handle stays the caller's. Errors: `UNIMPLEMENTED` for a file in the memory of the
 process and for what is no regular file. (FS-08)
 */
kja_status_t kja_file_connection(kja_file_t file,
                                 kja_runtime_t runtime,
                                 uint64_t offset,
                                 kja_connection_t *out);

/*
 Releases the handle; the file is closed with its last.
 */
kja_status_t kja_file_release(kja_file_t file);

/*
 Maps a part of the file to memory, which stays until the mapping is released. It may end behind the file; whoever touches memory behind the
 end, or what somebody cuts off later, is killed by the system (SIGBUS). `kind` is `KJA_MAP_SHARED`, `KJA_MAP_PRIVATE` or
 `KJA_MAP_WRITABLE`. Of a file in the memory of the process a mapping is a copy: it shows what was there when it was made, and
 `kja_file_mapping_changed` writes back. Errors: `FAILED` with the OS error EACCES or EBADF for a file that was not opened for that.
 (FS-07, FS-10)
 */
kja_status_t kja_file_map(kja_file_t file,
                          uint32_t kind,
                          uint64_t offset,
                          size_t size,
                          kja_file_mapping_t *out);

/*
 Where the memory is and how many bytes; valid until the mapping is released. Either out-parameter may be null. (FS-07, FS-10)
 */
kja_status_t kja_file_mapping_data(kja_file_mapping_t mapping,
                                   void **data,
                                   size_t *size);

/*
 Says that `size` bytes at `offset` of the mapping were written; without that it is open whether others see it. Nobody writes there during
 the call. Errors: `INVALID_ARGUMENT` if there are no such bytes, and for a mapping that is not `KJA_MAP_WRITABLE`. (FS-10)
 */
kja_status_t kja_file_mapping_changed(kja_file_mapping_t mapping,
                                      size_t offset,
                                      size_t size);

/*
 As `kja_file_mapping_changed`, and waits until they are on the disk. (FS-10)
 */
kja_status_t kja_file_mapping_sync(kja_file_mapping_t mapping, size_t offset, size_t size);

/*
 Releases the handle and gives the memory back, which nobody uses any more.
 */
kja_status_t kja_file_mapping_release(kja_file_mapping_t mapping);

/*
 Reads a path and writes it as it is kept, with a closing NUL, cut to `capacity`; the whole length goes to `length`, which may be null. So it
 is with every path here, and every function that takes a path reads it like this. Names between slashes, in any encoding; empty ones and
 `.` are left out. Plain functions on bytes: any thread, nothing blocks. Errors: `INVALID_ARGUMENT` for a leading slash, for `..`
 and for a NUL. (FS-01, FS-02)

 ```c
 char path[100];
 kja_path_parse("./a//b/", 7, path, sizeof path, NULL); // a/b
 ```
 */
kja_status_t kja_path_parse(const char *text,
                            size_t text_len,
                            char *buffer,
                            size_t capacity,
                            size_t *length);

/*
 What the system would take a text for, seen from a path: a leading slash begins at the root anew, `..` takes a name away. Symbolic links
 are not looked at. Not for texts that are not trusted: they may come out anywhere below the directory in which the result is
 used. Errors: as `kja_path_parse`, and `INVALID_ARGUMENT` for `..` where nothing is left. (FS-02)
 */
kja_status_t kja_path_eval(const char *base,
                           size_t base_len,
                           const char *text,
                           size_t text_len,
                           char *buffer,
                           size_t capacity,
                           size_t *length);

/*
 One path behind another. Errors: as `kja_path_parse`. (FS-02)
 */
kja_status_t kja_path_append(const char *base,
                             size_t base_len,
                             const char *more,
                             size_t more_len,
                             char *buffer,
                             size_t capacity,
                             size_t *length);

/*
 How many names a path has. (FS-01)
 */
kja_status_t kja_path_count(const char *path, size_t path_len, size_t *out);

/*
 The names from `start` up to, not including, `end`. Errors: `INVALID_ARGUMENT` if there are no such names, otherwise as
 `kja_path_parse`. (FS-03)
 */
kja_status_t kja_path_slice(const char *path,
                            size_t path_len,
                            size_t start,
                            size_t end,
                            char *buffer,
                            size_t capacity,
                            size_t *length);

/*
 The last name. Errors: `INVALID_ARGUMENT` if there is none, otherwise as `kja_path_parse`. (FS-03)
 */
kja_status_t kja_path_basename(const char *path,
                               size_t path_len,
                               char *buffer,
                               size_t capacity,
                               size_t *length);

/*
 The path without its last name. Errors: as `kja_path_basename`. (FS-03)
 */
kja_status_t kja_path_parent(const char *path,
                             size_t path_len,
                             char *buffer,
                             size_t capacity,
                             size_t *length);

/*
 Whether a path begins with the names of another. (FS-03)
 */
kja_status_t kja_path_starts_with(const char *path,
                                  size_t path_len,
                                  const char *head,
                                  size_t head_len,
                                  bool *out);

/*
 Whether a path ends with the names of another. (FS-03)
 */
kja_status_t kja_path_ends_with(const char *path,
                                size_t path_len,
                                const char *tail,
                                size_t tail_len,
                                bool *out);

/*
 Compares name by name, as bytes: -1, 0 or 1 goes to `out`. (FS-03)
 */
kja_status_t kja_path_compare(const char *path,
                              size_t path_len,
                              const char *other,
                              size_t other_len,
                              int32_t *out);

/*
 A number that equal paths share, in this process. (FS-03)
 */
kja_status_t kja_path_hash(const char *path, size_t path_len, uint64_t *out);

/*
 Makes an empty file that will stand at `path`. Nobody sees it, and what stands there stays, until it is committed; released before
 that, it is gone. `mode` is of `KJA_WRITE_` and says what may be there then. Blocks for the disk. (FS-14)

 ```c
 kja_directory_replace_file(directory, "state", 5, KJA_WRITE_CREATE | KJA_WRITE_MODIFY, &replacer);
 kja_replacer_file(replacer, &file);
 kja_file_write(file, 0, data, size);
 kja_file_sync(file, false);
 kja_replacer_commit(replacer, NULL);
 kja_directory_sync(directory);
 ```
 */
kja_status_t kja_directory_replace_file(kja_directory_t directory,
                                        const char *path,
                                        size_t path_len,
                                        uint32_t mode,
                                        kja_replacer_t *out);

/*
 As `kja_directory_replace_file`, with an empty directory. (FS-14)
 */
kja_status_t kja_directory_replace_directory(kja_directory_t directory,
                                             const char *path,
                                             size_t path_len,
                                             uint32_t mode,
                                             kja_replacer_t *out);

/*
 The file to be filled; a handle of its own, which may be used after the commit too. Errors: `WRONG_TYPE` if it is a directory. (FS-14)
 */
kja_status_t kja_replacer_file(kja_replacer_t replacer,
                               kja_file_t *out);

/*
 The directory to be filled; a handle of its own. Errors: `WRONG_TYPE` if it is a file. (FS-14)
 */
kja_status_t kja_replacer_directory(kja_replacer_t replacer, kja_directory_t *out);

/*
 Puts it in its place in one step; what was there is gone. On disks that exchange no names, and on these only if a directory is
 replaced, nothing is there for a moment. Whether it was done goes to `done`: if not, the mode does not fit what is there, and it may be tried
 again. If `done` is null that is an error, as in `kja_directory_open_file`. That it lasts is sure only when the file was synced before
 and its directory after. Blocks for the disk. Errors: `FAILED` once it is in its place. (FS-14)
 */
kja_status_t kja_replacer_commit(kja_replacer_t replacer,
                                 bool *done);

/*
 As `kja_replacer_commit`, on a thread of the pool; the promise carries 1 if it was done, otherwise 0. (FS-14)
 */
kja_status_t kja_replacer_commit_start(kja_replacer_t replacer,
                                       kja_runtime_t runtime,
                                       kja_promise_t *out);

/*
 Releases the handle. What was not committed is gone. Blocks for the disk.
 */
kja_status_t kja_replacer_release(kja_replacer_t replacer);

/*
 Makes a promise and the fulfiller that settles it. (FULF-07, FULF-11)
 */
kja_status_t kja_fulfiller_new(kja_runtime_t runtime,
                               kja_fulfiller_t *fulfiller,
                               kja_promise_t *promise);

/*
 Settles the promise with unit. The first call counts, later ones succeed and do nothing. From any
 thread. (FULF-01, FULF-10)
 */
kja_status_t kja_fulfiller_unit(kja_fulfiller_t fulfiller);

/*
 Settles the promise with a number.
 */
kja_status_t kja_fulfiller_u64(kja_fulfiller_t fulfiller, uint64_t value);

/*
 Settles the promise with bytes; the handle stays the caller's.
 */
kja_status_t kja_fulfiller_bytes(kja_fulfiller_t fulfiller, kja_bytes_t bytes);

/*
 Settles the promise with the object of a handle; the handle stays the caller's.
 */
kja_status_t kja_fulfiller_handle(kja_fulfiller_t fulfiller, kja_handle_t handle);

/*
 Settles the promise with a pointer, which is taken over in every case.
 */
kja_status_t kja_fulfiller_opaque(kja_fulfiller_t fulfiller, void *value, kja_destroy_fn destroy);

/*
 Lets another promise decide the outcome. Its handle is consumed. (FULF-08)
 */
kja_status_t kja_fulfiller_promise(kja_fulfiller_t fulfiller, kja_promise_t promise);

/*
 Rejects the promise with this kind (`KJA_ERR_*`), OS error number (or 0) and text. (FULF-02)
 */
kja_status_t kja_fulfiller_error(kja_fulfiller_t fulfiller,
                                 kja_status_t kind,
                                 int32_t os_error,
                                 const char *text,
                                 size_t text_len);

/*
 Whether the promise is unsettled and somebody holds it. (FULF-03)
 */
bool kja_fulfiller_is_waiting(kja_fulfiller_t fulfiller);

/*
 Releases the handle; a promise that has not been settled is rejected with `FAILED`. (FULF-04)
 */
kja_status_t kja_fulfiller_release(kja_fulfiller_t fulfiller);

/*
 Makes an HTTP/1.1 client that connects over a network and by its rules. `options` may be null. Connections are kept by
 host and used again, the one used last first; each carries one request at a time. (HCLI-07, HCLI-08, HCLI-10)
 */
kja_status_t kja_http_client_new(kja_network_t network,
                                 const kja_http_client_options_t *options,
                                 kja_http_client_t *out);

/*
 Makes a client all of whose requests go to one address. The URL of a request may begin with its path; in an absolute one
 the host is for the `Host` header alone. A wrapped address (`kja_network_wrapper_wrap_address`) makes secure
 connections. Otherwise as `kja_http_client_new`. (HCLI-08)
 */
kja_status_t kja_http_client_new_address(kja_address_t address,
                                         const kja_http_client_options_t *options,
                                         kja_http_client_t *out);

/*
 Makes a client whose requests go over one connection, of any kind, which is the client's from now on: one after the other in
 the order in which they were started; `max_waiting_per_host` of them may wait. A request that fails or is given up, and a
 response that is not read to its end, close the connection; later requests are `DISCONNECTED` then. URLs are as with
 `kja_http_client_new_address`. (HCLI-05, HCLI-09)
 */
kja_status_t kja_http_client_new_connection(kja_connection_t connection,
                                            const kja_http_client_options_t *options,
                                            kja_http_client_t *out);

/*
 Makes a client whose requests are answered in this process, by the service of a server, which the client keeps. Bodies go
 through pipes that hold nothing back. Giving up a request cancels its service. An error of the service is that of the
 promise of the response, or of its body once that has begun. Tunnels and WebSockets work as over a network. URLs are as with
 `kja_http_client_new_address`. (HCLI-20, CONN-12)
 */
kja_status_t kja_http_client_new_service(kja_http_server_t server,
                                         const kja_http_client_options_t *options,
                                         kja_http_client_t *out);

/*
 Sends a request to an absolute `http` or `https` URL, with a whole body of `size` bytes, which are copied. `headers` may be 0 for
 none; `Host` is added, and how the message is sent is not theirs to say. The promise carries a `kja_http_response_t` once
 its head has come. A request with an idempotent method is sent once more if the connection had been used before and
 ended without an answer. Errors: `INVALID_ARGUMENT` for what is no URL, method or header that can be sent. The promise fails
 with `DISCONNECTED` if the connection ends early, with `FAILED` for an answer that is not HTTP, with `TIMED_OUT` for a limit
 that has passed, and as a handshake of TLS does. Cancellation: the connection is closed. (HCLI-01, HCLI-04, HCLI-07)
 */
kja_status_t kja_http_client_request_start(kja_http_client_t client,
                                           const char *method,
                                           size_t method_len,
                                           const char *url,
                                           size_t url_len,
                                           kja_http_headers_t headers,
                                           const void *data,
                                           size_t size,
                                           kja_promise_t *out);

/*
 As `kja_http_client_request_start`, with a body that is written to the connection whose handle goes to `body`: of
 `length` bytes, or in chunks for `KJA_LENGTH_UNKNOWN`. Shutting down writing ends the body; a body that ends short of its
 length closes the connection. Such a request is never sent twice. (HCLI-01, HCLI-02)
 */
kja_status_t kja_http_client_request_stream_start(kja_http_client_t client,
                                                  const char *method,
                                                  size_t method_len,
                                                  const char *url,
                                                  size_t url_len,
                                                  kja_http_headers_t headers,
                                                  uint64_t length,
                                                  kja_connection_t *body,
                                                  kja_promise_t *out);

/*
 Asks for a tunnel to `host`, a name and a port such as `example.com:443`. `headers` may be 0 and `options` null. The tunnel goes
 to `tunnel` at once: what is written and read there waits until it stands. The promise carries a `kja_http_response_t`: its
 status is from 200 to 299 if the tunnel stands; otherwise its body may say why not, and the tunnel fails with `FAILED`. A client
 of a network connects to the host itself, and the status is 200; any other sends `CONNECT`. TLS can begin later
 (`kja_network_wrapper_wrap_client_start`). Errors: `INVALID_ARGUMENT` for what is no host with a port or a header that cannot
 be sent; the promise fails as that of a request or a handshake does, and the tunnel with the same error. Cancellation: until
 the promise has settled the connection is closed; then it is the tunnel's. (CONN-01, CONN-02, CONN-03, CONN-09)
 */
kja_status_t kja_http_client_connect_start(kja_http_client_t client,
                                           const char *host,
                                           size_t host_len,
                                           kja_http_headers_t headers,
                                           const kja_http_connect_options_t *options,
                                           kja_connection_t *tunnel,
                                           kja_promise_t *out);

/*
 Asks for what a request of a server asks for, and answers it with what comes back; a service returns the promise
 (`kja_call_return_promise`), and has a reverse proxy with a client of one address, a proxy with a client of a network. Bodies
 and trailers stream both ways; headers about the connection end here, all others go on, and nothing is added. A `CONNECT`
 and an upgrade become a tunnel through both. `options` may be null. An absolute target says what the `Host` is; with a
 path that of the request goes on. The promise settles when the response has been taken to be sent or the tunnel has ended. Errors:
 `INVALID_ARGUMENT` for a request of another runtime, or a URL in the options that is none. The promise fails as that of
 `kja_http_client_request_start`, and the server answers for its service: with 504 for `TIMED_OUT`, 400 for what cannot be
 sent on, 502 for most else; that status is the detail `KJA_HTTP_ANSWER_DETAIL`. Behind the head of the response an
 error closes the connection of the request. Cancellation: both connections are closed; a request that has not been
 answered can be still. (HCLI-21, CONN-12)
 */
kja_status_t kja_http_client_forward_start(kja_http_client_t client,
                                           kja_http_request_t request,
                                           const kja_http_forward_options_t *options,
                                           kja_promise_t *out);

/*
 Makes a client that sends requests as `client` does, but runs no more than a number of them at once; the others wait, in order,
 and one that is given up leaves the line. A WebSocket or a tunnel counts until it is closed. `changed`, which may be null, runs on
 the loop after the counts have changed: its input is a number (`kja_call_u64`) with how many run in the lower and how
 many wait in the upper 32 bits; of changes in quick succession it may hear only the last. `ctx` is taken over in every
 case. Releasing the client ends no request. Errors: `INVALID_ARGUMENT` for no request at all, a flag that there is
 not, or a client that is limited already. (HCLI-16, HCLI-17, HCLI-18, HCLI-19)
 */
kja_status_t kja_http_client_new_limited(kja_http_client_t client,
                                         const kja_http_limit_options_t *options,
                                         kja_callback_fn changed,
                                         void *ctx,
                                         kja_destroy_fn destroy,
                                         kja_http_client_t *out);

/*
 Writes how many requests of a limited client run and how many wait. Errors: `INVALID_ARGUMENT` for a client without a limit.
 (HCLI-17)
 */
kja_status_t kja_http_client_counts(kja_http_client_t client,
                                    size_t *running,
                                    size_t *waiting);

/*
 Writes how many connections wait for another request.
 */
kja_status_t kja_http_client_idle_connections(kja_http_client_t client, size_t *out);

/*
 Releases the handle. With the last one the connections that wait are closed; requests that have been started go on.
 */
kja_status_t kja_http_client_release(kja_http_client_t client);

/*
 Writes how long the head is that `data` begins with, its blank line included, or 0 if that has not come yet: read more
 then, and ask again. `options` may be null. Errors: `FAILED` if it is longer than the limit. (HTTP-13, HTTP-16)
 */
kja_status_t kja_http_head_length(const void *data,
                                  size_t size,
                                  const kja_http_head_options_t *options,
                                  size_t *out);

/*
 Reads a whole head, from its first line to its blank line, as one of the kinds `KJA_HTTP_HEAD_`; the bytes are copied and belong
 to the caller. `CONNECT` is a method like any other. A head never changes, and belongs to no runtime. Any thread.

 Reading is strict, for what two readers take differently is how requests are smuggled: every line ends with CRLF, none is
 folded, nothing stands before the first line or behind the blank line, the version is `HTTP/1.0` or `HTTP/1.1`, a name is
 followed by its colon. `options` may be null.

 Errors: `FAILED` for bytes that are no such head, with the details `KJA_HTTP_STATUS_DETAIL` and `KJA_HTTP_RAW_DETAIL`:
 400, 414 for a target and 431 for a head beyond the limit, 505 for another version. (HTTP-13, HTTP-15, HTTP-16)

 ```c
 kja_http_head_t head = 0;
 if (kja_http_head_parse(data, size, KJA_HTTP_HEAD_REQUEST, NULL, &head) == KJA_OK) {
   kja_http_head_method(head, method, sizeof method, NULL);
   kja_http_head_release(head);
 }
 ```
 */
kja_status_t kja_http_head_parse(const void *data,
                                 size_t size,
                                 uint32_t kind,
                                 const kja_http_head_options_t *options,
                                 kja_http_head_t *out);

/*
 Makes the head of a request. `version` is `KJA_HTTP_1_0` or `KJA_HTTP_1_1`; `headers` are copied. Errors:
 `INVALID_ARGUMENT` for a method that is no token and for a target that is empty or has spaces or control characters.
 (HTTP-01, HTTP-02, HTTP-03, HTTP-14)
 */
kja_status_t kja_http_head_new_request(const char *method,
                                       size_t method_len,
                                       const char *target,
                                       size_t target_len,
                                       uint32_t version,
                                       kja_http_headers_t headers,
                                       kja_http_head_t *out);

/*
 Makes the head of a response. `reason` is the text beside the status, null for the usual one. Otherwise as
 `kja_http_head_new_request`. Errors: `INVALID_ARGUMENT` for a status outside 100 to 999 and for a text with a NUL, CR or LF. (HTTP-14)
 */
kja_status_t kja_http_head_new_response(uint32_t status,
                                        const char *reason,
                                        size_t reason_len,
                                        uint32_t version,
                                        kja_http_headers_t headers,
                                        kja_http_head_t *out);

/*
 Writes which of `KJA_HTTP_HEAD_` the head is.
 */
kja_status_t kja_http_head_kind(kja_http_head_t head, uint32_t *out);

/*
 Copies the method of a request, with a closing NUL, cut to `capacity`; its whole length goes to `length`, which may be null. Errors:
 `INVALID_ARGUMENT` if the head is of another kind, here and below. (HTTP-01, HTTP-02, HTTP-03)
 */
kja_status_t kja_http_head_method(kja_http_head_t head,
                                  char *buffer,
                                  size_t capacity,
                                  size_t *length);

/*
 Copies the target of a request, as `kja_http_head_method` does.
 */
kja_status_t kja_http_head_target(kja_http_head_t head,
                                  char *buffer,
                                  size_t capacity,
                                  size_t *length);

/*
 Writes the status of a response.
 */
kja_status_t kja_http_head_status(kja_http_head_t head, uint32_t *out);

/*
 Copies the text beside the status of a response, as `kja_http_head_method` does.
 */
kja_status_t kja_http_head_reason(kja_http_head_t head,
                                  char *buffer,
                                  size_t capacity,
                                  size_t *length);

/*
 Writes the version of a request or a response, `KJA_HTTP_1_0` or `KJA_HTTP_1_1`.
 */
kja_status_t kja_http_head_version(kja_http_head_t head, uint32_t *out);

/*
 Writes a handle of a copy of the header fields.
 */
kja_status_t kja_http_head_headers(kja_http_head_t head, kja_http_headers_t *out);

/*
 Writes a handle of the bytes of the head: lines that end with CRLF, the blank line included. (HTTP-14)
 */
kja_status_t kja_http_head_bytes(kja_http_head_t head,
                                 kja_bytes_t *out);

/*
 Writes to `framing` how the body ends that follows, as one of `KJA_HTTP_BODY_`, and to `length`, which may be null, how long it
 is: `KJA_LENGTH_UNKNOWN` unless it has a length. The body of a response depends on the `method` of its request; null stands for
 `GET`. Fields without a first line go by the rules of a response.

 Errors: `FAILED`, with the details of `kja_http_head_parse`, for a length that two readers could take differently:
 `Transfer-Encoding` beside `Content-Length`, lengths that differ, a last coding other than `chunked` (501 for one before it).
 The stream cannot be used on. (HTTP-18, HTTP-19, HTTP-20)
 */
kja_status_t kja_http_head_body_framing(kja_http_head_t head,
                                        const char *method,
                                        size_t method_len,
                                        uint32_t *framing,
                                        uint64_t *length);

/*
 Releases the handle.
 */
kja_status_t kja_http_head_release(kja_http_head_t head);

/*
 Makes headers of an HTTP message, none yet. They belong to no runtime. Any thread. (HTTP-07)
 */
kja_status_t kja_http_headers_new(kja_http_headers_t *out);

/*
 Reads header lines: each a name, a colon and a value, ended by CRLF, and an empty line behind the last. Errors: `FAILED`
 for lines that are malformed, with the details of `kja_http_head_parse`; nothing is repaired. (HTTP-22)
 */
kja_status_t kja_http_headers_parse(const char *lines,
                                    size_t lines_len,
                                    kja_http_headers_t *out);

/*
 Makes a copy that changes independently. (HTTP-10)
 */
kja_status_t kja_http_headers_clone(kja_http_headers_t headers, kja_http_headers_t *out);

/*
 Makes this the only value of a header, in the place of the first that there is. Names compare without regard to case. A
 name is a token; a value is `value_size` bytes without NUL, CR and LF. Both are copied. Errors: `INVALID_ARGUMENT` for what
 is neither, here and in `kja_http_headers_append`; nothing has changed then. (HTTP-07, HTTP-11)
 */
kja_status_t kja_http_headers_set(kja_http_headers_t headers,
                                  const char *name,
                                  size_t name_len,
                                  const void *value,
                                  size_t value_size);

/*
 Adds one more value, behind what there is. (HTTP-08)
 */
kja_status_t kja_http_headers_append(kja_http_headers_t headers,
                                     const char *name,
                                     size_t name_len,
                                     const void *value,
                                     size_t value_size);

/*
 Takes every value of a header out. Writes how many there were to `removed`, which may be null. (HTTP-07)
 */
kja_status_t kja_http_headers_remove(kja_http_headers_t headers,
                                     const char *name,
                                     size_t name_len,
                                     size_t *removed);

/*
 Copies the value of a header, cut to `capacity`, and writes its whole length to `length` and whether there is one to
 `found`; both may be null. Several values are one, with a comma and a space between them; of several `Set-Cookie` it is
 the first, see `kja_http_headers_at`. (HTTP-07, HTTP-08)
 */
kja_status_t kja_http_headers_get(kja_http_headers_t headers,
                                  const char *name,
                                  size_t name_len,
                                  void *buffer,
                                  size_t capacity,
                                  size_t *length,
                                  bool *found);

/*
 Writes how many fields there are. (HTTP-09)
 */
kja_status_t kja_http_headers_count(kja_http_headers_t headers, size_t *out);

/*
 Copies the name and the value of a field by its place, from 0 on, each cut to its capacity; their whole lengths go to
 `name_length` and `value_length`, which may be null. Fields stand in the order in which they came. Errors:
 `INVALID_ARGUMENT` for a place past the end. (HTTP-09)
 */
kja_status_t kja_http_headers_at(kja_http_headers_t headers,
                                 size_t index,
                                 void *name,
                                 size_t name_capacity,
                                 size_t *name_length,
                                 void *value,
                                 size_t value_capacity,
                                 size_t *value_length);

/*
 Writes a handle of all fields as lines, as `kja_http_headers_parse` reads them. (HTTP-14)
 */
kja_status_t kja_http_headers_bytes(kja_http_headers_t headers, kja_bytes_t *out);

/*
 Writes whether `Upgrade` asks for a WebSocket; the rest of the handshake is not looked at. (HTTP-12)
 */
kja_status_t kja_http_headers_is_websocket(kja_http_headers_t headers,
                                           bool *out);

/*
 Takes all fields out. (HTTP-09)
 */
kja_status_t kja_http_headers_clear(kja_http_headers_t headers);

/*
 Releases the handle.
 */
kja_status_t kja_http_headers_release(kja_http_headers_t headers);

/*
 Makes an input that reads messages from a connection of any kind, one after another. It reads ahead, so nobody else reads the
 connection from then on; writing is anybody's. `options` may be null. The connection's handle stays the caller's. Any thread.
 (HTTP-24)

 ```c
 // What a language server hears:
 kja_http_input_read_start(input, KJA_HTTP_HEAD_FIELDS, NULL, 0, &promise);
 kja_promise_await(promise);
 kja_promise_handle(promise, &message);
 kja_http_message_body(message, &body); // Content-Length bytes, to be read to their end
 ```
 */
kja_status_t kja_http_input_new(kja_connection_t connection,
                                const kja_http_head_options_t *options,
                                kja_http_input_t *out);

/*
 Reads the next message of a kind, one of `KJA_HTTP_HEAD_`, once the body of the one before has been read to its end. The promise carries a
 `kja_http_message_t` (`kja_promise_handle`). `method` is that of the request that a response answers; null stands for `GET`.

 Never blocks. Errors: `BUSY` if a message is being read or waited for. Of the promise: `DISCONNECTED` if the stream ends; `FAILED`
 for what is no such message, with the details of `kja_http_head_parse`, and for everything behind it, or behind a body that was released
 before its end. Cancellation: what has come of the message is kept for the next read. (HTTP-22)
 */
kja_status_t kja_http_input_read_start(kja_http_input_t input,
                                       uint32_t kind,
                                       const char *method,
                                       size_t method_len,
                                       kja_promise_t *out);

/*
 Waits until another message begins to come; nothing of it is taken. The promise carries 1 (`kja_promise_u64`), or 0 if the stream ends.
 Otherwise as `kja_http_input_read_start`. (HTTP-23)
 */
kja_status_t kja_http_input_when_next_start(kja_http_input_t input,
                                            kja_promise_t *out);

/*
 Releases the handle.
 */
kja_status_t kja_http_input_release(kja_http_input_t input);

/*
 Writes a handle of the head.
 */
kja_status_t kja_http_message_head(kja_http_message_t message, kja_http_head_t *out);

/*
 Writes how long the body is: 0 without a body, `KJA_LENGTH_UNKNOWN` if it ends with its last chunk or with the stream.
 */
kja_status_t kja_http_message_body_length(kja_http_message_t message,
                                          uint64_t *out);

/*
 Writes a handle of the body, a connection that is only read and ends with the body. One that is cut off fails with
 `DISCONNECTED`, one that is malformed with `FAILED`. (HTTP-20, HTTP-21)
 */
kja_status_t kja_http_message_body(kja_http_message_t message,
                                   kja_connection_t *out);

/*
 Writes a handle of the header fields that came behind the body, once that has been read to its end. (HTTP-21)
 */
kja_status_t kja_http_message_trailers(kja_http_message_t message,
                                       kja_http_headers_t *out);

/*
 Releases the handle. Once no handle of the message or of its body is left, what has not been read of the body is lost, and the stream is of
 no further use.
 */
kja_status_t kja_http_message_release(kja_http_message_t message);

/*
 Reads the value of a `Range` header for something of `total` bytes. Writes one of `KJA_HTTP_RANGE_` to `kind`, as many ranges as fit to
 `ranges`, and how many there are, at most 256, to `count`, which may be null. Ranges are cut to the bytes that there are; one that
 begins past the end is left out. One item that is malformed spoils the whole header, as does another unit than `bytes`.
 `ranges` may be null if `capacity` is 0. Never fails for what is in the header. (HTTP-17)

 ```c
 kja_http_range_t range;
 uint32_t kind = 0;
 size_t count = 0;
 kja_http_range_parse("bytes=0-99", 10, file_size, &range, 1, &count, &kind);
 if (kind == KJA_HTTP_RANGE_SOME && count == 1) ... // 206 with range.start to range.end
 ```
 */
kja_status_t kja_http_range_parse(const char *value,
                                  size_t value_len,
                                  uint64_t total,
                                  kja_http_range_t *ranges,
                                  size_t capacity,
                                  size_t *count,
                                  uint32_t *kind);

/*
 Copies the range from `start` to `end`, both included, as `Content-Range` has it, such as `0-99`, with a closing NUL, cut to `capacity`; its whole length goes to `length`,
 which may be null. Errors: `INVALID_ARGUMENT` for an end before the start. (HTTP-26)
 */
kja_status_t kja_http_range_text(uint64_t start,
                                 uint64_t end,
                                 char *buffer,
                                 size_t capacity,
                                 size_t *length);

/*
 Copies the method, with a closing NUL, cut to `capacity`; its whole length goes to `length`, which may be null. Any token is a method, and
 methods differ by case. (HTTP-01, HTTP-03)
 */
kja_status_t kja_http_request_method(kja_http_request_t request,
                                     char *buffer,
                                     size_t capacity,
                                     size_t *length);

/*
 Copies what is asked for, as it came: a path with a query, a whole URL from the client of a proxy, `host:port` with
 `CONNECT`, or `*`. Otherwise as `kja_http_request_method`.
 */
kja_status_t kja_http_request_target(kja_http_request_t request,
                                     char *buffer,
                                     size_t capacity,
                                     size_t *length);

/*
 Writes `KJA_HTTP_1_0` or `KJA_HTTP_1_1`.
 */
kja_status_t kja_http_request_version(kja_http_request_t request, uint32_t *out);

/*
 Writes a handle of a copy of the headers. (HSRV-01)
 */
kja_status_t kja_http_request_headers(kja_http_request_t request, kja_http_headers_t *out);

/*
 Writes a handle of the whole head as bytes: the first line, the header lines, an empty line. (HTTP-14)
 */
kja_status_t kja_http_request_head(kja_http_request_t request,
                                   kja_bytes_t *out);

/*
 Writes how long the body is: 0 without a body, `KJA_LENGTH_UNKNOWN` if it comes in chunks.
 */
kja_status_t kja_http_request_body_length(kja_http_request_t request, uint64_t *out);

/*
 Writes a handle of the body, a connection that is only read. It ends with the body; one that is cut off fails with
 `DISCONNECTED`, one that is longer than the server's limit with `OVERLOADED`, one that comes too slowly with `TIMED_OUT`.
 A client that waits for `100 Continue` gets it with the first read. (HTTP-20, HTTP-21)
 */
kja_status_t kja_http_request_body(kja_http_request_t request,
                                   kja_connection_t *out);

/*
 Writes a handle of the headers that came behind the body, once that has been read to its end. (HTTP-21)
 */
kja_status_t kja_http_request_trailers(kja_http_request_t request,
                                       kja_http_headers_t *out);

/*
 Writes a handle of the connection that the request came over, to ask for its peer and its addresses; it must be neither
 read nor written.
 */
kja_status_t kja_http_request_connection(kja_http_request_t request,
                                         kja_connection_t *out);

/*
 Answers with a whole body of `size` bytes, which are copied. `reason` is the text beside the status, null for the usual
 one; `headers` may be 0 for none. How the message is sent is not theirs to say: `Content-Length`, `Transfer-Encoding` and
 the like are left out, and `Connection: close` closes the connection behind the answer. Never blocks; any thread.
 Errors: `FAILED` if the request has been answered, `DISCONNECTED` if it has ended, `INVALID_ARGUMENT` for a status outside
 200 to 999 and for what cannot be sent, `UNIMPLEMENTED` for a status from 200 to 299 to a `CONNECT`, which only
 `kja_http_request_accept_tunnel` accepts. Any other answer to a `CONNECT` closes the connection. (HSRV-02, HTTP-06, CONN-06)
 */
kja_status_t kja_http_request_respond(kja_http_request_t request,
                                      uint32_t status,
                                      const char *reason,
                                      size_t reason_len,
                                      kja_http_headers_t headers,
                                      const void *data,
                                      size_t size);

/*
 Answers with a body that is written to the connection whose handle goes to `out`: of `length` bytes, or in chunks for
 `KJA_LENGTH_UNKNOWN`. Shutting down writing ends the body; a body that ends short of its length closes the connection.
 Otherwise as `kja_http_request_respond`. (HSRV-02, HSRV-05)
 */
kja_status_t kja_http_request_respond_stream(kja_http_request_t request,
                                             uint32_t status,
                                             const char *reason,
                                             size_t reason_len,
                                             kja_http_headers_t headers,
                                             uint64_t length,
                                             kja_connection_t *out);

/*
 Has the response compressed, by brotli or gzip, if the client accepts that: it is sent with `Content-Encoding` and `Vary`, a streamed
 one in chunks whatever length is given for it. Has to come before the answer. What is coded already, is a part of something, must not be
 transformed, or would not become shorter is sent as it is. Do not ask for it where a secret stands beside what others may choose: its
 length tells. Errors: `FAILED` if the request has been answered.
 */
kja_status_t kja_http_request_compress(kja_http_request_t request);

/*
 Puts headers behind the body of a response in chunks, in place of those that were put there before; they are sent when the body
 ends. Their names stand in the `Trailer` of the response. A client of HTTP/1.0 gets none. Errors: `FAILED` if there is no
 such body or its service has ended, `INVALID_ARGUMENT` for a name that the response has not announced, or that cannot come
 behind a body. (HTTP-21)
 */
kja_status_t kja_http_request_set_trailers(kja_http_request_t request,
                                           kja_http_headers_t headers);

/*
 Answers with a short page of plain text that says what the status does. Otherwise as `kja_http_request_respond`.
 (HSRV-03)
 */
kja_status_t kja_http_request_respond_error(kja_http_request_t request,
                                            uint32_t status,
                                            const char *reason,
                                            size_t reason_len);

/*
 Accepts a `CONNECT` with a status from 200 to 299, or an upgrade to another protocol with 101: the answer is sent, and the
 connection turns into the stream whose handle goes to `out`. That can be used at once and begins with whatever came
 behind the request. It lives as long as the promise of the service. Otherwise as `kja_http_request_respond`. (CONN-04,
 CONN-05)
 */
kja_status_t kja_http_request_accept_tunnel(kja_http_request_t request,
                                            uint32_t status,
                                            const char *reason,
                                            size_t reason_len,
                                            kja_http_headers_t headers,
                                            kja_connection_t *out);

/*
 Leaves the request to somebody else: `out` is a connection that begins with its head and whatever has come behind that,
 so that whoever serves it with `kja_http_server_serve_start`, the same server or another one, finds the request as if it
 had just come. It can be used at once; with its last handle the connection is closed. The server that suspended the request has
 nothing more to do with the connection once its service has ended: the promise of serving it carries unit then.
 Errors: `FAILED` if the request has been answered or its body asked for, `DISCONNECTED` if it has ended, `OVERLOADED` for a
 connection that was suspended more than thirty times. (HSRV-23, HSRV-24)
 */
kja_status_t kja_http_request_suspend(kja_http_request_t request,
                                      kja_connection_t *out);

/*
 Fills a structure, whose `size` the caller has set, with what there is to log of a request. Status and bytes sent are
 counted only for a server that has the hook `on_request_end`, from which this is meant to be called.
 */
kja_status_t kja_http_request_summary(kja_http_request_t request,
                                      kja_http_request_summary_t *out);

/*
 Releases the handle. The request itself goes on until its service ends.
 */
kja_status_t kja_http_request_release(kja_http_request_t request);

/*
 Writes the status, from 100 to 999. (HCLI-03)
 */
kja_status_t kja_http_response_status(kja_http_response_t response, uint32_t *out);

/*
 Copies the text beside the status, with a closing NUL, cut to `capacity`; its whole length goes to `length`, which may be null.
 */
kja_status_t kja_http_response_reason(kja_http_response_t response,
                                      char *buffer,
                                      size_t capacity,
                                      size_t *length);

/*
 Writes `KJA_HTTP_1_0` or `KJA_HTTP_1_1`.
 */
kja_status_t kja_http_response_version(kja_http_response_t response, uint32_t *out);

/*
 Writes a handle of a copy of the headers. (HCLI-03)
 */
kja_status_t kja_http_response_headers(kja_http_response_t response, kja_http_headers_t *out);

/*
 Writes a handle of the whole head as bytes: the first line, the header lines, an empty line. (HTTP-14)
 */
kja_status_t kja_http_response_head(kja_http_response_t response,
                                    kja_bytes_t *out);

/*
 Writes how long the body is: 0 without a body, `KJA_LENGTH_UNKNOWN` if it ends with its last chunk or with the connection.
 */
kja_status_t kja_http_response_body_length(kja_http_response_t response,
                                           uint64_t *out);

/*
 Writes a handle of the body, a connection that is only read. It ends with the body; one that is cut off fails with
 `DISCONNECTED`, one that is longer than the client's limit with `OVERLOADED`. The connection below is used again once the
 body has been read to its end, and closed if the last handle of the response and its body goes before that. (HCLI-05)
 */
kja_status_t kja_http_response_body(kja_http_response_t response,
                                    kja_connection_t *out);

/*
 Writes a handle of the headers that came behind the body, once that has been read to its end. (HTTP-21)
 */
kja_status_t kja_http_response_trailers(kja_http_response_t response,
                                        kja_http_headers_t *out);

/*
 Releases the handle.
 */
kja_status_t kja_http_response_release(kja_http_response_t response);

/*
 Makes an HTTP/1.1 server. `service` runs on the loop for each request, with a `kja_http_request_t` as its input
 (`kja_call_handle`), one request of a connection after the other. The life of the request is the service's: it ends with
 the callback, or with the promise that the callback returns; that is cancelled when the client goes away, and not when
 the client only stops sending. A service that ends without an answer is answered for: as `KJA_HTTP_ANSWER_DETAIL` of its
 error says, 500, or by the kind of its error 503 for `OVERLOADED` and `TIMED_OUT`, 501 for `UNIMPLEMENTED`, nothing at all for `DISCONNECTED`; hooks in the options can
 answer otherwise. `options` may be null. `service` may be null if there is a hook that makes one for each connection. What
 is not a request is refused and the connection closed: whatever two readers might take differently, such as both
 `Transfer-Encoding` and `Content-Length`, is not one. A `CONNECT` is accepted with `kja_http_request_accept_tunnel`; a
 service that ends without having decided on one closes the connection. (HSRV-01, HSRV-06, HSRV-15, HSRV-17, HSRV-18,
 HSRV-19, CONN-07)
 */
kja_status_t kja_http_server_new(kja_runtime_t runtime,
                                 const kja_http_server_options_t *options,
                                 kja_callback_fn service,
                                 void *ctx,
                                 kja_destroy_fn destroy,
                                 kja_http_server_t *out);

/*
 Serves what comes to a listener. The promise settles when the server is drained; a connection that fails ends no accept.
 Cancellation: nothing more is accepted, and open connections go on. (HSRV-08)
 */
kja_status_t kja_http_server_listen_start(kja_http_server_t server,
                                          kja_listener_t listener,
                                          kja_promise_t *out);

/*
 Serves one connection of any kind, which is the server's from now on, until that ends or the server is drained. Errors
 of the promise: `DISCONNECTED` for a connection that breaks. Cancellation: requests that are being answered are
 cancelled, and the connection is closed. (HSRV-09)
 */
kja_status_t kja_http_server_serve_start(kja_http_server_t server,
                                         kja_connection_t connection,
                                         kja_promise_t *out);

/*
 As `kja_http_server_serve_start`; a drain between two requests does not close the connection: the promise carries it
 then (`kja_promise_handle`), and it can be served by another server with nothing lost. Otherwise it carries unit, also
 if a request was suspended. (HSRV-10, HSRV-24)
 */
kja_status_t kja_http_server_serve_until_drained_start(kja_http_server_t server,
                                                       kja_connection_t connection,
                                                       kja_promise_t *out);

/*
 Accepts nothing more, lets requests that are being answered finish, with `Connection: close`, and closes idle connections.
 The promise settles when no connection that came to a listener is left; put a deadline on it with
 `kja_promise_timeout`, and release the server to cut off what is left then. Errors: `BUSY` if such a promise is pending.
 (HSRV-11)
 */
kja_status_t kja_http_server_drain_start(kja_http_server_t server,
                                         kja_promise_t *out);

/*
 Writes how many connections that came to a listener are being served.
 */
kja_status_t kja_http_server_connections(kja_http_server_t server, size_t *out);

/*
 Releases the handle. With the last one everything that came to a listener is cancelled and closed, and the promises of
 `kja_http_server_listen_start` fail with `CANCELED`. (HSRV-08)
 */
kja_status_t kja_http_server_release(kja_http_server_t server);

/*
 Makes a listener of a connection over which others are sent, as with `kja_connection_send_connection_start`. The
 connection stays the caller's and usable for everything but reading; the listener keeps it, and closing the listener
 closes it. Accepts are served in order. One rejects with `DISCONNECTED` at the end of the stream, with `FAILED` for
 bytes that come without a connection, with `BUSY` while somebody else reads. Without room for one more descriptor it stays
 pending and tries again, as any accept does. Cancelling one takes nothing. Of the peers
 of accepted connections nothing is known: whoever sends a connection vouches for nothing. The port is 0; there is no
 local address and there are no socket options (`UNIMPLEMENTED`). An aggregate may have it, and goes on when it ends.

 Errors: `UNIMPLEMENTED` if the connection is neither a Unix socket nor a capability pipe. (CAPS-09)
 */
kja_status_t kja_listener_from_connection(kja_connection_t connection,
                                          kja_listener_t *out);

/*
 Accepts from any of several listeners of one runtime. They stay the caller's and usable; they may be released, the
 aggregate keeps their sockets. Each accept has its place in the line of every one; nothing is taken from the
 kernel before somebody waits for it. One that is closed, or at its end, leaves the rest. Closing the aggregate closes them all. Errors: `INVALID_ARGUMENT` for none and for
 listeners of different runtimes. (NET-20)
 */
kja_status_t kja_listener_aggregate_new(const kja_listener_t *listeners,
                                        size_t count,
                                        kja_listener_t *out);

/*
 The bound address, with the port that the system chose if 0 was asked for; a new handle. Of several sockets that
 of the first. Errors: `UNIMPLEMENTED` for a listener on a connection. (NET-18, NET-19)
 */
kja_status_t kja_listener_local_address(kja_listener_t listener,
                                        kja_address_t *out);

/*
 The bound port, 0 for a unix socket and for a connection. Of several sockets that of the first. (NET-18)
 */
kja_status_t kja_listener_port(kja_listener_t listener,
                               uint16_t *out);

/*
 Reads a socket option (`getsockopt`) to `buffer`, of several sockets that of the first. Writes how many bytes the
 system gave to `length`, which may be null. Errors: what the system says, with its error number; `UNIMPLEMENTED` for a
 listener on a connection. (NET-19)
 */
kja_status_t kja_listener_getsockopt(kja_listener_t listener,
                                     int32_t level,
                                     int32_t option,
                                     void *buffer,
                                     size_t capacity,
                                     size_t *length);

/*
 Sets a socket option (`setsockopt`) of every socket of the listener. Errors: as `kja_listener_getsockopt`. (NET-19, NET-20)
 */
kja_status_t kja_listener_setsockopt(kja_listener_t listener,
                                     int32_t level,
                                     int32_t option,
                                     const void *value,
                                     size_t size);

/*
 Waits for a connection; the promise carries a `kja_connection_t`, for TCP with TCP_NODELAY set. Several accepts
 may be pending and are served in order. A peer that the network's rules forbid is dropped, silently, and the accept
 goes on. Without descriptors or memory an accept stays pending and tries again at growing intervals.
 Cancellation: the connection stays in the backlog. One that the promise carries is the next accept's if nobody has
 learned of it when the last such promise is released. (NET-10, NET-16, NET-17)
 */
kja_status_t kja_listener_accept_start(kja_listener_t listener,
                                       kja_promise_t *out);

/*
 Accepts one connection after another, each as `kja_listener_accept_start`, and runs `on_connection` on the loop for each, with the
 connection as its input (`kja_call_handle`); one that it does not take is closed. What the callback returns decides:

 - unit: the next accept begins;
 - a promise: it is waited for first, which leaves later connections in the backlog, and its outcome decides likewise;
 - any other value, or an error: the accepting ends, and that is the outcome of the promise.

 `destroy(ctx)` runs before the promise settles or its cancel returns. Up to 8 callbacks run in one turn of the loop.

 Errors: those of an accept end it, `CANCELED` when the listener is closed. Cancellation: connections stay in the backlog, and a
 promise that the last callback returned is dropped before `ctx` is. (NET-16)
 */
kja_status_t kja_listener_accept_each_start(kja_listener_t listener,
                                            kja_callback_fn on_connection,
                                            void *ctx,
                                            kja_destroy_fn destroy,
                                            kja_promise_t *out);

/*
 Stops listening now; pending accepts reject with `CANCELED`. Connections that were handed out live on. A second call
 succeeds. (NET-23)
 */
kja_status_t kja_listener_close(kja_listener_t listener);

/*
 Releases the handle. Pending accepts, and aggregates, keep the socket; after the last of them it is closed. (NET-23)
 */
kja_status_t kja_listener_release(kja_listener_t listener);

/*
 A key for `kja_local_get` and `kja_local_get_or_set` that nobody else in this process has.
 */
uint64_t kja_local_new_key(void);

/*
 Keeps `value` for this runtime under the key, until the runtime ends, unless something is kept there already. Writes
 what is kept, which is borrowed. `value` is taken over in every case: it is freed with the runtime, or at once if it
 is not kept. Any thread. (LOOP-16)
 */
kja_status_t kja_local_get_or_set(kja_runtime_t runtime,
                                  uint64_t key,
                                  void *value,
                                  kja_destroy_fn destroy,
                                  void **out);

/*
 Writes what is kept for this runtime under the key. It is borrowed until the runtime ends, which frees it: use it on the
 loop, or where nobody shuts the runtime down meanwhile. Errors: `FAILED` if there is nothing. Any thread. (LOOP-16)
 */
kja_status_t kja_local_get(kja_runtime_t runtime,
                           uint64_t key,
                           void **out);

/*
 The bytes; a new handle on the same memory. They are empty for an empty datagram, and at the end of a stream.
 (DGRAM-04, CAPS-02)
 */
kja_status_t kja_message_content(kja_message_t message,
                                 kja_bytes_t *out);

/*
 The bytes where they are, without a handle: valid until the message is released. Out-parameters may be null.
 (DGRAM-04, CAPS-02)
 */
kja_status_t kja_message_data(kja_message_t message,
                              const void **data,
                              size_t *size);

/*
 Whether the datagram was longer than the room for it; what was cut off is lost. (DGRAM-04)
 */
kja_status_t kja_message_is_truncated(kja_message_t message, bool *out);

/*
 How many control messages came. Descriptors are not among them: they are taken with `kja_message_take_fd`.
 (DGRAM-05, STRM-08)
 */
kja_status_t kja_message_control_count(kja_message_t message,
                                       size_t *out);

/*
 A control message: its level (such as `SOL_SOCKET`), its type, and its data, which is aligned for any type of at most
 8 bytes and stays valid until the message is released. If `size` is less than that of the type expected, there is no
 such value; for an array, `size / sizeof(T)` elements are whole. Out-parameters may be null. Errors:
 `INVALID_ARGUMENT` if there is none with this index. (DGRAM-07, STRM-08)
 */
kja_status_t kja_message_control(kja_message_t message,
                                 size_t index,
                                 int32_t *level,
                                 int32_t *type,
                                 const void **data,
                                 size_t *size);

/*
 Whether there were more control messages than room for them, or more descriptors than were wanted or the process has
 room for; the last message may be partial. (DGRAM-05)
 */
kja_status_t kja_message_is_control_truncated(kja_message_t message,
                                              bool *out);

/*
 Where a datagram came from, as numbers; a new handle. Errors: `UNIMPLEMENTED` for what came from a connection or from
 a socket without a name. (DGRAM-06)
 */
kja_status_t kja_message_source(kja_message_t message,
                                kja_address_t *out);

/*
 How many descriptors came, those that have been taken out included. (CAPS-02)
 */
kja_status_t kja_message_fd_count(kja_message_t message, size_t *out);

/*
 Takes a descriptor out: the caller closes it. It is closed on exec. Descriptors that nobody takes are closed with the
 message. Errors: `INVALID_ARGUMENT` if there is none with this index, `FAILED` if it has been taken. (CAPS-02, CAPS-05)
 */
kja_status_t kja_message_take_fd(kja_message_t message,
                                 size_t index,
                                 int32_t *out);

/*
 How many connections came, those that have been taken out included. (CAPS-04)
 */
kja_status_t kja_message_connection_count(kja_message_t message, size_t *out);

/*
 Takes a connection out; a new handle. Connections that nobody takes are closed with the message. Errors as
 `kja_message_take_fd`. (CAPS-04)
 */
kja_status_t kja_message_take_connection(kja_message_t message,
                                         size_t index,
                                         kja_connection_t *out);

/*
 Releases the handle.
 */
kja_status_t kja_message_release(kja_message_t message);

/*
 How many messages there are. (DGRAM-03)
 */
kja_status_t kja_message_list_count(kja_message_list_t list, size_t *out);

/*
 One of the messages, in the order in which they arrived; a new handle. Errors: `INVALID_ARGUMENT` if there is none
 with this index. (DGRAM-03)
 */
kja_status_t kja_message_list_get(kja_message_list_t list,
                                  size_t index,
                                  kja_message_t *out);

/*
 Releases the handle.
 */
kja_status_t kja_message_list_release(kja_message_list_t list);

/*
 The whole network of the system. By design for the main program: code below is better handed a network, which it
 cannot widen, or an address. (NET-21)
 */
kja_status_t kja_network_new(kja_runtime_t runtime,
                             kja_network_t *out);

/*
 The part of a network whose peers match a rule of `allow` and none of `deny`; a new handle. Peers are checked after
 names are resolved: on connecting, each address by itself; on accepting, where a forbidden peer is dropped silently;
 and for datagrams. A network made from this one has to agree with it too. Rules are texts:

 - `10.0.0.0/8`, `fd00::/8`: a block of addresses. A denied peer passes only if a strictly more specific block allows it.
   IPv4 blocks match v4-mapped IPv6 addresses. Any other IPv6 address that embeds an IPv4 address (compatible, NAT64,
   6to4, Teredo, ISATAP) is judged by that too: it must not be denied, nor be local, private or reserved unless a rule
   allows that.
 - `local`: loopback and unspecified addresses; not unix sockets.
 - `network`: all but `local`, reserved and multicast addresses.
 - `private`: RFC 1918, 100.64/10, 169.254/16, fc00::/7, fe80::/10 and `local`. Denied, it leaves `local` alone.
 - `public`: all but `private`, reserved and multicast addresses.
 - `unix`, `unix-abstract`: unix sockets with a path, and with an abstract name.

 Errors: `INVALID_ARGUMENT` for any other rule, and for `network` or `public` in `deny`. (NET-05, NET-06, NET-07, NET-08,
 NET-09)
 */
kja_status_t kja_network_restrict(kja_network_t network,
                                  const kja_slice_t *allow,
                                  size_t allow_count,
                                  const kja_slice_t *deny,
                                  size_t deny_count,
                                  kja_network_t *out);

/*
 As `kja_address_parse_start`; the address keeps the rules of this network. A forbidden address is parsed like any
 other, and refused when it is used. (NET-01, NET-10)
 */
kja_status_t kja_network_parse_address_start(kja_network_t network,
                                             const char *text,
                                             size_t text_len,
                                             uint16_t default_port,
                                             kja_promise_t *out);

/*
 As `kja_address_from_sockaddr`; the address keeps the rules of this network. Errors: also `FAILED` for a peer that
 they forbid. (NET-04)
 */
kja_status_t kja_network_address_from_sockaddr(kja_network_t network,
                                               const void *sockaddr,
                                               size_t size,
                                               kja_address_t *out);

/*
 Whether the rules allow every peer that an address stands for, whichever network it is from. (LLIO-11)
 */
kja_status_t kja_network_allows(kja_network_t network,
                                kja_address_t address,
                                bool *out);

/*
 Releases the handle. Addresses and networks made from it stay as they are.
 */
kja_status_t kja_network_release(kja_network_t network);

/*
 Makes a wrapper: what turns connections, and with them listeners, addresses and whole networks, into secure ones, or
 into others. TLS is one. `ctx` is taken over in every case but that of options of the wrong size. Errors:
 `INVALID_ARGUMENT` for options of the wrong size and for a name that is not UTF-8. (NET-22)
 */
kja_status_t kja_network_wrapper_new(kja_runtime_t runtime,
                                     const kja_network_wrapper_options_t *options,
                                     kja_network_wrapper_t *out);

/*
 Wraps the end that connected, on the loop; the promise carries a `kja_connection_t`. Whoever is at the other end has
 to prove the name. The connection's handle is consumed if the call succeeds. Errors: `INVALID_ARGUMENT` for a name that
 is not UTF-8 and for a connection of another runtime; the promise fails as the wrapper says, with `WRONG_TYPE` if its
 result is no connection, with `UNIMPLEMENTED` if it has no `wrap_client`. Cancellation: the handshake ends and the
 connection is closed. (NET-22, TLS-12)
 */
kja_status_t kja_network_wrapper_wrap_client_start(kja_network_wrapper_t wrapper,
                                                   kja_connection_t connection,
                                                   const char *host,
                                                   size_t host_len,
                                                   kja_promise_t *out);

/*
 Wraps the end that was connected to; otherwise as `kja_network_wrapper_wrap_client_start`. (NET-22, TLS-12)
 */
kja_status_t kja_network_wrapper_wrap_server_start(kja_network_wrapper_t wrapper,
                                                   kja_connection_t connection,
                                                   kja_promise_t *out);

/*
 Makes a listener that accepts from another one and wraps. Handshakes run side by side and finish in any order, so that a
 peer which stalls holds up nobody; the options bound their number and their time. They begin while an accept is
 pending; one that has begun goes on, and what it gives is kept for the next accept, so that cancelling an accept loses
 no connection. One that fails is told to `on_accept_error` alone, and no accept fails because of it. When nothing more
 comes from the inner listener, an accept fails once the handshakes have ended.

 The inner listener stays the caller's and may be released; port, local address and socket options are its own. Closing
 the new one ends its handshakes and closes the inner one; releasing it, with no accept pending, ends its handshakes.
 Errors: `INVALID_ARGUMENT` for a listener of another runtime, `OVERLOADED` for more than
 64 on top of each other. (NET-22, TLS-14)
 */
kja_status_t kja_network_wrapper_wrap_listener(kja_network_wrapper_t wrapper,
                                               kja_listener_t listener,
                                               kja_listener_t *out);

/*
 Makes an address whose connections are wrapped: those it makes as clients, with the name to be expected; those it listens
 for as servers. The address stays the caller's, and both may be released once a connect has begun. The text is that of
 the address behind the wrapper's name and a colon, and cannot be parsed. Family, port, count and `struct sockaddr` are
 those of the address; a socket is not given it (`UNIMPLEMENTED`). Errors: `INVALID_ARGUMENT` for a name that is no
 UTF-8 and for an address of another runtime, `OVERLOADED` for more than
 64 on top of each other. (NET-22, TLS-15)
 */
kja_status_t kja_network_wrapper_wrap_address(kja_network_wrapper_t wrapper,
                                              kja_address_t address,
                                              const char *host,
                                              size_t host_len,
                                              kja_address_t *out);

/*
 Makes a network whose addresses are wrapped, with the host in their text, a name or an IP address, as the name to be
 expected. What has no such name is refused: texts of unix sockets and of several addresses with `INVALID_ARGUMENT`,
 a `struct sockaddr` with `UNIMPLEMENTED`. The rules are those of the network, and can be restricted further. The network
 stays the caller's. Errors: `INVALID_ARGUMENT` for a network of another runtime, `OVERLOADED` for more than
 64 on top of each other. (NET-22, TLS-16)
 */
kja_status_t kja_network_wrapper_wrap_network(kja_network_wrapper_t wrapper,
                                              kja_network_t network,
                                              kja_network_t *out);

/*
 Releases the handle. What was wrapped keeps the wrapper.
 */
kja_status_t kja_network_wrapper_release(kja_network_wrapper_t wrapper);

/*
 What is known of a peer: one of `KJA_PEER_*`.
 */
kja_status_t kja_peer_kind(kja_peer_t peer, uint32_t *out);

/*
 Copies a text for people, with a closing NUL, cut to `capacity`; that of a network address can be parsed. Writes its
 whole length, without the NUL, to `length`, which may be null. (PEER-01)
 */
kja_status_t kja_peer_text(kja_peer_t peer,
                           char *buffer,
                           size_t capacity,
                           size_t *length);

/*
 The address of a network peer; a new handle. No proof against a man in the middle. Errors: `WRONG_TYPE` for other
 kinds. (PEER-02)
 */
kja_status_t kja_peer_address(kja_peer_t peer,
                              kja_address_t *out);

/*
 The process, user and main group of a local peer, as they were when it called connect or listen; -1 for what the
 system does not tell. Any out-parameter may be null. Errors: `WRONG_TYPE` for other kinds. (PEER-03)
 */
kja_status_t kja_peer_credentials(kja_peer_t peer,
                                  int64_t *pid,
                                  int64_t *uid,
                                  int64_t *gid);

/*
 Who is at the other end of the connection that a TLS connection is on top of; a new handle. Errors: `WRONG_TYPE` for other
 kinds. (TLS-26)
 */
kja_status_t kja_peer_below(kja_peer_t peer,
                            kja_peer_t *out);

/*
 A peer at this address, for a transport of the caller's. The address stays the caller's. (PEER-05)
 */
kja_status_t kja_peer_new_network(kja_address_t address, kja_peer_t *out);

/*
 A process of this machine, for a transport of the caller's; -1 for what is not known. It belongs to no runtime.
 Errors: `INVALID_ARGUMENT` for a number that is none of 32 bits. (PEER-05)
 */
kja_status_t kja_peer_new_local(int64_t pid,
                                int64_t uid,
                                int64_t gid,
                                kja_peer_t *out);

/*
 A peer of whom nothing is known. It belongs to no runtime. (PEER-04, PEER-05)
 */
kja_status_t kja_peer_new_unknown(kja_peer_t *out);

/*
 Releases the handle. The connection that it came from is not touched. (PEER-06)
 */
kja_status_t kja_peer_release(kja_peer_t peer);

/*
 Makes a pipe in this process, without a buffer: what is written waits until it is read. `length` is how many bytes
 there will be, `UINT64_MAX` if that is not known; with a length the reader can ask how many are left, an early
 end is `DISCONNECTED`, and no more than that can be written. Releasing or closing the reading end makes writes fail
 with `DISCONNECTED`; after the writing end has gone the reader sees the end. (PIPE-01, PIPE-03, PIPE-04)
 */
kja_status_t kja_pipe_new_one_way(kja_runtime_t runtime,
                                  uint64_t length,
                                  kja_connection_t *reader,
                                  kja_connection_t *writer);

/*
 Makes two connections in this process, each of which reads what is written to the other, without a buffer. (PIPE-02)
 */
kja_status_t kja_pipe_new_two_way(kja_runtime_t runtime,
                                  kja_connection_t *one,
                                  kja_connection_t *other);

/*
 Makes a pipe of the system's (`pipe(2)`): the end to read from and the end to write to. (PIPE-06)
 */
kja_status_t kja_pipe_new_os_one_way(kja_runtime_t runtime,
                                     kja_connection_t *reader,
                                     kja_connection_t *writer);

/*
 Makes a pair of connected sockets of the system's (`socketpair(2)`). (PIPE-07, PIPE-08)
 */
kja_status_t kja_pipe_new_os_two_way(kja_runtime_t runtime,
                                     kja_connection_t *one,
                                     kja_connection_t *other);

/*
 Makes two connections that both read what `source` has. Each keeps what the other has read first, `limit` bytes at
 most (0 for 1 MiB): beyond that both fail with `OVERLOADED` once they have drained. A branch that is being pumped
 sets the pace. Releasing a branch frees what it kept; the source goes with the last, and nobody else may read from it.
 Errors: `OVERLOADED` for more than 64 connections on top of each other.
 (PIPE-09, PIPE-10, PIPE-11)
 */
kja_status_t kja_pipe_tee(kja_connection_t source,
                          size_t limit,
                          kja_connection_t *one,
                          kja_connection_t *other);

/*
 Makes a connection that passes everything on to the one that the promise will carry. Until then reads and writes
 wait; ending the writing, aborting and closing are done when it comes. If the promise fails they fail with its error.
 The promise's handle stays the caller's. Nobody else may use the connection that comes. One that comes to stand for itself,
 also through others, fails with `FAILED`; more than 64 on top of each other are `OVERLOADED`, in this call or, if that is
 known only when they have come, in each operation. (STRM-27)
 */
kja_status_t kja_connection_new_promised(kja_promise_t promise,
                                         kja_connection_t *out);

/*
 Makes a connection that takes every write and is at its end for every read; its length is 0. (STRM-22)
 */
kja_status_t kja_connection_new_null(kja_runtime_t runtime,
                                     kja_connection_t *out);

/*
 Makes a connection from a regular file, read and written from `offset` on without moving the descriptor's own
 offset. `flags` is `KJA_FD_BORROW` (a copy of the descriptor is made) or `KJA_FD_TAKE`. Reads and writes are done
 in the call, and may block for the disk; the length is known. Errors: `UNIMPLEMENTED` for what is no regular file;
 `INVALID_ARGUMENT` for an offset above `INT64_MAX`, and for a file that is open for appending, which the system would do
 whatever the offset. A write beyond the size that the process may give a file (RLIMIT_FSIZE) is an error and no signal.
 (STRM-25, STRM-26)
 */
kja_status_t kja_connection_from_file(kja_runtime_t runtime,
                                      int32_t fd,
                                      uint32_t flags,
                                      uint64_t offset,
                                      kja_connection_t *out);

/*
 Starts a program. All texts and descriptors are copied in the call, which takes as long as the system needs to start a program.

 Errors: what the system says, with its number, such as ENOENT without such a program or folder and EACCES for what is no program;
 `INVALID_ARGUMENT` for options that make no sense; `UNIMPLEMENTED` for a folder where the C library cannot (before glibc 2.29).
 */
kja_status_t kja_process_spawn(kja_runtime_t runtime,
                               const kja_process_options_t *options,
                               kja_process_t *out);

/*
 Watches a child that was started elsewhere, with `fork` for instance; any number of children, on any number of runtimes. Its
 exit is taken as soon as there is one: nobody else may wait for this one meanwhile. A process that is released before, or
 whose runtime shuts down, leaves the child alone: it is the caller's again, to be waited for.

 Errors: `INVALID_ARGUMENT` with ECHILD for what is no child of this process or has been waited for.
 (UNIX-05, UNIX-06, UNIX-07, UNIX-08)
 */
kja_status_t kja_process_watch(kja_runtime_t runtime,
                               int32_t pid,
                               kja_process_t *out);

/*
 Writes the child's number, or 0 once its exit has been taken, when another process may have it. (UNIX-06)
 */
kja_status_t kja_process_pid(kja_process_t process,
                             int32_t *out);

/*
 Our end of the child's standard input (`number` 0), output (1) or error (2): a new handle of a connection. What is written to a
 child that has closed its input fails with `DISCONNECTED`.

 Errors: `UNIMPLEMENTED` if that is no pipe; `INVALID_ARGUMENT` for another number.
 */
kja_status_t kja_process_stream(kja_process_t process,
                                uint32_t number,
                                kja_connection_t *out);

/*
 Waits for the end; the promise carries the status, a u64, at once if it has ended. Any number may wait. It holds the process.
 For a deadline see `kja_promise_timeout`. Output that nobody reads may keep the child from ending.

 Errors: `FAILED` with ECHILD if somebody else has taken the exit. Cancellation: the child goes on, and its exit is taken all
 the same. (UNIX-06, UNIX-07)
 */
kja_status_t kja_process_wait_start(kja_process_t process,
                                    kja_promise_t *out);

/*
 Sends a signal to the child, and never to another process. Never blocks.

 Errors: `FAILED` with ESRCH once its exit has been taken; `INVALID_ARGUMENT` for what is no signal. (UNIX-06)
 */
kja_status_t kja_process_kill(kja_process_t process,
                              int32_t signal);

/*
 Sends a signal to the child's process group. Errors: as `kja_process_kill`; also `INVALID_ARGUMENT` unless it was started with
 `KJA_PROCESS_NEW_GROUP`.
 */
kja_status_t kja_process_kill_group(kja_process_t process,
                                    int32_t signal);

/*
 Asks the child to end (SIGTERM) and kills it (SIGKILL) if it has not ended `grace_nanos` later; the whole group with
 `KJA_PROCESS_NEW_GROUP`. The promise carries the status, as `kja_process_wait_start`. Cancellation: what was sent has been sent,
 and it is not killed.
 */
kja_status_t kja_process_stop_start(kja_process_t process,
                                    uint64_t grace_nanos,
                                    kja_promise_t *out);

/*
 Releases the handle. With the last holder (waits are holders, connections are not) the child is killed, with its group if it
 has one of its own, unless it was started with `KJA_PROCESS_KEEP` or elsewhere; its exit is taken as soon as there is one. So it is
 by a shutdown.
 */
kja_status_t kja_process_release(kja_process_t process);

/*
 Starts a program, writes `input` to it, and collects what it says until it has ended; the promise carries a
 `kja_process_output_t`. Its output and error are collected, at most `limit` bytes each, unless the options have them go elsewhere
 than `KJA_STDIO_INHERIT` or a pipe; so is its input `input`, which it need not read. Who holds its output open keeps it waiting.

 Errors: those of `kja_process_spawn`; `OVERLOADED` for more than `limit`, and the program is killed. Cancellation: it is killed, unless
 started with `KJA_PROCESS_KEEP`.
 */
kja_status_t kja_process_run_start(kja_runtime_t runtime,
                                   const kja_process_options_t *options,
                                   const void *input,
                                   size_t input_size,
                                   size_t limit,
                                   kja_promise_t *out);

/*
 The status of a program that has been run to its end.
 */
kja_status_t kja_process_output_status(kja_process_output_t output, int32_t *status);

/*
 What a program has said on its standard output; a new handle.
 */
kja_status_t kja_process_output_stdout(kja_process_output_t output, kja_bytes_t *out);

/*
 What a program has said on its standard error; a new handle.
 */
kja_status_t kja_process_output_stderr(kja_process_output_t output, kja_bytes_t *out);

/*
 Releases the handle.
 */
kja_status_t kja_process_output_release(kja_process_output_t output);

/*
 A promise that has settled with unit. (PROM-02, PROM-21)
 */
kja_status_t kja_promise_new_unit(kja_runtime_t runtime, kja_promise_t *out);

/*
 A promise that has settled with a number. (PROM-02)
 */
kja_status_t kja_promise_new_u64(kja_runtime_t runtime, uint64_t value, kja_promise_t *out);

/*
 A promise that has settled with bytes; the handle stays the caller's. (PROM-02)
 */
kja_status_t kja_promise_new_bytes(kja_runtime_t runtime, kja_bytes_t bytes, kja_promise_t *out);

/*
 A promise that has settled with the object of a handle; the handle stays the caller's. (PROM-02)
 */
kja_status_t kja_promise_new_handle(kja_runtime_t runtime, kja_handle_t handle, kja_promise_t *out);

/*
 A promise that has settled with a pointer, which is taken over in every case. (PROM-02)
 */
kja_status_t kja_promise_new_opaque(kja_runtime_t runtime,
                                    void *value,
                                    kja_destroy_fn destroy,
                                    kja_promise_t *out);

/*
 A promise that has failed with this kind (`KJA_ERR_*`), OS error number (or 0) and text. (PROM-03)
 */
kja_status_t kja_promise_new_error(kja_runtime_t runtime,
                                   kja_status_t kind,
                                   int32_t os_error,
                                   const char *text,
                                   size_t text_len,
                                   kja_promise_t *out);

/*
 A promise that never settles by itself. (PROM-21)
 */
kja_status_t kja_promise_new_never(kja_runtime_t runtime, kja_promise_t *out);

/*
 Blocks until the promise settles. The status is `KJA_OK` or the promise's error, which becomes the last
 error with its text. Any number of threads may await one promise; none of them occupies the loop. A
 wait scope is driven by this call.

 Errors besides the promise's own: `WOULD_DEADLOCK` on a loop's thread; `WRONG_THREAD` for a wait scope of
 another thread. Cancellation: a cancel, a release or a shutdown elsewhere ends the wait. (PROM-12)
 */
kja_status_t kja_promise_await(kja_promise_t promise);

/*
 As `kja_promise_await`, for `nanos` nanoseconds at most: then `TIMED_OUT`, with the operation pending
 and the promise usable. 0 looks once. A promise may also fail with `TIMED_OUT`: `kja_promise_outcome_type` tells.
 */
kja_status_t kja_promise_await_for(kja_promise_t promise,
                                   uint64_t nanos);

/*
 `KJA_OK`, the promise's error, or `PENDING`, which can be its error too: `kja_promise_outcome_type` tells. Never blocks.
 */
kja_status_t kja_promise_status(kja_promise_t promise);

/*
 What has become of the promise: one of `KJA_OUTCOME_*`. The status is about this call alone, so that an error which the
 promise was rejected with, of whatever kind, is never taken for a wrong call, nor for a promise that is pending. Never
 blocks.
 */
kja_status_t kja_promise_outcome_type(kja_promise_t promise,
                                      uint32_t *out);

/*
 The value, if it is a number. Errors: `PENDING`, `WRONG_TYPE`, or the promise's own.
 */
kja_status_t kja_promise_u64(kja_promise_t promise, uint64_t *out);

/*
 The value, if it is bytes: a new handle each time, which the caller releases.
 */
kja_status_t kja_promise_bytes(kja_promise_t promise, kja_bytes_t *out);

/*
 The value, if it has handles of its own, such as a connection: a new handle each time, which the
 caller releases.
 */
kja_status_t kja_promise_handle(kja_promise_t promise, kja_handle_t *out);

/*
 The value, if it is an opaque pointer; borrowed until the promise is released.
 */
kja_status_t kja_promise_opaque(kja_promise_t promise, void **out);

/*
 Ends the operation. When this returns it is gone: its socket and timer are deregistered, its buffers
 free, and a callback that has not begun never runs. The promise settles as `CANCELED`; its handle is still
 to be released. A promise that has settled is left as it is. If its callback is running, this waits for
 it; called from inside that callback, it takes effect when the callback returns. From any thread. (PROM-01, CANC-04)
 */
kja_status_t kja_promise_cancel(kja_promise_t promise);

/*
 As `kja_promise_cancel`. The result settles with unit when all is over that this has set off: clean-ups of coroutines,
 `finally` callbacks that are the loop's to run, the callback that is running. From inside that callback, and where
 nothing has been set off, it has settled. From any thread; never waits for more than `kja_promise_cancel` does. (CANC-04)
 */
kja_status_t kja_promise_cancel_start(kja_promise_t promise,
                                      kja_promise_t *out);

/*
 Releases the handle. The last holder of a pending operation cancels it and whatever it was built from
 that nothing else holds, as `kja_promise_cancel` does. (PROM-01)
 */
kja_status_t kja_promise_release(kja_promise_t promise);

/*
 As `kja_promise_release`, without waiting for a callback of the promise that is running on another thread: it ends,
 and its result is dropped, when that returns. For finalizers and other places that may not wait.
 */
kja_status_t kja_promise_release_nowait(kja_promise_t promise);

/*
 A branch: another promise with the same outcome, cancelled on its own. The operation ends when the last
 branch and the original are gone. (FORK-01, FORK-03, FORK-04)
 */
kja_status_t kja_promise_fork(kja_promise_t promise,
                              kja_promise_t *out);

/*
 Whether something besides this handle holds the operation: a branch, a combinator, a promise made from it. False for
 a handle that is none. (FORK-02)
 */
bool kja_promise_has_branches(kja_promise_t promise);

/*
 Whether the promise belongs to this runtime, whose loop runs its callback and whose shutdown ends it. False for handles
 that are none. Never blocks. (PROM-38)
 */
bool kja_promise_belongs_to(kja_promise_t promise,
                            kja_runtime_t runtime);

/*
 Runs a callback at once, on the calling thread, and gives a promise of its result: what it fails with rejects the
 promise. It may not block if this is the loop's thread. `ctx` is taken over in every case. (PROM-24)
 */
kja_status_t kja_promise_eval_now(kja_runtime_t runtime,
                                  kja_callback_fn run,
                                  void *ctx,
                                  kja_destroy_fn destroy,
                                  kja_promise_t *out);

/*
 Copies the names of the operations from this promise down to what it waits for at the end, with ` < ` between
 them, such as `timeout < then < read`; empty once it has settled. With a closing NUL, cut to `capacity`. Writes the
 whole length to `length`, which may be null. Any thread. (PROM-20)
 */
kja_status_t kja_promise_trace(kja_promise_t promise,
                               char *buffer,
                               size_t capacity,
                               size_t *length);

/*
 Makes a connection of the program's own stream. It is a connection like any other: it can be read, written, pumped,
 teed, put below TLS, and served HTTP on. `ctx` is taken over in every case but that of a structure of the wrong size.

 What fails in a callback fails the operation that waits for it. One whose result is of the wrong type, or which gives more
 than was asked for or takes more than there is, fails it with `WRONG_TYPE` or `FAILED`. Cancelling a read loses nothing of what has
 come; of a write that was cancelled nobody knows how much went. What a callback is given to write is a copy: it may keep it.

 Errors: `INVALID_ARGUMENT` for a structure of the wrong size and for a `below` of another runtime; `OVERLOADED` for more
 than 64 connections on top of each other. (LLIO-13)
 */
kja_status_t kja_connection_from_callbacks(kja_runtime_t runtime,
                                           const kja_connection_callbacks_t *callbacks,
                                           kja_connection_t *out);

/*
 Makes a listener whose connections come from the program. It is a listener like any other: it can be wrapped, joined with
 others, and served HTTP on; port and socket options it has none. An accept fails as the callback does, and with
 `WRONG_TYPE` if its result is no connection. One that is cancelled loses no connection that has come. `ctx` is taken over in
 every case but that of a structure of the wrong size. Errors: `INVALID_ARGUMENT` for a structure of the wrong size.
 (LLIO-13)
 */
kja_status_t kja_listener_from_callbacks(kja_runtime_t runtime,
                                         const kja_listener_callbacks_t *callbacks,
                                         kja_listener_t *out);

/*
 Makes an address behind which is what the program provides. It can be connected to, listened on if there is an `accept`
 (else `UNIMPLEMENTED`), and wrapped; it stands for no socket address, and no port. Connecting fails as the callback does, and
 with `WRONG_TYPE` if its result is no connection. `ctx` is taken over in every case but that of a structure of the wrong
 size. Errors: `INVALID_ARGUMENT` for a structure of the wrong size and for a text that is not UTF-8. (LLIO-13)
 */
kja_status_t kja_address_from_callbacks(kja_runtime_t runtime,
                                        const kja_address_callbacks_t *callbacks,
                                        kja_address_t *out);

/*
 Makes a network whose addresses come from the program. It can parse texts, and so connect and serve wherever a network is
 asked for, and be wrapped; it has no rules and no sockets (`UNIMPLEMENTED`). A parse fails as the callback does, and with
 `WRONG_TYPE` if its result is no address. `ctx` is taken over in every case but that of a structure of the wrong size.
 Errors: `INVALID_ARGUMENT` for a structure of the wrong size. (LLIO-13)
 */
kja_status_t kja_network_from_callbacks(kja_runtime_t runtime,
                                        const kja_network_callbacks_t *callbacks,
                                        kja_network_t *out);

/*
 Makes a queue that holds `capacity` values at most.
 */
kja_status_t kja_queue_new(kja_runtime_t runtime, size_t capacity, kja_queue_t *out);

/*
 Adds a number as soon as there is room; the promise settles with unit then. Any thread. Errors: `DISCONNECTED` once
 the queue is closed. Cancellation: before the promise has settled the value is not added. (QUEUE-03)
 */
kja_status_t kja_queue_push_u64_start(kja_queue_t queue,
                                      uint64_t value,
                                      kja_promise_t *out);

/*
 As `kja_queue_push_u64_start`, with the object of a handle, which stays the caller's.
 */
kja_status_t kja_queue_push_handle_start(kja_queue_t queue, kja_handle_t value, kja_promise_t *out);

/*
 As `kja_queue_push_u64_start`, with a pointer, which is taken over in every case.
 */
kja_status_t kja_queue_push_opaque_start(kja_queue_t queue,
                                         void *value,
                                         kja_destroy_fn destroy,
                                         kja_promise_t *out);

/*
 Adds a number if there is room and nobody waits for room. Any thread, never blocks. Errors: `OVERLOADED` if not,
 `DISCONNECTED` once the queue is closed.
 */
kja_status_t kja_queue_try_push_u64(kja_queue_t queue,
                                    uint64_t value);

/*
 As `kja_queue_try_push_u64`, with a pointer, which is taken over in every case.
 */
kja_status_t kja_queue_try_push_opaque(kja_queue_t queue, void *value, kja_destroy_fn destroy);

/*
 Takes the oldest value as soon as there is one; the promise carries it. Those who wait are served in order. Errors:
 `DISCONNECTED` once the queue is closed and empty. Cancellation: nothing is taken. A
 value that the promise carries goes back to the front of the queue, also beyond its capacity, if nobody has learned
 of it when the last such promise is released. (QUEUE-01, QUEUE-04)
 */
kja_status_t kja_queue_pop_start(kja_queue_t queue,
                                 kja_promise_t *out);

/*
 Rejects everyone who waits for a value now; stored values stay. (QUEUE-05)
 */
kja_status_t kja_queue_reject_all(kja_queue_t queue,
                                  kja_status_t kind,
                                  int32_t os_error,
                                  const char *text,
                                  size_t text_len);

/*
 Rejects whoever has waited longest for a value. Errors: `FAILED` if nobody waits. (QUEUE-01)
 */
kja_status_t kja_queue_reject_oldest(kja_queue_t queue,
                                     kja_status_t kind,
                                     int32_t os_error,
                                     const char *text,
                                     size_t text_len);

/*
 No more values: later pushes and those that wait for room fail, what is stored can still be taken.
 */
kja_status_t kja_queue_close(kja_queue_t queue);

/*
 Writes how many values are stored.
 */
kja_status_t kja_queue_size(kja_queue_t queue, size_t *out);

/*
 Releases the handle. Pending pushes and pops keep the queue; close it to end them. (QUEUE-02)
 */
kja_status_t kja_queue_release(kja_queue_t queue);

/*
 Makes a runtime. `options` may be null for the defaults: a loop on a thread of its own. Any number of
 runtimes may live side by side. They belong to the process that made them: in a forked child all handles of the parent are
 `BAD_HANDLE`, and the child may make runtimes of its own. (UNIX-19)

 Errors: `INVALID_ARGUMENT` for options of the wrong size or with unknown values; `OVERLOADED` without
 descriptors or threads. (LOOP-02, LOOP-05)
 */
kja_status_t kja_runtime_new(const kja_runtime_options_t *options,
                             kja_runtime_t *out);

/*
 Ends the runtime: pending promises reject with `SHUTDOWN`, every socket is closed, the loop's thread is
 joined. It blocks for the bound in the options at most. Afterwards all handles that belong to the
 runtime are stale, except the runtime's own, which is still to be released. Bytes stay valid. A second
 call succeeds. From any thread; for a wait scope from its owner.

 Errors: `WOULD_DEADLOCK` on a loop's thread, and inside a destructor that this runtime's shutdown runs; `TIMED_OUT` if a
 callback still runs at the end of the bound: the runtime ends when that returns, and another call waits for it again.
 (LOOP-06)
 */
kja_status_t kja_runtime_shutdown(kja_runtime_t runtime);

/*
 Releases the handle; the runtime is shut down if it is alive. Blocks as `kja_runtime_shutdown` does.

 Errors: `WOULD_DEADLOCK` where `kja_runtime_shutdown` has it; the handle stays valid then. `TIMED_OUT` if a callback still
 runs at the end of the bound: the handle is released, and the runtime ends when that returns.
 */
kja_status_t kja_runtime_release(kja_runtime_t runtime);

/*
 Whether the runtime has not been shut down; false for a handle that is none.
 */
bool kja_runtime_is_alive(kja_runtime_t runtime);

/*
 Whether the calling thread is inside this runtime's loop, where blocking calls are refused.
 */
bool kja_runtime_on_loop(kja_runtime_t runtime);

/*
 A handle for calls into the loop from any thread. It does not keep the loop alive. (EXEC-01)
 */
kja_status_t kja_runtime_executor(kja_runtime_t runtime, kja_executor_t *out);

/*
 Makes a semaphore with this many permits, all of them free. One permit makes it a mutex.
 */
kja_status_t kja_semaphore_new(kja_runtime_t runtime, uint64_t permits, kja_semaphore_t *out);

/*
 Waits for `count` permits at once, behind whoever asked before; the promise carries a `kja_permit_t`. Errors:
 `INVALID_ARGUMENT` for none or more than there are. Cancellation: the place in the line is given up; permits that the
 promise carries already go back when the last handle of promise and permit is released.
 */
kja_status_t kja_semaphore_acquire_start(kja_semaphore_t semaphore,
                                         uint64_t count,
                                         kja_promise_t *out);

/*
 Takes `count` permits if they are free and nobody is in line. Never blocks. Errors: `BUSY` if not.
 */
kja_status_t kja_semaphore_try_acquire(kja_semaphore_t semaphore,
                                       uint64_t count,
                                       kja_permit_t *out);

/*
 Writes how many permits are free.
 */
kja_status_t kja_semaphore_free(kja_semaphore_t semaphore, uint64_t *out);

/*
 Gives the permits back, once no other handle or promise holds them. Any thread.
 */
kja_status_t kja_permit_release(kja_permit_t permit);

/*
 Releases the handle. Permits and pending acquires keep the semaphore.
 */
kja_status_t kja_semaphore_release(kja_semaphore_t semaphore);

/*
 Subscribes to `count` signals at once. Any number of subscriptions, of any runtimes, may be for the same signal, and each
 gets all of them. It lasts until `kja_signal_close`, the release of its last handle and wait, or shutdown.

 Errors: `INVALID_ARGUMENT` for SIGKILL, SIGSTOP and SIGCHLD, for SIGILL, SIGFPE, SIGSEGV and SIGBUS, for what is no signal,
 and for none; `BUSY` if the program has installed another handler since the library's, which ends all deliveries. (UNIX-01)
 */
kja_status_t kja_signal_new(kja_runtime_t runtime,
                            const int32_t *numbers,
                            size_t count,
                            kja_signal_t *out);

/*
 Waits for the next signal; the promise carries a `kja_signal_info_t`. What came since the last wait is there at once, in the
 order in which it came. Several waits are served in order. Errors: `CANCELED` once it is closed.

 Cancellation: the signal stays for the next wait, also if the promise has it and nobody has seen it. (UNIX-02)
 */
kja_status_t kja_signal_next_start(kja_signal_t signal,
                                   kja_promise_t *out);

/*
 Runs `on_signal` on the loop for one signal after another, with a `kja_signal_info_t` as its input. What the callback
 returns decides:

 - unit: the next one is waited for;
 - a promise: it is waited for first, and its outcome decides likewise;
 - any other value, or an error: the sequence ends, and that is the outcome of the promise.

 Other waits wait until it ends. `destroy(ctx)` runs before the promise settles or its cancel returns. Up to 8 callbacks run
 in one turn of the loop.

 Errors: `CANCELED` once the subscription is closed. Cancellation: what has not been given to the callback stays for the next
 wait, and a promise that the last callback returned is dropped before `ctx` is. (UNIX-02)
 */
kja_status_t kja_signal_each_start(kja_signal_t signal,
                                   kja_callback_fn on_signal,
                                   void *ctx,
                                   kja_destroy_fn destroy,
                                   kja_promise_t *out);

/*
 Ends the subscription now; waits reject with `CANCELED`. A second call does nothing. Never blocks.
 */
kja_status_t kja_signal_close(kja_signal_t signal);

/*
 Releases the handle. Pending waits keep the subscription.
 */
kja_status_t kja_signal_release(kja_signal_t signal);

/*
 Writes what is known of a signal that came.

 Errors: `INVALID_ARGUMENT` unless `size` is set. (UNIX-02)
 */
kja_status_t kja_signal_info_fields(kja_signal_info_t info, kja_signal_fields_t *fields);

/*
 Copies the signal's `siginfo_t` to `buffer`, cut to `capacity`, and writes its size to `length`, which may be null. (UNIX-02)
 */
kja_status_t kja_signal_info_bytes(kja_signal_info_t info,
                                   void *buffer,
                                   size_t capacity,
                                   size_t *length);

/*
 Releases the handle.
 */
kja_status_t kja_signal_info_release(kja_signal_info_t info);

/*
 Sends a signal to a process, or with a negative number to a process group, as `kill` does. Never blocks.

 Errors: what the system says, with its number: ESRCH if there is no such process, EPERM if it is somebody else's;
 `INVALID_ARGUMENT` for what is no signal.
 */
kja_status_t kja_signal_send(int32_t pid,
                             int32_t number);

/*
 Makes an empty task set for `limit` tasks at a time, 0 for 65536. `on_error` runs on the set's loop for each task that
 fails, whatever loop that is of, with the error as its input; it may run many times and what it returns is ignored. `ctx` is taken over in
 every case. Errors: `INVALID_ARGUMENT` without `on_error`. (TASK-02)
 */
kja_status_t kja_task_set_new(kja_runtime_t runtime,
                              size_t limit,
                              kja_callback_fn on_error,
                              void *ctx,
                              kja_destroy_fn destroy,
                              kja_task_set_t *out);

/*
 Gives the set a promise, which it holds until that settles. The promise's handle is consumed if this succeeds.
 Tasks may add tasks. Errors: `OVERLOADED` if the set is full. (TASK-01, TASK-08)
 */
kja_status_t kja_task_set_add(kja_task_set_t tasks,
                              kja_promise_t promise);

/*
 Writes how many tasks are pending; 0 for an empty set. (TASK-04)
 */
kja_status_t kja_task_set_size(kja_task_set_t tasks, size_t *out);

/*
 Settles with unit when the set is empty, at once if it is. Errors: `BUSY` if such a promise is pending. (TASK-05)
 */
kja_status_t kja_task_set_on_empty_start(kja_task_set_t tasks,
                                         kja_promise_t *out);

/*
 Cancels every task; they are gone when this returns, but for one that makes this call: it ends when its callback
 returns. The set is usable afterwards. (TASK-06)
 */
kja_status_t kja_task_set_clear(kja_task_set_t tasks);

/*
 Copies a text with a line for each task: the names of the operations that it waits for, outermost first. As
 `kja_promise_trace` otherwise. (TASK-07)
 */
kja_status_t kja_task_set_trace(kja_task_set_t tasks,
                                char *buffer,
                                size_t capacity,
                                size_t *length);

/*
 As `kja_task_set_release`, without waiting for a task's callback that is running. For finalizers.
 */
kja_status_t kja_task_set_release_nowait(kja_task_set_t tasks);

/*
 Releases the handle. The last one cancels every task. (TASK-03)
 */
kja_status_t kja_task_set_release(kja_task_set_t tasks);

/*
 The monotonic clock, in nanoseconds. (TIME-01)
 */
uint64_t kja_timer_now_nanos(void);

/*
 Reads a clock of the system, `KJA_CLOCK_*`, in nanoseconds. (TIME-10)
 */
kja_status_t kja_clock_now_nanos(uint32_t clock, uint64_t *out);

/*
 The time that this runtime's timers go by, in nanoseconds: the monotonic clock's, or its own if it is virtual.
 */
kja_status_t kja_timer_now(kja_runtime_t runtime,
                           uint64_t *out);

/*
 Moves virtual time on by `nanos`. A wait scope stops at each timer on the way and runs what that sets off; with
 a loop thread the timers fire soon after this returns. Time never goes back.

 Errors: `INVALID_ARGUMENT` if time is not virtual; `WRONG_THREAD` off the owner's thread of a wait scope. (TIME-06)
 */
kja_status_t kja_timer_advance(kja_runtime_t runtime,
                               uint64_t nanos);

/*
 When the next timer is due; `UINT64_MAX` if there is none. (TIME-07)
 */
kja_status_t kja_timer_next(kja_runtime_t runtime, uint64_t *out);

/*
 How many whole units of `unit` nanoseconds until the next timer is due, rounded up; `most` if that is less or
 there is no timer. For passing to a system call. (TIME-08)
 */
kja_status_t kja_timer_timeout_to_next(kja_runtime_t runtime,
                                       uint64_t unit,
                                       uint64_t most,
                                       uint64_t *out);

/*
 Settles with unit `nanos` nanoseconds from now; never early. Cancellation: the timer is removed and
 never fires. A callback that starts very many gives way in between, by `kja_timer_yield_start`: no timer fires
 while a callback runs. (TIME-03, TIME-05)
 */
kja_status_t kja_timer_sleep_start(kja_runtime_t runtime,
                                   uint64_t nanos,
                                   kja_promise_t *out);

/*
 Settles with unit at this time of the monotonic clock, in nanoseconds; at once if it has passed. Timers
 of the same time settle in the order in which they were started. (TIME-02)
 */
kja_status_t kja_timer_sleep_until_start(kja_runtime_t runtime,
                                         uint64_t mono_nanos,
                                         kja_promise_t *out);

/*
 Settles with unit on a later turn of the loop, after what is queued now. (PROM-26)
 */
kja_status_t kja_timer_yield_start(kja_runtime_t runtime, kja_promise_t *out);

/*
 Settles with unit once the loop has nothing else queued. (PROM-27)
 */
kja_status_t kja_timer_yield_until_queue_empty_start(kja_runtime_t runtime, kja_promise_t *out);

/*
 Settles with unit once the loop has nothing queued and no socket is ready: when it would sleep. (PROM-28)
 */
kja_status_t kja_timer_yield_until_would_sleep_start(kja_runtime_t runtime,
                                                     kja_promise_t *out);

/*
 Makes a context: whom to trust, and how this side proves itself, as client, as server or as both. `options` may be null: a
 client that trusts whom the system trusts. The files of the system's certificates are read now, unless
 `KJA_TLS_NO_SYSTEM_TRUST` says otherwise. `ctx` is taken over in every case but that of options of the wrong size. Errors:
 `INVALID_ARGUMENT` for what cannot be read or offered. (TLS-01)
 */
kja_status_t kja_tls_context_new(kja_runtime_t runtime,
                                 const kja_tls_options_t *options,
                                 kja_tls_context_t *out);

/*
 What turns connections, listeners, addresses and networks into secure ones, `kja_network_wrapper_wrap_client_start` and the
 others; a new handle. The promise of a handshake fails with `FAILED` and a text that says which check failed
 (`kja_tls_failure` says it as a number), or with `DISCONNECTED`. Reading a secure connection gives `DISCONNECTED` if
 it ends without the goodbye of TLS: what came may not be all then. Shutting down writing says goodbye. Names, socket options
 and descriptor are those of the connection below. (TLS-12 to TLS-19)
 */
kja_status_t kja_tls_context_wrapper(kja_tls_context_t tls,
                                     kja_network_wrapper_t *out);

/*
 Replaces the key pair, by none for 0: handshakes that begin later use the new one, connections go on. The handle of the key
 pair stays the caller's. Any thread may do it.
 */
kja_status_t kja_tls_context_set_key_pair(kja_tls_context_t tls,
                                          kja_tls_key_pair_t key_pair);

/*
 Releases the handle. What was made with the context keeps it.
 */
kja_status_t kja_tls_context_release(kja_tls_context_t tls);

/*
 Writes which check of a TLS handshake an error is about, one of `KJA_TLS_FAILURE_*`, for example for the error that
 `kja_promise_error_object` gives. (TLS-11, TLS-12)
 */
kja_status_t kja_tls_failure(kja_error_t error,
                             uint32_t *out);

/*
 Makes a key pair from a chain of certificates, the leaf first and at most 10, and a private key: each PEM, or DER, the
 certificates one after the other. The key is in PKCS 8, or in the traditional form of RSA or elliptic curves; one that is
 encrypted is in PKCS 8, and `password` opens it. `password` may be null for none. Everything is copied; what the library
 itself has copied of the key is overwritten, what its cryptography works with is not. It belongs to no runtime.
 Errors: `INVALID_ARGUMENT` for what cannot be read, a wrong or missing password, and a key that is not that of the leaf. No
 text of an error has anything of a key in it. (TLS-20, TLS-21, TLS-22)
 */
kja_status_t kja_tls_key_pair_new(const void *certificates,
                                  size_t certificates_size,
                                  const void *key,
                                  size_t key_size,
                                  const void *password,
                                  size_t password_size,
                                  kja_tls_key_pair_t *out);

/*
 Releases the handle. What uses the key pair keeps it.
 */
kja_status_t kja_tls_key_pair_release(kja_tls_key_pair_t key_pair);

/*
 Writes how many certificates the peer has presented: 0 for none. That they were verified is a matter of the context that the
 handshake was made with. Errors: `WRONG_TYPE` for a peer of another kind, as for all functions here. (TLS-23)
 */
kja_status_t kja_tls_peer_certificate_count(kja_peer_t peer,
                                            size_t *out);

/*
 One of the certificates that the peer has presented, in DER; 0 is its own, the others follow in the order of the chain.
 Errors: `INVALID_ARGUMENT` if there are not so many. (TLS-23)
 */
kja_status_t kja_tls_peer_certificate(kja_peer_t peer,
                                      size_t index,
                                      kja_bytes_t *out);

/*
 Copies the common name in the peer's certificate, with a closing NUL, cut to `capacity`; empty if it has none. Writes its
 whole length, without the NUL, to `length`, which may be null. Errors: `INVALID_ARGUMENT` if the peer has presented no
 certificate, or one that cannot be read. (TLS-24)
 */
kja_status_t kja_tls_peer_common_name(kja_peer_t peer,
                                      char *buffer,
                                      size_t capacity,
                                      size_t *length);

/*
 Writes how many names the peer's certificate is for. Errors: as `kja_tls_peer_common_name`.
 */
kja_status_t kja_tls_peer_alt_name_count(kja_peer_t peer, size_t *out);

/*
 One of the names that the peer's certificate is for: its kind, `KJA_TLS_NAME_*`, and its text as
 `kja_tls_peer_common_name` copies it. Names of further kinds are left out. `kind` may be null. Errors: as there, and
 `INVALID_ARGUMENT` if there are not so many.
 */
kja_status_t kja_tls_peer_alt_name(kja_peer_t peer,
                                   size_t index,
                                   uint32_t *kind,
                                   char *buffer,
                                   size_t capacity,
                                   size_t *length);

/*
 Writes whether the peer's certificate is for this DNS name or IP address; wildcards in the certificate count, its common
 name does not. `false` without a certificate. (TLS-25)
 */
kja_status_t kja_tls_peer_matches_host(kja_peer_t peer,
                                       const char *host,
                                       size_t host_len,
                                       bool *out);

/*
 Copies the name that the client asked for, as `kja_tls_peer_common_name` does; empty if it asked for none.
 */
kja_status_t kja_tls_peer_server_name(kja_peer_t peer,
                                      char *buffer,
                                      size_t capacity,
                                      size_t *length);

/*
 Copies the application protocol that both sides agreed on, cut to `capacity`, and writes its whole length to `length`,
 which may be null: 0 if there is none. (TLS-27)
 */
kja_status_t kja_tls_peer_alpn(kja_peer_t peer,
                               void *buffer,
                               size_t capacity,
                               size_t *length);

/*
 Writes the version, `KJA_TLS_1_2` or `KJA_TLS_1_3`; 0 inside a callback that judges the peer. (TLS-27)
 */
kja_status_t kja_tls_peer_version(kja_peer_t peer,
                                  uint32_t *out);

/*
 Copies the name of the cipher suite at the IANA, as `kja_tls_peer_common_name` does. (TLS-27)
 */
kja_status_t kja_tls_peer_cipher_suite(kja_peer_t peer,
                                       char *buffer,
                                       size_t capacity,
                                       size_t *length);

/*
 Writes whether the handshake went on with an earlier session, from which the certificates are then. (TLS-27)
 */
kja_status_t kja_tls_peer_is_resumed(kja_peer_t peer,
                                     bool *out);

/*
 Reads a URL in a context, a `KJA_URL_` number, with `KJA_URL_KEEP_ESCAPES` and `KJA_URL_ALLOW_EMPTY` as flags. URLs belong to no
 runtime. Errors: `INVALID_ARGUMENT` for a text that is no URL there, a bad escape and one that does not decode to UTF-8
 included; so is one for `http`, `https`, `ws` or `wss` without a host. (URL-01, URL-02, URL-03, URL-04, URL-07, URL-08)
 */
kja_status_t kja_url_parse(const char *text,
                           size_t text_len,
                           uint32_t context,
                           uint32_t flags,
                           kja_url_t *out);

/*
 Reads a reference found in a document at `base`. `..` stops at the root. Errors: as `kja_url_parse`. (URL-06)
 */
kja_status_t kja_url_parse_relative(kja_url_t base,
                                    const char *text,
                                    size_t text_len,
                                    kja_url_t *out);

/*
 Makes a URL without any part, to be set one by one. Flags as `kja_url_parse`.
 */
kja_status_t kja_url_new(uint32_t flags, kja_url_t *out);

/*
 Makes a copy that changes independently. (URL-11)
 */
kja_status_t kja_url_clone(kja_url_t url, kja_url_t *out);

/*
 Copies the text of a URL in a context, with a closing NUL, cut to `capacity`, and writes its whole length to `length`, which may be null.
 Errors: `INVALID_ARGUMENT` for parts that would be read back as others, such as a part of the path that is `..`. (URL-05)
 */
kja_status_t kja_url_text(kja_url_t url,
                          uint32_t context,
                          char *buffer,
                          size_t capacity,
                          size_t *length);

/*
 Copies a part, one of `KJA_URL_SCHEME` to `KJA_URL_FRAGMENT`, decoded, with a closing NUL and cut to `capacity`. Its whole length goes to `length`
 and whether there is one to `found`; both may be null. (URL-01)
 */
kja_status_t kja_url_get(kja_url_t url,
                         uint32_t part,
                         char *buffer,
                         size_t capacity,
                         size_t *length,
                         bool *found);

/*
 Sets a part, or takes it out if `text` is null. A password without a user belongs to the empty name. (URL-01)
 */
kja_status_t kja_url_set(kja_url_t url,
                         uint32_t part,
                         const char *text,
                         size_t text_len);

/*
 Writes how many parts the path has. (URL-01)
 */
kja_status_t kja_url_path_count(kja_url_t url, size_t *out);

/*
 Copies a part of the path by its place, from 0 on, decoded and with a closing NUL, cut to `capacity`; its whole length goes to `length`, which
 may be null. Errors: `INVALID_ARGUMENT` for a place past the end. (URL-01)
 */
kja_status_t kja_url_path_at(kja_url_t url,
                             size_t index,
                             char *buffer,
                             size_t capacity,
                             size_t *length);

/*
 Adds a part to the end of the path. It may hold any text; a slash in it is escaped where the URL is written.
 */
kja_status_t kja_url_path_append(kja_url_t url,
                                 const char *text,
                                 size_t text_len);

/*
 Takes all parts of the path out.
 */
kja_status_t kja_url_path_clear(kja_url_t url);

/*
 Writes whether a slash follows the last part of the path. (URL-01)
 */
kja_status_t kja_url_trailing_slash(kja_url_t url, bool *out);

/*
 Says whether a slash follows the last part of the path.
 */
kja_status_t kja_url_set_trailing_slash(kja_url_t url, bool slash);

/*
 Writes how many items the query has. (URL-01)
 */
kja_status_t kja_url_query_count(kja_url_t url, size_t *out);

/*
 Copies name and value of an item of the query by its place, from 0 on, decoded, each with a closing NUL and cut to its capacity; their whole
 lengths go to `name_length` and `value_length` and whether there is a value, as behind `a=` and not behind `a`, to
 `has_value`; all three may be null. Errors: `INVALID_ARGUMENT` for a place past the end. (URL-08)
 */
kja_status_t kja_url_query_at(kja_url_t url,
                              size_t index,
                              char *name,
                              size_t name_capacity,
                              size_t *name_length,
                              char *value,
                              size_t value_capacity,
                              size_t *value_length,
                              bool *has_value);

/*
 Adds an item to the end of the query; `value` is null for none. (URL-08)
 */
kja_status_t kja_url_query_append(kja_url_t url,
                                  const char *name,
                                  size_t name_len,
                                  const char *value,
                                  size_t value_len);

/*
 Takes all items of the query out.
 */
kja_status_t kja_url_query_clear(kja_url_t url);

/*
 Releases the handle.
 */
kja_status_t kja_url_release(kja_url_t url);

/*
 Accepts a request for a WebSocket: the answer is sent, and the handle of the socket goes to `out`. That can be used at
 once, and lives as long as the promise of the service. `headers` go into the answer, 0 for none; a
 `Sec-WebSocket-Protocol` among them chooses one of the subprotocols that the client has offered. `options` may be null.
 Errors: `FAILED` for a request that is no handshake, which has then been answered with 400, or with 426 for another version;
 `INVALID_ARGUMENT` for headers that are the handshake's; otherwise as `kja_http_request_respond`. (HSRV-04, HSRV-22, WS-18,
 WS-19, WS-22)
 */
kja_status_t kja_http_request_accept_websocket(kja_http_request_t request,
                                               kja_http_headers_t headers,
                                               const kja_websocket_options_t *options,
                                               kja_websocket_t *out);

/*
 Asks for a WebSocket at an absolute URL, `ws` or `http`, over a connection of its own. `headers` go into the request, 0 for
 none; a `Sec-WebSocket-Protocol` among them offers subprotocols. `options` may be null. The promise carries a
 `kja_websocket_t`, or a `kja_http_response_t` if the server answers otherwise; `kja_websocket_is` tells. Errors:
 `INVALID_ARGUMENT` for headers that are the handshake's; of the promise `FAILED` for an answer that does not fit, otherwise
 as `kja_http_client_request_start`. Cancellation: the connection is closed. (HCLI-06, HCLI-13, WS-18, WS-19, WS-22)
 */
kja_status_t kja_http_client_websocket_start(kja_http_client_t client,
                                             const char *url,
                                             size_t url_len,
                                             kja_http_headers_t headers,
                                             const kja_websocket_options_t *options,
                                             kja_promise_t *out);

/*
 Whether a handle is that of a socket.
 */
bool kja_websocket_is(kja_handle_t handle);

/*
 Makes a socket of a connection whose handshake has been done, which is the socket's from now on. `role` is
 `KJA_WEBSOCKET_CLIENT` or `KJA_WEBSOCKET_SERVER`. `extensions` is what the server has answered under
 `Sec-WebSocket-Extensions`, empty for nothing. `options` may be null. Errors: `BUSY` if a read of the connection is pending;
 `INVALID_ARGUMENT` for extensions other than permessage-deflate. (WS-14, WS-15, WS-17)
 */
kja_status_t kja_websocket_new(kja_connection_t connection,
                               uint32_t role,
                               const char *extensions,
                               size_t extensions_len,
                               const kja_websocket_options_t *options,
                               kja_websocket_t *out);

/*
 Makes two sockets in this process, each of which receives what is sent over the other. There is no buffer between them: a
 send settles when its message has been received. `options` may be null; nothing is compressed. (WS-16)
 */
kja_status_t kja_websocket_pipe(kja_runtime_t runtime,
                                const kja_websocket_options_t *options,
                                kja_websocket_t *one,
                                kja_websocket_t *other);

/*
 Sends a message of `kind`, `KJA_WEBSOCKET_TEXT` or `KJA_WEBSOCKET_BINARY`, whose `size` bytes are copied. Messages go out
 whole and in the order in which their sends were started, from any thread. The promise settles when the system has all
 of it. Errors: `INVALID_ARGUMENT` for a text that is not UTF-8; of the promise `FAILED` after a close or a send that was
 cancelled on its way, `DISCONNECTED` if the other end has gone. Cancellation: a message that waits behind others is not
 sent. With a part of it on its way the socket can send nothing more, and says so; receiving goes on, and
 `kja_websocket_disconnect` and `kja_websocket_abort` are what is left to do. (WS-01)
 */
kja_status_t kja_websocket_send_start(kja_websocket_t socket,
                                      uint32_t kind,
                                      const void *data,
                                      size_t size,
                                      kja_promise_t *out);

/*
 As `kja_websocket_send_start`, without copying unless the message is compressed, masked or short. (WS-01)
 */
kja_status_t kja_websocket_send_bytes_start(kja_websocket_t socket,
                                            uint32_t kind,
                                            kja_bytes_t data,
                                            kja_promise_t *out);

/*
 Sends a message if no other send waits and the system takes at least a part of it, whose rest follows by itself; whether it
 did goes to `sent`. Makes no promise. Any thread; never blocks. Errors: as `kja_websocket_send_start`. (WS-01)
 */
kja_status_t kja_websocket_send_now(kja_websocket_t socket,
                                    uint32_t kind,
                                    const void *data,
                                    size_t size,
                                    bool *sent);

/*
 Sends one message piece by piece: what is written to the connection whose handle goes to `body`. Shutting down its writing
 ends the message, and so does releasing it; other messages wait until then. The promise settles when all of it has been
 sent. Errors: as `kja_websocket_send_start`. Cancellation, and an abort of the writing: once a piece has been sent, the socket
 can send nothing more. (WS-01)
 */
kja_status_t kja_websocket_send_stream_start(kja_websocket_t socket,
                                             uint32_t kind,
                                             kja_connection_t *body,
                                             kja_promise_t *out);

/*
 Receives the next message, of at most `limit` bytes, 0 for what the options say. The promise carries a
 `kja_websocket_message_t`; the last is the close of the other end, which is answered by itself. Errors: `BUSY` if a receive is
 pending. The promise fails with `DISCONNECTED` for an end without a close, with `FAILED` for what breaks the protocol and
 `OVERLOADED` for a message that is too long, both of which close the socket with the code that is the detail
 `KJA_WEBSOCKET_CODE_DETAIL` of the error, and with `TIMED_OUT` for another end that gives no sign of life. After an error or
 the close every receive fails. Cancellation: what has come of a message is there for the next receive. (WS-02, WS-12,
 WS-13, WS-20)
 */
kja_status_t kja_websocket_receive_start(kja_websocket_t socket,
                                         size_t limit,
                                         kja_promise_t *out);

/*
 Receives what has come of a message, as soon as something has: for messages that are larger than memory.
 `kja_websocket_message_is_last` tells whether the message ends with it; a `kja_websocket_receive_start` before that gives
 the rest of it. A piece of a text may end within a character. Otherwise as `kja_websocket_receive_start`. (WS-02)
 */
kja_status_t kja_websocket_receive_piece_start(kja_websocket_t socket,
                                               kja_promise_t *out);

/*
 Receives message after message, each as `kja_websocket_receive_start`, and runs `on_message` on the loop for each, the close
 included, with the message as its input. What the callback returns decides:

 - unit: the next receive begins; after the close the promise settles with unit;
 - a promise: it is waited for first, and its outcome decides likewise;
 - any other value, or an error: the receiving ends, and that is the outcome of the promise.

 Errors: those of a receive end it. Cancellation: what has not been given to the callback is there for the next receive, and a
 promise that the last callback returned is dropped before `ctx` is. (WS-02)
 */
kja_status_t kja_websocket_receive_each_start(kja_websocket_t socket,
                                              size_t limit,
                                              kja_callback_fn on_message,
                                              void *ctx,
                                              kja_destroy_fn destroy,
                                              kja_promise_t *out);

/*
 Sends a close behind the messages that were started before. The promise settles when it is written; the close of the
 other end is the last that is received, and if it does not come in time the connection is cut. `code` is 1000 to 1003,
 1007 to 1014 or 3000 to 4999, or `KJA_WEBSOCKET_NO_CODE` without a reason; a reason has at most 123 bytes. Where a close
 has been sent already, also as the answer to one, this does nothing. Errors: `INVALID_ARGUMENT` for what cannot be sent;
 otherwise as `kja_websocket_send_start`. Cancellation: one that waits behind messages sends nothing. (WS-03, WS-21)
 */
kja_status_t kja_websocket_close_start(kja_websocket_t socket,
                                       uint32_t code,
                                       const char *reason,
                                       size_t reason_len,
                                       kja_promise_t *out);

/*
 As `kja_websocket_close_start`, and waits until the other end has closed or gone. What it still sends is thrown away, unless
 somebody receives it. Errors: also `TIMED_OUT` if it does not close in time; the connection is cut then. (WS-03)
 */
kja_status_t kja_websocket_finish_start(kja_websocket_t socket,
                                        uint32_t code,
                                        const char *reason,
                                        size_t reason_len,
                                        kja_promise_t *out);

/*
 Ends the sending without a close: receives of the other end fail with `DISCONNECTED`, pending sends here with `FAILED`.
 Receiving goes on. Any thread; never blocks. (WS-04)
 */
kja_status_t kja_websocket_disconnect(kja_websocket_t socket);

/*
 Ends both directions now, without a close: whatever is pending fails with `CANCELED`. Any thread; never blocks. (WS-05)
 */
kja_status_t kja_websocket_abort(kja_websocket_t socket);

/*
 The promise settles once sending would fail because the other end has gone, as far as that can be known. (WS-06)
 */
kja_status_t kja_websocket_when_aborted_start(kja_websocket_t socket,
                                              kja_promise_t *out);

/*
 Sends a ping of at most 125 bytes. The promise settles when its pong has come, or that of a later ping; somebody has to be
 receiving for that. Pings of the other end are answered without this. Errors: `INVALID_ARGUMENT` for a longer one; otherwise
 as `kja_websocket_send_start`, and `DISCONNECTED` if the other end closes first. (WS-11)
 */
kja_status_t kja_websocket_ping_start(kja_websocket_t socket,
                                      const void *data,
                                      size_t size,
                                      kja_promise_t *out);

/*
 Sends a pong of at most 125 bytes that nobody has asked for, as a sign of life. Errors: as `kja_websocket_ping_start`. (WS-11)
 */
kja_status_t kja_websocket_pong_start(kja_websocket_t socket,
                                      const void *data,
                                      size_t size,
                                      kja_promise_t *out);

/*
 Forwards the messages of one socket to the other until the first has closed, with what the other is closed as well. The
 promise settles when that close has been written. An error of receiving closes the other with 1011, or with the code of a
 broken protocol, and is the error of the promise; an error of sending is the error of the promise. Cancellation: messages
 on their way are lost as with `kja_websocket_send_start`.

 Between a server's socket and a client's that have agreed on the same compression, or on none, messages go on as they are,
 without a look at what they hold: whether a text is UTF-8 is left to the other end. Compressed ones do so if no window goes
 from message to message on their way (`KJA_WEBSOCKET_CLIENT_NO_CONTEXT_TAKEOVER` for those of a client). See
 `kja_websocket_matching_options`. (WS-07, WS-08)
 */
kja_status_t kja_websocket_pump_start(kja_websocket_t from,
                                      kja_websocket_t to,
                                      kja_promise_t *out);

/*
 Writes how many bytes have been sent and received since the handshake, those of frames included. Out-parameters may be null.
 (WS-10)
 */
kja_status_t kja_websocket_byte_counts(kja_websocket_t socket,
                                       uint64_t *sent,
                                       uint64_t *received);

/*
 Copies the subprotocol that was agreed on, empty for none, with a closing NUL, cut to `capacity`; its whole length goes to
 `length`, which may be null.
 */
kja_status_t kja_websocket_protocol(kja_websocket_t socket,
                                    char *buffer,
                                    size_t capacity,
                                    size_t *length);

/*
 Writes into `options` the flags and windows with which another socket comes to what this one has agreed on compression,
 if its other end does not want less, and leaves the rest of `options` as it is. A proxy asks here first, with the socket to
 the server, and accepts its client with that: `kja_websocket_pump_start` can then pass messages on as they are. (WS-09)
 */
kja_status_t kja_websocket_matching_options(kja_websocket_t socket,
                                            kja_websocket_options_t *options);

/*
 Copies what was agreed on compression, as `Sec-WebSocket-Extensions` has it, empty for nothing. Otherwise as
 `kja_websocket_protocol`. (WS-17)
 */
kja_status_t kja_websocket_extensions(kja_websocket_t socket,
                                      char *buffer,
                                      size_t capacity,
                                      size_t *length);

/*
 Writes a handle of the connection that the socket is over, to ask for its peer; it must be neither read nor written.
 */
kja_status_t kja_websocket_connection(kja_websocket_t socket,
                                      kja_connection_t *out);

/*
 Releases the handle. The connection is closed when no handle, no promise and no pending operation has the socket.
 */
kja_status_t kja_websocket_release(kja_websocket_t socket);

/*
 Writes `KJA_WEBSOCKET_TEXT`, `KJA_WEBSOCKET_BINARY` or `KJA_WEBSOCKET_CLOSE`. (WS-02)
 */
kja_status_t kja_websocket_message_kind(kja_websocket_message_t message, uint32_t *out);

/*
 Writes where the bytes are, without a handle: valid until the message is released. They are those of the message, or the
 reason of a close; a text is UTF-8. Out-parameters may be null. (WS-02)
 */
kja_status_t kja_websocket_message_data(kja_websocket_message_t message,
                                        const void **data,
                                        size_t *size);

/*
 Writes a handle of the same bytes, which outlives the message. (WS-02)
 */
kja_status_t kja_websocket_message_bytes(kja_websocket_message_t message, kja_bytes_t *out);

/*
 Writes the code of a close: `KJA_WEBSOCKET_NO_CODE` if it had none. Errors: `WRONG_TYPE` for a message. (WS-03, WS-21)
 */
kja_status_t kja_websocket_message_close_code(kja_websocket_message_t message,
                                              uint32_t *out);

/*
 Writes whether it is a whole message, or the last piece of one. (WS-02)
 */
kja_status_t kja_websocket_message_is_last(kja_websocket_message_t message, bool *out);

/*
 Releases the handle.
 */
kja_status_t kja_websocket_message_release(kja_websocket_message_t message);

/*
 Makes a connection from a connected stream socket, a Unix socket among them, or from anything else that can be polled,
 such as one end of a pipe or a terminal: its kind is detected.

 With `KJA_FD_TAKE` the descriptor is the library's from now on, also if the call fails, and is set to close on exec.
 Without, a copy is made that is closed on exec; the caller keeps and closes its own, whose close-on-exec flag is not
 touched. That it does not block is a property which both copies share: it is set, and not set back.

 Errors: `FAILED` with the OS error EBADF for one that is not open; `INVALID_ARGUMENT` for a listening socket, one of
 datagrams or unknown flags; `UNIMPLEMENTED` for what cannot be polled: for a regular file there is
 `kja_connection_from_file`. (LLIO-01, LLIO-02, LLIO-03, LLIO-04, LLIO-05, LLIO-06, LLIO-10)
 */
kja_status_t kja_connection_from_fd(kja_runtime_t runtime,
                                    int32_t fd,
                                    uint32_t flags,
                                    kja_connection_t *out);

/*
 Connects a stream socket to the address, of whose names the first of the socket's family is used; the promise carries
 a `kja_connection_t`. The full backlog of a unix socket is waited for as by `kja_address_connect_start`. Flags and errors as `kja_connection_from_fd`; the promise fails with `DISCONNECTED` if the
 connection is refused. Cancellation: the attempt ends and the library's descriptor is closed. (LLIO-07)
 */
kja_status_t kja_connection_from_connecting_fd_start(kja_runtime_t runtime,
                                                     int32_t fd,
                                                     uint32_t flags,
                                                     kja_address_t to,
                                                     kja_promise_t *out);

/*
 Makes a listener from a socket that is listening already. Flags as `kja_connection_from_fd`. Errors:
 `INVALID_ARGUMENT` for any other descriptor. (LLIO-08)
 */
kja_status_t kja_listener_from_fd(kja_runtime_t runtime,
                                  int32_t fd,
                                  uint32_t flags,
                                  kja_listener_t *out);

/*
 Makes a datagram port from a datagram socket, bound or connected as the caller left it. Flags as
 `kja_connection_from_fd`. Errors: `INVALID_ARGUMENT` for any other descriptor. (LLIO-09)
 */
kja_status_t kja_datagram_from_fd(kja_runtime_t runtime,
                                  int32_t fd,
                                  uint32_t flags,
                                  kja_datagram_t *out);

/*
 As `kja_listener_from_fd`; the rules of the network decide who is accepted, and a network that is wrapped wraps the
 listener. (LLIO-08)
 */
kja_status_t kja_network_listener_from_fd(kja_network_t network,
                                          int32_t fd,
                                          uint32_t flags,
                                          kja_listener_t *out);

/*
 As `kja_datagram_from_fd`; the rules of the network decide who is heard and sent to. Errors: also `UNIMPLEMENTED` for a
 network that is wrapped. (LLIO-09)
 */
kja_status_t kja_network_datagram_from_fd(kja_network_t network,
                                          int32_t fd,
                                          uint32_t flags,
                                          kja_datagram_t *out);

/*
 The number of the connection's descriptor, which stays the connection's: it must not be closed, read or written, and
 is of no use once the connection is closed. Errors: `UNIMPLEMENTED` if it has none. (STRM-19)
 */
kja_status_t kja_connection_fd(kja_connection_t connection,
                               int32_t *out);

/*
 A copy of the connection's descriptor, which the caller closes. It is closed on exec, and does not block. Errors:
 `UNIMPLEMENTED` if the connection has none. (STRM-19)
 */
kja_status_t kja_connection_dup_fd(kja_connection_t connection,
                                   int32_t *out);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* KJASYNC_H */
