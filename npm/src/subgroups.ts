/** Subgroups on the engine's device: wgpu 30 has no name for the feature in browsers and leaves it out of its request. */

/** What the engine calls its device. Others' requests are left alone. */
const ENGINE_LABEL = "sotto";

/** The class of adapters, where there is WebGPU. */
interface AdapterClass {
  prototype: GPUAdapter;
}

/** Makes the engine's requests for a device ask for subgroups too, where the adapter has them. */
export function requestSubgroups(): void {
  const Adapter = (globalThis as { GPUAdapter?: AdapterClass }).GPUAdapter;
  if (Adapter === undefined) return;
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called with the adapter as `this` below
  const requestDevice = Adapter.prototype.requestDevice;
  Adapter.prototype.requestDevice = function (this: GPUAdapter, descriptor?: GPUDeviceDescriptor) {
    if (descriptor?.label !== ENGINE_LABEL || !this.features.has("subgroups")) {
      return requestDevice.call(this, descriptor);
    }
    const requiredFeatures = [...new Set([...(descriptor.requiredFeatures ?? []), "subgroups"])];
    return requestDevice.call(this, { ...descriptor, requiredFeatures } as GPUDeviceDescriptor);
  };
}
