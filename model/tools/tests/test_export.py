"""export.py --timm: networks of other classes than ImageNet's thousand, with a stand-in for timm."""
import contextlib
import io
import json
import sys
import tempfile
import types
import unittest
from pathlib import Path
from unittest import mock

from common import SMALL, random_net

import onnx

import export
import images
from convnext import Shape
from test_checkpoint import as_timm

CFG = dict(mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))


def timm_of(net, subsets: dict[int, list[str]]) -> dict[str, types.ModuleType]:
    """Modules that answer as timm does where it has `net` and knows the names of `subsets`."""
    timm, data = types.ModuleType("timm"), types.ModuleType("timm.data")
    model = types.SimpleNamespace(state_dict=lambda: as_timm(net), pretrained_cfg=CFG)
    timm.create_model = lambda name, pretrained: model
    data.infer_imagenet_subset = lambda cfg: cfg["num_classes"] if cfg["num_classes"] in subsets else None

    class ImageNetInfo:
        def __init__(self, subset):
            self.names = subsets[subset]

        def index_to_description(self, index):
            # As timm: a name beyond the subset is a mistake of the caller.
            assert index < len(self.names)
            return self.names[index]

    data.ImageNetInfo = ImageNetInfo
    timm.data = data
    return {"timm": timm, "timm.data": data}


class Timm(unittest.TestCase):
    def setUp(self):
        room = tempfile.TemporaryDirectory()
        self.addCleanup(room.cleanup)
        self.out = Path(room.name, "out.onnx")

    def exported(self, classes: int, subsets: dict[int, list[str]], *more) -> list[str]:
        """The labels in the file that is written."""
        net = random_net(Shape(SMALL.depths, SMALL.widths, classes))
        arguments = ["export.py", "--timm", "some", "--out", str(self.out), "--expect", "any", "--size", "64", *more]
        with mock.patch.dict(sys.modules, timm_of(net, subsets)), mock.patch.object(sys, "argv", arguments):
            with contextlib.redirect_stdout(io.StringIO()):
                export.main()
        properties = {p.key: p.value for p in onnx.load(self.out).metadata_props}
        self.assertEqual(json.loads(properties["mean"]), [0.5, 0.5, 0.5])
        return json.loads(properties["labels"])

    def test_names_are_those_of_the_set_with_as_many_classes(self):
        subsets = {3: ["crane, bird", "cat", "dog"], 5: ["crane, bird", "crane, machine", "a", "b", "c"]}
        self.assertEqual(self.exported(3, subsets), ["crane", "cat", "dog"])
        self.assertEqual(self.exported(5, subsets), ["crane", "crane (2)", "a", "b", "c"])

    def test_unknown_number_of_classes_asks_for_labels(self):
        with self.assertRaisesRegex(images.Refused, "names no classes; give --labels FILE with 4 names"):
            self.exported(4, {3: ["a", "b", "c"]})
        labels = self.out.with_suffix(".txt")
        labels.write_text("w\nx\ny\nz\n")
        self.assertEqual(self.exported(4, {}, "--labels", str(labels)), ["w", "x", "y", "z"])


if __name__ == "__main__":
    unittest.main()
