/** Faults and fields of data in words for people. Pure. */
import type { Fault } from '@murmuration/protocol';
import type { FormField } from '../schema-fields.ts';
import { launch as text } from '../strings-launch.ts';

export const isMissing = ({ message }: Fault): boolean => message === 'is missing';

/** What a fault asks of whoever fills in the form. */
export const faultWords = ({ field, message }: Fault): string =>
  field === 'data.sharedWithVolunteers'
    ? text.missingConsent
    : isMissing({ field, message })
      ? (text.missing[field] ?? message)
      : message;

/** The kinds that a file may have. */
export function ofFiles(kind: FormField): FormField {
  const choices =
    kind.input.kind === 'choice'
      ? kind.input.choices.filter((choice) => choice !== 'digits' && choice !== 'stored')
      : [];
  return { ...kind, title: text.kindTitle, description: text.kindHint, input: { kind: 'choice', choices } };
}
