/**
 * The worker's hand towards the coordinator: one WebSocket for words, HTTP for blobs. It reconnects when told to,
 * checks every word by its schema and every blob by its hash, and counts the bytes. It decides nothing.
 */
import {
  CoordinatorMessageSchema,
  LIMITS,
  type CoordinatorMessage,
  type VolunteerMessage,
} from '@murmuration/protocol';
import { Value } from 'typebox/value';

/** A blob or a checkpoint that has not arrived after this is given up; 16 MiB at 1.1 Mbit/s. */
const HTTP_MAX_MS = 120_000;
const encoder = new TextEncoder();

export interface CoordinatorEvents {
  readonly opened: () => void;
  readonly closed: () => void;
  readonly heard: (message: CoordinatorMessage) => void;
}

export class CoordinatorClient {
  readonly #origin: string;
  readonly #events: CoordinatorEvents;
  #socket: WebSocket | null = null;
  #bytesSent = 0;
  #bytesReceived = 0;
  #nonsenseCount = 0;
  #download: { readonly doneBytes: number; readonly allBytes: number } | null = null;

  /** @param origin of the page, e.g. `https://grid.example`. */
  constructor(origin: string, events: CoordinatorEvents) {
    this.#origin = origin;
    this.#events = events;
  }

  get totals(): { readonly bytesSentCoordinator: number; readonly bytesReceivedCoordinator: number } {
    return { bytesSentCoordinator: this.#bytesSent, bytesReceivedCoordinator: this.#bytesReceived };
  }
  /** The blob that is on its way; null: none is. */
  get download(): { readonly doneBytes: number; readonly allBytes: number } | null {
    return this.#download;
  }
  /** Messages of the coordinator that fitted no schema; a newer server, or somebody in between. */
  get nonsenseCount(): number {
    return this.#nonsenseCount;
  }

  /** Drops the socket at hand and opens a new one; answered by `opened` or `closed`. */
  connect(): void {
    this.close();
    const socket = new WebSocket(`${this.#origin.replace(/^http/, 'ws')}/ws/volunteer`);
    this.#socket = socket;
    socket.onopen = () => this.#socket === socket && this.#events.opened();
    socket.onclose = () => {
      if (this.#socket !== socket) return;
      this.#socket = null;
      this.#events.closed();
    };
    socket.onmessage = ({ data }: MessageEvent<unknown>) => {
      if (this.#socket === socket) this.#take(data);
    };
  }

  tell(message: VolunteerMessage): void {
    if (this.#socket?.readyState !== WebSocket.OPEN) return;
    const text = JSON.stringify(message);
    this.#bytesSent += encoder.encode(text).length;
    this.#socket.send(text);
  }

  close(): void {
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  /**
   * A blob whose bytes match its name.
   * @throws Error saying what was wrong: unreachable, too long, or another hash.
   */
  async fetchBlob(sha256: string, maxBytes: number): Promise<Uint8Array> {
    const response = await fetch(`${this.#origin}/blobs/${sha256}`, {
      signal: AbortSignal.timeout(HTTP_MAX_MS),
    });
    if (!response.ok) throw new Error(`the coordinator answered ${response.status}`);
    const announced = Number(response.headers.get('content-length') ?? 0);
    if (announced > maxBytes)
      throw new Error(`${announced} bytes were announced, at most ${maxBytes} were expected`);
    const bytes = await this.#read(response, announced);
    if (bytes.length > maxBytes)
      throw new Error(`${bytes.length} bytes came, at most ${maxBytes} were expected`);
    if ((await sha256Of(bytes)) !== sha256) throw new Error('the bytes have another SHA-256 than their name');
    return bytes;
  }

  /** Piece by piece, so that a page can show how far it is. */
  async #read(response: Response, allBytes: number): Promise<Uint8Array> {
    const pieces: Uint8Array[] = [];
    let doneBytes = 0;
    try {
      for await (const piece of piecesOf(response)) {
        pieces.push(piece);
        doneBytes += piece.length;
        this.#bytesReceived += piece.length;
        this.#download = { doneBytes, allBytes: Math.max(allBytes, doneBytes) };
      }
    } finally {
      this.#download = null;
    }
    const bytes = new Uint8Array(doneBytes);
    let offset = 0;
    for (const piece of pieces) {
      bytes.set(piece, offset);
      offset += piece.length;
    }
    return bytes;
  }

  /** Stores a checkpoint under its hash, which is returned. @throws Error when it was refused. */
  async storeCheckpoint(runId: string, parameters: Uint8Array, bearer: string): Promise<string> {
    const sha256 = await sha256Of(parameters);
    const response = await fetch(`${this.#origin}/api/runs/${runId}/checkpoints/${sha256}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/octet-stream', authorization: `Bearer ${bearer}` },
      body: parameters as Uint8Array<ArrayBuffer>,
      signal: AbortSignal.timeout(HTTP_MAX_MS),
    });
    this.#bytesSent += parameters.length;
    if (!response.ok) throw new Error(`the coordinator answered ${response.status}`);
    return sha256;
  }

  #take(data: unknown): void {
    if (typeof data !== 'string' || data.length > LIMITS.controlMessageMaxBytes) {
      this.#nonsenseCount += 1;
      return;
    }
    this.#bytesReceived += encoder.encode(data).length;
    let message: unknown;
    try {
      message = JSON.parse(data);
    } catch {
      this.#nonsenseCount += 1;
      return;
    }
    if (Value.Check(CoordinatorMessageSchema, message)) this.#events.heard(message as CoordinatorMessage);
    else this.#nonsenseCount += 1;
  }
}

async function* piecesOf(response: Response): AsyncGenerator<Uint8Array> {
  const reader = response.body?.getReader();
  for (;;) {
    const piece = await reader?.read();
    if (piece?.value === undefined) return;
    yield piece.value;
  }
}

async function sha256Of(bytes: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>);
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
