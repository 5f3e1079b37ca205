/** Little-endian reading and writing of frame payloads. Bounds are the caller's: it has checked lengths before. */
import { isVolunteerId, VOLUNTEER_ID_BYTES, type VolunteerId } from './ids.ts';
import { FRAME_HEADER_BYTES, type Fingerprint } from './peer-frame.ts';

export class FrameWriter {
  readonly buffer: Uint8Array;
  readonly view: DataView;
  #at = FRAME_HEADER_BYTES;
  constructor(payloadLength: number) {
    this.buffer = new Uint8Array(FRAME_HEADER_BYTES + payloadLength);
    this.view = new DataView(this.buffer.buffer);
  }
  u8(value: number): void {
    this.view.setUint8(this.#at, value);
    this.#at += 1;
  }
  u16(value: number): void {
    this.view.setUint16(this.#at, value, true);
    this.#at += 2;
  }
  u32(value: number): void {
    this.view.setUint32(this.#at, value, true);
    this.#at += 4;
  }
  f32(value: number): void {
    this.view.setFloat32(this.#at, value, true);
    this.#at += 4;
  }
  id(id: VolunteerId): void {
    for (let i = 0; i < VOLUNTEER_ID_BYTES; i++) this.buffer[this.#at + i] = id.charCodeAt(i);
    this.#at += VOLUNTEER_ID_BYTES;
  }
  fingerprint(fingerprint: Fingerprint): void {
    this.u32(Number.parseInt(fingerprint.slice(0, 8), 16));
    this.u32(Number.parseInt(fingerprint.slice(8, 16), 16));
  }
  bytes(bytes: Uint8Array): void {
    this.buffer.set(bytes, this.#at);
    this.#at += bytes.length;
  }
}

export class FrameReader {
  #view: DataView;
  #bytes: Uint8Array;
  #at = 0;
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
  u8(): number {
    return this.#view.getUint8(this.#at++);
  }
  u16(): number {
    this.#at += 2;
    return this.#view.getUint16(this.#at - 2, true);
  }
  u32(): number {
    this.#at += 4;
    return this.#view.getUint32(this.#at - 4, true);
  }
  f32(): number {
    this.#at += 4;
    return this.#view.getFloat32(this.#at - 4, true);
  }
  id(): VolunteerId | null {
    let id = '';
    for (let i = 0; i < VOLUNTEER_ID_BYTES; i++) id += String.fromCharCode(this.#bytes[this.#at + i]!);
    this.#at += VOLUNTEER_ID_BYTES;
    return isVolunteerId(id) ? id : null;
  }
  fingerprint(): Fingerprint {
    return hex8(this.u32()) + hex8(this.u32());
  }
}

const hex8 = (value: number) => value.toString(16).padStart(8, '0');
