/**
 * Matrix products for software adapters (see software-gpu.ts for why): each invocation keeps a tile of 4 or 8 rows by 4
 * columns in registers and reads both operands straight from their buffers, four values at a time where they lie
 * contiguously. 5 to 10 times tfjs's packed product on SwiftShader.
 */
import type * as tf from '@tensorflow/tfjs-core';
import { indexProgram, int32s, sizeOf, view, type OwnKernel } from './gpu-program.ts';

/** Which operand lies contiguously along what: decides what can be read four at a time. */
type Kind = 'NN' | 'TN' | 'NT' | 'scalar';

/** BatchMatMul and _FusedMatMul. */
export const product: OwnKernel = (inputs, attributes, gpu) => {
  const { a, b, bias } = inputs as Record<string, tf.TensorInfo | undefined>;
  const { transposeA, transposeB, activation } = attributes as unknown as {
    transposeA: boolean;
    transposeB: boolean;
    activation?: string | null;
  };
  if (inputs['preluActivationWeights'] != null || !isFusible(activation) || a!.dtype !== 'float32')
    return null;
  const left = matrixOf(a!);
  const right = matrixOf(b!);
  const batches = Math.max(left.batches, right.batches);
  const isShared = (of: { batches: number }) => of.batches === 1;
  if ([left, right].some((of) => of.batches !== batches && !isShared(of))) return null;
  const rows = transposeA ? left.columns : left.rows;
  const columns = transposeB ? right.rows : right.columns;
  const inner = transposeA ? left.rows : left.columns;
  if (bias != null && sizeOf(bias.shape) !== columns) return null;

  const kind = kindOf({ rows, columns, inner, transposeA, transposeB });
  const tileRows = rows === 1 && kind !== 'TN' ? 1 : rows <= 4 ? 4 : 8;
  const threads = batches * Math.ceil(rows / tileRows) * Math.ceil(columns / 4);
  const wide = kind === 'scalar' ? 1 : 4;
  const outputWide = kind === 'NN' || kind === 'TN' ? 4 : 1;
  const tile: Tile = { tileRows, outputWide, hasBias: bias != null, relu: activation === 'relu' };
  const program = indexProgram({
    name: `product_${kind}_${tileRows}_${transposeA}_${transposeB}_${tile.relu}`,
    outputShape: [batches, rows, columns],
    threads,
    inputs: [
      { name: 'A', components: wide },
      { name: 'B', components: wide },
      ...(bias == null ? [] : [{ name: 'bias', components: outputWide } as const]),
    ],
    outputComponents: outputWide,
    uniforms: 'threads : i32, rows : i32, columns : i32, inner : i32, aStride : i32, bStride : i32,',
    body: productBody(kind, tile, transposeA, transposeB),
  });
  const stride = (of: { batches: number }, values: number) => (isShared(of) ? 0 : values / wide);
  const result = gpu.runWebGPUProgram(
    program,
    [
      view(a!, [left.batches, left.rows, left.columns]),
      view(b!, [right.batches, right.rows, right.columns]),
      ...(bias == null ? [] : [view(bias, [columns])]),
    ],
    'float32',
    int32s(threads, rows, columns, inner, stride(left, rows * inner), stride(right, columns * inner)),
  );
  const leading = (left.batches === batches ? a! : b!).shape.slice(0, -2);
  return view(result, [...leading, rows, columns]);
};

const matrixOf = ({ shape }: tf.TensorInfo) => ({
  rows: shape.at(-2)!,
  columns: shape.at(-1)!,
  batches: sizeOf(shape.slice(0, -2)),
});

function kindOf(of: {
  readonly rows: number;
  readonly columns: number;
  readonly inner: number;
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}): Kind {
  if (of.transposeB) return !of.transposeA && of.inner % 4 === 0 ? 'NT' : 'scalar';
  if (of.columns % 4 !== 0) return 'scalar';
  if (of.transposeA) return of.rows % 4 === 0 ? 'TN' : 'scalar';
  return of.inner % 4 === 0 ? 'NN' : 'scalar';
}

function productBody(kind: Kind, tile: Tile, transposeA: boolean, transposeB: boolean): string {
  const rows = Array.from({ length: tile.tileRows }, (_, i) => i);
  // Groups of four rows; in TN rows % 4 == 0, so a group hangs over the edge as a whole or not at all.
  const groups = tile.tileRows === 8 ? [0, 1] : [0];
  const code = [
    `if (index >= uniforms.threads) { return; }
     let columnTiles = (uniforms.columns + 3) / 4;
     let rowTiles = (uniforms.rows + ${tile.tileRows - 1}) / ${tile.tileRows};
     let batch = index / (columnTiles * rowTiles);
     let inBatch = index - batch * columnTiles * rowTiles;
     let row = (inBatch / columnTiles) * ${tile.tileRows};
     let columnTile = inBatch % columnTiles;
     let aBase = batch * uniforms.aStride;
     let bBase = batch * uniforms.bStride;`,
    ...rows.map((r) => `var c${r} = vec4<f32>();`),
  ];
  // A tile may hang over the edge: reads are clamped to the last row or column, writes are left out.
  const aRow = (r: number) => `min(row + ${r}, uniforms.rows - 1)`;
  const bColumn = (c: number) => `min(columnTile * 4 + ${c}, uniforms.columns - 1)`;
  switch (kind) {
    case 'NN':
      code.push(
        'let quads = uniforms.inner / 4;',
        ...rows.map((r) => `let a${r} = aBase + ${aRow(r)} * quads;`),
        'for (var k = 0; k < quads; k++) {',
        '  let b = bBase + 4 * k * columnTiles + columnTile;',
        ...FOUR.map((q) => `  let b${q} = B[b + ${q} * columnTiles];`),
        ...rows.map((r) => `  { let v = A[a${r} + k]; c${r} += v.x * b0 + v.y * b1 + v.z * b2 + v.w * b3; }`),
        '}',
      );
      break;
    case 'TN':
      code.push(
        'let quads = uniforms.rows / 4;',
        ...groups.map((g) => `let a${g} = aBase + min(row / 4 + ${g}, quads - 1);`),
        'for (var k = 0; k < uniforms.inner; k++) {',
        '  let b = B[bBase + k * columnTiles + columnTile];',
        ...groups.flatMap((g) => [
          `  let v${g} = A[a${g} + k * quads];`,
          ...FOUR.map((q) => `  c${4 * g + q} += v${g}[${q}] * b;`),
        ]),
        '}',
      );
      break;
    case 'NT':
      code.push(
        'let quads = uniforms.inner / 4;',
        ...rows.map((r) => `let a${r} = aBase + ${aRow(r)} * quads;`),
        ...FOUR.map((c) => `let b${c} = bBase + ${bColumn(c)} * quads;`),
        'for (var k = 0; k < quads; k++) {',
        ...FOUR.map((c) => `  let w${c} = B[b${c} + k];`),
        ...rows.map(
          (r) => `  { let v = A[a${r} + k]; c${r} += vec4<f32>(${FOUR.map((c) => `dot(v, w${c})`)}); }`,
        ),
        '}',
      );
      break;
    case 'scalar':
      code.push(
        ...rows.map((r) => `let a${r} = aBase + ${aRow(r)}${transposeA ? '' : ' * uniforms.inner'};`),
        ...FOUR.map((c) => `let b${c} = bBase + ${bColumn(c)}${transposeB ? ' * uniforms.inner' : ''};`),
        'for (var k = 0; k < uniforms.inner; k++) {',
        `  let w = vec4<f32>(${FOUR.map((c) => `B[b${c} + k${transposeB ? '' : ' * uniforms.columns'}]`)});`,
        ...rows.map((r) => `  c${r} += A[a${r} + k${transposeA ? ' * uniforms.rows' : ''}] * w;`),
        '}',
      );
      break;
    default:
      kind satisfies never;
  }
  code.push(
    storeTile(tile, {
      row: 'batch * uniforms.rows + row',
      rowsLeft: 'uniforms.rows - row',
      columns: 'uniforms.columns',
    }),
  );
  return code.join('\n');
}

export const FOUR = [0, 1, 2, 3] as const;

export interface Tile {
  readonly tileRows: number;
  readonly outputWide: 1 | 4;
  readonly hasBias: boolean;
  readonly relu: boolean;
}

/**
 * Adds the bias, applies relu and writes the accumulators c0, c1, ... to `result`, whose rows have `columns` values.
 * The WGSL variable `columnTile` says which four columns they are; rows and columns past the end are left out.
 */
export function storeTile(
  tile: Tile,
  at: { readonly row: string; readonly rowsLeft: string; readonly columns: string },
): string {
  const rows = Array.from({ length: tile.tileRows }, (_, i) => i);
  const code: string[] = [];
  if (tile.hasBias) {
    const gathered = FOUR.map((c) => `bias[min(columnTile * 4 + ${c}, ${at.columns} - 1)]`);
    code.push(
      tile.outputWide === 4 ? 'let shift = bias[columnTile];' : `let shift = vec4<f32>(${gathered});`,
    );
    code.push(...rows.map((r) => `c${r} += shift;`));
  }
  if (tile.relu) code.push(...rows.map((r) => `c${r} = max(c${r}, vec4<f32>());`));
  for (const r of rows) {
    code.push(`if (${r} < ${at.rowsLeft}) {`);
    if (tile.outputWide === 4)
      code.push(`  result[(${at.row} + ${r}) * (${at.columns} / 4) + columnTile] = c${r};`);
    else
      for (const c of FOUR)
        code.push(
          `  if (columnTile * 4 + ${c} < ${at.columns}) { result[(${at.row} + ${r}) * ${at.columns} + columnTile * 4 + ${c}] = c${r}[${c}]; }`,
        );
    code.push('}');
  }
  return code.join('\n');
}

export const isFusible = (activation: unknown): boolean =>
  activation == null || activation === 'linear' || activation === 'relu';
