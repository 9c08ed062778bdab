/**
 * Keeps the site's files, so that its pages work with no network. The build fills in which files there are and a hash of
 * them; models that a visitor chooses are none of its business. It tells the pages what was asked of it.
 */
const FILES = __FILES__;
const CACHE = "sotto-site-__VERSION__";
/** The engine has modules with relaxed SIMD, with threads too, and without. A browser needs the one that it can run. */
const RELAXED = WebAssembly.validate(new Uint8Array(__RELAXED_PROBE__));
const MODULE = RELAXED ? (self.crossOriginIsolated ? "_threads" : "_relaxed") : "";
const NEEDED = FILES.filter(
  (file) => !/sotto_web(_relaxed|_threads)?_bg/.test(file) || file.includes(`sotto_web${MODULE}_bg`),
);
const KNOWN = new Set(FILES.map((file) => new URL(file, self.location.href).href));

self.addEventListener("install", (event) => {
  event.waitUntil(
    caches
      .open(CACHE)
      .then((cache) => cache.addAll(NEEDED))
      .then(() => self.skipWaiting()),
  );
});

self.addEventListener("activate", (event) => {
  event.waitUntil(
    caches
      .keys()
      .then((names) => names.filter((name) => name.startsWith("sotto-site-") && name !== CACHE))
      .then((old) => Promise.all(old.map((name) => caches.delete(name))))
      .then(() => self.clients.claim()),
  );
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  event.waitUntil(tell(request.url));
  const url = new URL(request.url);
  url.search = url.hash = "";
  if (url.pathname.endsWith("/")) url.pathname += "index.html";
  if (request.method !== "GET" || !KNOWN.has(url.href)) return;
  event.respondWith(
    caches
      .open(CACHE)
      .then((cache) => cache.match(url.href))
      .then((kept) => kept ?? fetch(request)),
  );
});

async function tell(fetched) {
  for (const client of await self.clients.matchAll({ type: "window" })) client.postMessage({ fetched });
}
