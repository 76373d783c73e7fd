// Sums, maxima and running sums. Memory order: [outer, length, inner], reduced over `length`.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "InstructionSet.h"

typedef enum { GRAFT_REDUCE_SUM, GRAFT_REDUCE_MAX } graft_reduce_op;

// y[o, i] = factor * reduction over l of x[o, l, i]. The sum of nothing is 0, the maximum of nothing -infinity.
void graft_reduce(
    graft_isa isa, graft_reduce_op op, const float *x, float factor, float *y, size_t outer, size_t length,
    size_t inner);

// y[o, l, i] = x[o, 0, i] + ... + x[o, l, i]. `y` may equal `x`.
void graft_cumulative_sum(const float *x, float *y, size_t outer, size_t length, size_t inner);
