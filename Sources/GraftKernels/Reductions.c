#include "Reductions.h"

#include <math.h>

#define GRAFT_LOOPS "ReductionsLoops.h"
#include "EachInstructionSet.h"

void graft_reduce(
    graft_isa isa, graft_reduce_op op, const float *x, float factor, float *y, size_t outer, size_t length,
    size_t inner) {
  static void (*const variants[])(graft_reduce_op, const float *, float, float *, size_t, size_t, size_t) =
      EACH_VARIANT(reduce);
  variants[isa](op, x, factor, y, outer, length, inner);
}

void graft_cumulative_sum(const float *x, float *y, size_t outer, size_t length, size_t inner) {
  for (size_t o = 0; o < outer; o++, x += length * inner, y += length * inner) {
    for (size_t i = 0; i < inner; i++) {
      double sum = 0;  // A running sum would otherwise lose more with every step.
      for (size_t l = 0; l < length; l++) {
        sum += (double)x[l * inner + i];
        y[l * inner + i] = (float)sum;
      }
    }
  }
}
