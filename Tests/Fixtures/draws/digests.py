"""Prints the digests that DrawTests expects, worked out from specs/formats/draws.md with NumPy 2 and none of graft's code."""
import hashlib

import numpy as np

f = np.float32


def words(seed, stream, count):
    blocks = np.arange(count, dtype=np.uint64)
    mask = np.uint64(0xFFFFFFFF)
    number = 0xCBF29CE484222325
    for byte in stream.encode():
        number = (number ^ byte) * 0x100000001B3 % 2**64
    c = [blocks & mask, blocks >> np.uint64(32), np.full_like(blocks, number & 0xFFFFFFFF), np.full_like(blocks, number >> 32)]
    k = [seed & 0xFFFFFFFF, seed >> 32]
    for _ in range(10):
        a, b = c[0] * np.uint64(0xD2511F53), c[2] * np.uint64(0xCD9E8D57)
        c = [(b >> np.uint64(32)) ^ c[1] ^ np.uint64(k[0]), b & mask, (a >> np.uint64(32)) ^ c[3] ^ np.uint64(k[1]), a & mask]
        k = [(k[0] + 0x9E3779B9) % 2**32, (k[1] + 0xBB67AE85) % 2**32]
    return [w.astype(np.uint32).reshape(-1, 64) for w in c]


def uniform(seed, stream, count, low, high):
    w = np.concatenate(words(seed, stream, -(-count // 256) * 64), axis=1).ravel()[:count]
    value = f(low) + f(high - low) * ((w >> np.uint32(8)).astype(np.int32).astype(f) * f(2**-24))
    return np.where(value < f(high), value, np.nextafter(f(high), f(low)))


def pair(a, b):
    u = ((a >> np.uint32(8)) + np.uint32(1)).astype(np.int32).astype(f) * f(2**-24)
    shifted = u.view(np.uint32) - np.uint32(0x3F350000)
    exponent = (shifted.view(np.int32) >> 23).astype(f)
    m = ((shifted & np.uint32(0x7FFFFF)) + np.uint32(0x3F350000)).view(f)
    s = (m - f(1)) / (m + f(1))
    q = s * s
    series = ((f(0.11111111) * q + f(0.14285715)) * q + f(0.2)) * q + f(0.33333334)
    radius = np.sqrt(f(-2) * (exponent * f(0.69314718) + f(2) * (s + s * (q * series))))
    quarter = (b + np.uint32(0x20000000)) >> np.uint32(30)
    x = (b - (quarter << np.uint32(30))).view(np.int32).astype(f) * f(1.4629180792671596e-9)
    y = x * x
    sine = x + x * (y * (f(-0.16666667) + y * (f(0.0083333333) + y * (f(-0.00019841270) + y * f(2.7557319e-6)))))
    cosine = f(1) + y * (f(-0.5) + y * (f(0.041666667) + y * (f(-0.0013888889) + y * (f(2.4801587e-5) + y * f(-2.7557319e-7)))))
    odd_turn = (quarter & 1) == 1
    first, second = np.where(odd_turn, sine, cosine), np.where(odd_turn, cosine, sine)
    first = np.where(((quarter + 1) & 2) != 0, -first, first)
    second = np.where((quarter & 2) != 0, -second, second)
    return radius * first, radius * second


def normal(seed, stream, count, mean, deviation):
    w = words(seed, stream, -(-count // 256) * 64)
    z = np.concatenate([*pair(w[0], w[1]), *pair(w[2], w[3])], axis=1).ravel()[:count]
    return f(mean) + f(deviation) * z


with np.errstate(over="ignore"):
    print(hashlib.sha256(uniform(7, "x", 10000, -0.5, 0.5).astype("<f4").tobytes()).hexdigest())
    print(hashlib.sha256(normal(7, "x", 10000, 1, 2).astype("<f4").tobytes()).hexdigest())
