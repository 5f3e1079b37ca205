/**
 * The admin token: out of the link's fragment (which no server ever sees) or the sign-in field, kept for this tab only.
 * Reading is open; the token opens what changes something. A wrong one is noticed by the coordinator's first 401.
 */
import { signal } from '@preact/signals';

const KEY = 'murmuration-admin-token';

export type Session =
  | { readonly kind: 'signed-in'; readonly token: string }
  | { readonly kind: 'signed-out'; readonly why: 'new' | 'refused' | 'left' };

const kept = sessionStorage.getItem(KEY);
export const session = signal<Session>(
  kept === null ? { kind: 'signed-out', why: 'new' } : { kind: 'signed-in', token: kept },
);

export function signIn(token: string): void {
  sessionStorage.setItem(KEY, token);
  session.value = { kind: 'signed-in', token };
}

export function signOut(why: 'refused' | 'left'): void {
  sessionStorage.removeItem(KEY);
  session.value = { kind: 'signed-out', why };
}

/** Takes `#token=...` and removes it from the address bar and the history, now and whenever such a link is followed. */
export function adoptTokenFromAddress(): void {
  const adopt = () => {
    const token = new URLSearchParams(location.hash.slice(1)).get('token');
    if (token === null || token === '') return;
    signIn(token);
    history.replaceState(null, '', `${location.pathname}${location.search}#/`);
    // replaceState is silent; whoever reads the route must hear of it.
    dispatchEvent(new HashChangeEvent('hashchange'));
  };
  adopt();
  addEventListener('hashchange', adopt);
}
