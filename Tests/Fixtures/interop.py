"""The other side of `InteropTests`: the libraries that graft's files are for.

    python interop.py make SEED FOLDER     writes random checkpoints into FOLDER, and `expected.json`, which says what they hold
    python interop.py read FOLDER          prints what the libraries find in the checkpoints in FOLDER, as the same JSON
    python interop.py keras-make FOLDER    saves a Keras model into FOLDER in every way, and `expected.json`, which says what it answers
    python interop.py keras-read FOLDER    loads what graft made of these files, in FOLDER/back, and prints the largest difference in answers

Needs torch, safetensors, numpy, ml_dtypes, onnx, h5py and, for the last two, keras. A tensor is told by name, dtype (as safetensors
spells it), shape and the SHA-256 of
its values as contiguous little-endian bytes; `aliases` gives for each tensor the first one whose memory it shares.
"""
import hashlib
import json
import os
import pathlib
import random
import sys
import zipfile

import h5py
import ml_dtypes
import numpy
import onnx
import torch
from safetensors import safe_open
from safetensors.torch import save_file

TORCH = {torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.int64: "I64", torch.int32: "I32",
         torch.int16: "I16", torch.int8: "I8", torch.uint8: "U8", torch.uint16: "U16", torch.uint32: "U32", torch.uint64: "U64",
         torch.bool: "BOOL", torch.complex64: "C64", torch.complex128: "C128", torch.float8_e4m3fn: "F8_E4M3",
         torch.float8_e5m2: "F8_E5M2", torch.float8_e4m3fnuz: "F8_E4M3FNUZ", torch.float8_e5m2fnuz: "F8_E5M2FNUZ",
         torch.float8_e8m0fnu: "F8_E8M0", torch.float4_e2m1fn_x2: "F4"}
NUMPY = {"|b1": "BOOL", "|u1": "U8", "|i1": "I8", "<u2": "U16", "<i2": "I16", "<u4": "U32", "<i4": "I32", "<u8": "U64", "<i8": "I64",
         "<f2": "F16", "<f4": "F32", "<f8": "F64", "<c8": "C64", "<c16": "C128", "<V2": "BF16"}
ML = {"BF16": ml_dtypes.bfloat16, "F8_E4M3": ml_dtypes.float8_e4m3fn, "F8_E5M2": ml_dtypes.float8_e5m2, "F8_E8M0": ml_dtypes.float8_e8m0fnu,
      "F8_E4M3FNUZ": ml_dtypes.float8_e4m3fnuz, "F8_E5M2FNUZ": ml_dtypes.float8_e5m2fnuz, "F4": ml_dtypes.float4_e2m1fn,
      "F6_E2M3": ml_dtypes.float6_e2m3fn, "F6_E3M2": ml_dtypes.float6_e3m2fn}
# For each type, its number, the field that holds elements one by one, and what a number there is in memory.
ONNX = {"F32": (1, "float_data", "<f4"), "U8": (2, "int32_data", "u1"), "I8": (3, "int32_data", "i1"), "U16": (4, "int32_data", "<u2"),
        "I16": (5, "int32_data", "<i2"), "I32": (6, "int32_data", "<i4"), "I64": (7, "int64_data", "<i8"), "BOOL": (9, "int32_data", "u1"),
        "F16": (10, "int32_data", "<u2"), "F64": (11, "double_data", "<f8"), "U32": (12, "uint64_data", "<u4"),
        "U64": (13, "uint64_data", "<u8"), "C64": (14, "float_data", "<f4"), "C128": (15, "double_data", "<f8"),
        "BF16": (16, "int32_data", "<u2"), "F8_E4M3": (17, "int32_data", "u1"), "F8_E4M3FNUZ": (18, "int32_data", "u1"),
        "F8_E5M2": (19, "int32_data", "u1"), "F8_E5M2FNUZ": (20, "int32_data", "u1"), "F4": (23, "int32_data", "u1"),
        "F8_E8M0": (24, "int32_data", "u1")}
BITS = {"F4": 4, "F6_E2M3": 6, "F6_E3M2": 6}


def digest(raw):
    return hashlib.sha256(raw).hexdigest()


def of_torch(name, tensor):
    dtype, shape = TORCH[tensor.dtype], list(tensor.shape)
    if dtype == "F4":
        shape[-1] *= 2
    # An axis of size 1 may have any stride, which a view as bytes does not like.
    whole = torch.empty_like(tensor, memory_format=torch.contiguous_format).copy_(tensor.detach())
    raw = whole.view(-1).view(torch.uint8).numpy().tobytes() if whole.numel() else b""
    return {"name": name, "dtype": dtype, "shape": shape, "sha256": digest(raw)}


def of_numpy(name, array, dtype):
    """`dtype` is what the file says where NumPy's own spelling does not."""
    whole = numpy.ascontiguousarray(array).reshape(array.shape)
    if dtype in ML:
        # The values have to be such of the type; a view of a void array tells that widths agree.
        whole.view(ML[dtype])
    if dtype in BITS:
        bits = numpy.unpackbits(whole.reshape(-1).view(numpy.uint8)[:, None], axis=1, bitorder="little")[:, : BITS[dtype]]
        raw = numpy.packbits(bits.reshape(-1), bitorder="little").tobytes()
    else:
        raw = whole.astype(whole.dtype.newbyteorder("<")).tobytes() if whole.dtype.kind in "iufc" else whole.tobytes()
    spelling = whole.dtype.newbyteorder("<").str if whole.dtype.itemsize > 1 else whole.dtype.str
    return {"name": name, "dtype": dtype or NUMPY[spelling], "shape": list(array.shape), "sha256": digest(raw)}


def ties(state):
    """For each tensor that shares memory with one before it, the name of that one."""
    seen, found = [], {}
    for name, tensor in state.items():
        if tensor.numel() == 0:
            continue
        start = tensor.untyped_storage().data_ptr()
        first = next((other for other, place in seen if place == start), None)
        if first is None:
            seen.append((name, start))
        else:
            found[name] = first
    return found


# Reading what graft wrote.

def read_torch(path):
    state = torch.load(path, weights_only=True)
    mapped = torch.load(path, weights_only=True, mmap=True)
    tensors = [of_torch(name, tensor) for name, tensor in state.items()]
    assert tensors == [of_torch(name, tensor) for name, tensor in mapped.items()], "mapped and read files differ"
    return {"tensors": tensors, "aliases": ties(state)}


def read_safetensors(path):
    with safe_open(path, framework="pt") as file:
        return {"tensors": [of_torch(name, file.get_tensor(name)) for name in file.keys()], "metadata": file.metadata() or {}}


def read_index(path):
    index = json.loads(path.read_text())
    tensors = []
    for shard in sorted(set(index["weight_map"].values())):
        part = (read_torch if shard.endswith(".bin") else read_safetensors)(path.parent / shard)
        assert {t["name"] for t in part["tensors"]} == {n for n, s in index["weight_map"].items() if s == shard}, "shard and index differ"
        tensors += part["tensors"]
    return {"tensors": tensors, "total_size": index["metadata"]["total_size"]}


def read_npz(path):
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None, "a checksum is wrong"
        texts = json.loads(archive.read("graft.json")) if "graft.json" in archive.namelist() else {}
    dtypes = json.loads(texts.get("graft.dtypes", "{}"))
    with numpy.load(path) as arrays:
        return {"tensors": [of_numpy(name, arrays[name], dtypes.get(name)) for name in arrays if name != "graft.json"]}


def read_npy(path):
    array = numpy.load(path)
    return {"tensors": [of_numpy("", array, "BF16" if array.dtype.kind == "V" else None)]}


def read_h5(path):
    """Every dataset, as the bytes that h5py gives without converting them."""
    tensors = []
    with h5py.File(path) as file:
        def add(name, dataset):
            if not isinstance(dataset, h5py.Dataset) or name == "__graft__":
                return
            kind = dataset.id.get_type()
            raw = numpy.empty(dataset.shape, f"V{kind.get_size()}")
            if raw.size:
                dataset.id.read(h5py.h5s.ALL, h5py.h5s.ALL, raw, mtype=kind)
            if isinstance(kind, h5py.h5t.TypeOpaqueID):
                dtype = {str(numpy.dtype(of)): one for one, of in ML.items()}[dataset.attrs["dtype"]]
            elif isinstance(kind, h5py.h5t.TypeFloatID) and kind.get_fields() == (15, 7, 8, 0, 7):
                dtype = "BF16"
                values = dataset[()].astype("<f4")
                exact = raw.view(ml_dtypes.bfloat16).astype("<f4")
                assert numpy.array_equal(values, exact, equal_nan=True), "h5py converts bf16 to other numbers"
            else:
                dtype = NUMPY[dataset.dtype.str]
            tensors.append({"name": name, "dtype": dtype, "shape": list(dataset.shape), "sha256": digest(raw.tobytes())})
        file.visititems(add)
        return {"tensors": tensors, "metadata": {key: value for key, value in file.attrs.items() if isinstance(value, str)}}


def read_onnx(path):
    onnx.checker.check_model(str(path), full_check=True)
    names = {number: name for name, (number, _, _) in ONNX.items()}
    tensors = []
    for tensor in onnx.load(path).graph.initializer:
        # What onnx makes of it, so that it is looked at; the bytes are those of the file.
        assert list(onnx.numpy_helper.to_array(tensor).shape) == list(tensor.dims)
        tensors.append({"name": tensor.name, "dtype": names[tensor.data_type], "shape": list(tensor.dims), "sha256": digest(tensor.raw_data)})
    return {"tensors": tensors}


READERS = {".onnx": read_onnx, ".h5": read_h5, ".pt": read_torch, ".safetensors": read_safetensors, ".npz": read_npz, ".npy": read_npy}


def read(folder):
    found = {}
    for path in sorted(folder.iterdir()):
        if path.name.endswith(".index.json"):
            found[path.name] = read_index(path)
        elif path.suffix in READERS and "-of-" not in path.name:
            found[path.name] = READERS[path.suffix](path)
    print(json.dumps(found))


# Writing what graft reads.

def shapes(rng):
    return [rng.choice([1, 1, 2, 3, 5, 8]) for _ in range(rng.randrange(0, 5))]


def values(rng, dtype, shape):
    """Random bytes as `dtype`: every bit pattern, NaN and all."""
    count = int(numpy.prod(shape)) * torch.empty((), dtype=dtype).element_size()
    raw = numpy.frombuffer(rng.randbytes(count), dtype=numpy.uint8).copy()
    if dtype == torch.bool:
        raw &= 1
    return torch.from_numpy(raw).view(dtype).reshape(shape) if count else torch.zeros(shape, dtype=torch.uint8).to(torch.float32).to(dtype) \
        if dtype != torch.float4_e2m1fn_x2 else torch.zeros(shape, dtype=torch.uint8).view(dtype)


def view(rng, tensor):
    """`tensor` or one of its views."""
    if tensor.dtype == torch.float4_e2m1fn_x2 or tensor.dim() == 0:
        return tensor
    kind = rng.randrange(6)
    if kind == 1 and tensor.dim() > 1:
        return tensor.transpose(0, -1)
    if kind == 2 and tensor.shape[0] > 1:
        return tensor[1:]
    if kind == 3:
        return tensor[..., ::2]
    if kind == 4 and tensor.shape[0] > 0:
        return tensor[:1].expand(3, *tensor.shape[1:])
    if kind == 5 and tensor.shape[0] > 0:
        return tensor[0]
    return tensor


def state(rng):
    """A dictionary of random tensors of every dtype, some of which are the same memory under several names."""
    found = {}
    for dtype, name in TORCH.items():
        for number in range(3):
            shape = shapes(rng)
            if dtype == torch.float4_e2m1fn_x2:
                shape = shape or [2]
            if number == 2 and shape:
                shape[rng.randrange(len(shape))] = 0
            tensor = values(rng, dtype, shape)
            found[f"{name}.{number}"] = view(rng, tensor)
            if rng.randrange(4) == 0:
                found[f"tied.{name}.{number}"] = view(rng, tensor)
    items = list(found.items())
    rng.shuffle(items)
    return dict(items)


def array(rng):
    """A random array in either order of axes and bytes."""
    dtype = numpy.dtype(rng.choice(list(NUMPY)[:-1]))
    shape = shapes(rng)
    if rng.randrange(6) == 0 and shape:
        shape[0] = 0
    raw = numpy.frombuffer(rng.randbytes(int(numpy.prod(shape)) * dtype.itemsize), dtype=numpy.uint8)
    if dtype == numpy.bool_:
        raw = raw & 1
    whole = raw.view(dtype).reshape(shape)
    if rng.randrange(2):
        whole = numpy.asfortranarray(whole)
    if rng.randrange(3) == 0:
        whole = whole.astype(dtype.newbyteorder(">"))
    return whole.T if rng.randrange(4) == 0 else whole


def make_h5(rng, path):
    """Datasets of random types, layouts, filters and byte orders, and links to them; what they hold."""
    tensors = []
    with h5py.File(path, "w", libver=rng.choice(["earliest", "v110"]), userblock_size=rng.choice([0, 0, 512, 2048])) as file:
        for index in range(20):
            name = rng.choice(["", "a/", "b/c/", "ж/"]) + str(index)
            whole = numpy.array(array(rng), order="C")
            options = {}
            if whole.size and whole.ndim and rng.randrange(3):
                options = {"chunks": tuple(rng.randrange(1, size + 3) for size in whole.shape), "maxshape": (None,) * whole.ndim,
                           "shuffle": bool(rng.randrange(2)), "fletcher32": bool(rng.randrange(2))}
                if rng.randrange(2):
                    options["compression"] = rng.randrange(10)
            dataset = file.create_dataset(name, data=whole, **options)
            tensors.append(of_numpy(name, whole, None))
            if rng.randrange(4) == 0:
                link = f"links/{index}"
                file[link] = dataset if rng.randrange(2) else h5py.SoftLink("/" + name)
                tensors.append(of_numpy(link, whole, None))
        file.attrs["note"] = "текст"
        file["a text"] = "no tensor"
    return {"tensors": tensors, "metadata": {"note": "текст"}}


def onnx_model(rng, path):
    """A model of random tensors of every type, raw, one by one and in another file; what it holds."""
    tensors, expected = [], []
    for dtype, (number, field, numbers) in ONNX.items():
        for place in ("raw", "typed", "external"):
            shape = shapes(rng)
            if dtype == "F4":
                shape.append(2)
            bits = int(numpy.prod(shape)) * (4 if dtype == "F4" else {"C64": 64, "C128": 128}.get(dtype, 8 * numpy.dtype(numbers).itemsize))
            raw = rng.randbytes(bits // 8)
            if dtype == "BOOL":
                raw = bytes(byte & 1 for byte in raw)
            if place == "typed" and "f" in numbers:
                # Python's floats may not keep what a NaN carries.
                raw = (numpy.frombuffer(raw, dtype=numpy.int8)[: bits // 8 // numpy.dtype(numbers).itemsize] / 8).astype(numbers).tobytes()
            tensor = onnx.TensorProto(name=f"{dtype}.{place}", data_type=number, dims=shape)
            if place == "typed":
                getattr(tensor, field).extend(numpy.frombuffer(raw, dtype=numbers).tolist())
            else:
                tensor.raw_data = raw
            tensors.append(tensor)
            expected.append({"name": tensor.name, "dtype": dtype, "shape": shape, "sha256": digest(raw)})
    graph = onnx.GraphProto(name="random", initializer=tensors)
    model = onnx.ModelProto(ir_version=13, graph=graph, opset_import=[onnx.OperatorSetIdProto(version=25)])
    model.metadata_props.add(key="kept", value="as it is")
    for tensor in model.graph.initializer:
        if tensor.name.endswith(".external"):
            onnx.external_data_helper.set_external_data(tensor, path.name + "_data")
    onnx.save(model, path)
    return {"tensors": expected, "metadata": {"kept": "as it is"}}


def make(seed, folder):
    rng = random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    expected = {}
    for number in range(6):
        found = state(rng)
        name = f"{number}.pt"
        torch.save(found, folder / name, _use_new_zipfile_serialization=number % 3 != 2, pickle_protocol=rng.choice([2, 3, 4, 5]))
        expected[name] = {"tensors": [of_torch(*item) for item in found.items()]}
        contiguous = {key: torch.empty_like(value, memory_format=torch.contiguous_format).copy_(value) for key, value in found.items() if value.dtype != torch.complex128}
        name = f"{number}.safetensors"
        metadata = {"format": "pt", "seed": str(seed)}
        save_file(contiguous, folder / name, metadata=metadata)
        expected[name] = {"tensors": [of_torch(*item) for item in contiguous.items()], "metadata": metadata}
        expected[f"{number}.onnx"] = onnx_model(rng, folder / f"{number}.onnx")
        arrays = {f"a/{index}": array(rng) for index in range(12)}
        arrays["half"] = numpy.arange(7).astype(ML["BF16"])
        for suffix, save in (("stored", numpy.savez), ("deflated", numpy.savez_compressed)):
            name = f"{number}-{suffix}.npz"
            save(folder / name, **arrays)
            expected[name] = {"tensors": [of_numpy(key, value, "BF16" if key == "half" else None) for key, value in arrays.items()]}
        name = f"{number}.h5"
        expected[name] = make_h5(rng, folder / name)
        for index, one in enumerate(list(arrays.values())[:4]):
            name = f"{number}-{index}.npy"
            numpy.save(folder / name, one)
            expected[name] = {"tensors": [of_numpy("", one, None)]}
    for kind, suffix in (("bin", ".bin"), ("safe", ".safetensors")):
        parts = [{f"{part}.{key}": torch.empty_like(value, memory_format=torch.contiguous_format).copy_(value) for key, value in state(rng).items() if value.dtype != torch.complex128} for part in range(3)]
        base = folder / kind
        base.mkdir(exist_ok=True)
        stem = ("pytorch_model" if suffix == ".bin" else "model")
        weight_map = {}
        for number, part in enumerate(parts):
            shard = f"{stem}-{number + 1:05d}-of-00003{suffix}"
            torch.save(part, base / shard) if suffix == ".bin" else save_file(part, base / shard)
            weight_map |= {key: shard for key in part}
        (base / f"{stem}{suffix}.index.json").write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))
        expected[f"{kind}/{stem}{suffix}.index.json"] = {"tensors": [of_torch(*item) for part in parts for item in part.items()]}
    (folder / "expected.json").write_text(json.dumps(expected))


# Keras.

def keras_model(dtype):
    import keras
    keras.utils.set_random_seed(3)
    layers = keras.layers
    inner = keras.Sequential([layers.Input((6,)), layers.Dense(6, activation="tanh", name="inner_dense")], name="inner")
    image = layers.Input((8, 8, 3), name="image")
    x = layers.Conv2D(6, 3, name="conv")(image)
    x = layers.BatchNormalization(name="bn")(x)
    x = inner(layers.GlobalAveragePooling2D(name="pool")(x))
    model = keras.Model(image, layers.Dense(3, name="head")(layers.LayerNormalization(name="ln")(x)), name="net")
    generator = numpy.random.default_rng(5)
    model.set_weights([generator.standard_normal(weight.shape).astype("f4") * 0.3 + (weight.ndim == 1) for weight in model.get_weights()])
    if dtype:
        for weight in model.weights:
            weight.assign(weight.numpy().astype(ml_dtypes.bfloat16).astype("f4"))
    return model


def answer(model):
    return numpy.asarray(model.predict(numpy.random.default_rng(6).standard_normal((2, 8, 8, 3)).astype("f4"), verbose=0))


def keras_make(folder):
    model = keras_model(None)
    model.save(folder / "model.keras")
    model.save(folder / "model.h5")
    model.save_weights(folder / "model.weights.h5")
    from keras.src.legacy.saving import legacy_h5_format
    with h5py.File(folder / "weights.h5", "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, model)
    expected = {weight.path: digest(weight.numpy().tobytes()) for weight in model.weights}
    (folder / "expected.json").write_text(json.dumps(expected))


def keras_read(folder):
    import keras
    found = {}
    whole, half = answer(keras_model(None)), answer(keras_model("bf16"))
    for path in sorted((folder / "back").iterdir()):
        wanted = half if "bf16" in path.name else whole
        if path.suffix == ".keras" or path.name.startswith("model.h5"):
            model = keras.saving.load_model(path)
        else:
            model = keras_model(None)
            model.set_weights([weight * 0 + 0.5 for weight in model.get_weights()])
            model.load_weights(path)
        found[path.name] = float(numpy.abs(answer(model) - wanted).max())
    print(json.dumps(found))


if __name__ == "__main__":
    os.environ.setdefault("KERAS_BACKEND", "torch")
    if sys.argv[1] == "keras-make":
        keras_make(pathlib.Path(sys.argv[2]))
    elif sys.argv[1] == "keras-read":
        keras_read(pathlib.Path(sys.argv[2]))
    elif sys.argv[1] == "make":
        make(int(sys.argv[2]), pathlib.Path(sys.argv[3]))
    else:
        read(pathlib.Path(sys.argv[2]))
