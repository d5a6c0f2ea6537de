/* A program that plays one part in a conversation with a peer of another make. The parts are in `roles` below.
 *
 *     tool [OPTION ...] listen ADDRESS ROLE [ARGUMENT]     serves --count connections, then ends
 *     tool [OPTION ...] connect ADDRESS ROLE [ARGUMENT]
 *     tool [OPTION ...] udp-listen ADDRESS COUNT           sends COUNT datagrams back to where they came from
 *     tool [OPTION ...] udp-ask ADDRESS SIZE ...           sends datagrams and expects them back
 *
 * Options: --tls FOLDER FLAGS (see tls.h), --wait-scope, --count N, --timeout MS, --retry, --capacity N, --out FILE. It
 * prints `READY port` once it listens, and a line `done key=value ...` for each connection. The status is 0 if nothing was left behind. */
#include <kjasync.h>

#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PIECE = 64 * 1024, PERIOD = 65521 };

static const uint64_t MILLISECOND = 1000000;

typedef struct result_t {
  kja_status_t status; /* the first that was no success, */
  int os;              /* with the system's number, */
  const char *at;      /* and in which operation */
  uint64_t in, out, count;
  uint32_t crc;
} result_t;

static kja_runtime_t runtime;
static uint64_t patience = 15000 * MILLISECOND;
static size_t capacity = 65536;
static unsigned long connections = 1;
static int retry;
static FILE *out_file;
static const char *role_argument = "";
static pthread_mutex_t printing = PTHREAD_MUTEX_INITIALIZER;

static void die(const char *what) {
  char text[200];
  kja_last_error_text(text, sizeof text);
  fprintf(stderr, "tool: %s: %s\n", what, text);
  exit(2);
}
static void must(kja_status_t status, const char *what) {
  if (status != KJA_OK) die(what);
}

static int note(result_t *result, kja_status_t status, const char *at) {
  if (status != KJA_OK && result->status == KJA_OK) {
    result->status = status;
    result->os = kja_last_error_os();
    result->at = at;
  }
  return status == KJA_OK;
}
/* Waits for a promise, if one was started. */
static int settled(result_t *result, kja_status_t started, const kja_promise_t *promise, const char *at) {
  return note(result, started, at) && note(result, kja_promise_await_for(*promise, patience), at);
}
static int finish(result_t *result, kja_status_t started, const kja_promise_t *promise, const char *at) {
  int good = settled(result, started, promise, at);
  if (*promise) must(kja_promise_release(*promise), "release of a promise");
  return good;
}

#include "tls.h"

/* What zlib and Python's zlib.crc32 compute. */
static uint32_t crc32_of(uint32_t crc, const unsigned char *data, size_t size) {
  crc = ~crc;
  while (size--) {
    crc ^= *data++;
    for (int bit = 0; bit < 8; bit++) crc = crc & 1 ? 0xEDB88320u ^ (crc >> 1) : crc >> 1;
  }
  return ~crc;
}

/* Bytes that repeat after a prime number of them, so that no power of two hides a mistake. */
static unsigned char *pattern(size_t size) {
  unsigned char *data = (unsigned char *)malloc(size ? size : 1);
  uint32_t state = 1;
  if (!data) die("memory");
  for (size_t i = 0; i < size && i < PERIOD; i++) {
    state = state * 1664525u + 1013904223u;
    data[i] = (unsigned char)(state >> 24);
  }
  for (size_t i = PERIOD; i < size; i++) data[i] = data[i - PERIOD];
  return data;
}

static void took(result_t *result, const void *data, size_t size) {
  result->in += size;
  result->crc = crc32_of(result->crc, (const unsigned char *)data, size);
  if (out_file) fwrite(data, 1, size, out_file);
}

/* 1 with bytes, 0 at the end or after an error. */
static int read_some(result_t *result, kja_connection_t connection, kja_bytes_t *bytes) {
  kja_promise_t reading = 0;
  const void *data = NULL;
  size_t size = 0;
  *bytes = 0;
  if (settled(result, kja_connection_read_start(connection, 1, PIECE, &reading), &reading, "read")) {
    must(kja_promise_bytes(reading, bytes), "the bytes of a read");
    must(kja_bytes_data(*bytes, &data, &size), "the place of bytes");
  }
  if (reading) must(kja_promise_release(reading), "release of a read");
  if (size) {
    took(result, data, size);
    return 1;
  }
  if (*bytes) must(kja_bytes_release(*bytes), "release of bytes");
  return 0;
}
static void read_to_end(result_t *result, kja_connection_t connection) {
  for (kja_bytes_t bytes; read_some(result, connection, &bytes);) must(kja_bytes_release(bytes), "release of bytes");
}
static void end_writing(result_t *result, kja_connection_t connection) {
  kja_promise_t ending = 0;
  finish(result, kja_connection_shutdown_write_start(connection, &ending), &ending, "end");
}

static void echo(result_t *result, kja_connection_t connection) {
  for (kja_bytes_t bytes; read_some(result, connection, &bytes);) {
    kja_promise_t writing = 0;
    size_t size = 0;
    must(kja_bytes_data(bytes, NULL, &size), "the size of bytes");
    kja_status_t started = kja_connection_write_bytes_start(connection, bytes, &writing);
    must(kja_bytes_release(bytes), "release of bytes");
    if (!finish(result, started, &writing, "write")) return;
    result->out += size;
  }
  if (result->status == KJA_OK) end_writing(result, connection);
}
static void reflect(result_t *result, kja_connection_t connection) {
  kja_promise_t pumping = 0;
  if (settled(result, kja_connection_pump_start(connection, connection, UINT64_MAX, &pumping), &pumping, "pump"))
    must(kja_promise_u64(pumping, &result->out), "the bytes of a pump");
  if (pumping) must(kja_promise_release(pumping), "release of a pump");
  if (result->status == KJA_OK) end_writing(result, connection);
}
static void sink(result_t *result, kja_connection_t connection) {
  read_to_end(result, connection);
}

/* Writes the pattern without copying it and ends the writing behind it; with `reading`, reads meanwhile to the end. */
static void send_pattern(result_t *result, kja_connection_t connection, int reading) {
  size_t size = strtoul(role_argument, NULL, 10);
  unsigned char *data = pattern(size);
  kja_promise_t writing = 0, ending = 0;
  kja_status_t wrote = kja_connection_write_borrowed_start(connection, data, size, data, free, &writing);
  kja_status_t ended = kja_connection_shutdown_write_start(connection, &ending);
  if (reading) read_to_end(result, connection);
  if (finish(result, wrote, &writing, "write")) result->out = size;
  finish(result, ended, &ending, "end");
}
static void source(result_t *result, kja_connection_t connection) {
  send_pattern(result, connection, 1);
}
static void pour(result_t *result, kja_connection_t connection) {
  send_pattern(result, connection, 0);
}
static void late(result_t *result, kja_connection_t connection) {
  read_to_end(result, connection);
  if (result->status == KJA_OK) send_pattern(result, connection, 0);
}
/* One byte a write, all of them queued at once. */
static void drip(result_t *result, kja_connection_t connection) {
  size_t size = strtoul(role_argument, NULL, 10);
  unsigned char *data = pattern(size);
  kja_promise_t *writing = (kja_promise_t *)calloc(size + 1, sizeof *writing);
  for (size_t i = 0; i < size; i++)
    note(result, kja_connection_write_start(connection, data + i, 1, &writing[i]), "write");
  for (size_t i = 0; i < size; i++) result->out += (uint64_t)finish(result, KJA_OK, &writing[i], "write");
  free(writing);
  free(data);
  if (result->status != KJA_OK) return;
  end_writing(result, connection);
  read_to_end(result, connection);
}
static void say(result_t *result, kja_connection_t connection) {
  kja_promise_t writing = 0;
  size_t size = strlen(role_argument);
  if (finish(result, kja_connection_write_start(connection, role_argument, size, &writing), &writing, "write"))
    result->out = size;
  read_to_end(result, connection);
}
static void gone(result_t *result, kja_connection_t connection) {
  kja_promise_t going = 0;
  finish(result, kja_connection_when_write_disconnected_start(connection, &going), &going, "when_write_disconnected");
}
static void reset(result_t *result, kja_connection_t connection) {
  kja_bytes_t bytes;
  if (read_some(result, connection, &bytes)) must(kja_bytes_release(bytes), "release of bytes");
  note(result, kja_connection_abort_write(connection, KJA_ERR_FAILED, 0, "enough", 6), "abort_write");
}
static void send_file(result_t *result, kja_connection_t connection) {
  kja_connection_t file = 0;
  kja_promise_t pumping = 0;
  int fd = open(role_argument, O_RDONLY);
  if (fd < 0) die(role_argument);
  must(kja_connection_from_file(runtime, fd, KJA_FD_TAKE, 0, &file), "a file");
  if (settled(result, kja_connection_pump_start(file, connection, UINT64_MAX, &pumping), &pumping, "pump"))
    must(kja_promise_u64(pumping, &result->out), "the bytes of a pump");
  if (pumping) must(kja_promise_release(pumping), "release of a pump");
  must(kja_connection_release(file), "release of a file");
  if (result->status != KJA_OK) return;
  end_writing(result, connection);
  read_to_end(result, connection);
}

static kja_address_t address_of(const char *text) {
  kja_promise_t parsing = 0;
  kja_address_t address = 0;
  must(kja_address_parse_start(runtime, text, strlen(text), 0, &parsing), text);
  must(kja_promise_await(parsing), text);
  must(kja_promise_handle(parsing, &address), text);
  must(kja_promise_release(parsing), text);
  return address;
}
static void attempt(void *ctx, kja_call_t call) {
  kja_promise_t connecting = 0;
  if (kja_address_connect_start(*(kja_address_t *)ctx, &connecting) == KJA_OK)
    kja_call_return_promise(call, connecting);
  else kja_call_return_error(call, KJA_ERR_FAILED, 0, "connect", 7);
}
static kja_connection_t connect_to(result_t *result, const char *text) {
  kja_address_t address = address_of(text);
  kja_promise_t connecting = 0;
  kja_connection_t connection = 0;
  kja_retry_options_t options;
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.attempts = retry ? 200 : 1;
  options.kinds = 1u << KJA_ERR_DISCONNECTED | 1u << KJA_ERR_FAILED;
  options.first_delay_nanos = options.longest_delay_nanos = 50 * MILLISECOND;
  kja_status_t started = kja_promise_retry_start(runtime, attempt, &address, NULL, &options, &connecting);
  if (settled(result, started, &connecting, "connect"))
    must(kja_promise_handle(connecting, &connection), "the connection");
  if (connecting) must(kja_promise_release(connecting), "release of a connect");
  must(kja_address_release(address), "release of an address");
  return connection;
}

static void pass_end_on(void *ctx, kja_call_t call) {
  kja_promise_t ending = 0;
  if (kja_connection_shutdown_write_start(*(kja_connection_t *)ctx, &ending) == KJA_OK)
    kja_call_return_promise(call, ending);
}
static kja_promise_t pump_and_end(kja_connection_t from, kja_connection_t *to) {
  kja_promise_t pumping = 0, both = 0;
  must(kja_connection_pump_start(from, *to, UINT64_MAX, &pumping), "pump");
  must(kja_promise_then(pumping, pass_end_on, to, NULL, &both), "then");
  must(kja_promise_release(pumping), "release of a pump");
  return both;
}
static void proxy(result_t *result, kja_connection_t connection) {
  kja_connection_t beyond = connect_to(result, role_argument);
  if (!beyond) return;
  kja_promise_t there = pump_and_end(connection, &beyond), back = pump_and_end(beyond, &connection), all = 0;
  const kja_promise_t both[] = {there, back};
  must(kja_promise_all(runtime, both, 2, &all), "all");
  must(kja_promise_release(there), "release of a pump");
  must(kja_promise_release(back), "release of a pump");
  finish(result, KJA_OK, &all, "proxy");
  must(kja_connection_release(beyond), "release of a connection");
}

static void send_fd(result_t *result, kja_connection_t connection) {
  kja_promise_t sending = 0;
  int fd = open(role_argument, O_RDONLY);
  if (fd < 0) die(role_argument);
  finish(result, kja_connection_send_fd_start(connection, fd, &sending), &sending, "send_fd");
  close(fd);
  read_to_end(result, connection);
}
/* One of up to `most` descriptors is read to its end; which has to be one of a file or of a pipe. */
static void take_fds(result_t *result, kja_connection_t connection, size_t most) {
  kja_promise_t receiving = 0;
  kja_message_t message = 0;
  size_t count = 0;
  kja_status_t started = most == 1 ? kja_connection_receive_fd_start(connection, &receiving)
                                   : kja_connection_read_with_fds_start(connection, 1, PIECE, most, &receiving);
  if (settled(result, started, &receiving, "receive")) {
    must(kja_promise_handle(receiving, &message), "the message");
    must(kja_message_fd_count(message, &count), "how many descriptors");
  }
  if (receiving) must(kja_promise_release(receiving), "release of a receive");
  result->count = count;
  if (count) {
    char buffer[4096];
    int fd = -1;
    must(kja_message_take_fd(message, 0, &fd), "a descriptor");
    if (!(fcntl(fd, F_GETFD) & FD_CLOEXEC)) die("a descriptor would be inherited");
    for (ssize_t n; (n = read(fd, buffer, sizeof buffer)) > 0;) took(result, buffer, (size_t)n);
    close(fd);
  }
  if (message) must(kja_message_release(message), "release of a message");
  if (result->status == KJA_OK) end_writing(result, connection);
}
static void receive_fd(result_t *result, kja_connection_t connection) {
  take_fds(result, connection, 1);
}
/* Takes two descriptors at most, and stays until the peer has ended. */
static void receive_fds(result_t *result, kja_connection_t connection) {
  take_fds(result, connection, 2);
  read_to_end(result, connection);
}
static void send_connection(result_t *result, kja_connection_t connection) {
  kja_connection_t kept = 0, given = 0;
  kja_promise_t sending = 0;
  must(kja_pipe_new_os_two_way(runtime, &kept, &given), "a pair of sockets");
  if (finish(result, kja_connection_send_connection_start(connection, given, &sending), &sending, "send_connection"))
    echo(result, kept);
  must(kja_connection_release(kept), "release of a connection");
}
static void receive_connection(result_t *result, kja_connection_t connection) {
  kja_promise_t receiving = 0;
  kja_connection_t given = 0;
  if (settled(result, kja_connection_receive_connection_start(connection, &receiving), &receiving, "receive")) {
    must(kja_promise_handle(receiving, &given), "the connection");
    echo(result, given);
    must(kja_connection_release(given), "release of a connection");
  }
  if (receiving) must(kja_promise_release(receiving), "release of a receive");
}

static const struct role_t {
  const char *name;
  void (*play)(result_t *result, kja_connection_t connection);
} roles[] = {
    {"echo", echo},                             /* reads and writes back, to the end */
    {"reflect", reflect},                       /* the same by a pump */
    {"sink", sink},                             /* reads to the end */
    {"source", source},                         /* writes N bytes of the pattern, ends, and reads meanwhile */
    {"pour", pour},                             /* writes N bytes and does not read */
    {"late", late},                             /* reads to the end, then writes N bytes */
    {"drip", drip},                             /* writes N single bytes, then reads */
    {"say", say},                               /* writes a text, then reads to the end */
    {"file", send_file},                        /* pumps a file, then reads to the end */
    {"gone", gone},                             /* waits until the peer has gone */
    {"reset", reset},                           /* reads once and breaks off */
    {"http", http},                             /* serves HTTP */
    {"proxy", proxy},                           /* connects to ADDRESS and joins the two */
    {"send-fd", send_fd},                       /* opens a file and sends its descriptor */
    {"receive-fd", receive_fd},                 /* receives a descriptor and reads it to its end */
    {"receive-fds", receive_fds},               /* receives two at most and reads the first */
    {"send-connection", send_connection},       /* sends an end of a pair and echoes on the other */
    {"receive-connection", receive_connection}, /* receives a connection and echoes on it */
};
static const struct role_t *role;
static const char *tls_host; /* that a client expects */

static void print_done(const result_t *result, const char *peer, int64_t pid) {
  pthread_mutex_lock(&printing);
  printf("done status=%s os=%d at=%s in=%" PRIu64 " out=%" PRIu64 " crc=%08" PRIx32 " count=%" PRIu64
         " pid=%" PRId64 " peer=%s\n", kja_status_name(result->status), result->os, result->at ? result->at : "-",
         result->in, result->out, result->crc, result->count, pid, peer);
  fflush(stdout);
  pthread_mutex_unlock(&printing);
}
static void play(result_t *result, kja_connection_t connection) {
  char text[200] = "-";
  int64_t pid = -1;
  kja_peer_t peer = 0;
  if (tls && !(connection = secured(result, connection, tls_host))) {
    print_done(result, "-", -1);
    return;
  }
  if (tls) tell_peer(connection);
  must(kja_connection_peer(connection, &peer), "the peer");
  must(kja_peer_text(peer, text, sizeof text, NULL), "the peer's text");
  kja_peer_credentials(peer, &pid, NULL, NULL);
  must(kja_peer_release(peer), "release of a peer");
  role->play(result, connection);
  if (out_file) fflush(out_file);
  must(kja_connection_release(connection), "release of a connection");
  print_done(result, text, pid);
}
static void *play_one(void *ctx) {
  result_t result;
  memset(&result, 0, sizeof result);
  play(&result, *(kja_connection_t *)ctx);
  return NULL;
}

static void serve(const char *text) {
  kja_address_t address = address_of(text);
  kja_listener_t listener = 0;
  uint16_t port = 0;
  must(kja_address_listen(address, 0, &listener), text);
  must(kja_address_release(address), text);
  must(kja_listener_port(listener, &port), text);
  printf("READY %u\n", port);
  fflush(stdout);
  kja_connection_t *accepted = (kja_connection_t *)calloc(connections, sizeof *accepted);
  pthread_t *threads = (pthread_t *)calloc(connections, sizeof *threads);
  for (unsigned long i = 0; i < connections; i++) {
    kja_promise_t accepting = 0;
    must(kja_listener_accept_start(listener, &accepting), "accept");
    must(kja_promise_await_for(accepting, patience), "accept");
    must(kja_promise_handle(accepting, &accepted[i]), "accept");
    must(kja_promise_release(accepting), "accept");
    if (connections == 1) play_one(accepted);
    else if (pthread_create(&threads[i], NULL, play_one, &accepted[i])) die("a thread");
  }
  for (unsigned long i = 0; connections > 1 && i < connections; i++) pthread_join(threads[i], NULL);
  free(threads);
  free(accepted);
  must(kja_listener_release(listener), "release of a listener");
}

/* Receives one datagram and gives its bytes. */
static kja_bytes_t receive(result_t *result, kja_datagram_t port, kja_address_t *from) {
  kja_datagram_options_t options;
  kja_promise_t receiving = 0;
  kja_message_t message = 0;
  kja_bytes_t bytes = 0;
  const void *data = NULL;
  size_t size = 0;
  bool truncated = false;
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.capacity = capacity;
  if (settled(result, kja_datagram_receive_start(port, &options, &receiving), &receiving, "receive")) {
    must(kja_promise_handle(receiving, &message), "the message");
    must(kja_message_content(message, &bytes), "the content");
    must(kja_bytes_data(bytes, &data, &size), "the place of bytes");
    must(kja_message_is_truncated(message, &truncated), "truncated");
    if (from) must(kja_message_source(message, from), "the source");
    must(kja_message_release(message), "release of a message");
    took(result, data, size);
    result->count += truncated;
  }
  if (receiving) must(kja_promise_release(receiving), "release of a receive");
  return bytes;
}
static void send_one(result_t *result, kja_datagram_t port, const void *data, size_t size, kja_address_t to) {
  kja_promise_t sending = 0;
  uint64_t sent = 0;
  if (settled(result, kja_datagram_send_start(port, data, size, to, &sending), &sending, "send"))
    must(kja_promise_u64(sending, &sent), "how much was sent");
  if (sending) must(kja_promise_release(sending), "release of a send");
  result->out += sent;
}
static void udp_listen(result_t *result, const char *text, unsigned long count) {
  kja_address_t address = address_of(text), bound = 0;
  kja_datagram_t port = 0;
  uint16_t number = 0;
  must(kja_address_bind_datagram(address, &port), text);
  must(kja_datagram_local_address(port, &bound), text);
  must(kja_address_port(bound, &number), text);
  must(kja_address_release(bound), text);
  must(kja_address_release(address), text);
  printf("READY %u\n", number);
  fflush(stdout);
  while (count-- && result->status == KJA_OK) {
    kja_address_t from = 0;
    const void *data = NULL;
    size_t size = 0;
    kja_bytes_t bytes = receive(result, port, &from);
    if (!bytes) break;
    must(kja_bytes_data(bytes, &data, &size), "the place of bytes");
    send_one(result, port, data, size, from);
    must(kja_bytes_release(bytes), "release of bytes");
    must(kja_address_release(from), "release of an address");
  }
  must(kja_datagram_release(port), "release of a port");
}
static void udp_ask(result_t *result, const char *text, char **sizes, int count) {
  kja_address_t there = address_of(text), here;
  kja_datagram_t port = 0;
  uint32_t family = 0;
  must(kja_address_family(there, &family), text);
  here = address_of(family == KJA_FAMILY_IPV6 ? "[::1]:0" : "127.0.0.1:0");
  must(kja_address_bind_datagram(here, &port), text);
  must(kja_datagram_connect(port, there), text);
  for (int i = 0; i < count && result->status == KJA_OK; i++) {
    size_t size = strtoul(sizes[i], NULL, 10), got = 0;
    const void *data = NULL;
    unsigned char *sent = pattern(size);
    send_one(result, port, sent, size, 0);
    kja_bytes_t bytes = receive(result, port, NULL);
    if (bytes) {
      must(kja_bytes_data(bytes, &data, &got), "the place of bytes");
      result->count += got != size || memcmp(data, sent, size) != 0;
      must(kja_bytes_release(bytes), "release of bytes");
    }
    free(sent);
  }
  must(kja_datagram_release(port), "release of a port");
  must(kja_address_release(here), "release of an address");
  must(kja_address_release(there), "release of an address");
}

static char *need(char ***arguments) {
  char *argument = **arguments;
  if (!argument) die("too few arguments");
  ++*arguments;
  return argument;
}
int main(int count, char **arguments) {
  char **end = arguments + count;
  kja_runtime_options_t options;
  result_t result;
  const char *folder = NULL, *flags = "";
  memset(&options, 0, sizeof options);
  memset(&result, 0, sizeof result);
  options.size = sizeof options;
  for (arguments++; *arguments && !strncmp(*arguments, "--", 2);) {
    const char *option = need(&arguments);
    if (!strcmp(option, "--wait-scope")) options.mode = KJA_RUNTIME_WAIT_SCOPE;
    else if (!strcmp(option, "--retry")) retry = 1;
    else if (!strcmp(option, "--count")) connections = strtoul(need(&arguments), NULL, 10);
    else if (!strcmp(option, "--timeout")) patience = strtoul(need(&arguments), NULL, 10) * MILLISECOND;
    else if (!strcmp(option, "--capacity")) capacity = strtoul(need(&arguments), NULL, 10);
    else if (!strcmp(option, "--out")) out_file = fopen(need(&arguments), "wb");
    else if (!strcmp(option, "--tls")) {
      folder = need(&arguments);
      flags = need(&arguments);
    }
    else die(option);
  }
  const char *mode = need(&arguments), *address = need(&arguments), *name = need(&arguments);
  must(kja_runtime_new(&options, &runtime), "a runtime");
  if (!strcmp(mode, "connect")) tls_host = strchr(flags, 'w') ? "other.test" : "localhost";
  if (folder) tls_open(folder, flags, tls_host != NULL);
  if (!strcmp(mode, "udp-listen")) {
    udp_listen(&result, address, strtoul(name, NULL, 10));
    print_done(&result, "-", -1);
  } else if (!strcmp(mode, "udp-ask")) {
    udp_ask(&result, address, arguments - 1, (int)(end - arguments) + 1);
    print_done(&result, "-", -1);
  } else {
    if (*arguments) role_argument = *arguments;
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
      if (!strcmp(roles[i].name, name)) role = &roles[i];
    if (!role) die(name);
    if (!strcmp(mode, "listen")) serve(address);
    else {
      kja_connection_t connection = connect_to(&result, address);
      if (connection) play(&result, connection);
      else print_done(&result, "-", -1);
    }
  }
  if (out_file) fclose(out_file);
  if (tls) must(kja_tls_context_release(tls), "release of a TLS context");
  must(kja_runtime_shutdown(runtime), "shutdown");
  must(kja_runtime_release(runtime), "release of the runtime");
  if (kja_handle_count()) {
    fprintf(stderr, "tool: %" PRIu64 " handles are left\n", kja_handle_count());
    return 3;
  }
  return 0;
}
