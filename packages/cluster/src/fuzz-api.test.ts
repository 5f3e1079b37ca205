import { mulberry } from '@murmuration/codec';
import { describe, expect, it } from 'vitest';
import { fuzzApi } from './fuzz-api.ts';
import { hostileRequest } from './hostile-requests.ts';

describe('hostile requests', () => {
  it('follow the seed, reach every operation, and find things that are there', () => {
    const document = {
      paths: {
        '/api/runs/{id}': {
          get: {
            operationId: 'run',
            parameters: [
              { name: 'id', in: 'path', schema: { type: 'string', pattern: '^run_[0-9a-z]{26}$' } },
            ],
          },
        },
        '/api/runs': {
          post: {
            operationId: 'createRun',
            requestBody: { content: { 'application/json': { schema: { type: 'object', properties: {} } } } },
          },
        },
      },
    };
    const id = `run_${'a'.repeat(26)}`;
    const known = { run_: [id] };
    const drawn = (seed: number) => {
      const random = mulberry(seed);
      return Array.from({ length: 50 }, () => hostileRequest(document, known, random));
    };
    expect(drawn(1)).toEqual(drawn(1));
    expect(new Set(drawn(1).map(({ operationId }) => operationId))).toEqual(new Set(['run', 'createRun']));
    expect(drawn(1).some(({ url }) => url.startsWith(`/api/runs/${id}`))).toBe(true);
  });

  it('300 of them are refused or answered: nothing of 500 or more, no stack trace', async () => {
    const { outcomes, failures } = await fuzzApi({ seed: 1, runs: 300 });
    expect(failures).toEqual([]);
    // A fuzzer that only meets the door proves nothing.
    expect(outcomes['200']).toBeGreaterThan(20);
    expect(outcomes['400']).toBeGreaterThan(50);
  });
});
