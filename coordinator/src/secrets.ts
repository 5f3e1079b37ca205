/**
 * Who may do what: secrets of volunteers, signalling tokens, TURN credentials, the admin token.
 *
 * Volunteers' secrets are HMACs under one key that lives in the data directory, so nothing is stored per volunteer and
 * a restarted coordinator knows its volunteers again. The admin token is random; only its SHA-256 is stored.
 */
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { idFromRandomBytes, isVolunteerId } from '@murmuration/protocol';
import type { IceServer, VolunteerId } from '@murmuration/protocol';
import type { CoordinatorSettings } from './settings.ts';
import type { Store } from './store.ts';

/** A page that stays open longer reconnects and gets a new one. */
const SIGNAL_TOKEN_MAX_MS = 24 * 3_600_000;
/** A session longer than this cannot make new relayed links until it reconnects. The relay's quotas bound abuse. */
const TURN_CREDENTIAL_MAX_MS = 12 * 3_600_000;
export const ADMIN_TOKEN_MIN_CHARACTERS = 16;
const TOKEN_MAX_CHARACTERS = 256;

export class Secrets {
  readonly #key: Buffer;
  #adminTokenHash: Buffer;

  private constructor(key: Buffer, adminTokenHash: Buffer) {
    this.#key = key;
    this.#adminTokenHash = adminTokenHash;
  }

  /**
   * @param adminToken sets a new admin token; null: keep the stored one, or draw the first
   * @returns the admin token when it is known in clear: at the first start, or when it was given
   */
  static async load(
    store: Store,
    adminToken: string | null,
  ): Promise<{ secrets: Secrets; adminToken: string | null }> {
    let key = await store.setting('volunteer-key');
    if (key === null) {
      key = randomBytes(32).toString('hex');
      await store.setSetting('volunteer-key', key);
    }
    let hash = await store.setting('admin-token-sha256');
    let clear = adminToken;
    if (clear === null && hash === null) clear = `mur_${randomBytes(32).toString('base64url')}`;
    if (clear !== null) {
      const former = hash;
      hash = sha256(clear).toString('hex');
      // Whoever signed in with the old token knows a secret that was replaced.
      if (former !== hash) await store.db.deleteFrom('sessions').where('token_id', 'is', null).execute();
      await store.setSetting('admin-token-sha256', hash);
    }
    return { secrets: new Secrets(Buffer.from(key, 'hex'), Buffer.from(hash!, 'hex')), adminToken: clear };
  }

  isAdminToken(token: string): boolean {
    return token.length <= TOKEN_MAX_CHARACTERS && timingSafeEqual(sha256(token), this.#adminTokenHash);
  }

  drawVolunteerId(): VolunteerId {
    return idFromRandomBytes('vol', randomBytes(26));
  }

  /** Resumes the id after a reconnection and authorises its uploads. */
  volunteerSecret(volunteerId: VolunteerId): string {
    return this.#mac('volunteer', volunteerId);
  }

  isVolunteerSecret(volunteerId: VolunteerId, secret: string): boolean {
    return equalTexts(this.volunteerSecret(volunteerId), secret);
  }

  /** The volunteer of `authorization: Bearer <volunteerId>.<secret>`; null: forged. */
  volunteerOfBearer(bearer: string): VolunteerId | null {
    const dot = bearer.indexOf('.');
    const volunteerId = bearer.slice(0, dot);
    if (dot < 0 || bearer.length > TOKEN_MAX_CHARACTERS || !isVolunteerId(volunteerId)) return null;
    return this.isVolunteerSecret(volunteerId, bearer.slice(dot + 1)) ? volunteerId : null;
  }

  /** Opens /signal/peerjs for this id: `<expiry, seconds>.<HMAC>`. */
  signalToken(volunteerId: VolunteerId, nowMs: number): string {
    const expirySeconds = Math.floor((nowMs + SIGNAL_TOKEN_MAX_MS) / 1000);
    return `${expirySeconds}.${this.#mac('signal', `${volunteerId}|${expirySeconds}`)}`;
  }

  /** Expiry in seconds of a good token; null: forged, of another id, or expired. */
  signalTokenExpiry(volunteerId: VolunteerId, token: string, nowMs: number): number | null {
    const match = /^(\d{1,12})\.([A-Za-z0-9_-]{43})$/.exec(token);
    if (match === null) return null;
    const expirySeconds = Number(match[1]);
    if (!equalTexts(this.#mac('signal', `${volunteerId}|${expirySeconds}`), match[2]!)) return null;
    return nowMs < expirySeconds * 1000 ? expirySeconds : null;
  }

  #mac(purpose: string, text: string): string {
    return createHmac('sha256', this.#key).update(`${purpose}|${text}`).digest('base64url');
  }
}

/** A relay server with credentials that end (coturn's use-auth-secret), bound to an id. */
function turnServer(
  turn: { readonly url: string; readonly secret: string },
  volunteerId: VolunteerId,
  nowMs: number,
  lifetimeMs: number = TURN_CREDENTIAL_MAX_MS,
): IceServer {
  const username = `${Math.floor((nowMs + lifetimeMs) / 1000)}:${volunteerId}`;
  const credential = createHmac('sha1', turn.secret).update(username).digest('base64');
  return { urls: [turn.url], username, credential };
}

/** The servers by which browsers find ways to each other; the relay's credentials are bound to this id. */
export const iceServersFor = (
  { iceServers, turn }: Pick<CoordinatorSettings, 'iceServers' | 'turn'>,
  id: VolunteerId,
  nowMs: number,
  lifetimeMs?: number,
): IceServer[] => [...iceServers, ...(turn === null ? [] : [turnServer(turn, id, nowMs, lifetimeMs)])];

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();
/** Hashing first makes the lengths equal, so that nothing is learnt from the time it takes. */
const equalTexts = (a: string, b: string): boolean => timingSafeEqual(sha256(a), sha256(b));
