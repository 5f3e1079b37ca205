/**
 * Functions that run inside a page, sent there by `page.evaluate`: what the browser can do, asked for real, and
 * when it draws.
 *
 * Playwright sends a function's source text, so each stands alone: nothing from outside, and no named function inside
 * (the TypeScript loader wraps those in a call that does not exist in the page).
 */

export interface ProbedAdapter {
  vendor: string;
  architecture: string;
  description: string;
  isFallbackAdapter: boolean;
  maxBufferSizeBytes: number;
  maxStorageBufferBindingSizeBytes: number;
  hasShaderF16: boolean;
  hasSubgroups: boolean;
}

/** The adapter that WebGPU gives here, after a device was really made on it; a text says why there is none. */
export async function probeAdapter(): Promise<ProbedAdapter | string> {
  if (!('gpu' in navigator)) return 'the browser has no WebGPU (navigator.gpu is missing)';
  const adapter = await navigator.gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (adapter === null) return 'WebGPU gives no adapter (requestAdapter answered null)';
  try {
    (await adapter.requestDevice()).destroy();
  } catch (error) {
    return `WebGPU gives an adapter but no device: ${String(error)}`;
  }
  return {
    vendor: adapter.info.vendor,
    architecture: adapter.info.architecture,
    description: adapter.info.description,
    isFallbackAdapter: adapter.info.isFallbackAdapter,
    maxBufferSizeBytes: adapter.limits.maxBufferSize,
    maxStorageBufferBindingSizeBytes: adapter.limits.maxStorageBufferBindingSize,
    hasShaderF16: adapter.features.has('shader-f16'),
    hasSubgroups: adapter.features.has('subgroups'),
  };
}

/** First half of a data channel: an offer with all its candidates. The connection stays on the page for `receiveEcho`. */
export async function offerChannel(byteLength: number): Promise<string> {
  const connection = new RTCPeerConnection();
  const channel = connection.createDataChannel('probe');
  channel.binaryType = 'arraybuffer';
  channel.onopen = () => channel.send(new Uint8Array(byteLength).fill(7));
  const echo = new Promise<number>((resolve) => {
    channel.onmessage = (event) => resolve((event.data as ArrayBuffer).byteLength);
  });
  Object.assign(globalThis, { probe: { connection, echo } });
  const gathered = new Promise<void>((resolve) => {
    connection.onicegatheringstatechange = () => connection.iceGatheringState === 'complete' && resolve();
  });
  await connection.setLocalDescription();
  await gathered;
  return connection.localDescription!.sdp;
}

/** Second half, on the other page: answers, and echoes what arrives. */
export async function answerChannel(offer: string): Promise<string> {
  const connection = new RTCPeerConnection();
  connection.ondatachannel = ({ channel }) => {
    channel.binaryType = 'arraybuffer';
    channel.onmessage = (event) => channel.send(event.data as ArrayBuffer);
  };
  Object.assign(globalThis, { probe: { connection } });
  const gathered = new Promise<void>((resolve) => {
    connection.onicegatheringstatechange = () => connection.iceGatheringState === 'complete' && resolve();
  });
  await connection.setRemoteDescription({ type: 'offer', sdp: offer });
  await connection.setLocalDescription();
  await gathered;
  return connection.localDescription!.sdp;
}

/** Bytes that came back over the channel. */
export async function receiveEcho(answer: string): Promise<number> {
  const { probe } = globalThis as unknown as {
    probe: { connection: RTCPeerConnection; echo: Promise<number> };
  };
  await probe.connection.setRemoteDescription({ type: 'answer', sdp: answer });
  return await probe.echo;
}

/** Resolves when the page draws next. */
export const nextPicture = (): Promise<unknown> => new Promise((resolve) => requestAnimationFrame(resolve));
