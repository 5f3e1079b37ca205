/**
 * The HDF5 library, loaded with the first file that is read or written: most coordinators never do either, and its
 * megabytes of WebAssembly made a third of a second of every start.
 */
export type Hdf5 = Awaited<ReturnType<typeof loadHdf5>>;

export async function loadHdf5() {
  const { ready, File, Group, Dataset } = await import('h5wasm');
  return { FS: (await ready).FS, File, Group, Dataset };
}
