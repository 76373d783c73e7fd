"""Makes the oracle of the casts with numpy and ml_dtypes, whose roundings share nothing with graft's kernels.

    pip install numpy ml_dtypes safetensors
    python make_casts.py

`exhaustive.json` holds, for every source type of 8 or 16 bits and every other type, the SHA-256 of what all 256 or 65,536 codes
become. `sampled.safetensors` holds f32 and f64 values around every border of every type (`f32.f8e4m3.in`) and the codes that they become
(`f32.f8e4m3.out`). Where the source is NaN, the code is the quiet NaN of its sign, or 0 where a type has none: there libraries differ. f16 and
bf16 keep a NaN's payload in f32 and f64. The one NaN of the fnuz types counts as positive.
Doubles are rounded here, to the nearest of a table of all values, since libraries go through f32; so is everything that becomes f8e8m0,
of which ml_dtypes 0.6.0 gets 2^-127 and its neighbours wrong (torch 2.13 has them).
"""
import bisect
import hashlib
import json
import os

import ml_dtypes
import numpy as np
from safetensors.numpy import save_file

HERE = os.path.dirname(os.path.abspath(__file__))
SMALL = {"f8e4m3": ml_dtypes.float8_e4m3fn, "f8e5m2": ml_dtypes.float8_e5m2, "f8e4m3fnuz": ml_dtypes.float8_e4m3fnuz,
         "f8e5m2fnuz": ml_dtypes.float8_e5m2fnuz, "f8e8m0": ml_dtypes.float8_e8m0fnu, "f6e2m3": ml_dtypes.float6_e2m3fn,
         "f6e3m2": ml_dtypes.float6_e3m2fn, "f4": ml_dtypes.float4_e2m1fn}
HALVES = {"f16": np.float16, "bf16": ml_dtypes.bfloat16}
TYPES = SMALL | HALVES | {"f32": np.float32, "f64": np.float64}
# Codes with their sign bit, and the quiet NaN or 0 where there is none.
SIGN = {"f8e4m3": 0x80, "f8e5m2": 0x80, "f8e4m3fnuz": 0x80, "f8e5m2fnuz": 0x80, "f8e8m0": 0, "f6e2m3": 0x20, "f6e3m2": 0x20, "f4": 8,
        "f16": 1 << 15, "bf16": 1 << 15, "f32": 1 << 31, "f64": 1 << 63}
NAN = {"f8e4m3": 0x7F, "f8e5m2": 0x7E, "f8e4m3fnuz": 0x80, "f8e5m2fnuz": 0x80, "f8e8m0": 0xFF, "f6e2m3": 0, "f6e3m2": 0, "f4": 0,
       "f16": 0x7E00, "bf16": 0x7FC0, "f32": 0x7FC00000, "f64": 0x7FF8 << 48}
UNSIGNED = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}


def codes(array):
    return array.view(UNSIGNED[array.dtype.itemsize])


def values(name):
    """Every value of a type of at most 16 bits, by code."""
    count = 1 << {"f4": 4, "f6e2m3": 6, "f6e3m2": 6, "f16": 16, "bf16": 16}.get(name, 8)
    dtype = np.dtype(TYPES[name])
    return np.arange(count, dtype=UNSIGNED[dtype.itemsize]).view(dtype)


def settle(result, source_negative, source_nan, name):
    """The agreed code where the source is NaN."""
    out = codes(result).copy()
    nan = np.where(source_negative & (NAN[name] != 0), np.array(NAN[name] | SIGN[name], out.dtype), np.array(NAN[name], out.dtype))
    return np.where(source_nan, nan, out)


def cast(array, name):
    wide = array.astype(np.float32)
    if name == "f8e8m0":
        return exact(wide.astype(np.float64), name)
    with np.errstate(all="ignore"):
        if array.dtype.itemsize == 2 and name in ("f32", "f64"):
            return codes(wide.astype(TYPES[name]))
        fnuz = array.dtype in (ml_dtypes.float8_e4m3fnuz, ml_dtypes.float8_e5m2fnuz)
        return settle(wide.astype(TYPES[name]), np.signbit(wide) & ~(fnuz & np.isnan(wide)), np.isnan(wide), name)


def exact(array, name):
    """Doubles rounded once, by the table of all values."""
    if name == "f32":  # The processor does it.
        with np.errstate(all="ignore"):
            return settle(array.astype(np.float32), np.signbit(array), np.isnan(array), name)
    table = values(name).astype(np.float64)
    positive = sorted((v, c) for c, v in enumerate(table.tolist()) if np.isfinite(v) and not np.signbit(v))
    numbers = [v for v, _ in positive]
    top, before = numbers[-1], numbers[-2]
    limit = top + (top - before) / 2  # From here on too large; the next code is even where the last is odd.
    tie_overflows = positive[-1][1] % 2 == 1
    beyond = {"f8e4m3": 0x7F, "f8e5m2": 0x7C, "f8e4m3fnuz": 0x80, "f8e5m2fnuz": 0x80, "f6e2m3": 0x1F, "f6e3m2": 0x1F, "f4": 7,
              "f16": 0x7C00, "bf16": 0x7F80}
    out = []
    for x in array.tolist():
        negative, size = np.signbit(x), abs(x)
        if x != x:
            code = NAN[name] | (SIGN[name] if negative and NAN[name] else 0)
        elif name == "f8e8m0":
            if not 0 < x < np.inf:
                code = 0xFF
            else:
                m, e = np.frexp(x)  # m in [0.5, 1)
                code = min(255, max(0, int(e) - 1 + (m >= 0.75) + 127))
        else:
            if size > limit or (size == limit and tie_overflows):
                code = beyond[name]
            else:
                i = bisect.bisect_left(numbers, size)
                around = [positive[j] for j in (i - 1, i) if 0 <= j < len(positive)]
                code = min(around, key=lambda vc: (abs(vc[0] - size), vc[1] % 2))[1]
            if negative and not (code == 0 and name.endswith("fnuz")):
                code |= SIGN[name]
        out.append(code)
    return np.array(out, UNSIGNED[np.dtype(TYPES[name]).itemsize])


def borders(name, dtype):
    """Values of a wider type around everything that the narrower one distinguishes."""
    random = np.random.default_rng(7)
    table = values(name).astype(np.float64)
    table = np.unique(table[np.isfinite(table)])
    if len(table) > 300:
        table = np.concatenate([table[:60], table[len(table) // 2 - 60:len(table) // 2 + 60], table[-60:]])
    top = table[-1] + (table[-1] - table[-2]) / 2
    middles = np.concatenate([table, (table[1:] + table[:-1]) / 2, [top, -top]]).astype(dtype)
    near = np.concatenate([middles, np.nextafter(middles, dtype(np.inf)), np.nextafter(middles, dtype(-np.inf))])
    special = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, -np.nan, 1e-40, -1e-40, 3.4e38, 1.5, 0.75, 3.0], dtype)
    bits = random.integers(0, 1 << 63, 200, np.uint64) * 2 + random.integers(0, 2, 200, np.uint64)
    odd = bits.view(np.float64) if dtype is np.float64 else (bits >> 32).astype(np.uint32).view(np.float32)
    return np.concatenate([near, special, odd])


exhaustive = {}
for source in SMALL | HALVES:
    for target in TYPES:
        if source != target:
            exhaustive[f"{source}.{target}"] = hashlib.sha256(cast(values(source), target).tobytes()).hexdigest()
sampled = {}
for name, dtype in (("f32", np.float32), ("f64", np.float64)):
    for target in SMALL | HALVES:
        array = borders(target, dtype)
        out = exact(array.astype(np.float64), target)
        if dtype is np.float32:
            other = cast(array, target)
            assert (out == other).all(), (target, array[out != other], out[out != other], other[out != other])
        sampled[f"{name}.{target}.in"], sampled[f"{name}.{target}.out"] = array, out
array = np.concatenate([borders("bf16", np.float64), np.array([1 + 2.0 ** -24, 1 + 2.0 ** -24 + 2.0 ** -50, 1 + 3 * 2.0 ** -24])])
sampled["f64.f32.in"], sampled["f64.f32.out"] = array, exact(array, "f32")
with open(os.path.join(HERE, "exhaustive.json"), "w") as file:
    json.dump({"writer": f"ml_dtypes {ml_dtypes.__version__}, numpy {np.__version__}", "sha256": exhaustive}, file, indent=1)
    file.write("\n")
save_file(sampled, os.path.join(HERE, "sampled.safetensors"))
