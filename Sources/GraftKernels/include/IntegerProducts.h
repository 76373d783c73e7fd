// Matrix products in 8-bit integers: weights with a scale for each output channel, activations with one for each row.
//
//     w[c, k] ~ scale[c] * q[c, k]    scale[c] = max |w[c, :]| / 127, q to nearest with ties to even
//     x[r, k] ~ scale[r] * p[r, k]    likewise
//     y[r, c] = scale[r] * scale[c] * sum over k of p[r, k] * q[c, k]
//
// Sums are of 32 bits, and exact up to GRAFT_INT8_MOST_DEPTH, so that every variant gives the same bits. Packed weights
// stand in panels of 32 channels: for every four k, four bytes of each channel. A row holds p + 128 as bytes, padded to
// whole fours, in variants with VNNI, whose products take one side without a sign; p as 16 bits elsewhere.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "InstructionSet.h"

#pragma clang assume_nonnull begin

enum { GRAFT_INT8_PANEL = 32 };  // Output channels that stand together.
enum { GRAFT_INT8_MOST_DEPTH = 65536 };  // Of more, 128 * 127 * depth and what is added to it may not fit 32 bits.

// The bytes of `columns` packed channels of `depth` weights, those of a packed row, and the rows that are worked out
// together.
size_t graft_int8_weight_bytes(size_t columns, size_t depth);
size_t graft_int8_row_bytes(graft_isa isa, size_t depth);
size_t graft_int8_tile_rows(graft_isa isa);

// Packs the channels from `first`, a multiple of 32, up to `end` of `weight` [columns, depth]. `scales` and `sums` hold
// a number for each channel of whole panels: the scale, and 128 times the sum of its packed weights; those behind the
// last channel are read and have no meaning.
void graft_int8_pack_weight(
    const float *weight, size_t columns, size_t depth, size_t first, size_t end, int8_t *packed, float *scales,
    int32_t *sums);

// Packs `rows` rows of `depth` activations each, and their scales. What is not finite makes its row NaN.
void graft_int8_pack_rows(graft_isa isa, const float *x, size_t rows, size_t depth, void *packed, float *scales);

typedef struct {
  // Packed rows, their scales, and how many there are.
  const void *rows;
  const float *row_scales;
  size_t row_count, depth;
  // All packed channels, their scales and sums, of whole panels.
  const int8_t *weight;
  const float *scales;
  const int32_t *sums;
  // A number for each channel, or NULL.
  const float *_Nullable bias;
  // The result for the first row and channel 0, and from one row to the next.
  float *y;
  size_t y_stride;
  // The bytes of weights that are wanted next, which VNNI's loops bring near meanwhile; may be empty.
  const int8_t *ahead, *ahead_end;
} graft_int8_block;

// y[r, first..<end]; `first` is a multiple of 32.
void graft_int8_product(graft_isa isa, const graft_int8_block *block, size_t first, size_t end);

#pragma clang assume_nonnull end
