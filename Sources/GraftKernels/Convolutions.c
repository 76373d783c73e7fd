#include "Convolutions.h"

#include <string.h>

#define GRAFT_LOOPS "ConvolutionsLoops.h"
#include "EachInstructionSet.h"

void graft_unfold(const graft_unfolding *s, const float *picture, float *column, size_t from, size_t to) {
  for (size_t c = 0; c < s->channels; c++) {
    const float *plane = picture + c * s->height * s->width;
    for (size_t ky = 0; ky < s->kernel_height; ky++) {
      for (size_t kx = 0; kx < s->kernel_width; kx++) {
        size_t p = from;
        while (p < to) {  // One row of output pixels, or what of it is in the range.
          const size_t oy = p / s->output_width, ox = p % s->output_width;
          size_t count = s->output_width - ox;
          if (count > to - p) count = to - p;
          const ptrdiff_t y = (ptrdiff_t)(oy * s->stride_height + ky) - (ptrdiff_t)s->pad_top;
          const ptrdiff_t x = (ptrdiff_t)(ox * s->stride_width + kx) - (ptrdiff_t)s->pad_left;
          if (y < 0 || y >= (ptrdiff_t)s->height) {
            memset(column, 0, count * sizeof(float));
          } else {
            const float *row = plane + (size_t)y * s->width;
            if (s->stride_width == 1 && x >= 0 && x + (ptrdiff_t)count <= (ptrdiff_t)s->width) {
              memcpy(column, row + x, count * sizeof(float));
            } else {
              for (size_t i = 0; i < count; i++) {
                const ptrdiff_t at = x + (ptrdiff_t)(i * s->stride_width);
                column[i] = at < 0 || at >= (ptrdiff_t)s->width ? 0 : row[at];
              }
            }
          }
          column += count;
          p += count;
        }
      }
    }
  }
}

void graft_depthwise_conv(
    graft_isa isa, const graft_unfolding *s, const float *picture, const float *weight, float bias, float *y,
    size_t output_height, float *padded, size_t padded_height, size_t padded_width) {
  static void (*const variants[])(
      const graft_unfolding *, const float *, const float *, float, float *, size_t, size_t) =
      EACH_VARIANT(depthwise_conv);
  memset(padded, 0, (padded_height * padded_width + 16) * sizeof(float));
  for (size_t row = 0; row < s->height && row + s->pad_top < padded_height; row++) {
    const size_t count = s->width < padded_width - s->pad_left ? s->width : padded_width - s->pad_left;
    memcpy(
        padded + (row + s->pad_top) * padded_width + s->pad_left, picture + row * s->width, count * sizeof(float));
  }
  variants[isa](s, padded, weight, bias, y, output_height, padded_width);
}

void graft_causal_conv_tokens(
    graft_isa isa, const float *x, const float *taps_first, const float *bias, float *y, size_t channels, size_t taps,
    size_t from, size_t to) {
  static void (*const variants[])(
      const float *, const float *, const float *, float *, size_t, size_t, size_t, size_t) =
      EACH_VARIANT(causal_conv_tokens);
  variants[isa](x, taps_first, bias, y, channels, taps, from, to);
}

void graft_causal_conv_features(
    graft_isa isa, const float *x, const float *weight, float bias, float *y, size_t width, size_t taps) {
  static void (*const variants[])(const float *, const float *, float, float *, size_t, size_t) =
      EACH_VARIANT(causal_conv_features);
  variants[isa](x, weight, bias, y, width, taps);
}
