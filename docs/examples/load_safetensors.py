"""Load a Murmuration export with numpy alone: python load_safetensors.py model.safetensors

With Keras 3 installed, the .keras export needs no loader: keras.saving.load_model("model.keras").
"""

import json
import struct
import sys

import numpy as np


def load(path):
    """Returns ({tensor name: array}, metadata). Names are layer/weight; metadata["model"] is the model as JSON."""
    with open(path, "rb") as file:
        (size,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(size))
        body = file.read()
    metadata = header.pop("__metadata__", {})
    tensors = {
        name: np.frombuffer(body[slice(*entry["data_offsets"])], "<f4").reshape(entry["shape"])
        for name, entry in header.items()
    }
    return tensors, metadata


if __name__ == "__main__":
    for name, tensor in load(sys.argv[1])[0].items():
        print(name, tensor.shape, float(tensor.mean()))
