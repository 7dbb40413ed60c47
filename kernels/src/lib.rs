//! The arithmetic of the int8 engine.
//!
//! Each kernel is written once over the traits in `simd` and compiled for each instruction set in
//! `dispatch`; only the products of bytes are written by hand for each. `Machine` is the safe
//! interface: it checks all sizes, cuts the work into tasks and runs them on its threads.
//!
//! Activations lie channels last; channels are filled with zeros to a multiple of 16. Sums are
//! exact integers; bytes are rounded half to even. All processors give the same bits.

#![allow(unsafe_code)]

#[cfg(target_arch = "x86_64")]
mod amx;
mod arena;
#[cfg(target_arch = "arm")]
mod armv7;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod depthwise;
mod dispatch;
mod finish;
mod gelu;
mod linear;
mod machine;
mod map;
mod matmul;
mod mlp;
#[cfg(target_arch = "aarch64")]
mod neon;
mod norm;
mod pool;
mod scalar;
#[cfg(target_arch = "aarch64")]
mod sdot;
mod set;
mod shared_slice;
mod simd;
mod sizing;
#[cfg(target_arch = "aarch64")]
mod smull;
#[cfg(target_arch = "x86_64")]
mod sorted;
mod stem;
#[cfg(test)]
mod tests;

pub use arena::{Arena, Scratch, Sizes};
pub use depthwise::Depthwise;
pub use gelu::Gelu;
pub use linear::{LayerShape, Linear};
pub use machine::Machine;
pub use map::FeatureMap;
pub use mlp::Mlp;
pub use norm::Norm;
pub use pool::Spawn;
pub use set::{KernelSet, OVERRIDE, SetupError};
pub use sizing::Sizing;
pub use stem::Stem;
