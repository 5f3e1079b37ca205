/** REST of receipts: a volunteer's own, and the public key that checks them. */
import { RECEIPT_KEY_PATH, SignedReceiptSchema } from '@murmuration/protocol';
import { ApiError } from './api-error.ts';
import type { Api, AppParts } from './app.ts';
import { described } from './openapi.ts';
import type { Receipts } from './receipts.ts';
import { ledgerOf, RunParams } from './routes-runs.ts';

export function routeReceipts(
  app: Api,
  parts: AppParts,
  { receipts, publicUrl }: { readonly receipts: Receipts; readonly publicUrl: string | null },
): void {
  app.get(
    RECEIPT_KEY_PATH,
    { config: { access: 'public' }, schema: { hide: true } },
    async (_request, reply) =>
      // Whoever holds a receipt may look, from any page.
      reply.header('access-control-allow-origin', '*').send(receipts.publicKey),
  );
  app.get(
    '/api/runs/:id/receipt',
    {
      config: { access: 'volunteer' },
      schema: {
        ...described({
          tag: 'volunteers',
          id: 'receipt',
          summary: `What the volunteer did for the run, signed; the key is at ${RECEIPT_KEY_PATH}.`,
          answers: { 200: SignedReceiptSchema },
          errors: ['bad-field', 'unauthorised', 'not-found', 'rate-limited'],
        }),
        params: RunParams,
      },
    },
    async (request, reply) => {
      const ledger = ledgerOf(parts, request.params.id);
      const signed = receipts.of(ledger, request.volunteerId!, {
        coordinator: publicUrl ?? '',
        nowMs: parts.nowMs(),
      });
      if (signed === null)
        throw new ApiError(404, 'not-found', 'this volunteer took no part in the run', 'id');
      return reply.header('cache-control', 'no-store').send(signed);
    },
  );
}
