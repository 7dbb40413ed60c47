//! The sets of kernels, and the choice of one that this processor can run.

use std::fmt;

#[cfg(target_arch = "x86_64")]
use super::amx::Amx;
#[cfg(target_arch = "arm")]
use super::armv7::Vmull;
#[cfg(target_arch = "x86_64")]
use super::avx2::AvxVnni;
#[cfg(target_arch = "x86_64")]
use super::avx512::Avx512Vnni;
use super::dispatch::Kernels;
use super::scalar::Scalar;
#[cfg(target_arch = "aarch64")]
use super::sdot::Sdot;
use super::sizing::Sizing;
#[cfg(target_arch = "aarch64")]
use super::smull::Smull;
#[cfg(target_arch = "x86_64")]
use super::sorted::Sorted;

/// The environment variable that chooses the kernels, for tests and measurements.
pub const OVERRIDE: &str = "GOLDCREST_KERNEL";

/// One set of kernels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KernelSet {
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

impl KernelSet {
    /// All kernels, best first.
    const ALL: [Self; 7] = [
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

    /// Whether this processor has the instruction sets that the kernels need.
    pub fn runs_here(self) -> bool {
        self.detect().is_some()
    }

    /// The kernels themselves, if this processor has the instruction sets that they need.
    pub(super) fn detect(self) -> Option<Box<dyn Kernels>> {
        match self {
            Self::Scalar => found(Some(Scalar)),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => found(Sorted::detect()),
            #[cfg(target_arch = "x86_64")]
            Self::AvxVnni => found(AvxVnni::detect()),
            #[cfg(target_arch = "x86_64")]
            Self::Vnni => found(Avx512Vnni::detect()),
            #[cfg(target_arch = "x86_64")]
            Self::Amx => found(Amx::detect()),
            #[cfg(target_arch = "aarch64")]
            Self::Neon => found(Some(Smull)),
            #[cfg(target_arch = "arm")]
            Self::Neon => found(Vmull::detect()),
            #[cfg(target_arch = "aarch64")]
            Self::Sdot => found(Sdot::detect()),
            #[allow(unreachable_patterns)]
            _ => None,
        }
    }

    /// What the scratch of `threads` threads of these kernels depends on.
    ///
    /// # Errors
    /// [`SetupError::Processor`]
    pub fn sizing(self, threads: usize) -> Result<Sizing, SetupError> {
        let kernels = self.detect().ok_or(SetupError::Processor(self))?;
        Ok(Sizing {
            threads: threads.max(1),
            scratch: kernels.scratch(),
        })
    }

    /// The kernels that run here, best first.
    pub fn available() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|k| k.runs_here())
    }

    /// The best kernels that run here, or those that `wanted` names.
    ///
    /// # Errors
    /// [`SetupError::Name`] when `wanted` names none, or kernels that do not run here.
    pub fn choose(wanted: Option<&str>) -> Result<Self, SetupError> {
        let found = Self::available().find(|k| wanted.is_none_or(|name| k.name() == name));
        found.ok_or_else(|| SetupError::Name {
            name: wanted.unwrap_or_default().into(),
        })
    }
}

/// Why kernels cannot start.
#[derive(Debug)]
pub enum SetupError {
    /// [`OVERRIDE`] names none, or kernels that do not run here.
    Name {
        /// The name that was given.
        name: String,
    },
    /// The processor lacks the instruction sets.
    Processor(KernelSet),
    /// The system refused a thread.
    Threads {
        /// The number of threads that were wanted.
        threads: usize,
        /// The system's reason.
        cause: std::io::Error,
    },
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name { name } => write!(
                f,
                "{OVERRIDE} = {name:?} does not run here; take one of {}, or leave it out",
                names()
            ),
            Self::Processor(set) => write!(f, "{set} kernels do not run on this processor"),
            Self::Threads { threads, cause } => {
                write!(f, "cannot start {threads} threads: {cause}")
            }
        }
    }
}

impl std::error::Error for SetupError {}

/// The names of the kernels that run here.
fn names() -> String {
    let names: Vec<_> = KernelSet::available().map(KernelSet::name).collect();
    names.join(", ")
}

/// A token as the kernels that it proves. Tokens have no size, so nothing is allocated.
fn found<T: Kernels + 'static>(token: Option<T>) -> Option<Box<dyn Kernels>> {
    token.map(|token| Box::new(token) as Box<dyn Kernels>)
}

impl fmt::Display for KernelSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_is_chosen_by_name_or_the_names_are_listed() {
        let scalar = KernelSet::choose(Some("scalar")).unwrap();
        assert_eq!(scalar, KernelSet::Scalar);
        assert!(KernelSet::choose(None).unwrap().runs_here());
        let text = KernelSet::choose(Some("fast")).unwrap_err().to_string();
        assert!(
            text.contains("\"fast\"") && text.contains("scalar"),
            "{text}"
        );
    }
}
