/**
 * Own compute programs in the form that tfjs's WebGPU backend runs: it adds bindings, uniforms and the entry point, we
 * write `main`. Buffers are named as `inputs`, the output is `result`. Programs are cached by `shaderKey`, so the name
 * tells everything that changes the code (components of buffers, ranks and the presence of inputs are added).
 */
import type * as tf from '@tensorflow/tfjs-core';
import type { WebGPUBackend, WebGPUProgram } from '@tensorflow/tfjs-backend-webgpu';

const WORKGROUP_SIZE = 64;

/** A kernel that may decline: null sends the call to tfjs's own. */
export type OwnKernel = (
  inputs: tf.NamedTensorInfoMap,
  attributes: tf.NamedAttrMap,
  gpu: WebGPUBackend,
) => tf.TensorInfo | null;

/** One invocation an index in [0, threads); the code is the body of `fn main(index : i32)`. */
export function indexProgram(options: {
  readonly name: string;
  readonly outputShape: readonly number[];
  readonly threads: number;
  /** Input buffers and how many floats one element of each holds (4: array<vec4<f32>>). */
  readonly inputs: readonly { readonly name: string; readonly components: 1 | 4 }[];
  readonly outputComponents: 1 | 4;
  /** WGSL members, each followed by a comma. */
  readonly uniforms: string;
  /** Must read at least one uniform: a binding that the code does not use is not in the pipeline's layout. */
  readonly body: string;
}): WebGPUProgram {
  return {
    variableNames: options.inputs.map((input) => input.name),
    variableComponents: options.inputs.map((input) => input.components),
    outputComponent: options.outputComponents,
    outputShape: [...options.outputShape],
    uniforms: options.uniforms,
    workgroupSize: [WORKGROUP_SIZE, 1, 1],
    dispatchLayout: { x: options.outputShape.map((_, i) => i) },
    dispatch: [Math.ceil(options.threads / WORKGROUP_SIZE), 1, 1],
    shaderKey: `murmuration_${options.name}_${options.inputs.map((input) => input.components).join('')}${options.outputComponents}`,
    getUserCode: () => `fn main(index : i32) {\n${options.body}\n}`,
  };
}

/**
 * result[i] = expression over input elements of the same index, four at a time where the size allows. Uniforms given to
 * it come first, then `threads`.
 */
export function elementwise(
  gpu: WebGPUBackend,
  options: {
    readonly name: string;
    /** By the name that the expression uses; all of one size. */
    readonly inputs: Readonly<Record<string, tf.TensorInfo>>;
    /** Buffers of one value each, by the name that the expression uses. */
    readonly scalars?: Readonly<Record<string, tf.TensorInfo>>;
    /** Float uniforms by name, used as `uniforms.name`. */
    readonly uniforms: Readonly<Record<string, number>>;
    /** WGSL statements before it. */
    readonly before?: string;
    /** May also use `zero`. */
    readonly expression: string;
  },
): tf.TensorInfo {
  const names = Object.keys(options.inputs);
  const tensors = Object.values(options.inputs);
  const scalars = Object.entries(options.scalars ?? {});
  const { shape } = tensors[0]!;
  // Flat, so that there is one shader for all ranks: compiling them costs more than running them.
  const flat = [sizeOf(shape)];
  const components = flat[0]! % 4 === 0 ? 4 : 1;
  const threads = flat[0]! / components;
  const program = indexProgram({
    name: options.name,
    outputShape: flat,
    threads,
    inputs: [
      ...names.map((name) => ({ name: `${name}In`, components }) as const),
      ...scalars.map(([name]) => ({ name: `${name}In`, components: 1 }) as const),
    ],
    outputComponents: components,
    uniforms: `${Object.keys(options.uniforms)
      .map((name) => `${name} : f32, `)
      .join('')}threads : i32,`,
    body: `
      if (index >= uniforms.threads) { return; }
      let zero = ${components === 4 ? 'vec4<f32>()' : '0.0'};
      ${names.map((name) => `let ${name} = ${name}In[index];`).join('\n')}
      ${scalars.map(([name]) => `let ${name} = ${name}In[0];`).join('\n')}
      ${options.before ?? ''}
      result[index] = ${options.expression};`,
  });
  const floats = Object.values(options.uniforms).map((value) => ({ type: 'float32', data: [value] }));
  const inputs = [
    ...tensors.map((tensor) => view(tensor, flat)),
    ...scalars.map(([, one]) => view(one, [1])),
  ];
  return view(gpu.runWebGPUProgram(program, inputs, 'float32', [...floats, ...int32s(threads)]), shape);
}

/** Uniforms, in the order in which the program declares them. */
export const int32s = (...values: readonly number[]) =>
  values.map((value) => ({ type: 'int32', data: [value] }));
export const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
/** The same values in another shape; of the two, only one may be disposed of. */
export const view = (tensor: tf.TensorInfo, shape: readonly number[]): tf.TensorInfo => ({
  dataId: tensor.dataId,
  dtype: tensor.dtype,
  shape: [...shape],
});
