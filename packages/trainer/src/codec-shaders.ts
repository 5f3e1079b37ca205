/**
 * The codec's arithmetic in WGSL: packing a correction and unpacking an update, for blocks of codes. (Choosing the
 * largest of a chunk is in top-k-shaders.ts.) What the bytes must be, packages/codec defines; these kernels give the
 * same, bit for bit, on every device, although WGSL leaves divisions 2.5 units in the last place and promises no direction
 * of rounding: what decides a bit is done in u32, or in floats whose result is exact, so that there is nothing to round.
 *
 * Two shapes of each packing kernel. `workgroup`: 64 invocations share a block of 256 values and meet at barriers, so
 * that neighbours read neighbouring memory: what a GPU wants. `plain`: one invocation a block, no barriers: what a
 * software adapter wants, where a barrier costs ten times the work between two of them.
 *
 * Layouts. `correction`: float32, padded with zeros to whole chunks of 4,096. `packed`: a word a block (its bfloat16
 * scale), then the codes as on the wire, each block from a word of its own.
 */
import { BLOCK_VALUES, MAGNITUDE_MIN, peakCode, type CodeBits } from '@murmuration/codec';

export type Shape = 'workgroup' | 'plain';
export const WORKGROUP_SIZE = 64;

/** `index` counts invocations, over as many rows of workgroups as there are. */
export const INDEX = `
fn indexOf(group : vec3u, groups : vec3u, local : u32) -> u32 {
  return (group.y * groups.x + group.x) * ${WORKGROUP_SIZE}u + local;
}`;
const ENTRY = `@compute @workgroup_size(${WORKGROUP_SIZE})
fn main(@builtin(workgroup_id) group : vec3u, @builtin(num_workgroups) groups : vec3u,
        @builtin(local_invocation_index) local : u32)`;

const hex = (value: number) => `0x${value.toString(16)}u`;
/** A 24-bit mantissa of the magnitude of a normal float32. */
export const MANTISSA = `
fn mantissaOf(magnitude : u32) -> u32 { return (magnitude & 0x7fffffu) | 0x800000u; }`;

/** bfloat16 bits of a block's scale; infinity for what is not finite, so that its bytes are refused. */
const scaleFunction = (bits: CodeBits) =>
  bits === 1
    ? `
fn alignedTo(exponent : u32, magnitude : u32) -> u32 {
  if (magnitude < ${hex(MAGNITUDE_MIN)}) { return 0u; }
  return mantissaOf(magnitude) >> min(31u, exponent - (magnitude >> 23u));
}
fn scaleOf(peak : u32, sum : u32, count : u32) -> u32 {
  let mean = sum / count;
  let power = firstLeadingBit(mean);
  let mantissa = ((mean >> (power - 8u)) + 1u) >> 1u;
  return (((peak >> 23u) + power - 23u) << 7u) + mantissa - 128u;
}`
    : `
fn scaleOf(peak : u32) -> u32 {
  let mantissa = mantissaOf(peak);
  let quotient = ${bits === 8 ? 'mantissa / 127u' : '(mantissa * 2u) / 15u'};
  let power = firstLeadingBit(quotient);
  let below = (1u << (power - 7u)) - 1u;
  let isCut = (quotient & below) != 0u || ${bits === 8 ? 'quotient * 127u != mantissa' : 'quotient * 15u != mantissa * 2u'};
  return (((peak >> 23u) + power - 23u) << 7u) + (quotient >> (power - 7u)) + select(0u, 1u, isCut) - 128u;
}`;

/**
 * The codes of four values, side by side from the lowest bit on. The quotient only guesses: what a code leaves of its
 * value has so few digits that it is exact, and settles the rounding, half to even.
 */
const fourCodes = (bits: CodeBits) =>
  bits === 1
    ? `
fn fourCodes(values : vec4u, scale : f32, inverse : f32) -> u32 {
  let signs = values >> vec4u(31u);
  return signs.x | (signs.y << 1u) | (signs.z << 2u) | (signs.w << 3u);
}`
    : `
fn fourCodes(values : vec4u, scale : f32, inverse : f32) -> u32 {
  let magnitudes = abs(bitcast<vec4f>(values));
  let half = vec4f(0.5 * scale);
  let guess = floor(magnitudes * inverse + vec4f(0.5));
  let rest = magnitudes - guess * scale;
  let isOdd = (vec4u(guess) & vec4u(1u)) == vec4u(1u);
  let up = (rest > half) | ((rest == half) & isOdd);
  let down = (rest < -half) | ((rest == -half) & isOdd);
  let sizes = min(vec4i(guess) + select(vec4i(), vec4i(1), up) - select(vec4i(), vec4i(1), down), vec4i(${peakCode(bits)}));
  let codes = vec4u(select(sizes, -sizes, (values >> vec4u(31u)) == vec4u(1u))) & vec4u(${hex((1 << bits) - 1)});
  return codes.x | (codes.y << ${bits}u) | (codes.z << ${2 * bits}u) | (codes.w << ${3 * bits}u);
}`;

/** Words of a block's codes. */
export const codeWords = (bits: CodeBits): number => (BLOCK_VALUES * bits) / 32;
export const packedWords = (bits: CodeBits, blocks: number): number => blocks * (1 + codeWords(bits));

/** What is bound to a packing kernel before what is its own: it forms the correction on the way. */
export const FORM_BUFFERS = ['trained', 'anchor', 'residual', 'correction'] as const;
export const FORM_BINDINGS = `
@group(0) @binding(0) var<storage, read> trained : array<vec4f>;
@group(0) @binding(1) var<storage, read> anchor : array<vec4f>;
@group(0) @binding(2) var<storage, read> residual : array<vec4f>;
@group(0) @binding(3) var<storage, read_write> correction : array<vec4u>;`;
/** Four values of the correction, kept and returned as bits. */
export const formFunction = (fade: number): string => `
fn formed(i : u32) -> vec4u {
  let bits = bitcast<vec4u>((trained[i] - anchor[i]) + ${fade === 1 ? '' : `${fade} * `}residual[i]);
  correction[i] = bits;
  return bits;
}`;

/** Bindings: those of `FORM_BUFFERS`, 4 packed (written whole). Invocations: a block each, or 64 a block. */
export function packShader(bits: CodeBits, shape: Shape, count: number): string {
  const blocks = Math.ceil(count / BLOCK_VALUES);
  const head = `
${FORM_BINDINGS}
@group(0) @binding(4) var<storage, read_write> packed : array<u32>;
${INDEX}${MANTISSA}${formFunction(1)}${scaleFunction(bits)}${fourCodes(bits)}
fn largestOf(values : vec4u) -> u32 {
  let m = values & vec4u(0x7fffffffu);
  return max(max(m.x, m.y), max(m.z, m.w));
}
`;
  const perWord = 8 / bits;
  const scale =
    bits === 1
      ? `scaleOf(peak, sum, min(${BLOCK_VALUES}u, ${count}u - block * ${BLOCK_VALUES}u))`
      : 'scaleOf(peak)';
  const isPlainScale = `peak >= ${hex(MAGNITUDE_MIN)} && peak < 0x7f800000u`;
  if (shape === 'plain')
    return `${head}
${ENTRY} {
  let block = indexOf(group, groups, local);
  if (block >= ${blocks}u) { return; }
  let first = block * ${BLOCK_VALUES / 4}u;
  var peak = 0u;
  for (var i = 0u; i < ${BLOCK_VALUES / 4}u; i += 4u) {
    let m = max(max(formed(first + i) & vec4u(0x7fffffffu), formed(first + i + 1u) & vec4u(0x7fffffffu)),
                max(formed(first + i + 2u) & vec4u(0x7fffffffu), formed(first + i + 3u) & vec4u(0x7fffffffu)));
    peak = max(peak, max(max(m.x, m.y), max(m.z, m.w)));
  }
  var scale = select(0u, 0x7f80u, peak >= 0x7f800000u);
  if (${isPlainScale}) {
    ${
      bits === 1
        ? `var sum = 0u;
    let exponent = peak >> 23u;
    for (var i = 0u; i < ${BLOCK_VALUES / 4}u; i++) {
      let m = correction[first + i] & vec4u(0x7fffffffu);
      sum += alignedTo(exponent, m.x) + alignedTo(exponent, m.y) + alignedTo(exponent, m.z) + alignedTo(exponent, m.w);
    }`
        : ''
    }
    scale = ${scale};
  }
  packed[block] = scale;
  let codes = ${blocks}u + block * ${codeWords(bits)}u;
  if (scale == 0u || scale == 0x7f80u) {
    for (var i = 0u; i < ${codeWords(bits)}u; i++) { packed[codes + i] = 0u; }
    return;
  }
  let step = bitcast<f32>(scale << 16u);
  let inverse = 1.0 / step;
  for (var i = 0u; i < ${codeWords(bits)}u; i++) {
    var word = 0u;
    for (var j = 0u; j < ${perWord}u; j++) {
      word |= fourCodes(correction[first + i * ${perWord}u + j], step, inverse) << (j * ${4 * bits}u);
    }
    packed[codes + i] = word;
  }
}`;
  return `${head}
var<workgroup> sharedPeak : atomic<u32>;
var<workgroup> sharedSum : atomic<u32>;
var<workgroup> parts : array<u32, ${WORKGROUP_SIZE}>;
${ENTRY} {
  let block = group.y * groups.x + group.x;
  let isInside = block < ${blocks}u;
  var values = vec4u();
  if (isInside) { values = formed(block * ${BLOCK_VALUES / 4}u + local); }
  atomicMax(&sharedPeak, largestOf(values));
  workgroupBarrier();
  let peak = atomicLoad(&sharedPeak);
  ${
    bits === 1
      ? `let m = values & vec4u(0x7fffffffu);
  let exponent = peak >> 23u;
  atomicAdd(&sharedSum, alignedTo(exponent, m.x) + alignedTo(exponent, m.y) + alignedTo(exponent, m.z) + alignedTo(exponent, m.w));
  workgroupBarrier();
  let sum = atomicLoad(&sharedSum);`
      : ''
  }
  var scale = select(0u, 0x7f80u, peak >= 0x7f800000u);
  if (isInside && ${isPlainScale}) { scale = ${scale}; }
  var part = 0u;
  let step = bitcast<f32>(scale << 16u);
  if (scale != 0u && scale != 0x7f80u) { part = fourCodes(values, step, 1.0 / step); }
  parts[local] = part;
  workgroupBarrier();
  if (!isInside) { return; }
  if (local == 0u) { packed[block] = scale; }
  if (local < ${codeWords(bits)}u) {
    var word = 0u;
    for (var j = 0u; j < ${perWord}u; j++) { word |= parts[local * ${perWord}u + j] << (j * ${4 * bits}u); }
    packed[${blocks}u + block * ${codeWords(bits)}u + local] = word;
  }
}`;
}

/** The code at `place` of a word, as i32. */
const codeAt = (bits: CodeBits) =>
  bits === 1
    ? 'fn codeAt(word : u32, place : u32) -> i32 { return 1 - 2 * i32((word >> place) & 1u); }'
    : `fn codeAt(word : u32, place : u32) -> i32 {
  return i32(word << (${32 - bits}u - place * ${bits}u)) >> ${32 - bits}u;
}`;

/** residual -= what `packed` decodes to. Bindings: 0 packed (read), 1 residual. Invocations: a word of codes each. */
export function subtractShader(bits: CodeBits, count: number): string {
  const blocks = Math.ceil(count / BLOCK_VALUES);
  return `
@group(0) @binding(0) var<storage, read> packed : array<u32>;
@group(0) @binding(1) var<storage, read_write> residual : array<f32>;
${INDEX}
${codeAt(bits)}
${ENTRY} {
  let index = indexOf(group, groups, local);
  if (index >= ${blocks * codeWords(bits)}u) { return; }
  let word = packed[${blocks}u + index];
  let scale = bitcast<f32>(packed[index / ${codeWords(bits)}u] << 16u);
  for (var j = 0u; j < ${32 / bits}u; j++) {
    let i = index * ${32 / bits}u + j;
    if (i < ${count}u) { residual[i] -= scale * f32(codeAt(word, j)); }
  }
}`;
}

/**
 * sum += multiplier of the block * code, in whole numbers. Bindings: 0 codes (read: a word for each 32 / bits values),
 * 1 multipliers (read), 2 sum. Invocations: a word of codes each.
 */
export function addCodesShader(bits: CodeBits, count: number): string {
  return `
@group(0) @binding(0) var<storage, read> codes : array<u32>;
@group(0) @binding(1) var<storage, read> multipliers : array<i32>;
@group(0) @binding(2) var<storage, read_write> sum : array<i32>;
${INDEX}
${codeAt(bits)}
${ENTRY} {
  let index = indexOf(group, groups, local);
  if (index >= ${Math.ceil((count * bits) / 32)}u) { return; }
  let word = codes[index];
  let multiplier = multipliers[index / ${codeWords(bits)}u];
  for (var j = 0u; j < ${32 / bits}u; j++) { sum[index * ${32 / bits}u + j] += multiplier * codeAt(word, j); }
}`;
}

/** A kernel over single values: index below `count`; `body` uses the named buffers. */
export function valueShader(
  buffers: readonly {
    readonly name: string;
    readonly type: string;
    readonly access: 'read' | 'read_write';
  }[],
  count: number,
  body: string,
): string {
  return `
${buffers.map(({ name, type, access }, i) => `@group(0) @binding(${i}) var<storage, ${access}> ${name} : array<${type}>;`).join('\n')}
${INDEX}
${ENTRY} {
  let i = indexOf(group, groups, local);
  if (i >= ${count}u) { return; }
  ${body}
}`;
}
