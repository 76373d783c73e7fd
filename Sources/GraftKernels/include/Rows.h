// Loops over rows, the last axis of row-major tensors. A row's result depends on that row alone, so it does not matter
// how rows are split over threads.
#pragma once

#include <stddef.h>

#include "InstructionSet.h"

// y = (x - mean) / sqrt(variance + epsilon) * scale + bias; `scale` and `bias` may be NULL. `y` may equal `x`.
void graft_layer_norm(
    graft_isa isa, const float *x, const float *scale, const float *bias, float epsilon, float *y, size_t rows,
    size_t width);

// y = x / sqrt(mean(x^2) + epsilon) * scale; `scale` may be NULL. `y` may equal `x`.
void graft_rms_norm(
    graft_isa isa, const float *x, const float *scale, float epsilon, float *y, size_t rows, size_t width);

// Softmax of each row. `y` may equal `x`.
void graft_softmax(graft_isa isa, const float *x, float *y, size_t rows, size_t width);

// Softmax along an axis of `length` that steps by `inner` elements, for `inner` neighbours. `y` may equal `x`.
void graft_softmax_strided(graft_isa isa, const float *x, float *y, size_t length, size_t inner);
