"""Networks that end in their own softmax or sigmoid, and files in parts."""
import contextlib
import io
import json
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from common import folder

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import evaluate
import images
import scores
from ending import ending, whole


def graph(*nodes: tuple[str, list[str], str]) -> onnx.GraphProto:
    made = [helper.make_node(op, inputs, [output]) for op, inputs, output in nodes]
    return helper.make_graph(made, "g", [], [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3])])


def classifier(path: Path, last: str | None) -> Path:
    """An ONNX file of three classes, sure of them by the means of the colours, that ends in the operator `last`."""
    nodes = [
        helper.make_node("GlobalAveragePool", ["picture"], ["p"]),
        helper.make_node("Flatten", ["p"], ["f"]),
        helper.make_node("Mul", ["f", "gain"], ["l"]),
        helper.make_node(last or "Identity", ["l"], ["y"]),
    ]
    one = helper.make_tensor_value_info("picture", TensorProto.FLOAT, [1, 3, 32, 32])
    other = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3])
    gain = numpy_helper.from_array(np.full((1, 3), 9, np.float32), "gain")
    made = helper.make_graph(nodes, "g", [one], [other], [gain])
    onnx.save(helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


class Endings(unittest.TestCase):
    def test_softmax_and_sigmoid_at_the_end_are_found(self):
        self.assertEqual(ending(graph(("Softmax", ["x"], "y"))), "softmax")
        self.assertEqual(ending(graph(("HardSigmoid", ["x"], "y"))), "sigmoid")
        self.assertEqual(ending(graph(("Softmax", ["x"], "a"), ("Reshape", ["a", "s"], "b"), ("Cast", ["b"], "y"))), "softmax")
        parts = [("Exp", ["x"], "e"), ("ReduceSum", ["e", "axes"], "s"), ("Div", ["e", "s"], "y")]
        self.assertEqual(ending(graph(*parts)), "softmax")

    def test_softmax_inside_a_network_leaves_logits(self):
        self.assertEqual(ending(graph(("Softmax", ["x"], "a"), ("MatMul", ["a", "v"], "y"))), "logits")
        self.assertEqual(ending(graph(("Div", ["x", "s"], "y"))), "logits")
        self.assertEqual(ending(graph(("Identity", ["y"], "y"))), "logits")

    def test_scores_of_a_softmax_are_not_flattened(self):
        outputs = np.array([[0.98, 0.01, 0.01]], np.float32)
        np.testing.assert_allclose(scores.of_outputs(outputs, "softmax", 3.0), outputs)
        self.assertLess(scores.of_outputs(outputs, "logits", 3.0).max(), 0.5)


class Evaluated(unittest.TestCase):
    def setUp(self):
        room = tempfile.TemporaryDirectory()
        self.addCleanup(room.cleanup)
        self.root = Path(room.name)

    def row(self, last: str | None, temperature: float) -> dict[str, float]:
        """evaluate.py's row of a classifier that ends in `last`."""
        pictures = self.root / "pictures"
        if not pictures.exists():
            folder(pictures, 2)
        model = classifier(self.root / "m.onnx", last)
        (self.root / "labels.txt").write_text("circle\nsquare\nstripes\n")
        (self.root / "model.toml").write_text(
            "[input]\nwidth = 32\nmean = [0.0, 0.0, 0.0]\nstd = [1.0, 1.0, 1.0]\n[calibration]\n"
            f"temperature = {temperature}\n"
        )
        said, cache = io.StringIO(), {"XDG_CACHE_HOME": str(self.root / "cache")}
        arguments = ["evaluate.py", str(model), "--images", str(pictures), "--json"]
        with mock.patch.object(sys, "argv", arguments), mock.patch.dict("os.environ", cache):
            with contextlib.redirect_stdout(said), contextlib.redirect_stderr(io.StringIO()):
                evaluate.main()
        return json.loads(said.getvalue())["runtimes"]["int8"]

    def test_own_softmax_is_evaluated_as_the_logits_behind_it(self):
        plain, own = self.row(None, 1.0), self.row("Softmax", 1.0)
        for key in ("log_loss", "calibration_error", "top1"):
            self.assertAlmostEqual(own[key], plain[key], 4, key)
        # The temperature divides logits; scores stay as they are.
        self.assertAlmostEqual(self.row("Softmax", 4.0)["log_loss"], own["log_loss"], 6)


class Parts(unittest.TestCase):
    def test_weights_in_another_file_are_refused(self):
        with tempfile.TemporaryDirectory() as room:
            path = classifier(Path(room, "m.onnx"), None)
            self.assertEqual(len(whole(path).graph.node), 4)
            model = onnx.load(path)
            onnx.save(model, path, save_as_external_data=True, location="m.data", size_threshold=0)
            with self.assertRaisesRegex(images.Refused, "m.onnx: its weights lie in another file, m.data"):
                whole(path)


if __name__ == "__main__":
    unittest.main()
