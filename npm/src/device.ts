/** What to call the GPU. */
import type { DeviceInfo } from "./wasm-api.js";

/** The device with a name. Browsers hide the card's own behind a vendor and an architecture, which only they tell. */
export async function namedDevice(device: DeviceInfo): Promise<DeviceInfo> {
  if (device.name !== "" || device.backend !== "webgpu") return device;
  return { ...device, name: (await adapterName()) ?? "WebGPU" };
}

/** What the browser says of the GPU that the engine gets; `undefined` when it says nothing, or there is none. */
export async function adapterName(): Promise<string | undefined> {
  // Some browsers have no `navigator.gpu`, whatever the types say.
  const gpu = (globalThis.navigator as { gpu?: GPU } | undefined)?.gpu;
  // Asked for as the engine asks, or a machine with two GPUs may answer with the other one.
  const adapter = await gpu?.requestAdapter({ powerPreference: "high-performance" });
  const { vendor = "", architecture = "", description = "" } = adapter?.info ?? {};
  return description || [vendor, architecture].filter(Boolean).join(" ") || undefined;
}
