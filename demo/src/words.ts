/** Numbers as people read them. */

/** Bytes as KB, MB or GB, counted in thousands as disks are. */
export function bytes(count: number): string {
  if (count < 1e6) return `${Math.ceil(count / 1e3)} KB`;
  if (count < 1e9) return `${(count / 1e6).toFixed(count < 1e7 ? 1 : 0)} MB`;
  return `${(count / 1e9).toFixed(2)} GB`;
}

/** Parameters as 260 K, 1.2 B. */
export function parameters(count: number): string {
  if (count < 1e6) return `${Math.round(count / 1e3)} K`;
  if (count < 1e9) return `${Math.round(count / 1e6)} M`;
  return `${(count / 1e9).toFixed(1)} B`;
}

export function milliseconds(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

export function perSecond(count: number, ms: number): string {
  if (ms <= 0) return "–";
  const rate = (count * 1000) / ms;
  return rate < 10 ? rate.toFixed(1) : Math.round(rate).toString();
}
