/** REST of access: who one is (a session in a browser, or a token in a program) and what that allows. */
import Type, { type Static } from 'typebox';
import { LIMITS } from './limits.ts';

/** Each includes those before it: read what there is; create and steer; tokens and alerts. */
export const SCOPES = ['read', 'write', 'admin'] as const;
export const ScopeSchema = Type.Enum(SCOPES);
export type Scope = (typeof SCOPES)[number];
/** `held` allows everything that needs `needed`. */
export const includesScope = (held: Scope, needed: Scope): boolean =>
  SCOPES.indexOf(held) >= SCOPES.indexOf(needed);

/** POST /api/session: the first-run token, or any API token; answered with a cookie. */
export const SignInSchema = Type.Object(
  { token: Type.String({ minLength: 1, maxLength: 256 }) },
  { additionalProperties: false },
);
/** GET /api/session: `csrfToken` goes with every request that changes something, as `x-csrf-token`. */
export const SessionSchema = Type.Object({
  scope: ScopeSchema,
  csrfToken: Type.String(),
  /** ISO 8601. */
  expiresAt: Type.String(),
});
export type SessionView = Static<typeof SessionSchema>;

export const TokenIdSchema = Type.String({ pattern: '^tok_[0-9a-z]{26}$' });
const TokenName = Type.String({
  minLength: 1,
  maxLength: LIMITS.nameMaxCharacters,
  pattern: '^[\\p{L}\\p{N}][\\p{L}\\p{N} ._-]*$',
});
export const TokenRequestSchema = Type.Object(
  {
    name: TokenName,
    scope: ScopeSchema,
    /** Days until it ends; left out: until it is taken back. */
    days: Type.Optional(Type.Integer({ minimum: 1, maximum: 3_650 })),
  },
  { additionalProperties: false },
);
export type TokenRequest = Static<typeof TokenRequestSchema>;
export const TokenViewSchema = Type.Object({
  id: TokenIdSchema,
  name: Type.String(),
  scope: ScopeSchema,
  createdAt: Type.String(),
  expiresAt: Type.Union([Type.String(), Type.Null()]),
  lastUsedAt: Type.Union([Type.String(), Type.Null()]),
});
export type TokenView = Static<typeof TokenViewSchema>;
/** The only answer that ever holds the token itself; the coordinator keeps its SHA-256. */
export const NewTokenSchema = Type.Object({ ...TokenViewSchema.properties, token: Type.String() });
export type NewToken = Static<typeof NewTokenSchema>;
export const TokenListSchema = Type.Array(TokenViewSchema);
