//! A GPU device: what it can do, and whether it is still well.
//!
//! Errors that WebGPU reports out of band (a lost device, an uncaptured validation error) are kept and
//! returned by the next call, so that nothing runs on after a fault.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

#[cfg(target_arch = "wasm32")]
use crate::browser;
#[cfg(target_arch = "wasm32")]
use crate::tuning::vendor_id;
use crate::{GpuError, Tuning};

/// What a device makes of work that it was given: known once it has come to it.
pub(crate) type Done = Pin<Box<dyn Future<Output = Result<(), GpuError>>>>;

/// What to ask of the adapter. Lower limits stand in for smaller devices.
#[derive(Clone, Debug, Default)]
pub struct DeviceOptions {
    /// Take a software adapter.
    pub software: bool,
    /// Choose kernels as if the adapter were hardware, whatever it is. Software is slow with them.
    pub hardware_kernels: bool,
    /// Do without `shader-f16`.
    pub without_f16: bool,
    /// Do without subgroups.
    pub without_subgroups: bool,
    /// At most this many bytes a storage binding.
    pub max_binding_bytes: Option<u64>,
    /// At most this many bytes of workgroup memory.
    pub max_workgroup_bytes: Option<u32>,
    /// At most this many invocations a workgroup.
    pub max_invocations: Option<u32>,
    /// Variants of kernels; `None` takes those that the table has for the device.
    pub tuning: Option<Tuning>,
}

/// What a device reports about itself.
#[derive(Clone, Debug, PartialEq)]
pub struct DeviceFacts {
    /// The adapter's name; browsers may leave it empty.
    pub name: String,
    /// The driver's name; browsers may leave it empty.
    pub driver: String,
    /// PCI vendor id, in browsers of the vendor that they name; 0 when unknown.
    pub vendor: u32,
    /// The family of GPUs, where browsers tell: `gen-12-lp`, `rdna-2`, `metal-3`.
    pub architecture: String,
    /// Whether the GPU is a processor's, as far as native drivers tell.
    pub integrated: bool,
    /// `Vulkan`, `Metal`, `Dx12`, `BrowserWebGpu`.
    pub backend: String,
    /// Whether the CPU does the work (SwiftShader, lavapipe, WARP).
    pub software: bool,
    /// Shaders may compute in f16.
    pub f16: bool,
    /// Shaders may use subgroups.
    pub subgroups: bool,
    /// Smallest subgroup; 0 when unknown.
    pub subgroup_min: u32,
    /// Largest subgroup; 0 when unknown.
    pub subgroup_max: u32,
    /// Timestamps can be taken between passes.
    pub timestamps: bool,
    /// And within them, between dispatches.
    pub timestamps_in_passes: bool,
    /// Largest storage binding in bytes.
    pub max_binding_bytes: u64,
    /// Largest buffer in bytes.
    pub max_buffer_bytes: u64,
    /// Memory of a workgroup in bytes.
    pub max_workgroup_bytes: u32,
    /// Invocations of a workgroup.
    pub max_invocations: u32,
    /// Workgroups a dimension of a dispatch.
    pub max_workgroups: u32,
    /// Storage buffers that a kernel may bind.
    pub max_storage_buffers: u32,
}

/// A GPU device and its queue. Cheap to clone; clones are the same device.
#[derive(Clone, Debug)]
pub struct GpuDevice {
    inner: Arc<Inner>,
    tuning: Tuning,
    /// Buffers, bind groups and pipelines made through this handle and its clones.
    objects_created: Arc<AtomicU64>,
}

#[derive(Debug)]
struct Inner {
    device: wgpu::Device,
    queue: wgpu::Queue,
    facts: DeviceFacts,
    /// As it was asked for.
    options: DeviceOptions,
    fault: Arc<Mutex<Option<GpuError>>>,
}

/// Bytes of the buffer that holds `bytes`.
pub(crate) fn buffer_bytes(bytes: u64) -> u64 {
    bytes.max(16).next_multiple_of(16)
}

/// In a browser not in wgpu's words, which tell of the systems that it was not compiled for.
fn no_adapter(error: &wgpu::RequestAdapterError) -> GpuError {
    let message = if cfg!(target_arch = "wasm32") {
        "the browser has no WebGPU, or none for this machine".to_owned()
    } else {
        error.to_string()
    };
    GpuError::NoAdapter { message }
}

impl GpuDevice {
    /// Asks the platform for a device with all the limits its adapter has.
    ///
    /// # Errors
    /// [`GpuError::NoAdapter`] when there is no WebGPU or no adapter.
    pub async fn request(options: &DeviceOptions) -> Result<GpuDevice, GpuError> {
        let mut instance = wgpu::InstanceDescriptor::new_without_display_handle();
        instance.backends = wgpu::Backends::PRIMARY;
        let adapter = wgpu::Instance::new(instance)
            .request_adapter(&wgpu::RequestAdapterOptions {
                power_preference: wgpu::PowerPreference::HighPerformance,
                force_fallback_adapter: options.software,
                ..Default::default()
            })
            .await
            .map_err(|error| no_adapter(&error))?;
        let mut features = adapter.features() & wanted_features();
        features.set(
            wgpu::Features::SHADER_F16,
            !options.without_f16 && features.contains(wgpu::Features::SHADER_F16),
        );
        features.set(
            wgpu::Features::SUBGROUP,
            !options.without_subgroups && features.contains(wgpu::Features::SUBGROUP),
        );
        let limits = limits(adapter.limits(), options);
        let (device, queue) = adapter
            .request_device(&wgpu::DeviceDescriptor {
                label: Some("sotto"),
                required_features: features,
                required_limits: limits.clone(),
                memory_hints: wgpu::MemoryHints::Performance,
                ..Default::default()
            })
            .await
            .map_err(|e| GpuError::NoAdapter { message: e.to_string() })?;
        let fault = Arc::new(Mutex::new(None));
        watch(&device, &fault);
        let mut facts = facts(&adapter.get_info(), features, &limits);
        facts.software &= !options.hardware_kernels;
        facts.subgroups = !options.without_subgroups && has_subgroups(&device, features);
        #[cfg(target_arch = "wasm32")]
        if let Some((vendor, architecture)) = browser::vendor_and_architecture(&device) {
            facts.vendor = vendor_id(&vendor);
            facts.architecture = architecture;
        }
        let tuning = options.tuning.unwrap_or_else(|| Tuning::of(&facts)).within(&facts);
        Ok(GpuDevice {
            inner: Arc::new(Inner { device, queue, facts, options: options.clone(), fault }),
            tuning,
            objects_created: Arc::default(),
        })
    }

    /// What the device reports about itself.
    pub fn facts(&self) -> &DeviceFacts {
        &self.inner.facts
    }

    /// The variants of kernels that it gets.
    pub fn tuning(&self) -> Tuning {
        self.tuning
    }

    /// The same device with other variants of kernels.
    #[must_use]
    pub fn with_tuning(&self, tuning: Tuning) -> GpuDevice {
        GpuDevice { tuning: tuning.within(self.facts()), ..self.clone() }
    }

    /// The first fault reported so far, if any.
    ///
    /// # Errors
    /// [`GpuError::DeviceLost`], [`GpuError::OutOfMemory`] or [`GpuError::Device`].
    pub fn check(&self) -> Result<(), GpuError> {
        match &*self.inner.fault.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(fault) => Err(fault.clone()),
            None => Ok(()),
        }
    }

    /// This device, or in place of one with a fault another that is asked for as this was.
    ///
    /// # Errors
    /// [`GpuError::DeviceLost`] of a lost device; as [`GpuDevice::request`].
    pub async fn healthy(self) -> Result<GpuDevice, GpuError> {
        match self.check() {
            Ok(()) => Ok(self),
            Err(lost @ GpuError::DeviceLost { .. }) => Err(lost),
            Err(_) => {
                self.destroy();
                GpuDevice::request(&self.inner.options).await
            }
        }
    }

    /// Gives the device up, as if it were lost: every later call fails.
    pub fn destroy(&self) {
        record(&self.inner.fault, GpuError::DeviceLost { message: "it was destroyed".to_owned() });
        self.inner.device.destroy();
    }

    pub(crate) fn wgpu(&self) -> &wgpu::Device {
        &self.inner.device
    }

    pub(crate) fn queue(&self) -> &wgpu::Queue {
        &self.inner.queue
    }

    /// A buffer of at least `bytes`, filled with zeros.
    pub(crate) fn buffer(
        &self,
        label: &str,
        bytes: u64,
        usage: wgpu::BufferUsages,
    ) -> Result<wgpu::Buffer, GpuError> {
        let size = buffer_bytes(bytes);
        let limit = self.inner.facts.max_buffer_bytes;
        if size > limit {
            return Err(GpuError::TooLarge { what: label.to_owned(), bytes, limit });
        }
        self.count_object();
        Ok(self.inner.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some(label),
            size,
            usage,
            mapped_at_creation: false,
        }))
    }

    /// The same device with a count of objects of its own.
    pub(crate) fn counting(&self) -> GpuDevice {
        GpuDevice { objects_created: Arc::default(), ..self.clone() }
    }

    /// Notes that a buffer, bind group or pipeline was made.
    pub(crate) fn count_object(&self) {
        self.objects_created.fetch_add(1, Ordering::Relaxed);
    }

    /// Buffers, bind groups and pipelines made so far, by those who share this count.
    pub(crate) fn objects_created(&self) -> u64 {
        self.objects_created.load(Ordering::Relaxed)
    }

    /// Runs `body`; allocations that fail in it become [`GpuError::OutOfMemory`] with `what` and `bytes`.
    pub(crate) async fn allocating<T>(
        &self,
        what: &str,
        bytes: u64,
        body: impl FnOnce() -> Result<T, GpuError>,
    ) -> Result<T, GpuError> {
        let (result, done) = self.begin(what, bytes, body);
        done.await?;
        result
    }

    /// Runs `body` as [`GpuDevice::allocating`] does, and lets the caller wait later for what the device makes of it.
    pub(crate) fn begin<T>(
        &self,
        what: &str,
        bytes: u64,
        body: impl FnOnce() -> Result<T, GpuError>,
    ) -> (Result<T, GpuError>, Done) {
        let memory = self.inner.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let compiler = self.inner.device.push_error_scope(wgpu::ErrorFilter::Internal);
        let validation = self.inner.device.push_error_scope(wgpu::ErrorFilter::Validation);
        let result = body();
        let invalid = validation.pop();
        let uncompiled = compiler.pop();
        let exhausted = memory.pop();
        let (device, what) = (self.clone(), what.to_owned());
        let done = async move {
            let (invalid, uncompiled, exhausted) = (invalid.await, uncompiled.await, exhausted.await);
            // A buffer without memory makes whatever is bound to it invalid too, and a pipeline that a driver cannot compile what it
            // runs in: the cause comes first.
            if exhausted.is_some() {
                return Err(GpuError::OutOfMemory { what, bytes, smaller: None });
            }
            if let Some(error) = uncompiled.or(invalid) {
                return Err(GpuError::Device { message: error.to_string() });
            }
            device.check()
        };
        (result, Box::pin(done))
    }

    /// Waits until `slice` is mapped for reading.
    pub(crate) async fn map(&self, slice: wgpu::BufferSlice<'_>) -> Result<(), GpuError> {
        let (send, receive) = futures_channel::oneshot::channel();
        slice.map_async(wgpu::MapMode::Read, move |result| drop(send.send(result)));
        self.mapped(receive, None).await
    }

    /// Waits for a mapping that was asked for before. Natively this drives the device until the work up to
    /// `submission`, or all of it, is done; in a browser callbacks run by themselves.
    pub(crate) async fn mapped(
        &self,
        receive: Mapping,
        submission: Option<wgpu::SubmissionIndex>,
    ) -> Result<(), GpuError> {
        self.check()?;
        if cfg!(not(target_arch = "wasm32")) {
            let wait = wgpu::PollType::Wait { submission_index: submission, timeout: None };
            self.inner.device.poll(wait).map_err(|e| GpuError::Device { message: e.to_string() })?;
        }
        let result = receive.await;
        self.check()?;
        match result {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(GpuError::Device { message: error.to_string() }),
            Err(_) => Err(GpuError::DeviceLost { message: "a pending read was dropped".to_owned() }),
        }
    }

    /// Waits until all work that was submitted is done.
    pub(crate) async fn finished(&self) -> Result<(), GpuError> {
        self.check()?;
        let (send, receive) = futures_channel::oneshot::channel();
        self.inner.queue.on_submitted_work_done(move || drop(send.send(Ok(()))));
        self.mapped(receive, None).await
    }

    /// Natively, frees the staging memory of writes that are done. Browsers do so by themselves.
    pub(crate) fn collect(&self) {
        if cfg!(not(target_arch = "wasm32")) {
            // Faults come through the callbacks that `watch` set.
            drop(self.inner.device.poll(wgpu::PollType::Poll));
        }
    }
}

/// The outcome of a mapping, when it comes.
pub(crate) type Mapping = futures_channel::oneshot::Receiver<Result<(), wgpu::BufferAsyncError>>;

fn wanted_features() -> wgpu::Features {
    wgpu::Features::SHADER_F16
        | wgpu::Features::SUBGROUP
        | wgpu::Features::TIMESTAMP_QUERY
        | wgpu::Features::TIMESTAMP_QUERY_INSIDE_PASSES
}

/// Whether shaders may use subgroups. In browsers wgpu 30 has no name for the feature; the package asks for it all the same
/// (`npm/src/subgroups.ts`), and the browser's device tells.
fn has_subgroups(device: &wgpu::Device, features: wgpu::Features) -> bool {
    #[cfg(target_arch = "wasm32")]
    if let Some(device) = device.as_webgpu() {
        return device.features().has("subgroups");
    }
    let _ = device;
    features.contains(wgpu::Features::SUBGROUP)
}

fn limits(mut limits: wgpu::Limits, options: &DeviceOptions) -> wgpu::Limits {
    if let Some(bytes) = options.max_binding_bytes {
        limits.max_storage_buffer_binding_size = limits.max_storage_buffer_binding_size.min(bytes);
    }
    if let Some(bytes) = options.max_workgroup_bytes {
        limits.max_compute_workgroup_storage_size = limits.max_compute_workgroup_storage_size.min(bytes);
    }
    if let Some(n) = options.max_invocations {
        limits.max_compute_invocations_per_workgroup = limits.max_compute_invocations_per_workgroup.min(n);
        limits.max_compute_workgroup_size_x = limits.max_compute_workgroup_size_x.min(n);
        limits.max_compute_workgroup_size_y = limits.max_compute_workgroup_size_y.min(n);
    }
    limits
}

fn facts(info: &wgpu::AdapterInfo, features: wgpu::Features, limits: &wgpu::Limits) -> DeviceFacts {
    let described = format!("{} {}", info.name, info.driver).to_lowercase();
    let known = ["swiftshader", "llvmpipe", "lavapipe", "warp", "basic render"];
    DeviceFacts {
        name: info.name.clone(),
        driver: info.driver.clone(),
        vendor: info.vendor,
        architecture: String::new(),
        integrated: info.device_type == wgpu::DeviceType::IntegratedGpu,
        backend: format!("{:?}", info.backend),
        software: info.device_type == wgpu::DeviceType::Cpu || known.iter().any(|k| described.contains(k)),
        f16: features.contains(wgpu::Features::SHADER_F16),
        subgroups: features.contains(wgpu::Features::SUBGROUP),
        subgroup_min: info.subgroup_min_size,
        subgroup_max: info.subgroup_max_size,
        timestamps: features.contains(wgpu::Features::TIMESTAMP_QUERY),
        timestamps_in_passes: features.contains(wgpu::Features::TIMESTAMP_QUERY_INSIDE_PASSES),
        // Some drivers claim more than a signed 32-bit offset can address.
        max_binding_bytes: limits.max_storage_buffer_binding_size.min(i32::MAX as u64 & !255),
        max_buffer_bytes: limits.max_buffer_size,
        max_workgroup_bytes: limits.max_compute_workgroup_storage_size,
        max_invocations: limits
            .max_compute_invocations_per_workgroup
            .min(limits.max_compute_workgroup_size_x),
        max_workgroups: limits.max_compute_workgroups_per_dimension,
        max_storage_buffers: limits.max_storage_buffers_per_shader_stage,
    }
}

fn watch(device: &wgpu::Device, fault: &Arc<Mutex<Option<GpuError>>>) {
    let on_error = Arc::clone(fault);
    device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
        let error = match error {
            wgpu::Error::OutOfMemory { .. } => {
                GpuError::OutOfMemory { what: "an allocation".to_owned(), bytes: 0, smaller: None }
            }
            other => GpuError::Device { message: other.to_string() },
        };
        record(&on_error, error);
    }));
    let on_lost = Arc::clone(fault);
    device.set_device_lost_callback(move |reason, message| {
        record(&on_lost, GpuError::DeviceLost { message: format!("{reason:?}: {message}") });
    });
}

fn record(fault: &Mutex<Option<GpuError>>, error: GpuError) {
    fault.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_left_behind_with_its_device_and_a_lost_device_is_not() {
        let request = || {
            pollster::block_on(GpuDevice::request(&DeviceOptions {
                max_invocations: Some(64),
                ..DeviceOptions::default()
            }))
            .unwrap()
        };
        let device = request();
        let same = pollster::block_on(device.clone().healthy()).unwrap();
        assert!(Arc::ptr_eq(&same.inner, &device.inner));
        // Nobody looks at what becomes of it.
        let usage = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::STORAGE;
        device.buffer("invalid", 16, usage).unwrap();
        assert!(matches!(device.check(), Err(GpuError::Device { .. })));
        let other = pollster::block_on(device.healthy()).unwrap();
        assert_eq!((other.check(), other.facts()), (Ok(()), same.facts()));
        other.destroy();
        let lost = pollster::block_on(other.healthy());
        assert!(matches!(lost, Err(GpuError::DeviceLost { .. })), "{lost:?}");
    }
}
