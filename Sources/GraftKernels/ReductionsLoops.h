// Included through EachInstructionSet.h.

#define vf V(graft_vf)

static float V(sum_of_row)(const float *x, size_t length) {
  vf s0 = {0}, s1 = {0};
  size_t i = 0;
  for (; i + 2 * LANES <= length; i += 2 * LANES) {
    s0 += V(load)(x + i);
    s1 += V(load)(x + i + LANES);
  }
  for (; i < length; i += LANES) s0 += V(load_part)(x + i, length - i < LANES ? length - i : LANES, 0);
  return V(sum_lanes)(s0 + s1);
}

// NaN wins, as in NumPy's `max`.
static float V(max_of_row)(const float *x, size_t length) {
  float max = -INFINITY;
  for (size_t i = 0; i < length; i++) max = x[i] > max || x[i] != x[i] ? x[i] : max;
  return max;
}

static void V(reduce)(
    graft_reduce_op op, const float *x, float factor, float *y, size_t outer, size_t length, size_t inner) {
  for (size_t o = 0; o < outer; o++, x += length * inner, y += inner) {
    if (inner == 1) {
      *y = factor * (op == GRAFT_REDUCE_SUM ? V(sum_of_row)(x, length) : V(max_of_row)(x, length));
      continue;
    }
    for (size_t i = 0; i < inner; i += LANES) {
      const size_t count = inner - i < LANES ? inner - i : LANES;
      vf result = V(all)(op == GRAFT_REDUCE_SUM ? 0 : -INFINITY);
      for (size_t l = 0; l < length; l++) {
        const float *p = x + l * inner + i;
        vf v = count == LANES ? V(load)(p) : V(load_part)(p, count, 0);
        if (op == GRAFT_REDUCE_SUM) {
          result += v;
        } else {
          result = V(select)(result != result, result, V(select)(v > result, v, V(select)(v != v, v, result)));
        }
      }
      V(store_part)(y + i, result * factor, count);
    }
  }
}

#undef vf
