"""What the measuring tools print: sources by size, unknown kinds, few pictures."""
import json
import os
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from common import CLASSES, drawn, folder, random_net, run

import numpy as np
from PIL import Image

import checkpoint
import fewshot
import images
import scenes
import strangers

FILE = "convnext_tiny_128_int8.onnx"
GOLDCREST = os.environ.get("GOLDCREST")


class Halves(unittest.TestCase):
    def test_every_second_counts_within_each_class(self):
        labels = np.array([0, 1, 0, 0, 1, 2])
        self.assertEqual(images.every_second(labels).tolist(), [True, True, False, True, False, True])

    def test_halves_of_many_share_nothing_and_few_are_whole(self):
        labels = np.arange(400) % 7
        fit, rest = images.halves(labels)
        self.assertTrue((fit ^ rest).all())
        self.assertLess(abs(np.bincount(labels[fit]) - np.bincount(labels[rest])).max(), 2)
        for labels in (np.arange(50) % 2, np.arange(500)):  # the second: one picture a class
            fit, rest = images.halves(labels)
            self.assertTrue(fit.all() and rest.all())


class Truth(unittest.TestCase):
    def test_a_truth_json_names_the_pictures_and_their_classes(self):
        with tempfile.TemporaryDirectory() as room:
            root = Path(room)
            (root / "images").mkdir()
            for name in ("a.png", "b.png"):
                Image.new("RGB", (90, 70)).save(root / "images" / name)
            (root / "truth.json").write_text(json.dumps({"b.png": "stripes", "a.png": "circle"}))
            found = images.load(root)
            self.assertEqual((found.names, found.labels.tolist()), (["circle", "stripes"], [1, 0]))
            self.assertEqual(found.shorter_sides().tolist(), [70, 70])
            known = found.of_classes(CLASSES, all_of_them=False)
            self.assertEqual([CLASSES[k] for k in known.labels], ["stripes", "circle"])
            (root / "images" / "b.png").unlink()
            with self.assertRaisesRegex(SystemExit, "no such file, but truth.json lists it"):
                images.load(root)


class Rules(unittest.TestCase):
    def test_spread_counts_the_labels_that_share_the_score(self):
        level = np.log(np.array([[1.0, 1.0, 1e-30], [1.0, 1e-30, 1e-30], [1.0, 1.0, 1.0]]))
        np.testing.assert_allclose(strangers.spread(level, 1.0), [2, 1, 3], rtol=1e-6)

    def test_the_same_scenes_are_made_each_time(self):
        one, other = scenes.made(16, 3), scenes.made(16, 3)
        self.assertEqual({kind for kind, _ in one}, {kind.__name__ for kind in scenes.KINDS})
        self.assertTrue(all(a.tobytes() == b.tobytes() for (_, a), (_, b) in zip(one, other)))

    def test_ridge_separates_what_is_apart(self):
        rng = np.random.default_rng(0)
        labels = np.repeat(np.arange(3), 8)
        means = rng.normal(size=(3, 40)) * 3
        x = means[labels] + rng.normal(size=(24, 40))
        found = fewshot.answered(x[::2], labels[::2], x[1::2], fewshot.RIDGE)
        self.assertEqual(found.tolist(), labels[1::2].tolist())


class Tools(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        room = tempfile.TemporaryDirectory()
        cls.addClassCleanup(room.cleanup)
        cls.root = Path(room.name)
        cache = mock.patch.dict(os.environ, XDG_CACHE_HOME=str(cls.root / "cache"))
        cache.start()
        cls.addClassCleanup(cache.stop)
        cls.folder = folder(cls.root / "folder", 5)
        checkpoint.save(random_net(), CLASSES, cls.root / "random.pt")
        run("export.py", cls.root / "random.pt", "--out", cls.root / "f32.onnx", "--expect", "any")
        run("quantize.py", cls.root / "f32.onnx", "--images", cls.folder, "--out", cls.root, "--count", 6, "--rows", 256, "--rank-count", 2)
        cls.model = cls.root / FILE

    def test_sources_are_told_apart_by_their_size(self):
        sharp = self.root / "sharp"
        sharp.mkdir()
        drawn(0, np.random.default_rng(5)).resize((300, 260)).save(sharp / "one.png")
        (sharp / "truth.json").write_text(json.dumps({"one.png": CLASSES[0]}))
        (self.root / "some.txt").write_text("\n".join(CLASSES) + "\n")
        more = ("--drawn", self.root / "some.txt", "--sides", 64, 250, "--quick", "--json")
        said = json.loads(run("evaluate.py", self.model, "--images", self.folder, sharp, *more))
        self.assertEqual([(row["sides"], row["images"]) for row in said["sources"]], [("65 to 250", 15), ("251 to 260", 1)])
        self.assertEqual(said["sources"][1]["int8"]["drawn"], 100)
        self.assertEqual(set(said["runtimes"]), {"int8"})
        printed = run("evaluate.py", self.model, "--images", self.folder, "--quick")
        self.assertIn("shorter side", printed)
        (self.root / "none.txt").write_text("postman\n")
        refused = run("evaluate.py", self.model, "--images", self.folder, "--drawn", self.root / "none.txt", fails=True)
        self.assertIn("no class 'postman'", refused)

    def test_strangers_prints_both_tables(self):
        more = ("--strangers", self.folder, "--known", "circle", "--train", self.folder, "--scenes", 8, "--each", 4)
        said = run("strangers.py", self.model, "--images", self.folder, *more)
        for row in ("score at T * 2", "spread", "largest logit", "Mahalanobis", "spread, distance", "0.6, 3.8", "0.8, inf"):
            self.assertIn(row, said)
        self.assertIn(", 10 of folder, 8 of scenes", said)

    def test_fewshot_measures_float_features_and_int8_ones(self):
        more = ("--ways", 3, "--shots", 1, 3, "--episodes", 20, "--f32", self.root / "f32.onnx", "--json")
        more += ("--goldcrest", GOLDCREST) if GOLDCREST else ()
        said = json.loads(run("fewshot.py", self.model, "--images", self.folder, *more))
        rows = said["accuracy"]
        self.assertEqual(set(rows), {"int8", "f32"} | ({"goldcrest"} if GOLDCREST else set()))
        for name, row in rows.items():
            for (mean, _), (wanted, _) in zip(row, rows["f32"]):
                self.assertAlmostEqual(mean, wanted, delta=12, msg=name)
        refused = run("fewshot.py", self.model, "--images", self.folder, "--ways", 4, fails=True)
        self.assertIn("4 kinds of more than 20 are needed", refused)


if __name__ == "__main__":
    unittest.main()
