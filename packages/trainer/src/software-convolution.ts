/**
 * Convolution and max pooling for software adapters (see software-gpu.ts for why): direct, no table of patches. An
 * invocation keeps four pixels by four channels (or, for the filter's gradient, one to four channels by four filters)
 * in registers. Pixels outside the image count as zero.
 *
 * Conditions are joined by `&`, not `&&`: each `&&` is a branch, and SwiftShader needs seconds to compile a loop with
 * twenty of them.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import { indexProgram, int32s, sizeOf, view, type OwnKernel } from './gpu-program.ts';
import { FOUR, isFusible, storeTile } from './software-product.ts';

type Geometry = tf.backend_util.Conv2DInfo;

const UNIFORMS =
  'threads : i32, channels : i32, filters : i32, inHeight : i32, inWidth : i32, outHeight : i32, outWidth : i32, ' +
  'kernelHeight : i32, kernelWidth : i32, strideHeight : i32, strideWidth : i32, top : i32, left : i32, pixels : i32,';
/** `pixels`: of the output of the program, over all images. */
const uniforms = (threads: number, g: Geometry, pixels: number) =>
  int32s(
    ...[threads, g.inChannels, g.outChannels, g.inHeight, g.inWidth, g.outHeight, g.outWidth],
    ...[g.filterHeight, g.filterWidth, g.strideHeight, g.strideWidth, g.padInfo.top, g.padInfo.left, pixels],
  );
const wideFor = (channels: number): 1 | 4 => (channels % 4 === 0 ? 4 : 1);

/** FusedConv2D. */
export const convolution: OwnKernel = (inputs, attributes, gpu) => {
  const { x, filter, bias } = inputs as Record<string, tf.TensorInfo | undefined>;
  const geometry = geometryOf(x!.shape, filter!.shape, attributes);
  const { activation } = attributes;
  if (geometry === null || inputs['preluActivationWeights'] != null || !isFusible(activation)) return null;
  const wide = wideFor(geometry.inChannels);
  const outputWide = wideFor(geometry.outChannels);
  const pixels = geometry.batchSize * geometry.outHeight * geometry.outWidth;
  const threads = Math.ceil(pixels / 4) * Math.ceil(geometry.outChannels / 4);
  const tile = { tileRows: 4, outputWide, hasBias: bias != null, relu: activation === 'relu' } as const;
  const filterRow = (row: string) =>
    outputWide === 4
      ? `W[(${row}) * columnTiles + columnTile]`
      : `vec4<f32>(${FOUR.map((f) => `W[(${row}) * uniforms.filters + min(columnTile * 4 + ${f}, uniforms.filters - 1)]`)})`;
  const program = indexProgram({
    name: `convolution_${tile.relu}`,
    outputShape: geometry.outShape,
    threads,
    inputs: [
      { name: 'X', components: wide },
      { name: 'W', components: outputWide },
      ...(bias == null ? [] : [{ name: 'bias', components: outputWide } as const]),
    ],
    outputComponents: outputWide,
    uniforms: UNIFORMS,
    body: [
      tileOfPixels({
        channels: 'uniforms.filters',
        height: 'uniforms.outHeight',
        width: 'uniforms.outWidth',
      }),
      `let groups = uniforms.channels / ${wide};
       for (var ky = 0; ky < uniforms.kernelHeight; ky++) {
       for (var kx = 0; kx < uniforms.kernelWidth; kx++) {`,
      ...FOUR.map(
        (p) => `
        let y${p} = row${p} * uniforms.strideHeight + ky - uniforms.top;
        let x${p} = column${p} * uniforms.strideWidth + kx - uniforms.left;
        let inside${p} = (y${p} >= 0) & (y${p} < uniforms.inHeight) & (x${p} >= 0) & (x${p} < uniforms.inWidth);
        let at${p} = select(0, ((image${p} * uniforms.inHeight + y${p}) * uniforms.inWidth + x${p}) * groups, inside${p});`,
      ),
      `for (var g = 0; g < groups; g++) {
        let kernelRow = ((ky * uniforms.kernelWidth + kx) * groups + g) * ${wide};`,
      ...(wide === 4 ? FOUR : [0]).map((q) => `let w${q} = ${filterRow(`kernelRow + ${q}`)};`),
      ...FOUR.map((p) =>
        wide === 4
          ? `{ let v = select(vec4<f32>(), X[at${p} + g], inside${p}); c${p} += v.x * w0 + v.y * w1 + v.z * w2 + v.w * w3; }`
          : `c${p} += select(0.0, X[at${p} + g], inside${p}) * w0;`,
      ),
      '} } }',
      storeTile(tile, { row: 'pixel', rowsLeft: 'uniforms.pixels - pixel', columns: 'uniforms.filters' }),
    ].join('\n'),
  });
  return gpu.runWebGPUProgram(
    program,
    [x!, filter!, ...(bias == null ? [] : [view(bias, [geometry.outChannels])])],
    'float32',
    uniforms(threads, geometry, pixels),
  );
};

/** Conv2DBackpropInput: each pixel gathers from the outputs whose windows hold it. */
export const inputGradient: OwnKernel = (inputs, attributes, gpu) => {
  const { dy, filter } = inputs as Record<string, tf.TensorInfo>;
  const inputShape = attributes['inputShape'] as number[];
  const geometry = geometryOf(inputShape, filter!.shape, attributes);
  if (geometry === null) return null;
  const wide = wideFor(geometry.outChannels);
  const outputWide = wideFor(geometry.inChannels);
  const pixels = geometry.batchSize * geometry.inHeight * geometry.inWidth;
  const threads = Math.ceil(pixels / 4) * Math.ceil(geometry.inChannels / 4);
  const program = indexProgram({
    name: 'convolution_input_gradient',
    outputShape: inputShape,
    threads,
    inputs: [
      { name: 'dY', components: wide },
      { name: 'W', components: wide },
    ],
    outputComponents: outputWide,
    uniforms: UNIFORMS,
    body: [
      tileOfPixels({ channels: 'uniforms.channels', height: 'uniforms.inHeight', width: 'uniforms.inWidth' }),
      `let groups = uniforms.filters / ${wide};`,
      ...FOUR.map((c) => `let channel${c} = min(columnTile * 4 + ${c}, uniforms.channels - 1);`),
      `for (var ky = 0; ky < uniforms.kernelHeight; ky++) {
       for (var kx = 0; kx < uniforms.kernelWidth; kx++) {`,
      ...FOUR.map(
        (p) => `
        let up${p} = row${p} + uniforms.top - ky;
        let over${p} = column${p} + uniforms.left - kx;
        let y${p} = up${p} / uniforms.strideHeight;
        let x${p} = over${p} / uniforms.strideWidth;
        let inside${p} = (up${p} >= 0) & (y${p} < uniforms.outHeight) & (y${p} * uniforms.strideHeight == up${p})
          & (over${p} >= 0) & (x${p} < uniforms.outWidth) & (x${p} * uniforms.strideWidth == over${p});
        let at${p} = select(0, ((image${p} * uniforms.outHeight + y${p}) * uniforms.outWidth + x${p}) * groups, inside${p});`,
      ),
      'let tap = (ky * uniforms.kernelWidth + kx) * uniforms.channels;',
      'for (var g = 0; g < groups; g++) {',
      ...FOUR.map((c) => `let w${c} = W[(tap + channel${c}) * groups + g];`),
      ...FOUR.map((p) =>
        wide === 4
          ? `{ let v = select(vec4<f32>(), dY[at${p} + g], inside${p}); c${p} += vec4<f32>(${FOUR.map((c) => `dot(v, w${c})`)}); }`
          : `c${p} += select(0.0, dY[at${p} + g], inside${p}) * vec4<f32>(w0, w1, w2, w3);`,
      ),
      '} } }',
      storeTile(
        { tileRows: 4, outputWide, hasBias: false, relu: false },
        { row: 'pixel', rowsLeft: 'uniforms.pixels - pixel', columns: 'uniforms.channels' },
      ),
    ].join('\n'),
  });
  return gpu.runWebGPUProgram(program, [dy!, filter!], 'float32', uniforms(threads, geometry, pixels));
};

/** WGSL: which four pixels and which four channels this invocation computes, and where the pixels lie. */
const tileOfPixels = (of: { channels: string; height: string; width: string }): string =>
  [
    `if (index >= uniforms.threads) { return; }
     let columnTiles = (${of.channels} + 3) / 4;
     let columnTile = index % columnTiles;
     let pixel = (index / columnTiles) * 4;`,
    ...FOUR.map(
      (p) => `
     let pixel${p} = min(pixel + ${p}, uniforms.pixels - 1);
     let column${p} = pixel${p} % ${of.width};
     let row${p} = (pixel${p} / ${of.width}) % ${of.height};
     let image${p} = pixel${p} / (${of.width} * ${of.height});
     var c${p} = vec4<f32>();`,
    ),
  ].join('\n');

/** Conv2DBackpropFilter: one filter's gradient an image, then their sum; a single sum would have too few threads. */
export const filterGradient: OwnKernel = (inputs, attributes, gpu) => {
  const { x, dy } = inputs as Record<string, tf.TensorInfo>;
  const filterShape = attributes['filterShape'] as number[];
  const geometry = geometryOf(x!.shape, filterShape, attributes);
  if (geometry === null) return null;
  const wide = wideFor(geometry.inChannels);
  const outputWide = wideFor(geometry.outChannels);
  const taps = geometry.filterHeight * geometry.filterWidth * (geometry.inChannels / wide);
  const threads = geometry.batchSize * taps * Math.ceil(geometry.outChannels / 4);
  const count = sizeOf(filterShape);
  const rows = wide === 4 ? FOUR : [0];
  const program = indexProgram({
    name: 'convolution_filter_gradient',
    outputShape: [geometry.batchSize, count],
    threads,
    inputs: [
      { name: 'X', components: wide },
      { name: 'dY', components: outputWide },
    ],
    outputComponents: outputWide,
    uniforms: UNIFORMS,
    body: [
      `if (index >= uniforms.threads) { return; }
       let columnTiles = (uniforms.filters + 3) / 4;
       let columnTile = index % columnTiles;
       let groups = uniforms.channels / ${wide};
       let group = (index / columnTiles) % groups;
       let tap = (index / (columnTiles * groups)) % (uniforms.kernelHeight * uniforms.kernelWidth);
       let image = index / (columnTiles * groups * uniforms.kernelHeight * uniforms.kernelWidth);
       let ky = tap / uniforms.kernelWidth - uniforms.top;
       let kx = tap % uniforms.kernelWidth - uniforms.left;`,
      ...rows.map((r) => `var c${r} = vec4<f32>();`),
      `for (var y = 0; y < uniforms.outHeight; y++) {
         let inY = y * uniforms.strideHeight + ky;
         if (inY < 0 || inY >= uniforms.inHeight) { continue; }
         for (var x = 0; x < uniforms.outWidth; x++) {
           let inX = x * uniforms.strideWidth + kx;
           if (inX < 0 || inX >= uniforms.inWidth) { continue; }
           let v = X[((image * uniforms.inHeight + inY) * uniforms.inWidth + inX) * groups + group];
           let at = (image * uniforms.outHeight + y) * uniforms.outWidth + x;`,
      outputWide === 4
        ? 'let d = dY[at * columnTiles + columnTile];'
        : `let d = vec4<f32>(${FOUR.map((f) => `dY[at * uniforms.filters + min(columnTile * 4 + ${f}, uniforms.filters - 1)]`)});`,
      ...rows.map((r) => `c${r} += ${wide === 4 ? `v[${r}]` : 'v'} * d;`),
      '} }',
      storeTile(
        { tileRows: wide, outputWide, hasBias: false, relu: false },
        {
          row: `((image * uniforms.kernelHeight * uniforms.kernelWidth + tap) * groups + group) * ${wide}`,
          rowsLeft: `${wide}`,
          columns: 'uniforms.filters',
        },
      ),
    ].join('\n'),
  });
  const perImage = gpu.runWebGPUProgram(program, [x!, dy!], 'float32', uniforms(threads, geometry, 0));
  const result = sumOfRows(gpu, perImage, count, geometry.batchSize);
  gpu.disposeData(perImage.dataId);
  return view(result, filterShape);
};

function sumOfRows(gpu: WebGPUBackend, table: tf.TensorInfo, columns: number, rows: number): tf.TensorInfo {
  const program = indexProgram({
    name: 'sum_of_rows',
    outputShape: [columns],
    threads: columns,
    inputs: [{ name: 'table', components: 1 }],
    outputComponents: 1,
    uniforms: 'threads : i32, rows : i32,',
    body: `
      if (index >= uniforms.threads) { return; }
      var sum = 0.0;
      for (var r = 0; r < uniforms.rows; r++) { sum += table[r * uniforms.threads + index]; }
      result[index] = sum;`,
  });
  return gpu.runWebGPUProgram(program, [table], 'float32', int32s(columns, rows));
}

/** MaxPool. */
export const maxPool: OwnKernel = (inputs, attributes, gpu) => {
  const x = inputs['x']!;
  const geometry = poolGeometryOf(x.shape, attributes);
  if (geometry === null) return null;
  const wide = wideFor(geometry.inChannels);
  const threads = sizeOf(geometry.outShape) / wide;
  const program = indexProgram({
    name: 'max_pool',
    outputShape: geometry.outShape,
    threads,
    inputs: [{ name: 'X', components: wide }],
    outputComponents: wide,
    uniforms: UNIFORMS,
    body: `
      ${windowOf(wide, 'uniforms.outHeight', 'uniforms.outWidth')}
      var peak = X[corner];
      for (var py = 0; py < uniforms.kernelHeight; py++) {
        for (var px = 0; px < uniforms.kernelWidth; px++) {
          peak = max(peak, X[corner + (py * uniforms.inWidth + px) * groups]);
        }
      }
      result[index] = peak;`,
  });
  return gpu.runWebGPUProgram(program, [x], 'float32', uniforms(threads, geometry, 0));
};

/** MaxPoolGrad. Each window writes all its pixels: the first largest gets the gradient, the others zero. */
export const maxPoolGradient: OwnKernel = (inputs, attributes, gpu) => {
  const { dy, input, output } = inputs as Record<string, tf.TensorInfo>;
  const geometry = poolGeometryOf(input!.shape, attributes);
  if (geometry === null) return null;
  const wide = wideFor(geometry.inChannels);
  // Also the windows that hang over the edge: they have no output, but their pixels must be written.
  const windowRows = Math.ceil(geometry.inHeight / geometry.filterHeight);
  const windowColumns = Math.ceil(geometry.inWidth / geometry.filterWidth);
  const threads = geometry.batchSize * windowRows * windowColumns * (geometry.inChannels / wide);
  const zero = wide === 4 ? 'vec4<f32>()' : '0.0';
  const flags = wide === 4 ? 'vec4<bool>' : 'bool';
  const program = indexProgram({
    name: 'max_pool_gradient',
    outputShape: input!.shape,
    threads,
    inputs: [
      { name: 'dY', components: wide },
      { name: 'X', components: wide },
      { name: 'Y', components: wide },
    ],
    outputComponents: wide,
    uniforms: UNIFORMS,
    body: `
      let windowRows = (uniforms.inHeight + uniforms.kernelHeight - 1) / uniforms.kernelHeight;
      let windowColumns = (uniforms.inWidth + uniforms.kernelWidth - 1) / uniforms.kernelWidth;
      ${windowOf(wide, 'windowRows', 'windowColumns')}
      let whole = windowRow < uniforms.outHeight && windowColumn < uniforms.outWidth;
      let at = select(0, ((image * uniforms.outHeight + windowRow) * uniforms.outWidth + windowColumn) * groups + group, whole);
      let peak = Y[at];
      let gradient = select(${zero}, dY[at], whole);
      var found = ${flags}();
      for (var py = 0; py < uniforms.kernelHeight; py++) {
        if (windowRow * uniforms.kernelHeight + py >= uniforms.inHeight) { break; }
        for (var px = 0; px < uniforms.kernelWidth; px++) {
          if (windowColumn * uniforms.kernelWidth + px >= uniforms.inWidth) { break; }
          let pixel = corner + (py * uniforms.inWidth + px) * groups;
          let hit = (X[pixel] == peak) & !found;
          result[pixel] = select(${zero}, gradient, hit);
          found = found | hit;
        }
      }`,
  });
  return gpu.runWebGPUProgram(program, [dy!, input!, output!], 'float32', uniforms(threads, geometry, 0));
};

/** WGSL: the window and channel group of this invocation, and the index of its first pixel. */
const windowOf = (wide: 1 | 4, rows: string, columns: string): string => `
      if (index >= uniforms.threads) { return; }
      let groups = uniforms.channels / ${wide};
      let group = index % groups;
      let windowColumn = (index / groups) % ${columns};
      let windowRow = (index / (groups * ${columns})) % ${rows};
      let image = index / (groups * ${columns} * ${rows});
      let corner = ((image * uniforms.inHeight + windowRow * uniforms.kernelHeight) * uniforms.inWidth
        + windowColumn * uniforms.kernelWidth) * groups + group;`;

/** Null: not ours. */
function geometryOf(
  inputShape: readonly number[],
  filterShape: readonly number[],
  attributes: tf.NamedAttrMap,
): Geometry | null {
  if ((attributes['dataFormat'] ?? 'NHWC') !== 'NHWC') return null;
  const geometry = tf.backend_util.computeConv2DInfo(
    inputShape as [number, number, number, number],
    filterShape as [number, number, number, number],
    attributes['strides'] as [number, number],
    (attributes['dilations'] as [number, number] | undefined) ?? 1,
    attributes['pad'] as 'same' | 'valid',
    attributes['dimRoundingMode'] as 'floor' | undefined,
  );
  return geometry.dilationHeight === 1 && geometry.dilationWidth === 1 ? geometry : null;
}

/** Null: windows that overlap or are padded are not ours. */
function poolGeometryOf(inputShape: readonly number[], attributes: tf.NamedAttrMap): Geometry | null {
  if (attributes['pad'] !== 'valid') return null;
  const geometry = tf.backend_util.computePool2DInfo(
    inputShape as [number, number, number, number],
    attributes['filterSize'] as [number, number],
    attributes['strides'] as [number, number],
    1,
    'valid',
  );
  const { filterHeight, filterWidth, strideHeight, strideWidth } = geometry;
  return filterHeight === strideHeight && filterWidth === strideWidth ? geometry : null;
}
