"""Writes what `HDF5Tests` read beside this script, with `expected.json`, which says what they hold.

    python make_hdf5.py

Needs h5py, numpy and ml_dtypes. A tensor is told by path, dtype (as safetensors spells it), shape and the SHA-256 of its values as
contiguous little-endian bytes; `refused` names the rule by which a file is refused.
"""
import hashlib
import json
import pathlib
import struct
import zipfile

import h5py
import ml_dtypes
import numpy

here = pathlib.Path(__file__).parent
random = numpy.random.default_rng(11)
NAMES = {"<f2": "F16", "<f4": "F32", "<f8": "F64", "|i1": "I8", "<i2": "I16", "<i4": "I32", "<i8": "I64", "|u1": "U8", "<u2": "U16",
         "<u4": "U32", "<u8": "U64", "|b1": "BOOL", "<c8": "C64", "<c16": "C128"}
files = []


def told(path, array, dtype=None):
    little = array.astype(array.dtype.newbyteorder("<")) if array.dtype.kind in "iufc" else array
    return {"path": [path], "dtype": dtype or NAMES[little.dtype.str], "shape": list(array.shape),
            "sha256": hashlib.sha256(little.tobytes()).hexdigest()}


def file(name, tensors, **more):
    files.append({"file": f"hdf5/{name}", "kind": "hdf5", "tensors": tensors} | more)


def numbers(dtype, *shape):
    dtype = numpy.dtype(dtype)
    return numpy.frombuffer(random.bytes(int(numpy.prod(shape)) * dtype.itemsize), dtype=dtype).reshape(shape)


# Types: either byte order, both spellings of bf16, narrow floats, other enumerations.
tensors = []
with h5py.File(here / "types.h5", "w") as f:
    for code in ("f2", "f4", "f8", "i2", "i4", "i8", "u2", "u4", "u8", "c8", "c16"):
        for order in "<>":
            array = numbers(order + code, 3, 5)
            path = ("big/" if order == ">" else "little/") + code
            f[path] = array
            tensors.append(told(path, array))
    half = numbers("<u2", 4, 3)
    narrow = h5py.h5t.IEEE_F32LE.copy()
    narrow.set_fields(15, 7, 8, 0, 7)
    narrow.set_size(2)
    narrow.set_ebias(127)
    for name, order in (("bf16/float", h5py.h5t.ORDER_LE), ("bf16/float_big", h5py.h5t.ORDER_BE)):
        narrow.set_order(order)
        f.require_group("bf16")
        d = h5py.h5d.create(f.id, name.encode(), narrow, h5py.h5s.create_simple((4, 3)))
        d.write(h5py.h5s.ALL, h5py.h5s.ALL, half if order == h5py.h5t.ORDER_LE else half.byteswap(), mtype=narrow)
        tensors.append(told(name, half, "BF16"))
    f["bf16/opaque"] = half.view(ml_dtypes.bfloat16)
    f["bf16/opaque"].attrs["dtype"] = "bfloat16"
    tensors.append(told("bf16/opaque", half, "BF16"))
    byte = numbers("u1", 7)
    f["f8"] = byte.view(ml_dtypes.float8_e4m3fn)
    f["f8"].attrs["dtype"] = "float8_e4m3fn"
    tensors.append(told("f8", byte, "F8_E4M3"))
    f["truth"] = numpy.array([True, False, True])
    tensors.append(told("truth", numpy.array([True, False, True])))
    f.create_dataset("enumeration", data=numpy.array([0, 2, 1], "<i4"), dtype=h5py.enum_dtype({"A": 0, "B": 1, "C": 2}, basetype="<i4"))
    tensors.append(told("enumeration", numpy.array([0, 2, 1], "<i4")))
    f["nothing"] = h5py.Empty("<f4")
    f["texts"] = "a text"
    f["table"] = numpy.zeros(2, dtype=[("a", "<f4"), ("b", "<i4"), ("c", "?")])
    f["bytes"] = numpy.zeros(2, dtype="V3")
file("types.h5", tensors)

# Chunks: every order of filters, ragged edges, chunks that were never written, fill values, and such as are not filtered.
tensors = []
with h5py.File(here / "chunks.h5", "w") as f:
    array = numbers("<f4", 13, 7, 5)
    for name, options in {
        "plain": {}, "deflate": {"compression": "gzip"}, "shuffle": {"shuffle": True}, "fletcher": {"fletcher32": True},
        "all": {"compression": "gzip", "shuffle": True, "fletcher32": True}, "one": {"chunks": (13, 7, 5), "compression": 9},
        "lines": {"chunks": (1, 7, 5), "shuffle": True, "compression": 1}, "large": {"chunks": (16, 2, 9), "maxshape": (None, None, None)},
    }.items():
        f.create_dataset(name, data=array, **({"chunks": (4, 3, 2)} | options))
        tensors.append(told(name, array))
    order = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    order.set_chunk((4, 3, 2))
    order.set_fletcher32()
    order.set_deflate(3)
    order.set_shuffle()
    h5py.h5d.create(f.id, b"turned", h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((13, 7, 5)), order)
    f["turned"][...] = array
    tensors.append(told("turned", array))
    for code in ("<u2", ">i8", "<c16", "u1"):
        wide = numbers(code, 9, 11)
        f.create_dataset(f"width/{code[-2:]}", data=wide, chunks=(4, 5), shuffle=True, compression="gzip", fletcher32=True)
        tensors.append(told(f"width/{code[-2:]}", wide))
    holes = numpy.full((8, 6), 2.5, ">f4")
    d = f.create_dataset("holes", (8, 6), ">f4", chunks=(2, 4), fillvalue=2.5, compression="gzip")
    d[3:5, 1:3] = holes[3:5, 1:3] = 7
    tensors.append(told("holes", holes))
    f.create_dataset("unwritten", (3, 2), "<i2", fillvalue=-3)
    tensors.append(told("unwritten", numpy.full((3, 2), -3, "<i2")))
    compact = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    compact.set_layout(h5py.h5d.COMPACT)
    h5py.h5d.create(f.id, b"compact", h5py.h5t.STD_I32BE, h5py.h5s.create_simple((5,)), compact)
    f["compact"][...] = numpy.arange(5)
    tensors.append(told("compact", numpy.arange(5, dtype="<i4")))
    f.create_dataset("empty", (0, 4), "<f4", maxshape=(None, 4), chunks=(2, 4))
    tensors.append(told("empty", numpy.zeros((0, 4), "<f4")))
file("chunks.h5", tensors)

# A user's own bytes in front.
array = numbers("<f4", 600)
with h5py.File(here / "user_block.h5", "w", userblock_size=1024) as f:
    f["contiguous"] = array
    f.create_dataset("chunked", data=array, chunks=(100,), compression="gzip")
with open(here / "user_block.h5", "r+b") as f:
    f.write(b"bytes of a user's own")
file("user_block.h5", [told("contiguous", array), told("chunked", array)])

# Links in the file.
array = numbers("<i4", 4)
with h5py.File(here / "links.h5", "w") as f:
    f["a/tensor"] = array
    f["a/hard"] = f["a/tensor"]
    f["a/beside"] = h5py.SoftLink("tensor")
    f["through"] = h5py.SoftLink("/soft_group/./tensor")
    f["twice"] = h5py.SoftLink("through")
    f["soft_group"] = h5py.SoftLink("a")
    f["hard_group"] = f["a"]
    f["under_other_name"] = h5py.SoftLink("hard_group/tensor")
# The first name in the order of names has the values.
names = ["a/hard", "a/tensor", "a/beside", "through", "twice", "under_other_name"]
file("links.h5", [told(name, array) for name in names], aliases={name: "a/hard" for name in names[1:]})

# Lists of Keras 2 in parts, which tell another order than the file's.
with h5py.File(here / "split_lists.h5", "w") as f:
    f.attrs["layer_names0"] = numpy.array([b"second", b"first"])
    f.attrs["layer_names1"] = numpy.array([b"third"])
    tensors = []
    for layer in ("first", "second", "third"):
        array = numbers("<f4", 2)
        f[f"{layer}/kernel:0"] = array
        f[layer].attrs["weight_names"] = [b"kernel:0"]
        tensors.append(told(f"{layer}/kernel:0", array))
file("split_lists.h5", [tensors[1], tensors[0], tensors[2]])

# What is refused.
with h5py.File(here / "missing_weight.h5", "w") as f:
    f["layer/kernel"] = numbers("<f4", 2)
    f.attrs["layer_names"] = [b"layer"]
    f["layer"].attrs["weight_names"] = [b"kernel", b"bias"]
file("missing_weight.h5", [], refused="hdf5.keras-names", note="'bias'")
with h5py.File(here / "odd_number.h5", "w") as f:
    odd = h5py.h5t.STD_I32LE.copy()
    odd.set_precision(24)
    h5py.h5d.create(f.id, b"w", odd, h5py.h5s.create_simple((3,)))
file("odd_number.h5", [], refused="hdf5.type", note="integers of 24 bits")
with h5py.File(here / "virtual.h5", "w") as f:
    layout = h5py.VirtualLayout((4,), "<f4")
    layout[:] = h5py.VirtualSource("../outside.h5", "w", (4,))
    f.create_virtual_dataset("w", layout)
file("virtual.h5", [], refused="hdf5.outside", note="virtual")
with h5py.File(here / "name.h5", "w") as f:
    h5py.h5d.create(f.id, b"\xff\xfe", h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((3,)))
file("name.h5", [], refused="hdf5.utf8", note="UTF-8")
with h5py.File(here / "deep.h5", "w", libver="v108") as f:
    f["/".join("g" * 200) + "/w"] = numbers("<f4", 1)
file("deep.h5", [], refused="hdf5.limit", note="is in over 128 groups")
with h5py.File(here / "metadata.h5", "w") as f:
    f["w"] = numbers("<f4", 1)
    f["__graft__"] = numpy.frombuffer(b'{"a": 1}', "u1")
file("metadata.h5", [], refused="hdf5.metadata", note="'a'")
with zipfile.ZipFile(here / "deflated.keras", "w", zipfile.ZIP_DEFLATED) as archive:
    archive.write(here / "metadata.h5", "model.weights.h5")
file("deflated.keras", [], refused="hdf5.archive", note="compressed")


def patch(name, old, new):
    raw = (here / name).read_bytes()
    assert raw.count(old) == 1, raw.count(old)
    (here / name).write_bytes(raw.replace(old, new))


# A place and a size that are changed by hand.
with h5py.File(here / "bad_range.h5", "w") as f:
    f["w"] = numbers("<f4", 64)
    place = f["w"].id.get_offset()
patch("bad_range.h5", struct.pack("<QQ", place, 256), struct.pack("<QQ", place + 64, 256))
file("bad_range.h5", [], refused="hdf5.range", note="256")
with h5py.File(here / "bad_chunk.h5", "w") as f:
    f.create_dataset("w", data=numbers("<f4", 64), chunks=(64,))
    chunk = f["w"].id.get_chunk_info(0)
# A key of the tree: bytes, mask, place in each axis and in the element; then the chunk's address.
patch("bad_chunk.h5", struct.pack("<IIQQQ", 256, 0, 0, 0, chunk.byte_offset), struct.pack("<IIQQQ", 100, 0, 0, 0, chunk.byte_offset))
file("bad_chunk.h5", [], refused="hdf5.chunk", note="100 bytes")

def raw_dataset(f, name, shape, chunk=None, deflate=False, fill=None, dtype=h5py.h5t.IEEE_F32LE):
    """A dataset by the library's own calls: nothing is written of it, and it may be of any size."""
    options = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    options.set_obj_track_times(False)
    if chunk:
        options.set_chunk(chunk)
    if deflate:
        options.set_shuffle()
        options.set_deflate(9)
    if fill is not None:
        options.set_fill_value(numpy.array(fill, dtype.dtype))
    return h5py.h5d.create(f.id, name.encode(), dtype, h5py.h5s.create_simple(shape), options)


# No elements, and sizes whose product no number holds.
empty = {"shape": [0, 1 << 40, 1 << 40], "dtype": "F32", "sha256": hashlib.sha256().hexdigest()}
with h5py.File(here / "wide_empty.h5", "w") as f:
    raw_dataset(f, "contiguous", (0, 1 << 40, 1 << 40))
    raw_dataset(f, "chunked", (0, 1 << 40, 1 << 40), (1, 1, 1))
    raw_dataset(f, "deflated", (0, 1 << 40, 1 << 40), (1, 1 << 20, 64), deflate=True)
file("wide_empty.h5", [{"path": [name]} | empty for name in ("contiguous", "chunked", "deflated")])
with h5py.File(here / "wide.h5", "w") as f:
    raw_dataset(f, "w", (1 << 40, 1 << 40), (1, 1024))
file("wide.h5", [], refused="hdf5.size", note="more bytes than 64 bits count")

# So many chunks that each has to be found by itself.
array = (numpy.arange(40000) % 251).astype("u1")
with h5py.File(here / "many_chunks.h5", "w", libver="v110") as f:
    options = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    options.set_obj_track_times(False)
    options.set_chunk((1,))
    options.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    h5py.h5d.create(f.id, b"w", h5py.h5t.STD_U8LE, h5py.h5s.create_simple(array.shape), options)
    f["w"][...] = array
file("many_chunks.h5", [told("w", array)])

# Next to nothing is in the file: it is sound where the rest is in a file that is long enough.
with h5py.File(here / "unwritten.h5", "w") as f:
    raw_dataset(f, "w", (4, 1 << 22), (4, 1 << 22), deflate=True, fill=1.5, dtype=h5py.h5t.IEEE_F32BE)
file("unwritten.h5", [], refused="hdf5.size", note="67108864 bytes, of which the file holds 0")
with h5py.File(here / "hardly_written.h5", "w") as f:
    raw_dataset(f, "w", (1, (1 << 28) + 4096), (1, 4096), deflate=True)
    f["w"][0, 4096:8192] = 1
file("hardly_written.h5", [], refused="hdf5.size", note="of which the file holds")
with h5py.File(here / "several_unwritten.h5", "w") as f:
    for name in "ab":
        raw_dataset(f, name, (1 << 30,))
file("several_unwritten.h5", [], refused="hdf5.size", note="of which the file holds 0")

# Types in types.
nested = h5py.h5t.IEEE_F32LE
for _ in range(17):
    compound = h5py.h5t.create(h5py.h5t.COMPOUND, 4)
    compound.insert(b"member", 0, h5py.h5t.array_create(nested, (1,)))
    nested = compound
with h5py.File(here / "nested_type.h5", "w") as f:
    raw_dataset(f, "w", (1,), dtype=nested)
file("nested_type.h5", [], refused="hdf5.limit", note="'w' has a type that lies in over 32 others")

# Metadata that unpack to much more than their file.
with h5py.File(here / "packed_metadata.h5", "w") as f:
    f["w"] = numbers("<f4", 1)
    text = numpy.frombuffer(b'{"a": "' + b"x" * (4 << 20) + b'"}', "u1")
    f.create_dataset("__graft__", data=text, chunks=text.shape, compression=9)
file("packed_metadata.h5", [], refused="hdf5.metadata", note="are read at most")

# A combining character behind a slash, and two spellings of one letter.
array, other = numbers("<f4", 2), numbers("<f4", 3)
with h5py.File(here / "combining.h5", "w") as f:
    f["a/\u0301b"] = array
    f["group"] = h5py.SoftLink("a")
    f["link"] = h5py.SoftLink("/group/\u0301b")
    f["x/\u00e9"] = array
    f["y/e\u0301"] = other
    f["z"] = h5py.SoftLink("/y/e\u0301")
file("combining.h5", [told("a/\u0301b", array), told("link", array), told("x/\u00e9", array), told("y/e\u0301", other),
                      told("z", other)], aliases={"link": "a/\u0301b", "z": "y/e\u0301"})

# A layer that is listed often, which lists a tensor often.
with h5py.File(here / "repeated_names.h5", "w") as f:
    array = numbers("<f4", 2)
    f["layer/kernel"] = array
    f.attrs["layer_names"] = numpy.array([b"layer"] * 6000)
    f["layer"].attrs["weight_names"] = numpy.array([b"kernel"] * 5000)
file("repeated_names.h5", [told("layer/kernel", array)])

# Attributes that are no texts, and attributes of datasets.
with h5py.File(here / "attributes.h5", "w") as f:
    array = numbers("<f4", 2)
    f["group/w"] = array
    f.attrs["steps"] = 400
    f.attrs["note"] = "kept"
    f["group"].attrs["rates"] = numpy.array([0.5, 0.25])
    f["group"].attrs["list"] = ["kept", "too"]
    f["group/w"].attrs["unit"] = "nobody's"
file("attributes.h5", [told("group/w", array)])

about = f"written by make_hdf5.py with h5py {h5py.__version__}, HDF5 {h5py.version.hdf5_version}, numpy {numpy.__version__}"
text = ",\n".join(json.dumps(one, ensure_ascii=False) for one in files)
(here / "expected.json").write_text(f'{{"about": "{about}", "files": [\n{text}\n]}}\n')
