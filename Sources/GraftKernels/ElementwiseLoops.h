// Included through EachInstructionSet.h.

#define vf V(graft_vf)

#define UNARY(name, expression)                                           \
  static void V(name)(const float *px, float *py, size_t count) {         \
    size_t i = 0;                                                         \
    for (; i + LANES <= count; i += LANES) {                              \
      vf x = V(load)(px + i);                                             \
      V(store)(py + i, expression);                                       \
    }                                                                     \
    if (i < count) {                                                      \
      vf x = V(load_part)(px + i, count - i, 1);                          \
      V(store_part)(py + i, expression, count - i);                       \
    }                                                                     \
  }

// What libm does well enough: it is never on a model's main road, and its range reduction is exact.
#define UNARY_SCALAR(name, expression)                                    \
  static void V(name)(const float *px, float *py, size_t count) {         \
    for (size_t i = 0; i < count; i++) {                                  \
      float x = px[i];                                                    \
      py[i] = expression;                                                 \
    }                                                                     \
  }

UNARY(unary_neg, -x)
UNARY(unary_abs, V(absolute)(x))
UNARY(unary_exp, V(exp)(x))
UNARY_SCALAR(unary_log, logf(x))
UNARY(unary_sqrt, V(root)(x))
UNARY(unary_rsqrt, 1.0f / V(root)(x))
UNARY_SCALAR(unary_sin, sinf(x))
UNARY_SCALAR(unary_cos, cosf(x))
UNARY(unary_tanh, V(tanh)(x))
UNARY(unary_erf, V(erf)(x))
UNARY(unary_sigmoid, V(sigmoid)(x))
UNARY(unary_silu, V(gated)(x, x))
UNARY_SCALAR(unary_softplus, (x > 0 ? x : 0) + log1pf(expf(-fabsf(x))))
UNARY(unary_relu, V(select)(x < 0, V(all)(0), x))
// 0.5 x (1 + tanh(u)) = x sigmoid(2u), which does not cancel where x is negative.
UNARY(unary_gelu_tanh, V(gated)(x, (x * x * x * 0.044715f + x) * 0x1.988454p+0f))
UNARY(unary_gelu_erf, 0.5f * x * (1.0f + V(erf)(x * 0x1.6a09e6p-1f)))

static void V(unary)(graft_unary_op op, const float *x, float *y, size_t count) {
  switch (op) {
    case GRAFT_NEG: V(unary_neg)(x, y, count); break;
    case GRAFT_ABS: V(unary_abs)(x, y, count); break;
    case GRAFT_EXP: V(unary_exp)(x, y, count); break;
    case GRAFT_LOG: V(unary_log)(x, y, count); break;
    case GRAFT_SQRT: V(unary_sqrt)(x, y, count); break;
    case GRAFT_RSQRT: V(unary_rsqrt)(x, y, count); break;
    case GRAFT_SIN: V(unary_sin)(x, y, count); break;
    case GRAFT_COS: V(unary_cos)(x, y, count); break;
    case GRAFT_TANH: V(unary_tanh)(x, y, count); break;
    case GRAFT_ERF: V(unary_erf)(x, y, count); break;
    case GRAFT_SIGMOID: V(unary_sigmoid)(x, y, count); break;
    case GRAFT_SILU: V(unary_silu)(x, y, count); break;
    case GRAFT_SOFTPLUS: V(unary_softplus)(x, y, count); break;
    case GRAFT_RELU: V(unary_relu)(x, y, count); break;
    case GRAFT_GELU_TANH: V(unary_gelu_tanh)(x, y, count); break;
    case GRAFT_GELU_ERF: V(unary_gelu_erf)(x, y, count); break;
  }
}

#define BINARY(name, expression)                                                                          \
  static void V(name)(const float *pa, size_t sa, const float *pb, size_t sb, float *py, size_t count) {  \
    if (count == 0) return;                                                                               \
    vf a = V(all)(pa[0]), b = V(all)(pb[0]);                                                              \
    size_t i = 0;                                                                                         \
    for (; i + LANES <= count; i += LANES) {                                                              \
      if (sa) a = V(load)(pa + i);                                                                        \
      if (sb) b = V(load)(pb + i);                                                                        \
      V(store)(py + i, expression);                                                                       \
    }                                                                                                     \
    if (i < count) {                                                                                      \
      if (sa) a = V(load_part)(pa + i, count - i, 1);                                                     \
      if (sb) b = V(load_part)(pb + i, count - i, 1);                                                     \
      V(store_part)(py + i, expression, count - i);                                                       \
    }                                                                                                     \
  }

BINARY(binary_add, a + b)
BINARY(binary_sub, a - b)
BINARY(binary_mul, a * b)
BINARY(binary_div, a / b)
// NaN in either gives NaN, as NumPy's `minimum` and `maximum` do.
BINARY(binary_min, V(select)(a != a, a, V(select)(a < b, a, b)))
BINARY(binary_max, V(select)(a != a, a, V(select)(a > b, a, b)))

static void V(binary)(
    graft_binary_op op, const float *a, size_t sa, const float *b, size_t sb, float *y, size_t count) {
  switch (op) {
    case GRAFT_ADD: V(binary_add)(a, sa, b, sb, y, count); break;
    case GRAFT_SUB: V(binary_sub)(a, sa, b, sb, y, count); break;
    case GRAFT_MUL: V(binary_mul)(a, sa, b, sb, y, count); break;
    case GRAFT_DIV: V(binary_div)(a, sa, b, sb, y, count); break;
    case GRAFT_MIN: V(binary_min)(a, sa, b, sb, y, count); break;
    case GRAFT_MAX: V(binary_max)(a, sa, b, sb, y, count); break;
    case GRAFT_POW:
      for (size_t i = 0; i < count; i++) y[i] = powf(a[i * sa], b[i * sb]);
      break;
  }
}

INLINE const float *V(operand)(const graft_row_step *step, size_t row, size_t column) {
  return step->operand + row / step->divisor % step->modulus * step->row_stride + column * step->column_stride;
}

static void V(row_steps)(
    const graft_row_step *steps, size_t count, const float *x, float *y, size_t stride, size_t first_row,
    size_t end_row, size_t first, size_t end) {
  enum { ROWS_AHEAD = 4, LINE = 64 / sizeof(float) };
  for (size_t r = first_row; r < end_row; r++) {
    const float *from = x + r * stride + first;
    float *to = y + r * stride + first;
    for (const graft_row_step *step = steps; step < steps + count; step++, from = to) {
      if (!step->operand) {
        V(unary)(step->unary, from, to, end - first);
        continue;
      }
      const float *other = V(operand)(step, r, first);
      // Rows are too short, and lie too far apart, for processors to foresee them.
      if (step->divisor == 1 && step->modulus > 1 && step->column_stride > 0 && r + ROWS_AHEAD < end_row) {
        const float *ahead = V(operand)(step, r + ROWS_AHEAD, first);
        for (size_t i = 0; i < end - first; i += LINE) __builtin_prefetch(ahead + i);
      }
      if (step->is_reversed) {
        V(binary)(step->binary, other, step->column_stride, from, 1, to, end - first);
      } else {
        V(binary)(step->binary, from, 1, other, step->column_stride, to, end - first);
      }
    }
  }
}

#undef UNARY
#undef UNARY_SCALAR
#undef BINARY
#undef vf
