/**
 * Who asks, and what that allows: the first-run token, API tokens (kept as SHA-256, with a scope and perhaps an end), and
 * browser sessions (a random id in an httpOnly cookie, kept as SHA-256 too). A session changes something only with the CSRF
 * token that our own page can read; a cookie alone is what a foreign page can make a browser send.
 */
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { idFromRandomBytes, includesScope } from '@murmuration/protocol';
import type { NewToken, Scope, SessionView, TokenRequest, TokenView } from '@murmuration/protocol';
import type { Kysely } from 'kysely';
import type { Secrets } from './secrets.ts';
import type { Tables } from './store-schema.ts';

const SESSION_MAX_MS = 14 * 86_400_000;
/** The oldest goes first. */
const SESSIONS_MAX = 1_000;
const TOKENS_MAX = 200;
/** `lastUsedAt` is for people: not every request is a write to disk. */
const USE_NOTED_EVERY_MS = 60_000;

/** What a request proved. */
export interface Principal {
  readonly scope: Scope;
  /** null: the first-run token. */
  readonly tokenId: string | null;
  /** Set when it came by cookie. */
  readonly session: { readonly id: string; readonly expiresAtMs: number } | null;
}

export class Access {
  readonly #db: Kysely<Tables>;
  readonly #secrets: Secrets;
  readonly #nowMs: () => number;

  constructor(db: Kysely<Tables>, secrets: Secrets, nowMs: () => number) {
    this.#db = db;
    this.#secrets = secrets;
    this.#nowMs = nowMs;
  }

  /** null: no such token, or its time is over. */
  async ofToken(token: string): Promise<Principal | null> {
    if (this.#secrets.isAdminToken(token)) return { scope: 'admin', tokenId: null, session: null };
    const row = await this.#db
      .selectFrom('tokens')
      .selectAll()
      .where('sha256', '=', sha256(token))
      .executeTakeFirst();
    const nowMs = Math.round(this.#nowMs());
    if (row === undefined || (row.expires_at_ms !== null && nowMs >= row.expires_at_ms)) return null;
    if (row.last_used_at_ms === null || nowMs >= row.last_used_at_ms + USE_NOTED_EVERY_MS)
      await this.#db.updateTable('tokens').set({ last_used_at_ms: nowMs }).where('id', '=', row.id).execute();
    return { scope: row.scope, tokenId: row.id, session: null };
  }

  async ofSession(id: string): Promise<Principal | null> {
    const row = await this.#db
      .selectFrom('sessions')
      .selectAll()
      .where('sha256', '=', sha256(id))
      .executeTakeFirst();
    if (row === undefined || this.#nowMs() >= row.expires_at_ms) return null;
    return {
      scope: row.scope,
      tokenId: row.token_id,
      session: { id, expiresAtMs: row.expires_at_ms },
    };
  }

  async beginSession(
    principal: Principal,
  ): Promise<{ id: string; view: SessionView; maxAgeSeconds: number }> {
    const id = randomBytes(32).toString('base64url');
    const nowMs = Math.round(this.#nowMs());
    const expiresAtMs = nowMs + SESSION_MAX_MS;
    await this.#db.transaction().execute(async (tx) => {
      await tx.deleteFrom('sessions').where('expires_at_ms', '<=', nowMs).execute();
      await tx
        .insertInto('sessions')
        .values({
          sha256: sha256(id),
          scope: principal.scope,
          token_id: principal.tokenId,
          created_at_ms: nowMs,
          expires_at_ms: expiresAtMs,
        })
        .execute();
      const kept = await tx
        .selectFrom('sessions')
        .select('sha256')
        .orderBy('created_at_ms', 'desc')
        .limit(SESSIONS_MAX)
        .execute();
      if (kept.length === SESSIONS_MAX)
        await tx
          .deleteFrom('sessions')
          .where(
            'sha256',
            'not in',
            kept.map((row) => row.sha256),
          )
          .execute();
    });
    return {
      id,
      view: this.viewOf(principal.scope, { id, expiresAtMs }),
      maxAgeSeconds: SESSION_MAX_MS / 1_000,
    };
  }

  async endSession(id: string): Promise<void> {
    await this.#db.deleteFrom('sessions').where('sha256', '=', sha256(id)).execute();
  }

  viewOf(scope: Scope, session: { readonly id: string; readonly expiresAtMs: number }): SessionView {
    return {
      scope,
      csrfToken: this.#csrfToken(session.id),
      expiresAt: new Date(session.expiresAtMs).toISOString(),
    };
  }

  isCsrfToken(sessionId: string, token: string): boolean {
    return timingSafeEqual(hashed(this.#csrfToken(sessionId)), hashed(token));
  }

  #csrfToken(sessionId: string): string {
    return createHmac('sha256', sessionId).update('csrf').digest('base64url');
  }

  /** null: there are too many. The token itself is answered here and never again. */
  async createToken(request: TokenRequest): Promise<NewToken | null> {
    const { count } = await this.#db
      .selectFrom('tokens')
      .select((eb) => eb.fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow();
    if (count >= TOKENS_MAX) return null;
    const token = `mut_${randomBytes(32).toString('base64url')}`;
    const nowMs = Math.round(this.#nowMs());
    const row = {
      id: idFromRandomBytes('tok', randomBytes(26)),
      name: request.name.normalize('NFC'),
      scope: request.scope,
      sha256: sha256(token),
      created_at_ms: nowMs,
      expires_at_ms: request.days === undefined ? null : nowMs + request.days * 86_400_000,
      last_used_at_ms: null,
    };
    await this.#db.insertInto('tokens').values(row).execute();
    return { ...tokenView(row), token };
  }

  /** Oldest first. */
  async tokens(): Promise<TokenView[]> {
    const rows = await this.#db.selectFrom('tokens').selectAll().orderBy('created_at_ms').execute();
    return rows.map(tokenView);
  }

  /** Its sessions end with it. false: there is no such token. */
  async revokeToken(id: string): Promise<boolean> {
    return this.#db.transaction().execute(async (tx) => {
      await tx.deleteFrom('sessions').where('token_id', '=', id).execute();
      const { numDeletedRows } = await tx.deleteFrom('tokens').where('id', '=', id).executeTakeFirst();
      return numDeletedRows > 0n;
    });
  }

  static allows(principal: Principal, needed: Scope): boolean {
    return includesScope(principal.scope, needed);
  }
}

const iso = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString());
const tokenView = (row: Tables['tokens']): TokenView => ({
  id: row.id,
  name: row.name,
  scope: row.scope,
  createdAt: new Date(row.created_at_ms).toISOString(),
  expiresAt: iso(row.expires_at_ms),
  lastUsedAt: iso(row.last_used_at_ms),
});

const hashed = (text: string): Buffer => createHash('sha256').update(text).digest();
const sha256 = (text: string): string => hashed(text).toString('hex');
