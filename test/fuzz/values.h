/* Texts, bytes, numbers and descriptors as arguments. */
#ifndef KJASYNC_FUZZ_VALUES_H
#define KJASYNC_FUZZ_VALUES_H

#include "../c/nobody.h"
#include "kept.h"

#include <netinet/in.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

#define LENGTH(array) (sizeof(array) / sizeof *(array))

/* Abstract, and of this process alone. */
static char OWN_NAME[40];

/* These are never cut or changed: what is left might name another machine, or have a name server asked for it. */
static const char *ADDRESSES[] = {"127.0.0.1:0", "127.0.0.1", "[::1]:0", "unix:/nowhere/at/all", "unix:", OWN_NAME,
                                        "127.0.0.1:0,[::1]:0", "", "[::", "127.0.0.1:65536"};
static const char *REQUESTS[] = {"http://127.0.0.1:1/", "http://127.0.0.1:1/a?b=c#d", "https://127.0.0.1:1/", "/", "*", "",
                                       "ws://127.0.0.1:1/", "ftp://127.0.0.1/", "http://"};
static const char *const HOSTS[] = {"127.0.0.1:1", "127.0.0.1", "[::1]:1", "", ":"};
static const char *const BLOCKS[] = {"127.0.0.0/8", "::1/128", "::/0", "0.0.0.0/0", "private", "public", "local", "network", "unix",
                                     "unix-abstract", "127.0.0.1", "::1", "1.2.3.4/33", "", "/"};
static const char *const URLS[] = {"http://user:password@host:80/a/b/?c=d&e#f", "/a", "../x?y", "//other/z", "http://h", "a b",
                                   "http://h/%zz", "?q", "#f", "", "mailto:x", "http://[::1]:8/"};
static const char *const PATHS[] = {"a", "a/b", "d", "d/e/f", "link", ".", "", "..", "../a", "/a", "a//b", "a/./b", "d/../a"};
static const char *PROXIES[] = {"http://127.0.0.1:1", "http://[/", "", "127.0.0.1:1"};
static const char *const METHODS[] = {"GET", "POST", "HEAD", "CONNECT", "OPTIONS", "PUT", "", "G T", "get"};
static const char *const RANGES[] = {"bytes=0-1", "bytes=-5", "bytes=1-,3-4", "bytes=9-1", "", "x", "bytes=99999999999999999999-"};
static const char *const FIELDS[] = {"a: b\r\n\r\n", "Content-Length: 5\r\n\r\n", "a: b\r\nc: d\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n",
                                     "\r\n", "", "a\r\n\r\n", ": x\r\n\r\n"};
static const char *const NAMES[] = {"a", "Content-Length", "Upgrade", "Connection", "", "a b", "Transfer-Encoding", "Host"};
static const char *const EXTENSIONS[] = {"permessage-deflate", "permessage-deflate; client_max_window_bits=9", "", "x-other"};
static const char *const WORDS[] = {"word", "", "x", "a\nb", "http/1.1", "0123456789abcdef", "\xff\xfe", "16 bytes of text",
                                    "a longer text that does not fit into a small buffer, such as some of the calls have"};
static const char *const HEADS[] = {"GET / HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
                                    "POST /a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "a: b\r\n\r\n", "GET",
                                    "HTTP/1.1 999\r\n\r\n", "\r\n\r\n"};
static const char *const CERTIFICATES[] = {CERTIFICATE_OF_NOBODY, "", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"};
static const char *const KEYS[] = {KEY_OF_NOBODY, "", "x"};

/* The first three name this machine; the others are too short, or of no known family. */
static char SOCKADDRS_[5][sizeof(struct sockaddr_un)];
static const char *const SOCKADDRS[] = {SOCKADDRS_[0], SOCKADDRS_[1], SOCKADDRS_[2], SOCKADDRS_[3], SOCKADDRS_[4]};
static size_t SOCKADDR_SIZES[] = {sizeof(struct sockaddr_in), sizeof(struct sockaddr_in6), offsetof(struct sockaddr_un, sun_path) + 24, 1, 16};
static char BYTES_[70000];

static void values_init(void) {
  snprintf(OWN_NAME, sizeof OWN_NAME, "unix-abstract:kja-fuzz-%d", (int)getpid());
  struct sockaddr_in *four = (struct sockaddr_in *)(void *)SOCKADDRS_[0];
  struct sockaddr_in6 *six = (struct sockaddr_in6 *)(void *)SOCKADDRS_[1];
  struct sockaddr_un *local = (struct sockaddr_un *)(void *)SOCKADDRS_[2];
  four->sin_family = AF_INET, four->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  six->sin6_family = AF_INET6, six->sin6_addr = in6addr_loopback;
  local->sun_family = AF_UNIX, strcpy(local->sun_path + 1, OWN_NAME + strlen("unix-abstract:"));
  memset(SOCKADDRS_[4], 0x7f, 16);
  /* Which names are taken, and when a packet comes, is the system's affair: a replay has none but those that lead nowhere. */
  static char nowhere[] = "unix:/nowhere/at/all";
  if (fuzz.is_replay) {
    for (size_t i = 0; i < LENGTH(ADDRESSES); i++)
      if (strstr(ADDRESSES[i], "1:") || strstr(ADDRESSES[i], "0.1") || ADDRESSES[i] == OWN_NAME) ADDRESSES[i] = nowhere;
    for (size_t i = 0; i < LENGTH(REQUESTS); i++)
      if (strstr(REQUESTS[i], "127")) REQUESTS[i] = "http://[/";
    for (size_t i = 0; i < LENGTH(PROXIES); i++) PROXIES[i] = "http://[/";
    strcpy(local->sun_path, "/nowhere/at/all");
    for (int i = 0; i < 2; i++) memcpy(SOCKADDRS_[i], local, sizeof *local), SOCKADDR_SIZES[i] = SOCKADDR_SIZES[2];
  }
  worker_t w = {.random = 88172645463325252};
  for (size_t i = 0; i < sizeof BYTES_; i++) BYTES_[i] = (char)(i % 5 ? "GET /\r\n {}0123456789abc"[below(&w, 23)] : (char)below(&w, 256));
}

/* One of the texts, with its right length. Now and then there is none, whatever its length. */
static kja_slice_t a_slice(worker_t *w, const char *const *texts, size_t count) {
  size_t at = below(w, count);
  kja_slice_t slice = {texts[at], texts == SOCKADDRS ? SOCKADDR_SIZES[at] : strlen(texts[at])};
  if (one_in(w, 40)) slice.data = NULL;
  if (one_in(w, 20)) slice.size = 0;
  return slice;
}
static size_t a_length(worker_t *w) {
  size_t most[] = {1, 16, 300, 4000, 70000};
  return below(w, most[below(w, one_in(w, 8) ? 5 : 3)]);
}
static kja_slice_t some_bytes(worker_t *w) {
  size_t size = a_length(w);
  kja_slice_t slice = {BYTES_ + below(w, sizeof BYTES_ - size) / 4 * 4, size};
  if (one_in(w, 40)) slice.data = NULL;
  return slice;
}

static uint64_t one_number(worker_t *w, const uint64_t *numbers, size_t count) {
  return numbers[below(w, count)];
}
#define ONE_OF_(w, ...) one_number(w, (const uint64_t[]){__VA_ARGS__}, LENGTH(((const uint64_t[]){__VA_ARGS__})))
/* Nothing between what is small and what no machine has: the memory for it would be there, and be used. */
#define A_SIZE(w) (any(w, 8) ? below(w, 200) : ONE_OF_(w, 0, 65536, 70000, UINT64_MAX, UINT64_MAX >> 1, (uint64_t)1 << 50))
/* In a file: with nothing between what is small and what no file has, or it would be read, and its memory be used. */
#define A_PLACE(w) (any(w, 8) ? below(w, 200) : ONE_OF_(w, 0, 65536, 70000, UINT64_MAX))
#define A_MODE(w) (any(w, 10) ? below(w, 64) : A_CHOICE(w))
/* A full one is waited for in real time, which is no part of a replay. */
#define A_BACKLOG(w) (fuzz.is_replay ? 0 : A_SIZE(w))
#define A_TIME(w) ONE_OF_(w, 0, 1, 1000, 1000000, 1000000, 1000000000, 60000000000, UINT64_MAX, UINT64_MAX >> 1)
#define A_STEP(w) ONE_OF_(w, 0, 1, 1000, 1000000, 30000000)
#define AN_INTERVAL(w) ONE_OF_(w, 1000, 1000000, 1000000000, UINT64_MAX)
#define A_NUMBER(w) (any(w, 4) ? below(w, 8) : ONE_OF_(w, 0, 104, 1000, 65535, INT32_MAX, UINT64_MAX, (uint64_t)1 << 63))
#define A_CHOICE(w) (any(w, 10) ? below(w, 5) : ONE_OF_(w, 8, 10, 11, 16, 255, UINT64_MAX))
#define A_STATUS(w) ONE_OF_(w, 200, 200, 204, 304, 404, 100, 101, 500, 0, 1000, UINT32_MAX)
#define NO_PORT(w) ((void)(w), 0)
#define AN_INDEX(w) (any(w, 6) ? below(w, 3) : UINT64_MAX)
#define A_CAPACITY(w) ONE_OF_(w, 0, 1, 2, 7, 64, 64)
#define A_KIND(w) ONE_OF_(w, KJA_ERR_FAILED, KJA_ERR_OVERLOADED, KJA_ERR_DISCONNECTED, KJA_ERR_CANCELED, KJA_ERR_TIMED_OUT, KJA_OK, 77, UINT32_MAX)
#define AN_OPTION(w) ONE_OF_(w, SO_KEEPALIVE, SO_RCVBUF, SO_SNDBUF, SO_REUSEADDR, SO_ERROR, SO_TYPE)
#define A_KILL(w) ONE_OF_(w, 0, SIGTERM, SIGKILL, SIGCONT, 1000)
#define A_FLAG_OF_FD(w) ((uint32_t)ONE_OF_(w, KJA_FD_BORROW, KJA_FD_TAKE, KJA_FD_TAKE | KJA_FD_ALREADY_CLOEXEC, KJA_FD_TAKE | 128))

static int32_t signal_number(worker_t *w) {
  return (int32_t)ONE_OF_(w, SIGUSR1, SIGUSR2, SIGUSR2, SIGKILL, 0, 1000);
}

enum { MOST_OTHERS = 64 };
static struct {
  pthread_mutex_t lock;
  int fds[MOST_OTHERS];
} others = {PTHREAD_MUTEX_INITIALIZER, {0}};

/* Keeps the other end of something for a while. */
static void leave_open(worker_t *w, int fd) {
  unsigned at = (unsigned)below(w, MOST_OTHERS);
  pthread_mutex_lock(&others.lock);
  int old = others.fds[at];
  others.fds[at] = fd;
  pthread_mutex_unlock(&others.lock);
  if (old > 0) close(old);
}
static void put_back(int fd) {
  if (fd >= 0) close(fd);
}
/* A new descriptor of some kind, made for this call, or a number that is none. */
static int descriptor(worker_t *w) {
  int ends[2] = {-1, -1};
  switch (below(w, 8)) {
    case 0:
      return -1;
    case 1:
      if (pipe2(ends, O_CLOEXEC)) return -1;
      if (one_in(w, 2)) ends[0] ^= ends[1], ends[1] ^= ends[0], ends[0] ^= ends[1];
      break;
    case 2:
      return memfd_create("fuzz", MFD_CLOEXEC);
    case 3:
    case 4: {
      int is_datagram = one_in(w, 2);
      int fd = socket(fuzz.is_replay ? AF_UNIX : AF_INET, (is_datagram ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
      struct sockaddr_in here;
      memcpy(&here, SOCKADDRS_[0], sizeof here);
      /* In a replay there is no port, which another program might have. */
      if (fd >= 0 && any(w, 3) && !fuzz.is_replay && bind(fd, (struct sockaddr *)(void *)&here, sizeof here) == 0 && !is_datagram) listen(fd, 8);
      return fd;
    }
    default:
      if (socketpair(AF_UNIX, (one_in(w, 4) ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0, ends)) return -1;
  }
  leave_open(w, ends[1]);
  return ends[0];
}

#endif
