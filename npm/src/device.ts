/** What to call the GPU. */
import type { DeviceInfo } from "./wasm-api.js";

/** The device with a name. Browsers hide the card's own behind a vendor and an architecture, which only they tell. */
export async function namedDevice(device: DeviceInfo): Promise<DeviceInfo> {
  if (device.name !== "" || device.backend !== "webgpu") return device;
  // Asked for as the engine asks, or a machine with two GPUs may answer with the other one.
  const adapter = await navigator.gpu.requestAdapter({ powerPreference: "high-performance" });
  const { vendor = "", architecture = "", description = "" } = adapter?.info ?? {};
  return { ...device, name: description || [vendor, architecture].filter(Boolean).join(" ") || "WebGPU" };
}
