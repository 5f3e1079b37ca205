/** A failure in words, where it happened. */
import { ApiRefusal } from '../api.ts';

export const messageOf = (reason: unknown): string =>
  reason instanceof ApiRefusal
    ? reason.body.field === undefined
      ? reason.body.message
      : `${reason.body.field}: ${reason.body.message}`
    : String(reason);

export const Trouble = ({ text }: { readonly text: string }) =>
  text === '' ? null : (
    <p class="trouble" role="alert">
      {text}
    </p>
  );
