/** Request bodies that are bytes. */
import type { FastifyRequest } from 'fastify';
import { ApiError } from './api-error.ts';

/** Reads a body of exactly `byteLength` bytes; refuses another length before reading any. @throws ApiError */
export async function readBody(request: FastifyRequest, byteLength: number): Promise<Buffer> {
  const wrong = (got: string) =>
    new ApiError(400, 'bad-length', `the body must be exactly ${byteLength} bytes, not ${got}`, 'body');
  const announced = request.headers['content-length'];
  if (announced !== undefined && announced !== String(byteLength)) throw wrong(announced);
  if (!isByteStream(request.body)) throw wrong('0');
  const bytes = Buffer.alloc(byteLength);
  let filled = 0;
  for await (const piece of request.body) {
    if (filled + piece.length > byteLength) throw wrong('more');
    bytes.set(piece, filled);
    filled += piece.length;
  }
  if (filled !== byteLength) throw wrong(String(filled));
  return bytes;
}

/** An application/octet-stream body, which is passed on unread. */
export const isByteStream = (body: unknown): body is AsyncIterable<Uint8Array> =>
  typeof body === 'object' && body !== null && Symbol.asyncIterator in body;
