/** The built pages as the coordinator serves them: the volunteer's, the researcher's, and the public one of a run. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';
import { ApiError } from './api-error.ts';

export async function servePages(app: FastifyInstance, pagesDirectory: string): Promise<void> {
  const pages = [
    { root: join(pagesDirectory, 'volunteer', 'dist'), prefix: '/' },
    { root: join(pagesDirectory, 'admin', 'dist'), prefix: '/admin/' },
  ];
  app.get('/admin', { schema: { hide: true } }, (_request, reply) => reply.redirect('/admin/'));
  // The public page of a run has an address of its own; it asks /api/public/runs/:id.
  app.get('/runs/:id', { schema: { hide: true } }, async (_request, reply) => {
    const page = await readFile(join(pagesDirectory, 'admin', 'dist', 'run.html')).catch(() => null);
    if (page === null)
      throw new ApiError(503, 'not-built', 'this page is not built; run "npm run build" and start again');
    return reply.type('text/html; charset=utf-8').header('cache-control', 'no-cache').send(page);
  });
  for (const { root, prefix } of pages) {
    if (!existsSync(root)) {
      app.get(prefix, { schema: { hide: true } }, async () => {
        throw new ApiError(503, 'not-built', 'this page is not built; run "npm run build" and start again');
      });
      continue;
    }
    await app.register(fastifyStatic, {
      root,
      prefix,
      decorateReply: false,
      schemaHide: true,
      cacheControl: false,
      // The launcher leaves a .gz beside each built file.
      preCompressed: true,
      setHeaders: (response, path) => {
        const isHashed = path.includes(`${join(root, 'assets')}`);
        response.setHeader('cache-control', isHashed ? 'public, max-age=31536000, immutable' : 'no-cache');
      },
    });
  }
}
