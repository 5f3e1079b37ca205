/**
 * A witness at the browser's own door: how many bytes of GPU buffers a worker holds, whoever allocated them. Put before
 * the volunteer page's worker script. A buffer that is dropped without being destroyed counts as held.
 * Stands alone, as everything that is sent into a page (see probes.ts).
 */

export interface MemoryWatch {
  read(): { readonly gpuBytes: number; readonly gpuPeakBytes: number };
}

export function installMemoryWatch(): void {
  const createNow = GPUDevice.prototype.createBuffer;
  const destroyNow = GPUBuffer.prototype.destroy;
  const destroyDeviceNow = GPUDevice.prototype.destroy;
  const homes = new WeakMap<GPUBuffer, Map<GPUBuffer, number>>();
  const devices = new Map<GPUDevice, Map<GPUBuffer, number>>();
  const watched = { bytes: 0, peakBytes: 0 };
  GPUDevice.prototype.createBuffer = function (this: GPUDevice, descriptor: GPUBufferDescriptor) {
    const buffer = createNow.call(this, descriptor);
    let own = devices.get(this);
    if (own === undefined) devices.set(this, (own = new Map()));
    own.set(buffer, descriptor.size);
    homes.set(buffer, own);
    watched.bytes += descriptor.size;
    watched.peakBytes = Math.max(watched.peakBytes, watched.bytes);
    return buffer;
  };
  GPUBuffer.prototype.destroy = function (this: GPUBuffer) {
    const own = homes.get(this);
    watched.bytes -= own?.get(this) ?? 0;
    own?.delete(this);
    return destroyNow.call(this);
  };
  GPUDevice.prototype.destroy = function (this: GPUDevice) {
    for (const size of devices.get(this)?.values() ?? []) watched.bytes -= size;
    devices.delete(this);
    return destroyDeviceNow.call(this);
  };
  Object.assign(globalThis, {
    memoryWatch: { read: () => ({ gpuBytes: watched.bytes, gpuPeakBytes: watched.peakBytes }) },
  });
}
