/**
 * Tables as CSV (RFC 4180) that a spreadsheet may open: a text that would be read as a formula there is put in quotes with an
 * apostrophe before it, since names of runs come from people.
 */
export function csvText(head: readonly string[], rows: readonly (readonly unknown[])[]): string {
  return [head, ...rows]
    .map((row) => row.map(cell).join(','))
    .join('\r\n')
    .concat('\r\n');
}

function cell(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n']/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
