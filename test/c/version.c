#include "check.h"

static void version_is_three_numbers(void) {
  unsigned major, minor, patch;
  CHECK(kja_version() != NULL);
  CHECK_U64(sscanf(kja_version(), "%u.%u.%u", &major, &minor, &patch), 3);
  CHECK(kja_version() == kja_version());
}

static void abi_version_is_positive_and_constant(void) {
  CHECK(kja_abi_version() > 0);
  CHECK_U64(kja_abi_version(), kja_abi_version());
  CHECK_U64(kja_abi_version(), KJA_ABI_VERSION);
}

int main(void) {
  RUN(version_is_three_numbers);
  RUN(abi_version_is_positive_and_constant);
  return check_done();
}
