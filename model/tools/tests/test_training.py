"""Training: decoded pictures, views, the teacher's answers, and going on after a kill."""
import contextlib
import io
import random
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from common import CLASSES, SMALL, folder, killed, random_net, run, same_weights, shards

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from torch.nn import functional as F

import augment
import checkpoint
import device
import floats
import images
import muon
import pictures
import schedule
import teaching

DEPTHS, WIDTHS = (",".join(map(str, v)) for v in (SMALL.depths, SMALL.widths))


def encoder(path: Path, width: int = 12) -> Path:
    """An ONNX image encoder of random weights: mean over squares of 8 pixels, two linear layers."""
    rng = np.random.default_rng(0)
    weight = lambda name, *shape: numpy_helper.from_array((rng.normal(size=shape) / 4).astype(np.float32), name)
    nodes = [
        helper.make_node("AveragePool", ["x"], ["small"], kernel_shape=[8, 8], strides=[8, 8]),
        helper.make_node("Flatten", ["small"], ["flat"], axis=1),
        helper.make_node("MatMul", ["flat", "a"], ["one"]),
        helper.make_node("Relu", ["one"], ["two"]),
        helper.make_node("MatMul", ["two", "b"], ["y"]),
    ]
    value = lambda name, *shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
    graph = helper.make_graph(nodes, "teacher", [value("x", None, 3, 32, 32)], [value("y", None, width)], [weight("a", 48, 24), weight("b", 24, width)])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def quietly(make):
    with contextlib.redirect_stdout(io.StringIO()):
        return make()


class Parts(unittest.TestCase):
    """The modules that train.py is made of."""

    @classmethod
    def setUpClass(cls):
        cls.room = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.room.cleanup)
        cls.root = Path(cls.room.name)
        cls.data = folder(cls.root / "folder", 6)

    def test_a_box_is_cut_as_pillow_cuts_it(self):
        image = Image.fromarray(np.random.default_rng(0).integers(0, 255, (16, 16, 3), np.uint8)).resize((144, 144), Image.BICUBIC)
        image.save(self.root / "one.png")
        kept = quietly(lambda: pictures.Pictures(images.ImageSet([], np.zeros(1), [self.root / "one.png"]), "cpu"))
        box = torch.tensor([[0.25, -0.125, 0.5, 0.75]])
        for side in (64, 128):
            ours = kept.views(torch.tensor([0]), box, side)[0].permute(1, 2, 0).numpy() * 255
            theirs = np.asarray(image.resize((side, side), Image.BILINEAR, box=(54, 9, 126, 117)), np.float32)
            self.assertLess(float(np.abs(ours - theirs).mean()), 3)

    def test_pictures_keep_to_the_memory_allowed(self):
        found = images.load(self.data)
        sizes = quietly(lambda: pictures.fitting(found, 10**9))
        self.assertLessEqual(set(sizes.tolist()), {96, 144, 224})
        limit = 3 * 144**2 * len(found)
        self.assertLessEqual(int((3 * pictures.fitting(found, limit) ** 2).sum()), limit)
        with self.assertRaisesRegex(images.Refused, "raise --memory"):
            pictures.fitting(found, 1000)

    def test_a_moved_folder_holds_the_same_pictures(self):
        known = images.load(self.data).digest()
        moved = self.data.rename(self.root / "moved")
        self.assertEqual(images.load(moved).digest(), known)
        (moved / "circle" / "0.jpg").touch()
        self.assertNotEqual(images.load(moved).digest(), known)
        moved.rename(self.data)

    def test_random_boxes_lie_inside_the_picture(self):
        b = pictures.random_boxes(2000, 0.3, device.chance(1))
        self.assertLessEqual(float((b[:, :2].abs() + b[:, 2:]).max()), 1 + 1e-6)
        self.assertGreater(float((b[:, 2] * b[:, 3]).min()), 0.2)

    def test_sharp_sources_are_blurred_half_of_the_time(self):
        x = torch.rand(200, 3, 128, 128, generator=device.chance(2))
        detail = lambda v: (v[..., 1:] - v[..., :-1]).abs().mean((1, 2, 3))
        sharp = augment.matched(x, torch.ones(200, dtype=torch.bool), augment.Draws(200, "cpu", 3))
        small = augment.matched(x, torch.zeros(200, dtype=torch.bool), augment.Draws(200, "cpu", 4))
        self.assertAlmostEqual(float((detail(sharp) < 0.95 * detail(x)).float().mean()), 0.5, delta=0.12)
        self.assertAlmostEqual(float((detail(small) > 1.05 * detail(x)).float().mean()), 0.4, delta=0.12)

    def test_every_view_keeps_its_range_and_is_drawn_again_alike(self):
        x = torch.rand(20, 3, 64, 64, generator=device.chance(2))

        def view() -> torch.Tensor:
            d = augment.Draws(20, "cpu", 5)
            return augment.on_ground(augment.matched(augment.recoloured(x, d), torch.arange(20) % 2 == 0, d), 0.5, d)

        y = view()
        self.assertTrue(torch.equal(y, view()))
        self.assertTrue(bool(torch.isfinite(y).all()) and 0 <= float(y.min()) and float(y.max()) <= 1)

    def test_steps_go_on_plain_where_the_compiler_fails(self):
        def failing(model, dynamic):
            def run(x):
                raise RuntimeError("no compiler")

            return run

        for compiler, said in ((failing, "steps are not compiled: no compiler\n"), (lambda model, dynamic: lambda x: model(x), "steps are compiled\n")):
            with mock.patch.object(torch, "compile", compiler, create=True), contextlib.redirect_stdout(io.StringIO()) as out:
                steps = device.Steps(torch.nn.Identity(), "cuda")
                x = torch.ones(3)
                self.assertTrue(all(torch.equal(steps(x), x) for _ in range(3)))
            self.assertEqual(out.getvalue(), said)

    def test_mixed_targets_stay_probabilities(self):
        for seed in range(8):
            x, (t,) = augment.mix(torch.rand(4, 3, 32, 32), [torch.eye(4)], random.Random(seed), 0.4, 1.0)
            self.assertTrue(torch.allclose(t.sum(1), torch.ones(4)))

    def test_stacked_matrices_come_out_orthogonal(self):
        for shape in ((5, 16, 48), (2, 48, 16)):
            values = torch.linalg.svdvals(muon.orthogonal(torch.randn(shape, generator=device.chance(6))).float())
            self.assertGreater(float(values.min()), 0.3)
            self.assertLess(float(values.max()), 1.5)

    def test_stages_are_read_with_their_batches(self):
        read = schedule.stages("64:30,96:5:256")
        self.assertEqual([(s.side, s.epochs, s.batch) for s in read], [(64, 30, 0), (96, 5, 256)])
        planned = schedule.plan(read, 1000, 100)
        self.assertEqual([(p.side, p.batch, p.steps) for p in planned], [(64, 100, 300), (96, 256, 20)])
        for wrong in ("64", "50:3", "64:x", "64:1:-1"):
            with self.assertRaisesRegex(images.Refused, "stage"):
                schedule.stages(wrong)

    def test_a_probe_learns_what_embeddings_tell(self):
        labels = np.arange(90) % 3
        z = torch.eye(8)[torch.from_numpy(labels)][:, None].repeat(1, 2, 1) + 0.05 * torch.randn(90, 2, 8, generator=device.chance(1))
        teacher = teaching.Teacher(torch.zeros(90, 2, 4), z.half(), z.mean((0, 1)))
        layer = quietly(lambda: teaching.probe(teacher, labels, 3, 60, 1))
        rows = torch.arange(90)
        said = teaching.probabilities(layer, teacher.answers(rows, torch.zeros_like(rows)))
        self.assertEqual(float((said.argmax(1).numpy() == labels).mean()), 1.0)

    def test_dynamic_int8_turns_back_to_floats(self):
        from onnxruntime.quantization import QuantType, quantize_dynamic

        plain, int8 = encoder(self.root / "plain.onnx"), self.root / "int8.onnx"
        x = np.random.default_rng(1).normal(size=(5, 3, 32, 32)).astype(np.float32)
        answer = lambda m: onnxruntime.InferenceSession(m, providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]
        for each in (False, True):
            quantize_dynamic(plain, int8, weight_type=QuantType.QInt8, per_channel=each)
            back = floats.dequantised(int8)
            self.assertNotIn("MatMulInteger", [n.op_type for n in onnx.load_from_string(back).graph.node])
            wanted, got = answer(str(plain)), answer(back)
            self.assertLess(float(np.abs(got - wanted).max()), 0.03 * float(np.abs(wanted).max()))


class Trainings(unittest.TestCase):
    """train.py and teach.py as a user runs them."""

    @classmethod
    def setUpClass(cls):
        cls.room = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.room.cleanup)
        cls.root = Path(cls.room.name)
        cls.data = shards(cls.root / "shards", {"train-00": 24, "val-00": 6})
        cls.free = folder(cls.root / "free", 3)
        cls.teacher = cls.root / "teacher.npz"
        cls.said = run(
            "teach.py", cls.data, "--encoder", encoder(cls.root / "encoder.onnx"), "--size", 32, "--crops", 3, "--out", cls.teacher,
            "--mean", 0.5, 0.5, 0.5, "--std", 0.3, 0.3, 0.3, "--threads", 1,
        )  # fmt: skip

    def training(self, out: str, *more) -> list:
        return [
            self.data, "--out", self.root / out, "--depths", DEPTHS, "--widths", WIDTHS, "--stages", "64:1:8,96:2", "--batch", 6,
            "--threads", 1, "--device", "cpu", "--teacher", self.teacher, "--probe-steps", 20, "--unlabelled", self.free,
            "--unlabelled-share", 0.2, "--warmup", 2, "--drop", 0.2, *more,
        ]  # fmt: skip

    def test_a_teacher_answers_for_each_crop(self):
        self.assertIn("3 answers of width 12 to each of 24 images", self.said)
        with np.load(self.teacher) as found:
            self.assertEqual(found["boxes"].shape, (24, 3, 4))
            lengths = np.linalg.norm(found["embeddings"].astype(np.float32), axis=2)
        self.assertLess(float(np.abs(lengths - 1).max()), 0.01)

    def test_a_killed_training_ends_as_one_that_ran_through(self):
        said = run("train.py", *self.training("through"))
        self.assertIn("in the memory of cpu", said)
        for note in ("steps are", "going on"):
            self.assertNotIn(note, said)
        killed("train.py", *self.training("cut", "--save-every", 0), once=self.root / "cut" / "last.pt")
        self.assertIn("going on from", run("train.py", *self.training("cut", "--steps", 6)))
        run("train.py", *self.training("cut"))
        self.assertTrue(same_weights(self.root / "through" / "best.pt", self.root / "cut" / "best.pt"))
        one, other = (torch.load(self.root / n / "last.pt")["student"] for n in ("through", "cut"))
        self.assertTrue(all(torch.equal(v, other[n]) for n, v in one.items()))

    def test_a_network_comes_to_answer_as_the_one_it_is_to_be_like(self):
        whole, other = random_net(SMALL, 1), random_net(SMALL, 2)
        for name, net in (("whole", whole), ("other", other)):
            checkpoint.save(net, CLASSES, self.root / f"{name}.pt")
        like = [
            self.data, "--out", self.root / "like", "--depths", DEPTHS, "--widths", WIDTHS, "--stages", "64:16", "--batch", 6, "--threads", 1,
            "--device", "cpu", "--like", self.root / "whole.pt", "--init", self.root / "other.pt", "--label", 0, "--warmup", 2, "--drop", 0,
            "--ema", 0.5,
        ]  # fmt: skip
        run("train.py", *like, "--steps", 20)
        self.assertIn("going on from", run("train.py", *like))
        net = checkpoint.load(self.root / "like" / "best.pt")[0]
        x = device.normalised(torch.rand(40, 3, 64, 64, generator=device.chance(7)))
        with torch.no_grad():
            wanted, before, after = (n(x).log_softmax(1) for n in (whole, other, net))
        away = lambda said: float(F.kl_div(said, wanted, reduction="batchmean", log_target=True))
        self.assertLess(away(after), 0.5 * away(before))

    def test_a_network_of_other_classes_is_none_to_be_like(self):
        checkpoint.save(random_net(), ["a", "b", "c"], self.root / "others.pt")
        wrong = [self.data, "--out", self.root / "x", "--depths", DEPTHS, "--widths", WIDTHS, "--like", self.root / "others.pt"]
        self.assertIn("does not answer with the classes to learn", run("train.py", *wrong, fails=True))

    def test_other_settings_do_not_go_on(self):
        run("train.py", *self.training("kept", "--steps", 1))
        self.assertIn("give another --out", run("train.py", *self.training("kept", "--steps", 2, "--lr", 0.1), fails=True))

    def test_answers_to_other_pictures_are_refused(self):
        other = shards(self.root / "other", {"train-00": 9, "val-00": 3})
        wrong = self.training("x")
        self.assertIn("answers to 24 other pictures than these 9", run("train.py", other, *wrong[1:], fails=True))

    def test_background_and_also_take_part(self):
        said = run(
            "train.py", self.data, "--out", self.root / "none", "--depths", DEPTHS, "--widths", WIDTHS, "--stages", "64:2", "--batch", 6,
            "--device", "cpu", "--classes", "circle,square", "--background", 0.3, "--also", self.also(), "--balance", 1, "--sharp-times", 2,
        )  # fmt: skip
        self.assertIn("best top-1", said)
        self.assertEqual(checkpoint.load(self.root / "none" / "best.pt")[1], ["circle", "square"])

    def also(self) -> Path:
        root = self.root / "also"
        for name in ("circle", "none"):
            (root / name).mkdir(parents=True)
            Image.new("RGB", (70, 70), "grey").save(root / name / "0.png")
        return root


if __name__ == "__main__":
    unittest.main()
