"""Times a DiT's forward pass in graft and in other runtimes, in turn, each in a process of its own.

A row's process says `ready` and then runs once for each line that it reads and prints the seconds, as `graftc bench
--serve` does. Weights are random. The rows `openblas` and `onednn` are the model's matrix products alone: every linear
layer with weights of its own, modulation included, and the two products of attention, with as many threads as suits
them: one or all, whichever is faster.
"""

import argparse
import ctypes
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time

SIZES = {"s2": (12, 384, 6), "b2": (12, 768, 12), "l2": (24, 1024, 16), "xl2": (28, 1152, 16)}
PATCH, CHANNELS, CLASSES = 2, 4, 1000
GRAFT = "graft-"  # Begins the rows of graft with its linear layers in another dtype.
ROWS = "torch,compile,ort,openvino,openblas,onednn"


def make_model(args):
    """The DiT of Peebles and Xie (arXiv 2212.09748, section 3) as its authors' tensors describe it, and inputs for it."""
    import torch
    from torch import nn
    from torch.nn import functional as F

    torch.manual_seed(0)
    torch.set_grad_enabled(False)
    torch.set_num_threads(args.threads)
    depth, width, heads = SIZES[args.model]

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.qkv = nn.Linear(width, 3 * width)
            self.proj = nn.Linear(width, width)
            self.fc1 = nn.Linear(width, 4 * width)
            self.fc2 = nn.Linear(4 * width, width)
            self.adaLN = nn.Linear(width, 6 * width)

        def forward(self, x, c):
            shift_a, scale_a, gate_a, shift_m, scale_m, gate_m = self.adaLN(F.silu(c))[:, None].chunk(6, 2)
            y = F.layer_norm(x, (width,), eps=1e-6) * (1 + scale_a) + shift_a
            q, k, v = self.qkv(y).unflatten(2, (3, heads, width // heads)).permute(2, 0, 3, 1, 4).unbind(0)
            x = x + gate_a * self.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))
            y = F.layer_norm(x, (width,), eps=1e-6) * (1 + scale_m) + shift_m
            return x + gate_m * self.fc2(F.gelu(self.fc1(y), approximate="tanh"))

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.side = args.image // 8 // PATCH
            self.patches = nn.Conv2d(CHANNELS, width, PATCH, stride=PATCH)
            self.positions = nn.Parameter(torch.randn(1, self.side**2, width))
            self.time = nn.Sequential(nn.Linear(256, width), nn.SiLU(), nn.Linear(width, width))
            self.classes = nn.Embedding(CLASSES + 1, width)
            self.blocks = nn.ModuleList(Block() for _ in range(depth))
            self.adaLN = nn.Linear(width, 2 * width)
            self.last = nn.Linear(width, PATCH * PATCH * 2 * CHANNELS)
            self.register_buffer("rates", torch.exp(torch.arange(128) * (-math.log(10000) / 128)))

        def forward(self, x, t, y):
            angles = t[:, None] * self.rates
            c = self.time(torch.cat([torch.cos(angles), torch.sin(angles)], 1)) + self.classes(y)
            x = self.patches(x).flatten(2).transpose(1, 2) + self.positions
            for block in self.blocks:
                x = block(x, c)
            shift, scale = self.adaLN(F.silu(c))[:, None].chunk(2, 2)
            x = self.last(F.layer_norm(x, (width,), eps=1e-6) * (1 + scale) + shift)
            x = x.unflatten(2, (PATCH, PATCH, 2 * CHANNELS)).unflatten(1, (self.side, self.side))
            return x.permute(0, 5, 1, 3, 2, 4).reshape(-1, 2 * CHANNELS, self.side * PATCH, self.side * PATCH)

    side = args.image // 8
    inputs = torch.randn(args.batch, CHANNELS, side, side), torch.full((args.batch,), 500.0), torch.full((args.batch,), 207)
    return Model().eval(), inputs


def exported(args, folder):
    """The model as an ONNX file, and its inputs by name."""
    import torch

    model, inputs = make_model(args)
    path = os.path.join(folder, "dit.onnx")
    names = ["x", "t", "y"]
    torch.onnx.export(model, inputs, path, dynamo=False, opset_version=17, input_names=names)
    return path, {name: tensor.numpy() for name, tensor in zip(names, inputs)}


def torch_row(args, folder):
    model, inputs = make_model(args)
    return lambda: model(*inputs)


def compile_row(args, folder):
    import torch

    model, inputs = make_model(args)
    compiled = torch.compile(model)
    return lambda: compiled(*inputs)


def ort_row(args, folder):
    import onnxruntime

    path, inputs = exported(args, folder)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = args.threads
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda: session.run(None, inputs)


def openvino_row(args, folder, calibrated=False):
    import openvino

    path, inputs = exported(args, folder)
    core = openvino.Core()
    graph = core.read_model(path)
    if calibrated:
        import nncf

        data = nncf.Dataset([inputs] * 3)
        graph = nncf.quantize(graph, data, model_type=nncf.ModelType.TRANSFORMER, subset_size=3)
    settings = {"INFERENCE_NUM_THREADS": args.threads, "INFERENCE_PRECISION_HINT": "f32"}
    request = core.compile_model(graph, "CPU", settings).create_infer_request()
    return lambda: request.infer(inputs)


def products_row(args, multiply):
    """All products of a pass by `multiply(transposed, rows, columns, depth, left, right, out)`."""
    import numpy

    depth, width, heads = SIZES[args.model]
    tokens = (args.image // 8 // PATCH) ** 2
    rows, head = args.batch * tokens, width // heads
    layers = [(rows, 3 * width, width), (rows, width, width), (rows, 4 * width, width), (rows, width, 4 * width)]
    layers.append((args.batch, 6 * width, width))
    random = numpy.random.default_rng(0)

    def matrix(*shape):
        return random.standard_normal(shape, dtype=numpy.float32)

    weights = [[matrix(columns, inner) for _, columns, inner in layers] for _ in range(depth)]
    inputs = [matrix(count, inner) for count, _, inner in layers]
    outputs = [matrix(count, columns) for count, columns, _ in layers]
    query, key, value, mixed = (matrix(tokens, head) for _ in range(4))
    scores = matrix(tokens, tokens)

    def run():
        for block in weights:
            for (count, columns, inner), x, weight, out in zip(layers, inputs, block, outputs):
                multiply(True, count, columns, inner, x, weight, out)
            for _ in range(args.batch * heads):
                multiply(True, tokens, tokens, head, query, key, scores)
                multiply(False, tokens, head, tokens, scores, value, mixed)

    return run


def fewest_seconds(run, set_threads, threads):
    """Leaves set the number of threads, one or all, that runs faster."""
    seconds = {}
    for count in {1, threads}:
        set_threads(count)
        run()
        seconds[count] = min(timed(run) for _ in range(2))
    set_threads(min(seconds, key=seconds.get))
    return run


def openblas_row(args, folder):
    library = ctypes.CDLL("libopenblas.so.0")
    one, zero, pointer = ctypes.c_float(1), ctypes.c_float(0), ctypes.c_void_p

    def multiply(transposed, rows, columns, depth, left, right, out):
        library.cblas_sgemm(
            101, 111, 112 if transposed else 111, rows, columns, depth, one, pointer(left.ctypes.data), depth,
            pointer(right.ctypes.data), depth if transposed else columns, zero, pointer(out.ctypes.data), columns)

    return fewest_seconds(products_row(args, multiply), library.openblas_set_num_threads, args.threads)


def onednn_row(args, folder):
    library = ctypes.CDLL("libdnnl.so.2")
    threads = ctypes.CDLL("libgomp.so.1")
    one, zero, size, pointer = ctypes.c_float(1), ctypes.c_float(0), ctypes.c_int64, ctypes.c_void_p

    def multiply(transposed, rows, columns, depth, left, right, out):
        status = library.dnnl_sgemm(
            ctypes.c_char(b"N"), ctypes.c_char(b"T" if transposed else b"N"), size(rows), size(columns), size(depth), one,
            pointer(left.ctypes.data), size(depth), pointer(right.ctypes.data), size(depth if transposed else columns),
            zero, pointer(out.ctypes.data), size(columns))
        assert status == 0

    return fewest_seconds(products_row(args, multiply), threads.omp_set_num_threads, args.threads)


RUNNERS = {
    "torch": torch_row,
    "compile": compile_row,
    "ort": ort_row,
    "openvino": openvino_row,
    "openvino-int8": lambda args, folder: openvino_row(args, folder, calibrated=True),
    "openblas": openblas_row,
    "onednn": onednn_row,
}


def timed(run):
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def answer(run):
    """Runs once to warm up and then for each line of standard input, and prints the seconds."""
    run()
    print("ready", flush=True)
    for _ in sys.stdin:
        print(timed(run), flush=True)


def serve(args):
    """Is the process of one row."""
    with tempfile.TemporaryDirectory() as folder:
        answer(RUNNERS[args.serve](args, folder))


class Served:
    """A process that runs once when asked and tells the seconds."""

    def __init__(self, command, environment=None):
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env=os.environ | (environment or {}))
        while (line := self.process.stdout.readline()).strip() != "ready":
            if not line:
                raise SystemExit(f"{' '.join(command)} ended; run it by hand to see why")

    def run(self):
        time.sleep(0.05)  # Threads of the other that still look for work come to rest.
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def openblas_core(args):
    """The core type that graft has OpenBLAS run as, since Debian's takes newer processors for old ones."""
    version = json.loads(subprocess.check_output([args.graftc, "version", "--json"], text=True))
    return version.get("blas_core_asked")


def main():
    ask = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ask.add_argument("--model", default="xl2", choices=SIZES)
    ask.add_argument("--batch", type=int, default=2)
    ask.add_argument("--image", type=int, default=256)
    ask.add_argument("--threads", type=int, default=os.cpu_count())
    ask.add_argument("--pairs", type=int, default=10)
    ask.add_argument("--dtype", default="f32", help="that of graft's linear layers")
    ask.add_argument("--only", default=ROWS, help=f"rows: {', '.join(RUNNERS)}, {GRAFT}DTYPE")
    ask.add_argument("--graftc", default=".build/release/graftc")
    ask.add_argument("--serve", help=argparse.SUPPRESS)
    args = ask.parse_args()
    if args.serve:
        return serve(args)

    call = f"dit.{args.model}(image: {args.image})"
    print(f"{call}, batch {args.batch}, {args.threads} threads, graft in {args.dtype}, {args.pairs} pairs")
    core = openblas_core(args)
    shared = ["--model", args.model, "--batch", str(args.batch), "--image", str(args.image), "--threads", str(args.threads)]
    own = [args.graftc, "bench", call, "--random-weights", "--batch", str(args.batch), "--threads", str(args.threads)]
    own += ["--serve", "--quiet", "--dtype"]
    graft = Served(own + [args.dtype])
    graft.run()
    print(f"{'beside':14}{'theirs':>9}{'graft':>9}{'ratio':>8}   least and most of the ratio")
    for row in args.only.split(","):
        environment = {"OPENBLAS_CORETYPE": core} if row == "openblas" and core else {}
        is_own = row.startswith(GRAFT)
        command = own + [row.removeprefix(GRAFT)] if is_own else [sys.executable, __file__, *shared, "--serve", row]
        peer = Served(command, environment)
        pairs = [(peer.run(), graft.run()) for _ in range(args.pairs)]
        peer.end()
        ratios = [ours / theirs for theirs, ours in pairs]
        theirs, ours = (statistics.median(column) for column in zip(*pairs))
        print(
            f"{row:14}{theirs:9.3f}{ours:9.3f}{statistics.median(ratios):8.3f}   {min(ratios):.3f} {max(ratios):.3f}",
            flush=True)
    graft.end()


if __name__ == "__main__":
    main()
