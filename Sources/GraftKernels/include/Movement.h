// Moving elements without computing.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Copies rows [from, to) of a strided box: an element at index i lies at sum(i * strides), in elements of
// `element_size` bytes (1, 2, 4, 8). A row runs along the last axis, rows are counted over the other axes.
void graft_copy_strided(
    size_t element_size, size_t rank, const ptrdiff_t *sizes, const void *source, const ptrdiff_t *source_strides,
    void *target, const ptrdiff_t *target_strides, size_t from, size_t to);

// The types that a graph computes with.
typedef enum {
  GRAFT_BOOL, GRAFT_U8, GRAFT_I8, GRAFT_U16, GRAFT_I16, GRAFT_U32, GRAFT_I32, GRAFT_U64, GRAFT_I64, GRAFT_F16,
  GRAFT_BF16, GRAFT_F32, GRAFT_F64,
} graft_element;

// Converts `count` elements, whole numbers to the nearest float, floats to whole numbers by dropping the fraction (at
// the nearest end of the range where they lie outside, 0 for NaN), anything to bool by comparing with 0. The source
// need not be aligned. False where the target is a 16-bit float, which nothing computes with.
bool graft_convert(graft_element from, const void *source, graft_element to, void *target, size_t count);

// Puts `count` elements of `width` bytes together whose first bytes stand first in `source`, then their second ones, and
// so on: what HDF5's filter `shuffle` took apart. Source and target do not overlap.
void graft_unshuffle(size_t width, const void *source, void *target, size_t count);

// Copies row table[indices[i]] of `row_size` bytes for each index; stops at the first index outside [0, rows) and
// gives its position, or -1.
ptrdiff_t graft_gather(
    const void *table, size_t rows, size_t row_size, graft_element index_type, const void *indices, size_t count,
    void *target);
