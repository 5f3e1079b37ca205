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
  const { data } = Papa.parse<string[]>(plain, { preview: 1, delimitersToGuess: DELIMITERS });
  return (data[0] ?? []).map((name) => name.trim()).filter((name) => name !== '');
}
