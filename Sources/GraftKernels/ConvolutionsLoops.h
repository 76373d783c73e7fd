// Included through EachInstructionSet.h.

#define vf V(graft_vf)

static void V(depthwise_conv)(
    const graft_unfolding *s, const float *padded, const float *weight, float bias, float *y, size_t output_height,
    size_t padded_width) {
  for (size_t i = 0; i < output_height; i++) {
    const float *first = padded + i * s->stride_height * padded_width;
    for (size_t j = 0; j < s->output_width; j += LANES) {
      const size_t count = s->output_width - j < LANES ? s->output_width - j : LANES;
      vf sum = {0};
      for (size_t ky = 0; ky < s->kernel_height; ky++) {
        for (size_t kx = 0; kx < s->kernel_width; kx++) {
          const float *pixels = first + ky * padded_width + j * s->stride_width + kx;
          vf under;
          if (s->stride_width == 1) {
            under = V(load)(pixels);  // Beyond the row's end lie the next row, or the floats behind the picture.
          } else {
            float lanes[LANES] = {0};
            for (size_t k = 0; k < count; k++) lanes[k] = pixels[k * s->stride_width];
            under = V(load)(lanes);
          }
          sum += under * weight[ky * s->kernel_width + kx];
        }
      }
      V(store_part)(y + i * s->output_width + j, sum + bias, count);
    }
  }
}

static void V(causal_conv_tokens)(
    const float *x, const float *taps_first, const float *bias, float *y, size_t channels, size_t taps, size_t from,
    size_t to) {
  for (size_t t = from; t < to; t++) {
    const size_t skipped = t + 1 < taps ? taps - 1 - t : 0;  // Taps that fall before the first token.
    for (size_t c = 0; c < channels; c += LANES) {
      const size_t count = channels - c < LANES ? channels - c : LANES;
      vf sum = {0};
      for (size_t j = skipped; j < taps; j++) {
        const float *px = x + (t + 1 + j - taps) * channels + c, *pw = taps_first + j * channels + c;
        if (count == LANES) {
          sum += V(load)(px) * V(load)(pw);
        } else {
          sum += V(load_part)(px, count, 0) * V(load_part)(pw, count, 0);
        }
      }
      if (bias) sum += V(load_part)(bias + c, count, 0);
      if (count == LANES) {
        V(store)(y + t * channels + c, sum);
      } else {
        V(store_part)(y + t * channels + c, sum, count);
      }
    }
  }
}

static void V(causal_conv_features)(
    const float *x, const float *weight, float bias, float *y, size_t width, size_t taps) {
  size_t f = 0;
  for (; f < width && f + 1 < taps; f++) {  // Some taps fall before the first feature.
    float sum = 0;
    for (size_t j = taps - 1 - f; j < taps; j++) sum += weight[j] * x[f + 1 + j - taps];
    y[f] = sum + bias;
  }
  for (; f < width; f += LANES) {
    const size_t count = width - f < LANES ? width - f : LANES;
    vf sum = {0};
    for (size_t j = 0; j < taps; j++) {
      const float *px = x + f + 1 + j - taps;
      sum += (count == LANES ? V(load)(px) : V(load_part)(px, count, 0)) * weight[j];
    }
    V(store_part)(y + f, sum + bias, count);
  }
}

#undef vf
