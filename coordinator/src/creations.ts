/**
 * Idempotent creation: a client that lost the answer asks again with the same `idempotency-key`, and gets what was made.
 * The id of the new thing is drawn and written down under the key before the thing is made, so a crash in between makes it
 * once: the repeated request finds the id and finishes the work.
 */
import { createHash, randomBytes } from 'node:crypto';
import { idFromRandomBytes } from '@murmuration/protocol';
import type { IdPrefix } from '@murmuration/protocol';
import type { FastifyRequest } from 'fastify';
import type { Kysely } from 'kysely';
import { ApiError } from './api-error.ts';
import type { Tables } from './store-schema.ts';

const KEPT_MS = 24 * 3_600_000;
const KEPT_MAX = 10_000;

interface Making<T> {
  readonly prefix: IdPrefix;
  /** What was made under this id; null: nothing yet. */
  readonly find: (id: string) => T | null | Promise<T | null>;
  readonly make: (id: string) => Promise<T>;
}

export class Creations {
  readonly #db: Kysely<Tables>;
  readonly #nowMs: () => number;
  /** Two requests with one key take turns. */
  readonly #turns = new Map<string, Promise<unknown>>();

  constructor(db: Kysely<Tables>, nowMs: () => number) {
    this.#db = db;
    this.#nowMs = nowMs;
  }

  /** @throws ApiError 422 when the key was used for another request */
  async once<T>(request: FastifyRequest, making: Making<T>): Promise<{ made: T; isNew: boolean }> {
    const key = request.headers['idempotency-key'];
    const fresh = () => idFromRandomBytes(making.prefix, randomBytes(26));
    if (typeof key !== 'string') return { made: await making.make(fresh()), isNew: true };
    // A key belongs to a route and to who used it.
    const who = request.principal?.tokenId ?? 'first-run';
    const keySha256 = sha256([who, request.method, request.url, key].join('\n'));
    const bodySha256 = sha256(JSON.stringify(request.body ?? null));
    const turn = (this.#turns.get(keySha256) ?? Promise.resolve())
      .catch(() => {})
      .then(async () => {
        const id = await this.#idOf(keySha256, bodySha256, fresh());
        const known = await making.find(id);
        return known === null ? { made: await making.make(id), isNew: true } : { made: known, isNew: false };
      });
    this.#turns.set(keySha256, turn);
    try {
      return await turn;
    } finally {
      if (this.#turns.get(keySha256) === turn) this.#turns.delete(keySha256);
    }
  }

  async #idOf(keySha256: string, bodySha256: string, fresh: string): Promise<string> {
    const nowMs = Math.round(this.#nowMs());
    const known = await this.#db
      .selectFrom('creations')
      .selectAll()
      .where('key_sha256', '=', keySha256)
      .executeTakeFirst();
    if (known !== undefined) {
      if (known.body_sha256 !== bodySha256)
        throw new ApiError(422, 'key-reused', 'this key was used for another request', 'idempotency-key');
      return known.resource_id;
    }
    await this.#db.transaction().execute(async (tx) => {
      await tx
        .deleteFrom('creations')
        .where('created_at_ms', '<=', nowMs - KEPT_MS)
        .execute();
      const beyond = await tx
        .selectFrom('creations')
        .select('created_at_ms')
        .orderBy('created_at_ms', 'desc')
        .offset(KEPT_MAX - 1)
        .limit(1)
        .executeTakeFirst();
      if (beyond !== undefined)
        await tx.deleteFrom('creations').where('created_at_ms', '<=', beyond.created_at_ms).execute();
      await tx
        .insertInto('creations')
        .values({
          key_sha256: keySha256,
          body_sha256: bodySha256,
          resource_id: fresh,
          created_at_ms: nowMs,
        })
        .execute();
    });
    return fresh;
  }
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
