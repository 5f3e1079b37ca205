/**
 * The codec on the GPU: one replica's vectors in buffers of our own, and the kernels that work on them. Only packed
 * updates cross between it and the CPU: what `form` chose and packed is read back, what others sent goes in as it is.
 *
 * Mental model. Five float32 vectors, padded with zeros to whole chunks:
 *   anchor      the same bits as the CPU's copy, because both add the same whole numbers (codec, exact-mean.ts); only a
 *               parameter under 2^-126 may be zero here, because a GPU may flush subnormal numbers
 *   base        where the weights stood when the last update was formed, or the anchor
 *   trained     where they stand now
 *   correction  (trained - anchor) + fade * residual, of the update that is open
 *   residual    what is not sent yet
 * and one of i32 in which a round's updates are summed. Everything is allocated once, but for room for what comes in.
 *
 * It knows no tensor: weights come and go as buffers. It decides nothing: when to form, what to add, the caller says.
 * A lost device takes all of it along; the caller makes another one from its copy of the anchor.
 */
import {
  blockCount,
  bodyOf,
  chunkCountOf,
  emptyKept,
  encodeKept,
  TOP_K_CHUNK_VALUES,
  withHeader,
  type CodeBits,
  type SumPlan,
} from '@murmuration/codec';
import {
  kernelsOf,
  packKernel,
  packingOf,
  SUM_WIDTH,
  type CodecDeviceOptions,
  type KernelSource,
  type Packing,
} from './codec-kernels.ts';
import { addCodesShader, packedWords, WORKGROUP_SIZE, type Shape } from './codec-shaders.ts';
import { entriesOf, readChoice } from './top-k-choice.ts';
import { addEntriesShader, choiceWords, levelWords } from './top-k-shaders.ts';

/** A dimension of a dispatch has at most so many workgroups. */
const GROUPS_MAX = 65_535;

/** What differs from one k to another. */
const PACKED_KERNELS = ['pack', 'subtract'];

type Vector = 'anchor' | 'base' | 'trained' | 'correction' | 'residual';
type Kernel = {
  readonly pipeline: GPUComputePipeline;
  readonly bindings: GPUBindGroup;
  readonly groups: number;
};

export class CodecDevice {
  readonly #device: GPUDevice;
  #options: CodecDeviceOptions;
  #packing: Packing;
  readonly #buffers = new Map<string, GPUBuffer>();
  readonly #kernels = new Map<string, Kernel>();
  /** Of the updates that come in; their pipelines are made when the first of a kind comes. */
  readonly #incoming = new Map<string, GPUComputePipeline>();

  private constructor(device: GPUDevice, options: CodecDeviceOptions) {
    this.#device = device;
    this.#options = options;
    this.#packing = packingOf(options.scheme);
  }

  /** Allocates the vectors (zeros) and compiles the kernels. Errors go the device's way: `uncapturederror`. */
  static async open(device: GPUDevice, options: CodecDeviceOptions): Promise<CodecDevice> {
    const own = new CodecDevice(device, options);
    const chunks = chunkCountOf(options.count);
    const vectorBytes = 4 * chunks * TOP_K_CHUNK_VALUES;
    for (const name of ['anchor', 'base', 'trained', 'correction', 'residual', 'sum'])
      own.#allocate(name, vectorBytes);
    own.#allocatePacked();
    const { count } = options;
    const blocks = blockCount(count);
    own.#allocate('units', 4 * blocks);
    own.#allocate('squares', 8 * blocks);
    own.#allocate('squares2', 8 * Math.ceil(blocks / SUM_WIDTH));
    own.#allocate('factor', 4);
    await own.#compile();
    return own;
  }

  /** From now on updates are packed by kernels of this shape. */
  async useShape(shape: Shape): Promise<void> {
    await this.#kernel(packKernel({ ...this.#options, shape }));
  }

  /**
   * From now on updates are formed in this scheme: of the same kind, top-k with another k. What was formed before and not
   * settled cannot be settled any more, and need not: the next `form` forms it too.
   */
  async useScheme(scheme: CodecDeviceOptions['scheme']): Promise<void> {
    if (scheme === this.#options.scheme) return;
    this.#options = { ...this.#options, scheme };
    this.#packing = packingOf(scheme);
    for (const name of ['packed', 'levels', 'readback']) this.#buffer(name).destroy();
    this.#allocatePacked();
    await this.#compile(PACKED_KERNELS);
  }

  /** Room for what is packed, and for reading it back. */
  #allocatePacked(): void {
    const { count } = this.#options;
    const packing = this.#packing;
    const [packedBytes, levelBytes] =
      'bits' in packing
        ? [4 * packedWords(packing.bits, blockCount(count)), 4]
        : [4 * choiceWords(packing.k) * chunkCountOf(count), 4 * levelWords(count)];
    this.#allocate('packed', packedBytes);
    this.#allocate('levels', levelBytes);
    this.#allocate('readback', this.readbackBytes, GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ);
  }

  /** What `form` reads back, bytes. */
  get readbackBytes(): number {
    const { count } = this.#options;
    return 'bits' in this.#packing
      ? 4 * packedWords(this.#packing.bits, blockCount(count))
      : 4 * (choiceWords(this.#packing.k) * chunkCountOf(count) + levelWords(count));
  }

  /** GPU buffers that are alive. */
  get bufferCount(): number {
    return this.#buffers.size;
  }

  /** Stands at this anchor: nothing trained, nothing unsent. */
  stand(anchor: Float32Array): void {
    for (const name of ['anchor', 'base', 'trained'] as const)
      this.#device.queue.writeBuffer(this.#buffer(name), 0, anchor as Float32Array<ArrayBuffer>);
    this.#submit((encoder) => {
      for (const name of ['residual', 'correction', 'sum']) encoder.clearBuffer(this.#buffer(name));
    });
  }

  /** Puts a part of the anchor in place of what was there. */
  writeAnchor(values: Float32Array, offset: number): void {
    this.#device.queue.writeBuffer(this.#buffer('anchor'), 4 * offset, values as Float32Array<ArrayBuffer>);
  }

  /** Copies between `trained` and the buffers of weights, which lie one after another in it. */
  copyWeights(
    weights: readonly { buffer: GPUBuffer; offset: number; size: number }[],
    way: 'in' | 'out',
  ): void {
    const trained = this.#buffer('trained');
    this.#submit((encoder) => {
      for (const { buffer, offset, size } of weights)
        if (way === 'in') encoder.copyBufferToBuffer(buffer, 0, trained, 4 * offset, 4 * size);
        else encoder.copyBufferToBuffer(trained, 4 * offset, buffer, 0, 4 * size);
    });
  }

  /** Gives up what was trained since the last update was formed. */
  giveUpTrained(): void {
    this.#copy('base', 'trained');
  }

  /**
   * Forms, corrects, packs and reads back an update, as its bytes on the wire. They are not inspected: what is not finite
   * comes out as bytes that are refused, and nothing but `correction` has changed.
   */
  async form(): Promise<Uint8Array> {
    const readback = this.#buffer('readback');
    const packed = this.#buffer('packed');
    const levels = this.#buffer('levels');
    this.#submit((encoder) => {
      if ('k' in this.#packing) encoder.clearBuffer(levels);
      this.#run(encoder, 'pack');
      encoder.copyBufferToBuffer(packed, 0, readback, 0, packed.size);
      if ('k' in this.#packing) encoder.copyBufferToBuffer(levels, 0, readback, packed.size, levels.size);
    });
    await readback.mapAsync(GPUMapMode.READ);
    try {
      const words = new Uint32Array(readback.getMappedRange());
      return 'bits' in this.#packing
        ? this.#blocksOf(words, this.#packing.bits)
        : this.#keptOf(words, this.#packing.k);
    } finally {
      readback.unmap();
    }
  }

  /** From now on training goes ahead of the update that was formed. */
  keepFormed(): void {
    this.#copy('trained', 'base');
  }

  /** The open update was counted, or not: the residual keeps what it did not bring. Before the anchor moves. */
  settle(isIncluded: boolean): void {
    this.#copy('correction', 'residual');
    this.#submit((encoder) => {
      if (isIncluded) this.#run(encoder, 'subtract');
      this.#run(encoder, 'squares', 'sumSquares', 'limit', 'scale');
    });
  }

  /** Adds a round's updates to the anchor: false when some are of a scheme that has no kernel; then nothing happened. */
  advance({ parts, units, multipliers }: SumPlan): boolean {
    if (parts.some(({ update }) => update.kind === 'values')) return false;
    const { queue } = this.#device;
    for (const [p, { update }] of parts.entries()) {
      const factors = this.#incomingBuffer('multipliers', multipliers[p]!);
      if (update.kind === 'blocks') {
        const codes = bodyOf(update).subarray(2 * units.length);
        const { bits } = update;
        this.#add(`blocks${bits}`, () => addCodesShader(bits, this.#options.count), codes.length / 4, [
          this.#incomingBuffer('codes', codes),
          factors,
          this.#buffer('sum'),
        ]);
      } else if (update.kind === 'kept') {
        const entries = entriesOf(update.kept);
        this.#add('kept', addEntriesShader, entries.length, [
          this.#incomingBuffer('entries', entries),
          factors,
          this.#buffer('sum'),
          this.#incomingBuffer('entryCount', Uint32Array.of(entries.length)),
        ]);
      }
    }
    queue.writeBuffer(this.#buffer('units'), 0, units as Float32Array<ArrayBuffer>);
    this.#submit((encoder) => this.#run(encoder, 'apply'));
    return true;
  }

  /** Weights go on from the anchor, ahead by what was trained since the last update. */
  rebase(): void {
    this.#submit((encoder) => this.#run(encoder, 'rebase'));
    this.#copy('anchor', 'base');
  }

  /** Instead of settling what is open: how far it is from the anchor, and training from it, is kept while that moves. */
  carry(phase: 'lift' | 'land'): void {
    this.#submit((encoder) => this.#run(encoder, phase));
  }

  /** A vector's values, for checks: production reads none of them back. */
  async read(name: Vector): Promise<Float32Array> {
    const bytes = 4 * this.#options.count;
    const staging = this.#device.createBuffer({
      size: bytes,
      usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ,
    });
    this.#submit((encoder) => encoder.copyBufferToBuffer(this.#buffer(name), 0, staging, 0, bytes));
    await staging.mapAsync(GPUMapMode.READ);
    const values = new Float32Array(staging.getMappedRange().slice(0));
    staging.destroy();
    return values;
  }

  /** Puts values in place of a vector, for checks and calibration. */
  write(name: Vector, values: Float32Array): void {
    this.#device.queue.writeBuffer(this.#buffer(name), 0, values as Float32Array<ArrayBuffer>);
  }

  close(): void {
    for (const buffer of this.#buffers.values()) buffer.destroy();
    this.#buffers.clear();
    this.#kernels.clear();
  }

  /** @param names only these; else all. */
  async #compile(names?: readonly string[]): Promise<void> {
    const sources = [...kernelsOf(this.#options), packKernel(this.#options)];
    const wanted = sources.filter(({ name }) => names?.includes(name) ?? true);
    await Promise.all(wanted.map((source) => this.#kernel(source)));
  }

  /** `invocations` in workgroups of 64; a kernel of another size counts 64 for each of its workgroups. */
  async #kernel({ name, code, invocations, buffers }: KernelSource): Promise<void> {
    const module = this.#device.createShaderModule({ label: `murmuration ${name}`, code });
    const pipeline = await this.#device
      .createComputePipelineAsync({
        label: `murmuration ${name}`,
        layout: 'auto',
        compute: { module, entryPoint: 'main' },
      })
      .catch(async (error: unknown) => {
        const { messages } = await module.getCompilationInfo();
        const [first] = messages.filter(({ type }) => type === 'error');
        const why = first === undefined ? String(error) : `line ${first.lineNum}: ${first.message}`;
        throw new Error(`codec: the kernel ${name} does not compile: ${why}`);
      });
    const bindings = this.#bind(
      pipeline,
      buffers.map((buffer) => this.#buffer(buffer)),
    );
    this.#kernels.set(name, { pipeline, bindings, groups: Math.ceil(invocations / WORKGROUP_SIZE) });
  }

  #bind(pipeline: GPUComputePipeline, buffers: readonly GPUBuffer[]): GPUBindGroup {
    return this.#device.createBindGroup({
      layout: pipeline.getBindGroupLayout(0),
      entries: buffers.map((buffer, binding) => ({ binding, resource: { buffer } })),
    });
  }

  #run(encoder: GPUCommandEncoder, ...names: readonly string[]): void {
    const pass = encoder.beginComputePass();
    for (const name of names) dispatch(pass, this.#kernels.get(name)!);
    pass.end();
  }

  #add(kind: string, shader: () => string, invocations: number, buffers: readonly GPUBuffer[]): void {
    if (invocations === 0) return;
    let pipeline = this.#incoming.get(kind);
    if (pipeline === undefined) {
      pipeline = this.#device.createComputePipeline({
        label: `murmuration add ${kind}`,
        layout: 'auto',
        compute: { module: this.#device.createShaderModule({ code: shader() }), entryPoint: 'main' },
      });
      this.#incoming.set(kind, pipeline);
    }
    const kernel = {
      pipeline,
      bindings: this.#bind(pipeline, buffers),
      groups: Math.ceil(invocations / WORKGROUP_SIZE),
    };
    this.#submit((encoder) => {
      const pass = encoder.beginComputePass();
      dispatch(pass, kernel);
      pass.end();
    });
  }

  #submit(record: (encoder: GPUCommandEncoder) => void): void {
    const encoder = this.#device.createCommandEncoder();
    record(encoder);
    this.#device.queue.submit([encoder.finish()]);
  }

  #copy(from: Vector, to: Vector): void {
    this.#submit((encoder) =>
      encoder.copyBufferToBuffer(this.#buffer(from), 0, this.#buffer(to), 0, this.#buffer(to).size),
    );
  }

  #allocate(name: string, size: number, usage?: number): GPUBuffer {
    const buffer = this.#device.createBuffer({
      label: `murmuration ${name}`,
      size,
      usage: usage ?? GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
    });
    this.#buffers.set(name, buffer);
    return buffer;
  }

  #buffer(name: string): GPUBuffer {
    return this.#buffers.get(name)!;
  }

  /** Room for something that comes in, with it in it. It grows to the largest that ever came. */
  #incomingBuffer(name: string, data: Uint8Array | Uint32Array | Int32Array): GPUBuffer {
    const size = Math.max(4, 4 * Math.ceil(data.byteLength / 4));
    let buffer = this.#buffers.get(name);
    if (buffer === undefined || buffer.size < size) {
      buffer?.destroy();
      buffer = this.#allocate(name, size);
    }
    const isWhole = data.byteLength % 4 === 0;
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const whole = isWhole ? bytes : new Uint8Array(size);
    if (!isWhole) whole.set(bytes);
    this.#device.queue.writeBuffer(buffer, 0, whole as Uint8Array<ArrayBuffer>);
    return buffer;
  }

  #blocksOf(words: Uint32Array, bits: CodeBits): Uint8Array {
    const { scheme, count } = this.#options;
    const blocks = blockCount(count);
    const { bytes, body } = withHeader(scheme, count);
    for (let block = 0; block < blocks; block++) {
      body[2 * block] = words[block]! & 0xff;
      body[2 * block + 1] = words[block]! >>> 8;
    }
    const codes = Math.ceil((count * bits) / 8);
    body.set(new Uint8Array(words.buffer, words.byteOffset + 4 * blocks, codes), 2 * blocks);
    return bytes;
  }

  #keptOf(words: Uint32Array, k: number): Uint8Array {
    const { count } = this.#options;
    const kept = emptyKept(k, count);
    readChoice(words, k, kept);
    return encodeKept(k, count, kept);
  }
}

function dispatch(pass: GPUComputePassEncoder, { pipeline, bindings, groups }: Kernel): void {
  const columns = Math.min(groups, GROUPS_MAX);
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, bindings);
  pass.dispatchWorkgroups(columns, Math.ceil(groups / columns));
}
