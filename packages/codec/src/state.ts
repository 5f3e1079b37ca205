/**
 * A replica's state as a newcomer receives it: the anchor exactly (float32), the optimiser's second moment roughly
 * (bfloat16: its root scales a step, 0.4 % does not matter) and the optimiser's step count. The first moment starts at
 * zero. Layout, little-endian: u32 magic "MST1", u32 parameterCount, u32 stepCount, anchor, second moment.
 */
import { fromBfloat16, toBfloat16 } from './bfloat16.ts';
import { isFiniteVector } from './vectors.ts';

const STATE_MAGIC = 0x3154534d;
const HEADER_BYTES = 12;

export interface ReplicaState {
  readonly anchor: Float32Array;
  /** Adam's v, one value a parameter, never negative. */
  readonly secondMoment: Float32Array;
  /** Optimiser steps behind the second moment (for its bias correction). */
  readonly stepCount: number;
}

export const stateBytes = (parameterCount: number): number => HEADER_BYTES + 6 * parameterCount;

export function encodeState(state: ReplicaState): Uint8Array {
  const count = state.anchor.length;
  const bytes = new Uint8Array(stateBytes(count));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, STATE_MAGIC, true);
  view.setUint32(4, count, true);
  view.setUint32(8, Math.min(state.stepCount, 0xffffffff), true);
  for (let i = 0; i < count; i++) view.setFloat32(HEADER_BYTES + 4 * i, state.anchor[i]!, true);
  const moments = HEADER_BYTES + 4 * count;
  for (let i = 0; i < count; i++) view.setUint16(moments + 2 * i, toBfloat16(state.secondMoment[i]!), true);
  return bytes;
}

/** Null when the bytes are no state of this model, or hold a value that no honest replica has. */
export function decodeState(bytes: Uint8Array, parameterCount: number): ReplicaState | null {
  if (bytes.length !== stateBytes(parameterCount)) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0, true) !== STATE_MAGIC || view.getUint32(4, true) !== parameterCount) return null;
  const anchor = new Float32Array(parameterCount);
  for (let i = 0; i < parameterCount; i++) anchor[i] = view.getFloat32(HEADER_BYTES + 4 * i, true);
  const secondMoment = new Float32Array(parameterCount);
  const moments = HEADER_BYTES + 4 * parameterCount;
  for (let i = 0; i < parameterCount; i++) {
    const value = fromBfloat16(view.getUint16(moments + 2 * i, true));
    if (!(value >= 0)) return null;
    secondMoment[i] = value;
  }
  if (!isFiniteVector(anchor) || !isFiniteVector(secondMoment)) return null;
  return { anchor, secondMoment, stepCount: view.getUint32(8, true) };
}
