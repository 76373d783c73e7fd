#include "Scans.h"

#include <string.h>

#define GRAFT_LOOPS "ScansLoops.h"
#include "EachInstructionSet.h"

void graft_selective_scan(
    graft_isa isa, const graft_scan *scan, const float *x, const float *dt, const float *b, const float *c, float *y,
    float *scratch) {
  static void (*const variants[])(
      const graft_scan *, const float *, const float *, const float *, const float *, float *, float *) =
      EACH_VARIANT(selective_scan);
  variants[isa](scan, x, dt, b, c, y, scratch);
}
