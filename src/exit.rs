//! Exit codes, those of sysexits.h and one of shells; the one list that help, documents and errors
//! use.

/// The command line is wrong.
pub const USAGE: u8 = 64;
/// The input is not what it should be.
pub const DATA: u8 = 65;
/// An input file or device is missing.
pub const NO_INPUT: u8 = 66;
/// A service, such as the broker, is unavailable.
pub const UNAVAILABLE: u8 = 69;
/// Goldcrest itself failed.
pub const SOFTWARE: u8 = 70;
/// The system refused a thread or a signal handler.
pub const SYSTEM: u8 = 71;
/// Reading or writing failed.
pub const IO: u8 = 74;
/// This user lacks a permission, or the broker refused the login.
pub const PERMISSION: u8 = 77;
/// The configuration is wrong.
pub const CONFIG: u8 = 78;
/// SIGINT or SIGTERM ended a command before it was done; the number is that of shells.
pub const INTERRUPTED: u8 = 130;

/// Every code with the words that `--help` and the documents use.
pub const ALL: [(u8, &str); 11] = [
    (0, "success"),
    (USAGE, "usage"),
    (DATA, "bad data"),
    (NO_INPUT, "no input"),
    (UNAVAILABLE, "unavailable"),
    (SOFTWARE, "internal"),
    (SYSTEM, "system"),
    (IO, "input/output"),
    (PERMISSION, "permission"),
    (CONFIG, "configuration"),
    (INTERRUPTED, "interrupted"),
];
