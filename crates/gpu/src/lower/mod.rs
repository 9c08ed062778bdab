//! Turns a plan into programs: lists of prebuilt dispatches over buffers that are there for good.

mod arena;
mod fuse;
mod node;
mod plain;
mod program;

pub(crate) use arena::{Arena, Assignment, Capacity};
pub(crate) use fuse::{Fusions, MAX_ROTARY_DIM, fuse, groups, matrix_uses};
pub(crate) use node::{Node, Projection};
pub(crate) use program::{Buffers, Lowering, Size};

#[cfg(test)]
mod tests;
