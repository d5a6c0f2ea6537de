/* What happened, in what order: each step adds its letter. */
#ifndef KJASYNC_TEST_RECORD_H
#define KJASYNC_TEST_RECORD_H

#include "check.h"

typedef struct record_t record_t;
typedef struct step_t {
  record_t *record;
  char letter;
} step_t;
struct record_t {
  size_t length;
  char text[300];
  step_t steps[26];
};

static inline void record_init(record_t *record) {
  memset(record, 0, sizeof *record);
  for (int i = 0; i < 26; i++) {
    record->steps[i].record = record;
    record->steps[i].letter = (char)('a' + i);
  }
}
static inline void record_add(record_t *record, char letter) {
  size_t at = __atomic_fetch_add(&record->length, 1, __ATOMIC_SEQ_CST);
  if (at < sizeof record->text - 1) record->text[at] = letter;
}
/* The context of a callback that is this step. */
static inline void *step(record_t *record, char letter) {
  return &record->steps[letter - 'a'];
}
static inline void run_step(void *ctx, kja_call_t call) {
  step_t *own = (step_t *)ctx;
  (void)call;
  record_add(own->record, own->letter);
}
static inline void destroy_step(void *ctx) {
  step_t *own = (step_t *)ctx;
  record_add(own->record, (char)(own->letter - 'a' + 'A'));
}

static inline int check_record_(const char *file, int line, const record_t *record, const char *want) {
  if (strcmp(record->text, want) == 0) return 1;
  char text[700];
  snprintf(text, sizeof text, "the order was \"%s\", not \"%s\"", record->text, want);
  check_fail_(file, line, text);
  return 0;
}
#define CHECK_ORDER(record, want) check_record_(__FILE__, __LINE__, record, want)

#endif
