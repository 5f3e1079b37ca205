/**
 * CSV files as tables: UTF-8, plain or gzipped, a header, quotes as in RFC 4180. Read piece by piece; rows are numbered
 * from 1 for people, without the header. The delimiter is guessed from the header when it is not given.
 */
import Papa from 'papaparse';
import { fileBytes, utf8Bytes } from './byte-stream.ts';
import { shown } from './column-types.ts';
import { DatasetError } from './dataset-error.ts';
import type { Table } from './table.ts';

/** One row. A quote that is never closed makes one of the rest of the file. */
const ROW_MAX_CHARACTERS = 4 * 1024 * 1024;
/**
 * Parsed at once. Its cells are pieces of one text, and all that is alive when the young generation is cleared moves to
 * the old one, where it stays for long: with 256 KiB a file of 500 MB left 100 MB of such garbage.
 */
const SLICE_BYTES = 16 * 1024;
const DELIMITERS = [',', ';', '\t', '|'];

/** Reads the header. @throws DatasetError naming row or byte; so does reading the rows */
export async function csvTable(path: string, delimiter?: string): Promise<Table> {
  let header: readonly string[] | null = null;
  let chosen = delimiter ?? ',';
  for await (const text of texts(path)) {
    if (text.trim() === '') continue;
    if (delimiter === undefined) chosen = guessDelimiter(text);
    break;
  }
  for await (const rows of records(path, chosen)) {
    header = rows[0]!;
    break;
  }
  if (header === null) throw new DatasetError('file', 'is empty; expected a line of column names and rows');
  const columns = header;
  return {
    columns,
    place: (row) => `row ${row + 1}`,
    async *rows() {
      let isHeader = true;
      let row = 0;
      for await (const batch of records(path, chosen)) {
        const rows = isHeader ? batch.slice(1) : batch;
        isHeader = false;
        for (const cells of rows) {
          row += 1;
          if (cells.length !== columns.length)
            throw new DatasetError(
              'file',
              `row ${row} has ${cells.length} cells, the header ${columns.length}${cells.length > columns.length ? `; "${shown(cells[columns.length]!)}" has no column` : ''}`,
            );
        }
        yield rows;
      }
    },
  };
}

async function* texts(path: string): AsyncGenerator<string, void, void> {
  let isFirst = true;
  for await (const piece of utf8Bytes('file', slices(fileBytes('file', path)))) {
    const text = Buffer.from(piece.buffer, piece.byteOffset, piece.length).toString('utf8');
    yield isFirst && text.startsWith('\ufeff') ? text.slice(1) : text;
    isFirst = false;
  }
}

async function* slices(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  for await (const piece of pieces)
    for (let at = 0; at < piece.length; at += SLICE_BYTES) yield piece.subarray(at, at + SLICE_BYTES);
}

/** Batches of rows that are not empty, with the header, cells trimmed. */
async function* records(path: string, delimiter: string): AsyncGenerator<string[][], void, void> {
  let rest = '';
  let parser: Papa.Parser | null = null;
  let row = 0;
  const parsed = (input: string, isLast: boolean): string[][] => {
    if (parser === null) {
      // Which line end it is shows behind the first line only.
      if (!isLast && input.length <= ROW_MAX_CHARACTERS && !/\n|\r[^\n]/.test(input)) return [];
      // A carriage return before a newline is space at the end of the last cell.
      const newline = input.includes('\n') || !input.includes('\r') ? '\n' : '\r';
      parser = new Papa.Parser({ delimiter, newline } as Papa.ParseConfig);
    }
    const { data, errors, meta } = parser.parse(input, 0, !isLast) as Papa.ParseResult<string[]>;
    const rows: string[][] = [];
    for (const cells of data) {
      for (let i = 0; i < cells.length; i++) cells[i] = cells[i]!.trim();
      if (cells.length > 1 || cells[0] !== '') rows.push(cells);
    }
    const [fault] = errors;
    // Of the piece that is not the last one, the end is parsed again with what follows.
    if (fault !== undefined && (isLast || (fault.row ?? 0) < data.length))
      throw new DatasetError('file', `row ${Math.max(0, row + (fault.row ?? 0))}: ${fault.message}`);
    row += rows.length;
    rest = isLast ? '' : input.slice(meta.cursor);
    if (rest.length > ROW_MAX_CHARACTERS)
      throw new DatasetError(
        'file',
        `row ${row} is longer than ${ROW_MAX_CHARACTERS} characters; is a quote never closed?`,
      );
    return rows;
  };
  let open = 0;
  for await (const text of texts(path)) {
    rest += text;
    // A row that is longer than a slice is tried again when twice as much of it is here.
    if (rest.length < 2 * open) continue;
    const rows = parsed(rest, false);
    open = rest.length;
    if (rows.length > 0) yield rows;
  }
  if (rest !== '') {
    const rows = parsed(rest, true);
    if (rows.length > 0) yield rows;
  }
}

/** The one that stands most often in the header, outside quotes. */
function guessDelimiter(text: string): string {
  const [line = ''] = text
    .trimStart()
    .replace(/"[^"]*"/g, '')
    .split(/[\r\n]/, 1);
  const count = (delimiter: string) => line.split(delimiter).length;
  return DELIMITERS.reduce((best, next) => (count(next) > count(best) ? next : best));
}
