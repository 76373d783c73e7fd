#include "Products.h"

#include <string.h>

#define GRAFT_LOOPS "ProductsLoops.h"
#include "EachInstructionSet.h"

size_t graft_panel_rows(graft_isa isa) {
  static size_t (*const variants[])(void) = EACH_VARIANT(panel_rows);
  return variants[isa]();
}

void graft_pack_panels(
    graft_isa isa, const float *x, size_t stride, size_t rows, size_t depth, size_t first, size_t end, float *packed) {
  static void (*const variants[])(const float *, size_t, size_t, size_t, size_t, size_t, float *) =
      EACH_VARIANT(pack_panels);
  variants[isa](x, stride, rows, depth, first, end, packed);
}

double graft_product_peak(graft_isa isa, size_t rounds, float *room) {
  static double (*const variants[])(size_t, float *) = EACH_VARIANT(product_peak);
  return variants[isa](rounds, room);
}

float graft_sum(graft_isa isa, const float *x, size_t count) {
  static float (*const variants[])(const float *, size_t) = EACH_VARIANT(sum);
  return variants[isa](x, count);
}

void graft_product(graft_isa isa, const graft_product_block *block, size_t first, size_t end) {
  static void (*const variants[])(const graft_product_block *, size_t, size_t) = EACH_VARIANT(product);
  variants[isa](block, first, end);
}

void graft_linear_few_rows(
    graft_isa isa, const float *x, const float *weight, float *y, size_t rows, size_t depth, size_t y_stride,
    size_t from, size_t to) {
  static void (*const variants[])(const float *, const float *, float *, size_t, size_t, size_t, size_t, size_t) =
      EACH_VARIANT(linear_few_rows);
  variants[isa](x, weight, y, rows, depth, y_stride, from, to);
}
