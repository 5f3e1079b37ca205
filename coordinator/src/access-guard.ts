/**
 * Nothing of the API answers without a login unless its route says so: every request to `/api/` passes here before its
 * body is read. A route says `config: { access }`; one that says nothing needs `read` for GET and `write` for the rest.
 */
import type { Scope, VolunteerId } from '@murmuration/protocol';
import { parse as parseCookies, serialize as serializeCookie } from 'cookie';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Access } from './access.ts';
import type { Principal } from './access.ts';
import { ApiError } from './api-error.ts';
import type { Secrets } from './secrets.ts';
import { AddressBuckets } from './token-bucket.ts';

/** Wrong tokens of one address: ten, then one in half a minute. */
const FAILURES_PER_ADDRESS = { perSecond: 1 / 30, burst: 10 };

declare module 'fastify' {
  interface FastifyContextConfig {
    /** 'public': nobody is asked; 'volunteer': a tab with its secret; else the scope that is needed. */
    access?: 'public' | 'volunteer' | Scope;
  }
  interface FastifyRequest {
    /** Set on routes with access 'volunteer'. */
    volunteerId: VolunteerId | null;
    /** Set on routes that need a scope. */
    principal: Principal | null;
  }
}

export class AccessGuard {
  readonly #access: Access;
  readonly #secrets: Secrets;
  readonly #nowMs: () => number;
  readonly #isHttps: boolean;
  readonly #failures = new AddressBuckets(FAILURES_PER_ADDRESS);

  constructor(parts: { access: Access; secrets: Secrets; nowMs: () => number; isHttps: boolean }) {
    this.#access = parts.access;
    this.#secrets = parts.secrets;
    this.#nowMs = parts.nowMs;
    this.#isHttps = parts.isHttps;
  }

  register(app: FastifyInstance): void {
    app.decorateRequest('volunteerId', null);
    app.decorateRequest('principal', null);
    app.addHook('onRequest', (request) => this.#admit(request));
  }

  async #admit(request: FastifyRequest): Promise<void> {
    const { url, config } = request.routeOptions;
    if (url === undefined || !url.startsWith('/api/')) return;
    const isReading = request.method === 'GET' || request.method === 'HEAD';
    const needed = config.access ?? (isReading ? 'read' : 'write');
    if (needed === 'public') return;
    if (needed === 'volunteer') return this.#admitVolunteer(request);
    const principal = await this.principalOf(request);
    if (principal === null)
      throw new ApiError(
        401,
        'unauthorised',
        'sign in, or send "authorization: Bearer <token>"',
        'authorization',
      );
    if (!Access.allows(principal, needed))
      throw new ApiError(
        403,
        'bad-scope',
        `this needs the scope "${needed}"; the token has "${principal.scope}"`,
        'authorization',
      );
    if (principal.session !== null && !isReading) this.#checkCsrf(request, principal.session.id);
    request.principal = principal;
  }

  #admitVolunteer(request: FastifyRequest): void {
    request.volunteerId = this.#secrets.volunteerOfBearer(bearer(request));
    if (request.volunteerId === null)
      throw new ApiError(
        401,
        'unauthorised',
        'send "authorization: Bearer <volunteerId>.<secret>"',
        'authorization',
      );
  }

  /** By token, else by cookie; null: neither is good. @throws ApiError for an address that guesses */
  async principalOf(request: FastifyRequest): Promise<Principal | null> {
    if (request.headers.authorization !== undefined) return this.principalOfToken(request, bearer(request));
    const id = parseCookies(request.headers.cookie ?? '')[this.#cookieName];
    return id === undefined || id.length > 100 ? null : this.#access.ofSession(id);
  }

  async principalOfToken(request: FastifyRequest, token: string): Promise<Principal | null> {
    if (!this.#failures.has(request.ip, this.#nowMs()))
      throw new ApiError(429, 'too-many-failures', 'too many wrong tokens; wait half a minute');
    const principal = token.length > 256 ? null : await this.#access.ofToken(token);
    if (principal === null) this.#failures.take(request.ip, this.#nowMs());
    return principal;
  }

  setCookie(reply: FastifyReply, sessionId: string, maxAgeSeconds: number): void {
    void reply.header(
      'set-cookie',
      serializeCookie(this.#cookieName, sessionId, {
        httpOnly: true,
        sameSite: 'strict',
        secure: this.#isHttps,
        path: '/',
        maxAge: maxAgeSeconds,
      }),
    );
  }

  /** With TLS the prefix makes browsers refuse a cookie that another subdomain set. */
  get #cookieName(): string {
    return this.#isHttps ? '__Host-murmuration' : 'murmuration';
  }

  #checkCsrf(request: FastifyRequest, sessionId: string): void {
    const token = request.headers['x-csrf-token'];
    if (typeof token === 'string' && this.#access.isCsrfToken(sessionId, token)) return;
    throw new ApiError(
      403,
      'bad-csrf',
      'send the csrfToken of GET /api/session as x-csrf-token',
      'x-csrf-token',
    );
  }
}

const bearer = (request: FastifyRequest): string =>
  /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
