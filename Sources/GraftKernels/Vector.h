// Vectors of LANES floats and the functions on them, for one variant. Included through EachInstructionSet.h.

#define INLINE static inline __attribute__((always_inline, unused))
#define vf V(graft_vf)
#define vi V(graft_vi)

typedef float vf __attribute__((vector_size(LANES * 4)));
typedef int vi __attribute__((vector_size(LANES * 4)));
typedef float V(graft_unaligned) __attribute__((vector_size(LANES * 4), aligned(4), may_alias));

INLINE vf V(load)(const float *p) { return *(const V(graft_unaligned) *)p; }
INLINE void V(store)(float *p, vf v) { *(V(graft_unaligned) *)p = v; }
// Less 0 and not plus 0, which would make 0 of -0 and cost an addition.
INLINE vf V(all)(float value) { return value - (vf){0}; }

// The first `count` lanes, the others `rest`: a tail takes the same road as a whole vector, so that an element's
// result does not depend on where it stands.
#if LANES == 16
INLINE vf V(load_part)(const float *p, size_t count, float rest) {
  return (vf)_mm512_mask_loadu_ps((__m512)V(all)(rest), (__mmask16)((1u << count) - 1), p);
}
INLINE void V(store_part)(float *p, vf v, size_t count) {
  _mm512_mask_storeu_ps(p, (__mmask16)((1u << count) - 1), (__m512)v);
}
#else
INLINE vf V(load_part)(const float *p, size_t count, float rest) {
  float lanes[LANES];
  for (size_t i = 0; i < LANES; i++) lanes[i] = i < count ? p[i] : rest;
  return V(load)(lanes);
}
INLINE void V(store_part)(float *p, vf v, size_t count) {
  float lanes[LANES];
  V(store)(lanes, v);
  for (size_t i = 0; i < count; i++) p[i] = lanes[i];
}
#endif

INLINE vf V(select)(vi mask, vf yes, vf no) { return (vf)((mask & (vi)yes) | (~mask & (vi)no)); }
// The second where they are unordered, as MINPS and MAXPS do.
INLINE vf V(smaller)(vf a, vf b) { return V(select)(a < b, a, b); }
INLINE vf V(larger)(vf a, vf b) { return V(select)(a > b, a, b); }
INLINE vf V(absolute)(vf x) { return (vf)((vi)x & 0x7FFFFFFF); }
INLINE vf V(with_sign)(vf x, vf sign) { return (vf)((vi)x | ((vi)sign & (int)0x80000000)); }
INLINE vf V(root)(vf x) { return __builtin_elementwise_sqrt(x); }

// Always in the same order, halves first.
INLINE float V(sum_lanes)(vf v) {
  float lanes[LANES];
  V(store)(lanes, v);
  for (size_t half = LANES / 2; half > 0; half /= 2) {
    for (size_t i = 0; i < half; i++) lanes[i] += lanes[i + half];
  }
  return lanes[0];
}
INLINE float V(max_lanes)(vf v) {
  float lanes[LANES];
  V(store)(lanes, v);
  float max = lanes[0];
  for (size_t i = 1; i < LANES; i++) max = lanes[i] > max ? lanes[i] : max;
  return max;
}

// exp(x) = 2^n exp(r) with n = round(x / ln 2) and |r| <= ln(2) / 2; ln 2 in two parts, so that n ln 2 is exact.
// The Taylor polynomial of degree 7 leaves r^8 / 8! < 0.1 ulp. Within 2 ulp, subnormal results included.
INLINE vf V(reduce_exp)(vf x, vf *n) {
  const float shift = 0x1.8p23f;  // Adding it rounds to a whole number.
  vf whole = x * 0x1.715476p+0f + shift - shift;
  *n = whole;
  return (x - whole * 0x1.62e4p-1f) - whole * 0x1.7f7d1cp-20f;
}
INLINE vf V(exp_minus_one_polynomial)(vf r) {
  vf p = r * (1.0f / 5040) + (1.0f / 720);
  p = p * r + (1.0f / 120);
  p = p * r + (1.0f / 24);
  p = p * r + (1.0f / 6);
  p = p * r + 0.5f;
  return p * (r * r) + r;
}
// x 2^n for whole numbers n from -252 to 254.
INLINE vf V(times_power_of_two)(vf x, vf n) {
#if LANES == 16
  return (vf)_mm512_scalef_ps((__m512)x, (__m512)n);
#else
  const vi whole = __builtin_convertvector(n, vi), half = whole >> 1;  // In two factors: alone it may not fit a float.
  return x * (vf)((half + 127) << 23) * (vf)((whole - half + 127) << 23);
#endif
}
INLINE vf V(exp)(vf x) {
  x = V(select)(x > 100.0f, V(all)(100.0f), x);  // Beyond both ends the result is infinity or 0 already.
  x = V(select)(x < -110.0f, V(all)(-110.0f), x);
  vf n;
  vf r = V(reduce_exp)(x, &n);
  return V(times_power_of_two)(V(exp_minus_one_polynomial)(r) + 1.0f, n);
}

// exp(x) for x up to 0, as 2^n 2^r with n = round(x log2(e)) and |r| <= 1/2. 2^r is 1 + r times a polynomial of degree
// 5, fitted in double precision and off by 2e-9 at most. Within 1 ulp and |x| / 4 more, which comes of log2(e) in single
// precision. NaN stays NaN: the bound, below which the result is 0, is the first argument for that reason.
INLINE vf V(exp_below)(vf x) {
  const float shift = 0x1.8p23f, log2_e = 0x1.715476p+0f;
  x = V(larger)(V(all)(-110.0f), x);
  const vf n = x * log2_e + shift - shift, r = x * log2_e - n;
  vf p = r * 0x1.41fbbcp-13f + 0x1.5f3e54p-10f;
  p = p * r + 0x1.3b2d4cp-7f;
  p = p * r + 0x1.c6aee8p-5f;
  p = p * r + 0x1.ebfbdcp-3f;
  p = p * r + 0x1.62e430p-1f;
  return V(times_power_of_two)(p * r + 1.0f, n);
}

// tanh(|x|) = e / (e + 2) with e = exp(2 |x|) - 1, which keeps small arguments exact to within 3 ulp.
INLINE vf V(tanh)(vf x) {
  vf twice = 2.0f * V(absolute)(x);
  twice = V(select)(twice > 40.0f, V(all)(40.0f), twice);
  vf n;
  vf r = V(reduce_exp)(twice, &n);
  vf scale = V(times_power_of_two)(V(all)(1), n);
  vf e = V(exp_minus_one_polynomial)(r) * scale + (scale - 1.0f);
  return V(with_sign)(e / (e + 2.0f), x);
}

// 1 / (1 + exp(-x)) with both terms of the fraction times exp(x) where x is negative: nothing overflows, and small
// results keep their digits.
INLINE vf V(sigmoid)(vf x) {
  vf e = V(exp)(-V(absolute)(x));
  return V(select)(x < 0.0f, e, V(all)(1)) / (1.0f + e);
}
// x sigmoid(factor), which is 0 where the factor is below -88 and sigmoid is no normal number.
INLINE vf V(gated)(vf x, vf factor) { return x / (1.0f + V(exp)(-factor)); }

// Below 1 an odd polynomial, from there 1 - exp(-g) where g approximates -log(erfc) on [1, 4]; beyond 4 it is 1.
// Chebyshev fits in double precision; within 4 ulp.
INLINE vf V(erf)(vf x) {
  vf a = V(absolute)(x);
  vf t = a * a;
  vf near = t * -9.673590237770315e-06f + 0.00011268253698663893f;
  near = near * t + -0.0008484396524260943f;
  near = near * t + 0.0052210534107569595f;
  near = near * t + -0.02686543830988252f;
  near = near * t + 0.1128378262205091f;
  near = near * t + -0.37612638475990445f;
  near = near * t + 1.128379167062361f;
  near = near * a;
  vf u = V(select)(a > 4.0f, V(all)(4.0f), a) - 2.5f;
  vf g = u * -1.615045020404032e-06f + 1.3310120569863334e-05f;
  g = g * u + -7.73905412410379e-05f;
  g = g * u + 0.0004201420931485655f;
  g = g * u + -0.0021651650038279815f;
  g = g * u + 0.010858519340637578f;
  g = g * u + 0.9438936420363484f;
  g = g * u + 5.352680680547471f;
  g = g * u + 7.8068152769525785f;
  vf far = 1.0f - V(exp)(-g);
  far = V(select)(a != a, a, far);
  return V(with_sign)(V(select)(a < 1.0f, near, far), x);
}

#undef vf
#undef vi
