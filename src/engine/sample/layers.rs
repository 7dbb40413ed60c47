//! The layers of the one ONNX form, with random parameters.

use tract_onnx::pb::{AttributeProto, attribute_proto::AttributeType, tensor_proto::DataType};

use super::builder::{Builder, bytes};

impl Builder {
    pub fn norm(&mut self, x: &str, name: &str, channels: usize) -> String {
        let gain = self.noise(&format!("{name}.weight"), &[channels], 1.0, 0.3);
        let shift = self.noise(&format!("{name}.bias"), &[channels], 0.0, 0.2);
        let out = self.node(
            "LayerNormalization",
            name,
            &[x, &gain, &shift],
            &[("axis", &[-1])],
        );
        if let Some(node) = self.graph.node.last_mut() {
            node.attribute.push(AttributeProto {
                name: "epsilon".into(),
                f: 1e-6,
                r#type: AttributeType::Float as i32,
                ..Default::default()
            });
        }
        out
    }

    pub fn linear(
        &mut self,
        x: &str,
        name: &str,
        k: usize,
        n: usize,
        (low, high): (f32, f32),
        squares: Option<usize>,
    ) -> String {
        let at = |part: &str| format!("{name}.{part}");
        let step = (high - low) / 255.0;
        let scale = self.floats(&at("input.scale"), &[], &[step]);
        let zero = self.constant(
            &at("input.zero_point"),
            &[],
            DataType::Uint8,
            vec![(-low / step).round() as u8],
        );
        let mut x = self.node("QuantizeLinear", &at("quantize"), &[x, &scale, &zero], &[]);
        x = self.node(
            "DequantizeLinear",
            &at("dequantize"),
            &[&x, &scale, &zero],
            &[],
        );
        let weight = self.weight(name, k, n);
        if let Some(side) = squares {
            x = self.squares(&x, name, side, k / 4);
        }
        let product = self.node("MatMul", &at("matmul"), &[&x, &weight], &[]);
        let bias = self.noise(&at("bias"), &[1, 1, 1, n], 0.0, 0.2);
        self.node("Add", &at("add"), &[&product, &bias], &[])
    }

    /// The dequantised weight of a LINEAR.
    fn weight(&mut self, name: &str, k: usize, n: usize) -> String {
        let at = |part: &str| format!("{name}.{part}");
        let weights: Vec<i8> = (0..k * n).map(|_| (self.random() * 127.0) as i8).collect();
        let weight = self.constant(
            &at("weight"),
            &[k, n],
            DataType::Int8,
            bytes(&weights, |w| w.to_le_bytes()),
        );
        let spread = 1.5 / (127.0 * (k as f32).sqrt());
        let scales = self.noise(&at("weight.scale"), &[n], spread, spread / 2.0);
        let zeros = self.constant(&at("weight.zero_point"), &[n], DataType::Int8, vec![0; n]);
        let inputs = [&weight[..], &scales, &zeros];
        self.node(
            "DequantizeLinear",
            &at("weight.dequantize"),
            &inputs,
            &[("axis", &[1])],
        )
    }

    /// A map as rows of squares of 2x2 pixels.
    fn squares(&mut self, x: &str, name: &str, side: usize, channels: usize) -> String {
        let at = |part: &str| format!("{name}.{part}");
        let (half, c) = (side as i64 / 2, channels as i64);
        let split = self.integers(&at("split.shape"), &[1, half, 2, half, 2, c]);
        let joined = self.integers(&at("join.shape"), &[1, half, half, 4 * c]);
        let x = self.node("Reshape", &at("split"), &[x, &split], &[]);
        let x = self.node(
            "Transpose",
            &at("squares"),
            &[&x],
            &[("perm", &[0, 1, 3, 2, 4, 5])],
        );
        self.node("Reshape", &at("join"), &[&x, &joined], &[])
    }

    pub fn block(&mut self, x: &str, name: &str, c: usize) -> String {
        let at = |part: &str| format!("{name}.{part}");
        let mut y = self.node(
            "Transpose",
            &at("channels_first"),
            &[x],
            &[("perm", &[0, 3, 1, 2])],
        );
        let taps = self.noise(&at("dw.weight"), &[c, 1, 7, 7], 0.0, 0.3);
        let bias = self.noise(&at("dw.bias"), &[c], 0.0, 0.2);
        let group = c as i64;
        let ints: [(&str, &[i64]); 3] = [
            ("kernel_shape", &[7, 7]),
            ("pads", &[3; 4]),
            ("group", &[group]),
        ];
        y = self.node("Conv", &at("dw"), &[&y, &taps, &bias], &ints);
        y = self.node(
            "Transpose",
            &at("dw.channels_last"),
            &[&y],
            &[("perm", &[0, 2, 3, 1])],
        );
        y = self.norm(&y, &at("norm"), c);
        y = self.linear(&y, &at("fc1"), c, 4 * c, (-4.0, 4.0), None);
        y = self.node("Gelu", &at("gelu"), &[&y], &[]);
        y = self.linear(&y, &at("fc2"), 4 * c, c, (-0.17, 5.0), None);
        self.node("Add", &at("add"), &[x, &y], &[])
    }
}
