#include "Rows.h"

#include <math.h>
#include <string.h>

#define GRAFT_LOOPS "RowsLoops.h"
#include "EachInstructionSet.h"

void graft_layer_norm(
    graft_isa isa, const float *x, const float *scale, const float *bias, float epsilon, float *y, size_t rows,
    size_t width) {
  static void (*const variants[])(const float *, const float *, const float *, float, float *, size_t, size_t) =
      EACH_VARIANT(layer_norm);
  variants[isa](x, scale, bias, epsilon, y, rows, width);
}

void graft_rms_norm(
    graft_isa isa, const float *x, const float *scale, float epsilon, float *y, size_t rows, size_t width) {
  static void (*const variants[])(const float *, const float *, float, float *, size_t, size_t) =
      EACH_VARIANT(rms_norm);
  variants[isa](x, scale, epsilon, y, rows, width);
}

void graft_softmax(graft_isa isa, const float *x, float *y, size_t rows, size_t width) {
  static void (*const variants[])(const float *, float *, size_t, size_t) = EACH_VARIANT(softmax);
  variants[isa](x, y, rows, width);
}

void graft_softmax_strided(graft_isa isa, const float *x, float *y, size_t length, size_t inner) {
  static void (*const variants[])(const float *, float *, size_t, size_t) = EACH_VARIANT(softmax_strided);
  variants[isa](x, y, length, inner);
}
