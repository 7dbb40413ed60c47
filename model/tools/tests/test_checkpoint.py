"""Checkpoints: timm's and torchvision's names give the same network, and what does not fit is refused."""
import tempfile
import unittest
from pathlib import Path

from common import CLASSES, SMALL, random_net, run

import torch

import checkpoint
import export
import images
from convnext import ConvNeXt, Shape


def as_timm(net: ConvNeXt) -> dict:
    """The state dict that timm's ConvNeXt of the same weights has."""
    out = {}
    put = lambda name, module: out.update({f"{name}.weight": module.weight.data, f"{name}.bias": module.bias.data})
    put("stem.0", net.stem.conv)
    put("stem.1", net.stem.norm)
    for s, stage in enumerate(net.stages):
        if s:
            put(f"stages.{s}.downsample.0", stage.down.norm)
            put(f"stages.{s}.downsample.1", stage.down.conv)
        for b, block in enumerate(stage.blocks):
            at = f"stages.{s}.blocks.{b}"
            out[f"{at}.gamma"] = block.gamma.data
            put(f"{at}.conv_dw", block.dw)
            put(f"{at}.norm", block.norm)
            put(f"{at}.mlp.fc1", block.fc1)
            put(f"{at}.mlp.fc2", block.fc2)
    put("head.norm", net.head.norm)
    put("head.fc", net.head.fc)
    return out


def as_torchvision(net: ConvNeXt) -> dict:
    """The state dict that torchvision's ConvNeXt of the same weights has."""
    out = {}
    put = lambda name, module: out.update({f"{name}.weight": module.weight.data, f"{name}.bias": module.bias.data})
    put("features.0.0", net.stem.conv)
    put("features.0.1", net.stem.norm)
    for s, stage in enumerate(net.stages):
        if s:
            put(f"features.{2 * s}.0", stage.down.norm)
            put(f"features.{2 * s}.1", stage.down.conv)
        for b, block in enumerate(stage.blocks):
            at = f"features.{2 * s + 1}.{b}"
            out[f"{at}.layer_scale"] = block.gamma.data.reshape(-1, 1, 1)
            put(f"{at}.block.0", block.dw)
            put(f"{at}.block.2", block.norm)
            put(f"{at}.block.3", block.fc1)
            put(f"{at}.block.5", block.fc2)
    put("classifier.0", net.head.norm)
    put("classifier.2", net.head.fc)
    return out


class Checkpoints(unittest.TestCase):
    def setUp(self):
        self.room = tempfile.TemporaryDirectory()
        self.addCleanup(self.room.cleanup)
        self.path = Path(self.room.name, "net.pt")

    def saved(self, state) -> Path:
        torch.save(state, self.path)
        return self.path

    def assert_same(self, net: ConvNeXt, other: ConvNeXt, tolerance: float = 0.0):
        x = torch.randn(2, 3, 64, 64)
        with torch.no_grad():
            self.assertLessEqual(float((net(x) - other(x)).abs().max()), tolerance)

    def test_timm_and_torchvision_names_give_the_same_network(self):
        net = random_net()
        for state in (as_timm(net), as_torchvision(net), {"model": as_timm(net)}):
            loaded, names = checkpoint.load(self.saved(state))
            self.assertIsNone(names)
            self.assert_same(net, loaded)

    def test_full_size_dicts_have_the_published_number_of_parameters(self):
        # ConvNeXt-T of 1000 classes has 28,589,128 (Liu et al. say 29 M; timm and torchvision count the same).
        net = ConvNeXt(Shape())
        for state in (as_timm(net), as_torchvision(net)):
            self.assertEqual(sum(v.numel() for v in state.values()), 28_589_128)
            self.assertEqual(checkpoint.load(self.saved(state))[0].shape, Shape())

    def test_own_form_keeps_names_and_halves_precision(self):
        net = random_net()
        checkpoint.save(net, CLASSES, self.path)
        loaded, names = checkpoint.load(self.path)
        self.assertEqual(names, CLASSES)
        self.assert_same(net, loaded, 0.05)

    def test_average_of_a_running_training_is_read(self):
        net = random_net()
        state = dict(student=random_net(seed=1).state_dict(), mean=net.state_dict(), step=3)
        self.assert_same(net, checkpoint.load(self.saved(state))[0])

    def test_what_does_not_fit_is_refused(self):
        whole = as_timm(random_net())
        missing = {n: v for n, v in whole.items() if n != "stages.2.blocks.1.mlp.fc2.bias"}
        extra = whole | {"stages.2.blocks.1.attn.weight": torch.zeros(3)}
        misshapen = whole | {"stages.3.downsample.1.weight": torch.zeros(64, 40, 2, 2)}
        for state, said in (
            (missing, "has no stages.2.blocks.1.fc2.bias"),
            (extra, "no place for"),
            (misshapen, r"stages.3.down.conv.weight is \[64, 40, 2, 2\], this network's is \[64, 48, 2, 2\]"),
            ({"conv1.weight": torch.zeros(2)}, "not a ConvNeXt checkpoint"),
            ({"a": 1}, "not a state dict"),
            ([1, 2], "not a state dict"),
        ):
            with self.assertRaisesRegex(images.Refused, said):
                checkpoint.load(self.saved(state))
        self.path.write_bytes(b"PK\x03\x04 not a checkpoint")
        with self.assertRaisesRegex(images.Refused, "cannot be read as a checkpoint"):
            checkpoint.load(self.path)

    def test_prefixes_of_wrappers_are_stripped(self):
        net = random_net()
        for prefix in ("module.", "_orig_mod.", "module._orig_mod."):
            for state in (as_timm(net), as_torchvision(net), net.state_dict()):
                wrapped = {prefix + name: value for name, value in state.items()}
                self.assert_same(net, checkpoint.load(self.saved(wrapped))[0])
                self.assert_same(net, checkpoint.load(self.saved({"state_dict": wrapped}))[0])

    def test_network_without_classifier_says_what_to_do(self):
        headless = {n: v for n, v in as_timm(random_net()).items() if not n.startswith("head.fc")}
        with self.assertRaisesRegex(images.Refused, "has no classifier .* train.py --init"):
            checkpoint.load(self.saved(headless))
        checkpoint.load_into(ConvNeXt(SMALL), self.path, fresh_head=True)

    def test_part_of_another_network_is_not_trained_on(self):
        torch.save(as_timm(random_net(Shape((1, 2, 3, 1), SMALL.widths, 3))), self.path)
        with self.assertRaisesRegex(images.Refused, "no place for"):
            checkpoint.load_into(ConvNeXt(SMALL), self.path, fresh_head=True)

    def test_base_is_refused_where_tiny_is_asked(self):
        with torch.no_grad():
            base = ConvNeXt(Shape((3, 3, 27, 3), (128, 256, 512, 1024), 1000))
        self.saved({name: value.half() for name, value in as_torchvision(base).items()})
        said = run("export.py", self.path, "--out", self.path.with_suffix(".onnx"), fails=True)
        self.assertRegex(said, r"^error: .*net\.pt is ConvNeXt-Base \(depths 3,3,27,3.*not ConvNeXt-Tiny; .*--expect base")
        self.assertFalse(self.path.with_suffix(".onnx").exists())

    def test_expected_sizes(self):
        tiny = (96, 192, 384, 768)
        export.expected(Shape((3, 3, 9, 3), tiny), "tiny", "x")
        export.expected(Shape((3, 3, 6, 3), tiny), "tiny", "x")
        export.expected(SMALL, "any", "x")
        with self.assertRaisesRegex(images.Refused, "ConvNeXt-Small"):
            export.expected(Shape((3, 3, 27, 3), tiny), "tiny", "x")


if __name__ == "__main__":
    unittest.main()
