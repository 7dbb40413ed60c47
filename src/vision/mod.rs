//! From a frame of any format to the model's input.
