/** The names of a table's columns, as the line of names of a file says: only its beginning is read. */
import Papa from 'papaparse';

const HEAD_BYTES = 64 * 1024;
const DELIMITERS = [',', ';', '\t', '|'];

/** Empty: it is no plain table, or its first line is longer than 64 KiB. */
export async function columnNames(file: File): Promise<readonly string[]> {
  if (!/\.(csv|tsv)$/i.test(file.name)) return [];
  const text = await file.slice(0, HEAD_BYTES).text();
  return text.includes('\n') ? namesIn(text) : [];
}

/** Pure. */
export function namesIn(text: string): readonly string[] {
  const plain = text.startsWith('\ufeff') ? text.slice(1) : text;
  // As the coordinator guesses: what cuts the line of names into the most cells.
  const heads = DELIMITERS.map(
    (delimiter) => Papa.parse<string[]>(plain, { preview: 1, delimiter }).data[0] ?? [],
  );
  const head = heads.reduce((most, other) => (other.length > most.length ? other : most));
  return head.map((name) => name.trim()).filter((name) => name !== '');
}
