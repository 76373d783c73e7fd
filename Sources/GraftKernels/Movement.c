#include "Movement.h"

#include <math.h>
#include <string.h>

#define COPY_ROW(type)                                                                                     \
  for (ptrdiff_t i = 0; i < count; i++) {                                                                  \
    ((type *)target)[to_offset + i * to_step] = ((const type *)source)[from_offset + i * from_step];       \
  }

void graft_copy_strided(
    size_t element_size, size_t rank, const ptrdiff_t *sizes, const void *source, const ptrdiff_t *source_strides,
    void *target, const ptrdiff_t *target_strides, size_t from, size_t to) {
  if (rank == 0) {
    if (from < to) memcpy(target, source, element_size);
    return;
  }
  const ptrdiff_t count = sizes[rank - 1];
  const ptrdiff_t from_step = source_strides[rank - 1], to_step = target_strides[rank - 1];
  for (size_t row = from; row < to; row++) {
    ptrdiff_t from_offset = 0, to_offset = 0;
    size_t rest = row;
    for (size_t axis = rank - 1; axis-- > 0;) {
      const ptrdiff_t index = (ptrdiff_t)(rest % (size_t)sizes[axis]);
      rest /= (size_t)sizes[axis];
      from_offset += index * source_strides[axis];
      to_offset += index * target_strides[axis];
    }
    if (from_step == 1 && to_step == 1) {
      memcpy(
          (char *)target + to_offset * (ptrdiff_t)element_size,
          (const char *)source + from_offset * (ptrdiff_t)element_size, (size_t)count * element_size);
      continue;
    }
    switch (element_size) {
      case 1: COPY_ROW(uint8_t) break;
      case 2: COPY_ROW(uint16_t) break;
      case 4: COPY_ROW(uint32_t) break;
      case 8: COPY_ROW(uint64_t) break;
      default: break;
    }
  }
}

static inline float from_f16(uint16_t bits) {
  const uint32_t sign = (uint32_t)(bits & 0x8000) << 16;
  const uint32_t magnitude = bits & 0x7FFF;
  uint32_t wide;
  float value;
  if (magnitude >= 0x7C00) {
    wide = sign | 0x7F800000 | (magnitude & 0x3FF) << 13;
    memcpy(&value, &wide, 4);
    return value;
  }
  wide = magnitude << 13;  // Read as a float of the wrong exponent; the product mends it, subnormals included.
  memcpy(&value, &wide, 4);
  value *= 0x1p112f;
  memcpy(&wide, &value, 4);
  wide |= sign;
  memcpy(&value, &wide, 4);
  return value;
}

static inline float from_bf16(uint16_t bits) {
  const uint32_t wide = (uint32_t)bits << 16;
  float value;
  memcpy(&value, &wide, 4);
  return value;
}

static inline int64_t whole(double value) {
  if (value != value) return 0;
  if (value >= 0x1p63) return INT64_MAX;
  if (value < -0x1p63) return INT64_MIN;
  return (int64_t)value;
}

// Reads are by memcpy, because a checkpoint's bytes may be unaligned.
#define CONVERT_TO(type, source_type, read)                     \
  for (size_t i = 0; i < count; i++) {                          \
    source_type v;                                              \
    memcpy(&v, (const char *)source + i * sizeof v, sizeof v);  \
    ((type *)target)[i] = (type)(read);                         \
  }

#define CONVERT_FROM(source_type, number, integer)                                     \
  switch (to) {                                                                        \
    case GRAFT_BOOL: CONVERT_TO(uint8_t, source_type, (number) != 0) return true;      \
    case GRAFT_U8: CONVERT_TO(uint8_t, source_type, integer) return true;              \
    case GRAFT_I8: CONVERT_TO(int8_t, source_type, integer) return true;               \
    case GRAFT_U16: CONVERT_TO(uint16_t, source_type, integer) return true;            \
    case GRAFT_I16: CONVERT_TO(int16_t, source_type, integer) return true;             \
    case GRAFT_U32: CONVERT_TO(uint32_t, source_type, integer) return true;            \
    case GRAFT_I32: CONVERT_TO(int32_t, source_type, integer) return true;             \
    case GRAFT_U64: CONVERT_TO(uint64_t, source_type, integer) return true;            \
    case GRAFT_I64: CONVERT_TO(int64_t, source_type, integer) return true;             \
    case GRAFT_F32: CONVERT_TO(float, source_type, number) return true;                \
    case GRAFT_F64: CONVERT_TO(double, source_type, number) return true;               \
    case GRAFT_F16:                                                                    \
    case GRAFT_BF16: return false;                                                     \
  }                                                                                    \
  return false;

bool graft_convert(graft_element from, const void *source, graft_element to, void *target, size_t count) {
  switch (from) {
    case GRAFT_BOOL: CONVERT_FROM(uint8_t, v != 0, v != 0)
    case GRAFT_U8: CONVERT_FROM(uint8_t, v, v)
    case GRAFT_I8: CONVERT_FROM(int8_t, v, v)
    case GRAFT_U16: CONVERT_FROM(uint16_t, v, v)
    case GRAFT_I16: CONVERT_FROM(int16_t, v, v)
    case GRAFT_U32: CONVERT_FROM(uint32_t, v, v)
    case GRAFT_I32: CONVERT_FROM(int32_t, v, v)
    case GRAFT_U64: CONVERT_FROM(uint64_t, v, v)
    case GRAFT_I64: CONVERT_FROM(int64_t, v, v)
    case GRAFT_F16: CONVERT_FROM(uint16_t, from_f16(v), whole((double)from_f16(v)))
    case GRAFT_BF16: CONVERT_FROM(uint16_t, from_bf16(v), whole((double)from_bf16(v)))
    case GRAFT_F32: CONVERT_FROM(float, v, whole((double)v))
    case GRAFT_F64: CONVERT_FROM(double, v, whole(v))
  }
  return false;
}

static inline int64_t index_at(graft_element type, const void *indices, size_t i) {
  switch (type) {
    case GRAFT_BOOL:
    case GRAFT_U8: return ((const uint8_t *)indices)[i];
    case GRAFT_I8: return ((const int8_t *)indices)[i];
    case GRAFT_U16: return ((const uint16_t *)indices)[i];
    case GRAFT_I16: return ((const int16_t *)indices)[i];
    case GRAFT_U32: return ((const uint32_t *)indices)[i];
    case GRAFT_I32: return ((const int32_t *)indices)[i];
    case GRAFT_U64: return ((const uint64_t *)indices)[i] > INT64_MAX ? -1 : ((const int64_t *)indices)[i];
    case GRAFT_I64: return ((const int64_t *)indices)[i];
    case GRAFT_F16:
    case GRAFT_BF16:
    case GRAFT_F32:
    case GRAFT_F64: return -1;
  }
  return -1;
}

ptrdiff_t graft_gather(
    const void *table, size_t rows, size_t row_size, graft_element index_type, const void *indices, size_t count,
    void *target) {
  for (size_t i = 0; i < count; i++) {
    const int64_t index = index_at(index_type, indices, i);
    if (index < 0 || (uint64_t)index >= rows) return (ptrdiff_t)i;
    memcpy((char *)target + i * row_size, (const char *)table + (size_t)index * row_size, row_size);
  }
  return -1;
}

// The width is a constant where this is called, so that compilers make whole vectors of it.
static inline __attribute__((always_inline)) void unshuffle(
    size_t width, const uint8_t *restrict source, uint8_t *restrict target, size_t count) {
  for (size_t i = 0; i < count; i++) {
    for (size_t byte = 0; byte < width; byte++) target[i * width + byte] = source[byte * count + i];
  }
}

void graft_unshuffle(size_t width, const void *source, void *target, size_t count) {
  switch (width) {
    case 2: unshuffle(2, source, target, count); break;
    case 4: unshuffle(4, source, target, count); break;
    case 8: unshuffle(8, source, target, count); break;
    default: unshuffle(width, source, target, count);
  }
}
