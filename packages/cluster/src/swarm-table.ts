/** The rows of a benchmark's file as a Markdown table, put into a document that says the rest in prose. Pure. */
import { Sentence } from './places.ts';

/** The line after which the swarm's rows stand, and that of every benchmark of the whole. */
export const SWARM_START = '<!-- rows: npm run bench:swarm -- --table docs/swarm.md -->';
export const BENCH_START = '<!-- rows: npm run bench -->';
const END = '<!-- end of rows -->';

interface Subject {
  readonly seeds?: number;
  readonly isQuick?: boolean;
  readonly rows?: readonly { what: string; target: string; measured: string; isMet: boolean }[];
}

const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

export function swarmTable(subjects: Readonly<Record<string, unknown>>): string {
  const lines = ['| row | measured | target | |', '| --- | --- | --- | --- |'];
  for (const [name, subject] of Object.entries(subjects)) {
    const { seeds, isQuick, rows } = subject as Subject;
    const how = isQuick === true ? ', a quick look' : seeds === 1 ? ', 1 seed' : '';
    for (const { what, target, measured, isMet } of rows ?? [])
      lines.push(
        `| ${cell(what)} (\`${name}\`${how}) | ${cell(measured)} | ${cell(target)} | ${isMet ? 'met' : '**missed**'} |`,
      );
  }
  return lines.join('\n');
}

/** @throws Sentence when the document has no place for the table. */
export function withTable(document: string, table: string, mark = SWARM_START): string {
  const start = document.indexOf(mark);
  const end = document.indexOf(END, Math.max(0, start));
  if (start === -1 || end === -1)
    throw new Sentence(`The file needs the lines "${mark}" and "${END}" around its table.`);
  return `${document.slice(0, start + mark.length)}\n\n${table}\n\n${document.slice(end)}`;
}
