/** REST of sessions and tokens. */
import {
  NewTokenSchema,
  SessionSchema,
  SignInSchema,
  TokenIdSchema,
  TokenListSchema,
  TokenRequestSchema,
} from '@murmuration/protocol';
import Type from 'typebox';
import { ApiError } from './api-error.ts';
import type { Api, AppParts } from './app.ts';
import { described } from './openapi.ts';

export function routeAccess(app: Api, { access, guard }: AppParts): void {
  app.post(
    '/api/session',
    {
      config: { access: 'public' },
      schema: {
        ...described({
          tag: 'access',
          id: 'signIn',
          summary: 'Signs a browser in: a token becomes an httpOnly, SameSite=Strict cookie.',
          answers: { 200: SessionSchema },
          errors: ['bad-field', 'unauthorised', 'rate-limited'],
        }),
        body: SignInSchema,
      },
    },
    async (request, reply) => {
      const principal = await guard.principalOfToken(request, request.body.token);
      if (principal === null)
        throw new ApiError(401, 'unauthorised', 'this token is not known here', 'token');
      const { id, view, maxAgeSeconds } = await access.beginSession(principal);
      guard.setCookie(reply, id, maxAgeSeconds);
      return reply.header('cache-control', 'no-store').send(view);
    },
  );

  app.get(
    '/api/session',
    {
      schema: described({
        tag: 'access',
        id: 'session',
        summary: 'Who one is, and the token that requests must carry which change something.',
        answers: { 200: SessionSchema },
      }),
    },
    (request, reply) => {
      const { scope, session } = request.principal!;
      void reply.header('cache-control', 'no-store');
      if (session === null)
        throw new ApiError(404, 'not-found', 'this request came with a token, not with a session');
      return reply.send(access.viewOf(scope, session));
    },
  );

  app.delete(
    '/api/session',
    {
      config: { access: 'read' },
      schema: described({
        tag: 'access',
        id: 'signOut',
        summary: 'Ends the session.',
        answers: { 204: null },
        errors: ['bad-csrf'],
      }),
    },
    async (request, reply) => {
      const { session } = request.principal!;
      if (session !== null) await access.endSession(session.id);
      guard.setCookie(reply, '', 0);
      return reply.status(204).send();
    },
  );

  app.post(
    '/api/tokens',
    {
      config: { access: 'admin' },
      schema: {
        ...described({
          tag: 'access',
          id: 'createToken',
          summary: 'Makes an API token. It is shown here once; only its hash is kept.',
          answers: { 201: NewTokenSchema },
          errors: ['bad-field', 'full'],
        }),
        body: TokenRequestSchema,
      },
    },
    async (request, reply) => {
      const made = await access.createToken(request.body);
      if (made === null) throw new ApiError(409, 'full', 'there are too many tokens; take some back first');
      return reply.status(201).header('cache-control', 'no-store').send(made);
    },
  );

  app.get(
    '/api/tokens',
    {
      config: { access: 'admin' },
      schema: described({
        tag: 'access',
        id: 'tokens',
        summary: 'All API tokens, without their secrets.',
        answers: { 200: TokenListSchema },
      }),
    },
    () => access.tokens(),
  );

  app.delete(
    '/api/tokens/:id',
    {
      config: { access: 'admin' },
      schema: {
        ...described({
          tag: 'access',
          id: 'revokeToken',
          summary: 'Takes a token back; sessions that began with it end.',
          answers: { 204: null },
          errors: ['bad-field', 'not-found'],
        }),
        params: Type.Object({ id: TokenIdSchema }),
      },
    },
    async (request, reply) => {
      if (!(await access.revokeToken(request.params.id)))
        throw new ApiError(404, 'not-found', 'no such token');
      return reply.status(204).send();
    },
  );
}
