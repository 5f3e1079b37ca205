/**
 * Who asks for help, parsed by hand from GET /api/public/coordinator, as active-run.ts does and for the same reason. A
 * stranger reads it before trusting this page, so nothing but a mail or an https address becomes a link.
 */
export interface OperatorHere {
  readonly name: string;
  /** Null: the operator gave none. */
  readonly contact: { readonly text: string; readonly href: string } | null;
}

/** Null: the operator says nothing. @throws TypeError when the answer has another shape. */
export function operatorOf(answer: unknown): OperatorHere | null {
  const { operator } = (answer ?? {}) as { readonly operator?: unknown };
  if (operator === null) return null;
  const { name, contact } = (operator ?? {}) as { readonly name?: unknown; readonly contact?: unknown };
  if (typeof name !== 'string') throw new TypeError('operator.name: not a text');
  const href = typeof contact === 'string' ? hrefOf(contact) : null;
  return { name, contact: href === null ? null : { text: contact as string, href } };
}

function hrefOf(contact: string): string | null {
  if (contact.startsWith('https://')) return URL.canParse(contact) ? new URL(contact).href : null;
  return /^[^@:/\s]+@[^@:/\s]+$/.test(contact) ? `mailto:${contact}` : null;
}
