//! Which variants of kernels a GPU gets: those of a table, or what a measurement finds, which is remembered.

use sotto_gpu::{DeviceFacts, GpuDevice, GpuError, Tuning};

/// Which variants of kernels a GPU gets.
#[derive(Clone, Copy, Debug, Default)]
pub enum TuningChoice {
    /// Those that the table has for the device.
    #[default]
    Table,
    /// These.
    Use(Tuning),
    /// The fastest by measurement, as an earlier one has it or by a new one, which takes a fraction of a second.
    Measure(TuningMemory),
}

/// What remembers measurements.
#[derive(Clone, Copy, Debug)]
pub struct TuningMemory {
    /// What was measured on such a device.
    pub recall: fn(&DeviceFacts) -> Option<Tuning>,
    /// Keeps what was measured.
    pub keep: fn(&DeviceFacts, Tuning),
}

impl TuningChoice {
    /// `device` with the variants of this choice.
    pub(crate) async fn apply(self, device: GpuDevice) -> Result<GpuDevice, GpuError> {
        match self {
            TuningChoice::Table => Ok(device),
            TuningChoice::Use(tuning) => Ok(device.with_tuning(tuning)),
            // Nothing to choose from.
            TuningChoice::Measure(_) if device.facts().software => Ok(device),
            TuningChoice::Measure(memory) => {
                let tuning = match (memory.recall)(device.facts()) {
                    Some(tuning) => tuning,
                    None => match device.measure().await {
                        Ok(tuning) => {
                            (memory.keep)(device.facts(), tuning);
                            tuning
                        }
                        Err(lost @ GpuError::DeviceLost { .. }) => return Err(lost),
                        // A model loads without a measurement.
                        Err(_) => return device.healthy().await,
                    },
                };
                Ok(device.with_tuning(tuning))
            }
        }
    }
}
