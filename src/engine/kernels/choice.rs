//! Which kernels this processor can run, and which of them are used.

use std::fmt;

/// The environment variable that chooses the kernels, for tests and measurements.
pub const OVERRIDE: &str = "GOLDCREST_KERNEL";

/// One set of kernels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kernel {
    /// Plain Rust.
    Scalar,
    /// AVX2 and FMA.
    Avx2,
    /// AVX2 and FMA, with AVX-VNNI for the products of bytes.
    AvxVnni,
    /// AVX-512 with VNNI.
    Vnni,
    /// AVX-512 with AMX for the products of bytes.
    Amx,
    /// NEON's widening multiplies.
    Neon,
    /// NEON with SDOT.
    Sdot,
}

impl Kernel {
    /// All kernels, best first.
    pub const ALL: [Self; 7] = [
        Self::Amx,
        Self::Vnni,
        Self::AvxVnni,
        Self::Avx2,
        Self::Sdot,
        Self::Neon,
        Self::Scalar,
    ];

    /// The name that [`OVERRIDE`] takes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::Avx2 => "avx2",
            Self::AvxVnni => "avxvnni",
            Self::Vnni => "vnni",
            Self::Amx => "amx",
            Self::Neon => "neon",
            Self::Sdot => "sdot",
        }
    }

    /// Whether this processor has what the kernels need.
    pub fn runs_here(self) -> bool {
        match self {
            Self::Scalar => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "x86_64")]
            Self::AvxVnni => Self::Avx2.runs_here() && is_x86_feature_detected!("avxvnni"),
            #[cfg(target_arch = "x86_64")]
            Self::Vnni => {
                is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512vnni")
            }
            #[cfg(target_arch = "x86_64")]
            Self::Amx => Self::Vnni.runs_here() && super::amx::usable(),
            #[cfg(target_arch = "aarch64")]
            Self::Neon => true,
            #[cfg(target_arch = "arm")]
            Self::Neon => super::armv7::usable(),
            #[cfg(target_arch = "aarch64")]
            Self::Sdot => std::arch::is_aarch64_feature_detected!("dotprod"),
            #[allow(unreachable_patterns)]
            _ => false,
        }
    }

    /// The kernels that run here, best first.
    pub fn available() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|k| k.runs_here())
    }

    /// The best kernels that run here, or those that `wanted` names.
    ///
    /// # Errors
    /// A line that lists the names when `wanted` is none of them or does not run here.
    pub fn choose(wanted: Option<&str>) -> Result<Self, String> {
        let found = Self::available().find(|k| wanted.is_none_or(|name| k.name() == name));
        found.ok_or_else(|| {
            let names: Vec<_> = Self::available().map(Self::name).collect();
            format!(
                "{OVERRIDE} = {:?} does not run here; take one of {}, or leave it out",
                wanted.unwrap_or_default(),
                names.join(", ")
            )
        })
    }
}

impl fmt::Display for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_is_chosen_by_name_and_a_wrong_name_lists_those_that_run() {
        assert_eq!(Kernel::choose(Some("scalar")), Ok(Kernel::Scalar));
        assert!(Kernel::choose(None).unwrap().runs_here());
        let text = Kernel::choose(Some("fast")).unwrap_err();
        assert!(
            text.contains("\"fast\"") && text.contains("scalar"),
            "{text}"
        );
    }
}
