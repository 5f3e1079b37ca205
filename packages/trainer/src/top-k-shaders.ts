/**
 * Choosing the k largest of every 4,096 values in WGSL, and their two magnitudes: the same choice as `selectTopK` of
 * packages/codec, bit for bit, because both use whole numbers only. Entropy coding stays on the CPU; so that little has
 * to be read back, the choice leaves here in Elias and Fano's code, about 8 bits an index at k = 64.
 *
 * A chunk's words, for l = 12 - log2 k: 2k bits that say where the indices' upper parts change (bit (index >> l) + rank
 * is set), k lower parts of l bits, k pairs of bits (negative, has the larger magnitude). Levels: a half word a chunk,
 * larger level (11 bits) and how many steps the smaller one is below (5 bits); 0: nothing is kept.
 *
 * Shapes as in codec-shaders.ts. `plain` halves intervals of the magnitudes' bits, two bits a pass over its chunk, and
 * stops when exactly k are above; `workgroup` sorts into 256 bins a pass.
 */
import {
  chunkCountOf,
  fadeOf,
  keptMax,
  MAGNITUDE_MIN,
  TOP_K_CHUNK_VALUES as CHUNK_VALUES,
  type Scheme,
} from '@murmuration/codec';
import { FORM_BINDINGS, formFunction, INDEX, MANTISSA, WORKGROUP_SIZE, type Shape } from './codec-shaders.ts';

export const lowBits = (k: number): number => 12 - Math.log2(k);
/** Words of a chunk's choice: upper parts, lower parts, flags. */
export const choiceWords = (k: number): number => (2 * k + lowBits(k) * k + 2 * k) / 32;
export const levelWords = (count: number): number => Math.ceil(chunkCountOf(count) / 2);

const VECTORS = CHUNK_VALUES / 4;
/** Invocations of a workgroup that share a chunk. */
const TEAM = 256;

const head = (k: number, count: number) => `
${FORM_BINDINGS}
@group(0) @binding(4) var<storage, read_write> choice : array<u32>;
@group(0) @binding(5) var<storage, read_write> levels : array<atomic<u32>>;
${INDEX}${MANTISSA}${formFunction(fadeOf(`topk-${k}` as Scheme))}
fn mostOf(chunk : u32) -> u32 {
  return select(${k}u, ${keptMax(k, count % CHUNK_VALUES || CHUNK_VALUES)}u, chunk == ${chunkCountOf(count) - 1}u);
}
/** 22-bit fixed point under the largest magnitude's exponent. */
fn fixedOf(exponent : u32, magnitude : u32) -> u32 {
  return mantissaOf(magnitude) >> min(31u, 2u + exponent - (magnitude >> 23u));
}
fn levelOf(fixed : u32, exponent : u32) -> u32 {
  if (fixed == 0u) { return 0u; }
  let power = firstLeadingBit(fixed);
  let digits = (fixed << (21u - power)) & 0x1fffffu;
  return (((exponent + power - 21u) << 21u) + digits + 0x20000u) >> 18u;
}
fn fixedOfLevel(level : u32, exponent : u32) -> u32 {
  let leading = (8u + (level & 7u)) << 18u;
  if ((level >> 3u) > exponent) { return leading << 1u; }
  return leading >> min(31u, exponent - (level >> 3u));
}
struct Levels { larger : u32, smaller : u32, middle : u32 }
fn levelsOf(low : u32, high : u32, exponent : u32) -> Levels {
  let larger = levelOf(high, exponent);
  let smaller = max(max(1u, levelOf(low, exponent)), max(larger, 31u) - 31u);
  let middle = (fixedOfLevel(larger, exponent) + fixedOfLevel(smaller, exponent)) >> 1u;
  // Equal levels: everybody has the larger one.
  return Levels(larger, smaller, select(middle, 0u, larger == smaller));
}
fn writeLevels(chunk : u32, found : Levels) {
  atomicOr(&levels[chunk >> 1u], (found.larger | ((found.larger - found.smaller) << 11u)) << ((chunk & 1u) * 16u));
}`;

/** Bindings: those of `FORM_BUFFERS`, 4 choice (written whole), 5 levels (zeros before). Invocations: chunks, or 256 each. */
export const chooseShader = (k: number, shape: Shape, count: number): string =>
  shape === 'plain' ? plainShader(k, count) : workgroupShader(k, count);

function plainShader(k: number, count: number): string {
  const l = lowBits(k);
  const lowAt = k / 16;
  const flagsAt = lowAt + (l * k) / 32;
  const eachKept = (body: string) => `
  tiesLeft = ties;
  rank = 0u;
  for (var i = 0u; i < ${VECTORS}u; i++) {
    let values = correction[first + i];
    let m = values & vec4u(0x7fffffffu);
    if (all(m < vec4u(least))) { continue; }
    for (var c = 0u; c < 4u; c++) {
      let magnitude = m[c];
      if (magnitude < least) { continue; }
      if (magnitude == least) { if (tiesLeft == 0u) { continue; } tiesLeft -= 1u; }
      let fixed = fixedOf(exponent, magnitude);
      ${body}
      rank += 1u;
    }
  }`;
  return `${head(k, count)}
@compute @workgroup_size(${WORKGROUP_SIZE})
fn main(@builtin(workgroup_id) group : vec3u, @builtin(num_workgroups) groups : vec3u,
        @builtin(local_invocation_index) local : u32) {
  let chunk = indexOf(group, groups, local);
  if (chunk >= ${chunkCountOf(count)}u) { return; }
  let first = chunk * ${VECTORS}u;
  let words = chunk * ${choiceWords(k)}u;
  for (var i = 0u; i < ${choiceWords(k)}u; i++) { choice[words + i] = 0u; }
  let most = mostOf(chunk);
  var peaks = vec4u();
  for (var i = 0u; i < ${VECTORS}u; i++) { peaks = max(peaks, formed(first + i) & vec4u(0x7fffffffu)); }
  let peak = max(max(peaks.x, peaks.y), max(peaks.z, peaks.w));
  if (peak >= 0x7f800000u) { writeLevels(chunk, Levels(0x7ffu, 0x7ffu, 0u)); return; }
  let exponent = peak >> 23u;

  // The largest threshold that at least \`most\` reach.
  var threshold = 0u;
  var isExact = false;
  for (var shift = 32u; shift > 0u && !isExact; ) {
    shift -= 2u;
    var a = vec4u(); var b = vec4u(); var c = vec4u();
    let low = threshold | (1u << shift);
    let middle = threshold | (2u << shift);
    let high = threshold | (3u << shift);
    if (low > peak) { continue; }
    for (var i = 0u; i < ${VECTORS}u; i++) {
      let m = correction[first + i] & vec4u(0x7fffffffu);
      a += select(vec4u(), vec4u(1u), m >= vec4u(low));
      b += select(vec4u(), vec4u(1u), m >= vec4u(middle));
      c += select(vec4u(), vec4u(1u), m >= vec4u(high));
    }
    let reachLow = a.x + a.y + a.z + a.w;
    let reachMiddle = b.x + b.y + b.z + b.w;
    let reachHigh = c.x + c.y + c.z + c.w;
    var reach = 0u;
    if (reachHigh >= most) { threshold = high; reach = reachHigh; }
    else if (reachMiddle >= most) { threshold = middle; reach = reachMiddle; }
    else if (reachLow >= most) { threshold = low; reach = reachLow; }
    isExact = reach == most;
  }
  let least = max(threshold, 0x${MAGNITUDE_MIN.toString(16)}u);
  var ties = ${CHUNK_VALUES}u;
  if (!isExact && threshold >= 0x${MAGNITUDE_MIN.toString(16)}u) {
    var above = vec4u();
    for (var i = 0u; i < ${VECTORS}u; i++) {
      above += select(vec4u(), vec4u(1u), (correction[first + i] & vec4u(0x7fffffffu)) > vec4u(threshold));
    }
    ties = most - (above.x + above.y + above.z + above.w);
  }

  var tiesLeft = 0u;
  var rank = 0u;
  var sum = 0u;
  ${eachKept(`
      let index = i * 4u + c;
      let upper = (index >> ${l}u) + rank;
      choice[words + (upper >> 5u)] |= 1u << (upper & 31u);
      let at = rank * ${l}u;
      let part = index & ${(1 << l) - 1}u;
      choice[words + ${lowAt}u + (at >> 5u)] |= part << (at & 31u);
      if ((at & 31u) + ${l}u > 32u) { choice[words + ${lowAt}u + (at >> 5u) + 1u] |= part >> (32u - (at & 31u)); }
      choice[words + ${flagsAt}u + (rank >> 4u)] |= (values[c] >> 31u) << ((rank & 15u) * 2u);
      sum += fixed;`)}
  let kept = rank;
  if (kept == 0u) { return; }
  var low = sum / kept;
  var high = low;
  var split = low;
  var isDone = false;
  for (var turn = 0u; turn < 3u && !isDone; turn++) {
    var lowSum = 0u;
    var lowCount = 0u;
    ${eachKept('if (fixed <= split) { lowSum += fixed; lowCount += 1u; }')}
    isDone = lowCount == 0u || lowCount == kept;
    if (isDone) { low = sum / kept; high = low; }
    else { low = lowSum / lowCount; high = (sum - lowSum) / (kept - lowCount); split = (low + high) >> 1u; }
  }
  let found = levelsOf(low, high, exponent);
  ${eachKept(`
      if (found.middle == 0u || fixed > found.middle) {
        choice[words + ${flagsAt}u + (rank >> 4u)] |= 2u << ((rank & 15u) * 2u);
      }`)}
  writeLevels(chunk, found);
}`;
}

function workgroupShader(k: number, count: number): string {
  const l = lowBits(k);
  const lowAt = k / 16;
  const flagsAt = lowAt + (l * k) / 32;
  const each = (body: string) => `
  for (var v = 0u; v < 4u; v++) {
    let values = correction[first + local * 4u + v];
    for (var c = 0u; c < 4u; c++) {
      let magnitude = values[c] & 0x7fffffffu;
      ${body}
    }
  }`;
  const eachKept = (body: string) => `
  rank = rankStart;
  tie = tieStart;
  ${each(`
      if (magnitude < least) { continue; }
      if (magnitude == least) { tie += 1u; if (tie > ties) { continue; } }
      let fixed = fixedOf(exponent, magnitude);
      ${body}
      rank += 1u;`)}`;
  return `${head(k, count)}
var<workgroup> sharedPeak : atomic<u32>;
var<workgroup> bins : array<atomic<u32>, 256>;
var<workgroup> found_ : array<u32, 2>;
var<workgroup> scan : array<u32, ${TEAM}>;
var<workgroup> sums : array<atomic<u32>, 8>;
var<workgroup> region : array<atomic<u32>, ${choiceWords(k)}>;
@compute @workgroup_size(${TEAM})
fn main(@builtin(workgroup_id) group : vec3u, @builtin(num_workgroups) groups : vec3u,
        @builtin(local_invocation_index) local : u32) {
  let chunk = group.y * groups.x + group.x;
  let isInside = chunk < ${chunkCountOf(count)}u;
  let first = min(chunk, ${chunkCountOf(count) - 1}u) * ${VECTORS}u;
  let most = mostOf(chunk);
  var peak = 0u;
  for (var v = 0u; v < 4u; v++) {
    let m = formed(first + local * 4u + v) & vec4u(0x7fffffffu);
    peak = max(peak, max(max(m.x, m.y), max(m.z, m.w)));
  }
  atomicMax(&sharedPeak, peak);
  workgroupBarrier();
  peak = atomicLoad(&sharedPeak);
  let exponent = peak >> 23u;

  // Radix selection: 8, 8, 8 and 7 bits from the top; each pass only over what shares the bits found so far.
  var threshold = 0u;
  var wanted = most;
  for (var turn = 0u; turn < 4u; turn++) {
    let shift = select(23u - 8u * turn, 0u, turn == 3u);
    let width = select(8u, 7u, turn == 3u);
    atomicStore(&bins[local], 0u);
    workgroupBarrier();
    ${each(`
      if ((magnitude >> (shift + width)) == threshold) { atomicAdd(&bins[(magnitude >> shift) & ((1u << width) - 1u)], 1u); }`)}
    workgroupBarrier();
    if (local == 0u) {
      var bin = (1u << width) - 1u;
      var left = wanted;
      for (; bin > 0u; bin--) {
        let own = atomicLoad(&bins[bin]);
        if (own >= left) { break; }
        left -= own;
      }
      found_[0] = bin;
      found_[1] = left;
    }
    workgroupBarrier();
    threshold = (threshold << width) | found_[0];
    wanted = found_[1];
    workgroupBarrier();
  }
  let least = max(threshold, 0x${MAGNITUDE_MIN.toString(16)}u);
  let ties = select(wanted, ${CHUNK_VALUES}u, threshold < 0x${MAGNITUDE_MIN.toString(16)}u);

  // How many are kept before this invocation's sixteen values, and how many ties: one scan of both.
  var above = 0u;
  var equal = 0u;
  ${each('above += select(0u, 1u, magnitude > least); equal += select(0u, 1u, magnitude == least);')}
  let own = above | (equal << 16u);
  scan[local] = own;
  workgroupBarrier();
  for (var step = 1u; step < ${TEAM}u; step *= 2u) {
    var before = 0u;
    if (local >= step) { before = scan[local - step]; }
    workgroupBarrier();
    scan[local] += before;
    workgroupBarrier();
  }
  let total = scan[${TEAM - 1}];
  let start = scan[local] - own;
  let tieStart = start >> 16u;
  let rankStart = (start & 0xffffu) + min(tieStart, ties);
  let kept = (total & 0xffffu) + min(total >> 16u, ties);
  var rank = 0u;
  var tie = 0u;

  for (var i = local; i < ${choiceWords(k)}u; i += ${TEAM}u) { atomicStore(&region[i], 0u); }
  if (local < 8u) { atomicStore(&sums[local], 0u); }
  workgroupBarrier();
  var ownSum = 0u;
  ${eachKept(`
      let index = (local * 4u + v) * 4u + c;
      let upper = (index >> ${l}u) + rank;
      atomicOr(&region[upper >> 5u], 1u << (upper & 31u));
      let at = rank * ${l}u;
      let part = index & ${(1 << l) - 1}u;
      atomicOr(&region[${lowAt}u + (at >> 5u)], part << (at & 31u));
      if ((at & 31u) + ${l}u > 32u) { atomicOr(&region[${lowAt}u + (at >> 5u) + 1u], part >> (32u - (at & 31u))); }
      atomicOr(&region[${flagsAt}u + (rank >> 4u)], (values[c] >> 31u) << ((rank & 15u) * 2u));
      ownSum += fixed;`)}
  atomicAdd(&sums[0], ownSum);
  workgroupBarrier();
  let sum = atomicLoad(&sums[0]);
  var low = sum / max(kept, 1u);
  var high = low;
  var split = low;
  var isDone = false;
  for (var turn = 0u; turn < 3u; turn++) {
    var lowSum = 0u;
    var lowCount = 0u;
    ${eachKept('if (fixed <= split) { lowSum += fixed; lowCount += 1u; }')}
    atomicAdd(&sums[1u + 2u * turn], lowSum);
    atomicAdd(&sums[2u + 2u * turn], lowCount);
    workgroupBarrier();
    lowSum = atomicLoad(&sums[1u + 2u * turn]);
    lowCount = atomicLoad(&sums[2u + 2u * turn]);
    if (!isDone) {
      isDone = lowCount == 0u || lowCount == kept;
      if (isDone) { low = sum / max(kept, 1u); high = low; }
      else { low = lowSum / lowCount; high = (sum - lowSum) / (kept - lowCount); split = (low + high) >> 1u; }
    }
  }
  let found = levelsOf(low, high, exponent);
  ${eachKept(`
      if (found.middle == 0u || fixed > found.middle) {
        atomicOr(&region[${flagsAt}u + (rank >> 4u)], 2u << ((rank & 15u) * 2u));
      }`)}
  workgroupBarrier();
  if (!isInside) { return; }
  for (var i = local; i < ${choiceWords(k)}u; i += ${TEAM}u) { choice[chunk * ${choiceWords(k)}u + i] = atomicLoad(&region[i]); }
  if (local == 0u) {
    if (peak >= 0x7f800000u) { writeLevels(chunk, Levels(0x7ffu, 0x7ffu, 0u)); }
    else if (kept > 0u) { writeLevels(chunk, found); }
  }
}`;
}

/** residual -= what was chosen. Bindings: 0 choice (read), 1 levels (read), 2 residual. Invocations: a chunk each. */
export function subtractChoiceShader(k: number, count: number): string {
  const l = lowBits(k);
  const lowAt = k / 16;
  const flagsAt = lowAt + (l * k) / 32;
  return `
@group(0) @binding(0) var<storage, read> choice : array<u32>;
@group(0) @binding(1) var<storage, read> levels : array<u32>;
@group(0) @binding(2) var<storage, read_write> residual : array<f32>;
${INDEX}
@compute @workgroup_size(${WORKGROUP_SIZE})
fn main(@builtin(workgroup_id) group : vec3u, @builtin(num_workgroups) groups : vec3u,
        @builtin(local_invocation_index) local : u32) {
  let chunk = indexOf(group, groups, local);
  if (chunk >= ${chunkCountOf(count)}u) { return; }
  let level = (levels[chunk >> 1u] >> ((chunk & 1u) * 16u)) & 0xffffu;
  if (level == 0u) { return; }
  let high = bitcast<f32>((level & 0x7ffu) << 20u);
  let low = bitcast<f32>(((level & 0x7ffu) - (level >> 11u)) << 20u);
  let words = chunk * ${choiceWords(k)}u;
  var rank = 0u;
  for (var w = 0u; w < ${k / 16}u; w++) {
    var bits = choice[words + w];
    while (bits != 0u) {
      let place = w * 32u + firstTrailingBit(bits);
      bits &= bits - 1u;
      let at = rank * ${l}u;
      var part = choice[words + ${lowAt}u + (at >> 5u)] >> (at & 31u);
      if ((at & 31u) + ${l}u > 32u) { part |= choice[words + ${lowAt}u + (at >> 5u) + 1u] << (32u - (at & 31u)); }
      let index = ((place - rank) << ${l}u) | (part & ${(1 << l) - 1}u);
      let flags = choice[words + ${flagsAt}u + (rank >> 4u)] >> ((rank & 15u) * 2u);
      let magnitude = select(low, high, (flags & 2u) != 0u);
      residual[chunk * ${CHUNK_VALUES}u + index] -= select(magnitude, -magnitude, (flags & 1u) != 0u);
      rank += 1u;
    }
  }
}`;
}

/**
 * sum += multiplier * sign, in whole numbers. Bindings: 0 entries (read: index, then bit 30 negative, bit 31 larger),
 * 1 multipliers (read, two a block), 2 sum, 3 how many entries (read). Invocations: an entry each.
 */
export const addEntriesShader = (): string => `
@group(0) @binding(0) var<storage, read> entries : array<u32>;
@group(0) @binding(1) var<storage, read> multipliers : array<i32>;
@group(0) @binding(2) var<storage, read_write> sum : array<i32>;
@group(0) @binding(3) var<storage, read> count : array<u32>;
${INDEX}
@compute @workgroup_size(${WORKGROUP_SIZE})
fn main(@builtin(workgroup_id) group : vec3u, @builtin(num_workgroups) groups : vec3u,
        @builtin(local_invocation_index) local : u32) {
  let i = indexOf(group, groups, local);
  if (i >= count[0]) { return; }
  let entry = entries[i];
  let index = entry & 0x3fffffffu;
  let multiplier = multipliers[((index >> 8u) << 1u) + 1u - (entry >> 31u)];
  sum[index] += select(multiplier, -multiplier, (entry & 0x40000000u) != 0u);
}`;
