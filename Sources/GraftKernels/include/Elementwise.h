// Elementwise loops. Every pointer may equal another exactly; no other overlap is allowed.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "InstructionSet.h"

typedef enum {
  GRAFT_NEG, GRAFT_ABS, GRAFT_EXP, GRAFT_LOG, GRAFT_SQRT, GRAFT_RSQRT, GRAFT_SIN, GRAFT_COS, GRAFT_TANH, GRAFT_ERF,
  GRAFT_SIGMOID, GRAFT_SILU, GRAFT_SOFTPLUS, GRAFT_RELU, GRAFT_GELU_TANH, GRAFT_GELU_ERF,
} graft_unary_op;

// y[i] = op(x[i]). An element's result depends on its value alone, not on its place.
void graft_unary(graft_isa isa, graft_unary_op op, const float *x, float *y, size_t count);

typedef enum {
  GRAFT_ADD, GRAFT_SUB, GRAFT_MUL, GRAFT_DIV, GRAFT_POW, GRAFT_MIN, GRAFT_MAX,
} graft_binary_op;

typedef enum {
  GRAFT_EQUAL, GRAFT_LESS, GRAFT_LESS_OR_EQUAL, GRAFT_GREATER, GRAFT_GREATER_OR_EQUAL,
} graft_compare_op;

// y[i] = op(a[i * a_stride], b[i * b_stride]); a stride is 0 (one element for all) or 1.
void graft_binary(
    graft_isa isa, graft_binary_op op, const float *a, size_t a_stride, const float *b, size_t b_stride, float *y,
    size_t count);

// One elementwise operation on the rows of a result: a unary one where `operand` is NULL, else a binary one whose other
// argument is row `r / divisor % modulus` of the operand, the first one where `is_reversed`.
typedef struct {
  graft_unary_op unary;
  graft_binary_op binary;
  const float *operand;
  size_t divisor, modulus, row_stride, column_stride;
  int is_reversed;
} graft_row_step;

// Runs `count` steps, at least one, on columns [first, end) of rows [first_row, end_row): the first step reads `x`, the
// others what it left in `y`. Both begin with row 0 and column 0, with rows `stride` apart; they may be equal.
void graft_row_steps(
    graft_isa isa, const graft_row_step *steps, size_t count, const float *x, float *y, size_t stride, size_t first_row,
    size_t end_row, size_t first, size_t end);

// The same over whole numbers, which wrap around; dividing by zero gives 0.
void graft_binary_i64(
    graft_binary_op op, const int64_t *a, size_t a_stride, const int64_t *b, size_t b_stride, int64_t *y, size_t count);
void graft_binary_i32(
    graft_binary_op op, const int32_t *a, size_t a_stride, const int32_t *b, size_t b_stride, int32_t *y, size_t count);

// y[i] = 1 where the relation holds, else 0.
void graft_compare(
    graft_compare_op op, const float *a, size_t a_stride, const float *b, size_t b_stride, uint8_t *y, size_t count);
void graft_compare_i64(
    graft_compare_op op, const int64_t *a, size_t a_stride, const int64_t *b, size_t b_stride, uint8_t *y,
    size_t count);
void graft_compare_i32(
    graft_compare_op op, const int32_t *a, size_t a_stride, const int32_t *b, size_t b_stride, uint8_t *y,
    size_t count);

// y[i] = condition[i * c_stride] ? a[i * a_stride] : b[i * b_stride], for elements of 1, 4 or 8 bytes.
void graft_where(
    size_t element_size, const uint8_t *condition, size_t c_stride, const void *a, size_t a_stride, const void *b,
    size_t b_stride, void *y, size_t count);
