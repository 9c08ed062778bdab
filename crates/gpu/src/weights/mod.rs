//! Weights on the GPU: their layout, their buffers, and how a file's bytes get there.

mod matrix;
mod packing;
mod upload;

pub(crate) use matrix::{Matrix, Part, fits_one_part};
pub(crate) use packing::Packing;
pub(crate) use upload::{Cursor, Uploader};
