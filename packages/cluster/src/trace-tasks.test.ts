import { describe, expect, it } from 'vitest';
import { longestTaskMs } from './trace-tasks.ts';

const thread = (pid: number, tid: number, name: string) => ({
  name: 'thread_name',
  ph: 'M',
  pid,
  tid,
  args: { name },
});
const task = (pid: number, tid: number, tdur: number) => ({
  name: 'ThreadControllerImpl::RunTask',
  ph: 'X',
  pid,
  tid,
  tdur,
});

describe('the longest task of a page', () => {
  it('is of its main thread, in processor time', () => {
    const traceEvents = [
      thread(1, 1, 'CrRendererMain'),
      thread(1, 2, 'DedicatedWorker thread'),
      task(1, 1, 11_000),
      task(1, 1, 4_000),
      task(1, 2, 900_000),
      { ...task(1, 1, 99_000), name: 'Layout' },
    ];
    expect(longestTaskMs(JSON.stringify({ traceEvents }))).toBe(11);
  });

  it('is never read from a trace in which there is none', () => {
    const traceEvents = [thread(1, 2, 'DedicatedWorker thread'), task(1, 2, 5)];
    expect(() => longestTaskMs(JSON.stringify({ traceEvents }))).toThrow('no task');
  });
});
