/** Whether there is a GPU, and what to call it. */
import type { DeviceInfo } from "./wasm-api.js";

/** The device with a name. Browsers hide the card's own behind a vendor and an architecture, which only they tell. */
export async function namedDevice(device: DeviceInfo): Promise<DeviceInfo> {
  if (device.name !== "" || device.backend !== "webgpu") return device;
  return { ...device, name: (await adapterName()) ?? "WebGPU" };
}

/** What the browser says of the GPU that the engine gets; `undefined` when it says nothing, or there is none. */
export async function adapterName(): Promise<string | undefined> {
  const adapter = await requestAdapter();
  const { vendor = "", architecture = "", description = "" } = adapter?.info ?? {};
  return description || [vendor, architecture].filter(Boolean).join(" ") || undefined;
}

/** Whether there is a GPU that the engine would take if it may choose: an adapter that is not the processor in disguise. */
export async function hasGpu(): Promise<boolean> {
  const adapter = await requestAdapter().catch(() => null);
  return adapter != null && !adapter.info.isFallbackAdapter;
}

/** The adapter, asked for as the engine asks, or a machine with two GPUs may answer with the other one. */
async function requestAdapter(): Promise<GPUAdapter | null | undefined> {
  // Some browsers have no `navigator.gpu`, whatever the types say.
  const gpu = (globalThis.navigator as { gpu?: GPU } | undefined)?.gpu;
  return gpu?.requestAdapter({ powerPreference: "high-performance" });
}
