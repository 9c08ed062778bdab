/** Says in a sentence when there is no WebGPU, and what can be done instead. */
import { element, make } from "./elements.js";

/** Whether a GPU is there. If not, the page says so, and to who asked for the GPU it offers the processor. */
export async function checkWebGpu(): Promise<boolean> {
  const reason = await whyNoWebGpu();
  if (reason === undefined) return true;
  const notice = element("no-webgpu", HTMLElement);
  const device = element("device", HTMLSelectElement);
  const choose = make("button", "Use the processor");
  choose.type = "button";
  choose.addEventListener("click", () => {
    device.value = "cpu";
    show();
    element("load", HTMLButtonElement).focus();
  });
  const show = () => {
    notice.hidden = device.value !== "webgpu";
  };
  device.addEventListener("change", show);
  notice.replaceChildren(make("p", reason), choose);
  show();
  return false;
}

async function whyNoWebGpu(): Promise<string | undefined> {
  const instead = "The processor can run small models.";
  if (!isSecureContext) return `Browsers offer the GPU only to pages on https or localhost. ${instead}`;
  // Absent in browsers without WebGPU, whatever the types say.
  const gpu = (navigator as { gpu?: { requestAdapter(): Promise<unknown> } }).gpu;
  if (!gpu) {
    return `This browser has no WebGPU. A current Chrome, Edge, Safari or Firefox on a computer with a GPU has it. ${instead}`;
  }
  const adapter = await gpu.requestAdapter().catch(() => null);
  if (adapter) return undefined;
  return `This browser knows WebGPU but finds no GPU it may use. Check that hardware acceleration is on. ${instead}`;
}
