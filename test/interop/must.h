/* What the tools share: calls that have to succeed. */
#ifndef KJASYNC_INTEROP_MUST_H
#define KJASYNC_INTEROP_MUST_H

#include "kjasync.h"
#include <stdio.h>
#include <stdlib.h>

static void must(kja_status_t status, const char *what) {
  if (status == KJA_OK) return;
  char text[300] = "";
  kja_last_error_text(text, sizeof text);
  fprintf(stderr, "%s: %s: %s\n", what, kja_status_name(status), text);
  exit(1);
}
#define MUST(call) must((call), #call)

static kja_handle_t taken(kja_promise_t promise) {
  kja_handle_t handle = 0;
  MUST(kja_promise_await(promise));
  MUST(kja_promise_handle(promise, &handle));
  MUST(kja_promise_release(promise));
  return handle;
}

#endif
