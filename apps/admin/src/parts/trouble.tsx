/** A failure in words, where it happened. */
import { ApiError } from '../api.ts';

export const messageOf = (reason: unknown): string =>
  reason instanceof ApiError
    ? reason.body.field === undefined
      ? reason.message
      : `${reason.body.field}: ${reason.message}`
    : String(reason);

export const Trouble = ({ text }: { readonly text: string }) =>
  text === '' ? null : (
    <p class="trouble" role="alert">
      {text}
    </p>
  );
