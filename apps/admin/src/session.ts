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

/** The coordinator, as this page asks it. A 401 ends the session, whatever was asked. */
export const api = new ApiClient({ url: '', csrfToken, onUnauthorised: sessionLost });

export const signIn = (token: string): Promise<void> => settle(api.signIn(token), 'refused');

export async function signOut(): Promise<void> {
  await api.signOut().catch(() => {});
  session.value = { kind: 'signed-out', why: 'left' };
}

/** The coordinator does not know the cookie any more. */
export function sessionLost(): void {
  // Signing in, refused, has words of its own.
  if (session.value.kind === 'signed-in') session.value = { kind: 'signed-out', why: 'refused' };
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
  if (!adopt()) void settle(api.session(), 'new');
  addEventListener('hashchange', adopt);
}
