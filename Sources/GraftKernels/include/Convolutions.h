// Convolutions, and the unfolding that turns one into a matrix product.
#pragma once

#include <stddef.h>

#include "InstructionSet.h"

typedef struct {
  size_t channels, height, width;          // Of one group of the picture.
  size_t kernel_height, kernel_width;
  size_t stride_height, stride_width;
  size_t pad_top, pad_left;                // What lies beyond the picture is 0.
  size_t output_width;
} graft_unfolding;

// column[(c * kernel_height + ky) * kernel_width + kx, p - from] = the pixel of channel c under tap (ky, kx) of output
// pixel p, for p in [from, to).
void graft_unfold(const graft_unfolding *shape, const float *picture, float *column, size_t from, size_t to);

// One channel by itself: y[i, j] = bias + sum over (ky, kx) of weight[ky, kx] * the pixel under that tap of output (i,
// j). `padded` has room for the picture with everything that a tap may lie on around it, `padded_height` rows of
// `padded_width`, and 16 floats more. The taps are summed in their order, wherever the output lies.
void graft_depthwise_conv(
    graft_isa isa, const graft_unfolding *shape, const float *picture, const float *weight, float bias, float *y,
    size_t output_height, float *padded, size_t padded_height, size_t padded_width);

// y[t, c] = bias[c] + sum over j of weight[c, j] x[t - taps + 1 + j, c], for tokens [from, to) of one sequence with
// `channels` features a token; tokens before the first are 0. `taps_first` is the weight as [taps, channels]; `bias`
// may be NULL.
void graft_causal_conv_tokens(
    graft_isa isa, const float *x, const float *taps_first, const float *bias, float *y, size_t channels, size_t taps,
    size_t from, size_t to);

// y[f] = bias + sum over j of weight[j] x[f - taps + 1 + j], for one row of `width` features.
void graft_causal_conv_features(
    graft_isa isa, const float *x, const float *weight, float bias, float *y, size_t width, size_t taps);
