/** The rules as the page's controls stand. */
import { LABELS, type Action, type OperatingPoint, type Preset, type RedactionRules } from "sotto/pii";
import { element } from "../elements.js";

const point = element("point", HTMLSelectElement);
const style = element("style", HTMLSelectElement);
const policies = Array.from(document.querySelectorAll<HTMLInputElement>("input[name=policy]"));

/** Presets that act on some labels alone keep the others, whatever is put in. */
const ACTS_ON: Partial<Record<Preset, readonly string[]>> = { pci: ["CREDIT_CARD"], secrets: ["SECRET"] };

/** `hidden`: words that the visitor hid. */
export function rules(hidden: readonly string[]): RedactionRules {
  const preset = (policies.find((input) => input.checked)?.value ?? "gdpr") as Preset;
  const operatingPoint = point.value as OperatingPoint;
  const recognisers = { deny: { HIDDEN: hidden } };
  // What a visitor hides is hidden under any policy.
  const actions: Record<string, Action> = { HIDDEN: "placeholder" };
  if (style.value !== "") {
    for (const label of [...(ACTS_ON[preset] ?? LABELS), "HIDDEN"]) actions[label] = style.value as Action;
  }
  return { policy: { preset, actions }, operatingPoint, recognisers };
}

export function whenRulesChange(then: () => void): void {
  for (const control of [point, style, ...policies]) control.addEventListener("change", then);
}
