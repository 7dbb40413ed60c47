"""The check of the BLAS."""
import unittest

import common  # the path of the tools

import blas


class Blas(unittest.TestCase):
    MAP = "7f00-7f01 r-xp 00000000 08:01 42    {}\n"

    def test_reference_is_told_from_the_fast_ones(self):
        other = self.MAP.format("/usr/lib/libc.so.6") + "7ffe-7fff rw-p 00000000 00:00 0   [stack]\n7f-80 rw-p 00000000 00:00 0\n"
        slow = "/usr/lib/x86_64-linux-gnu/blas/libblas.so.3.11.0"
        self.assertEqual(blas.reference(other + self.MAP.format(slow)), slow)
        for fast in ("/usr/lib/x86_64-linux-gnu/openblas-pthread/libblas.so.3", "/usr/lib/libopenblas.so.0", "/opt/mkl/libblas.so.3"):
            self.assertIsNone(blas.reference(other + self.MAP.format(fast)))


if __name__ == "__main__":
    unittest.main()
