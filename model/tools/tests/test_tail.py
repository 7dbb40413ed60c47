"""Steps on stored outputs: what is stored, healing, and going on after a kill."""
import random
import shutil
import tempfile
import unittest
from pathlib import Path

from common import CLASSES, folder, killed, random_net, run, same_weights

import numpy as np
import torch
from PIL import Image

import checkpoint
import front
import images
import prune
import sharpen
import sharpness
import stored
import tail
from parts import Parts

SIDE = 64


class OnStoredOutputs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.room = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.room.cleanup)
        cls.root = Path(cls.room.name)
        cls.data = folder(cls.root / "folder", 10)
        cls.mixed = cls.root / "mixed"
        shutil.copytree(cls.data, cls.mixed)
        for path in (cls.mixed / "square").iterdir():
            with Image.open(path) as image:
                image.resize((64, 64)).save(path)
        cls.whole, cls.pruned = cls.root / "whole.pt", cls.root / "pruned.pt"
        cls.net = random_net()
        checkpoint.save(cls.net, CLASSES, cls.whole)
        small = prune.pruned(random_net(), (1, 2, 1, 1), torch.randn(4, 3, SIDE, SIDE).numpy())
        checkpoint.save(small, CLASSES, cls.pruned)

    def healing(self, out: str, *more) -> list:
        return [
            self.pruned, self.data, "--of", self.whole, "--out", self.root / out, "--size", SIDE, "--batch", 8,
            "--workers", 1, "--threads", 1, "--device", "cpu", "--val-count", 6, "--epochs", 4, *more,
        ]  # fmt: skip

    def test_the_rest_of_the_network_answers_from_what_is_stored(self):
        pixels = np.random.default_rng(0).integers(0, 255, (3, SIDE, SIDE, 3), np.uint8)
        wanted = self.net(front.dev.normalised(torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255)).detach()
        for first in range(4):
            said = front.Front.unpacked(*front.Front.packed(self.net, first))(pixels)
            logits, seen = tail.Tail(self.net, first)(torch.from_numpy(said.cut).float().permute(0, 3, 1, 2))
            for got, other in ((logits, wanted), (torch.from_numpy(said.logits), wanted), (torch.from_numpy(said.seen), seen)):
                near = float((got.float() - other).abs().max() / other.abs().max())
                self.assertLess(near, 0.02, f"before stage {first}")

    def test_stored_size_is_as_told(self):
        pictures = images.load(self.data)
        for first in range(4):
            network = front.Front(self.net, first, "cpu")
            rows = stored.chunk(network, pictures, np.arange(2), stored.Settings(SIDE, 0.5, "either", 1))
            self.assertEqual(sum(v.nbytes for v in rows.arrays().values()), 2 * stored.bytes_each(self.net, first, SIDE))

    def test_chunks_that_stand_are_not_computed_again(self):
        pictures, how = images.load(self.data), stored.Settings(SIDE, 0.5, "both", 1)
        parts = Parts("stored", "x", room=self.root / "chunks")
        said = lambda: stored.rows_of(self.net, 2, pictures, np.arange(5), how, parts, "cpu", 1)
        rows = said()
        again = stored.rows_of(None, 2, pictures, np.arange(5), how, parts, "cpu", 1)
        self.assertTrue(np.array_equal(rows.said.cut, again.said.cut))
        self.assertEqual(rows.asked.tolist(), [0, 0, 2, 2, 4, 4, 6, 6, 8, 8])
        self.assertEqual(rows.sharp.tolist(), [False, True] * 5)

    def test_a_pair_differs_in_detail_alone(self):
        detail = lambda p: float(np.abs(np.diff(p.astype(np.float32), axis=1)).mean())
        grain = np.random.default_rng(0).integers(0, 255, (200, 200, 3), np.uint8)
        for size in (64, 200):
            image = Image.fromarray(grain[:size, :size]).resize((size, size))
            soft, sharp = sharpness.pair(image, 128, 0.9, random.Random(1))
            self.assertGreater(detail(sharp.pixels), 1.2 * detail(soft.pixels))
            self.assertLess(abs(float(sharp.pixels.mean()) - float(soft.pixels.mean())), 16)

    def test_healing_brings_the_answers_back(self):
        said = run("heal.py", *self.healing("healed", "--epochs", 40, "--lr", 0.002, "--label", 0))
        self.assertIn("best.pt", said)
        self.assertEqual(sorted(p.name for p in (self.root / "healed").iterdir()), ["best.pt", "last.pt", "log.jsonl"])
        pictures = images.load(self.data)
        x = torch.from_numpy(images.prepared(pictures, range(20), SIDE, front.dev.MEAN, front.dev.STD))
        healed, _ = checkpoint.load(self.root / "healed" / "best.pt")
        pruned, _ = checkpoint.load(self.pruned)
        self.assertEqual(healed.shape, pruned.shape)
        with torch.no_grad():
            apart = lambda net: float((net(x).softmax(1) - self.net(x).softmax(1)).abs().mean())
            self.assertLess(apart(healed), 0.8 * apart(pruned))
        own, other = healed.state_dict(), pruned.state_dict()
        self.assertTrue(all(torch.equal(own[n], other[n]) for n in own if n.startswith(("stem.", "stages.0.", "stages.1."))))

    def test_a_killed_healing_ends_as_one_that_ran_through(self):
        run("heal.py", *self.healing("through", "--epochs", 30))
        killed("heal.py", *self.healing("cut", "--epochs", 30, "--save-every", 0), once=self.root / "cut" / "last.pt")
        self.assertIn("going on from", run("heal.py", *self.healing("cut", "--epochs", 30)))
        self.assertTrue(same_weights(self.root / "through" / "best.pt", self.root / "cut" / "best.pt"))

    def sharpening(self, out: str, *more) -> list:
        return [
            self.whole, self.mixed, "--out", self.root / out, "--size", SIDE, "--batch", 8, "--workers", 1, "--threads", 1,
            "--device", "cpu", "--val-count", 6, "--unlabelled", self.data / "square", "--epochs", 12, *more,
        ]  # fmt: skip

    def test_sharpening_shows_each_picture_soft_and_sharp(self):
        said = run("sharpen.py", *self.sharpening("sharpened", "--lr", 0.002, "--label", 0))
        # 27 labelled pictures (a tenth is kept apart), 10 unlabelled ones twice, each in both ways.
        self.assertIn("54 labelled views and 40 unlabelled ones, 50 % of them sharp", said)
        before, after = self.net, checkpoint.load(self.root / "sharpened" / "best.pt")[0]
        pictures = images.load(self.mixed)
        pairs = [sharpness.pair(pictures.open(i), SIDE, 0.9, random.Random(i)) for i in range(len(pictures))]

        def apart(net) -> float:
            """How far the answers to the sharp views are from those to the soft ones."""
            soft, sharp = (front.Front(net, 3, "cpu")(np.stack([p[k].pixels for p in pairs])).logits for k in (0, 1))
            odds = lambda z: torch.from_numpy(z).float().softmax(1)
            return float((odds(soft) - odds(sharp)).abs().mean())

        self.assertLess(apart(after), apart(before))

    def test_share_of_small_pictures_is_drawn(self):
        pictures = images.load(self.mixed)
        self.assertEqual(len(sharpen.chosen(pictures, 1.0, 1)), 30)
        kept = sharpen.chosen(pictures, 0.0, 1)
        self.assertEqual({kept.names[k] for k in kept.labels}, {"circle", "stripes"})

    def test_a_killed_sharpening_ends_as_one_that_ran_through(self):
        run("sharpen.py", *self.sharpening("s-through"))
        killed("sharpen.py", *self.sharpening("s-cut", "--save-every", 0), once=self.root / "s-cut" / "last.pt")
        run("sharpen.py", *self.sharpening("s-cut"))
        self.assertTrue(same_weights(self.root / "s-through" / "best.pt", self.root / "s-cut" / "best.pt"))

    def test_what_does_not_fit_is_refused(self):
        say = lambda *a: run("heal.py", *a, fails=True)
        self.assertIn("not pruned from", say(*self.healing("x")[:3], self.pruned, *self.healing("x")[4:]))
        self.assertIn("not one picture", say(*self.healing("x", "--memory", 0.000001)))
        run("heal.py", *self.healing("y", "--steps", 1))
        self.assertIn("give another --out", say(*self.healing("y", "--lr", 0.5)))


if __name__ == "__main__":
    unittest.main()
