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

// The arguments of a binary operation: a stride is 0 where one element, or one row, stands for all.
typedef struct {
  const float *a, *b;
  size_t a_stride, b_stride;          // From one element to the next.
  size_t a_next, b_next, y_next;      // From one row to the next.
} V(BinaryRows);

#define BINARY(name, expression)                                                       \
  static void V(name)(V(BinaryRows) r, float *py, size_t rows, size_t count) {         \
    if (count == 0) return;                                                            \
    for (; rows > 0; rows--, r.a += r.a_next, r.b += r.b_next, py += r.y_next) {       \
      vf a = V(all)(r.a[0]), b = V(all)(r.b[0]);                                       \
      size_t i = 0;                                                                    \
      for (; i + LANES <= count; i += LANES) {                                         \
        if (r.a_stride) a = V(load)(r.a + i);                                          \
        if (r.b_stride) b = V(load)(r.b + i);                                          \
        V(store)(py + i, expression);                                                  \
      }                                                                                \
      if (i < count) {                                                                 \
        if (r.a_stride) a = V(load_part)(r.a + i, count - i, 1);                       \
        if (r.b_stride) b = V(load_part)(r.b + i, count - i, 1);                       \
        V(store_part)(py + i, expression, count - i);                                  \
      }                                                                                \
    }                                                                                  \
  }

BINARY(binary_add, a + b)
BINARY(binary_sub, a - b)
BINARY(binary_mul, a * b)
BINARY(binary_div, a / b)
// NaN in either gives NaN, as NumPy's `minimum` and `maximum` do.
BINARY(binary_min, V(select)(a != a, a, V(select)(a < b, a, b)))
BINARY(binary_max, V(select)(a != a, a, V(select)(a > b, a, b)))

static void V(binary_rows)(graft_binary_op op, V(BinaryRows) r, float *y, size_t rows, size_t count) {
  switch (op) {
    case GRAFT_ADD: V(binary_add)(r, y, rows, count); break;
    case GRAFT_SUB: V(binary_sub)(r, y, rows, count); break;
    case GRAFT_MUL: V(binary_mul)(r, y, rows, count); break;
    case GRAFT_DIV: V(binary_div)(r, y, rows, count); break;
    case GRAFT_MIN: V(binary_min)(r, y, rows, count); break;
    case GRAFT_MAX: V(binary_max)(r, y, rows, count); break;
    case GRAFT_POW:
      for (; rows > 0; rows--, r.a += r.a_next, r.b += r.b_next, y += r.y_next) {
        for (size_t i = 0; i < count; i++) y[i] = powf(r.a[i * r.a_stride], r.b[i * r.b_stride]);
      }
      break;
  }
}

static void V(binary)(
    graft_binary_op op, const float *a, size_t sa, const float *b, size_t sb, float *y, size_t count) {
  V(binary_rows)(op, (V(BinaryRows)){.a = a, .b = b, .a_stride = sa, .b_stride = sb}, y, 1, count);
}

// Asks for the rows of an operand that are wanted next: too short, and too far apart, for processors to foresee them.
INLINE void V(bring_operand)(const float *operand, size_t stride, size_t rows, size_t count) {
  for (size_t r = 0; r < rows; r++, operand += stride) {
    for (size_t i = 0; i < count; i += 64 / sizeof(float)) __builtin_prefetch(operand + i);
  }
}

// One step on a few rows that stay in the first-level cache.
INLINE void V(row_step)(
    const graft_row_step *step, const float *x, float *y, size_t stride, size_t first_row, size_t end_row, size_t first,
    size_t count) {
  if (!step->operand) {
    for (size_t r = first_row; r < end_row; r++) V(unary)(step->unary, x + r * stride, y + r * stride, count);
    return;
  }
  const float *operand = step->operand + first * step->column_stride;
  // Runs of rows that meet the same row of the operand, or the rows of the operand one after the other.
  for (size_t r = first_row, run; r < end_row; r += run) {
    const size_t row = r / step->divisor % step->modulus;
    const float *other = operand + row * step->row_stride, *from = x + r * stride;
    run = step->divisor == 1 ? step->modulus - row : step->divisor - r % step->divisor;
    if (run > end_row - r) run = end_row - r;
    const size_t next = step->divisor == 1 ? step->row_stride : 0;
    if (next > 0 && step->column_stride > 0) {
      const size_t left = step->modulus - row - run;
      V(bring_operand)(other + run * next, next, left < run ? left : run, count);
    }
    V(BinaryRows) rows = {from, other, 1, step->column_stride, stride, next, stride};
    if (step->is_reversed) rows = (V(BinaryRows)){other, from, step->column_stride, 1, next, stride, stride};
    V(binary_rows)(step->binary, rows, y + r * stride, run, count);
  }
}

static void V(row_steps)(
    const graft_row_step *steps, size_t count, const float *x, float *y, size_t stride, size_t first_row,
    size_t end_row, size_t first, size_t end) {
  enum { ROWS_AT_ONCE = 16 };
  for (size_t r = first_row; r < end_row; r += ROWS_AT_ONCE) {
    const size_t rows_end = r + ROWS_AT_ONCE < end_row ? r + ROWS_AT_ONCE : end_row;
    const float *from = x + first;
    for (size_t i = 0; i < count; i++, from = y + first) {
      V(row_step)(steps + i, from, y + first, stride, r, rows_end, first, end - first);
    }
  }
}

#undef UNARY
#undef UNARY_SCALAR
#undef BINARY
#undef vf
