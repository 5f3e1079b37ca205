/**
 * Whether this browser is signed in. The token comes out of the link's fragment (which no server ever sees) or the sign-in
 * field, is exchanged at once for a cookie that no script can read, and is then forgotten.
 */
import { ApiClient, ApiRefusal } from '@murmuration/client';
import type { SessionView } from '@murmuration/protocol';
import { signal } from '@preact/signals';

export type Session =
  | { readonly kind: 'checking' }
  | { readonly kind: 'signed-in'; readonly view: SessionView }
  | { readonly kind: 'signed-out'; readonly why: 'new' | 'refused' | 'left' | 'unreachable' };

export const session = signal<Session>({ kind: 'checking' });

export const csrfToken = (): string | null =>
  session.value.kind === 'signed-in' ? session.value.view.csrfToken : null;

const client = new ApiClient({ url: '', csrfToken });

export const signIn = (token: string): Promise<void> => settle(client.signIn(token), 'refused');

export async function signOut(): Promise<void> {
  await client.signOut().catch(() => {});
  session.value = { kind: 'signed-out', why: 'left' };
}

/** The coordinator does not know the cookie any more. */
export function sessionLost(): void {
  session.value = { kind: 'signed-out', why: 'refused' };
}

async function settle(asked: Promise<SessionView>, refused: 'new' | 'refused'): Promise<void> {
  try {
    session.value = { kind: 'signed-in', view: await asked };
  } catch (reason) {
    const why = reason instanceof ApiRefusal ? refused : 'unreachable';
    session.value = { kind: 'signed-out', why };
  }
}

/** Takes `#token=...` and removes it from the address bar and the history, now and whenever such a link is followed. */
export function adoptTokenFromAddress(): void {
  const adopt = (): boolean => {
    const token = new URLSearchParams(location.hash.slice(1)).get('token');
    if (token === null || token === '') return false;
    void signIn(token);
    history.replaceState(null, '', `${location.pathname}${location.search}#/`);
    // replaceState is silent; whoever reads the route must hear of it.
    dispatchEvent(new HashChangeEvent('hashchange'));
    return true;
  };
  if (!adopt()) void settle(client.session(), 'new');
  addEventListener('hashchange', adopt);
}
