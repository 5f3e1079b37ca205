/** A refusal with its HTTP status: what is wrong, in which field, and what to do. Never a stack, path or SQL. */
import type { ErrorBody } from '@murmuration/protocol';

export class ApiError extends Error {
  readonly status: number;
  readonly body: ErrorBody;

  constructor(
    status: number,
    code: string,
    message: string,
    field?: string,
    more: Pick<ErrorBody, 'state' | 'faults'> = {},
  ) {
    super(message);
    this.status = status;
    this.body = {
      code,
      message: message.slice(0, 200),
      ...(field === undefined || field === '' ? {} : { field }),
      ...(more.state === undefined ? {} : { state: more.state }),
      ...(more.faults === undefined || more.faults.length < 2 ? {} : { faults: more.faults }),
    };
  }
}
