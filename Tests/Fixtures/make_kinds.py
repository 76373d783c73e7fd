"""Makes `kinds/`: files with everything that torch and NumPy can save beside plain tensors, and `expected.json`.

    python make_kinds.py [FOLDER]

FOLDER is `kinds` beside this file. Needs torch, numpy and ml_dtypes; their versions stand in `expected.json`. Values are counted
up, not drawn, so that the same versions give the same bytes, but for the legacy layout, whose keys are addresses.
A file with `refused` must be refused by that rule.
"""
import collections
import hashlib
import json
import pathlib
import sys

import ml_dtypes
import numpy
import torch

folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent / "kinds")
folder.mkdir(exist_ok=True)
files = []

NAMES = {torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.int64: "I64", torch.int32: "I32",
         torch.int16: "I16", torch.int8: "I8", torch.uint8: "U8", torch.uint16: "U16", torch.uint32: "U32", torch.uint64: "U64",
         torch.bool: "BOOL", torch.complex64: "C64", torch.complex128: "C128", torch.float8_e4m3fn: "F8_E4M3",
         torch.float8_e5m2: "F8_E5M2", torch.float8_e4m3fnuz: "F8_E4M3FNUZ", torch.float8_e5m2fnuz: "F8_E5M2FNUZ",
         torch.float8_e8m0fnu: "F8_E8M0", torch.float4_e2m1fn_x2: "F4"}


def counted(dtype, *shape):
    """A tensor of `dtype` whose bytes count up, but for truths."""
    width = torch.empty((), dtype=dtype).element_size()
    count = int(numpy.prod(shape)) * width
    data = torch.arange(count, dtype=torch.int64).remainder(251 if dtype != torch.bool else 2).to(torch.uint8)
    return data.view(dtype).reshape(shape)


def described(path, tensor):
    """What a reader has to find for `tensor`."""
    dtype = NAMES[tensor.dtype]
    shape = list(tensor.shape)
    if dtype == "F4":
        shape[-1] *= 2
    whole = tensor.detach().resolve_conj().resolve_neg().contiguous()
    raw = whole.view(-1).view(torch.uint8).numpy().tobytes() if whole.numel() else b""
    return {"path": path, "dtype": dtype, "shape": shape, "sha256": hashlib.sha256(raw).hexdigest()}


def put(name, value, tensors, **more):
    torch.save(value, folder / name, **{k: v for k, v in more.items() if k.startswith("_use") or k == "pickle_protocol"})
    files.append({"file": "kinds/" + name, "kind": "torch", **{k: v for k, v in more.items() if k in ("values", "aliases", "note")},
                  "tensors": [described(path if isinstance(path, list) else [path], t) for path, t in tensors]})


def refused(name, value, rule, note):
    torch.save(value, folder / name)
    files.append({"file": "kinds/" + name, "kind": "torch", "refused": rule, "note": note, "tensors": []})


# Every dtype, plain and transposed, in both layouts.
every = {}
for dtype, name in NAMES.items():
    every[name] = counted(dtype, 4, 6)
    if dtype != torch.float4_e2m1fn_x2:
        every[name + ".t"] = every[name].t()
    every[name + ".none"] = counted(dtype, 0, 2)
put("dtypes.pt", every, every.items(), aliases={k: k[:-2] for k in every if k.endswith(".t")})
put("dtypes_legacy.pt", every, every.items(), _use_new_zipfile_serialization=False,
    aliases={k: k[:-2] for k in every if k.endswith(".t")})

# Views of one storage.
flat = torch.arange(24, dtype=torch.float32)
grid = flat.view(4, 6)
alone = torch.arange(12, dtype=torch.float32)
shared = {"grid": grid, "flat": flat, "row": grid[2], "column": grid[:, 1], "again": grid, "back": grid.t(), "step": flat[1::5],
          "spread": grid[:1].expand(3, 6), "one": grid[3, 5], "window": flat.as_strided((3, 4), (2, 1), 1),
          "half": alone[:6], "late": alone[3:9], "odd": alone[1::2]}
put("sharing.pt", shared, shared.items(),
    aliases={k: "grid" for k in ("flat", "row", "column", "again", "back", "step", "spread", "one", "window")})

# Slices of tensors without elements, which start behind the end of their storage.
nothing = {"late": torch.zeros(4, 0)[2:], "column": torch.zeros(0, 3)[:, 1], "bytes": torch.zeros(4, 0, dtype=torch.uint16)[3:]}
put("nothing.pt", nothing, nothing.items())

# Parameters, tensors with attributes, storages, a module's state.
parameter = torch.nn.Parameter(torch.arange(6.0).view(2, 3))
stated = torch.nn.Parameter(torch.arange(3.0))
stated.tag = {"scale": 0.5}
labelled = torch.arange(4.0)
labelled.label = "x"
layer = torch.nn.BatchNorm1d(3)
held = {"parameter": parameter, "stated": stated, "labelled": labelled, "buffer": torch.nn.Buffer(torch.arange(2.0)),
        "typed": torch.arange(5.0).storage(), "untyped": torch.arange(3, dtype=torch.int16).untyped_storage()}
put("held.pt", {**held, "layer": layer.state_dict()},
    [("parameter", parameter), ("stated", stated), ("labelled", labelled), ("buffer", held["buffer"]), ("typed", torch.arange(5.0)),
     ("untyped", torch.arange(3, dtype=torch.int16).view(torch.uint8))] + [(["layer", k], v) for k, v in layer.state_dict().items()])

# Signs that wait.
# No zeros: torch does not always give them the sign that negation has.
z = torch.arange(1, 9, dtype=torch.float64).view(4, 2)
z = torch.view_as_complex(z)
signs = {"conj": z.conj(), "neg": z.clone().conj().imag, "conj.t": z.view(2, 2).conj().t(), "both": torch._neg_view(z.conj()),
         "negative": torch._neg_view(torch.arange(3, dtype=torch.bfloat16))}
put("signs.pt", signs, signs.items())

# Plain values.
values = {"path": pathlib.PurePosixPath("a/b"), "default": collections.defaultdict(list, {"k": [1, 2]}), "count": collections.Counter("aab"),
          "scalar": numpy.float64(0.25), "narrow": numpy.float32(-1.5), "whole": numpy.int64(-7), "byte": numpy.uint8(200), "yes": numpy.bool_(True),
          "complex": complex(1, -2), "version": torch.torch_version.TorchVersion("2.13.0"), "device": torch.device("cuda", 1),
          "big": 2**70, "set": {5}, "bytes": b"abc", "none": None, "scheme": torch.per_tensor_affine}
put("values.pt", {"w": torch.ones(2), "v": values}, [("w", torch.ones(2))],
    values={"v/path": "a/b", "v/default/k": [1, 2], "v/count/a": 2, "v/scalar": 0.25, "v/narrow": -1.5, "v/whole": -7, "v/byte": 200,
            "v/yes": True, "v/complex": "1.0-2.0j", "v/version": "2.13.0", "v/device": "cuda:1", "v/big": "1180591620717411303424",
            "v/set": [5], "v/bytes": "3 bytes", "v/none": None})

# What is no dense tensor.
refused("quantised.pt", {"q": torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8)}, "pytorch.tensor-kind", "quantised")
refused("quantised_channels.pt", {"a": {"q": torch.quantize_per_channel(torch.ones(2, 2), torch.tensor([0.1, 0.2]), torch.tensor([0, 1]), 0, torch.quint8)}},
        "pytorch.tensor-kind", "quantised")
refused("sparse.pt", {"s": torch.eye(2).to_sparse()}, "pytorch.tensor-kind", "sparse")
refused("sparse_rows.pt", {"s": torch.eye(2).to_sparse_csr()}, "pytorch.tensor-kind", "sparse")
refused("ragged.pt", [torch.nested.nested_tensor([torch.ones(2), torch.ones(3)])], "pytorch.tensor-kind", "nested")
refused("meta.pt", {"m": torch.empty(2, device="meta")}, "pytorch.tensor-kind", "meta")
refused("half_complex.pt", {"c": torch.zeros(2, dtype=torch.complex32)}, "pytorch.dtype", "complex32")
refused("array.pt", {"a": numpy.ones(2)}, "pytorch.tensor-kind", "NumPy array")

# NumPy's own spelling, and what it makes of types that it lacks.
MORE = {"BF16": ml_dtypes.bfloat16, "F8_E4M3": ml_dtypes.float8_e4m3fn, "F8_E8M0": ml_dtypes.float8_e8m0fnu}


def array(name, values, dtype, sizes=None, **more):
    numpy.save(folder / name, values)
    whole = numpy.ascontiguousarray(values)
    if whole.dtype.byteorder == ">" or (whole.dtype.byteorder == "=" and sys.byteorder == "big"):
        whole = whole.byteswap()
    files.append({"file": "kinds/" + name, "kind": "npy", **more, "tensors": [] if "refused" in more else [
        {"path": [], "dtype": dtype, "shape": list(values.shape), "sha256": hashlib.sha256(whole.tobytes()).hexdigest()}]})


array("bf16.npy", numpy.arange(6).reshape(2, 3).astype(MORE["BF16"]), "BF16")
array("e4m3.npy", numpy.arange(6).astype(MORE["F8_E4M3"]), "F8_E4M3", refused="numpy.type", note="any type of a byte")
array("e5m2.npy", numpy.arange(6).astype(ml_dtypes.float8_e5m2), "F8_E5M2", note="written as '<f1', which numpy itself cannot read")
array("c128.npy", (numpy.arange(6) + 1j).reshape(3, 2).astype("<c16"), "C128")
array("big_c64.npy", (numpy.arange(6) - 2j).reshape(3, 2).astype(">c8"), "C64")
array("big_fortran.npy", numpy.asfortranarray(numpy.arange(24).reshape(2, 3, 4).astype(">i2")), "I16")

stacked = {"plain": numpy.arange(5.0), "a/b": numpy.asfortranarray(numpy.arange(600).reshape(20, 30).astype(">f4")),
           "half": numpy.arange(6).reshape(3, 2).astype(MORE["BF16"]), "none": numpy.zeros((0, 4), "f4"), "deep": numpy.asfortranarray(
               numpy.arange(120).reshape(2, 3, 4, 5).astype("u1")), "zeros": numpy.zeros((40, 40), "f8")}
for name, save in (("archive.npz", numpy.savez), ("packed.npz", numpy.savez_compressed)):
    save(folder / name, **stacked)
    tensors = []
    for key, value in stacked.items():
        whole = numpy.ascontiguousarray(value.astype(value.dtype.newbyteorder("<")) if value.dtype.kind in "fiu" else value)
        dtype = {"f8": "F64", "f4": "F32", "u1": "U8", "V2": "BF16"}[value.dtype.str[1:]]
        tensors.append({"path": [key], "dtype": dtype, "shape": list(value.shape), "sha256": hashlib.sha256(whole.tobytes()).hexdigest()})
    files.append({"file": "kinds/" + name, "kind": "npz", "tensors": tensors})

lines = ",\n".join(json.dumps(file, ensure_ascii=False) for file in files)
versions = f"torch {torch.__version__}, numpy {numpy.__version__}, ml_dtypes {ml_dtypes.__version__}"
(folder / "expected.json").write_text(f'{{"written_by": "{versions}", "files": [\n{lines}\n]}}\n')
