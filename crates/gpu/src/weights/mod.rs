//! Weights on the GPU: their layout, their buffers, and how a file's bytes get there.

mod matrix;
mod packing;
mod store;
mod upload;

pub(crate) use matrix::{Matrix, Part, fits_one_part};
pub(crate) use packing::Packing;
pub(crate) use store::{Arrangement, WeightStore, WeightWriter, packing_of};
#[cfg(test)]
pub(crate) use upload::Uploader;
