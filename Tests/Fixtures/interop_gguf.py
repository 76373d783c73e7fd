"""The other side of `GGUFInteropTests`: gguf-py.

    python interop_gguf.py make SEED FOLDER    writes random GGUF files, numbers to be packed, and `expected.json`
    python interop_gguf.py read FOLDER         prints what gguf-py finds in the GGUF files in FOLDER

A tensor is told by name, type (as ggml spells it), shape with the outermost axis first, the SHA-256 of its bytes in the file, and of
its values as little-endian floats. Needs gguf, safetensors and NumPy.
"""

import hashlib
import json
import pathlib
import sys

import gguf
import numpy
from gguf import GGMLQuantizationType, quants
from safetensors.numpy import save_file

PACKED = ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0"]
READ = ["Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K"]
# Where the f16 scales of a block begin; random bits there could be NaN, whose payload no one promises.
SCALES = {"Q2_K": [80, 82], "Q3_K": [108], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208]}


def digest(raw):
    return hashlib.sha256(raw).hexdigest()


def told(name, kind, shape, raw):
    kind = GGMLQuantizationType[kind]
    values = raw if kind.name[0] in "FIB" else quants.dequantize(raw, kind).astype("<f4")
    return {"name": name, "type": kind.name, "shape": list(shape), "stored": digest(raw.tobytes()), "values": digest(values.tobytes())}


def numbers(rng, shape):
    return (rng.standard_normal(shape) * numpy.exp(rng.standard_normal((*shape[:-1], 1)) * 5)).astype(numpy.float32)


def ties(rng, shape, half):
    """Numbers between two codes of Q4_0 or Q5_0, or a unit or two in the last place beside that."""
    blocks = (rng.integers(-half, half, (shape[0] * shape[1] // 32, 32)) + 0.5).astype(numpy.float64)
    blocks *= 1 + rng.integers(-2, 3, blocks.shape) * 2.0**-24
    blocks[:, 0] = half
    return (blocks * numpy.exp(rng.standard_normal((len(blocks), 1)) * 5)).astype(numpy.float32).reshape(shape)


def make(seed, folder):
    folder.mkdir(parents=True, exist_ok=True)
    rng = numpy.random.default_rng(seed)
    expected = {"files": {}, "packed": {}}
    for number in range(4):
        writer = gguf.GGUFWriter(folder / f"{number}.gguf", "dit")
        writer.add_uint64("a.count", int(rng.integers(0, 2**63)))
        writer.add_float32("a.scale", float(numpy.float32(rng.standard_normal())))
        writer.add_array("a.list", [int(value) for value in rng.integers(-100, 100, 5)])
        if number == 3:
            writer.add_custom_alignment(128)
        tensors = []
        for kind in ["F32", "F16", "F64", "I8", "I16", "I32", "I64", *PACKED, *READ]:
            shape = tuple(int(axis) for axis in rng.integers(1, 5, rng.integers(0, 3))) + (256 * int(rng.integers(1, 3)),)
            if kind in PACKED:
                raw = quants.quantize(numbers(rng, shape), GGMLQuantizationType[kind])
            elif kind in READ:
                count, size = gguf.GGML_QUANT_SIZES[GGMLQuantizationType[kind]]
                raw = rng.integers(0, 256, (*shape[:-1], shape[-1] // count, size), dtype=numpy.uint8)
                for place in SCALES[kind]:
                    raw[..., place : place + 2] = numpy.float16(rng.standard_normal()).reshape(1).view(numpy.uint8)
                raw = raw.reshape(*shape[:-1], -1)
            else:
                dtype = {"F": "f", "I": "i"}[kind[0]] + str(int(kind[1:]) // 8)
                raw = (rng.standard_normal(shape) * 50).astype("<" + dtype)
            writer.add_tensor(kind, raw, raw_dtype=GGMLQuantizationType[kind])
            tensors.append(told(kind, kind, shape, raw))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        expected["files"][f"{number}.gguf"] = tensors
    arrays = {f"x.{index}": numbers(rng, (int(rng.integers(1, 9)), 32 * int(rng.integers(1, 40)))) for index in range(8)}
    arrays |= {f"ties.{half}": ties(rng, (64, 320), half) for half in (8, 16, 127)}
    save_file(arrays, folder / "numbers.safetensors")
    for kind in ["Q8_0", "Q5_0", "Q4_0", "BF16", "F16"]:
        with numpy.errstate(all="ignore"):
            expected["packed"][kind] = {
                name: digest(quants.quantize(array, GGMLQuantizationType[kind]).tobytes()) for name, array in arrays.items()
            }
    (folder / "expected.json").write_text(json.dumps(expected))


def read(folder):
    found = {}
    for path in sorted(folder.glob("*.gguf")):
        reader = gguf.GGUFReader(path)
        found[path.name] = [
            told(tensor.name, tensor.tensor_type.name, [int(size) for size in reversed(tensor.shape)], numpy.array(tensor.data))
            for tensor in reader.tensors
        ]
    print(json.dumps(found))


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(int(sys.argv[2]), pathlib.Path(sys.argv[3]))
    else:
        read(pathlib.Path(sys.argv[2]))
