/** Lists that are answered a page at a time, newest first. A cursor names a place, so what comes in meanwhile moves nothing. */
import type { PageQuery } from '@murmuration/protocol';
import { ApiError } from './api-error.ts';

const LIMIT_DEFAULT = 50;

interface Place {
  readonly atMs: number;
  readonly id: string;
}

/** @throws ApiError for a cursor that is none of ours */
export function pageOfList<T, V>(
  list: readonly T[],
  { limit, cursor }: PageQuery,
  { placeOf, viewOf }: { readonly placeOf: (item: T) => Place; readonly viewOf: (item: T) => V },
): { items: V[]; next: string | null } {
  const count = limit === undefined ? LIMIT_DEFAULT : Number(limit);
  const after = cursor === undefined ? null : placeOfCursor(cursor);
  const placed = list
    .map((item) => ({ item, place: placeOf(item) }))
    .filter(({ place }) => after === null || isNewer(after, place))
    .sort((a, b) => (isNewer(a.place, b.place) ? -1 : 1));
  const page = placed.slice(0, count);
  const last = page.at(-1);
  return {
    items: page.map(({ item }) => viewOf(item)),
    next: last === undefined || placed.length <= count ? null : cursorOf(last.place),
  };
}

const isNewer = (a: Place, b: Place): boolean => (a.atMs === b.atMs ? a.id > b.id : a.atMs > b.atMs);

const cursorOf = ({ atMs, id }: Place): string => Buffer.from(`${atMs}.${id}`).toString('base64url');

function placeOfCursor(cursor: string): Place {
  const match = /^(\d{1,16})\.(\w{1,60})$/.exec(Buffer.from(cursor, 'base64url').toString());
  if (match === null)
    throw new ApiError(400, 'bad-field', 'is no cursor that was answered as `next`', 'query.cursor');
  return { atMs: Number(match[1]), id: match[2]! };
}
