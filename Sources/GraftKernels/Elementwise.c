#include "Elementwise.h"

#include <math.h>
#include <string.h>

#define GRAFT_LOOPS "ElementwiseLoops.h"
#include "EachInstructionSet.h"

void graft_unary(graft_isa isa, graft_unary_op op, const float *x, float *y, size_t count) {
  static void (*const variants[])(graft_unary_op, const float *, float *, size_t) = EACH_VARIANT(unary);
  variants[isa](op, x, y, count);
}

void graft_binary(
    graft_isa isa, graft_binary_op op, const float *a, size_t a_stride, const float *b, size_t b_stride, float *y,
    size_t count) {
  static void (*const variants[])(graft_binary_op, const float *, size_t, const float *, size_t, float *, size_t) =
      EACH_VARIANT(binary);
  variants[isa](op, a, a_stride, b, b_stride, y, count);
}

void graft_row_steps(
    graft_isa isa, const graft_row_step *steps, size_t count, const float *x, float *y, size_t stride, size_t first_row,
    size_t end_row, size_t first, size_t end) {
  static void (*const variants[])(
      const graft_row_step *, size_t, const float *, float *, size_t, size_t, size_t, size_t, size_t) =
      EACH_VARIANT(row_steps);
  variants[isa](steps, count, x, y, stride, first_row, end_row, first, end);
}

// Whole numbers are positions and labels: few, so one plain loop serves every instruction set.
#define INTEGERS(name, type, unsigned_type)                                                                   \
  void graft_binary_##name(                                                                                   \
      graft_binary_op op, const type *a, size_t sa, const type *b, size_t sb, type *y, size_t count) {        \
    for (size_t i = 0; i < count; i++) {                                                                      \
      type p = a[i * sa], q = b[i * sb];                                                                      \
      switch (op) {                                                                                           \
        case GRAFT_ADD: y[i] = (type)((unsigned_type)p + (unsigned_type)q); break;                            \
        case GRAFT_SUB: y[i] = (type)((unsigned_type)p - (unsigned_type)q); break;                            \
        case GRAFT_MUL: y[i] = (type)((unsigned_type)p * (unsigned_type)q); break;                            \
        case GRAFT_DIV: y[i] = q == 0 ? 0 : q == -1 ? (type)(0 - (unsigned_type)p) : p / q; break;            \
        case GRAFT_POW: y[i] = 0; break;                                                                      \
        case GRAFT_MIN: y[i] = p < q ? p : q; break;                                                          \
        case GRAFT_MAX: y[i] = p > q ? p : q; break;                                                          \
      }                                                                                                       \
    }                                                                                                         \
  }

INTEGERS(i64, int64_t, uint64_t)
INTEGERS(i32, int32_t, uint32_t)

#define COMPARE(name, type)                                                                                   \
  void name(                                                                                                  \
      graft_compare_op op, const type *a, size_t sa, const type *b, size_t sb, uint8_t *y, size_t count) {    \
    switch (op) {                                                                                             \
      case GRAFT_EQUAL:                                                                                       \
        for (size_t i = 0; i < count; i++) y[i] = a[i * sa] == b[i * sb];                                     \
        break;                                                                                                \
      case GRAFT_LESS:                                                                                        \
        for (size_t i = 0; i < count; i++) y[i] = a[i * sa] < b[i * sb];                                      \
        break;                                                                                                \
      case GRAFT_LESS_OR_EQUAL:                                                                               \
        for (size_t i = 0; i < count; i++) y[i] = a[i * sa] <= b[i * sb];                                     \
        break;                                                                                                \
      case GRAFT_GREATER:                                                                                     \
        for (size_t i = 0; i < count; i++) y[i] = a[i * sa] > b[i * sb];                                      \
        break;                                                                                                \
      case GRAFT_GREATER_OR_EQUAL:                                                                            \
        for (size_t i = 0; i < count; i++) y[i] = a[i * sa] >= b[i * sb];                                     \
        break;                                                                                                \
    }                                                                                                         \
  }

COMPARE(graft_compare, float)
COMPARE(graft_compare_i64, int64_t)
COMPARE(graft_compare_i32, int32_t)

#define WHERE(type)                                                                     \
  for (size_t i = 0; i < count; i++) {                                                  \
    ((type *)y)[i] = condition[i * c_stride] ? ((const type *)a)[i * a_stride]          \
                                             : ((const type *)b)[i * b_stride];         \
  }

void graft_where(
    size_t element_size, const uint8_t *condition, size_t c_stride, const void *a, size_t a_stride, const void *b,
    size_t b_stride, void *y, size_t count) {
  switch (element_size) {
    case 1: WHERE(uint8_t) break;
    case 4: WHERE(uint32_t) break;
    case 8: WHERE(uint64_t) break;
    default: break;
  }
}
