/** A failure in words, where it happened. */
import { ApiRefusal, UnknownShape } from '@murmuration/client';
import { strings } from '../strings.ts';

export function messageOf(reason: unknown): string {
  if (reason instanceof ApiRefusal) {
    const { code, field, message } = reason.body;
    if (code === 'unauthorised') return strings.notAllowed;
    return field === undefined ? message : `${field}: ${message}`;
  }
  if (reason instanceof UnknownShape) return strings.unknownShape(reason.place);
  // What fetch throws when nobody answers, or not in time.
  const isAway =
    reason instanceof TypeError || (reason instanceof DOMException && reason.name === 'TimeoutError');
  return isAway ? strings.unreachable : String(reason);
}

export const Trouble = ({ text }: { readonly text: string }) =>
  text === '' ? null : (
    <p class="trouble" role="alert">
      {text}
    </p>
  );
