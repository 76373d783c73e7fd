"""Numbers, and the blocks that gguf-py makes of them, for `GGUFTests`.

    python Tests/Fixtures/make_blocks.py

writes `blocks/numbers.safetensors` and, for each type, `blocks/TYPE.gguf` with the same tensor in blocks. Made with gguf 0.19.0,
safetensors 0.8.0 and NumPy 2.4.6.
"""

import os

import gguf
import numpy as np
from gguf import GGMLQuantizationType, quants
from safetensors.numpy import save_file

folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "blocks")
random = np.random.default_rng(20)
numbers = random.standard_normal((24, 96)) * np.exp(random.standard_normal((24, 1)) * 6)
numbers = numbers.astype(np.float32)
numbers[0] = 0
numbers[1] = -0.0
numbers[2] = random.integers(-127, 128, 96) / 2  # Halves, between two numbers of a block.
numbers[3] = random.integers(-16, 17, 96) / 2
numbers[4, :32] = 1e-42  # A scale whose reciprocal is no f32.
numbers[5, 7] = 3e38  # A scale that is no f16.
numbers[6, :] *= 1e-30
numbers[7, 40] = np.nan
numbers[8, 41] = -np.inf
numbers[9, ::2] = -numbers[9, 1::2]  # The largest magnitude stands twice, with either sign.
# Next to a number between two codes: in single precision the sum is 12 (Q4_0) and rounds up, in double precision not.
numbers[10] = 0
numbers[10, :2] = [float.fromhex("-0x1.2344cp+1"), float.fromhex("0x1.fdb84cp-1")]
# Between two codes, and one or two units in the last place beside that, for scales that are no powers of two.
for row, half in ((11, 8), (12, 16)):
    numbers[row] = (random.integers(-half, half, 96) + 0.5) * (1 + random.integers(-2, 3, 96) * 2.0**-24)
    numbers[row, ::32] = half
    numbers[row] *= np.exp(random.standard_normal(3) * 6).astype(np.float32).repeat(32)
numbers[13, 33:35] = np.array([0xFF812345, 0x7FD55555], "u4").view("f4")  # The first NaN counts, with its sign.

save_file({"x": numbers}, os.path.join(folder, "numbers.safetensors"))
for name in ("Q8_0", "Q5_0", "Q4_0"):
    kind = GGMLQuantizationType[name]
    writer = gguf.GGUFWriter(os.path.join(folder, name.lower() + ".gguf"), "dit")
    with np.errstate(all="ignore"):
        writer.add_tensor("x", quants.quantize(numbers, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
