// Included through EachInstructionSet.h.

#define vf V(graft_vf)

// Four accumulators hide the latency of additions and keep each partial sum short.
#define SUM_OF_ROW(result, width, rest, expression)                                    \
  do {                                                                                 \
    vf s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};                                         \
    size_t i = 0;                                                                      \
    for (; i + 4 * LANES <= (width); i += 4 * LANES) {                                 \
      { vf v = V(load)(x + i); s0 += expression; }                                     \
      { vf v = V(load)(x + i + LANES); s1 += expression; }                             \
      { vf v = V(load)(x + i + 2 * LANES); s2 += expression; }                         \
      { vf v = V(load)(x + i + 3 * LANES); s3 += expression; }                         \
    }                                                                                  \
    for (; i + LANES <= (width); i += LANES) {                                         \
      vf v = V(load)(x + i);                                                           \
      s0 += expression;                                                                \
    }                                                                                  \
    if (i < (width)) {                                                                 \
      vf v = V(load_part)(x + i, (width)-i, rest);                                     \
      s1 += expression;                                                                \
    }                                                                                  \
    result = V(sum_lanes)((s0 + s1) + (s2 + s3));                                      \
  } while (0)

#define EACH_OF_ROW(width, expression)                                                 \
  do {                                                                                 \
    size_t i = 0;                                                                      \
    for (; i + LANES <= (width); i += LANES) {                                         \
      vf v = V(load)(x + i);                                                           \
      vf s = scale ? V(load)(scale + i) : V(all)(1);                                   \
      vf b = bias ? V(load)(bias + i) : V(all)(0);                                     \
      V(store)(y + i, expression);                                                     \
    }                                                                                  \
    if (i < (width)) {                                                                 \
      size_t rest = (width)-i;                                                         \
      vf v = V(load_part)(x + i, rest, 0);                                             \
      vf s = scale ? V(load_part)(scale + i, rest, 1) : V(all)(1);                     \
      vf b = bias ? V(load_part)(bias + i, rest, 0) : V(all)(0);                       \
      V(store_part)(y + i, expression, rest);                                          \
    }                                                                                  \
  } while (0)

// The variance is taken about the mean in a second pass: the difference of two large sums would cancel.
static void V(layer_norm)(
    const float *x, const float *scale, const float *bias, float epsilon, float *y, size_t rows, size_t width) {
  for (size_t r = 0; r < rows; r++, x += width, y += width) {
    float sum, squares;
    SUM_OF_ROW(sum, width, 0, v);
    const float mean = sum / (float)width;
    SUM_OF_ROW(squares, width, mean, ((v - mean) * (v - mean)));
    const float factor = 1.0f / sqrtf(squares / (float)width + epsilon);
    EACH_OF_ROW(width, (v - mean) * factor * s + b);
  }
}

static void V(rms_norm)(
    const float *x, const float *scale, float epsilon, float *y, size_t rows, size_t width) {
  const float *bias = NULL;
  for (size_t r = 0; r < rows; r++, x += width, y += width) {
    float squares;
    SUM_OF_ROW(squares, width, 0, v * v);
    const float factor = 1.0f / sqrtf(squares / (float)width + epsilon);
    EACH_OF_ROW(width, v * factor * s + b);
  }
}

// One row of any width above 0.
INLINE void V(softmax_row)(const float *x, float *y, size_t width) {
  vf largest = V(all)(-INFINITY);
  size_t i = 0;
  for (; i + LANES <= width; i += LANES) largest = V(larger)(V(load)(x + i), largest);
  if (i < width) largest = V(larger)(V(load_part)(x + i, width - i, -INFINITY), largest);
  const float max = V(max_lanes)(largest);

  vf s0 = {0}, s1 = {0};
  for (i = 0; i + 2 * LANES <= width; i += 2 * LANES) {
    vf e0 = V(exp)(V(load)(x + i) - max), e1 = V(exp)(V(load)(x + i + LANES) - max);
    V(store)(y + i, e0);
    V(store)(y + i + LANES, e1);
    s0 += e0;
    s1 += e1;
  }
  for (; i < width; i += LANES) {
    size_t count = width - i < LANES ? width - i : LANES;
    vf e = V(exp)(V(load_part)(x + i, count, -INFINITY) - max);
    V(store_part)(y + i, e, count);
    s0 += e;  // Lanes past the end hold exp(-infinity), which is 0.
  }
  const float factor = 1.0f / V(sum_lanes)(s0 + s1);
  for (i = 0; i + LANES <= width; i += LANES) V(store)(y + i, V(load)(y + i) * factor);
  for (; i < width; i++) y[i] *= factor;
}

static void V(softmax)(const float *x, float *y, size_t rows, size_t width) {
  if (width == 0) return;
  for (size_t r = 0; r < rows; r++) V(softmax_row)(x + r * width, y + r * width, width);
}

static void V(softmax_strided)(const float *x, float *y, size_t length, size_t inner) {
  for (size_t i = 0; i < inner; i += LANES) {
    const size_t count = inner - i < LANES ? inner - i : LANES;
    vf max = V(all)(-INFINITY), sum = {0};
    for (size_t l = 0; l < length; l++) max = V(larger)(V(load_part)(x + l * inner + i, count, 0), max);
    for (size_t l = 0; l < length; l++) {
      vf e = V(exp)(V(load_part)(x + l * inner + i, count, 0) - max);
      V(store_part)(y + l * inner + i, e, count);
      sum += e;
    }
    vf factor = 1.0f / sum;
    for (size_t l = 0; l < length; l++) {
      V(store_part)(y + l * inner + i, V(load_part)(y + l * inner + i, count, 0) * factor, count);
    }
  }
}

#undef SUM_OF_ROW
#undef EACH_OF_ROW
#undef vf
