import { CODECS, FAN_OUT_REJECTIONS } from '@murmuration/protocol';
import { beforeAll, describe, expect, it } from 'vitest';
import { fuzzFrames, type FuzzReport } from './fuzz-frames.ts';

const RUNS = 100_000;

describe(`[P1] [P2] [P3] [P4] [T6] ${RUNS} frames of hostile bytes`, () => {
  let report: FuzzReport;
  beforeAll(() => {
    report = fuzzFrames({ seed: 1, from: 0, runs: RUNS });
  }, 600_000);

  it('nothing throws, everything accepted has one encoding and decodes to finite numbers within the limits', () => {
    expect(report.failures).toEqual([]);
    expect(report.runs).toBe(RUNS);
  });

  it('every layer was reached: each refusal by its name, and each kind and codec accepted', () => {
    const named = [
      ...['too-short', 'bad-magic', 'bad-version', 'bad-kind', 'bad-length', 'bad-checksum', 'bad-payload'],
      ...['too-large', 'hello', 'update', 'commit', 'pull', 'state-request', 'state', 'heartbeat', 'bye'],
      ...['take-over', 'yield', 'state-denied', 'refusal'],
    ].map((outcome) => `frame:${outcome}`);
    const updates = [
      ...['too-short', 'bad-scheme', 'bad-header', 'wrong-count', 'wrong-length', 'not-finite', 'bad-scale'],
      'bad-code',
    ].map((outcome) => `update:update-${outcome}`);
    const others = [
      ...CODECS.map((codec) => `accepted:${codec}`),
      ...['chunk:accepted', 'chunk:chunk-wrong-length', 'chunk:chunk-not-finite', 'slice:accepted'],
      ...[
        'fragment:whole',
        'fragment:unfinished',
        'fragment:frame-too-large',
        'fragment:fragment-out-of-range',
      ],
      ...['fragment:fragment-inconsistent', 'fragment:too-many-transfers'],
      ...['relay:data', 'relay:not-an-envelope', 'relay:fan-out'],
      // A frame of this corpus is no longer than a bulk message.
      ...FAN_OUT_REJECTIONS.filter((name) => name !== 'fan-out-too-large').map((name) => `relay:${name}`),
    ];
    expect(
      [...named, ...updates, ...others].filter((outcome) => report.outcomes[outcome] === undefined),
    ).toEqual([]);
  });

  it('a run can be run again alone', () => {
    const part = fuzzFrames({ seed: 1, from: 500, runs: 50 });
    expect(fuzzFrames({ seed: 1, from: 500, runs: 50 })).toEqual(part);
    expect(fuzzFrames({ seed: 2, from: 500, runs: 50 }).outcomes).not.toEqual(part.outcomes);
  });
});
