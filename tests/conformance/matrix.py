"""The support matrix, written from the cases.

python -m conformance.matrix    (in tests/) writes docs/support-matrix.md
"""

from pathlib import Path

from conformance.columns import COLUMNS
from conformance.sweep import CASES

PAGE = Path(__file__).resolve().parents[2] / "docs" / "support-matrix.md"

HEAD = """# Where each layer runs

Written by `python -m conformance.matrix` (in `tests/`); every cell is a test of
`tests/conformance/`, and a "no" is tested to be one.

| column | what a "yes" says |
| --- | --- |
| TensorFlow | eager and traced are equal; one trace takes every batch and size |
| XLA | outputs and gradients are equal under `jit_compile=True` |
| JAX | outputs and gradients equal TensorFlow's to 2e-5 |
| CUDA and TPU | JAX lowers outputs and gradients for them; nothing is run there |
| half precision | mixed_float16, mixed_bfloat16 and bfloat16 stay near float32 |
| SavedModel | `model.export`, loaded without Keras, takes every batch and size |
| LiteRT builtins | no Flex operator; every batch, the sizes fixed at export |
| ONNX | ONNX Runtime agrees; every batch, the sizes fixed at export |

"""


def text():
    """The page as it should be."""
    reasons = []

    def cell(case, column):
        reason = case.unsupported.get(column)
        if reason is None:
            return "yes"
        if reason not in reasons:
            reasons.append(reason)
        return f"no ({reasons.index(reason) + 1})"

    lines = [
        "| layer | " + " | ".join(COLUMNS) + " |",
        "| --- " * (len(COLUMNS) + 1) + "|",
    ]
    for name, case in CASES.items():
        cells = [cell(case, column) for column in COLUMNS]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    lines += [""] * bool(reasons)
    lines += [f"{number}. {reason}" for number, reason in enumerate(reasons, 1)]
    return HEAD + "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(text())
