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
