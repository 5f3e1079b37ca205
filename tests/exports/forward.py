"""What an export predicts, in numpy, by Keras's formulas and with no code of the project but the documented loader.

Usage: python3 forward.py FOLDER, which holds config.json (of the .keras file), model.safetensors, and inputs.npy's raw
floats with their shape in case.json. Writes predictions.f32 and prints "ok". Layers are named as in config.json; weights
are found under the layer's name.
"""

import json
import math
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "docs" / "examples"))
from load_safetensors import load  # noqa: E402

erf = np.vectorize(math.erf)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


ACTIVATIONS = {
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "tanh": np.tanh,
    "sigmoid": sigmoid,
    "silu": lambda x: x * sigmoid(x),
    "elu": lambda x: np.where(x > 0, x, np.exp(np.minimum(x, 0)) - 1),
    "gelu": lambda x: 0.5 * x * (1 + erf(x / math.sqrt(2))),
    "softmax": softmax,
}


def windows(x, size, stride, same):
    if same:
        pads = []
        for n in x.shape[1:3]:
            total = max((math.ceil(n / stride) - 1) * stride + size - n, 0)
            pads.append((total // 2, total - total // 2))
        x = np.pad(x, [(0, 0), *pads, (0, 0)])
    view = np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(1, 2))
    return view[:, ::stride, ::stride]  # batch, rows, columns, channels, size, size


def conv2d(x, config, w):
    view = windows(x, config["kernel_size"][0], config["strides"][0], config["padding"] == "same")
    return np.einsum("bxyckl,klcf->bxyf", view, w["kernel"]) + w.get("bias", 0)


def gru(x, config, w):
    u = config["units"]
    bias = w["bias"] if config["reset_after"] else np.stack([w["bias"], np.zeros(3 * u)])
    state = np.zeros((x.shape[0], u))
    states = []
    for t in range(x.shape[1]):
        a = x[:, t] @ w["kernel"] + bias[0]
        b = state @ w["recurrent_kernel"] + bias[1]
        z, r = sigmoid(a[:, :u] + b[:, :u]), sigmoid(a[:, u : 2 * u] + b[:, u : 2 * u])
        if config["reset_after"]:
            candidate = np.tanh(a[:, 2 * u :] + r * b[:, 2 * u :])
        else:
            candidate = np.tanh(a[:, 2 * u :] + (r * state) @ w["recurrent_kernel"][:, 2 * u :])
        state = z * state + (1 - z) * candidate
        states.append(state)
    return np.stack(states, axis=1) if config["return_sequences"] else state


def attention(x, config, w, causal):
    q, k, v = (
        np.einsum("bld,dhk->bhlk", x, w[f"{part}/kernel"]) + w[f"{part}/bias"][:, None]
        for part in ("query", "key", "value")
    )
    scores = np.einsum("bhik,bhjk->bhij", q, k) / math.sqrt(config["key_dim"])
    if causal:
        scores = np.where(np.tril(np.ones(scores.shape[-2:])) > 0, scores, -np.inf)
    seen = np.einsum("bhij,bhjk->bhik", softmax(scores), v)
    return np.einsum("bhik,hkd->bid", seen, w["attention_output/kernel"]) + w["attention_output/bias"]


def run(layer, xs, w):
    kind, config, x = layer["class_name"], layer["config"], xs[0]
    if kind == "Flatten":
        return x.reshape(x.shape[0], -1)
    if kind == "Reshape":
        return x.reshape(x.shape[0], *config["target_shape"])
    if kind == "Dense":
        return ACTIVATIONS[config["activation"]](x @ w["kernel"] + w.get("bias", 0))
    if kind == "Conv2D":
        return ACTIVATIONS[config["activation"]](conv2d(x, config, w))
    if kind in ("MaxPooling2D", "AveragePooling2D"):
        size = config["pool_size"][0]
        return windows(x, size, size, False).max((-2, -1)) if kind[0] == "M" else windows(x, size, size, False).mean((-2, -1))
    if kind.startswith("GlobalAveragePooling"):
        return x.mean(axis=tuple(range(1, x.ndim - 1)))
    if kind == "LayerNormalization":
        mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
        return (x - mean) / np.sqrt(variance + config["epsilon"]) * w["gamma"] + w["beta"]
    if kind == "BatchNormalization":
        return (x - w["moving_mean"]) / np.sqrt(w["moving_variance"] + config["epsilon"]) * w["gamma"] + w["beta"]
    if kind == "Dropout":
        return x
    if kind == "Activation":
        return ACTIVATIONS[config["activation"]](x)
    if kind == "Softmax":
        return softmax(x)
    if kind == "Embedding":
        return w["embeddings"][x.astype(int)]
    if kind == "EinsumDense":  # our positions: the product is with the identity
        return x + w["embeddings"]
    if kind == "MultiHeadAttention":
        return attention(x, config, w, layer["inbound_nodes"][0]["kwargs"]["use_causal_mask"])
    if kind == "GRU":
        return gru(x, config, w)
    if kind == "Cropping1D":
        return x[:, config["cropping"][0] :]
    if kind == "Add":
        return sum(xs)
    if kind == "Concatenate":
        return np.concatenate(xs, axis=-1)
    raise SystemExit(f"forward.py: no formula for {kind}")


def histories(value):
    if isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
        return [value["config"]["keras_history"][0]]
    if isinstance(value, list):
        return [name for part in value for name in histories(part)]
    return []


def main(folder):
    case = json.loads((folder / "case.json").read_text())
    model = json.loads((folder / "config.json").read_text())["config"]
    tensors, _ = load(folder / "model.safetensors")
    values = {"input": np.fromfile(folder / "inputs.f32", "<f4").reshape(case["shape"]).astype(np.float64)}
    for layer in model["layers"][1:]:
        name = layer["name"]
        weights = {key[len(name) + 1 :]: tensor.astype(np.float64) for key, tensor in tensors.items() if key.startswith(name + "/")}
        xs = [values[source] for source in histories(layer["inbound_nodes"][0]["args"])]
        values[name] = run(layer, xs, weights)
    values[model["output_layers"][0][0]].astype("<f4").tofile(folder / "predictions.f32")
    print("ok")


main(Path(sys.argv[1]))
