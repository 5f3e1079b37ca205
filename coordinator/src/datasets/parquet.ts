/**
 * Parquet files as tables, a row group at a time. Columns must be flat; values become the texts that a CSV would hold,
 * and are judged like those.
 */
import {
  asyncBufferFromFile,
  parquetMetadataAsync,
  parquetRead,
  parquetSchema,
  type FileMetaData,
} from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { shown } from './column-types.ts';
import { DatasetError } from './dataset-error.ts';
import type { Table } from './table.ts';

/** A row group is in memory as a whole while it is read. */
const GROUP_MAX_BYTES = 128 * 1024 * 1024;
const GROUP_ROWS_MAX = 1_048_576;
const ROWS_AT_ONCE = 1_024;

/** Reads the footer. @param leaveOut columns that need not be flat @throws DatasetError; so does reading the rows */
export async function parquetTable(path: string, leaveOut: readonly string[] = []): Promise<Table> {
  const file = await asyncBufferFromFile(path);
  const metadata = await guarded('the footer', () => parquetMetadataAsync(file));
  checkGroups(metadata, file.byteLength);
  const columns: string[] = [];
  const known = new Set(parquetSchema(metadata).children.map(({ element }) => element.name));
  for (const name of leaveOut)
    if (!known.has(name)) throw new DatasetError('leaveOut', `there is no column "${shown(name)}"`);
  for (const { element, children } of parquetSchema(metadata).children) {
    if (leaveOut.includes(element.name)) continue;
    if (children.length > 0 || element.repetition_type === 'REPEATED')
      throw new DatasetError('file', `column "${shown(element.name)}" is nested; name it in leaveOut`);
    columns.push(element.name);
  }
  return {
    columns,
    place: (row) => `row ${row + 1}`,
    async *rows() {
      let start = 0;
      for (const [index, group] of metadata.row_groups.entries()) {
        const end = start + Number(group.num_rows);
        const cells = await guarded(`row group ${index}`, () =>
          readRows(path, metadata, columns, start, end),
        );
        if (cells.length !== end - start)
          throw new DatasetError(
            'file',
            `row group ${index} has ${cells.length} rows, its footer says ${end - start}`,
          );
        for (let from = 0; from < cells.length; from += ROWS_AT_ONCE)
          yield cells
            .slice(from, from + ROWS_AT_ONCE)
            .map((row, i) => columns.map((column, k) => textOf(row[k], column, start + from + i)));
        start = end;
      }
    },
  };
}

function checkGroups(metadata: FileMetaData, fileBytes: number): void {
  for (const [index, group] of metadata.row_groups.entries()) {
    const rows = Number(group.num_rows);
    const bytes = Number(group.total_byte_size);
    if (!(rows >= 0 && rows <= GROUP_ROWS_MAX) || !(bytes >= 0 && bytes <= GROUP_MAX_BYTES))
      throw new DatasetError(
        'file',
        `row group ${index} has ${rows} rows and ${bytes} bytes; write groups of at most ${GROUP_ROWS_MAX} rows and ${GROUP_MAX_BYTES} bytes`,
      );
    for (const { meta_data: column } of group.columns) {
      const end = Number(column?.data_page_offset ?? 0) + Number(column?.total_compressed_size ?? 0);
      const inflated = Number(column?.total_uncompressed_size ?? 0);
      if (!(end >= 0 && end <= fileBytes) || !(inflated >= 0 && inflated <= GROUP_MAX_BYTES))
        throw new DatasetError(
          'file',
          `a column of row group ${index} lies outside the file or is too large`,
        );
    }
  }
}

async function readRows(
  path: string,
  metadata: FileMetaData,
  columns: readonly string[],
  rowStart: number,
  rowEnd: number,
): Promise<unknown[][]> {
  const file = await asyncBufferFromFile(path);
  let rows: unknown[][] = [];
  await parquetRead({
    file,
    metadata,
    compressors,
    columns: [...columns],
    rowStart,
    rowEnd,
    onComplete: (read) => {
      rows = read as unknown as unknown[][];
    },
  });
  return rows;
}

/** A reader's exception says that the file is damaged: nothing else can go wrong in it. */
async function guarded<T>(place: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code?.startsWith('E') === true) throw error;
    throw new DatasetError(
      'file',
      `${place} cannot be read: ${String((error as Error).message).slice(0, 100)}`,
    );
  }
}

function textOf(value: unknown, column: string, row: number): string {
  switch (typeof value) {
    case 'undefined':
      return '';
    case 'string':
      return value.trim();
    case 'number':
      return Number.isNaN(value) ? '' : String(value);
    case 'bigint':
    case 'boolean':
      return String(value);
    default:
      if (value === null) return '';
      if (value instanceof Date) return String(value.getTime() / 1_000);
      throw new DatasetError(
        'file',
        `column "${shown(column)}", row ${row + 1}: neither number nor text; name the column in leaveOut`,
      );
  }
}
