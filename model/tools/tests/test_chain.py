"""The whole chain as a user runs it: train two steps, export, quantise, evaluate, replay."""
import hashlib
import json
import os
import tempfile
import tomllib
import unittest
from pathlib import Path
from unittest import mock

from common import CLASSES, SMALL, folder, random_net, run, shards

import numpy as np
import onnx
import torch
from PIL import Image

import checkpoint
from convnext import ConvNeXt, Shape

FILE = "convnext_tiny_128_int8.onnx"
DEPTHS, WIDTHS = (",".join(map(str, v)) for v in (SMALL.depths, SMALL.widths))
GOLDCREST = os.environ.get("GOLDCREST")


class Chain(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.room = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.room.cleanup)
        cls.root = Path(cls.room.name)
        cls.folder = folder(cls.root / "folder", 5)
        cls.shards = shards(cls.root / "shards", {"train-00": 8, "train-01": 4, "val-00": 6})

    def trained(self, data: Path, out: str, *more) -> Path:
        run(
            "train.py", data, "--out", self.root / out, "--depths", DEPTHS, "--widths", WIDTHS,
            "--stages", "64:1,128:1", "--steps", 2, "--batch", 4, "--threads", 1, "--device", "cpu", *more,
        )  # fmt: skip
        return self.root / out / "best.pt"

    def quantised(self, checkpoint_file: Path, data: Path, out: str, *more) -> Path:
        plain = self.root / f"{out}.onnx"
        run("export.py", checkpoint_file, "--out", plain, "--expect", "any")
        run("quantize.py", plain, "--images", data, "--out", self.root / out, "--count", 6, "--rows", 256, "--rank-count", 2, *more)
        return self.root / out

    def check_card(self, made: Path, labelled: bool):
        self.assertEqual((made / "labels.txt").read_text().splitlines(), CLASSES)
        card = tomllib.loads((made / "model.toml").read_text())
        self.assertEqual(card["v"], 1)
        self.assertEqual(card["sha256"], hashlib.sha256((made / FILE).read_bytes()).hexdigest())
        self.assertEqual((card["input"]["width"], card["input"]["height"], card["input"]["resize"]), (128, 128, "squash"))
        self.assertEqual(len(card["quantiser"]["layers"]), 16)
        self.assertEqual("accuracy" in card, labelled)
        if labelled:
            self.assertTrue(0 <= card["accuracy"]["int8"]["top1"] <= 100)
            # Two steps leave logits that hardly differ; what a sound network keeps is in test_quantisation.py.
            self.assertGreater(card["accuracy"]["agreement"]["cosine"], 0.95)
        else:
            self.assertEqual(card["calibration"]["temperature"], 1.0)

    def check_model(self, made: Path):
        model = onnx.load(made / FILE)
        kinds = [n.op_type for n in model.graph.node]
        self.assertEqual((kinds.count("QuantizeLinear"), kinds.count("DequantizeLinear")), (16, 32))
        self.assertEqual([i.name for i in model.graph.input], ["input"])
        self.assertEqual([o.name for o in model.graph.output], ["logits"])

    def test_folder(self):
        best = self.trained(self.folder, "from-folder")
        made = self.quantised(best, self.folder, "int8-folder")
        self.check_card(made, labelled=True)
        self.check_model(made)
        again = self.quantised(best, self.folder, "int8-again")
        for name in (FILE, "labels.txt", "model.toml"):
            self.assertEqual((made / name).read_bytes(), (again / name).read_bytes(), name)
        said = json.loads(run("evaluate.py", made / FILE, "--images", self.folder, "--f32", self.root / "int8-folder.onnx", "--json"))
        self.assertEqual(said["images"], 15)
        self.assertEqual(np.sum(said["confusion"]), 15)
        self.assertEqual(set(said["runtimes"]), {"int8", "int8 plain", "f32"})
        for name, row in said["runtimes"].items():
            self.assertGreater(row["cosine_to_int8"], 0.95, name)
            right = np.equal(said["answers"][name], said["truth"])
            self.assertAlmostEqual(row["top1"], 100 * right.mean())
        self.assertIn("taken for another", run("evaluate.py", made / FILE, "--images", self.folder, "--count", 4))

    def test_shards_and_going_on(self):
        best = self.trained(self.shards, "from-shards", "--optimizer", "adamw")
        self.assertIn("going on from", run(
            "train.py", self.shards, "--out", self.root / "from-shards", "--depths", DEPTHS, "--widths", WIDTHS, "--stages",
            "64:1,128:1", "--steps", 3, "--batch", 4, "--threads", 1, "--device", "cpu", "--optimizer", "adamw",
        ))  # fmt: skip
        made = self.quantised(best, self.shards, "int8-shards")
        self.check_card(made, labelled=True)
        said = json.loads(run("evaluate.py", made / FILE, "--images", self.shards, "--json"))
        self.assertEqual(said["images"], 6)

    def test_pictures_without_classes_calibrate(self):
        flat = self.root / "flat"
        flat.mkdir()
        for i in range(4):
            Image.fromarray(np.random.default_rng(i).integers(0, 255, (90, 120, 3), np.uint8)).save(flat / f"{i}.png")
        state = self.root / "random.pt"
        checkpoint.save(random_net(), CLASSES, state)
        self.check_card(self.quantised(state, flat, "int8-flat"), labelled=False)

    def test_pruned_checkpoint_is_exported_and_healed(self):
        state, plain = self.root / "whole.pt", self.root / "pruned.onnx"
        checkpoint.save(random_net(), CLASSES, state)
        said = run("export.py", state, "--out", plain, "--expect", "any", "--depths", "1,1,1,1", "--images", self.folder, "--count", 4)
        self.assertIn("dropped stages.", said)
        self.assertEqual(checkpoint.load(plain.with_suffix(".pt"))[0].shape.depths, (1, 1, 1, 1))
        run(
            "train.py", self.folder, "--out", self.root / "healed", "--depths", "1,1,1,1", "--widths", WIDTHS, "--init",
            plain.with_suffix(".pt"), "--stages", "64:1", "--steps", 1, "--batch", 4, "--threads", 1, "--device", "cpu",
        )  # fmt: skip
        self.assertTrue((self.root / "healed" / "best.pt").exists())

    def test_full_size(self):
        torch.manual_seed(0)
        state, plain = self.root / "tiny.pt", self.root / "tiny.onnx"
        checkpoint.save(ConvNeXt(Shape(classes=3), scale=0.1), CLASSES, state)
        run("export.py", state, "--out", plain)
        model = onnx.load(plain)
        self.assertEqual(sum(n.op_type == "MatMul" for n in model.graph.node), 40)
        # 28,589,128 parameters with 1000 classes; 18 layer scales, 6,624 numbers, are folded.
        size = 4 * (28_589_128 - 997 * 769 - 6_624)
        self.assertTrue(size < plain.stat().st_size < size + 60_000)

    def test_errors_are_one_clear_line(self):
        state = self.root / "names.pt"
        checkpoint.save(random_net(), ["a", "a", "b"], state)
        say = lambda *a: run(*a, fails=True)
        self.assertIn("no such file", say("export.py", self.root / "none.pt", "--out", self.root / "x.onnx"))
        self.assertIn("stands twice", say("export.py", state, "--out", self.root / "x.onnx", "--expect", "any"))
        self.assertIn("export.py", say("quantize.py", self.root / "none.onnx", "--images", self.folder, "--out", self.root))
        self.assertIn("not a folder", say("train.py", self.root / "none", "--out", self.root / "x"))

    @unittest.skipUnless(GOLDCREST, "GOLDCREST does not name the binary")
    def test_goldcrest_answers_as_onnxruntime(self):
        state = self.root / "said.pt"
        checkpoint.save(random_net(seed=3), CLASSES, state)
        made = self.quantised(state, self.folder, "int8-said")
        # The packed model goes into this cache, not into the user's.
        with mock.patch.dict(os.environ, XDG_CACHE_HOME=str(self.root / "cache")):
            said = json.loads(run("evaluate.py", made / FILE, "--images", self.folder, "--goldcrest", GOLDCREST, "--json"))
        # The answers of random weights are close to each other: one in fifteen may fall the other way.
        self.assertGreaterEqual(said["runtimes"]["goldcrest"]["same_as_int8"], 93)
        self.assertGreaterEqual(said["runtimes"]["goldcrest files"]["same_as_int8"], 86)


if __name__ == "__main__":
    unittest.main()
