/**
 * Reads Parquet files in a thread of its own: a damaged file can keep its reader busy for ever or make it eat all memory,
 * and only a thread can be stopped. Plain JavaScript, because a thread of Node loads no TypeScript.
 */
import { parentPort } from 'node:worker_threads';
import { asyncBufferFromFile, parquetMetadataAsync, parquetRead, parquetSchema } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';

let file;
let metadata;

async function answer(question) {
  if (question.kind === 'open') {
    file = await asyncBufferFromFile(question.path);
    metadata = await parquetMetadataAsync(file);
    return {
      fileBytes: file.byteLength,
      columns: parquetSchema(metadata).children.map(({ element, children }) => ({
        name: element.name,
        isNested: children.length > 0 || element.repetition_type === 'REPEATED',
      })),
      groups: metadata.row_groups.map((group) => ({
        rows: Number(group.num_rows),
        bytes: Number(group.total_byte_size),
        columns: group.columns.map(({ meta_data: column }) => ({
          end: Number(column?.data_page_offset ?? 0) + Number(column?.total_compressed_size ?? 0),
          inflatedBytes: Number(column?.total_uncompressed_size ?? 0),
        })),
      })),
    };
  }
  const { columns, rowStart, rowEnd } = question;
  let rows = [];
  await parquetRead({
    file,
    metadata,
    compressors,
    columns,
    rowStart,
    rowEnd,
    onComplete: (read) => {
      rows = read;
    },
  });
  return rows.map((row) => columns.map((_, i) => textOf(row[i])));
}

/** As a CSV would hold it; null: neither number nor text. */
function textOf(value) {
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
      return value instanceof Date ? String(value.getTime() / 1_000) : null;
  }
}

parentPort.on('message', async (question) => {
  try {
    parentPort.postMessage({ answer: await answer(question) });
  } catch (error) {
    parentPort.postMessage({ fault: String(error?.message ?? error).slice(0, 100) });
  }
});
