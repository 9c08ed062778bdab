/** Handles of the File System API, opened: the files they stand for. */

/** Folders of models are flat but for one level (`1_Pooling/config.json`). */
const DEPTH = 2;

/** What the source is, with handles turned into files. */
export async function openHandles(source: unknown): Promise<unknown> {
  if (typeof FileSystemHandle === "undefined" || !(source instanceof FileSystemHandle)) return source;
  if (source instanceof FileSystemFileHandle) return source.getFile();
  return filesIn(source as FileSystemDirectoryHandle, "", DEPTH);
}

async function filesIn(folder: FileSystemDirectoryHandle, path: string, depth: number): Promise<File[]> {
  const files: File[] = [];
  for await (const [name, handle] of folder.entries()) {
    if (handle.kind === "directory") {
      if (depth > 1) files.push(...(await filesIn(handle, `${path}${name}/`, depth - 1)));
      continue;
    }
    const file = await handle.getFile();
    // A File made of one holds no bytes of its own; its name says where it lies.
    files.push(path === "" ? file : new File([file], path + name));
  }
  return files;
}
