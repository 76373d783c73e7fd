// Included through EachInstructionSet.h.

#define vf V(graft_vf)

// The state is [state][LANES]: `b` and `c` are spread over a vector, and nothing is summed across one.
static void V(selective_scan)(
    const graft_scan *scan, const float *x, const float *dt, const float *b, const float *c, float *y, float *state) {
  const size_t size = scan->state;
  for (size_t first = 0; first < scan->width; first += LANES) {
    const size_t count = scan->width - first < LANES ? scan->width - first : LANES;
    memset(state, 0, size * LANES * sizeof(float));
    for (size_t t = 0; t < scan->places; t++) {
      const float step = dt[t * scan->step_stride];
      // Nothing is remembered before the first place, however large its factor is.
      const vf decay = t == 0 ? V(all)(0) : V(exp)(V(all)(step * scan->rate));
      const float *in = x + t * scan->x_stride + first;
      const vf value = count == LANES ? V(load)(in) : V(load_part)(in, count, 0);
      const vf push = value * step;
      const float *pb = b + t * scan->state_stride, *pc = c + t * scan->state_stride;
      vf sums[4] = {{0}, {0}, {0}, {0}};  // Four chains: one would wait for itself.
      size_t k = 0;
      for (; k + 4 <= size; k += 4) {
        for (size_t j = 0; j < 4; j++) {
          const vf next = V(load)(state + (k + j) * LANES) * decay + push * pb[k + j];
          V(store)(state + (k + j) * LANES, next);
          sums[j] += next * pc[k + j];
        }
      }
      for (; k < size; k++) {
        const vf next = V(load)(state + k * LANES) * decay + push * pb[k];
        V(store)(state + k * LANES, next);
        sums[0] += next * pc[k];
      }
      const vf sum = (sums[0] + sums[1]) + (sums[2] + sums[3]) + value * scan->skip;
      float *out = y + t * scan->x_stride + first;
      if (count == LANES) {
        V(store)(out, sum);
      } else {
        V(store_part)(out, sum, count);
      }
    }
  }
}

#undef vf
