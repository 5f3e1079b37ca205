/**
 * The kernels of one replica's codec: names, code, sizes, and which buffers each is bound to (codec-device.ts owns the
 * buffers and says when they run).
 */
import { blockCount, chunkCountOf, RESIDUAL_RATIO_MAX, type CodeBits, type Scheme } from '@murmuration/codec';
import {
  codeWords,
  FORM_BUFFERS,
  packShader,
  subtractShader,
  valueShader,
  WORKGROUP_SIZE,
  type Shape,
} from './codec-shaders.ts';
import { chooseShader, subtractChoiceShader } from './top-k-shaders.ts';

/** Squares are summed this many to one, in two steps and a last one. */
export const SUM_WIDTH = 256;

export type PackedScheme = 'int8' | 'int4' | 'sign' | `topk-${number}`;
export type Packing = { readonly bits: CodeBits } | { readonly k: number };
export const packingOf = (scheme: PackedScheme): Packing => {
  const bits = { int8: 8, int4: 4, sign: 1 }[scheme as string];
  return bits === undefined ? { k: Number(scheme.slice('topk-'.length)) } : { bits: bits as CodeBits };
};
/** Whether kernels exist for a scheme. */
export const isPacked = (scheme: Scheme): scheme is Scheme & PackedScheme =>
  scheme !== 'fp32' && scheme !== 'fp16';

export interface CodecDeviceOptions {
  readonly count: number;
  readonly scheme: Scheme & PackedScheme;
  readonly shape: Shape;
}

export interface KernelSource {
  readonly name: string;
  readonly code: string;
  /** In workgroups of 64; a kernel of another size counts 64 for each of its workgroups. */
  readonly invocations: number;
  readonly buffers: readonly string[];
}

const read = (name: string, type = 'f32') => ({ name, type, access: 'read' as const });
const write = (name: string, type = 'f32') => ({ name, type, access: 'read_write' as const });

/** All but `packKernel`. */
export function kernelsOf({ count, scheme }: CodecDeviceOptions): KernelSource[] {
  const packing = packingOf(scheme);
  const blocks = blockCount(count);
  const chunks = chunkCountOf(count);
  const value = (
    name: string,
    buffers: readonly (ReturnType<typeof read> | ReturnType<typeof write>)[],
    invocations: number,
    body: string,
  ): KernelSource => ({
    name,
    code: valueShader(buffers, invocations, body),
    invocations,
    buffers: buffers.map((buffer) => buffer.name),
  });
  const kernels = [
    value(
      'squares',
      [read('residual'), read('base'), read('anchor'), write('squares', 'vec2f')],
      blocks,
      `var sum = vec2f();
  for (var j = i * 256u; j < (i + 1u) * 256u; j++) {
    let delta = base[j] - anchor[j];
    sum += vec2f(residual[j] * residual[j], delta * delta);
  }
  squares[i] = sum;`,
    ),
    value(
      'sumSquares',
      [read('squares', 'vec2f'), write('squares2', 'vec2f')],
      Math.ceil(blocks / SUM_WIDTH),
      `var sum = vec2f();
  for (var j = i * ${SUM_WIDTH}u; j < min((i + 1u) * ${SUM_WIDTH}u, ${blocks}u); j++) { sum += squares[j]; }
  squares2[i] = sum;`,
    ),
    value(
      'limit',
      [read('squares2', 'vec2f'), write('factor')],
      1,
      `var sum = vec2f();
  for (var j = 0u; j < ${Math.ceil(blocks / SUM_WIDTH)}u; j++) { sum += squares2[j]; }
  let most = ${RESIDUAL_RATIO_MAX ** 2}.0 * sum.y;
  factor[i] = select(1.0, sqrt(most / sum.x), sum.x > most);`,
    ),
    value(
      'scale',
      [read('factor'), write('residual')],
      count,
      'if (factor[0] < 1.0) { residual[i] *= factor[0]; }',
    ),
    value(
      'apply',
      [read('units'), write('sum', 'i32'), write('anchor')],
      count,
      `anchor[i] += units[i >> 8u] * f32(sum[i]);
  sum[i] = 0;`,
    ),
    value(
      'rebase',
      [read('anchor'), read('base'), write('trained')],
      count,
      'trained[i] = anchor[i] + (trained[i] - base[i]);',
    ),
    value(
      'lift',
      [read('anchor'), write('base'), write('trained')],
      count,
      'trained[i] -= base[i];\n  base[i] -= anchor[i];',
    ),
    value(
      'land',
      [read('anchor'), write('base'), write('trained')],
      count,
      'base[i] += anchor[i];\n  trained[i] += base[i];',
    ),
  ];
  const subtract =
    'bits' in packing
      ? {
          code: subtractShader(packing.bits, count),
          invocations: blocks * codeWords(packing.bits),
          buffers: ['packed', 'residual'],
        }
      : {
          code: subtractChoiceShader(packing.k, count),
          invocations: chunks,
          buffers: ['packed', 'levels', 'residual'],
        };
  return [...kernels, { name: 'subtract', ...subtract }];
}

/** Forms, corrects and packs: the one kernel that has two shapes. */
export function packKernel({ count, scheme, shape }: CodecDeviceOptions): KernelSource {
  const packing = packingOf(scheme);
  const isBlocks = 'bits' in packing;
  const pieces = isBlocks ? blockCount(count) : chunkCountOf(count);
  return {
    name: 'pack',
    code: isBlocks ? packShader(packing.bits, shape, count) : chooseShader(packing.k, shape, count),
    invocations: shape === 'plain' ? pieces : pieces * WORKGROUP_SIZE,
    buffers: [...FORM_BUFFERS, 'packed', ...(isBlocks ? [] : ['levels'])],
  };
}
